//! The client's side of the protocol as a state machine without IO: events in, actions out, all of
//! it plain data.
//!
//! The caller fetches, waits and aborts as the actions say and reports back as events. One question
//! is open at a time: a new one takes the place of the old, whose fetches are aborted and whose
//! late reports are ignored.

use serde::{Deserialize, Serialize};

use super::problem::{Kind, Problem};
use super::wire::{
    DEFAULT_ENTITIES, IMAGES_PATH, ImageRef, LINK_PATH, LinkRequest, LinkResponse, MAX_ENTITIES,
};
use crate::rle::CocoRle;

/// How patient a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Patience {
    /// How long an answer may take, in milliseconds.
    pub link_ms: u32,
    /// How long putting an image may take, in milliseconds.
    pub put_ms: u32,
    /// How often a busy endpoint is asked again.
    pub retries: u32,
    /// The first pause before asking again, in milliseconds; it doubles each time.
    pub pause_ms: u32,
    /// The longest pause; an endpoint that asks for a longer one counts as down.
    pub longest_pause_ms: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self { link_ms: 15_000, put_ms: 60_000, retries: 4, pause_ms: 500, longest_pause_ms: 15_000 }
    }
}

/// What a person wants to know: which entities the mask may show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Question {
    /// Chosen by the caller; comes back with the answer.
    pub ticket: u32,
    /// The endpoint's address; `v1/link` is below it.
    pub endpoint: String,
    /// The bearer token, where the endpoint asks for one.
    #[serde(default)]
    pub token: Option<String>,
    /// SHA-256 of the encoded image.
    pub image: String,
    /// The mask, of the image's size as displayed.
    pub mask: CocoRle,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Event {
    /// A question; an open one is dropped for it.
    Ask(Question),
    /// The open question, if it is this one, is of no interest any more.
    Cancel {
        /// The question's.
        ticket: u32,
    },
    /// A fetch was answered.
    Responded {
        /// Which.
        fetch: u32,
        /// The HTTP status.
        status: u16,
        /// The header `Retry-After`.
        #[serde(default)]
        retry_after: Option<String>,
        /// The body as text.
        body: String,
    },
    /// A fetch failed without an answer: no network, no such host, refused by CORS.
    Broke {
        /// Which.
        fetch: u32,
        /// What the system says.
        reason: String,
    },
    /// A timer ran out.
    Elapsed {
        /// Which.
        timer: u32,
    },
}

/// What the caller is to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Action {
    /// Send a request and report [`Event::Responded`] or [`Event::Broke`].
    Fetch {
        /// Names the fetch in events and actions.
        fetch: u32,
        /// `POST` or `PUT`.
        method: String,
        /// Where to.
        url: String,
        /// Name and value of each header.
        headers: Vec<(String, String)>,
        /// What to send.
        body: Body,
    },
    /// Abort a fetch; nothing need be reported of it.
    Abort {
        /// Which.
        fetch: u32,
    },
    /// Report [`Event::Elapsed`] after this time. Timers need not be stopped: a late one is ignored.
    Wait {
        /// Names the timer.
        timer: u32,
        /// Milliseconds.
        ms: u32,
    },
    /// The question is answered.
    Answer {
        /// The question's.
        ticket: u32,
        /// The answer, checked.
        response: LinkResponse,
    },
    /// The question has no answer; a recorded one may stand in.
    Fail {
        /// The question's.
        ticket: u32,
        /// A problem's code, or one of `timeout`, `unreachable`, `bad-answer`, `server-failed`,
        /// `not-an-endpoint`.
        code: String,
        /// What went wrong, for people.
        message: String,
    },
}

/// The body of a fetch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Body {
    /// This text.
    Text {
        /// JSON.
        text: String,
    },
    /// The encoded image of this hash, which the caller has.
    Image {
        /// SHA-256 of its bytes.
        sha256: String,
    },
}

/// The client.
#[derive(Debug, Default)]
pub struct Client {
    patience: Patience,
    open: Option<Open>,
    /// Counts fetches and timers, so that late reports of old ones are known.
    next: u32,
}

/// The open question.
#[derive(Debug)]
struct Open {
    question: Question,
    step: Step,
    retries: u32,
    was_put: bool,
    /// The fetch under way; `None` in a pause.
    fetch: Option<u32>,
    timer: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Link,
    Put,
}

