//! Turns a batch of sorted records into a Parquet file, blocks of records and rows of the catalog.

use std::collections::HashMap;
use std::path::Path;

use anyhow::Context;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::findings::FindingLine;
use super::images::Images;
use super::sort::Records;
use super::table::{Table, TableFile};
use crate::dataset::catalog::{
    BLOCK_ROWS, MeasuredAnnotation, Measures, PageFile, hash_of, hash64_of, split_index,
};
use crate::dataset::pack::block::MAX_BLOCK_BYTES;
use crate::dataset::pack::manifest::PackFile;
use crate::dataset::pack::page::MAX_PAGE_BYTES;
use crate::dataset::{Annotation, ImageRecord, Problem, ReadLimits, parse_annotation};

/// Compression of the blocks of records.
const BLOCK_LEVEL: i32 = 3;

/// Everything that all batches share.
pub(super) struct Shared<'a> {
    pub(super) folder: &'a Path,
    pub(super) images: &'a Images,
    pub(super) titles: &'a HashMap<String, String>,
    /// Appended to the names of Parquet files.
    pub(super) suffix: &'static str,
    /// Names of the input files, by their indices.
    pub(super) inputs: &'a [String],
    /// Paths of thumbnails by the image's path.
    pub(super) thumbnails: Option<&'a dyn ThumbnailOf>,
    pub(super) limits: ReadLimits,
    /// Whether the input has no categories, so that none is missing.
    pub(super) has_no_categories: bool,
}

/// Tells where the thumbnail of an image is.
pub(super) trait ThumbnailOf: Sync {
    /// Returns the path in the pack; `None` if the image has no thumbnail. Fails if the disk is full.
    fn path(&self, file: &str) -> anyhow::Result<Option<String>>;
}

/// A batch as it is in the pack.
pub(super) struct EncodedBatch {
    pub(super) file: PackFile,
    /// The file as the catalog lists it; the numbers of rows and blocks before it are still to be added.
    pub(super) pages: PageFile,
    pub(super) rows: Vec<Row>,
    /// Ids and names of the entities, in the order of the rows.
    pub(super) entities: Vec<(String, String)>,
    pub(super) splits: Vec<String>,
    /// The blocks, one after the other.
    pub(super) blocks: Vec<u8>,
    /// The lengths of each block and of its page.
    pub(super) lengths: Vec<(u32, u32)>,
    /// Lines of `findings.jsonl`.
    pub(super) findings: Vec<u8>,
    /// Problems of records that are left out.
    pub(super) problems: Vec<Problem>,
}

/// A row of the catalog.
pub(super) struct Row {
    /// Index in the batch's list.
    pub(super) entity: u32,
    /// Facets, with the index of the split in the batch's list.
    pub(super) measures: Measures,
    /// The hash of the id.
    pub(super) id: u64,
    pub(super) image: u32,
}

/// A line of a block.
#[derive(Serialize)]
struct Line<'a> {
    annotation: LineAnnotation<'a>,
    image: Option<LineImage<'a>>,
    title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    thumbnail: Option<String>,
}

#[derive(Serialize)]
struct LineAnnotation<'a> {
    id: &'a str,
    image_id: &'a str,
    category_id: &'a str,
    segmentation: Vec<LineMask>,
    bbox: Vec<[f64; 4]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text_prompt: Option<&'a str>,
    label: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    question: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_split: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    iscrowd: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    area: Option<f64>,
}

#[derive(Serialize)]
struct LineMask {
    /// Height and width.
    size: [u32; 2],
}

#[derive(Serialize)]
struct LineImage<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    width: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
}

/// Encodes batch `number`, and writes its Parquet file.
pub(super) fn encode(number: usize, records: &Records, shared: &Shared<'_>) -> anyhow::Result<EncodedBatch> {
    let mut encoder = Encoder {
        shared,
        table: Table::default(),
        lines: Vec::new(),
        batch: empty_batch(number, shared.suffix),
    };
    for (origin, json) in records.iter() {
        let file = shared.inputs.get(usize::from(origin.input)).map_or("", String::as_str);
        match parse_annotation(json, origin.at, &shared.limits) {
            Ok(raw) => {
                let image = shared.images.find(raw.image(), origin.input, &shared.limits)?;
                let measure = if shared.has_no_categories {
                    MeasuredAnnotation::without_categories
                } else {
                    MeasuredAnnotation::of_image
                };
                let measured = measure(raw, image.as_ref(), &shared.limits);
                encoder.push(&measured, image.as_ref(), file, origin.at)?;
            }
            Err(error) => {
                let problem = Problem::malformed(&error, origin.at, json);
                let (code, reason) = (problem.code(), problem.to_string());
                encoder.report(&FindingLine { file, offset: origin.at, id: None, code, reason })?;
                encoder.batch.problems.push(problem);
            }
        }
    }
    encoder.finish()
}

fn empty_batch(number: usize, suffix: &str) -> EncodedBatch {
    let file = format!("annotations/part-{number:05}.parquet{suffix}");
    EncodedBatch {
        file: PackFile { file: file.clone(), bytes: 0, sha256: String::new() },
        pages: PageFile { file, first_row: 0, first_block: 0, first_page: 0 },
        rows: Vec::new(),
        entities: Vec::new(),
        splits: Vec::new(),
        blocks: Vec::new(),
        lengths: Vec::new(),
        findings: Vec::new(),
        problems: Vec::new(),
    }
}

