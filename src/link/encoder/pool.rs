//! Mask-pooled features: the average of a feature map over a mask, weighted by the area each cell
//! shares with it.

use crate::geometry::Rect;
use crate::rle::Mask;

/// The output of an encoder for an image or a part of it.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureMap {
    channels: usize,
    height: usize,
    width: usize,
    /// `[channels, height, width]`, row-major.
    values: Vec<f32>,
    region_in_image: Rect,
}

/// Errors of pooling the feature of a mask.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// The mask has no pixel, or none inside the map's region: send a mask inside the image.
    #[error("the mask has no pixel inside the encoded part of the image")]
    EmptyMask,
    /// The values are not `channels × height × width`, or the region has no area: the graph is at fault.
    #[error("a feature map of {channels}x{height}x{width} over {region:?} has {actual} values")]
    Shape {
        /// Channels by the shape.
        channels: usize,
        /// Rows by the shape.
        height: usize,
        /// Columns by the shape.
        width: usize,
        /// Number of values.
        actual: usize,
        /// Region of the image.
        region: Rect,
    },
    /// The pooled vector is zero or not finite, so it has no direction.
    #[error("the feature is zero or not finite")]
    NoDirection,
}

impl FeatureMap {
    /// Creates the map `values` of shape `[channels, height, width]` whose cells tile `region_in_image`
    /// evenly.
    ///
    /// The region may reach past the image, as it does where the encoder pads the image to a square.
    pub fn new(
        [channels, height, width]: [usize; 3],
        values: Vec<f32>,
        region_in_image: Rect,
    ) -> Result<Self, PoolError> {
        let expected = channels.checked_mul(height).and_then(|area| area.checked_mul(width));
        let has_area = region_in_image.width() > 0.0 && region_in_image.height() > 0.0;
        if expected != Some(values.len()) || values.is_empty() || !has_area {
            let region = region_in_image;
            return Err(PoolError::Shape { channels, height, width, actual: values.len(), region });
        }
        Ok(Self { channels, height, width, values, region_in_image })
    }

    /// Returns the number of channels: the length of a pooled vector.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Returns the number of bytes that the values occupy in memory.
    pub fn bytes(&self) -> usize {
        self.values.len() * size_of::<f32>()
    }

    /// Computes the mean feature under the mask.
    pub fn pool(&self, mask: &Mask) -> Result<Vec<f32>, PoolError> {
        let coverage = self.coverage(mask);
        let area: f64 = coverage.iter().sum();
        if area <= 0.0 {
            return Err(PoolError::EmptyMask);
        }
        let covered: Vec<_> = coverage.iter().enumerate().filter(|(_, area)| **area > 0.0).collect();
        let mean = |channel: &[f32]| -> f32 {
            (covered.iter().map(|(cell, part)| f64::from(channel[*cell]) * **part).sum::<f64>() / area) as f32
        };
        Ok(self.values.chunks_exact(self.height * self.width).map(mean).collect())
    }

    /// Computes the part of each cell that the mask covers, row-major.
    fn coverage(&self, mask: &Mask) -> Vec<f64> {
        coverage(mask, [self.height, self.width], self.region_in_image)
    }
}

/// Computes the part that a mask covers of each of `height × width` equal cells of a region,
/// row-major, from the runs.
pub(super) fn coverage(mask: &Mask, [height, width]: [usize; 2], region_in_image: Rect) -> Vec<f64> {
    let mut grid = Grid { height, width, region_in_image, covered: vec![0.0; height * width] };
    let image_height = mask.size().height;
    for run in mask.runs() {
        let (first, last) = (run.start / image_height, (run.end - 1) / image_height);
        let (top, bottom) = (run.start % image_height, (run.end - 1) % image_height + 1);
        if first == last {
            grid.cover([first, first + 1], [top, bottom]);
            continue;
        }
        // A run over several columns is a foot, whole columns and a head.
        grid.cover([first, first + 1], [top, image_height]);
        grid.cover([first + 1, last], [0, image_height]);
        grid.cover([last, last + 1], [0, bottom]);
    }
    grid.covered
}

struct Grid {
    height: usize,
    width: usize,
    region_in_image: Rect,
    covered: Vec<f64>,
}

impl Grid {
    /// Adds the pixels `columns × rows` to the cells they overlap.
    fn cover(&mut self, columns: [u32; 2], rows: [u32; 2]) {
        let Rect { x1, y1, .. } = self.region_in_image;
        let cells_per_pixel = [
            self.width as f64 / self.region_in_image.width(),
            self.height as f64 / self.region_in_image.height(),
        ];
        let x = columns.map(|x| ((f64::from(x) - x1) * cells_per_pixel[0]).clamp(0.0, self.width as f64));
        let y = rows.map(|y| ((f64::from(y) - y1) * cells_per_pixel[1]).clamp(0.0, self.height as f64));
        for row in y[0] as usize..y[1].ceil() as usize {
            let tall = overlap(row, y);
            for column in x[0] as usize..x[1].ceil() as usize {
                self.covered[row * self.width + column] += tall * overlap(column, x);
            }
        }
    }
}

/// Scales a vector to length 1.
pub(in crate::link) fn normalise(vector: &mut [f32]) -> Result<(), PoolError> {
    let length = vector.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt();
    if !length.is_finite() || length == 0.0 {
        return Err(PoolError::NoDirection);
    }
    for value in vector {
        *value = (f64::from(*value) / length) as f32;
    }
    Ok(())
}

