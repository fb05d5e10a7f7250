//! The pixel deepest inside a mask: where a person would click it.

use super::limits::{MAX_BITMAP_PIXELS, within};
use super::pieces::Pieces;
use super::{Error, Mask};
use crate::geometry::Point;

/// The longest side of the rectangle around a mask that is searched for its interior-most pixel.
const MAX_SIDE: u64 = 1 << 16;

/// A pixel of a mask and how deep inside it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InteriorPixel {
    /// Column.
    pub x: u32,
    /// Row.
    pub y: u32,
    /// Square of the distance, in pixels, to the nearest pixel that is not set or lies outside the image.
    pub squared_distance: u64,
}

impl InteriorPixel {
    /// The middle of the pixel in image space.
    pub fn center(&self) -> Point {
        Point::new(f64::from(self.x) + 0.5, f64::from(self.y) + 0.5)
    }
}

impl Mask {
    /// The pixel furthest from all pixels that are not set, where beyond the border none is; `None`
    /// for an empty mask.
    ///
    /// This is the maximum of the exact Euclidean distance transform, the first by rows among
    /// equals, as the protocol of interactive segmentation places its clicks. Two passes after
    /// Meijster, Roerdink and Hesselink (2000), the first of them over runs; it needs memory by the
    /// mask's box's width and not by its pixels.
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
        let mut columns = Columns::of(self, bbox.x, bbox.width);
        let mut envelope = Envelope::default();
        // One column more on either side, in which nothing is set.
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

/// The runs of each column, read from the top down.
struct Columns {
    /// Rows of the runs, column after column.
    rows: Vec<[u32; 2]>,
    /// For each column which of them is the next not yet passed, and where the column's end.
    next: Vec<[usize; 2]>,
}

impl Columns {
    fn of(mask: &Mask, left: u32, width: u32) -> Self {
        let mut rows = Vec::new();
        let mut next = vec![[0; 2]; width as usize];
        for piece in Pieces::of(mask).0 {
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

    /// Writes for each column how far row `y` is from the nearest row above or below that is not
    /// set, 0 where it is not set itself; from the second entry on. Rows must be asked for
    /// downwards.
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
    /// The columns whose parabolas are part of it, and from where on each is the lowest.
    parts: Vec<(usize, usize)>,
}

impl Envelope {
    /// The first column at which the envelope is highest, and its height, where that is over `reached`.
    fn highest(&mut self, depths: &[u64], reached: u64) -> Option<(usize, u64)> {
        self.lay(depths);
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

    fn lay(&mut self, depths: &[u64]) {
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

/// The first place at which the parabola of column `b`, right of `a`, is lower than that of `a`.
fn first_lower(a: usize, b: usize, depths: &[u64]) -> usize {
    let square = |value: u64| (value * value) as i64;
    let rise = square(b as u64) - square(a as u64) + square(depths[b]) - square(depths[a]);
    (rise.div_euclid(2 * (b as i64 - a as i64)) + 1).max(0) as usize
}
