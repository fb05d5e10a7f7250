//! The errors of segmenting, by whose fault: the model's author, the caller, a limit, the host.

use crate::geometry::Size;
use crate::model::HostError;
use crate::pixels;

/// Says why a model, an image or a prompt was refused, or why a click failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The manifest is not JSON of the documented form. The message has line and column.
    #[error("the model list is malformed: {0}")]
    ManifestSyntax(serde_json::Error),
    /// The manifest's `version` is not supported: update this program, or use an older manifest.
    #[error("the model list has version {found}; only version {expected} is supported")]
    ManifestVersion {
        /// The version that is supported.
        expected: u32,
        /// The manifest's version.
        found: u32,
    },
    /// A field of a model has an invalid value; the manifest's author has to correct it.
    #[error("model {model}: {field} {reason}")]
    ModelField {
        /// The model's id.
        model: String,
        /// Path of the field, such as `encoder.sha256`.
        field: &'static str,
        /// The rule that it breaks, as a predicate: "is empty".
        reason: &'static str,
    },
    /// Two models of a manifest have the same id.
    #[error("model {0} is listed twice")]
    ModelTwice(String),
    /// No model has the requested id; choose one of the list.
    #[error("there is no model {asked:?}; the list has {known}")]
    ModelUnknown {
        /// The requested id.
        asked: String,
        /// The ids of the list, comma-separated.
        known: String,
    },
    /// The model's family can be listed but not run; choose a model of the family `sam1`.
    #[error("models of the family {0:?} are not supported yet; only \"sam1\" is")]
    FamilyUnsupported(&'static str),
    /// The decoder returned an infinity or a NaN: the host's provider computes wrongly, use another one.
    #[error("the model returned values that are not finite; try another provider")]
    NotFinite,

    /// The host's pixels do not fill the window, or not enough of the image.
    #[error(transparent)]
    Pixels(#[from] pixels::Error),
    /// The image has no pixels.
    #[error("the image is empty ({0})")]
    ImageEmpty(Size),
    /// A click or a corner of a box is outside the image, or NaN.
    #[error("prompt {at} is at ({x}, {y}), outside the image of {size}")]
    PromptOutside {
        /// Index of the prompt.
        at: usize,
        /// Its x in pixels of the image.
        x: f64,
        /// Its y in pixels of the image.
        y: f64,
        /// The image's size.
        size: Size,
    },
    /// There is no prompt.
    #[error("there is no click or box; add one first")]
    PromptMissing,
    /// The candidate to refine does not exist: the model has fewer.
    #[error("there is no candidate {asked}; the model has {count}")]
    CandidateUnknown {
        /// Index of the candidate, from 0.
        asked: usize,
        /// Number of candidates.
        count: usize,
    },

    /// A limit is exceeded; nothing was allocated.
    #[error("{what}: {actual} exceeds the limit of {limit}")]
    Limit {
        /// The limited quantity, such as "pixels of an image".
        what: &'static str,
        /// The maximum.
        limit: u64,
        /// The value that exceeds it.
        actual: u64,
    },
    /// A mask could not be made of the logits.
    #[error(transparent)]
    Mask(#[from] crate::rle::Error),
    /// The host could not run a graph or read the image, or the click was cancelled.
    #[error(transparent)]
    Host(#[from] HostError),
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::ManifestSyntax(error)
    }
}

impl Error {
    /// Returns the code of the error, which programs may rely on.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ManifestSyntax(_)
            | Self::ManifestVersion { .. }
            | Self::ModelField { .. }
            | Self::ModelTwice(_) => "model-list",
            Self::ModelUnknown { .. } => "model-unknown",
            Self::FamilyUnsupported(_) => "model-unsupported",
            Self::NotFinite => "model-not-finite",
            Self::Pixels(_) | Self::ImageEmpty(_) => "image-unreadable",
            Self::PromptOutside { .. } | Self::PromptMissing | Self::CandidateUnknown { .. } => {
                "question-malformed"
            }
            Self::Limit { .. } | Self::Mask(_) => "limit",
            Self::Host(error) => error.code(),
        }
    }
}
