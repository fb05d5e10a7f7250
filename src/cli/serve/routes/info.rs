//! `GET /v1/info`: lists the back ends that a request may name.

use axum::Json;
use axum::extract::State;

use crate::cli::serve::error::ApiError;
use crate::cli::serve::state::Server;
use crate::link::protocol::problem::{MEDIA_TYPE, Problem};
use crate::link::protocol::{BackendInfo, ServerInfo};

#[utoipa::path(
    get,
    path = "/v1/info",
    summary = "Lists the back ends that link masks",
    responses(
        (status = 200, description = "The back ends; the first is the default",
            body = ServerInfo),
        (status = 401, description = "unauthorized", body = Problem, content_type = MEDIA_TYPE),
        (status = 429, description = "rate-limited", body = Problem, content_type = MEDIA_TYPE),
        (status = 503, description = "unavailable: the server has no index, or is loading it",
            body = Problem, content_type = MEDIA_TYPE),
    ),
    security((), ("token" = []))
)]
pub(crate) async fn info(State(server): State<Server>) -> Result<Json<ServerInfo>, ApiError> {
    let current = server.inner.current();
    current.backend(None)?;
    let backends = current.backends.iter().map(|(name, backend)| {
        let (name, model) = (name.to_owned(), backend.properties().model.clone());
        BackendInfo { name, model }
    });
    Ok(Json(ServerInfo { backends: backends.collect() }))
}
