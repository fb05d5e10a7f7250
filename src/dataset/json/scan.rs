//! Finds the records of an annotation file in a stream of bytes, without building anything of what
//! is between.
//!
//! A hand-written scanner of JSON's brackets and strings: it knows the file's object (or list) and
//! its sections, and hands each record on as the bytes from `{` to its `}`. What it skips it does
//! not check; a record it hands on is checked by who reads it. How the bytes are cut into chunks
//! makes no difference.

use super::nesting::NestingScanner;
use crate::dataset::audit::Problem;

/// The sections that hold records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Images,
    Categories,
    Annotations,
}

/// What is found, in the order of the file. Positions count bytes of the file from 0.
pub(super) enum Scanned<'a> {
    /// An object of a section.
    Record { section: Section, at: u64, json: &'a [u8] },
    /// An object of a section that is longer than the limit.
    TooLong { at: u64, bytes: u64 },
    /// Something else in a section.
    NotObject { at: u64 },
    /// A place where the file is not what it should be; reading goes on as well as it can.
    Problem(Problem),
}

/// The scanner.
pub(super) struct RecordScanner {
    state: State,
    separator: Separator,
    nesting: NestingScanner,
    max_record_bytes: usize,
    /// Position of the chunk at hand.
    base: u64,
    /// Where the section at hand began.
    section_at: u64,
    /// Where the record at hand began.
    record_at: u64,
    /// Of the record at hand, whether kept or not.
    record_bytes: u64,
    /// The part of a record, or of a key, that came in earlier chunks.
    kept: Vec<u8>,
    section: Section,
    sections_seen: bool,
    /// Whether the file is a list of annotations instead of an object of sections.
    list_at_root: bool,
    /// Within a key, whether the last byte was a backslash.
    key_escaped: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the file's object.
    Start,
    /// In the file's object, before a key.
    Key,
    InKey,
    Colon,
    Value,
    /// In a value of the file's object that is no section.
    SkippedValue,
    SkippedScalar,
    /// In a section, before a record.
    Section,
    Record,
    /// In an element of a section that is no object.
    SkippedElement,
    SkippedScalarElement,
    End,
    /// After something that no more records can follow.
    Broken,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Separator {
    NoneYet,
    Needed,
    Given,
}

/// Bytes kept of a key; more than the longest of ours, so that no longer key is taken for it.
const LONGEST_KEY: usize = 16;

impl RecordScanner {
    pub(super) fn new(max_record_bytes: usize) -> Self {
        Self {
            state: State::Start,
            separator: Separator::NoneYet,
            nesting: NestingScanner::default(),
            max_record_bytes,
            base: 0,
            section_at: 0,
            record_at: 0,
            record_bytes: 0,
            kept: Vec::new(),
            section: Section::Annotations,
            sections_seen: false,
            list_at_root: false,
            key_escaped: false,
        }
    }

    /// How many bytes have been pushed.
    pub(super) fn position(&self) -> u64 {
        self.base
    }

    /// Whether nothing more can come of further bytes.
    pub(super) fn is_broken(&self) -> bool {
        self.state == State::Broken
    }

    /// Reads on with the next bytes of the file.
    pub(super) fn push(&mut self, bytes: &[u8], sink: &mut impl FnMut(Scanned<'_>)) {
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

    /// What the end of the file means here; `None` for a whole one.
    pub(super) fn finish(&self) -> Option<Problem> {
        let (inside, since) = match self.state {
            State::End if self.sections_seen => return None,
            State::End => {
                return Some(Problem::NotAnnotations {
                    at: self.base,
                    expected: "a list named \"annotations\"",
                });
            }
            State::Broken => return None,
            State::Start => {
                return Some(Problem::NotAnnotations { at: self.base, expected: "a JSON object" });
            }
            State::Record => ("a record", self.record_at),
            State::Section | State::SkippedElement | State::SkippedScalarElement => {
                ("a list of records", self.section_at)
            }
            _ => ("the file's object", 0),
        };
        Some(Problem::Truncated { at: self.base, inside, since })
    }

    /// One byte outside of keys and values; answers where to go on.
    fn between(&mut self, byte: u8, at: usize, sink: &mut impl FnMut(Scanned<'_>)) -> usize {
        let position = self.base + at as u64;
        match (self.state, byte) {
            // A byte order mark is no JSON, but some Windows tools write one.
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
                self.kept.clear();
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
                self.kept.clear();
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
                sink(Scanned::NotObject { at: position });
                self.nesting.reset();
                let nested = matches!(byte, b'"' | b'[');
                self.state = if nested { State::SkippedElement } else { State::SkippedScalarElement };
                return if nested { at } else { at + 1 };
            }
            (State::End, _) => return self.give_up(position, "the end of the file", sink),
            // The remaining states never come here: `push` gives their bytes to their own functions.
            _ => {}
        }
        at + 1
    }

    fn enter(&mut self, state: State) {
        (self.state, self.separator) = (state, Separator::NoneYet);
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

    /// A value of the file's object, by its first byte.
    fn begin_value(&mut self, byte: u8, at: usize, sink: &mut impl FnMut(Scanned<'_>)) -> usize {
        let section = match self.kept.as_slice() {
            b"images" => Some(Section::Images),
            b"categories" => Some(Section::Categories),
            b"annotations" => Some(Section::Annotations),
            _ => None,
        };
        self.kept.clear();
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
        // A key with an escape is none of ours, whatever it decodes to.
        if self.key_escaped {
            self.key_escaped = false;
        } else if byte == b'"' {
            self.state = State::Colon;
            return at + 1;
        } else if byte == b'\\' {
            self.key_escaped = true;
        }
        if self.kept.len() < LONGEST_KEY {
            self.kept.push(byte);
        }
        at + 1
    }

    fn in_record(&mut self, bytes: &[u8], at: usize, sink: &mut impl FnMut(Scanned<'_>)) -> usize {
        let end = self.nesting.scan(&bytes[at..]).map(|length| at + length);
        let piece = &bytes[at..end.unwrap_or(bytes.len())];
        self.record_bytes += piece.len() as u64;
        let fits = self.record_bytes <= self.max_record_bytes as u64;
        let earlier = !self.kept.is_empty();
        if !fits {
            self.kept = Vec::new();
        } else if earlier || end.is_none() {
            self.kept.extend_from_slice(piece);
        }
        let Some(end) = end else { return bytes.len() };
        sink(match (fits, earlier) {
            (false, _) => Scanned::TooLong { at: self.record_at, bytes: self.record_bytes },
            (true, true) => Scanned::Record { section: self.section, at: self.record_at, json: &self.kept },
            (true, false) => Scanned::Record { section: self.section, at: self.record_at, json: piece },
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
