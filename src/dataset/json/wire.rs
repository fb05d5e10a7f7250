//! The wire format: Mask-OVEN-Wiki's and COCO's JSON records, and their conversion to typed ones.
//!
//! A field may have several forms, told apart by their shape alone:
//! - `bbox`: a flat list of four numbers is COCO's x, y, width, height; a list of such lists is
//!   Mask-OVEN-Wiki's x1, y1, x2, y2.
//! - `segmentation`: an object is one RLE; a list of objects is a list of RLEs; a list of number
//!   lists, or one flat number list, is polygons. A list may mix the two.
//! - `counts`: a string is compressed, a list of numbers is not.
//! - an id is a string or a number; both become strings.
//!
//! `forms` recognises further forms. A record that is not valid JSON is read a second time, leniently.

use std::borrow::Cow;

use serde::Deserialize;

use super::fields::{DefaultId, Fields, Segmentation};
use super::lenient::{Fault, LenientRecord, Oddity, read_record};
use super::raw::RawAnnotation;
use super::value::JsonValue;
use crate::dataset::audit::{Finding, Problem};
use crate::dataset::limits::ReadLimits;
use crate::dataset::record::{Annotation, Category, ImageRecord, Split};
use crate::geometry::Size;

/// A record by the names of its fields.
trait WireRecord<'a>: Deserialize<'a> {
    /// Names of the fields.
    const NAMES: &'static [&'static str];

    /// Sets the fields of these names and returns the names that occur again; the last value counts.
    fn from_fields(fields: Vec<(Cow<'a, str>, JsonValue<'a>)>) -> (Self, Vec<&'static str>);

    /// Returns whether the digits of an id are lost.
    fn has_long_id(&self) -> bool;

    /// Returns whether no field has a value.
    fn is_empty(&self) -> bool;
}

/// Defines a record by the names of its fields, each an optional value of any shape. Other fields of
/// the JSON object are skipped.
macro_rules! wire_record {
    ($record:ident: $($field:ident),+) => {
        #[derive(Default, Deserialize)]
        struct $record<'a> {
            $(#[serde(borrow)] $field: Option<JsonValue<'a>>,)+
        }

        impl<'a> WireRecord<'a> for $record<'a> {
            const NAMES: &'static [&'static str] = &[$(stringify!($field)),+];

            fn from_fields(fields: Vec<(Cow<'a, str>, JsonValue<'a>)>) -> (Self, Vec<&'static str>) {
                let (mut record, mut repeated) = (Self::default(), Vec::new());
                for (key, value) in fields {
                    match key.as_ref() {
                        $(stringify!($field) => {
                            if record.$field.replace(value).is_some() {
                                repeated.push(stringify!($field));
                            }
                        })+
                        _ => {}
                    }
                }
                (record, repeated)
            }

            fn has_long_id(&self) -> bool {
                let is_id = |name: &str| matches!(name, "id" | "image_id" | "category_id");
                let is_long = |value: &Option<JsonValue<'_>>| {
                    value.as_ref().is_some_and(JsonValue::is_long_integer)
                };
                $(is_id(stringify!($field)) && is_long(&self.$field))||+
            }

            fn is_empty(&self) -> bool {
                $(self.$field.as_ref().is_none_or(|value| *value == JsonValue::Null))&&+
            }
        }
    };
}

wire_record!(WireImage: id, image_id, file_name, width, height, coco_url, url, flickr_url);
wire_record!(WireCategory: id, name, description, thumbnail);
wire_record!(WireKeys: image_id, category_id);
wire_record!(WireAnnotation: id, image_id, category_id, segmentation, bbox, label, text_prompt, question,
    data_split, iscrowd, area);

/// The treatment of a record in which a part between two fields cannot be read.
#[derive(Clone, Copy, PartialEq)]
enum Damage {
    /// The record is kept: its annotations need it.
    Kept,
    /// The record is left out.
    LeftOut,
}

