//! The part of the image that is shown, the keyboard's crosshair, boxes being drawn, and the renderer.

use masklink::app::{Effect, Event, Notice, RendererChoice, Selection, Settings, State, Tool, ViewPosition};
use masklink::geometry::Rect;
use masklink::segment::{Prompt, Ticket};

use super::{
    SIZE, announced, click, clicked, columns, failure, opened, segment_request, segment_ticket, segmented,
    shown,
};

const WHOLE: ViewPosition = ViewPosition { x: 20.0, y: 15.0, scale: 10.0 };

/// A canvas of 400 by 300 CSS pixels, of two device pixels each, that shows the image ten times as large.
fn magnified() -> State {
    let mut state = opened();
    state.update(Event::CanvasResized { width: 400.0, height: 300.0, device_pixel_ratio: 2.0 });
    state.update(Event::ViewSet { view: Some(WHOLE) });
    state
}

fn near(a: [f64; 2], b: [f64; 2]) -> bool {
    a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-9)
}

#[test]
fn view_that_is_set_before_an_image_shows_that_part_of_it() {
    let view = ViewPosition { x: 10.0, y: 20.0, scale: 5.0 };
    let mut state = State::default();
    state.update(Event::ViewSet { view: Some(view) });
    state.update(Event::ImageOpened { key: "a".into(), width: 40, height: 30 });
    // The canvas gets its size last, as in an element that is not in the document yet.
    state.update(Event::CanvasResized { width: 400.0, height: 300.0, device_pixel_ratio: 2.0 });
    let position = state.view().position().unwrap();
    assert!(near([position.x, position.y], [10.0, 20.0]) && (position.scale - 5.0).abs() < 1e-9);
    state.update(Event::ImageOpened { key: "b".into(), width: 40, height: 30 });
    assert_eq!(state.view().position(), None, "the next image is fitted");
}

#[test]
fn fitted_image_stays_fitted_and_another_view_keeps_its_middle() {
    let mut state = opened();
    let resize = |width, height| Event::CanvasResized { width, height, device_pixel_ratio: 1.0 };
    state.update(resize(416.0, 316.0));
    assert!(near(state.view().canvas_from_image([0.0, 0.0]), [8.0, 8.0]), "margins of 8 CSS pixels");
    state.update(resize(216.0, 166.0));
    assert!(near(state.view().canvas_from_image([0.0, 0.0]), [8.0, 8.0]));
    assert_eq!(state.update(Event::Fitted), [], "fitted already");

    assert_eq!(state.update(Event::Zoomed { factor: 2.0, in_canvas: None }), [Effect::ViewChanged]);
    state.update(resize(416.0, 316.0));
    assert!(near(state.view().canvas_from_image([20.0, 15.0]), [208.0, 158.0]));
    state.update(Event::ActualPixelsShown);
    assert!((state.view().position().unwrap().scale - 1.0).abs() < 1e-9);
    assert_eq!(state.update(Event::Fitted), [Effect::ViewChanged]);
    assert_eq!(state.view().position(), None);
}

#[test]
fn zoom_keeps_the_given_point_then_the_crosshair_in_place() {
    let mut state = magnified();
    let before = state.view().image_from_canvas([50.0, 70.0]);
    state.update(Event::Zoomed { factor: 1.5, in_canvas: Some([50.0, 70.0]) });
    assert!(near(state.view().image_from_canvas([50.0, 70.0]), before));

    let mut state = magnified();
    state.update(Event::CursorMoved { dx: 100.0, dy: -50.0 });
    let at = state.cursor().at.unwrap();
    let before = state.view().canvas_from_image(at);
    state.update(Event::Zoomed { factor: 1.5, in_canvas: None });
    assert!(near(state.view().canvas_from_image(at), before));
}

#[test]
fn mask_is_fitted_where_there_is_one() {
    let mut state = magnified();
    state.update(shown(&[("cup", columns(4, 8), None)]));
    assert_eq!(state.update(Event::MaskFitted { index: 1 }), []);
    assert_eq!(state.update(Event::MaskFitted { index: 0 }), [Effect::ViewChanged]);
    assert!((state.view().position().unwrap().x - 6.0).abs() < 1e-9);
}

