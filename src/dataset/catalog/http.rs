//! Reads files of a static host in ranges, and finds out what the host does to them.
//!
//! Hosts differ: some ignore `Range` and send the whole file, some compress the response so that its bytes
//! are not those asked for, some hide `Content-Range` from other pages. Each is detected by the response
//! itself; then whole files are read instead, up to [`MAX_WHOLE_BYTES`].

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::rc::Rc;

use super::storage::{Storage, StorageError};

/// Files up to this length are read whole: one request serves all ranges.
const SMALL_BYTES: u64 = 64 << 10;
/// Maximum length of a file that is read whole because its host has no ranges.
pub const MAX_WHOLE_BYTES: u64 = 64 << 20;
/// Maximum bytes of whole files that are kept.
const KEPT_BYTES: usize = 160 << 20;

/// Sends requests for files.
#[expect(async_fn_in_trait, reason = "the crate's own clients are used by generics alone, on one thread")]
pub trait Fetch {
    /// Gets a file, or a range of it. The error is the system's own message.
    async fn get(
        &self,
        url: &str,
        range: Option<Range<u64>>,
        max_bytes: u64,
    ) -> Result<RangeResponse, String>;
}

/// The response of a host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RangeResponse {
    /// The HTTP status.
    pub status: u16,
    /// The header `Content-Range`, where it is readable.
    pub content_range: Option<String>,
    /// The header `Content-Encoding`, where it is readable.
    pub content_encoding: Option<String>,
    /// The body as the client decoded it; `None` if it is longer than the maximum.
    pub body: Option<Vec<u8>>,
}

/// A file on a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteFile {
    /// Its address.
    pub url: String,
    /// Its length, where it is known.
    pub bytes: Option<u64>,
}

/// The behavior of a host that was noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostLimit {
    /// It sends whole files where ranges are asked for.
    NoRanges,
    /// It compresses the responses to ranges.
    CompressesRanges,
    /// It hides `Content-Range` from other pages.
    HidesRange,
}

impl HostLimit {
    /// Returns what does not work and why, for people.
    pub fn message(self) -> (&'static str, &'static str) {
        match self {
            Self::NoRanges => (
                "Files over 64 MiB cannot be read from this host, and others only whole.",
                "It sends whole files where a part is asked for: it has no HTTP ranges.",
            ),
            Self::CompressesRanges => (
                "Files over 64 MiB cannot be read from this host, and others only whole.",
                "It compresses the parts that are asked for, which makes them unreadable. For GitHub Pages, \
                 make the pack with --host github-pages.",
            ),
            Self::HidesRange => (
                "A file that was uploaded only in part is noticed late.",
                "The host does not let pages read Content-Range (Access-Control-Expose-Headers); only \
                 checksums are compared.",
            ),
        }
    }
}

/// Files on hosts, by their names in a catalog.
pub struct HttpStorage<F> {
    fetch: F,
    files: HashMap<String, RemoteFile>,
    /// Prefix of files that are not listed.
    base: Option<String>,
    /// Files that were read whole, the oldest first.
    whole: RefCell<VecDeque<(String, Rc<Vec<u8>>)>>,
    /// One file at a time is read whole, so that several ranges of it share one request.
    reading_whole: async_lock::Mutex<()>,
    /// Limits of ranges that were noticed, by the origin of the host.
    no_ranges: RefCell<HashMap<String, HostLimit>>,
    hides_range: Cell<bool>,
}

impl<F: Fetch> HttpStorage<F> {
    /// Creates a storage of listed files.
    pub fn new(fetch: F, files: HashMap<String, RemoteFile>) -> Self {
        Self {
            fetch,
            files,
            base: None,
            whole: RefCell::default(),
            reading_whole: async_lock::Mutex::new(()),
            no_ranges: RefCell::default(),
            hides_range: Cell::new(false),
        }
    }

    /// Adds a folder, in which files that are not listed are looked for.
    #[must_use]
    pub fn with_base(mut self, base: &str) -> Self {
        self.base = Some(base.to_owned());
        self
    }

    /// Adds files.
    pub fn extend(&mut self, files: impl IntoIterator<Item = (String, RemoteFile)>) {
        self.files.extend(files);
    }

    /// Returns what was noticed about the hosts.
    pub fn limits(&self) -> Vec<HostLimit> {
        let mut limits: Vec<HostLimit> = Vec::new();
        let hides = self.hides_range.get().then_some(HostLimit::HidesRange);
        for limit in self.no_ranges.borrow().values().copied().chain(hides) {
            if !limits.contains(&limit) {
                limits.push(limit);
            }
        }
        limits
    }

