//! Effects: requests to the model and the endpoint, redraws, and news for the page around the viewer.

use serde::{Deserialize, Serialize};

use super::{Failure, Source};
use crate::geometry::Rect;
use crate::link::protocol::LinkResponse;
use crate::rle::Mask;
use crate::segment::{Prompt, Refine, Ticket};

/// Something that the page has to do.
///
/// A mask is no part of the serialized form; `web` adds [`Effect::mask`] as an array of its runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(tsify::Tsify), tsify(missing_as_null))]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Effect {
    /// Draw: the masks have changed.
    DrawMasks,
    /// Draw: colors, opacities or highlights have changed.
    DrawStyle,
    /// Place the marks over the canvas anew.
    DrawMarks,
    /// Draw: another part of the image is shown.
    ViewChanged,
    /// Show the [`Snapshot`](super::Snapshot): it has changed.
    Changed,
    /// Draw on a new canvas: [`State::renderer`](super::State::renderer) has changed.
    Attach,
    /// Load the segmentation model and encode the image: a click is likely to come.
    PrepareModel,
    /// Run the segmentation model.
    Segment(SegmentRequest),
    /// Run the decoder once for the mask under the pointer, where the model is ready and fast.
    Preview(SegmentRequest),
    /// Stop a run of the model, whose masks are not awaited any more.
    CancelSegment {
        /// The ticket of the request.
        ticket: Ticket,
    },
    /// Ask for the entities of the mask.
    Link {
        /// Returned with the entities.
        ticket: Ticket,
        /// The mask to link.
        #[serde(skip)]
        mask: Mask,
        /// The endpoint's address; `None` links in the page, by the index published with it.
        endpoint: Option<String>,
    },
    /// Cancel a link request.
    CancelLink {
        /// The ticket of the request.
        ticket: Ticket,
    },
    /// Say something to those who use a screen reader.
    Announce {
        /// One sentence or two.
        text: String,
    },
    /// Dispatch a DOM event.
    Notify(Notice),
}

impl Effect {
    /// The mask that belongs to the effect.
    pub fn mask(&self) -> Option<&Mask> {
        match self {
            Self::Link { mask, .. }
            | Self::Notify(Notice::Segment { mask, .. } | Notice::Link { mask, .. }) => Some(mask),
            _ => None,
        }
    }
}

/// A run of the segmentation model.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(tsify::Tsify), tsify(missing_as_null))]
pub struct SegmentRequest {
    /// Returned with the masks.
    pub ticket: Ticket,
    /// Points and boxes in the order given.
    pub prompts: Vec<Prompt>,
    /// The mask of an earlier run that is refined.
    pub refine: Option<Refine>,
    /// The part of the image that is shown; `None` while all of it is.
    pub view: Option<Rect>,
}

/// News for the page around the viewer; each becomes a DOM event.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(tsify::Tsify), tsify(missing_as_null))]
#[serde(tag = "name", content = "detail", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Notice {
    /// Another shown mask is pointed at, or none.
    MaskHover(Option<MaskDetail>),
    /// Another shown mask is selected, or none.
    MaskSelect(Option<MaskDetail>),
    /// A click became a mask, or another candidate is chosen.
    Segment {
        /// The chosen candidate, as large as the image.
        #[serde(skip)]
        mask: Mask,
        /// The model's own estimate of its `IoU`, 0..=1.
        score: f32,
    },
    /// The entities of the mask are there.
    Link {
        /// The mask that was linked.
        #[serde(skip)]
        mask: Mask,
        /// Entities of the mask, from high to low scores.
        answer: LinkResponse,
        /// Source of the entities: the endpoint, the page's index or the cache.
        source: Source,
    },
    /// Kept masks were added, changed, restored or removed.
    KeptChange {
        /// The number of kept masks.
        count: usize,
    },
    /// The model, the endpoint, a file or the renderer failed.
    Error(Failure),
}

/// A shown mask in an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(tsify::Tsify), tsify(missing_as_null))]
pub struct MaskDetail {
    /// Its index among the masks shown.
    pub index: usize,
    /// Id of the annotation.
    pub id: String,
    /// Name of the entity, or any label.
    pub title: String,
    /// The entity, where the mask is linked.
    pub qid: Option<String>,
}
