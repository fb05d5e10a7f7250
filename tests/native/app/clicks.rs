//! From clicks to a mask: prompts, candidates, refinement passes and undo.

use masklink::app::{Effect, Event, Segmented, Selection, State};
use masklink::geometry::{Point, Rect};
use masklink::rle::Mask;
use masklink::segment::{Prompt, Refine};

use super::{
    SIZE, announced, banana, click, clicked, columns, failure, link_ticket, opened, provisional,
    segment_request, segment_ticket, segmented, shown,
};

#[test]
fn second_click_cancels_the_first_and_drops_its_late_masks() {
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
    assert_eq!(state.current_mask(), Some(&columns(15, 25)));
}

#[test]
fn another_point_refines_the_chosen_candidate() {
    let mut state = opened();
    let first = segment_ticket(&state.update(click(5.0, 5.0))).unwrap();
    state.update(segmented(first, &[(columns(0, 4), 0.5), (columns(0, 10), 0.9)]));
    let effects = state.update(Event::Clicked { x: 9.0, y: 1.0, negative: true, add: false });
    let request = segment_request(&effects).unwrap();
    let point = |x, y, positive| Prompt::Click { point: Point::new(x, y), positive };
    assert_eq!(request.prompts, [point(5.0, 5.0, true), point(9.0, 1.0, false)]);
    // The best candidate was second in the model's answer.
    assert_eq!(request.refine, Some(Refine { ticket: first, candidate: 1 }));
}

#[test]
fn click_on_another_object_drops_the_earlier_points() {
    let (mut state, _) = clicked();
    state.update(click(20.0, 5.0));
    assert_eq!(state.clicks().prompts().len(), 1);
    assert_eq!(state.clicks().candidates(), []);
}

#[test]
fn box_beside_the_image_or_of_no_area_changes_nothing() {
    let (mut state, _) = clicked();
    let before = state.snapshot();
    for (from, to) in [([-50.0, -50.0], [-10.0, -10.0]), ([5.0, 5.0], [5.0, 9.0]), ([4.0, 4.0], [4.0, 4.0])] {
        assert_eq!(state.update(Event::BoxDrawn { from, to }), [], "{from:?} {to:?}");
    }
    assert_eq!(state.snapshot(), before);
    assert!(segment_ticket(&state.update(Event::BoxDrawn { from: [-9.0, 2.0], to: [9.0, 8.0] })).is_some());
}

#[test]
fn box_is_clipped_to_the_image_and_replaces_the_points() {
    let mut state = opened();
    state.update(click(5.0, 5.0));
    let effects = state.update(Event::BoxDrawn { from: [30.0, 40.0], to: [-3.0, 2.0] });
    let request = segment_request(&effects).unwrap();
    assert_eq!(request.prompts, [Prompt::Box(Rect { x1: 0.0, y1: 2.0, x2: 30.0, y2: 30.0 })]);
}

#[test]
fn click_outside_the_image_or_at_no_number_does_nothing() {
    let mut state = opened();
    for (x, y) in [(-1.0, 3.0), (3.0, -0.5), (40.0, 3.0), (3.0, 30.0), (f64::NAN, 3.0), (3.0, f64::INFINITY)]
    {
        assert_eq!(state.update(click(x, y)), [], "({x}, {y})");
    }
    assert_eq!(State::default().update(click(1.0, 1.0)), []);
}

#[test]
fn stepping_through_candidates_wraps_and_links_each() {
    let mut state = opened();
    let ticket = segment_ticket(&state.update(click(5.0, 5.0))).unwrap();
    state.update(segmented(ticket, &[(columns(0, 4), 0.9), (columns(0, 10), 0.5)]));
    let effects = state.update(Event::CandidateStepped { by: -1 });
    assert_eq!(state.clicks().chosen(), 1);
    assert!(matches!(effects.first(), Some(Effect::CancelLink { .. })));
    assert!(link_ticket(&effects).is_some());
    state.update(Event::CandidateStepped { by: 1 });
    assert_eq!(state.current_mask(), Some(&columns(0, 4)));
    assert_eq!(state.update(Event::CandidateChosen { index: 7 }), []);
}

#[test]
fn candidates_that_are_almost_the_same_are_offered_once() {
    let mut state = opened();
    let ticket = segment_ticket(&state.update(click(5.0, 5.0))).unwrap();
    let Event::Segmented(result) =
        segmented(ticket, &[(columns(0, 19), 0.9), (columns(0, 20), 0.5), (columns(0, 10), 0.7)])
    else {
        unreachable!()
    };
    state.update(Event::Segmented(Segmented { best: Some(1), ..result }));
    // Intersection over union is 0.95; the one that the model prefers stays.
    assert_eq!(state.snapshot().candidates, [0.7, 0.5]);
    assert_eq!(state.current_mask(), Some(&columns(0, 20)));
}

#[test]
fn candidate_that_the_model_prefers_is_chosen_over_a_higher_score() {
    let mut state = opened();
    let ticket = segment_ticket(&state.update(click(5.0, 5.0))).unwrap();
    let Event::Segmented(result) = segmented(ticket, &[(columns(0, 4), 0.5), (columns(0, 10), 0.9)]) else {
        unreachable!()
    };
    state.update(Event::Segmented(Segmented { best: Some(0), ..result }));
    assert_eq!(state.snapshot().candidates, [0.9, 0.5]);
    assert_eq!(state.current_mask(), Some(&columns(0, 4)));
}

