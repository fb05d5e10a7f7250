//! Parses records from the bytes of a JSON annotation file, chunk by chunk.

mod completed;
mod draw;
mod fields;
mod format;
mod forms;
mod lenient;
mod nesting;
mod raw;
mod reader;
mod scan;
mod section;
mod text;
mod value;
mod wire;

pub use completed::completed;
pub(in crate::dataset) use completed::split_key;
pub(in crate::dataset) use draw::DrawBudget;
pub use raw::{DecodedMasks, RawAnnotation};
pub use reader::{ReadItem, ReadProgress, Reader};
pub use scan::{RecordKey, RecordScanner, Scanned};
pub use section::Section;
pub use wire::{AnnotationKeys, parse_annotation, parse_category, parse_image, parse_keys};
