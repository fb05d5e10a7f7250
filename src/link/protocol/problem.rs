//! The protocol's errors: RFC 9457 problem details with stable types.

use serde::{Deserialize, Serialize};

/// Media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// Prefix of every `type`; the [`Kind`]'s code follows.
pub const TYPE_PREFIX: &str = "urn:masklink:problem:";

/// The body of an error response (RFC 9457 section 3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// `urn:masklink:problem:` and one of the stable codes, for programs.
    #[serde(rename = "type")]
    pub problem_type: String,
    /// Summary for people, the same for each problem of this type.
    pub title: String,
    /// HTTP status of the response.
    pub status: u16,
    /// Description of this occurrence, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// A kind of problem, with a code, a status and a title.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The body is not JSON of the protocol's form; correct the request.
    BadRequest,
    /// The request lacks the bearer token that the server asks for.
    Unauthorized,
    /// The server does not fetch images from this address; upload the image.
    UrlForbidden,
    /// There is nothing at this path; correct the endpoint's address.
    NotFound,
    /// The image of this hash is not stored: upload it and send the request again.
    ImageUnknown,
    /// The path does not support this method.
    MethodNotAllowed,
    /// The request took too long to arrive or to process; send it again.
    Timeout,
    /// The body or the image is over the server's limit; send a smaller image.
    TooLarge,
    /// The body is not an image of a supported format, or not of the path's media type.
    UnsupportedMedia,
    /// The `Host` header is not one of the server's names; start the server with that name.
    WrongHost,
    /// The body's SHA-256 is not the one in the path.
    HashMismatch,
    /// The mask is malformed or empty, or has another size than the image.
    BadMask,
    /// A value of the request is outside its range.
    BadValue,
    /// The client sends too many requests: wait as long as `Retry-After` says.
    RateLimited,
    /// The server failed; its log says why.
    Internal,
    /// The server could not fetch the image from its address; upload it.
    ImageUnavailable,
    /// Another server that this one asks failed; try again later, or another back end.
    BackendFailed,
    /// The server is busy or has no index: wait as long as `Retry-After` says.
    Unavailable,
    /// Another server that this one asks did not respond in time; try again.
    BackendTimeout,
}

impl Kind {
    /// All kinds, in order of status.
    pub const ALL: [Self; 19] = [
        Self::BadRequest,
        Self::Unauthorized,
        Self::UrlForbidden,
        Self::NotFound,
        Self::ImageUnknown,
        Self::MethodNotAllowed,
        Self::Timeout,
        Self::TooLarge,
        Self::UnsupportedMedia,
        Self::WrongHost,
        Self::HashMismatch,
        Self::BadMask,
        Self::BadValue,
        Self::RateLimited,
        Self::Internal,
        Self::ImageUnavailable,
        Self::BackendFailed,
        Self::Unavailable,
        Self::BackendTimeout,
    ];

    /// Returns the end of the `type`, which programs may rely on.
    pub const fn code(self) -> &'static str {
        self.facts().0
    }

    /// Returns the HTTP status.
    pub const fn status(self) -> u16 {
        self.facts().1
    }

    /// Returns the summary for people.
    pub const fn title(self) -> &'static str {
        self.facts().2
    }

    /// Creates a problem of this kind; an empty `detail` is left out.
    pub fn problem(self, detail: impl Into<String>) -> Problem {
        Problem {
            problem_type: format!("{TYPE_PREFIX}{}", self.code()),
            title: self.title().to_owned(),
            status: self.status(),
            detail: Some(detail.into()).filter(|detail| !detail.is_empty()),
        }
    }

    const fn facts(self) -> (&'static str, u16, &'static str) {
        match self {
            Self::BadRequest => ("bad-request", 400, "The body is not a request of this protocol"),
            Self::Unauthorized => ("unauthorized", 401, "A bearer token is needed"),
            Self::UrlForbidden => ("url-forbidden", 403, "Images from this address are not allowed"),
            Self::NotFound => ("not-found", 404, "There is nothing at this path"),
            Self::ImageUnknown => ("image-unknown", 404, "The image is not stored here"),
            Self::MethodNotAllowed => ("method-not-allowed", 405, "The path does not support this method"),
            Self::Timeout => ("timeout", 408, "The request took too long"),
            Self::TooLarge => ("too-large", 413, "The body or the image is over a limit"),
            Self::UnsupportedMedia => ("unsupported-media", 415, "The body is not of a supported type"),
            Self::WrongHost => ("wrong-host", 421, "The Host header is not a name of this server"),
            Self::HashMismatch => ("hash-mismatch", 422, "The body's SHA-256 is not the one in the path"),
            Self::BadMask => ("bad-mask", 422, "The mask does not fit the image"),
            Self::BadValue => ("bad-value", 422, "A value is outside its range"),
            Self::RateLimited => ("rate-limited", 429, "Too many requests"),
            Self::Internal => ("internal", 500, "The server failed"),
            Self::ImageUnavailable => ("image-unavailable", 502, "The image could not be fetched"),
            Self::BackendFailed => ("backend-failed", 502, "The server behind this one failed"),
            Self::Unavailable => ("unavailable", 503, "The server is busy or has no index"),
            Self::BackendTimeout => ("backend-timeout", 504, "The server behind this one took too long"),
        }
    }
}

impl Problem {
    /// Returns the kind, where the `type` is one of this protocol's.
    pub fn kind(&self) -> Option<Kind> {
        let code = self.problem_type.strip_prefix(TYPE_PREFIX)?;
        Kind::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_survives_serialization() {
        for kind in Kind::ALL {
            let text = serde_json::to_string(&kind.problem("why")).unwrap();
            let problem: Problem = serde_json::from_str(&text).unwrap();
            assert_eq!((problem.kind(), problem.status), (Some(kind), kind.status()), "{text}");
        }
        let codes: std::collections::BTreeSet<_> = Kind::ALL.map(Kind::code).into();
        assert_eq!(codes.len(), Kind::ALL.len());
    }

    #[test]
    fn foreign_type_has_no_kind() {
        let problem: Problem =
            serde_json::from_str(r#"{"type":"about:blank","title":"x","status":502}"#).unwrap();
        assert_eq!(problem.kind(), None);
    }
}
