//! How a session looks more closely at what it answered: from near at a first click, then at the
//! answer itself.

use super::job::Look;
use super::preprocess::window_of;
use super::session::Answered;
use super::zoom::{is_cut_off, region_around, region_on_click, regrid, unknown};
use super::{Answer, Candidate, DecodeJob, EncodeJob, Error, Frame, Session, Ticket, Zoom};
use crate::pixels::Pixels;

/// An answer that covers more than one part in so many of what a click would be looked at in shows
/// as much as it can: from near it is mostly answered in part.
const LARGE_PART: u64 = 2;

impl<E> Session<E> {
    /// The next look that an answer deserves, the newest one's; `None` where it stands as it is.
    ///
    /// Where the pixels of its window are asked for, [`begin_zoom_encode`](Self::begin_zoom_encode)
    /// comes first, then [`begin_zoom_decode`](Self::begin_zoom_decode); both end as other runs do.
    /// Then another may follow.
    pub fn zoom_in(&self, ticket: Ticket) -> Option<Zoom> {
        let image = self.image.as_ref().filter(|_| Some(ticket) == self.newest)?;
        let answered = self.answered.iter().rev().find(|answered| answered.ticket == ticket)?;
        let held = self.zoomed.as_ref().map(|zoomed| zoomed.frame);
        let size = image.frame.image;
        let area = answered.answer.mask().area();
        let on_click = || {
            let region = region_on_click(answered.prompts.only_click()?, self.model.zoom_on_click?, size)?;
            (area <= u64::from(region.width) * u64::from(region.height) / LARGE_PART).then_some(region)
        };
        let closer = || {
            let subject = answered.prompts.extent_with(answered.answer.mask().bbox()?.into());
            let region = region_around(subject, self.model.zoom_in?, size, held.map(|frame| frame.region));
            (!answered.prompts.within(region).as_slice().is_empty()).then_some((Look::Closer, region))
        };
        let (look, region) = match answered.look {
            Look::Whole => on_click().map(|region| (Look::OnClick, region)).or_else(closer)?,
            Look::OnClick => closer()?,
            Look::Closer => return None,
        };
        let frame = Frame::of_region(size, region, image.frame.side);
        let kept = frame == image.frame || Some(frame) == held;
        Some(Zoom { window: (!kept).then(|| window_of(&frame)), ticket, frame, look })
    }

    /// Asks for the embedding of what is zoomed in on, from the pixels of its window or more.
    pub fn begin_zoom_encode(&mut self, zoom: &Zoom, pixels: Pixels<'_>) -> Result<EncodeJob, Error> {
        self.zoomed = None;
        self.encode_job(zoom.ticket, zoom.frame, pixels)
    }

    /// Asks for the mask once more, of what is zoomed in on; where that is to correct the answer,
    /// with its own mask.
    pub fn begin_zoom_decode(&self, zoom: &Zoom) -> Result<DecodeJob, Error> {
        let image = self.image.as_ref().ok_or(Error::ImageMissing)?;
        let (side, cells) = (self.model.decoder.low_res, self.model.decoder.low_res.pow(2));
        let asked = self.answered.iter().rev().find(|answered| answered.ticket == zoom.ticket);
        let Answered { prompts, answer, low_res, .. } = asked.ok_or(Error::AnswerMissing)?;
        let own_mask = (zoom.look == Look::Closer).then(|| {
            let mut mask = unknown(side);
            regrid((&image.frame, &low_res[answer.best * cells..][..cells]), (&zoom.frame, &mut mask), side);
            mask
        });
        let prompts = prompts.within(zoom.frame.region);
        Ok(DecodeJob { look: zoom.look, ..self.decode_job(zoom.ticket, prompts, zoom.frame, own_mask)? })
    }

    /// The answer, or what a look from near offers in its place where the model expects more of that.
    ///
    /// Of the masks offered those that reach out of what was looked at would end at a straight
    /// line: they do not count. They are not made where less is `expected` of the best of them.
    pub(super) fn prefer(
        &mut self,
        job: &DecodeJob,
        expected: f32,
        offer: impl FnOnce() -> Result<Answer, Error>,
        low_res: &[f32],
    ) -> Result<Answer, Error> {
        let side = self.model.decoder.low_res;
        let whole = self.image.as_ref().ok_or(Error::ImageMissing)?.frame;
        let answered = self.answered_mut(job.ticket, Look::OnClick)?;
        if expected <= answered.answer.best_candidate().predicted_iou {
            return Ok(answered.answer.clone());
        }
        let offered = offer()?;
        let counts =
            |candidate: &Candidate| candidate.mask.bbox().is_some_and(|rect| !is_cut_off(rect, &job.frame));
        if counts(offered.best_candidate()) {
            answered.answer.best = offered.best;
            for (at, candidate) in
                offered.candidates.into_iter().enumerate().filter(|(_, offered)| counts(offered))
            {
                answered.answer.candidates[at] = candidate;
                let cells = at * side * side..(at + 1) * side * side;
                let (kept, seen) = (&mut answered.low_res[cells.clone()], &low_res[cells]);
                kept.copy_from_slice(&unknown(side));
                regrid((&job.frame, seen), (&whole, kept), side);
            }
        }
        Ok(answered.answer.clone())
    }

