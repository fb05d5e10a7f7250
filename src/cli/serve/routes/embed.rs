//! `POST /v1/embed`: runs the encoder of a click model on a stored image.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};

use super::link::{check_is_json, stored};
use crate::cli::serve::error::ApiError;
use crate::cli::serve::state::{Inner, Server};
use crate::geometry::{PixelRect, Size};
use crate::link::protocol::EmbedRequest;
use crate::link::protocol::problem::{Kind, MEDIA_TYPE, Problem};

#[utoipa::path(
    post,
    path = "/v1/embed",
    summary = "Runs the encoder of a click model on a region of a stored image",
    request_body = EmbedRequest,
    responses(
        (status = 200, description = "The encoder's output: 16-bit floats, little-endian, in the order of \
            its axes", body = String, content_type = "application/octet-stream"),
        (status = 400, description = "bad-request", body = Problem, content_type = MEDIA_TYPE),
        (status = 401, description = "unauthorized", body = Problem, content_type = MEDIA_TYPE),
        (status = 404, description = "image-unknown: upload the image and send the request again; not-found: \
            the server runs no click model", body = Problem, content_type = MEDIA_TYPE),
        (status = 408, description = "timeout: more than 30 s, or the body arrives too slowly",
            body = Problem, content_type = MEDIA_TYPE),
        (status = 413, description = "too-large", body = Problem, content_type = MEDIA_TYPE),
        (status = 415, description = "unsupported-media", body = Problem, content_type = MEDIA_TYPE),
        (status = 421, description = "wrong-host", body = Problem, content_type = MEDIA_TYPE),
        (status = 422, description = "bad-value: a region outside the image, or another encoder than the \
            server's", body = Problem, content_type = MEDIA_TYPE),
        (status = 429, description = "rate-limited: wait as Retry-After says",
            body = Problem, content_type = MEDIA_TYPE),
        (status = 500, description = "internal", body = Problem, content_type = MEDIA_TYPE),
        (status = 503, description = "unavailable: wait as Retry-After says",
            body = Problem, content_type = MEDIA_TYPE),
    ),
    security((), ("token" = []))
)]
pub(crate) async fn embed(
    State(server): State<Server>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    server.inner.embedder()?;
    check_is_json(&headers)?;
    let received = server.receive(&headers, body, server.inner.settings.limits.request_bytes).await?;
    let work = move |inner: &Inner| {
        let request: EmbedRequest = serde_json::from_slice(&received.bytes)
            .map_err(|error| ApiError::new(Kind::BadRequest, error.to_string()))?;
        embedding(inner, request)
    };
    let (embedding, _) = server.compute(work).await?;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], embedding).into_response())
}

fn embedding(
    inner: &Inner,
    EmbedRequest { image, encoder, region }: EmbedRequest,
) -> Result<Bytes, ApiError> {
    let embedder = inner.embedder()?;
    if encoder != embedder.encoder_sha256() {
        let detail = format!(
            "The server runs the click model {}, whose encoder has the SHA-256 {}. Select that model.",
            embedder.model_id(),
            embedder.encoder_sha256()
        );
        return Err(ApiError::new(Kind::BadValue, detail));
    }
    inner.embeddings.get_or_insert(&(image.clone(), region), || {
        let image = stored(inner, &inner.current(), image)?.image;
        let region = region_in(image.size(), region)?;
        Ok(embedder.embed(&image, region)?.into())
    })
}

fn region_in(image: Size, region: [u32; 4]) -> Result<PixelRect, ApiError> {
    let [x1, y1, x2, y2] = region;
    if x1 < x2 && y1 < y2 && x2 <= image.width && y2 <= image.height {
        return Ok(PixelRect { x: x1, y: y1, width: x2 - x1, height: y2 - y1 });
    }
    let detail = format!("The region {region:?} is not x1 < x2, y1 < y2 within an image of {image}.");
    Err(ApiError::new(Kind::BadValue, detail))
}
