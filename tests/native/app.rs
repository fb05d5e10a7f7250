//! The whole click flow, event by event, with no browser, model, renderer or network.

#![allow(clippy::unwrap_used, reason = "what a helper cannot do fails the test that called it")]

use masklink::app::{
    Address, AddressView, CandidateJson, Effect, Entity, Event, Failure, InIndex, LinkAnswer, Linking,
    Notice, RecordedAnswer, Selection, Settings, ShownMaskJson, Source, State, Ticket, Tool, Verdict,
};
use masklink::geometry::Size;
use masklink::rle::{CocoRle, Mask};

const SIZE: Size = Size::new(40, 30);
const ENDPOINT: &str = "http://127.0.0.1:1/v1";

/// The mask of columns `from..to`, all rows.
pub(crate) fn columns(from: u32, to: u32) -> CocoRle {
    CocoRle::from(&Mask::from_boundaries(SIZE, vec![from * SIZE.height, to * SIZE.height]).unwrap())
}

pub(crate) fn opened() -> State {
    let mut state = State::default();
    state.update(Event::ImageOpened { key: "banana.jpg".into(), width: SIZE.width, height: SIZE.height });
    let settings = Settings { endpoint: Some(ENDPOINT.into()), ..Settings::default() };
    state.update(Event::SettingsChanged { settings });
    state.update(Event::ToolChosen { tool: Tool::Pick });
    state
}

pub(crate) fn click(x: f64, y: f64) -> Event {
    Event::Clicked { x, y, negative: false, add: false }
}

pub(crate) fn segment_ticket(effects: &[Effect]) -> Option<Ticket> {
    effects
        .iter()
        .find_map(|effect| if let Effect::Segment(request) = effect { Some(request.ticket) } else { None })
}

pub(crate) fn link_ticket(effects: &[Effect]) -> Option<Ticket> {
    effects
        .iter()
        .find_map(|effect| if let Effect::Link { ticket, .. } = effect { Some(*ticket) } else { None })
}

pub(crate) fn segmented(ticket: Ticket, masks: &[(CocoRle, f64)]) -> Event {
    let candidates =
        masks.iter().map(|(mask, score)| CandidateJson { mask: mask.clone(), score: *score }).collect();
    Event::Segmented { ticket, candidates, best: None, provisional: false }
}

fn entity(qid: &str, title: &str, score: f64) -> Entity {
    Entity { qid: qid.into(), title: title.into(), score, ..Entity::default() }
}

fn banana(score: f64) -> LinkAnswer {
    LinkAnswer { entities: vec![entity("Q503", "Banana", score)], ..LinkAnswer::default() }
}

fn failure(code: &str) -> Failure {
    Failure { code: code.into(), message: format!("it is {code}") }
}

/// Ticket and mask of the question to the page itself.
fn in_page(effects: &[Effect]) -> Option<(Ticket, CocoRle)> {
    effects.iter().find_map(|effect| match effect {
        Effect::LinkInPage { ticket, mask, .. } => Some((*ticket, mask.clone())),
        _ => None,
    })
}

/// The endpoint is down and the page has no index.
fn fail_both(state: &mut State, ticket: Ticket) -> Vec<Effect> {
    let effects = state.update(Event::LinkFailed { ticket, failure: failure("endpoint-down") });
    let (ticket, _) = in_page(&effects).unwrap();
    state.update(Event::LinkFailed { ticket, failure: failure("index-missing") })
}