    /// The answer with its best candidate seen closer, which is also what a refinement goes on from.
    ///
    /// A mask that reaches out of what was looked at would end at a straight line, and none is no
    /// correction: the answer stays.
    pub(super) fn correct(
        &mut self,
        job: &DecodeJob,
        closer: Candidate,
        low_res: &[f32],
    ) -> Result<Answer, Error> {
        let side = self.model.decoder.low_res;
        let whole = self.image.as_ref().ok_or(Error::ImageMissing)?.frame;
        let answered = self.answered_mut(job.ticket, Look::Closer)?;
        if closer.mask.bbox().is_some_and(|rect| !is_cut_off(rect, &job.frame)) {
            let best = answered.answer.best;
            answered.answer.candidates[best] = closer;
            let kept = &mut answered.low_res[best * side * side..][..side * side];
            regrid((&job.frame, low_res), (&whole, kept), side);
        }
        Ok(answered.answer.clone())
    }

    /// The answer that another look was taken for.
    fn answered_mut(&mut self, ticket: Ticket, look: Look) -> Result<&mut Answered, Error> {
        let mut kept = self.answered.iter_mut().rev();
        let answered = kept.find(|answered| answered.ticket == ticket).ok_or(Error::AnswerMissing)?;
        answered.look = look;
        Ok(answered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Point, Rect, Size};
    use crate::pixels::Channels;
    use crate::segment::manifest::tests::model_json;
    use crate::segment::session::tests::{encoded, input, outputs, prompts};
    use crate::segment::{Limits, Model, Prompt, Refine, Tensor};

    const IMAGE: Size = Size::new(320, 320);

    /// A model that zooms in on its answers, on a grid of 16 cells, at an image of which each cell
    /// is 20 pixels.
    fn zooming() -> Session<&'static str> {
        zooming_as(Some(2.0), None)
    }

