//! Kept masks: accepted, named, hidden, edited, combined, painted, stored, undone and redone.

use masklink::app::{
    Effect, Event, KeptRecord, Linking, MAX_KEPT, Notice, Selection, ShownMask, Snapshot, State, Tool,
};
use masklink::geometry::{Point, Rect, Size};
use masklink::link::protocol::ScoredEntity;
use masklink::rle::{CocoRle, FlatMasks, Mask};
use masklink::segment::Prompt;

use super::{
    SIZE, announced, answer, banana, click, clicked, columns, entity, link_ticket, opened, segment_request,
    segment_ticket, segmented, shown,
};

/// A state with kept masks of these columns, numbered from 1, and nothing selected.
fn keeping(ranges: &[(u32, u32)]) -> State {
    let mut state = opened();
    for &(from, to) in ranges {
        let ticket = segment_ticket(&state.update(click(5.0, 5.0))).unwrap();
        state.update(segmented(ticket, &[(columns(from, to), 0.9)]));
        state.update(Event::MaskKept);
    }
    state.update(Event::KeptSelected { id: None });
    state
}

fn masks(state: &State) -> Vec<(u32, Mask)> {
    state.kept().iter().map(|kept| (kept.id, kept.mask.clone())).collect()
}

fn names(state: &State) -> Vec<String> {
    state.kept().iter().map(|kept| kept.name()).collect()
}

fn named(id: u32, title: &str) -> Event {
    Event::KeptNamed { id, title: title.into(), qid: None, score: None }
}

/// Width of the canvas around the fitted image.
const MARGIN: f64 = 8.0;

/// A piece of a stroke between points of the image.
fn piece(from: [f64; 2], to: [f64; 2], begins: bool, done: bool) -> Event {
    let [from_in_canvas, to_in_canvas] = [from, to].map(|at| at.map(|length| length + MARGIN));
    Event::BrushMoved { from_in_canvas, to_in_canvas, inverted: false, begins, done }
}

fn stroke(from: [f64; 2], to: [f64; 2]) -> Event {
    piece(from, to, true, true)
}

/// Shows a pixel of the image as one pixel of the canvas, and paints.
fn painting(state: &mut State, tool: Tool) {
    let [width, height] = [SIZE.width, SIZE.height].map(|side| f64::from(side) + 2.0 * MARGIN);
    state.update(Event::CanvasResized { width, height, device_pixel_ratio: 1.0 });
    state.update(Event::BrushSized { radius: 2.0 });
    state.update(Event::ToolChosen { tool });
}

fn has_change(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::Notify(Notice::KeptChange { .. })))
}

#[test]
fn other_masks_are_drawn_after_keeping_as_they_were_before() {
    let mut state = keeping(&[(0, 4)]);
    state.update(shown(&[("plate", columns(8, 12), None)]));
    let before = state.style();
    let ticket = segment_ticket(&state.update(click(5.0, 5.0))).unwrap();
    state.update(segmented(ticket, &[(columns(4, 8), 0.9)]));
    state.update(Event::MaskKept);
    let style = state.style();
    assert_eq!((style.fill_opacity, &style.hidden), (before.fill_opacity, &before.hidden));
    assert_eq!((style.selected, style.hovered), (Some(2), Some(2)), "only the kept one stands out");
    state.update(Event::KeptHovered { id: Some(1) });
    assert_eq!(state.style().hovered, Some(1), "the list points at masks");
}

#[test]
fn accepted_mask_keeps_clicks_and_score_and_the_link_that_is_awaited() {
    let (mut state, ticket) = clicked();
    let effects = state.update(Event::MaskKept);
    assert!(has_change(&effects), "{effects:?}");
    let kept = &state.kept()[0];
    let point = Prompt::Click { point: Point::new(5.0, 5.0), positive: true };
    assert_eq!((kept.id, &kept.mask, kept.score), (1, &columns(0, 10), Some(0.9)));
    assert_eq!(kept.prompts, [point]);
    assert_eq!((state.selection(), state.clicks().is_empty()), (Selection::Kept(1), true));
    assert_eq!(state.current_mask(), Some(&columns(0, 10)));
    // The first entity names it, since it is likely.
    state.update(Event::Linked { ticket, answer: banana(0.9) });
    let kept = &state.kept()[0];
    assert_eq!((kept.title.as_str(), kept.qid.as_deref()), ("Banana", Some("Q503")));
    assert_eq!(kept.entity_score, Some(0.9));
}

