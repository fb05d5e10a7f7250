//! The client's side of the protocol: one conversation with a linking endpoint over a [`Host`].

use std::borrow::Cow;

use super::problem::{Kind, Problem};
use super::wire::{
    DEFAULT_ENTITIES, IMAGES_PATH, ImageRef, LINK_PATH, LinkRequest, LinkResponse, MAX_ENTITIES,
};
use crate::model::{Host, HostError, Request, Response};
use crate::rle::Mask;

/// Maximum time for a response to a link request, in milliseconds.
pub const LINK_TIMEOUT_MILLIS: u32 = 15_000;
/// Maximum time for the upload of an image, in milliseconds.
pub const UPLOAD_TIMEOUT_MILLIS: u32 = 60_000;
/// Maximum number of times a busy endpoint is asked again.
const MAX_RETRIES: u32 = 4;
/// First pause before asking again, in milliseconds; it doubles each time.
const PAUSE_MILLIS: u32 = 500;
/// Maximum pause, in milliseconds; an endpoint that asks for a longer one counts as down.
const MAX_PAUSE_MILLIS: u32 = 15_000;
/// Maximum length of a response; an entity takes about one kilobyte.
const MAX_RESPONSE_BYTES: u64 = 4 << 20;

/// A linking endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint<'a> {
    /// Address below which `v1/link` and `v1/images` are.
    pub url: &'a str,
    /// Bearer token, where the endpoint asks for one.
    pub token: Option<&'a str>,
}

/// The response of an endpoint, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct EndpointAnswer {
    /// Entities by falling score.
    pub response: LinkResponse,
    /// Milliseconds from sending the last link request to its response.
    pub round_trip_millis: f64,
}

/// Why an endpoint gave no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// The endpoint refused the request with a problem of the protocol.
    #[error("{}{}", kind.title(), detail.as_ref().map_or_else(String::new, |detail| format!(": {detail}")))]
    Problem {
        /// Kind of the problem.
        kind: Kind,
        /// What went wrong this time, by the endpoint.
        detail: Option<String>,
    },
    /// The endpoint did not respond in time; try again later.
    #[error("The endpoint {host} took more than {millis} ms.")]
    Timeout {
        /// Host of the endpoint.
        host: String,
        /// The time limit.
        millis: u32,
    },
    /// There was no response: no network, no such host, refused by CORS, or a response that is too long.
    #[error("The endpoint {host} does not answer ({reason}).")]
    Unreachable {
        /// Host of the endpoint.
        host: String,
        /// Fault reported by the system.
        reason: String,
    },
    /// The response breaks the protocol; the endpoint is at fault.
    #[error("The endpoint's answer is not one of the linking protocol: {reason}.")]
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
    #[error("The address answers with HTTP {status} and is not a linking endpoint.")]
    NotAnEndpoint {
        /// Status of the response.
        status: u16,
    },
    /// The host cancelled the work, or could not read the image that was to be uploaded.
    #[error(transparent)]
    Host(HostError),
}

/// Links a mask by an endpoint.
///
/// `image_sha256` is the hash of the encoded image, whose bytes `image_bytes` returns; they are
/// asked for only where the endpoint does not have the image, and uploaded once. A busy endpoint
/// (429, 503) is asked again a few times, after the pause it asks for. Before each request the host
/// is asked whether the work is cancelled; then the error's code is `cancelled`.
pub async fn ask_endpoint<H: Host>(
    host: &H,
    endpoint: Endpoint<'_>,
    mask: &Mask,
    image_sha256: &str,
    image_bytes: impl AsyncFnOnce() -> Result<Vec<u8>, HostError>,
) -> Result<EndpointAnswer, EndpointError> {
    let image = ImageRef::Sha256(image_sha256.to_owned());
    let request = LinkRequest { image, mask: mask.into(), top_k: DEFAULT_ENTITIES };
    let body = serde_json::to_vec(&request).map_err(|error| EndpointError::Problem {
        kind: Kind::BadRequest,
        detail: Some(error.to_string()),
    })?;
    let mut client = Client { host, endpoint, image_sha256, retries: 0 };
    match client.link(&body).await {
        Err(EndpointError::Problem { kind: Kind::ImageUnknown, .. }) => {
            client.upload(&image_bytes().await.map_err(EndpointError::Host)?).await?;
            client.link(&body).await
        }
        answer => answer,
    }
}

struct Client<'a, H> {
    host: &'a H,
    endpoint: Endpoint<'a>,
    image_sha256: &'a str,
    /// Requests sent again so far, of whatever kind.
    retries: u32,
}

