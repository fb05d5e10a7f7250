//! What the handlers share: the linker, the stored pictures, the limits, the measurements.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::HeaderValue;
use tokio::sync::Semaphore;

use super::failure::Failure;
use super::fetch::Fetcher;
use super::files;
use super::rate::Rate;
use super::store::Store;
use super::watch::Watch;
use crate::cli::linker::{Linker, millis};
use crate::link::problem::Kind;

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
    /// Permits for pictures being fetched.
    fetching: Arc<Semaphore>,
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
    /// Folder that keeps put pictures.
    pub store: Option<PathBuf>,
    /// Bearer token the endpoint asks for.
    pub token: Option<String>,
    /// Origins whose pages may use the endpoint; `*` for any.
    pub allow_origins: Vec<HeaderValue>,
    /// Origins the page may connect to besides this server; any, where none is given.
    pub connect: Vec<String>,
    /// Names besides the loopback's that the server answers to; to any, where there is no list.
    pub hosts: Option<Vec<String>>,
    /// Hosts from which pictures named by an address are fetched; from none, where there is no list.
    pub url_hosts: Vec<String>,
    /// What is taken at most.
    pub limits: Limits,
}

/// What is taken at most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Bytes of an encoded picture.
    pub image_bytes: usize,
    /// Bytes of a link request, a picture in base64 left out.
    pub request_bytes: usize,
    /// Pixels of a picture.
    pub pixels: u64,
    /// Requests that compute at a time.
    pub workers: usize,
    /// Requests that wait to compute, beyond which the answer is 503.
    pub waiting: usize,
    /// Pictures fetched at a time, beyond which the answer is 503.
    pub fetches: usize,
    /// Requests a second of one client, on average; 0 for no limit.
    pub requests_per_second: f64,
    /// How long a request may take.
    pub time: Duration,
    /// Bytes of memory for pictures and their features.
    pub store_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            image_bytes: 20 << 20,
            request_bytes: 4 << 20,
            pixels: 50_000_000,
            workers: std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
            waiting: 64,
            fetches: 16,
            requests_per_second: 20.0,
            time: Duration::from_secs(30),
            store_bytes: 512 << 20,
        }
    }
}

impl Server {
    /// A server of these settings; without a linker the endpoint answers 503.
    pub fn new(linker: Option<Linker>, settings: Settings) -> std::io::Result<Self> {
        let limits = settings.limits;
        let inner = Inner {
            linker,
            store: Store::new(limits.store_bytes, settings.store.clone())?,
            rate: Rate::new(limits.requests_per_second),
            watch: Watch::new(),
            policy: files::policy(&settings.connect).map_err(std::io::Error::other)?,
            fetcher: (!settings.url_hosts.is_empty()).then(|| Fetcher::new(&settings.url_hosts, limits.image_bytes)),
            fetching: Arc::new(Semaphore::new(limits.fetches)),
            admitted: Arc::new(Semaphore::new(limits.workers + limits.waiting)),
            working: Arc::new(Semaphore::new(limits.workers)),
            settings,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Runs `work` on a thread that may block, once a worker is free; also answers the milliseconds waited for one.
    ///
    /// The permits go with the work and not with the request: work goes on when the client has left.
    pub(super) async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, Failure> + Send + 'static,
    ) -> Result<(T, f64), Failure> {
        let busy = |_| Failure::retry_after(Kind::Unavailable, "all workers are busy", 1);
        let admitted = self.inner.admitted.clone().try_acquire_owned().map_err(busy)?;
        let started = Instant::now();
        let closed = |_| Failure::new(Kind::Unavailable, "the server is stopping");
        let working = self.inner.working.clone().acquire_owned().await.map_err(closed)?;
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

impl Server {
    /// The bytes of a picture named by its address.
    pub(super) async fn fetch(&self, address: String) -> Result<Vec<u8>, Failure> {
        if self.inner.fetcher.is_none() {
            return Err(Failure::new(Kind::UrlForbidden, "this server does not fetch pictures; put them"));
        }
        let busy = |_| Failure::retry_after(Kind::Unavailable, "too many pictures are being fetched", 1);
        let fetching = self.inner.fetching.clone().try_acquire_owned().map_err(busy)?;
        let inner = Arc::clone(&self.inner);
        let task = tokio::task::spawn_blocking(move || {
            let fetched = inner.fetcher.as_ref().map(|fetcher| fetcher.get(&address)).transpose();
            drop(fetching);
            fetched
        });
        match task.await {
            Ok(fetched) => Ok(fetched?.unwrap_or_default()),
            Err(error) => {
                tracing::error!(%error, "fetching a picture panicked");
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
