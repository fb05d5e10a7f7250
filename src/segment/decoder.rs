//! The decoder's inputs and outputs by the contract of the family `sam1`.

use super::cleanup::clean;
use super::smooth::round_stairs;
use super::{Candidate, Error, Logits, Model, ModelFrame, Prompts};
use crate::model::{Data, GraphId, Host, HostError, Input, Tensor};

/// The input that takes the encoder's output.
const EMBEDDING: &str = "image_embeddings";
/// The outputs that are read. `masks`, the third, is the low-resolution logits enlarged, which
/// [`Logits::to_mask`] does at less cost than fetching it.
const OUTPUTS: [&str; 2] = ["iou_predictions", "low_res_masks"];

/// The decoder's outputs for one frame.
#[derive(Debug)]
pub(super) struct Decoded {
    pub(super) frame: ModelFrame,
    /// Index of the candidate with the highest predicted IoU.
    pub(super) best: usize,
    /// Predicted IoU of each candidate, finite.
    ious: Vec<f32>,
    /// f32[candidates, side, side] over the frame.
    pub(super) logits: Vec<f32>,
    pub(super) side: usize,
    prompts: Prompts,
}

/// Runs the decoder on an embedding. `mask_input` is f32[side, side], logits that the model goes on from.
pub(super) async fn decode<H: Host>(
    model: &Model,
    host: &H,
    (frame, embedding): (ModelFrame, Input<'_, H::Resident>),
    prompts: Prompts,
    mask_input: Option<Vec<f32>>,
) -> Result<Decoded, Error> {
    let tensors = inputs(model, &frame, &prompts, mask_input)?;
    let mut named: Vec<_> = tensors.iter().map(|(name, tensor)| (*name, Input::Tensor(tensor))).collect();
    named.push((EMBEDDING, embedding));
    let outputs = host.run(GraphId::ClickDecoder, &named, &OUTPUTS).await?;
    let (count, side) = (model.decoder.candidates, model.decoder.low_res);
    let mut outputs = outputs.into_iter();
    let ious = floats(outputs.next(), OUTPUTS[0], &[1, count])?;
    let logits = floats(outputs.next(), OUTPUTS[1], &[1, count, side, side])?;
    if !ious.iter().all(|iou| iou.is_finite()) {
        return Err(Error::NotFinite);
    }
    let best = best_candidate(&ious, tensors[1].1.data().len());
    Ok(Decoded { frame, best, ious, logits, side, prompts })
}

impl Decoded {
    /// Returns the model's estimate of a candidate's IoU, within 0..=1.
    pub(super) fn predicted_iou(&self, candidate: usize) -> f32 {
        self.ious[candidate].clamp(0.0, 1.0)
    }

    /// Returns a candidate's logits, f32[side, side].
    pub(super) fn logits_of(&self, candidate: usize) -> &[f32] {
        &self.logits[cells_of(candidate, self.side)]
    }

    /// Makes the mask of a candidate, without specks and stairs.
    pub(super) fn candidate(&self, at: usize) -> Result<Candidate, Error> {
        let mut logits = Logits::from_frame(self.frame, self.side, self.logits_of(at))?;
        let clicks: Vec<_> = self.prompts.clicks().collect();
        // In this order: smoothing blurs how sure the model is of a part far away.
        clean(&mut logits, &clicks)?;
        round_stairs(&mut logits);
        Ok(Candidate { mask: logits.to_mask()?, predicted_iou: self.predicted_iou(at) })
    }

    /// Makes the masks of all candidates.
    pub(super) fn candidates(&self) -> Result<Vec<Candidate>, Error> {
        (0..self.ious.len()).map(|at| self.candidate(at)).collect()
    }
}

/// Returns where a candidate's logits lie among those of all.
pub(super) fn cells_of(candidate: usize, side: usize) -> std::ops::Range<usize> {
    candidate * side * side..(candidate + 1) * side * side
}

/// Makes the graph's inputs but for the embedding.
fn inputs(
    model: &Model,
    frame: &ModelFrame,
    prompts: &Prompts,
    mask_input: Option<Vec<f32>>,
) -> Result<[(&'static str, Tensor); 5], Error> {
    let [coords, labels] = prompts.tensors(frame)?;
    let side = model.decoder.low_res;
    let has_mask = f32::from(u8::from(mask_input.is_some()));
    let mask = Tensor::from_f32s(mask_input.unwrap_or_else(|| vec![0.0; side * side]));
    // The graph enlarges its masks to this size, which are not read: ask for little.
    let (width, height) = (frame.content.width.div_ceil(8), frame.content.height.div_ceil(8));
    Ok([
        ("point_coords", coords),
        ("point_labels", labels),
        ("mask_input", mask.reshaped([1, 1, side, side])),
        ("has_mask_input", Tensor::from_f32s(vec![has_mask])),
        ("orig_im_size", Tensor::from_f32s(vec![height as f32, width as f32])),
    ])
}

fn floats(tensor: Option<Tensor>, name: &str, shape: &[usize]) -> Result<Vec<f32>, HostError> {
    let actual = tensor.as_ref().map(Tensor::to_string);
    match tensor.filter(|tensor| tensor.shape() == shape).map(Tensor::into_data) {
        Some(Data::F32(values)) => Ok(values),
        _ => Err(HostError::output(name, format!("float32{shape:?}"), actual)),
    }
}

/// Returns the candidate of the highest predicted IoU.
///
/// Of segment-anything's four, the first is the one for several prompts and the others are for a
/// single one (`select_masks` of its ONNX export): with more than two points, padding included,
/// only the first counts, and with fewer only the others do.
fn best_candidate(ious: &[f32], points: usize) -> usize {
    let eligible = match (ious.len(), points) {
        (4, 3..) => 0..1,
        (4, _) => 1..4,
        (count, _) => 0..count,
    };
    eligible.max_by(|&a, &b| ious[a].total_cmp(&ious[b])).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_of_four_candidates_is_best_for_several_points_alone() {
        assert_eq!(best_candidate(&[0.9, 0.1, 0.5, 0.3], 2), 2);
        assert_eq!(best_candidate(&[0.1, 0.9, 0.5, 0.3], 3), 0);
        assert_eq!(best_candidate(&[0.9, 0.1, 0.5], 2), 0);
    }
}