/// Returns the length that `[cell, cell + 1]` shares with an interval.
fn overlap(cell: usize, [start, end]: [f64; 2]) -> f64 {
    let cell = cell as f64;
    (end.min(cell + 1.0) - start.max(cell)).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;
    use proptest::prelude::*;

    fn whole(size: Size) -> Rect {
        Rect { x1: 0.0, y1: 0.0, x2: f64::from(size.width), y2: f64::from(size.height) }
    }

    /// Computes the coverage by counting a fine grid of points, 8 × 8 a pixel.
    fn coverage_by_points(mask: &Mask, [height, width]: [usize; 2], region: Rect) -> Vec<f64> {
        let mut coverage = vec![0.0; height * width];
        let fine = 8;
        let cells_per_pixel = [width as f64 / region.width(), height as f64 / region.height()];
        for x in 0..mask.size().width * fine {
            for y in 0..mask.size().height * fine {
                let point = [x, y].map(|value| (f64::from(value) + 0.5) / f64::from(fine));
                let column = (point[0] - region.x1) * cells_per_pixel[0];
                let row = (point[1] - region.y1) * cells_per_pixel[1];
                let inside = column >= 0.0 && row >= 0.0 && column < width as f64 && row < height as f64;
                if inside && mask.contains(x / fine, y / fine) {
                    let area = cells_per_pixel[0] * cells_per_pixel[1] / f64::from(fine * fine);
                    coverage[row as usize * width + column as usize] += area;
                }
            }
        }
        coverage
    }

    proptest! {
        #[test]
        fn coverage_agrees_with_counted_points(
            bits in proptest::collection::vec(any::<bool>(), 7 * 5),
            rows in 1_i32..5, columns in 1_i32..9,
            // In eighths of a pixel, so that no point of the grid lies on the border of a cell.
            x in -24..24, y in -24..24, cell_width in 1..12, cell_height in 1..12,
        ) {
            let bitmap: Vec<u8> = bits.iter().map(|&bit| u8::from(bit)).collect();
            let mask = Mask::from_column_major(Size::new(7, 5), &bitmap).unwrap();
            let (right, bottom) = (x + columns * cell_width, y + rows * cell_height);
            let [x1, y1, x2, y2] = [x, y, right, bottom].map(|eighths| f64::from(eighths) / 8.0);
            let region = Rect { x1, y1, x2, y2 };
            let shape @ [height, width] = [rows as usize, columns as usize];
            let map = FeatureMap::new([1, height, width], vec![1.0; height * width], region).unwrap();
            let expected = coverage_by_points(&mask, shape, region);
            for (actual, expected) in map.coverage(&mask).iter().zip(expected) {
                prop_assert!((actual - expected).abs() < 1e-9, "{actual} {expected}");
            }
        }

        #[test]
        fn mask_inside_the_region_is_covered_whole(
            bits in proptest::collection::vec(any::<bool>(), 7 * 5),
            rows in 1_usize..9, columns in 1_usize..9,
        ) {
            let bitmap: Vec<u8> = bits.iter().map(|&bit| u8::from(bit)).collect();
            let mask = Mask::from_column_major(Size::new(7, 5), &bitmap).unwrap();
            let region = Rect { x1: -1.0, y1: -2.0, x2: 9.0, y2: 6.0 };
            let map = FeatureMap::new([1, rows, columns], vec![1.0; rows * columns], region).unwrap();
            let pixels = map.coverage(&mask).iter().sum::<f64>() * 80.0 / (rows * columns) as f64;
            prop_assert!((pixels - mask.area() as f64).abs() < 1e-9);
        }
    }

    #[test]
    fn mean_weighs_cells_by_area() {
        // A map of two cells side by side over 4 × 1 pixels; the mask covers the first cell and
        // half of the second.
        let size = Size::new(4, 1);
        let mask = Mask::from_row_major(size, &[1, 1, 1, 0]).unwrap();
        let map = FeatureMap::new([2, 1, 2], vec![3.0, 0.0, 0.0, 8.0], whole(size)).unwrap();
        assert_eq!(map.coverage(&mask), [1.0, 0.5]);
        // (3, 0) once and (0, 8) half.
        let pooled = map.pool(&mask).unwrap();
        assert!((pooled[0] - 2.0).abs() < 1e-6 && (pooled[1] - 8.0 / 3.0).abs() < 1e-6, "{pooled:?}");
    }

    #[test]
    fn mask_or_map_without_a_feature_is_an_error() {
        let size = Size::new(4, 4);
        let map = |values| FeatureMap::new([1, 1, 1], vec![values], whole(size)).unwrap();
        let full = Mask::from_counts(size, [0, 16]).unwrap();
        assert_eq!(map(1.0).pool(&Mask::empty(size).unwrap()), Err(PoolError::EmptyMask));
        for value in [0.0, f32::NAN] {
            let mut pooled = map(value).pool(&full).unwrap();
            assert_eq!(normalise(&mut pooled), Err(PoolError::NoDirection));
        }
        let outside = Rect { x1: 10.0, y1: 0.0, x2: 12.0, y2: 2.0 };
        assert_eq!(
            FeatureMap::new([1, 1, 1], vec![1.0], outside).unwrap().pool(&full),
            Err(PoolError::EmptyMask)
        );
        assert!(matches!(
            FeatureMap::new([2, 1, 1], vec![1.0], whole(size)),
            Err(PoolError::Shape { actual: 1, .. })
        ));
        assert!(FeatureMap::new([usize::MAX, 2, 2], vec![1.0], whole(size)).is_err());
    }
}
