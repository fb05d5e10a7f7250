//! The page's files: ranges, precompressed variants, conditional requests, and the headers that
//! keep the page safe.

use std::path::Path;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use axum::middleware::Next;
use axum::response::Response;
use tower::ServiceExt as _;
use tower_http::services::ServeDir;

use crate::cli::serve::state::Server;

/// The files of a folder that is served below `prefix`. `file.br` and `file.gz` beside a file are
/// sent in its place where the client takes them.
pub(crate) fn folder(path: &Path, prefix: &str) -> ServeDir {
    ServeDir::new(path).precompressed_br().precompressed_gzip().redirect_path_prefix(prefix)
}

/// Whether a client that says which version of a file it has a part of (`If-Range`, RFC 9110
/// section 13.1.5) means the one in the folder. A client that does not say so takes a part of any.
pub(crate) async fn is_same_version(folder: &ServeDir, uri: &Uri, headers: &HeaderMap) -> bool {
    let Some(version) = headers.get(header::IF_RANGE) else { return true };
    let mut about = Request::new(Body::empty());
    (*about.method_mut(), *about.uri_mut()) = (Method::HEAD, uri.clone());
    let Ok(about) = folder.clone().oneshot(about).await;
    // The service's entity tags are strong ones; a weak one of the client's is thus equal to none.
    [header::ETAG, header::LAST_MODIFIED].iter().any(|name| about.headers().get(name) == Some(version))
}

/// Adds the headers of every answer, and makes ranges count the bytes of the file itself.
pub(crate) async fn headers(State(server): State<Server>, mut request: Request, next: Next) -> Response {
    let is_one = |range: &HeaderValue| {
        range.to_str().is_ok_and(|range| range.starts_with("bytes=") && !range.contains(','))
    };
    // Another unit is to be ignored and several ranges may be (RFC 9110 section 14.2); the service
    // below refuses both.
    if !request.headers().get(header::RANGE).is_some_and(is_one) {
        request.headers_mut().remove(header::RANGE);
    }
    if request.headers().contains_key(header::RANGE) {
        // A range of a compressed variant helps no reader of Parquet footers; browsers ask for the
        // plain file too.
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

/// The policy that the page itself states too, one directive a line.
const PAGE_POLICY: &str = include_str!("../../../../www/csp.txt");
/// The end of the page's `connect-src`: any origin, because endpoint and dataset are settings.
const ANY_ORIGIN: &str = " https: http:";

/// Returns the Content-Security-Policy (CSP Level 3) of every response: the page's own, with
/// connections only to this server and the origins in `connect` unless that is empty, and with
/// `frame-ancestors`, which a page cannot state itself.
pub(crate) fn policy(connect: &[String]) -> Result<HeaderValue, header::InvalidHeaderValue> {
    let origins: String = connect.iter().flat_map(|origin| [" ", origin]).collect();
    let mut policy = String::new();
    for directive in PAGE_POLICY.lines() {
        match directive.strip_suffix(ANY_ORIGIN) {
            Some(own) if own.starts_with("connect-src") && !connect.is_empty() => {
                policy.extend([own, &origins]);
            }
            _ => policy.push_str(directive),
        }
        policy.push_str("; ");
    }
    HeaderValue::try_from(policy + "frame-ancestors 'self'")
}
