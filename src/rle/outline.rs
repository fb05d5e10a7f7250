//! Traces the outlines of a mask along its pixel edges, holes included, from its runs.

use std::cmp::Ordering;
use std::fmt::Write as _;
use std::ops::Range;

use super::pieces::Pieces;
use super::{Connectivity, Mask};

/// The outline of one connected component (by sides): closed rectilinear paths on pixel corners, in
/// image space.
///
/// A path lists its corners once, as `[x, y]`, horizontal and vertical edges in turn, the first
/// edge of the outer path horizontal. The component lies to the right of each edge: with y down the
/// outer path runs clockwise and holes run counterclockwise, so that both fill rules, even-odd and
/// nonzero, fill it. Paths touch themselves and each other at corners at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    /// Path around the component.
    pub outer: Vec<[u32; 2]>,
    /// Paths around its holes, one each.
    pub holes: Vec<Vec<[u32; 2]>>,
}

impl Outline {
    /// Returns SVG 2 path data (section 9.3): for each path `M`, then `H` and `V` with absolute
    /// coordinates, then `Z`.
    pub fn to_svg_path(&self) -> String {
        let mut text = String::new();
        for path in self.paths() {
            let mut last: Option<[u32; 2]> = None;
            for &[x, y] in path {
                // Writing to a string does not fail.
                let _ = match last {
                    None => write!(text, "M{x} {y}"),
                    Some([_, above]) if above == y => write!(text, "H{x}"),
                    Some(_) => write!(text, "V{y}"),
                };
                last = Some([x, y]);
            }
            text.push('Z');
        }
        text
    }

    /// Returns the outer path, then those around the holes.
    pub fn paths(&self) -> impl Iterator<Item = &Vec<[u32; 2]>> + Clone {
        std::iter::once(&self.outer).chain(&self.holes)
    }
}

impl Mask {
    /// Returns the outlines of the connected components (by sides), in the order of [`Mask::components`].
    ///
    /// ```
    /// use masklink::{geometry::Size, rle::Mask};
    ///
    /// let ring = Mask::from_row_major(Size::new(3, 3), &[1, 1, 1, 1, 0, 1, 1, 1, 1])?;
    /// let outlines = ring.outlines();
    /// assert_eq!(outlines.len(), 1);
    /// assert_eq!(outlines[0].outer, [[0, 0], [3, 0], [3, 3], [0, 3]]);
    /// assert_eq!(outlines[0].holes, [[[1, 1], [1, 2], [2, 2], [2, 1]]]);
    /// assert_eq!(outlines[0].to_svg_path(), "M0 0H3V3H0ZM1 1V2H2V1Z");
    /// # Ok::<(), masklink::rle::Error>(())
    /// ```
    pub fn outlines(&self) -> Vec<Outline> {
        let pieces = Pieces::new(self);
        let (labels, number) = pieces.labels(Connectivity::Four);
        let corners = Sweep::over(&pieces);
        let mut outlines = vec![Outline { outer: Vec::new(), holes: Vec::new() }; number];
        let mut visited = vec![false; corners.len()];
        for first in 0..corners.len() {
            if visited[first] {
                continue;
            }
            let mut path = Vec::new();
            let mut at = first;
            while !visited[at] {
                visited[at] = true;
                path.push(corners[at].position);
                at = corners[at].next;
            }
            // The first corner is the upper one of the leftmost edge. To the right of that edge lies the
            // component where the path comes up along it and leaves sideways, and a hole where it goes
            // down.
            let is_outer = path[0][1] == path[1][1];
            let outline = &mut outlines[labels[corners[first].piece] as usize];
            if is_outer {
                outline.outer = path;
            } else {
                outline.holes.push(path);
            }
        }
        outlines
    }
}

/// A corner of an outline.
struct Corner {
    position: [u32; 2],
    /// Index of the next corner of the path.
    next: usize,
    /// Index of a piece of the same component.
    piece: usize,
}

/// The upper or lower side of a piece, followed from column to column.
#[derive(Clone, Copy)]
struct Side {
    y: u32,
    is_upper: bool,
    piece: usize,
    /// Index of the corner where the side began.
    start: usize,
}

impl Side {
    /// Returns the key that sorts the sides at a line: downward, and where two pixels meet in a corner the
    /// lower side first, so that an edge from above ends at the side of its own pixel.
    fn order(&self) -> (u32, bool) {
        (self.y, self.is_upper)
    }
}

/// Sweeps over the mask from left to right, from one change between columns to the next.
#[derive(Default)]
struct Sweep {
    corners: Vec<Corner>,
    /// Corners on the current line, downward; `true` where the mask lies left of the edge below the corner.
    on_line: Vec<(usize, bool)>,
}

impl Sweep {
    fn over(pieces: &Pieces) -> Vec<Corner> {
        let mut sweep = Self::default();
        let mut open = Vec::new();
        let mut end = 0;
        let mut last = 0..0;
        for group in pieces.groups() {
            if !pieces.touches(&last, &group) {
                sweep.pass(end, &open, &mut []);
                open.clear();
            }
            let mut sides = sides_of(pieces, group.clone());
            let columns = &pieces.0[group.start].columns;
            sweep.pass(columns.start, &open, &mut sides);
            (open, end, last) = (sides, columns.end, group);
        }
        sweep.pass(end, &open, &mut []);
        sweep.corners
    }

    /// Passes the line `x`: ends sides at its left, and sets `start` of those at its right.
    fn pass(&mut self, x: u32, left: &[Side], right: &mut [Side]) {
        let (mut i, mut j) = (0, 0);
        loop {
            let order = match (left.get(i), right.get(j)) {
                (Some(a), Some(b)) => a.order().cmp(&b.order()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => break,
            };
            match order {
                Ordering::Less => self.end_side(x, left[i]),
                Ordering::Equal => right[j].start = left[i].start,
                Ordering::Greater => right[j].start = self.add_corner(x, right[j], !right[j].is_upper),
            }
            i += usize::from(order.is_le());
            j += usize::from(order.is_ge());
        }
        for edge in self.on_line.chunks_exact(2) {
            let ((upper, mask_is_left), (lower, _)) = (edge[0], edge[1]);
            let (from, to) = if mask_is_left { (upper, lower) } else { (lower, upper) };
            self.corners[from].next = to;
        }
        self.on_line.clear();
    }

    fn end_side(&mut self, x: u32, side: Side) {
        let end = self.add_corner(x, side, side.is_upper);
        let (from, to) = if side.is_upper { (side.start, end) } else { (end, side.start) };
        self.corners[from].next = to;
    }

    fn add_corner(&mut self, x: u32, side: Side, mask_is_left: bool) -> usize {
        let corner = self.corners.len();
        self.corners.push(Corner { position: [x, side.y], next: corner, piece: side.piece });
        self.on_line.push((corner, mask_is_left));
        corner
    }
}

/// Returns the sides of the pieces of one group, downward.
fn sides_of(pieces: &Pieces, group: Range<usize>) -> Vec<Side> {
    let sides = |piece: usize| {
        let rows = &pieces.0[piece].rows;
        [(rows.start, true), (rows.end, false)].map(|(y, is_upper)| Side { y, is_upper, piece, start: 0 })
    };
    group.flat_map(sides).collect()
}