impl Client {
    /// A client of this patience.
    pub fn new(patience: Patience) -> Self {
        Self { patience, ..Self::default() }
    }

    /// Takes an event and answers what to do now, in order.
    pub fn handle(&mut self, event: Event) -> Vec<Action> {
        match event {
            Event::Ask(question) => {
                let mut actions = self.drop_open();
                let open =
                    Open { question, step: Step::Link, retries: 0, was_put: false, fetch: None, timer: 0 };
                actions.extend(self.send(open));
                actions
            }
            Event::Cancel { ticket } => match &self.open {
                Some(open) if open.question.ticket == ticket => self.drop_open(),
                _ => Vec::new(),
            },
            Event::Responded { fetch, status, retry_after, body } => match self.open_with_fetch(fetch) {
                Some(open) => self.take_response(open, status, retry_after.as_deref(), &body),
                None => Vec::new(),
            },
            Event::Broke { fetch, reason } => match self.open_with_fetch(fetch) {
                Some(open) => vec![fail(&open, "unreachable", reason)],
                None => Vec::new(),
            },
            Event::Elapsed { timer } => match self.open.take_if(|open| open.timer == timer) {
                Some(open) => self.take_timer(open),
                None => Vec::new(),
            },
        }
    }

    fn open_with_fetch(&mut self, fetch: u32) -> Option<Open> {
        self.open.take_if(|open| open.fetch == Some(fetch))
    }

    fn drop_open(&mut self) -> Vec<Action> {
        let fetch = self.open.take().and_then(|open| open.fetch);
        fetch.into_iter().map(|fetch| Action::Abort { fetch }).collect()
    }

    fn take_timer(&mut self, open: Open) -> Vec<Action> {
        match open.fetch {
            // The pause is over.
            None => self.send(open),
            Some(fetch) => {
                let message = "the endpoint took too long".to_owned();
                vec![Action::Abort { fetch }, fail(&open, "timeout", message)]
            }
        }
    }

    fn take_response(
        &mut self,
        open: Open,
        status: u16,
        retry_after: Option<&str>,
        body: &str,
    ) -> Vec<Action> {
        match (open.step, status) {
            (Step::Put, 200 | 201) => self.send(Open { step: Step::Link, was_put: true, ..open }),
            (Step::Link, 200) => match answer(body) {
                Ok(response) => vec![Action::Answer { ticket: open.question.ticket, response }],
                Err(reason) => vec![fail(&open, "bad-answer", reason)],
            },
            (_, 429 | 503) => self.pause(open, status, retry_after, body),
            (step, _) => {
                let problem: Option<Problem> = serde_json::from_str(body).ok();
                let kind = problem.as_ref().and_then(Problem::kind);
                if step == Step::Link && kind == Some(Kind::ImageUnknown) && !open.was_put {
                    return self.send(Open { step: Step::Put, ..open });
                }
                vec![fail_with(&open, status, problem.as_ref())]
            }
        }
    }

    /// Waits and sends the same again, unless that was done often enough or the endpoint asks for
    /// too long a pause.
    fn pause(&mut self, mut open: Open, status: u16, retry_after: Option<&str>, body: &str) -> Vec<Action> {
        let Patience { retries, pause_ms, longest_pause_ms, .. } = self.patience;
        // The other form of the header, a date, would need a clock; the client's own pause stands in.
        let asked = retry_after
            .and_then(|text| text.trim().parse::<u32>().ok())
            .map(|secs| secs.saturating_mul(1000));
        let doubled = pause_ms.saturating_mul(1 << open.retries.min(16)).min(longest_pause_ms);
        let ms = asked.unwrap_or_default().max(spread(doubled, &open));
        if open.retries >= retries || ms > longest_pause_ms {
            let problem: Option<Problem> = serde_json::from_str(body).ok();
            return vec![fail_with(&open, status, problem.as_ref())];
        }
        open.retries += 1;
        open.fetch = None;
        open.timer = self.number();
        let timer = open.timer;
        self.open = Some(open);
        vec![Action::Wait { timer, ms }]
    }

