//! The report of `masklink inspect`, as text and as JSON.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use indicatif::{HumanBytes, HumanCount};
use serde::Serialize;

use crate::dataset::{Example, Summary, Tally};

/// Maximum number of categories listed as the most frequent.
const MAX_CATEGORIES: usize = 10;

/// The report; serializes to the JSON of `--json`.
#[derive(Serialize)]
pub(super) struct InspectReport {
    file: String,
    bytes: u64,
    seconds: f64,
    images: ImageCounts,
    categories: CategoryCounts,
    annotations: AnnotationCounts,
    splits: BTreeMap<String, u64>,
    mask_areas: Vec<AreaCount>,
    findings: BTreeMap<&'static str, Tally>,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<ImageFiles>,
}

#[derive(Serialize)]
struct ImageCounts {
    count: u64,
    without_annotations: u64,
    /// Width and height of the image with the fewest pixels.
    smallest: Option<[u32; 2]>,
    /// Width and height of the image with the most pixels.
    largest: Option<[u32; 2]>,
    /// Maximum number of annotations of one image.
    max_annotations: u64,
}

#[derive(Serialize)]
struct CategoryCounts {
    count: u64,
    entities: u64,
    used: u64,
    most_frequent: Vec<FrequentCategory>,
}

#[derive(Serialize)]
struct FrequentCategory {
    id: String,
    name: String,
    annotations: u64,
}

#[derive(Serialize)]
struct AnnotationCounts {
    count: u64,
    masks: u64,
    boxes: u64,
    labels: u64,
}

/// The number of annotations whose mask has `from` to `to` pixels, inclusive.
#[derive(Serialize)]
struct AreaCount {
    from: u64,
    to: u64,
    annotations: u64,
}

/// A comparison of the image folder with the images of the file.
#[derive(Default, Serialize)]
pub(super) struct ImageFiles {
    pub(super) present: u64,
    pub(super) missing: u64,
    pub(super) missing_examples: Vec<String>,
    pub(super) unreadable: u64,
    pub(super) unreadable_examples: Vec<String>,
    pub(super) other_size: u64,
    pub(super) other_size_examples: Vec<String>,
    /// Number of images for which the file has no path.
    pub(super) unnamed: u64,
}

impl InspectReport {
    pub(super) fn new(file: &Path, seconds: f64, summary: &Summary, files: Option<ImageFiles>) -> Self {
        let sizes = || summary.images.iter().filter_map(|image| image.size);
        let sides = |size: crate::geometry::Size| [size.width, size.height];
        let without = summary.annotations_of_image.iter().filter(|&&count| count == 0).count();
        let most_frequent = summary.used_categories.iter().take(MAX_CATEGORIES);
        Self {
            file: file.display().to_string(),
            bytes: summary.progress.bytes,
            seconds,
            images: ImageCounts {
                count: summary.images.len() as u64,
                without_annotations: without as u64,
                smallest: sizes().min_by_key(|size| size.pixels()).map(sides),
                largest: sizes().max_by_key(|size| size.pixels()).map(sides),
                max_annotations: summary.annotations_of_image.iter().copied().max().unwrap_or(0),
            },
            categories: CategoryCounts {
                count: summary.categories,
                entities: summary.entities,
                used: summary.used_categories.iter().filter(|(_, name, _)| name.is_some()).count() as u64,
                most_frequent: most_frequent
                    .map(|(id, name, annotations)| FrequentCategory {
                        id: id.clone(),
                        name: name.clone().unwrap_or_default(),
                        annotations: *annotations,
                    })
                    .collect(),
            },
            annotations: AnnotationCounts {
                count: summary.annotations,
                masks: summary.masks,
                boxes: summary.boxes,
                labels: summary.labels,
            },
            splits: summary.splits.clone(),
            mask_areas: area_counts(&summary.areas),
            findings: summary.findings.clone(),
            files,
        }
    }

    /// Counts the findings, including missing, unreadable and differing image files.
    pub(super) fn findings(&self) -> u64 {
        let files =
            self.files.as_ref().map_or(0, |files| files.missing + files.unreadable + files.other_size);
        self.findings.values().map(|found| found.count).sum::<u64>() + files
    }
}

