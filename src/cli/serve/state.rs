//! The server's state, shared by its handlers.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::FromRef;
use axum::http::HeaderMap;
use tokio::sync::OwnedSemaphorePermit;

use super::body::{MemoryBudget, Received};
use super::cache::ByteCache;
use super::error::ApiError;
use super::fetch::Fetcher;
use super::middleware::headers::{self, Policies};
use super::middleware::metrics::Metrics;
use super::middleware::rate::Rate;
use super::routes::files::Files;
use super::settings::Settings;
use super::store::{Capacity, Store};
use super::workers::{Workers, run_blocking};
use crate::cli::backend::{Backend, Backends};
use crate::cli::embedder::Embedder;
use crate::link::protocol::ModelInfo;
use crate::link::protocol::problem::Kind;

/// Name of a back end that searches an index in this process.
pub(super) const LOCAL: &str = "local";

/// The server's state; cheap to clone.
#[derive(Clone)]
pub struct Server {
    pub(super) inner: Arc<Inner>,
}

/// Loads the back ends: at the start, and each time the server is asked to reload.
pub type Loader = Box<dyn Fn() -> anyhow::Result<Backends> + Send + Sync>;

/// The back ends in use, and the images whose features they have computed. A reload replaces both, so that no
/// request sees features of another encoder.
#[derive(Clone)]
pub(super) struct Generation {
    pub(super) backends: Backends,
    pub(super) store: Arc<Store>,
    /// The server has back ends to load.
    is_loading: bool,
}

pub(super) struct Inner {
    current: RwLock<Generation>,
    loader: Option<Loader>,
    /// Held by the reload that is under way.
    reloading: tokio::sync::Mutex<()>,
    pub(super) settings: Settings,
    pub(super) files: Arc<Files>,
    pub(super) rate: Arc<Rate>,
    pub(super) metrics: Arc<Metrics>,
    /// The Content-Security-Policy of every response.
    pub(super) policies: Policies,
    fetcher: Option<Fetcher>,
    bodies: MemoryBudget,
    decoding: MemoryBudget,
    /// Outputs of the click model's encoder, by the SHA-256 of the image and the region of it.
    pub(super) embeddings: ByteCache<(String, [u32; 4]), Bytes>,
    workers: Workers,
    /// Permits of requests that wait for other servers: slow ones keep nobody from computing here.
    remote: Workers,
}

impl FromRef<Server> for Arc<Files> {
    fn from_ref(server: &Server) -> Self {
        Self::clone(&server.inner.files)
    }
}

impl Server {
    /// Creates a server of these settings; without a back end the endpoint responds 503.
    pub fn new(backend: Option<Arc<dyn Backend>>, settings: Settings) -> std::io::Result<Self> {
        let one = |backend| Backends::default().with(LOCAL, backend);
        Self::create(backend.map(one).unwrap_or_default(), None, settings)
    }

    /// Creates a server of these back ends.
    pub fn with_backends(backends: Backends, settings: Settings) -> std::io::Result<Self> {
        Self::create(backends, None, settings)
    }

    /// Creates a server whose back ends come from `loader`. The endpoint responds 503 until the first
    /// [`reload`](Self::reload).
    pub fn with_loader(loader: Loader, settings: Settings) -> std::io::Result<Self> {
        Self::create(Backends::default(), Some(loader), settings)
    }

