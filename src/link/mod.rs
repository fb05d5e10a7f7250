//! From a mask to the entities it may show: the linking protocol, mask-pooled features, exact search, calibrated scores.
//!
//! A picture's encoder gives a feature map; [`pool`] averages it over a mask; [`search`] finds the entities whose
//! stored views are nearest; [`calibrate`] turns cosines into probabilities. Both ends of the wire share
//! [`protocol`] and [`problem`]; [`client`] is the page's side of the conversation as a state machine without IO.

pub mod calibrate;
pub mod client;
pub mod encoder_card;
pub mod index;
#[cfg(not(target_arch = "wasm32"))]
pub mod index_folder;
pub mod index_header;
pub mod pool;
pub mod problem;
pub mod protocol;
pub mod search;
pub mod vectors;
