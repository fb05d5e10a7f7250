//! Problems of records and files, each with its message and its stable code.

use super::format::FileFormat;
use crate::geometry::{PixelRect, Rect, Size};
use crate::rle;

/// A problem of a record or of the file.
///
/// All of them are faults of the file, except [`LeftOut`](Self::LeftOut) and some
/// [`Limit`](Self::Limit)s, which a caller avoids by higher [`ReadLimits`](super::super::ReadLimits).
/// `Display` gives the message for people, [`code`](Self::code) the stable code for programs.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The file is not a JSON object of sections, or stops being one at this byte.
    #[error("byte {at}: expected {expected}")]
    NotAnnotations {
        /// Position in the file.
        at: u64,
        /// The element that the format has here.
        expected: &'static str,
    },
    /// The file is of another format, which is not read.
    #[error("{format}")]
    OtherFormat {
        /// The format.
        format: FileFormat,
    },
    /// The file is cut off; all records before its end are read.
    #[error("the file is cut off at byte {at}, inside {inside} that begins at byte {since}")]
    Truncated {
        /// Length of the file.
        at: u64,
        /// The innermost element that is not complete.
        inside: &'static str,
        /// Position where `inside` begins.
        since: u64,
    },
    /// A record is not a valid JSON object; it is left out.
    #[error("the record at byte {record} is not valid: byte {at}: {reason}")]
    Malformed {
        /// Position of the record in the file.
        record: u64,
        /// Position of the error in the file.
        at: u64,
        /// Message of the JSON parser.
        reason: Box<str>,
    },
    /// A part of a record is not valid JSON; the fields that can be read are kept.
    #[error("the record is not valid ({reason}); the fields that can be read are kept")]
    DamagedRecord {
        /// Message of the JSON parser.
        reason: Box<str>,
    },
    /// A token is not valid JSON, such as `NaN`; it is read as Python reads it, or left out.
    #[error("{path}{token} is not valid JSON")]
    Token {
        /// Place of the token in the field, with `: ` at its end; empty for the field itself.
        path: Box<str>,
        /// The token, shortened.
        token: Box<str>,
    },
    /// A string is not UTF-8; it is read as Latin-1, or its other bytes are replaced by U+FFFD.
    #[error("{path}the text is not UTF-8")]
    NotUtf8 {
        /// Place of the string in the field, with `: ` at its end; empty for the field itself.
        path: Box<str>,
    },
    /// A record has a key twice; the last value counts.
    #[error("the key is given more than once; the last value counts")]
    RepeatedKey,
    /// A number is written as a string; it is read as the number.
    #[error("a number in quotes: {text:?}")]
    QuotedNumber {
        /// The string.
        text: Box<str>,
    },
    /// The width or height of an image is 0; its size is treated as unknown.
    #[error("an image cannot have the size 0")]
    ZeroSize,
    /// A record is longer than [`record_bytes`](super::super::ReadLimits::record_bytes); it is left out.
    #[error("the record at byte {record} has {bytes} bytes, which exceeds the limit of {limit}")]
    RecordTooLong {
        /// Position of the record in the file.
        record: u64,
        /// Length of the record.
        bytes: u64,
        /// Maximum length.
        limit: u64,
    },
    /// A count exceeds one of the [`ReadLimits`](super::super::ReadLimits); the rest is left out.
    #[error("{what}: {actual} exceeds the limit of {limit}")]
    Limit {
        /// The counted unit, such as `"records"`.
        what: &'static str,
        /// Maximum count.
        limit: u64,
        /// The count found, or a lower bound of it.
        actual: u64,
    },
    /// Some records do not fit into the memory budget.
    #[error("{records} records are left out: the memory limit of {limit} bytes is reached")]
    LeftOut {
        /// Number of records left out.
        records: u64,
        /// The memory budget, [`memory_bytes`](super::super::ReadLimits::memory_bytes).
        limit: u64,
    },
    /// A field has another form than the format's, which is certain and is read.
    #[error("read as {form}")]
    OtherForm {
        /// The form, such as `"a box in place of a polygon"`.
        form: &'static str,
    },
    /// Polygons lie in the image of swapped width and height, and not in the image.
    #[error("the polygons fit the image with its width and height swapped, {swapped}")]
    SwappedImage {
        /// The size of the image, swapped.
        swapped: Size,
    },
    /// Polygons extend beyond the image by more than one pixel.
    #[error("the polygons extend to {extent}, beyond the image of {image}")]
    PolygonsOutside {
        /// The size of the smallest frame that holds the image and the polygons.
        extent: Size,
        /// Size of the image.
        image: Size,
    },
    /// A required field is absent.
    #[error("missing")]
    Missing,
    /// A field's value has the wrong shape; the field is left out.
    #[error("expected {expected}, found {found}")]
    Shape {
        /// The shape that the format has.
        expected: &'static str,
        /// The shape of the value.
        found: &'static str,
    },
    /// An earlier record of the section has the same id. Both annotations are kept; an id of an image
    /// or a category refers to the first.
    #[error("an earlier record has the same id")]
    DuplicateId,
    /// `file_name` points outside the image folder; only its end is used.
    #[error("the path points outside the image folder; only its end is used")]
    UnsafePath,
    /// A URL is not http(s); it is left out.
    #[error("not an http or https URL")]
    UnsafeUrl,
    /// The image is a placeholder for one that annotations name and the file does not list.
    #[error("placeholder for an image that the file does not list")]
    NotListed,
    /// The annotation's image is not in the file; a placeholder without a file takes its place.
    #[error("no image has the id {id:?}")]
    MissingImage {
        /// The image id of the annotation.
        id: Box<str>,
    },
    /// The annotation's category is not in the file.
    #[error("no category has the id {id:?}")]
    UnknownCategory {
        /// The category id of the annotation.
        id: Box<str>,
    },
    /// A mask cannot be decoded; it is left out.
    #[error("{0}")]
    BadMask(#[from] rle::Error),
    /// The size of a mask differs from that of its image.
    #[error("the mask is {mask}, but the image is {image}{}", swapped(*.mask, *.image))]
    SizeDiffers {
        /// Size of the mask.
        mask: Size,
        /// Size of the image.
        image: Size,
    },
    /// The size of a mask differs from that of the annotation's union; the union omits this mask.
    #[error("the mask is {part}, but the annotation's union is {whole}; the union omits this mask")]
    PartsDiffer {
        /// Size of this mask.
        part: Size,
        /// Size of the union.
        whole: Size,
    },
    /// A mask has no pixels.
    #[error("the mask is empty")]
    EmptyMask,
    /// The image's size is unknown; the polygons are drawn in a frame of their own.
    #[error("the polygons have no frame: the width and height of the image are unknown")]
    PolygonsWithoutSize,
    /// The annotation has no mask.
    #[error("the annotation has no mask")]
    NoMask,
    /// A box extends beyond the image by more than one pixel.
    #[error("the box {} extends beyond the image of {image}", corners(.found))]
    BoxOutside {
        /// The box.
        found: Rect,
        /// Size of the image.
        image: Size,
    },
    /// A box has no extent, or its corners are swapped.
    #[error("the box {} has no area", corners(.found))]
    EmptyBox {
        /// The box.
        found: Rect,
    },
    /// A box and the bounds of its mask have an intersection over union (IoU) below 0.5.
    #[error("the box and the mask's bounds ({}, {})-({}, {}) have IoU {iou:.2}{}", .mask.x, .mask.y,
        .mask.x + .mask.width, .mask.y + .mask.height, other_order(*.fits_in_other_order))]
    BoxDisagrees {
        /// Bounds of the mask.
        mask: PixelRect,
        /// Intersection over union of the two rectangles.
        iou: f32,
        /// Whether x, y, width, height in place of x1, y1, x2, y2 (or the reverse) would fit.
        fits_in_other_order: bool,
    },
    /// The published `area` differs from the number of pixels by more than 1 % and 1 pixel. Not
    /// checked for polygons, whose published area is that of the shape.
    #[error("the published area is {published}, but the mask has {counted} pixels")]
    AreaDiffers {
        /// The record's `area`.
        published: f64,
        /// Number of pixels of the mask.
        counted: u64,
    },
    /// A label has no score in parentheses.
    #[error("{label:?} has no score in parentheses")]
    LabelWithoutScore {
        /// The label.
        label: Box<str>,
    },
    /// A split has words that are not known.
    #[error("{split:?} has words other than a series, train, val, test, seen and unseen")]
    UnclearSplit {
        /// The split as published.
        split: Box<str>,
    },
}

