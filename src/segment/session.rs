//! One model at work on one picture: what to run next, and what its answer means.

use std::collections::VecDeque;

use super::answer::best_candidate;
use super::cleanup::clean;
use super::preprocess::{to_input, window_of};
use super::smooth::round_stairs;
use super::zoom::{is_cut_off, region_around, regrid, unknown};
use super::{
    Answer, Candidate, DecodeJob, EncodeJob, Error, Family, Frame, Logits, Model, Prompts, Refine, Tensor, Ticket, Zoom,
};
use crate::pixels::Pixels;

/// A picture being segmented: encoded once, then decoded for each change of the prompts, and where the model is made
/// for it corrected by a second look at the part that matters.
///
/// `E` is the encoder's output wherever it lives: a [`Tensor`] natively, a handle of the runtime in the page. The
/// session only keeps it.
#[derive(Debug)]
pub struct Session<E> {
    model: Model,
    newest: Option<Ticket>,
    picture: Option<Encoded<E>>,
    /// The part of the picture that was zoomed in on last.
    zoomed: Option<Encoded<E>>,
    /// Answers for this picture that can still be refined, oldest first.
    answered: VecDeque<Answered>,
}

/// The most answers whose logits are kept for refinement: 12 MiB where the model has three candidates of 256 × 256.
const MOST_ANSWERED: usize = 16;

#[derive(Debug)]
struct Encoded<E> {
    frame: Frame,
    embedding: E,
}

#[derive(Debug)]
struct Answered {
    ticket: Ticket,
    prompts: Prompts,
    answer: Answer,
    /// f32[candidates, side, side] as the decoder gave them, of the whole picture.
    low_res: Vec<f32>,
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
            Family::Sam1 => Ok(Self { model, newest: None, picture: None, zoomed: None, answered: VecDeque::new() }),
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

    /// The encoder's output that a run of the decoder takes; `None` where it was dropped since.
    pub fn embedding_for(&self, job: &DecodeJob) -> Option<&E> {
        let mut kept = [&self.picture, &self.zoomed].into_iter().flatten();
        kept.find(|encoded| encoded.frame == job.frame).map(|encoded| &encoded.embedding)
    }

    /// Moves on to another picture: forgets the one before, and any answer still to come.
    pub fn begin_encode(&mut self, ticket: Ticket, pixels: Pixels<'_>) -> Result<EncodeJob, Error> {
        self.cancel();
        self.picture = None;
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
            match self.picture {
                Some(_) => self.zoomed = encoded,
                None => self.picture = encoded,
            }
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
        let fed_back = refine.map(|refine| self.logits_of(refine)).transpose()?.flatten();
        let job = self.decode_job(ticket, prompts.clone(), frame, fed_back)?;
        self.newest = Some(ticket);
        Ok(job)
    }

    /// The second look that an answer deserves, the newest one's; `None` where it stands as it is.
    ///
    /// Where the pixels of its window are asked for, [`begin_zoom_encode`](Self::begin_zoom_encode) comes first, then
    /// [`begin_zoom_decode`](Self::begin_zoom_decode); both end as other runs do.
    pub fn zoom_in(&self, ticket: Ticket) -> Option<Zoom> {
        let picture = self.picture.as_ref().filter(|_| Some(ticket) == self.newest)?;
        let margin = self.model.zoom_in?;
        let Answered { prompts, answer, .. } = self.answered.iter().rev().find(|answered| answered.ticket == ticket)?;
        let subject = prompts.extent_with(answer.mask().bbox()?.into());
        let held = self.zoomed.as_ref().map(|zoomed| zoomed.frame);
        let size = picture.frame.picture;
        let region = region_around(subject, margin, size, held.map(|frame| frame.region));
        let frame = Frame::of_region(size, region, picture.frame.side);
        if prompts.within(region).as_slice().is_empty() {
            return None;
        }
        let kept = frame == picture.frame || Some(frame) == held;
        Some(Zoom { window: (!kept).then(|| window_of(&frame)), ticket, frame })
    }

    /// Asks for the embedding of what is zoomed in on, from the pixels of its window or more.
    pub fn begin_zoom_encode(&mut self, zoom: &Zoom, pixels: Pixels<'_>) -> Result<EncodeJob, Error> {
        self.zoomed = None;
        self.encode_job(zoom.ticket, zoom.frame, pixels)
    }

