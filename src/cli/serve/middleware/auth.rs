//! Checks the optional bearer token (RFC 6750) in constant time.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::cli::serve::error::ApiError;
use crate::link::protocol::problem::Kind;

/// Refuses a request without the server's token, where it has one.
pub(crate) async fn check(token: State<Option<Arc<str>>>, request: Request, next: Next) -> Response {
    match &*token {
        Some(token) if !has_token(request.headers(), token) => {
            let detail = "Send the server's token as Authorization: Bearer TOKEN.";
            ApiError::new(Kind::Unauthorized, detail).into_response()
        }
        _ => next.run(request).await,
    }
}

fn has_token(headers: &HeaderMap, token: &str) -> bool {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return false };
    let Some((scheme, sent)) = value.as_bytes().split_at_checked("Bearer ".len()) else { return false };
    // Hashes are compared, so that the time does not depend on the token's length either.
    scheme.eq_ignore_ascii_case(b"Bearer ") && Sha256::digest(sent).ct_eq(&Sha256::digest(token)).into()
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
            assert_eq!(has_token(&headers, "secret"), passes, "{value}");
        }
        assert!(!has_token(&HeaderMap::new(), "secret"));
    }
}
