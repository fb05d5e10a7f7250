//! One model at work on one picture: what to run next, and what its answer means.

use std::collections::VecDeque;

use super::cleanup::clean;
use super::preprocess::to_input;
use super::smooth::round_stairs;
use super::{Error, Family, Frame, Logits, Model, Prompts, Tensor};
use crate::geometry::Point;
use crate::pixels::Pixels;
use crate::rle::Mask;

/// A picture being segmented: encoded once, then decoded for each change of the prompts.
///
/// `E` is the encoder's output wherever it lives: a [`Tensor`] natively, a handle of the runtime in the page. The
/// session only keeps it.
#[derive(Debug)]
pub struct Session<E> {
    model: Model,
    newest: Option<Ticket>,
    picture: Option<Encoded<E>>,
    /// Answers for this picture that can still be refined, oldest first.
    answered: VecDeque<Answered>,
}

/// A number by which the caller tells its questions apart. The one begun last is the newest, whatever its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket(pub u32);

/// Which earlier answer a question goes on from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refine {
    /// The ticket of the answer.
    pub ticket: Ticket,
    /// Which of its candidates.
    pub candidate: usize,
}

/// The most answers whose logits are kept for refinement: 12 MiB where the model has three candidates of 256 × 256.
const MOST_ANSWERED: usize = 16;

/// A run of the encoder that is to be made.
#[derive(Debug)]
pub struct EncodeJob {
    /// Hand it back with the output.
    pub ticket: Ticket,
    /// The name of the graph's input.
    pub name: String,
    /// f32[1, 3, side, side].
    pub input: Tensor,
    frame: Frame,
}

/// A run of the decoder that is to be made.
#[derive(Debug)]
pub struct DecodeJob {
    /// Hand it back with the outputs.
    pub ticket: Ticket,
    /// The graph's inputs by name, but for the embedding.
    pub inputs: Vec<(&'static str, Tensor)>,
    clicks: Vec<(Point, bool)>,
}

/// What the prompts point out.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The masks the model offers, cleaned of specks, at the picture's size.
    pub candidates: Vec<Candidate>,
    /// Which of them the model thinks best.
    pub best: usize,
}

/// One mask a model offers.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The mask at the picture's size.
    pub mask: Mask,
    /// The model's own estimate of the mask's IoU with the object meant, within 0..=1.
    pub predicted_iou: f32,
}

#[derive(Debug)]
struct Encoded<E> {
    frame: Frame,
    embedding: E,
}

#[derive(Debug)]
struct Answered {
    ticket: Ticket,
    /// f32[candidates, side, side] as the decoder gave them.
    low_res: Vec<f32>,
}

impl Answer {
    /// The mask the model thinks best.
    pub fn mask(&self) -> &Mask {
        &self.candidates[self.best].mask
    }
}

