//! Everything the viewer knows, and how each event changes it.

pub(super) mod clicks;
pub(super) mod linking;

use clicks::{Candidate, Clicks, Prompt};
use linking::{Linking, Recording, Source};

use super::effect::{Effect, MaskDetail, Notice};
use super::entity::{LinkAnswer, Verdict};
use super::event::{CandidateJson, Event, Failure, RecordedAnswer, ShownMaskJson};
use super::settings::{Settings, Tool};
use super::{RunsJson, Ticket};
use crate::geometry::Size;
use crate::rle::{CocoRle, Mask};

/// A mask shown over the image.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// The annotation's id.
    pub id: String,
    /// As large as the image.
    pub mask: Mask,
    /// Its pixels.
    pub area: u64,
    /// The entity's name, or any label.
    pub title: String,
    /// The entity, where linked.
    pub qid: Option<String>,
}

/// What the panel is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Selection {
    /// Nothing.
    #[default]
    Nothing,
    /// One of the masks shown.
    Shown(usize),
    /// The object being clicked.
    Clicked,
}

/// The state of one viewer. See the [module](super) for how it is driven.
#[derive(Clone, Debug, Default)]
pub struct State {
    image: Option<(String, Size)>,
    shown: Vec<Shown>,
    recordings: Vec<Recording>,
    hovered: Option<usize>,
    selection: Selection,
    tool: Tool,
    clicks: Clicks,
    segment_failure: Option<Failure>,
    linking: Linking,
    settings: Settings,
    last_ticket: Ticket,
}

impl State {
    /// Takes in what happened and answers what is to be done, in order.
    pub fn update(&mut self, event: Event) -> Vec<Effect> {
        match event {
            Event::ImageOpened { key, width, height } => self.open(Some((key, Size::new(width, height)))),
            Event::ImageClosed => self.open(None),
            Event::MasksShown { masks } => self.show(masks),
            Event::RecordingsRead { answers } => self.keep_recordings(answers),
            Event::PointerMoved { point } => self.hover(point.and_then(|point| self.shown_at(point))),
            Event::MaskHovered { index } => self.hover(index.filter(|&index| index < self.shown.len())),
            Event::MaskSelected { index } => self.select(index.filter(|&index| index < self.shown.len())),
            Event::ToolChosen { tool } => self.choose_tool(tool),
            Event::Clicked { x, y, negative, add } => self.click([x, y], negative, add),
            Event::BoxDrawn { from, to } => self.draw_box(from, to),
            Event::Undone => self.undo(),
            Event::Cleared => self.clear(),
            Event::CandidateChosen { index } => self.choose_candidate(index),
            Event::CandidateStepped { by } => self.step_candidate(by),
            Event::Segmented { ticket, candidates, best, provisional } => {
                self.take_candidates(ticket, &candidates, best, provisional)
            }
            Event::SegmentFailed { ticket, failure } => self.take_segment_failure(ticket, failure),
            Event::LinkAsked => self.ask_link(),
            Event::Linked { ticket, answer } => self.take_link(ticket, answer),
            Event::LinkFailed { ticket, failure } => self.take_link_failure(ticket, failure),
            Event::SettingsChanged { settings } => self.change_settings(settings),
        }
    }

    /// The image's key and size.
    pub fn image(&self) -> Option<(&str, Size)> {
        self.image.as_ref().map(|(key, size)| (key.as_str(), *size))
    }

    /// The masks shown, in drawing order.
    pub fn shown(&self) -> &[Shown] {
        &self.shown
    }

    /// The shown mask pointed at.
    pub fn hovered(&self) -> Option<usize> {
        self.hovered
    }

    /// What the panel is about.
    pub fn selection(&self) -> Selection {
        self.selection
    }

    /// The tool in hand.
    pub fn tool(&self) -> Tool {
        self.tool
    }

    /// The clicks on the object being segmented.
    pub fn clicks(&self) -> &Clicks {
        &self.clicks
    }

    /// Why the model did not answer the last click.
    pub fn segment_failure(&self) -> Option<&Failure> {
        self.segment_failure.as_ref()
    }

