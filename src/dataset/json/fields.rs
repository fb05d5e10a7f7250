//! Judges the values of a record's fields: each becomes what it should be, or a finding and nothing.

use super::raw::{Placed, RawMask};
use super::value::JsonValue;
use crate::dataset::audit::{Finding, Problem};
use crate::dataset::limits::ReadLimits;
use crate::dataset::record::Label;
use crate::geometry::{Rect, Size};
use crate::rle::{self, far_coordinate};

/// The findings of one record while its fields are read.
pub(super) struct Fields<'l> {
    limits: &'l ReadLimits,
    pub(super) findings: Vec<Finding>,
}

type Value<'a> = Option<JsonValue<'a>>;

/// Below this a 64-bit float tells all whole numbers apart (2 to the 53rd).
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

impl<'l> Fields<'l> {
    pub(super) fn new(limits: &'l ReadLimits) -> Self {
        Self { limits, findings: Vec::new() }
    }

    /// Lists a problem of a field.
    pub(super) fn note(&mut self, field: &'static str, problem: Problem) {
        self.list(Finding::new(field, problem));
    }

    fn note_part(&mut self, field: &'static str, part: usize, problem: Problem) {
        self.list(Finding::of_part(field, part, problem));
    }

    fn list(&mut self, finding: Finding) {
        if self.findings.len() < self.limits.findings {
            self.findings.push(finding);
        }
    }

    fn note_shape(&mut self, field: &'static str, expected: &'static str, value: &JsonValue<'_>) {
        self.note(field, Problem::Shape { expected, found: value.what() });
    }

    /// A text or a number as text.
    fn id(&mut self, field: &'static str, value: Value<'_>) -> Option<String> {
        match value? {
            JsonValue::Text(text) if text.is_empty() => None,
            JsonValue::Text(text) => Some(self.cut(field, text.into_owned())),
            // Tables write whole numbers as 7.0 where a column has gaps.
            JsonValue::Number(number) => Some(match number.as_f64() {
                Some(value) if number.is_f64() && value.fract() == 0.0 && value.abs() < MAX_EXACT => {
                    format!("{value:.0}")
                }
                _ => number.to_string(),
            }),
            JsonValue::Null => None,
            other => {
                self.note_shape(field, "a text or a number", &other);
                None
            }
        }
    }

    /// An id, or a finding and `""`.
    pub(super) fn needed_id(&mut self, field: &'static str, value: Value<'_>) -> String {
        let before = self.findings.len();
        self.id(field, value).unwrap_or_else(|| {
            if self.findings.len() == before {
                self.note(field, Problem::Missing);
            }
            String::new()
        })
    }

    /// An id, or a finding and `#number`.
    pub(super) fn id_or_number(&mut self, field: &'static str, value: Value<'_>, number: u64) -> String {
        let id = self.needed_id(field, value);
        if id.is_empty() { format!("#{number}") } else { id }
    }

    /// A text; cut at a character where it is over the limit.
    pub(super) fn text(&mut self, field: &'static str, value: Value<'_>) -> Option<String> {
        match value? {
            JsonValue::Text(text) => Some(self.cut(field, text.into_owned())),
            JsonValue::Null => None,
            other => {
                self.note_shape(field, "a text", &other);
                None
            }
        }
    }

