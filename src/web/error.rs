//! Failures as JavaScript sees them: an `Error` with a stable `code`.

use js_sys::Reflect;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;

use crate::render;

/// An `Error` whose `code` programs may rely on and whose message is for people.
pub(super) fn js_error(code: &str, error: impl std::fmt::Display) -> JsValue {
    let thrown = js_sys::Error::new(&error.to_string());
    thrown.set_name("MasklinkError");
    // A fresh object takes any property; were it not so, the message would still tell.
    let _: Result<bool, JsValue> = Reflect::set(&thrown, &JsValue::from_str("code"), &JsValue::from_str(code));
    thrown.into()
}

/// The `Error` of a renderer's failure.
pub(super) fn of_render(error: &render::Error) -> JsValue {
    let code = match error {
        render::Error::Lost(_) => "device-lost",
        render::Error::Limit { .. } => "limit",
        _ => "renderer",
    };
    js_error(code, error)
}

/// Plain data as JSON.
pub(super) fn to_json(data: &impl Serialize) -> Result<String, JsValue> {
    serde_json::to_string(data).map_err(|error| js_error("json", error))
}

/// Plain data from JSON.
pub(super) fn from_json<T: DeserializeOwned>(json: &str) -> Result<T, JsValue> {
    serde_json::from_str(json).map_err(|error| js_error("json", error))
}
