//! Views of a [`Dataset`] as plain data for a viewer: an overview, and pages of results.
//!
//! These are wire types: they serialize to JSON with camelCase keys. Masks travel beside the JSON, as
//! one list of run boundaries for a whole page of results.

use serde::Serialize;

use super::dataset::Dataset;
use super::frame::{ImageFrame, MaskFrame};
use super::query::{Query, QueryMatches};
use crate::dataset::audit::{Finding, Tally};
use crate::dataset::record::{Annotation, CUT_MESSAGE, Category, ImageRecord, Label};
use crate::geometry::{Orientation, Rect, Size};
use crate::rle::{self, Mask};

/// Maximum number of images in one page of results.
const MAX_IMAGES: usize = 500;
/// Maximum number of run boundaries in one page of results, 64 MiB.
const MAX_BOUNDARIES: usize = 1 << 24;
/// Maximum bytes of strings, boxes and field names in one page of results, so that no file can stall
/// the viewer.
const MAX_RECORD_BYTES: usize = 4 << 20;
/// Maximum number of splits in an overview.
const MAX_SPLITS: usize = 100;
/// Estimated bytes of an annotation's JSON besides its strings and lists: field names and numbers.
const FIXED_RECORD_BYTES: usize = 256;

/// Counts of a whole file.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Overview {
    bytes: u64,
    images: usize,
    categories: usize,
    annotations: usize,
    /// The most frequent splits, sorted by name.
    splits: Vec<SplitCount>,
    findings: Vec<FindingCount>,
}

#[derive(Debug, Serialize)]
struct SplitCount {
    name: String,
    annotations: u64,
}

#[derive(Debug, Serialize)]
struct FindingCount {
    code: &'static str,
    #[serde(flatten)]
    tally: Tally,
}

/// A category with the number of its annotations.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CategoryCount {
    id: String,
    name: String,
    annotations: usize,
}

/// An image whose file was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenedImage {
    /// Its size and orientation.
    pub frame: ImageFrame,
    /// Whether masks of which sizes do not tell the frame are turned as the image is for display.
    pub is_turned: bool,
}

/// Some of the images that match a query, and the run boundaries of all their masks.
#[derive(Debug, Default)]
pub struct ResultPage {
    /// The images in the order of the query.
    pub images: Vec<ImageResult>,
    /// The run boundaries of all masks, one mask after the other; each annotation has its range.
    pub boundaries: Vec<u32>,
}

/// An image with its matching annotations.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageResult {
    /// Tells the image from others of the same id, see [`Dataset::key_of`].
    key: String,
    id: String,
    file: Option<String>,
    url: Option<String>,
    /// Height and width, as COCO orders them.
    size: Option<[u32; 2]>,
    /// The frame on which the masks lie, where the image is turned for display: unknown where a mask's is not
    /// told by sizes.
    #[serde(skip_serializing_if = "Option::is_none")]
    mask_frame: Option<MaskFrame>,
    findings: Vec<FindingMessage>,
    annotations: Vec<AnnotationResult>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AnnotationResult {
    id: String,
    /// The category's id.
    qid: String,
    /// The category's name; its id if the file does not list it.
    title: String,
    description: Option<String>,
    thumbnail: Option<String>,
    text_prompt: Option<String>,
    question: Option<String>,
    labels: Vec<Label>,
    split: Option<String>,
    seen: Option<bool>,
    is_crowd: bool,
    /// Whether a part of the mask is left out.
    is_cut: bool,
    /// x1, y1, x2, y2 in image space.
    boxes: Vec<[f64; 4]>,
    /// Number of pixels of the mask.
    area: u64,
    /// Height and width of the mask.
    size: [u32; 2],
    /// The range of the mask in [`ResultPage::boundaries`]: start, end.
    boundaries: [usize; 2],
    findings: Vec<FindingMessage>,
}

#[derive(Debug, Serialize)]
struct FindingMessage {
    code: &'static str,
    message: String,
}

impl OpenedImage {
    /// Returns an image of this size that is displayed as stored.
    pub fn of_size(displayed: Size) -> Self {
        Self { frame: ImageFrame { displayed, orientation: Orientation::Stored }, is_turned: false }
    }
}

