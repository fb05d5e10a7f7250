//! Search by Qdrant: the entities whose best exemplar is nearest to a query.

use super::client::{Client, RetryPolicy};
use super::collection::Collection;
use super::error::QdrantError;
use super::stored::MAX_DIFFERENCE;
use super::wire::{QuantizationParams, QueryRequest, QueryResponse, SearchParams};
use crate::link::index::Index;
use crate::link::index::vectors::dot;
use crate::link::search::rescore::nearest_among;
use crate::link::search::{Hit, Query};
use crate::model::Host;

/// Exemplars asked for first, for each entity wanted: most entities have several that are near.
const FIRST_FACTOR: usize = 4;
/// Factor by which more are asked for where those before show too few entities.
const MORE_FACTOR: usize = 8;
/// Maximum number of exemplars asked for.
const MAX_LIMIT: usize = 1 << 16;
/// Maximum difference of the cosines of two exemplars that Qdrant may order otherwise than the search here.
/// Rounding the vectors to half precision changes a cosine by at most 2^-11, and so does rounding the query;
/// Qdrant's distance Cosine then scales rounded vectors to length 1, which changes it less.
const ROUNDING: f32 = 1e-3;

/// Returns the `k` entities of the index nearest to a query, the nearest first, equal ones by rising QID.
///
/// They equal those of the local search where Qdrant searches exactly and keeps vectors at half precision or
/// more; its approximate search, and quantized vectors, may miss some.
/// An entity of more than 65,536 near exemplars may hide others.
pub async fn nearest<H: Host>(
    host: &H,
    collection: &Collection,
    index: &Index,
    query: Query<'_>,
    k: usize,
) -> Result<Vec<Hit>, QdrantError> {
    let request_millis = collection.timeout_millis;
    let deadline = Some(host.now_millis() + f64::from(request_millis));
    let client = Client { host, collection, policy: RetryPolicy { request_millis, deadline, retries: 2 } };
    let most = index.vectors().rows().min(MAX_LIMIT);
    let mut limit = FIRST_FACTOR.saturating_mul(k).min(most);
    if limit == 0 {
        return Ok(Vec::new());
    }
    loop {
        let Found { rows, floor } = find(&client, index, query.vector, limit).await?;
        let is_whole = rows.len() < limit || limit >= most;
        let hits = nearest_among(index, query, &rows, k);
        // A further exemplar may be as near as the last one found, and must not change the list.
        let is_full = hits.len() >= k && hits.last().is_some_and(|last| last.similarity > floor + ROUNDING);
        if is_full || is_whole {
            return Ok(hits);
        }
        limit = (limit * MORE_FACTOR).min(most);
    }
}

/// Exemplars that Qdrant found.
struct Found {
    /// Rising, without repetition.
    rows: Vec<u32>,
    /// Smallest cosine among them.
    floor: f32,
}

/// Returns the exemplars nearest to a vector, at most `limit`.
async fn find<H: Host>(
    client: &Client<'_, H>,
    index: &Index,
    vector: &[f32],
    limit: usize,
) -> Result<Found, QdrantError> {
    // Scores of quantized vectors alone are off by more than is told from another collection's.
    let quantization = QuantizationParams { rescore: true };
    let params = SearchParams { exact: client.collection.exact, quantization };
    let request = QueryRequest { query: vector, limit, params, with_payload: false, with_vector: false };
    let QueryResponse { points } = client.call("POST", "/points/query", &request).await?;
    if points.len() > limit {
        let reason = format!("{} points, at most {limit} were asked for", points.len());
        return Err(QdrantError::BadResponse { reason });
    }
    let (mut rows, mut floor, mut scratch) = (Vec::with_capacity(points.len()), f32::INFINITY, Vec::new());
    for point in points {
        let row = point.id.row(index.vectors().rows()).filter(|&row| {
            let at = row as usize;
            let similarity = dot(index.vectors().read(at..at + 1, &mut scratch), vector);
            floor = floor.min(similarity);
            (similarity - point.score).abs() <= MAX_DIFFERENCE
        });
        let name = &client.collection.name;
        rows.push(
            row.ok_or_else(|| QdrantError::Mismatch { name: name.clone(), point: point.id.to_string() })?,
        );
    }
    let found = rows.len();
    rows.sort_unstable();
    rows.dedup();
    if rows.len() < found {
        return Err(QdrantError::BadResponse { reason: "it has a point twice".to_owned() });
    }
    Ok(Found { rows, floor })
}
