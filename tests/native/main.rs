//! All native tests that use the crate from outside, in one binary so that they link once.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests do")]

mod eval_segment;
mod shared_data;
mod tidy;
