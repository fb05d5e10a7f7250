//! The click flow, event by event, with no browser, model, renderer or network.

#![allow(clippy::unwrap_used, reason = "a helper that fails fails the test that called it")]

mod boundary;
mod clicks;
mod kept;
mod linking;
mod masks;
mod view;

use masklink::app::{Effect, Event, Failure, SegmentRequest, Segmented, Settings, ShownMask, State, Tool};
use masklink::geometry::Size;
use masklink::link::protocol::{LinkResponse, ModelInfo, ScoredEntity, Timing};
use masklink::rle::{CocoRle, FlatMasks, Mask};
use masklink::segment::Ticket;

const SIZE: Size = Size::new(40, 30);
const ENDPOINT: &str = "http://127.0.0.1:1/v1";

/// The mask of columns `from..to`, all rows.
fn columns(from: u32, to: u32) -> Mask {
    Mask::from_boundaries(SIZE, vec![from * SIZE.height, to * SIZE.height]).unwrap()
}

fn opened() -> State {
    let mut state = State::default();
    state.update(Event::ImageOpened { key: "banana.jpg".into(), width: SIZE.width, height: SIZE.height });
    let settings = Settings { endpoint: Some(ENDPOINT.into()), ..Settings::default() };
    state.update(Event::SettingsChanged { settings });
    state.update(Event::ToolChosen { tool: Tool::Pick });
    state
}

/// A state in which a click was segmented, and the ticket of its request to the endpoint.
fn clicked() -> (State, Ticket) {
    let mut state = opened();
    let ticket = segment_ticket(&state.update(click(5.0, 5.0))).unwrap();
    let effects = state.update(segmented(ticket, &[(columns(0, 10), 0.9)]));
    (state, link_ticket(&effects).unwrap())
}

fn click(x: f64, y: f64) -> Event {
    Event::Clicked { x, y, negative: false, add: false }
}

fn segment_request(effects: &[Effect]) -> Option<&SegmentRequest> {
    effects.iter().find_map(|effect| if let Effect::Segment(request) = effect { Some(request) } else { None })
}

fn segment_ticket(effects: &[Effect]) -> Option<Ticket> {
    segment_request(effects).map(|request| request.ticket)
}

/// The ticket of the request to the endpoint.
fn link_ticket(effects: &[Effect]) -> Option<Ticket> {
    link(effects).and_then(|(ticket, _, endpoint)| endpoint.map(|_| ticket))
}

/// The ticket of the request to the local index.
fn local_ticket(effects: &[Effect]) -> Option<Ticket> {
    link(effects).and_then(|(ticket, _, endpoint)| endpoint.is_none().then_some(ticket))
}

fn link(effects: &[Effect]) -> Option<(Ticket, &Mask, Option<&str>)> {
    effects.iter().find_map(|effect| match effect {
        Effect::Link { ticket, mask, endpoint } => Some((*ticket, mask, endpoint.as_deref())),
        _ => None,
    })
}

fn segmented(ticket: Ticket, masks: &[(Mask, f32)]) -> Event {
    let (scores, best, provisional) = (masks.iter().map(|(_, score)| *score).collect(), None, false);
    let masks: FlatMasks = masks.iter().map(|(mask, _)| mask).collect();
    Event::Segmented(Segmented { ticket, size: SIZE, scores, masks, best, provisional })
}

/// The same masks with a refinement pass still to come.
fn provisional(event: Event) -> Event {
    match event {
        Event::Segmented(segmented) => Event::Segmented(Segmented { provisional: true, ..segmented }),
        other => other,
    }
}

/// Shows masks of these ids, titles and entities.
fn shown(masks: &[(&str, Mask, Option<&str>)]) -> Event {
    let with_counts = |(id, mask, qid): &(&str, Mask, Option<&str>)| {
        let CocoRle { size, counts } = mask.into();
        let (id, qid) = ((*id).to_owned(), qid.map(str::to_owned));
        ShownMask { title: id.clone(), id, qid, size, counts: Some(counts), is_cut: false, color: None }
    };
    let masks: Vec<_> = masks.iter().map(with_counts).collect();
    Event::MasksShown { masks, runs: FlatMasks::default() }
}

fn entity(qid: &str, title: &str, score: f32) -> ScoredEntity {
    let (qid, title) = (qid.to_owned(), title.to_owned());
    ScoredEntity {
        qid,
        title,
        description: None,
        score,
        url: None,
        thumbnail: None,
        class_label: None,
        broader: false,
        evidence: Vec::new(),
    }
}

fn answer(entities: Vec<ScoredEntity>) -> LinkResponse {
    let (model, timing_ms) = (ModelInfo::default(), Timing::default());
    LinkResponse { entities, in_index: None, excluded_image: false, uncalibrated: false, model, timing_ms }
}

fn banana(score: f32) -> LinkResponse {
    answer(vec![entity("Q503", "Banana", score)])
}

fn failure(code: &str) -> Failure {
    Failure { code: code.into(), message: format!("it is {code}") }
}

fn announced(effects: &[Effect]) -> Vec<&str> {
    let texts = effects.iter().filter_map(|effect| match effect {
        Effect::Announce { text } => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}
