//! Reads annotation files, Mask-OVEN-Wiki's and COCO's, as a stream, and tolerates damaged records.
//!
//! A [`Reader`] turns bytes into records; a [`Dataset`] keeps and joins them and runs queries; a
//! [`Summary`] only counts them. No content of a file makes reading fail: each problem becomes a
//! [`Finding`] on its record, and the rest stays usable.
//!
//! The folders inside name each other in one direction: `audit` (findings), `record` (typed records),
//! `json` (parsing), `memory` (whole files).
//!
//! ```
//! use masklink::dataset::{Dataset, ReadLimits};
//!
//! let json = br#"{"images": [{"id": 7, "file_name": "/04/crow.jpg", "width": 4, "height": 3}],
//!     "categories": [{"id": "Q388450", "name": "Crow"}],
//!     "annotations": [{"id": "a", "image_id": 7, "category_id": "Q388450", "bbox": [[1, 0, 3, 3]],
//!         "segmentation": [{"size": [3, 4], "counts": [3, 6, 3]}], "label": ["a bird(0.44)"]}]}"#;
//! let dataset = Dataset::read(json, &ReadLimits::default());
//! let annotation = &dataset.annotations()[0];
//! assert_eq!(annotation.mask()?.area(), 6);
//! assert_eq!(dataset.image_of(annotation).and_then(|image| image.file.as_deref()), Some("04/crow.jpg"));
//! assert_eq!(dataset.findings().count(), 0);
//! # Ok::<(), masklink::rle::Error>(())
//! ```

mod audit;
pub mod catalog;
mod file_name;
mod image_files;
mod json;
mod limits;
mod memory;
pub mod pack;
mod record;

pub use audit::{
    Example, FileFormat, Finding, NoiseInput, NoiseReason, NoiseReasons, NoiseReport, Problem, RecordKind,
    RecordRef, Tally, inspect,
};
pub use file_name::percent_decoded;
pub use image_files::ImageFiles;
pub use json::{
    AnnotationKeys, DecodedMasks, RawAnnotation, ReadItem, ReadProgress, Reader, RecordKey, RecordScanner,
    Scanned, Section, completed, parse_annotation, parse_category, parse_image, parse_keys,
};
pub use limits::ReadLimits;
pub use memory::{
    CategoryCount, ChunkedVec, Dataset, DatasetBuilder, FrameError, ImageFrame, ImageResult, MaskFrame,
    OpenedImage, Order, Overview, Query, QueryMatches, ResultPage, Summary, SummaryBuilder,
};
pub use record::{Annotation, Category, EncodedMask, ImageRecord, Label, Partition, Series, Split, is_qid};