fn swapped(mask: Size, image: Size) -> &'static str {
    if mask == image.swapped() {
        "; its height and width are swapped, or it is of the unturned image"
    } else {
        ""
    }
}

fn corners(rect: &Rect) -> String {
    format!("({:.2}, {:.2})-({:.2}, {:.2})", rect.x1, rect.y1, rect.x2, rect.y2)
}

fn other_order(fits: bool) -> &'static str {
    if fits { "; the box fits when its numbers are read in the other order" } else { "" }
}

/// Returns the parser's message without the position, which is relative to the record.
fn reason(error: &serde_json::Error) -> Box<str> {
    let message = error.to_string();
    message.rsplit_once(" at line ").map_or(message.as_str(), |(reason, _)| reason).into()
}

impl Problem {
    /// Returns the problem of a record that is not valid JSON; `record` is its position in the file.
    pub fn malformed(error: &serde_json::Error, record: u64, json: &[u8]) -> Self {
        let before: usize = json
            .split_inclusive(|&byte| byte == b'\n')
            .take(error.line().saturating_sub(1))
            .map(<[u8]>::len)
            .sum();
        let within = (before + error.column()).saturating_sub(1).min(json.len());
        Self::Malformed { record, at: record + within as u64, reason: reason(error) }
    }

    /// Returns the problem of a record of which the readable fields are kept.
    pub(crate) fn damaged(error: &serde_json::Error) -> Self {
        Self::DamagedRecord { reason: reason(error) }
    }

