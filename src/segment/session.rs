//! Stores what is reused between clicks in one image: embeddings, and the logits of recent segmentations.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::decoder::{Decoded, cells_of, decode};
use super::input::{to_input, window_of};
use super::{Error, Family, Model, ModelFrame, Prompts};
use crate::geometry::PixelRect;
use crate::model::{EmbeddingRequest, GraphId, Host, Input, Tensor};

/// A model, and what it computed for the image at hand.
///
/// `R` is the host's handle of an embedding that stays where the encoder ran.
#[derive(Debug)]
pub struct Session<R> {
    pub(super) model: Model,
    image: Option<Encoded<R>>,
    /// Crops of the image that were encoded, the last used one last.
    crops: Vec<Encoded<R>>,
    /// Oldest first.
    kept: VecDeque<KeptLogits>,
}

/// Identifies a request and its result, so that a later click can refine it. The caller chooses the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(tsify::Tsify))]
#[serde(transparent)]
pub struct Ticket(pub u32);

/// An earlier segmentation of the same image whose logits are fed back to the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(tsify::Tsify))]
pub struct Refine {
    /// The ticket that the segmentation was computed with.
    pub ticket: Ticket,
    /// Index of the candidate to go on from.
    pub candidate: usize,
}

/// The embedding of an image or of a crop of it.
#[derive(Debug)]
struct Encoded<R> {
    frame: ModelFrame,
    embedding: Embedding<R>,
}

/// An embedding, by where it was computed.
#[derive(Debug)]
enum Embedding<R> {
    /// By this host, where it stays.
    Resident(R),
    /// By another computer.
    Received(Tensor),
}

impl<R> Embedding<R> {
    fn input(&self) -> Input<'_, R> {
        match self {
            Self::Resident(resident) => Input::Resident(resident),
            Self::Received(tensor) => Input::Tensor(tensor),
        }
    }
}

#[derive(Debug)]
struct KeptLogits {
    ticket: Ticket,
    frame: ModelFrame,
    /// f32[candidates, side, side] over the frame.
    logits: Vec<f32>,
}

/// Maximum number of segmentations whose logits are kept: 12 MiB where the model has three
/// candidates of 256 × 256.
pub(super) const MAX_KEPT: usize = 16;
/// Maximum number of crops whose embeddings are stored: the part of the image that is shown, and one around
/// a mask.
const MAX_CROPS: usize = 2;

impl<R> Session<R> {
    /// Creates a session without an image. Fails for a model of a family that is not supported.
    pub fn new(model: Model) -> Result<Self, Error> {
        match model.family {
            Family::Sam1 => Ok(Self { model, image: None, crops: Vec::new(), kept: VecDeque::new() }),
            family => Err(Error::FamilyUnsupported(family.name())),
        }
    }

    /// Returns the model's entry of the manifest.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Returns whether the image's embedding is stored.
    pub fn has_image(&self) -> bool {
        self.image.is_some()
    }

    /// Drops everything that belongs to the image; the next click encodes the host's image.
    pub fn forget_image(&mut self) {
        self.drop_embeddings();
        self.kept.clear();
    }

    /// Drops the embeddings, which are void after the host fell back to another provider.
    pub(super) fn drop_embeddings(&mut self) {
        self.image = None;
        self.crops.clear();
    }

    /// Returns the region of the crop that was used last.
    pub(super) fn crop_region(&self) -> Option<PixelRect> {
        self.crops.last().map(|crop| crop.frame.region)
    }

    /// Runs the encoder on what a frame shows, unless its embedding is stored.
    pub(super) async fn encode<H: Host<Resident = R>>(
        &mut self,
        host: &H,
        frame: ModelFrame,
    ) -> Result<(), Error> {
        self.encoded(host, frame).await.map(drop)
    }

    /// Runs the decoder on what a frame shows, after [`encode`](Self::encode). `mask_input` is
    /// f32[side, side], the logits that the model goes on from.
    pub(super) async fn decode<H: Host<Resident = R>>(
        &mut self,
        host: &H,
        frame: ModelFrame,
        prompts: Prompts,
        mask_input: Option<Vec<f32>>,
    ) -> Result<Decoded, Error> {
        let (model, embedding) = self.encoded(host, frame).await?;
        decode(model, host, (frame, embedding.input()), prompts, mask_input).await
    }

