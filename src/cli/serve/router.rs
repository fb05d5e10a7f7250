//! The routes, and the layers that each request passes on its way to them.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get, post, put};
use axum::{Json, Router};
use tower_http::catch_panic::CatchPanicLayer;

use super::client;
use super::error::ApiError;
use super::middleware::{auth, cors, headers, host, metrics, rate, request_id};
use super::routes::{admin, embed, files, health, images, info, link, openapi};
use super::settings::Limits;
use super::state::Server;
use crate::link::protocol::problem::Kind;

/// Returns the whole server as a service: every route and layer, no socket.
pub fn app(server: Server) -> Router {
    let inner = Arc::clone(&server.inner);
    let token: Option<Arc<str>> = inner.settings.token.as_deref().map(Into::into);
    let proxies: Arc<[_]> = inner.settings.trusted_proxies.as_slice().into();
    let hosts: Option<Arc<[String]>> = inner.settings.hosts.as_deref().map(Into::into);
    // An index may take longer to load than a request may.
    let admin = Router::new()
        .route("/v1/admin/reload", post(admin::reload))
        .route_layer(from_fn_with_state(token.clone(), auth::check))
        .route_layer(from_fn_with_state(Arc::clone(&inner.rate), rate::check));
    // From the inside out: token, rate, time limit. CORS is outside, so that a page can read every refusal.
    let endpoint = Router::new()
        .route("/v1/images/{sha256}", put(images::upload_image))
        .route("/v1/link", post(link::link))
        .route("/v1/embed", post(embed::embed))
        .route("/v1/info", get(info::info))
        .route_layer(from_fn_with_state(token.clone(), auth::check))
        .route_layer(from_fn_with_state(Arc::clone(&inner.rate), rate::check))
        .route_layer(from_fn_with_state(inner.settings.limits, limit_time))
        .merge(admin)
        .route("/v1/openapi.json", get(openapi::get_document))
        .route("/v1/{*rest}", any(not_found))
        .method_not_allowed_fallback(method_not_allowed)
        .layer(CatchPanicLayer::custom(internal_error))
        .layer(cors::layer(&inner.settings.allow_origins));
    let measurements = Router::new()
        .route("/metrics", get(health::metrics))
        .route_layer(from_fn_with_state(token, auth::check))
        .route_layer(from_fn_with_state(Arc::clone(&inner.rate), rate::check));
    Router::new()
        .merge(endpoint)
        .merge(measurements)
        .route("/endpoint.json", get(get_endpoint))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .fallback(files::get_file)
        .layer(from_fn_with_state(hosts, host::check))
        // Innermost, so that the response to a panic, too, gets every header, is counted and logged.
        .layer(CatchPanicLayer::custom(internal_error))
        .layer(from_fn_with_state(inner.policies.clone(), headers::add))
        .layer(from_fn_with_state(Arc::clone(&inner.metrics), metrics::record))
        .layer(from_fn_with_state(proxies, client::identify))
        .layer(from_fn(request_id::assign))
        .with_state(server)
}

/// Returns the endpoint that the page uses: this server, where it has an index. Beside a page on another
/// host lies a file of this name, which its host may edit.
async fn get_endpoint(State(server): State<Server>) -> Json<serde_json::Value> {
    let endpoint = server.inner.current().links().then_some("./");
    Json(serde_json::json!({ "endpoint": endpoint }))
}

async fn limit_time(State(limits): State<Limits>, request: Request, next: Next) -> Response {
    let limit = if request.method() == Method::PUT { limits.upload_time } else { limits.request_time };
    tokio::time::timeout(limit, next.run(request)).await.unwrap_or_else(|_| {
        let detail = format!("The request took more than {} s.", limit.as_secs());
        ApiError::new(Kind::Timeout, detail).into_response()
    })
}

async fn not_found() -> ApiError {
    ApiError::new(Kind::NotFound, "")
}

async fn method_not_allowed() -> ApiError {
    ApiError::new(Kind::MethodNotAllowed, "")
}

fn internal_error(_: Box<dyn std::any::Any + Send>) -> Response {
    tracing::error!("a handler panicked");
    ApiError::new(Kind::Internal, "").into_response()
}
