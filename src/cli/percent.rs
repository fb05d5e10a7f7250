//! Encodes paths for addresses (RFC 3986).

/// Percent-encodes a relative path for an address (RFC 3986: unreserved characters and the slash stay).
pub(super) fn percent_encoded(path: &str) -> String {
    use std::fmt::Write as _;
    path.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_percent_encoded() {
        assert_eq!(percent_encoded("a b/ü?#.jpg"), "a%20b/%C3%BC%3F%23.jpg");
    }
}
