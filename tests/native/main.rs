//! All native tests that use the crate from outside, in one binary so that they link once.

mod app;
mod shared_data;
mod tidy;
