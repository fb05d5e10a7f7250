//! The page's files: ranges, precompressed variants, conditional requests, and the headers that keep the page safe.

use std::path::Path;

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use tower_http::services::ServeDir;

use super::server::Server;

/// The files of a folder that is served below `prefix`. `file.br` and `file.gz` beside a file are sent in its place where the client takes them.
pub(super) fn folder(path: &Path, prefix: &str) -> ServeDir {
    ServeDir::new(path).precompressed_br().precompressed_gzip().redirect_path_prefix(prefix)
}

/// Adds the headers of every answer, and makes ranges count the bytes of the file itself.
pub(super) async fn headers(State(server): State<Server>, mut request: Request, next: Next) -> Response {
    if request.headers().contains_key(header::RANGE) {
        // A range of a compressed variant helps no reader of Parquet footers; browsers ask for the plain file too.
        request.headers_mut().remove(header::ACCEPT_ENCODING);
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in FIXED {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, server.inner.policy.clone());
    // Names do not change with content: ask each time, and be answered 304 by the entity tag.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
    response
}

const FIXED: [(HeaderName, &str); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "strict-origin-when-cross-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
];

/// The Content-Security-Policy (CSP Level 3): the page's own files and WebAssembly, pictures from anywhere,
/// connections to this server and the origins in `connect`, or to any where it is empty, because the endpoint and the
/// data set are settings of the page; nothing inline, nothing evaluated.
pub(super) fn policy(connect: &[String]) -> Result<HeaderValue, header::InvalidHeaderValue> {
    let connect: String = match connect {
        [] => " https: http:".to_owned(),
        origins => origins.iter().flat_map(|origin| [" ", origin]).collect(),
    };
    HeaderValue::try_from(format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; style-src 'self'; \
         img-src 'self' blob: data: https: http:; connect-src 'self' blob: data:{connect}; font-src 'self'; \
         manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    ))
}
