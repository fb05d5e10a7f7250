//! Which names the server answers to. A page whose own name an attacker lets resolve to 127.0.0.1
//! (DNS rebinding) is of the same origin as the server in the browser's eyes; it betrays itself by
//! its name in `Host`.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::cli::serve::error::Failure;
use crate::cli::serve::state::Server;
use crate::link::protocol::problem::Kind;

/// Lets a request through that calls the server by one of its names, where it has a list of them.
pub(crate) async fn check(State(server): State<Server>, request: Request, next: Next) -> Response {
    let Some(names) = &server.inner.settings.hosts else { return next.run(request).await };
    // Browsers always send one; without it the request comes from a program, which needs no trick to connect.
    let host = request.headers().get(header::HOST).map(|host| host.to_str().unwrap_or_default());
    let host = host.or_else(|| request.uri().host());
    match host {
        Some(host) if !answers_to(host, names) => {
            let detail = format!("'{host}' is none of this server's names; --allow-host adds one");
            Failure::new(Kind::WrongHost, detail).into_response()
        }
        _ => next.run(request).await,
    }
}

/// Whether a `Host` (RFC 9110 section 7.2) is a loopback address, `localhost`, or one of `names`,
/// on whatever port.
fn answers_to(host: &str, names: &[String]) -> bool {
    let name = without_port(host);
    let address = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        || name.eq_ignore_ascii_case("localhost")
        || names.iter().any(|other| other.eq_ignore_ascii_case(name))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !is_bare_ipv6(host) => name,
        _ => host,
    }
}

/// Whether the colons are those of an IPv6 address without brackets.
fn is_bare_ipv6(host: &str) -> bool {
    host.parse::<std::net::Ipv6Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
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
            assert!(answers_to(host, &[]), "{host}");
        }
        for host in ["masks.example", "masks.example:8080"] {
            assert!(answers_to(host, &names) && !answers_to(host, &[]), "{host}");
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
            assert!(!answers_to(host, &names), "{host}");
        }
    }
}
