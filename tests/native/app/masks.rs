//! Masks shown over the image: which are decoded, pointed at, selected and drawn.

use masklink::app::{Effect, Event, Notice, Selection, Settings, ShownMask, Tool, ViewPosition};
use masklink::rle::FlatMasks;

use super::{
    announced, banana, click, clicked, columns, failure as failure_of, link_ticket, opened, segment_ticket,
    segmented, shown,
};

#[test]
fn masks_of_another_size_are_reported_and_the_others_shown() {
    let mut state = opened();
    let with = |id: &str, size, counts: Option<&str>| ShownMask {
        id: id.into(),
        title: id.into(),
        qid: None,
        size,
        counts: counts.map(str::to_owned),
        is_cut: false,
        color: None,
    };
    let masks = vec![
        with("huge", [u32::MAX, u32::MAX], Some("0")),
        with("good", [30, 40], None),
        with("broken", [30, 40], Some("\u{7f}")),
        with("short", [30, 40], None),
    ];
    let runs = FlatMasks { offsets: vec![0, 0, 2, 2, 4], boundaries: vec![0, 90] };
    let effects = state.update(Event::MasksShown { masks, runs });
    let failure = state.masks_failure().unwrap().clone();
    assert_eq!(failure.code, "mask-size");
    assert!(failure.message.starts_with("3 of 4 masks cannot be used: mask huge: "), "{failure:?}");
    assert!(effects.contains(&Effect::Notify(Notice::Error(failure))), "{effects:?}");
    assert_eq!(state.shown().iter().map(|shown| &shown.id).collect::<Vec<_>>(), ["good"]);
    assert_eq!(state.shown()[0].mask, columns(0, 3));

    state.update(shown(&[("cup", columns(0, 3), None)]));
    assert_eq!(state.masks_failure(), None);
    state.update(Event::MasksFailed { failure: failure_of("annotations") });
    assert_eq!((state.shown().len(), state.masks_failure()), (0, Some(&failure_of("annotations"))));
}

#[test]
fn smallest_mask_under_the_pointer_is_hovered_and_selected() {
    let mut state = opened();
    let masks = [("table", columns(0, 40)), ("cup", columns(4, 8)), ("plate", columns(2, 12))];
    state.update(shown(&masks.map(|(id, mask)| (id, mask, Some("Q1")))));
    // One CSS pixel per pixel of the image, and its origin in the corner.
    state.update(Event::CanvasResized { width: 40.0, height: 30.0, device_pixel_ratio: 1.0 });
    state.update(Event::ViewSet { view: Some(ViewPosition { x: 20.0, y: 15.0, scale: 1.0 }) });
    state.update(Event::ToolChosen { tool: Tool::Select });
    let effects = state.update(Event::PointerMoved { in_canvas: Some([5.0, 5.0]) });
    let Some(Effect::Notify(Notice::MaskHover(Some(detail)))) = effects.get(1) else {
        unreachable!("{effects:?}")
    };
    assert_eq!((detail.index, detail.id.as_str()), (1, "cup"));
    assert_eq!(state.update(Event::PointerMoved { in_canvas: Some([6.0, 5.0]) }), [], "the same mask");

    let effects = state.update(click(10.0, 3.0));
    assert_eq!(state.selection(), Selection::Shown(2));
    assert_eq!(announced(&effects), ["plate selected, 25 % of the image."]);
    let effects = state.update(Event::LinkRequested);
    assert!(link_ticket(&effects).is_some(), "the entity of a shown mask is asked on demand");
    state.update(Event::MaskSelected { index: Some(99) });
    assert_eq!(state.selection(), Selection::Nothing);

    state.update(shown(&[("below", columns(0, 8), None), ("above", columns(0, 8), None)]));
    assert_eq!(state.shown_at([3.0, 3.0]), Some(1), "the topmost of equal masks");
}

#[test]
fn end_of_a_selection_or_a_hover_is_notified() {
    let masks = || shown(&[("cup", columns(4, 8), None)]);
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
fn opening_an_image_drops_everything_of_the_last() {
    let (mut state, ticket) = clicked();
    let effects = state.update(Event::ImageOpened { key: "cup.jpg".into(), width: 8, height: 8 });
    assert_eq!(effects.first(), Some(&Effect::CancelLink { ticket }));
    assert!(state.clicks().is_empty() && state.shown().is_empty() && state.current_mask().is_none());
    assert_eq!(state.update(Event::Linked { ticket, answer: banana(0.9) }), []);
}

#[test]
fn masks_of_one_entity_share_a_color_and_clicks_hide_them() {
    let mut state = opened();
    let masks = [("a", 0, Some("Q1")), ("b", 4, None), ("c", 8, Some("Q1")), ("d", 12, None)];
    state.update(shown(&masks.map(|(id, from, qid)| (id, columns(from, from + 2), qid))));
    state.update(Event::ToolChosen { tool: Tool::Select });
    let (scene, style) = (state.scene().unwrap(), state.style());
    let color = |index| style.color(&scene, index).unwrap();
    assert_eq!(color(0), color(2));
    assert!(color(0) != color(1) && color(1) != color(3), "masks without an entity differ");
    assert!(style.fill_opacity > 0.0 && style.shows(0));

    state.update(Event::ToolChosen { tool: Tool::Pick });
    assert!(state.style().fill_opacity == 0.0, "nothing covers the object to click");
    let settings = Settings { patterns: true, ..state.settings().clone() };
    state.update(Event::SettingsChanged { settings });
    let patterned = state.style().fill_opacity;
    assert!(patterned > 0.0 && patterned < style.fill_opacity, "patterns are seen with every tool");
    let settings = Settings { patterns: false, ..state.settings().clone() };
    state.update(Event::SettingsChanged { settings });
    let ticket = segment_ticket(&state.update(click(5.0, 5.0))).unwrap();
    assert!((0..4).all(|index| !state.style().shows(index)));
    state.update(segmented(ticket, &[(columns(0, 10), 0.9)]));
    assert_eq!(state.scene().unwrap().len(), 5);
    assert_eq!((state.style().selected, state.style().shows(4)), (Some(4), true));
    let asked = state.style();
    assert!(
        asked.fill_opacity > 0.0 && asked.fill_opacity < style.fill_opacity,
        "the object's own color stays visible"
    );
    let color = asked.color(&state.scene().unwrap(), 4).unwrap();
    assert_eq!([color.red, color.green, color.blue], [255; 3], "white keeps the hue");
    state.update(Event::Cleared);
    assert_eq!(state.scene().unwrap().len(), 4);
    assert!(state.style().shows(0));
}

#[test]
fn changed_settings_redraw_without_rebuilding_masks() {
    let (mut state, _) = clicked();
    let effects =
        state.update(Event::SettingsChanged { settings: Settings { opacity: 0.9, ..Settings::default() } });
    assert!(effects.contains(&Effect::DrawStyle) && !effects.contains(&Effect::DrawMasks), "{effects:?}");
}