#[test]
fn crosshair_starts_in_the_middle_stays_on_the_image_and_announces_its_place() {
    let mut state = magnified();
    state.update(shown(&[("cup", columns(0, 8), None)]));
    let effects = state.update(Event::CursorMoved { dx: -10.0, dy: 0.0 });
    assert!(near(state.cursor().at.unwrap(), [19.0, 15.0]));
    assert_eq!(announced(&effects), ["19 of 40, 15 of 30"]);
    let effects = state.update(Event::CursorMoved { dx: -1e4, dy: 0.0 });
    assert_eq!((state.cursor().at, state.hovered()), (Some([0.5, 15.0]), Some(0)));
    assert_eq!(announced(&effects), ["cup: 1 of 40, 15 of 30"]);
    assert!(effects.contains(&Effect::ViewChanged), "the image moves to keep the crosshair in sight");
    assert!(state.view().canvas_from_image([0.5, 15.0])[0] >= 24.0 - 1e-9);
    assert_eq!(state.update(Event::CursorHidden), [Effect::DrawMarks]);
    assert_eq!(state.update(Event::CursorHidden), []);

    state.update(Event::ToolChosen { tool: Tool::Pan });
    let before = state.view().position();
    state.update(Event::CursorMoved { dx: 10.0, dy: 0.0 });
    assert_eq!(state.cursor().at, None, "the tool pan moves the image instead");
    assert_ne!(state.view().position(), before);
    assert_eq!(State::default().update(Event::CursorMoved { dx: 1.0, dy: 1.0 }), []);
    assert_eq!(State::default().update(Event::CursorClicked { negative: false, keeps: true }), []);
}

#[test]
fn two_corners_by_keyboard_draw_a_box() {
    let mut state = magnified();
    state.update(Event::ToolChosen { tool: Tool::Box });
    state.update(Event::CursorMoved { dx: -50.0, dy: -50.0 });
    let effects = state.update(Event::CursorClicked { negative: false, keeps: true });
    assert!(announced(&effects)[0].contains("Enter sets the other corner"), "{effects:?}");
    state.update(Event::CursorMoved { dx: 100.0, dy: 100.0 });
    let marks = state.marks(&state.scene().unwrap());
    assert_eq!(marks.boxes, [[150.0, 100.0, 250.0, 200.0]], "in CSS pixels");
    let effects = state.update(Event::CursorClicked { negative: false, keeps: true });
    let rect = Rect { x1: 15.0, y1: 10.0, x2: 25.0, y2: 20.0 };
    assert_eq!(segment_request(&effects).unwrap().prompts, [Prompt::Box(rect)]);
    assert_eq!(state.cursor().corner, None);

    // A negative click is a point with the tool box, too.
    let effects = state.update(Event::CursorClicked { negative: true, keeps: true });
    assert!(matches!(
        segment_request(&effects).unwrap().prompts.last(),
        Some(Prompt::Click { positive: false, .. })
    ));
}

#[test]
fn another_tool_or_image_and_clear_drop_the_first_corner() {
    let endings = [
        Event::ToolChosen { tool: Tool::Pick },
        Event::ImageOpened { key: "other".into(), width: 9, height: 9 },
        Event::Cleared,
        Event::CursorHidden,
        Event::Suspended,
    ];
    for ending in endings {
        let mut state = magnified();
        state.update(Event::ToolChosen { tool: Tool::Box });
        state.update(Event::CursorClicked { negative: false, keeps: true });
        assert!(state.cursor().corner.is_some());
        state.update(ending.clone());
        assert_eq!(state.cursor().corner, None, "{ending:?}");
    }
}

#[test]
fn escape_gives_up_a_box_then_clicks_then_nothing() {
    let mut state = magnified();
    state.update(Event::ToolChosen { tool: Tool::Box });
    state.update(click(5.0, 5.0));
    let drag =
        |done| Event::PointerDragged { from_in_canvas: [10.0, 10.0], to_in_canvas: [60.0, 90.0], done };
    assert_eq!(state.update(drag(false)), [Effect::DrawMarks]);
    assert_eq!(state.marks(&state.scene().unwrap()).boxes, [[10.0, 10.0, 60.0, 90.0]]);
    assert_eq!(state.update(Event::Escaped), [Effect::DrawMarks]);
    assert_eq!(state.clicks().prompts().len(), 1);
    assert!(announced(&state.update(Event::Escaped)).contains(&"Cleared."));
    assert!(state.clicks().is_empty());
    assert_eq!(state.update(Event::Escaped), [], "Escape is the page's");
}

#[test]
fn dragged_box_is_segmented_unless_it_is_tiny() {
    let mut state = magnified();
    let drag = |to| Event::PointerDragged { from_in_canvas: [50.0, 60.0], to_in_canvas: to, done: true };
    assert_eq!(state.update(drag([53.0, 90.0])), []);
    let effects = state.update(drag([150.0, 110.0]));
    let rect = Rect { x1: 5.0, y1: 6.0, x2: 15.0, y2: 11.0 };
    assert_eq!(segment_request(&effects).unwrap().prompts, [Prompt::Box(rect)]);
}

