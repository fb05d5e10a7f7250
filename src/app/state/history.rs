//! The steps that undo and redo walk through: kept masks and clicks as they were before each change.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use super::clicks::Clicks;
use super::kept::Kept;
use crate::app::Tool;

/// Maximum number of steps that can be undone.
const MAX_STEPS: usize = 200;
/// Maximum number of boundaries that the steps hold together: 64 MiB.
const MAX_BOUNDARIES: usize = 1 << 24;

/// A kept mask that is being changed by clicks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Editing {
    pub(super) id: u32,
    /// The tool that is active again afterwards.
    pub(super) tool_before: Tool,
}

/// All that a step changes. Masks are shared between moments, so that a moment is small.
#[derive(Clone, Debug, Default)]
pub(super) struct Moment {
    pub(super) kept: Vec<Arc<Kept>>,
    pub(super) clicks: Clicks,
    pub(super) editing: Option<Editing>,
    /// The kept mask that is selected.
    pub(super) selected: Option<u32>,
}

/// The moments before the present one, and those that were undone.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    before: VecDeque<Moment>,
    undone: Vec<Moment>,
}

impl History {
    /// Adds the moment before a change; what was undone cannot be redone any more.
    pub(super) fn remember(&mut self, moment: Moment) {
        self.undone.clear();
        self.before.push_back(moment);
        while self.before.len() > MAX_STEPS || self.before.len() > 1 && self.boundaries() > MAX_BOUNDARIES {
            self.before.pop_front();
        }
    }

    /// Goes one step back, from the present moment.
    pub(super) fn undo(&mut self, present: Moment) -> Option<Moment> {
        let moment = self.before.pop_back()?;
        self.undone.push(present);
        Some(moment)
    }

    /// Goes forward again by one step that was undone.
    pub(super) fn redo(&mut self, present: Moment) -> Option<Moment> {
        let moment = self.undone.pop()?;
        self.before.push_back(present);
        Some(moment)
    }

    pub(super) fn can_undo(&self) -> bool {
        !self.before.is_empty()
    }

    pub(super) fn can_redo(&self) -> bool {
        !self.undone.is_empty()
    }

    /// Drops the last moment if the kept masks are still the same as in it.
    pub(super) fn forget_unless_changed(&mut self, kept: &[Arc<Kept>]) {
        self.before.pop_back_if(|moment| moment.kept == kept);
    }

    /// Puts masks before those of every moment: they were there from the beginning.
    pub(super) fn prepend(&mut self, kept: &[Arc<Kept>]) {
        for moment in self.before.iter_mut().chain(&mut self.undone) {
            moment.kept.splice(0..0, kept.iter().cloned());
        }
    }

    /// Returns the number of boundaries of all masks, each counted once.
    fn boundaries(&self) -> usize {
        let mut seen = HashSet::new();
        let mut sum = 0;
        for moment in &self.before {
            for kept in &moment.kept {
                sum += if seen.insert(Arc::as_ptr(kept).addr()) { kept.mask.boundaries().len() } else { 0 };
            }
            for (address, boundaries) in moment.clicks.weights() {
                sum += if seen.insert(address) { boundaries } else { 0 };
            }
        }
        sum
    }
}
