//! The events that link the current mask.
//!
//! The endpoint is asked first, if one is set, and then the index in the page. If both fail, a cached
//! answer for a similar mask is shown.

use super::linking::{Cached, Linking, Source, nearest};
use super::{Effect, State, announce};
use crate::app::event::Failure;
use crate::app::{Notice, Settings, words};
use crate::link::protocol::{CachedAnswer, LinkResponse};
use crate::segment::Ticket;

impl State {
    pub(super) fn cache_answers(&mut self, answers: Vec<CachedAnswer>) -> Vec<Effect> {
        let Some((_, size)) = self.image else { return Vec::new() };
        let (count, mut failures) = (answers.len(), Vec::new());
        self.cached.clear();
        for CachedAnswer { mask, answer } in answers {
            match super::decode(&mask, size) {
                Ok(mask) => self.cached.push(Cached { mask, answer }),
                Err(failure) => failures.push(failure),
            }
        }
        let failure = words::summary(failures, count, ["cached answer", "cached answers"]);
        let mut effects: Vec<_> =
            failure.into_iter().map(|failure| Effect::Notify(Notice::Error(failure))).collect();
        // The cached answers may arrive after the request that needs one has failed.
        if let Linking::Failed { failures } = &self.linking
            && let Some(answer) = self.cached_answer()
        {
            effects.extend(self.show_answer(answer, Source::Cached, failures.clone()));
        }
        effects
    }

    pub(super) fn ask_link(&mut self) -> Vec<Effect> {
        let mut effects = self.stop_link();
        let source = if self.settings.endpoint.is_some() { Source::Endpoint } else { Source::Local };
        effects.extend(self.ask(source, Vec::new()));
        effects
    }

    fn ask(&mut self, source: Source, failures: Vec<Failure>) -> Vec<Effect> {
        let Some(mask) = self.current_mask().cloned() else { return Vec::new() };
        let ticket = self.ticket();
        let endpoint = self.settings.endpoint.clone().filter(|_| source == Source::Endpoint);
        self.linking = Linking::Asking { ticket, source, failures };
        vec![Effect::Link { ticket, mask, endpoint }, Effect::Changed]
    }

    pub(super) fn take_link(&mut self, ticket: Ticket, mut answer: LinkResponse) -> Vec<Effect> {
        let Some((source, failures)) = self.take_asked(ticket) else { return Vec::new() };
        answer.entities.sort_by(|a, b| b.score.total_cmp(&a.score));
        self.show_answer(answer, source, failures)
    }

    pub(super) fn take_link_failure(&mut self, ticket: Ticket, failure: Failure) -> Vec<Effect> {
        let Some((source, mut failures)) = self.take_asked(ticket) else { return Vec::new() };
        if !failures.contains(&failure) {
            failures.push(failure);
        }
        if source == Source::Endpoint { self.ask(Source::Local, failures) } else { self.fall_back(failures) }
    }

    /// Returns the source and the failures so far of the running request, if it has this ticket.
    fn take_asked(&mut self, awaited: Ticket) -> Option<(Source, Vec<Failure>)> {
        match &mut self.linking {
            Linking::Asking { ticket, source, failures } if *ticket == awaited => {
                Some((*source, std::mem::take(failures)))
            }
            _ => None,
        }
    }

    /// Falls back to a cached answer, or reports the failures.
    fn fall_back(&mut self, failures: Vec<Failure>) -> Vec<Effect> {
        if let Some(answer) = self.cached_answer() {
            return self.show_answer(answer, Source::Cached, failures);
        }
        let messages: Vec<_> = failures.iter().map(|failure| failure.message.as_str()).collect();
        let mut effects = vec![announce(format!("No entity found: {}", messages.join(" ")))];
        effects.extend(failures.iter().cloned().map(|failure| Effect::Notify(Notice::Error(failure))));
        self.linking = Linking::Failed { failures };
        effects.push(Effect::Changed);
        effects
    }

    /// Returns the cached answer for a mask like the current one.
    fn cached_answer(&self) -> Option<LinkResponse> {
        self.current_mask().and_then(|mask| nearest(&self.cached, mask)).cloned()
    }

    fn show_answer(&mut self, answer: LinkResponse, source: Source, failures: Vec<Failure>) -> Vec<Effect> {
        let mut effects = vec![announce(words::answer(&answer, source))];
        if let Some(mask) = self.current_mask().cloned() {
            effects.push(Effect::Notify(Notice::Link { mask, answer: answer.clone(), source }));
        }
        self.linking = Linking::Answered { answer, source, failures };
        effects.extend(self.name_by_answer());
        effects.push(Effect::Changed);
        effects
    }

    pub(super) fn change_settings(&mut self, settings: Settings) -> Vec<Effect> {
        if self.settings == settings {
            return Vec::new();
        }
        let is_other_endpoint = self.settings.endpoint != settings.endpoint;
        let is_asking = self.linking.awaited().is_some();
        let has_failed = !self.linking.failures().is_empty();
        let is_other_renderer = self.settings.renderer != settings.renderer;
        self.settings = settings;
        let mut effects = vec![Effect::DrawStyle, Effect::Changed];
        if is_other_renderer {
            self.has_gpu_failed = false;
            effects.push(Effect::Attach);
        }
        if is_other_endpoint && (is_asking || has_failed && self.settings.endpoint.is_none()) {
            // The mask must not be sent to an endpoint that was removed or replaced.
            effects.extend(self.ask_link());
        } else if is_other_endpoint && has_failed {
            // The failures are those of the endpoint before; a person decides whether to send the mask to
            // this one.
            effects.extend(self.stop_link());
        }
        effects
    }

    pub(super) fn stop_link(&mut self) -> Vec<Effect> {
        let awaited = self.linking.awaited();
        self.linking = Linking::Idle;
        awaited.map(|ticket| Effect::CancelLink { ticket }).into_iter().collect()
    }
}