    /// Returns whether one record is left out for this problem.
    pub(crate) fn leaves_record_out(&self) -> bool {
        matches!(self, Self::Malformed { .. } | Self::RecordTooLong { .. })
    }

    /// Returns whether one of the noise rules finds the same.
    pub fn is_noise(&self) -> bool {
        matches!(self, Self::EmptyMask | Self::BoxDisagrees { .. })
    }

    /// Returns the number of bytes that its strings take on the heap.
    pub(super) fn text_bytes(&self) -> usize {
        match self {
            Self::Malformed { reason: text, .. }
            | Self::DamagedRecord { reason: text }
            | Self::NotUtf8 { path: text }
            | Self::QuotedNumber { text }
            | Self::MissingImage { id: text }
            | Self::UnknownCategory { id: text }
            | Self::LabelWithoutScore { label: text }
            | Self::UnclearSplit { split: text } => text.len(),
            Self::Token { path, token } => path.len() + token.len(),
            _ => 0,
        }
    }

    /// Returns a stable code, such as `"size-differs"`, to count and filter by.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAnnotations { .. } => "not-annotations",
            Self::OtherFormat { .. } => "other-format",
            Self::Truncated { .. } => "truncated",
            Self::Malformed { .. } => "malformed",
            Self::DamagedRecord { .. } => "damaged-record",
            Self::Token { .. } => "odd-token",
            Self::NotUtf8 { .. } => "not-utf8",
            Self::RepeatedKey => "repeated-key",
            Self::QuotedNumber { .. } => "quoted-number",
            Self::ZeroSize => "zero-size",
            Self::RecordTooLong { .. } => "record-too-long",
            Self::Limit { .. } | Self::LeftOut { .. } => "limit",
            Self::OtherForm { .. } => "other-form",
            Self::SwappedImage { .. } => "swapped-image",
            Self::PolygonsOutside { .. } => "polygons-outside",
            Self::Missing => "missing",
            Self::Shape { .. } => "shape",
            Self::DuplicateId => "duplicate-id",
            Self::UnsafePath => "unsafe-path",
            Self::UnsafeUrl => "unsafe-url",
            Self::NotListed => "not-listed",
            Self::MissingImage { .. } => "missing-image",
            Self::UnknownCategory { .. } => "unknown-category",
            Self::BadMask(_) => "bad-mask",
            Self::SizeDiffers { .. } => "size-differs",
            Self::PartsDiffer { .. } => "parts-differ",
            Self::EmptyMask => "empty-mask",
            Self::PolygonsWithoutSize => "polygons-without-size",
            Self::NoMask => "no-mask",
            Self::BoxOutside { .. } => "box-outside",
            Self::EmptyBox { .. } => "empty-box",
            Self::BoxDisagrees { .. } => "box-disagrees",
            Self::AreaDiffers { .. } => "area-differs",
            Self::LabelWithoutScore { .. } => "label-without-score",
            Self::UnclearSplit { .. } => "unclear-split",
        }
    }
}