    /// Asks for the mask once more, of what is zoomed in on and with the answer's own mask.
    pub fn begin_zoom_decode(&self, zoom: &Zoom) -> Result<DecodeJob, Error> {
        let picture = self.picture.as_ref().ok_or(Error::PictureMissing)?;
        let (side, cells) = (self.model.decoder.low_res, self.model.decoder.low_res.pow(2));
        let asked = self.answered.iter().rev().find(|answered| answered.ticket == zoom.ticket);
        let Answered { prompts, answer, low_res, .. } = asked.ok_or(Error::AnswerMissing)?;
        let mut mask = unknown(side);
        regrid((&picture.frame, &low_res[answer.best * cells..][..cells]), (&zoom.frame, &mut mask), side);
        let prompts = prompts.within(zoom.frame.region);
        Ok(DecodeJob { corrects: true, ..self.decode_job(zoom.ticket, prompts, zoom.frame, Some(mask))? })
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
        let best = best_candidate(ious, &job.inputs[1].1);
        let clicks: Vec<_> = job.prompts.clicks().collect();
        let candidate = |at: usize| {
            let mut logits = Logits::from_frame(job.frame, side, &low_res[at * side * side..][..side * side])?;
            // In this order: how sure the model is of a part far away, rounding blurs.
            clean(&mut logits, &clicks);
            round_stairs(&mut logits);
            Ok::<_, Error>(Candidate { mask: logits.to_mask()?, predicted_iou: ious[at].clamp(0.0, 1.0) })
        };
        if job.corrects {
            let whole = picture.frame;
            return self.correct(job, whole, candidate(best)?, &low_res[best * side * side..][..side * side]).map(Some);
        }
        let candidates = (0..count).map(candidate).collect::<Result<_, _>>()?;
        let answer = Answer { candidates, best };
        if self.answered.len() == MOST_ANSWERED {
            self.answered.pop_front();
        }
        let (ticket, prompts) = (job.ticket, job.prompts.clone());
        self.answered.push_back(Answered { ticket, prompts, answer: answer.clone(), low_res: low_res.to_vec() });
        Ok(Some(answer))
    }

    /// The answer with its best candidate seen closer, which is also what a refinement goes on from.
    ///
    /// A mask that reaches out of what was looked at would end at a straight line, and none is no correction: the
    /// answer stays.
    fn correct(&mut self, job: &DecodeJob, whole: Frame, closer: Candidate, low_res: &[f32]) -> Result<Answer, Error> {
        let side = self.model.decoder.low_res;
        let asked = self.answered.iter_mut().rev().find(|answered| answered.ticket == job.ticket);
        let answered = asked.ok_or(Error::AnswerMissing)?;
        if closer.mask.bbox().is_some_and(|rect| !is_cut_off(rect, &job.frame)) {
            let best = answered.answer.best;
            answered.answer.candidates[best] = closer;
            let kept = &mut answered.low_res[best * side * side..][..side * side];
            regrid((&job.frame, low_res), (&whole, kept), side);
        }
        Ok(answered.answer.clone())
    }

    /// Drops any answer still to come.
    pub fn cancel(&mut self) {
        self.newest = None;
    }

    fn encode_job(&self, ticket: Ticket, frame: Frame, pixels: Pixels<'_>) -> Result<EncodeJob, Error> {
        let input = to_input(pixels, &frame, &self.model.encoder)?;
        Ok(EncodeJob { ticket, name: self.model.encoder.input.clone(), input, frame })
    }

    fn decode_job(
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
        Ok(DecodeJob { ticket, inputs, prompts, frame, corrects: false })
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

    const PICTURE: Size = Size::new(320, 320);

    /// A model that zooms in, on a grid of 16 cells, at a picture of which each cell is 20 pixels.
    fn zooming() -> Session<&'static str> {
        let mut json = model_json();
        json["encoder"]["size"] = 32.into();
        json["decoder"]["low_res"] = 16.into();
        json["decoder"]["candidates"] = 2.into();
        json["zoom_in"] = 2.0.into();
        let model = Model::from_json(json.to_string().as_bytes(), &Limits::default()).unwrap();
        let mut session = Session::new(model).unwrap();
        let pixels = vec![7; PICTURE.pixels() as usize * 3];
        let job = session.begin_encode(Ticket(0), Pixels::new(PICTURE, Channels::Rgb, &pixels).unwrap()).unwrap();
        assert!(session.finish_encode(&job, "whole"));
        session
    }

    /// Two candidates, the second better: -3, and 2 in a square of cells.
    fn square(first: usize, past: usize) -> [Tensor; 2] {
        let inside = |at: usize| (first..past).contains(&(at % 16)) && (first..past).contains(&(at / 16));
        let low_res = (0..2 * 256).map(|at| if inside(at % 256) { 2.0 } else { -3.0 }).collect();
        [Tensor::from_f32s(vec![0.5, 0.6]).reshaped([1, 2]), Tensor::from_f32s(low_res).reshaped([1, 2, 16, 16])]
    }

    /// Asks by a click in the middle, answered by a square of cells.
    fn asked(session: &mut Session<&'static str>, ticket: u32, [first, past]: [usize; 2]) -> Answer {
        let job = session.begin_decode(Ticket(ticket), &prompts(&[(150.0, 150.0)]), None).unwrap();
        session.finish_decode(&job, &square(first, past)).unwrap().unwrap()
    }

    fn encode_zoomed(session: &mut Session<&'static str>, zoom: &Zoom) {
        let window = zoom.window.unwrap();
        let pixels = vec![9; window.width as usize * window.height as usize * 3];
        let pixels = Pixels::of_window(PICTURE, window, Channels::Rgb, &pixels).unwrap();
        let job = session.begin_zoom_encode(zoom, pixels).unwrap();
        assert_eq!(job.input.shape(), [1, 3, 32, 32]);
        assert!(session.finish_encode(&job, "closer"));
    }

