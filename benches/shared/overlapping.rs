//! Generates many overlapping masks, the same ones on every machine.
//!
//! The including module must import `Mask` and `Size`.

use super::{Mask, Size};

/// Size of the image in the frame benchmarks.
pub(super) const IMAGE: Size = Size::new(1920, 1080);

/// Returns `count` blobs of half widths between 24 and 216 pixels, small ones more frequent, anywhere in
/// the image.
///
/// Each column of a blob has one run with a jagged top and bottom, or two around a hole in every third blob.
pub(super) fn blobs(count: u32) -> Vec<Mask> {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    (0..count).map(|index| blob(&mut random, index % 3 == 0)).collect()
}

fn blob(random: &mut Random, has_hole: bool) -> Mask {
    let (width, height) = (f64::from(IMAGE.width), f64::from(IMAGE.height));
    let half_width = 24.0 * 9.0_f64.powf(random.next());
    let half_height = half_width * (0.5 + random.next());
    let (x, y) = (random.next() * width, random.next() * height);
    let phase = random.next() * 6.0;
    let mut boundaries: Vec<u32> = Vec::new();
    let (left, right) =
        ((x - half_width).clamp(0.0, width - 1.0) as u32, (x + half_width).clamp(1.0, width) as u32);
    for column in left..right {
        let across = (f64::from(column) + 0.5 - x) / half_width;
        let half = half_height * (1.0 - across * across).max(0.0).sqrt();
        let wave = |frequency: f64| 1.0 + 0.12 * (f64::from(column) * frequency + phase).sin();
        let row = |at: f64| at.round().clamp(0.0, height) as u32;
        let (top, bottom) = (row(y - half * wave(0.31)), row(y + half * wave(0.23)));
        let hole = half_height * 0.3 * (1.0 - (across / 0.4).powi(2)).max(0.0).sqrt();
        let (hole_top, hole_bottom) = (row(y - hole), row(y + hole));
        let runs = if has_hole && top < hole_top && hole_top < hole_bottom && hole_bottom < bottom {
            vec![[top, hole_top], [hole_bottom, bottom]]
        } else {
            vec![[top, bottom]]
        };
        for [start, end] in runs.into_iter().filter(|[start, end]| start < end) {
            let base = column * IMAGE.height;
            // A run at the bottom of a column joins one at the top of the next.
            if boundaries.last() == Some(&(base + start)) {
                boundaries.pop();
            } else {
                boundaries.push(base + start);
            }
            boundaries.push(base + end);
        }
    }
    Mask::from_boundaries(IMAGE, boundaries).expect("boundaries increase within the image")
}

/// Marsaglia's xorshift64, which gives the same numbers everywhere.
struct Random(u64);

impl Random {
    /// Returns the next number in 0..1.
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}
