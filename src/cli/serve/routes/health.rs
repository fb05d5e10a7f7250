//! `/healthz`, `/readyz` and `/metrics`: for those who operate the server.

use axum::extract::State;
use axum::http::{HeaderName, header};

use crate::cli::serve::error::ApiError;
use crate::cli::serve::state::Server;
use crate::link::protocol::problem::{MEDIA_TYPE, Problem};

#[utoipa::path(
    get,
    path = "/healthz",
    summary = "Responds while the process runs",
    responses((status = 200, description = "The process runs", body = String))
)]
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

#[utoipa::path(
    get,
    path = "/readyz",
    summary = "Tells whether the endpoint can link",
    responses(
        (status = 200, description = "The endpoint can link", body = String),
        (status = 503, description = "The server has no index, or is loading it",
            body = Problem, content_type = MEDIA_TYPE),
    )
)]
pub(crate) async fn readyz(State(server): State<Server>) -> Result<&'static str, ApiError> {
    server.inner.current().backend(None).map(|_| "ok\n")
}

#[utoipa::path(
    get,
    path = "/metrics",
    summary = "Returns counters and times for Prometheus",
    responses(
        (status = 200, description = "Prometheus text format", body = String),
        (status = 401, description = "unauthorized", body = Problem, content_type = MEDIA_TYPE),
        (status = 429, description = "rate-limited", body = Problem, content_type = MEDIA_TYPE),
    ),
    security((), ("token" = []))
)]
pub(crate) async fn metrics(State(server): State<Server>) -> ([(HeaderName, &'static str); 1], String) {
    let usage = server.inner.current().store.usage();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], server.inner.metrics.render(usage, server.load()))
}
