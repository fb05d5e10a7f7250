//! Converts field values to typed ones; a value that cannot be converted is dropped and reported.

use std::borrow::Cow;

use super::forms::{self, ReadPolygon, box_of, form, points_of, polygon_of, polygon_of_box};
use super::raw::{Indexed, RawMask};
use super::text;
use super::value::JsonValue;
use crate::dataset::audit::{Finding, Problem};
use crate::dataset::file_name::NamedPath;
use crate::dataset::limits::ReadLimits;
use crate::dataset::record::Label;
use crate::geometry::{Rect, Size};
use crate::rle::{self, invalid_coordinate};

/// Converts the fields of one record and collects their findings.
pub(super) struct Fields<'l> {
    limits: &'l ReadLimits,
    pub(super) findings: Vec<Finding>,
}

/// The id of a record that has none of its own.
#[derive(Clone, Copy)]
pub(super) enum DefaultId<'k> {
    /// `#` and the number of the record in its section, from 0.
    Number(u64),
    /// The record's key in a section that is an object, as written.
    Key(&'k [u8]),
}

type Value<'a> = Option<JsonValue<'a>>;

/// 2⁵³: an `f64` below it represents every whole number exactly.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

impl<'l> Fields<'l> {
    /// Continues the findings of the record's tokens.
    pub(super) fn new(limits: &'l ReadLimits, findings: Vec<Finding>) -> Self {
        Self { limits, findings }
    }

    /// Adds a finding on a field.
    pub(super) fn report(&mut self, field: &'static str, problem: Problem) {
        self.push(Finding::new(field, problem));
    }

    fn report_element(&mut self, field: &'static str, element: usize, problem: Problem) {
        self.push(Finding::of_element(field, element, problem));
    }

    fn push(&mut self, finding: Finding) {
        // An odd token is the cause of what its field lacks.
        let is_told = matches!(finding.problem, Problem::Missing | Problem::Shape { .. })
            && self
                .findings
                .iter()
                .any(|other| other.field == finding.field && matches!(other.problem, Problem::Token { .. }));
        if !is_told && self.findings.len() < self.limits.findings {
            self.findings.push(finding);
        }
    }

    fn report_shape(&mut self, field: &'static str, expected: &'static str, value: &JsonValue<'_>) {
        self.report(field, Problem::Shape { expected, found: value.shape() });
    }

    /// Converts a string or a number to an id.
    fn id(&mut self, field: &'static str, value: Value<'_>) -> Option<String> {
        match value? {
            JsonValue::String(text) if text.is_empty() => None,
            JsonValue::String(text) => Some(self.truncate(field, text.into_owned())),
            // Table libraries write whole numbers as 7.0 when a column has gaps.
            JsonValue::Number(number) => Some(match number.as_f64() {
                Some(value) if number.is_f64() && value.fract() == 0.0 && value.abs() < MAX_EXACT => {
                    format!("{value:.0}")
                }
                _ => number.to_string(),
            }),
            JsonValue::Digits(digits) => Some(digits.into()),
            JsonValue::Null => None,
            other => {
                self.report_shape(field, "a string or a number", &other);
                None
            }
        }
    }

    /// Converts an id; reports a missing one and returns `""`.
    pub(super) fn required_id(&mut self, field: &'static str, value: Value<'_>) -> String {
        let before = self.findings.len();
        self.id(field, value).unwrap_or_else(|| {
            if self.findings.len() == before {
                self.report(field, Problem::Missing);
            }
            String::new()
        })
    }

    /// Converts an id; a missing one is replaced, and reported unless the record has a key.
    pub(super) fn id_or_default(
        &mut self,
        field: &'static str,
        value: Value<'_>,
        id: DefaultId<'_>,
    ) -> String {
        match id {
            DefaultId::Number(number) => {
                let id = self.required_id(field, value);
                if id.is_empty() { format!("#{number}") } else { id }
            }
            DefaultId::Key(key) => {
                let id = self.id(field, value);
                id.unwrap_or_else(|| self.truncate(field, text::decode(key).0.into_owned()))
            }
        }
    }

    /// Converts a string, truncated at a character when it exceeds the limit.
    pub(super) fn string(&mut self, field: &'static str, value: Value<'_>) -> Option<String> {
        match value? {
            JsonValue::String(text) => Some(self.truncate(field, text.into_owned())),
            JsonValue::Null => None,
            other => {
                self.report_shape(field, "a string", &other);
                None
            }
        }
    }