    /// What is known of the current mask's entity.
    pub fn linking(&self) -> &Linking {
        &self.linking
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The mask the panel is about: the preferred candidate of the clicks, or the shown mask selected.
    pub fn current_mask(&self) -> Option<&Mask> {
        match self.selection {
            Selection::Nothing => None,
            Selection::Shown(index) => self.shown.get(index).map(|shown| &shown.mask),
            Selection::Clicked => self.clicks.candidate().map(|candidate| &candidate.mask),
        }
    }

    /// The smallest shown mask with this point of the image, since what lies upon something is
    /// smaller than it; of equally small ones the topmost.
    pub fn shown_at(&self, [x, y]: [f64; 2]) -> Option<usize> {
        if !(x >= 0.0 && y >= 0.0) {
            return None;
        }
        let (x, y) = (x as u32, y as u32);
        let under = self.shown.iter().enumerate().rev().filter(|(_, shown)| shown.mask.contains(x, y));
        under.min_by_key(|(_, shown)| shown.area).map(|(index, _)| index)
    }

    fn open(&mut self, image: Option<(String, Size)>) -> Vec<Effect> {
        let mut effects = self.stop_waiting();
        effects.extend(self.let_go(Selection::Nothing));
        self.image = image;
        (self.shown, self.recordings) = (Vec::new(), Vec::new());
        (self.clicks, self.segment_failure) = (Clicks::default(), None);
        effects.extend([Effect::DrawMasks, Effect::Changed]);
        effects
    }

    fn show(&mut self, masks: Vec<ShownMaskJson>) -> Vec<Effect> {
        let mut effects =
            if matches!(self.selection, Selection::Shown(_)) { self.stop_waiting() } else { Vec::new() };
        let Some((_, size)) = self.image.clone() else { return effects };
        self.shown.clear();
        for ShownMaskJson { id, mask, title, qid } in masks {
            match decode(&mask, size) {
                Ok(mask) => self.shown.push(Shown { id, area: mask.area(), mask, title, qid }),
                Err(failure) => {
                    let message = format!("mask {id}: {}", failure.message);
                    effects.push(Effect::Notify(Notice::Error(Failure { message, ..failure })));
                }
            }
        }
        let selection =
            if matches!(self.selection, Selection::Shown(_)) { Selection::Nothing } else { self.selection };
        effects.extend(self.let_go(selection));
        effects.extend([Effect::DrawMasks, Effect::Changed]);
        effects
    }

    /// Takes another selection that is none of the masks shown, ends hovering, and tells what there
    /// was of both.
    fn let_go(&mut self, selection: Selection) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.hovered.take().is_some() {
            effects.push(Effect::Notify(Notice::MaskHover(None)));
        }
        if matches!(std::mem::replace(&mut self.selection, selection), Selection::Shown(_)) {
            effects.push(Effect::Notify(Notice::MaskSelect(None)));
        }
        effects
    }

    fn keep_recordings(&mut self, answers: Vec<RecordedAnswer>) -> Vec<Effect> {
        let Some((_, size)) = self.image else { return Vec::new() };
        let mut effects = Vec::new();
        self.recordings.clear();
        for RecordedAnswer { mask, answer } in answers {
            match decode(&mask.into(), size) {
                Ok(mask) => self.recordings.push(Recording { mask, answer }),
                Err(failure) => effects.push(Effect::Notify(Notice::Error(failure))),
            }
        }
        effects
    }

    fn hover(&mut self, hovered: Option<usize>) -> Vec<Effect> {
        if self.hovered == hovered {
            return Vec::new();
        }
        self.hovered = hovered;
        vec![Effect::DrawStyle, Effect::Notify(Notice::MaskHover(self.detail(hovered)))]
    }

    fn select(&mut self, index: Option<usize>) -> Vec<Effect> {
        let selection = index.map_or(Selection::Nothing, Selection::Shown);
        if self.selection == selection {
            return Vec::new();
        }
        let mut effects = self.stop_waiting();
        let had_clicks = !self.clicks.is_empty();
        (self.clicks, self.segment_failure, self.selection) = (Clicks::default(), None, selection);
        effects.push(if had_clicks { Effect::DrawMasks } else { Effect::DrawStyle });
        if let Some(shown) = index.and_then(|index| self.shown.get(index)) {
            effects.push(announce(format!("{} selected, {}.", named(&shown.title), share_of(&shown.mask))));
        }
        effects.extend([Effect::Notify(Notice::MaskSelect(self.detail(index))), Effect::Changed]);
        effects
    }

    fn choose_tool(&mut self, tool: Tool) -> Vec<Effect> {
        if self.tool == tool {
            return Vec::new();
        }
        self.tool = tool;
        vec![Effect::Changed]
    }