    /// Reads a whole file.
    pub async fn read_whole(&self, file: &str, max_bytes: u64) -> Result<Rc<Vec<u8>>, StorageError> {
        if let Some(bytes) = self.kept(file) {
            return Ok(bytes);
        }
        let _alone = self.reading_whole.lock().await;
        if let Some(bytes) = self.kept(file) {
            return Ok(bytes);
        }
        let remote = self.remote(file)?;
        let response = self.get(&remote.url, None, max_bytes).await?;
        let bytes = Rc::new(body(response, &remote.url, max_bytes)?);
        check_length(&remote, bytes.len() as u64)?;
        self.keep(file, Rc::clone(&bytes));
        Ok(bytes)
    }

    fn limit_of(&self, url: &str) -> Option<HostLimit> {
        self.no_ranges.borrow().get(origin_of(url)).copied()
    }

    fn set_limit(&self, url: &str, limit: HostLimit) {
        self.no_ranges.borrow_mut().insert(origin_of(url).to_owned(), limit);
    }

    fn kept(&self, file: &str) -> Option<Rc<Vec<u8>>> {
        self.whole.borrow().iter().find(|(kept, _)| kept == file).map(|(_, bytes)| Rc::clone(bytes))
    }

    fn keep(&self, file: &str, bytes: Rc<Vec<u8>>) {
        let mut whole = self.whole.borrow_mut();
        whole.push_back((file.to_owned(), bytes));
        let mut total: usize = whole.iter().map(|(_, bytes)| bytes.len()).sum();
        while total > KEPT_BYTES {
            let Some((_, oldest)) = whole.pop_front() else { break };
            total -= oldest.len();
        }
    }

    fn remote(&self, file: &str) -> Result<RemoteFile, StorageError> {
        let listed = self.files.get(file).cloned();
        let in_base =
            || self.base.as_ref().map(|base| RemoteFile { url: format!("{base}{file}"), bytes: None });
        let unknown = || StorageError::Unreadable {
            file: file.to_owned(),
            reason: "the manifest does not list it".to_owned(),
        };
        listed.or_else(in_base).ok_or_else(unknown)
    }

    async fn get(
        &self,
        url: &str,
        range: Option<Range<u64>>,
        max_bytes: u64,
    ) -> Result<RangeResponse, StorageError> {
        let response = self.fetch.get(url, range, max_bytes).await;
        checked(response.map_err(|reason| unreachable(url, &reason))?, url)
    }

    async fn read_range(&self, file: &str, range: Range<u64>) -> Result<Vec<u8>, StorageError> {
        let remote = self.remote(file)?;
        if let Some(whole) = self.kept(file) {
            return slice(&whole, &range, &remote.url);
        }
        if let Some(bytes) = remote.bytes
            && range.end > bytes
        {
            return Err(StorageError::TooShort { file: remote.url, expected: range.end, actual: bytes });
        }
        let is_small = remote.bytes.is_some_and(|bytes| bytes <= SMALL_BYTES);
        if is_small || self.limit_of(&remote.url).is_some() {
            return self.slice_of_whole(file, &remote, &range).await;
        }
        let response = match self.fetch.get(&remote.url, Some(range.clone()), MAX_WHOLE_BYTES).await {
            Ok(response) => checked(response, &remote.url)?,
            Err(_) => match self.fetch.get(&remote.url, Some(range.clone()), MAX_WHOLE_BYTES).await {
                // It was the network.
                Ok(response) => checked(response, &remote.url)?,
                Err(reason) => return self.after_failure(file, &remote, &range, &reason).await,
            },
        };
        if response.status == 200 {
            self.set_limit(&remote.url, HostLimit::NoRanges);
            return match response.body {
                Some(whole) => {
                    check_length(&remote, whole.len() as u64)?;
                    let part = slice(&whole, &range, &remote.url);
                    self.keep(file, Rc::new(whole));
                    part
                }
                None => Err(too_long(&remote.url, HostLimit::NoRanges)),
            };
        }
        if response.content_encoding.as_deref().is_some_and(|encoding| encoding != "identity") {
            self.set_limit(&remote.url, HostLimit::CompressesRanges);
            return self.slice_of_whole(file, &remote, &range).await;
        }
        match response.content_range.as_deref().and_then(total_of) {
            Some(total) => check_length(&remote, total)?,
            None => self.hides_range.set(true),
        }
        let expected = range.end - range.start;
        let bytes = body(response, &remote.url, MAX_WHOLE_BYTES)?;
        if bytes.len() as u64 != expected {
            // Compressed, where the page may not read the header that says so, or cut off.
            self.set_limit(&remote.url, HostLimit::CompressesRanges);
            return self.slice_of_whole(file, &remote, &range).await;
        }
        Ok(bytes)
    }

