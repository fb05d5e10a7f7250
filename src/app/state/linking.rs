//! The entities of the current mask: requested, found or failed.

use serde::Serialize;

use crate::app::Failure;
use crate::link::protocol::LinkResponse;
use crate::rle::Mask;
use crate::segment::Ticket;

/// Minimum `IoU` of a mask and a cached answer's mask for that answer to be shown.
pub const MIN_CACHED_IOU: f64 = 0.5;

/// The source of a mask's entities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub enum Source {
    /// The endpoint of the settings.
    Endpoint,
    /// The index in the page.
    Local,
    /// A cached answer for a similar mask.
    Cached,
}

/// The progress of linking the current mask.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(tsify::Tsify), tsify(missing_as_null))]
#[serde(tag = "phase", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Linking {
    /// Nothing was requested for the current mask.
    #[default]
    Idle,
    /// A request is running.
    Asking {
        /// The ticket of the request.
        ticket: Ticket,
        /// The source that is asked now.
        source: Source,
        /// The failures of those asked before.
        failures: Vec<Failure>,
    },
    /// The entities are known.
    Answered {
        /// Entities from high to low scores.
        answer: LinkResponse,
        /// The source of the entities.
        source: Source,
        /// The failures of those asked before, in their order.
        failures: Vec<Failure>,
    },
    /// Neither endpoint, index nor cache gave entities.
    Failed {
        /// The failures of all asked, in their order; never empty.
        failures: Vec<Failure>,
    },
}

impl Linking {
    /// Returns the ticket of the running request.
    pub fn awaited(&self) -> Option<Ticket> {
        match self {
            Self::Asking { ticket, .. } => Some(*ticket),
            _ => None,
        }
    }

    /// Returns the failures of those asked so far.
    pub fn failures(&self) -> &[Failure] {
        match self {
            Self::Idle => &[],
            Self::Asking { failures, .. } | Self::Answered { failures, .. } | Self::Failed { failures } => {
                failures
            }
        }
    }
}

/// A cached answer with its mask decoded.
#[derive(Clone, Debug)]
pub(super) struct Cached {
    pub(super) mask: Mask,
    pub(super) answer: LinkResponse,
}

/// Returns the cached answer whose mask overlaps `mask` most, if any overlaps it enough.
pub(super) fn nearest<'a>(cached: &'a [Cached], mask: &Mask) -> Option<&'a LinkResponse> {
    let same_size = cached.iter().filter(|cached| cached.mask.size() == mask.size());
    same_size
        .map(|cached| (cached.mask.iou(mask, false).unwrap_or(0.0), &cached.answer))
        .filter(|(iou, _)| *iou >= MIN_CACHED_IOU)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, answer)| answer)
}
