//! The client's side of the protocol: one conversation with a linking endpoint over a [`Host`].

use half::f16;
use serde::Serialize;

use super::problem::Kind;
use super::response::{EndpointError, read_response, refusal};
use super::wire::{
    DEFAULT_ENTITIES, EMBED_PATH, EmbedRequest, IMAGES_PATH, ImageRef, LINK_PATH, LinkRequest, LinkResponse,
};
use crate::geometry::PixelRect;
use crate::model::{Body, Data, EmbeddingRequest, Host, HostError, Request, Response, Tensor};
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
/// Time that a patient client waits in all for an endpoint that asks it to, in milliseconds.
pub const PATIENCE_MILLIS: u32 = 300_000;
/// Maximum length of a response; an entity takes about one kilobyte, an embedding of segment-anything 2 MiB.
const MAX_RESPONSE_BYTES: u64 = 16 << 20;

/// A linking endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint<'a> {
    /// Address below which `v1/link` and `v1/images` are.
    pub url: &'a str,
    /// Bearer token, where the endpoint asks for one.
    pub token: Option<&'a str>,
    /// Name of the endpoint's back end to ask; `None` for its first.
    pub backend: Option<&'a str>,
}

impl<'a> Endpoint<'a> {
    /// Returns the endpoint of an address, which may end in `?backend=NAME`. The rest of a query is left out.
    pub fn of_address(address: &'a str, token: Option<&'a str>) -> Self {
        let (url, query) = address.split_once('?').unwrap_or((address, ""));
        let backend = query.split('&').find_map(|pair| pair.strip_prefix("backend="));
        Self { url, token, backend: backend.filter(|name| !name.is_empty()) }
    }
}

/// The response of an endpoint, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct EndpointAnswer {
    /// Entities by falling score.
    pub response: LinkResponse,
    /// Milliseconds from sending the last link request to its response.
    pub round_trip_millis: f64,
}

/// Links a mask by an endpoint.
///
/// `image_sha256` is the hash of the [encoded image](Body::Image), which the host uploads once where
/// the endpoint does not have it. A busy endpoint (429, 503) is asked again a few times, after the
/// pause it asks for. Before each request the host is asked whether the work is cancelled; then the
/// error's code is `cancelled`.
pub async fn ask_endpoint<H: Host>(
    host: &H,
    endpoint: Endpoint<'_>,
    mask: &Mask,
    image_sha256: &str,
) -> Result<EndpointAnswer, EndpointError> {
    Client::new(host, endpoint, image_sha256).ask(mask).await
}

/// Links a mask as [`ask_endpoint`] does, for work that may take long: as often as an endpoint states a time
/// in `Retry-After`, the request is sent again after it, until [`PATIENCE_MILLIS`] were waited.
pub async fn ask_endpoint_patiently<H: Host>(
    host: &H,
    endpoint: Endpoint<'_>,
    mask: &Mask,
    image_sha256: &str,
) -> Result<EndpointAnswer, EndpointError> {
    let client = Client::new(host, endpoint, image_sha256);
    Client { patience_millis: PATIENCE_MILLIS, ..client }.ask(mask).await
}

/// Returns the output of a click model's encoder that an endpoint runs on a region of an image: as many
/// numbers as `shape` has. The image is uploaded as [`ask_endpoint`] does.
pub async fn embed_image<H: Host>(
    host: &H,
    endpoint: Endpoint<'_>,
    image_sha256: &str,
    asked: &EmbeddingRequest<'_>,
) -> Result<Tensor, EndpointError> {
    let PixelRect { x, y, width, height } = asked.region;
    let region = [x, y, x + width, y + height];
    let (image, encoder) = (image_sha256.to_owned(), asked.encoder_sha256.to_owned());
    let body = to_body(&EmbedRequest { image, encoder, region })?;
    let mut client = Client::new(host, endpoint, image_sha256);
    let embedding = match client.embed(&body).await {
        Err(EndpointError::Problem { kind: Kind::ImageUnknown, .. }) => {
            client.upload().await?;
            client.embed(&body).await?
        }
        embedding => embedding?,
    };
    let (pairs, rest) = embedding.as_chunks::<2>();
    let numbers = pairs.iter().map(|&bytes| f16::from_le_bytes(bytes).to_f32()).collect();
    let tensor = Tensor::new(asked.shape, Data::F32(numbers)).filter(|_| rest.is_empty());
    let bad = || format!("the embedding has {} bytes, not the shape {:?}", embedding.len(), asked.shape);
    tensor.ok_or_else(|| EndpointError::BadAnswer { reason: bad() })
}

