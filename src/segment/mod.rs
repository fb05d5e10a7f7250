//! Click to mask: runs a promptable segmentation model over a [`Host`](crate::model::Host).
//!
//! # The flow of a click
//!
//! [`click()`] is one `async` function; the page's worker and the command line call it alike.
//!
//! ```text
//! click(session, host, question, on_provisional)
//!   1. full pass        once an image: host.pixels ─► encoder, then host.is_cancelled?
//!                       decoder ─► Segmentation; on the part that is shown, or around a small box, where
//!                       the whole image would show too little of it
//!   2. on_provisional(&segmentation)            only where a refinement pass follows
//!   3. click crop       host.is_cancelled? ─► crop's pixels ─► encoder ─► decoder ─► replaces the result
//!                       where the model expects more of it; for a single click on a small object
//!   4. mask crop        host.is_cancelled? ─► crop's pixels ─► encoder ─► decoder, which is given the
//!                       mask back ─► corrects the best candidate
//!   5. the logits are kept in the Session under the ticket, for a later Refine
//! ```
//!
//! The model's manifest says whether passes 3 and 4 are run. The embeddings stay where the encoder ran
//! ([`Host::run_resident`](crate::model::Host::run_resident)). Where the host's provider fails or computes
//! values that are not finite, and there is another one, [`Host::fall_back`](crate::model::Host::fall_back)
//! is called and the click is run once more from its first pass, the image encoded anew; `on_provisional`
//! may then be called a second time.
//!
//! A [`Session`] stores what is reused between clicks in one image. Its owner runs one click at a time,
//! calls [`Session::forget_image`] when another image is opened, and decides which clicks are still wanted.

mod cleanup;
mod click;
mod crop;
mod decoder;
mod error;
mod frame;
mod input;
mod logits;
mod manifest;
mod prompt;
mod refine;
mod segmentation;
mod session;
mod smooth;
#[cfg(test)]
mod test_host;

pub use click::{Question, click, encode_image, preview};
pub use error::Error;
pub(crate) use frame::ModelFrame;
pub(crate) use logits::Logits;
pub use manifest::{Decoder, Encoder, Family, GraphFile, Limits, Manifest, Model};
pub use prompt::{MAX_PROMPTS, Prompt, Prompts};
pub use segmentation::{Candidate, Segmentation};
pub use session::{Refine, Session, Ticket, embed};