    fn cut(&mut self, field: &'static str, mut text: String) -> String {
        let limit = self.limits.text_bytes;
        if text.len() > limit {
            let actual = text.len() as u64;
            self.note(field, Problem::Limit { what: "bytes of a text", limit: limit as u64, actual });
            text.truncate((0..=limit).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0));
            text.shrink_to_fit();
        }
        text
    }

    /// A relative path inside the folder of images: forward slashes, none leading, no `..`.
    pub(super) fn path(&mut self, field: &'static str, value: Value<'_>) -> Option<String> {
        let text = self.text(field, value)?.replace('\\', "/");
        let path = text.trim_start_matches('/');
        let has_drive = path.as_bytes().get(1) == Some(&b':');
        if has_drive || path.contains('\0') || path.split('/').any(|step| step == "..") {
            self.note(field, Problem::UnsafePath);
            return None;
        }
        if path.is_empty() {
            self.note(field, Problem::Missing);
            return None;
        }
        Some(path.to_owned())
    }

    /// An address that a page may load.
    pub(super) fn web_address(&mut self, field: &'static str, value: Value<'_>) -> Option<String> {
        let address = self.text(field, value).filter(|address| !address.is_empty())?;
        let scheme = address.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        if matches!(scheme.as_deref(), Some("http" | "https")) {
            return Some(address);
        }
        self.note(field, Problem::UnsafeUrl);
        None
    }

    /// A number of pixels that is needed.
    pub(super) fn length(&mut self, field: &'static str, value: Value<'_>) -> Option<u32> {
        let Some(value) = value.filter(|value| *value != JsonValue::Null) else {
            self.note(field, Problem::Missing);
            return None;
        };
        let length = value.as_f64().and_then(whole_u32);
        if length.is_none() {
            self.note_shape(field, "a whole number from 0 to 4294967295", &value);
        }
        length
    }

    /// A number.
    pub(super) fn real(&mut self, field: &'static str, value: Value<'_>) -> Option<f64> {
        let value = value.filter(|value| *value != JsonValue::Null)?;
        let number = value.as_f64();
        if number.is_none() {
            self.note_shape(field, "a number", &value);
        }
        number
    }

    /// COCO's 0 and 1, or true and false.
    pub(super) fn flag(&mut self, field: &'static str, value: Value<'_>) -> bool {
        match value {
            None | Some(JsonValue::Null) => false,
            Some(JsonValue::Bool(flag)) => flag,
            Some(value) => {
                let number = value.as_f64();
                if number.is_none() {
                    self.note_shape(field, "0 or 1", &value);
                }
                number.is_some_and(|number| number != 0.0)
            }
        }
    }

    /// The first elements of a list, as many as one annotation may have.
    fn bounded<T>(&mut self, field: &'static str, mut list: Vec<T>) -> Vec<T> {
        let limit = self.limits.parts;
        if list.len() > limit {
            let actual = list.len() as u64;
            self.note(field, Problem::Limit { what: "elements of a list", limit: limit as u64, actual });
            list.truncate(limit);
        }
        list
    }

    /// Boxes in image space; the shape tells x, y, width, height from corners.
    pub(super) fn boxes(&mut self, field: &'static str, value: Value<'_>) -> Vec<Rect> {
        let expected = "x, y, width, height or a list of x1, y1, x2, y2";
        match value {
            None | Some(JsonValue::Null) => Vec::new(),
            Some(JsonValue::Numbers(numbers)) if numbers.len() == 4 => {
                vec![Rect::from_xywh([numbers[0], numbers[1], numbers[2], numbers[3]])]
            }
            Some(JsonValue::List(list)) => {
                let mut boxes = Vec::with_capacity(list.len().min(self.limits.parts));
                for (part, value) in self.bounded(field, list).into_iter().enumerate() {
                    match value {
                        JsonValue::Numbers(numbers) if numbers.len() == 4 => {
                            boxes.push(Rect {
                                x1: numbers[0],
                                y1: numbers[1],
                                x2: numbers[2],
                                y2: numbers[3],
                            });
                        }
                        other => {
                            let found = other.what();
                            self.note_part(field, part, Problem::Shape { expected: "x1, y1, x2, y2", found });
                        }
                    }
                }
                boxes
            }
            Some(other) => {
                self.note_shape(field, expected, &other);
                Vec::new()
            }
        }
    }

    /// Labels with their scores: a list of texts, or one.
    pub(super) fn labels(&mut self, field: &'static str, value: Value<'_>) -> Vec<Label> {
        let list = match value {
            None | Some(JsonValue::Null) => Vec::new(),
            Some(JsonValue::List(list)) => self.bounded(field, list),
            Some(text @ JsonValue::Text(_)) => vec![text],
            Some(other) => {
                self.note_shape(field, "a list of texts", &other);
                Vec::new()
            }
        };
        let mut labels = Vec::with_capacity(list.len());
        for (part, value) in list.into_iter().enumerate() {
            let JsonValue::Text(text) = value else {
                self.note_part(field, part, Problem::Shape { expected: "a text", found: value.what() });
                continue;
            };
            let label = Label::parse(&self.cut(field, text.into_owned()));
            if label.score.is_none() {
                self.note_part(field, part, Problem::LabelWithoutScore { label: label.text.as_str().into() });
            }
            labels.push(label);
        }
        labels
    }

    /// Encoded masks and polygons.
    pub(super) fn segmentation(
        &mut self,
        field: &'static str,
        value: Value<'_>,
    ) -> (Vec<Placed<RawMask>>, Vec<Placed<Vec<f64>>>) {
        let list = match value {
            None | Some(JsonValue::Null) => Vec::new(),
            Some(JsonValue::List(list)) => self.bounded(field, list),
            Some(one @ (JsonValue::Object(_) | JsonValue::Numbers(_))) => vec![one],
            Some(other) => {
                self.note_shape(field, "an RLE, a list of RLEs, or polygons", &other);
                Vec::new()
            }
        };
        let (mut parts, mut polygons) = (Vec::new(), Vec::new());
        for (part, value) in list.into_iter().enumerate() {
            match value {
                JsonValue::Numbers(polygon) if polygon.len() >= 6 && polygon.len().is_multiple_of(2) => {
                    match far_coordinate(&polygon) {
                        Some(at) => {
                            let error = rle::Error::Coordinate { polygon: part, at };
                            self.note_part(field, part, error.into());
                        }
                        None => polygons.push((part, polygon)),
                    }
                }
                JsonValue::Numbers(_) => {
                    let expected = "x and y of three points or more";
                    self.note_part(field, part, Problem::Shape { expected, found: "other numbers" });
                }
                JsonValue::Object(_) => match rle(value) {
                    Ok(rle) => parts.push((part, rle)),
                    Err(problem) => self.note_part(field, part, problem),
                },
                other => {
                    let problem = Problem::Shape { expected: "an RLE or a polygon", found: other.what() };
                    self.note_part(field, part, problem);
                }
            }
        }
        (parts, polygons)
    }
}