    fn create(backends: Backends, loader: Option<Loader>, settings: Settings) -> std::io::Result<Self> {
        let limits = settings.limits;
        // A server that encodes for clicks keeps the embeddings in a quarter of the budget for images.
        let embedding_bytes = if settings.embedder.is_some() { limits.store_bytes / 4 } else { 0 };
        let memory = limits.store_bytes - embedding_bytes;
        let capacity = Capacity { memory, folder: limits.folder_bytes };
        let store = Store::open(settings.store.clone(), &capacity).map_err(|error| {
            let path = settings.store.as_deref().unwrap_or_else(|| Path::new("")).display();
            std::io::Error::new(error.kind(), format!("the store {path} cannot be used: {error}"))
        })?;
        let store = Arc::new(store);
        let inner = Inner {
            current: RwLock::new(Generation { backends, store, is_loading: loader.is_some() }),
            loader,
            reloading: tokio::sync::Mutex::default(),
            files: Arc::new(Files::new(&settings)),
            rate: Arc::new(Rate::new(limits.requests_per_second)),
            metrics: Arc::new(Metrics::new(settings.provider)),
            policies: headers::policies(&settings.connect, !settings.allow_origins.is_empty())
                .map_err(std::io::Error::other)?,
            fetcher: (!settings.url_hosts.is_empty())
                .then(|| Fetcher::new(&settings.url_hosts, limits.image_bytes)),
            bodies: MemoryBudget::new(limits.body_bytes, &limits),
            decoding: MemoryBudget::new(limits.decode_bytes, &limits),
            embeddings: ByteCache::new(embedding_bytes, Bytes::len),
            workers: Workers::new(&limits),
            remote: Workers::new(&limits),
            settings,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Loads the back ends anew and uses them from then on. Requests under way end with those before, which
    /// stay in use where loading fails. Returns the first one's description.
    pub async fn reload(&self) -> Result<ModelInfo, ReloadError> {
        let _alone = self.inner.reloading.try_lock().map_err(|_| ReloadError::Busy)?;
        let inner = Arc::clone(&self.inner);
        let span = tracing::Span::current();
        let load = move || span.in_scope(|| inner.loader.as_ref().map(|load| load()));
        let loaded = tokio::task::spawn_blocking(load).await;
        let backends = match loaded {
            Ok(Some(backends)) => backends.map_err(ReloadError::Load)?,
            Ok(None) => return Err(ReloadError::Nothing),
            Err(panicked) => return Err(ReloadError::Load(panicked.into())),
        };
        let first = backends.get(None).map(|backend| backend.properties().model.clone());
        let info = first.ok_or(ReloadError::Nothing)?;
        let mut current = self.inner.current.write().unwrap_or_else(PoisonError::into_inner);
        // Feature maps stay right where the encoders are the same, with all that their manifests state.
        let is_same = current.backends.encoders().eq(backends.encoders());
        let store = if is_same { Arc::clone(&current.store) } else { Arc::new(current.store.emptied()) };
        let before = std::mem::replace(&mut *current, Generation { backends, store, is_loading: false });
        drop(current);
        // An index of millions of entities takes a while to free.
        tokio::task::spawn_blocking(move || drop(before));
        Ok(info)
    }

    /// Does the same as [`reload`](Self::reload), and logs the outcome.
    pub(super) async fn reload_and_log(&self) -> Result<ModelInfo, ReloadError> {
        let reloaded = self.reload().await;
        match &reloaded {
            Ok(info) => {
                tracing::info!(entities = info.entities, index = info.index_sha256, "loaded the index");
            }
            Err(error @ ReloadError::Load(_)) => {
                tracing::error!(%error, "the index was not loaded; the one before is still in use");
            }
            Err(error) => tracing::warn!(%error, "nothing was loaded"),
        }
        reloaded
    }

    /// Reads a body of at most `limit` bytes.
    pub(super) async fn receive(
        &self,
        headers: &HeaderMap,
        body: Body,
        limit: usize,
    ) -> Result<Received, ApiError> {
        self.inner.bodies.receive(headers, body, limit).await
    }

    /// Fetches the image at a URL.
    pub(super) async fn fetch(&self, url: String) -> Result<Received, ApiError> {
        let turned_off = || {
            let detail = "Image URLs are turned off. Upload the image with PUT /v1/images/{sha256}.";
            ApiError::new(Kind::UrlForbidden, detail)
        };
        if self.inner.fetcher.is_none() {
            return Err(turned_off());
        }
        let reserved = self.inner.bodies.reserve(self.inner.settings.limits.image_bytes)?;
        let inner = Arc::clone(&self.inner);
        run_blocking(move || {
            let bytes = inner.fetcher.as_ref().ok_or_else(turned_off)?.get(&url)?;
            Ok(Received::new(bytes, reserved))
        })
        .await
    }

    /// Runs `work` once a worker is free, and returns its result and the milliseconds waited.
    pub(super) async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<(T, f64), ApiError> {
        self.link(false, work).await
    }

    /// The same as [`compute`](Self::compute), by the workers of requests that wait for other servers where
    /// `is_remote`.
    pub(super) async fn link<T: Send + 'static>(
        &self,
        is_remote: bool,
        work: impl FnOnce(&Inner) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<(T, f64), ApiError> {
        let inner = Arc::clone(&self.inner);
        let workers = if is_remote { &self.inner.remote } else { &self.inner.workers };
        workers.run(move || work(&inner)).await
    }

    /// Returns the numbers of requests that compute or ask other servers, and of those that wait to.
    pub(super) fn load(&self) -> (usize, usize) {
        let [here, remote] = [&self.inner.workers, &self.inner.remote].map(Workers::load);
        (here.0 + remote.0, here.1 + remote.1)
    }

    /// Describes in one line what is served at `address`.
    pub(super) fn describe(&self, address: &str) -> String {
        let Settings { root, data, .. } = &self.inner.settings;
        let page = root.iter().map(|folder| format!("the page in {}", folder.display()));
        let data = data.iter().map(|folder| format!("{} at {address}?data=data/", folder.display()));
        let current = self.inner.current();
        let index = current.backends.get(None).map_or("no index".to_owned(), |backend| {
            let ModelInfo { encoder, entities, exemplars, prototypes, .. } = backend.properties().model;
            if exemplars + prototypes == 0 {
                return format!("{encoder} and {entities} titles");
            }
            format!("an index of {entities} entities by {exemplars} masks and {prototypes} classes")
        });
        let names: Vec<_> = current.backends.iter().map(|(name, _)| name).collect();
        let several = (names.len() > 1).then(|| format!("the back ends {}", names.join(" and ")));
        let served: Vec<_> = page.chain(data).chain([index]).chain(several).collect();
        format!("{address} serves {}", served.join(", "))
    }

    /// Keeps the measurements small for as long as the server lives.
    pub(super) async fn upkeep(self) {
        let mut tick = tokio::time::interval(Duration::from_secs(5));
        loop {
            tick.tick().await;
            self.inner.metrics.run_upkeep();
        }
    }
}

impl Inner {
    /// Returns the back end in use with its images. One request takes it once.
    pub(super) fn current(&self) -> Generation {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Inner {
    /// Returns the click model's encoder, or the problem that the server has none.
    pub(super) fn embedder(&self) -> Result<&Embedder, ApiError> {
        let detail = "This server encodes no images for clicks. Start it with --click-model, or let the \
                      device encode them.";
        self.settings.embedder.as_deref().ok_or_else(|| ApiError::new(Kind::NotFound, detail))
    }

    /// Reserves the memory of decoding an image.
    pub(super) fn reserve_decoding(&self, bytes: u64) -> Result<OwnedSemaphorePermit, ApiError> {
        let max_bytes = self.settings.limits.decode_bytes;
        match usize::try_from(bytes) {
            Ok(bytes) if bytes <= max_bytes => self.decoding.reserve(bytes),
            _ => {
                let (needed, allowed) = (bytes.div_ceil(1 << 20), max_bytes >> 20);
                let detail = format!(
                    "Decoding the image needs {needed} MiB; this server allows {allowed}, 3/8 of its \
                     --memory."
                );
                Err(ApiError::new(Kind::TooLarge, detail))
            }
        }
    }
}

impl Generation {
    /// Returns the back end of a name, or the first one without a name; else the problem that there is none.
    pub(super) fn backend(&self, name: Option<&str>) -> Result<&dyn Backend, ApiError> {
        self.backends.get(name).ok_or_else(|| {
            let names: Vec<_> = self.backends.iter().map(|(name, _)| name).collect();
            if let (Some(name), false) = (name, names.is_empty()) {
                let detail = format!("There is no back end {name} here; there is {}.", names.join(", "));
                return ApiError::new(Kind::BadValue, detail);
            }
            if self.is_loading {
                return ApiError::retry_after(Kind::Unavailable, "The index is being loaded.", 5);
            }
            ApiError::new(Kind::Unavailable, "This server has no index. Start it with --index DIR.")
        })
    }

    /// Returns whether the endpoint links masks, now or once its index is loaded.
    pub(super) fn links(&self) -> bool {
        self.backends.get(None).is_some() || self.is_loading
    }
}

/// Says why the back end was not loaded anew; the one before stays in use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReloadError {
    /// Another reload is under way: wait for it.
    #[error("the index is being loaded already")]
    Busy,
    /// The server was started without an index.
    #[error("this server has no index to load: start it with --index DIR")]
    Nothing,
    /// The index cannot be loaded.
    #[error("{0:#}")]
    Load(anyhow::Error),
}
