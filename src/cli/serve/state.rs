//! What the handlers share: the linker, the stored images, the limits, the measurements.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, header};
use http_body_util::BodyExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::Failure;
use super::fetch::Fetcher;
use super::middleware::metrics::Watch;
use super::middleware::rate::Rate;
use super::routes::files;
use super::store::folder::Folder;
use super::store::memory::Store;
use crate::cli::linker::{Linker, millis};
use crate::link::protocol::client::Patience;
use crate::link::protocol::problem::Kind;

/// The server's state; cheap to clone.
#[derive(Clone)]
pub struct Server {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) linker: Option<Linker>,
    pub(super) store: Store,
    pub(super) settings: Settings,
    pub(super) rate: Rate,
    pub(super) watch: Watch,
    /// The Content-Security-Policy of every answer.
    pub(super) policy: HeaderValue,
    fetcher: Option<Fetcher>,
    /// Permits for bodies in memory, one for each [`ROOM_UNIT`].
    receiving: Arc<Semaphore>,
    /// Permits for requests that compute or wait to.
    admitted: Arc<Semaphore>,
    /// Permits for requests that compute.
    working: Arc<Semaphore>,
}

/// What is served, to whom.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Folder of the page.
    pub root: Option<PathBuf>,
    /// Folder served below `/data/`.
    pub data: Option<PathBuf>,
    /// Folder that keeps put images.
    pub store: Option<PathBuf>,
    /// Bearer token the endpoint asks for.
    pub token: Option<String>,
    /// Origins whose pages may use the endpoint; `*` for any.
    pub allow_origins: Vec<HeaderValue>,
    /// Origins the page may connect to besides this server; any, where none is given.
    pub connect: Vec<String>,
    /// Names besides the loopback's that the server answers to; to any, where there is no list.
    pub hosts: Option<Vec<String>>,
    /// Hosts from which images named by an address are fetched; from none, where there is no list.
    pub url_hosts: Vec<String>,
    /// What is taken at most.
    pub limits: Limits,
}

/// What is taken at most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Bytes of an encoded image.
    pub image_bytes: usize,
    /// Bytes of a link request, an image in base64 left out.
    pub request_bytes: usize,
    /// Pixels of an image.
    pub pixels: u64,
    /// Requests that compute at a time.
    pub workers: usize,
    /// Requests that wait to compute, beyond which the answer is 503.
    pub waiting: usize,
    /// Requests a second of one client, on average; 0 for no limit.
    pub requests_per_second: f64,
    /// Bytes of bodies in memory, beyond which the answer is 503.
    pub body_bytes: usize,
    /// How long a request may take.
    pub time: Duration,
    /// How long putting an image may take.
    pub put_time: Duration,
    /// How long a request may wait to compute, beyond which the answer is 503.
    pub queue_time: Duration,
    /// Connections at a time; others wait to be accepted.
    pub connections: usize,
    /// How long a client may take nothing of its answer.
    pub stall_time: Duration,
    /// Bytes of memory for images and their features.
    pub store_bytes: usize,
    /// Bytes of the folder that keeps put images.
    pub folder_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        let Patience { link_ms, put_ms, .. } = Patience::default();
        Self {
            image_bytes: 20 << 20,
            request_bytes: 4 << 20,
            pixels: 50_000_000,
            workers: std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
            waiting: 64,
            body_bytes: 512 << 20,
            requests_per_second: 20.0,
            time: Duration::from_secs(30),
            put_time: Duration::from_millis(put_ms.into()),
            // A client that has left hears no 503 and so does not come again: one that waits is
            // told long before.
            queue_time: Duration::from_millis((link_ms / 3).into()),
            // Each may hold its socket and a file, and a process mostly gets 1,024 descriptors.
            connections: 400,
            stall_time: Duration::from_mins(1),
            store_bytes: 512 << 20,
            folder_bytes: 10 << 30,
        }
    }
}

/// Bytes of a body for which one permit is taken.
const ROOM_UNIT: usize = 1 << 10;

