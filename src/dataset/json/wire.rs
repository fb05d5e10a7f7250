//! The wire format: Mask-OVEN-Wiki's and COCO's JSON records, and how a field of any shape becomes
//! a typed one.
//!
//! Which form a field has is decided by its shape alone:
//! - `bbox`: a flat list of four numbers is COCO's x, y, width, height; a list of such lists is
//!   Mask-OVEN-Wiki's x1, y1, x2, y2.
//! - `segmentation`: an object is one RLE; a list of objects is a list of RLEs; a list of number
//!   lists, or one flat number list, is polygons. A list may mix the two.
//! - `counts`: a text is compressed, a list of numbers is not.
//! - an id is a text or a number; both become text.

use serde::Deserialize;

use super::fields::Fields;
use super::raw::RawAnnotation;
use super::value::JsonValue;
use crate::dataset::audit::Problem;
use crate::dataset::limits::ReadLimits;
use crate::dataset::record::{Annotation, Category, ImageRecord, Split};
use crate::geometry::Size;

#[derive(Deserialize)]
struct WireImage<'a> {
    #[serde(borrow)]
    id: Option<JsonValue<'a>>,
    file_name: Option<JsonValue<'a>>,
    width: Option<JsonValue<'a>>,
    height: Option<JsonValue<'a>>,
    coco_url: Option<JsonValue<'a>>,
    url: Option<JsonValue<'a>>,
    flickr_url: Option<JsonValue<'a>>,
}

#[derive(Deserialize)]
struct WireCategory<'a> {
    #[serde(borrow)]
    id: Option<JsonValue<'a>>,
    name: Option<JsonValue<'a>>,
    description: Option<JsonValue<'a>>,
    thumbnail: Option<JsonValue<'a>>,
}

#[derive(Deserialize)]
struct WireAnnotation<'a> {
    #[serde(borrow)]
    id: Option<JsonValue<'a>>,
    image_id: Option<JsonValue<'a>>,
    category_id: Option<JsonValue<'a>>,
    segmentation: Option<JsonValue<'a>>,
    bbox: Option<JsonValue<'a>>,
    label: Option<JsonValue<'a>>,
    text_prompt: Option<JsonValue<'a>>,
    question: Option<JsonValue<'a>>,
    data_split: Option<JsonValue<'a>>,
    iscrowd: Option<JsonValue<'a>>,
    area: Option<JsonValue<'a>>,
}

/// Reads an element of `images`; `number` names it where it has no id.
pub(super) fn image(json: &[u8], number: u64, limits: &ReadLimits) -> serde_json::Result<ImageRecord> {
    let wire: WireImage<'_> = serde_json::from_slice(json)?;
    let mut fields = Fields::new(limits);
    let id = fields.id_or_number("id", wire.id, number);
    let file = fields.path("file_name", wire.file_name);
    let (width, height) = (fields.length("width", wire.width), fields.length("height", wire.height));
    let url = [("coco_url", wire.coco_url), ("url", wire.url), ("flickr_url", wire.flickr_url)]
        .into_iter()
        .fold(None, |url, (field, value)| url.or_else(|| fields.web_address(field, value)));
    let size = width.zip(height).map(|(width, height)| Size::new(width, height));
    Ok(ImageRecord { id, file, size, url, findings: fields.findings })
}

/// Reads an element of `categories`; `number` names it where it has no id.
pub(super) fn category(json: &[u8], number: u64, limits: &ReadLimits) -> serde_json::Result<Category> {
    let wire: WireCategory<'_> = serde_json::from_slice(json)?;
    let mut fields = Fields::new(limits);
    let id = fields.id_or_number("id", wire.id, number);
    let name = fields.text("name", wire.name).unwrap_or_else(|| {
        fields.note("name", Problem::Missing);
        id.clone()
    });
    let description = fields.text("description", wire.description);
    let thumbnail = fields.web_address("thumbnail", wire.thumbnail);
    Ok(Category { id, name, description, thumbnail, findings: fields.findings })
}

/// Reads an element of `annotations`; `number` names it where it has no id.
pub(super) fn annotation(json: &[u8], number: u64, limits: &ReadLimits) -> serde_json::Result<RawAnnotation> {
    let wire: WireAnnotation<'_> = serde_json::from_slice(json)?;
    let mut fields = Fields::new(limits);
    let id = fields.id_or_number("id", wire.id, number);
    let image = fields.needed_id("image_id", wire.image_id);
    let category = fields.needed_id("category_id", wire.category_id);
    let boxes = fields.boxes("bbox", wire.bbox);
    let labels = fields.labels("label", wire.label);
    let text_prompt = fields.text("text_prompt", wire.text_prompt);
    let question = fields.text("question", wire.question);
    let split = fields.text("data_split", wire.data_split).map(|raw| Split::parse(&raw));
    if let Some(split) = split.as_ref().filter(|split| !split.understood) {
        fields.note("data_split", Problem::UnclearSplit { split: split.raw.as_str().into() });
    }
    let is_crowd = fields.flag("iscrowd", wire.iscrowd);
    let area = fields.real("area", wire.area);
    let (parts, polygons) = fields.segmentation("segmentation", wire.segmentation);
    let annotation = Annotation {
        id,
        image,
        category,
        boxes,
        labels,
        text_prompt,
        question,
        split,
        is_crowd,
        area,
        findings: fields.findings,
        ..Annotation::default()
    };
    Ok(RawAnnotation { annotation, parts, polygons })
}