struct Encoder<'a> {
    shared: &'a Shared<'a>,
    table: Table,
    /// The lines of each block.
    lines: Vec<Vec<u8>>,
    batch: EncodedBatch,
}

impl Encoder<'_> {
    fn push(
        &mut self,
        measured: &MeasuredAnnotation,
        image: Option<&ImageRecord>,
        file: &str,
        offset: u64,
    ) -> anyhow::Result<()> {
        let MeasuredAnnotation { annotation, report } = measured;
        let title = self.shared.titles.get(&annotation.category).unwrap_or(&annotation.category);
        let mut codes: Vec<&str> = report.reasons.iter().map(crate::dataset::NoiseReason::code).collect();
        for finding in &annotation.findings {
            let (code, reason) = (finding.code(), finding.to_string());
            self.report(&FindingLine { file, offset, id: Some(&annotation.id), code, reason })?;
            if !codes.contains(&code) {
                codes.push(code);
            }
        }
        self.table.push(annotation, image, title, report, &codes);
        if self.batch.rows.len().is_multiple_of(BLOCK_ROWS as usize) {
            self.lines.push(Vec::new());
        }
        let thumbnail = self.shared.thumbnails.zip(image.and_then(ImageRecord::path));
        let line = Line {
            annotation: line_of(annotation),
            image: image.map(image_line),
            title,
            thumbnail: thumbnail.map(|(made, file)| made.path(&file)).transpose()?.flatten(),
        };
        if let Some(lines) = self.lines.last_mut() {
            serde_json::to_writer(&mut *lines, &line)?;
            lines.push(b'\n');
        }
        let entity = self.entity_index(&annotation.category, title);
        let split = split_index(&mut self.batch.splits, annotation.split_name());
        self.batch.rows.push(Row {
            entity,
            measures: measured.measures(split),
            id: hash64_of(&annotation.id),
            image: hash_of(&annotation.image),
        });
        Ok(())
    }

    fn entity_index(&mut self, id: &str, title: &str) -> u32 {
        if self.batch.entities.last().is_none_or(|(last, _)| last != id) {
            self.batch.entities.push((id.to_owned(), title.to_owned()));
        }
        self.batch.entities.len() as u32 - 1
    }

    fn report(&mut self, line: &FindingLine<'_>) -> anyhow::Result<()> {
        serde_json::to_writer(&mut self.batch.findings, line)?;
        self.batch.findings.push(b'\n');
        Ok(())
    }

    fn finish(mut self) -> anyhow::Result<EncodedBatch> {
        let TableFile { bytes, first_page, pages } = self.table.write()?;
        drop(std::mem::take(&mut self.table));
        let mut page_at = first_page;
        for (lines, &page_bytes) in self.lines.iter().zip(&pages) {
            let page = &bytes[page_at..page_at + page_bytes];
            let fits = lines.len() as u64 <= MAX_BLOCK_BYTES && page_bytes as u64 <= MAX_PAGE_BYTES / 2;
            anyhow::ensure!(fits, "{BLOCK_ROWS} records have more than {MAX_BLOCK_BYTES} bytes");
            let body = zstd::bulk::compress(lines, BLOCK_LEVEL)?;
            self.batch.blocks.extend_from_slice(&crc32fast::hash(&body).to_le_bytes());
            self.batch.blocks.extend_from_slice(&crc32fast::hash(page).to_le_bytes());
            self.batch.blocks.extend_from_slice(&body);
            self.batch.lengths.push((body.len() as u32 + 8, page_bytes as u32));
            page_at += page_bytes;
        }
        self.batch.pages.first_page = first_page as u64;
        self.batch.file.bytes = bytes.len() as u64;
        self.batch.file.sha256 = crate::cli::sha256::hex(&Sha256::digest(&bytes));
        let path = self.shared.folder.join(&self.batch.file.file);
        std::fs::write(&path, &bytes).with_context(|| path.display().to_string())?;
        Ok(self.batch)
    }
}

fn line_of(annotation: &Annotation) -> LineAnnotation<'_> {
    let mask = |size: crate::geometry::Size| LineMask { size: [size.height, size.width] };
    LineAnnotation {
        id: &annotation.id,
        image_id: &annotation.image,
        category_id: &annotation.category,
        segmentation: annotation.parts.iter().map(|part| mask(part.size())).collect(),
        bbox: annotation.boxes.iter().map(|rect| [rect.x1, rect.y1, rect.x2, rect.y2]).collect(),
        text_prompt: annotation.text_prompt.as_deref(),
        label: annotation.labels.iter().map(crate::dataset::Label::published).collect(),
        question: annotation.question.as_deref(),
        data_split: annotation.split.as_ref().map(|split| split.raw.as_str()),
        iscrowd: annotation.is_crowd,
        area: annotation.area,
    }
}

fn image_line(image: &ImageRecord) -> LineImage<'_> {
    LineImage {
        id: &image.id,
        file_name: image.file.as_deref(),
        height: image.size.map(|size| size.height),
        width: image.size.map(|size| size.width),
        url: image.url.as_deref(),
    }
}
