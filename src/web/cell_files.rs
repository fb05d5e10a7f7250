//! The data files of an index in cells, read by ranges from the host of the page.

use std::ops::Range;

use super::worker_fetch::WorkerFetch;
use crate::dataset::catalog::Storage as _;
use crate::dataset::catalog::http::{HostLimit, HttpStorage, MAX_WHOLE_BYTES, RemoteFile};
use crate::link::cells::Files;
use crate::link::cells::header::Header;

/// Files beside a header.
pub(super) struct CellFiles {
    storage: HttpStorage<WorkerFetch>,
    bytes: u64,
}

impl CellFiles {
    /// Lists the data files of a header; `address` is the header's, absolute.
    pub(super) fn new(address: &str, header: &Header) -> Self {
        let folder = &address[..address.rfind('/').map_or(0, |slash| slash + 1)];
        let files = header.data.iter().map(|part| {
            let remote = RemoteFile { url: format!("{folder}{}", part.file), bytes: Some(part.bytes) };
            (part.file.clone(), remote)
        });
        let bytes = header.data.iter().map(|part| part.bytes).sum();
        Self { storage: HttpStorage::new(WorkerFetch, files.collect()), bytes }
    }
}

impl Files for CellFiles {
    async fn read(&self, file: &str, range: Range<u64>) -> Result<Vec<u8>, String> {
        let limit = || self.storage.limits().into_iter().find(|limit| *limit != HostLimit::HidesRange);
        let refused = |limit: HostLimit| {
            let (_, why) = limit.message();
            let bytes = self.bytes;
            format!(
                "{why} An index of {bytes} bytes in cells needs a host with ranges; move its folder to one"
            )
        };
        // A host without ranges sends whole files, which only a small index allows.
        let check =
            || limit().filter(|_| self.bytes > MAX_WHOLE_BYTES).map_or(Ok(()), |limit| Err(refused(limit)));
        check()?;
        let read = self.storage.read(file, range).await.map_err(|error| error.to_string());
        check()?;
        read
    }
}
