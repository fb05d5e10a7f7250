//! The state as plain data, for the panels around the image.

use serde::Serialize;

use super::{Failure, Kept, Linking, Selection, Settings, Shown, State, Tool, Verdict, words};
use crate::geometry::PixelRect;
use crate::rle::Mask;
use crate::segment::Prompt;

/// Maximum number of names in the description of an image.
const MAX_NAMES: usize = 8;

/// The state without masks: it is cheap to make after each change.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(tsify::Tsify), tsify(missing_as_null))]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// The key of the image.
    pub image: Option<String>,
    /// Width and height of the image.
    pub size: Option<[u32; 2]>,
    /// Describes the image and its masks in words.
    pub description: String,
    /// The tool that the next click uses.
    pub tool: Tool,
    /// The masks shown, in drawing order.
    pub shown: Vec<ShownSummary>,
    /// Reason why masks, or some of them, are not shown.
    pub masks_failure: Option<Failure>,
    /// Index of the shown mask that is selected.
    pub selected: Option<usize>,
    /// Points and boxes on the object that is segmented.
    pub prompts: Vec<Prompt>,
    /// Whether the model is running.
    pub segmenting: bool,
    /// The model's own `IoU` estimates of its candidates, best first.
    pub candidates: Vec<f32>,
    /// Index of the chosen candidate.
    pub chosen: usize,
    /// Reason why the last run of the model failed.
    pub segment_failure: Option<Failure>,
    /// Measures of the current mask: the chosen candidate, or the selected mask.
    pub facts: Option<Facts>,
    /// Whether a part of the current mask is left out.
    pub is_cut: bool,
    /// The progress of linking the current mask.
    pub linking: Linking,
    /// Certainty of the entities; `None` until the mask is linked.
    pub verdict: Option<Verdict>,
    /// The kept masks, in drawing order.
    pub kept: Vec<KeptSummary>,
    /// The number of the kept mask that is selected.
    pub selected_kept: Option<u32>,
    /// The number of the kept mask that the clicks continue.
    pub editing: Option<u32>,
    /// Whether the current mask can be kept.
    pub can_keep: bool,
    /// The steps that can be undone and redone.
    pub steps: Steps,
    /// Half the width of the brush in CSS pixels.
    pub brush_radius: f64,
    /// All settings, as last changed.
    pub settings: Settings,
}

/// Availability of steps to undo and to redo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct Steps {
    /// Whether there is a step to undo.
    pub can_undo: bool,
    /// Whether there is a step to redo.
    pub can_redo: bool,
}

/// A kept mask without its runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(tsify::Tsify), tsify(missing_as_null))]
#[serde(rename_all = "camelCase")]
pub struct KeptSummary {
    /// Its number, which names it in events.
    pub id: u32,
    /// Name to show: the title, or the number.
    pub name: String,
    /// Name of the entity, or any label; empty where it has none.
    pub title: String,
    /// The entity, where one was chosen.
    pub qid: Option<String>,
    /// The score of the entity when it was chosen, 0..=1.
    pub entity_score: Option<f32>,
    /// The model's own estimate of the mask's `IoU`, 0..=1.
    pub score: Option<f32>,
    /// The number of points and boxes that the mask comes from.
    pub prompts: usize,
    /// Whether the mask is not drawn.
    pub hidden: bool,
    /// Whether it comes from a mask of which a part is left out.
    pub cut: bool,
    /// Number of pixels set.
    pub area: u64,
    /// COCO's `[x, y, width, height]`; `None` for an empty mask.
    pub bbox: Option<[u32; 4]>,
}

impl KeptSummary {
    fn of(kept: &Kept) -> Self {
        let Facts { area, bbox, .. } = Facts::of(&kept.mask);
        Self {
            id: kept.id,
            name: kept.name(),
            title: kept.title.clone(),
            qid: kept.qid.clone(),
            entity_score: kept.entity_score,
            score: kept.score,
            prompts: kept.prompts.len(),
            hidden: kept.is_hidden,
            cut: kept.is_cut,
            area,
            bbox,
        }
    }
}

