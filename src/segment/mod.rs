//! Click to mask: what stands between an image, a person's clicks and a promptable segmentation model.
//!
//! Everything here is plain computation. Whoever owns a graph runner (ONNX Runtime in the page's
//! worker, or natively behind the command line) asks a [`Session`] what to run, runs it, and hands
//! the outputs back:
//!
//! ```text
//! Pixels ─► Session::begin_encode ─► encoder graph ─► finish_encode      once an image
//! Prompts ─► Session::begin_decode ─► decoder graph ─► finish_decode ─► Answer      each click
//! Answer ─► Session::zoom_in ─► encoder graph, decoder graph ─► finish_decode ─► Answer      as long as the model asks for it
//! ```
//!
//! Each `begin` carries a [`Ticket`]; a `finish` whose ticket is no longer the newest is dropped,
//! so a slow answer never replaces a newer one. Models are described by a [`Manifest`].

mod answer;
mod cleanup;
mod closer;
mod error;
mod frame;
mod job;
mod logits;
mod manifest;
mod preprocess;
mod prompt;
mod session;
mod smooth;
mod zoom;

pub use crate::model::{Data, Tensor};
pub use answer::{Answer, Candidate};
pub use error::Error;
pub use frame::Frame;
pub use job::{DecodeJob, EncodeJob, Refine, Ticket, Zoom};
pub use logits::{Logits, LogitsSize};
pub use manifest::{Decoder, Encoder, Family, Graph, Limits, Manifest, Model};
pub use prompt::{MAX_PROMPTS, Prompt, Prompts};
pub use session::Session;
