//! Failures as JavaScript sees them: an `Error` with a stable `code`.

use js_sys::Reflect;
use wasm_bindgen::JsValue;

/// An `Error` whose `code` programs may rely on and whose message is for people.
pub(super) fn js_error(code: &str, error: impl std::fmt::Display) -> JsValue {
    let thrown = js_sys::Error::new(&error.to_string());
    thrown.set_name("MasklinkError");
    // A fresh object takes any property; were it not so, the message would still tell.
    let _: Result<bool, JsValue> =
        Reflect::set(&thrown, &JsValue::from_str("code"), &JsValue::from_str(code));
    thrown.into()
}

/// The `Error` of a renderer's failure.
#[cfg(feature = "gpu")]
pub(super) fn of_render(error: &crate::render::Error) -> JsValue {
    use crate::render::Error;
    let code = match error {
        Error::Gpu(crate::gpu::Error::Lost(_)) => "device-lost",
        Error::Limit { .. } => "limit",
        _ => "renderer",
    };
    js_error(code, error)
}

/// Plain data as JSON.
#[cfg(any(feature = "workers", feature = "explorer"))]
pub(super) fn to_json(data: &impl serde::Serialize) -> Result<String, JsValue> {
    serde_json::to_string(data).map_err(|error| js_error("json", error))
}

/// Plain data from JSON.
#[cfg(any(feature = "workers", feature = "explorer"))]
pub(super) fn from_json<T: serde::de::DeserializeOwned>(json: &str) -> Result<T, JsValue> {
    serde_json::from_str(json).map_err(|error| js_error("json", error))
}

/// Returns the code of anything that JavaScript threw, where it has one.
#[cfg(feature = "workers")]
pub(super) fn code_of(thrown: &JsValue) -> Option<String> {
    Reflect::get(thrown, &JsValue::from_str("code")).ok()?.as_string()
}

/// Returns the message of anything that JavaScript threw.
#[cfg(any(feature = "workers", feature = "explorer"))]
pub(super) fn message_of(thrown: &JsValue) -> String {
    use wasm_bindgen::JsCast as _;
    match thrown.dyn_ref::<js_sys::Error>() {
        Some(error) => error.message().into(),
        None => thrown.as_string().unwrap_or_else(|| format!("{thrown:?}")),
    }
}

/// The `Error` of a host's failure.
#[cfg(feature = "workers")]
pub(super) fn of_host(error: &crate::model::HostError) -> JsValue {
    js_error(error.code(), error)
}

/// Converts plain data to a JavaScript value; `None` becomes `null`.
#[cfg(feature = "viewer")]
pub(super) fn to_js(data: &impl serde::Serialize) -> Result<JsValue, JsValue> {
    let serializer = serde_wasm_bindgen::Serializer::json_compatible();
    data.serialize(&serializer).map_err(|error| js_error("data", error))
}

/// Converts a JavaScript value to plain data.
#[cfg(feature = "viewer")]
pub(super) fn from_js<T: serde::de::DeserializeOwned>(value: JsValue) -> Result<T, JsValue> {
    serde_wasm_bindgen::from_value(value).map_err(|error| js_error("data", error))
}
