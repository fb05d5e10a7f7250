//! Converts a coarse grid of logits to the runs of a mask at the image's size, without a bitmap in between.
//!
//! Between the centres of cells the logits are interpolated bilinearly, so down one column of the image they
//! are piecewise linear, and their changes of sign are solved for, not sampled: the time for a column depends
//! on the grid's height and not on the image's.

use super::{Error, ModelFrame};
use crate::geometry::{Point, Size};
use crate::model::HostError;
use crate::rle::Mask;

/// The logits of one mask over the filled part of the frame, column by column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Logits {
    size: LogitsSize,
    columns: Vec<f32>,
    /// Width and height of an image pixel in cells.
    cells_per_pixel: [f64; 2],
    frame: ModelFrame,
}

/// Numbers of columns and rows of a grid of logits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogitsSize {
    pub(super) width: usize,
    pub(super) height: usize,
}

impl Logits {
    /// Copies the filled part of `side * side` row-major logits that span the whole frame.
    pub(crate) fn from_frame(frame: ModelFrame, side: usize, row_major: &[f32]) -> Result<Self, Error> {
        if row_major.len() != side * side || side == 0 {
            let actual = format!("{} values", row_major.len());
            return Err(HostError::output("low_res_masks", format!("{side}x{side}"), Some(actual)).into());
        }
        let cells_per_frame_pixel = side as f64 / f64::from(frame.side);
        let covered =
            |content: u32| ((f64::from(content) * cells_per_frame_pixel).ceil() as usize).clamp(1, side);
        let size = LogitsSize { width: covered(frame.content.width), height: covered(frame.content.height) };
        let mut columns = vec![0.0_f32; size.width * size.height];
        let mut is_finite = true;
        for (y, row) in row_major.chunks_exact(side).take(size.height).enumerate() {
            for (logit, cell) in row.iter().zip(columns[y..].iter_mut().step_by(size.height)) {
                *cell = *logit;
                is_finite &= logit.is_finite();
            }
        }
        if !is_finite {
            return Err(Error::NotFinite);
        }
        let cells_per_pixel = frame.frame_pixels_per_pixel().map(|pixels| pixels * cells_per_frame_pixel);
        Ok(Self { size, columns, cells_per_pixel, frame })
    }

    pub(super) fn size(&self) -> LogitsSize {
        self.size
    }

    pub(super) fn columns_mut(&mut self) -> &mut [f32] {
        &mut self.columns
    }

    /// Returns the logits, column by column.
    pub(super) fn columns(&self) -> &[f32] {
        &self.columns
    }

    /// Returns the cells of positive logit, as a mask of the grid's size.
    pub(super) fn cells_inside(&self) -> Result<Mask, Error> {
        let mut boundaries = Vec::new();
        for (at, logit) in self.columns.iter().enumerate() {
            if (*logit > 0.0) != (boundaries.len() % 2 == 1) {
                boundaries.push(at as u32);
            }
        }
        if boundaries.len() % 2 == 1 {
            boundaries.push(self.columns.len() as u32);
        }
        let LogitsSize { width, height } = self.size;
        Ok(Mask::from_boundaries(Size::new(width as u32, height as u32), boundaries)?)
    }

    /// Returns column and row of the cell at a point of the image, or of the nearest one.
    pub(super) fn cell_at(&self, point_in_image: Point) -> [u32; 2] {
        let cell =
            |position: f64, scale: f64, count: usize| ((position * scale) as u32).min(count as u32 - 1);
        let region = self.frame.region;
        let x = cell(point_in_image.x - f64::from(region.x), self.cells_per_pixel[0], self.size.width);
        let y = cell(point_in_image.y - f64::from(region.y), self.cells_per_pixel[1], self.size.height);
        [x, y]
    }

