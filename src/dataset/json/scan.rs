//! Finds the records of an annotation file in a stream of bytes, without parsing the rest.
//!
//! Knows the file's object (or list) and its sections, and returns each record as the bytes from `{`
//! to its `}`. The bytes between records are not validated; the caller parses the records. The output
//! does not depend on where the file is cut into chunks.
//!
//! Three other layouts are read too: sections that are objects of records by id, one object `image` in
//! place of a list (Segment Anything), and JSON lines, one record a line. Other formats are named.
//!
//! No JSON library serves here: a damaged record must be reported with its position, and scanning must
//! resume at the next one. Nor is one faster: on 55 MB of annotations (`benches/dataset.rs`), this
//! scanner with the parsing of all records takes 0.64 of the CPU time that json-event-parser 0.2 takes
//! for its events alone.

use super::format;
use super::nesting::NestingScanner;
use super::section::{Section, section_of_further_line, section_of_line};
use crate::dataset::audit::{FileFormat, Problem};

/// A part of the file that the scanner found, in file order.
pub enum Scanned<'a> {
    /// An object of a section.
    Record {
        /// The section.
        section: Section,
        /// The record's key in a section that is an object.
        key: Option<RecordKey<'a>>,
        /// Whether the file has one object `image` in place of a list, which its annotations need not name.
        only_image: bool,
        /// Position from the beginning of the file.
        at: u64,
        /// The bytes from `{` to `}`, not parsed yet.
        json: &'a [u8],
    },
    /// An element of a section that is left out, or an error between records; scanning continues if it
    /// can.
    Problem(Problem),
}