    #[test]
    fn the_best_candidate_is_corrected_by_a_closer_look() {
        let mut session = zooming();
        let first = asked(&mut session, 1, [6, 9]);
        let wide = first.mask().bbox().unwrap();
        let zoom = session.zoom_in(Ticket(1)).unwrap();
        encode_zoomed(&mut session, &zoom);
        assert_eq!(session.embedding(), Some(&"whole"));

        let job = session.begin_zoom_decode(&zoom).unwrap();
        assert_eq!(session.embedding_for(&job), Some(&"closer"));
        assert_eq!(input(&job, "has_mask_input"), [1.0]);
        let mask = input(&job, "mask_input");
        assert!(mask[8 * 16 + 8] > 1.0 && mask[0] < -1.0, "its own mask, enlarged: {mask:?}");
        let closer = session.finish_decode(&job, &square(6, 10)).unwrap().unwrap();
        let narrow = closer.mask().bbox().unwrap();
        assert!(narrow.width < wide.width && narrow.x > wide.x, "{narrow:?} in {wide:?}");
        assert_eq!((closer.best, &closer.candidates[0]), (1, &first.candidates[0]));

        // The next question goes on from what was seen closer.
        let refine = Refine { ticket: Ticket(1), candidate: 1 };
        let next = session.begin_decode(Ticket(2), &prompts(&[(150.0, 150.0), (170.0, 150.0)]), Some(refine)).unwrap();
        assert_eq!(session.embedding_for(&next), Some(&"whole"));
        let fed_back = input(&next, "mask_input");
        assert!((fed_back[0] + 3.0).abs() < f32::EPSILON, "beyond the region nothing changes");
        assert!(fed_back[6 * 16 + 6] < 0.0, "what the closer look left out is gone: {fed_back:?}");
        assert!(fed_back[7 * 16 + 7] > 0.0);
    }

    #[test]
    fn what_was_looked_at_is_not_encoded_again() {
        let mut session = zooming();
        asked(&mut session, 1, [5, 10]);
        let zoom = session.zoom_in(Ticket(1)).unwrap();
        encode_zoomed(&mut session, &zoom);
        asked(&mut session, 2, [6, 10]);
        let again = session.zoom_in(Ticket(2)).unwrap();
        assert_eq!(again.window, None);
        let job = session.begin_zoom_decode(&again).unwrap();
        assert_eq!(session.embedding_for(&job), Some(&"closer"));
        // What fills the picture is decoded again with the picture's own embedding.
        asked(&mut session, 3, [1, 15]);
        let whole = session.zoom_in(Ticket(3)).unwrap();
        assert_eq!(whole.window, None);
        let job = session.begin_zoom_decode(&whole).unwrap();
        assert_eq!(session.embedding_for(&job), Some(&"whole"));
    }

    #[test]
    fn an_answer_stays_where_a_closer_look_is_none_or_cut_off() {
        let mut session = zooming();
        for (ticket, outputs) in [(1, square(0, 16)), (2, square(0, 0))] {
            let first = asked(&mut session, ticket, [6, 9]);
            let zoom = session.zoom_in(Ticket(ticket)).unwrap();
            if zoom.window.is_some() {
                encode_zoomed(&mut session, &zoom);
            }
            let job = session.begin_zoom_decode(&zoom).unwrap();
            let answer = session.finish_decode(&job, &outputs).unwrap().unwrap();
            assert_eq!(answer.candidates, first.candidates);
        }
    }

    #[test]
    fn no_closer_look_without_a_mask_a_newest_question_or_a_model_for_it() {
        let mut session = zooming();
        asked(&mut session, 1, [0, 0]);
        assert!(session.zoom_in(Ticket(1)).is_none());
        asked(&mut session, 2, [6, 9]);
        asked(&mut session, 3, [6, 9]);
        assert!(session.zoom_in(Ticket(2)).is_none());
        let zoom = session.zoom_in(Ticket(3)).unwrap();
        encode_zoomed(&mut session, &zoom);
        let late = session.begin_zoom_decode(&zoom).unwrap();
        session.cancel();
        assert!(session.zoom_in(Ticket(3)).is_none());
        assert!(session.finish_decode(&late, &square(6, 10)).unwrap().is_none());

        let mut plain = encoded();
        let job = plain.begin_decode(Ticket(1), &prompts(&[(1.0, 1.0)]), None).unwrap();
        plain.finish_decode(&job, &outputs([0.9, 0.1], [1.0, 1.0])).unwrap().unwrap();
        assert!(plain.zoom_in(Ticket(1)).is_none());
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
    fn other_families_say_so() {
        let mut json = model_json();
        json["family"] = "sam2".into();
        let model = Model::from_json(json.to_string().as_bytes(), &Limits::default()).unwrap();
        let error = Session::<()>::new(model).unwrap_err();
        assert_eq!(error.to_string(), "models of the family \"sam2\" are not supported yet; only \"sam1\" is");
    }
}