    /// Reads the whole file after a range of it failed: a part of a compressed file cannot be decoded.
    async fn after_failure(
        &self,
        file: &str,
        remote: &RemoteFile,
        range: &Range<u64>,
        reason: &str,
    ) -> Result<Vec<u8>, StorageError> {
        let failed = unreachable(&remote.url, reason);
        if remote.bytes.is_none_or(|bytes| bytes > MAX_WHOLE_BYTES) {
            return Err(failed);
        }
        let Ok(whole) = self.read_whole(file, MAX_WHOLE_BYTES).await else { return Err(failed) };
        self.set_limit(&remote.url, HostLimit::CompressesRanges);
        slice(&whole, range, &remote.url)
    }

    async fn slice_of_whole(
        &self,
        file: &str,
        remote: &RemoteFile,
        range: &Range<u64>,
    ) -> Result<Vec<u8>, StorageError> {
        let limit = self.limit_of(&remote.url).unwrap_or(HostLimit::NoRanges);
        if remote.bytes.is_some_and(|bytes| bytes > MAX_WHOLE_BYTES) {
            return Err(too_long(&remote.url, limit));
        }
        let whole = self.read_whole(file, MAX_WHOLE_BYTES).await?;
        slice(&whole, range, &remote.url)
    }
}

impl<F: Fetch> Storage for HttpStorage<F> {
    async fn read(&self, file: &str, range: Range<u64>) -> Result<Vec<u8>, StorageError> {
        self.read_range(file, range).await
    }
}

/// Returns the part of an address before the path.
fn origin_of(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    url[host..].find('/').map_or(url, |path| &url[..host + path])
}

/// Refuses responses that are not of a file.
fn checked(response: RangeResponse, url: &str) -> Result<RangeResponse, StorageError> {
    let unreadable = |reason: String| StorageError::Unreadable { file: url.to_owned(), reason };
    match response.status {
        200 | 206 => Ok(response),
        404 => Err(unreadable(
            "the host has no such file (404). Check the address; if it is right, upload the file".to_owned(),
        )),
        416 => Err(unreadable("the file ends before this part (416); upload it again".to_owned())),
        status => Err(unreadable(format!("the host's response has the status {status}"))),
    }
}

fn unreachable(url: &str, reason: &str) -> StorageError {
    let advice = "Check the address, the network, and that its host allows other pages (CORS)";
    StorageError::Unreadable { file: url.to_owned(), reason: format!("{reason}. {advice}") }
}

fn body(response: RangeResponse, url: &str, max_bytes: u64) -> Result<Vec<u8>, StorageError> {
    response.body.ok_or_else(|| StorageError::Unreadable {
        file: url.to_owned(),
        reason: format!("it has more than {max_bytes} bytes"),
    })
}

fn too_long(url: &str, limit: HostLimit) -> StorageError {
    let (what, why) = limit.message();
    StorageError::Ranges { file: url.to_owned(), reason: format!("{what} {why}") }
}

/// Compares a length with the manifest's.
fn check_length(remote: &RemoteFile, actual: u64) -> Result<(), StorageError> {
    match remote.bytes {
        Some(expected) if expected != actual => {
            Err(StorageError::TooShort { file: remote.url.clone(), expected, actual })
        }
        _ => Ok(()),
    }
}

fn slice(whole: &[u8], range: &Range<u64>, url: &str) -> Result<Vec<u8>, StorageError> {
    let index = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
    let too_short =
        || StorageError::TooShort { file: url.to_owned(), expected: range.end, actual: whole.len() as u64 };
    whole.get(index(range.start)..index(range.end)).map(<[u8]>::to_vec).ok_or_else(too_short)
}