/// A shown mask without its runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(tsify::Tsify), tsify(missing_as_null))]
pub struct ShownSummary {
    /// Id of the annotation.
    pub id: String,
    /// Name of the entity, or any label.
    pub title: String,
    /// The entity, where the mask is linked.
    pub qid: Option<String>,
    /// Whether a part of the mask is left out.
    pub cut: bool,
}

/// Measures of a mask, each taken from its runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(tsify::Tsify), tsify(missing_as_null))]
pub struct Facts {
    /// Number of pixels set.
    pub area: u64,
    /// Area of the mask divided by that of the image.
    pub share: f64,
    /// COCO's `[x, y, width, height]`; `None` for an empty mask.
    pub bbox: Option<[u32; 4]>,
    /// Number of runs of ones in column-major order.
    pub runs: usize,
}

impl Facts {
    /// Measures a mask by its runs.
    pub fn of(mask: &Mask) -> Self {
        let bbox = mask.bbox().map(|PixelRect { x, y, width, height }| [x, y, width, height]);
        let area = mask.area();
        let share = area as f64 / mask.size().pixels().max(1) as f64;
        Self { area, share, bbox, runs: mask.runs().len() }
    }
}

impl State {
    /// Returns the state as plain data.
    pub fn snapshot(&self) -> Snapshot {
        let shown = self.shown().iter();
        let shown = shown.map(|shown| ShownSummary {
            id: shown.id.clone(),
            title: shown.title.clone(),
            qid: shown.qid.clone(),
            cut: shown.is_cut,
        });
        let verdict = match self.linking() {
            Linking::Answered { answer, .. } => Some(Verdict::of(answer)),
            _ => None,
        };
        Snapshot {
            image: self.image().map(|(key, _)| key.to_owned()),
            size: self.image().map(|(_, size)| [size.width, size.height]),
            description: self.description(),
            tool: self.tool(),
            shown: shown.collect(),
            masks_failure: self.masks_failure().cloned(),
            selected: if let Selection::Shown(index) = self.selection() { Some(index) } else { None },
            prompts: self.clicks().prompts().to_vec(),
            segmenting: self.clicks().awaited().is_some(),
            candidates: self.clicks().candidates().iter().map(|candidate| candidate.score).collect(),
            chosen: self.clicks().chosen(),
            segment_failure: self.segment_failure().cloned(),
            facts: self.current_mask().map(Facts::of),
            is_cut: self.is_current_cut(),
            linking: self.linking().clone(),
            verdict,
            kept: self.kept().iter().map(|kept| KeptSummary::of(kept)).collect(),
            selected_kept: self.selected_kept(),
            editing: self.editing(),
            can_keep: self.current_mask().is_some() && self.selected_kept().is_none(),
            steps: Steps { can_undo: self.can_undo(), can_redo: self.can_redo() },
            brush_radius: self.brush_radius(),
            settings: self.settings().clone(),
        }
    }

    /// Describes the image and its masks to those who do not see the canvas.
    fn description(&self) -> String {
        let Some((_, size)) = self.image() else { return "No image.".to_owned() };
        let mut names = Vec::new();
        for name in self.shown().iter().map(Shown::name) {
            if names.len() < MAX_NAMES && !names.contains(&name) {
                names.push(name);
            }
        }
        let count = self.shown().len();
        let names = names.join(", ");
        let mut sentences = vec![format!("An image of {} by {} pixels.", size.width, size.height)];
        sentences.push(match count {
            0 => "No masks are shown.".to_owned(),
            1 => format!("1 mask: {names}."),
            _ => format!("{count} masks: {names}."),
        });
        match self.kept().len() {
            0 => {}
            1 => sentences.push("1 mask is kept.".to_owned()),
            count => sentences.push(format!("{count} masks are kept.")),
        }
        sentences.extend(self.selected().map(|shown| format!("Selected: {}.", shown.name())));
        let covered = |mask| format!("The current mask covers {}.", words::share_of(mask));
        sentences.extend(self.current_mask().map(covered));
        sentences.extend(self.clicks().awaited().map(|_| "The model is running.".to_owned()));
        sentences.join(" ")
    }
}
