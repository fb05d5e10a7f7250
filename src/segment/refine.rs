//! Refinement passes: runs the model again on a crop of the image, around the click and then around the
//! mask.

use super::click::check_cancelled;
use super::crop::{click_crop, is_cut_off, mask_crop, regrid, unknown};
use super::decoder::{Decoded, cells_of};
use super::{Candidate, Error, ModelFrame, Prompts, Segmentation, Session};
use crate::geometry::PixelRect;
use crate::model::Host;

/// No click crop where the mask covers more than 1/`LARGE_SHARE` of it: the crop would cut the object off.
const LARGE_SHARE: u64 = 2;

/// The runs of a model for one click, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pass {
    /// On the whole image.
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
    /// f32[candidates, side, side] over the whole image.
    pub(super) logits: Vec<f32>,
    frame: ModelFrame,
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
        let region = click_crop(prompts.only_click()?, model.zoom_on_click?, size)?;
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
    /// Makes the result of the full pass.
    pub(super) fn new(decoded: Decoded) -> Result<Self, Error> {
        let segmentation = Segmentation { candidates: decoded.candidates()?, best: decoded.best };
        Ok(Self { segmentation, frame: decoded.frame, side: decoded.side, logits: decoded.logits })
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

/// Whether a mask is neither empty nor cut off by the crop's border.
fn is_whole(candidate: &Candidate, crop: &ModelFrame) -> bool {
    candidate.mask.bbox().is_some_and(|bbox| !is_cut_off(bbox, crop))
}
