//! `POST /v1/link`: which entities a mask may show.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::images;
use crate::cli::decoded_image::DecodedImage;
use crate::cli::linker::millis;
use crate::cli::serve::error::Failure;
use crate::cli::serve::state::{Inner, Server};
use crate::link::protocol::problem::{Kind, Problem};
use crate::link::protocol::{ImageRef, LinkRequest, LinkResponse, MAX_ENTITIES, is_sha256, sha256_hex};
use crate::rle::{CocoRle, Mask};

#[utoipa::path(
    post,
    path = "/v1/link",
    summary = "Which entities the masked part of an image may show",
    request_body = LinkRequest,
    responses(
        (status = 200, description = "The likeliest entities", body = LinkResponse),
        (status = 400, description = "bad-request", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "unauthorized", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "url-forbidden", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "image-unknown: put the image and ask again", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "too-large", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "unsupported-media", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "bad-mask, bad-value", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "rate-limited: wait as Retry-After says", body = Problem, content_type = "application/problem+json"),
        (status = 502, description = "image-unavailable: the address does not answer with an image", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "unavailable: wait as Retry-After says", body = Problem, content_type = "application/problem+json"),
    ),
    security((), ("token" = []))
)]
pub(crate) async fn post_link(
    State(server): State<Server>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<LinkResponse>, Failure> {
    let started = Instant::now();
    server.inner.linker()?;
    let limits = server.inner.settings.limits;
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !content_type
        .split(';')
        .next()
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
    {
        return Err(Failure::new(Kind::UnsupportedMedia, "the body's type is not application/json"));
    }
    // Base64 writes three bytes as four characters.
    let most = limits.request_bytes + limits.image_bytes.div_ceil(3) * 4;
    let received = server.receive(&headers, body, most).await?;
    let work = move |inner: &Inner| {
        let request = parse(&received.bytes, limits.request_bytes)?;
        let mask = mask(&request.mask, limits.pixels)?;
        let top_k = request.top_k as usize;
        match request.image {
            ImageRef::Url(address) => Ok(Step::Fetch { address, mask, top_k }),
            ImageRef::Sha256(sha256) => {
                answer(inner, &mask, top_k, || stored(inner, &sha256)).map(Step::Answered)
            }
            ImageRef::Data(text) => answer(inner, &mask, top_k, || given(inner, &text)).map(Step::Answered),
        }
    };
    let (step, mut waited) = server.compute(work).await?;
    let mut response = match step {
        Step::Answered(response) => response,
        Step::Fetch { address, mask, top_k } => {
            let fetched = server.fetch(address).await?;
            let work = move |inner: &Inner| answer(inner, &mask, top_k, || by_content(inner, &fetched.bytes));
            let (response, more) = server.compute(work).await?;
            waited += more;
            response
        }
    };
    response.timing_ms.queue = waited;
    response.timing_ms.total = millis(started, Instant::now());
    Ok(Json(response))
}

/// What a worker does with a question at once; it does not wait for other servers.
enum Step {
    Answered(LinkResponse),
    Fetch { address: String, mask: Mask, top_k: usize },
}

fn answer(
    inner: &Inner,
    mask: &Mask,
    top_k: usize,
    image: impl FnOnce() -> Result<Arc<DecodedImage>, Failure>,
) -> Result<LinkResponse, Failure> {
    let taken = Instant::now();
    let image = image()?;
    let reading = millis(taken, Instant::now());
    let mut response = inner.linker()?.answer(&image, mask, top_k)?;
    response.timing_ms.encode += reading;
    inner.watch.linked(&response.timing_ms);
    Ok(response)
}

/// The request in a body of which all but an image in base64 takes at most `max_bytes`.
fn parse(body: &[u8], max_bytes: usize) -> Result<LinkRequest, Failure> {
    let request: LinkRequest =
        serde_json::from_slice(body).map_err(|error| Failure::new(Kind::BadRequest, error.to_string()))?;
    let image_bytes = if let ImageRef::Data(text) = &request.image { text.len() } else { 0 };
    if body.len().saturating_sub(image_bytes) > max_bytes {
        return Err(Failure::new(
            Kind::TooLarge,
            format!("the request without its image has more than {max_bytes} bytes"),
        ));
    }
    if !(1..=MAX_ENTITIES).contains(&request.top_k) {
        let detail = format!("top_k is {}, not 1 to {MAX_ENTITIES}", request.top_k);
        return Err(Failure::new(Kind::BadValue, detail));
    }
    Ok(request)
}

fn stored(inner: &Inner, sha256: &str) -> Result<Arc<DecodedImage>, Failure> {
    if !is_sha256(sha256) {
        return Err(Failure::new(Kind::BadValue, "sha256 is not 64 lowercase hexadecimal digits"));
    }
    let unknown = || Failure::new(Kind::ImageUnknown, "put it to /v1/images/{sha256} and ask again");
    images::find(inner, sha256)?.ok_or_else(unknown)
}

/// The image given in base64.
fn given(inner: &Inner, text: &str) -> Result<Arc<DecodedImage>, Failure> {
    let bytes = STANDARD
        .decode(text)
        .map_err(|error| Failure::new(Kind::BadValue, format!("data is not base64: {error}")))?;
    if bytes.len() > inner.settings.limits.image_bytes {
        let detail = format!("the image has more than {} bytes", inner.settings.limits.image_bytes);
        return Err(Failure::new(Kind::TooLarge, detail));
    }
    by_content(inner, &bytes)
}

/// The image of these bytes, known already or new.
fn by_content(inner: &Inner, bytes: &[u8]) -> Result<Arc<DecodedImage>, Failure> {
    let sha256 = sha256_hex(bytes);
    match inner.store.get(&sha256) {
        Some(image) => Ok(image),
        None => images::take(inner, &sha256, bytes),
    }
}

fn mask(rle: &CocoRle, max_pixels: u64) -> Result<Mask, Failure> {
    let pixels = rle.mask_size().pixels();
    if pixels > max_pixels {
        return Err(Failure::new(
            Kind::BadMask,
            format!("the mask has {pixels} pixels, the limit is {max_pixels}"),
        ));
    }
    Mask::try_from(rle).map_err(|error| Failure::new(Kind::BadMask, error.to_string()))
}
