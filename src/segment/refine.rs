//! Refinement passes: runs the model again on a crop of the image, around the click and then around the
//! mask.

use super::crop::{click_crop, is_cut_off, mask_crop, regrid, unknown};
use super::decoder::{Decoded, cells_of};
use super::{Candidate, Error, ModelFrame, Prompts, Segmentation, Session};
use crate::geometry::{PixelRect, Rect};
use crate::model::{Host, HostError};
use crate::rle::Mask;

/// No click crop where the mask covers more than 1/`LARGE_SHARE` of it: the crop would cut the object off.
const LARGE_SHARE: u64 = 2;

/// The runs of a model for one click, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pass {
    /// On the whole image, or on the part of it that is looked at first.
    Full,
    /// On a crop around a first click, for another result.
    ClickCrop,
    /// On a crop around the best mask, which the model is given back to correct.
    MaskCrop,
}

/// A segmentation, and the logits that a later click goes on from.
#[derive(Debug)]
pub(super) struct Refined {
    pub(super) segmentation: Segmentation,
    /// f32[candidates, side, side] over the frame.
    pub(super) logits: Vec<f32>,
    /// The frame of the first pass.
    pub(super) frame: ModelFrame,
    /// Side of the grid of logits.
    side: usize,
}

/// Runs the passes that the model's manifest asks for. `on_provisional` gets the result before the first.
///
/// After a failure or a cancellation `result` is that of the passes before.
pub(super) async fn refine_passes<H: Host>(
    session: &mut Session<H::Resident>,
    host: &H,
    prompts: &Prompts,
    result: &mut Refined,
    on_provisional: &mut impl FnMut(&Segmentation),
) -> Result<(), Error> {
    let mut last = Pass::Full;
    while let Some((pass, region)) = next_pass(session, prompts, result, last) {
        if last == Pass::Full {
            on_provisional(&result.segmentation);
        }
        check_cancelled(host).await?;
        let frame = ModelFrame::of_region(result.frame.image, region, result.frame.side);
        let mask_input = (pass == Pass::MaskCrop).then(|| result.best_logits_in(&frame));
        let decoded = session.decode(host, frame, prompts.within(region), mask_input).await?;
        if pass == Pass::ClickCrop {
            result.prefer(&decoded)?;
        } else {
            result.correct(&decoded)?;
        }
        last = pass;
    }
    Ok(())
}

/// Returns the pass that follows, and the crop that it is run on.
fn next_pass<R>(
    session: &Session<R>,
    prompts: &Prompts,
    result: &Refined,
    last: Pass,
) -> Option<(Pass, PixelRect)> {
    let model = session.model();
    let (mask, size) = (result.segmentation.mask(), result.frame.image);
    let around_click = || {
        let region = click_crop(prompts.only_click()?, model.zoom_on_click?, result.frame.region, size)?;
        let is_small = mask.area() <= u64::from(region.width) * u64::from(region.height) / LARGE_SHARE;
        is_small.then_some((Pass::ClickCrop, region))
    };
    let around_mask = || {
        let subject = prompts.extent_with(mask.bbox()?.into());
        let region = mask_crop(subject, model.zoom_in?, size, session.crop_region());
        (!prompts.within(region).as_slice().is_empty()).then_some((Pass::MaskCrop, region))
    };
    match last {
        Pass::Full => around_click().or_else(around_mask),
        Pass::ClickCrop => around_mask(),
        Pass::MaskCrop => None,
    }
}

impl Refined {
    /// Makes the result of the first pass.
    pub(super) fn new(decoded: Decoded) -> Result<Self, Error> {
        let segmentation = Segmentation { candidates: decoded.candidates()?, best: decoded.best };
        Ok(Self { segmentation, frame: decoded.frame, side: decoded.side, logits: decoded.logits })
    }

    /// Returns whether the border of what the first pass looked at cuts the best mask off.
    pub(super) fn is_cut_off(&self) -> bool {
        let bbox = self.segmentation.mask().bbox();
        bbox.is_some_and(|bbox| is_cut_off(bbox, &self.frame))
    }

    /// Cuts candidates that lie mostly outside of a box to it, and expects less of them; the best is chosen
    /// anew.
    pub(super) fn keep_to_box(&mut self, rect: Rect) -> Result<(), Error> {
        let Segmentation { candidates, best } = &mut self.segmentation;
        let corners = [rect.x1, rect.y1, rect.x2, rect.y1, rect.x2, rect.y2, rect.x1, rect.y2];
        let inside = Mask::from_polygon(self.frame.image, &corners)?;
        let mut is_cut = false;
        for candidate in candidates.iter_mut() {
            let area = candidate.mask.area();
            let shared = candidate.mask.shared_area(&inside)?;
            if shared * 2 < area {
                candidate.mask = candidate.mask.intersection(&inside)?;
                candidate.predicted_iou *= shared as f32 / area as f32;
                is_cut = true;
            }
        }
        if is_cut {
            let expected = |at: &usize| candidates[*at].predicted_iou;
            let order = |a: &usize, b: &usize| expected(a).total_cmp(&expected(b));
            *best = (0..candidates.len()).max_by(order).unwrap_or(*best);
        }
        Ok(())
    }

