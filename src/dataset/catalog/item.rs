//! Rows as plain data for a viewer: everything that a record says, its mask and its findings.

use serde::Serialize;

use super::batch::MeasuredAnnotation;
use super::read::{Catalog, CatalogError};
use super::records::RawRecord;
use super::storage::Storage;
use crate::dataset::json::{parse_annotation, parse_image};
use crate::dataset::limits::ReadLimits;
use crate::dataset::record::{CUT_MESSAGE, ImageRecord, Label};
use crate::rle;

/// An annotation with its image. Serializes to JSON with camelCase keys.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    row: u32,
    id: String,
    image_id: String,
    /// The category's id.
    qid: String,
    title: String,
    file: Option<String>,
    url: Option<String>,
    /// Height and width of the image; `None` if it has none, and in long lists of a JSON file.
    size: Option<[u32; 2]>,
    split: Option<String>,
    seen: Option<bool>,
    text_prompt: Option<String>,
    question: Option<String>,
    labels: Vec<Label>,
    /// x1, y1, x2, y2 in image space.
    boxes: Vec<[f64; 4]>,
    /// Number of pixels of the mask.
    area: u64,
    /// The share of the image that the mask covers, 0 to 1.
    area_share: f32,
    components: u32,
    /// 0 to 1.
    suspicion: f32,
    /// Number of masks in the published list, of which the mask is the union.
    parts: usize,
    /// Whether a part of the mask is left out.
    is_cut: bool,
    /// Height and width of the mask.
    mask_size: [u32; 2],
    /// The range of the mask in [`ItemPage::boundaries`].
    boundaries: [usize; 2],
    findings: Vec<ItemFinding>,
    thumbnail: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
struct ItemFinding {
    code: &'static str,
    message: String,
}

/// Some annotations, and the run boundaries of all their masks.
#[derive(Clone, Debug, Default)]
pub struct ItemPage {
    /// The annotations, in the order asked for.
    pub items: Vec<Item>,
    /// The run boundaries of all masks, one mask after the other.
    pub boundaries: Vec<u32>,
}

impl<S: Storage> Catalog<S> {
    /// Reads rows as items.
    pub async fn items(&self, rows: &[u32]) -> Result<ItemPage, CatalogError> {
        ItemPage::of_records(self.records(rows).await?)
    }
}

impl ItemPage {
    /// Parses records; a mask that cannot be decoded becomes a finding.
    pub fn of_records(records: Vec<RawRecord>) -> Result<Self, CatalogError> {
        let mut page = Self::default();
        for record in records {
            page.push(record)?;
        }
        Ok(page)
    }

    fn push(&mut self, record: RawRecord) -> Result<(), CatalogError> {
        let RawRecord { row, annotation, image, image_by_pattern, has_no_categories, title, thumbnail } =
            record;
        let limits = ReadLimits::default();
        let invalid = |error: serde_json::Error| CatalogError::Json { reason: error.to_string() };
        let number = u64::from(row);
        let image = image.map(|json| parse_image(&json, number, &limits)).transpose().map_err(invalid)?;
        let raw = parse_annotation(&annotation, number, &limits).map_err(invalid)?;
        let measured = MeasuredAnnotation::of_image(raw, image.as_ref(), &limits);
        let image = image.unwrap_or_default();
        let MeasuredAnnotation { mut annotation, report } = measured;
        if has_no_categories {
            annotation.forget_missing_category();
        }
        let mask = annotation
            .mask()
            .map_err(|error: rle::Error| CatalogError::Json { reason: error.to_string() })?;
        let from = self.boundaries.len();
        self.boundaries.extend_from_slice(mask.boundaries());
        let of_image = image.findings.iter().filter(|_| !image_by_pattern);
        let problems = of_image.chain(&annotation.findings);
        let mut findings: Vec<ItemFinding> = problems
            .filter(|found| !found.problem.is_noise())
            .map(|found| ItemFinding { code: found.code(), message: found.to_string() })
            .collect();
        findings.extend(
            annotation.is_cut.then(|| ItemFinding { code: "cut-mask", message: CUT_MESSAGE.to_owned() }),
        );
        let reasons = report.reasons.iter();
        findings.extend(
            reasons.map(|reason| ItemFinding { code: reason.code(), message: reason.message().to_owned() }),
        );
        let ImageRecord { file, url, size, .. } = image;
        let split = annotation.split.as_ref();
        self.items.push(Item {
            row,
            seen: split.and_then(|split| split.seen),
            split: split.map(|split| split.raw.clone()),
            id: annotation.id,
            image_id: annotation.image,
            qid: annotation.category,
            title,
            file,
            url,
            size: size.map(|size| [size.height, size.width]),
            text_prompt: annotation.text_prompt,
            question: annotation.question,
            labels: annotation.labels,
            boxes: annotation.boxes.iter().map(|rect| [rect.x1, rect.y1, rect.x2, rect.y2]).collect(),
            area: report.area,
            area_share: report.area_share,
            components: report.components,
            suspicion: report.suspicion,
            parts: annotation.parts.len(),
            is_cut: annotation.is_cut,
            mask_size: [annotation.mask_size.height, annotation.mask_size.width],
            boundaries: [from, self.boundaries.len()],
            findings,
            thumbnail,
        });
        Ok(())
    }
}
