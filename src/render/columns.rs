//! The runs of a mask column by column, from which its fill is drawn.

use crate::rle::Mask;

/// The runs of each column of a mask's box.
///
/// Column `x + i` has the runs `runs[starts[i]..starts[i + 1]]`, each rows `[top, bottom)`, in
/// order, never touching.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    /// First column with a run.
    pub(super) x: u32,
    /// First row with a run.
    pub(super) top: u32,
    /// One past the last row with a run.
    pub(super) bottom: u32,
    /// Index of each column's first run, and the number of runs at the end; `[0]` for an empty mask.
    pub(super) starts: Vec<u32>,
    /// Rows `[top, bottom)` of the runs; they fit 16 bits because a scene's sides do.
    pub(super) runs: Vec<[u16; 2]>,
}

impl Columns {
    /// Splits a mask, whose sides are at most [`super::scene::MAX_SIDE`], into columns.
    pub(super) fn new(mask: &Mask) -> Self {
        let height = mask.size().height;
        let mut columns =
            Self { x: 0, top: 0, bottom: 0, starts: vec![0], runs: Vec::with_capacity(mask.runs().len()) };
        let Some(bbox) = mask.bbox() else { return columns };
        (columns.x, columns.top, columns.bottom) = (bbox.x, bbox.y, bbox.y + bbox.height);
        columns.starts.reserve(bbox.width as usize);
        let mut column = bbox.x;
        for run in mask.runs() {
            let mut start = run.start;
            // A run may continue from the bottom of a column at the top of the next.
            while start < run.end {
                let x = start / height;
                let end = run.end.min((x + 1) * height);
                for _ in column..x {
                    columns.starts.push(columns.runs.len() as u32);
                }
                column = x;
                columns.runs.push([(start - x * height) as u16, (end - x * height) as u16]);
                start = end;
            }
        }
        columns.starts.push(columns.runs.len() as u32);
        columns
    }

    /// Returns the number of columns of the box.
    pub(super) fn width(&self) -> u32 {
        self.starts.len() as u32 - 1
    }

    /// Returns the runs of column `x` of the image; none outside the box.
    pub(super) fn runs_of(&self, x: u32) -> &[[u16; 2]] {
        let index = x.wrapping_sub(self.x) as usize;
        match (self.starts.get(index), self.starts.get(index.wrapping_add(1))) {
            (Some(&start), Some(&end)) => &self.runs[start as usize..end as usize],
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;

    #[test]
    fn run_over_a_column_end_is_split_and_empty_column_kept() {
        // Height 3: pixels 1..7 cover column 0 rows 1-2, column 1 whole, column 2 row 0; column 3 is empty.
        let mask = Mask::from_boundaries(Size::new(6, 3), vec![1, 7, 12, 13, 14, 15]).unwrap();
        let columns = Columns::new(&mask);
        assert_eq!((columns.x, columns.top, columns.bottom, columns.width()), (0, 0, 3, 5));
        let seen: Vec<_> = (0..7).map(|x| columns.runs_of(x).to_vec()).collect();
        let expected: [&[[u16; 2]]; 7] = [&[[1, 3]], &[[0, 3]], &[[0, 1]], &[], &[[0, 1], [2, 3]], &[], &[]];
        assert_eq!(seen, expected);
    }

    #[test]
    fn empty_mask_has_no_columns() {
        let columns = Columns::new(&Mask::empty(Size::new(6, 3)).unwrap());
        assert_eq!((columns.width(), columns.runs_of(0)), (0, [].as_slice()));
    }
}
