//! Errors of a collection, each with advice.

use crate::link::AnswerError;
use crate::link::protocol::problem::Kind;
use crate::model::HostError;

/// Seconds after which a client may try again.
const RETRY_AFTER: u64 = 5;

/// Errors of using a collection.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum QdrantError {
    /// There was no response in time.
    #[error(
        "Qdrant did not respond within {millis} ms; see whether it is overloaded, or allow more time with \
         --qdrant-timeout"
    )]
    Timeout {
        /// The time limit.
        millis: u32,
    },
    /// The server cannot be reached.
    #[error("Qdrant cannot be reached ({reason}); see whether it runs and --qdrant is its address")]
    Unreachable {
        /// Fault reported by the system.
        reason: String,
    },
    /// The server is overloaded or starting, and stayed so when it was asked again.
    #[error("Qdrant is busy or failed (HTTP {status}: {reason}); see its log, and try again")]
    Busy {
        /// Status of the last response.
        status: u16,
        /// Explanation by the server.
        reason: String,
    },
    /// The server wants another key.
    #[error("Qdrant refused the API key (HTTP {status}); set MASKLINK_QDRANT_KEY to a key with access")]
    Key {
        /// Status of the response.
        status: u16,
    },
    /// The server refused a request.
    #[error("Qdrant refused the request (HTTP {status}: {reason})")]
    Refused {
        /// Status of the response.
        status: u16,
        /// Explanation by the server.
        reason: String,
    },
    /// The index has classes of a classifier alone.
    #[error("the index has no vectors of masks to search; serve it with --backend local")]
    NoVectors,
    /// There is no such collection.
    #[error("Qdrant has no collection {name}; upload the index with masklink upload, or name another one")]
    NoCollection {
        /// Name of the collection.
        name: String,
    },
    /// The collection's vectors have another length.
    #[error(
        "the collection {name} has vectors of {actual} numbers, but those of the index have {expected}; it \
         is of another index: name another collection"
    )]
    Size {
        /// Name of the collection.
        name: String,
        /// Numbers of a vector of the index.
        expected: usize,
        /// Numbers of a vector of the collection.
        actual: u64,
    },
    /// The collection compares vectors otherwise.
    #[error(
        "the collection {name} compares vectors by {actual}, not by Dot or Cosine; delete it and upload the \
         index anew, or name another one"
    )]
    Distance {
        /// Name of the collection.
        name: String,
        /// Its distance.
        actual: String,
    },
    /// The collection has named vectors, or none.
    #[error("the collection {name} has no single unnamed vector a point; name another collection")]
    Named {
        /// Name of the collection.
        name: String,
    },
    /// The collection lacks points.
    #[error(
        "the collection {name} has {points} points of {rows}; masklink upload with the same arguments goes \
         on where it was interrupted"
    )]
    Incomplete {
        /// Name of the collection.
        name: String,
        /// Number of its points.
        points: u64,
        /// Number of vectors of the index.
        rows: usize,
    },
    /// The collection has more points than the index has vectors.
    #[error(
        "the collection {name} has {points} points, more than the {rows} vectors of this index; name another \
         collection, or delete this one and upload the index anew"
    )]
    TooMany {
        /// Name of the collection.
        name: String,
        /// Number of its points.
        points: u64,
        /// Number of vectors of the index.
        rows: usize,
    },
    /// A point is missing or is not the vector of the index in its row.
    #[error(
        "the collection {name} does not hold this index: its point {point} is missing or not the vector of \
         that row; name another collection, or delete this one and upload the index anew"
    )]
    Mismatch {
        /// Name of the collection.
        name: String,
        /// Id of the point.
        point: String,
    },
    /// The response is not as Qdrant's API describes it.
    #[error("the response is not one of Qdrant's API ({reason}); see whether --qdrant is its address")]
    BadResponse {
        /// The violation.
        reason: String,
    },
    /// The host cancelled the work.
    #[error(transparent)]
    Host(HostError),
}

impl QdrantError {
    /// Returns whether the same request may succeed a little later.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Timeout { .. } | Self::Unreachable { .. } | Self::Busy { .. })
    }
}

impl From<QdrantError> for AnswerError {
    fn from(error: QdrantError) -> Self {
        match error {
            QdrantError::Host(error) => error.into(),
            // The collection's address and Qdrant's words do not concern the client.
            error if error.is_temporary() => {
                tracing::error!(%error, "Qdrant failed");
                let detail = "Qdrant is not available; try again, or name another back end.".to_owned();
                Self::Remote { kind: Kind::Unavailable, detail, retry_after: Some(RETRY_AFTER) }
            }
            error => {
                tracing::error!(%error, "Qdrant failed");
                let detail = "Qdrant's response cannot be used. The server's log has the reason.".to_owned();
                Self::Remote { kind: Kind::BackendFailed, detail, retry_after: None }
            }
        }
    }
}
