//! Reads `file_name`: a path with either kind of slash, a path that leads out of its folder, or an address.

use std::borrow::Cow;

/// The path that a `file_name` stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NamedPath {
    /// Relative path with forward slashes, without drive and `..`; empty if nothing else is named.
    pub(super) path: String,
    /// Whether `..`, a drive or a NUL was taken out of it.
    pub(super) leads_out: bool,
}

impl NamedPath {
    /// Reads a path or an address. Of an address it keeps the path, decoded, without its server.
    pub(super) fn read(name: &str) -> Self {
        if let Some(rest) = after_scheme(name) {
            let rest = rest.split(['?', '#']).next().unwrap_or_default();
            let (_server, path) = rest.split_once('/').unwrap_or((rest, ""));
            let steps: Vec<_> = path.split('/').map(percent_decoded).collect();
            return Self { leads_out: false, ..Self::read_path(&steps.join("/")) };
        }
        Self::read_path(name)
    }

    fn read_path(name: &str) -> Self {
        let name = name.replace('\\', "/");
        let path = name.trim_start_matches('/');
        let leads_out = has_drive(path) || path.contains('\0') || path.split('/').any(|step| step == "..");
        let path = if leads_out { steps(path).join("/").replace('\0', "") } else { path.to_owned() };
        Self { path, leads_out }
    }
}

/// Returns whether a name is an address on the web.
pub(super) fn is_web_address(name: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| starts_with(name, scheme))
}

/// Returns the rest of an address after `http://`, `https://` or `file://`.
fn after_scheme(name: &str) -> Option<&str> {
    let schemes = ["http://", "https://", "file://"];
    schemes.into_iter().find(|scheme| starts_with(name, scheme)).and_then(|scheme| name.get(scheme.len()..))
}

fn starts_with(name: &str, scheme: &str) -> bool {
    name.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
}

fn has_drive(path: &str) -> bool {
    matches!(path.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic())
}

/// Returns the steps of a path between slashes of either kind, without drive, `.` and `..`.
pub(super) fn steps(path: &str) -> Vec<&str> {
    let path = path.trim_start_matches(['/', '\\']);
    let path = if has_drive(path) { &path[2..] } else { path };
    let mut steps = Vec::new();
    for step in path.split(['/', '\\']) {
        match step {
            "" | "." => {}
            ".." => {
                steps.pop();
            }
            step => steps.push(step),
        }
    }
    steps
}

/// Decodes the escapes of an address; a text that is not percent-encoded UTF-8 stays as it is.
pub fn percent_decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let digit = |byte: Option<&u8>| byte.and_then(|&byte| char::from(byte).to_digit(16));
    let (source, mut bytes, mut at) = (text.as_bytes(), Vec::with_capacity(text.len()), 0);
    while let Some(&byte) = source.get(at) {
        let escape =
            (byte == b'%').then(|| digit(source.get(at + 1)).zip(digit(source.get(at + 2)))).flatten();
        match escape {
            Some((high, low)) => bytes.push((high * 16 + low) as u8),
            None => bytes.push(byte),
        }
        at += if escape.is_some() { 3 } else { 1 };
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(text), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_keep_the_steps_that_stay_inside() {
        for (name, path, leads_out) in [
            ("/04/a.jpg", "04/a.jpg", false),
            (r"04\a.jpg", "04/a.jpg", false),
            ("./a#1?.jpg", "./a#1?.jpg", false),
            (r"..\..\a.jpg", "a.jpg", true),
            ("a/../../b/c.jpg", "b/c.jpg", true),
            (r"D:\photos\a.jpg", "photos/a.jpg", true),
            ("C:a.jpg", "a.jpg", true),
            ("..", "", true),
            ("https://host/val/a%20b.jpg?size=1#x", "val/a b.jpg", false),
            ("HTTP://host/%2e%2e/a.jpg", "a.jpg", false),
            ("file:///D:/photos/a.jpg", "photos/a.jpg", false),
            ("https://host", "", false),
        ] {
            assert_eq!(NamedPath::read(name), NamedPath { path: path.to_owned(), leads_out }, "{name}");
        }
    }

    #[test]
    fn only_escapes_of_text_are_decoded() {
        for (text, expected) in [
            ("a%20b", "a b"),
            ("100%.jpg", "100%.jpg"),
            ("%C3%BC", "ü"),
            ("%FF", "%FF"),
            ("%", "%"),
            ("%é1", "%é1"),
        ] {
            assert_eq!(percent_decoded(text), expected, "{text}");
        }
    }
}