#[test]
fn mask_is_not_named_by_entities_that_are_not_likely_or_after_the_person_named_it() {
    let (mut state, ticket) = clicked();
    state.update(Event::Linked { ticket, answer: banana(0.3) });
    state.update(Event::MaskKept);
    assert_eq!(names(&state), ["Mask 1"]);
    state.update(named(1, "plantain"));
    let ticket = link_ticket(&state.update(Event::LinkRequested)).unwrap();
    state.update(Event::Linked { ticket, answer: banana(0.9) });
    assert_eq!(names(&state), ["plantain"]);
}

#[test]
fn enter_keeps_the_mask_unless_a_crosshair_says_where_to_click() {
    let (mut state, _) = clicked();
    state.update(Event::CursorClicked { negative: false, keeps: true });
    assert_eq!(state.kept().len(), 1);
    let (mut state, _) = clicked();
    state.update(Event::CursorMoved { dx: 10.0, dy: 0.0 });
    let effects = state.update(Event::CursorClicked { negative: false, keeps: true });
    assert!(segment_ticket(&effects).is_some() && state.kept().is_empty());
    assert_eq!(announced(&opened().update(Event::MaskKept)).len(), 1);
}

#[test]
fn enter_clicks_again_where_masks_cannot_be_kept() {
    let (mut state, _) = clicked();
    let effects = state.update(Event::CursorClicked { negative: false, keeps: false });
    assert!(segment_ticket(&effects).is_some() && state.kept().is_empty());
}

#[test]
fn enter_keeps_the_mask_that_was_clicked_at_the_same_place_of_the_crosshair() {
    let mut state = opened();
    state.update(Event::CursorMoved { dx: 10.0, dy: 0.0 });
    let ticket =
        segment_ticket(&state.update(Event::CursorClicked { negative: false, keeps: true })).unwrap();
    state.update(segmented(ticket, &[(columns(0, 10), 0.9)]));
    let effects = state.update(Event::CursorClicked { negative: true, keeps: true });
    assert!(segment_ticket(&effects).is_some(), "a point that is excluded there is another click");
    state.update(Event::StepUndone);
    state.update(Event::CursorClicked { negative: false, keeps: true });
    assert_eq!(masks(&state), [(1, columns(0, 10))]);
    // With nothing clicked since, it clicks again.
    let effects = state.update(Event::CursorClicked { negative: false, keeps: true });
    assert!(segment_ticket(&effects).is_some() && state.kept().len() == 1);
}

#[test]
fn broader_entity_names_a_mask_by_the_same_rule_as_any_other() {
    for (score, name) in [(0.9, "Bird"), (0.4, "Mask 1")] {
        let (mut state, ticket) = clicked();
        state.update(Event::MaskKept);
        let bird = ScoredEntity { broader: true, ..entity("Q5113", "Bird", score) };
        state.update(Event::Linked { ticket, answer: answer(vec![bird]) });
        assert_eq!(names(&state), [name]);
    }
}

#[test]
fn entities_stay_where_a_step_leaves_the_mask_as_it_is() {
    let (mut state, ticket) = clicked();
    state.update(Event::MaskKept);
    state.update(Event::Linked { ticket, answer: banana(0.3) });
    state.update(named(1, "plantain"));
    let linking = state.linking().clone();
    let effects = state.update(Event::StepUndone);
    assert_eq!((names(&state), state.linking()), (vec!["Mask 1".to_owned()], &linking));
    assert!(link_ticket(&effects).is_none());
    state.update(Event::StepRedone);
    assert_eq!((names(&state), state.linking()), (vec!["plantain".to_owned()], &linking));
    // The mask is open again as the clicked one.
    state.update(Event::StepUndone);
    state.update(Event::StepUndone);
    assert_eq!((state.selection(), state.linking()), (Selection::Clicked, &linking));
    // Nothing is open before the click.
    state.update(Event::StepUndone);
    assert_eq!(state.linking(), &Linking::Idle);
}

#[test]
fn provisional_mask_that_is_kept_ends_its_run_and_is_linked() {
    let mut state = opened();
    let ticket = segment_ticket(&state.update(click(5.0, 5.0))).unwrap();
    state.update(super::provisional(segmented(ticket, &[(columns(0, 10), 0.9)])));
    let effects = state.update(Event::MaskKept);
    assert!(effects.contains(&Effect::CancelSegment { ticket }));
    assert!(link_ticket(&effects).is_some());
    assert_eq!(state.update(segmented(ticket, &[(columns(0, 11), 0.9)])), []);
}

