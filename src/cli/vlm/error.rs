//! Errors of linking by a vision model.

use crate::cli::titles::index::TitlesError;

/// Errors of linking a mask by a vision model. The texts are for the log; clients learn less.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VlmError {
    /// The image for the model could not be encoded.
    #[error("the image for the vision model could not be encoded")]
    Image(#[from] image::ImageError),
    /// The model did not respond in time.
    #[error(
        "the vision model did not respond within {seconds} s; raise --vlm-timeout or take a smaller model"
    )]
    Timeout {
        /// The time limit in seconds.
        seconds: f64,
    },
    /// The model's server gave up waiting.
    #[error("the vision model's server reports that it ran out of time (status {status})")]
    Overdue {
        /// Status of the response.
        status: u16,
    },
    /// There was no connection, it broke, or the response has more than 2 MiB.
    #[error("no response from the vision model: {reason}; check --vlm and that its server runs")]
    Unreachable {
        /// Fault reported by the connection.
        reason: String,
    },
    /// The model's server does not accept the key.
    #[error("the vision model's server refused the key (status {status}); set MASKLINK_VLM_KEY")]
    Key {
        /// Status of the response.
        status: u16,
    },
    /// The model's server has too many requests.
    #[error("the vision model's server is busy")]
    Busy {
        /// Seconds after which to try again, where it says so.
        retry_after: Option<u64>,
    },
    /// The model's server failed, or does not accept the request.
    #[error(
        "the vision model's server responded with status {status}: {reason:?}; check --vlm and --vlm-model"
    )]
    Refused {
        /// Status of the response.
        status: u16,
        /// The server's explanation, shortened; empty where there is none.
        reason: String,
    },
    /// The response is not a chat completion.
    #[error(
        "the vision model's response is not a chat completion: {reason}; check that --vlm is such an endpoint"
    )]
    Malformed {
        /// Fault of the response.
        reason: String,
    },
    /// The text is over the limit.
    #[error("the vision model's text has more than {limit} bytes; take a model that writes a title alone")]
    TooLong {
        /// Maximum number of bytes.
        limit: usize,
    },
    /// The text ends before the title, as that of a model which reasons at length.
    #[error(
        "the vision model's text was cut off after {tokens} tokens; turn its reasoning off, or take a model \
         that writes a title alone"
    )]
    CutOff {
        /// Maximum number of tokens.
        tokens: u32,
    },
    /// The model wrote nothing that has a word.
    #[error("the vision model named nothing; take another model or view")]
    Empty,
    /// The model refuses to respond, or its server's filter withheld the text.
    #[error("the vision model refused to name the object")]
    Declined,
    /// The titles cannot be searched.
    #[error(transparent)]
    Titles(#[from] TitlesError),
}
