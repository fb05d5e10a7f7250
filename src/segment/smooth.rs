//! Smooths the stairs of a mask's edge in its logits: no cell that the model is sure of changes sign.
//!
//! A sure model's logits jump from far below 0 to far above from one cell to the next, so that the
//! edge, where they cross 0, lies midway between cells all along: stairs at the image's resolution.
//! Bounding the logits and blurring them moves each crossing by up to half a cell towards where its
//! neighbours' are.

use super::Logits;

/// Magnitude of a sure logit: a larger one says no more about where the edge is.
const SURE_LOGIT: f32 = 2.0;
/// Minimum magnitude of a sure logit afterwards: a line one cell wide stays, thinner.
const MIN_LOGIT: f32 = 0.2;
/// Number of times that the binomial filter 1 2 1 is run along columns and along rows.
const ROUNDS: usize = 2;

/// Bounds and blurs the logits.
pub(super) fn round_stairs(logits: &mut Logits) {
    let height = logits.size().height;
    let mut before: Vec<f32> =
        logits.columns().iter().map(|logit| logit.clamp(-SURE_LOGIT, SURE_LOGIT)).collect();
    let mut after = vec![0.0; before.len()];
    let mut padded = Vec::with_capacity(height + 2);
    for _ in 0..ROUNDS {
        // The border's cells stand for those beyond it.
        for (source, target) in before.chunks_exact(height).zip(after.chunks_exact_mut(height)) {
            padded.clear();
            padded.push(source[0]);
            padded.extend_from_slice(source);
            padded.push(source[height - 1]);
            blend([&padded[..height], &padded[1..=height], &padded[2..]], target);
        }
        let last = after.len() - height;
        for at in (0..after.len()).step_by(height) {
            let column = |start: usize| &after[start..start + height];
            let (left, right) = (column(at.saturating_sub(height)), column((at + height).min(last)));
            blend([left, column(at), right], &mut before[at..at + height]);
        }
    }
    for (logit, blurred) in logits.columns_mut().iter_mut().zip(before) {
        *logit = match *logit {
            sure if sure >= SURE_LOGIT => blurred.max(MIN_LOGIT),
            sure if sure <= -SURE_LOGIT => blurred.min(-MIN_LOGIT),
            _ => blurred,
        };
    }
}

/// Runs one step of the filter, in a form that compiles to vector instructions.
fn blend([before, here, after]: [&[f32]; 3], target: &mut [f32]) {
    for (((value, before), here), after) in target.iter_mut().zip(before).zip(here).zip(after) {
        *value = 0.25 * before + 0.5 * here + 0.25 * after;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::geometry::Size;
    use crate::segment::ModelFrame;
    use crate::segment::logits::LogitsSize;

    /// A grid of `side * side` cells over an image of ten pixels a cell.
    fn grid(side: usize, logit: impl Fn(usize, usize) -> f32) -> Logits {
        let pixels = side as u32 * 10;
        let frame = ModelFrame::new(Size::new(pixels, pixels), pixels).unwrap();
        let row_major: Vec<f32> = (0..side * side).map(|at| logit(at % side, at / side)).collect();
        Logits::from_frame(frame, side, &row_major).unwrap()
    }

    /// Returns the maximum distance of the mask's lower edge from the line `y = slope * x + start` in pixels.
    fn max_distance(logits: &Logits, slope: f64, start: f64) -> f64 {
        let mask = logits.to_mask().unwrap();
        let pixels = mask.size().height as usize;
        let bits = mask.to_row_major().unwrap();
        let mut max = 0.0_f64;
        // The border's cells have no neighbours to go by.
        for x in 30..pixels - 30 {
            let edge = (0..pixels).find(|y| bits[y * pixels + x] == 0).unwrap_or(pixels);
            max = max.max((edge as f64 - (slope * (x as f64 + 0.5) + start)).abs());
        }
        max
    }

    #[test]
    fn sloping_edge_has_no_stairs() {
        let (side, slope, start) = (16, 0.25, 60.0);
        let above = |x: usize, y: usize| {
            let line = slope * (x as f64 * 10.0 + 5.0) + start;
            if (y as f64 * 10.0 + 5.0) < line { 30.0 } else { -30.0 }
        };
        let mut logits = grid(side, above);
        let before = max_distance(&logits, slope, start);
        round_stairs(&mut logits);
        let after = max_distance(&logits, slope, start);
        assert!(before > 3.5 && after < 0.4 * before, "{before} pixels before, {after} after");
    }

    #[test]
    fn line_one_cell_wide_stays_whole() {
        let mut logits = grid(12, |x, y| if x == y { 9.0 } else { -9.0 });
        round_stairs(&mut logits);
        for at in 0..12 {
            assert!(logits.columns()[at * 12 + at] > 0.0, "cell {at}");
        }
    }

    #[test]
    fn bump_of_unsure_cells_is_removed() {
        let inside = |x: usize, y: usize| y < 6 || (x == 8 && y == 6);
        let mut logits = grid(16, |x, y| if inside(x, y) { if y == 6 { 0.3 } else { 9.0 } } else { -3.0 });
        round_stairs(&mut logits);
        assert!(logits.columns()[8 * 16 + 6] < 0.0);
    }

    proptest! {
        #[test]
        fn no_sure_cell_changes_sign(
            width in 1_usize..20,
            values in prop::collection::vec(-9.0_f32..9.0, 400),
        ) {
            let mut logits = grid(width, |x, y| values[y * 20 + x]);
            let before = logits.clone();
            round_stairs(&mut logits);
            let LogitsSize { width, height } = logits.size();
            prop_assert_eq!(before.columns().len(), width * height);
            for (old, new) in before.columns().iter().zip(logits.columns()) {
                let same_sign = old.signum() == new.signum();
                prop_assert!(old.abs() < SURE_LOGIT || same_sign, "{} became {}", old, new);
                prop_assert!(new.is_finite() && new.abs() <= SURE_LOGIT);
            }
        }
    }
}