impl<H: Host> Client<'_, H> {
    async fn link(&mut self, body: &[u8]) -> Result<EndpointAnswer, EndpointError> {
        let timeout_millis = LINK_TIMEOUT_MILLIS;
        let (response, round_trip_millis) =
            self.send("POST", LINK_PATH, "application/json", body, timeout_millis).await?;
        match response.status {
            200 => Ok(EndpointAnswer { response: read(&response.body)?, round_trip_millis }),
            _ => Err(refusal(&response)),
        }
    }

    async fn upload(&mut self, bytes: &[u8]) -> Result<(), EndpointError> {
        let path = format!("{IMAGES_PATH}{}", self.image_sha256);
        // The server tells the format from the bytes.
        let content_type = "application/octet-stream";
        let (response, _) = self.send("PUT", &path, content_type, bytes, UPLOAD_TIMEOUT_MILLIS).await?;
        if matches!(response.status, 200 | 201) { Ok(()) } else { Err(refusal(&response)) }
    }

    /// Sends a request, again after a pause where the endpoint is busy. Returns the last response
    /// and the milliseconds it took.
    async fn send(
        &mut self,
        method: &'static str,
        path: &str,
        content_type: &str,
        body: &[u8],
        timeout_millis: u32,
    ) -> Result<(Response, f64), EndpointError> {
        let url = format!("{}{path}", self.endpoint.url.trim_end_matches('/'));
        let mut headers = vec![("content-type", content_type.to_owned())];
        if let Some(token) = self.endpoint.token.filter(|token| !token.is_empty()) {
            headers.push(("authorization", format!("Bearer {token}")));
        }
        let body = Cow::Borrowed(body);
        let max_response_bytes = MAX_RESPONSE_BYTES;
        let request = Request { method, url: &url, headers, body, timeout_millis, max_response_bytes };
        loop {
            if self.host.is_cancelled().await {
                return Err(EndpointError::Host(HostError::Cancelled));
            }
            let started = self.host.now_millis();
            let fetched = self.host.fetch(request.clone()).await;
            let response = fetched.map_err(|error| self.network_error(error))?;
            let millis = self.host.now_millis() - started;
            match self.pause_millis(&response) {
                Some(pause) => self.host.sleep(pause).await,
                None => return Ok((response, millis)),
            }
            self.retries += 1;
        }
    }

    /// Returns the pause after which a busy endpoint is asked again; `None` where it is not busy,
    /// was asked often enough, or asks for too long a pause.
    fn pause_millis(&self, response: &Response) -> Option<u32> {
        if !matches!(response.status, 429 | 503) || self.retries >= MAX_RETRIES {
            return None;
        }
        // The other form of the header, a date, would need a clock; the client's own pause stands in.
        let seconds = response.retry_after.as_ref().and_then(|text| text.trim().parse::<u32>().ok());
        let asked = seconds.unwrap_or_default().saturating_mul(1000);
        let doubled = PAUSE_MILLIS.saturating_mul(1 << self.retries).min(MAX_PAUSE_MILLIS);
        let millis = asked.max(self.spread(doubled));
        (millis <= MAX_PAUSE_MILLIS).then_some(millis)
    }

    /// Shortens a pause by up to a half, differently for each image, so that clients turned away
    /// together do not all come back together.
    fn spread(&self, millis: u32) -> u32 {
        let add = |sum: u32, byte: u8| sum.wrapping_mul(31).wrapping_add(byte.into());
        let seed = self.image_sha256.bytes().fold(self.retries, add);
        millis - millis / 2 * (seed % 1024) / 1024
    }

    fn network_error(&self, error: HostError) -> EndpointError {
        let url = self.endpoint.url;
        let host = url.split_once("://").map_or(url, |(_, rest)| rest.split('/').next().unwrap_or(rest));
        let host = host.to_owned();
        match error {
            HostError::TimedOut { millis } => EndpointError::Timeout { host, millis },
            HostError::Network { reason } => EndpointError::Unreachable { host, reason },
            error => EndpointError::Host(error),
        }
    }
}

/// Reads an answer and checks what the types leave open: it comes from outside.
fn read(body: &[u8]) -> Result<LinkResponse, EndpointError> {
    let bad = |reason| EndpointError::BadAnswer { reason };
    let mut response: LinkResponse = serde_json::from_slice(body).map_err(|error| bad(error.to_string()))?;
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
fn refusal(Response { status, body, .. }: &Response) -> EndpointError {
    let status = *status;
    let problem: Option<Problem> = serde_json::from_slice(body).ok();
    match problem.and_then(|problem| Some((problem.kind()?, problem.detail))) {
        Some((kind, detail)) => EndpointError::Problem { kind, detail },
        None if status >= 500 => EndpointError::ServerFailed { status },
        None => EndpointError::NotAnEndpoint { status },
    }
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
