//! Dense tensors, and the [`Host`] that runs graphs, reads pixels and sends requests.
//!
//! Code that needs a model, an index or an endpoint is written once, as `async` functions over a [`Host`].
//! The page's worker implements it over ONNX Runtime Web, the command line and the server natively.

mod host;
mod tensor;
#[cfg(test)]
pub(crate) mod test_host;

pub use host::{Body, EmbeddingRequest, GraphId, Host, HostError, Input, PixelWindow, Request, Response};
pub use tensor::{Data, Tensor};