    /// Returns the best candidate's logits on the grid of a crop.
    fn best_logits_in(&self, crop: &ModelFrame) -> Vec<f32> {
        let mut cells = unknown(self.side);
        let best = &self.logits[cells_of(self.segmentation.best, self.side)];
        regrid((&self.frame, best), (crop, &mut cells), self.side);
        cells
    }

    /// Takes the candidates of a click crop where the model expects more of their best.
    ///
    /// A mask that reaches the crop's border would end at a straight line: it does not count. No mask
    /// is made where less is expected of the best of them.
    fn prefer(&mut self, decoded: &Decoded) -> Result<(), Error> {
        let Segmentation { candidates, best } = &mut self.segmentation;
        if decoded.predicted_iou(decoded.best) <= candidates[*best].predicted_iou {
            return Ok(());
        }
        let offered = decoded.candidates()?;
        if !is_whole(&offered[decoded.best], &decoded.frame) {
            return Ok(());
        }
        *best = decoded.best;
        for (at, candidate) in offered.into_iter().enumerate() {
            if is_whole(&candidate, &decoded.frame) {
                candidates[at] = candidate;
                let cells = &mut self.logits[cells_of(at, self.side)];
                cells.copy_from_slice(&unknown(self.side));
                regrid((&decoded.frame, decoded.logits_of(at)), (&self.frame, cells), self.side);
            }
        }
        Ok(())
    }

    /// Replaces the best candidate by its correction on a mask crop.
    ///
    /// A correction that is empty or reaches the crop's border is none.
    fn correct(&mut self, decoded: &Decoded) -> Result<(), Error> {
        let corrected = decoded.candidate(decoded.best)?;
        if is_whole(&corrected, &decoded.frame) {
            let best = self.segmentation.best;
            self.segmentation.candidates[best] = corrected;
            let cells = &mut self.logits[cells_of(best, self.side)];
            regrid((&decoded.frame, decoded.logits_of(decoded.best)), (&self.frame, cells), self.side);
        }
        Ok(())
    }
}

/// Returns whether a mask is neither empty nor cut off by the crop's border.
fn is_whole(candidate: &Candidate, crop: &ModelFrame) -> bool {
    candidate.mask.bbox().is_some_and(|bbox| !is_cut_off(bbox, crop))
}

