//! The records of an annotation file as typed values: images, categories and annotations.

mod annotation;
mod encoded;
mod image;
mod label;
mod split;

pub use annotation::Annotation;
pub(crate) use annotation::CUT_MESSAGE;
pub use encoded::EncodedMask;
pub use image::{Category, ImageRecord, is_qid};
pub use label::Label;
pub use split::{Partition, Series, Split};