    fn truncate(&mut self, field: &'static str, mut text: String) -> String {
        let limit = self.limits.text_bytes;
        if text.len() > limit {
            let actual = text.len() as u64;
            self.report(field, Problem::Limit { what: "bytes of a string", limit: limit as u64, actual });
            text.truncate((0..=limit).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0));
            text.shrink_to_fit();
        }
        text
    }

    /// Converts a path, or the path of an address, to a relative one inside the image folder with forward
    /// slashes. Of one that leads out of the folder, the steps that stay inside are kept.
    pub(super) fn path(&mut self, field: &'static str, value: Value<'_>) -> Option<String> {
        let NamedPath { path, leads_out } = NamedPath::read(&self.string(field, value)?);
        if leads_out {
            self.report(field, Problem::UnsafePath);
        } else if path.is_empty() {
            self.report(field, Problem::Missing);
        }
        Some(path).filter(|path| !path.is_empty())
    }

    /// Accepts an http(s) URL.
    pub(super) fn http_url(&mut self, field: &'static str, value: Value<'_>) -> Option<String> {
        let url = self.string(field, value).filter(|url| !url.is_empty())?;
        let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        if matches!(scheme.as_deref(), Some("http" | "https")) {
            return Some(url);
        }
        self.report(field, Problem::UnsafeUrl);
        None
    }

    /// Converts a required width or height in pixels.
    pub(super) fn side(&mut self, field: &'static str, value: Value<'_>) -> Option<u32> {
        let Some(value) = value.filter(|value| *value != JsonValue::Null) else {
            self.report(field, Problem::Missing);
            return None;
        };
        match self.number_of(field, &value).and_then(whole_u32) {
            Some(0) => {
                self.report(field, Problem::ZeroSize);
                None
            }
            Some(side) => Some(side),
            None => {
                self.report_shape(field, "a whole number from 0 to 4294967295", &value);
                None
            }
        }
    }

    /// Converts a number.
    pub(super) fn number(&mut self, field: &'static str, value: Value<'_>) -> Option<f64> {
        let value = value.filter(|value| *value != JsonValue::Null)?;
        let number = self.number_of(field, &value);
        if number.is_none() {
            self.report_shape(field, "a number", &value);
        }
        number
    }

    /// Returns a number, also one in quotes, which is reported.
    fn number_of(&mut self, field: &'static str, value: &JsonValue<'_>) -> Option<f64> {
        let number = value.as_f64().or_else(|| value.quoted_number());
        if let (Some(_), JsonValue::String(text)) = (number, value) {
            self.report(field, Problem::QuotedNumber { text: text.as_ref().into() });
        }
        number
    }

    /// Converts COCO's 0 and 1, or true and false; a missing one is false.
    pub(super) fn flag(&mut self, field: &'static str, value: Value<'_>) -> bool {
        match value {
            None | Some(JsonValue::Null) => false,
            Some(JsonValue::Bool(flag)) => flag,
            Some(value) => {
                let number = self.number_of(field, &value);
                if number.is_none() {
                    self.report_shape(field, "0 or 1", &value);
                }
                number.is_some_and(|number| number != 0.0)
            }
        }
    }

    /// Truncates a list to the limit of one annotation.
    fn limited<T>(&mut self, field: &'static str, mut list: Vec<T>) -> Vec<T> {
        let limit = self.limits.parts;
        if list.len() > limit {
            let actual = list.len() as u64;
            self.report(field, Problem::Limit { what: "elements of a list", limit: limit as u64, actual });
            list.truncate(limit);
        }
        list
    }

    /// Converts boxes to image space: one of x, y, width, height, or a list of corners.
    pub(super) fn boxes(&mut self, field: &'static str, value: Value<'_>) -> Vec<Rect> {
        let expected = "x, y, width, height or a list of x1, y1, x2, y2";
        match value {
            None | Some(JsonValue::Null) => Vec::new(),
            Some(JsonValue::Numbers(numbers)) if numbers.len() == 4 => {
                vec![Rect::from_xywh([numbers[0], numbers[1], numbers[2], numbers[3]])]
            }
            Some(JsonValue::Object(object)) if forms::box_of_object(&object).is_some() => {
                self.report(field, Problem::OtherForm { form: form::OBJECT });
                forms::box_of_object(&object).into_iter().collect()
            }
            Some(JsonValue::List(list)) if forms::numbers_of(&list).is_some_and(|four| four.len() == 4) => {
                self.report(field, Problem::OtherForm { form: form::QUOTED });
                self.boxes(field, forms::numbers_of(&list).map(JsonValue::Numbers))
            }
            Some(JsonValue::List(list)) => {
                let mut boxes = Vec::with_capacity(list.len().min(self.limits.parts));
                for (index, value) in self.limited(field, list).into_iter().enumerate() {
                    let quoted = match &value {
                        JsonValue::List(list) => forms::numbers_of(list),
                        _ => None,
                    };
                    if let (JsonValue::Numbers(numbers), _) | (_, Some(numbers)) = (&value, &quoted)
                        && let [x1, y1, x2, y2] = numbers[..]
                    {
                        if quoted.is_some() {
                            self.report_element(field, index, Problem::OtherForm { form: form::QUOTED });
                        }
                        boxes.push(Rect { x1, y1, x2, y2 });
                    } else {
                        let problem = Problem::Shape { expected: "x1, y1, x2, y2", found: value.shape() };
                        self.report_element(field, index, problem);
                    }
                }
                boxes
            }
            Some(other) => {
                self.report_shape(field, expected, &other);
                Vec::new()
            }
        }
    }

    /// Converts labels with their scores: a list of strings, or one.
    pub(super) fn labels(&mut self, field: &'static str, value: Value<'_>) -> Vec<Label> {
        let list = match value {
            None | Some(JsonValue::Null) => Vec::new(),
            Some(JsonValue::List(list)) => self.limited(field, list),
            Some(text @ JsonValue::String(_)) => vec![text],
            Some(other) => {
                self.report_shape(field, "a list of strings", &other);
                Vec::new()
            }
        };
        let mut labels = Vec::with_capacity(list.len());
        for (index, value) in list.into_iter().enumerate() {
            let JsonValue::String(text) = value else {
                let problem = Problem::Shape { expected: "a string", found: value.shape() };
                self.report_element(field, index, problem);
                continue;
            };
            let label = Label::parse(&self.truncate(field, text.into_owned()));
            if label.score.is_none() {
                let label = label.text.as_str().into();
                self.report_element(field, index, Problem::LabelWithoutScore { label });
            }
            labels.push(label);
        }
        labels
    }

    /// Sorts a segmentation into encoded masks and polygons; the boxes and the published area of its
    /// annotation tell what four numbers mean.
    pub(super) fn segmentation(
        &mut self,
        field: &'static str,
        value: Value<'_>,
        boxes: &[Rect],
        area: Option<f64>,
    ) -> Segmentation {
        let list = match value {
            None | Some(JsonValue::Null) => Vec::new(),
            Some(JsonValue::List(list)) if points_of(&list).is_some() => vec![JsonValue::List(list)],
            Some(JsonValue::List(list)) => list,
            Some(one @ (JsonValue::Object(_) | JsonValue::Numbers(_))) => vec![one],
            Some(other) => {
                self.report_shape(field, "an RLE, a list of RLEs, or polygons", &other);
                Vec::new()
            }
        };
        let mut read = Segmentation::default();
        let is_full = |read: &Segmentation, limits: &ReadLimits, value: &JsonValue<'_>| match value {
            JsonValue::Object(_) => read.masks.len() >= limits.parts,
            _ => read.polygons.len() >= limits.polygons,
        };
        let (mut masks_left_out, mut polygons_left_out) = (0, 0);
        for (index, value) in list.into_iter().enumerate() {
            if is_full(&read, self.limits, &value) {
                let is_mask = matches!(value, JsonValue::Object(_));
                *(if is_mask { &mut masks_left_out } else { &mut polygons_left_out }) += 1;
                continue;
            }
            let element = match value {
                // A polygon without points, as some tools write for an object that has only a box.
                JsonValue::List(list) if list.is_empty() => continue,
                JsonValue::Object(fields) => {
                    rle(fields).map(|(mask, form)| (read.masks.push((index, mask)), form).1)
                }
                value => polygon(value, index, boxes, area)
                    .map(|(polygon, form)| (read.polygons.push((index, polygon)), form).1),
            };
            match element {
                Ok(None) => {}
                Ok(Some(form)) => self.report_element(field, index, Problem::OtherForm { form }),
                Err(problem) => {
                    read.is_cut = true;
                    self.report_element(field, index, problem);
                }
            }
        }
        for (what, limit, left_out) in [
            ("elements of a list", self.limits.parts, masks_left_out),
            ("polygons of a mask", self.limits.polygons, polygons_left_out),
        ] {
            if left_out > 0 {
                read.is_cut = true;
                let (limit, actual) = (limit as u64, (limit + left_out) as u64);
                self.report(field, Problem::Limit { what, limit, actual });
            }
        }
        read
    }
}

