//! The report of `masklink inspect`, as text and as JSON.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use indicatif::{HumanBytes, HumanCount};
use serde::Serialize;

use crate::dataset::{Summary, Tally};

/// How many of the most frequent categories are named.
const CATEGORIES_NAMED: usize = 10;

/// Everything that is printed.
#[derive(Serialize)]
pub(super) struct Report {
    file: String,
    bytes: u64,
    seconds: f64,
    images: Images,
    categories: Categories,
    annotations: Annotations,
    splits: BTreeMap<String, u64>,
    mask_areas: Vec<Areas>,
    findings: BTreeMap<&'static str, Tally>,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<Files>,
}

#[derive(Serialize)]
struct Images {
    count: u64,
    without_annotations: u64,
    /// Width and height, of the images that have a size.
    smallest: Option<[u32; 2]>,
    largest: Option<[u32; 2]>,
    max_annotations: u64,
}

#[derive(Serialize)]
struct Categories {
    count: u64,
    entities: u64,
    used: u64,
    most_frequent: Vec<Category>,
}

#[derive(Serialize)]
struct Category {
    id: String,
    name: String,
    annotations: u64,
}

#[derive(Serialize)]
struct Annotations {
    count: u64,
    masks: u64,
    boxes: u64,
    labels: u64,
}

/// Annotations whose mask has `from` to `to` pixels.
#[derive(Serialize)]
struct Areas {
    from: u64,
    to: u64,
    annotations: u64,
}

/// What the folder of images holds of those the file names.
#[derive(Default, Serialize)]
pub(super) struct Files {
    pub(super) present: u64,
    pub(super) missing: u64,
    pub(super) missing_examples: Vec<String>,
    pub(super) unreadable: u64,
    pub(super) unreadable_examples: Vec<String>,
    pub(super) other_size: u64,
    pub(super) other_size_examples: Vec<String>,
    /// Images for which the file names no path.
    pub(super) unnamed: u64,
}

impl Report {
    pub(super) fn new(file: &Path, seconds: f64, summary: &Summary, files: Option<Files>) -> Self {
        let sizes = || summary.images.iter().filter_map(|image| image.size);
        let sides = |size: crate::geometry::Size| [size.width, size.height];
        let without = summary.annotations_of_image.iter().filter(|&&count| count == 0).count();
        let most_frequent = summary.used_categories.iter().take(CATEGORIES_NAMED);
        Self {
            file: file.display().to_string(),
            bytes: summary.progress.bytes,
            seconds,
            images: Images {
                count: summary.images.len() as u64,
                without_annotations: without as u64,
                smallest: sizes().min_by_key(|size| size.pixels()).map(sides),
                largest: sizes().max_by_key(|size| size.pixels()).map(sides),
                max_annotations: summary.annotations_of_image.iter().copied().max().unwrap_or(0),
            },
            categories: Categories {
                count: summary.categories,
                entities: summary.entities,
                used: summary.used_categories.iter().filter(|(_, name, _)| name.is_some()).count() as u64,
                most_frequent: most_frequent
                    .map(|(id, name, annotations)| Category {
                        id: id.clone(),
                        name: name.clone().unwrap_or_default(),
                        annotations: *annotations,
                    })
                    .collect(),
            },
            annotations: Annotations {
                count: summary.annotations,
                masks: summary.masks,
                boxes: summary.boxes,
                labels: summary.labels,
            },
            splits: summary.splits.clone(),
            mask_areas: areas(&summary.areas),
            findings: summary.findings.clone(),
            files,
        }
    }

    /// How many things were found, missing files and files of another size included.
    pub(super) fn findings(&self) -> u64 {
        let files =
            self.files.as_ref().map_or(0, |files| files.missing + files.unreadable + files.other_size);
        self.findings.values().map(|found| found.count).sum::<u64>() + files
    }
}

fn areas(by_doublings: &[u64]) -> Vec<Areas> {
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
            Areas { from, to, annotations }
        })
        .collect()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = self.bytes as f64 / self.seconds.max(1e-9);
        let (bytes, rate) = (HumanBytes(self.bytes), HumanBytes(rate as u64));
        writeln!(f, "{}: {bytes} in {:.2} s, {rate}/s\n", printable(&self.file), self.seconds)?;
        let sides = |sides: Option<[u32; 2]>| {
            sides.map_or("?".to_owned(), |[width, height]| format!("{width}x{height}"))
        };
        let Images { count, without_annotations, smallest, largest, max_annotations } = &self.images;
        line(f, "images", *count)?;
        writeln!(
            f,
            "  {} to {}, {} without annotations, at most {} annotations on one",
            sides(*smallest),
            sides(*largest),
            HumanCount(*without_annotations),
            HumanCount(*max_annotations)
        )?;
        line(f, "categories", self.categories.count)?;
        writeln!(
            f,
            "  {} are Wikidata entities, {} are used",
            HumanCount(self.categories.entities),
            HumanCount(self.categories.used)
        )?;
        line(f, "annotations", self.annotations.count)?;
        let Annotations { masks, boxes, labels, .. } = self.annotations;
        writeln!(
            f,
            "  {} masks, {} boxes, {} labels",
            HumanCount(masks),
            HumanCount(boxes),
            HumanCount(labels)
        )?;
        if let Some(files) = &self.files {
            line(f, "files", files.present)?;
            writeln!(
                f,
                "  {} missing, {} unreadable, {} of another size, {} without a path",
                HumanCount(files.missing),
                HumanCount(files.unreadable),
                HumanCount(files.other_size),
                HumanCount(files.unnamed)
            )?;
            let examples = [
                ("missing", &files.missing_examples),
                ("unreadable", &files.unreadable_examples),
                ("another size", &files.other_size_examples),
            ];
            for (what, example) in
                examples.iter().flat_map(|(what, list)| list.iter().map(move |one| (what, one)))
            {
                writeln!(f, "{:16}{what}: {}", "", printable(example))?;
            }
        }
        writeln!(f, "\nannotations by split")?;
        for (split, &count) in &self.splits {
            line(f, if split.is_empty() { "(none)" } else { split }, count)?;
            writeln!(f)?;
        }
        writeln!(f, "\nannotations by pixels of their mask")?;
        for areas in &self.mask_areas {
            line(f, &format!("{} to {}", areas.from, areas.to), areas.annotations)?;
            writeln!(f)?;
        }
        writeln!(f, "\nmost frequent categories")?;
        for category in &self.categories.most_frequent {
            line(f, &category.id, category.annotations)?;
            writeln!(f, "  {}", printable(&category.name))?;
        }
        if self.findings() == 0 {
            return writeln!(f, "\nno findings");
        }
        if self.findings.is_empty() {
            // Those of the files are told above.
            return Ok(());
        }
        writeln!(f, "\nfindings")?;
        for (code, found) in &self.findings {
            line(f, code, found.count)?;
            writeln!(f)?;
            for example in &found.examples {
                writeln!(
                    f,
                    "{:16}{} {}: {}",
                    "",
                    example.record.name(),
                    printable(&example.id),
                    printable(&example.message)
                )?;
            }
        }
        Ok(())
    }
}

/// A name and a number, with room for what follows.
fn line(f: &mut fmt::Formatter<'_>, name: &str, count: u64) -> fmt::Result {
    write!(f, "  {:24}{:>14}", printable(name), HumanCount(count).to_string())
}

/// A text of the file without the control characters that could drive a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