    /// Sends the request of the open question's step and sets its timer.
    fn send(&mut self, mut open: Open) -> Vec<Action> {
        let (fetch, timer) = (self.number(), self.number());
        let Question { endpoint, token, image, mask, .. } = &open.question;
        let base = endpoint.trim_end_matches('/');
        let mut headers = Vec::new();
        if let Some(token) = token.as_ref().filter(|token| !token.is_empty()) {
            headers.push(("authorization".to_owned(), format!("Bearer {token}")));
        }
        let (method, url, body, ms) = match open.step {
            Step::Link => {
                let image = ImageRef::Sha256(image.clone());
                let request = LinkRequest { image, mask: mask.clone(), top_k: DEFAULT_ENTITIES };
                let text = match serde_json::to_string(&request) {
                    Ok(text) => text,
                    Err(error) => return vec![fail(&open, "bad-request", error.to_string())],
                };
                headers.push(("content-type".to_owned(), "application/json".to_owned()));
                ("POST", format!("{base}{LINK_PATH}"), Body::Text { text }, self.patience.link_ms)
            }
            Step::Put => {
                // The server tells the format from the bytes.
                headers.push(("content-type".to_owned(), "application/octet-stream".to_owned()));
                let body = Body::Image { sha256: image.clone() };
                ("PUT", format!("{base}{IMAGES_PATH}{image}"), body, self.patience.put_ms)
            }
        };
        open.fetch = Some(fetch);
        open.timer = timer;
        self.open = Some(open);
        let method = method.to_owned();
        vec![Action::Fetch { fetch, method, url, headers, body }, Action::Wait { timer, ms }]
    }

    fn number(&mut self) -> u32 {
        self.next = self.next.wrapping_add(1);
        self.next
    }
}

