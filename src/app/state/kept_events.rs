//! The events that keep masks, and name, hide, edit, combine, delete, restore and import them.

use std::sync::Arc;

use super::clicks::{Candidate, Clicks};
use super::history::{Editing, Moment};
use super::kept::{Kept, KeptRecord, MAX_KEPT};
use super::linking::Linking;
use super::{Effect, Selection, Shown, State, Tool, announce, report};
use crate::app::event::Failure;
use crate::app::{Confidence, Notice, words};
use crate::geometry::Rect;
use crate::rle::Mask;
use crate::segment::Prompt;

/// Maximum number of bytes of a name.
const MAX_TITLE: usize = 1000;

impl State {
    pub(super) fn keep(&mut self) -> Vec<Effect> {
        let Some(source) = self.keepable() else {
            return vec![announce("There is no mask to keep; click an object first.".to_owned())];
        };
        let edited = self.editing.and_then(|editing| self.kept_at(editing.id));
        if edited.is_none()
            && let Some(full) = self.fails_to_hold(1)
        {
            return full;
        }
        self.remember();
        let was_shown = matches!(self.selection, Selection::Shown(_));
        let was_clicked = self.selection == Selection::Clicked;
        let mut effects: Vec<_> =
            self.clicks.cancel().map(|ticket| Effect::CancelSegment { ticket }).into_iter().collect();
        let id = if let Some(index) = edited {
            let kept = Arc::make_mut(&mut self.kept[index]);
            (kept.mask, kept.score, kept.prompts) = (source.mask, source.score, source.prompts);
            (kept.is_hidden, kept.is_cut) = (false, source.is_cut);
            kept.id
        } else {
            let id = self.new_kept(source.mask.clone());
            self.change_kept(id, |kept| *kept = Kept { id, ..source });
            id
        };
        self.stop_editing();
        (self.clicks, self.segment_failure, self.selection) = (Clicks::default(), None, Selection::Kept(id));
        if was_shown {
            effects.push(Effect::Notify(Notice::MaskSelect(None)));
        }
        effects.extend(self.name_by_answer());
        if was_clicked && matches!(self.linking, Linking::Idle) {
            // A refinement pass was to come before the mask was linked.
            effects.extend(self.ask_link());
        }
        effects.push(announce(format!("{} kept.", self.kept_name(id))));
        effects.extend(self.changed_kept());
        effects
    }

    /// Returns the current mask with all that is known about it, if it is not kept yet.
    fn keepable(&self) -> Option<Kept> {
        let blank = |mask: &Mask| Kept::new(0, mask.clone());
        match self.selection {
            Selection::Clicked => {
                let Candidate { mask, score, .. } = self.clicks.candidate()?;
                let prompts = self.clicks.prompts().to_vec();
                Some(Kept { score: Some(*score), prompts, ..blank(mask) })
            }
            Selection::Shown(_) => {
                let Shown { mask, title, qid, is_cut, .. } = self.selected()?;
                Some(Kept { title: title.clone(), qid: qid.clone(), is_cut: *is_cut, ..blank(mask) })
            }
            Selection::Kept(_) | Selection::Nothing => None,
        }
    }

    /// Names the selected kept mask by the first entity, if that is likely and the mask has no name.
    pub(super) fn name_by_answer(&mut self) -> Vec<Effect> {
        let (Linking::Answered { answer, .. }, Some(id)) = (&self.linking, self.selected_kept()) else {
            return Vec::new();
        };
        let Some(first) = answer.entities.first().filter(|_| Confidence::of(answer) == Confidence::Likely)
        else {
            return Vec::new();
        };
        let (title, qid, score) = (first.title.clone(), first.qid.clone(), first.score);
        if self.kept_at(id).is_none_or(|index| !self.kept[index].is_nameless()) {
            return Vec::new();
        }
        self.change_kept(id, |kept| {
            (kept.title, kept.qid, kept.entity_score) = (title, Some(qid), Some(score));
        });
        vec![Effect::DrawMasks, self.kept_change()]
    }

    pub(super) fn select_kept(&mut self, id: Option<u32>) -> Vec<Effect> {
        let Some(id) = id.filter(|&id| self.kept_at(id).is_some()) else {
            return if self.selected_kept().is_some() { self.clear() } else { Vec::new() };
        };
        if self.selected_kept() == Some(id) {
            return Vec::new();
        }
        let mut effects = self.leave_for(Selection::Kept(id));
        let share = self.current_mask().map(words::share_of).unwrap_or_default();
        effects.push(announce(format!("{} selected, {share}.", self.kept_name(id))));
        effects.extend([Effect::DrawMasks, Effect::Changed]);
        effects
    }

    /// Selects the smallest mask at a point, shown or kept.
    pub(super) fn select_at(&mut self, at: [f64; 2]) -> Vec<Effect> {
        match (self.shown_at(at), self.kept_over(at)) {
            (_, Some(id)) => self.select_kept(Some(id)),
            (None, None) if self.selected_kept().is_some() => self.clear(),
            (shown, None) => self.select(shown),
        }
    }

