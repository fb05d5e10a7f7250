//! The trait [`Storage`]: where the bytes of a catalog, of its masks and of the original file are.

use std::collections::BTreeMap;
use std::ops::Range;

/// Files from which a catalog is read in ranges: on a server, on a disk or in memory.
#[expect(async_fn_in_trait, reason = "the crate's own storages are used by generics alone, on one thread")]
pub trait Storage {
    /// Reads a range of a file, all of it. The name is one that the catalog's header lists.
    async fn read(&self, file: &str, range: Range<u64>) -> Result<Vec<u8>, StorageError>;
}

/// Files in memory, by their names.
impl Storage for BTreeMap<String, Vec<u8>> {
    async fn read(&self, file: &str, range: Range<u64>) -> Result<Vec<u8>, StorageError> {
        let bytes = self.get(file).ok_or_else(|| StorageError::Unreadable {
            file: file.to_owned(),
            reason: "there is no such file".to_owned(),
        })?;
        let index = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        let read = bytes.get(index(range.start)..index(range.end));
        let actual = bytes.len() as u64;
        let too_short = || StorageError::TooShort { file: file.to_owned(), expected: range.end, actual };
        read.map(<[u8]>::to_vec).ok_or_else(too_short)
    }
}

/// Says why bytes could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// The file is not there, or may not be read.
    #[error("{file} could not be read: {reason}")]
    Unreadable {
        /// Name or address of the file.
        file: String,
        /// The system's own message.
        reason: String,
    },
    /// The file ends before the range does.
    #[error("{file} has {actual} bytes where at least {expected} are needed: it is not complete")]
    TooShort {
        /// Name or address of the file.
        file: String,
        /// The length that is needed.
        expected: u64,
        /// The length found.
        actual: u64,
    },
    /// The host sends something else than the range asked for.
    #[error("{file}: {reason}")]
    Ranges {
        /// Name or address of the file.
        file: String,
        /// The observation, and the advice.
        reason: String,
    },
}
