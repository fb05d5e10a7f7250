//! Keeps the records of a file in memory: joined, indexed, queried and summarized.

mod chunked;
mod csr_index;
mod dataset;
mod join;
mod path;
mod query;
mod summary;
mod view;

pub use chunked::ChunkedVec;
pub use dataset::{Dataset, DatasetBuilder};
pub use query::{Order, Query, QueryMatches};
pub use summary::{Summary, SummaryBuilder};
pub use view::{CategoryCount, ImageResult, Overview, ResultPage};
