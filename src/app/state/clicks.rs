//! The points and boxes of one object being segmented, and the model's candidates for it.

use std::sync::Arc;

use crate::app::SegmentRequest;
use crate::geometry::Rect;
use crate::rle::Mask;
use crate::segment::{Prompt, Refine, Ticket};

/// A mask that the model offers.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// As large as the image.
    pub mask: Mask,
    /// The model's own estimate of its `IoU`, 0..=1.
    pub score: f32,
    /// Its index among all masks that the model returned.
    pub place: usize,
}

/// The masks that one run of the model returned.
#[derive(Clone, Debug)]
struct Answer {
    /// `None` where the mask was there before the first click, so that no run can refine it.
    ticket: Option<Ticket>,
    /// The number of prompts of the run.
    prompts: usize,
    /// Whether no refinement pass follows.
    is_final: bool,
    candidates: Vec<Candidate>,
    chosen: usize,
}

/// The clicks on one object.
#[derive(Clone, Debug, Default)]
pub struct Clicks {
    prompts: Vec<Prompt>,
    awaited: Option<Ticket>,
    /// By rising numbers of prompts; the last one is shown, undo returns to those before it.
    answers: Vec<Arc<Answer>>,
}

impl Clicks {
    /// Returns the clicks that continue with a mask, as if the prompts had just made it.
    pub(super) fn resumed(prompts: Vec<Prompt>, mask: Mask, score: f32) -> Self {
        let candidates = vec![Candidate { mask, score, place: 0 }];
        let answer = Answer { ticket: None, prompts: prompts.len(), is_final: true, candidates, chosen: 0 };
        Self { prompts, awaited: None, answers: vec![Arc::new(answer)] }
    }

    /// Returns the points and boxes in the order given.
    pub fn prompts(&self) -> &[Prompt] {
        &self.prompts
    }

    /// Returns whether there are neither points nor boxes.
    pub fn is_empty(&self) -> bool {
        self.prompts.is_empty()
    }

    /// Returns the ticket of the run whose masks are awaited.
    pub fn awaited(&self) -> Option<Ticket> {
        self.awaited
    }

    /// Returns the candidates of the last segmentation, best first.
    pub fn candidates(&self) -> &[Candidate] {
        self.answers.last().map_or(&[], |answer| &answer.candidates)
    }

    /// Returns the index of the chosen candidate.
    pub fn chosen(&self) -> usize {
        self.answers.last().map_or(0, |answer| answer.chosen)
    }

    /// Returns the chosen candidate of the last segmentation.
    pub fn candidate(&self) -> Option<&Candidate> {
        self.candidates().get(self.chosen())
    }

    /// Returns whether the shown candidates are the final ones of all prompts.
    pub(super) fn is_answered(&self) -> bool {
        self.answers.last().is_some_and(|answer| answer.prompts == self.prompts.len() && answer.is_final)
    }

    /// Returns the address in memory of each segmentation, by which copies in the history are told apart, and
    /// the number of boundaries of its masks.
    pub(super) fn weights(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.answers.iter().map(|answer| {
            let boundaries = answer.candidates.iter().map(|candidate| candidate.mask.boundaries().len());
            (Arc::as_ptr(answer).addr(), boundaries.sum())
        })
    }

    pub(super) fn is_negative_only(&self) -> bool {
        self.prompts.iter().all(|prompt| matches!(prompt, Prompt::Click { positive: false, .. }))
    }

    /// Removes the last prompt and its segmentation. Returns whether the mask before it is shown again.
    pub(super) fn undo(&mut self) -> bool {
        self.prompts.pop();
        let left = self.prompts.len();
        self.answers.retain(|answer| answer.prompts < left || (answer.prompts == left && answer.is_final));
        self.answers.last().is_some_and(|answer| answer.prompts == left)
    }

    /// Returns the request of these prompts, now awaited under `ticket`.
    pub(super) fn request(&mut self, ticket: Ticket, view: Option<Rect>) -> SegmentRequest {
        self.awaited = Some(ticket);
        let refined = self.answers.last().and_then(|answer| answer.ticket).zip(self.candidate());
        let refine = refined.map(|(ticket, chosen)| Refine { ticket, candidate: chosen.place });
        SegmentRequest { ticket, prompts: self.prompts.clone(), refine, view }
    }

    /// Adds the candidates of the awaited run, and keeps waiting unless they are final.
    pub(super) fn answer(
        &mut self,
        ticket: Ticket,
        candidates: Vec<Candidate>,
        chosen: usize,
        is_final: bool,
    ) {
        let prompts = self.prompts.len();
        self.answers.retain(|answer| answer.prompts < prompts);
        let ticket = Some(ticket);
        self.answers.push(Arc::new(Answer { ticket, prompts, is_final, candidates, chosen }));
        if is_final {
            self.awaited = None;
        }
    }

    /// Adds a point or a box after the others.
    pub(super) fn push(&mut self, prompt: Prompt) {
        self.prompts.push(prompt);
    }

    /// Stops waiting, and returns the ticket that was awaited.
    pub(super) fn cancel(&mut self) -> Option<Ticket> {
        self.awaited.take()
    }

    /// Stops waiting if `ticket` is awaited.
    pub(super) fn fail(&mut self, ticket: Ticket) -> bool {
        self.awaited.take_if(|awaited| *awaited == ticket).is_some()
    }

    /// Returns whether the shown candidates may be switched: provisional, final, or of the last success.
    pub(super) fn can_choose(&self) -> bool {
        let is_newest = |answer: &Arc<Answer>| self.awaited.is_none() || self.awaited == answer.ticket;
        self.answers.last().is_some_and(is_newest)
    }

    /// Chooses another candidate; returns false where there is no such one or it is chosen already.
    pub(super) fn choose(&mut self, index: usize) -> bool {
        match self.answers.last_mut().map(Arc::make_mut) {
            Some(answer) if index < answer.candidates.len() && index != answer.chosen => {
                // A candidate that was chosen by hand is not refined.
                (answer.chosen, answer.is_final) = (index, true);
                true
            }
            _ => false,
        }
    }
}