/// Parses a record, leniently where it is not valid JSON; returns it with the findings of its tokens.
fn parse<'a, W: WireRecord<'a>>(
    json: &'a [u8],
    damage: Damage,
    limits: &ReadLimits,
) -> serde_json::Result<(W, Vec<Finding>)> {
    let error = match serde_json::from_slice::<W>(json) {
        Ok(wire) if !wire.has_long_id() => return Ok((wire, Vec::new())),
        Ok(_) => None,
        Err(error) => Some(error),
    };
    let LenientRecord { fields, oddities, is_damaged } = read_record(json, limits.findings);
    let (wire, repeated) = W::from_fields(fields);
    let mut findings = Vec::new();
    if let Some(error) = error {
        if wire.is_empty() || (is_damaged && damage == Damage::LeftOut) {
            return Err(error);
        }
        if is_damaged {
            findings.push(Finding::new("", Problem::damaged(&error)));
        }
    }
    let repeated = repeated.into_iter().map(|name| Finding::new(name, Problem::RepeatedKey));
    findings.extend(repeated.chain(oddities.into_iter().map(|oddity| odd_finding(oddity, W::NAMES))));
    findings.truncate(limits.findings);
    Ok((wire, findings))
}

/// Returns the finding of an odd token, on the field if the record has it, else with the field's name in its
/// path.
fn odd_finding(Oddity { field, path, fault }: Oddity, names: &'static [&'static str]) -> Finding {
    let known = names.iter().copied().find(|&name| name == field);
    let path = if known.is_some() { path } else { field + &path };
    let path = if path.is_empty() { path } else { path + ": " }.into();
    let problem = match fault {
        Fault::Token(token) if token.is_empty() => Problem::Token { path, token: "nothing".into() },
        Fault::Token(token) => Problem::Token { path, token: token.into() },
        Fault::NotUtf8 => Problem::NotUtf8 { path },
    };
    Finding::new(known.unwrap_or(""), problem)
}

/// Parses an element of `images`; `number` becomes its id when it has none.
pub fn parse_image(json: &[u8], number: u64, limits: &ReadLimits) -> serde_json::Result<ImageRecord> {
    image(json, DefaultId::Number(number), limits)
}

/// Does the same as [`parse_image`], with any replacement of a missing id.
pub(super) fn image(json: &[u8], id: DefaultId<'_>, limits: &ReadLimits) -> serde_json::Result<ImageRecord> {
    let (wire, findings) = parse::<WireImage<'_>>(json, Damage::Kept, limits)?;
    let mut fields = Fields::new(limits, findings);
    // Segment Anything's files of one image name its id so.
    let id = fields.id_or_default("id", wire.id.or(wire.image_id), id);
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
    category(json, DefaultId::Number(number), limits)
}

/// Does the same as [`parse_category`], with any replacement of a missing id.
pub(super) fn category(json: &[u8], id: DefaultId<'_>, limits: &ReadLimits) -> serde_json::Result<Category> {
    let (wire, findings) = parse::<WireCategory<'_>>(json, Damage::Kept, limits)?;
    let mut fields = Fields::new(limits, findings);
    let id = fields.id_or_default("id", wire.id, id);
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
    let (wire, findings) = parse::<WireKeys<'_>>(json, Damage::LeftOut, limits)?;
    let mut fields = Fields::new(limits, findings);
    Ok(AnnotationKeys {
        image: fields.required_id("image_id", wire.image_id),
        category: fields.required_id("category_id", wire.category_id),
    })
}

/// Parses an element of `annotations`; `number` becomes its id when it has none.
pub fn parse_annotation(json: &[u8], number: u64, limits: &ReadLimits) -> serde_json::Result<RawAnnotation> {
    annotation(json, DefaultId::Number(number), limits)
}

/// Does the same as [`parse_annotation`], with any replacement of a missing id.
pub(super) fn annotation(
    json: &[u8],
    id: DefaultId<'_>,
    limits: &ReadLimits,
) -> serde_json::Result<RawAnnotation> {
    let (wire, findings) = parse::<WireAnnotation<'_>>(json, Damage::LeftOut, limits)?;
    let mut fields = Fields::new(limits, findings);
    let id = fields.id_or_default("id", wire.id, id);
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
    let Segmentation { masks, polygons, is_cut } =
        fields.segmentation("segmentation", wire.segmentation, &boxes, area);
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
        is_cut,
        findings: fields.findings,
        ..Annotation::default()
    };
    Ok(RawAnnotation { annotation, masks, polygons, bytes: json.len() as u64 })
}
