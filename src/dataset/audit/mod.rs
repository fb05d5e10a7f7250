//! Finds and counts what is wrong with records: findings, their problems, and the checks of masks and boxes.

pub(crate) mod checks;
mod finding;
mod problem;
mod tally;

pub use finding::{Finding, RecordKind, RecordRef};
pub use problem::Problem;
pub use tally::{Example, Tally};