#[test]
fn pointer_with_a_segmenting_tool_prepares_the_model() {
    let mut state = magnified();
    let over = || Event::PointerMoved { in_canvas: Some([9.0, 9.0]) };
    assert_eq!(state.update(over()), [Effect::PrepareModel]);
    assert_eq!(state.update(Event::PointerMoved { in_canvas: None }), []);
    for tool in [Tool::Select, Tool::Pan] {
        state.update(Event::ToolChosen { tool });
        assert_eq!(state.update(over()), [], "{tool:?}");
    }
    assert_eq!(State::default().update(over()), []);
}

#[test]
fn names_are_drawn_of_all_masks_or_of_the_one_hovered_and_the_one_selected() {
    let mut state = magnified();
    let masks = [("a", columns(0, 5), None), ("b", columns(10, 15), None), ("c", columns(20, 25), None)];
    state.update(shown(&masks));
    let labels = |state: &State| {
        let marks = state.marks(&state.scene().unwrap());
        marks.labels.into_iter().map(|label| label.text).collect::<Vec<_>>()
    };
    state.update(Event::MaskHovered { index: Some(0) });
    state.update(Event::MaskSelected { index: Some(2) });
    assert_eq!(labels(&state), ["c"], "with the tool select only the hovered one is named, too");
    state.update(Event::ToolChosen { tool: Tool::Select });
    assert_eq!(labels(&state), ["a", "c"]);
    let settings = Settings { labels: true, ..state.settings().clone() };
    state.update(Event::SettingsChanged { settings });
    assert_eq!(labels(&state), ["a", "b", "c"]);
    state.update(Event::Clicked { x: 1.0, y: 1.0, negative: false, add: true });
    assert!(labels(&state).is_empty(), "names would cover the object");
    assert!(state.marks(&state.scene().unwrap()).pulse.is_some(), "the model is running");
}

#[test]
fn overlapping_names_are_dropped_for_larger_masks_until_zooming_separates_them() {
    let mut state = magnified();
    let masks = [("small", columns(0, 2), None), ("large", columns(2, 20), None)];
    state.update(shown(&masks));
    let settings = Settings { labels: true, ..state.settings().clone() };
    state.update(Event::SettingsChanged { settings });
    let labels = |state: &State| {
        let marks = state.marks(&state.scene().unwrap());
        marks.labels.into_iter().map(|label| label.text).collect::<Vec<_>>()
    };
    assert_eq!(labels(&state), ["large"]);
    state.update(Event::ToolChosen { tool: Tool::Select });
    state.update(Event::MaskHovered { index: Some(0) });
    assert_eq!(labels(&state), ["small"], "the name under the pointer is drawn before all");
    state.update(Event::MaskHovered { index: None });
    state.update(Event::Zoomed { factor: 4.0, in_canvas: Some([0.0, 0.0]) });
    assert_eq!(labels(&state), ["small", "large"]);
}

#[test]
fn name_of_a_kept_mask_and_that_of_the_annotation_under_it_are_both_drawn() {
    let mut state = magnified();
    state.update(shown(&[("mallard", columns(4, 20), None)]));
    let settings = Settings { labels: true, ..state.settings().clone() };
    state.update(Event::SettingsChanged { settings });
    state.update(Event::MaskSelected { index: Some(0) });
    state.update(Event::MaskKept);
    let labels = |state: &State| {
        let marks = state.marks(&state.scene().unwrap());
        marks.labels.into_iter().map(|label| (label.text, label.at[1])).collect::<Vec<_>>()
    };
    assert_eq!(labels(&state).len(), 1, "equal names are one");
    let id = state.selected_kept().unwrap();
    state.update(Event::KeptNamed { id, title: "duck".to_owned(), qid: None, score: None });
    let found = labels(&state);
    let [(first, above), (second, below)] = &found[..] else { panic!("{found:?}") };
    assert_eq!((first.as_str(), second.as_str()), ("mallard", "duck"));
    assert!((above - below).abs() >= 24.0, "one is below the other: {found:?}");
}

/// The ticket of a request for the outline under the pointer.
fn preview_ticket(effects: &[Effect]) -> Option<Ticket> {
    effects.iter().find_map(|effect| match effect {
        Effect::Preview(request) => Some(request.ticket),
        _ => None,
    })
}