fn to_body(request: &impl Serialize) -> Result<Vec<u8>, EndpointError> {
    serde_json::to_vec(request)
        .map_err(|error| EndpointError::Problem { kind: Kind::BadRequest, detail: Some(error.to_string()) })
}

struct Client<'a, H> {
    host: &'a H,
    endpoint: Endpoint<'a>,
    image_sha256: &'a str,
    /// Requests sent again so far, of whatever kind.
    retries: u32,
    /// Milliseconds that the client still waits for an endpoint that states a time, without counting how
    /// often.
    patience_millis: u32,
}

impl<'a, H: Host> Client<'a, H> {
    fn new(host: &'a H, endpoint: Endpoint<'a>, image_sha256: &'a str) -> Self {
        Self { host, endpoint, image_sha256, retries: 0, patience_millis: 0 }
    }

    async fn ask(mut self, mask: &Mask) -> Result<EndpointAnswer, EndpointError> {
        let image = ImageRef::Sha256(self.image_sha256.to_owned());
        let request = LinkRequest { image, mask: mask.into(), top_k: DEFAULT_ENTITIES };
        let body = to_body(&request)?;
        match self.link(&body).await {
            Err(EndpointError::Problem { kind: Kind::ImageUnknown, .. }) => {
                self.upload().await?;
                self.link(&body).await
            }
            answer => answer,
        }
    }

    async fn link(&mut self, body: &[u8]) -> Result<EndpointAnswer, EndpointError> {
        let timeout_millis = LINK_TIMEOUT_MILLIS;
        let path = self.endpoint.backend.map_or_else(|| LINK_PATH.to_owned(), of_backend);
        let (response, round_trip_millis) =
            self.send("POST", &path, "application/json", Body::Bytes(body), timeout_millis).await?;
        Ok(EndpointAnswer { response: read_response(&response)?, round_trip_millis })
    }

    async fn embed(&mut self, body: &[u8]) -> Result<Vec<u8>, EndpointError> {
        let timeout_millis = LINK_TIMEOUT_MILLIS;
        let (response, _) =
            self.send("POST", EMBED_PATH, "application/json", Body::Bytes(body), timeout_millis).await?;
        if response.status == 200 { Ok(response.body) } else { Err(refusal(&response)) }
    }

    async fn upload(&mut self) -> Result<(), EndpointError> {
        let path = format!("{IMAGES_PATH}{}", self.image_sha256);
        // The server tells the format from the bytes.
        let content_type = "application/octet-stream";
        let (response, _) = self.send("PUT", &path, content_type, Body::Image, UPLOAD_TIMEOUT_MILLIS).await?;
        if matches!(response.status, 200 | 201) { Ok(()) } else { Err(refusal(&response)) }
    }

