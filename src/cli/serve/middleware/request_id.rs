//! Gives each request an id, which its lines of the log and its response bear.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;
use uuid::Uuid;

/// The field of the id, in requests and in responses.
const FIELD: HeaderName = HeaderName::from_static("x-request-id");
/// Maximum length of an id that a client or a proxy has given.
const MAX_LENGTH: usize = 128;

/// Runs a request in a span of its id: the given one, where it is fit for a log, else a new one.
pub(crate) async fn assign(request: Request, next: Next) -> Response {
    let given = request.headers().get(FIELD).and_then(|id| id.to_str().ok()).filter(|id| is_fit(id));
    let id = given.map_or_else(|| Uuid::new_v4().to_string(), str::to_owned);
    let span = tracing::info_span!("request", id);
    let mut response = next.run(request).instrument(span).await;
    if let Ok(id) = HeaderValue::try_from(id) {
        response.headers_mut().insert(FIELD, id);
    }
    response
}

fn is_fit(id: &str) -> bool {
    (1..=MAX_LENGTH).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_short_ids_of_plain_letters_are_taken() {
        for id in ["a", "4bf92f35-77b3", "proxy:1/2.3_4+5=="] {
            assert!(is_fit(id), "{id}");
        }
        for id in ["", "a b", "a\"b", "line\nbreak", "é", &"a".repeat(129)] {
            assert!(!is_fit(id), "{id}");
        }
    }
}
