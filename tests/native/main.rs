//! All native tests that use the crate from outside, in one binary so that they link once.

mod dataset;
mod dataset_chunks;
mod dataset_hostile;
mod shared_data;
mod tidy;
