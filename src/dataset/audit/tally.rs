//! Findings counted, with the first of them as examples.

use serde::Serialize;

use super::finding::{Finding, RecordKind, RecordRef};

/// Findings of one code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// How many.
    pub count: u64,
    /// The first of them.
    pub examples: Vec<Example>,
}

/// A finding in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Example {
    /// The section of its record.
    pub record: RecordKind,
    /// The id of its record; empty for the file.
    pub id: String,
    /// What is odd.
    pub message: String,
}

impl Tally {
    /// So many, of which no examples are known.
    pub(crate) fn of(count: u64) -> Self {
        Self { count, examples: Vec::new() }
    }

    /// Counts a finding, and keeps it in words where fewer than `max_examples` are kept.
    pub(crate) fn add(&mut self, record: RecordRef<'_>, finding: &Finding, max_examples: usize) {
        self.count += 1;
        if self.examples.len() < max_examples {
            self.examples.push(Example {
                record: record.kind,
                id: record.id.to_owned(),
                message: finding.to_string(),
            });
        }
    }
}
