//! Keeps the records of a file in memory: joined, indexed, queried and summarized.

mod chunked;
mod csr_index;
mod dataset;
mod frame;
mod join;
mod path;
mod query;
mod summary;
mod view;

pub use chunked::ChunkedVec;
pub use dataset::{Dataset, DatasetBuilder};
pub use frame::{FrameError, ImageFrame, MaskFrame};
pub use query::{Order, Query, QueryMatches};
pub use summary::{Summary, SummaryBuilder};
pub use view::{CategoryCount, ImageResult, OpenedImage, Overview, ResultPage};
