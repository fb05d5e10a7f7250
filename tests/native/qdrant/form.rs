//! The forms of requests by Qdrant's published `OpenAPI` document of version 1.19
//! (`docs/redoc/v1.19.x/openapi.json` of its repository): exactly the parts that masklink uses. Fields that
//! the document has but masklink does not use are refused as well, so that a misspelt name is found.

use serde_json::Value;

/// The form of a JSON value.
pub(super) enum Form {
    /// An integer of at least this value.
    Integer(u64),
    Number,
    Text,
    Bool,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    List(&'static Self),
    /// Fields with their forms, and whether they are required.
    Object(&'static [(&'static str, bool, Self)]),
    /// Any object.
    Payload,
}

use Form::{Bool, Integer, List, Number, Object, OneOf, Payload, Text};

/// Method, path below `/collections/{name}`, names of the query, form of the body.
pub(super) const REQUESTS: [(&str, &str, &[&str], Option<Form>); 7] = [
    ("GET", "", &[], None),
    ("PUT", "", &["timeout"], Some(CREATE_COLLECTION)),
    ("PUT", "/points", &["wait", "ordering", "timeout"], Some(POINTS_LIST)),
    ("POST", "/points", &["consistency", "timeout"], Some(POINT_REQUEST)),
    ("POST", "/points/count", &["timeout"], Some(COUNT_REQUEST)),
    ("POST", "/points/scroll", &["consistency", "timeout"], Some(SCROLL_REQUEST)),
    ("POST", "/points/query", &["consistency", "timeout"], Some(QUERY_REQUEST)),
];

const CREATE_COLLECTION: Form = Object(&[(
    "vectors",
    false,
    Object(&[
        ("size", true, Integer(1)),
        ("distance", true, OneOf(&["Cosine", "Euclid", "Dot", "Manhattan"])),
        ("on_disk", false, Bool),
    ]),
)]);

const POINTS_LIST: Form = Object(&[(
    "points",
    true,
    List(&Object(&[("id", true, Integer(0)), ("vector", true, List(&Number)), ("payload", false, Payload)])),
)]);

const POINT_REQUEST: Form =
    Object(&[("ids", true, List(&Integer(0))), ("with_payload", false, Bool), ("with_vector", false, Bool)]);

const COUNT_REQUEST: Form = Object(&[("exact", false, Bool)]);

const SCROLL_REQUEST: Form = Object(&[
    ("offset", false, Integer(0)),
    ("limit", false, Integer(1)),
    ("with_payload", false, Bool),
    ("with_vector", false, Bool),
]);

const QUERY_REQUEST: Form = Object(&[
    ("query", false, List(&Number)),
    ("using", false, Text),
    (
        "params",
        false,
        Object(&[
            ("exact", false, Bool),
            ("hnsw_ef", false, Integer(1)),
            (
                "quantization",
                false,
                Object(&[("ignore", false, Bool), ("rescore", false, Bool), ("oversampling", false, Number)]),
            ),
        ]),
    ),
    ("limit", false, Integer(1)),
    ("with_payload", false, Bool),
    ("with_vector", false, Bool),
]);

impl Form {
    /// Checks a value at a place.
    pub(super) fn check(&self, value: &Value, at: &str) -> Result<(), String> {
        let is_right = match self {
            Integer(min) => value.as_u64().is_some_and(|number| number >= *min),
            Number => value.is_number(),
            Text => value.is_string(),
            Bool => value.is_boolean(),
            OneOf(texts) => value.as_str().is_some_and(|text| texts.contains(&text)),
            Payload => value.is_object(),
            List(of) => {
                let Some(items) = value.as_array() else { return Err(format!("{at} is no list")) };
                return items
                    .iter()
                    .enumerate()
                    .try_for_each(|(n, item)| of.check(item, &format!("{at}[{n}]")));
            }
            Object(fields) => return check_fields(fields, value, at),
        };
        if is_right { Ok(()) } else { Err(format!("{at} has the wrong form: {value}")) }
    }
}

fn check_fields(fields: &[(&str, bool, Form)], value: &Value, at: &str) -> Result<(), String> {
    let Some(object) = value.as_object() else { return Err(format!("{at} is no object")) };
    if let Some(unknown) = object.keys().find(|key| fields.iter().all(|(name, ..)| name != key)) {
        return Err(format!("{at} has the unknown field {unknown}"));
    }
    fields.iter().try_for_each(|(name, is_required, form)| match object.get(*name) {
        Some(value) => form.check(value, &format!("{at}.{name}")),
        None if *is_required => Err(format!("{at} lacks {name}")),
        None => Ok(()),
    })
}

#[test]
fn wrong_requests_are_found() {
    let form = |path: &str| {
        REQUESTS
            .iter()
            .find(|(method, own, ..)| *own == path && *method != "GET")
            .unwrap()
            .3
            .as_ref()
            .unwrap()
    };
    for (path, body, error) in [
        ("", r#"{"vectors":{"size":0,"distance":"Dot"}}"#, "size has the wrong form"),
        ("", r#"{"vectors":{"size":1,"distance":"dot"}}"#, "distance has the wrong form"),
        ("", r#"{"vectors":{"size":1}}"#, "lacks distance"),
        ("/points/query", r#"{"vector":[1]}"#, "unknown field vector"),
        ("/points/query", r#"{"query":[1,"2"]}"#, "query[1] has the wrong form"),
        ("/points/count", "[]", "is no object"),
    ] {
        let found = form(path).check(&serde_json::from_str(body).unwrap(), "body").unwrap_err();
        assert!(found.contains(error), "{found}");
    }
}
