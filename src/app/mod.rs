//! The click flow without a browser: [`Event`]s in, [`Effect`]s out.
//!
//! [`State::update`] is the only way in. It performs no IO: the segmentation model, the linking endpoint,
//! the renderer and the screen reader are reached by the effects that it returns, and their results come
//! back as events with the [`Ticket`](crate::segment::Ticket) of the request. A result whose ticket is
//! not awaited any more changes nothing, so a person may click again at any time. Events, effects and the
//! [`Snapshot`] are plain data; masks cross to JavaScript as arrays of runs.

mod drawing;
mod effect;
mod event;
mod settings;
mod snapshot;
mod state;
mod words;

pub use drawing::{BrushMark, Label, Marks, PointMark, PreviewMark};
pub use effect::{Effect, MaskDetail, Notice, SegmentRequest};
pub use event::{Event, Failure, Segmented, ShownMask};
pub use settings::{ColorMode, EncoderPlace, RendererChoice, Settings, Tool};
pub use snapshot::{Facts, KeptSummary, ShownSummary, Snapshot, Steps};
pub use state::clicks::{Candidate, Clicks};
pub use state::cursor::Cursor;
pub use state::kept::{Kept, KeptRecord, MAX_KEPT};
pub use state::linking::{Linking, MIN_CACHED_IOU, Source};
pub use state::viewport::{ViewPosition, Viewport};
pub use state::{Selection, Shown, State};
pub use words::{Confidence, Verdict};