#[test]
fn shown_mask_is_kept_as_a_copy_with_its_name() {
    let mut state = opened();
    state.update(shown(&[("a", columns(0, 4), Some("Q1"))]));
    state.update(Event::MaskSelected { index: Some(0) });
    let effects = state.update(Event::MaskKept);
    assert!(effects.contains(&Effect::Notify(Notice::MaskSelect(None))));
    let kept = &state.kept()[0];
    assert_eq!((kept.title.as_str(), kept.qid.as_deref(), kept.score), ("a", Some("Q1"), None));
    assert_eq!(state.shown().len(), 1);
}

#[test]
fn each_change_is_undone_and_redone_to_the_same_masks() {
    let mut state = keeping(&[(0, 10), (5, 20)]);
    let mut moments = vec![state.kept().to_vec()];
    for event in [
        named(1, "left"),
        Event::KeptHidden { id: 2, hidden: true },
        Event::KeptCombined { id: 1, other: 2, subtract: true },
        Event::KeptCombined { id: 2, other: 1, subtract: false },
        Event::KeptDeleted { id: 2 },
    ] {
        let effects = state.update(event.clone());
        assert!(has_change(&effects), "{event:?}");
        moments.push(state.kept().to_vec());
    }
    assert_eq!(moments[3][0].mask, columns(0, 5));
    assert_eq!(moments[4].iter().map(|kept| kept.mask.clone()).collect::<Vec<_>>(), [columns(0, 20)]);
    assert_eq!(moments[5], []);
    for moment in moments.iter().rev().skip(1) {
        state.update(Event::StepUndone);
        assert_eq!(state.kept(), moment);
    }
    for moment in moments.iter().skip(1) {
        state.update(Event::StepRedone);
        assert_eq!(state.kept(), moment);
    }
    assert!(!state.can_redo());
    state.update(Event::StepUndone);
    // Another change takes the place of what was undone.
    state.update(Event::KeptHidden { id: 2, hidden: false });
    assert!(!state.can_redo() && state.update(Event::StepRedone).is_empty());
}

#[test]
fn undo_goes_back_through_clicks_to_the_object_before() {
    let (mut state, _) = clicked();
    let second = segment_ticket(&state.update(click(20.0, 5.0))).unwrap();
    state.update(segmented(second, &[(columns(15, 25), 0.8)]));
    state.update(Event::MaskKept);
    state.update(Event::StepUndone);
    assert!(state.kept().is_empty());
    assert_eq!(state.current_mask(), Some(&columns(15, 25)));
    state.update(Event::StepUndone);
    assert_eq!(state.current_mask(), Some(&columns(0, 10)));
    state.update(Event::StepUndone);
    assert_eq!((state.current_mask(), state.can_undo()), (None, false));
    for _ in 0..3 {
        state.update(Event::StepRedone);
    }
    assert_eq!(masks(&state), [(1, columns(15, 25))]);
}

#[test]
fn click_whose_mask_never_came_is_asked_again_after_undo() {
    let mut state = opened();
    let first = segment_ticket(&state.update(click(5.0, 5.0))).unwrap();
    state.update(click(20.0, 5.0));
    let request = state.update(Event::StepUndone);
    let request = segment_request(&request).unwrap();
    assert_eq!(request.prompts, [Prompt::Click { point: Point::new(5.0, 5.0), positive: true }]);
    assert_ne!(request.ticket, first);
}

#[test]
fn edited_mask_continues_with_its_clicks_and_is_replaced_only_when_kept() {
    let mut state = keeping(&[(0, 10)]);
    state.update(named(1, "left"));
    state.update(Event::KeptEdited { id: 1 });
    assert_eq!((state.editing(), state.tool()), (Some(1), Tool::Add));
    assert_eq!(state.current_mask(), Some(&columns(0, 10)));
    let effects = state.update(Event::Clicked { x: 15.0, y: 5.0, negative: false, add: false });
    let request = segment_request(&effects).unwrap();
    // No run made the mask that is continued, so none is refined.
    assert_eq!((request.prompts.len(), request.refine), (2, None));
    let ticket = request.ticket;
    state.update(segmented(ticket, &[(columns(0, 18), 0.7)]));
    assert_eq!(masks(&state), [(1, columns(0, 10))]);
    state.update(Event::MaskKept);
    assert_eq!((masks(&state), names(&state)), (vec![(1, columns(0, 18))], vec!["left".to_owned()]));
    assert_eq!((state.editing(), state.tool(), state.kept()[0].prompts.len()), (None, Tool::Pick, 2));
    state.update(Event::StepUndone);
    assert_eq!((state.editing(), state.current_mask()), (Some(1), Some(&columns(0, 18))));
}

