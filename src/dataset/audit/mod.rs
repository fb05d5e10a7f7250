//! Findings: problems of records, the checks of masks and boxes that find some of them, their counts, and
//! signs of noise.

pub(crate) mod checks;
mod finding;
mod format;
mod noise;
mod problem;
mod tally;

pub use finding::{Finding, RecordKind, RecordRef};
pub use format::FileFormat;
pub use noise::{NoiseInput, NoiseReason, NoiseReasons, NoiseReport, inspect};
pub use problem::Problem;
pub use tally::{Example, Tally};