/// The elements of a segmentation that could be read.
#[derive(Default)]
pub(super) struct Segmentation {
    pub(super) masks: Vec<Indexed<RawMask>>,
    /// Flat x, y lists in image space.
    pub(super) polygons: Vec<Indexed<Vec<f64>>>,
    /// Whether an element could not be read, or is over a limit.
    pub(super) is_cut: bool,
}

/// Converts a polygon, in its usual or another form.
fn polygon(
    value: JsonValue<'_>,
    index: usize,
    boxes: &[Rect],
    area: Option<f64>,
) -> Result<ReadPolygon, Problem> {
    let expected = "x and y of three points or more";
    let (polygon, form) = match value {
        JsonValue::Numbers(numbers) => (numbers, None),
        other => polygon_of(&other)
            .ok_or(Problem::Shape { expected: "an RLE or a polygon", found: other.shape() })?,
    };
    if let Ok(four) = <[f64; 4]>::try_from(polygon.as_slice()) {
        let found = "four numbers, as of a box or a line";
        let found = box_of(four, boxes, area).ok_or(Problem::Shape { expected, found })?;
        return Ok((polygon_of_box(found), Some(form::BOX)));
    }
    if polygon.len() < 6 || !polygon.len().is_multiple_of(2) {
        return Err(Problem::Shape { expected, found: "other numbers" });
    }
    match invalid_coordinate(&polygon) {
        Some(at) => Err(rle::Error::Coordinate { polygon: index, at }.into()),
        None => Ok((polygon, form)),
    }
}

