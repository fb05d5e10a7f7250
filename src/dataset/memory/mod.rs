//! Keeps the records of a file in memory: joined, grouped, selected from and summarized.

mod chunked;
mod dataset;
mod groups;
mod join;
mod path;
mod query;
mod summary;
mod view;

pub use chunked::Blocks;
pub use dataset::{Dataset, DatasetBuilder};
pub use query::{Order, Query, Selection};
pub use summary::{Survey, SurveyBuilder};
pub use view::{CategoryCount, Overview, Page, PageImage, QueryMessage};
