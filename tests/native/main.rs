//! All native tests that use the crate from outside, in one binary so that they link once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod app;
mod backends;
mod catalog;
mod cells;
mod dataset;
mod dataset_chunks;
mod dataset_forms;
mod dataset_hostile;
mod dataset_pages;
mod dataset_tolerant;
mod embed;
mod eval_link;
mod eval_segment;
mod http;
mod inspect_cli;
mod link;
mod link_index;
mod noise;
mod onnx;
mod pack;
mod plvel;
mod qdrant;
mod render;
mod rle;
mod rle_cli;
mod rle_oracle;
mod rle_shapes;
mod segment;
mod serve;
mod serving;
mod shared_data;
mod synth;
mod tidy;
mod titles;
mod vlm;
