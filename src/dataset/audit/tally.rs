//! Counts findings of one code and keeps the first of them as examples.

use serde::Serialize;

use super::finding::{Finding, RecordKind, RecordRef};

/// The number of findings of one code, with examples.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Total number, examples included.
    pub count: u64,
    /// The first findings, in the order of the file.
    pub examples: Vec<Example>,
}

/// A finding as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Example {
    /// The section of the record.
    pub record: RecordKind,
    /// The record's id; empty for the file.
    pub id: String,
    /// The finding's message for people.
    pub message: String,
}

impl Tally {
    /// Creates a tally of a number of findings without examples.
    pub(crate) fn without_examples(count: u64) -> Self {
        Self { count, examples: Vec::new() }
    }

    /// Counts a finding, and keeps it as an example unless there are `max_examples` already.
    pub(crate) fn add(&mut self, record: RecordRef<'_>, finding: &Finding, max_examples: usize) {
        self.count += 1;
        if self.examples.len() < max_examples {
            let (record, id) = (record.kind, record.id.to_owned());
            self.examples.push(Example { record, id, message: finding.to_string() });
        }
    }

    /// Adds further findings of the same code.
    pub(crate) fn append(&mut self, other: Self, max_examples: usize) {
        self.count += other.count;
        self.examples.extend(other.examples);
        self.examples.truncate(max_examples);
    }
}
