//! Findings: problems of records, the checks of masks and boxes that find some of them, and their counts.

pub(crate) mod checks;
mod finding;
mod problem;
mod tally;

pub use finding::{Finding, RecordKind, RecordRef};
pub use problem::Problem;
pub use tally::{Example, Tally};
