//! Rasterises polygons to masks, pixel for pixel as COCO does (maskApi `rleFrPoly`).
//!
//! maskApi walks the outline on a grid of five points per pixel and records where it passes the middle
//! of a pixel column; the pixels below such a position change their value. Only those positions are
//! visited here, so the time of an edge grows with the columns of the mask that it crosses and not with
//! its length; the arithmetic at each position is maskApi's.

use super::builder::{close, toggle};
use super::limits::{MAX_COORDINATE, MAX_POLYGON_CROSSINGS, checked_pixels, within};
use super::{Error, Mask};
use crate::geometry::Size;

/// Number of grid points per pixel in x and y.
const SCALE: i64 = 5;
/// Grid column left of a pixel's middle: the step to the next one passes the middle.
const MIDDLE: i64 = 2;

impl Mask {
    /// Rasterises one polygon: x and y of its points in turn, in image space; it is closed automatically.
    ///
    /// ```
    /// use masklink::{geometry::Size, rle::Mask};
    ///
    /// let mask = Mask::from_polygon(Size::new(5, 4), &[1.0, 1.0, 4.0, 1.0, 4.0, 3.0, 1.0, 3.0])?;
    /// assert_eq!(mask.area(), 6);
    /// # Ok::<(), masklink::rle::Error>(())
    /// ```
    pub fn from_polygon(size: Size, polygon: &[f64]) -> Result<Self, Error> {
        Self::from_polygons(size, &[polygon])
    }

    /// Rasterises the union of several polygons, as COCO stores one object in several parts.
    pub fn from_polygons<P: AsRef<[f64]>>(size: Size, polygons: &[P]) -> Result<Self, Error> {
        Self::from_polygons_within(size, polygons, MAX_POLYGON_CROSSINGS).map(|(mask, _)| mask)
    }

    /// Does the same with another limit of the pixel columns that the polygons cross, and returns their
    /// number too.
    pub(crate) fn from_polygons_within<P: AsRef<[f64]>>(
        size: Size,
        polygons: &[P],
        max_crossings: u64,
    ) -> Result<(Self, u64), Error> {
        let pixels = checked_pixels(size)?;
        let (outlines, crossings) = checked_outlines(size, polygons, max_crossings)?;
        let masks: Vec<_> =
            outlines.iter().map(|outline| rasterise(outline.places(size), size, pixels)).collect();
        Ok((Self::union_of(size, &masks)?, crossings))
    }

    /// Rasterises the area inside an odd number of rings, so that a ring within another one is a hole. The
    /// rings of [`Mask::outlines`] give the mask back exactly.
    ///
    /// ```
    /// use masklink::{geometry::Size, rle::Mask};
    ///
    /// let outer = [0.0, 0.0, 3.0, 0.0, 3.0, 3.0, 0.0, 3.0];
    /// let hole = [1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0, 1.0];
    /// assert_eq!(Mask::from_rings(Size::new(3, 3), &[outer, hole])?.area(), 8);
    /// # Ok::<(), masklink::rle::Error>(())
    /// ```
    pub fn from_rings<P: AsRef<[f64]>>(size: Size, rings: &[P]) -> Result<Self, Error> {
        let pixels = checked_pixels(size)?;
        let (outlines, _) = checked_outlines(size, rings, MAX_POLYGON_CROSSINGS)?;
        let places = outlines.iter().flat_map(|ring| ring.places(size)).collect();
        Ok(rasterise(places, size, pixels))
    }
}

/// Puts polygons on the grid, and counts the pixel columns that they cross; fails where one is malformed or
/// they cross too many together.
fn checked_outlines<P: AsRef<[f64]>>(
    size: Size,
    polygons: &[P],
    max_crossings: u64,
) -> Result<(Vec<GridOutline>, u64), Error> {
    let mut outlines = Vec::with_capacity(polygons.len());
    let mut crossings = 0_u64;
    for (at, polygon) in polygons.iter().enumerate() {
        let outline = GridOutline::new(at, polygon.as_ref())?;
        crossings = crossings.saturating_add(outline.edges().map(|edge| edge.columns(size).1).sum());
        within("pixel columns that the polygons cross", max_crossings, crossings)?;
        outlines.push(outline);
    }
    Ok((outlines, crossings))
}

/// Returns the mask whose value changes at each place, in any order.
fn rasterise(mut places: Vec<u32>, size: Size, pixels: u32) -> Mask {
    places.sort_unstable();
    let mut boundaries = Vec::with_capacity(places.len() + 1);
    for place in places {
        toggle(&mut boundaries, place);
    }
    close(&mut boundaries, pixels);
    Mask::from_sorted(size, boundaries)
}