#[test]
fn escape_leaves_an_edited_mask_as_it_was() {
    let mut state = keeping(&[(0, 10)]);
    state.update(Event::KeptEdited { id: 1 });
    let ticket = segment_ticket(&state.update(click(15.0, 5.0))).unwrap();
    state.update(segmented(ticket, &[(columns(0, 18), 0.7)]));
    state.update(Event::Escaped);
    assert_eq!((masks(&state), state.editing()), (vec![(1, columns(0, 10))], None));
    assert_eq!(state.tool(), Tool::Pick);
}

#[test]
fn edited_mask_without_clicks_is_asked_for_by_its_box() {
    let mut state = opened();
    painting(&mut state, Tool::Brush);
    state.update(stroke([10.0, 10.0], [20.0, 10.0]));
    state.update(Event::KeptEdited { id: 1 });
    let rect = Rect::from_corners([8.0, 8.0], [22.0, 12.0]);
    assert_eq!(state.clicks().prompts(), [Prompt::Box(rect)]);
}

#[test]
fn stroke_paints_a_new_mask_and_each_further_one_changes_it_by_one_step() {
    let mut state = opened();
    painting(&mut state, Tool::Brush);
    let effects = state.update(stroke([10.0, 10.0], [20.0, 10.0]));
    assert!(has_change(&effects));
    let first = Mask::from_stroke(SIZE, [10.0, 10.0], [20.0, 10.0], 2.0).unwrap();
    assert_eq!(masks(&state), [(1, first.clone())]);
    state.update(piece([20.0, 10.0], [20.0, 15.0], true, false));
    state.update(piece([20.0, 15.0], [20.0, 20.0], false, true));
    let second = Mask::from_stroke(SIZE, [20.0, 10.0], [20.0, 20.0], 2.0).unwrap();
    assert_eq!(masks(&state), [(1, first.union(&second).unwrap())]);
    state.update(Event::StepUndone);
    assert_eq!(masks(&state), [(1, first)]);
}

#[test]
fn eraser_takes_away_and_removes_a_mask_of_which_nothing_is_left() {
    let mut state = keeping(&[(0, 4)]);
    painting(&mut state, Tool::Erase);
    // Nothing is selected, so nothing is erased, and no step is added.
    state.update(stroke([2.0, 2.0], [2.0, 2.0]));
    assert_eq!(masks(&state), [(1, columns(0, 4))]);
    state.update(Event::KeptSelected { id: Some(1) });
    state.update(stroke([30.0, 2.0], [30.0, 9.0]));
    state.update(stroke([1.0, -9.0], [1.0, 40.0]));
    assert_eq!(masks(&state), [(1, columns(3, 4))]);
    assert_eq!(state.kept()[0].score, None, "the model's estimate was of another mask");
    state.update(stroke([3.0, -9.0], [3.0, 40.0]));
    assert_eq!((masks(&state), state.selection()), (vec![], Selection::Nothing));
    state.update(Event::StepUndone);
    state.update(Event::StepUndone);
    assert_eq!(masks(&state), [(1, columns(0, 4))]);
}

#[test]
fn brush_on_a_clicked_mask_keeps_it_first() {
    let (mut state, _) = clicked();
    painting(&mut state, Tool::Brush);
    state.update(stroke([20.0, 10.0], [20.0, 10.0]));
    let dot = Mask::from_stroke(SIZE, [20.0, 10.0], [20.0, 10.0], 2.0).unwrap();
    assert_eq!(masks(&state), [(1, columns(0, 10).union(&dot).unwrap())]);
    state.update(Event::StepUndone);
    assert_eq!(masks(&state), [(1, columns(0, 10))]);
}