/// A body, and the room it takes.
pub(super) struct Received {
    pub(super) bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

impl Server {
    /// A server of these settings; without a linker the endpoint answers 503.
    pub fn new(linker: Option<Linker>, settings: Settings) -> std::io::Result<Self> {
        let limits = settings.limits;
        let folder =
            settings.store.clone().map(|path| Folder::open(path, limits.folder_bytes)).transpose()?;
        let inner = Inner {
            linker,
            store: Store::new(limits.store_bytes, folder),
            rate: Rate::new(limits.requests_per_second),
            watch: Watch::new(),
            policy: files::policy(&settings.connect).map_err(std::io::Error::other)?,
            fetcher: (!settings.url_hosts.is_empty())
                .then(|| Fetcher::new(&settings.url_hosts, limits.image_bytes)),
            receiving: Arc::new(Semaphore::new(limits.body_bytes / ROOM_UNIT)),
            admitted: Arc::new(Semaphore::new(limits.workers + limits.waiting)),
            working: Arc::new(Semaphore::new(limits.workers)),
            settings,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Reads a body of at most `limit` bytes, and holds room for what has come of it in memory
    /// until it is dropped.
    pub(super) async fn receive(
        &self,
        headers: &HeaderMap,
        body: Body,
        limit: usize,
    ) -> Result<Received, Failure> {
        let too_large = || Failure::new(Kind::TooLarge, format!("the body has more than {limit} bytes"));
        let stated =
            headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        let most = stated
            .map_or(Ok(limit), usize::try_from)
            .ok()
            .filter(|&most| most <= limit)
            .ok_or_else(too_large)?;
        let (mut body, mut bytes, mut room) = (body, Vec::new(), self.room(0)?);
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Failure::new(Kind::BadRequest, "the body broke off"))?;
            let Ok(chunk) = frame.into_data() else { continue };
            if chunk.len() > most - bytes.len() {
                return Err(too_large());
            }
            // Room is taken for what has come: who only says how much is to come takes it from nobody.
            let needed = (bytes.len() + chunk.len()).div_ceil(ROOM_UNIT) - room.num_permits();
            room.merge(self.room(needed * ROOM_UNIT)?);
            bytes.extend_from_slice(&chunk);
        }
        Ok(Received { bytes: bytes.into(), _room: room })
    }

    /// Fetches the image at an address, and holds room for it in memory until it is dropped.
    pub(super) async fn fetch(&self, address: String) -> Result<Received, Failure> {
        let forbidden = || Failure::new(Kind::UrlForbidden, "this server does not fetch images; put them");
        if self.inner.fetcher.is_none() {
            return Err(forbidden());
        }
        let room = self.room(self.inner.settings.limits.image_bytes)?;
        let inner = Arc::clone(&self.inner);
        let task = tokio::task::spawn_blocking(move || {
            let bytes = inner.fetcher.as_ref().ok_or_else(forbidden)?.get(&address)?;
            Ok(Received { bytes: bytes.into(), _room: room })
        });
        task.await.unwrap_or_else(|error| {
            tracing::error!(%error, "fetching an image panicked");
            Err(Failure::new(Kind::Internal, ""))
        })
    }