/// `{"size": [height, width], "counts": …}`.
fn rle(value: JsonValue<'_>) -> Result<RawMask, Problem> {
    let JsonValue::Object(fields) = value else {
        return Err(Problem::Shape { expected: "an RLE", found: value.what() });
    };
    let (mut size, mut counts) = (None, None);
    for (name, value) in fields {
        match name.as_ref() {
            "size" => size = Some(value),
            "counts" => counts = Some(value),
            _ => {}
        }
    }
    let expected = "size: [height, width]";
    let size = match size {
        Some(JsonValue::Numbers(numbers)) => {
            match numbers.iter().map(|&number| whole_u32(number)).collect::<Vec<_>>()[..] {
                [Some(height), Some(width)] => Size::new(width, height),
                _ => return Err(Problem::Shape { expected, found: "other numbers" }),
            }
        }
        other => {
            return Err(Problem::Shape { expected, found: other.map_or("nothing", |value| value.what()) });
        }
    };
    match counts {
        Some(JsonValue::Text(text)) => Ok(RawMask::Compressed { size, counts: text.into() }),
        Some(JsonValue::Numbers(counts)) if counts.iter().any(|length| length.fract() != 0.0) => {
            Err(Problem::Shape { expected: "whole run lengths", found: "other numbers" })
        }
        Some(JsonValue::Numbers(counts)) => Ok(RawMask::Counts { size, counts }),
        Some(JsonValue::List(list)) if list.is_empty() => Ok(RawMask::Counts { size, counts: Vec::new() }),
        other => {
            let found = other.map_or("nothing", |value| value.what());
            Err(Problem::Shape { expected: "counts: a text or a list of numbers", found })
        }
    }
}

fn whole_u32(value: f64) -> Option<u32> {
    (value.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&value)).then_some(value as u32)
}
