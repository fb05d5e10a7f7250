//! All native tests that use the crate from outside, in one binary so that they link once.

mod rle;
mod rle_cli;
mod rle_oracle;
mod shared_data;
mod tidy;
