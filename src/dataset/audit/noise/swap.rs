//! Detects a mask of the background in place of the object, as the dataset's authors do: erosion,
//! dilation and the components that remain, here of the complement on a grid of 64 × 64 samples.

use super::columns::Columns;
use super::parts::Part;
use crate::geometry::Size;
use crate::rle::Mask;

/// Minimum share of the image that a mask of the background has.
const MIN_SHARE: f64 = 0.35;
/// Minimum share of the image's border pixels that a mask of the background has. A frame around a wide
/// opening at one side has less, and so has the background of a wide object that this side cuts.
const MIN_BORDER_SHARE: f64 = 0.85;
/// Minimum share of the complement's samples that are left after erosion and dilation, and that the
/// largest component then has.
const MIN_OBJECT_SHARE: f64 = 0.85;
/// Minimum share of its bounding rectangle that a compact object fills.
const MIN_FILL: f64 = 0.35;
/// Minimum number of samples of an object: 0.4 % of the grid.
const MIN_SAMPLES: u32 = 16;
/// Number of samples along each side: a column is one `u64`.
const SIDE: usize = 64;

/// Returns `true` if the mask covers the image's border and the rest is one compact object. `share` is
/// the share of the image's pixels in the mask.
pub(super) fn is_swapped(whole: &Part<'_>, share: f64) -> bool {
    let size = whole.mask.size();
    let spans_image = whole.bounds.is_some_and(|bounds| {
        bounds.x == 0 && bounds.y == 0 && bounds.width == size.width && bounds.height == size.height
    });
    (MIN_SHARE..1.0).contains(&share)
        && spans_image
        && border_share(whole.mask) >= MIN_BORDER_SHARE
        && Grid::of_complement(whole.mask).is_one_object()
}

/// Returns the share of the image's border pixels that the mask has; corners count twice.
fn border_share(mask: &Mask) -> f64 {
    let Size { width, height } = mask.size();
    let last_column = (width - 1) * height;
    let mut columns = Columns::new(height);
    let mut on_border = 0;
    for run in mask.runs() {
        let (column, row) = columns.find(run.start);
        let (last_in, _) = columns.find(run.end - 1);
        // In turn: the top row, the bottom row, the first column, the last column.
        on_border += last_in - column + u32::from(row == 0);
        on_border += columns.find(run.end).0 - column;
        on_border += run.end.min(height).saturating_sub(run.start);
        on_border += run.end.saturating_sub(run.start.max(last_column));
    }
    f64::from(on_border) / (2.0 * (f64::from(width) + f64::from(height)))
}

/// Samples of a mask: bit `row` of `columns[column]`.
#[derive(Clone, Copy, PartialEq)]
struct Grid([u64; SIDE]);

impl Grid {
    /// Samples the pixels that are not in the mask, in the middles of the cells.
    fn of_complement(mask: &Mask) -> Self {
        let Size { width, height } = mask.size();
        let boundaries = mask.boundaries();
        let mut grid = [0_u64; SIDE];
        for (at, column) in grid.iter_mut().enumerate() {
            let x = ((2 * at as u64 + 1) * u64::from(width) / (2 * SIDE as u64)) as u32;
            let (start, end) = (x * height, x * height + height);
            let first = boundaries.partition_point(|&boundary| boundary <= start) & !1;
            let runs = boundaries[first..].chunks_exact(2).take_while(|run| run[0] < end);
            let set = runs.fold(0, |set, run| {
                let rows = [run[0].max(start) - start, run[1].min(end) - start];
                let [from, to] = rows.map(|row| first_sample(row, height));
                set | low_bits(to) & !low_bits(from)
            });
            *column = !set;
        }
        Self(grid)
    }

    fn is_one_object(self) -> bool {
        let before = self.count();
        if before < MIN_SAMPLES {
            return false;
        }
        let opened = self.eroded().dilated();
        let largest = opened.largest_component();
        f64::from(opened.count()) >= MIN_OBJECT_SHARE * f64::from(before)
            && f64::from(largest.count()) >= MIN_OBJECT_SHARE * f64::from(before)
            && f64::from(largest.count()) >= MIN_FILL * f64::from(largest.bounds_area())
    }

    fn count(&self) -> u32 {
        self.0.iter().map(|column| column.count_ones()).sum()
    }

    /// Returns the samples whose four neighbours are all set; outside the grid counts as set.
    fn eroded(self) -> Self {
        let side = |at: usize| self.0.get(at).copied().unwrap_or(u64::MAX);
        Self(std::array::from_fn(|at| {
            let column = self.0[at];
            let vertical = (column << 1 | 1) & (column >> 1 | 1 << (SIDE - 1));
            column & vertical & side(at.wrapping_sub(1)) & side(at + 1)
        }))
    }

    /// Returns the samples that are set or have a neighbour, of four, that is.
    fn dilated(self) -> Self {
        let side = |at: usize| self.0.get(at).copied().unwrap_or(0);
        Self(std::array::from_fn(|at| {
            let column = self.0[at];
            column | column << 1 | column >> 1 | side(at.wrapping_sub(1)) | side(at + 1)
        }))
    }

