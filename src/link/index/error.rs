//! Errors of reading an index.

use std::io;

/// Errors in the bytes of an index.
///
/// Unless a variant says otherwise the files are damaged or of another index: build the index anew,
/// or copy its folder again. Each message is whole: it holds its reason, which is no source of its own.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The header is not JSON of the right form.
    #[error("the index header is invalid: {0}")]
    Header(serde_json::Error),
    /// The header belongs to another format or version: build the index with this program.
    #[error(
        "the header says '{format}' version {version}; \
         this program reads '{supported_format}' version {supported_version}"
    )]
    Version {
        /// Format by the header.
        format: String,
        /// Version by the header.
        version: u32,
        /// The only format that is read.
        supported_format: &'static str,
        /// The only version that is read.
        supported_version: u32,
    },
    /// The header is that of an index in cells, which a page reads and a search in memory cannot use.
    #[error("it is laid out in cells for pages; give the folder that `masklink index` wrote")]
    Cells,
    /// The header is not as it was written.
    #[error("the header has the SHA-256 {actual}, but says {expected}: it is damaged, or was edited")]
    HeaderHash {
        /// Hash that the header states.
        expected: String,
        /// Hash of the header with zeros in its place.
        actual: String,
    },
    /// A part's name is not a plain file name.
    #[error("the part {file:?} is not a plain file name")]
    PartName {
        /// Name by the header.
        file: String,
    },
    /// A part's hash is not 64 lowercase hexadecimal digits.
    #[error("{file}: {sha256:?} is not a SHA-256")]
    HashForm {
        /// Name of the part.
        file: String,
        /// Hash by the header.
        sha256: String,
    },
    /// A part has another length than the header states.
    #[error("{file} has {actual} bytes, but the header says {expected}")]
    PartLength {
        /// Name of the part.
        file: String,
        /// Bytes by the header, or by the header's own counts.
        expected: u64,
        /// Bytes found.
        actual: u64,
    },
    /// A part is not the one the header was written for.
    #[error("{file} has the SHA-256 {actual}, but the header says {expected}")]
    PartHash {
        /// Name of the part.
        file: String,
        /// Hash by the header.
        expected: String,
        /// Hash of the bytes.
        actual: String,
    },
    /// A line of a part is not JSON of the right form.
    #[error("{file}, line {line}: {reason}")]
    Line {
        /// Name of the part.
        file: String,
        /// Number of the line, from 1.
        line: usize,
        /// Fault found by the JSON parser.
        reason: serde_json::Error,
    },
    /// A part has another number of lines than the header states.
    #[error("{file} has {actual} lines, but the header says {expected}")]
    Lines {
        /// Name of the part.
        file: String,
        /// Lines by the header.
        expected: u64,
        /// Lines found.
        actual: u64,
    },
    /// A number of the index's mean is infinite or NaN.
    #[error("number {at} of the index's mean is not finite")]
    Mean {
        /// Position in the mean, from 0.
        at: usize,
    },
    /// The parts contradict each other.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// The index is over a limit of the caller; nothing was allocated.
    #[error("{what}: {actual} is over the limit of {limit}")]
    Limit {
        /// Name of the limited quantity.
        what: &'static str,
        /// Maximum allowed.
        limit: u64,
        /// Amount by the header.
        actual: u64,
    },
    /// The caller could not supply a part.
    #[error("{file} cannot be read: {reason}")]
    Part {
        /// Name of the part.
        file: String,
        /// Fault reported by the system.
        reason: io::Error,
    },
}

/// Errors of entities, exemplars and vectors that do not form an index.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContentError {
    /// There is nothing to search in.
    #[error("the index has neither exemplars nor classes")]
    Empty,
    /// A vector is not finite or not of length 1.
    #[error("vector {row} has the length {length}, not 1")]
    VectorLength {
        /// Row of the vector, from 0.
        row: usize,
        /// Euclidean length found.
        length: f32,
    },
    /// A weight or the bias of a class is not finite, or too large.
    #[error("class {row} has a weight or a bias that is not finite or too large")]
    Weights {
        /// Row of the class, from 0.
        row: usize,
    },
    /// Exemplars or classes are not sorted by entity, or an entity is out of range, without exemplars,
    /// classes and members, or not unique.
    #[error("entity {entity} is out of order, not unique, or has no exemplar, class or member")]
    Order {
        /// Position of the entity, from 0.
        entity: u32,
    },
    /// A broader entity names a member that has no exemplar or class of its own.
    #[error("{qid} stands for {member}, which has no exemplar or class in the index")]
    Member {
        /// QID of the broader entity.
        qid: String,
        /// QID of the member.
        member: String,
    },
}
