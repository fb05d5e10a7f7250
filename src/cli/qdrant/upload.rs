//! `masklink upload`: copies the vectors of an index to a Qdrant collection.

use std::ops::Range;
use std::path::PathBuf;

use super::client::{Client, RetryPolicy};
use super::collection::{Collection, CollectionArgs};
use super::error::QdrantError;
use super::stored::{check_complete, check_form, check_sample, count};
use super::wire::{
    CreateCollection, NewVectors, Page, Payload, Point, PointId, Points, ScrollRequest, UpdateResult,
};
use crate::cli::host::NativeHost;
use crate::cli::progress::Progress;
use crate::link::index::header::Limits;
use crate::link::index::{Index, folder};
use crate::model::Host;

/// Maximum numbers of a batch: with its payload, its JSON stays below 1 MiB.
const BATCH_NUMBERS: usize = 3 << 14;
/// Maximum points of a batch.
const BATCH_POINTS: usize = 512;
/// Points of a page, when the collection is asked for what it has.
const PAGE: usize = 10_000;

/// Copies the vectors of an index to a Qdrant collection, for `masklink serve --backend qdrant`. Uploads only
/// the points that the collection lacks, so that an interrupted upload goes on where it was.
#[derive(clap::Args)]
pub(in crate::cli) struct UploadArgs {
    /// Folder of an index that `masklink index` wrote.
    #[arg(value_name = "INDEX")]
    index: PathBuf,
    #[command(flatten)]
    collection: CollectionArgs,
}

/// An upload that was completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uploaded {
    /// Number of points that were sent.
    pub sent: usize,
    /// Number of points that the collection had.
    pub kept: usize,
}

/// Runs the command.
pub(in crate::cli) fn run(args: &UploadArgs) -> anyhow::Result<()> {
    let (index, _) = folder::read(&args.index, Limits::default())?;
    let collection = args.collection.collection(0, false)?;
    let progress = Progress::of_items(index.vectors().rows() as u64, "vectors");
    let report = |done: usize| progress.set(done as u64, String::new);
    let Uploaded { sent, kept } =
        pollster::block_on(upload(&NativeHost::default(), &collection, &index, report))?;
    progress.finish();
    println!("{sent} vectors uploaded, {kept} were there");
    println!("{}/collections/{}", collection.url, collection.name);
    Ok(())
}

/// Uploads the vectors of an index that a collection lacks, and creates the collection where it is missing.
/// `report` gets the number of vectors that are there.
pub async fn upload<H: Host>(
    host: &H,
    collection: &Collection,
    index: &Index,
    mut report: impl FnMut(usize),
) -> Result<Uploaded, QdrantError> {
    let client = Client { host, collection, policy: RetryPolicy::of_upload() };
    match check_form(&client, index).await {
        Err(QdrantError::NoCollection { .. }) => {
            create(&client, index).await?;
            check_form(&client, index).await?;
        }
        checked => checked?,
    }
    let rows = index.vectors().rows();
    let is_there = present(&client, rows).await?;
    let there: Vec<u32> = (0..).zip(&is_there).filter(|(_, is)| **is).map(|(row, _)| row).collect();
    check_sample(&client, index, there.iter().copied()).await?;
    let kept = there.len();
    let mut done = kept;
    report(done);
    let missing: Vec<usize> = (0..rows).filter(|row| !is_there[*row]).collect();
    let batch = (BATCH_NUMBERS / index.vectors().dimensions()).clamp(1, BATCH_POINTS);
    for rows in missing.chunks(batch) {
        put(&client, index, rows).await?;
        done += rows.len();
        report(done);
    }
    check_complete(&client, index).await?;
    Ok(Uploaded { sent: missing.len(), kept })
}

/// Creates the collection. Another upload may do so at the same time.
async fn create<H: Host>(client: &Client<'_, H>, index: &Index) -> Result<(), QdrantError> {
    // The vectors have the length 1: their product is their cosine.
    let vectors = NewVectors { size: index.vectors().dimensions(), distance: "Dot" };
    match client.call::<bool>("PUT", "", &CreateCollection { vectors }).await {
        Ok(_) | Err(QdrantError::Refused { status: 409, .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Returns for each row whether the collection has it.
async fn present<H: Host>(client: &Client<'_, H>, rows: usize) -> Result<Vec<bool>, QdrantError> {
    let mut present = vec![false; rows];
    if count(client).await? == 0 {
        return Ok(present);
    }
    let mut offset = None;
    loop {
        let request = ScrollRequest { offset, limit: PAGE, with_payload: false, with_vector: false };
        let Page { points, next_page_offset } = client.call("POST", "/points/scroll", &request).await?;
        for point in points {
            let name = &client.collection.name;
            let mismatch = || QdrantError::Mismatch { name: name.clone(), point: point.id.to_string() };
            present[point.id.row(rows).ok_or_else(mismatch)? as usize] = true;
        }
        match next_page_offset {
            None => return Ok(present),
            // Each page begins later than the one before, so that the loop ends whatever comes.
            Some(PointId::Number(next)) if offset.is_none_or(|before| next > before) => offset = Some(next),
            Some(next) => {
                let reason = format!("the page after {offset:?} begins at {next}");
                return Err(QdrantError::BadResponse { reason });
            }
        }
    }
}

/// Uploads some rows, which rise.
async fn put<H: Host>(client: &Client<'_, H>, index: &Index, rows: &[usize]) -> Result<(), QdrantError> {
    let dimensions = index.vectors().dimensions();
    let mut vectors = Vec::with_capacity(rows.len() * dimensions);
    let mut scratch = Vec::new();
    for range in ranges(rows) {
        vectors.extend_from_slice(index.vectors().read(range, &mut scratch));
    }
    let points = rows.iter().zip(vectors.chunks_exact(dimensions)).map(|(&row, vector)| {
        let exemplar = &index.exemplars()[row];
        let payload = Payload {
            qid: &index.entities()[exemplar.entity as usize].qid,
            annotation: &exemplar.annotation,
            image: &exemplar.image,
            bounds: exemplar.bounds,
        };
        Point { id: row as u64, vector, payload }
    });
    let points = Points { points: points.collect() };
    let UpdateResult { status } = client.call("PUT", "/points?wait=true", &points).await?;
    // The number of points is checked at the end, whatever still waits.
    match &*status {
        "completed" | "acknowledged" | "wait_timeout" => Ok(()),
        other => Err(QdrantError::BadResponse { reason: format!("the upload's status is {other:?}") }),
    }
}

/// Joins rising rows to ranges.
fn ranges(rows: &[usize]) -> impl Iterator<Item = Range<usize>> {
    rows.chunk_by(|before, after| before + 1 == *after)
        .filter_map(|run| Some(*run.first()?..*run.last()? + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_rows_join_to_ranges() {
        assert_eq!(ranges(&[0, 1, 2, 5, 7, 8]).collect::<Vec<_>>(), [0..3, 5..6, 7..9]);
        assert_eq!(ranges(&[]).count(), 0);
    }
}
