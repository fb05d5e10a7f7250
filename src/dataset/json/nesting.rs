//! Follows the brackets and strings of one JSON value to its end, over any number of chunks.

use memchr::memchr3;

/// How deep in brackets a value is.
#[derive(Default)]
pub(super) struct NestingScanner {
    /// The brackets open, innermost last, up to [`DEEPEST`](NestingScanner::DEEPEST).
    open: Vec<u8>,
    /// Brackets open beyond that.
    beyond: u64,
    in_string: bool,
    escaped: bool,
}

impl NestingScanner {
    /// `serde_json` reads no deeper either.
    const DEEPEST: usize = 128;

    pub(super) fn reset(&mut self) {
        self.open.clear();
        (self.beyond, self.in_string, self.escaped) = (0, false, false);
    }

    /// Reads on in a value; answers how many bytes to its end, `None` where it goes on past these bytes.
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
                // A line break cannot stand in a JSON string: a quote is missing, and the record's
                // reader will say so. To end the string here saves the records that follow.
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
        if self.open.len() < Self::DEEPEST {
            self.open.push(bracket);
        } else {
            self.beyond += 1;
        }
    }

    /// Closes the innermost bracket of this sort, and with it those inside that were left open. A
    /// closing bracket that nothing opened is passed over.
    fn leave(&mut self, bracket: u8) {
        if self.beyond > 0 {
            self.beyond -= 1;
        } else if let Some(at) = self.open.iter().rposition(|&open| open == bracket) {
            self.open.truncate(at);
        }
    }
}
