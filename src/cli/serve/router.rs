//! The routes, and what each request passes on its way to them.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{Method, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post, put};
use axum::{Router, body::Body};
use tower::ServiceExt as _;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::services::ServeDir;

use super::error::Failure;
use super::middleware::{auth, cors, host, metrics, rate};
use super::routes::{files, health, images, link, openapi};
use super::state::{Limits, Server};
use crate::link::protocol::problem::Kind;

/// The whole server as a service: every route and layer, no socket.
pub fn app(server: Server) -> Router {
    let with = |server: &Server| server.clone();
    // From the inside out: the token, how often, how long. CORS stands outside, so that a page can
    // read every refusal.
    let endpoint = Router::new()
        .route("/v1/images/{sha256}", put(images::put_image))
        .route("/v1/link", post(link::post_link))
        .route_layer(middleware::from_fn_with_state(with(&server), auth::check))
        .route_layer(middleware::from_fn_with_state(with(&server), rate::check))
        .route_layer(middleware::from_fn_with_state(with(&server), time_limit))
        .route("/v1/openapi.json", get(openapi::get))
        .route("/v1/{*rest}", axum::routing::any(nothing_here))
        .method_not_allowed_fallback(wrong_method)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(cors::layer(&server.inner.settings.allow_origins));
    Router::new()
        .merge(endpoint)
        .route("/endpoint.json", get(own_endpoint))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics))
        .fallback(static_files)
        .layer(middleware::from_fn_with_state(with(&server), host::check))
        // Innermost, so that a panic too is answered with every header, counted and logged.
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(with(&server), files::headers))
        .layer(middleware::from_fn_with_state(with(&server), metrics::requests))
        .with_state(server)
}

/// Tells the page which endpoint to ask: this very server, where it has an index. Beside a page on
/// another host lies a file of this name, which its host may edit.
async fn own_endpoint(State(server): State<Server>) -> Json<serde_json::Value> {
    let endpoint = server.inner.linker.as_ref().map(|_| "./");
    Json(serde_json::json!({ "endpoint": endpoint }))
}

/// A file of the page or, below `/data/`, of the data folder.
async fn static_files(State(server): State<Server>, request: Request) -> Response {
    let path = request.uri().path();
    let (folder, prefix, mut request) =
        match (path.strip_prefix("/data/"), &server.inner.settings.data, &server.inner.settings.root) {
            (Some(rest), Some(data), _) => match inside(&request, rest) {
                Some(uri) => {
                    let mut request = request;
                    *request.uri_mut() = uri;
                    (data, "/data", request)
                }
                None => return nothing_here().await.into_response(),
            },
            (_, _, Some(root)) => (root, "", request),
            _ => return nothing_here().await.into_response(),
        };
    let folder = files::folder(folder, prefix);
    if !files::is_same_version(&folder, request.uri(), request.headers()).await {
        request.headers_mut().remove(header::RANGE);
    }
    let service: ServeDir<_> = folder.fallback(tower::service_fn(|_: axum::http::Request<Body>| async {
        Ok::<_, std::convert::Infallible>(nothing_here().await.into_response())
    }));
    match service.oneshot(request).await {
        Ok(response) => response.map(Body::new),
        Err(never) => match never {},
    }
}

/// The address of the same request inside a folder that is served below a prefix.
fn inside(request: &Request, rest: &str) -> Option<axum::http::Uri> {
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    format!("/{rest}{query}").parse().ok()
}

async fn time_limit(State(server): State<Server>, request: Request, next: Next) -> Response {
    let Limits { time, put_time, .. } = server.inner.settings.limits;
    let limit = if request.method() == Method::PUT { put_time } else { time };
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Failure::new(Kind::Timeout, format!("more than {} s", limit.as_secs())).into_response(),
    }
}

async fn nothing_here() -> Failure {
    Failure::new(Kind::NotFound, "")
}

async fn wrong_method() -> Failure {
    Failure::new(Kind::MethodNotAllowed, "")
}

fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    tracing::error!("a handler panicked");
    Failure::new(Kind::Internal, "").into_response()
}
