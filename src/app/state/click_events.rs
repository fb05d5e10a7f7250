//! The events that click, undo and choose among the candidates.

use super::clicks::{Candidate, Clicks};
use super::{Effect, Selection, State, Tool, announce, report};
use crate::app::event::{Failure, Segmented};
use crate::app::{Notice, words};
use crate::geometry::{Point, Rect};
use crate::rle::Mask;
use crate::segment::{Prompt, Ticket};

/// Maximum intersection over union of two candidates that are offered.
const MAX_CANDIDATE_IOU: f64 = 0.9;

impl State {
    pub(super) fn click(&mut self, [x, y]: [f64; 2], negative: bool, add: bool) -> Vec<Effect> {
        let Some((_, size)) = &self.image else { return Vec::new() };
        let inside = (0.0..f64::from(size.width)).contains(&x) && (0.0..f64::from(size.height)).contains(&y);
        if !inside {
            return Vec::new();
        }
        let positive = !negative && self.tool != Tool::Remove;
        let is_new_object = match self.tool {
            Tool::Select if !negative && !add => return self.select_at([x, y]),
            Tool::Brush | Tool::Erase => return self.dab([x, y], negative),
            Tool::Pan => return Vec::new(),
            Tool::Pick | Tool::Box => positive && !add,
            Tool::Select | Tool::Add | Tool::Remove => false,
        };
        self.prompt(Prompt::Click { point: Point::new(x, y), positive }, is_new_object)
    }

    pub(super) fn draw_box(&mut self, from: [f64; 2], to: [f64; 2]) -> Vec<Effect> {
        let Some((_, size)) = self.image else { return Vec::new() };
        let inside =
            |[x, y]: [f64; 2]| [x.clamp(0.0, f64::from(size.width)), y.clamp(0.0, f64::from(size.height))];
        let rect = Rect::from_corners(inside(from), inside(to));
        if rect.width() > 0.0 && rect.height() > 0.0 {
            self.prompt(Prompt::Box(rect), true)
        } else {
            // A box beside the image, or a press without a drag.
            Vec::new()
        }
    }

    fn prompt(&mut self, prompt: Prompt, is_new_object: bool) -> Vec<Effect> {
        self.remember();
        let mut effects = self.stop_waiting();
        effects.extend(self.drop_preview());
        if is_new_object {
            self.clicks = Clicks::default();
            self.stop_editing();
        }
        self.clicks.push(prompt);
        effects.extend(self.ask_segment());
        effects
    }

    pub(super) fn undo(&mut self) -> Vec<Effect> {
        match self.clicks.prompts().len() {
            0 => return Vec::new(),
            1 => return self.clear(),
            _ => {}
        }
        self.remember();
        let mut effects = self.stop_waiting();
        if !self.clicks.undo() {
            effects.extend(self.ask_segment());
            return effects;
        }
        self.segment_failure = None;
        effects.push(Effect::DrawMasks);
        effects.extend(self.show_candidate());
        effects
    }

    pub(super) fn clear(&mut self) -> Vec<Effect> {
        let mut effects = self.drop_corner();
        if self.clicks.is_empty() && self.selection == Selection::Nothing {
            return effects;
        }
        if !self.clicks.is_empty() {
            self.remember();
            self.stop_editing();
        }
        effects.extend(self.stop_waiting());
        let was_shown = matches!(self.selection, Selection::Shown(_));
        (self.clicks, self.segment_failure, self.selection) = (Clicks::default(), None, Selection::Nothing);
        if was_shown {
            effects.push(Effect::Notify(Notice::MaskSelect(None)));
        }
        effects.extend([Effect::DrawMasks, announce("Cleared.".to_owned()), Effect::Changed]);
        effects
    }

    pub(super) fn ask_segment(&mut self) -> Vec<Effect> {
        let (mut effects, ticket) = (Vec::new(), self.ticket());
        if matches!(std::mem::replace(&mut self.selection, Selection::Clicked), Selection::Shown(_)) {
            effects.push(Effect::Notify(Notice::MaskSelect(None)));
        }
        self.segment_failure = None;
        let request = self.clicks.request(ticket, self.view.shown());
        effects.extend([Effect::Segment(request), Effect::DrawMasks, Effect::Changed]);
        effects
    }