/// Lists the area ranges that have annotations, of [`Summary::areas`].
fn area_counts(by_doublings: &[u64]) -> Vec<AreaCount> {
    let bounds = |doublings: usize| match doublings {
        0 => (0, 0),
        _ => (1 << (doublings - 1), u64::MAX >> (64 - doublings)),
    };
    by_doublings
        .iter()
        .enumerate()
        .filter(|&(_, &annotations)| annotations > 0)
        .map(|(doublings, &annotations)| {
            let (from, to) = bounds(doublings);
            AreaCount { from, to, annotations }
        })
        .collect()
}

impl fmt::Display for InspectReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = self.bytes as f64 / self.seconds.max(1e-9);
        let (bytes, rate) = (HumanBytes(self.bytes), HumanBytes(rate as u64));
        writeln!(f, "{}: {bytes} in {:.2} s, {rate}/s\n", printable(&self.file), self.seconds)?;
        self.write_counts(f)?;
        if let Some(files) = &self.files {
            files.write(f)?;
        }
        self.write_tables(f)?;
        self.write_findings(f)
    }
}

impl InspectReport {
    fn write_counts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sides = |sides: Option<[u32; 2]>| {
            sides.map_or("?".to_owned(), |[width, height]| format!("{width}x{height}"))
        };
        let ImageCounts { count, without_annotations, smallest, largest, max_annotations } = &self.images;
        let without = HumanCount(*without_annotations);
        let max = HumanCount(*max_annotations);
        let (smallest, largest) = (sides(*smallest), sides(*largest));
        line(f, "images", *count)?;
        writeln!(
            f,
            "  {smallest} to {largest}, {without} without annotations, at most {max} annotations each"
        )?;
        let CategoryCounts { count, entities, used, .. } = &self.categories;
        line(f, "categories", *count)?;
        writeln!(f, "  {} are Wikidata entities, {} are used", HumanCount(*entities), HumanCount(*used))?;
        let AnnotationCounts { count, masks, boxes, labels } = self.annotations;
        let (masks, boxes, labels) = (HumanCount(masks), HumanCount(boxes), HumanCount(labels));
        line(f, "annotations", count)?;
        writeln!(f, "  {masks} masks, {boxes} boxes, {labels} labels")
    }

    fn write_tables(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nannotations by split")?;
        for (split, &count) in &self.splits {
            line(f, if split.is_empty() { "(none)" } else { split }, count)?;
            writeln!(f)?;
        }
        writeln!(f, "\nannotations by mask area in pixels")?;
        for areas in &self.mask_areas {
            line(f, &format!("{} to {}", areas.from, areas.to), areas.annotations)?;
            writeln!(f)?;
        }
        writeln!(f, "\nmost frequent categories")?;
        for category in &self.categories.most_frequent {
            line(f, &category.id, category.annotations)?;
            writeln!(f, "  {}", printable(&category.name))?;
        }
        Ok(())
    }

    fn write_findings(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.findings() == 0 {
            return writeln!(f, "\nno findings");
        }
        if self.findings.is_empty() {
            // Only image files differ, which `ImageFiles` has listed.
            return Ok(());
        }
        writeln!(f, "\nfindings")?;
        for (code, found) in &self.findings {
            line(f, code, found.count)?;
            writeln!(f)?;
            for Example { record, id, message } in &found.examples {
                let (kind, id, message) = (record.name(), printable(id), printable(message));
                writeln!(f, "{:16}{kind} {id}: {message}", "")?;
            }
        }
        Ok(())
    }
}

impl ImageFiles {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        line(f, "image files", self.present)?;
        writeln!(
            f,
            "  {} missing, {} unreadable, {} of another size, {} images without a path",
            HumanCount(self.missing),
            HumanCount(self.unreadable),
            HumanCount(self.other_size),
            HumanCount(self.unnamed)
        )?;
        let examples = [
            ("missing", &self.missing_examples),
            ("unreadable", &self.unreadable_examples),
            ("another size", &self.other_size_examples),
        ];
        for (problem, list) in examples {
            for example in list {
                writeln!(f, "{:16}{problem}: {}", "", printable(example))?;
            }
        }
        Ok(())
    }
}

/// Writes an aligned name and number, without a line break.
fn line(f: &mut fmt::Formatter<'_>, name: &str, count: u64) -> fmt::Result {
    write!(f, "  {:24}{:>14}", printable(name), HumanCount(count).to_string())
}

/// Replaces control characters, which could control the terminal, in a string of the file.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
