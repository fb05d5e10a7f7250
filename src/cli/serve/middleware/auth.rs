//! The optional bearer token (RFC 6750), compared in constant time.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};

use crate::cli::serve::error::Failure;
use crate::cli::serve::state::Server;
use crate::link::protocol::problem::Kind;

/// Lets a request through that bears the token, where the server has one.
pub(crate) async fn check(State(server): State<Server>, request: Request, next: Next) -> Response {
    match &server.inner.settings.token {
        Some(token) if !bears(request.headers(), token) => {
            Failure::new(Kind::Unauthorized, "send Authorization: Bearer with the server's token")
                .into_response()
        }
        _ => next.run(request).await,
    }
}

fn bears(headers: &HeaderMap, token: &str) -> bool {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return false };
    let Some((scheme, given)) = value.as_bytes().split_at_checked("Bearer ".len()) else { return false };
    scheme.eq_ignore_ascii_case(b"Bearer ") && equal(given, token.as_bytes())
}

/// Whether two secrets are equal. Hashes are compared, so that time tells nothing of where the
/// secrets differ.
fn equal(given: &[u8], expected: &[u8]) -> bool {
    let (given, expected) = (Sha256::digest(given), Sha256::digest(expected));
    given.iter().zip(expected.iter()).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_passes() {
        for (value, passes) in [
            ("Bearer secret", true),
            ("bearer secret", true),
            ("Bearer secret2", false),
            ("Bearer secre", false),
            ("Bearer ", false),
            ("Basic secret", false),
            ("secret", false),
        ] {
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())]);
            assert_eq!(bears(&headers, "secret"), passes, "{value}");
        }
        assert!(!bears(&HeaderMap::new(), "secret"));
    }
}
