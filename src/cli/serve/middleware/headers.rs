//! The headers of every response that keep the page safe, and the ranges that requests may ask for.

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::cli::serve::routes::files::DATA;

/// The headers of every response that depend on the settings.
#[derive(Clone, Debug)]
pub(crate) struct Policies {
    /// The value of Content-Security-Policy.
    pub(crate) content: HeaderValue,
    /// The value of Cross-Origin-Resource-Policy: other sites show and measure files of this server only
    /// where the settings allow other origins.
    pub(crate) resource: HeaderValue,
}

/// Adds the headers of every response, and makes ranges count the bytes of the uncompressed file.
pub(crate) async fn add(State(policies): State<Policies>, mut request: Request, next: Next) -> Response {
    let is_single = |range: &HeaderValue| {
        range.to_str().is_ok_and(|range| range.starts_with("bytes=") && !range.contains(','))
    };
    // A server must ignore other units and may ignore several ranges (RFC 9110 section 14.2);
    // `ServeDir` refuses both.
    if !request.headers().get(header::RANGE).is_some_and(is_single) {
        request.headers_mut().remove(header::RANGE);
    }
    if request.headers().contains_key(header::RANGE) {
        // A range of a compressed variant helps no reader of Parquet footers; browsers, too, ask for the
        // plain file.
        request.headers_mut().remove(header::ACCEPT_ENCODING);
    }
    let is_data = request.uri().path().starts_with(DATA);
    let is_health = request.uri().path() == HEALTH;
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in FIXED {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let content = if is_data { HeaderValue::from_static(DATA_POLICY) } else { policies.content };
    headers.insert(header::CONTENT_SECURITY_POLICY, content);
    let resource = if is_health { HeaderValue::from_static("cross-origin") } else { policies.resource };
    headers.insert(RESOURCE_POLICY, resource);
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
    response
}

/// Path that other origins may always load: a page that may not link here can tell that the server runs.
const HEALTH: &str = "/healthz";
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const FIXED: [(HeaderName, &str); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "strict-origin-when-cross-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
];

/// The policy of files that are not the page's own: an HTML or SVG file among them must not run as a part of
/// the page.
const DATA_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'self'";
/// The policy that the page itself states too, one directive a line.
const PAGE_POLICY: &str = include_str!("../../../../www/csp.txt");
/// The end of the page's `connect-src`: any origin, because endpoint and dataset are settings.
const ANY_ORIGIN: &str = " https: http:";

/// Returns the policies of a server: connections of its page, and whether other origins may use it.
pub(crate) fn policies(
    connect: &[String],
    allows_others: bool,
) -> Result<Policies, header::InvalidHeaderValue> {
    let resource = HeaderValue::from_static(if allows_others { "cross-origin" } else { "same-origin" });
    Ok(Policies { content: policy(connect)?, resource })
}

/// Returns the Content-Security-Policy (CSP Level 3) of every response: the page's own, with
/// connections only to this server and the origins in `connect` unless that is empty, and with
/// `frame-ancestors`, which a page cannot state itself.
fn policy(connect: &[String]) -> Result<HeaderValue, header::InvalidHeaderValue> {
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
