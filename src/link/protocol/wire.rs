//! The linking protocol v1 on the wire: JSON types shared by the client and the server.

use serde::{Deserialize, Serialize};

use crate::rle::CocoRle;

/// Path of `POST`: which entities a mask may show.
pub const LINK_PATH: &str = "/v1/link";
/// Path of `PUT`, followed by the image's SHA-256: stores an image.
pub const IMAGES_PATH: &str = "/v1/images/";
/// The most entities one answer holds.
pub const MAX_ENTITIES: u32 = 100;
/// How many entities are answered where the request does not say.
pub const DEFAULT_ENTITIES: u32 = 10;

/// Asks which entities the masked part of an image may show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(all(feature = "cli", not(target_arch = "wasm32")), derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LinkRequest {
    /// The image.
    pub image: ImageRef,
    /// The part of it that is asked about.
    pub mask: CocoRle,
    /// The most entities to answer, 1 to 100.
    #[serde(default = "default_entities")]
    #[cfg_attr(
        all(feature = "cli", not(target_arch = "wasm32")),
        schema(minimum = 1, maximum = 100, default = 10)
    )]
    pub top_k: u32,
}

/// How a request names its image: an object with exactly one of the keys `sha256`, `url`, `data`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(all(feature = "cli", not(target_arch = "wasm32")), derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum ImageRef {
    /// SHA-256 of the encoded image, 64 lowercase hexadecimal digits; the image was put before.
    Sha256(String),
    /// Where the server may fetch it; refused unless the server's allow-list holds the address.
    Url(String),
    /// The encoded image itself in base64.
    Data(String),
}

/// The entities a mask may show, the likeliest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(all(feature = "cli", not(target_arch = "wasm32")), derive(utoipa::ToSchema))]
pub struct LinkResponse {
    /// Sorted by falling score, equal scores by rising QID.
    pub entities: Vec<ScoredEntity>,
    /// Whether the index holds what the mask shows at all; absent where the server cannot tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_index: Option<InIndex>,
    /// What computed the answer.
    pub model: ModelInfo,
    /// Where the time went.
    pub timing_ms: Timing,
}

/// One entity of an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(all(feature = "cli", not(target_arch = "wasm32")), derive(utoipa::ToSchema))]
pub struct ScoredEntity {
    /// Wikidata identifier, or the data set's own category id where it has no QIDs.
    pub qid: String,
    /// Title as plain text, never HTML.
    pub title: String,
    /// What the entity is, in a few words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How likely the mask shows this entity, 0 to 1, calibrated on images held out of the index.
    #[cfg_attr(all(feature = "cli", not(target_arch = "wasm32")), schema(minimum = 0, maximum = 1))]
    pub score: f32,
    /// Where to read about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// A small image of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbnail: Option<String>,
    /// The stored masks the score rests on, the nearest first.
    #[serde(default)]
    pub evidence: Vec<Evidence>,
}

/// A stored mask that resembles the one asked about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(all(feature = "cli", not(target_arch = "wasm32")), derive(utoipa::ToSchema))]
pub struct Evidence {
    /// Its annotation's id in the annotation file the index was built from.
    pub annotation: String,
    /// Its image: an address, relative to the page where it has no scheme.
    pub image: String,
    /// The mask's box in that image, `[x1, y1, x2, y2]` in pixels.
    #[serde(rename = "box")]
    pub bounds: [f32; 4],
    /// Cosine of the two feature vectors, -1 to 1.
    pub similarity: f32,
}

/// Whether the index holds what a mask shows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(all(feature = "cli", not(target_arch = "wasm32")), derive(utoipa::ToSchema))]
pub struct InIndex {
    /// False where nothing in the index is near: the entities are then only the nearest of those
    /// there are. The index sets the limit so that 1 in 20 of the things it holds, seen in a new
    /// image, is missed.
    pub known: bool,
    /// How likely the index holds it, 0 to 1, where half of what is asked about is in the index.
    #[cfg_attr(all(feature = "cli", not(target_arch = "wasm32")), schema(minimum = 0, maximum = 1))]
    pub probability: f32,
}

/// What computed an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(all(feature = "cli", not(target_arch = "wasm32")), derive(utoipa::ToSchema))]
pub struct ModelInfo {
    /// The encoder's id.
    pub encoder: String,
    /// SHA-256 of the encoder's ONNX file.
    pub encoder_sha256: String,
    /// SHA-256 of the index's header.
    pub index_sha256: String,
    /// How many entities the index holds.
    pub entities: u64,
    /// Number of masks in the index.
    pub exemplars: u64,
}

/// Milliseconds spent on the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(all(feature = "cli", not(target_arch = "wasm32")), derive(utoipa::ToSchema))]
pub struct Timing {
    /// Waiting for a free worker.
    pub queue: f64,
    /// Reading the image and running the encoder; near 0 where all features were known.
    pub encode: f64,
    /// Averaging the features over the mask.
    pub pool: f64,
    /// Searching the index.
    pub search: f64,
    /// All of it.
    pub total: f64,
}

/// Answer to a stored image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(all(feature = "cli", not(target_arch = "wasm32")), derive(utoipa::ToSchema))]
pub struct StoredImage {
    /// SHA-256 of the encoded image.
    pub sha256: String,
    /// Width as displayed, in pixels.
    pub width: u32,
    /// Height as displayed, in pixels.
    pub height: u32,
}

/// Whether a text is a SHA-256 as the protocol writes it: 64 lowercase hexadecimal digits.
pub fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// SHA-256 of some bytes as the protocol writes it.
pub fn sha256_hex(bytes: &[u8]) -> String {
    use sha2::{Digest as _, Sha256};
    // By digits and not by `write!`, whose machinery the page would have to load.
    let digits = Sha256::digest(bytes).into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

fn default_entities() -> u32 {
    DEFAULT_ENTITIES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_reads_as_the_protocol_says() {
        let text = r#"{"image":{"sha256":"ab"},"mask":{"size":[2,3],"counts":"06"}}"#;
        let request: LinkRequest = serde_json::from_str(text).unwrap();
        assert_eq!(request.image, ImageRef::Sha256("ab".into()));
        assert_eq!(request.top_k, 10);
        assert_eq!(request.mask, CocoRle { size: [2, 3], counts: "06".to_owned() });
        let again: LinkRequest = serde_json::from_str(&serde_json::to_string(&request).unwrap()).unwrap();
        assert_eq!(again, request);
    }

    #[test]
    fn a_wrong_request_is_refused_with_the_reason() {
        for (text, reason) in [
            (
                r#"{"image":{"file":"/etc/passwd"},"mask":{"size":[2,3],"counts":"06"}}"#,
                "unknown variant `file`",
            ),
            (r#"{"image":{"sha256":"a","url":"b"},"mask":{"size":[2,3],"counts":"06"}}"#, "expected"),
            (r#"{"image":{"sha256":"a"},"mask":{"size":[2,-3],"counts":"06"}}"#, "integer `-3`"),
            (r#"{"image":{"sha256":"a"},"mask":{"size":[2,3,4],"counts":"06"}}"#, "trailing"),
            (
                r#"{"image":{"sha256":"a"},"mask":{"size":[2,3],"counts":"06"},"topk":3}"#,
                "unknown field `topk`",
            ),
        ] {
            let error = serde_json::from_str::<LinkRequest>(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn hashes_are_lowercase_hexadecimal() {
        let empty = sha256_hex(b"");
        assert_eq!(empty, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert!(is_sha256(&empty) && !is_sha256(&empty.to_uppercase()) && !is_sha256(&empty[1..]));
    }
}
