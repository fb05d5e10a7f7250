//! The check that a collection holds the vectors of an index.

use std::collections::BTreeSet;

use super::client::Client;
use super::error::QdrantError;
use super::wire::{CollectionInfo, Count, CountRequest, PointRequest, Record, VectorParams, VectorsConfig};
use crate::link::index::Index;
use crate::link::index::vectors::dot;
use crate::model::Host;

/// Maximum difference of the cosine that Qdrant computes and the one computed here: half-precision vectors
/// stay well below. Quantized ones do not, and are compared with the originals.
pub(super) const MAX_DIFFERENCE: f32 = 0.02;
/// Points whose vectors are compared with the index.
const SAMPLES: usize = 16;

/// Checks that the index has vectors, and that those of the collection have their length and a fitting
/// distance.
pub(super) async fn check_form<H: Host>(client: &Client<'_, H>, index: &Index) -> Result<(), QdrantError> {
    if index.vectors().rows() == 0 {
        return Err(QdrantError::NoVectors);
    }
    let info: CollectionInfo = client.get("").await?;
    let name = || client.collection.name.clone();
    let params = match info.config.params.vectors {
        Some(VectorsConfig::One(params)) if params.multivector_config.is_none() => params,
        _ => return Err(QdrantError::Named { name: name() }),
    };
    let VectorParams { size, distance, .. } = params;
    let expected = index.vectors().dimensions();
    if size != expected as u64 {
        return Err(QdrantError::Size { name: name(), expected, actual: size });
    }
    if !matches!(&*distance, "Dot" | "Cosine") {
        return Err(QdrantError::Distance { name: name(), actual: distance });
    }
    Ok(())
}

/// Returns the number of points.
pub(super) async fn count<H: Host>(client: &Client<'_, H>) -> Result<u64, QdrantError> {
    let Count { count } = client.call("POST", "/points/count", &CountRequest { exact: true }).await?;
    Ok(count)
}

/// Checks that the collection has as many points as the index has vectors.
pub(super) async fn check_complete<H: Host>(
    client: &Client<'_, H>,
    index: &Index,
) -> Result<(), QdrantError> {
    let (points, rows) = (count(client).await?, index.vectors().rows());
    let name = client.collection.name.clone();
    match points.cmp(&(rows as u64)) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Less => Err(QdrantError::Incomplete { name, points, rows }),
        std::cmp::Ordering::Greater => Err(QdrantError::TooMany { name, points, rows }),
    }
}

/// Checks that some of these points, which rise, are the rows of the index.
pub(super) async fn check_sample<H: Host>(
    client: &Client<'_, H>,
    index: &Index,
    present: impl ExactSizeIterator<Item = u32> + DoubleEndedIterator + Clone,
) -> Result<(), QdrantError> {
    let step = present.len().div_ceil(SAMPLES).max(1);
    let last = present.clone().next_back();
    let mut ids: Vec<u64> = present.step_by(step).chain(last).map(u64::from).collect();
    ids.dedup();
    if ids.is_empty() {
        return Ok(());
    }
    let request = PointRequest { ids: &ids, with_payload: false, with_vector: true };
    let records: Vec<Record> = client.call("POST", "/points", &request).await?;
    let mismatch = |point: String| QdrantError::Mismatch { name: client.collection.name.clone(), point };
    let (rows, mut scratch) = (index.vectors().rows(), Vec::new());
    let found: BTreeSet<_> = records.iter().filter_map(|record| record.id.row(rows)).map(u64::from).collect();
    if let Some(missing) = ids.iter().find(|id| !found.contains(id)) {
        return Err(mismatch(missing.to_string()));
    }
    for Record { id, vector } in records {
        let is_same = id.row(rows).zip(vector).is_some_and(|(row, vector)| {
            let at = row as usize;
            let own = index.vectors().read(at..at + 1, &mut scratch);
            vector.len() == own.len() && (dot(own, &vector) - 1.0).abs() <= MAX_DIFFERENCE
        });
        if !is_same {
            return Err(mismatch(id.to_string()));
        }
    }
    Ok(())
}
