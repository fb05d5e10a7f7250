//! Plain JavaScript objects, read and made field by field.

use js_sys::{Object, Reflect};
use wasm_bindgen::JsValue;

use super::error::js_error;

/// Returns a field; `undefined` where the object has none.
pub(super) fn field(object: &JsValue, name: &str) -> JsValue {
    Reflect::get(object, &JsValue::from_str(name)).unwrap_or_default()
}

/// Returns a field that must be a string.
pub(super) fn text(object: &JsValue, name: &str) -> Result<String, JsValue> {
    let value = field(object, name).as_string();
    value.ok_or_else(|| js_error("request-malformed", format!("the request has no string \"{name}\"")))
}

/// Returns a field that may be a string.
pub(super) fn optional_text(object: &JsValue, name: &str) -> Option<String> {
    field(object, name).as_string()
}

/// Returns a field that must be a whole number of 32 bits.
pub(super) fn number(object: &JsValue, name: &str) -> Result<u32, JsValue> {
    let value = field(object, name).as_f64().filter(|value| (0.0..=f64::from(u32::MAX)).contains(value));
    let value = value
        .ok_or_else(|| js_error("request-malformed", format!("the request has no number \"{name}\"")))?;
    Ok(value as u32)
}

/// Makes an object of its fields.
pub(super) fn object<const N: usize>(fields: [(&str, JsValue); N]) -> JsValue {
    let object = Object::new();
    for (name, value) in fields {
        // A fresh object takes any property, so this cannot fail.
        drop(Reflect::set(&object, &JsValue::from_str(name), &value));
    }
    object.into()
}
