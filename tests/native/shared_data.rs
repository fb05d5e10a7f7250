//! Finds the test data beside the repository that is not part of it.

use std::io::Write as _;
use std::path::PathBuf;

/// Returns the folder of a kind of test data; if it is missing, prints so and returns `None`.
///
/// Searches in `MASKLINK_SHARED_DATA`, else in `../shared/data` beside the repository.
#[allow(dead_code, reason = "used by the tests of each area as they need it")]
pub(crate) fn shared_data(kind: &str) -> Option<PathBuf> {
    let root = std::env::var_os("MASKLINK_SHARED_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    let folder = root.join(kind);
    if folder.is_dir() {
        return Some(folder);
    }
    not_tested(&format!("{} is missing; set MASKLINK_SHARED_DATA to its parent", folder.display()));
    None
}

/// Prints that something is not tested, past the capture of a passing test's output.
pub(crate) fn not_tested(why: &str) {
    // A closed standard error leaves no way to report.
    let _ = writeln!(std::io::stderr(), "\n*** NOT TESTED: {why} ***\n");
}
