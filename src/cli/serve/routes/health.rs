//! `/healthz`, `/readyz` and `/metrics`: for whoever watches the server.

use axum::extract::State;
use axum::http::{HeaderName, header};

use crate::cli::serve::error::Failure;
use crate::cli::serve::state::Server;

/// The process answers.
#[utoipa::path(get, path = "/healthz", responses((status = 200, description = "The process answers", body = String)))]
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// The endpoint can link.
#[utoipa::path(get, path = "/readyz", responses(
    (status = 200, description = "The endpoint can link", body = String),
    (status = 503, description = "There is no index", body = crate::link::protocol::problem::Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn readyz(State(server): State<Server>) -> Result<&'static str, Failure> {
    server.inner.linker().map(|_| "ok\n")
}

/// Counters and times in Prometheus' text format.
#[utoipa::path(get, path = "/metrics", responses((status = 200, description = "Prometheus text format", body = String)))]
pub(crate) async fn metrics(State(server): State<Server>) -> ([(HeaderName, &'static str); 1], String) {
    let (images, bytes) = server.inner.store.usage();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], server.inner.watch.render(images, bytes))
}
