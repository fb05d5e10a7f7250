//! Finds the images and masks that lie beside the repository and are not part of it.

use std::io::Write as _;
use std::path::PathBuf;

/// The folder of a kind of test material, or `None` with a loud line where the machine lacks it.
///
/// Looked for in `MASKLINK_SHARED_DATA`, else in `../shared/data` beside the repository.
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

/// Says that something is not tested, straight to the stream: what a test that passes prints is thrown away.
pub(crate) fn not_tested(why: &str) {
    // Where standard error is closed nobody can be told.
    let _ = writeln!(std::io::stderr(), "\n*** NOT TESTED: {why} ***\n");
}
