//! Responses of a linking endpoint as a client reads them, and the errors of a conversation with it.

use super::problem::{Kind, Problem};
use super::wire::{LinkResponse, MAX_ENTITIES};
use crate::model::{HostError, Response};

/// Errors of linking a mask by an endpoint.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// The endpoint refused the request with a problem of the protocol.
    #[error("{}{}", kind.title(), detail.as_ref().map_or_else(String::new, |detail| format!(": {detail}")))]
    Problem {
        /// Kind of the problem.
        kind: Kind,
        /// Explanation by the endpoint, for this request.
        detail: Option<String>,
    },
    /// The endpoint did not respond in time; try again later.
    #[error("The endpoint {host} did not respond within {millis} ms.")]
    Timeout {
        /// Host of the endpoint.
        host: String,
        /// The time limit.
        millis: u32,
    },
    /// There was no response: no network, no such host, refused by CORS, or a response that is too long.
    #[error("The endpoint {host} could not be reached ({reason}).")]
    Unreachable {
        /// Host of the endpoint.
        host: String,
        /// Fault reported by the system.
        reason: String,
    },
    /// The response breaks the protocol; the endpoint is at fault.
    #[error("The endpoint's response does not follow the linking protocol: {reason}.")]
    BadAnswer {
        /// The violation.
        reason: String,
    },
    /// The server, or a proxy before it, failed.
    #[error("The server failed (HTTP {status}).")]
    ServerFailed {
        /// Status of the response, 500 or more.
        status: u16,
    },
    /// The address belongs to something else; check it.
    #[error("The address returned HTTP {status}; it is not a linking endpoint.")]
    NotAnEndpoint {
        /// Status of the response.
        status: u16,
    },
    /// The host cancelled the work, or could not read the image that was to be uploaded.
    #[error(transparent)]
    Host(HostError),
}

impl EndpointError {
    /// Returns the code of the error, which programs may rely on: a problem's own, or one of
    /// `timeout`, `unreachable`, `bad-answer`, `server-failed`, `not-an-endpoint`, or a [`HostError`]'s.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Problem { kind, .. } => kind.code(),
            Self::Timeout { .. } => "timeout",
            Self::Unreachable { .. } => "unreachable",
            Self::BadAnswer { .. } => "bad-answer",
            Self::ServerFailed { .. } => "server-failed",
            Self::NotAnEndpoint { .. } => "not-an-endpoint",
            Self::Host(error) => error.code(),
        }
    }
}

/// Reads the response to a link request, and checks what the types leave open.
pub fn read_response(response: &Response) -> Result<LinkResponse, EndpointError> {
    if response.status != 200 {
        return Err(refusal(response));
    }
    let bad = |reason| EndpointError::BadAnswer { reason };
    let mut response: LinkResponse =
        serde_json::from_slice(&response.body).map_err(|error| bad(error.to_string()))?;
    let LinkResponse { entities, in_index, .. } = &mut response;
    if entities.len() > MAX_ENTITIES as usize {
        return Err(bad(format!("{} entities, at most {MAX_ENTITIES} are allowed", entities.len())));
    }
    let is_probability = |value: f32| (0.0..=1.0).contains(&value);
    if let Some(entity) = entities.iter().find(|entity| !is_probability(entity.score)) {
        return Err(bad(format!("the score of {} is {}, not 0 to 1", entity.qid, entity.score)));
    }
    if let Some(in_index) = in_index.filter(|in_index| !is_probability(in_index.probability)) {
        return Err(bad(format!("the probability in_index is {}, not 0 to 1", in_index.probability)));
    }
    entities.sort_by(|a, b| b.score.total_cmp(&a.score));
    Ok(response)
}

/// Returns the error that a response other than success states.
pub(super) fn refusal(Response { status, body, .. }: &Response) -> EndpointError {
    let status = *status;
    let problem: Option<Problem> = serde_json::from_slice(body).ok();
    match problem.and_then(|problem| Some((problem.kind()?, problem.detail))) {
        Some((kind, detail)) => EndpointError::Problem { kind, detail },
        None if status >= 500 => EndpointError::ServerFailed { status },
        None => EndpointError::NotAnEndpoint { status },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::link::protocol::{ModelInfo, Timing};

    fn response(status: u16, body: impl Into<Vec<u8>>) -> Response {
        Response { status, retry_after: None, body: body.into() }
    }

    fn problem(kind: Kind) -> Response {
        response(kind.status(), serde_json::to_vec(&kind.problem("why")).unwrap())
    }

    fn entities(scores: &[f32]) -> Response {
        let entity = |score| json!({"qid": "Q1", "title": "t", "score": score});
        let entities: Vec<_> = scores.iter().map(entity).collect();
        let (model, timing) = (ModelInfo::default(), Timing::default());
        response(200, json!({"entities": entities, "model": model, "timing_ms": timing}).to_string())
    }

    #[test]
    fn wrong_responses_have_their_codes() {
        let mut doubtful: serde_json::Value = serde_json::from_slice(&entities(&[0.5]).body).unwrap();
        doubtful["in_index"] = json!({"known": true, "probability": 2});
        for (response, code) in [
            (response(200, "<html>"), "bad-answer"),
            (entities(&[1.5]), "bad-answer"),
            (entities(&[0.5; 101]), "bad-answer"),
            (response(200, doubtful.to_string()), "bad-answer"),
            (response(404, "<html>not found</html>"), "not-an-endpoint"),
            (response(500, "<html>oops</html>"), "server-failed"),
            (response(405, r#"{"type":"about:blank","title":"x","status":405}"#), "not-an-endpoint"),
            (problem(Kind::Unauthorized), "unauthorized"),
            (problem(Kind::BadMask), "bad-mask"),
        ] {
            assert_eq!(read_response(&response).unwrap_err().code(), code, "{response:?}");
        }
    }
}