#[test]
fn hidden_and_edited_masks_are_not_drawn_and_a_click_selects_the_smallest() {
    let mut state = keeping(&[(0, 30), (0, 10)]);
    state.update(shown(&[("a", columns(0, 20), None)]));
    assert_eq!(state.scene().unwrap().len(), 3);
    state.update(Event::ToolChosen { tool: Tool::Select });
    state.update(click(5.0, 5.0));
    assert_eq!((state.selection(), state.style().selected), (Selection::Kept(2), Some(2)));
    state.update(Event::KeptHidden { id: 2, hidden: true });
    assert_eq!(state.style().hidden, [2].into());
    state.update(click(5.0, 5.0));
    assert_eq!(state.selection(), Selection::Shown(0));
    state.update(click(25.0, 5.0));
    assert_eq!(state.selection(), Selection::Kept(1));
    state.update(Event::KeptEdited { id: 1 });
    assert_eq!(state.style().hidden, [0, 1, 2].into());
}

#[test]
fn records_restore_the_same_masks_before_those_kept_meanwhile() {
    let mut state = keeping(&[(0, 10), (5, 20)]);
    state.update(named(1, "left"));
    state.update(Event::KeptHidden { id: 2, hidden: true });
    let records: Vec<_> = state.kept().iter().map(|kept| KeptRecord::of(kept)).collect();
    let json = serde_json::to_string(&records).unwrap();
    let records: Vec<KeptRecord> = serde_json::from_str(&json).unwrap();

    let mut later = keeping(&[(30, 35)]);
    later.update(Event::KeptRestored { records: records.clone() });
    assert_eq!(names(&later), ["left", "Mask 3", "Mask 1"]);
    let restored: Vec<_> = later.kept().iter().map(|kept| KeptRecord::of(kept)).collect();
    assert_eq!(restored[..2], records);
    // Undo reaches only what was done after the image was opened.
    while later.can_undo() {
        later.update(Event::StepUndone);
    }
    assert_eq!(names(&later), ["left", "Mask 3"]);

    later.update(Event::KeptImported { records });
    assert_eq!(later.kept().len(), 4);
    later.update(Event::StepUndone);
    assert_eq!(later.kept().len(), 2);
}

#[test]
fn bad_records_are_reported_and_the_others_are_used() {
    let mut state = opened();
    let record = |size, counts: Option<&str>, rings| KeptRecord {
        size,
        counts: counts.map(str::to_owned),
        rings,
        ..KeptRecord::default()
    };
    let square =
        vec![vec![0.0, 0.0, 9.0, 0.0, 9.0, 9.0, 0.0, 9.0], vec![3.0, 3.0, 3.0, 6.0, 6.0, 6.0, 6.0, 3.0]];
    let records = vec![
        record([30, 40], Some("~"), None),
        record([9, 9], Some("0"), None),
        record([30, 40], None, Some(square)),
    ];
    let effects = state.update(Event::KeptImported { records });
    let failure = effects.iter().find_map(|effect| match effect {
        Effect::Notify(Notice::Error(failure)) => Some(failure),
        _ => None,
    });
    assert!(failure.unwrap().message.starts_with("2 of 3 masks"), "{effects:?}");
    assert_eq!(state.kept().len(), 1);
    assert_eq!(state.kept()[0].mask.area(), 81 - 9);
}

#[test]
fn image_holds_a_limited_number_of_kept_masks() {
    let mut state = keeping(&[(0, 1)]);
    let record = KeptRecord::of(&state.kept()[0]);
    let full = state.update(Event::KeptImported { records: vec![record.clone(); MAX_KEPT] });
    assert_eq!(state.kept().len(), 1, "{full:?}");
    state.update(Event::KeptImported { records: vec![record; MAX_KEPT - 1] });
    assert_eq!(state.kept().len(), MAX_KEPT);
    state.update(click(5.0, 5.0));
    painting(&mut state, Tool::Brush);
    state.update(Event::Cleared);
    state.update(stroke([20.0, 10.0], [20.0, 10.0]));
    assert_eq!(state.kept().len(), MAX_KEPT);
}

#[test]
fn another_image_has_no_kept_masks_and_no_history() {
    let mut state = keeping(&[(0, 10)]);
    let effects = state.update(Event::ImageOpened { key: "b".into(), width: 40, height: 30 });
    assert!(!has_change(&effects), "nothing that is stored under the other image may be replaced");
    assert!(state.kept().is_empty() && !state.can_undo());
}

