//! Finds the records of an annotation file in a stream of bytes, without parsing the rest.
//!
//! Knows the file's object (or list) and its sections, and returns each record as the bytes from `{`
//! to its `}`. The bytes between records are not validated; the caller parses the records. The output
//! does not depend on where the file is cut into chunks.
//!
//! No JSON library serves here: a damaged record must be reported with its position, and scanning must
//! resume at the next one. Nor is one faster: on 55 MB of annotations (`benches/dataset.rs`), this
//! scanner with the parsing of all records takes 0.64 of the CPU time that json-event-parser 0.2 takes
//! for its events alone.

use super::nesting::NestingScanner;
use crate::dataset::audit::Problem;

/// A section of the file that holds records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// The list `images`.
    Images,
    /// The list `categories`.
    Categories,
    /// The list `annotations`, or the list that is the whole file.
    Annotations,
}

/// A part of the file that the scanner found, in file order.
pub enum Scanned<'a> {
    /// An object of a section.
    Record {
        /// The section.
        section: Section,
        /// Position from the beginning of the file.
        at: u64,
        /// The bytes from `{` to `}`, not parsed yet.
        json: &'a [u8],
    },
    /// An element of a section that is left out, or an error between records; scanning continues if it
    /// can.
    Problem(Problem),
}

/// Splits the bytes of a file into records.
pub struct RecordScanner {
    state: State,
    separator: Separator,
    nesting: NestingScanner,
    max_record_bytes: usize,
    /// Position of the current chunk in the file.
    base: u64,
    /// Position of the current section's `[`.
    section_at: u64,
    /// Position of the current record's `{`.
    record_at: u64,
    /// Bytes of the current record so far, stored or not.
    record_bytes: u64,
    /// Bytes of the current record or key from earlier chunks.
    carried: Vec<u8>,
    section: Section,
    sections_seen: bool,
    /// Whether the file is a list of annotations instead of an object of sections.
    list_at_root: bool,
    /// Whether the last byte of the current key was a backslash.
    key_escaped: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the file's object.
    Start,
    /// In the file's object, before a key or the end.
    Key,
    InKey,
    Colon,
    Value,
    /// In a value of the file's object that is not a section.
    SkippedValue,
    SkippedScalar,
    /// In a section, before an element or the end.
    Section,
    Record,
    /// In an element of a section that is not an object.
    SkippedElement,
    SkippedScalarElement,
    End,
    /// After an error that no record can follow.
    Broken,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Separator {
    Absent,
    Needed,
    Given,
}

/// Maximum bytes stored of a key: longer than the names of all sections, so that no longer key equals one.
const MAX_KEY_BYTES: usize = 16;

impl RecordScanner {
    /// Creates a scanner at the beginning of a file; longer records are skipped without being stored.
    pub fn new(max_record_bytes: usize) -> Self {
        Self {
            state: State::Start,
            separator: Separator::Absent,
            nesting: NestingScanner::default(),
            max_record_bytes,
            base: 0,
            section_at: 0,
            record_at: 0,
            record_bytes: 0,
            carried: Vec::new(),
            section: Section::Annotations,
            sections_seen: false,
            list_at_root: false,
            key_escaped: false,
        }
    }

    /// Returns the number of bytes pushed.
    pub fn position(&self) -> u64 {
        self.base
    }

    /// Returns whether further bytes are ignored.
    pub fn is_broken(&self) -> bool {
        self.state == State::Broken
    }

