//! Qdrant in place of the search in this process: uploads the vectors of an index, and finds those nearest to
//! a mask's vector.
//!
//! The index stays the source of everything else. A point's id is the row of its vector in the index, so that
//! a response of Qdrant is a list of rows: the rows are compared with the query once more here, by the
//! vectors of the index, and equal the result of the local search as far as Qdrant found them.

pub mod backend;
mod client;
mod collection;
mod error;
mod search;
mod stored;
mod upload;
mod wire;

pub use client::Occasion;
pub use collection::{Collection, CollectionArgs};
pub use error::QdrantError;
pub use search::nearest;
pub use upload::{Uploaded, upload};

pub(super) use upload::{UploadArgs, run};