#[test]
fn unsure_first_entity_can_still_be_chosen() {
    let (mut state, ticket) = clicked();
    state.update(Event::MaskKept);
    let entities = vec![entity("Q503", "Banana", 0.3), entity("Q81", "Carrot", 0.29)];
    state.update(Event::Linked { ticket, answer: answer(entities) });
    let carrot =
        |id| Event::KeptNamed { id, title: "Carrot".into(), qid: Some("Q81".into()), score: Some(0.29) };
    state.update(carrot(1));
    let summary = &state.snapshot().kept[0];
    assert_eq!((summary.name.as_str(), summary.qid.as_deref()), ("Carrot", Some("Q81")));
    assert_eq!((summary.area, summary.bbox), (300, Some([0, 0, 10, 30])));
    assert_eq!(state.update(carrot(1)), [], "nothing has changed");
    assert_eq!(state.update(carrot(7)), [], "there is no such mask");
}

#[test]
fn smallest_mask_under_the_pointer_is_pointed_at_whether_shown_or_kept() {
    let mut state = keeping(&[(0, 10)]);
    state.update(shown(&[("a", columns(0, 20), None), ("b", columns(0, 5), None)]));
    painting(&mut state, Tool::Select);
    let mut point = |x: f64| {
        state.update(Event::PointerMoved { in_canvas: Some([x + MARGIN, 5.0 + MARGIN]) });
        (state.hovered(), state.hovered_kept(), state.style().hovered)
    };
    assert_eq!(point(2.0), (Some(1), None, Some(1)));
    assert_eq!(point(7.0), (None, Some(1), Some(2)));
    assert_eq!(point(15.0), (Some(0), None, Some(0)));
    assert_eq!(point(30.0), (None, None, None));
    state.update(Event::KeptHovered { id: Some(1) });
    assert_eq!(state.hovered_kept(), Some(1));
    assert_eq!(state.update(Event::KeptHovered { id: Some(1) }), []);
}

#[test]
fn brush_has_a_circle_and_no_other_tool_does() {
    let mut state = opened();
    painting(&mut state, Tool::Brush);
    let circle =
        |state: &State| state.marks(&state.scene().unwrap()).brush.map(|mark| (mark.at, mark.radius));
    state.update(Event::PointerMoved { in_canvas: Some([9.0, 7.0]) });
    assert_eq!(circle(&state), Some(([9.0, 7.0], 2.0)));
    state.update(Event::BrushSized { radius: f64::NAN });
    state.update(Event::BrushSized { radius: 1e9 });
    assert_eq!(circle(&state), Some(([9.0, 7.0], 200.0)));
    state.update(Event::ToolChosen { tool: Tool::Pick });
    assert_eq!(circle(&state), None);
}

#[test]
fn mask_of_which_a_part_is_left_out_stays_marked() {
    let mut state = State::default();
    state.update(Event::ImageOpened { key: "image".to_owned(), width: 40, height: 30 });
    let shown = |id: &str, from: u32, is_cut| {
        let mask = Mask::from_boundaries(Size::new(40, 30), vec![from, from + 60]).unwrap();
        let CocoRle { size, counts } = (&mask).into();
        let (id, title, qid) = (id.to_owned(), String::new(), None);
        ShownMask { id, title, qid, size, counts: Some(counts), is_cut, color: None }
    };
    let masks = vec![shown("cut", 0, true), shown("whole", 300, false)];
    state.update(Event::MasksShown { masks, runs: FlatMasks::default() });
    let marks = |state: &State| {
        let Snapshot { shown, kept, is_cut, .. } = state.snapshot();
        let shown: Vec<_> = shown.iter().map(|shown| shown.cut).collect();
        (shown, kept.iter().map(|kept| kept.cut).collect::<Vec<_>>(), is_cut)
    };
    assert_eq!(marks(&state), (vec![true, false], vec![], false));
    for index in [0, 1] {
        state.update(Event::MaskSelected { index: Some(index) });
        assert_eq!(marks(&state).2, index == 0);
        state.update(Event::MaskKept);
        assert_eq!(marks(&state).2, index == 0, "the kept mask is the current one");
    }
    assert_eq!(marks(&state).1, [true, false]);
    let records: Vec<_> = state.kept().iter().map(|kept| KeptRecord::of(kept)).collect();
    let json = serde_json::to_value(&records).unwrap();
    assert_eq!((&json[0]["cut"], &json[1]["cut"]), (&true.into(), &false.into()));
    state.update(Event::KeptImported { records });
    assert_eq!(marks(&state).1, [true, false, true, false]);
    // A union with a cut mask is cut, too.
    let ids: Vec<_> = state.kept().iter().map(|kept| kept.id).collect();
    state.update(Event::KeptCombined { id: ids[1], other: ids[0], subtract: false });
    assert_eq!(marks(&state).1, [true, true, false]);
}
