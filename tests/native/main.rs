//! All native tests that use the crate from outside, in one binary so that they link once.

mod eval_segment;
mod shared_data;
mod tidy;
