//! The server's state, shared by its handlers.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::FromRef;
use axum::http::HeaderMap;

use super::body::{MemoryBudget, Received};
use super::error::ApiError;
use super::fetch::Fetcher;
use super::middleware::headers::{self, Policies};
use super::middleware::metrics::Metrics;
use super::middleware::rate::Rate;
use super::routes::files::Files;
use super::settings::Settings;
use super::store::{Capacity, Store};
use super::workers::{Workers, run_blocking};
use crate::cli::backend::Backend;
use crate::link::protocol::ModelInfo;
use crate::link::protocol::problem::Kind;

/// The server's state; cheap to clone.
#[derive(Clone)]
pub struct Server {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) backend: Option<Arc<dyn Backend>>,
    pub(super) store: Store,
    pub(super) settings: Settings,
    pub(super) files: Arc<Files>,
    pub(super) rate: Arc<Rate>,
    pub(super) metrics: Arc<Metrics>,
    /// The Content-Security-Policy of every response.
    pub(super) policies: Policies,
    fetcher: Option<Fetcher>,
    bodies: MemoryBudget,
    workers: Workers,
}

impl FromRef<Server> for Arc<Files> {
    fn from_ref(server: &Server) -> Self {
        Self::clone(&server.inner.files)
    }
}

impl Server {
    /// Creates a server of these settings; without a backend the endpoint responds 503.
    pub fn new(backend: Option<Arc<dyn Backend>>, settings: Settings) -> std::io::Result<Self> {
        let limits = settings.limits;
        let capacity = Capacity { memory: limits.store_bytes, folder: limits.folder_bytes };
        let inner = Inner {
            backend,
            store: Store::open(settings.store.clone(), &capacity)?,
            files: Arc::new(Files::new(settings.root.clone(), settings.data.clone())),
            rate: Arc::new(Rate::new(limits.requests_per_second)),
            metrics: Arc::new(Metrics::new()),
            policies: headers::policies(&settings.connect, !settings.allow_origins.is_empty())
                .map_err(std::io::Error::other)?,
            fetcher: (!settings.url_hosts.is_empty())
                .then(|| Fetcher::new(&settings.url_hosts, limits.image_bytes)),
            bodies: MemoryBudget::new(limits.body_bytes),
            workers: Workers::new(&limits),
            settings,
        };
        Ok(Self { inner: Arc::new(inner) })
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
        let inner = Arc::clone(&self.inner);
        self.inner.workers.run(move || work(&inner)).await
    }

    /// Describes in one line what is served at `address`.
    pub(super) fn describe(&self, address: &str) -> String {
        let Settings { root, data, .. } = &self.inner.settings;
        let page = root.iter().map(|folder| format!("the page in {}", folder.display()));
        let data = data.iter().map(|folder| format!("{} at {address}?data=data/", folder.display()));
        let index = self.inner.backend.as_ref().map_or("no index".to_owned(), |backend| {
            let ModelInfo { entities, exemplars, prototypes, .. } = backend.info();
            format!("an index of {entities} entities by {exemplars} masks and {prototypes} classes")
        });
        let served: Vec<_> = page.chain(data).chain([index]).collect();
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
    /// Returns the backend, or the problem that the server has no index.
    pub(super) fn backend(&self) -> Result<&dyn Backend, ApiError> {
        let detail = "This server has no index. Start it with --index DIR.";
        self.backend.as_deref().ok_or_else(|| ApiError::new(Kind::Unavailable, detail))
    }
}
