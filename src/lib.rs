//! Masks as runs, from COCO RLE to the screen and from a click to a Wikipedia entity.

pub mod app;
#[cfg(all(feature = "cli", not(target_arch = "wasm32")))]
pub mod cli;
pub mod dataset;
pub mod geometry;
pub mod link;
pub mod render;
pub mod rle;
pub mod segment;
#[cfg(target_arch = "wasm32")]
pub mod web;
