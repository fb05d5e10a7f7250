//! The click flow without a browser: what happens becomes an [`Event`], what is to be done comes
//! out as [`Effect`]s.
//!
//! [`State::update`] is the only way in. It neither waits nor asks: a segmentation model, a linking
//! endpoint, a renderer and a screen reader are reached by the effects it returns, and their
//! answers come back as events that carry the [`Ticket`] of the effect that asked. An answer whose
//! ticket is no longer awaited changes nothing, so a person may click again before the last click
//! is answered. Events, effects and the [`Snapshot`] are plain data with one JSON form, which is
//! the form the page speaks.

mod address;
mod drawing;
mod effect;
mod entity;
mod event;

mod runs_json;
mod settings;
mod snapshot;
mod state;

pub use address::{Address, AddressView};
pub use effect::{Effect, MaskDetail, Notice, SegmentRequest};
pub use entity::{Entity, InIndex, LinkAnswer, Verdict};
pub use event::{CandidateJson, Event, Failure, RecordedAnswer, ShownMaskJson};
pub use runs_json::RunsJson;
pub use settings::{ColorMode, RendererChoice, Settings, Tool};
pub use snapshot::{Facts, ShownSummary, Snapshot};
pub use state::clicks::{Candidate, Clicks, Prompt};
pub use state::linking::{Linking, MIN_IOU_OF_A_RECORDING, Source};
pub use state::{Selection, Shown, State};

/// Names one request, so that its answer is known again; counts up from 1 and is never given twice
/// by one [`State`].
pub type Ticket = u32;
