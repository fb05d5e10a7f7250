//! What a viewer gets of a [`Dataset`]: an overview, and pages of images with their annotations, as
//! plain data.
//!
//! These are wire types: their JSON is camel-cased and read by the page. Runs travel beside the
//! JSON, as one list of boundaries for a whole page.

use serde::Serialize;

use super::dataset::Dataset;
use super::query::{Query, QueryMatches};
use crate::dataset::audit::{Finding, Tally};
use crate::dataset::record::{Annotation, Category, ImageRecord, Label};
use crate::rle::{self, Mask};

/// The most images of one page.
const MAX_IMAGES: usize = 500;
/// The most run boundaries of one page, 64 MiB.
const MAX_BOUNDARIES: usize = 1 << 24;
/// The most bytes of texts, boxes and names of fields of one page, so that no file can make the
/// page that receives it stall.
const MAX_RECORD_BYTES: usize = 4 << 20;
/// The most splits of an overview.
const MAX_SPLITS: usize = 100;
/// What an annotation's JSON takes beside its texts and lists: the names of its fields, and its numbers.
const FIXED_RECORD_BYTES: usize = 256;

/// What a file holds, to show above its pages.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Overview {
    bytes: u64,
    images: usize,
    categories: usize,
    annotations: usize,
    /// The most frequent, by their names.
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

/// A category and how many annotations show it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CategoryCount {
    id: String,
    name: String,
    annotations: usize,
}

/// A page of images, and the run boundaries of all its masks.
#[derive(Debug, Default)]
pub struct ResultPage {
    /// The images in the order of the selection.
    pub images: Vec<ImageResult>,
    /// Run boundaries of one mask after the other; each annotation tells which are its own.
    pub boundaries: Vec<u32>,
}

/// An image of a page.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageResult {
    id: String,
    file: Option<String>,
    url: Option<String>,
    /// Height and width, as COCO orders them.
    size: Option<[u32; 2]>,
    findings: Vec<FindingMessage>,
    annotations: Vec<AnnotationResult>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AnnotationResult {
    id: String,
    /// The id of the category.
    qid: String,
    /// The name of the category; its id where it has none.
    title: String,
    description: Option<String>,
    thumbnail: Option<String>,
    text_prompt: Option<String>,
    question: Option<String>,
    labels: Vec<LabelResult>,
    split: Option<String>,
    seen: Option<bool>,
    is_crowd: bool,
    /// x1, y1, x2, y2 in image space.
    boxes: Vec<[f64; 4]>,
    /// Pixels of the mask.
    area: u64,
    /// Height and width of the mask.
    size: [u32; 2],
    /// Which of the page's boundaries are the mask's: from, to.
    boundaries: [usize; 2],
    findings: Vec<FindingMessage>,
}

#[derive(Debug, Serialize)]
struct LabelResult {
    text: String,
    score: Option<f32>,
}

#[derive(Debug, Serialize)]
struct FindingMessage {
    code: &'static str,
    message: String,
}

impl Dataset {
    /// The overview, with this many examples of each sort of finding.
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

    /// The categories whose id or name holds a text, whatever its case; the most frequent first.
    pub fn frequent_categories(&self, text: &str, most: usize) -> Vec<CategoryCount> {
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
        found.into_iter().take(most).map(count).collect()
    }

    /// Part of what a query selected: the images from `start` on, with the annotations that the
    /// query chooses.
    pub fn result_page(
        &self,
        query: &Query,
        selection: &QueryMatches,
        start: usize,
        count: usize,
    ) -> Result<ResultPage, rle::Error> {
        let mut page = ResultPage::default();
        let mut record_bytes = 0;
        for &index in selection.images.iter().skip(start).take(count.min(MAX_IMAGES)) {
            let ImageRecord { id, file, size, url, findings } = self.images()[index as usize].clone();
            let mut findings: Vec<_> = findings.iter().map(finding_message).collect();
            let chosen = self.chosen_of_image(index, query);
            let mut annotations = Vec::with_capacity(chosen.len());
            for (at, annotation) in chosen.iter().enumerate() {
                let mask = annotation.mask()?;
                // Each annotation brings its category's texts along, which a file states once.
                let of_category = self.category_of(annotation).map_or(0, Category::text_bytes);
                record_bytes += FIXED_RECORD_BYTES + of_category + annotation.record_bytes();
                let boundaries = page.boundaries.len() + mask.boundaries().len();
                if record_bytes > MAX_RECORD_BYTES || boundaries > MAX_BOUNDARIES {
                    let message = format!(
                        "{} annotations are left out: more than one page can hold",
                        chosen.len() - at
                    );
                    findings.push(FindingMessage { code: "limit", message });
                    break;
                }
                annotations.push(self.annotation_result(annotation, &mask, page.boundaries.len()));
                page.boundaries.extend_from_slice(mask.boundaries());
            }
            let size = size.map(|size| [size.height, size.width]);
            page.images.push(ImageResult { id, file, url, size, findings, annotations });
        }
        Ok(page)
    }

    /// One image, by its index, with all its annotations; an empty page where there is no such image.
    pub fn result_page_of_image(&self, index: u32) -> Result<ResultPage, rle::Error> {
        let images = self.images().get(index as usize).map(|_| index).into_iter().collect();
        self.result_page(&Query::default(), &QueryMatches { images, annotations: 0 }, 0, 1)
    }

    /// An annotation whose mask's boundaries stand from `from` on.
    fn annotation_result(&self, annotation: &Annotation, mask: &Mask, from: usize) -> AnnotationResult {
        let category = self.category_of(annotation);
        let split = annotation.split.as_ref();
        let label = |label: &Label| LabelResult { text: label.text.clone(), score: label.score };
        AnnotationResult {
            id: annotation.id.clone(),
            qid: annotation.category.clone(),
            title: category.map_or(&annotation.category, |category| &category.name).clone(),
            description: category.and_then(|category| category.description.clone()),
            thumbnail: category.and_then(|category| category.thumbnail.clone()),
            text_prompt: annotation.text_prompt.clone(),
            question: annotation.question.clone(),
            labels: annotation.labels.iter().map(label).collect(),
            split: split.map(|split| split.raw.clone()),
            seen: split.and_then(|split| split.seen),
            is_crowd: annotation.is_crowd,
            boxes: annotation.boxes.iter().map(|rect| [rect.x1, rect.y1, rect.x2, rect.y2]).collect(),
            area: annotation.mask_area,
            size: [mask.size().height, mask.size().width],
            boundaries: [from, from + mask.boundaries().len()],
            findings: annotation.findings.iter().map(finding_message).collect(),
        }
    }
}

fn finding_message(finding: &Finding) -> FindingMessage {
    FindingMessage { code: finding.code(), message: finding.to_string() }
}
