//! What is wrong with a record: listed beside it, never in its way.

use std::fmt;

use serde::Serialize;

use super::problem::Problem;

/// One thing that is odd about a record.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The field of the record it concerns; empty for the record as a whole.
    pub field: &'static str,
    /// Which element of a list in that field, from 0.
    pub part: Option<u32>,
    /// What is odd.
    pub problem: Problem,
}

impl Finding {
    pub(crate) fn new(field: &'static str, problem: Problem) -> Self {
        Self { field, part: None, problem }
    }

    pub(crate) fn of_part(field: &'static str, part: usize, problem: Problem) -> Self {
        Self { field, part: u32::try_from(part).ok(), problem }
    }

    /// A stable code of the sort of problem, such as `"size-differs"`, to count and filter by.
    pub fn code(&self) -> &'static str {
        self.problem.code()
    }

    /// The bytes that these take, their texts included.
    pub(crate) fn memory_bytes(findings: &[Self]) -> usize {
        let texts: usize = findings.iter().map(|finding| finding.problem.text_bytes()).sum();
        size_of_val(findings) + texts
    }
}

/// `segmentation[1]: the runs cover …`
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.field, self.part) {
            ("", _) => write!(f, "{}", self.problem),
            (field, None) => write!(f, "{field}: {}", self.problem),
            (field, Some(part)) => write!(f, "{field}[{part}]: {}", self.problem),
        }
    }
}

/// The section of the file a record stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RecordKind {
    /// The file itself.
    File,
    /// An element of `images`.
    Image,
    /// An element of `categories`.
    Category,
    /// An element of `annotations`.
    Annotation,
}

impl RecordKind {
    /// The name in reports: `"file"`, `"image"`, `"category"`, `"annotation"`.
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Image => "image",
            Self::Category => "category",
            Self::Annotation => "annotation",
        }
    }
}

/// The record a finding belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordRef<'a> {
    /// Which section.
    pub kind: RecordKind,
    /// Its id; empty for the file.
    pub id: &'a str,
}