/// Returns the length of the whole file by a `Content-Range` such as `bytes 0-9/100`.
fn total_of(content_range: &str) -> Option<u64> {
    content_range.rsplit_once('/')?.1.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::ops::Range;

    use super::{Fetch, HostLimit, HttpStorage, MAX_WHOLE_BYTES, RangeResponse, RemoteFile};
    use crate::dataset::catalog::{Storage as _, StorageError};

    /// A host of one file, with its behavior.
    #[derive(Default)]
    #[expect(clippy::struct_excessive_bools, reason = "each is one habit of hosts")]
    struct Host {
        bytes: Vec<u8>,
        ignores_ranges: bool,
        compresses: bool,
        /// Whether the client fails to decode the compressed part.
        cannot_decode: bool,
        hides_headers: bool,
        requests: RefCell<Vec<Option<Range<u64>>>>,
    }

    impl Fetch for &Host {
        async fn get(
            &self,
            _: &str,
            range: Option<Range<u64>>,
            max_bytes: u64,
        ) -> Result<RangeResponse, String> {
            self.requests.borrow_mut().push(range.clone());
            let Some(range) = range.filter(|_| !self.ignores_ranges) else {
                let fits = self.bytes.len() as u64 <= max_bytes;
                return Ok(RangeResponse {
                    status: 200,
                    body: fits.then(|| self.bytes.clone()),
                    ..RangeResponse::default()
                });
            };
            let body = self.bytes.get(range.start as usize..(range.end as usize).min(self.bytes.len()));
            let Some(body) = body else {
                return Ok(RangeResponse { status: 416, ..RangeResponse::default() });
            };
            if self.cannot_decode {
                return Err("Failed to fetch".to_owned());
            }
            let body = if self.compresses { body[..body.len() / 2].to_vec() } else { body.to_vec() };
            let content_range = format!("bytes {}-{}/{}", range.start, range.end - 1, self.bytes.len());
            Ok(RangeResponse {
                status: 206,
                content_range: (!self.hides_headers).then_some(content_range),
                content_encoding: (self.compresses && !self.hides_headers).then(|| "gzip".to_owned()),
                body: Some(body),
            })
        }
    }

    fn host(bytes: usize) -> Host {
        Host { bytes: (0..bytes).map(|at| at as u8).collect(), ..Host::default() }
    }

    fn storage(host: &Host, bytes: u64) -> HttpStorage<&Host> {
        let remote = RemoteFile { url: "https://host/file".to_owned(), bytes: Some(bytes) };
        HttpStorage::new(host, [("file".to_owned(), remote)].into())
    }

    fn read(storage: &HttpStorage<&Host>, range: Range<u64>) -> Result<Vec<u8>, StorageError> {
        pollster::block_on(storage.read("file", range))
    }

    #[test]
    fn each_kind_of_host_gives_the_right_bytes() {
        let kinds = [
            (Host { ..host(200_000) }, None),
            (Host { ignores_ranges: true, ..host(200_000) }, Some(HostLimit::NoRanges)),
            (Host { compresses: true, ..host(200_000) }, Some(HostLimit::CompressesRanges)),
            (
                Host { compresses: true, hides_headers: true, ..host(200_000) },
                Some(HostLimit::CompressesRanges),
            ),
            (Host { cannot_decode: true, ..host(200_000) }, Some(HostLimit::CompressesRanges)),
            (Host { hides_headers: true, ..host(200_000) }, Some(HostLimit::HidesRange)),
        ];
        for (host, limit) in kinds {
            let storage = storage(&host, 200_000);
            for range in [100_000..100_010, 5..7, 199_999..200_000] {
                let expected = &host.bytes[range.start as usize..range.end as usize];
                assert_eq!(read(&storage, range).as_deref(), Ok(expected), "{limit:?}");
            }
            assert_eq!(storage.limits().first(), limit.as_ref());
            let whole = matches!(limit, Some(HostLimit::NoRanges));
            assert!(!whole || host.requests.borrow().len() == 1, "the whole file is kept");
        }
    }

    #[test]
    fn small_files_are_read_whole_and_once() {
        let host = host(1000);
        let storage = storage(&host, 1000);
        assert_eq!(read(&storage, 3..5).unwrap(), [3, 4]);
        assert_eq!(read(&storage, 10..12).unwrap(), [10, 11]);
        assert_eq!(*host.requests.borrow(), [None]);
    }

    #[test]
    fn files_uploaded_in_part_are_named() {
        let host = host(150_000);
        let told = read(&storage(&host, 200_000), 0..10).unwrap_err();
        let file = "https://host/file".to_owned();
        assert_eq!(told, StorageError::TooShort { file, expected: 200_000, actual: 150_000 });
    }

    #[test]
    fn long_files_of_hosts_without_ranges_are_refused() {
        let host = Host { ignores_ranges: true, ..host(MAX_WHOLE_BYTES as usize + 1) };
        let told = read(&storage(&host, MAX_WHOLE_BYTES + 1), 0..10).unwrap_err();
        assert!(matches!(&told, StorageError::Ranges { reason, .. } if reason.contains("64 MiB")), "{told}");
    }
}