    /// Points at the smallest mask at a point, shown or kept.
    pub(super) fn hover_at(&mut self, at: Option<[f64; 2]>) -> Vec<Effect> {
        let kept = at.and_then(|at| self.kept_over(at));
        let shown = at.filter(|_| kept.is_none()).and_then(|at| self.shown_at(at));
        let mut effects = self.hover(shown);
        effects.extend(self.hover_kept(kept));
        effects
    }

    pub(super) fn hover_kept(&mut self, id: Option<u32>) -> Vec<Effect> {
        let id = id.filter(|&id| self.kept_at(id).is_some());
        if std::mem::replace(&mut self.hovered_kept, id) == id { Vec::new() } else { vec![Effect::DrawStyle] }
    }

    /// Returns the kept mask at a point, unless a shown mask there is smaller.
    fn kept_over(&self, at: [f64; 2]) -> Option<u32> {
        let shown = self.shown_at(at).and_then(|index| self.shown.get(index));
        let (id, area) = self.kept_under(at)?;
        shown.is_none_or(|shown| area <= shown.area).then_some(id)
    }

    /// Returns number and area of the smallest kept mask that is drawn at a point of the image.
    fn kept_under(&self, [x, y]: [f64; 2]) -> Option<(u32, u64)> {
        if !(x >= 0.0 && y >= 0.0) {
            return None;
        }
        let under = self.kept.iter().rev().filter(|kept| !kept.is_hidden);
        let under = under.filter(|kept| kept.mask.contains(x as u32, y as u32));
        under.map(|kept| (kept.id, kept.mask.area())).min_by_key(|(_, area)| *area)
    }

    pub(super) fn name_kept(
        &mut self,
        id: u32,
        mut title: String,
        qid: Option<String>,
        score: Option<f32>,
    ) -> Vec<Effect> {
        shorten(&mut title);
        let qid = qid.filter(|qid| !qid.is_empty());
        let Some(index) = self.kept_at(id) else { return Vec::new() };
        let kept = &self.kept[index];
        if (&kept.title, &kept.qid, kept.entity_score) == (&title, &qid, score) {
            return Vec::new();
        }
        self.remember();
        self.change_kept(id, |kept| (kept.title, kept.qid, kept.entity_score) = (title, qid, score));
        self.changed_kept()
    }

    pub(super) fn hide_kept(&mut self, id: u32, hidden: bool) -> Vec<Effect> {
        if self.kept_at(id).is_none_or(|index| self.kept[index].is_hidden == hidden) {
            return Vec::new();
        }
        self.remember();
        self.change_kept(id, |kept| kept.is_hidden = hidden);
        self.changed_kept()
    }

    pub(super) fn edit_kept(&mut self, id: u32) -> Vec<Effect> {
        let Some(index) = self.kept_at(id) else { return Vec::new() };
        let kept = Arc::clone(&self.kept[index]);
        let mut effects = self.leave_for(Selection::Clicked);
        self.remember_editing_of(id);
        // A mask that no click made is pointed at by its box.
        let mut prompts = kept.prompts.clone();
        if prompts.is_empty() {
            prompts.extend(kept.mask.bbox().map(|bounds| Prompt::Box(Rect::from(bounds))));
        }
        self.clicks = Clicks::resumed(prompts, kept.mask.clone(), kept.score.unwrap_or(1.0));
        let words = "Click to add to it, or what to remove; Enter keeps the result, Escape leaves it.";
        effects.push(announce(format!("Editing {}. {words}", kept.name())));
        effects.extend([Effect::PrepareModel, Effect::DrawMasks, Effect::Changed]);
        effects
    }

    fn remember_editing_of(&mut self, id: u32) {
        self.history.remember(Moment { kept: self.kept.clone(), selected: Some(id), ..Moment::default() });
        self.editing = Some(Editing { id, tool_before: self.tool });
        self.tool = Tool::Add;
    }

    pub(super) fn combine_kept(&mut self, id: u32, other: u32, subtract: bool) -> Vec<Effect> {
        let (Some(index), Some(at)) = (self.kept_at(id), self.kept_at(other)) else { return Vec::new() };
        let (mask, added) = (&self.kept[index].mask, &self.kept[at].mask);
        let combined = if subtract { mask.difference(added) } else { mask.union(added) };
        // All kept masks are as large as the image, so they can be combined.
        let Ok(mask) = combined else { return Vec::new() };
        if index == at || mask == self.kept[index].mask && subtract {
            return Vec::new();
        }
        if mask.is_empty() {
            return vec![announce(format!("Nothing of {} would be left.", self.kept_name(id)))];
        }
        let is_cut = self.kept[at].is_cut;
        let mut effects = self.leave_for(Selection::Kept(id));
        self.remember();
        self.change_kept(id, |kept| {
            (kept.mask, kept.score) = (mask, None);
            kept.is_cut |= is_cut;
            if !subtract {
                kept.prompts.clear();
            }
        });
        if !subtract {
            self.kept.retain(|kept| kept.id != other);
        }
        effects.extend(self.changed_kept());
        effects
    }

