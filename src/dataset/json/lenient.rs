//! Reads a record that is not valid JSON: each odd token becomes a finding, and the other fields are kept.
//!
//! Used only where `serde_json` refuses a record, or where a number has more digits than it keeps. Records
//! are read as Python reads them where it accepts more than JSON: `NaN`, `Infinity`, integers of any length,
//! the last of two equal keys.

use std::borrow::Cow;

use serde_json::Number;

use super::text::{self, TextFault};
use super::value::JsonValue;

/// The fields of a record, and what is wrong with it.
#[derive(Default)]
pub(super) struct LenientRecord<'a> {
    /// Each key with its value, in the order of the record; a key may occur twice.
    pub(super) fields: Vec<(Cow<'a, str>, JsonValue<'a>)>,
    pub(super) oddities: Vec<Oddity>,
    /// Whether a part between two fields could not be read.
    pub(super) is_damaged: bool,
}

/// A token that is not valid JSON.
pub(super) struct Oddity {
    /// Key of the record's field; empty for a token between two fields.
    pub(super) field: String,
    /// Path of the value in the field, such as `.score` or `[2]`; empty for the field itself.
    pub(super) path: String,
    pub(super) fault: Fault,
}

/// The kind of an odd token.
pub(super) enum Fault {
    /// A token that JSON does not have, such as `NaN`.
    Token(String),
    /// A string that is not UTF-8.
    NotUtf8,
}

/// A place from which the value cannot be read further.
struct Broken;

/// Maximum depth of nested values, that of `serde_json`.
const MAX_DEPTH: usize = 128;
/// Maximum characters that are kept of an odd token.
const MAX_TOKEN_CHARS: usize = 40;

/// Reads a record; keeps at most `max_oddities` oddities.
pub(super) fn read_record(json: &[u8], max_oddities: usize) -> LenientRecord<'_> {
    let mut reader = LenientReader {
        bytes: json,
        at: 0,
        field: String::new(),
        path: String::new(),
        oddities: Vec::new(),
        max_oddities,
    };
    let mut record = LenientRecord::default();
    reader.skip_whitespace();
    reader.at += usize::from(reader.peek() == Some(b'{'));
    while !reader.fields(&mut record.fields, 0) {
        record.is_damaged = true;
        if !reader.skip_to_next_field() {
            break;
        }
    }
    record.oddities = reader.oddities;
    record
}

struct LenientReader<'a> {
    bytes: &'a [u8],
    at: usize,
    field: String,
    path: String,
    oddities: Vec<Oddity>,
    max_oddities: usize,
}