#[test]
fn candidate_chosen_after_a_failed_click_clears_the_failure() {
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
fn candidate_chosen_during_refinement_is_kept() {
    let mut state = opened();
    let ticket = segment_ticket(&state.update(click(5.0, 5.0))).unwrap();
    assert_eq!(state.update(Event::CandidateStepped { by: 1 }), [], "no candidate yet");
    let masks = [(columns(0, 10), 0.9), (columns(0, 20), 0.5)];
    state.update(provisional(segmented(ticket, &masks)));

    let effects = state.update(Event::CandidateStepped { by: 1 });
    assert!(
        effects.contains(&Effect::CancelSegment { ticket }) && link_ticket(&effects).is_some(),
        "{effects:?}"
    );
    assert!(state.update(segmented(ticket, &masks)).is_empty(), "late");
    assert_eq!(state.clicks().candidate().unwrap().mask, columns(0, 20));

    // Candidates of an earlier request are none of the next.
    state.update(Event::Clicked { x: 9.0, y: 1.0, negative: true, add: false });
    assert_eq!(state.update(Event::CandidateStepped { by: 1 }), []);
}

#[test]
fn provisional_mask_drops_the_link_request_of_the_mask_before() {
    let (mut state, _) = clicked();
    let more = Event::Clicked { x: 20.0, y: 5.0, negative: false, add: true };
    let second = segment_ticket(&state.update(more)).unwrap();
    let asked = link_ticket(&state.update(Event::LinkRequested)).unwrap();
    let masks = segmented(second, &[(columns(0, 30), 0.9)]);
    let effects = state.update(provisional(masks));
    assert!(effects.contains(&Effect::CancelLink { ticket: asked }), "{effects:?}");
    assert_eq!(state.update(Event::Linked { ticket: asked, answer: banana(0.8) }), []);
}

#[test]
fn provisional_mask_is_shown_and_linked_once_refined() {
    let shown = |state: &State| state.clicks().candidate().unwrap().mask.clone();
    let mut state = opened();
    let ticket = segment_ticket(&state.update(click(5.0, 5.0))).unwrap();
    let masks = segmented(ticket, &[(columns(0, 10), 0.9)]);
    let first = provisional(masks);
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
fn empty_masks_are_reported_as_nothing_found() {
    let mut state = opened();
    let ticket = segment_ticket(&state.update(click(5.0, 5.0))).unwrap();
    let effects = state.update(segmented(ticket, &[(Mask::empty(SIZE).unwrap(), 0.9)]));
    assert!(announced(&effects)[0].contains("found no object"));
    assert_eq!(state.snapshot().segment_failure.unwrap().code, "nothing-found");

    let mut state = opened();
    let effects = state.update(Event::Clicked { x: 5.0, y: 5.0, negative: true, add: false });
    let nothing = segmented(segment_ticket(&effects).unwrap(), &[(Mask::empty(SIZE).unwrap(), 0.9)]);
    let effects = state.update(nothing);
    assert!(announced(&effects)[0].contains("click the object first"), "{effects:?}");
    assert!(!state.snapshot().segmenting);
}

#[test]
fn undo_removes_one_point_and_then_clears() {
    let mut state = opened();
    state.update(click(5.0, 5.0));
    state.update(Event::Clicked { x: 6.0, y: 5.0, negative: false, add: true });
    assert_eq!(state.clicks().prompts().len(), 2);
    let effects = state.update(Event::Undone);
    assert!(segment_ticket(&effects).is_some());
    assert_eq!(state.clicks().prompts().len(), 1);
    state.update(Event::Undone);
    assert!(state.clicks().is_empty());
    assert_eq!(state.selection(), Selection::Nothing);
    assert_eq!(state.update(Event::Undone), []);
}

#[test]
fn undo_restores_the_mask_and_the_chosen_candidate() {
    let shown = |state: &State| state.clicks().candidate().map(|candidate| candidate.mask.clone());
    let add = |x| Event::Clicked { x, y: 5.0, negative: false, add: true };
    let mut state = opened();
    let first = segment_ticket(&state.update(click(5.0, 5.0))).unwrap();
    state.update(segmented(first, &[(columns(0, 10), 0.9), (columns(0, 4), 0.5)]));
    state.update(Event::CandidateStepped { by: 1 });

    // Whether the next request is answered or still awaited, the chosen mask is back without a run of the
    // model.
    for answered in [true, false] {
        let second = segment_ticket(&state.update(add(6.0))).unwrap();
        if answered {
            state.update(segmented(second, &[(columns(0, 20), 0.9)]));
            assert_eq!(shown(&state), Some(columns(0, 20)));
        }
        let effects = state.update(Event::Undone);
        assert_eq!(effects.contains(&Effect::CancelSegment { ticket: second }), !answered);
        assert!(segment_ticket(&effects).is_none() && link_ticket(&effects).is_some(), "{effects:?}");
        assert_eq!((shown(&state), state.clicks().chosen()), (Some(columns(0, 4)), 1));
    }

    // A mask that was still to be refined is requested again, and not from itself.
    let second = segment_ticket(&state.update(add(6.0))).unwrap();
    let masks = segmented(second, &[(columns(0, 19), 0.9)]);
    state.update(provisional(masks));
    state.update(add(7.0));
    let effects = state.update(Event::Undone);
    let request = segment_request(&effects).unwrap();
    assert_eq!((request.prompts.len(), request.refine), (2, Some(Refine { ticket: first, candidate: 1 })));
}

#[test]
fn undo_keeps_a_selected_mask() {
    let mut state = opened();
    state.update(shown(&[("cup", columns(4, 8), None)]));
    state.update(Event::MaskSelected { index: Some(0) });
    assert_eq!(state.update(Event::Undone), []);
    assert_eq!(state.selection(), Selection::Shown(0));
}