    /// Room in memory for a body.
    fn room(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Failure> {
        let full = || Failure::retry_after(Kind::Unavailable, "too many bodies are on their way", 1);
        let permits = u32::try_from(bytes.div_ceil(ROOM_UNIT)).map_err(|_| full())?;
        self.inner.receiving.clone().try_acquire_many_owned(permits).map_err(|_| full())
    }

    /// Keeps the measurements small for as long as the server lives.
    pub(super) async fn upkeep(self) {
        let mut tick = tokio::time::interval(Duration::from_secs(5));
        loop {
            tick.tick().await;
            self.inner.watch.upkeep();
        }
    }

    /// Runs `work` on a thread that may block, once a worker is free; also answers the milliseconds
    /// waited for one.
    ///
    /// The permits go with the work and not with the request: work goes on when the client has left.
    pub(super) async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, Failure> + Send + 'static,
    ) -> Result<(T, f64), Failure> {
        let busy = |_| Failure::retry_after(Kind::Unavailable, "all workers are busy", 1);
        let admitted = self.inner.admitted.clone().try_acquire_owned().map_err(busy)?;
        let started = Instant::now();
        let overdue = |_| Failure::retry_after(Kind::Unavailable, "all workers are busy", 1);
        let closed = |_| Failure::new(Kind::Unavailable, "the server is stopping");
        let patience = self.inner.settings.limits.queue_time;
        let free = tokio::time::timeout(patience, self.inner.working.clone().acquire_owned());
        let working = free.await.map_err(overdue)?.map_err(closed)?;
        let waited = millis(started, Instant::now());
        let inner = Arc::clone(&self.inner);
        let task = tokio::task::spawn_blocking(move || {
            let done = work(&inner);
            drop((working, admitted));
            done
        });
        match task.await {
            Ok(done) => Ok((done?, waited)),
            Err(error) => {
                tracing::error!(%error, "a worker panicked");
                Err(Failure::new(Kind::Internal, ""))
            }
        }
    }
}

impl Inner {
    /// The linker, or the answer that there is none.
    pub(super) fn linker(&self) -> Result<&Linker, Failure> {
        let missing = || Failure::new(Kind::Unavailable, "this server was started without an index");
        self.linker.as_ref().ok_or_else(missing)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use axum::body::HttpBody;
    use hyper::body::Frame;

    use super::*;

    #[test]
    fn the_server_says_that_it_is_busy_before_clients_leave() {
        let (limits, client) = (Limits::default(), Patience::default());
        // Twice, because an image that is fetched waits once more.
        assert!(limits.queue_time * 2 < Duration::from_millis(client.link_ms.into()));
        assert!(limits.put_time >= Duration::from_millis(client.put_ms.into()));
    }

    /// A body of which nothing comes.
    struct Silent;

    impl HttpBody for Silent {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Pending
        }
    }

    #[tokio::test]
    async fn room_is_taken_for_what_has_come_of_a_body_alone() {
        let limits = Limits { body_bytes: 64 << 10, ..Limits::default() };
        let server = Server::new(None, Settings { limits, ..Settings::default() }).unwrap();
        let length = |bytes: usize| HeaderMap::from_iter([(header::CONTENT_LENGTH, bytes.into())]);
        let receive =
            async |bytes: usize, limit| server.receive(&length(bytes), vec![7; bytes].into(), limit).await;
        let (promised, none) = (length(64 << 10), HeaderMap::new());
        let mut silent = std::pin::pin!(server.receive(&promised, Body::new(Silent), 64 << 10));
        let mut unstated = std::pin::pin!(server.receive(&none, Body::new(Silent), 64 << 10));
        // Each begins to wait.
        assert!(tokio::time::timeout(Duration::ZERO, &mut silent).await.is_err());
        assert!(tokio::time::timeout(Duration::ZERO, &mut unstated).await.is_err());
        let first = receive(40 << 10, 64 << 10).await.unwrap();
        assert_eq!(first.bytes, vec![7; 40 << 10]);
        assert_eq!(receive(24 << 10 | 1, 64 << 10).await.map(drop).unwrap_err().kind(), Kind::Unavailable);
        let second = receive(24 << 10, 64 << 10).await.unwrap();
        drop((first, second));
        assert!(receive(64 << 10, 64 << 10).await.is_ok(), "the room is free again");
        assert_eq!(receive(11, 10).await.map(drop).unwrap_err().kind(), Kind::TooLarge);
        let unstated = server.receive(&none, vec![7; 11].into(), 10).await;
        assert_eq!(unstated.map(drop).unwrap_err().kind(), Kind::TooLarge);
    }

    #[tokio::test]
    async fn who_waits_too_long_to_compute_is_told_to_come_again() {
        let limits = Limits { workers: 1, queue_time: Duration::from_millis(20), ..Limits::default() };
        let server = Server::new(None, Settings { limits, ..Settings::default() }).unwrap();
        let (release, held) = std::sync::mpsc::channel::<()>();
        let busy = server.clone();
        let first = tokio::spawn(async move { busy.compute(move |_| Ok(held.recv().is_err())).await });
        while server.inner.working.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let second = tokio::time::timeout(Duration::from_secs(10), server.compute(|_| Ok(()))).await;
        assert_eq!(second.expect("it goes on waiting").unwrap_err().kind(), Kind::Unavailable);
        drop(release);
        assert!(first.await.unwrap().unwrap().0);
    }
}