    fn largest_component(mut self) -> Self {
        let mut largest = Self([0; SIDE]);
        while let Some(at) = self.0.iter().position(|&column| column != 0) {
            let component = self.component_at(at);
            for (column, taken) in self.0.iter_mut().zip(component.0) {
                *column &= !taken;
            }
            if component.count() > largest.count() {
                largest = component;
            }
        }
        largest
    }

    /// Returns the component of the lowest sample of a column.
    fn component_at(&self, at: usize) -> Self {
        let mut found = Self([0; SIDE]);
        found.0[at] = self.0[at] & self.0[at].wrapping_neg();
        loop {
            let before = found;
            let mut beside = 0;
            for at in (0..SIDE).chain((0..SIDE).rev()) {
                beside = fill(self.0[at], found.0[at] | beside & self.0[at]);
                found.0[at] = beside;
            }
            if found == before {
                return found;
            }
        }
    }

    fn bounds_area(&self) -> u32 {
        let rows = self.0.iter().fold(0, |rows, column| rows | column);
        let mut used = (0..SIDE).filter(|&at| self.0[at] != 0);
        let Some(first) = used.next() else { return 0 };
        let last = used.next_back().unwrap_or(first);
        (last - first + 1) as u32 * (u64::BITS - rows.leading_zeros() - rows.trailing_zeros())
    }
}

/// Returns the bits of `within` that a path of set bits connects with `seeds`, which are in it.
fn fill(within: u64, seeds: u64) -> u64 {
    let (mut up, mut down) = (seeds, seeds);
    let (mut path_up, mut path_down) = (within, within);
    // The length of the steps doubles: 63 bits in six of them.
    for step in [1, 2, 4, 8, 16, 32] {
        up |= path_up & up << step;
        path_up &= path_up << step;
        down |= path_down & down >> step;
        path_down &= path_down >> step;
    }
    up | down
}

/// Returns the first sample whose row, `(2 * sample + 1) * height / 128`, is at least `row`.
fn first_sample(row: u32, height: u32) -> u32 {
    ((2 * SIDE as u64 * u64::from(row)).div_ceil(u64::from(height)) / 2) as u32
}

fn low_bits(number: u32) -> u64 {
    if number >= u64::BITS { u64::MAX } else { (1 << number) - 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_the_pixels_in_the_middles() {
        for (width, height) in [(5, 3), (64, 64), (97, 131), (500, 375)] {
            let size = Size::new(width, height);
            let pixels = size.pixels() as u32;
            let mask =
                Mask::from_boundaries(size, (0..pixels / 7 * 2).map(|n| n * 7 / 2 + 1).collect()).unwrap();
            let grid = Grid::of_complement(&mask);
            for at in 0..SIDE as u32 {
                for row in 0..SIDE as u32 {
                    let (x, y) = ((2 * at + 1) * width / 128, (2 * row + 1) * height / 128);
                    assert_eq!(grid.0[at as usize] >> row & 1 == 0, mask.contains(x, y), "{size} {x} {y}");
                }
            }
        }
    }

    #[test]
    fn border_share_counts_the_pixels_of_each_side() {
        let size = Size::new(7, 5);
        for seed in 1..60_u32 {
            let boundaries: Vec<u32> = (0..=35).filter(|n| n * seed % 11 < 4).collect();
            let mask = Mask::from_boundaries(size, boundaries[..boundaries.len() / 2 * 2].to_vec()).unwrap();
            let sides = (0..7).flat_map(|x| [(x, 0), (x, 4)]).chain((0..5).flat_map(|y| [(0, y), (6, y)]));
            let count = sides.filter(|&(x, y)| mask.contains(x, y)).count();
            assert!((border_share(&mask) - count as f64 / 24.0).abs() < 1e-12, "{boundaries:?}");
        }
    }

    #[test]
    fn fill_follows_set_bits_both_ways() {
        let within = 0b0111_0111_1110_0100 | 0xffff << 40;
        assert_eq!(fill(within, 1 << 7), 0b111_1110_0000);
        assert_eq!(fill(within, 1 << 2 | 1 << 55), 1 << 2 | 0xffff << 40);
        assert_eq!((fill(u64::MAX, 1), fill(u64::MAX, 1 << 63), fill(u64::MAX, 0)), (u64::MAX, u64::MAX, 0));
    }

    #[test]
    fn component_is_found_around_a_corner() {
        let mut grid = Grid([0; SIDE]);
        // A spiral: down one column, along a row, up another column.
        grid.0[3] = 0xff00;
        (3..40).for_each(|at| grid.0[at] |= 1 << 15);
        grid.0[40] = 0xfff0;
        grid.0[20] |= 1 << 4;
        let largest = grid.largest_component();
        assert_eq!(grid.count() - largest.count(), 1);
        assert_eq!(largest.bounds_area(), 38 * 12);
    }
}
