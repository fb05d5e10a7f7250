//! From a mask to its entities: the endpoint, the local index, cached answers, and how sure they are.

use masklink::app::{Confidence, Effect, Event, Linking, Notice, Settings, Source, State};
use masklink::geometry::Point;
use masklink::link::protocol::{CachedAnswer, InIndex, LinkResponse};
use masklink::segment::{Prompt, Ticket};

use super::{
    ENDPOINT, announced, answer, banana, click, clicked, columns, entity, failure, link, link_ticket,
    local_ticket, opened, segment_request, segment_ticket, segmented,
};

/// Fails the request to the endpoint and the one to the local index.
fn fail_both(state: &mut State, ticket: Ticket) -> Vec<Effect> {
    let effects = state.update(Event::LinkFailed { ticket, failure: failure("endpoint-down") });
    let ticket = local_ticket(&effects).unwrap();
    state.update(Event::LinkFailed { ticket, failure: failure("index-missing") })
}

#[test]
fn click_is_segmented_and_then_linked() {
    let mut state = opened();
    let effects = state.update(click(5.5, 7.25));
    let request = segment_request(&effects).unwrap();
    let prompt = Prompt::Click { point: Point::new(5.5, 7.25), positive: true };
    assert_eq!(request.prompts, [prompt]);
    assert_eq!(request.refine, None);
    assert!(state.snapshot().segmenting);

    let effects = state.update(segmented(request.ticket, &[(columns(0, 4), 0.5), (columns(0, 10), 0.9)]));
    assert_eq!(announced(&effects), ["Mask found, 25 % of the image, candidate 1 of 2."]);
    let (ticket, mask, endpoint) = link(&effects).unwrap();
    assert_eq!((mask, endpoint), (&columns(0, 10), Some(ENDPOINT)));

    let effects = state.update(Event::Linked { ticket, answer: banana(0.8) });
    assert_eq!(announced(&effects), ["Likely Banana, 80 %."]);
    let news = Notice::Link { mask: columns(0, 10), answer: banana(0.8), source: Source::Endpoint };
    assert!(effects.contains(&Effect::Notify(news)));
    assert_eq!(state.snapshot().verdict.map(|verdict| verdict.confidence), Some(Confidence::Likely));
    assert_eq!(state.snapshot().facts.unwrap().area, 300);
}

#[test]
fn click_during_a_link_request_cancels_it() {
    let (mut state, ticket) = clicked();
    let effects = state.update(click(20.0, 5.0));
    assert_eq!(effects.first(), Some(&Effect::CancelLink { ticket }));
    assert_eq!(state.update(Event::Linked { ticket, answer: banana(0.8) }), []);
    assert_eq!(state.linking(), &Linking::Idle);
}

#[test]
fn unreachable_endpoint_falls_back_to_the_local_index() {
    let (mut state, ticket) = clicked();
    let effects = state.update(Event::LinkFailed { ticket, failure: failure("endpoint-down") });
    let ticket = local_ticket(&effects).unwrap();
    assert_eq!(effects[0].mask(), Some(&columns(0, 10)));
    let effects = state.update(Event::Linked { ticket, answer: banana(0.8) });
    assert_eq!(announced(&effects), ["Likely Banana, 80 %. Computed in this page."]);
    let failures = vec![failure("endpoint-down")];
    assert_eq!(state.linking(), &Linking::Answered { answer: banana(0.8), source: Source::Local, failures });
}

#[test]
fn failed_link_falls_back_to_a_similar_cached_answer() {
    let (mut state, ticket) = clicked();
    let far = CachedAnswer { mask: (&columns(20, 40)).into(), answer: answer(Vec::new()) };
    let near = CachedAnswer { mask: (&columns(0, 9)).into(), answer: banana(0.7) };
    assert_eq!(state.update(Event::AnswersCached { answers: vec![far, near] }), []);
    let effects = fail_both(&mut state, ticket);
    let failures = vec![failure("endpoint-down"), failure("index-missing")];
    assert_eq!(state.linking(), &Linking::Answered { answer: banana(0.7), source: Source::Cached, failures });
    assert!(announced(&effects)[0].contains("a stored answer"));
}

#[test]
fn cached_answer_that_arrives_after_the_failure_is_shown() {
    let (mut state, ticket) = clicked();
    fail_both(&mut state, ticket);
    let answers = vec![CachedAnswer { mask: (&columns(0, 9)).into(), answer: banana(0.7) }];
    state.update(Event::AnswersCached { answers });
    let Linking::Answered { source: Source::Cached, failures, .. } = state.linking() else {
        panic!("the cached answer is not shown")
    };
    assert_eq!(failures.len(), 2);
}

#[test]
fn cached_answer_of_another_object_is_not_used() {
    let (mut state, ticket) = clicked();
    // Columns 0..10 against 6..16: 4 shared of 16, an overlap of 0.25.
    let other = CachedAnswer { mask: (&columns(6, 16)).into(), answer: banana(0.7) };
    state.update(Event::AnswersCached { answers: vec![other] });
    let effects = fail_both(&mut state, ticket);
    let failures = vec![failure("endpoint-down"), failure("index-missing")];
    assert_eq!(state.linking(), &Linking::Failed { failures: failures.clone() });
    for failure in failures {
        assert!(effects.contains(&Effect::Notify(Notice::Error(failure))));
    }
}