/// Fails with [`HostError::Cancelled`] where the host's work is no longer wanted.
pub(super) async fn check_cancelled<H: Host>(host: &H) -> Result<(), Error> {
    if host.is_cancelled().await { Err(HostError::Cancelled.into()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Point;
    use crate::segment::test_host::{SIDE, host, prompts, session, square, square_with};
    use crate::segment::{Prompt, Refine, Ticket};

    /// Returns the logits that a next click goes on from.
    fn kept(session: &Session<usize>, ticket: u32, candidate: usize) -> Vec<f32> {
        session.logits_of(Refine { ticket: Ticket(ticket), candidate }).unwrap().unwrap().1
    }

    /// Segments by a click in the middle, without refinement.
    fn unrefined(cells: [usize; 2]) -> Segmentation {
        host([square(cells[0], cells[1])]).click(&mut session(None, None), 1).unwrap()
    }

    #[test]
    fn mask_crop_corrects_the_best_candidate() {
        let (host, mut session) = (host([square(6, 9), square(6, 10)]), session(Some(2.0), None));
        let first = unrefined([6, 9]);
        let corrected = host.click(&mut session, 1).unwrap();
        let crop = host.last_decoding();
        assert_eq!((crop.resident, crop.has_mask()), (2, true));
        let fed_back = crop.input("mask_input");
        assert!(fed_back[8 * SIDE + 8] > 1.0 && fed_back[0] < -1.0, "its own mask, enlarged: {fed_back:?}");
        let [wide, narrow] = [&first, &corrected].map(|result| result.mask().bbox().unwrap());
        assert!(narrow.width < wide.width && narrow.x > wide.x, "{narrow:?} in {wide:?}");
        assert_eq!((corrected.best, &corrected.candidates[0]), (1, &first.candidates[0]));

        // The next click goes on from the correction, on the whole image.
        host.then([square(6, 9), square(6, 10)]);
        let refine = Some(Refine { ticket: Ticket(1), candidate: 1 });
        host.click_at(&mut session, 2, &prompts(&[(150.0, 150.0), (170.0, 150.0)]), refine).unwrap();
        let next = host.runs.borrow()[2].clone();
        assert_eq!(next.resident, 1);
        let fed_back = next.input("mask_input");
        assert!((fed_back[0] + 3.0).abs() < f32::EPSILON, "outside of the crop nothing changes");
        assert!(fed_back[6 * SIDE + 6] < 0.0, "what the correction left out is gone: {fed_back:?}");
        assert!(fed_back[7 * SIDE + 7] > 0.0);
    }

    #[test]
    fn encoded_crop_or_image_is_not_encoded_again() {
        let (host, mut session) = (host([]), session(Some(2.0), None));
        // The third mask fills the image, whose own embedding serves.
        for (ticket, cells, embedding) in [(1, [5, 10], 2), (2, [6, 10], 2), (3, [1, 15], 1)] {
            host.then([square(cells[0], cells[1]), square(6, 9)]);
            host.click(&mut session, ticket).unwrap();
            assert_eq!((host.last_decoding().resident, host.encodings()), (embedding, 2));
        }
    }

    #[test]
    fn click_crop_replaces_a_result_of_which_less_is_expected() {
        // The first result's predicted IoU is 0.6. The crop is 160 pixels wide, a cell of it 10.
        for (expected, cells, is_better) in
            [([0.1, 0.7], [6, 9], true), ([0.1, 0.55], [6, 9], false), ([0.7, 0.1], [0, 9], false)]
        {
            let host = host([square(5, 9), square_with(expected, cells[0], cells[1])]);
            let mut click_alone = session(None, Some(0.5));
            let result = host.click(&mut click_alone, 1).unwrap();
            let crop = host.last_decoding();
            assert_eq!((crop.resident, crop.has_mask()), (2, false));
            let window = host.windows.borrow()[1];
            assert_eq!((window.x, window.width), (68, 165), "70 to 230, and a margin");
            assert_eq!(result.best, 1);
            let outside = if is_better {
                let bbox = result.mask().bbox().unwrap();
                assert!(bbox.width < 40 && (120..140).contains(&bbox.x), "{bbox:?}");
                assert!((result.candidates[1].predicted_iou - expected[1]).abs() < f32::EPSILON);
                -12.0
            } else {
                assert_eq!(result, unrefined([5, 9]));
                -3.0
            };
            let logits = kept(&click_alone, 1, 1);
            assert!((logits[0] - outside).abs() < f32::EPSILON, "outside of the crop: {}", logits[0]);

            // Whichever result it is, the mask crop corrects it, once.
            host.then([square(5, 9), square_with(expected, cells[0], cells[1]), square(6, 10)]);
            host.click(&mut session(Some(2.0), Some(0.5)), 1).unwrap();
            assert_eq!(host.decodings(), 2 + 3);
            assert!(host.last_decoding().has_mask());
        }
    }

    #[test]
    fn click_crop_follows_a_single_positive_click_on_a_small_mask_alone() {
        let rect = Prompt::Box(Rect::from_corners([100.0, 100.0], [200.0, 200.0]));
        let away = Prompt::Click { point: Point::new(150.0, 150.0), positive: false };
        let boxed = [rect].into_iter().collect::<Result<_, _>>().unwrap();
        let negative = [away].into_iter().collect::<Result<_, _>>().unwrap();
        let twice = prompts(&[(150.0, 150.0), (160.0, 150.0)]);
        let once = prompts(&[(150.0, 150.0)]);
        // The crop has 160 × 160 pixels, half of which is 12,800.
        for (prompts, [first, past], runs) in [
            (boxed, [6, 9], 1),
            (negative, [6, 9], 1),
            (twice, [6, 9], 1),
            (once.clone(), [6, 9], 2),
            (once, [4, 10], 1),
        ] {
            let host = host([square(first, past), square(6, 9)]);
            host.click_at(&mut session(None, Some(0.5)), 1, &prompts, None).unwrap();
            assert_eq!(host.decodings(), runs, "{prompts:?}");
        }
    }

    #[test]
    fn empty_or_cut_off_correction_is_not_used() {
        for correction in [square(0, 16), square(0, 0)] {
            let (host, mut session) = (host([square(6, 9), correction]), session(Some(2.0), None));
            assert_eq!(host.click(&mut session, 1).unwrap(), unrefined([6, 9]));
            assert_eq!(host.decodings(), 2);
        }
    }

    #[test]
    fn empty_mask_or_model_without_passes_is_not_refined() {
        for (zoom_in, cells) in [(Some(2.0), [0, 0]), (None, [6, 9])] {
            let host = host([square(cells[0], cells[1])]);
            host.click(&mut session(zoom_in, None), 1).unwrap();
            assert_eq!(host.decodings(), 1);
        }
    }
}
