//! Masks as runs, from COCO RLE to the screen and from a click to a Wikipedia entity.
//!
//! # Overview
//!
//! An image has masks. A mask arrives as COCO run-length encoding. It is decoded to its column-major
//! run boundaries and kept in that form; the GPU draws it from those boundaries, without a bitmap. A
//! click in the image becomes a prompt, and a small segment-anything model in a worker turns the prompt
//! into a mask. An HTTP endpoint, or the same code in the worker, turns the mask into a ranked list of
//! Wikipedia entities. One crate holds all of this: compiled to WebAssembly it is the page's core,
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
//! An arrow points from a module to those that use it. `cli` uses neither `render` nor `app`. `app`
//! uses only the prompts of `segment` and only the protocol of `link`. A test (`tests/native/tidy`)
//! enforces the arrows and fails if files depend on each other in a circle.
//!
//! # A click, step by step
//!
//! 1. `www/viewer/pointer.js` reports the released pointer to `web::Viewer`.
//! 2. [`app::State`] converts the point to image space, adds a prompt under a new ticket, and returns
//!    [`app::Effect::Segment`].
//! 3. `www/viewer/models.js` sends the request to the worker, on a channel of its own
//!    (`www/worker/rpc.js`).
//! 4. `web::ModelRunner` loads the runtime, the model and the image unless they are loaded already. It
//!    runs one click at a time.
//! 5. [`segment::click()`] encodes the image once, decodes the prompts, and runs the refinement passes.
//!    Each run goes through [`model::Host`]: in the worker to ONNX Runtime Web, where the embedding
//!    stays on the GPU, and natively to ONNX Runtime. Where the person chose it, the endpoint encodes the
//!    image instead ([`link::protocol::embed_image`]).
//! 6. The candidates return as arrays of run boundaries. [`app::State`] takes them if their ticket is
//!    still the newest, and returns effects: draw the masks, link the best one.
//! 7. `www/viewer/models.js` sends the mask to the worker on another channel.
//! 8. [`link::protocol::ask_endpoint`] asks the endpoint, or [`link::answer`] runs the index's encoder
//!    and searches the index in the worker, all of it or the cells nearest to the mask ([`link::cells`]).
//! 9. [`app::State`] takes the entities, and its [snapshot](app::Snapshot) states in words how certain
//!    the result is.
//! 10. `www/demo/cards.js` shows them.
//!
//! The command line runs steps 5 and 8 with the same functions, on `cli::host::NativeHost`. Outdated
//! results are dropped in two places: the state ignores results of old tickets, and the worker skips
//! work that was cancelled.
//!
//! # Code map
//!
//! - [`geometry`]: sizes, points, rectangles, the transform between image space and canvas space.
//! - [`pixels`]: pixels of an image, and any rectangle of them resampled to a model's input.
//! - [`model`]: tensors, and the trait [`model::Host`], which runs graphs, reads pixels and fetches files.
//! - [`rle`]: [`rle::Mask`], the COCO codecs, set operations, components, outlines.
//! - [`dataset`]: Mask-OVEN-Wiki and plain COCO files. `json` scans and converts records, `record` holds
//!   them, `audit` checks them and lists findings and signs of noise, `memory` keeps a file and selects from
//!   it. [`dataset::catalog`] finds and pages annotations of any number, reading only what is shown;
//!   [`dataset::pack`] is the static folder that `masklink pack` makes.
//! - `gpu`: the GPU device, its errors, and what happens when it is lost (feature `gpu`).
//! - [`render`]: a scene of masks drawn by WebGPU, and its twin that draws the same on the CPU.
//! - [`segment`]: runs a click: models and their manifest, prompts and images to tensors, logits to runs.
//! - [`link`]: the linking protocol and its client, the encoder, the index, exact search, candidates,
//!   calibration; [`link::cells`] reads an index of any size by ranges, cell by cell; [`link::names`] has the
//!   codes by which generative models name entities.
//! - [`app`]: the viewer's state, and the effects of each event, as plain data; also the masks that a
//!   person keeps on the image, and the history that undo walks through.
//! - `web`: the only module that JavaScript calls. Four features compile it to four WebAssembly
//!   modules: a small one for the page, one for the page's workers, one for the explorer's worker, and one
//!   for benchmarks and browser tests.
//! - `cli`: the subcommands (`cli::mod` lists them), the HTTP server in `cli::serve`, the back ends
//!   (`backend`, `qdrant`, `vlm`), the index of titles, the native ONNX Runtime.
//!
//! # Invariants
//!
//! - **A mask is stored as runs.** A bitmap is made only where a model or an export needs one, and only
//!   after its size was checked.
//! - **`render`, `segment`, `link` and `dataset` do not use each other.** `app`, `web` and `cli` connect
//!   them.
//! - **`app` is pure:** it has no clock, no network, no GPU and no JavaScript; an event goes in, effects
//!   come out.
//! - **Rust calls the host for input and output.** Each task that needs a model, an index or an endpoint
//!   is one async function that takes a [`model::Host`], and is tested natively.
//! - **Every WGSL kernel has a CPU twin**, code that computes the same result: its specification, its
//!   fallback and the reference in its tests.
//! - **Dependencies stay local:** only `gpu`, `render` and the search of `link` use wgpu, only `web` uses
//!   `#[wasm_bindgen]`, and only `cli::onnx` uses the native ONNX Runtime.
//! - **Every byte from outside is untrusted:** sizes are checked before anything is allocated, an error
//!   says where and why, and one bad record never hides the others.
//! - **`unsafe` in two places only,** each a few lines with their reason: `link::index::mapped` maps a file,
//!   and `link::search::kernel` runs instructions that it found the processor to have.
//!
//! # Glossary
//!
//! - **image**: the photograph under the masks, as pixels or as the encoded file they come from.
//! - **image space**: coordinates in pixels of the image, origin at its top-left corner; *canvas space* has
//!   device pixels of the canvas.
//! - **mask**: a set of pixels of one image, stored as run boundaries.
//! - **run**: consecutive pixels of one value in column-major order; a *boundary* is the index at which one
//!   begins or ends.
//! - **record**: one JSON object of an annotation file: an image, an annotation or a category.
//! - **finding**: a problem of a record, reported with its position; the record is repaired or dropped.
//! - **prompt**: the clicks and the box that tell the model which object to segment.
//! - **embedding**: the encoder's output for one image, from which the decoder makes masks.
//! - **candidate**: one of the masks that the model proposes for a prompt; in `link`, an entity that a mask
//!   may show, before calibration.
//! - **crop**: the part of an image that one run of a model sees. An encoder's *views* are the whole image, a
//!   crop around the mask, and the wider *surroundings*.
//! - **refinement pass**: another run of the model on a crop around a mask or a click.
//! - **ticket**: the number of a request; only the newest ticket of its kind counts.
//! - **host**: the code outside the library that runs graphs, reads pixels and fetches files.
//! - **manifest**: the file that describes models: files, hashes, shapes and limits.
//! - **entity**: a thing with a Wikipedia article, identified by its QID, its key in Wikidata. A *broader
//!   entity* of an index stands for others in it.
//! - **feature map**: features of an image on a grid; those under a mask are pooled to one vector.
//! - **index**: the vectors of entities, searched for those nearest to a mask's vector. An entity is *known*
//!   if it is in the index, and *unknown* otherwise.
//! - **exemplar**: one vector of an entity in the index, from a mask of it.
//! - **class**: an entity known by a row of a linear classifier, its *prototype*, without an image.
//! - **cell**: a cluster of near exemplars in an index, read by one range; a *grid cell* is a place of a
//!   feature map.
//! - **back end**: the code that links masks in a server: a local index, Qdrant, or a vision model.
//! - **calibration**: the functions, fitted to held-out masks, that turn similarities into scores.
//! - **score**: the calibrated probability that an entity is right. A result's *confidence* is the verdict by
//!   its scores: likely, possible, unsure, not in the index.
//! - **catalog**: the sorted rows of a dataset with their *facets*, the binned properties by which any part
//!   of it is found.
//! - **pack**: a static folder of Parquet files with their catalog; a *sidecar* is the catalog of a
//!   published file, with positions in place of records.

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
