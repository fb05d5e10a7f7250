//! The lock of a file that one process at a time writes.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

use anyhow::{Context as _, bail};

/// Locks a file until its handle is dropped. Fails with `busy`, which says what to do, where another process
/// has it locked.
pub(super) fn hold(file: &File, path: &Path, busy: &str) -> anyhow::Result<()> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => bail!("{}: {busy}", path.display()),
        // Some network file systems know no locks.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
        Err(TryLockError::Error(error)) => Err(error).with_context(|| path.display().to_string()),
    }
}
