//! What is to be done: requests to the model and the endpoint, redraws, and words for the page.

use serde::Serialize;

use super::{Failure, LinkAnswer, Source, Ticket};
use crate::rle::CocoRle;

/// Something the page has to do.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Effect {
    /// The set of masks to draw has changed.
    DrawMasks,
    /// Only colours, opacities, highlights or marks have changed.
    DrawStyle,
    /// What the [`Snapshot`](super::Snapshot) tells has changed.
    Changed,
    /// Ask the segmentation model.
    Segment(SegmentRequest),
    /// Nobody waits for this answer of the model any more.
    CancelSegment {
        /// Of the request.
        ticket: Ticket,
    },
    /// Ask the linking endpoint what the mask is.
    Link {
        /// To be given back with the answer.
        ticket: Ticket,
        /// The image, by the key it was opened with.
        image: String,
        /// What to ask about.
        mask: CocoRle,
        /// Where.
        endpoint: String,
    },
    /// Find in the page itself, by the index published with it, what the mask is.
    LinkInPage {
        /// To be given back with the answer.
        ticket: Ticket,
        /// The image, by the key it was opened with.
        image: String,
        /// What to ask about.
        mask: CocoRle,
    },
    /// Nobody waits for this answer of the endpoint, or of the page, any more.
    CancelLink {
        /// Of the request.
        ticket: Ticket,
    },
    /// Say this to people who hear the page.
    Announce {
        /// One sentence or two.
        text: String,
    },
    /// Tell the page around.
    Notify(Notice),
}

/// A question to the segmentation model.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SegmentRequest {
    /// To be given back with the answer.
    pub ticket: Ticket,
    /// The image, by the key it was opened with.
    pub image: String,
    /// `[x, y, label]` in image space; label 1 belongs to the object, 0 does not.
    pub points: Vec<[f64; 3]>,
    /// `[x1, y1, x2, y2]` in image space.
    #[serde(rename = "box")]
    pub rect: Option<[f64; 4]>,
    /// The earlier answer, and which of its candidates, whose low-resolution mask is to be fed back.
    pub refine: Option<(Ticket, usize)>,
}

/// News for the page around the viewer; each becomes a DOM event.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "name", content = "detail", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Notice {
    /// A shown mask is pointed at, or none.
    MaskHover(Option<MaskDetail>),
    /// A shown mask was selected, or none.
    MaskSelect(Option<MaskDetail>),
    /// A click became a mask, or the preferred candidate changed.
    Segment {
        /// The mask.
        mask: CocoRle,
        /// The model's own estimate of its `IoU`.
        score: f64,
    },
    /// The mask's entities are known.
    Link {
        /// The mask asked about.
        mask: CocoRle,
        /// The entities.
        answer: LinkAnswer,
        /// Who answered.
        source: Source,
    },
    /// Something did not work.
    Error(Failure),
}

/// A shown mask, as told to the page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MaskDetail {
    /// Its place among the masks shown.
    pub index: usize,
    /// Its id.
    pub id: String,
    /// Its name.
    pub title: String,
    /// Its entity, where linked.
    pub qid: Option<String>,
}
