//! From a mask to the entities it may show: the linking protocol, mask-pooled features, exact
//! search, calibrated scores.
//!
//! An image's encoder gives a feature map ([`encode`]); [`pool`] averages it over a mask;
//! [`search`] finds the entities whose stored views are nearest; [`calibrate`] turns cosines into
//! probabilities, [`novelty`] says when nothing is near; [`linker`] puts them together, for the
//! server and for a page that links by itself. Both ends of the wire share [`protocol`] and
//! [`problem`]; [`client`] is the page's side of the conversation as a state machine without IO.

pub mod calibrate;
pub mod client;
pub mod encode;
pub mod encoder_card;
pub mod index;
#[cfg(not(target_arch = "wasm32"))]
pub mod index_folder;
pub mod index_header;
pub mod linker;
mod logistic;
pub mod novelty;
pub mod pool;
pub mod problem;
pub mod protocol;
pub mod search;
pub mod vectors;