    /// Scans the next bytes of the file.
    pub fn push(&mut self, bytes: &[u8], sink: &mut impl FnMut(Scanned<'_>)) {
        let mut at = 0;
        while at < bytes.len() {
            at = match self.state {
                State::InKey => self.in_key(bytes, at),
                State::Record => self.in_record(bytes, at, sink),
                State::SkippedValue | State::SkippedElement => self.in_skipped(bytes, at),
                State::SkippedScalar | State::SkippedScalarElement => self.in_scalar(bytes, at),
                State::Broken => bytes.len(),
                _ if bytes[at].is_ascii_whitespace() => at + 1,
                _ => self.between(bytes[at], at, sink),
            };
        }
        self.base += bytes.len() as u64;
    }

    /// Returns the problem of a file that ends here; `None` if the file is complete.
    pub fn finish(&self) -> Option<Problem> {
        let not_annotations = |expected| Some(Problem::NotAnnotations { at: self.base, expected });
        let (inside, since) = match self.state {
            State::Broken => return None,
            State::End if self.sections_seen => return None,
            State::End => return not_annotations("a list named \"annotations\""),
            State::Start => return not_annotations("a JSON object"),
            State::Record => ("a record", self.record_at),
            State::Section | State::SkippedElement | State::SkippedScalarElement => {
                ("a list of records", self.section_at)
            }
            _ => ("the file's object", 0),
        };
        Some(Problem::Truncated { at: self.base, inside, since })
    }

    /// Scans one byte outside of keys and values; returns the index to continue at.
    fn between(&mut self, byte: u8, at: usize, sink: &mut impl FnMut(Scanned<'_>)) -> usize {
        let position = self.base + at as u64;
        match (self.state, byte) {
            // A byte order mark is not JSON, but some Windows tools write one.
            (State::Start, 0xef | 0xbb | 0xbf) if position < 3 => {}
            (State::Start, b'{') => self.enter(State::Key),
            (State::Start, b'[') => {
                (self.list_at_root, self.sections_seen, self.section) = (true, true, Section::Annotations);
                self.enter(State::Section);
            }
            (State::Start, _) => return self.give_up(position, "a JSON object", sink),
            (State::Key | State::Section, b',') => {
                if self.separator != Separator::Needed {
                    report(position, "no comma", sink);
                }
                self.separator = Separator::Given;
            }
            (State::Key, b'"') => {
                self.begin_element(position, sink);
                self.state = State::InKey;
                self.carried.clear();
                self.key_escaped = false;
            }
            (State::Key, b'}') => {
                self.end_list(position, sink);
                self.state = State::End;
            }
            (State::Key, _) => return self.give_up(position, "a key or '}'", sink),
            (State::Colon, b':') => self.state = State::Value,
            (State::Colon, _) => return self.give_up(position, "':'", sink),
            (State::Value, _) => return self.begin_value(byte, at, sink),
            (State::Section, b'{') => {
                self.begin_element(position, sink);
                (self.record_at, self.record_bytes) = (position, 0);
                self.carried.clear();
                self.nesting.reset();
                self.state = State::Record;
                return at;
            }
            (State::Section, b']') => {
                self.end_list(position, sink);
                self.separator = Separator::Needed;
                self.state = if self.list_at_root { State::End } else { State::Key };
            }
            (State::Section, b'}') => {
                report(position, "']'", sink);
                self.state = if self.list_at_root { State::Section } else { State::End };
            }
            (State::Section, _) => {
                self.begin_element(position, sink);
                let reason = "expected an object".into();
                sink(Scanned::Problem(Problem::Malformed { record: position, at: position, reason }));
                self.nesting.reset();
                let nested = matches!(byte, b'"' | b'[');
                self.state = if nested { State::SkippedElement } else { State::SkippedScalarElement };
                return if nested { at } else { at + 1 };
            }
            (State::End, _) => return self.give_up(position, "the end of the file", sink),
            // `push` handles the remaining states.
            _ => {}
        }
        at + 1
    }

    fn enter(&mut self, state: State) {
        (self.state, self.separator) = (state, Separator::Absent);
    }

    fn begin_element(&mut self, position: u64, sink: &mut impl FnMut(Scanned<'_>)) {
        if self.separator == Separator::Needed {
            report(position, "','", sink);
        }
        self.separator = Separator::Needed;
    }

    fn end_list(&mut self, position: u64, sink: &mut impl FnMut(Scanned<'_>)) {
        if self.separator == Separator::Given {
            report(position, "another element after ','", sink);
        }
    }

    fn give_up(
        &mut self,
        position: u64,
        expected: &'static str,
        sink: &mut impl FnMut(Scanned<'_>),
    ) -> usize {
        report(position, expected, sink);
        self.state = State::Broken;
        0
    }

    /// Starts a value of the file's object, by its first byte.
    fn begin_value(&mut self, byte: u8, at: usize, sink: &mut impl FnMut(Scanned<'_>)) -> usize {
        let section = match self.carried.as_slice() {
            b"images" => Some(Section::Images),
            b"categories" => Some(Section::Categories),
            b"annotations" => Some(Section::Annotations),
            _ => None,
        };
        self.carried.clear();
        self.nesting.reset();
        match (section, byte) {
            (Some(section), b'[') => {
                (self.section, self.sections_seen) = (section, true);
                self.section_at = self.base + at as u64;
                self.enter(State::Section);
                return at + 1;
            }
            (Some(_), _) => report(self.base + at as u64, "a list of records", sink),
            (None, b',' | b']' | b'}') => report(self.base + at as u64, "a value", sink),
            (None, _) => {}
        }
        if matches!(byte, b'"' | b'[' | b'{') {
            self.state = State::SkippedValue;
        } else {
            self.state = State::SkippedScalar;
        }
        at
    }

    fn in_key(&mut self, bytes: &[u8], at: usize) -> usize {
        let byte = bytes[at];
        // A key with an escape is never taken for a section, whatever it decodes to.
        if self.key_escaped {
            self.key_escaped = false;
        } else if byte == b'"' {
            self.state = State::Colon;
            return at + 1;
        } else if byte == b'\\' {
            self.key_escaped = true;
        }
        if self.carried.len() < MAX_KEY_BYTES {
            self.carried.push(byte);
        }
        at + 1
    }

    fn in_record(&mut self, bytes: &[u8], at: usize, sink: &mut impl FnMut(Scanned<'_>)) -> usize {
        let end = self.nesting.scan(&bytes[at..]).map(|length| at + length);
        let piece = &bytes[at..end.unwrap_or(bytes.len())];
        self.record_bytes += piece.len() as u64;
        let limit = self.max_record_bytes as u64;
        let fits = self.record_bytes <= limit;
        let earlier = !self.carried.is_empty();
        if !fits {
            self.carried = Vec::new();
        } else if earlier || end.is_none() {
            self.carried.extend_from_slice(piece);
        }
        let Some(end) = end else { return bytes.len() };
        let (at, bytes) = (self.record_at, self.record_bytes);
        sink(if fits {
            Scanned::Record { section: self.section, at, json: if earlier { &self.carried } else { piece } }
        } else {
            Scanned::Problem(Problem::RecordTooLong { record: at, bytes, limit })
        });
        self.state = State::Section;
        end
    }

    fn in_skipped(&mut self, bytes: &[u8], at: usize) -> usize {
        match self.nesting.scan(&bytes[at..]) {
            Some(length) => {
                self.after_skipped();
                at + length
            }
            None => bytes.len(),
        }
    }

    fn in_scalar(&mut self, bytes: &[u8], at: usize) -> usize {
        match bytes[at..].iter().position(|byte| matches!(byte, b',' | b']' | b'}')) {
            Some(length) => {
                self.after_skipped();
                at + length
            }
            None => bytes.len(),
        }
    }

    fn after_skipped(&mut self) {
        self.separator = Separator::Needed;
        let of_object = matches!(self.state, State::SkippedValue | State::SkippedScalar);
        self.state = if of_object { State::Key } else { State::Section };
    }
}

fn report(at: u64, expected: &'static str, sink: &mut impl FnMut(Scanned<'_>)) {
    sink(Scanned::Problem(Problem::NotAnnotations { at, expected }));
}
