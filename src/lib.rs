//! Masks as runs, from COCO RLE to the screen and from a click to a Wikipedia entity.
//!
//! # Overview
//!
//! An image has masks. A mask arrives as COCO run-length encoding, is kept as its column-major run
//! boundaries from then on, and is drawn by a GPU that gets those runs and nothing larger. A click
//! in the image becomes a prompt, a small segment-anything model in a worker turns the prompt into a
//! mask, and an HTTP endpoint, or the same code in the worker, turns the mask into a ranked list of
//! Wikipedia entities. One crate holds all of it: compiled to WebAssembly it is the page's core,
//! compiled natively it is the command line tool and the server.
//!
//! ```text
//! geometry ─┬► rle ─┬► dataset ────────┐
//!           │       ├► render ─┐       ├► web   (wasm32 only)
//!           │       ├► segment ┼► app ─┤
//!           │       └► link ───┘       └► cli   (native only: the binary `masklink`)
//!           └► pixels ─► model ─► segment, link
//! gpu ─► render, link
//! ```
//!
//! An arrow points from a module to those that use it. `cli` uses neither `render` nor `app`, and
//! `app` names nothing of `segment` but its prompts and nothing of `link` but its protocol. A test
//! (`tests/native/tidy`) holds the arrows and refuses circles of files.
//!
//! # A click, step by step
//!
//! 1. `www/viewer/pointer.js` reports the released pointer to `web::Viewer`.
//! 2. [`app::State`] converts the point to image space, adds a prompt under a new ticket, and returns
//!    [`app::Effect::Segment`].
//! 3. `www/viewer/models.js` sends the request to the worker, on a channel of its own
//!    (`www/worker/rpc.js`).
//! 4. `web::ModelRunner` loads what is missing: the runtime, the model, the image. Clicks take turns.
//! 5. [`segment::click()`] encodes the image once, decodes the prompts, and runs the refinement passes.
//!    Each run goes through [`model::Host`]: in the worker to ONNX Runtime Web, where the embedding
//!    stays on the GPU, and natively to ONNX Runtime.
//! 6. The candidates return as arrays of run boundaries. [`app::State`] takes them if their ticket is
//!    still the newest, and returns effects: draw the masks, link the best one.
//! 7. `www/viewer/models.js` sends the mask to the worker on another channel.
//! 8. [`link::protocol::ask_endpoint`] asks the endpoint, or [`link::answer`] runs the index's encoder
//!    and searches the index in the worker.
//! 9. [`app::State`] takes the entities, and its [snapshot](app::Snapshot) says in words how sure they
//!    are.
//! 10. `www/demo/cards.js` shows them.
//!
//! The command line takes steps 5 and 8 by the same functions, over `cli::host::NativeHost`. Whether a
//! result is still wanted is decided in two places: the state drops the results of old tickets, and
//! the worker skips work that was cancelled.
//!
//! # Code map
//!
//! - [`geometry`]: sizes, points, rectangles, the transform between image space and canvas space.
//! - [`pixels`]: pixels of an image, and any rectangle of them resampled to a model's input.
//! - [`model`]: tensors, and the host: the trait by which the rest runs graphs, reads pixels and fetches.
//! - [`rle`]: [`rle::Mask`], the COCO codecs, set operations, components, outlines.
//! - [`dataset`]: Mask-OVEN-Wiki and plain COCO files. `json` scans and converts records, `record` holds
//!   them, `audit` checks them and lists findings, `memory` keeps a file and selects from it.
//! - `gpu`: the GPU device, its errors and its loss (feature `gpu`).
//! - [`render`]: a scene of masks drawn by WebGPU, and its twin that draws the same on the CPU.
//! - [`segment`]: the click: models and their manifest, prompts and images to tensors, logits to runs.
//! - [`link`]: the linking protocol and its client, the encoder, the index, exact search, calibration.
//! - [`app`]: the viewer's state, and the effects of each event, as plain data.
//! - `web`: the only module that JavaScript sees. It is compiled to a small WebAssembly module for the
//!   page, one for the page's workers, and one for benchmarks and browser tests, by a feature each.
//! - `cli`: one file for each subcommand, the HTTP server in `cli::serve`, the native ONNX Runtime.
//!
//! # Invariants
//!
//! - **A mask is runs.** A bitmap is made only where a model or an export needs one, after its size
//!   was checked.
//! - **`render`, `segment`, `link` and `dataset` do not name each other.** `app`, `web` and `cli` join them.
//! - **`app` is pure:** it has no clock, no network, no GPU and no JavaScript; an event goes in, effects
//!   come out.
//! - **Rust drives, the host serves.** What needs a model, an index or an endpoint is one async function
//!   over [`model::Host`], and is tested natively.
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
