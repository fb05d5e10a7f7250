//! What the page shows of the state, as plain data.

use serde::Serialize;

use super::{Failure, Linking, Prompt, Selection, Settings, State, Tool, Verdict};
use crate::geometry::PixelRect;
use crate::rle::{CocoRle, Connectivity, Mask};

/// The state as its panels need it; masks themselves are not in it, but the current one.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// The image's key.
    pub image: Option<String>,
    /// `[width, height]` of the image.
    pub size: Option<[u32; 2]>,
    /// The tool in hand.
    pub tool: Tool,
    /// The masks shown, in drawing order.
    pub shown: Vec<ShownSummary>,
    /// The shown mask pointed at.
    pub hovered: Option<usize>,
    /// The shown mask selected.
    pub selected: Option<usize>,
    /// What was said about the object being clicked.
    pub prompts: Vec<Prompt>,
    /// Whether the model is at work.
    pub segmenting: bool,
    /// The model's own `IoU` estimates of its candidates, best first.
    pub candidates: Vec<f64>,
    /// The preferred candidate.
    pub chosen: usize,
    /// Why the model did not answer.
    pub segment_failure: Option<Failure>,
    /// The mask the panel is about.
    pub mask: Option<CocoRle>,
    /// Its measures.
    pub facts: Option<Facts>,
    /// What is known of its entity.
    pub linking: Linking,
    /// How sure that is, where there is an answer.
    pub verdict: Option<Verdict>,
    /// The settings.
    pub settings: Settings,
}

/// A shown mask, without its pixels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownSummary {
    /// The annotation's id.
    pub id: String,
    /// The entity's name.
    pub title: String,
    /// The entity.
    pub qid: Option<String>,
}

/// Measures of a mask.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Facts {
    /// Pixels set.
    pub area: u64,
    /// Area over the image's area.
    pub share: f64,
    /// COCO's `[x, y, width, height]`; `None` for an empty mask.
    pub bbox: Option<[u32; 4]>,
    /// Runs of ones in column-major order.
    pub runs: usize,
    /// Parts that touch nowhere, not even at a corner.
    pub components: usize,
}

impl Facts {
    /// Measures a mask.
    pub fn of(mask: &Mask) -> Self {
        let bbox = mask.bbox().map(|PixelRect { x, y, width, height }| [x, y, width, height]);
        let area = mask.area();
        let share = area as f64 / mask.size().pixels().max(1) as f64;
        Self {
            area,
            share,
            bbox,
            runs: mask.runs().len(),
            components: mask.component_count(Connectivity::Eight),
        }
    }
}

impl State {
    /// What the page shows.
    pub fn snapshot(&self) -> Snapshot {
        let shown = self.shown().iter();
        let shown = shown.map(|shown| ShownSummary {
            id: shown.id.clone(),
            title: shown.title.clone(),
            qid: shown.qid.clone(),
        });
        Snapshot {
            image: self.image().map(|(key, _)| key.to_owned()),
            size: self.image().map(|(_, size)| [size.width, size.height]),
            tool: self.tool(),
            shown: shown.collect(),
            hovered: self.hovered(),
            selected: if let Selection::Shown(index) = self.selection() { Some(index) } else { None },
            prompts: self.clicks().prompts().to_vec(),
            segmenting: self.clicks().awaited().is_some(),
            candidates: self.clicks().candidates().iter().map(|candidate| candidate.score).collect(),
            chosen: self.clicks().chosen(),
            segment_failure: self.segment_failure().cloned(),
            mask: self.current_mask().map(CocoRle::from),
            facts: self.current_mask().map(Facts::of),
            linking: self.linking().clone(),
            verdict: match self.linking() {
                Linking::Answered { answer, .. } => Some(Verdict::of(answer)),
                _ => None,
            },
            settings: self.settings().clone(),
        }
    }
}
