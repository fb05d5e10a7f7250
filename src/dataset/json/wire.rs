//! The wire format: Mask-OVEN-Wiki's and COCO's JSON records, and their conversion to typed ones.
//!
//! A field may have several forms, told apart by their shape alone:
//! - `bbox`: a flat list of four numbers is COCO's x, y, width, height; a list of such lists is
//!   Mask-OVEN-Wiki's x1, y1, x2, y2.
//! - `segmentation`: an object is one RLE; a list of objects is a list of RLEs; a list of number
//!   lists, or one flat number list, is polygons. A list may mix the two.
//! - `counts`: a string is compressed, a list of numbers is not.
//! - an id is a string or a number; both become strings.

use serde::Deserialize;

use super::fields::Fields;
use super::raw::RawAnnotation;
use super::value::JsonValue;
use crate::dataset::audit::Problem;
use crate::dataset::limits::ReadLimits;
use crate::dataset::record::{Annotation, Category, ImageRecord, Split};
use crate::geometry::Size;

/// Defines a record by the names of its fields, each an optional value of any shape. Other fields of
/// the JSON object are skipped.
macro_rules! wire_record {
    ($record:ident: $($field:ident),+) => {
        #[derive(Deserialize)]
        struct $record<'a> {
            $(#[serde(borrow)] $field: Option<JsonValue<'a>>,)+
        }
    };
}

wire_record!(WireImage: id, file_name, width, height, coco_url, url, flickr_url);
wire_record!(WireCategory: id, name, description, thumbnail);
wire_record!(WireKeys: image_id, category_id);
wire_record!(WireAnnotation: id, image_id, category_id, segmentation, bbox, label, text_prompt, question,
    data_split, iscrowd, area);

/// Parses an element of `images`; `number` becomes its id when it has none.
pub fn parse_image(json: &[u8], number: u64, limits: &ReadLimits) -> serde_json::Result<ImageRecord> {
    let wire: WireImage<'_> = serde_json::from_slice(json)?;
    let mut fields = Fields::new(limits);
    let id = fields.id_or_number("id", wire.id, number);
    let own_url = wire.file_name.as_ref().and_then(JsonValue::web_address).map(str::to_owned);
    let file = fields.path("file_name", wire.file_name);
    let (width, height) = (fields.side("width", wire.width), fields.side("height", wire.height));
    let url = [("coco_url", wire.coco_url), ("url", wire.url), ("flickr_url", wire.flickr_url)]
        .into_iter()
        .fold(None, |url, (field, value)| url.or_else(|| fields.http_url(field, value)))
        .or(own_url);
    let size = width.zip(height).map(|(width, height)| Size::new(width, height));
    Ok(ImageRecord { id, file, size, url, findings: fields.findings })
}

/// Parses an element of `categories`; `number` becomes its id when it has none.
pub fn parse_category(json: &[u8], number: u64, limits: &ReadLimits) -> serde_json::Result<Category> {
    let wire: WireCategory<'_> = serde_json::from_slice(json)?;
    let mut fields = Fields::new(limits);
    let id = fields.id_or_number("id", wire.id, number);
    let name = fields.string("name", wire.name).unwrap_or_else(|| {
        fields.report("name", Problem::Missing);
        id.clone()
    });
    let description = fields.string("description", wire.description);
    let thumbnail = fields.http_url("thumbnail", wire.thumbnail);
    Ok(Category { id, name, description, thumbnail, findings: fields.findings })
}

/// The ids that an annotation refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnnotationKeys {
    /// As [`Annotation::image`]; empty when the record has none.
    pub image: String,
    /// As [`Annotation::category`]; empty when the record has none.
    pub category: String,
}

/// Parses the ids that an element of `annotations` refers to, and skips the rest.
pub fn parse_keys(json: &[u8], limits: &ReadLimits) -> serde_json::Result<AnnotationKeys> {
    let wire: WireKeys<'_> = serde_json::from_slice(json)?;
    let mut fields = Fields::new(limits);
    Ok(AnnotationKeys {
        image: fields.required_id("image_id", wire.image_id),
        category: fields.required_id("category_id", wire.category_id),
    })
}

/// Parses an element of `annotations`; `number` becomes its id when it has none.
pub fn parse_annotation(json: &[u8], number: u64, limits: &ReadLimits) -> serde_json::Result<RawAnnotation> {
    let wire: WireAnnotation<'_> = serde_json::from_slice(json)?;
    let mut fields = Fields::new(limits);
    let id = fields.id_or_number("id", wire.id, number);
    let image = fields.required_id("image_id", wire.image_id);
    let category = fields.required_id("category_id", wire.category_id);
    let boxes = fields.boxes("bbox", wire.bbox);
    let labels = fields.labels("label", wire.label);
    let text_prompt = fields.string("text_prompt", wire.text_prompt);
    let question = fields.string("question", wire.question);
    let split = fields.string("data_split", wire.data_split).map(|raw| Split::parse(&raw));
    if let Some(split) = split.as_ref().filter(|split| !split.understood) {
        fields.report("data_split", Problem::UnclearSplit { split: split.raw.as_str().into() });
    }
    let is_crowd = fields.flag("iscrowd", wire.iscrowd);
    let area = fields.number("area", wire.area);
    let (masks, polygons) = fields.segmentation("segmentation", wire.segmentation);
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
    Ok(RawAnnotation { annotation, masks, polygons })
}