    /// Sends a request, again after a pause where the endpoint is busy. Returns the last response
    /// and the milliseconds it took.
    async fn send(
        &mut self,
        method: &'static str,
        path: &str,
        content_type: &str,
        body: Body<'_>,
        timeout_millis: u32,
    ) -> Result<(Response, f64), EndpointError> {
        let url = format!("{}{path}", self.endpoint.url.trim_end_matches('/'));
        let mut headers = vec![("content-type", content_type.to_owned())];
        if let Some(token) = self.endpoint.token.filter(|token| !token.is_empty()) {
            headers.push(("authorization", format!("Bearer {token}")));
        }
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
        }
    }

    /// Returns the pause after which a busy endpoint is asked again, and counts it; `None` where it is not
    /// busy, was asked often enough, or asks for too long a pause.
    fn pause_millis(&mut self, response: &Response) -> Option<u32> {
        if !matches!(response.status, 429 | 503) {
            return None;
        }
        // The other form of the header, a date, would need a clock; the client's own pause stands in.
        let seconds = response.retry_after.as_ref().and_then(|text| text.trim().parse::<u32>().ok());
        let asked = seconds.unwrap_or_default().saturating_mul(1000);
        if self.patience_millis > 0 && seconds.is_some() {
            // A little more than asked, differently for each image.
            let pause = asked.max(PAUSE_MILLIS).saturating_add(PAUSE_MILLIS - self.spread(PAUSE_MILLIS));
            self.patience_millis = self.patience_millis.checked_sub(pause)?;
            return Some(pause);
        }
        if self.retries >= MAX_RETRIES {
            return None;
        }
        let doubled = PAUSE_MILLIS.saturating_mul(1 << self.retries).min(MAX_PAUSE_MILLIS);
        let millis = asked.max(self.spread(doubled));
        self.retries += 1;
        (millis <= MAX_PAUSE_MILLIS).then_some(millis)
    }

    /// Shortens a pause by up to a half, differently for each image, so that clients turned away
    /// together do not all come back together.
    fn spread(&self, millis: u32) -> u32 {
        let add = |sum: u32, byte: u8| sum.wrapping_mul(31).wrapping_add(byte.into());
        let seed = self.image_sha256.bytes().fold(self.retries.wrapping_add(self.patience_millis), add);
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

/// Returns the path that links by a back end. Characters that no name has are encoded (RFC 3986), so that the
/// server refuses the name as it was given.
fn of_backend(name: &str) -> String {
    use std::fmt::Write as _;
    name.bytes().fold(format!("{LINK_PATH}?backend="), |mut path, byte| {
        if byte.is_ascii_alphanumeric() || byte == b'-' {
            path.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(path, "%{byte:02X}");
        }
        path
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::geometry::Size;
    use crate::link::protocol::{ModelInfo, Timing};
    use crate::model::test_host::{IMAGE_FILE, Sent, TestHost};

    #[test]
    fn address_may_name_a_back_end() {
        let of = |address| {
            let Endpoint { url, backend, .. } = Endpoint::of_address(address, None);
            (url, backend)
        };
        assert_eq!(of("http://h/api"), ("http://h/api", None));
        assert_eq!(of("http://h/?backend=vlm"), ("http://h/", Some("vlm")));
        assert_eq!(of("http://h?a=b&backend=vlm"), ("http://h", Some("vlm")));
        assert_eq!(of("http://h/?backend="), ("http://h/", None));
    }

    const URL: &str = "http://host/api";

    fn mask() -> Mask {
        Mask::empty(Size::new(3, 2)).unwrap()
    }

    fn response(status: u16, body: impl Into<Vec<u8>>) -> Response {
        Response { status, retry_after: None, body: body.into() }
    }

    fn problem(kind: Kind) -> Response {
        response(kind.status(), serde_json::to_vec(&kind.problem("why")).unwrap())
    }

    fn busy(retry_after: Option<&str>) -> Response {
        Response { retry_after: retry_after.map(str::to_owned), ..problem(Kind::Unavailable) }
    }

    fn entities(scores: &[f32]) -> Response {
        let entity = |score| json!({"qid": "Q1", "title": "t", "score": score});
        let entities: Vec<_> = scores.iter().map(entity).collect();
        let (model, timing) = (ModelInfo::default(), Timing::default());
        response(200, json!({"entities": entities, "model": model, "timing_ms": timing}).to_string())
    }

    fn host(responses: impl IntoIterator<Item = Response>) -> TestHost {
        let host = TestHost::default();
        host.responses.borrow_mut().extend(responses.into_iter().map(Ok));
        host
    }

    fn ask(host: &TestHost) -> Result<EndpointAnswer, EndpointError> {
        let endpoint = Endpoint { url: "http://host/api/", token: Some("secret"), backend: None };
        pollster::block_on(ask_endpoint(host, endpoint, &mask(), &"ab".repeat(32)))
    }

    fn methods(host: &TestHost) -> Vec<&'static str> {
        host.sent.borrow().iter().map(|request| request.method).collect()
    }

    #[test]
    fn request_is_sent_with_the_token_and_its_answer_sorted() {
        let host = host([entities(&[0.2, 0.7])]);
        let EndpointAnswer { response, round_trip_millis } = ask(&host).unwrap();
        assert_eq!(response.entities.iter().map(|entity| entity.score).collect::<Vec<_>>(), [0.7, 0.2]);
        assert!((round_trip_millis - 5.0).abs() < 1e-9);
        let [Sent { method, url, headers, body, timeout_millis }] = &host.sent.borrow()[..] else { panic!() };
        assert_eq!((*method, &**url, *timeout_millis), ("POST", "http://host/api/v1/link", 15_000));
        assert!(headers.contains(&("authorization", "Bearer secret".to_owned())), "{headers:?}");
        assert!(headers.contains(&("content-type", "application/json".to_owned())), "{headers:?}");
        let request: LinkRequest = serde_json::from_slice(body).unwrap();
        assert_eq!(Mask::try_from(&request.mask), Ok(mask()));
    }

    #[test]
    fn empty_token_is_not_sent() {
        let host = host([entities(&[])]);
        let endpoint = Endpoint { url: URL, token: Some(""), backend: None };
        pollster::block_on(ask_endpoint(&host, endpoint, &mask(), "ab")).unwrap();
        assert!(!host.sent.borrow()[0].headers.iter().any(|(name, _)| *name == "authorization"));
    }

    #[test]
    fn the_named_back_end_is_asked() {
        for (name, path) in
            [("qdrant", "/v1/link?backend=qdrant"), ("a&b=c D", "/v1/link?backend=a%26b%3Dc%20D")]
        {
            let host = host([entities(&[])]);
            let endpoint = Endpoint { url: URL, token: None, backend: Some(name) };
            pollster::block_on(ask_endpoint(&host, endpoint, &mask(), "ab")).unwrap();
            assert_eq!(host.sent.borrow()[0].url, format!("{URL}{path}"));
        }
    }

    #[test]
    fn unknown_image_is_uploaded_once_and_the_request_sent_again() {
        let host_of = |last| host([problem(Kind::ImageUnknown), response(201, "{}"), last]);
        let host = host_of(entities(&[0.5]));
        assert_eq!(ask(&host).unwrap().response.entities.len(), 1);
        assert_eq!(methods(&host), ["POST", "PUT", "POST"]);
        let upload = host.sent.borrow()[1].clone();
        assert_eq!(upload.url, format!("{URL}/v1/images/{}", "ab".repeat(32)));
        assert_eq!((&*upload.body, upload.timeout_millis), (IMAGE_FILE, 60_000));
        assert!(upload.headers.contains(&("content-type", "application/octet-stream".to_owned())));

        let forgetful = host_of(problem(Kind::ImageUnknown));
        assert_eq!(ask(&forgetful).unwrap_err().code(), "image-unknown", "the image is not uploaded again");
    }

    #[test]
    fn refused_upload_and_unreadable_image_end_the_conversation() {
        let host = host([problem(Kind::ImageUnknown), problem(Kind::TooLarge)]);
        assert_eq!(ask(&host).unwrap_err().code(), "too-large");
        let host = self::host([problem(Kind::ImageUnknown)]);
        host.responses.borrow_mut().push_back(Err(HostError::ImageMissing));
        assert_eq!(ask(&host), Err(EndpointError::Host(HostError::ImageMissing)));
    }

    #[test]
    fn busy_endpoint_is_asked_again_after_the_pause_it_asks_for() {
        let date = "Wed, 21 Oct 2026 07:28:00 GMT";
        let retry_afters = [None, Some("3"), Some(date), None];
        let host = host(retry_afters.map(busy).into_iter().chain([problem(Kind::RateLimited)]));
        assert_eq!(ask(&host).unwrap_err().code(), "rate-limited", "after four retries");
        let within = [250..=500, 3000..=3000, 1000..=2000, 2000..=4000];
        let pauses = host.pauses.borrow();
        assert_eq!(pauses.len(), within.len());
        assert!(pauses.iter().zip(within).all(|(pause, range)| range.contains(pause)), "{pauses:?}");
    }

    #[test]
    fn retries_are_counted_over_the_whole_conversation() {
        let busy = || busy(None);
        let responses =
            [busy(), busy(), problem(Kind::ImageUnknown), busy(), busy(), response(200, "{}"), busy()];
        let host = host(responses);
        assert_eq!(ask(&host).unwrap_err().code(), "unavailable");
        assert_eq!(methods(&host), ["POST", "POST", "POST", "PUT", "PUT", "PUT", "POST"]);
    }

    #[test]
    fn patient_client_waits_as_often_as_the_endpoint_asks_within_its_patience() {
        let patient = |host: &TestHost| {
            let endpoint = Endpoint { url: URL, token: None, backend: None };
            pollster::block_on(ask_endpoint_patiently(host, endpoint, &mask(), "ab"))
        };
        let limited =
            |seconds: &str| Response { retry_after: Some(seconds.to_owned()), ..problem(Kind::RateLimited) };
        let refusals = std::iter::repeat_n(limited("1"), 100);
        let slow = host(refusals.chain([busy(Some("30")), limited("0"), entities(&[0.5])]));
        assert_eq!(patient(&slow).unwrap().response.entities.len(), 1);
        let pauses = slow.pauses.borrow();
        assert!(pauses[..100].iter().all(|pause| (1000..=1250).contains(pause)), "{pauses:?}");
        assert!((30_000..=30_250).contains(&pauses[100]) && (500..=750).contains(&pauses[101]), "{pauses:?}");

        let endless = host(std::iter::repeat_n(limited("7"), 1000));
        assert_eq!(patient(&endless).unwrap_err().code(), "rate-limited");
        let waited: u32 = endless.pauses.borrow().iter().sum();
        assert!((PATIENCE_MILLIS - 7250..=PATIENCE_MILLIS).contains(&waited), "{waited}");
        // An endpoint that states no time is asked a few times, as by others.
        let silent = host(std::iter::repeat_n(busy(None), 100));
        assert_eq!(patient(&silent).unwrap_err().code(), "unavailable");
        assert_eq!(silent.sent.borrow().len(), 1 + MAX_RETRIES as usize);
    }

    #[test]
    fn too_long_a_pause_counts_as_down() {
        let host = host([Response { retry_after: Some("3600".to_owned()), ..problem(Kind::RateLimited) }]);
        let error = ask(&host).unwrap_err();
        assert_eq!((error.code(), &*error.to_string()), ("rate-limited", "Too many requests: why"));
        assert!(host.pauses.borrow().is_empty());
    }

    #[test]
    fn cancelled_conversation_sends_nothing_more() {
        for requests in [0, 1] {
            let host = host([busy(None)]);
            host.cancelled_from.set(Some(requests));
            assert_eq!(ask(&host).unwrap_err().code(), "cancelled");
            assert_eq!(host.sent.borrow().len(), requests);
        }
    }

    #[test]
    fn failed_requests_have_their_codes() {
        for (error, code, message) in [
            (
                HostError::TimedOut { millis: 15_000 },
                "timeout",
                "The endpoint host did not respond within 15000 ms.",
            ),
            (
                HostError::Network { reason: "Failed to fetch".to_owned() },
                "unreachable",
                "The endpoint host could not be reached (Failed to fetch).",
            ),
            (HostError::Cancelled, "cancelled", "cancelled"),
        ] {
            let host = TestHost::default();
            host.responses.borrow_mut().push_back(Err(error));
            let error = ask(&host).unwrap_err();
            assert_eq!((error.code(), &*error.to_string()), (code, message));
        }
    }

    proptest! {
        /// Whatever comes back in whatever order, a conversation ends within its requests, and never
        /// with scores that are none.
        #[test]
        fn conversation_ends_whatever_comes_back(kinds in proptest::collection::vec(0_usize..6, 8)) {
            let of_kind = |kind| match kind {
                0 => entities(&[0.5]),
                1 => problem(Kind::ImageUnknown),
                2 => busy(Some("1")),
                3 => response(201, ""),
                4 => response(500, "oops"),
                _ => entities(&[7.0]),
            };
            let host = host(kinds.into_iter().map(of_kind));
            if let Ok(answer) = ask(&host) {
                let entities = answer.response.entities;
                prop_assert!(entities.iter().all(|entity| (0.0..=1.0).contains(&entity.score)));
            }
            let retries = MAX_RETRIES as usize;
            prop_assert!(host.sent.borrow().len() <= 3 + retries);
            prop_assert!(methods(&host).iter().filter(|method| **method == "PUT").count() <= 1 + retries);
        }
    }
}