    fn click(&mut self, [x, y]: [f64; 2], negative: bool, add: bool) -> Vec<Effect> {
        let Some((_, size)) = &self.image else { return Vec::new() };
        let inside = (0.0..f64::from(size.width)).contains(&x) && (0.0..f64::from(size.height)).contains(&y);
        if !inside {
            return Vec::new();
        }
        let positive = !negative && self.tool != Tool::Remove;
        let afresh = match self.tool {
            Tool::Select if !negative && !add => return self.select(self.shown_at([x, y])),
            Tool::Pan => return Vec::new(),
            Tool::Pick | Tool::Box => positive && !add,
            Tool::Select | Tool::Add | Tool::Remove => false,
        };
        let mut effects = self.stop_waiting();
        if afresh {
            self.clicks = Clicks::default();
        }
        self.clicks.push(Prompt::Point { x, y, positive });
        effects.extend(self.ask_segment());
        effects
    }

    fn draw_box(&mut self, from: [f64; 2], to: [f64; 2]) -> Vec<Effect> {
        let Some((_, size)) = self.image else { return Vec::new() };
        let inside =
            |[x, y]: [f64; 2]| [x.clamp(0.0, f64::from(size.width)), y.clamp(0.0, f64::from(size.height))];
        let (from, to) = (inside(from), inside(to));
        if from.iter().zip(to).any(|(from, to)| (from - to).abs() == 0.0) {
            // Beside the image, or a press without a drag: as a click there, it says nothing.
            return Vec::new();
        }
        let mut effects = self.stop_waiting();
        self.clicks = Clicks::default();
        self.clicks.push(Prompt::from_corners(from, to));
        effects.extend(self.ask_segment());
        effects
    }

    fn undo(&mut self) -> Vec<Effect> {
        match self.clicks.prompts().len() {
            0 => return Vec::new(),
            1 => return self.clear(),
            _ => {}
        }
        let mut effects = self.stop_waiting();
        if !self.clicks.undo() {
            effects.extend(self.ask_segment());
            return effects;
        }
        self.segment_failure = None;
        effects.push(Effect::DrawMasks);
        effects.extend(self.tell_candidate());
        effects
    }

    fn clear(&mut self) -> Vec<Effect> {
        if self.clicks.is_empty() && self.selection == Selection::Nothing {
            return Vec::new();
        }
        let mut effects = self.stop_waiting();
        let was_shown = matches!(self.selection, Selection::Shown(_));
        (self.clicks, self.segment_failure, self.selection) = (Clicks::default(), None, Selection::Nothing);
        if was_shown {
            effects.push(Effect::Notify(Notice::MaskSelect(None)));
        }
        effects.extend([Effect::DrawMasks, announce("Cleared.".to_owned()), Effect::Changed]);
        effects
    }

    fn ask_segment(&mut self) -> Vec<Effect> {
        let mut effects = self.stop_waiting();
        let ticket = self.ticket();
        let Some((image, _)) = &self.image else { return effects };
        if matches!(std::mem::replace(&mut self.selection, Selection::Clicked), Selection::Shown(_)) {
            effects.push(Effect::Notify(Notice::MaskSelect(None)));
        }
        self.segment_failure = None;
        let request = self.clicks.ask(ticket, image);
        effects.extend([Effect::Segment(request), Effect::DrawMasks, Effect::Changed]);
        effects
    }

    fn take_candidates(
        &mut self,
        ticket: Ticket,
        candidates: &[CandidateJson],
        best: Option<usize>,
        provisional: bool,
    ) -> Vec<Effect> {
        let Some((_, size)) = self.image else { return Vec::new() };
        if self.clicks.awaited() != Some(ticket) {
            return Vec::new();
        }
        let decoded = candidates.iter().enumerate().map(|(place, candidate)| {
            decode(&candidate.mask.clone().into(), size).map(|mask| Candidate {
                mask,
                score: candidate.score,
                place,
            })
        });
        let mut decoded: Vec<Candidate> = match decoded.collect() {
            Ok(decoded) => decoded,
            Err(failure) => return self.take_segment_failure(ticket, failure),
        };
        decoded.retain(|candidate| !candidate.mask.is_empty());
        decoded.sort_by(|a, b| b.score.total_cmp(&a.score));
        if decoded.is_empty() && provisional {
            return Vec::new();
        }
        if decoded.is_empty() {
            let message = if self.clicks.takes_away_only() {
                "There is nothing to take away from yet; click the object first."
            } else {
                "The model found no object there; click another spot or draw a box."
            };
            let message = message.to_owned();
            return self.take_segment_failure(ticket, Failure { code: "nothing-found".to_owned(), message });
        }
        let chosen = decoded.iter().position(|candidate| Some(candidate.place) == best).unwrap_or(0);
        if provisional {
            self.clicks.answer_for_now(ticket, decoded, chosen);
            // What was asked about the mask before is no answer about this one.
            let mut effects = self.stop_link();
            effects.extend([Effect::DrawMasks, Effect::Changed]);
            return effects;
        }
        self.clicks.answer(ticket, decoded, chosen);
        let mut effects = vec![Effect::DrawMasks];
        effects.extend(self.tell_candidate());
        effects
    }

