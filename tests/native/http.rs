//! Requests to the server's router without a socket.

use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::{Router, body::Bytes};
use masklink::link::protocol::problem::Problem;
use serde_json::Value;
use tower::ServiceExt as _;

/// A response that was read to the end.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Sends one request.
pub(crate) async fn send(app: &Router, request: Request<Body>) -> Reply {
    let response = app.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    Reply { status: parts.status, headers: parts.headers, body }
}

/// Sends JSON.
pub(crate) async fn post_json(app: &Router, path: &str, body: &Value) -> Reply {
    send(app, request("POST", path, &[("content-type", "application/json")], body.to_string())).await
}

/// A request with headers and a body.
pub(crate) fn request(
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> Request<Body> {
    let builder = Request::builder().method(method).uri(path);
    let builder = headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value));
    // HTTP/1.1 requires the field.
    let has_host = headers.iter().any(|(name, _)| *name == "host");
    let builder = if has_host { builder } else { builder.header("host", "localhost") };
    builder.body(body.into()).unwrap()
}

impl Reply {
    /// The value of a header, empty where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The body as JSON of a type.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The code of a problem, checked to be one whose status and media type agree.
    pub(crate) fn problem(&self) -> (u16, &'static str) {
        assert_eq!(self.header(header::CONTENT_TYPE.as_str()), "application/problem+json", "{self:?}");
        let problem: Problem = self.json();
        let kind = problem.kind().unwrap_or_else(|| panic!("{problem:?}"));
        assert_eq!((problem.status, kind.status()), (self.status.as_u16(), self.status.as_u16()));
        (problem.status, kind.code())
    }
}
