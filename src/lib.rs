//! Masks as runs, from COCO RLE to the screen and from a click to a Wikipedia entity.
//!
//! # Bird's eye
//!
//! An image has masks. A mask arrives as COCO run-length encoding, is kept as its column-major run
//! boundaries from then on, and is drawn by a GPU that gets those runs and nothing larger. A click
//! in the image becomes a prompt, a prompt becomes a mask by a small segment-anything model in a
//! worker, and a mask becomes a ranked list of Wikipedia entities by an HTTP endpoint, or by the
//! same code in the worker. One crate holds all of it: compiled to WebAssembly it is the page's
//! core, compiled natively it is the command line tool and the server.
//!
//! ```text
//! geometry ─► rle ─► render ─► app ─► web    (wasm32 only)
//!     │        ├──► dataset ─┐
//!     │        ├──► segment ─┼─► web, cli       (cli native only: the binary `masklink`)
//!     │        └──► link ────┘
//!     └──► pixels ─► segment, link
//! gpu ─► render, link
//! ```
//!
//! An arrow points from what is used to who uses it; a test (`tests/native/tidy.rs`) keeps it so.
//!
//! # Code map
//!
//! - [`geometry`]: sizes, points, rectangles, the transform between image space and canvas space.
//! - [`pixels`]: pixels of an image, and any rectangle of them resampled to a model's input.
//! - [`model`]: tensors, and the host that runs graphs, reads pixels and fetches.
//! - [`rle`]: [`rle::Mask`], the COCO codecs, set operations, components, outlines.
//! - [`dataset`]: Mask-OVEN-Wiki and plain COCO files, streamed, with a list of findings on odd records.
//! - `gpu`: the GPU device, its errors and its loss (feature `gpu`).
//! - [`render`]: a scene of masks drawn by WebGPU, and its twin that draws the same on the CPU.
//! - [`segment`]: images to tensors, prompts to tensors, logits to runs; which model, and how its
//!   graphs look.
//! - [`link`]: the linking protocol, mask-pooled features, the index and its exact search, for the
//!   server and for a page that links by itself; the client's behaviour.
//! - [`app`]: the page's state and what happens on each event, as plain data.
//! - `web`: the only place that JavaScript sees. It becomes a small module for the page, one for
//!   the page's workers, and one that measures and tests the renderers; a feature of each one's
//!   name says what it exports.
//! - `cli`: one file a subcommand, the HTTP server, the native ONNX Runtime.
//!
//! # Invariants
//!
//! - **A mask is runs.** A bitmap is made only where a model or an export needs one, after its size
//!   was checked.
//! - **`render`, `segment`, `link` and `dataset` do not know each other.** What joins them stands
//!   in `web` and `cli`.
//! - **`app` is pure:** it has no clock, no network, no GPU and no JavaScript; it answers an event
//!   with effects.
//! - **Every WGSL kernel has a CPU twin** that is its specification, its fallback and its oracle in
//!   the tests.
//! - **wgpu is used in `gpu`, `render` and the search of `link` alone, `#[wasm_bindgen]` in `web`
//!   alone, the native ONNX Runtime in `cli::onnx` alone.**
//! - **Every byte from outside is hostile:** limits come before allocation, an error says where and
//!   why, and one bad record never hides the others.
//! - **No `unsafe`.**
//!
//! # Glossary
//!
//! - **image**: the photograph under the masks, as pixels or as the encoded file they come from.
//! - **image space**: coordinates in pixels of the image, origin at its top-left corner.
//! - **canvas space**: coordinates in device pixels of the canvas.
//! - **mask**: a set of pixels of one image, stored as run boundaries.
//! - **run**: consecutive pixels of one value in column-major order.
//! - **boundary**: the index at which a run begins or ends.
//! - **overlay**: the masks and boxes of one annotation as a scene draws them.
//! - **scene**: an image's size and its overlays, lowest first.
//! - **record**: one JSON object of an annotation file: an image, an annotation or a category.
//! - **finding**: a problem of a record, reported with its position; the record is repaired or dropped.
//! - **prompt**: the clicks and the box that tell the model which object to segment.
//! - **embedding**: the encoder's output for one image, from which the decoder makes masks.
//! - **candidate**: one of the masks that the model proposes for a prompt.
//! - **crop**: the part of an image that one run of a model sees.
//! - **refinement pass**: another run of the model on a crop around a mask or a click.
//! - **ticket**: the number of a request; only the newest ticket of its kind counts.
//! - **host**: the code outside the library that runs graphs, reads pixels and fetches.
//! - **manifest**: the file that describes models: files, hashes, shapes and limits.
//! - **entity**: a thing with a Wikipedia article, identified by its QID, its key in Wikidata.
//! - **feature map**: features of an image on a grid; the cells under a mask are pooled to one vector.
//! - **index**: the vectors of known entities, searched for those nearest to a mask's vector.
//! - **exemplar**: one vector of an entity in the index.
//! - **confidence**: the calibrated probability that an entity, or any entity of the index, is right.
//! - **cached answer**: a linking result stored with the page, shown when the endpoint fails.
//! - **twin**: the CPU code that computes the same as a WGSL kernel.

pub mod app;
#[cfg(all(feature = "cli", not(target_arch = "wasm32")))]
pub mod cli;
pub mod dataset;
pub mod geometry;
#[cfg(feature = "gpu")]
pub mod gpu;
pub mod link;
pub mod model;
pub mod pixels;
pub mod render;
pub mod rle;
pub mod segment;
#[cfg(target_arch = "wasm32")]
pub mod web;