    /// Makes the mask of the pixels whose interpolated logit, at the pixel's centre, is positive.
    ///
    /// It is as large as the image, and empty outside of the frame's region.
    pub(crate) fn to_mask(&self) -> Result<Mask, Error> {
        let ModelFrame { image, region, .. } = self.frame;
        let mut boundaries = Vec::new();
        let (mut last, mut crossed) = (usize::MAX, Vec::new());
        for x in 0..region.width {
            let (left, share) = self.column_at(x);
            let column = Column { left: self.column(left), right: self.column(left + 1), share };
            if left != last {
                (last, crossed) = (left, column.crossed());
            }
            self.push_column_runs(
                &column,
                &crossed,
                (region.x + x) * image.height + region.y,
                &mut boundaries,
            );
        }
        Ok(Mask::from_boundaries(image, boundaries)?)
    }

    /// Returns the column of cells left of the region's column of pixels `x`, and the share of the way from
    /// it to the next, within 0..1.
    fn column_at(&self, x: u32) -> (usize, f32) {
        let last = (self.size.width - 1) as f64;
        let position = ((f64::from(x) + 0.5) * self.cells_per_pixel[0] - 0.5).clamp(0.0, last);
        let share = position.fract() as f32;
        // Rounding may make it the whole way.
        if share < 1.0 { (position as usize, share) } else { (position as usize + 1, 0.0) }
    }

    /// Returns a column of cells; the last one for any beyond it.
    fn column(&self, x: usize) -> &[f32] {
        let height = self.size.height;
        &self.columns[x.min(self.size.width - 1) * height..][..height]
    }

    /// Appends the runs of one column of pixels, the first of which has the index `base`.
    fn push_column_runs(&self, column: &Column<'_>, crossed: &[usize], base: u32, boundaries: &mut Vec<u32>) {
        let height = self.frame.region.height;
        let scale = self.cells_per_pixel[1];
        let mut inside = column.logit(0) > 0.0;
        let mut top = 0;
        if inside {
            push_boundary(base, boundaries);
        }
        for &at in crossed {
            let [upper, lower] = [at, at + 1].map(|at| column.logit(at));
            let now = lower > 0.0;
            if now == inside {
                continue;
            }
            inside = now;
            let way = f64::from(upper) / (f64::from(upper) - f64::from(lower));
            // Pixel y has its centre at (y + 0.5) * scale - 0.5. A pixel right on the crossing has
            // logit 0: not set.
            let y = (at as f64 + way.clamp(0.0, 1.0) + 0.5) / scale - 0.5;
            let first = if now { y.floor() + 1.0 } else { y.ceil() };
            // Of two crossings next to each other the second may round to less.
            top = (first.clamp(0.0, f64::from(height)) as u32).max(top);
            push_boundary(base + top, boundaries);
        }
        if inside {
            push_boundary(base + height, boundaries);
        }
    }
}

/// The logits down a column of pixels between two columns of cells, at the heights of the cells' centres.
struct Column<'a> {
    left: &'a [f32],
    right: &'a [f32],
    /// Share of the way from `left` to `right`, within 0..1.
    share: f32,
}

impl Column<'_> {
    fn logit(&self, at: usize) -> f32 {
        self.left[at] + self.share * (self.right[at] - self.left[at])
    }

    /// Returns the cells below which the sign may change, in any column of pixels between the two of cells.
    ///
    /// They are few, and a large image has many columns of pixels between two of cells.
    fn crossed(&self) -> Vec<usize> {
        let signs = |at: usize| usize::from(self.left[at] > 0.0) + usize::from(self.right[at] > 0.0);
        (1..self.left.len())
            .filter(|&below| !matches!(signs(below - 1) + signs(below), 0 | 4))
            .map(|at| at - 1)
            .collect()
    }
}