    fn zooming_as(zoom_in: Option<f64>, zoom_on_click: Option<f64>) -> Session<&'static str> {
        let mut json = model_json();
        json["encoder"]["size"] = 32.into();
        json["decoder"]["low_res"] = 16.into();
        json["decoder"]["candidates"] = 2.into();
        json["zoom_in"] = zoom_in.into();
        json["zoom_on_click"] = zoom_on_click.into();
        let model = Model::from_json(json.to_string().as_bytes(), &Limits::default()).unwrap();
        let mut session = Session::new(model).unwrap();
        let pixels = vec![7; IMAGE.pixels() as usize * 3];
        let job =
            session.begin_encode(Ticket(0), Pixels::new(IMAGE, Channels::Rgb, &pixels).unwrap()).unwrap();
        assert!(session.finish_encode(&job, "whole"));
        session
    }

    /// Two candidates, the second better: -3, and 2 in a square of cells.
    fn square(first: usize, past: usize) -> [Tensor; 2] {
        let inside = |at: usize| (first..past).contains(&(at % 16)) && (first..past).contains(&(at / 16));
        let low_res = (0..2 * 256).map(|at| if inside(at % 256) { 2.0 } else { -3.0 }).collect();
        [
            Tensor::from_f32s(vec![0.5, 0.6]).reshaped([1, 2]),
            Tensor::from_f32s(low_res).reshaped([1, 2, 16, 16]),
        ]
    }

    /// Asks by a click in the middle, answered by a square of cells.
    fn asked(session: &mut Session<&'static str>, ticket: u32, [first, past]: [usize; 2]) -> Answer {
        let job = session.begin_decode(Ticket(ticket), &prompts(&[(150.0, 150.0)]), None).unwrap();
        session.finish_decode(&job, &square(first, past)).unwrap().unwrap()
    }

    fn encode_zoomed(session: &mut Session<&'static str>, zoom: &Zoom) {
        let window = zoom.window.unwrap();
        let pixels = vec![9; window.width as usize * window.height as usize * 3];
        let pixels = Pixels::of_window(IMAGE, window, Channels::Rgb, &pixels).unwrap();
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
        let next = session
            .begin_decode(Ticket(2), &prompts(&[(150.0, 150.0), (170.0, 150.0)]), Some(refine))
            .unwrap();
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
        // What fills the image is decoded again with the image's own embedding.
        asked(&mut session, 3, [1, 15]);
        let whole = session.zoom_in(Ticket(3)).unwrap();
        assert_eq!(whole.window, None);
        let job = session.begin_zoom_decode(&whole).unwrap();
        assert_eq!(session.embedding_for(&job), Some(&"whole"));
    }

    #[test]
    fn a_first_click_is_looked_at_from_near_and_what_is_expected_to_be_better_counts() {
        // 0.6 is expected of the first answer; the look from near is at 160 pixels, of which a cell is 10.
        for (expected, cells, better) in
            [([0.1, 0.7], [6, 9], true), ([0.1, 0.55], [6, 9], false), ([0.7, 0.1], [0, 9], false)]
        {
            let mut session = zooming_as(Some(2.0), Some(0.5));
            let first = asked(&mut session, 1, [5, 9]);
            let near = session.zoom_in(Ticket(1)).unwrap();
            assert_eq!(
                near.window.map(|window| (window.x, window.width)),
                Some((68, 165)),
                "70 to 230, and a margin"
            );
            encode_zoomed(&mut session, &near);
            let job = session.begin_zoom_decode(&near).unwrap();
            assert_eq!(
                (session.embedding_for(&job), input(&job, "has_mask_input")),
                (Some(&"closer"), &[0.0][..])
            );

            let [_, low_res] = square(cells[0], cells[1]);
            let ious = Tensor::from_f32s(expected.to_vec()).reshaped([1, 2]);
            let answer = session.finish_decode(&job, &[ious, low_res]).unwrap().unwrap();
            assert_eq!(answer.best, 1);
            let kept = if better {
                let bbox = answer.mask().bbox().unwrap();
                assert!(bbox.width < 40 && (120..140).contains(&bbox.x), "{bbox:?}");
                assert!((answer.candidates[1].predicted_iou - expected[1]).abs() < f32::EPSILON);
                -12.0
            } else {
                assert_eq!(answer.candidates, first.candidates);
                -3.0
            };
            let refine = Refine { ticket: Ticket(1), candidate: 1 };
            let logits = session.logits_of(refine).unwrap().unwrap();
            assert!(
                (logits[0] - kept).abs() < f32::EPSILON,
                "beyond what counts nothing is known: {}",
                logits[0]
            );

            // Whichever counts is then corrected, once.
            let closer = session.zoom_in(Ticket(1)).unwrap();
            if closer.window.is_some() {
                encode_zoomed(&mut session, &closer);
            }
            let job = session.begin_zoom_decode(&closer).unwrap();
            assert_eq!(input(&job, "has_mask_input"), [1.0]);
            session.finish_decode(&job, &square(6, 10)).unwrap().unwrap();
            assert!(session.zoom_in(Ticket(1)).is_none());
        }
    }

    #[test]
    fn only_a_single_click_on_what_is_not_large_is_looked_at_from_near() {
        let mut session = zooming_as(None, Some(0.5));
        let rect = Prompt::Box(Rect::from_corners([100.0, 100.0], [200.0, 200.0]));
        let away = Prompt::Click { point: Point::new(150.0, 150.0), positive: false };
        let boxed = [rect].into_iter().collect::<Result<_, _>>().unwrap();
        let negative = [away].into_iter().collect::<Result<_, _>>().unwrap();
        let twice = prompts(&[(150.0, 150.0), (160.0, 150.0)]);
        let once = prompts(&[(150.0, 150.0)]);
        // From near 160 x 160 pixels are looked at, half of which is 12,800.
        for (ticket, prompts, [first, past], near) in [
            (1, boxed, [6, 9], false),
            (2, negative, [6, 9], false),
            (3, twice, [6, 9], false),
            (4, once.clone(), [6, 9], true),
            (5, once, [4, 10], false),
        ] {
            let job = session.begin_decode(Ticket(ticket), &prompts, None).unwrap();
            session.finish_decode(&job, &square(first, past)).unwrap().unwrap();
            assert_eq!(session.zoom_in(Ticket(ticket)).is_some(), near, "{prompts:?}");
        }
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
}