/// Converts `{"size": [height, width], "counts": …}`; names the form if it is not the usual one.
fn rle(fields: Vec<(Cow<'_, str>, JsonValue<'_>)>) -> Result<(RawMask, Option<&'static str>), Problem> {
    let (mut size, mut counts) = (None, None);
    for (name, value) in fields {
        match name.as_ref() {
            "size" => size = Some(value),
            "counts" => counts = Some(value),
            _ => {}
        }
    }
    let (size, is_size_quoted) = unquoted(size);
    let (counts, are_counts_quoted) = unquoted(counts);
    let form = (is_size_quoted || are_counts_quoted).then_some(form::QUOTED);
    let expected = "size: [height, width]";
    let size = match size {
        Some(JsonValue::Numbers(numbers)) => {
            match numbers.iter().map(|&number| whole_u32(number)).collect::<Vec<_>>()[..] {
                [Some(height), Some(width)] => Size::new(width, height),
                _ => return Err(Problem::Shape { expected, found: "other numbers" }),
            }
        }
        other => {
            return Err(Problem::Shape { expected, found: other.map_or("nothing", |value| value.shape()) });
        }
    };
    match counts {
        Some(JsonValue::String(text)) => match text_of_bytes(&text) {
            Some(counts) => Ok((RawMask::Compressed { size, counts: counts.into() }, Some(form::BYTES))),
            None => Ok((RawMask::Compressed { size, counts: text.into() }, form)),
        },
        Some(JsonValue::Numbers(counts)) if counts.iter().any(|length| length.fract() != 0.0) => {
            Err(Problem::Shape { expected: "whole run lengths", found: "other numbers" })
        }
        Some(JsonValue::Numbers(counts)) => Ok((RawMask::Counts { size, counts }, form)),
        Some(JsonValue::List(list)) if list.is_empty() => {
            Ok((RawMask::Counts { size, counts: Vec::new() }, form))
        }
        other => {
            let found = other.map_or("nothing", |value| value.shape());
            Err(Problem::Shape { expected: "counts: a string or a list of numbers", found })
        }
    }
}

/// Reads a list of numbers in quotes as numbers; returns whether it is one.
fn unquoted(value: Value<'_>) -> (Value<'_>, bool) {
    let numbers = match &value {
        Some(JsonValue::List(list)) => forms::numbers_of(list),
        _ => None,
    };
    let is_quoted = numbers.is_some();
    (numbers.map(JsonValue::Numbers).or(value), is_quoted)
}

/// Returns the counts in Python's text of bytes, `b'…'`, in which a backslash is written twice.
fn text_of_bytes(text: &str) -> Option<String> {
    let quoted = text.strip_prefix('b')?;
    let inner = ['\'', '"'].iter().find_map(|&quote| quoted.strip_prefix(quote)?.strip_suffix(quote))?;
    Some(inner.replace("\\\\", "\\"))
}

fn whole_u32(value: f64) -> Option<u32> {
    (value.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&value)).then_some(value as u32)
}
