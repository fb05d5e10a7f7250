//! The protocol's errors on the wire: RFC 9457 problem details with stable types.

use serde::{Deserialize, Serialize};

/// The media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// What every `type` begins with; the rest is the [`Kind`]'s code.
pub const TYPE_PREFIX: &str = "urn:masklink:problem:";

/// One error answer (RFC 9457 section 3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(all(feature = "cli", not(target_arch = "wasm32")), derive(utoipa::ToSchema))]
pub struct Problem {
    /// `urn:masklink:problem:` and one of the stable codes; tells programs what went wrong.
    #[serde(rename = "type")]
    pub problem_type: String,
    /// The same for people, the same for each problem of this type.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What went wrong this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// The kinds of problem, each with its code, status and title.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The body is not the JSON the protocol asks for.
    BadRequest,
    /// The server asks for a bearer token that the request lacks.
    Unauthorized,
    /// The request names an image by address and the server does not fetch from there.
    UrlForbidden,
    /// There is nothing at this path.
    NotFound,
    /// The image named by its hash is not stored: put it and ask again.
    ImageUnknown,
    /// The path does not take this method.
    MethodNotAllowed,
    /// The request took too long to arrive or to answer.
    Timeout,
    /// The body or the image is larger than the server takes.
    TooLarge,
    /// The body is not an image of a format the server reads, or not of the media type the path takes.
    UnsupportedMedia,
    /// The request calls the server by a name that is not its own.
    WrongHost,
    /// The body's SHA-256 is not the one in the path.
    HashMismatch,
    /// The mask cannot be read, is empty, or has another size than the image.
    BadMask,
    /// The request is well formed but a value is outside its range.
    BadValue,
    /// This client asks too often: wait as `Retry-After` says.
    RateLimited,
    /// The server failed; its log says why.
    Internal,
    /// The image could not be fetched from its address.
    ImageUnavailable,
    /// The server is busy or has no index: wait as `Retry-After` says.
    Unavailable,
}

impl Kind {
    /// Every kind, in order of status.
    pub const ALL: [Self; 17] = [
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
        Self::Unavailable,
    ];

    /// The end of the `type`, and the part programs compare.
    pub const fn code(self) -> &'static str {
        self.facts().0
    }

    /// The HTTP status.
    pub const fn status(self) -> u16 {
        self.facts().1
    }

    /// What kind of thing went wrong, for people.
    pub const fn title(self) -> &'static str {
        self.facts().2
    }

    /// The problem of this kind, with what went wrong this time.
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
            Self::UrlForbidden => ("url-forbidden", 403, "Images are not fetched from this address"),
            Self::NotFound => ("not-found", 404, "There is nothing at this path"),
            Self::ImageUnknown => ("image-unknown", 404, "The image is not stored here"),
            Self::MethodNotAllowed => ("method-not-allowed", 405, "The path does not take this method"),
            Self::Timeout => ("timeout", 408, "The request took too long"),
            Self::TooLarge => ("too-large", 413, "The body is larger than this server takes"),
            Self::UnsupportedMedia => ("unsupported-media", 415, "The body is not of a supported type"),
            Self::WrongHost => ("wrong-host", 421, "This server does not answer to that name"),
            Self::HashMismatch => ("hash-mismatch", 422, "The body's SHA-256 is not the one in the path"),
            Self::BadMask => ("bad-mask", 422, "The mask does not fit the image"),
            Self::BadValue => ("bad-value", 422, "A value is outside its range"),
            Self::RateLimited => ("rate-limited", 429, "Too many requests"),
            Self::Internal => ("internal", 500, "The server failed"),
            Self::ImageUnavailable => ("image-unavailable", 502, "The image could not be fetched"),
            Self::Unavailable => ("unavailable", 503, "The server cannot answer now"),
        }
    }
}

impl Problem {
    /// The kind, where the `type` is one of this protocol's.
    pub fn kind(&self) -> Option<Kind> {
        let code = self.problem_type.strip_prefix(TYPE_PREFIX)?;
        Kind::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_survives_the_wire() {
        for kind in Kind::ALL {
            let text = serde_json::to_string(&kind.problem("why")).unwrap();
            let problem: Problem = serde_json::from_str(&text).unwrap();
            assert_eq!((problem.kind(), problem.status), (Some(kind), kind.status()), "{text}");
        }
        let codes: std::collections::BTreeSet<_> = Kind::ALL.map(Kind::code).into();
        assert_eq!(codes.len(), Kind::ALL.len());
    }

    #[test]
    fn a_foreign_type_has_no_kind() {
        let problem: Problem =
            serde_json::from_str(r#"{"type":"about:blank","title":"x","status":502}"#).unwrap();
        assert_eq!(problem.kind(), None);
    }
}