impl Dataset {
    /// Counts the whole file, with at most `max_examples` examples of each finding code.
    pub fn overview(&self, max_examples: usize) -> Overview {
        let mut splits: Vec<_> = self.split_counts().into_iter().collect();
        splits.sort_by_key(|&(_, annotations)| std::cmp::Reverse(annotations));
        splits.truncate(MAX_SPLITS);
        splits.sort_unstable();
        let findings = self.findings_by_code(max_examples).into_iter();
        Overview {
            bytes: self.progress().bytes,
            images: self.images().len(),
            categories: self.categories().len(),
            annotations: self.annotations().len(),
            splits: splits
                .into_iter()
                .map(|(name, annotations)| SplitCount { name: name.to_owned(), annotations })
                .collect(),
            findings: findings.map(|(code, tally)| FindingCount { code, tally }).collect(),
        }
    }

    /// Returns at most `limit` categories whose id or name contains `text`, ignoring case; the most
    /// frequent first.
    pub fn frequent_categories(&self, text: &str, limit: usize) -> Vec<CategoryCount> {
        let text = text.trim().to_lowercase();
        let counts =
            (0..self.categories().len()).map(|at| (self.annotations_of_category(at as u32).len(), at));
        let mut found: Vec<_> = counts
            .filter(|&(_, at)| {
                let category = &self.categories()[at];
                category.id.to_lowercase().contains(&text) || category.name.to_lowercase().contains(&text)
            })
            .collect();
        found.sort_by_key(|&(annotations, at)| (std::cmp::Reverse(annotations), at));
        let count = |(annotations, at): (usize, usize)| {
            let category = &self.categories()[at];
            CategoryCount { id: category.id.clone(), name: category.name.clone(), annotations }
        };
        found.into_iter().take(limit).map(count).collect()
    }

    /// Returns at most `count` of the matching images from position `start` on, with their matching
    /// annotations.
    pub fn result_page(
        &self,
        query: &Query,
        matches: &QueryMatches,
        start: usize,
        count: usize,
    ) -> Result<ResultPage, rle::Error> {
        let images = matches.images.iter().skip(start).take(count.min(MAX_IMAGES));
        self.page_of(images.copied(), query, None)
    }

    /// Returns the page of some images, whose masks are drawn on an opened image.
    fn page_of(
        &self,
        indices: impl Iterator<Item = u32>,
        query: &Query,
        opened: Option<OpenedImage>,
    ) -> Result<ResultPage, rle::Error> {
        let mut page = ResultPage::default();
        let mut record_bytes = 0;
        for index in indices {
            let ImageRecord { id, file, size, url, findings } = self.images()[index as usize].clone();
            let mut findings: Vec<_> = findings.iter().map(finding_message).collect();
            let key = self.key_of(index);
            let matching = self.matches_of_image(index, query);
            let mut annotations = Vec::with_capacity(matching.len());
            let told = opened.map(|opened| opened.frame.of_masks(self, index, MaskFrame::Unknown));
            let mut frames = Vec::new();
            for (at, annotation) in matching.iter().enumerate() {
                let told =
                    opened.zip(told).map(|(opened, told)| opened.frame.of_mask_among(annotation, told));
                frames.extend(told);
                let is_turned = opened.filter(|opened| match told {
                    Some(MaskFrame::Unknown) => opened.is_turned,
                    told => told == Some(MaskFrame::Stored),
                });
                let turned = is_turned.map(|opened| opened.frame);
                let mask = shown_mask(annotation, size, opened.map(|opened| opened.frame), turned)?;
                // Each annotation repeats the strings of its category.
                let of_category = self.category_of(annotation).map_or(0, Category::text_bytes);
                record_bytes += FIXED_RECORD_BYTES + of_category + annotation.record_bytes();
                let boundaries = page.boundaries.len() + mask.boundaries().len();
                if record_bytes > MAX_RECORD_BYTES || boundaries > MAX_BOUNDARIES {
                    let left_out = matching.len() - at;
                    let message = format!("{left_out} annotations are not shown: too many for one page");
                    findings.push(FindingMessage { code: "limit", message });
                    break;
                }
                let result = self.annotation_result(annotation, &mask, turned, page.boundaries.len());
                annotations.push(result);
                page.boundaries.extend_from_slice(mask.boundaries());
            }
            let size = size.map(|size| [size.height, size.width]);
            let is_turned = opened.is_some_and(|opened| opened.frame.orientation != Orientation::Stored);
            let mask_frame = is_turned.then(|| frame_of_all(&frames));
            page.images.push(ImageResult { key, id, file, url, size, mask_frame, findings, annotations });
        }
        Ok(page)
    }