    pub(super) fn delete_kept(&mut self, id: u32) -> Vec<Effect> {
        if self.kept_at(id).is_none() {
            return Vec::new();
        }
        self.remember();
        let deleted = announce(format!("{} deleted.", self.kept_name(id)));
        self.kept.retain(|kept| kept.id != id);
        let mut effects = Vec::new();
        if self.selected_kept() == Some(id) {
            effects.extend(self.stop_link());
            self.selection = Selection::Nothing;
        }
        if self.editing() == Some(id) {
            effects.extend(self.stop_waiting());
            self.stop_editing();
            (self.clicks, self.selection) = (Clicks::default(), Selection::Nothing);
        }
        effects.push(deleted);
        effects.extend(self.changed_kept());
        effects
    }

    pub(super) fn fit_kept(&mut self, id: u32) -> Vec<Effect> {
        let bounds = self.kept_at(id).and_then(|index| self.kept[index].mask.bbox());
        bounds.map_or_else(Vec::new, |bounds| self.fit_rect(bounds.into()))
    }

    pub(super) fn restore_kept(&mut self, records: &[KeptRecord]) -> Vec<Effect> {
        let before = self.kept.len();
        let mut effects = self.take_records(records);
        let restored = self.kept.split_off(before);
        if restored.is_empty() {
            return effects;
        }
        self.history.prepend(&restored);
        self.kept.splice(0..0, restored);
        effects.extend(self.changed_kept());
        effects
    }

    pub(super) fn import_kept(&mut self, records: &[KeptRecord]) -> Vec<Effect> {
        self.remember();
        let before = self.kept.len();
        let mut effects = self.take_records(records);
        self.history.forget_unless_changed(&self.kept);
        let count = self.kept.len() - before;
        effects.push(announce(format!("{count} {} imported.", if count == 1 { "mask" } else { "masks" })));
        effects.extend(self.changed_kept());
        effects
    }

    /// Adds the masks of records, and reports those that cannot be used.
    fn take_records(&mut self, records: &[KeptRecord]) -> Vec<Effect> {
        let Some((_, size)) = self.image else { return Vec::new() };
        if let Some(full) = self.fails_to_hold(records.len()) {
            return full;
        }
        let mut failures = Vec::new();
        for record in records {
            match super::checked(record.mask_size(), size, || record.mask()) {
                Ok(mask) if mask.is_empty() => {}
                Ok(mask) => {
                    let id = self.new_kept(mask);
                    self.change_kept(id, |kept| {
                        kept.title.clone_from(&record.title);
                        shorten(&mut kept.title);
                        kept.qid.clone_from(&record.qid);
                        kept.prompts.clone_from(&record.prompts);
                        (kept.entity_score, kept.score) = (record.entity_score, record.score);
                        (kept.is_hidden, kept.is_cut) = (record.hidden, record.cut);
                    });
                }
                Err(failure) => failures.push(failure),
            }
        }
        let failure = words::summary(failures, records.len(), ["mask", "masks"]);
        failure.into_iter().flat_map(report).collect()
    }

    /// Returns the effects of a failure if `more` masks are too many.
    pub(super) fn fails_to_hold(&self, more: usize) -> Option<Vec<Effect>> {
        if self.kept.len() + more <= MAX_KEPT {
            return None;
        }
        let message = format!("An image holds at most {MAX_KEPT} kept masks. Delete or merge some first.");
        Some(report(Failure { code: "kept-full".to_owned(), message }).into())
    }

    /// Gives up clicks and selection for another selection.
    fn leave_for(&mut self, selection: Selection) -> Vec<Effect> {
        let mut effects = self.stop_waiting();
        if !self.clicks.is_empty() {
            self.remember();
            self.stop_editing();
        }
        if self.selection == selection {
            return effects;
        }
        (self.clicks, self.segment_failure) = (Clicks::default(), None);
        if matches!(std::mem::replace(&mut self.selection, selection), Selection::Shown(_)) {
            effects.push(Effect::Notify(Notice::MaskSelect(None)));
        }
        effects
    }

    /// Ends the editing of a kept mask, which stays as it is.
    pub(super) fn stop_editing(&mut self) {
        if let Some(editing) = self.editing.take() {
            self.tool = editing.tool_before;
        }
    }

    pub(super) fn kept_at(&self, id: u32) -> Option<usize> {
        self.kept.iter().position(|kept| kept.id == id)
    }

    pub(super) fn kept_name(&self, id: u32) -> String {
        self.kept_at(id).map_or_else(String::new, |index| self.kept[index].name())
    }

    fn change_kept(&mut self, id: u32, change: impl FnOnce(&mut Kept)) {
        if let Some(index) = self.kept_at(id) {
            change(Arc::make_mut(&mut self.kept[index]));
        }
    }

    fn changed_kept(&self) -> Vec<Effect> {
        vec![Effect::DrawMasks, self.kept_change(), Effect::Changed]
    }

    pub(super) fn kept_change(&self) -> Effect {
        Effect::Notify(Notice::KeptChange { count: self.kept.len() })
    }
}

/// Cuts a name that is longer than any title.
fn shorten(title: &mut String) {
    title.truncate(title.floor_char_boundary(MAX_TITLE));
}
