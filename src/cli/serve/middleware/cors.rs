//! Lets the pages of listed origins use the endpoint (CORS).
//!
//! Origins are parsed here and not by `url`, which would accept paths, user names and international
//! names that no browser sends.

use std::net::Ipv6Addr;
use std::time::Duration;

use axum::http::{HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, Any, CorsLayer};

/// An argument that is not an origin.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    /// No browser would send it: correct the argument.
    #[error("not an origin: use scheme://host[:port], * or null")]
    Form,
}

/// Parses an origin and writes it as browsers do (RFC 6454 section 6.2): in lower case, without a final
/// slash and without the scheme's default port.
pub(crate) fn origin(text: &str) -> Result<HeaderValue, Error> {
    let lower = text.to_ascii_lowercase();
    let written =
        if ["*", "null"].contains(&&*lower) { lower } else { written(&lower).ok_or(Error::Form)? };
    HeaderValue::try_from(written).map_err(|_| Error::Form)
}

/// Parses an origin that is neither `*` nor `null`.
pub(crate) fn one_origin(text: &str) -> Result<String, Error> {
    written(&text.to_ascii_lowercase()).ok_or(Error::Form)
}

fn written(lower: &str) -> Option<String> {
    let (scheme, rest) = lower.split_once("://")?;
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    // The colons of an IPv6 address stand in brackets.
    let (host, port) = match authority.rsplit_once(':').filter(|(_, port)| !port.contains(']')) {
        Some((host, port)) => (host, Some(port.parse::<u16>().ok()?)),
        None => (authority, None),
    };
    let holds = |text: &str, others: &[u8]| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || others.contains(&byte))
    };
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_host = bare.map_or_else(|| holds(host, b"-._"), |address| address.parse::<Ipv6Addr>().is_ok());
    let port = match (scheme, port) {
        (_, None) | ("http", Some(80)) | ("https", Some(443)) => String::new(),
        (_, Some(port)) => format!(":{port}"),
    };
    (holds(scheme, b"+-.") && is_host).then(|| format!("{scheme}://{host}{port}"))
}

/// Returns the CORS layer for these origins; `*` allows every page. Without origins only the server's own
/// page is allowed.
pub(crate) fn layer(origins: &[HeaderValue]) -> CorsLayer {
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
        // A public page of a listed origin may use a server in the visitor's own network.
        .allow_private_network(!origins.is_empty())
        .max_age(Duration::from_hours(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_written_as_browsers_write_them() {
        for text in ["*", "null", "https://a; script-src *"] {
            assert_eq!(one_origin(text), Err(Error::Form), "{text:?}");
        }
        for (text, written) in [
            ("*", "*"),
            ("null", "null"),
            ("https://their.site", "https://their.site"),
            ("https://Their.Site/", "https://their.site"),
            ("HTTPS://their.site:443/", "https://their.site"),
            ("http://their.site:80", "http://their.site"),
            ("http://their.site:443", "http://their.site:443"),
            ("http://localhost:08080", "http://localhost:8080"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("http://[::1]", "http://[::1]"),
            ("moz-extension://0a1b-2c", "moz-extension://0a1b-2c"),
        ] {
            assert_eq!(origin(text).unwrap(), written, "{text}");
        }
        for text in [
            "",
            "their.site",
            "https://",
            "https:///",
            "://their.site",
            "https://their.site/page",
            "https://their.site//",
            "https://their.site?x",
            "https://their.site#x",
            "https://me@their.site",
            "https://*.their.site",
            "https://their.site:",
            "https://their.site:99999",
            "https://[::1",
            "https://[their.site]",
            "https://their.site, https://other.site",
            "https://their.site\r\nx: y",
            "https://ümlaut.site",
        ] {
            assert_eq!(origin(text), Err(Error::Form), "{text:?}");
            assert_eq!(one_origin(text), Err(Error::Form), "{text:?}");
        }
    }
}
