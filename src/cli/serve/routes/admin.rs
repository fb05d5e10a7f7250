//! `POST /v1/admin/reload`: for the operator of the server, who has its token.

use axum::Json;
use axum::extract::State;
use tracing::Instrument as _;

use crate::cli::serve::error::ApiError;
use crate::cli::serve::state::{ReloadError, Server};
use crate::link::protocol::ModelInfo;
use crate::link::protocol::problem::{Kind, MEDIA_TYPE, Problem};

#[utoipa::path(
    post,
    path = "/v1/admin/reload",
    summary = "Loads the index anew from its folder",
    description = "Requests under way end with the index before, which stays in use where the new one cannot \
                   be loaded. Does the same as SIGHUP. A server without a token refuses it.",
    responses(
        (status = 200, description = "The new index is in use", body = ModelInfo),
        (status = 401, description = "unauthorized", body = Problem, content_type = MEDIA_TYPE),
        (status = 429, description = "rate-limited", body = Problem, content_type = MEDIA_TYPE),
        (status = 500, description = "internal: the index cannot be loaded; the one before stays in use",
            body = Problem, content_type = MEDIA_TYPE),
        (status = 503, description = "unavailable: the server has no index, or is loading it",
            body = Problem, content_type = MEDIA_TYPE),
    ),
    security(("token" = []))
)]
pub(crate) async fn reload(State(server): State<Server>) -> Result<Json<ModelInfo>, ApiError> {
    if server.inner.settings.token.is_none() {
        let detail = "This server has no token: start it with --token, or send the process SIGHUP.";
        return Err(ApiError::new(Kind::Unauthorized, detail));
    }
    // It goes on where the client leaves: a load that was given up would still take its memory.
    let reload = async move { server.reload_and_log().await };
    let reloaded = tokio::spawn(reload.in_current_span());
    let reloaded = reloaded.await.unwrap_or_else(|panicked| Err(ReloadError::Load(panicked.into())));
    reloaded.map(Json).map_err(|error| match error {
        ReloadError::Busy | ReloadError::Nothing => ApiError::new(Kind::Unavailable, error.to_string()),
        ReloadError::Load(_) => {
            ApiError::new(Kind::Internal, format!("The index before is still in use: {error}."))
        }
    })
}
