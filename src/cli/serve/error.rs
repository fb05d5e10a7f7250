//! Errors of the handlers and layers, sent as problem details.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::cli::decoded_image;
use crate::link::AnswerError;
use crate::link::encoder::{EncodeError, PoolError};
use crate::link::protocol::problem::{self, Kind};
use crate::segment;

/// Maximum characters of a problem's detail.
const MAX_DETAIL_CHARS: usize = 500;

/// A problem to send to the client, with the seconds after which to try again where that helps.
#[derive(Clone, Debug)]
pub(super) struct ApiError {
    kind: Kind,
    detail: String,
    retry_after: Option<u64>,
}

impl ApiError {
    pub(super) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: shortened(detail.into()), retry_after: None }
    }

    pub(super) fn retry_after(kind: Kind, detail: impl Into<String>, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..Self::new(kind, detail) }
    }

    #[cfg(test)]
    pub(super) fn kind(&self) -> Kind {
        self.kind
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Self { kind, detail, retry_after } = self;
        let status = StatusCode::from_u16(kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(kind.problem(detail))).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(problem::MEDIA_TYPE));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if kind == Kind::Unauthorized {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<decoded_image::Error> for ApiError {
    fn from(error: decoded_image::Error) -> Self {
        let kind = match error {
            decoded_image::Error::Pixels { .. } | decoded_image::Error::Memory => Kind::TooLarge,
            _ => Kind::UnsupportedMedia,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<AnswerError> for ApiError {
    fn from(error: AnswerError) -> Self {
        match error {
            AnswerError::Encode(error) => error.into(),
            AnswerError::Remote { kind, detail, retry_after } => {
                Self { retry_after, ..Self::new(kind, detail) }
            }
            error => Self::internal(&error),
        }
    }
}

impl From<segment::Error> for ApiError {
    fn from(error: segment::Error) -> Self {
        match error {
            segment::Error::Limit { .. } => Self::new(Kind::TooLarge, error.to_string()),
            error => Self::internal(&error),
        }
    }
}

impl From<EncodeError> for ApiError {
    fn from(error: EncodeError) -> Self {
        match error {
            EncodeError::MaskSize { .. }
            | EncodeError::Pool(PoolError::EmptyMask | PoolError::NoDirection) => {
                Self::new(Kind::BadMask, error.to_string())
            }
            EncodeError::TooThin { .. } => Self::new(Kind::UnsupportedMedia, error.to_string()),
            error => Self::internal(&error),
        }
    }
}

impl From<std::io::Error> for ApiError {
    fn from(error: std::io::Error) -> Self {
        Self::internal(&error)
    }
}

impl ApiError {
    /// Logs an error that is the server's own fault; the client learns only that there was one.
    fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error, "a request failed");
        Self::new(Kind::Internal, "")
    }
}

/// Cuts a detail that repeats a long part of the request.
fn shortened(detail: String) -> String {
    match detail.char_indices().nth(MAX_DETAIL_CHARS) {
        Some((end, _)) => format!("{}…", &detail[..end]),
        None => detail,
    }
}
