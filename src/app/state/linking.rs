//! What is known of the entity of the current mask: asked, answered by whom, or failed.
//!
//! The endpoint is asked first, where one is set; then the page itself; what neither answers, a
//! recorded answer may.

use serde::{Deserialize, Serialize};

use crate::app::{Failure, LinkAnswer, Ticket};
use crate::rle::Mask;

/// A recorded answer is given only for a mask that overlaps the recorded one by at least this `IoU`.
pub const MIN_IOU_OF_A_RECORDING: f64 = 0.5;

/// Who gave an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Source {
    /// The endpoint, now.
    Endpoint,
    /// The page itself, by the index published with it.
    Page,
    /// The endpoint, earlier: the answer was recorded for a mask much like this one.
    Recorded,
}

/// The state of the question what the current mask is.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(tag = "phase", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Linking {
    /// Nothing was asked.
    #[default]
    Idle,
    /// The endpoint, or the page itself, was asked.
    Asking {
        /// Under this ticket.
        ticket: Ticket,
        /// Who was asked.
        source: Source,
        /// Why those asked before had no answer.
        failures: Vec<Failure>,
    },
    /// There is an answer.
    Answered {
        /// What was said.
        answer: LinkAnswer,
        /// By whom.
        source: Source,
        /// Why those asked before had no answer, in the order asked.
        failures: Vec<Failure>,
    },
    /// There is no answer.
    Failed {
        /// Why, of each asked in their order; never empty.
        failures: Vec<Failure>,
    },
}

impl Linking {
    /// The request whose answer is awaited.
    pub fn awaited(&self) -> Option<Ticket> {
        match self {
            Self::Asking { ticket, .. } => Some(*ticket),
            _ => None,
        }
    }
}

/// A recorded answer with its mask decoded.
#[derive(Clone, Debug)]
pub(in crate::app) struct Recording {
    pub(in crate::app) mask: Mask,
    pub(in crate::app) answer: LinkAnswer,
}

/// The recorded answer whose mask is most like `mask`, if any is like enough.
pub(in crate::app) fn nearest<'a>(recordings: &'a [Recording], mask: &Mask) -> Option<&'a Recording> {
    let with_iou =
        recordings.iter().filter(|recording| recording.mask.size() == mask.size()).map(|recording| {
            let iou = recording.mask.iou(mask, false).unwrap_or(0.0);
            (iou, recording)
        });
    with_iou
        .filter(|(iou, _)| *iou >= MIN_IOU_OF_A_RECORDING)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, recording)| recording)
}
