//! The part of Qdrant's HTTP API that is used, as JSON types. Written from the published `OpenAPI` document
//! of version 1.19.

use serde::{Deserialize, Serialize};

/// A response of any path.
#[derive(Deserialize)]
pub(super) struct Answer<T> {
    pub(super) result: T,
}

/// A response other than success.
#[derive(Deserialize)]
pub(super) struct Failure {
    pub(super) status: FailureStatus,
}

#[derive(Deserialize)]
pub(super) struct FailureStatus {
    pub(super) error: String,
}

/// `GET /collections/{name}`.
#[derive(Deserialize)]
pub(super) struct CollectionInfo {
    pub(super) config: CollectionConfig,
}

#[derive(Deserialize)]
pub(super) struct CollectionConfig {
    pub(super) params: CollectionParams,
}

#[derive(Deserialize)]
pub(super) struct CollectionParams {
    /// Absent where there are sparse vectors alone.
    #[serde(default)]
    pub(super) vectors: Option<VectorsConfig>,
}

/// One vector a point, or several by name.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum VectorsConfig {
    One(VectorParams),
    Named(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
pub(super) struct VectorParams {
    pub(super) size: u64,
    pub(super) distance: String,
    /// Present where a point has a matrix.
    #[serde(default)]
    pub(super) multivector_config: Option<serde::de::IgnoredAny>,
}

/// `PUT /collections/{name}`.
#[derive(Serialize)]
pub(super) struct CreateCollection {
    pub(super) vectors: NewVectors,
}

#[derive(Serialize)]
pub(super) struct NewVectors {
    pub(super) size: usize,
    pub(super) distance: &'static str,
}

/// `PUT /collections/{name}/points`.
#[derive(Serialize)]
pub(super) struct Points<'a> {
    pub(super) points: Vec<Point<'a>>,
}

/// A vector of the index. The id is its row.
#[derive(Serialize)]
pub(super) struct Point<'a> {
    pub(super) id: u64,
    pub(super) vector: &'a [f32],
    pub(super) payload: Payload<'a>,
}

/// The entity and the exemplar of a vector, for those who look into the collection; no search reads it.
#[derive(Serialize)]
pub(super) struct Payload<'a> {
    pub(super) qid: &'a str,
    pub(super) annotation: &'a str,
    pub(super) image: &'a str,
    /// `[x1, y1, x2, y2]` in pixels of the image.
    #[serde(rename = "box")]
    pub(super) bounds: [f32; 4],
}

/// The result of an upload.
#[derive(Deserialize)]
pub(super) struct UpdateResult {
    pub(super) status: String,
}

/// `POST /collections/{name}/points/count`.
#[derive(Serialize)]
pub(super) struct CountRequest {
    pub(super) exact: bool,
}

#[derive(Deserialize)]
pub(super) struct Count {
    pub(super) count: u64,
}

/// `POST /collections/{name}/points/scroll`.
#[derive(Serialize)]
pub(super) struct ScrollRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) offset: Option<u64>,
    pub(super) limit: usize,
    pub(super) with_payload: bool,
    pub(super) with_vector: bool,
}

#[derive(Deserialize)]
pub(super) struct Page {
    pub(super) points: Vec<Record>,
    #[serde(default)]
    pub(super) next_page_offset: Option<PointId>,
}

/// `POST /collections/{name}/points`.
#[derive(Serialize)]
pub(super) struct PointRequest<'a> {
    pub(super) ids: &'a [u64],
    pub(super) with_payload: bool,
    pub(super) with_vector: bool,
}

#[derive(Deserialize)]
pub(super) struct Record {
    pub(super) id: PointId,
    #[serde(default)]
    pub(super) vector: Option<Vec<f32>>,
}

/// A number, or a UUID.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum PointId {
    Number(u64),
    Text(String),
}

/// `POST /collections/{name}/points/query`.
#[derive(Serialize)]
pub(super) struct QueryRequest<'a> {
    pub(super) query: &'a [f32],
    pub(super) limit: usize,
    pub(super) params: SearchParams,
    pub(super) with_payload: bool,
    pub(super) with_vector: bool,
}

#[derive(Clone, Copy, Serialize)]
pub(super) struct SearchParams {
    pub(super) exact: bool,
    pub(super) quantization: QuantizationParams,
}

#[derive(Clone, Copy, Serialize)]
pub(super) struct QuantizationParams {
    /// Whether what the quantized vectors find is compared with the originals.
    pub(super) rescore: bool,
}

#[derive(Deserialize)]
pub(super) struct QueryResponse {
    pub(super) points: Vec<ScoredPoint>,
}

#[derive(Deserialize)]
pub(super) struct ScoredPoint {
    pub(super) id: PointId,
    pub(super) score: f32,
}

impl PointId {
    /// Returns the row that the id states, where it is below `rows`.
    pub(super) fn row(&self, rows: usize) -> Option<u32> {
        match self {
            Self::Number(id) => u32::try_from(*id).ok().filter(|row| (*row as usize) < rows),
            Self::Text(_) => None,
        }
    }
}

impl std::fmt::Display for PointId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(id) => id.fmt(formatter),
            Self::Text(id) => id.fmt(formatter),
        }
    }
}