    /// Returns one image, by its index, with all its annotations; an empty page if there is no such
    /// image.
    pub fn result_page_of_image(&self, index: u32) -> Result<ResultPage, rle::Error> {
        self.page_of(self.images().get(index as usize).map(|_| index).into_iter(), &Query::default(), None)
    }

    /// Does the same for an opened image: masks drawn from polygons are drawn on its size, whatever size the
    /// file lists, and masks of the image as stored are turned as it is for display.
    pub fn result_page_of_opened(&self, index: u32, opened: OpenedImage) -> Result<ResultPage, rle::Error> {
        let images = self.images().get(index as usize).map(|_| index).into_iter();
        self.page_of(images, &Query::default(), Some(opened))
    }

    /// Describes an annotation whose run boundaries begin at `from`.
    fn annotation_result(
        &self,
        annotation: &Annotation,
        mask: &Mask,
        turned: Option<ImageFrame>,
        from: usize,
    ) -> AnnotationResult {
        let displayed =
            |rect: Rect| turned.map_or(rect, |frame| frame.orientation.of_rect(rect, frame.stored()));
        let boxes = annotation.boxes.iter().map(|&rect| displayed(rect));
        let category = self.category_of(annotation);
        let split = annotation.split.as_ref();
        AnnotationResult {
            id: annotation.id.clone(),
            qid: annotation.category.clone(),
            title: category.map_or(&annotation.category, |category| &category.name).clone(),
            description: category.and_then(|category| category.description.clone()),
            thumbnail: category.and_then(|category| category.thumbnail.clone()),
            text_prompt: annotation.text_prompt.clone(),
            question: annotation.question.clone(),
            labels: annotation.labels.clone(),
            split: split.map(|split| split.raw.clone()),
            seen: split.and_then(|split| split.seen),
            is_crowd: annotation.is_crowd,
            is_cut: annotation.is_cut,
            boxes: boxes.map(|rect| [rect.x1, rect.y1, rect.x2, rect.y2]).collect(),
            area: annotation.mask_area,
            size: [mask.size().height, mask.size().width],
            boundaries: [from, from + mask.boundaries().len()],
            findings: cut_message(annotation)
                .into_iter()
                .chain(annotation.findings.iter().map(finding_message))
                .collect(),
        }
    }
}

/// Returns the message of a mask of which a part is left out.
fn cut_message(annotation: &Annotation) -> Option<FindingMessage> {
    annotation.is_cut.then(|| FindingMessage { code: "cut-mask", message: CUT_MESSAGE.to_owned() })
}

/// Returns the frame on which all masks lie; unknown where that of one is.
fn frame_of_all(frames: &[MaskFrame]) -> MaskFrame {
    let of = [MaskFrame::Unknown, MaskFrame::Stored].into_iter().find(|frame| frames.contains(frame));
    of.unwrap_or(MaskFrame::Displayed)
}

/// Returns the mask to show: as read, except that one from polygons is drawn on the opened image, or cut at
/// the listed one where it extends beyond, and that it is turned as the image is for display where `turned`.
fn shown_mask(
    annotation: &Annotation,
    listed: Option<Size>,
    opened: Option<ImageFrame>,
    turned: Option<ImageFrame>,
) -> Result<Mask, rle::Error> {
    if let Some(frame) = turned
        && let Some(mask) = annotation.mask_in(frame.stored())?
    {
        return mask.oriented(frame.orientation);
    }
    let opened = opened.map(|frame| frame.displayed);
    let holds = |size: Size, other: Size| size.width >= other.width && size.height >= other.height;
    let listed = listed.filter(|&listed| listed.pixels() > 0 && holds(annotation.mask_size, listed));
    match opened.or(listed).filter(|_| annotation.is_drawn) {
        Some(size) => annotation.mask_in(size).and_then(|mask| mask.map_or_else(|| annotation.mask(), Ok)),
        None => annotation.mask(),
    }
}

fn finding_message(finding: &Finding) -> FindingMessage {
    FindingMessage { code: finding.code(), message: finding.to_string() }
}
