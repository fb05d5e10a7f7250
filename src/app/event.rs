//! What can happen: the person, the image, the model and the endpoint, as plain data.

use serde::{Deserialize, Serialize};

use super::{LinkAnswer, RunsJson, Settings, Ticket, Tool};
use crate::rle::CocoRle;

/// Something that happened. Positions are in image space.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Event {
    /// An image is there; what belonged to the last one is forgotten.
    ImageOpened {
        /// What the page calls the image: its address or its content's hash.
        key: String,
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
    },
    /// The image was taken away.
    ImageClosed,
    /// These masks are shown over the image, instead of those before.
    MasksShown {
        /// In drawing order.
        masks: Vec<ShownMaskJson>,
    },
    /// Answers of the endpoint that were recorded for this image.
    RecordingsRead {
        /// In any order.
        answers: Vec<RecordedAnswer>,
    },
    /// The pointer is over this point of the image, or has left it.
    PointerMoved {
        /// `[x, y]`.
        point: Option<[f64; 2]>,
    },
    /// A mask of the list is pointed at, or none.
    MaskHovered {
        /// Its place among the masks shown.
        index: Option<usize>,
    },
    /// A mask is selected, or none.
    MaskSelected {
        /// Its place among the masks shown.
        index: Option<usize>,
    },
    /// Another tool was taken.
    ToolChosen {
        /// Which.
        tool: Tool,
    },
    /// The image was clicked.
    Clicked {
        /// To the right.
        x: f64,
        /// Down.
        y: f64,
        /// A key says "not this", whatever the tool.
        #[serde(default)]
        negative: bool,
        /// A key says "this too", whatever the tool.
        #[serde(default)]
        add: bool,
    },
    /// A box was drawn around an object, between two opposite corners.
    BoxDrawn {
        /// One corner.
        from: [f64; 2],
        /// The corner opposite.
        to: [f64; 2],
    },
    /// The last point or box is taken back.
    Undone,
    /// All points and boxes are taken back.
    Cleared,
    /// One of the model's candidates is preferred.
    CandidateChosen {
        /// Its place in the answer.
        index: usize,
    },
    /// The next candidate, or with -1 the one before, around the ends.
    CandidateStepped {
        /// How many places.
        by: i32,
    },
    /// The model answered.
    Segmented {
        /// Of the request.
        ticket: Ticket,
        /// As the model gave them.
        candidates: Vec<CandidateJson>,
        /// Which of them the model prefers; without it the one of the highest score.
        #[serde(default)]
        best: Option<usize>,
        /// Whether the model looks closer still: these are shown until its answer comes, and not linked.
        #[serde(default)]
        provisional: bool,
    },
    /// The model could not answer.
    SegmentFailed {
        /// Of the request.
        ticket: Ticket,
        /// Why.
        failure: Failure,
    },
    /// The person asks what the current mask is.
    LinkAsked,
    /// The endpoint, or the page itself, answered.
    Linked {
        /// Of the request.
        ticket: Ticket,
        /// What it said.
        answer: LinkAnswer,
    },
    /// The endpoint, or the page itself, could not answer.
    LinkFailed {
        /// Of the request.
        ticket: Ticket,
        /// Why.
        failure: Failure,
    },
    /// The settings are now these.
    SettingsChanged {
        /// All of them.
        settings: Settings,
    },
}

/// A mask to show and what is known of it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownMaskJson {
    /// The annotation's id, or any name the page knows it by.
    pub id: String,
    /// The mask; as large as the image.
    pub mask: RunsJson,
    /// The entity's name, or any label.
    #[serde(default)]
    pub title: String,
    /// The entity, where the masks are linked.
    #[serde(default)]
    pub qid: Option<String>,
}

/// One of a model's candidates.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct CandidateJson {
    /// As large as the image.
    pub mask: CocoRle,
    /// The model's own estimate of its `IoU`, 0..=1.
    pub score: f64,
}

/// An answer of the endpoint kept for when it is down.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct RecordedAnswer {
    /// What was asked about.
    pub mask: CocoRle,
    /// What was answered.
    pub answer: LinkAnswer,
}

/// Why something outside did not work.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Failure {
    /// Stable, for programs: `endpoint-down`, `timeout`, `model-hash`, …
    pub code: String,
    /// For people: what went wrong and what to do.
    pub message: String,
}
