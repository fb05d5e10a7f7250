//! A problem together with the field and the record it was found in.

use std::fmt;

use serde::Serialize;

use super::problem::Problem;

/// One problem of a record.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The field of the record; empty when the problem concerns the whole record.
    pub field: &'static str,
    /// The index of the element, from 0, when the field is a list.
    pub element: Option<u32>,
    /// The problem itself.
    pub problem: Problem,
}

impl Finding {
    pub(crate) fn new(field: &'static str, problem: Problem) -> Self {
        Self { field, element: None, problem }
    }

    pub(crate) fn of_element(field: &'static str, element: usize, problem: Problem) -> Self {
        Self { field, element: u32::try_from(element).ok(), problem }
    }

    /// Returns whether a record has no category, which is no problem where its whole file has none.
    pub(crate) fn is_missing_category(&self) -> bool {
        self.problem == Problem::Missing && self.field == "category_id"
    }

    /// Returns the problem's stable code, such as `"size-differs"`, to count and filter by.
    pub fn code(&self) -> &'static str {
        self.problem.code()
    }

    /// Returns the number of bytes that some findings take, their strings included.
    pub(crate) fn memory_bytes(findings: &[Self]) -> usize {
        let texts: usize = findings.iter().map(|finding| finding.problem.text_bytes()).sum();
        size_of_val(findings) + texts
    }
}

/// Writes `segmentation[1]: the mask is empty`.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.field, self.element) {
            ("", _) => write!(f, "{}", self.problem),
            (field, None) => write!(f, "{field}: {}", self.problem),
            (field, Some(element)) => write!(f, "{field}[{element}]: {}", self.problem),
        }
    }
}

/// The section of the file that a record belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RecordKind {
    /// The file itself, outside its records.
    File,
    /// An element of `images`.
    Image,
    /// An element of `categories`.
    Category,
    /// An element of `annotations`.
    Annotation,
}

impl RecordKind {
    /// Returns the name used in reports: `"file"`, `"image"`, `"category"` or `"annotation"`.
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Image => "image",
            Self::Category => "category",
            Self::Annotation => "annotation",
        }
    }
}

/// Refers to the record that a finding belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordRef<'a> {
    /// The section of the record.
    pub kind: RecordKind,
    /// The record's id; empty for the file.
    pub id: &'a str,
}
