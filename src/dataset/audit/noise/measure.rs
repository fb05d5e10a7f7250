//! Area and bounds of a mask or of a part of it.

use super::columns::Columns;
use crate::geometry::PixelRect;
use crate::rle::Mask;

/// Number of pixels and the columns and rows around them, both half-open; all 0 for no pixel.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Measure {
    pub(super) area: u64,
    columns: [u32; 2],
    rows: [u32; 2],
}

impl Measure {
    pub(super) fn of_mask(mask: &Mask) -> Self {
        let height = mask.size().height;
        let mut columns = Columns::new(height);
        let (mut area, mut rows, mut left, mut right) = (0, [u32::MAX, 0], u32::MAX, 0);
        for run in mask.runs() {
            area += u64::from(run.end - run.start);
            let (first, top) = columns.find(run.start);
            let (last, bottom) = columns.find(run.end - 1);
            (left, right) = (left.min(first), last + 1);
            let across = if first == last { [top, bottom + 1] } else { [0, height] };
            rows = [rows[0].min(across[0]), rows[1].max(across[1])];
        }
        if area == 0 { Self::default() } else { Self { area, columns: [left, right], rows } }
    }

    pub(super) fn of_rectangle(columns: [u32; 2], rows: [u32; 2]) -> Self {
        let area = u64::from(columns[1] - columns[0]) * u64::from(rows[1] - rows[0]);
        Self { area, columns, rows }
    }

    /// Returns the measure of two parts that share no pixel.
    pub(super) fn and(self, other: Self) -> Self {
        if self.area == 0 {
            return other;
        }
        if other.area == 0 {
            return self;
        }
        let hull = |a: [u32; 2], b: [u32; 2]| [a[0].min(b[0]), a[1].max(b[1])];
        Self {
            area: self.area + other.area,
            columns: hull(self.columns, other.columns),
            rows: hull(self.rows, other.rows),
        }
    }

    /// Returns the smallest rectangle around the pixels; `None` where there are none.
    pub(super) fn bounds(&self) -> Option<PixelRect> {
        let [left, right] = self.columns;
        let [top, bottom] = self.rows;
        (self.area > 0).then(|| PixelRect { x: left, y: top, width: right - left, height: bottom - top })
    }
}
