//! What can go wrong between an image, clicks and a model, by whose fault.

use crate::geometry::Size;
use crate::model::HostError;
use crate::pixels;

/// Why a model, an image, a prompt or a model's answer was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The manifest is not the JSON it should be. The message carries line and column.
    #[error("the model list is malformed: {0}")]
    ManifestSyntax(#[from] serde_json::Error),
    /// The manifest's `version` is not one that is read here.
    #[error("the model list has version {found}; version {expected} is read")]
    ManifestVersion {
        /// The version read here.
        expected: u32,
        /// The version found.
        found: u32,
    },
    /// A field of a model holds what cannot be: the model's author has to mend it.
    #[error("model {model}: {field} {reason}")]
    ModelField {
        /// The model's id.
        model: String,
        /// Which field.
        field: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Two models of a manifest have one id.
    #[error("model {0} is listed twice")]
    ModelTwice(String),
    /// No model has the id asked for.
    #[error("there is no model {asked:?}; the list has {known}")]
    ModelUnknown {
        /// The id asked for.
        asked: String,
        /// The ids there are, comma-separated.
        known: String,
    },
    /// The model's family is listed but not run by this version.
    #[error("models of the family {0:?} are not supported yet; only \"sam1\" is")]
    FamilyUnsupported(&'static str),
    /// A graph's output is missing, of another shape, or of another type than its family promises.
    #[error("the model's output {name:?} should be {expected}, but is {actual}")]
    Output {
        /// The output's name.
        name: &'static str,
        /// Shape and type expected.
        expected: String,
        /// Shape and type found.
        actual: String,
    },
    /// The decoder answered infinities or not-a-number: the runtime's provider computes wrongly;
    /// choose another.
    #[error("the model answered values that are not finite; try another provider")]
    NotFinite,

    /// The bytes are not the image's pixels.
    #[error(transparent)]
    Pixels(#[from] pixels::Error),
    /// An image without pixels.
    #[error("the image is empty ({0})")]
    ImageEmpty(Size),
    /// A click or box with a coordinate that is no number, or outside the image.
    #[error("prompt {at} is at ({x}, {y}), outside the image of {size}")]
    PromptOutside {
        /// Which prompt.
        at: usize,
        /// Its x in image space.
        x: f64,
        /// Its y in image space.
        y: f64,
        /// The image's size.
        size: Size,
    },
    /// Nothing was clicked.
    #[error("there is no click and no box to segment by")]
    PromptMissing,
    /// A candidate was chosen that the last answer does not have.
    #[error("candidate {asked} was chosen of {count}")]
    CandidateUnknown {
        /// The candidate asked for.
        asked: usize,
        /// How many there are.
        count: usize,
    },

    /// A stated limit would be passed; nothing was allocated.
    #[error("{what}: {actual} is over the limit of {limit}")]
    Limit {
        /// What is limited.
        what: &'static str,
        /// The most that is taken.
        limit: u64,
        /// What was asked for.
        actual: u64,
    },
    /// A mask could not be made of the logits.
    #[error(transparent)]
    Mask(#[from] crate::rle::Error),
    /// The host could not run a graph or read the image, or the click was cancelled.
    #[error(transparent)]
    Host(#[from] HostError),
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
            Self::Output { .. } => "model-output",
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