impl<'a> LenientReader<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_whitespace(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn report(&mut self, fault: Fault) {
        if self.oddities.len() < self.max_oddities {
            self.oddities.push(Oddity { field: self.field.clone(), path: self.path.clone(), fault });
        }
    }

    fn report_token(&mut self, token: &[u8]) {
        let text = String::from_utf8_lossy(token);
        self.report(Fault::Token(text.chars().take(MAX_TOKEN_CHARS).collect()));
    }

    /// Reads the fields of an object from after its `{` to after its `}`. Returns false where it stops
    /// before.
    fn fields(&mut self, fields: &mut Vec<(Cow<'a, str>, JsonValue<'a>)>, depth: usize) -> bool {
        let path_length = self.path.len();
        let mut needs_comma = false;
        loop {
            self.skip_whitespace();
            match self.peek() {
                Some(b'}') => {
                    self.at += 1;
                    return true;
                }
                Some(b',') => {
                    self.at += 1;
                    self.skip_whitespace();
                    if !needs_comma || self.peek() == Some(b'}') {
                        self.report_token(b",");
                    }
                    needs_comma = false;
                }
                Some(b'"') if !needs_comma => {
                    let Ok(key) = self.string() else { return false };
                    self.skip_whitespace();
                    if self.peek() != Some(b':') {
                        return false;
                    }
                    self.at += 1;
                    if depth == 0 {
                        self.field = key.clone().into_owned();
                    } else {
                        self.path.push('.');
                        self.path.push_str(&key);
                    }
                    let value = self.value(depth + 1);
                    self.path.truncate(path_length);
                    if depth == 0 {
                        self.field.clear();
                    }
                    let Ok(value) = value else { return false };
                    fields.push((key, value));
                    needs_comma = true;
                }
                _ => return false,
            }
        }
    }

    /// Skips to the next `,` that a key follows; returns false if there is none.
    fn skip_to_next_field(&mut self) -> bool {
        self.field.clear();
        self.path.clear();
        while let Some(length) = memchr::memchr(b',', self.bytes.get(self.at..).unwrap_or_default()) {
            self.at += length;
            let rest = self.bytes[self.at + 1..].trim_ascii_start();
            let end_of_key = rest.strip_prefix(b"\"").and_then(|key| memchr::memchr2(b'"', b'\n', key));
            if end_of_key.is_some_and(|end| rest[end + 2..].trim_ascii_start().first() == Some(&b':')) {
                self.at += 1;
                return true;
            }
            self.at += 1;
        }
        false
    }

    fn value(&mut self, depth: usize) -> Result<JsonValue<'a>, Broken> {
        if depth > MAX_DEPTH {
            return Err(Broken);
        }
        self.skip_whitespace();
        match self.peek() {
            Some(b'{') => {
                self.at += 1;
                let mut fields = Vec::new();
                if self.fields(&mut fields, depth) { Ok(JsonValue::Object(fields)) } else { Err(Broken) }
            }
            Some(b'[') => self.list(depth),
            Some(b'"') => self.string().map(JsonValue::String),
            Some(_) => self.scalar(),
            None => Err(Broken),
        }
    }

    fn list(&mut self, depth: usize) -> Result<JsonValue<'a>, Broken> {
        self.at += 1;
        let path_length = self.path.len();
        let (mut values, mut numbers) = (Vec::new(), Vec::new());
        for element in 0_usize.. {
            self.skip_whitespace();
            if self.peek() == Some(b']') {
                if element > 0 {
                    self.report_token(b",");
                }
                break;
            }
            self.path.extend(["[", &element.to_string(), "]"]);
            let value = self.value(depth + 1);
            self.path.truncate(path_length);
            let value = value?;
            match value.as_f64() {
                Some(number) if values.is_empty() => numbers.push(number),
                _ => {
                    values.extend(numbers.drain(..).map(JsonValue::of_f64));
                    values.push(value);
                }
            }
            self.skip_whitespace();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err(Broken),
            }
        }
        self.at += 1;
        Ok(if numbers.is_empty() { JsonValue::List(values) } else { JsonValue::Numbers(numbers) })
    }

    /// Reads a token up to the next separator: a number, a word, or nothing.
    fn scalar(&mut self) -> Result<JsonValue<'a>, Broken> {
        let rest = &self.bytes[self.at..];
        let is_end = |byte: &u8| byte.is_ascii_whitespace() || b",:[]{}\"".contains(byte);
        let token = &rest[..rest.iter().position(is_end).unwrap_or(rest.len())];
        self.at += token.len();
        let value = match token {
            b"null" => return Ok(JsonValue::Null),
            b"true" => return Ok(JsonValue::Bool(true)),
            b"false" => return Ok(JsonValue::Bool(false)),
            b"True" => JsonValue::Bool(true),
            b"False" => JsonValue::Bool(false),
            _ => {
                let text = str::from_utf8(token).unwrap_or_default();
                if let Some(number) = number(text) {
                    return Ok(number);
                }
                // An empty token must be followed by a separator: a bracket or a quote is another fault.
                if token.is_empty() && !matches!(self.peek(), Some(b',' | b'}' | b']')) {
                    return Err(Broken);
                }
                let repaired = text.parse().ok().filter(|number: &f64| number.is_finite());
                repaired.map_or(JsonValue::Null, JsonValue::of_f64)
            }
        };
        self.report_token(token);
        Ok(value)
    }

    /// Reads a string from its opening quote; one that is not closed in its line is broken.
    fn string(&mut self) -> Result<Cow<'a, str>, Broken> {
        let start = self.at + 1;
        let mut end = start;
        loop {
            match self.bytes.get(end) {
                Some(b'"') => break,
                Some(b'\\') => end += 2,
                Some(b'\n') | None => return Err(Broken),
                Some(_) => end += 1,
            }
        }
        self.at = end + 1;
        let (text, faults) = text::decode(&self.bytes[start..end]);
        for fault in faults {
            self.report(match fault {
                TextFault::NotUtf8 => Fault::NotUtf8,
                TextFault::Escape(token) => Fault::Token(token),
            });
        }
        Ok(text)
    }
}

/// Parses a JSON number; an integer beyond 64 bits keeps its digits.
fn number<'a>(text: &str) -> Option<JsonValue<'a>> {
    let is_integer = text.strip_prefix('-').unwrap_or(text).bytes().all(|byte| byte.is_ascii_digit());
    let number: Number = serde_json::from_str(text).ok()?;
    Some(if is_integer && number.is_f64() {
        JsonValue::Digits(text.into())
    } else {
        JsonValue::Number(number)
    })
}
