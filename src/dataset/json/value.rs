//! A JSON value of any shape that borrows its strings: the content of a field before conversion.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

use crate::dataset::file_name::is_web_address;

/// Any JSON value. A list of numbers only is stored compactly, since polygons and uncompressed counts
/// are long.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum JsonValue<'a> {
    Null,
    Bool(bool),
    Number(Number),
    /// The digits of an integer beyond 64 bits, where they matter.
    Digits(Box<str>),
    String(Cow<'a, str>),
    /// A list of at least one number and nothing else.
    Numbers(Vec<f64>),
    List(Vec<JsonValue<'a>>),
    Object(Vec<(Cow<'a, str>, JsonValue<'a>)>),
}

impl JsonValue<'_> {
    /// Returns the text if it is an address on the web.
    pub(super) fn web_address(&self) -> Option<&str> {
        match self {
            Self::String(text) if is_web_address(text) => Some(text),
            _ => None,
        }
    }

    /// Wraps a number; null if it is not finite.
    pub(super) fn of_f64(value: f64) -> Self {
        Number::from_f64(value).map_or(Self::Null, Self::Number)
    }

    /// Returns whether the value is an integer that lost digits because it is beyond 64 bits.
    pub(super) fn is_long_integer(&self) -> bool {
        const END_OF_U64: f64 = 18_446_744_073_709_551_616.0;
        match self {
            Self::Number(number) if number.is_f64() => {
                number.as_f64().is_some_and(|value| value >= END_OF_U64 || value <= -END_OF_U64 / 2.0)
            }
            _ => false,
        }
    }

    /// Names the shape of the value, for a message.
    pub(super) fn shape(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "true or false",
            Self::Number(_) | Self::Digits(_) => "a number",
            Self::String(_) => "a string",
            Self::Numbers(_) => "a list of numbers",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }

    /// Returns the number that a string holds: digits, with a point or an exponent.
    pub(super) fn quoted_number(&self) -> Option<f64> {
        let Self::String(text) = self else { return None };
        let text = text.trim();
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
        text.parse().ok().filter(|number: &f64| is_number && number.is_finite())
    }

    /// Returns the value if it is a finite number.
    pub(super) fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Number(number) => number.as_f64().filter(|value| value.is_finite()),
            Self::Digits(digits) => digits.parse().ok().filter(|value: &f64| value.is_finite()),
            _ => None,
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for JsonValue<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonValueVisitor)
    }
}

struct JsonValueVisitor;

impl<'de> Visitor<'de> for JsonValueVisitor {
    type Value = JsonValue<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(JsonValue::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(JsonValue::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok(JsonValue::Number(value.into()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(JsonValue::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        Ok(JsonValue::of_f64(value))
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(JsonValue::String(Cow::Borrowed(value)))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        Ok(JsonValue::String(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut numbers = Vec::new();
        let mut first_other = None;
        while let Some(value) = seq.next_element::<JsonValue<'de>>()? {
            if let Some(number) = value.as_f64() {
                numbers.push(number);
            } else {
                first_other = Some(value);
                break;
            }
        }
        let Some(other) = first_other else {
            let empty = numbers.is_empty();
            return Ok(if empty { JsonValue::List(Vec::new()) } else { JsonValue::Numbers(numbers) });
        };
        let mut values: Vec<_> = numbers.into_iter().map(JsonValue::of_f64).collect();
        values.push(other);
        while let Some(value) = seq.next_element()? {
            values.push(value);
        }
        Ok(JsonValue::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some((Key(key), value)) = map.next_entry()? {
            fields.push((key, value));
        }
        Ok(JsonValue::Object(fields))
    }
}

/// The key of an object, borrowed unless it has an escape (serde's own `Cow` always copies).
struct Key<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Key<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match JsonValue::deserialize(deserializer)? {
            JsonValue::String(key) => Ok(Self(key)),
            other => Err(D::Error::custom(format_args!("a key is {}", other.shape()))),
        }
    }
}
