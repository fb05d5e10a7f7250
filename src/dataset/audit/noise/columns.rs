//! Finds the pixels at ascending indices of a column-major mask, without a division at each.

/// The column of the last index looked up.
pub(super) struct Columns {
    height: u32,
    column: u32,
    /// Index of the column's first pixel.
    start: u32,
}

impl Columns {
    /// Begins at the first column; `height` is not 0.
    pub(super) fn new(height: u32) -> Self {
        Self { height, column: 0, start: 0 }
    }

    /// Returns column and row of an index, which is not below the last one.
    pub(super) fn find(&mut self, index: u32) -> (u32, u32) {
        let mut row = index - self.start;
        // The next run mostly begins in the same column or the next.
        if row >= self.height {
            let columns = if row - self.height < self.height { 1 } else { row / self.height };
            self.column += columns;
            self.start += columns * self.height;
            row -= columns * self.height;
        }
        (self.column, row)
    }
}

#[cfg(test)]
mod tests {
    use super::Columns;

    #[test]
    fn columns_and_rows_are_those_of_a_division() {
        for height in [1, 2, 7, 375, u32::MAX] {
            for step in [1, 3, 374, 375, 749, 750, 1_000_000] {
                let mut columns = Columns::new(height);
                let indices = (0..500).map(|n| n * step).chain([u32::MAX - 1, u32::MAX]);
                assert!(indices.into_iter().all(|at| columns.find(at) == (at / height, at % height)));
            }
        }
    }
}
