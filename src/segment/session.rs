//! One model at work on one image: what to run next, and what its answer means.

use std::collections::VecDeque;

use super::answer::best_candidate;
use super::cleanup::clean;
use super::job::Look;
use super::preprocess::to_input;
use super::smooth::round_stairs;
use super::{
    Answer, Candidate, DecodeJob, EncodeJob, Error, Family, Frame, Logits, Model, Prompts, Refine, Tensor,
    Ticket,
};
use crate::pixels::Pixels;

/// An image being segmented: encoded once, then decoded for each change of the prompts, and where
/// the model is made for it looked at more closely in the parts that matter.
///
/// `E` is the encoder's output wherever it lives: a [`Tensor`] natively, a handle of the runtime in
/// the page. The session only keeps it.
#[derive(Debug)]
pub struct Session<E> {
    pub(super) model: Model,
    pub(super) newest: Option<Ticket>,
    pub(super) image: Option<Encoded<E>>,
    /// The part of the image that was zoomed in on last.
    pub(super) zoomed: Option<Encoded<E>>,
    /// Answers for this image that can still be refined, oldest first.
    pub(super) answered: VecDeque<Answered>,
}

/// The most answers whose logits are kept for refinement: 12 MiB where the model has three
/// candidates of 256 × 256.
const MAX_ANSWERED: usize = 16;

#[derive(Debug)]
pub(super) struct Encoded<E> {
    pub(super) frame: Frame,
    pub(super) embedding: E,
}

#[derive(Debug)]
pub(super) struct Answered {
    pub(super) ticket: Ticket,
    pub(super) prompts: Prompts,
    /// The last look that it is the answer of.
    pub(super) look: Look,
    pub(super) answer: Answer,
    /// f32[candidates, side, side], logits of the whole image.
    pub(super) low_res: Vec<f32>,
}

