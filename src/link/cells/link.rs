//! Linking by an index in cells: encodes the mask, reads the nearest cells, and searches in them.

use std::sync::OnceLock;

use super::choose::Budget;
use super::{CellError, CellIndex, Files, Gathered};
use crate::link::encoder::pool::FeatureMap;
use crate::link::local::{LocalLinker, Question, encode_and_search};
use crate::link::protocol::LinkResponse;
use crate::model::Host;

/// Links a mask in the host's image as [`answer`](crate::link::answer) does, with cells from `files`.
///
/// The time of the ranges is part of the timing's `search`.
pub async fn link_by_cells<H: Host>(
    index: &CellIndex,
    files: &impl Files,
    host: &H,
    question: Question<'_>,
    image_map: &OnceLock<FeatureMap>,
) -> Result<LinkResponse, CellError> {
    let Question { mask, image_sha256, top_k } = question;
    let search = async |feature: &[f32]| search(index, files, feature, image_sha256, top_k).await;
    encode_and_search(&index.header().encoder, (host, mask, image_map), search).await
}

/// Returns the `top_k` likeliest entities of a mask's feature, without timing, as
/// [`LocalLinker::search`] does in the whole index.
pub async fn search(
    index: &CellIndex,
    files: &impl Files,
    feature: &[f32],
    image_sha256: Option<&str>,
    top_k: usize,
) -> Result<LinkResponse, CellError> {
    let query = index.query(feature)?;
    let Gathered { index: near, .. } = index.gather(files, &query, Budget::default()).await?;
    let model = index.model().clone();
    let linker = LocalLinker::new(near, model.index_sha256.clone());
    let response = linker.search(feature, image_sha256, top_k)?;
    Ok(LinkResponse { model, ..response })
}