fn announced(effects: &[Effect]) -> Vec<&str> {
    let texts = effects.iter().filter_map(|effect| match effect {
        Effect::Announce { text } => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

/// A state in which a click has been answered by the model, and the ticket of the question to the endpoint.
fn clicked() -> (State, Ticket) {
    let mut state = opened();
    let ticket = segment_ticket(&state.update(click(5.0, 5.0))).unwrap();
    let effects = state.update(segmented(ticket, &[(columns(0, 10), 0.9)]));
    (state, link_ticket(&effects).unwrap())
}

#[test]
fn a_click_becomes_a_mask_and_then_an_entity() {
    let mut state = opened();
    let effects = state.update(click(5.5, 7.25));
    let Some(Effect::Segment(request)) = effects.iter().find(|effect| matches!(effect, Effect::Segment(_)))
    else {
        unreachable!("no request in {effects:?}")
    };
    assert_eq!((request.image.as_str(), request.points.as_slice()), ("banana.jpg", &[[5.5, 7.25, 1.0]][..]));
    assert_eq!((request.rect, request.refine), (None, None));
    assert!(state.snapshot().segmenting);

    let effects = state.update(segmented(request.ticket, &[(columns(0, 4), 0.5), (columns(0, 10), 0.9)]));
    assert_eq!(announced(&effects), ["Mask found, 25 % of the image, candidate 1 of 2."]);
    let asked = effects.iter().find(|effect| matches!(effect, Effect::Link { .. }));
    let Some(Effect::Link { ticket, image, mask, endpoint }) = asked else {
        unreachable!("no link in {effects:?}")
    };
    assert_eq!((image.as_str(), mask, endpoint.as_str()), ("banana.jpg", &columns(0, 10), ENDPOINT));

    let effects = state.update(Event::Linked { ticket: *ticket, answer: banana(0.8) });
    assert_eq!(announced(&effects), ["Likely Banana, 80 %."]);
    let news = Notice::Link { mask: columns(0, 10), answer: banana(0.8), source: Source::Endpoint };
    assert!(effects.contains(&Effect::Notify(news)));
    assert_eq!(state.snapshot().verdict, Some(Verdict::Likely));
    assert_eq!(state.snapshot().facts.unwrap().area, 300);
}

#[test]
fn a_second_click_cancels_the_first_and_drops_its_late_answer() {
    let mut state = opened();
    let first = segment_ticket(&state.update(click(5.0, 5.0))).unwrap();
    let effects = state.update(click(20.0, 5.0));
    assert!(effects.contains(&Effect::CancelSegment { ticket: first }));
    let second = segment_ticket(&effects).unwrap();
    assert_ne!(first, second);

    assert_eq!(state.update(segmented(first, &[(columns(0, 10), 0.9)])), []);
    let late = Event::SegmentFailed { ticket: first, failure: failure("cancelled") };
    assert_eq!(state.update(late), []);
    assert!(state.current_mask().is_none() && state.snapshot().segmenting);

    state.update(segmented(second, &[(columns(15, 25), 0.9)]));
    assert_eq!(state.snapshot().mask, Some(columns(15, 25)));
}

#[test]
fn a_click_while_the_endpoint_is_asked_cancels_the_question() {
    let (mut state, ticket) = clicked();
    let effects = state.update(click(20.0, 5.0));
    assert_eq!(effects.first(), Some(&Effect::CancelLink { ticket }));
    assert_eq!(state.update(Event::Linked { ticket, answer: banana(0.8) }), []);
    assert_eq!(state.linking(), &Linking::Idle);
}

#[test]
fn an_endpoint_that_is_down_is_followed_by_the_page_itself() {
    let (mut state, ticket) = clicked();
    let effects = state.update(Event::LinkFailed { ticket, failure: failure("endpoint-down") });
    let Some((ticket, mask)) = in_page(&effects) else { unreachable!("{effects:?}") };
    assert_eq!(mask, columns(0, 10));
    let effects = state.update(Event::Linked { ticket, answer: banana(0.8) });
    assert_eq!(announced(&effects), ["Likely Banana, 80 %. This was computed in the page."]);
    let failures = vec![failure("endpoint-down")];
    assert_eq!(state.linking(), &Linking::Answered { answer: banana(0.8), source: Source::Page, failures });
}

#[test]
fn what_nobody_answers_comes_from_the_recordings_and_is_marked() {
    let (mut state, ticket) = clicked();
    let far = RecordedAnswer { mask: columns(20, 40), answer: LinkAnswer::default() };
    let near = RecordedAnswer { mask: columns(0, 9), answer: banana(0.7) };
    assert_eq!(state.update(Event::RecordingsRead { answers: vec![far, near] }), []);
    let effects = fail_both(&mut state, ticket);
    let failures = vec![failure("endpoint-down"), failure("index-missing")];
    assert_eq!(
        state.linking(),
        &Linking::Answered { answer: banana(0.7), source: Source::Recorded, failures }
    );
    assert!(announced(&effects)[0].contains("recorded earlier"));
}

#[test]
fn a_recording_of_another_object_is_not_given() {
    let (mut state, ticket) = clicked();
    // Columns 0..10 against 6..16: 4 shared of 16, an overlap of 0.25.
    let other = RecordedAnswer { mask: columns(6, 16), answer: banana(0.7) };
    state.update(Event::RecordingsRead { answers: vec![other] });
    let effects = fail_both(&mut state, ticket);
    let failures = vec![failure("endpoint-down"), failure("index-missing")];
    assert_eq!(state.linking(), &Linking::Failed { failures: failures.clone() });
    for failure in failures {
        assert!(effects.contains(&Effect::Notify(Notice::Error(failure))));
    }
}

#[test]
fn without_an_endpoint_the_mask_stays_in_the_page() {
    let mut state = opened();
    state.update(Event::SettingsChanged { settings: Settings::default() });
    let ticket = segment_ticket(&state.update(click(5.0, 5.0))).unwrap();
    let effects = state.update(segmented(ticket, &[(columns(0, 10), 0.9)]));
    assert_eq!(link_ticket(&effects), None);
    let (ticket, _) = in_page(&effects).unwrap();
    let effects = state.update(click(20.0, 5.0));
    assert_eq!(
        effects.first(),
        Some(&Effect::CancelLink { ticket }),
        "and the next click takes the question back"
    );
    assert_eq!(state.update(Event::Linked { ticket, answer: banana(0.8) }), []);
}

#[test]
fn an_endpoint_that_is_taken_away_is_not_waited_for() {
    let (mut state, ticket) = clicked();
    let settings = Settings { endpoint: None, ..Settings::default() };
    let effects = state.update(Event::SettingsChanged { settings: settings.clone() });
    assert!(effects.contains(&Effect::CancelLink { ticket }), "{effects:?}");
    let (in_page, _) = in_page(&effects).unwrap();
    assert_eq!(state.update(Event::Linked { ticket, answer: banana(0.8) }), []);
    state.update(Event::Linked { ticket: in_page, answer: banana(0.8) });
    // What is answered is not asked again, and another setting does not ask anew.
    let moved = Settings { endpoint: Some("http://other.example/".into()), ..settings.clone() };
    assert_eq!(link_ticket(&state.update(Event::SettingsChanged { settings: moved })), None);
    let (mut state, ticket) = clicked();
    let paler = Settings { opacity: 0.1, ..state.settings().clone() };
    state.update(Event::SettingsChanged { settings: paler });
    assert_eq!(state.linking().awaited(), Some(ticket));
}

#[test]
fn a_box_beside_the_image_or_of_no_area_changes_nothing() {
    let (mut state, _) = clicked();
    let before = state.snapshot();
    for (from, to) in [([-50.0, -50.0], [-10.0, -10.0]), ([5.0, 5.0], [5.0, 9.0]), ([4.0, 4.0], [4.0, 4.0])] {
        assert_eq!(state.update(Event::BoxDrawn { from, to }), [], "{from:?} {to:?}");
    }
    assert_eq!(state.snapshot(), before);
    assert!(segment_ticket(&state.update(Event::BoxDrawn { from: [-9.0, 2.0], to: [9.0, 8.0] })).is_some());
}

#[test]
fn a_candidate_chosen_after_a_failed_click_takes_the_failure_away() {
    let mut state = opened();
    let ticket = segment_ticket(&state.update(click(5.0, 5.0))).unwrap();
    state.update(segmented(ticket, &[(columns(0, 10), 0.9), (columns(0, 20), 0.8)]));
    let more = Event::Clicked { x: 20.0, y: 5.0, negative: false, add: true };
    let ticket = segment_ticket(&state.update(more)).unwrap();
    state.update(Event::SegmentFailed { ticket, failure: failure("worker") });
    assert!(state.snapshot().segment_failure.is_some());
    let effects = state.update(Event::CandidateChosen { index: 1 });
    assert!(link_ticket(&effects).is_some());
    assert_eq!(state.snapshot().segment_failure, None);
}

#[test]
fn a_provisional_mask_is_not_given_the_answer_of_the_mask_before() {
    let (mut state, _) = clicked();
    let more = Event::Clicked { x: 20.0, y: 5.0, negative: false, add: true };
    let second = segment_ticket(&state.update(more)).unwrap();
    let asked = link_ticket(&state.update(Event::LinkAsked)).unwrap();
    let Event::Segmented { candidates, best, .. } = segmented(second, &[(columns(0, 30), 0.9)]) else {
        unreachable!()
    };
    let effects = state.update(Event::Segmented { ticket: second, candidates, best, provisional: true });
    assert!(effects.contains(&Effect::CancelLink { ticket: asked }), "{effects:?}");
    assert_eq!(state.update(Event::Linked { ticket: asked, answer: banana(0.8) }), []);
}

#[test]
fn what_is_not_in_the_index_is_not_named() {
    let (mut state, ticket) = clicked();
    let in_index = Some(InIndex { known: false, probability: 0.1 });
    let effects = state.update(Event::Linked { ticket, answer: LinkAnswer { in_index, ..banana(0.6) } });
    assert_eq!(announced(&effects), ["Not in the index; the nearest there is Banana."]);
    assert_eq!(state.snapshot().verdict, Some(Verdict::Unknown));
}

#[test]
fn a_provisional_mask_is_shown_but_not_linked_until_its_correction() {
    let shown = |state: &State| CocoRle::from(&state.clicks().candidate().unwrap().mask);
    let mut state = opened();
    let ticket = segment_ticket(&state.update(click(5.0, 5.0))).unwrap();
    let Event::Segmented { candidates, best, .. } = segmented(ticket, &[(columns(0, 10), 0.9)]) else {
        unreachable!()
    };
    let first = Event::Segmented { ticket, candidates, best, provisional: true };
    let effects = state.update(first.clone());
    assert!(effects.contains(&Effect::DrawMasks));
    assert!(link_ticket(&effects).is_none(), "{effects:?}");
    assert_eq!(shown(&state), columns(0, 10));
    assert_eq!(state.clicks().awaited(), Some(ticket));

    let effects = state.update(segmented(ticket, &[(columns(0, 9), 0.95)]));
    assert!(link_ticket(&effects).is_some());
    assert_eq!(shown(&state), columns(0, 9));
    assert_eq!(state.clicks().awaited(), None);
    assert!(state.update(first).is_empty(), "late");
    assert_eq!(shown(&state), columns(0, 9));
}

#[test]
fn a_candidate_chosen_while_a_closer_look_is_taken_stays() {
    let mut state = opened();
    let ticket = segment_ticket(&state.update(click(5.0, 5.0))).unwrap();
    assert_eq!(state.update(Event::CandidateStepped { by: 1 }), [], "there is none yet");
    let masks = [(columns(0, 10), 0.9), (columns(0, 20), 0.5)];
    let Event::Segmented { candidates, best, .. } = segmented(ticket, &masks) else { unreachable!() };
    state.update(Event::Segmented { ticket, candidates, best, provisional: true });

    let effects = state.update(Event::CandidateStepped { by: 1 });
    assert!(
        effects.contains(&Effect::CancelSegment { ticket }) && link_ticket(&effects).is_some(),
        "{effects:?}"
    );
    assert!(state.update(segmented(ticket, &masks)).is_empty(), "late");
    assert_eq!(CocoRle::from(&state.clicks().candidate().unwrap().mask), columns(0, 20));

    // What answers an earlier question is no candidate for the next.
    state.update(Event::Clicked { x: 9.0, y: 1.0, negative: true, add: false });
    assert_eq!(state.update(Event::CandidateStepped { by: 1 }), []);
}

#[test]
fn more_points_refine_the_preferred_candidate() {
    let mut state = opened();
    let first = segment_ticket(&state.update(click(5.0, 5.0))).unwrap();
    state.update(segmented(first, &[(columns(0, 4), 0.5), (columns(0, 10), 0.9)]));
    let effects = state.update(Event::Clicked { x: 9.0, y: 1.0, negative: true, add: false });
    let Some(Effect::Segment(request)) = effects.iter().find(|effect| matches!(effect, Effect::Segment(_)))
    else {
        unreachable!("no request in {effects:?}")
    };
    assert_eq!(request.points, [[5.0, 5.0, 1.0], [9.0, 1.0, 0.0]]);
    // The best candidate stood second in the model's answer.
    assert_eq!(request.refine, Some((first, 1)));
}

#[test]
fn settings_change_no_mask() {
    let (mut state, _) = clicked();
    let effects =
        state.update(Event::SettingsChanged { settings: Settings { opacity: 0.9, ..Settings::default() } });
    assert!(effects.contains(&Effect::DrawStyle) && !effects.contains(&Effect::DrawMasks), "{effects:?}");
}

#[test]
fn a_new_object_forgets_the_points_of_the_last() {
    let (mut state, _) = clicked();
    state.update(click(20.0, 5.0));
    assert_eq!(state.clicks().prompts().len(), 1);
    assert_eq!(state.clicks().candidates(), []);
}

#[test]
fn a_box_is_cut_at_the_image_and_takes_the_place_of_what_was() {
    let mut state = opened();
    state.update(click(5.0, 5.0));
    let effects = state.update(Event::BoxDrawn { from: [30.0, 40.0], to: [-3.0, 2.0] });
    let Some(Effect::Segment(request)) = effects.iter().find(|effect| matches!(effect, Effect::Segment(_)))
    else {
        unreachable!("no request in {effects:?}")
    };
    assert_eq!((request.rect, request.points.len()), (Some([0.0, 2.0, 30.0, 30.0]), 0));
}

#[test]
fn clicks_beside_the_image_and_nonsense_do_nothing() {
    let mut state = opened();
    for (x, y) in [(-1.0, 3.0), (3.0, -0.5), (40.0, 3.0), (3.0, 30.0), (f64::NAN, 3.0), (3.0, f64::INFINITY)]
    {
        assert_eq!(state.update(click(x, y)), [], "({x}, {y})");
    }
    assert_eq!(State::default().update(click(1.0, 1.0)), []);
}

#[test]
fn candidates_cycle_around_the_ends_and_each_is_asked_about() {
    let mut state = opened();
    let ticket = segment_ticket(&state.update(click(5.0, 5.0))).unwrap();
    state.update(segmented(ticket, &[(columns(0, 4), 0.9), (columns(0, 10), 0.5)]));
    let effects = state.update(Event::CandidateStepped { by: -1 });
    assert_eq!(state.clicks().chosen(), 1);
    assert!(matches!(effects.first(), Some(Effect::CancelLink { .. })));
    assert!(link_ticket(&effects).is_some());
    state.update(Event::CandidateStepped { by: 1 });
    assert_eq!(state.snapshot().mask, Some(columns(0, 4)));
    assert_eq!(state.update(Event::CandidateChosen { index: 7 }), []);
}

#[test]
fn the_candidate_the_model_prefers_is_chosen_though_another_scores_higher() {
    let mut state = opened();
    let ticket = segment_ticket(&state.update(click(5.0, 5.0))).unwrap();
    let candidate = |mask, score| CandidateJson { mask, score };
    let candidates = vec![candidate(columns(0, 4), 0.5), candidate(columns(0, 10), 0.9)];
    state.update(Event::Segmented { ticket, candidates, best: Some(0), provisional: false });
    assert_eq!(state.snapshot().candidates, [0.9, 0.5]);
    assert_eq!(state.snapshot().mask, Some(columns(0, 4)));
}

#[test]
fn an_answer_without_an_object_says_so() {
    let mut state = opened();
    let ticket = segment_ticket(&state.update(click(5.0, 5.0))).unwrap();
    let effects = state.update(segmented(ticket, &[(CocoRle::from(&Mask::empty(SIZE).unwrap()), 0.9)]));
    assert!(announced(&effects)[0].contains("found no object"));
    assert_eq!(state.snapshot().segment_failure.unwrap().code, "nothing-found");

    let mut state = opened();
    let effects = state.update(Event::Clicked { x: 5.0, y: 5.0, negative: true, add: false });
    let nothing =
        segmented(segment_ticket(&effects).unwrap(), &[(CocoRle::from(&Mask::empty(SIZE).unwrap()), 0.9)]);
    let effects = state.update(nothing);
    assert!(announced(&effects)[0].contains("click the object first"), "{effects:?}");
    assert!(!state.snapshot().segmenting);
}

#[test]
fn masks_of_another_size_are_refused_one_by_one() {
    let mut state = opened();
    let shown = |id: &str, mask: CocoRle| ShownMaskJson {
        id: id.into(),
        mask: mask.into(),
        title: id.into(),
        qid: None,
    };
    let huge = CocoRle { size: [u32::MAX, u32::MAX], counts: "0".into() };
    let broken = CocoRle { size: [30, 40], counts: "\u{7f}".into() };
    let masks = vec![shown("huge", huge), shown("good", columns(0, 3)), shown("broken", broken)];
    let effects = state.update(Event::MasksShown { masks });
    let errors = effects.iter().filter_map(|effect| match effect {
        Effect::Notify(Notice::Error(failure)) => Some((failure.code.as_str(), failure.message.as_str())),
        _ => None,
    });
    let errors: Vec<_> = errors.collect();
    assert_eq!(errors.iter().map(|error| error.0).collect::<Vec<_>>(), ["mask-size", "mask-malformed"]);
    assert!(errors[0].1.starts_with("mask huge: "), "{errors:?}");
    assert_eq!(state.shown().len(), 1);
    assert_eq!(state.shown()[0].id, "good");
}

#[test]
fn the_smallest_mask_under_the_pointer_is_hovered_and_selected() {
    let mut state = opened();
    let shown = |id: &str, mask: CocoRle| ShownMaskJson {
        id: id.into(),
        mask: mask.into(),
        title: id.into(),
        qid: Some("Q1".into()),
    };
    let masks =
        vec![shown("table", columns(0, 40)), shown("cup", columns(4, 8)), shown("plate", columns(2, 12))];
    state.update(Event::MasksShown { masks });
    state.update(Event::ToolChosen { tool: Tool::Select });
    let effects = state.update(Event::PointerMoved { point: Some([5.0, 5.0]) });
    let Some(Effect::Notify(Notice::MaskHover(Some(detail)))) = effects.get(1) else {
        unreachable!("{effects:?}")
    };
    assert_eq!((detail.index, detail.id.as_str()), (1, "cup"));
    assert_eq!(state.update(Event::PointerMoved { point: Some([6.0, 5.0]) }), [], "the same mask again");

    let effects = state.update(click(10.0, 3.0));
    assert_eq!(state.selection(), Selection::Shown(2));
    assert_eq!(announced(&effects), ["plate selected, 25 % of the image."]);
    let effects = state.update(Event::LinkAsked);
    assert!(link_ticket(&effects).is_some(), "the entity of a shown mask is asked on demand");
    state.update(Event::MaskSelected { index: Some(99) });
    assert_eq!(state.selection(), Selection::Nothing);

    let masks = vec![shown("below", columns(0, 8)), shown("above", columns(0, 8))];
    state.update(Event::MasksShown { masks });
    assert_eq!(state.shown_at([3.0, 3.0]), Some(1), "of equal masks the one that is seen");
}

#[test]
fn whatever_ends_a_selection_or_a_hover_is_told() {
    let masks = || {
        let shown =
            ShownMaskJson { id: "cup".into(), mask: columns(4, 8).into(), title: "cup".into(), qid: None };
        Event::MasksShown { masks: vec![shown] }
    };
    let endings: [(&str, Event); 4] = [
        ("another image", Event::ImageOpened { key: "other.jpg".into(), width: 8, height: 8 }),
        ("no image", Event::ImageClosed),
        ("other masks", masks()),
        ("a click", click(2.0, 2.0)),
    ];
    for (name, ending) in endings {
        let mut state = opened();
        state.update(masks());
        state.update(Event::ToolChosen { tool: Tool::Pick });
        state.update(Event::MaskSelected { index: Some(0) });
        state.update(Event::MaskHovered { index: Some(0) });
        let effects = state.update(ending);
        let selects =
            effects.iter().filter(|effect| **effect == Effect::Notify(Notice::MaskSelect(None))).count();
        assert_eq!(selects, 1, "{name}: {effects:?}");
        let hovers = effects.contains(&Effect::Notify(Notice::MaskHover(None)));
        assert_eq!(hovers, name != "a click", "{name}: {effects:?}");
    }
}

#[test]
fn a_new_image_forgets_everything_of_the_last() {
    let (mut state, ticket) = clicked();
    let effects = state.update(Event::ImageOpened { key: "cup.jpg".into(), width: 8, height: 8 });
    assert_eq!(effects.first(), Some(&Effect::CancelLink { ticket }));
    assert!(state.clicks().is_empty() && state.shown().is_empty() && state.current_mask().is_none());
    assert_eq!(state.update(Event::Linked { ticket, answer: banana(0.9) }), []);
}

#[test]
fn verdicts_never_claim_more_than_the_scores() {
    let cases: [(&[f64], Verdict); 6] = [
        (&[], Verdict::Nothing),
        (&[0.9], Verdict::Likely),
        (&[0.5, 0.45], Verdict::Possible),
        (&[0.3, 0.1], Verdict::Possible),
        (&[0.19, 0.01], Verdict::Unsure),
        (&[f64::NAN], Verdict::Unsure),
    ];
    for (scores, expected) in cases {
        let entities: Vec<_> = scores.iter().map(|&score| entity("Q1", "One", score)).collect();
        let answer = LinkAnswer { entities, ..LinkAnswer::default() };
        assert_eq!(Verdict::of(&answer), expected, "{scores:?}");
    }
}

#[test]
fn answers_are_sorted_before_the_first_is_named() {
    let (mut state, ticket) = clicked();
    let entities = vec![entity("Q1", "Low", 0.1), entity("Q2", "High", 0.15)];
    let effects =
        state.update(Event::Linked { ticket, answer: LinkAnswer { entities, ..LinkAnswer::default() } });
    assert_eq!(announced(&effects), ["Not sure; the nearest is High, 15 %."]);
}

#[test]
fn masks_of_one_entity_share_a_colour_and_clicks_hide_them() {
    let mut state = opened();
    let shown = |id: &str, from, qid: Option<&str>| ShownMaskJson {
        id: id.into(),
        mask: columns(from, from + 2).into(),
        title: id.into(),
        qid: qid.map(str::to_owned),
    };
    let masks =
        vec![shown("a", 0, Some("Q1")), shown("b", 4, None), shown("c", 8, Some("Q1")), shown("d", 12, None)];
    state.update(Event::MasksShown { masks });
    state.update(Event::ToolChosen { tool: Tool::Select });
    let (scene, style) = (state.scene().unwrap(), state.style());
    let colour = |index| style.color(&scene, index).unwrap();
    assert_eq!(colour(0), colour(2));
    assert!(colour(0) != colour(1) && colour(1) != colour(3), "masks without an entity differ");
    assert!(style.fill_opacity > 0.0 && style.shows(0));

    state.update(Event::ToolChosen { tool: Tool::Pick });
    assert!(state.style().fill_opacity == 0.0, "what is to be clicked is not covered");
    let ticket = segment_ticket(&state.update(click(5.0, 5.0))).unwrap();
    assert!((0..4).all(|index| !state.style().shows(index)));
    state.update(segmented(ticket, &[(columns(0, 10), 0.9)]));
    assert_eq!(state.scene().unwrap().len(), 5);
    assert_eq!((state.style().selected, state.style().shows(4)), (Some(4), true));
    let asked = state.style();
    assert!(
        asked.fill_opacity > 0.0 && asked.fill_opacity < style.fill_opacity,
        "its own colour has to be seen"
    );
    let color = asked.color(&state.scene().unwrap(), 4).unwrap();
    assert_eq!([color.red, color.green, color.blue], [255; 3], "it changes no hue");
    state.update(Event::Cleared);
    assert_eq!(state.scene().unwrap().len(), 4);
    assert!(state.style().shows(0));
}

#[test]
fn addresses_come_back_as_they_went() {
    let view = Some(AddressView { x: 12.5, y: -3.0, scale: 1.25 });
    let cases = [
        Address::default(),
        Address { image: Some("a b/ü&=#%.jpg".into()), view, mask: Some("oven_query_val_00000107".into()) },
        Address { view, ..Address::default() },
        Address { view: Some(AddressView { x: 0.0, y: 0.0, scale: 1e-4 }), ..Address::default() },
    ];
    for address in cases {
        assert_eq!(Address::parse(&address.to_hash()), address, "{}", address.to_hash());
    }
}

#[test]
fn malformed_addresses_lose_only_what_is_malformed() {
    for hash in
        ["#view=1,2", "#view=1,2,0", "#view=1,2,NaN", "#view=a,b,c", "#image=%f", "#image=%zz", "#&&=&"]
    {
        assert_eq!(Address::parse(hash), Address::default(), "{hash}");
    }
    let address = Address::parse("#unknown=1&mask=7&view=inf,0,1");
    assert_eq!(address, Address { mask: Some("7".into()), ..Address::default() });
}

#[test]
fn events_have_the_json_form_the_page_writes() {
    let check = |json: &str, expected: Event| {
        assert_eq!(serde_json::from_str::<Event>(json).unwrap(), expected, "{json}");
    };
    check(r#"{"type":"clicked","x":1,"y":2}"#, click(1.0, 2.0));
    check(r#"{"type":"pointerMoved","point":null}"#, Event::PointerMoved { point: None });
    check(r#"{"type":"toolChosen","tool":"pick"}"#, Event::ToolChosen { tool: Tool::Pick });
    check(
        r#"{"type":"linked","ticket":3,"answer":{"entities":[],"timing_ms":{"search":1}}}"#,
        Event::Linked {
            ticket: 3,
            answer: LinkAnswer { timing_ms: serde_json::json!({"search": 1}), ..LinkAnswer::default() },
        },
    );
    let notice = serde_json::to_value(Effect::Notify(Notice::Error(failure("timeout")))).unwrap();
    let expected = serde_json::json!({"type":"notify","name":"error","detail":{"code":"timeout","message":"it is timeout"}});
    assert_eq!(notice, expected);
}
