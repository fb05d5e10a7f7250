//! Which pages of other origins may use the endpoint.

use std::time::Duration;

use axum::http::{HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, Any, CorsLayer};

/// The CORS answers for these origins; `*` lets any page in. Without origins only the server's own page gets through.
pub(super) fn layer(origins: &[HeaderValue]) -> CorsLayer {
    let allowed = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::from(Any)
    } else {
        AllowOrigin::list(origins.iter().cloned())
    };
    CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::PUT, Method::POST])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE])
        .expose_headers([header::RETRY_AFTER])
        // A public page may ask a server in the visitor's own network, if it is one of the origins.
        .allow_private_network(!origins.is_empty())
        .max_age(Duration::from_hours(1))
}
