//! Everything that can be wrong with a record or a file, with its words and its stable code.

use crate::geometry::{PixelRect, Rect, Size};
use crate::rle;

/// What can be odd about a record. `Display` gives the reason in words; [`code`](Problem::code) a
/// stable code.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The file is no JSON object of sections, or not JSON at all from some byte on.
    #[error("byte {at}: {expected} expected")]
    NotAnnotations {
        /// Position in the file.
        at: u64,
        /// What should stand there.
        expected: &'static str,
    },
    /// The file ends in the middle; everything before was read.
    #[error("the file ends at byte {at}, inside {inside} that begins at byte {since}")]
    Truncated {
        /// Where it ends.
        at: u64,
        /// What was not finished.
        inside: &'static str,
        /// Where that began.
        since: u64,
    },
    /// A record is no valid JSON object; it is left out.
    #[error("the record at byte {record} cannot be read: byte {at}: {reason}")]
    Malformed {
        /// Where the record begins in the file.
        record: u64,
        /// Where reading it failed in the file.
        at: u64,
        /// The JSON reader's words.
        reason: Box<str>,
    },
    /// A record is longer than the limit; it is left out.
    #[error("the record at byte {record} has {bytes} bytes, over the limit of {limit}")]
    RecordTooLong {
        /// Where the record begins in the file.
        record: u64,
        /// Its length.
        bytes: u64,
        /// The longest that is taken.
        limit: u64,
    },
    /// More than a stated limit; what is over it is left out.
    #[error("{what}: {actual} is over the limit of {limit}")]
    Limit {
        /// What is limited.
        what: &'static str,
        /// The most that is taken.
        limit: u64,
        /// What was found, or a lower bound of it.
        actual: u64,
    },
    /// Not all records fit into memory.
    #[error(
        "{records} records are left out, as the others take the {limit} bytes of memory that there are for them"
    )]
    LeftOut {
        /// How many.
        records: u64,
        /// The most memory that is taken.
        limit: u64,
    },
    /// A needed field is absent.
    #[error("missing")]
    Missing,
    /// A field's value has a shape it cannot have; the field is left out.
    #[error("{found} where {expected} is expected")]
    Shape {
        /// What the format has there.
        expected: &'static str,
        /// What stands there.
        found: &'static str,
    },
    /// Two records of a section have the same id; images and categories keep the first, annotations both.
    #[error("the id is used before")]
    DuplicateId,
    /// `file_name` leads out of the folder of images; the image counts as having no file.
    #[error("the path leads out of the folder of images")]
    UnsafePath,
    /// An address is not http(s); it is left out.
    #[error("not an http or https address")]
    UnsafeUrl,
    /// The image stands in for one that annotations name and the file does not list.
    #[error("stands in for an image that the file does not list")]
    NotListed,
    /// The annotation's image is not in the file; a stand-in without a file takes its place.
    #[error("no image has the id {id:?}")]
    MissingImage {
        /// The id asked for.
        id: Box<str>,
    },
    /// The annotation's category is not in the file.
    #[error("no category has the id {id:?}")]
    UnknownCategory {
        /// The id asked for.
        id: Box<str>,
    },
    /// A mask cannot be decoded; it is left out.
    #[error("{0}")]
    BadMask(#[from] rle::Error),
    /// A mask has another size than its image.
    #[error("the mask is {mask}, the image {image}")]
    SizeDiffers {
        /// The mask's.
        mask: Size,
        /// The image's.
        image: Size,
    },
    /// A mask of a list has another size than the annotation's mask, so it is not part of the union.
    #[error("this mask is {part}, the annotation's {whole}: it is left out of the union")]
    PartsDiffer {
        /// This mask's.
        part: Size,
        /// Of the union.
        whole: Size,
    },
    /// No pixel is set.
    #[error("no pixel is set")]
    EmptyMask,
    /// Polygons need the size of an image to become a mask, and there is none.
    #[error("polygons cannot be drawn without the image's size")]
    PolygonsWithoutSize,
    /// The annotation has no mask at all.
    #[error("there is no mask")]
    NoMask,
    /// A box reaches outside the image, by more than one pixel.
    #[error("the box ({:.2}, {:.2})-({:.2}, {:.2}) reaches outside {image}", .found.x1, .found.y1, .found.x2, .found.y2)]
    BoxOutside {
        /// The box.
        found: Rect,
        /// The image's size.
        image: Size,
    },
    /// A box has no extent or its corners are swapped.
    #[error("the box ({:.2}, {:.2})-({:.2}, {:.2}) has no area", .found.x1, .found.y1, .found.x2, .found.y2)]
    EmptyBox {
        /// The box.
        found: Rect,
    },
    /// A box and the smallest rectangle around its mask have an intersection over union below 0.5.
    #[error("the box and the mask's own ({}, {})-({}, {}) overlap by IoU {iou:.2}{}", .mask.x, .mask.y,
        .mask.x + .mask.width, .mask.y + .mask.height,
        if *.fits_in_other_order { "; read in the other order of numbers they agree" } else { "" })]
    BoxDisagrees {
        /// The rectangle around the mask.
        mask: PixelRect,
        /// Intersection over union of the two rectangles.
        iou: f32,
        /// Whether x, y, width, height in place of x1, y1, x2, y2 (or the reverse) would agree.
        fits_in_other_order: bool,
    },
    /// The published `area` is not the mask's number of pixels, by more than 1 % and 1 pixel. Not
    /// asked of polygons, whose published area is that of the shape.
    #[error("{published} published, the mask has {counted} pixels")]
    AreaDiffers {
        /// As published.
        published: f64,
        /// Pixels set.
        counted: u64,
    },
    /// A label carries no score in brackets.
    #[error("{label:?} has no score in brackets")]
    LabelWithoutScore {
        /// The label.
        label: Box<str>,
    },
    /// The split has words that are not understood.
    #[error("{split:?} is not made of series, part, and seen or unseen")]
    UnclearSplit {
        /// As published.
        split: Box<str>,
    },
}

impl Problem {
    /// The bytes of its text.
    pub(super) fn text_bytes(&self) -> usize {
        match self {
            Self::Malformed { reason: text, .. }
            | Self::MissingImage { id: text }
            | Self::UnknownCategory { id: text }
            | Self::LabelWithoutScore { label: text }
            | Self::UnclearSplit { split: text } => text.len(),
            _ => 0,
        }
    }

    /// A stable code of the sort of problem, to count and filter by.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAnnotations { .. } => "not-annotations",
            Self::Truncated { .. } => "truncated",
            Self::Malformed { .. } => "malformed",
            Self::RecordTooLong { .. } => "record-too-long",
            Self::Limit { .. } | Self::LeftOut { .. } => "limit",
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
