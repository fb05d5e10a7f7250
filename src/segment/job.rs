//! What a session asks to be run: the encoder, the decoder, or both for a second look.

use super::{Frame, Prompts, Tensor};
use crate::geometry::PixelRect;

/// A number by which the caller tells its questions apart. The one begun last is the newest,
/// whatever its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket(pub u32);

/// Which earlier answer a question goes on from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refine {
    /// The ticket of the answer.
    pub ticket: Ticket,
    /// Which of its candidates.
    pub candidate: usize,
}

/// A run of the encoder that is to be made.
#[derive(Debug)]
pub struct EncodeJob {
    /// Hand it back with the output.
    pub ticket: Ticket,
    /// The name of the graph's input.
    pub name: String,
    /// f32[1, 3, side, side].
    pub input: Tensor,
    pub(super) frame: Frame,
}

/// A run of the decoder that is to be made.
#[derive(Debug)]
pub struct DecodeJob {
    /// Hand it back with the outputs.
    pub ticket: Ticket,
    /// The graph's inputs by name, but for the embedding.
    pub inputs: Vec<(&'static str, Tensor)>,
    pub(super) prompts: Prompts,
    pub(super) frame: Frame,
    pub(super) look: Look,
}

/// A look at a part of the image by which an answer is to be bettered.
#[derive(Debug)]
pub struct Zoom {
    /// Which pixels of the image the encoder is to see for it; `None` where their embedding is kept.
    pub window: Option<PixelRect>,
    pub(super) ticket: Ticket,
    pub(super) frame: Frame,
    pub(super) look: Look,
}

/// What a model is shown of an image for one question, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// All of it.
    Whole,
    /// The surroundings of a first click, for another answer to it.
    OnClick,
    /// The surroundings of the answer, to correct it.
    Closer,
}