    async fn encoded<H: Host<Resident = R>>(
        &mut self,
        host: &H,
        frame: ModelFrame,
    ) -> Result<(&Model, &Embedding<R>), Error> {
        let Self { model, image, crops, .. } = self;
        if frame.shows_whole_image() {
            let encoded = match image.take().filter(|encoded| encoded.frame == frame) {
                Some(encoded) => encoded,
                None => Encoded { frame, embedding: embedding_of(model, host, &frame).await? },
            };
            return Ok((model, &image.insert(encoded).embedding));
        }
        let encoded = if let Some(at) = crops.iter().position(|crop| crop.frame == frame) {
            crops.remove(at)
        } else {
            if crops.len() == MAX_CROPS {
                // Dropped before there is another one.
                crops.remove(0);
            }
            Encoded { frame, embedding: embedding_of(model, host, &frame).await? }
        };
        let at = crops.len();
        crops.push(encoded);
        Ok((model, &crops[at].embedding))
    }

    /// Keeps the logits of a segmentation in place of those with the same ticket or the oldest.
    pub(super) fn keep(&mut self, ticket: Ticket, frame: ModelFrame, logits: Vec<f32>) {
        self.kept.retain(|kept| kept.ticket != ticket);
        if self.kept.len() == MAX_KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(KeptLogits { ticket, frame, logits });
    }

    /// Returns a candidate's logits with their frame; `None` where they are no longer kept.
    pub(super) fn logits_of(
        &self,
        Refine { ticket, candidate }: Refine,
    ) -> Result<Option<(ModelFrame, Vec<f32>)>, Error> {
        let count = self.model.decoder.candidates;
        if candidate >= count {
            return Err(Error::CandidateUnknown { asked: candidate, count });
        }
        let cells = cells_of(candidate, self.model.decoder.low_res);
        let kept = self.kept.iter().find(|kept| kept.ticket == ticket);
        Ok(kept.map(|kept| (kept.frame, kept.logits[cells].to_vec())))
    }
}

/// Runs a model's encoder on a region of the host's image, which lies within the image and is not empty.
pub async fn embed<H: Host>(model: &Model, host: &H, region: PixelRect) -> Result<H::Resident, Error> {
    let whole = ModelFrame::new(host.image_size()?, model.encoder.size)?;
    run_encoder(model, host, &ModelFrame::of_region(whole.image, region, whole.side)).await
}

/// Returns the embedding of what a frame shows, computed by another computer or by the host.
async fn embedding_of<H: Host>(
    model: &Model,
    host: &H,
    frame: &ModelFrame,
) -> Result<Embedding<H::Resident>, Error> {
    let encoder = &model.encoder;
    let asked = EmbeddingRequest {
        encoder_sha256: &encoder.graph.sha256,
        region: frame.region,
        shape: &encoder.embedding,
    };
    Ok(match host.embedding(&asked).await? {
        Some(received) => Embedding::Received(received),
        None => Embedding::Resident(run_encoder(model, host, frame).await?),
    })
}

async fn run_encoder<H: Host>(model: &Model, host: &H, frame: &ModelFrame) -> Result<H::Resident, Error> {
    let encoder = &model.encoder;
    let input = to_input(host.pixels(window_of(frame))?.pixels()?, frame, encoder)?;
    let inputs = [(encoder.input.as_str(), &input)];
    Ok(host.run_resident(GraphId::ClickEncoder, &inputs, &encoder.embedding).await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::Limits;
    use crate::segment::manifest::tests::model_json;

    #[test]
    fn unsupported_family_is_an_error() {
        let mut json = model_json();
        json["family"] = "sam2".into();
        let model = Model::from_json(json.to_string().as_bytes(), &Limits::default()).unwrap();
        let error = Session::<()>::new(model).unwrap_err();
        assert_eq!(
            error.to_string(),
            "models of the family \"sam2\" are not supported yet; only \"sam1\" is"
        );
    }
}