#[test]
fn mask_is_linked_locally_without_an_endpoint() {
    let mut state = opened();
    state.update(Event::SettingsChanged { settings: Settings::default() });
    let ticket = segment_ticket(&state.update(click(5.0, 5.0))).unwrap();
    let effects = state.update(segmented(ticket, &[(columns(0, 10), 0.9)]));
    assert_eq!(link_ticket(&effects), None);
    let ticket = local_ticket(&effects).unwrap();
    let effects = state.update(click(20.0, 5.0));
    assert_eq!(effects.first(), Some(&Effect::CancelLink { ticket }), "the next click cancels the request");
    assert_eq!(state.update(Event::Linked { ticket, answer: banana(0.8) }), []);
}

#[test]
fn removing_the_endpoint_cancels_its_request() {
    let (mut state, ticket) = clicked();
    let settings = Settings { endpoint: None, ..Settings::default() };
    let effects = state.update(Event::SettingsChanged { settings: settings.clone() });
    assert!(effects.contains(&Effect::CancelLink { ticket }), "{effects:?}");
    let local = local_ticket(&effects).unwrap();
    assert_eq!(state.update(Event::Linked { ticket, answer: banana(0.8) }), []);
    state.update(Event::Linked { ticket: local, answer: banana(0.8) });
    // An answered mask is not asked about again, and another setting asks nothing.
    let moved = Settings { endpoint: Some("http://other.example/".into()), ..settings.clone() };
    assert_eq!(link_ticket(&state.update(Event::SettingsChanged { settings: moved })), None);
    let (mut state, ticket) = clicked();
    let paler = Settings { opacity: 0.1, ..state.settings().clone() };
    state.update(Event::SettingsChanged { settings: paler });
    assert_eq!(state.linking().awaited(), Some(ticket));
}

#[test]
fn failures_of_an_endpoint_end_with_it() {
    let other = Settings { endpoint: Some("http://other.example/".into()), ..Settings::default() };
    let (mut state, ticket) = clicked();
    fail_both(&mut state, ticket);
    let mut removed = state.clone();
    let effects = removed.update(Event::SettingsChanged { settings: Settings::default() });
    assert!(local_ticket(&effects).is_some(), "the index in the page is asked: {effects:?}");
    assert!(removed.linking().failures().is_empty());
    let effects = state.update(Event::SettingsChanged { settings: other.clone() });
    assert_eq!(link_ticket(&effects), None, "nothing is sent before it is asked for");
    assert_eq!(state.linking(), &Linking::Idle);

    // The result of the page's index after such a failure names the endpoint as well.
    let (mut state, ticket) = clicked();
    let effects = state.update(Event::LinkFailed { ticket, failure: failure("endpoint-down") });
    let ticket = local_ticket(&effects).unwrap();
    state.update(Event::Linked { ticket, answer: banana(0.8) });
    state.update(Event::SettingsChanged { settings: other });
    assert_eq!(state.linking(), &Linking::Idle);
}

#[test]
fn entity_not_in_the_index_is_announced_as_nearest_only() {
    let (mut state, ticket) = clicked();
    let in_index = Some(InIndex { known: false, probability: 0.1 });
    let effects = state.update(Event::Linked { ticket, answer: LinkResponse { in_index, ..banana(0.6) } });
    assert_eq!(announced(&effects), ["Probably nothing that the index knows; it looks most like Banana."]);
    assert_eq!(state.snapshot().verdict.map(|verdict| verdict.confidence), Some(Confidence::NotInIndex));
}

#[test]
fn confidence_follows_the_scores() {
    let cases: [(&[f32], Confidence); 6] = [
        (&[], Confidence::Nothing),
        (&[0.9], Confidence::Likely),
        (&[0.5, 0.45], Confidence::Possible),
        (&[0.3, 0.1], Confidence::Possible),
        (&[0.19, 0.01], Confidence::Unsure),
        (&[f32::NAN], Confidence::Unsure),
    ];
    for (scores, expected) in cases {
        let entities: Vec<_> = scores.iter().map(|&score| entity("Q1", "One", score)).collect();
        assert_eq!(Confidence::of(&answer(entities)), expected, "{scores:?}");
    }
}

#[test]
fn an_entity_is_likely_where_the_index_probably_holds_it() {
    for (probability, expected) in [(0.79, Confidence::Possible), (0.81, Confidence::Likely)] {
        let in_index = Some(InIndex { known: true, probability });
        assert_eq!(Confidence::of(&LinkResponse { in_index, ..banana(0.9) }), expected, "{probability}");
    }
}

#[test]
fn scores_that_are_no_probabilities_are_never_called_likely() {
    let uncalibrated = LinkResponse { uncalibrated: true, ..banana(1.0) };
    assert_eq!(Confidence::of(&banana(1.0)), Confidence::Likely);
    assert_eq!(Confidence::of(&uncalibrated), Confidence::Possible);
}

#[test]
fn high_score_under_a_doubtful_index_states_its_condition() {
    for (probability, words) in
        [(0.61, "Possibly Banana, 97 % if the index knows it."), (0.9, "Likely Banana, 97 %.")]
    {
        let (mut state, ticket) = clicked();
        let in_index = Some(InIndex { known: true, probability });
        let answer = LinkResponse { in_index, ..banana(0.97) };
        let effects = state.update(Event::Linked { ticket, answer });
        assert_eq!(announced(&effects), [words]);
        let condition = state.snapshot().verdict.and_then(|verdict| verdict.condition);
        assert_eq!(
            condition.as_ref().map(|words| words.contains("61 %")),
            (probability < 0.8).then_some(true)
        );
    }
}

#[test]
fn entities_are_sorted_before_the_first_is_announced() {
    let (mut state, ticket) = clicked();
    let entities = vec![entity("Q1", "Low", 0.1), entity("Q2", "High", 0.15)];
    let effects = state.update(Event::Linked { ticket, answer: answer(entities) });
    assert_eq!(announced(&effects), ["Not sure what this is; it looks most like High, 15 %."]);
}
