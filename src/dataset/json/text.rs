//! Decodes the bytes of a JSON string that is not valid: odd escapes, and encodings other than UTF-8.

use std::borrow::Cow;

/// A fault of a string, which is decoded all the same.
pub(super) enum TextFault {
    /// The bytes are not UTF-8.
    NotUtf8,
    /// An escape or a control character that JSON does not have, such as half of a surrogate pair.
    Escape(String),
}

/// Maximum number of faults listed of one string.
const MAX_FAULTS: usize = 4;

/// Decodes the bytes between the quotes of a string.
///
/// Bytes that are not UTF-8 are read as Latin-1 if they can only be its letters, else they become U+FFFD.
pub(super) fn decode(bytes: &[u8]) -> (Cow<'_, str>, Vec<TextFault>) {
    let mut faults = Vec::new();
    let is_plain = bytes.iter().all(|&byte| byte >= b' ' && byte != b'\\');
    if let (true, Ok(text)) = (is_plain, str::from_utf8(bytes)) {
        return (text.into(), faults);
    }
    let unescaped = unescape(bytes, &mut faults);
    let text = String::from_utf8(unescaped).unwrap_or_else(|error| {
        faults.push(TextFault::NotUtf8);
        latin1(error.as_bytes()).unwrap_or_else(|| String::from_utf8_lossy(error.as_bytes()).into_owned())
    });
    (text.into(), faults)
}

/// Replaces the escapes by their characters; those that JSON does not have stay as they are.
fn unescape(bytes: &[u8], faults: &mut Vec<TextFault>) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len());
    let mut report = |token: &[u8]| {
        if faults.len() < MAX_FAULTS {
            faults.push(TextFault::Escape(String::from_utf8_lossy(token).into_owned()));
        }
    };
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        if byte != b'\\' {
            if byte < b' ' {
                report(format!("control character {byte:#04x}").as_bytes());
            }
            text.push(byte);
            at += 1;
            continue;
        }
        let escape = bytes.get(at + 1).copied().unwrap_or_default();
        let plain = match escape {
            b'"' | b'\\' | b'/' => Some(escape),
            b'b' => Some(0x08),
            b'f' => Some(0x0c),
            b'n' => Some(b'\n'),
            b'r' => Some(b'\r'),
            b't' => Some(b'\t'),
            _ => None,
        };
        let (character, length) = match (plain, escape) {
            (Some(plain), _) => (Some(char::from(plain)), 2),
            (None, b'u') => unicode_escape(&bytes[at..]),
            (None, _) => (None, 1),
        };
        if let Some(character) = character {
            text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        } else {
            report(&bytes[at..(at + length.max(2)).min(bytes.len())]);
            // Half of a surrogate pair has no character; other escapes are kept as they are written.
            let kept: &[u8] = if length > 1 { "\u{fffd}".as_bytes() } else { b"\\" };
            text.extend_from_slice(kept);
        }
        at += length;
    }
    text
}

/// Reads `\u` with its four digits, or two of them that are one character.
///
/// Returns no character where there is none, and the number of bytes; 1 where four hexadecimal digits are
/// missing.
fn unicode_escape(bytes: &[u8]) -> (Option<char>, usize) {
    let unit = |at: usize| {
        let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
        let digits = digits.iter().all(u8::is_ascii_hexdigit).then_some(digits)?;
        u16::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
    };
    let Some(first) = unit(0) else { return (None, 1) };
    let pair = unit(6).map(|second| char::decode_utf16([first, second]).next());
    match (char::from_u32(first.into()), pair) {
        (Some(character), _) => (Some(character), 6),
        (None, Some(Some(Ok(character)))) => (Some(character), 12),
        (None, _) => (None, 6),
    }
}

/// Decodes Latin-1 if each byte beyond ASCII is a letter of it that stands alone: the encodings of Asian
/// languages write pairs of such bytes.
fn latin1(bytes: &[u8]) -> Option<String> {
    let is_alone = |at: usize| {
        let is_ascii = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_none_or(u8::is_ascii);
        bytes[at] >= 0xc0 && is_ascii(at.checked_sub(1)) && is_ascii(Some(at + 1))
    };
    let is_latin1 = (0..bytes.len()).all(|at| bytes[at].is_ascii() || is_alone(at));
    is_latin1.then(|| bytes.iter().map(|&byte| char::from(byte)).collect())
}
