//! `POST /v1/link`: finds the entities that a mask may show.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::images;
use crate::cli::backend::millis;
use crate::cli::decoded_image::DecodedImage;
use crate::cli::serve::error::ApiError;
use crate::cli::serve::state::{Generation, Inner, Server};
use crate::link::Question;
use crate::link::protocol::problem::{Kind, MEDIA_TYPE, Problem};
use crate::link::protocol::{ImageRef, LinkRequest, LinkResponse, MAX_ENTITIES, is_sha256, sha256_hex};
use crate::rle::{CocoRle, Mask};

#[utoipa::path(
    post,
    path = "/v1/link",
    summary = "Finds the entities that the masked part of an image may show",
    params((
        "backend" = Option<String>, Query,
        description = "Name of one of the back ends that GET /v1/info lists; without it, the first of them",
        pattern = "^[a-z0-9-]+$"
    )),
    request_body = LinkRequest,
    responses(
        (status = 200, description = "The likeliest entities", body = LinkResponse),
        (status = 400, description = "bad-request", body = Problem, content_type = MEDIA_TYPE),
        (status = 401, description = "unauthorized", body = Problem, content_type = MEDIA_TYPE),
        (status = 403, description = "url-forbidden", body = Problem, content_type = MEDIA_TYPE),
        (status = 404, description = "image-unknown: upload the image and send the request again",
            body = Problem, content_type = MEDIA_TYPE),
        (status = 408, description = "timeout: more than 30 s, or the body arrives too slowly",
            body = Problem, content_type = MEDIA_TYPE),
        (status = 413, description = "too-large", body = Problem, content_type = MEDIA_TYPE),
        (status = 415, description = "unsupported-media", body = Problem, content_type = MEDIA_TYPE),
        (status = 421, description = "wrong-host", body = Problem, content_type = MEDIA_TYPE),
        (status = 422, description = "bad-mask, bad-value", body = Problem, content_type = MEDIA_TYPE),
        (status = 429, description = "rate-limited: wait as Retry-After says",
            body = Problem, content_type = MEDIA_TYPE),
        (status = 500, description = "internal", body = Problem, content_type = MEDIA_TYPE),
        (status = 502, description = "image-unavailable: the URL returns no image; \
            backend-failed: the back end that was asked failed",
            body = Problem, content_type = MEDIA_TYPE),
        (status = 503, description = "unavailable: wait as Retry-After says",
            body = Problem, content_type = MEDIA_TYPE),
        (status = 504, description = "backend-timeout: the back end that was asked took too long",
            body = Problem, content_type = MEDIA_TYPE),
    ),
    security((), ("token" = []))
)]
pub(crate) async fn link(
    State(server): State<Server>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<LinkResponse>, ApiError> {
    let started = Instant::now();
    let backend = backend_name(query.as_deref());
    let is_remote = server.inner.current().backend(backend.as_deref())?.properties().is_remote;
    let limits = server.inner.settings.limits;
    check_is_json(&headers)?;
    // Base64 writes three bytes as four characters.
    let max_bytes = limits.request_bytes + limits.image_bytes.div_ceil(3) * 4;
    let received = server.receive(&headers, body, max_bytes).await?;
    let work = move |inner: &Inner| {
        let request = parse(&received.bytes, limits.request_bytes)?;
        let mask = mask(&request.mask, limits.pixels)?;
        let asked = Asked { mask, top_k: request.top_k as usize, backend };
        match request.image {
            ImageRef::Url(url) => Ok(Step::Fetch { url, asked }),
            ImageRef::Sha256(sha256) => {
                link_mask(inner, &asked, |current| stored(inner, current, sha256)).map(Step::Done)
            }
            ImageRef::Data(text) => {
                link_mask(inner, &asked, |current| from_base64(inner, current, &text)).map(Step::Done)
            }
        }
    };
    let (step, mut waited) = server.link(is_remote, work).await?;
    let mut response = match step {
        Step::Done(response) => response,
        Step::Fetch { url, asked } => {
            let fetched = server.fetch(url).await?;
            let work = move |inner: &Inner| {
                link_mask(inner, &asked, |current| from_bytes(inner, current, &fetched.bytes))
            };
            let (response, more) = server.link(is_remote, work).await?;
            waited += more;
            response
        }
    };
    response.timing_ms.queue = waited;
    response.timing_ms.total = millis(started, Instant::now());
    server.inner.metrics.record_link(&response.timing_ms);
    Ok(Json(response))
}

/// Checks that a request's body is said to be JSON.
pub(super) fn check_is_json(headers: &HeaderMap) -> Result<(), ApiError> {
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default();
    if essence.trim().eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let detail = "Send the request with Content-Type: application/json.";
    Err(ApiError::new(Kind::UnsupportedMedia, detail))
}

/// The outcome of a worker's first turn. An image is fetched without a worker; a remote back end has workers
/// of its own, which wait for it.
enum Step {
    Done(LinkResponse),
    Fetch { url: String, asked: Asked },
}

/// The part of a request that does not concern the image.
struct Asked {
    mask: Mask,
    top_k: usize,
    backend: Option<String>,
}

/// A decoded image, and the SHA-256 of its encoded bytes.
pub(super) struct HashedImage {
    pub(super) image: Arc<DecodedImage>,
    sha256: String,
}

fn link_mask(
    inner: &Inner,
    asked: &Asked,
    image: impl FnOnce(&Generation) -> Result<HashedImage, ApiError>,
) -> Result<LinkResponse, ApiError> {
    let started = Instant::now();
    let current = inner.current();
    let HashedImage { image, sha256 } = image(&current)?;
    let reading = millis(started, Instant::now());
    let Asked { mask, top_k, backend } = asked;
    let question = Question { mask, image_sha256: Some(&sha256), top_k: *top_k };
    let mut response = current.backend(backend.as_deref())?.answer(&image, question)?;
    response.timing_ms.encode += reading;
    Ok(response)
}

/// Returns the back end that a query names. Names have no characters that a URL encodes.
fn backend_name(query: Option<&str>) -> Option<String> {
    query?.split('&').find_map(|field| field.strip_prefix("backend=")).map(ToOwned::to_owned)
}

/// Parses a body of which all but a base64 image takes at most `max_bytes`.
fn parse(body: &[u8], max_bytes: usize) -> Result<LinkRequest, ApiError> {
    let request: LinkRequest =
        serde_json::from_slice(body).map_err(|error| ApiError::new(Kind::BadRequest, error.to_string()))?;
    let image_bytes = if let ImageRef::Data(text) = &request.image { text.len() } else { 0 };
    if body.len().saturating_sub(image_bytes) > max_bytes {
        let detail =
            format!("The request without its image has more than {max_bytes} bytes, the maximum here.");
        return Err(ApiError::new(Kind::TooLarge, detail));
    }
    if !(1..=MAX_ENTITIES).contains(&request.top_k) {
        let detail = format!("top_k is {}; it must be 1 to {MAX_ENTITIES}.", request.top_k);
        return Err(ApiError::new(Kind::BadValue, detail));
    }
    Ok(request)
}

/// Returns a stored image, or the problem that there is none of this SHA-256.
pub(super) fn stored(inner: &Inner, current: &Generation, sha256: String) -> Result<HashedImage, ApiError> {
    if !is_sha256(&sha256) {
        let detail = "image.sha256 must be 64 lowercase hexadecimal digits.";
        return Err(ApiError::new(Kind::BadValue, detail));
    }
    let detail = "Upload the image with PUT /v1/images/{sha256} and send the request again.";
    let mut is_computed = false;
    let image = current.store.get(&sha256, |bytes| {
        is_computed = true;
        images::decode(inner, current, bytes)
    })?;
    inner.metrics.count_lookup(is_computed);
    let image = image.ok_or_else(|| ApiError::new(Kind::ImageUnknown, detail))?;
    Ok(HashedImage { image, sha256 })
}

fn from_base64(inner: &Inner, current: &Generation, text: &str) -> Result<HashedImage, ApiError> {
    let bytes = STANDARD
        .decode(text)
        .map_err(|error| ApiError::new(Kind::BadValue, format!("image.data is not base64: {error}.")))?;
    let max_bytes = inner.settings.limits.image_bytes;
    if bytes.len() > max_bytes {
        let detail = format!("The image has more than {max_bytes} bytes, the maximum here.");
        return Err(ApiError::new(Kind::TooLarge, detail));
    }
    from_bytes(inner, current, &bytes)
}

/// Returns the image of these bytes, stored before or now.
fn from_bytes(inner: &Inner, current: &Generation, bytes: &[u8]) -> Result<HashedImage, ApiError> {
    let sha256 = sha256_hex(bytes);
    let (image, _) = images::insert(inner, current, &sha256, bytes)?;
    Ok(HashedImage { image, sha256 })
}

fn mask(rle: &CocoRle, max_pixels: u64) -> Result<Mask, ApiError> {
    let pixels = rle.mask_size().pixels();
    if pixels > max_pixels {
        let detail = format!("The mask has {pixels} pixels; the maximum is {max_pixels}.");
        return Err(ApiError::new(Kind::BadMask, detail));
    }
    Mask::try_from(rle).map_err(|error| ApiError::new(Kind::BadMask, error.to_string()))
}