impl<E> Session<E> {
    /// The decoder's input that takes the encoder's output.
    pub const EMBEDDING: &'static str = "image_embeddings";
    /// The decoder's outputs that [`Session::finish_decode`] takes, in its order.
    ///
    /// `masks`, the third, is not needed: it holds the low-resolution logits enlarged, and enlarging them to runs
    /// here is cheaper than fetching it.
    pub const OUTPUTS: [&'static str; 2] = ["iou_predictions", "low_res_masks"];

    /// A session without a picture. Fails for a family that is not supported.
    pub fn new(model: Model) -> Result<Self, Error> {
        match model.family {
            Family::Sam1 => Ok(Self { model, newest: None, picture: None, answered: VecDeque::new() }),
            family => Err(Error::FamilyUnsupported(family.name())),
        }
    }

    /// The model at work.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The encoder's output for the picture, once it is encoded.
    pub fn embedding(&self) -> Option<&E> {
        self.picture.as_ref().map(|picture| &picture.embedding)
    }

    /// Moves on to another picture: forgets the one before, and any answer still to come.
    pub fn begin_encode(&mut self, ticket: Ticket, pixels: Pixels<'_>) -> Result<EncodeJob, Error> {
        self.cancel();
        self.picture = None;
        self.answered.clear();
        let (frame, input) = to_input(pixels, &self.model.encoder)?;
        self.newest = Some(ticket);
        Ok(EncodeJob { ticket, name: self.model.encoder.input.clone(), input, frame })
    }

    /// Takes the encoder's output; false where the person has moved on and it was dropped.
    pub fn finish_encode(&mut self, job: &EncodeJob, embedding: E) -> bool {
        let current = Some(job.ticket) == self.newest;
        if current {
            self.picture = Some(Encoded { frame: job.frame, embedding });
        }
        current
    }

    /// Asks for the mask of the prompts. An answer to an earlier question that is still to come will be dropped.
    ///
    /// `refine` names the answer whose logits are fed back to the model, so that it corrects that mask instead of
    /// beginning anew. Only the last answers are kept; one that is not any more is begun anew.
    pub fn begin_decode(
        &mut self,
        ticket: Ticket,
        prompts: &Prompts,
        refine: Option<Refine>,
    ) -> Result<DecodeJob, Error> {
        let frame = self.picture.as_ref().ok_or(Error::PictureMissing)?.frame;
        let [coords, labels] = prompts.tensors(&frame)?;
        let fed_back = refine.map(|refine| self.logits_of(refine)).transpose()?.flatten();
        self.newest = Some(ticket);
        let side = self.model.decoder.low_res;
        let has_mask = f32::from(u8::from(fed_back.is_some()));
        let mask = Tensor::from_f32s(fed_back.unwrap_or_else(|| vec![0.0; side * side]));
        // The graph enlarges its masks to this size, which nobody looks at: ask for little.
        let (width, height) = (frame.content.width.div_ceil(8), frame.content.height.div_ceil(8));
        Ok(DecodeJob {
            ticket,
            inputs: vec![
                ("point_coords", coords),
                ("point_labels", labels),
                ("mask_input", mask.reshaped([1, 1, side, side])),
                ("has_mask_input", Tensor::from_f32s(vec![has_mask])),
                ("orig_im_size", Tensor::from_f32s(vec![height as f32, width as f32])),
            ],
            clicks: prompts.clicks().collect(),
        })
    }

    /// Takes the decoder's [outputs](Self::OUTPUTS); `None` where the person has moved on and they were dropped.
    pub fn finish_decode(&mut self, job: &DecodeJob, outputs: &[Tensor; 2]) -> Result<Option<Answer>, Error> {
        let Some(picture) = self.picture.as_ref().filter(|_| Some(job.ticket) == self.newest) else {
            return Ok(None);
        };
        let (count, side) = (self.model.decoder.candidates, self.model.decoder.low_res);
        let ious = floats(&outputs[0], Self::OUTPUTS[0], &[1, count])?;
        let low_res = floats(&outputs[1], Self::OUTPUTS[1], &[1, count, side, side])?;
        if !ious.iter().all(|iou| iou.is_finite()) {
            return Err(Error::NotFinite);
        }
        let mut candidates = Vec::with_capacity(count);
        for (&iou, grid) in ious.iter().zip(low_res.chunks_exact(side * side)) {
            let mut logits = Logits::from_frame(picture.frame, side, grid)?;
            clean(&mut logits, &job.clicks);
            round_stairs(&mut logits);
            candidates.push(Candidate { mask: logits.to_mask()?, predicted_iou: iou.clamp(0.0, 1.0) });
        }
        let best = best_candidate(ious, &job.inputs[1].1);
        if self.answered.len() == MOST_ANSWERED {
            self.answered.pop_front();
        }
        self.answered.push_back(Answered { ticket: job.ticket, low_res: low_res.to_vec() });
        Ok(Some(Answer { candidates, best }))
    }

    /// Drops any answer still to come.
    pub fn cancel(&mut self) {
        self.newest = None;
    }

    fn logits_of(&self, Refine { ticket, candidate }: Refine) -> Result<Option<Vec<f32>>, Error> {
        let count = self.model.decoder.candidates;
        if candidate >= count {
            return Err(Error::CandidateUnknown { asked: candidate, count });
        }
        let cells = self.model.decoder.low_res.pow(2);
        let answered = self.answered.iter().rev().find(|answered| answered.ticket == ticket);
        Ok(answered.map(|answered| answered.low_res[candidate * cells..][..cells].to_vec()))
    }
}

/// The candidate of the highest predicted IoU.
///
/// Of segment-anything's four, the first is the one for several prompts and the others are for a single one
/// (`select_masks` of its ONNX export): with more than two points, padding included, only the first counts, and with
/// fewer only the others do.
fn best_candidate(ious: &[f32], labels: &Tensor) -> usize {
    let points = labels.shape()[1];
    let eligible = match (ious.len(), points) {
        (4, 3..) => 0..1,
        (4, _) => 1..4,
        (count, _) => 0..count,
    };
    eligible.max_by(|&a, &b| ious[a].total_cmp(&ious[b])).unwrap_or(0)
}

fn floats<'a>(tensor: &'a Tensor, name: &'static str, shape: &[usize]) -> Result<&'a [f32], Error> {
    tensor.as_f32().filter(|_| tensor.shape() == shape).ok_or_else(|| Error::Output {
        name,
        expected: format!("float32{shape:?}"),
        actual: tensor.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;
    use crate::pixels::Channels;
    use crate::segment::manifest::tests::model_json;
    use crate::segment::{Limits, Prompt};

    const SIDE: usize = 4;

    fn session() -> Session<&'static str> {
        let mut json = model_json();
        json["encoder"]["size"] = 8.into();
        json["decoder"]["low_res"] = SIDE.into();
        json["decoder"]["candidates"] = 2.into();
        Session::new(Model::from_json(json.to_string().as_bytes(), &Limits::default()).unwrap()).unwrap()
    }

    fn encoded() -> Session<&'static str> {
        let mut session = session();
        let job =
            session.begin_encode(Ticket(0), Pixels::new(Size::new(8, 8), Channels::Rgb, &[7; 192]).unwrap()).unwrap();
        assert!(session.finish_encode(&job, "embedding"));
        session
    }

    fn prompts(clicks: &[(f64, f64)]) -> Prompts {
        let click = |&(x, y)| Prompt::Click { point: Point::new(x, y), positive: true };
        clicks.iter().map(click).collect::<Result<_, _>>().unwrap()
    }

    /// Two candidates, each of one logit everywhere.
    fn outputs(ious: [f32; 2], logits: [f32; 2]) -> [Tensor; 2] {
        let low_res = logits.iter().flat_map(|&logit| [logit; SIDE * SIDE]).collect();
        [Tensor::from_f32s(ious.to_vec()).reshaped([1, 2]), Tensor::from_f32s(low_res).reshaped([1, 2, SIDE, SIDE])]
    }

    fn input<'a>(job: &'a DecodeJob, name: &str) -> &'a [f32] {
        job.inputs.iter().find(|input| input.0 == name).unwrap().1.as_f32().unwrap()
    }

    #[test]
    fn the_best_candidate_is_the_mask_and_any_can_be_refined() {
        let mut session = encoded();
        let first = session.begin_decode(Ticket(7), &prompts(&[(1.0, 1.0)]), None).unwrap();
        assert_eq!(input(&first, "has_mask_input"), [0.0]);
        let answer = session.finish_decode(&first, &outputs([0.2, 1.5], [-1.0, 2.0])).unwrap().unwrap();
        assert_eq!((answer.best, answer.mask().area()), (1, 64));
        assert!((answer.candidates[1].predicted_iou - 1.0).abs() < f32::EPSILON);

        let two = prompts(&[(1.0, 1.0), (5.0, 5.0)]);
        for (ticket, candidate, fed_back) in [(7, 1, Some(2.0)), (7, 0, Some(-1.0)), (6, 0, None)] {
            let refine = Refine { ticket: Ticket(ticket), candidate };
            let job = session.begin_decode(Ticket(8), &two, Some(refine)).unwrap();
            assert_eq!(input(&job, "has_mask_input"), [f32::from(u8::from(fed_back.is_some()))]);
            assert_eq!(input(&job, "mask_input"), [fed_back.unwrap_or(0.0); 16]);
        }
        let unknown = session.begin_decode(Ticket(8), &two, Some(Refine { ticket: Ticket(7), candidate: 2 }));
        assert!(matches!(unknown, Err(Error::CandidateUnknown { asked: 2, count: 2 })));
    }

    #[test]
    fn only_the_last_answers_can_be_refined() {
        let mut session = encoded();
        for ticket in 0..=MOST_ANSWERED as u32 {
            let job = session.begin_decode(Ticket(ticket), &prompts(&[(1.0, 1.0)]), None).unwrap();
            session.finish_decode(&job, &outputs([0.9, 0.1], [1.0, 1.0])).unwrap().unwrap();
        }
        for (ticket, kept) in [(0, 0.0), (1, 1.0)] {
            let refine = Refine { ticket: Ticket(ticket), candidate: 0 };
            let job = session.begin_decode(Ticket(99), &prompts(&[(1.0, 1.0)]), Some(refine)).unwrap();
            assert_eq!(input(&job, "has_mask_input"), [kept]);
        }
    }

    #[test]
    fn stale_answers_are_dropped() {
        let mut session = encoded();
        let old = session.begin_decode(Ticket(1), &prompts(&[(1.0, 1.0)]), None).unwrap();
        let new = session.begin_decode(Ticket(2), &prompts(&[(2.0, 2.0)]), None).unwrap();
        assert!(session.finish_decode(&old, &outputs([0.9, 0.1], [1.0, 1.0])).unwrap().is_none());
        assert!(session.finish_decode(&new, &outputs([0.9, 0.1], [1.0, 1.0])).unwrap().is_some());

        let decode = session.begin_decode(Ticket(3), &prompts(&[(2.0, 2.0)]), None).unwrap();
        let pixel = Pixels::new(Size::new(1, 1), Channels::Rgb, &[0; 3]).unwrap();
        let encode = session.begin_encode(Ticket(4), pixel).unwrap();
        assert!(session.finish_decode(&decode, &outputs([0.9, 0.1], [1.0, 1.0])).unwrap().is_none());
        let early = session.begin_decode(Ticket(5), &prompts(&[(0.5, 0.5)]), None);
        assert!(matches!(early, Err(Error::PictureMissing)));
        session.cancel();
        assert!(!session.finish_encode(&encode, "late"));
    }

    #[test]
    fn outputs_that_break_the_contract_are_named() {
        let mut session = encoded();
        let job = session.begin_decode(Ticket(1), &prompts(&[(1.0, 1.0)]), None).unwrap();
        let [ious, low_res] = outputs([0.9, 0.1], [1.0, 1.0]);
        let swapped = session.finish_decode(&job, &[low_res, ious.clone()]).unwrap_err();
        assert_eq!(
            swapped.to_string(),
            "the model's output \"iou_predictions\" should be float32[1, 2], but is float32[1, 2, 4, 4]"
        );
        let [_, not_finite] = outputs([0.9, 0.1], [1.0, f32::NAN]);
        assert!(matches!(session.finish_decode(&job, &[ious, not_finite]), Err(Error::NotFinite)));
    }

    #[test]
    fn of_four_candidates_the_first_is_for_several_points() {
        let labels = |count| Tensor::from_f32s(vec![1.0; count]).reshaped([1, count]);
        assert_eq!(best_candidate(&[0.9, 0.1, 0.5, 0.3], &labels(2)), 2);
        assert_eq!(best_candidate(&[0.1, 0.9, 0.5, 0.3], &labels(3)), 0);
        assert_eq!(best_candidate(&[0.9, 0.1, 0.5], &labels(2)), 0);
    }

    #[test]
    fn other_families_say_so() {
        let mut json = model_json();
        json["family"] = "sam2".into();
        let model = Model::from_json(json.to_string().as_bytes(), &Limits::default()).unwrap();
        let error = Session::<()>::new(model).unwrap_err();
        assert_eq!(error.to_string(), "models of the family \"sam2\" are not supported yet; only \"sam1\" is");
    }
}