    fn take_segment_failure(&mut self, ticket: Ticket, failure: Failure) -> Vec<Effect> {
        if !self.clicks.fail(ticket) {
            return Vec::new();
        }
        self.segment_failure = Some(failure.clone());
        let text = failure.message.clone();
        vec![Effect::DrawMasks, announce(text), Effect::Notify(Notice::Error(failure)), Effect::Changed]
    }

    fn choose_candidate(&mut self, index: usize) -> Vec<Effect> {
        if !self.clicks.answered() || !self.clicks.choose(index) {
            return Vec::new();
        }
        // A closer look at another candidate that is still to come would undo the choice.
        let mut effects = self.stop_waiting();
        self.segment_failure = None;
        effects.push(Effect::DrawMasks);
        effects.extend(self.tell_candidate());
        effects
    }

    fn step_candidate(&mut self, by: i32) -> Vec<Effect> {
        let count = self.clicks.candidates().len() as i64;
        if count == 0 {
            return Vec::new();
        }
        let index = (self.clicks.chosen() as i64 + i64::from(by)).rem_euclid(count);
        self.choose_candidate(index as usize)
    }

    /// Tells of the preferred candidate and asks what it is.
    fn tell_candidate(&mut self) -> Vec<Effect> {
        let Some(Candidate { mask, score, .. }) = self.clicks.candidate() else { return Vec::new() };
        let (place, count) = (self.clicks.chosen() + 1, self.clicks.candidates().len());
        let of = if count > 1 { format!(", candidate {place} of {count}") } else { String::new() };
        let told = announce(format!("Mask found, {}{of}.", share_of(mask)));
        let notice = Notice::Segment { mask: mask.into(), score: *score };
        let mut effects = vec![told, Effect::Notify(notice)];
        effects.extend(self.ask_link());
        effects
    }

    fn ask_link(&mut self) -> Vec<Effect> {
        let mut effects = self.stop_link();
        let (Some(mask), Some((image, _))) = (self.current_mask().map(CocoRle::from), self.image.clone())
        else {
            return effects;
        };
        let Some(endpoint) = self.settings.endpoint.clone() else {
            effects.extend(self.ask_page(Vec::new()));
            return effects;
        };
        let ticket = self.ticket();
        self.linking = Linking::Asking { ticket, source: Source::Endpoint, failures: Vec::new() };
        effects.extend([Effect::Link { ticket, image, mask, endpoint }, Effect::Changed]);
        effects
    }

    /// Asks the page itself, where no endpoint is set or it had no answer.
    fn ask_page(&mut self, failures: Vec<Failure>) -> Vec<Effect> {
        let (Some(mask), Some((image, _))) = (self.current_mask().map(CocoRle::from), self.image.clone())
        else {
            return Vec::new();
        };
        let ticket = self.ticket();
        self.linking = Linking::Asking { ticket, source: Source::Page, failures };
        vec![Effect::LinkInPage { ticket, image, mask }, Effect::Changed]
    }

    fn take_link(&mut self, ticket: Ticket, mut answer: LinkAnswer) -> Vec<Effect> {
        let Some((source, failures)) = self.take_asked(ticket) else { return Vec::new() };
        answer.entities.sort_by(|a, b| b.score.total_cmp(&a.score));
        self.tell_answer(answer, source, failures)
    }

    fn take_link_failure(&mut self, ticket: Ticket, failure: Failure) -> Vec<Effect> {
        let Some((source, mut failures)) = self.take_asked(ticket) else { return Vec::new() };
        if !failures.contains(&failure) {
            failures.push(failure);
        }
        if source == Source::Endpoint { self.ask_page(failures) } else { self.fall_back(failures) }
    }

    /// Who was asked under this ticket, and why those before had no answer, if it is the one awaited.
    fn take_asked(&mut self, awaited: Ticket) -> Option<(Source, Vec<Failure>)> {
        match &mut self.linking {
            Linking::Asking { ticket, source, failures } if *ticket == awaited => {
                Some((*source, std::mem::take(failures)))
            }
            _ => None,
        }
    }

