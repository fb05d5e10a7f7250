//! Measures the connected components of a mask in one pass over its runs, without making masks of them.

use std::mem;

use super::columns::Columns;
use super::measure::Measure;
use crate::rle::Mask;

/// A component is a stray up to this share of the largest one's area.
const MAX_STRAY_SHARE: f64 = 0.01;
/// Minimum number of strays that are a sign of noise; outlines of hair or leaves leave a few.
const MIN_STRAYS: usize = 8;
/// A component counts as a region of a dense scene from this share of the largest one's area on.
const MIN_SIMILAR_SHARE: f64 = 0.2;
/// Minimum number of similar regions of a dense scene.
pub(super) const MIN_DENSE_REGIONS: usize = 6;

/// The connected components of a mask; pixels that share a corner are connected.
pub(super) struct Components(Vec<Measure>);

impl Components {
    pub(super) fn new(mask: &Mask) -> Self {
        let mut labels = Labels::default();
        let height = mask.size().height;
        let mut columns = Columns::new(height);
        for run in mask.runs() {
            let (mut x, mut y) = columns.find(run.start);
            let (last_x, last_y) = columns.find(run.end);
            // At most three rectangles, a block of whole columns between two parts of columns.
            if y > 0 && x < last_x {
                labels.add([x, x + 1], [y, height]);
                (x, y) = (x + 1, 0);
            }
            if x < last_x {
                labels.add([x, last_x], [0, height]);
                y = 0;
            }
            if last_y > 0 {
                labels.add([last_x, last_x + 1], [y, last_y]);
            }
        }
        Self(labels.into_measures())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the measure of all components together.
    pub(super) fn whole(&self) -> Measure {
        self.0.iter().copied().fold(Measure::default(), Measure::and)
    }

    /// Returns the component with the most pixels.
    pub(super) fn largest(&self) -> Measure {
        self.0.iter().copied().max_by_key(|component| component.area).unwrap_or_default()
    }

    pub(super) fn has_strays(&self) -> bool {
        let max = self.largest().area as f64 * MAX_STRAY_SHARE;
        self.0.iter().filter(|component| component.area as f64 <= max).count() >= MIN_STRAYS
    }

    pub(super) fn is_dense(&self) -> bool {
        let min = self.largest().area as f64 * MIN_SIMILAR_SHARE;
        self.0.iter().filter(|component| component.area as f64 >= min).count() >= MIN_DENSE_REGIONS
    }
}

/// A rectangle of a column, or of a block of whole columns, and its node.
#[derive(Clone, Copy)]
struct Labelled {
    rows: [u32; 2],
    node: u32,
}

/// Labels of the rectangles so far, as a forest of nodes. Each root has the measure of its component.
#[derive(Default)]
struct Labels {
    parents: Vec<u32>,
    measures: Vec<Measure>,
    /// Rectangles that end where the current column begins.
    left: Vec<Labelled>,
    /// Rectangles of the current column, and the columns of it.
    current: Vec<Labelled>,
    columns: [u32; 2],
    /// The first of `left` that may touch the next rectangle.
    next: usize,
}

impl Labels {
    /// Adds a rectangle of columns and rows, both half-open. Rectangles come in the order of the runs.
    fn add(&mut self, columns: [u32; 2], rows: [u32; 2]) {
        if columns != self.columns {
            mem::swap(&mut self.left, &mut self.current);
            self.current.clear();
            if self.columns[1] != columns[0] {
                self.left.clear();
            }
            (self.columns, self.next) = (columns, 0);
        }
        let mut found: Option<u32> = None;
        while let Some(&beside) = self.left.get(self.next).filter(|beside| beside.rows[0] <= rows[1]) {
            if beside.rows[1] >= rows[0] {
                let root = self.root(beside.node);
                found = Some(found.map_or(root, |node| self.join(node, root)));
            }
            if beside.rows[1] > rows[1] {
                // It may touch the next rectangle too.
                break;
            }
            self.next += 1;
        }
        let node = found.unwrap_or_else(|| {
            self.parents.push(self.parents.len() as u32);
            self.measures.push(Measure::default());
            self.parents.len() as u32 - 1
        });
        let measure = &mut self.measures[node as usize];
        *measure = measure.and(Measure::of_rectangle(columns, rows));
        self.current.push(Labelled { rows, node });
    }

    fn root(&mut self, mut node: u32) -> u32 {
        while self.parents[node as usize] != node {
            let above = self.parents[self.parents[node as usize] as usize];
            self.parents[node as usize] = above;
            node = above;
        }
        node
    }

    /// Joins two roots; returns the root of both.
    fn join(&mut self, a: u32, b: u32) -> u32 {
        let (root, other) = (a.min(b), a.max(b));
        if root != other {
            self.parents[other as usize] = root;
            let joined = mem::take(&mut self.measures[other as usize]);
            self.measures[root as usize] = self.measures[root as usize].and(joined);
        }
        root
    }

    fn into_measures(mut self) -> Vec<Measure> {
        self.measures.retain(|measure| measure.area > 0);
        self.measures
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;
    use crate::rle::Connectivity;

    #[test]
    fn components_are_those_of_the_masks() {
        let mut state = 1_u32;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 16
        };
        for case in 0..2_000 {
            let size = Size::new(1 + random() % 12, 1 + random() % 9);
            let pixels = size.pixels() as u32;
            let density = 1 + case % 9;
            let mut boundaries: Vec<u32> = (0..=pixels).filter(|_| random() % 10 < density).collect();
            boundaries.truncate(boundaries.len() / 2 * 2);
            let mask = Mask::from_boundaries(size, boundaries).unwrap();
            let of = |mask: Mask| (mask.area(), mask.bbox());
            let mut expected: Vec<_> = mask.components(Connectivity::Eight).into_iter().map(of).collect();
            let components = Components::new(&mask);
            let mut found: Vec<_> = components.0.iter().map(|one| (one.area, one.bounds())).collect();
            let key = |one: &(u64, Option<crate::geometry::PixelRect>)| {
                (one.0, one.1.map(|bounds| (bounds.x, bounds.y, bounds.width, bounds.height)))
            };
            expected.sort_by_key(key);
            found.sort_by_key(key);
            assert_eq!(found, expected, "{mask:?}");
            let whole = components.whole();
            assert_eq!((whole.area, whole.bounds()), (mask.area(), mask.bbox()));
            assert_eq!(whole, Measure::of_mask(&mask));
        }
    }
}
