//! The pixel deepest inside a mask, at which the evaluation of clicks places them.

use super::limits::{MAX_BITMAP_PIXELS, within};
use super::pieces::Pieces;
use super::{Error, Mask};
use crate::geometry::Point;

/// Maximum side of the bounding box of a mask that is searched for its interior-most pixel.
const MAX_SIDE: u64 = 1 << 16;

/// A pixel of a mask and its distance to the mask's border.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InteriorPixel {
    /// Column of the pixel.
    pub x: u32,
    /// Row of the pixel.
    pub y: u32,
    /// Square of the distance in pixels to the nearest pixel that is not set or lies outside the image.
    pub squared_distance: u64,
}

impl InteriorPixel {
    /// Returns the middle of the pixel in image space.
    pub fn center(&self) -> Point {
        Point::new(f64::from(self.x) + 0.5, f64::from(self.y) + 0.5)
    }
}

impl Mask {
    /// Returns the pixel farthest from all pixels that are not set, those outside the image included;
    /// `None` for an empty mask.
    ///
    /// This is the maximum of the exact Euclidean distance transform, the first by rows among
    /// equals, as the protocol of interactive segmentation places its clicks. Takes two passes
    /// after Meijster, Roerdink and Hesselink (2000), the first of them over runs; memory grows with the
    /// width of the mask's bounding box and not with its pixels.
    ///
    /// ```
    /// use masklink::{geometry::Size, rle::{InteriorPixel, Mask}};
    ///
    /// let full = Mask::from_counts(Size::new(5, 3), [0, 15])?;
    /// assert_eq!(full.interior_most()?, Some(InteriorPixel { x: 1, y: 1, squared_distance: 4 }));
    /// # Ok::<(), masklink::rle::Error>(())
    /// ```
    pub fn interior_most(&self) -> Result<Option<InteriorPixel>, Error> {
        let Some(bbox) = self.bbox() else { return Ok(None) };
        within("pixels of a mask's box", MAX_BITMAP_PIXELS, u64::from(bbox.width) * u64::from(bbox.height))?;
        within("longer side of a mask's box", MAX_SIDE, u64::from(bbox.width.max(bbox.height)))?;
        let mut columns = Columns::new(self, bbox.x, bbox.width);
        let mut envelope = Envelope::default();
        // One more column on either side, without a pixel set.
        let mut depths = vec![0; bbox.width as usize + 2];
        let mut best: Option<InteriorPixel> = None;
        for y in bbox.y..bbox.y + bbox.height {
            columns.depths_in_row(y, &mut depths);
            let reached = best.map_or(0, |best| best.squared_distance);
            // No pixel of the row is deeper than its depth within its column.
            if depths.iter().all(|&depth| depth * depth <= reached) {
                continue;
            }
            if let Some((column, squared_distance)) = envelope.highest(&depths, reached) {
                best = Some(InteriorPixel { x: bbox.x + column as u32 - 1, y, squared_distance });
            }
        }
        Ok(best)
    }
}

/// The runs of each column, read downward.
struct Columns {
    /// Rows of the runs, column after column.
    rows: Vec<[u32; 2]>,
    /// Index of each column's next run that is not passed yet, and one past its last run.
    next: Vec<[usize; 2]>,
}

impl Columns {
    fn new(mask: &Mask, left: u32, width: u32) -> Self {
        let mut rows = Vec::new();
        let mut next = vec![[0; 2]; width as usize];
        for piece in Pieces::new(mask).0 {
            for column in piece.columns {
                let entry = &mut next[(column - left) as usize];
                if entry[1] == 0 {
                    entry[0] = rows.len();
                }
                rows.push([piece.rows.start, piece.rows.end]);
                entry[1] = rows.len();
            }
        }
        Self { rows, next }
    }

    /// Writes the distance from row `y` to the nearest row of each column that is not set, 0 where row `y`
    /// is not set itself; from the second entry on. `y` must increase from call to call.
    fn depths_in_row(&mut self, y: u32, depths: &mut [u64]) {
        for (depth, [next, end]) in depths[1..].iter_mut().zip(&mut self.next) {
            while next < end && self.rows[*next][1] <= y {
                *next += 1;
            }
            *depth = match self.rows[..*end].get(*next) {
                Some(&[start, stop]) if start <= y => u64::from((y + 1 - start).min(stop - y)),
                _ => 0,
            };
        }
    }
}

/// The lower envelope of a row's parabolas `(x - i)² + depth(i)²`.
#[derive(Default)]
struct Envelope {
    /// Columns whose parabolas are part of the envelope, and the position from which each is the lowest.
    parts: Vec<(usize, usize)>,
}

impl Envelope {
    /// Returns the first column at which the envelope is highest, and its height, if that is over
    /// `reached`.
    fn highest(&mut self, depths: &[u64], reached: u64) -> Option<(usize, u64)> {
        self.rebuild(depths);
        let mut best = None;
        let mut highest = reached;
        let mut ends = self.parts.iter().skip(1).map(|part| part.1).chain([depths.len()]);
        for &(column, from) in &self.parts {
            let to = ends.next().unwrap_or(depths.len());
            for x in from..to {
                let height = height_at(column, depths, x);
                if height > highest {
                    (best, highest) = (Some((x, height)), height);
                }
            }
        }
        best
    }

    fn rebuild(&mut self, depths: &[u64]) {
        self.parts.clear();
        for column in 0..depths.len() {
            while let Some(&(last, from)) = self.parts.last() {
                if height_at(last, depths, from) > height_at(column, depths, from) {
                    self.parts.pop();
                } else {
                    break;
                }
            }
            let from = self.parts.last().map_or(0, |&(last, _)| first_lower(last, column, depths));
            if from < depths.len() {
                self.parts.push((column, from));
            }
        }
    }
}

fn height_at(column: usize, depths: &[u64], x: usize) -> u64 {
    let distance = x.abs_diff(column) as u64;
    distance * distance + depths[column] * depths[column]
}

/// Returns the first position at which the parabola of column `b`, right of `a`, is below that of `a`.
fn first_lower(a: usize, b: usize, depths: &[u64]) -> usize {
    let square = |value: u64| (value * value) as i64;
    let rise = square(b as u64) - square(a as u64) + square(depths[b]) - square(depths[a]);
    (rise.div_euclid(2 * (b as i64 - a as i64)) + 1).max(0) as usize
}