#[test]
fn resting_pointer_outlines_the_object_and_changes_nothing_else() {
    let (mut state, _) = clicked();
    state.update(Event::CanvasResized { width: 400.0, height: 300.0, device_pixel_ratio: 1.0 });
    let in_canvas = |x: f64| state_point(&state, [x, 15.0]);
    let (far, near, outside) = (in_canvas(25.0), in_canvas(26.0), in_canvas(35.0));
    let before = (state.snapshot(), state.current_mask().cloned());
    let ticket = preview_ticket(&state.update(Event::PointerRested { in_canvas: far })).unwrap();
    let boundaries = columns(20, 30).boundaries().to_vec();
    let late = Event::Previewed { ticket: Ticket(999), size: SIZE, boundaries: boundaries.clone() };
    assert_eq!(state.update(late), [], "a mask that is not awaited changes nothing");
    let previewed = Event::Previewed { ticket, size: SIZE, boundaries };
    assert_eq!(state.update(previewed), [Effect::DrawMarks]);
    let mark = state.marks(&state.scene().unwrap()).preview.unwrap();
    assert!(mark.path.starts_with("M20 0"), "{}", mark.path);
    assert_eq!((state.snapshot(), state.current_mask().cloned()), before);
    state.update(Event::PointerMoved { in_canvas: Some(near) });
    assert!(state.preview().is_some(), "the pointer is still within the outline");
    assert_eq!(state.update(Event::PointerRested { in_canvas: near }), []);
    state.update(Event::PointerMoved { in_canvas: Some(outside) });
    assert!(state.preview().is_none());
}

/// The place of a point of the image on the canvas.
fn state_point(state: &State, point: [f64; 2]) -> [f64; 2] {
    state.view().canvas_from_image(point)
}

#[test]
fn outline_is_asked_for_only_where_a_click_begins_an_object_and_cancelled_by_a_move() {
    let mut state = magnified();
    let rest = || Event::PointerRested { in_canvas: [50.0, 50.0] };
    let ticket = preview_ticket(&state.update(rest())).unwrap();
    assert_eq!(state.update(rest()), [], "one at a time");
    let effects = state.update(Event::PointerMoved { in_canvas: Some([60.0, 60.0]) });
    assert!(effects.contains(&Effect::CancelSegment { ticket }));
    assert_eq!(state.update(Event::PointerRested { in_canvas: [-5.0, 50.0] }), [], "beside the image");
    let ticket = preview_ticket(&state.update(rest())).unwrap();
    let effects = state.update(click(5.0, 5.0));
    assert!(effects.contains(&Effect::CancelSegment { ticket }), "the click needs the model");
    assert_eq!(state.update(rest()), [], "the click is awaited");
    for tool in [Tool::Select, Tool::Add, Tool::Box, Tool::Pan] {
        let mut state = magnified();
        state.update(Event::ToolChosen { tool });
        assert_eq!(state.update(rest()), [], "{tool:?}");
    }
}

#[test]
fn failed_gpu_is_replaced_by_the_cpu_until_another_renderer_is_set() {
    let mut state = opened();
    let effects = state.update(Event::GpuFailed { failure: failure("device-lost") });
    assert!(effects.contains(&Effect::Attach), "{effects:?}");
    assert_eq!((state.renderer(), state.settings().renderer), (RendererChoice::Cpu, RendererChoice::Auto));
    assert!(effects.contains(&Effect::Notify(Notice::Error(failure("device-lost")))));
    for renderer in [RendererChoice::Cpu, RendererChoice::WebGpu, RendererChoice::Auto] {
        let settings = Settings { renderer, ..state.settings().clone() };
        let effects = state.update(Event::SettingsChanged { settings });
        assert!(effects.contains(&Effect::Attach), "{effects:?}");
        assert_eq!(state.renderer(), renderer);
    }
}

#[test]
fn suspended_viewer_awaits_nothing_and_keeps_the_rest() {
    let (mut state, ticket) = clicked();
    state.update(Event::Suspended);
    assert_eq!(state.linking().awaited(), None);
    assert_eq!(state.update(Event::Linked { ticket, answer: super::banana(0.8) }), []);
    assert_eq!((state.selection(), state.current_mask()), (Selection::Clicked, Some(&columns(0, 10))));
    let ticket = segment_ticket(&state.update(click(20.0, 5.0))).unwrap();
    state.update(Event::Suspended);
    assert_eq!(state.update(segmented(ticket, &[(columns(0, 10), 0.9)])), []);
    assert!(!state.snapshot().segmenting);
}