/// Appends a change of value; two at the same pixel cancel, which also joins runs across columns.
fn push_boundary(index: u32, boundaries: &mut Vec<u32>) {
    if boundaries.last() == Some(&index) {
        boundaries.pop();
    } else {
        boundaries.push(index);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::geometry::PixelRect;

    /// The definition: the logit of every pixel of the region by bilinear interpolation.
    fn sampled(frame: ModelFrame, side: usize, row_major: &[f32]) -> Vec<f64> {
        let logits = Logits::from_frame(frame, side, row_major).unwrap();
        let LogitsSize { width, height } = logits.size();
        let at = |x: usize, y: usize| f64::from(logits.columns()[x * height + y]);
        let split = |pixel: u32, scale: f64, count: usize| {
            let position = ((f64::from(pixel) + 0.5) * scale - 0.5).clamp(0.0, (count - 1) as f64);
            (position as usize, (position as usize + 1).min(count - 1), position.fract())
        };
        let mut values = Vec::new();
        for y in 0..frame.region.height {
            for x in 0..frame.region.width {
                let (left, right, across) = split(x, logits.cells_per_pixel[0], width);
                let (top, bottom, down) = split(y, logits.cells_per_pixel[1], height);
                let upper = at(left, top) * (1.0 - across) + at(right, top) * across;
                let lower = at(left, bottom) * (1.0 - across) + at(right, bottom) * across;
                values.push(upper * (1.0 - down) + lower * down);
            }
        }
        values
    }

    proptest! {
        /// Pixels whose logit is within rounding of 0 may fall either way; all others are exact.
        #[test]
        fn runs_are_the_signs_of_the_sampled_logits(
            (width, height) in (1_u32..70, 1_u32..70),
            [left, top, right, bottom] in prop::array::uniform4(0_u32..20),
            side in 1_usize..12,
            values in prop::collection::vec(-3.0_f32..3.0, 144),
        ) {
            let region = PixelRect { x: left, y: top, width, height };
            let image = Size::new(left + width + right, top + height + bottom);
            let frame = ModelFrame::of_region(image, region, 48);
            let row_major = &values[..side * side];
            let mask = Logits::from_frame(frame, side, row_major).unwrap().to_mask().unwrap();
            let mask = mask.to_row_major().unwrap();
            let expected = sampled(frame, side, row_major);
            for (at, &found) in mask.iter().enumerate() {
                let (x, y) = (at as u32 % image.width, at as u32 / image.width);
                let logit = if (left..left + width).contains(&x) && (top..top + height).contains(&y) {
                    expected[((y - top) * width + x - left) as usize]
                } else {
                    -1.0
                };
                prop_assert!(logit.abs() < 1e-5 || (found == 1) == (logit > 0.0), "pixel {x}, {y}: {logit}");
            }
        }
    }

    #[test]
    fn all_positive_is_the_whole_image_in_one_run() {
        let frame = ModelFrame::new(Size::new(30, 20), 64).unwrap();
        let mask = Logits::from_frame(frame, 16, &[1.0; 256]).unwrap().to_mask().unwrap();
        assert_eq!(mask.boundaries(), [0, 600]);
    }

    #[test]
    fn padding_never_reaches_the_mask() {
        let frame = ModelFrame::new(Size::new(64, 32), 64).unwrap();
        let row_major: Vec<f32> = (0..256).map(|at| if at / 16 < 8 { -1.0 } else { 100.0 }).collect();
        assert!(Logits::from_frame(frame, 16, &row_major).unwrap().to_mask().unwrap().is_empty());
    }

    #[test]
    fn crossing_that_rounds_past_the_next_is_dropped() {
        let frame = ModelFrame::new(Size::new(3, 3), 3).unwrap();
        let row_major = [-2.0, -2.0, -2.0, 1e-20, 1e-20, 1e-20, -2.0, -2.0, -2.0];
        assert!(Logits::from_frame(frame, 3, &row_major).unwrap().to_mask().unwrap().is_empty());
    }

    #[test]
    fn column_within_rounding_of_its_right_cells_is_read_from_them() {
        // Of 1,459 columns on 256 cells one lies less than a rounding error left of a cell.
        let frame = ModelFrame::new(Size::new(1459, 1563), 1024).unwrap();
        let logits = (0..256 * 256).map(|at| if at % 2 == 0 { 3.0 } else { 1e-9 }).collect::<Vec<_>>();
        let mask = Logits::from_frame(frame, 256, &logits).unwrap().to_mask().unwrap();
        assert_eq!(mask.area(), mask.size().pixels());
    }

    #[test]
    fn infinite_or_nan_logit_is_an_error() {
        let frame = ModelFrame::new(Size::new(4, 4), 4).unwrap();
        for bad in [f32::NAN, f32::INFINITY] {
            assert!(matches!(Logits::from_frame(frame, 1, &[bad]), Err(Error::NotFinite)));
        }
    }
}