    /// Answers from the recordings what nobody else could, or tells why there is no answer.
    fn fall_back(&mut self, failures: Vec<Failure>) -> Vec<Effect> {
        let recorded = self.current_mask().and_then(|mask| linking::nearest(&self.recordings, mask));
        if let Some(answer) = recorded.map(|recording| recording.answer.clone()) {
            return self.tell_answer(answer, Source::Recorded, failures);
        }
        let messages: Vec<_> = failures.iter().map(|failure| failure.message.as_str()).collect();
        let mut effects = vec![announce(format!("No entity: {}", messages.join(" ")))];
        effects.extend(failures.iter().cloned().map(|failure| Effect::Notify(Notice::Error(failure))));
        self.linking = Linking::Failed { failures };
        effects.push(Effect::Changed);
        effects
    }

    fn tell_answer(&mut self, answer: LinkAnswer, source: Source, failures: Vec<Failure>) -> Vec<Effect> {
        let mut effects = vec![announce(spoken_answer(&answer, source))];
        if let Some(mask) = self.current_mask().map(CocoRle::from) {
            effects.push(Effect::Notify(Notice::Link { mask, answer: answer.clone(), source }));
        }
        self.linking = Linking::Answered { answer, source, failures };
        effects.push(Effect::Changed);
        effects
    }

    fn change_settings(&mut self, settings: Settings) -> Vec<Effect> {
        if self.settings == settings {
            return Vec::new();
        }
        let asked_elsewhere = self.settings.endpoint != settings.endpoint && self.linking.awaited().is_some();
        self.settings = settings;
        let mut effects = vec![Effect::DrawStyle, Effect::Changed];
        if asked_elsewhere {
            // An endpoint that is taken away, or replaced, is not to get what was about to be sent there.
            effects.extend(self.ask_link());
        }
        effects
    }

    fn stop_waiting(&mut self) -> Vec<Effect> {
        let mut effects = self.stop_link();
        if let Some(ticket) = self.clicks.awaited() {
            self.clicks.fail(ticket);
            effects.push(Effect::CancelSegment { ticket });
        }
        effects
    }

    fn stop_link(&mut self) -> Vec<Effect> {
        let awaited = self.linking.awaited();
        self.linking = Linking::Idle;
        awaited.map(|ticket| Effect::CancelLink { ticket }).into_iter().collect()
    }

    fn ticket(&mut self) -> Ticket {
        self.last_ticket = self.last_ticket.wrapping_add(1);
        self.last_ticket
    }

    fn detail(&self, index: Option<usize>) -> Option<MaskDetail> {
        let index = index?;
        let Shown { id, title, qid, .. } = self.shown.get(index)?;
        Some(MaskDetail { index, id: id.clone(), title: title.clone(), qid: qid.clone() })
    }
}

/// Decodes a mask that must be as large as the image; the size is checked before anything is allocated.
fn decode(mask: &RunsJson, image: Size) -> Result<Mask, Failure> {
    if mask.size() != image {
        let message = format!("the mask is {}, the image {image}", mask.size());
        return Err(Failure { code: "mask-size".to_owned(), message });
    }
    Mask::try_from(mask)
        .map_err(|error| Failure { code: "mask-malformed".to_owned(), message: error.to_string() })
}

/// How much of the image the mask covers, in words.
fn share_of(mask: &Mask) -> String {
    let share = 100.0 * mask.area() as f64 / mask.size().pixels().max(1) as f64;
    if share < 1.0 { "under 1 % of the image".to_owned() } else { format!("{share:.0} % of the image") }
}

fn announce(text: String) -> Effect {
    Effect::Announce { text }
}

fn named(title: &str) -> &str {
    if title.is_empty() { "Mask" } else { title }
}

fn spoken_answer(answer: &LinkAnswer, source: Source) -> String {
    let first = answer.entities.first();
    let percent = first.map_or(0.0, |entity| 100.0 * entity.score);
    let title = first.map_or("", |entity| entity.title.as_str());
    let said = match Verdict::of(answer) {
        Verdict::Likely => format!("Likely {title}, {percent:.0} %."),
        Verdict::Possible => format!("Possibly {title}, {percent:.0} %."),
        Verdict::Unsure => format!("Not sure; the nearest is {title}, {percent:.0} %."),
        Verdict::Unknown => format!("Not in the index; the nearest there is {title}."),
        Verdict::Nothing => "Nothing like it is known.".to_owned(),
    };
    match source {
        Source::Endpoint => said,
        Source::Page => format!("{said} This was computed in the page."),
        Source::Recorded => format!("{said} This answer was recorded earlier; nobody answers now."),
    }
}
