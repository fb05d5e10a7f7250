//! The linking protocol v1 on the wire: JSON types shared by the client and the server.

use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer};

use crate::rle::CocoRle;

/// Path of `POST` that links a mask to entities.
pub const LINK_PATH: &str = "/v1/link";
/// Path of `GET` that lists the back ends.
pub const INFO_PATH: &str = "/v1/info";
/// Path of `PUT` that stores an image; the image's SHA-256 follows.
pub const IMAGES_PATH: &str = "/v1/images/";
/// Path of `POST` that runs the encoder of a click model on a stored image.
pub const EMBED_PATH: &str = "/v1/embed";
/// Maximum number of entities of a response.
pub const MAX_ENTITIES: u32 = 100;
/// Number of entities of a response where the request does not say.
pub const DEFAULT_ENTITIES: u32 = 10;

/// A request to link the masked part of an image to entities.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LinkRequest {
    /// Names the image, or holds it.
    pub image: ImageRef,
    /// The part of the image to link, of the image's size as displayed.
    pub mask: CocoRle,
    /// Maximum number of entities to return, 1 to 100.
    #[serde(default = "default_entities")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 100, default = 10))]
    pub top_k: u32,
}

/// A request for the output of a click model's encoder, for devices that are too weak to run it.
///
/// The response is that output as 16-bit floats (IEEE 754, little-endian) in the order of its axes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EmbedRequest {
    /// SHA-256 of an uploaded encoded image, 64 lowercase hexadecimal digits.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9a-f]{64}$"))]
    pub image: String,
    /// SHA-256 of the encoder's ONNX file, so that both sides mean the same model.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9a-f]{64}$"))]
    pub encoder: String,
    /// The pixels of the image as displayed that are encoded: `[x1, y1, x2, y2]`, x2 and y2 exclusive.
    #[cfg_attr(feature = "openapi", schema(min_items = 4, max_items = 4))]
    pub region: [u32; 4],
}

/// The image of a request: an object with exactly one of the keys `sha256`, `url`, `data`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum ImageRef {
    /// SHA-256 of an uploaded encoded image, 64 lowercase hexadecimal digits.
    Sha256(String),
    /// Address to fetch the image from; refused unless its host is on the server's list.
    Url(String),
    /// The encoded image in base64.
    Data(String),
}

/// The entities that a mask may show.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(target_arch = "wasm32", derive(tsify::Tsify))]
pub struct LinkResponse {
    /// Sorted by falling score, equal scores by rising QID.
    pub entities: Vec<ScoredEntity>,
    /// Estimate of whether the entity is in the index at all; absent where the server cannot tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_index: Option<InIndex>,
    /// Whether the index has exemplars of the request's own image, by its SHA-256: they were left out of the
    /// search and of the evidence, so that a mask never finds its own annotation. The weights of classes, of
    /// the encoder and of the calibration are as they are, also where they were fitted to this image.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub excluded_image: bool,
    /// True where scores only order the entities and are no probabilities. A vision model's score is the part
    /// of its text that matches the title.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub uncalibrated: bool,
    /// The encoder and index that computed the response, or the vision model and its titles.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub model: ModelInfo,
    /// Time spent on each step.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub timing_ms: Timing,
}

/// A response of an endpoint, shown while the endpoint cannot be reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(target_arch = "wasm32", derive(tsify::Tsify))]
pub struct CachedAnswer {
    /// The mask that was linked.
    pub mask: CocoRle,
    /// Entities of the mask, from the endpoint. Serialized without the model and the times, which no page
    /// shows.
    #[serde(serialize_with = "serialize_lasting")]
    pub answer: LinkResponse,
}

/// Serializes the part of a response that the next response for the same mask repeats.
fn serialize_lasting<S: Serializer>(response: &LinkResponse, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry("entities", &response.entities)?;
    if let Some(in_index) = &response.in_index {
        map.serialize_entry("in_index", in_index)?;
    }
    if response.excluded_image {
        map.serialize_entry("excluded_image", &true)?;
    }
    if response.uncalibrated {
        map.serialize_entry("uncalibrated", &true)?;
    }
    map.end()
}

/// One entity that a mask may show.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(target_arch = "wasm32", derive(tsify::Tsify))]
pub struct ScoredEntity {
    /// Wikidata identifier, or the dataset's own category id where it has no QIDs.
    pub qid: String,
    /// Title as plain text, never HTML.
    pub title: String,
    /// One short phrase that says what the entity is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Probability that the mask shows this entity, 0 to 1, calibrated on masks held out of the index;
    /// another number from 0 to 1 where the response is uncalibrated. Probabilities of entities that are not
    /// broader sum to at most 1.
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 1))]
    pub score: f32,
    /// Address of an article about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Address of a small image of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbnail: Option<String>,
    /// Name of the class that was recognised, where the entity covers more than the class: a drake, where
    /// the entity is Duck.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class_label: Option<String>,
    /// Whether the entity stands for others of the index: its score is at least the sum of theirs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub broader: bool,
    /// Exemplars in the index that resemble the mask, the nearest first; none where the entity is known by
    /// a classifier's weights or by its members alone.
    #[serde(default)]
    pub evidence: Vec<Evidence>,
}

