//! The form in which events and effects cross to JavaScript.

use std::fs;

use masklink::app::{Effect, Event, Notice, Settings, Tool};
use masklink::segment::Ticket;

use super::{click, failure};

#[test]
fn events_and_effects_have_the_form_that_the_page_uses() {
    let check = |json: &str, expected: Event| {
        assert_eq!(serde_json::from_str::<Event>(json).unwrap(), expected, "{json}");
    };
    check(r#"{"type":"clicked","x":1,"y":2,"negative":false,"add":false}"#, click(1.0, 2.0));
    check(r#"{"type":"pointerMoved","inCanvas":null}"#, Event::PointerMoved { in_canvas: None });
    check(r#"{"type":"toolChosen","tool":"pick"}"#, Event::ToolChosen { tool: Tool::Pick });
    let json = r#"{"type":"linked","ticket":3,"answer":{"entities":[]}}"#;
    check(json, Event::Linked { ticket: Ticket(3), answer: super::answer(Vec::new()) });
    let notice = serde_json::to_value(Effect::Notify(Notice::Error(failure("timeout")))).unwrap();
    let detail = serde_json::json!({"code":"timeout","message":"it is timeout"});
    assert_eq!(notice, serde_json::json!({"type":"notify","name":"error","detail":detail}));
}

#[test]
fn default_settings_of_the_element_are_those_of_the_module() {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/www/viewer/pending.js")).unwrap();
    let (_, literal) = text.split_once("const DEFAULT_SETTINGS = ").unwrap();
    let (literal, _) = literal.split_once(';').unwrap();
    // The literal as JSON: quoted names, double quotes, no comma after the last.
    let lines = literal.lines().map(|line| match line.trim().split_once(": ") {
        Some((name, value)) => format!("\"{name}\": {}", value.replace('\'', "\"")),
        None => line.trim().to_owned(),
    });
    let json = lines.collect::<String>().replace(",}", "}");
    assert_eq!(serde_json::from_str::<Settings>(&json).unwrap(), Settings::default(), "{json}");
}
