//! From a mask to the entities it may show: the linking protocol, mask-pooled features, exact
//! search, calibrated scores.
//!
//! [`encoder`] computes an image's feature map and averages it over a mask; [`search`] finds the
//! entities of an [`index`] whose exemplars are nearest; [`candidates`] adds those of a classifier and
//! broader ones; [`calibration`] turns similarities into probabilities and says when nothing in the index
//! is near. [`LocalLinker`] puts them together,
//! for the server and for a page that links by itself. [`names`] has the codes by which generative models
//! name entities. Both ends of the wire share [`protocol`].

pub mod calibration;
pub mod candidates;
pub mod cells;
pub mod encoder;
pub mod index;
pub mod local;
pub mod names;
mod parallel;
pub mod protocol;
pub mod search;

pub use local::{AnswerError, LocalLinker, Question, answer, link_with_exemplars};
pub use protocol::ask_endpoint;