/// The key of a record in a section that is an object.
#[derive(Clone, Copy, Debug)]
pub struct RecordKey<'a> {
    /// Position of its first quote from the beginning of the file.
    pub at: u64,
    /// The bytes between the quotes, as written; shortened to 1 KiB.
    pub text: &'a [u8],
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
    /// Position of the file's object.
    root_at: u64,
    /// The bytes of the file's object so far, until a section is seen: it may be the first of JSON lines.
    first_line: Option<Vec<u8>>,
    /// The state after the current record.
    after_record: State,
    /// Key of the current record in a section that is an object, as written; else empty.
    record_key: Vec<u8>,
    /// Position of the first quote of the last key of a record.
    record_key_at: u64,
    /// Position of an object `image` in place of a list.
    only_image_at: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the file's object.
    Start,
    /// In the first bytes of a file that does not begin like JSON.
    Opening,
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
    /// In a section that is an object, before a key or the end.
    KeyedSection,
    InRecordKey,
    RecordColon,
    RecordValue,
    /// Between the records of JSON lines.
    Lines,
    Record,
    /// In an element of a section that is not an object.
    SkippedElement,
    SkippedScalarElement,
    /// In an element of a section that is an object, when the element is none.
    SkippedKeyed,
    SkippedScalarKeyed,
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
/// Maximum bytes stored of the key of a record; a longer one is shortened.
const MAX_RECORD_KEY_BYTES: usize = 1 << 10;

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
            root_at: 0,
            first_line: None,
            after_record: State::Section,
            record_key: Vec::new(),
            record_key_at: 0,
            only_image_at: None,
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
        let mut from = 0;
        while from < bytes.len() {
            let at = match self.state {
                State::InKey | State::InRecordKey => self.in_key(bytes, from),
                State::Record => self.in_record(bytes, from, sink),
                State::SkippedValue | State::SkippedElement | State::SkippedKeyed => {
                    self.in_skipped(bytes, from)
                }
                State::SkippedScalar | State::SkippedScalarElement | State::SkippedScalarKeyed => {
                    self.in_scalar(bytes, from)
                }
                State::Broken => bytes.len(),
                State::Opening => self.in_opening(bytes[from], from, sink),
                _ if bytes[from].is_ascii_whitespace() => from + 1,
                _ => self.between(bytes[from], from, sink),
            };
            if self.first_line.is_some() {
                self.keep_first_line(&bytes[from..at.max(from)]);
            }
            from = at;
        }
        self.base += bytes.len() as u64;
    }

    /// Keeps the bytes of the file's object while it may be the first of JSON lines.
    fn keep_first_line(&mut self, bytes: &[u8]) {
        let limit = self.max_record_bytes;
        self.first_line =
            self.first_line.take().filter(|line| !self.sections_seen && line.len() + bytes.len() <= limit);
        if let Some(line) = &mut self.first_line {
            line.extend_from_slice(bytes);
        }
    }

    /// Returns the problem of a file that ends here; `None` if the file is complete.
    pub fn finish(&self) -> Option<Problem> {
        let not_annotations = |expected| Some(Problem::NotAnnotations { at: self.base, expected });
        let (inside, since) = match self.state {
            State::Broken | State::Lines => return None,
            State::End if self.sections_seen => return None,
            State::End => return not_annotations("a list named \"annotations\""),
            State::Start => return not_annotations("a JSON object"),
            State::Opening => return Some(self.problem_of_opening()),
            State::Record => ("a record", self.record_at),
            State::Section
            | State::KeyedSection
            | State::InRecordKey
            | State::RecordColon
            | State::RecordValue
            | State::SkippedElement
            | State::SkippedScalarElement
            | State::SkippedKeyed
            | State::SkippedScalarKeyed => ("a list of records", self.section_at),
            _ => ("the file's object", 0),
        };
        Some(Problem::Truncated { at: self.base, inside, since })
    }

    /// Scans one byte outside of keys and values; returns the index to continue at.
    fn between(&mut self, byte: u8, at: usize, sink: &mut impl FnMut(Scanned<'_>)) -> usize {
        match self.state {
            State::Section | State::KeyedSection | State::RecordColon | State::RecordValue => {
                self.in_section(byte, at, sink)
            }
            _ => self.in_root(byte, at, sink),
        }
    }

    /// Scans one byte of the file's object, or before or after it.
    fn in_root(&mut self, byte: u8, at: usize, sink: &mut impl FnMut(Scanned<'_>)) -> usize {
        let position = self.base + at as u64;
        match (self.state, byte) {
            // A byte order mark is not JSON, but some Windows tools write one.
            (State::Start, 0xef | 0xbb | 0xbf) if position < 3 => {}
            (State::Start, b'{') => {
                (self.root_at, self.first_line) = (position, Some(Vec::new()));
                self.enter(State::Key);
            }
            (State::Start, b'[') => {
                (self.list_at_root, self.sections_seen, self.section) = (true, true, Section::Annotations);
                self.enter(State::Section);
            }
            (State::Start, _) => {
                (self.root_at, self.state) = (position, State::Opening);
                return at;
            }
            (State::Key, 0) if position == self.root_at + 1 => self.name(FileFormat::Utf16, sink),
            (State::Key, b',') => self.comma(position, sink),
            (State::Key, b'"') => self.begin_key(position, State::InKey, sink),
            (State::Key, b'}') => {
                self.end_list(position, sink);
                self.end_root(sink);
            }
            (State::Key, _) => return self.give_up(position, "a key or '}'", sink),
            (State::Colon, b':') => self.state = State::Value,
            (State::Colon, _) => return self.give_up(position, "':'", sink),
            (State::Value, _) => return self.begin_value(byte, at, sink),
            (State::Lines, b',') => {}
            (State::Lines, b'{') => {
                self.begin_record(position, State::Lines);
                return at;
            }
            (State::Lines, _) => return self.give_up(position, "an object", sink),
            (State::End, b'{') if !self.sections_seen => self.name(FileFormat::JsonLines, sink),
            (State::End, _) => return self.give_up(position, "the end of the file", sink),
            // `push` and `in_section` handle the remaining states.
            _ => {}
        }
        at + 1
    }

    /// Scans one byte of a section outside of its records.
    fn in_section(&mut self, byte: u8, at: usize, sink: &mut impl FnMut(Scanned<'_>)) -> usize {
        let position = self.base + at as u64;
        match (self.state, byte) {
            (State::Section | State::KeyedSection, b',') => self.comma(position, sink),
            (State::Section, b'{') => {
                self.begin_element(position, sink);
                self.begin_record(position, State::Section);
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
            (State::KeyedSection, b'"') => self.begin_key(position, State::InRecordKey, sink),
            (State::KeyedSection, b'}') => {
                self.end_list(position, sink);
                (self.separator, self.state) = (Separator::Needed, State::Key);
            }
            (State::KeyedSection, _) => return self.give_up(position, "a key or '}'", sink),
            (State::RecordColon, b':') => self.state = State::RecordValue,
            (State::RecordColon, _) => return self.give_up(position, "':'", sink),
            (State::RecordValue, b'{') => {
                self.begin_record(position, State::KeyedSection);
                return at;
            }
            _ => return self.skip_element(byte, at, sink),
        }
        at + 1
    }

    /// Skips an element of a section that is not an object.
    fn skip_element(&mut self, byte: u8, at: usize, sink: &mut impl FnMut(Scanned<'_>)) -> usize {
        let position = self.base + at as u64;
        let is_keyed = self.state == State::RecordValue;
        if !is_keyed {
            self.begin_element(position, sink);
        }
        let reason = "expected an object".into();
        sink(Scanned::Problem(Problem::Malformed { record: position, at: position, reason }));
        self.nesting.reset();
        let is_nested = matches!(byte, b'"' | b'[');
        self.state = match (is_keyed, is_nested) {
            (false, true) => State::SkippedElement,
            (false, false) => State::SkippedScalarElement,
            (true, true) => State::SkippedKeyed,
            (true, false) => State::SkippedScalarKeyed,
        };
        if is_nested { at } else { at + 1 }
    }

    fn comma(&mut self, position: u64, sink: &mut impl FnMut(Scanned<'_>)) {
        if self.separator != Separator::Needed {
            report(position, "no comma", sink);
        }
        self.separator = Separator::Given;
    }

    fn begin_key(&mut self, position: u64, state: State, sink: &mut impl FnMut(Scanned<'_>)) {
        self.begin_element(position, sink);
        if state == State::InRecordKey {
            self.record_key_at = position;
        }
        self.state = state;
        self.carried.clear();
        self.key_escaped = false;
    }

    /// Names the format of a file that is not read.
    fn name(&mut self, format: FileFormat, sink: &mut impl FnMut(Scanned<'_>)) {
        sink(Scanned::Problem(Problem::OtherFormat { format }));
        self.state = State::Broken;
    }

    /// Ends the file's object; if it has no section and is a record, it is the first of JSON lines.
    fn end_root(&mut self, sink: &mut impl FnMut(Scanned<'_>)) {
        self.state = State::End;
        let line = self.first_line.take().filter(|_| !self.sections_seen);
        if let Some(mut json) = line {
            json.push(b'}');
            if let Some(section) = section_of_line(&json) {
                sink(Scanned::Record {
                    section,
                    key: None,
                    only_image: false,
                    at: self.root_at,
                    json: &json,
                });
                (self.sections_seen, self.state) = (true, State::Lines);
            }
        }
    }

    fn begin_record(&mut self, position: u64, after: State) {
        (self.record_at, self.record_bytes, self.after_record) = (position, 0, after);
        self.carried.clear();
        self.nesting.reset();
        self.state = State::Record;
    }

    /// Collects the first bytes of a file that does not begin like JSON, and names it.
    fn in_opening(&mut self, byte: u8, at: usize, sink: &mut impl FnMut(Scanned<'_>)) -> usize {
        self.carried.push(byte);
        if self.carried.len() == format::OPENING_BYTES {
            sink(Scanned::Problem(self.problem_of_opening()));
            self.state = State::Broken;
        }
        at + 1
    }

    fn problem_of_opening(&self) -> Problem {
        let unknown = Problem::NotAnnotations { at: self.root_at, expected: "a JSON object" };
        format::of_opening(&self.carried).map_or(unknown, |format| Problem::OtherFormat { format })
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
        let is_image = self.carried.as_slice() == b"image";
        if self.carried.as_slice() == b"videos" && byte == b'[' {
            sink(Scanned::Problem(Problem::OtherFormat { format: FileFormat::YoutubeVis }));
        }
        self.carried.clear();
        self.nesting.reset();
        match (section, byte) {
            (Some(section), b'[' | b'{') => {
                (self.section, self.sections_seen) = (section, true);
                self.section_at = self.base + at as u64;
                self.enter(if byte == b'[' { State::Section } else { State::KeyedSection });
                return at + 1;
            }
            // Segment Anything's file of one image.
            (None, b'{') if is_image => {
                (self.section, self.only_image_at) = (Section::Images, Some(self.base + at as u64));
                self.begin_record(self.base + at as u64, State::Key);
                return at;
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
        let of_record = self.state == State::InRecordKey;
        // A key with an escape is never taken for a section, whatever it decodes to.
        if self.key_escaped {
            self.key_escaped = false;
        } else if byte == b'"' {
            self.state = if of_record { State::RecordColon } else { State::Colon };
            if of_record {
                std::mem::swap(&mut self.record_key, &mut self.carried);
                self.carried.clear();
            }
            return at + 1;
        } else if byte == b'\\' {
            self.key_escaped = true;
        }
        if self.carried.len() < if of_record { MAX_RECORD_KEY_BYTES } else { MAX_KEY_BYTES } {
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
        let json = if earlier { &self.carried } else { piece };
        if self.after_record == State::Lines {
            self.section = section_of_further_line(json);
        }
        let key = RecordKey { at: self.record_key_at, text: &self.record_key };
        let key = Some(key).filter(|_| self.after_record == State::KeyedSection);
        sink(if fits {
            Scanned::Record { section: self.section, key, only_image: self.only_image_at.is_some(), at, json }
        } else {
            Scanned::Problem(Problem::RecordTooLong { record: at, bytes, limit })
        });
        self.state = self.after_record;
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
        self.state = match self.state {
            State::SkippedValue | State::SkippedScalar => State::Key,
            State::SkippedKeyed | State::SkippedScalarKeyed => State::KeyedSection,
            _ => State::Section,
        };
    }
}

fn report(at: u64, expected: &'static str, sink: &mut impl FnMut(Scanned<'_>)) {
    sink(Scanned::Problem(Problem::NotAnnotations { at, expected }));
}
