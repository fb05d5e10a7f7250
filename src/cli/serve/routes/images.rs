//! `PUT /v1/images/{sha256}`: stores an image by its content and computes its features once.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};

use crate::cli::decoded_image::DecodedImage;
use crate::cli::serve::error::Failure;
use crate::cli::serve::state::{Inner, Server};
use crate::link::protocol::problem::{Kind, Problem};
use crate::link::protocol::{StoredImage, is_sha256, sha256_hex};

#[utoipa::path(
    put,
    path = "/v1/images/{sha256}",
    summary = "Stores an image by its content",
    params(("sha256" = String, Path, description = "SHA-256 of the body, 64 lowercase hexadecimal digits")),
    request_body(content = String, content_type = "image/*", description = "The encoded image: JPEG, PNG, WebP, GIF or BMP"),
    responses(
        (status = 201, description = "Stored", body = StoredImage),
        (status = 200, description = "Known already", body = StoredImage),
        (status = 401, description = "unauthorized", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "too-large", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "unsupported-media: not an image", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "hash-mismatch, bad-value", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "rate-limited", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "unavailable", body = Problem, content_type = "application/problem+json"),
    ),
    security((), ("token" = []))
)]
pub(crate) async fn put_image(
    State(server): State<Server>,
    Path(sha256): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<StoredImage>), Failure> {
    if !is_sha256(&sha256) {
        return Err(Failure::new(Kind::BadValue, "the path does not end in 64 lowercase hexadecimal digits"));
    }
    server.inner.linker()?;
    let received = server.receive(&headers, body, server.inner.settings.limits.image_bytes).await?;
    let work = move |inner: &Inner| {
        let bytes = &received.bytes;
        let actual = sha256_hex(bytes);
        if actual != sha256 {
            return Err(Failure::new(Kind::HashMismatch, format!("the body's SHA-256 is {actual}")));
        }
        if let Some(image) = find(inner, &sha256)? {
            return Ok((StatusCode::OK, stored(&sha256, &image)));
        }
        let image = take(inner, &sha256, bytes)?;
        Ok((StatusCode::CREATED, stored(&sha256, &image)))
    };
    let ((status, image), _) = server.compute(work).await?;
    Ok((status, Json(image)))
}

/// Decodes an image, computes its features and stores it under its hash.
pub(crate) fn take(inner: &Inner, sha256: &str, bytes: &[u8]) -> Result<Arc<DecodedImage>, Failure> {
    let image = decode(inner, bytes)?;
    inner.store.put(sha256, bytes, &image)?;
    Ok(image)
}

/// The stored image of a hash: from memory, or from the store's folder.
pub(crate) fn find(inner: &Inner, sha256: &str) -> Result<Option<Arc<DecodedImage>>, Failure> {
    if let Some(image) = inner.store.get(sha256) {
        return Ok(Some(image));
    }
    let Some(bytes) = inner.store.read(sha256)? else { return Ok(None) };
    let image = decode(inner, &bytes)?;
    inner.store.keep(sha256, &image);
    Ok(Some(image))
}

fn decode(inner: &Inner, bytes: &[u8]) -> Result<Arc<DecodedImage>, Failure> {
    inner.watch.prepare(|| {
        let image = DecodedImage::decode(bytes, inner.settings.limits.pixels)?;
        inner.linker()?.encoder().prepare(&image)?;
        Ok(Arc::new(image))
    })
}

fn stored(sha256: &str, image: &DecodedImage) -> StoredImage {
    let size = image.size();
    StoredImage { sha256: sha256.to_owned(), width: size.width, height: size.height }
}
