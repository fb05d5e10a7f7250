//! Refuses requests for names that are not this server's (DNS rebinding).
//!
//! A page whose own name an attacker resolves to 127.0.0.1 has the same origin as the server for the
//! browser, but `Host` still says the page's name. Own code, because no kept library has this rule.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::cli::serve::connection_limit::HEALTH;
use crate::cli::serve::error::ApiError;
use crate::link::protocol::problem::Kind;

/// Parses a name of this server: a host name in ASCII, or an address. Returns it without a port, and without
/// the brackets of an IPv6 address.
pub(crate) fn name(text: &str) -> Result<String, String> {
    let name = bare(without_port(text));
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if name.parse::<IpAddr>().is_err() && (name.is_empty() || !name.bytes().all(is_of_name)) {
        return Err("give a host name as requests state it, such as masks.example.org, or an address; \
                    no scheme, path or *"
            .to_owned());
    }
    Ok(name.to_owned())
}

/// Refuses a request whose `Host` is neither a loopback name nor in the list, where there is one. Health
/// checks pass by any name: they mostly ask by the address, and their responses tell no secret.
///
/// HTTP/1.1 requires one `Host`, and no second one that another reader could take (RFC 9112 section 3.2).
pub(crate) async fn check(names: State<Option<Arc<[String]>>>, request: Request, next: Next) -> Response {
    let hosts = request.headers().get_all(header::HOST).into_iter().count();
    if hosts > 1 || hosts == 0 && request.version() == Version::HTTP_11 && request.uri().host().is_none() {
        let detail = format!("The request has {hosts} Host fields; HTTP/1.1 requires one.");
        return ApiError::new(Kind::BadRequest, detail).into_response();
    }
    let Some(names) = &*names else { return next.run(request).await };
    if HEALTH.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    let host = request.headers().get(header::HOST).map(|host| host.to_str().unwrap_or_default());
    let host = host.or_else(|| request.uri().host());
    match host {
        Some(host) if !is_allowed(host, names) => {
            let detail =
                format!("'{host}' is not a name of this server. Start it with --allow-host NAME to add one.");
            ApiError::new(Kind::WrongHost, detail).into_response()
        }
        _ => next.run(request).await,
    }
}

/// Returns whether a `Host` (RFC 9110 section 7.2) is a loopback address, `localhost` or one of `names`,
/// with any port.
fn is_allowed(host: &str, names: &[String]) -> bool {
    let name = bare(without_port(host));
    name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        || name.eq_ignore_ascii_case("localhost")
        || names.iter().any(|other| other.eq_ignore_ascii_case(name))
}

/// Returns a name without the brackets of an IPv6 address.
fn bare(name: &str) -> &str {
    name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name)
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !is_bare_ipv6(host) => name,
        _ => host,
    }
}

/// Returns whether the colons are those of an IPv6 address without brackets.
fn is_bare_ipv6(host: &str) -> bool {
    host.parse::<std::net::Ipv6Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_requests_state() {
        for (text, expected) in [
            ("masks.example.org", "masks.example.org"),
            ("masks.example.org:443", "masks.example.org"),
            ("192.0.2.7:8080", "192.0.2.7"),
            ("[2001:db8::1]:80", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
        ] {
            assert_eq!(name(text).as_deref(), Ok(expected));
        }
        for text in [
            "https://masks.example.org",
            "*.example.org",
            "masks.example.org/",
            "a b",
            "",
            ":80",
            "ma\u{df}ke.de",
        ] {
            assert!(name(text).is_err(), "{text}");
        }
        let names = [name("[2001:db8::1]:80").unwrap()];
        assert!(is_allowed("[2001:db8::1]:8080", &names) && !is_allowed("[2001:db8::2]", &names));
    }

    #[test]
    fn loopback_and_listed_names_are_allowed() {
        let names = ["Masks.Example".to_owned()];
        for host in [
            "localhost",
            "LOCALHOST:8080",
            "127.0.0.1",
            "127.0.0.1:80",
            "127.9.9.9:1",
            "[::1]:8080",
            "[::1]",
            "::1",
        ] {
            assert!(is_allowed(host, &[]), "{host}");
        }
        for host in ["masks.example", "masks.example:8080"] {
            assert!(is_allowed(host, &names) && !is_allowed(host, &[]), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1:8080",
            "[::2]:1",
            "",
            ":80",
            "x:y",
            "0.0.0.0",
        ] {
            assert!(!is_allowed(host, &names), "{host}");
        }
    }
}
