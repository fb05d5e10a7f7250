//! `PUT /v1/images/{sha256}`: stores an image by its content and computes its features once.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};

use crate::cli::decoded_image::{DecodedImage, EncodedImage};
use crate::cli::serve::error::ApiError;
use crate::cli::serve::state::{Generation, Inner, Server};
use crate::link::AnswerError;
use crate::link::encoder::EncodeError;
use crate::link::protocol::problem::{Kind, MEDIA_TYPE, Problem};
use crate::link::protocol::{StoredImage, is_sha256, sha256_hex};

#[utoipa::path(
    put,
    path = "/v1/images/{sha256}",
    summary = "Stores an image by its content",
    params((
        "sha256" = String, Path, description = "SHA-256 of the body, 64 lowercase hexadecimal digits",
        pattern = "^[0-9a-f]{64}$"
    )),
    request_body(
        content = String,
        content_type = "image/*",
        description = "The encoded image: JPEG, PNG, WebP, GIF or BMP"
    ),
    responses(
        (status = 201, description = "Stored", body = StoredImage),
        (status = 200, description = "Already stored", body = StoredImage),
        (status = 400, description = "bad-request: the body ended before its last byte",
            body = Problem, content_type = MEDIA_TYPE),
        (status = 401, description = "unauthorized", body = Problem, content_type = MEDIA_TYPE),
        (status = 408, description = "timeout: more than 60 s, or the body arrives too slowly",
            body = Problem, content_type = MEDIA_TYPE),
        (status = 413, description = "too-large", body = Problem, content_type = MEDIA_TYPE),
        (status = 415, description = "unsupported-media: not an image",
            body = Problem, content_type = MEDIA_TYPE),
        (status = 421, description = "wrong-host", body = Problem, content_type = MEDIA_TYPE),
        (status = 422, description = "hash-mismatch, bad-value", body = Problem, content_type = MEDIA_TYPE),
        (status = 429, description = "rate-limited", body = Problem, content_type = MEDIA_TYPE),
        (status = 500, description = "internal", body = Problem, content_type = MEDIA_TYPE),
        (status = 503, description = "unavailable", body = Problem, content_type = MEDIA_TYPE),
    ),
    security((), ("token" = []))
)]
pub(crate) async fn upload_image(
    State(server): State<Server>,
    Path(sha256): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<StoredImage>), ApiError> {
    if !is_sha256(&sha256) {
        let detail = "The path must end with the image's SHA-256: 64 lowercase hexadecimal digits.";
        return Err(ApiError::new(Kind::BadValue, detail));
    }
    // Of no use without something that reads it.
    if server.inner.embedder().is_err() {
        server.inner.current().backend(None)?;
    }
    let received = server.receive(&headers, body, server.inner.settings.limits.image_bytes).await?;
    let work = move |inner: &Inner| {
        let actual = sha256_hex(&received.bytes);
        if actual != sha256 {
            return Err(ApiError::new(Kind::HashMismatch, format!("The SHA-256 of the body is {actual}.")));
        }
        let current = inner.current();
        let (image, is_new) = insert(inner, &current, &sha256, &received.bytes)?;
        let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
        let size = image.size();
        Ok((status, Json(StoredImage { sha256, width: size.width, height: size.height })))
    };
    Ok(server.compute(work).await?.0)
}

/// Decodes an image and computes its features.
pub(super) fn decode(inner: &Inner, current: &Generation, bytes: &[u8]) -> Result<DecodedImage, ApiError> {
    inner.metrics.time_preparation(|| {
        let image = EncodedImage::open(bytes, inner.settings.limits.pixels)?;
        let _reserved = inner.reserve_decoding(image.peak_bytes())?;
        let image = image.decode()?;
        // Those of one encoder share its features: the second one finds them computed.
        let prepared = current.backends.iter().try_for_each(|(_, backend)| backend.prepare(&image));
        match prepared {
            // Clicks need the click model alone. A request to link a mask of the image is refused later.
            Err(AnswerError::Encode(EncodeError::TooThin { .. })) if inner.embedder().is_ok() => {}
            prepared => prepared?,
        }
        Ok(image)
    })
}

/// Returns the stored image of these bytes, or stores it; with it, whether it was new.
pub(super) fn insert(
    inner: &Inner,
    current: &Generation,
    sha256: &str,
    bytes: &[u8],
) -> Result<(Arc<DecodedImage>, bool), ApiError> {
    let mut is_computed = false;
    let decoded = |bytes: &[u8]| {
        is_computed = true;
        decode(inner, current, bytes)
    };
    let failed = |error: &std::io::Error| {
        tracing::warn!(%error, "an image could not be stored; it stays in memory");
        inner.metrics.count_store_failure();
    };
    let stored = current.store.insert(sha256, bytes, decoded, failed);
    inner.metrics.count_lookup(is_computed);
    stored
}
