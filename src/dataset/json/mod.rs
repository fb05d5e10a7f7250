//! Parses records from the bytes of a JSON annotation file, chunk by chunk.

mod fields;
mod nesting;
mod raw;
mod reader;
mod scan;
mod value;
mod wire;

pub use raw::RawAnnotation;
pub use reader::{ReadItem, ReadProgress, Reader};