impl<E> Session<E> {
    /// The decoder's input that takes the encoder's output.
    pub const EMBEDDING: &'static str = "image_embeddings";
    /// The decoder's outputs that [`Session::finish_decode`] takes, in its order.
    ///
    /// `masks`, the third, is not needed: it holds the low-resolution logits enlarged, and
    /// enlarging them to runs here is cheaper than fetching it.
    pub const OUTPUTS: [&'static str; 2] = ["iou_predictions", "low_res_masks"];

    /// A session without an image. Fails for a family that is not supported.
    pub fn new(model: Model) -> Result<Self, Error> {
        match model.family {
            Family::Sam1 => {
                Ok(Self { model, newest: None, image: None, zoomed: None, answered: VecDeque::new() })
            }
            family => Err(Error::FamilyUnsupported(family.name())),
        }
    }

    /// The model at work.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The encoder's output for the image, once it is encoded.
    pub fn embedding(&self) -> Option<&E> {
        self.image.as_ref().map(|image| &image.embedding)
    }

    /// The encoder's output that a run of the decoder takes; `None` where it was dropped since.
    pub fn embedding_for(&self, job: &DecodeJob) -> Option<&E> {
        let mut kept = [&self.image, &self.zoomed].into_iter().flatten();
        kept.find(|encoded| encoded.frame == job.frame).map(|encoded| &encoded.embedding)
    }

    /// Moves on to another image: forgets the one before, and any answer still to come.
    pub fn begin_encode(&mut self, ticket: Ticket, pixels: Pixels<'_>) -> Result<EncodeJob, Error> {
        self.cancel();
        self.image = None;
        self.zoomed = None;
        self.answered.clear();
        let job = self.encode_job(ticket, Frame::new(pixels.size(), self.model.encoder.size)?, pixels)?;
        self.newest = Some(ticket);
        Ok(job)
    }

    /// Takes the encoder's output; false where the person has moved on and it was dropped.
    pub fn finish_encode(&mut self, job: &EncodeJob, embedding: E) -> bool {
        let current = Some(job.ticket) == self.newest;
        if current {
            let encoded = Some(Encoded { frame: job.frame, embedding });
            match self.image {
                Some(_) => self.zoomed = encoded,
                None => self.image = encoded,
            }
        }
        current
    }

    /// Asks for the mask of the prompts. An answer to an earlier question that is still to come
    /// will be dropped.
    ///
    /// `refine` names the answer whose logits are fed back to the model, so that it corrects that
    /// mask instead of beginning anew. Only the last answers are kept; one that is not any more is
    /// begun anew.
    pub fn begin_decode(
        &mut self,
        ticket: Ticket,
        prompts: &Prompts,
        refine: Option<Refine>,
    ) -> Result<DecodeJob, Error> {
        let frame = self.image.as_ref().ok_or(Error::ImageMissing)?.frame;
        let fed_back = refine.map(|refine| self.logits_of(refine)).transpose()?.flatten();
        let job = self.decode_job(ticket, prompts.clone(), frame, fed_back)?;
        self.newest = Some(ticket);
        Ok(job)
    }

    /// Takes the decoder's [outputs](Self::OUTPUTS); `None` where the person has moved on and they
    /// were dropped.
    pub fn finish_decode(&mut self, job: &DecodeJob, outputs: &[Tensor; 2]) -> Result<Option<Answer>, Error> {
        if self.image.is_none() || Some(job.ticket) != self.newest {
            return Ok(None);
        }
        let (count, side) = (self.model.decoder.candidates, self.model.decoder.low_res);
        let ious = floats(&outputs[0], Self::OUTPUTS[0], &[1, count])?;
        let low_res = floats(&outputs[1], Self::OUTPUTS[1], &[1, count, side, side])?;
        if !ious.iter().all(|iou| iou.is_finite()) {
            return Err(Error::NotFinite);
        }
        let best = best_candidate(ious, &job.inputs[1].1);
        let clicks: Vec<_> = job.prompts.clicks().collect();
        let expected = |at: usize| ious[at].clamp(0.0, 1.0);
        let candidate = |at: usize| {
            let mut logits =
                Logits::from_frame(job.frame, side, &low_res[at * side * side..][..side * side])?;
            // In this order: how sure the model is of a part far away, rounding blurs.
            clean(&mut logits, &clicks)?;
            round_stairs(&mut logits);
            Ok::<_, Error>(Candidate { mask: logits.to_mask()?, predicted_iou: expected(at) })
        };
        let answer = || {
            Ok::<_, Error>(Answer { candidates: (0..count).map(candidate).collect::<Result<_, _>>()?, best })
        };
        Ok(Some(match job.look {
            Look::Whole => self.remember(job, answer()?, low_res),
            Look::OnClick => self.prefer(job, expected(best), answer, low_res)?,
            Look::Closer => {
                self.correct(job, candidate(best)?, &low_res[best * side * side..][..side * side])?
            }
        }))
    }

    /// Keeps an answer, for a while, to be looked at closer and refined.
    fn remember(&mut self, job: &DecodeJob, answer: Answer, low_res: &[f32]) -> Answer {
        if self.answered.len() == MAX_ANSWERED {
            self.answered.pop_front();
        }
        self.answered.push_back(Answered {
            ticket: job.ticket,
            prompts: job.prompts.clone(),
            look: Look::Whole,
            answer: answer.clone(),
            low_res: low_res.to_vec(),
        });
        answer
    }

    /// Drops any answer still to come.
    pub fn cancel(&mut self) {
        self.newest = None;
    }

    pub(super) fn encode_job(
        &self,
        ticket: Ticket,
        frame: Frame,
        pixels: Pixels<'_>,
    ) -> Result<EncodeJob, Error> {
        let input = to_input(pixels, &frame, &self.model.encoder)?;
        Ok(EncodeJob { ticket, name: self.model.encoder.input.clone(), input, frame })
    }

    pub(super) fn decode_job(
        &self,
        ticket: Ticket,
        prompts: Prompts,
        frame: Frame,
        fed_back: Option<Vec<f32>>,
    ) -> Result<DecodeJob, Error> {
        let [coords, labels] = prompts.tensors(&frame)?;
        let side = self.model.decoder.low_res;
        let has_mask = f32::from(u8::from(fed_back.is_some()));
        let mask = Tensor::from_f32s(fed_back.unwrap_or_else(|| vec![0.0; side * side]));
        // The graph enlarges its masks to this size, which nobody looks at: ask for little.
        let (width, height) = (frame.content.width.div_ceil(8), frame.content.height.div_ceil(8));
        let inputs = vec![
            ("point_coords", coords),
            ("point_labels", labels),
            ("mask_input", mask.reshaped([1, 1, side, side])),
            ("has_mask_input", Tensor::from_f32s(vec![has_mask])),
            ("orig_im_size", Tensor::from_f32s(vec![height as f32, width as f32])),
        ];
        Ok(DecodeJob { ticket, inputs, prompts, frame, look: Look::Whole })
    }

    pub(super) fn logits_of(&self, Refine { ticket, candidate }: Refine) -> Result<Option<Vec<f32>>, Error> {
        let count = self.model.decoder.candidates;
        if candidate >= count {
            return Err(Error::CandidateUnknown { asked: candidate, count });
        }
        let cells = self.model.decoder.low_res.pow(2);
        let answered = self.answered.iter().rev().find(|answered| answered.ticket == ticket);
        Ok(answered.map(|answered| answered.low_res[candidate * cells..][..cells].to_vec()))
    }
}

fn floats<'a>(tensor: &'a Tensor, name: &'static str, shape: &[usize]) -> Result<&'a [f32], Error> {
    tensor.as_f32().filter(|_| tensor.shape() == shape).ok_or_else(|| Error::Output {
        name,
        expected: format!("float32{shape:?}"),
        actual: tensor.to_string(),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::geometry::{Point, Size};
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

    pub(in super::super) fn encoded() -> Session<&'static str> {
        let mut session = session();
        let job = session
            .begin_encode(Ticket(0), Pixels::new(Size::new(8, 8), Channels::Rgb, &[7; 192]).unwrap())
            .unwrap();
        assert!(session.finish_encode(&job, "embedding"));
        session
    }

    pub(in super::super) fn prompts(clicks: &[(f64, f64)]) -> Prompts {
        let click = |&(x, y)| Prompt::Click { point: Point::new(x, y), positive: true };
        clicks.iter().map(click).collect::<Result<_, _>>().unwrap()
    }

    /// Two candidates, each of one logit everywhere.
    pub(in super::super) fn outputs(ious: [f32; 2], logits: [f32; 2]) -> [Tensor; 2] {
        let low_res = logits.iter().flat_map(|&logit| [logit; SIDE * SIDE]).collect();
        [
            Tensor::from_f32s(ious.to_vec()).reshaped([1, 2]),
            Tensor::from_f32s(low_res).reshaped([1, 2, SIDE, SIDE]),
        ]
    }

    pub(in super::super) fn input<'a>(job: &'a DecodeJob, name: &str) -> &'a [f32] {
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
        for ticket in 0..=MAX_ANSWERED as u32 {
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
        assert!(matches!(early, Err(Error::ImageMissing)));
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
    fn other_families_say_so() {
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
