//! The events that undo and redo, and the steps between which they go.

use super::history::Moment;
use super::linking::Linking;
use super::{Effect, Selection, State, announce};
use crate::app::Notice;

impl State {
    /// Adds the present moment to the history, before a change.
    pub(super) fn remember(&mut self) {
        let present = self.present();
        self.history.remember(present);
    }

    pub(super) fn undo_step(&mut self) -> Vec<Effect> {
        let present = self.present();
        let moment = self.history.undo(present);
        moment.map_or_else(Vec::new, |moment| self.go_to(moment, "Undone."))
    }

    pub(super) fn redo_step(&mut self) -> Vec<Effect> {
        let present = self.present();
        let moment = self.history.redo(present);
        moment.map_or_else(Vec::new, |moment| self.go_to(moment, "Redone."))
    }

    fn present(&self) -> Moment {
        Moment {
            kept: self.kept.clone(),
            clicks: self.clicks.clone(),
            editing: self.editing,
            selected: self.selected_kept(),
        }
    }

    fn go_to(&mut self, moment: Moment, words: &str) -> Vec<Effect> {
        let Moment { kept, clicks, editing, selected } = moment;
        let mask_before = self.current_mask().cloned();
        let run = self.clicks.cancel();
        let mut effects: Vec<_> = run.map(|ticket| Effect::CancelSegment { ticket }).into_iter().collect();
        effects.extend(self.drop_corner());
        if matches!(self.selection, Selection::Shown(_)) {
            effects.push(Effect::Notify(Notice::MaskSelect(None)));
        }
        (self.kept, self.clicks, self.editing, self.stroke) = (kept, clicks, editing, None);
        // A run that was awaited then is not awaited any more.
        self.clicks.cancel();
        self.segment_failure = None;
        let is_answered = self.clicks.is_answered();
        let kept_selection = selected.map_or(Selection::Nothing, Selection::Kept);
        self.selection = if is_answered { Selection::Clicked } else { kept_selection };
        // A step that leaves the mask as it is leaves its entities, too.
        let is_same = mask_before.is_some() && self.current_mask() == mask_before.as_ref();
        if !is_same {
            effects.extend(self.stop_link());
        }
        effects.push(announce(words.to_owned()));
        effects.push(Effect::DrawMasks);
        if is_answered {
            if matches!(self.linking, Linking::Idle) {
                effects.extend(self.show_candidate());
            }
        } else if !self.clicks.is_empty() {
            effects.extend(self.stop_link());
            effects.extend(self.ask_segment());
        }
        effects.extend([self.kept_change(), Effect::Changed]);
        effects
    }
}
