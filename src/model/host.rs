//! The trait [`Host`]: all that models, an index or an endpoint need of the platform they run on.

use std::borrow::Cow;

use super::Tensor;
use crate::geometry::{PixelRect, Size};
use crate::pixels::{self, Channels, Pixels};

/// The platform that models run on: the page's worker, the command line or the server.
///
/// One value stands for one piece of work on one image; whether that work is still wanted is
/// [`is_cancelled`](Host::is_cancelled). The futures are driven on one thread and need not be `Send`.
#[expect(async_fn_in_trait, reason = "the crate's own hosts are used by generics alone, on one thread")]
pub trait Host {
    /// A graph's output that stays where the graph ran: a GPU buffer, or a tensor in memory.
    type Resident;

    /// Runs a graph and returns the outputs of the given names, in their order.
    async fn run(
        &self,
        graph: GraphId,
        inputs: &[(&str, Input<'_, Self::Resident>)],
        outputs: &[&str],
    ) -> Result<Vec<Tensor>, HostError>;

    /// Runs a graph of one output and leaves that output where it was computed.
    ///
    /// `shape` is the output's shape by the model's manifest; another one is
    /// [`HostError::Output`].
    async fn run_resident(
        &self,
        graph: GraphId,
        inputs: &[(&str, &Tensor)],
        shape: &[usize],
    ) -> Result<Self::Resident, HostError>;

    /// Returns the output of an image encoder that another computer runs, or `None` where this one runs it.
    async fn embedding(&self, _asked: &EmbeddingRequest<'_>) -> Result<Option<Tensor>, HostError> {
        Ok(None)
    }

    /// Returns whether there is another provider to [fall back](Self::fall_back) to.
    fn can_fall_back(&self) -> bool {
        false
    }

    /// Switches to a slower provider of the same graphs, for the reason given. The caller first drops every
    /// [`Resident`](Self::Resident), which must be freed before the sessions that made it.
    async fn fall_back(&self, _reason: &str) -> Result<(), HostError> {
        Ok(())
    }

    /// Returns width and height of the image, in pixels.
    fn image_size(&self) -> Result<Size, HostError>;

    /// Returns the pixels of a window of the image, or more of them.
    fn pixels(&self, window: PixelRect) -> Result<PixelWindow<'_>, HostError>;

    /// Sends an HTTP request. A response of any status is `Ok`.
    async fn fetch(&self, request: Request<'_>) -> Result<Response, HostError>;

    /// Waits for some milliseconds.
    async fn sleep(&self, millis: u32);

    /// Returns the milliseconds since some fixed moment, for measuring durations.
    fn now_millis(&self) -> f64;

    /// Returns whether the work is no longer wanted. In the page, the worker handles its messages first.
    async fn is_cancelled(&self) -> bool {
        false
    }
}

/// The output of an image encoder that is wanted of another computer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EmbeddingRequest<'a> {
    /// SHA-256 of the encoder's ONNX file.
    pub encoder_sha256: &'a str,
    /// The pixels of the host's image that are encoded, all of them or a crop.
    pub region: PixelRect,
    /// Shape of the output.
    pub shape: &'a [usize],
}

/// Names a graph by its task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GraphId {
    /// The image encoder of the segmentation model.
    ClickEncoder,
    /// The prompt decoder of the segmentation model.
    ClickDecoder,
    /// The image encoder of the linking index.
    LinkEncoder,
}

/// An input of a graph.
#[derive(Debug)]
pub enum Input<'a, R> {
    /// Elements in this program's memory.
    Tensor(&'a Tensor),
    /// The output of an earlier run, which stayed where it was computed.
    Resident(&'a R),
}

impl<R> Clone for Input<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Input<'_, R> {}

/// Row-major 8-bit pixels of a window of an image, borrowed or owned.
#[derive(Clone, Debug)]
pub struct PixelWindow<'a> {
    /// Width and height of the whole image.
    pub image: Size,
    /// The pixels of the image that `bytes` holds.
    pub window: PixelRect,
    /// Bytes a pixel.
    pub channels: Channels,
    /// `window.height * window.width * channels` bytes.
    pub bytes: Cow<'a, [u8]>,
}

impl PixelWindow<'_> {
    /// Returns the pixels as the samplers take them.
    pub fn pixels(&self) -> Result<Pixels<'_>, pixels::Error> {
        Pixels::of_window(self.image, self.window, self.channels, &self.bytes)
    }
}

/// An HTTP request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// `GET`, `POST` or `PUT`.
    pub method: &'static str,
    /// Absolute, or in the page relative to it.
    pub url: &'a str,
    /// The headers, as names and values. `range: bytes=FIRST-LAST` asks for a byte range, to which the
    /// response has the status 206.
    pub headers: Vec<(&'static str, String)>,
    /// Empty where the method has none.
    pub body: Body<'a>,
    /// Milliseconds until [`HostError::TimedOut`].
    pub timeout_millis: u32,
    /// Maximum length of the response in bytes; a longer one is [`HostError::Network`].
    pub max_response_bytes: u64,
}

/// The body of a [`Request`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body<'a> {
    /// Bytes in this program's memory.
    Bytes(&'a [u8]),
    /// The encoded file of the host's image, which the host sends from where it keeps it.
    Image,
}

/// An HTTP response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The header `Retry-After`.
    pub retry_after: Option<String>,
    /// The whole body.
    pub body: Vec<u8>,
}

/// Says why a host could not run a graph, read the image or get a response.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// The work was cancelled or superseded; its result is not wanted.
    #[error("cancelled")]
    Cancelled,
    /// The provider that runs the graphs failed, such as a lost GPU; another provider may work.
    #[error("{reason}")]
    Provider {
        /// The runtime's own message.
        reason: String,
    },
    /// The graph could not be run: it is not loaded, lacks memory, or takes another input.
    #[error("the model could not be run: {reason}")]
    Run {
        /// The runtime's own message.
        reason: String,
    },
    /// A graph's output is missing, or not what the model's manifest says.
    #[error("the model's output {name:?} should be {expected}, but is {actual}")]
    Output {
        /// The output's name.
        name: String,
        /// Type and shape by the manifest.
        expected: String,
        /// Type and shape found.
        actual: String,
    },
    /// There is no image: none was opened, or it was closed.
    #[error("there is no image; open one first")]
    ImageMissing,
    /// The image's pixels cannot be read.
    #[error("the image could not be read: {reason}")]
    Image {
        /// The system's own message.
        reason: String,
    },
    /// No response: no network, no such host, or refused by CORS.
    #[error("{reason}")]
    Network {
        /// The system's own message.
        reason: String,
    },
    /// No response within the request's time.
    #[error("no response within {millis} ms")]
    TimedOut {
        /// The request's limit.
        millis: u32,
    },
}

impl HostError {
    /// Returns the error of an output that is not as expected; `actual` is `None` where it is missing.
    pub(crate) fn output(name: &str, expected: impl Into<String>, actual: Option<String>) -> Self {
        let actual = actual.unwrap_or_else(|| "missing".to_owned());
        Self::Output { name: name.to_owned(), expected: expected.into(), actual }
    }

    /// Returns the code of the error, which programs may rely on.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::Provider { .. } => "provider",
            Self::Run { .. } => "model-run",
            Self::Output { .. } => "model-output",
            Self::ImageMissing => "image-missing",
            Self::Image { .. } => "image-unreadable",
            Self::Network { .. } => "network",
            Self::TimedOut { .. } => "timeout",
        }
    }
}