/// Returns the index of the first coordinate that is NaN or over the limit.
pub(crate) fn invalid_coordinate(numbers: &[f64]) -> Option<usize> {
    numbers.iter().position(|number| number.is_nan() || number.abs() > MAX_COORDINATE)
}

/// The points of a polygon on the grid.
struct GridOutline(Vec<[i64; 2]>);

impl GridOutline {
    fn new(polygon: usize, numbers: &[f64]) -> Result<Self, Error> {
        if numbers.len() < 6 || numbers.len() % 2 == 1 {
            return Err(Error::PolygonLength { at: polygon, numbers: numbers.len() });
        }
        if let Some(at) = invalid_coordinate(numbers) {
            return Err(Error::Coordinate { polygon, at });
        }
        // Rounds towards zero after adding a half, as the cast in maskApi does.
        let on_grid = |number: f64| (SCALE as f64 * number + 0.5) as i64;
        Ok(Self(numbers.chunks_exact(2).map(|point| [on_grid(point[0]), on_grid(point[1])]).collect()))
    }

    fn edges(&self) -> impl Iterator<Item = Edge> + '_ {
        let next = self.0.iter().cycle().skip(1);
        self.0.iter().zip(next).map(|(&from, &to)| Edge::new(from, to))
    }

    /// Returns the indices from which on the pixels of a column change.
    fn places(&self, size: Size) -> Vec<u32> {
        let mut places = Vec::new();
        for edge in self.edges() {
            let (first, number) = edge.columns(size);
            for column in first..first + number as i64 {
                let row = edge.row_at_middle(column, size.height);
                places.push((column * i64::from(size.height) + row) as u32);
            }
        }
        places
    }
}

/// An edge on the grid, turned so that its longer extent grows.
struct Edge {
    start: [i64; 2],
    /// Difference to the end point in x and y.
    extent: [i64; 2],
    /// Growth of the shorter extent per step of the longer.
    slope: f64,
}

impl Edge {
    fn new(from: [i64; 2], to: [i64; 2]) -> Self {
        let [dx, dy] = [to[0] - from[0], to[1] - from[1]];
        let (longer, shorter) = if dx.abs() >= dy.abs() { (dx, dy) } else { (dy, dx) };
        let (start, extent) = if longer < 0 { (to, [-dx, -dy]) } else { (from, [dx, dy]) };
        Self { start, extent, slope: if longer == 0 { 0.0 } else { shorter as f64 / longer as f64 } }
    }

    fn along_x(&self) -> bool {
        self.extent[0].abs() >= self.extent[1].abs()
    }

    /// Returns the first pixel column of the mask whose middle the edge passes, and the number of such
    /// columns.
    fn columns(&self, size: Size) -> (i64, u64) {
        let (a, b) = (self.start[0], self.start[0] + self.extent[0]);
        // A column c is passed where min <= 5c + 2 and 5c + 3 <= max.
        let first =
            (a.min(b) - MIDDLE).div_euclid(SCALE) + i64::from((a.min(b) - MIDDLE).rem_euclid(SCALE) != 0);
        let last = (a.max(b) - MIDDLE - 1).div_euclid(SCALE);
        let (first, last) = (first.max(0), last.min(i64::from(size.width) - 1));
        (first, u64::try_from(last - first + 1).unwrap_or(0))
    }

    /// Returns the row from which on the pixels of `column` change; `height` where none does.
    fn row_at_middle(&self, column: i64, height: u32) -> i64 {
        let left = column * SCALE + MIDDLE;
        let [at_left, at_right] = if self.along_x() {
            [left, left + 1].map(|x| self.shorter_at(x - self.start[0], self.start[1]))
        } else {
            self.rows_beside(left)
        };
        let row = (at_left.min(at_right) as f64 + 0.5) / SCALE as f64 - 0.5;
        row.clamp(0.0, f64::from(height)).ceil() as i64
    }

    /// Returns the shorter coordinate after `step` steps of the longer, rounded as in maskApi.
    fn shorter_at(&self, step: i64, start: i64) -> i64 {
        (start as f64 + self.slope * step as f64 + 0.5) as i64
    }

    /// Returns the rows of the two neighbouring points of a steep edge on both sides of the middle: one in
    /// grid column `left`, one right of it.
    fn rows_beside(&self, left: i64) -> [i64; 2] {
        let rises = self.extent[0] > 0;
        // The first step at which the edge is on the far side of the middle.
        let passed = |step: i64| (self.shorter_at(step, self.start[0]) > left) == rises;
        let guess = ((left as f64 + 0.5 - self.start[0] as f64) / self.slope) as i64;
        let mut step = guess.clamp(1, self.extent[1]);
        while step > 1 && passed(step - 1) {
            step -= 1;
        }
        while step < self.extent[1] && !passed(step) {
            step += 1;
        }
        [self.start[1] + step - 1, self.start[1] + step]
    }
}
