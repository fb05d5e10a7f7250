//! Finds the end of one JSON value by its brackets and strings, over any number of chunks.

use memchr::memchr3;

/// Tracks the open brackets of a value.
#[derive(Default)]
pub(super) struct NestingScanner {
    /// The open brackets, innermost last, at most [`MAX_DEPTH`](Self::MAX_DEPTH).
    open: Vec<u8>,
    /// Number of brackets open deeper that depth.
    deeper: u64,
    in_string: bool,
    escaped: bool,
}

impl NestingScanner {
    /// `serde_json` has the same limit.
    const MAX_DEPTH: usize = 128;

    pub(super) fn reset(&mut self) {
        self.open.clear();
        (self.deeper, self.in_string, self.escaped) = (0, false, false);
    }

    /// Scans the next bytes of a value; returns the number of bytes to its end, `None` if it does not
    /// end in these bytes.
    pub(super) fn scan(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < bytes.len() {
            if self.in_string {
                at = self.skip_string(bytes, at);
                if !self.in_string && self.open.is_empty() {
                    return Some(at);
                }
                continue;
            }
            let byte = bytes[at];
            at += 1;
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.enter(byte),
                b'}' | b']' => {
                    self.leave(if byte == b'}' { b'{' } else { b'[' });
                    if self.open.is_empty() {
                        return Some(at);
                    }
                }
                _ => {}
            }
        }
        None
    }

    fn skip_string(&mut self, bytes: &[u8], mut at: usize) -> usize {
        if self.escaped {
            self.escaped = false;
            at += 1;
        }
        while let Some(found) = memchr3(b'"', b'\\', b'\n', bytes.get(at..).unwrap_or_default()) {
            at += found;
            if bytes[at] != b'\\' {
                // A line break in a JSON string means that a quote is missing, which the parser of the
                // record reports. Ending the string here saves the records that follow.
                self.in_string = false;
                return at + 1;
            }
            if at + 1 == bytes.len() {
                self.escaped = true;
                return bytes.len();
            }
            at += 2;
        }
        bytes.len()
    }

    fn enter(&mut self, bracket: u8) {
        if self.open.len() < Self::MAX_DEPTH {
            self.open.push(bracket);
        } else {
            self.deeper += 1;
        }
    }

    /// Closes the innermost bracket of this kind, and the unclosed ones inside it. A closing bracket
    /// without an open one is ignored.
    fn leave(&mut self, bracket: u8) {
        if self.deeper > 0 {
            self.deeper -= 1;
        } else if let Some(at) = self.open.iter().rposition(|&open| open == bracket) {
            self.open.truncate(at);
        }
    }
}
