//! All native tests that use the crate from outside, in one binary so that they link once.

mod onnx;
mod shared_data;
mod tidy;
