//! The outline of a mask along its pixel edges, as straight segments.

use super::columns::Columns;

/// A straight part of an outline, from the pixel corner `(x, y)` by `length` to the right or down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Segment {
    pub(super) x: u16,
    pub(super) y: u16,
    pub(super) length: u16,
    pub(super) vertical: bool,
}

/// Returns all edges between a pixel of the mask and one outside it, collinear neighbours joined.
pub(super) fn segments_of(columns: &Columns) -> Vec<Segment> {
    let mut segments = Vec::new();
    let mut left: &[[u16; 2]] = &[];
    // Horizontal edges that reach the current column, by row: the row, and the column where they began.
    let mut open: Vec<[u16; 2]> = Vec::new();
    for x in columns.x..=columns.x + columns.width() {
        let right = columns.runs_of(x);
        let x = x as u16;
        push_differences(left, right, x, &mut segments);
        open = extend_horizontal(&open, right, x, &mut segments);
        left = right;
    }
    segments
}

/// Pushes the rows where exactly one of two neighbouring columns is set, as vertical edges at `x`.
fn push_differences(left: &[[u16; 2]], right: &[[u16; 2]], x: u16, segments: &mut Vec<Segment>) {
    let (mut i, mut j, mut begun) = (0, 0, None);
    let (left, right) = (left.as_flattened(), right.as_flattened());
    while i < left.len() || j < right.len() {
        let y = left.get(i).copied().unwrap_or(u16::MAX).min(right.get(j).copied().unwrap_or(u16::MAX));
        i += usize::from(left.get(i) == Some(&y));
        j += usize::from(right.get(j) == Some(&y));
        match (begun, i % 2 != j % 2) {
            (None, true) => begun = Some(y),
            (Some(from), false) => {
                segments.push(Segment { x, y: from, length: y - from, vertical: true });
                begun = None;
            }
            _ => {}
        }
    }
}

/// Returns the horizontal edges of column `x`, continuing those of the column before; pushes the ones
/// that end.
fn extend_horizontal(
    open: &[[u16; 2]],
    runs: &[[u16; 2]],
    x: u16,
    segments: &mut Vec<Segment>,
) -> Vec<[u16; 2]> {
    let mut ends = open.iter().copied().peekable();
    let mut close =
        |[y, from]: [u16; 2]| segments.push(Segment { x: from, y, length: x - from, vertical: false });
    let mut still_open = Vec::with_capacity(2 * runs.len());
    for &y in runs.as_flattened() {
        while let Some(edge) = ends.next_if(|edge| edge[0] < y) {
            close(edge);
        }
        still_open.push(ends.next_if(|edge| edge[0] == y).unwrap_or([y, x]));
    }
    ends.for_each(close);
    still_open
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;
    use crate::rle::Mask;
    use proptest::prelude::*;

    fn segments(size: Size, row_major: &[u8]) -> Vec<Segment> {
        let mut segments = segments_of(&Columns::new(&Mask::from_row_major(size, row_major).unwrap()));
        segments.sort_unstable();
        segments
    }

    #[test]
    fn rectangle_has_four_segments() {
        let found = segments(Size::new(4, 3), &[0, 0, 0, 0, 0, 1, 1, 0, 0, 1, 1, 0]);
        let segment = |x, y, length, vertical| Segment { x, y, length, vertical };
        assert_eq!(
            found,
            [
                segment(1, 1, 2, false),
                segment(1, 1, 2, true),
                segment(1, 3, 2, false),
                segment(3, 1, 2, true)
            ]
        );
    }

    proptest! {
        /// Cut into unit edges, the segments are the edges found by comparing each pair of neighbouring
        /// pixels, each once.
        #[test]
        fn unit_edges_equal_those_of_the_bitmap(
            width in 1_u32..9, height in 1_u32..9, seed in prop::collection::vec(0_u8..2, 64),
        ) {
            let bitmap = &seed[..(width * height) as usize];
            let at = |x: i32, y: i32| {
                let inside = (0..width as i32).contains(&x) && (0..height as i32).contains(&y);
                inside && bitmap[(y * width as i32 + x) as usize] == 1
            };
            let mut expected = Vec::new();
            for y in 0..=height as i32 {
                for x in 0..=width as i32 {
                    if at(x, y) != at(x - 1, y) { expected.push((x, y, true)); }
                    if at(x, y) != at(x, y - 1) { expected.push((x, y, false)); }
                }
            }
            let mut found = Vec::new();
            for s in segments(Size::new(width, height), bitmap) {
                prop_assert!(s.length > 0);
                for i in 0..i32::from(s.length) {
                    let (dx, dy) = if s.vertical { (0, i) } else { (i, 0) };
                    found.push((i32::from(s.x) + dx, i32::from(s.y) + dy, s.vertical));
                }
            }
            expected.sort_unstable();
            found.sort_unstable();
            prop_assert_eq!(found, expected);
        }
    }
}