/// An exemplar that resembles the mask of a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(target_arch = "wasm32", derive(tsify::Tsify))]
pub struct Evidence {
    /// Id of its annotation in the annotation file that the index was built from.
    pub annotation: String,
    /// Address of its image, relative to the page where it has no scheme.
    pub image: String,
    /// Box of the exemplar's mask in that image, `[x1, y1, x2, y2]` in pixels.
    #[serde(rename = "box")]
    #[cfg_attr(feature = "openapi", schema(min_items = 4, max_items = 4))]
    pub bounds: [f32; 4],
    /// Outline of the exemplar's mask in that image, simplified: SVG 2 path data (section 9.3) in pixels, to
    /// fill by the rule even-odd. Absent where the index knows no mask.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub outline: String,
    /// Cosine of the feature vectors of the two masks, -1 to 1.
    pub similarity: f32,
}

/// Estimate of whether the entity that a mask shows is in the index.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(target_arch = "wasm32", derive(tsify::Tsify))]
pub struct InIndex {
    /// False where nothing in the index is near; the entities are then only the nearest ones. The threshold
    /// was set so that at most 1 in 20 of the calibration masks of known entities falls below it; elsewhere
    /// the share differs.
    pub known: bool,
    /// Probability that the entity is in the index, 0 to 1, if half of all masks show one that is.
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 1))]
    pub probability: f32,
}

/// The encoder and index that computed a response; with a vision model, the model and the index of titles.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(target_arch = "wasm32", derive(tsify::Tsify))]
pub struct ModelInfo {
    /// Id of the encoder's manifest; `vlm:` and the model's name for a vision model.
    pub encoder: String,
    /// SHA-256 of the encoder's ONNX file; empty for a vision model.
    pub encoder_sha256: String,
    /// SHA-256 of the header of the index, or of the index of titles for a vision model.
    pub index_sha256: String,
    /// Number of entities in the index, or of titles for a vision model.
    pub entities: u64,
    /// Number of exemplars in the index; 0 for a vision model.
    pub exemplars: u64,
    /// Number of classes in the index: entities known by a row of a linear classifier, their prototype,
    /// without an image; 0 for a vision model.
    #[serde(default)]
    pub prototypes: u64,
}

/// The back ends of a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServerInfo {
    /// At least one; the first is the default.
    pub backends: Vec<BackendInfo>,
}

/// A back end that links masks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BackendInfo {
    /// Name by which the `backend` of a request's query chooses it.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[a-z0-9-]+$"))]
    pub name: String,
    /// Its encoder and index, or its vision model and titles.
    pub model: ModelInfo,
}

/// Milliseconds spent on the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(target_arch = "wasm32", derive(tsify::Tsify))]
pub struct Timing {
    /// Wait for a free worker.
    pub queue: f64,
    /// Decoding of the image and runs of the encoder; near 0 where all feature maps were cached. With a
    /// vision model: decoding, drawing of the model's images, and the wait for its text.
    pub encode: f64,
    /// Averaging of the features over the mask; 0 for a vision model.
    pub pool: f64,
    /// Search of the index, or of the titles for a vision model.
    pub search: f64,
    /// Sum of all steps, with the rest of the request.
    pub total: f64,
}

/// The response to an uploaded image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StoredImage {
    /// SHA-256 of the encoded image.
    pub sha256: String,
    /// Width as displayed, in pixels.
    pub width: u32,
    /// Height as displayed, in pixels.
    pub height: u32,
}

/// Returns whether a text is a SHA-256 as the protocol writes it: 64 lowercase hexadecimal digits.
pub fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Returns the SHA-256 of some bytes as the protocol writes it.
pub fn sha256_hex(bytes: &[u8]) -> String {
    use sha2::{Digest as _, Sha256};
    // By digits and not by `write!`, whose code the page would have to load.
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
    fn request_has_the_protocols_form() {
        let text = r#"{"image":{"sha256":"ab"},"mask":{"size":[2,3],"counts":"06"}}"#;
        let request: LinkRequest = serde_json::from_str(text).unwrap();
        assert_eq!(request.image, ImageRef::Sha256("ab".into()));
        assert_eq!(request.top_k, 10);
        assert_eq!(request.mask, CocoRle { size: [2, 3], counts: "06".to_owned() });
        let again: LinkRequest = serde_json::from_str(&serde_json::to_string(&request).unwrap()).unwrap();
        assert_eq!(again, request);
    }

    #[test]
    fn invalid_requests_are_refused_with_the_reason() {
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
