//! Completes records that do not name themselves: by their key in a section that is an object, and by the
//! only image of a file.
//!
//! A catalog and a pack keep single records, so that each must say what the file around it says.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, Visitor};

/// Returns a record with the field `id` of its key, as written, and with the field `image_id` of the file's
/// only image, where it has none itself. A record that is no valid JSON is returned as it is.
pub fn completed<'a>(json: &'a [u8], key: Option<&[u8]>, only_image: Option<&str>) -> Cow<'a, [u8]> {
    if key.is_none() && only_image.is_none() {
        return Cow::Borrowed(json);
    }
    let Some(names) = names_of(json) else { return Cow::Borrowed(json) };
    let is_absent = |name: &str| !names.iter().any(|known| known == name);
    let mut fields = Vec::new();
    if let Some(key) = key.filter(|_| is_absent("id")) {
        fields.extend([&b"\"id\":\""[..], key, b"\""].concat());
    }
    if let Some(image) = only_image.filter(|_| is_absent("image_id")) {
        if !fields.is_empty() {
            fields.push(b',');
        }
        fields.extend_from_slice(format!("\"image_id\":{}", serde_json::Value::from(image)).as_bytes());
    }
    if fields.is_empty() {
        return Cow::Borrowed(json);
    }
    if !names.is_empty() {
        fields.push(b',');
    }
    // The record begins with its brace.
    Cow::Owned([&json[..1], &fields, &json[1..]].concat())
}

/// Splits the bytes of a file from a record's key to its end into the key, as written, and the record. Bytes
/// that begin with the record have no key.
pub(in crate::dataset) fn split_key(bytes: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let Some(text) = bytes.strip_prefix(b"\"") else { return (None, bytes) };
    let mut is_escaped = false;
    let end = text.iter().position(|&byte| {
        let is_end = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    });
    let Some(end) = end else { return (None, bytes) };
    let record = text[end..].iter().position(|&byte| byte == b'{').map_or(text.len(), |at| end + at);
    (Some(&text[..end]), &text[record..])
}

/// Returns the names of a record's fields; `None` if it is no valid JSON.
pub(super) fn names_of(json: &[u8]) -> Option<BTreeSet<String>> {
    serde_json::from_slice(json).ok().map(|Names(names)| names)
}

/// The names of a record's fields.
struct Names(BTreeSet<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfObject;
        impl<'de> Visitor<'de> for OfObject {
            type Value = Names;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
                let mut names = BTreeSet::new();
                while let Some((name, IgnoredAny)) = map.next_entry()? {
                    names.insert(name);
                }
                Ok(Names(names))
            }
        }
        deserializer.deserialize_map(OfObject)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_fields_alone_are_added() {
        for (json, key, image, expected) in [
            ("{}", Some("7"), Some("p"), r#"{"id":"7","image_id":"p"}"#),
            (r#"{"a":1}"#, Some(r#"\u0041\""#), None, r#"{"id":"\u0041\"","a":1}"#),
            (r#"{"id":1}"#, Some("7"), Some("p\""), r#"{"image_id":"p\"","id":1}"#),
            (r#"{"id":1,"image_id":null}"#, Some("7"), Some("p"), r#"{"id":1,"image_id":null}"#),
            (r#"{"a":NaN}"#, Some("7"), None, r#"{"a":NaN}"#),
            (r#"{"a":1}"#, None, None, r#"{"a":1}"#),
        ] {
            let found = completed(json.as_bytes(), key.map(str::as_bytes), image);
            assert_eq!(String::from_utf8_lossy(&found), expected, "{json}");
        }
    }

    #[test]
    fn key_is_split_from_its_record() {
        for (bytes, key, record) in [
            (r#"{"a":1}"#, None, r#"{"a":1}"#),
            (r#""7": {"a":1}"#, Some("7"), r#"{"a":1}"#),
            (r#""a\"{\\" :{}"#, Some(r#"a\"{\\"#), "{}"),
            (r#""7"#, None, r#""7"#),
            (r#""7":"#, Some("7"), ""),
        ] {
            let (found, rest) = split_key(bytes.as_bytes());
            assert_eq!((found, rest), (key.map(str::as_bytes), record.as_bytes()), "{bytes}");
        }
    }
}