/// Shortens a pause by up to a half, differently for each image, so that clients turned away
/// together do not all come back together.
fn spread(ms: u32, open: &Open) -> u32 {
    let seed = open
        .question
        .image
        .bytes()
        .fold(open.retries, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    ms - ms / 2 * (seed % 1024) / 1024
}

/// Reads an answer and checks what the types leave open: it comes from outside.
fn answer(body: &str) -> Result<LinkResponse, String> {
    let unreadable = |error| format!("the address answers, but not as the linking protocol has it ({error})");
    let mut response: LinkResponse = serde_json::from_str(body).map_err(unreadable)?;
    let LinkResponse { entities, in_index, .. } = &mut response;
    if entities.len() > MAX_ENTITIES as usize {
        return Err(format!("{} entities where {MAX_ENTITIES} are the most", entities.len()));
    }
    if let Some(entity) = entities.iter().find(|entity| !(0.0..=1.0).contains(&entity.score)) {
        return Err(format!("the score of {} is {}, not 0 to 1", entity.qid, entity.score));
    }
    if let Some(probability) =
        in_index.map(|in_index| in_index.probability).filter(|p| !(0.0..=1.0).contains(p))
    {
        return Err(format!("the probability of being in the index is {probability}, not 0 to 1"));
    }
    entities.sort_by(|a, b| b.score.total_cmp(&a.score));
    Ok(response)
}

fn fail(open: &Open, code: &str, message: String) -> Action {
    Action::Fail { ticket: open.question.ticket, code: code.to_owned(), message }
}

/// The failure that an error answer tells of; an answer that is no problem of the protocol comes
/// from something else.
fn fail_with(open: &Open, status: u16, problem: Option<&Problem>) -> Action {
    match problem.and_then(|problem| Some((problem.kind()?, problem))) {
        Some((kind, problem)) => {
            let message = match &problem.detail {
                Some(detail) => format!("{}: {detail}", kind.title()),
                None => kind.title().to_owned(),
            };
            fail(open, kind.code(), message)
        }
        None if status >= 500 => fail(open, "server-failed", format!("the server failed (HTTP {status})")),
        None => {
            fail(open, "not-an-endpoint", format!("the address answers {status} and speaks another protocol"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn question(ticket: u32) -> Question {
        let mask = CocoRle { size: [2, 3], counts: "06".into() };
        let (endpoint, image) = ("http://host/api/".into(), "ab".repeat(32));
        Question { ticket, endpoint, token: Some("secret".into()), image, mask }
    }

    fn responded(fetch: u32, status: u16, body: &str) -> Event {
        Event::Responded { fetch, status, retry_after: None, body: body.into() }
    }

    fn problem(kind: Kind) -> String {
        serde_json::to_string(&kind.problem("why")).unwrap()
    }

    fn entities(scores: &[f32]) -> String {
        let entities: Vec<_> = scores
            .iter()
            .map(|score| serde_json::json!({"qid": "Q1", "title": "t", "score": score}))
            .collect();
        let (model, timing) =
            (super::super::wire::ModelInfo::default(), super::super::wire::Timing::default());
        serde_json::json!({"entities": entities, "model": model, "timing_ms": timing}).to_string()
    }

    /// The fetch, its method, url and timer of "send and wait".
    fn sent(actions: &[Action]) -> (u32, &str, &str, u32) {
        match actions {
            [Action::Fetch { fetch, method, url, .. }, Action::Wait { timer, .. }] => {
                (*fetch, method, url, *timer)
            }
            other => panic!("{other:?}"),
        }
    }

    fn failed(actions: &[Action]) -> (&str, &str) {
        match actions {
            [.., Action::Fail { code, message, .. }] => (code, message),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_question_is_sent_and_answered() {
        let mut client = Client::default();
        let actions = client.handle(Event::Ask(question(7)));
        let (fetch, method, url, _) = sent(&actions);
        assert_eq!((method, url), ("POST", "http://host/api/v1/link"));
        let Action::Fetch { headers, body: Body::Text { text }, .. } = &actions[0] else {
            panic!("{actions:?}")
        };
        assert!(headers.contains(&("authorization".into(), "Bearer secret".into())));
        assert_eq!(serde_json::from_str::<LinkRequest>(text).unwrap().mask, question(7).mask);
        let actions = client.handle(responded(fetch, 200, &entities(&[0.2, 0.7])));
        let [Action::Answer { ticket: 7, response }] = &actions[..] else { panic!("{actions:?}") };
        assert_eq!(response.entities.iter().map(|entity| entity.score).collect::<Vec<_>>(), [0.7, 0.2]);
        assert_eq!(client.handle(responded(fetch, 200, "")), [], "a second report is ignored");
    }

    #[test]
    fn an_unknown_image_is_put_once_and_asked_again() {
        let mut client = Client::default();
        let (fetch, ..) = sent(&client.handle(Event::Ask(question(1))));
        let actions = client.handle(responded(fetch, 404, &problem(Kind::ImageUnknown)));
        let (put, method, url, _) = sent(&actions);
        assert_eq!((method, url), ("PUT", &*format!("http://host/api/v1/images/{}", "ab".repeat(32))));
        let actions = client.handle(responded(put, 201, "{}"));
        let (fetch, method, ..) = sent(&actions);
        assert_eq!(method, "POST");
        let actions = client.handle(responded(fetch, 404, &problem(Kind::ImageUnknown)));
        assert_eq!(
            failed(&actions).0,
            "image-unknown",
            "a server that forgets at once is not asked for ever"
        );
    }

    #[test]
    fn a_busy_endpoint_is_asked_again_after_the_pause_it_asks_for() {
        let mut client = Client::default();
        let mut actions = client.handle(Event::Ask(question(1)));
        let mut pauses = Vec::new();
        for retry_after in [None, Some("3"), Some("Wed, 21 Oct 2026 07:28:00 GMT"), None] {
            let (fetch, ..) = sent(&actions);
            let retry_after = retry_after.map(str::to_owned);
            let busy = Event::Responded { fetch, status: 503, retry_after, body: problem(Kind::Unavailable) };
            let waiting = client.handle(busy);
            let [Action::Wait { timer, ms }] = waiting[..] else { panic!("{waiting:?}") };
            pauses.push(ms);
            actions = client.handle(Event::Elapsed { timer });
        }
        let within = [250..=500, 3000..=3000, 1000..=2000, 2000..=4000];
        assert!(pauses.iter().zip(within).all(|(pause, range)| range.contains(pause)), "{pauses:?}");
        let (fetch, ..) = sent(&actions);
        assert_eq!(
            failed(&client.handle(responded(fetch, 429, &problem(Kind::RateLimited)))).0,
            "rate-limited"
        );
    }

    #[test]
    fn a_pause_too_long_counts_as_down() {
        let mut client = Client::default();
        let (fetch, ..) = sent(&client.handle(Event::Ask(question(1))));
        let body = problem(Kind::RateLimited);
        let busy = Event::Responded { fetch, status: 429, retry_after: Some("3600".into()), body };
        assert_eq!(failed(&client.handle(busy)), ("rate-limited", "Too many requests: why"));
    }

    #[test]
    fn a_slow_endpoint_is_aborted() {
        let mut client = Client::default();
        let (fetch, _, _, timer) = sent(&client.handle(Event::Ask(question(1))));
        let actions = client.handle(Event::Elapsed { timer });
        assert_eq!((&actions[0], failed(&actions).0), (&Action::Abort { fetch }, "timeout"));
    }

    #[test]
    fn a_new_question_takes_the_place_of_the_old() {
        let mut client = Client::default();
        let (old, _, _, old_timer) = sent(&client.handle(Event::Ask(question(1))));
        let actions = client.handle(Event::Ask(question(2)));
        assert_eq!(actions[0], Action::Abort { fetch: old });
        assert_eq!(client.handle(responded(old, 200, &entities(&[1.0]))), []);
        assert_eq!(client.handle(Event::Elapsed { timer: old_timer }), []);
        assert_eq!(client.handle(Event::Cancel { ticket: 1 }), []);
        let (new, ..) = sent(&actions[1..]);
        assert_eq!(client.handle(Event::Cancel { ticket: 2 }), [Action::Abort { fetch: new }]);
    }

    #[test]
    fn failures_say_what_they_are() {
        for (status, body, code) in [
            (200, "<html>".to_owned(), "bad-answer"),
            (200, entities(&[1.5]), "bad-answer"),
            (200, entities(&[0.5; 101]), "bad-answer"),
            (
                200,
                entities(&[0.5])
                    .replace("{\"entities", "{\"in_index\":{\"known\":true,\"probability\":2},\"entities"),
                "bad-answer",
            ),
            (404, "<html>not found</html>".into(), "not-an-endpoint"),
            (500, "<html>oops</html>".into(), "server-failed"),
            (405, r#"{"type":"about:blank","title":"x","status":405}"#.into(), "not-an-endpoint"),
            (401, problem(Kind::Unauthorized), "unauthorized"),
            (422, problem(Kind::BadMask), "bad-mask"),
        ] {
            let mut client = Client::default();
            let (fetch, ..) = sent(&client.handle(Event::Ask(question(1))));
            assert_eq!(failed(&client.handle(responded(fetch, status, &body))).0, code, "{status} {body}");
        }
        let mut client = Client::default();
        let (fetch, ..) = sent(&client.handle(Event::Ask(question(1))));
        let actions = client.handle(Event::Broke { fetch, reason: "Failed to fetch".into() });
        assert_eq!(failed(&actions), ("unreachable", "Failed to fetch"));
    }

    proptest! {
        /// Whatever happens in whatever order, a question ends at most once, and only with its own ticket.
        #[test]
        fn a_question_ends_at_most_once(steps in proptest::collection::vec((0_u8..6, 0_u32..12, 0_usize..4), 0..40)) {
            let mut client = Client::default();
            let (mut asked, mut ended) = (0_u32, 0_u32);
            for (what, number, which) in steps {
                let bodies = [entities(&[0.5]), problem(Kind::ImageUnknown), problem(Kind::Unavailable), String::new()];
                let status = [200, 404, 503, 201][which];
                let event = match what {
                    0 => {
                        asked += 1;
                        Event::Ask(question(asked))
                    }
                    1 => Event::Cancel { ticket: number },
                    2 => Event::Broke { fetch: number, reason: String::new() },
                    3 => Event::Elapsed { timer: number },
                    _ => responded(number, status, &bodies[which]),
                };
                for action in client.handle(event) {
                    let round: Action = serde_json::from_str(&serde_json::to_string(&action).unwrap()).unwrap();
                    prop_assert_eq!(&round, &action);
                    if let Action::Answer { ticket, .. } | Action::Fail { ticket, .. } = action {
                        prop_assert!(ticket == asked && ended < asked, "question {} of {}", ticket, asked);
                        ended = asked;
                    }
                }
            }
        }
    }
}
