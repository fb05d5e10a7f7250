//! The points and boxes of one object being segmented, and the model's candidates for it.

use serde::{Deserialize, Serialize};

use crate::app::{SegmentRequest, Ticket};
use crate::geometry::Rect;
use crate::rle::Mask;

/// One thing a person said about the object, in image space.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Prompt {
    /// A point that belongs to the object, or does not.
    Point {
        /// To the right.
        x: f64,
        /// Down.
        y: f64,
        /// Whether it belongs to the object.
        positive: bool,
    },
    /// A box around the object.
    Box {
        /// Left edge.
        x1: f64,
        /// Top edge.
        y1: f64,
        /// Right edge.
        x2: f64,
        /// Bottom edge.
        y2: f64,
    },
}

/// One mask the model offers.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The mask.
    pub mask: Mask,
    /// The model's own estimate of its `IoU`, 0..=1.
    pub score: f64,
    /// Its place in the model's own answer.
    pub place: usize,
}

/// The clicks on one object.
#[derive(Clone, Debug, Default)]
pub struct Clicks {
    prompts: Vec<Prompt>,
    awaited: Option<Ticket>,
    /// By rising numbers of prompts; the last one is shown, and those before it are gone back to.
    answers: Vec<Answer>,
}

#[derive(Clone, Debug)]
struct Answer {
    ticket: Ticket,
    /// How many prompts had been given when it was asked.
    prompts: usize,
    /// Whether no better answer to the same question was still to come.
    settled: bool,
    candidates: Vec<Candidate>,
    chosen: usize,
}

impl Clicks {
    /// In the order given.
    pub fn prompts(&self) -> &[Prompt] {
        &self.prompts
    }

    /// Whether nothing was said about an object.
    pub fn is_empty(&self) -> bool {
        self.prompts.is_empty()
    }

    /// Whether all that was said is what does not belong to the object.
    pub(in crate::app) fn takes_away_only(&self) -> bool {
        self.prompts.iter().all(|prompt| matches!(prompt, Prompt::Point { positive: false, .. }))
    }

    /// The request whose answer is awaited.
    pub fn awaited(&self) -> Option<Ticket> {
        self.awaited
    }

    /// The last answer's candidates, best first.
    pub fn candidates(&self) -> &[Candidate] {
        self.answers.last().map_or(&[], |answer| &answer.candidates)
    }

    /// The preferred candidate's place.
    pub fn chosen(&self) -> usize {
        self.answers.last().map_or(0, |answer| answer.chosen)
    }

    /// The preferred candidate.
    pub fn candidate(&self) -> Option<&Candidate> {
        self.candidates().get(self.chosen())
    }

    /// Adds a prompt.
    pub(in crate::app) fn push(&mut self, prompt: Prompt) {
        self.prompts.push(prompt);
    }

    /// Takes the last prompt back, and what it led to. Answers whether the mask that was there
    /// before it is back.
    pub(in crate::app) fn undo(&mut self) -> bool {
        self.prompts.pop();
        let left = self.prompts.len();
        self.answers.retain(|answer| answer.prompts < left || (answer.prompts == left && answer.settled));
        self.answers.last().is_some_and(|answer| answer.prompts == left)
    }

    /// The question these prompts ask, now awaited under `ticket`.
    pub(in crate::app) fn ask(&mut self, ticket: Ticket, image: &str) -> SegmentRequest {
        self.awaited = Some(ticket);
        let mut request =
            SegmentRequest { ticket, image: image.to_owned(), points: Vec::new(), rect: None, refine: None };
        for prompt in &self.prompts {
            match *prompt {
                Prompt::Point { x, y, positive } => {
                    request.points.push([x, y, f64::from(u8::from(positive))]);
                }
                Prompt::Box { x1, y1, x2, y2 } => request.rect = Some([x1, y1, x2, y2]),
            }
        }
        request.refine =
            self.answers.last().zip(self.candidate()).map(|(answer, chosen)| (answer.ticket, chosen.place));
        request
    }

    /// Takes the candidates, best first, and which of them to prefer, if `ticket` is awaited.
    pub(in crate::app) fn answer(
        &mut self,
        ticket: Ticket,
        candidates: Vec<Candidate>,
        chosen: usize,
    ) -> bool {
        let awaited = self.take(ticket, candidates, chosen, true);
        if awaited {
            self.awaited = None;
        }
        awaited
    }

    /// As [`answer`](Self::answer), but goes on waiting for a better answer to the same question.
    pub(in crate::app) fn answer_for_now(
        &mut self,
        ticket: Ticket,
        candidates: Vec<Candidate>,
        chosen: usize,
    ) -> bool {
        self.take(ticket, candidates, chosen, false)
    }

    fn take(&mut self, ticket: Ticket, candidates: Vec<Candidate>, chosen: usize, settled: bool) -> bool {
        let awaited = self.awaited == Some(ticket);
        if awaited {
            let prompts = self.prompts.len();
            self.answers.retain(|answer| answer.prompts < prompts);
            self.answers.push(Answer { ticket, prompts, settled, candidates, chosen });
        }
        awaited
    }

    /// Gives up waiting if `ticket` is awaited.
    pub(in crate::app) fn fail(&mut self, ticket: Ticket) -> bool {
        let awaited = self.awaited == Some(ticket);
        if awaited {
            self.awaited = None;
        }
        awaited
    }

    /// Whether there are candidates to choose among: those of these prompts, be it for now, or
    /// where the question failed those of the one before, which are still shown.
    pub(in crate::app) fn answered(&self) -> bool {
        self.answers.last().is_some_and(|answer| self.awaited.is_none_or(|awaited| awaited == answer.ticket))
    }

    /// Prefers another candidate; false where there is no such one or it is preferred already.
    pub(in crate::app) fn choose(&mut self, index: usize) -> bool {
        match self.answers.last_mut() {
            Some(answer) if index < answer.candidates.len() && index != answer.chosen => {
                // No closer look is taken at what was chosen by hand.
                (answer.chosen, answer.settled) = (index, true);
                true
            }
            _ => false,
        }
    }
}

impl Prompt {
    /// A box between two corners in any order.
    pub(in crate::app) fn from_corners(from: [f64; 2], to: [f64; 2]) -> Self {
        let Rect { x1, y1, x2, y2 } = Rect::from_corners(from, to);
        Self::Box { x1, y1, x2, y2 }
    }
}