    pub(super) fn take_candidates(&mut self, segmented: Segmented) -> Vec<Effect> {
        let Segmented { ticket, size, scores, masks, best, provisional } = segmented;
        if self.clicks.awaited() != Some(ticket) {
            return Vec::new();
        }
        let decoded = scores.into_iter().enumerate().map(|(place, score)| {
            let mask = super::checked(size, self.size(), || masks.mask(place, size))?;
            Ok(Candidate { mask, score, place })
        });
        let mut decoded: Vec<Candidate> = match decoded.collect() {
            Ok(decoded) => decoded,
            Err(failure) => return self.take_segment_failure(ticket, failure),
        };
        decoded.retain(|candidate| !candidate.mask.is_empty());
        decoded.sort_by(|a, b| b.score.total_cmp(&a.score));
        if decoded.is_empty() {
            return if provisional { Vec::new() } else { self.take_nothing_found(ticket) };
        }
        let decoded = distinct(decoded, best);
        let chosen = decoded.iter().position(|candidate| Some(candidate.place) == best).unwrap_or(0);
        self.clicks.answer(ticket, decoded, chosen, !provisional);
        // The entities of the previous mask are not this one's.
        let mut effects = if provisional { self.stop_link() } else { Vec::new() };
        effects.push(Effect::DrawMasks);
        effects.extend(if provisional { vec![Effect::Changed] } else { self.show_candidate() });
        effects
    }

    fn take_nothing_found(&mut self, ticket: Ticket) -> Vec<Effect> {
        let message = if self.clicks.is_negative_only() {
            "There is nothing to remove from yet; click the object first."
        } else {
            "The model found no object there; click another spot or draw a box."
        };
        let failure = Failure { code: "nothing-found".to_owned(), message: message.to_owned() };
        self.take_segment_failure(ticket, failure)
    }

    pub(super) fn take_segment_failure(&mut self, ticket: Ticket, failure: Failure) -> Vec<Effect> {
        if !self.clicks.fail(ticket) {
            return Vec::new();
        }
        self.segment_failure = Some(failure.clone());
        let [announced, reported] = report(failure);
        vec![Effect::DrawMasks, announced, reported, Effect::Changed]
    }

    pub(super) fn choose_candidate(&mut self, index: usize) -> Vec<Effect> {
        if !self.clicks.can_choose() || !self.clicks.choose(index) {
            return Vec::new();
        }
        // A refinement pass that is still to come would undo the choice.
        let mut effects = self.stop_waiting();
        self.segment_failure = None;
        effects.push(Effect::DrawMasks);
        effects.extend(self.show_candidate());
        effects
    }

    pub(super) fn step_candidate(&mut self, by: i32) -> Vec<Effect> {
        let count = self.clicks.candidates().len() as i64;
        if count == 0 {
            return Vec::new();
        }
        let index = (self.clicks.chosen() as i64 + i64::from(by)).rem_euclid(count);
        self.choose_candidate(index as usize)
    }

    /// Announces the chosen candidate and links it.
    pub(super) fn show_candidate(&mut self) -> Vec<Effect> {
        let Some(Candidate { mask, score, .. }) = self.clicks.candidate() else { return Vec::new() };
        let (place, count) = (self.clicks.chosen() + 1, self.clicks.candidates().len());
        let of = if count > 1 { format!(", candidate {place} of {count}") } else { String::new() };
        let found = announce(format!("Mask found, {}{of}.", words::share_of(mask)));
        let notice = Notice::Segment { mask: mask.clone(), score: *score };
        let mut effects = vec![found, Effect::Notify(notice)];
        effects.extend(self.ask_link());
        effects
    }

    pub(super) fn stop_waiting(&mut self) -> Vec<Effect> {
        let mut effects = self.stop_link();
        if let Some(ticket) = self.clicks.cancel() {
            effects.push(Effect::CancelSegment { ticket });
        }
        effects
    }
}

/// Leaves out candidates that are almost the same as a better one; the best of the model stays.
fn distinct(candidates: Vec<Candidate>, best: Option<usize>) -> Vec<Candidate> {
    let is_best = |candidate: &Candidate| Some(candidate.place) == best;
    let mut kept: Vec<Candidate> = Vec::with_capacity(candidates.len());
    let (first, others): (Vec<_>, Vec<_>) = candidates.into_iter().partition(is_best);
    for candidate in first.into_iter().chain(others) {
        if kept.iter().all(|other| iou(&other.mask, &candidate.mask) <= MAX_CANDIDATE_IOU) {
            kept.push(candidate);
        }
    }
    kept.sort_by(|a, b| b.score.total_cmp(&a.score));
    kept
}

/// Returns the intersection over union of two masks of one size.
fn iou(a: &Mask, b: &Mask) -> f64 {
    let shared = a.shared_area(b).unwrap_or(0);
    shared as f64 / (a.area() + b.area() - shared).max(1) as f64
}
