//! What taking a click back brings back.

use masklink::app::{Effect, Event, Selection, ShownMaskJson, State};
use masklink::rle::CocoRle;

use crate::app::{click, columns, link_ticket, opened, segment_ticket, segmented};

#[test]
fn undo_takes_one_point_back_and_then_clears() {
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
fn undo_goes_back_to_the_mask_that_was_there() {
    let shown = |state: &State| state.clicks().candidate().map(|candidate| CocoRle::from(&candidate.mask));
    let add = |x| Event::Clicked { x, y: 5.0, negative: false, add: true };
    let mut state = opened();
    let first = segment_ticket(&state.update(click(5.0, 5.0))).unwrap();
    state.update(segmented(first, &[(columns(0, 10), 0.9), (columns(0, 4), 0.5)]));
    state.update(Event::CandidateStepped { by: 1 });

    // Whether the next question is answered, failed or still awaited, the mask chosen is back, and
    // nothing is asked of the model again.
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

    // What was still to be bettered is asked for again, and not from itself.
    let second = segment_ticket(&state.update(add(6.0))).unwrap();
    let Event::Segmented { candidates, best, .. } = segmented(second, &[(columns(0, 19), 0.9)]) else {
        unreachable!()
    };
    state.update(Event::Segmented { ticket: second, candidates, best, provisional: true });
    state.update(add(7.0));
    let effects = state.update(Event::Undone);
    let Some(Effect::Segment(request)) = effects.iter().find(|effect| matches!(effect, Effect::Segment(_)))
    else {
        unreachable!("no request in {effects:?}")
    };
    assert_eq!((request.points.len(), request.refine), (2, Some((first, 1))));
}

#[test]
fn undo_leaves_a_selected_mask_alone() {
    let mut state = opened();
    let cup = ShownMaskJson { id: "cup".into(), mask: columns(4, 8).into(), title: "cup".into(), qid: None };
    state.update(Event::MasksShown { masks: vec![cup] });
    state.update(Event::MaskSelected { index: Some(0) });
    assert_eq!(state.update(Event::Undone), []);
    assert_eq!(state.selection(), Selection::Shown(0));
}
