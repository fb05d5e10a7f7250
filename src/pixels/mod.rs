//! Resamples rectangles of an image's pixels to a model's input.
//!
//! The filter is Pillow's `BILINEAR`: a triangle as wide as the scale, so that scaling down
//! averages and scaling up interpolates, computed in floats without rounding in between. Page, server
//! and command line share it, so the same pixels give bitwise the same samples everywhere.

pub mod exif;

use std::ops::Range;

use crate::geometry::{PixelRect, Rect, Size};

/// Row-major 8-bit pixels of an image, or of a window of it.
#[derive(Clone, Copy, Debug)]
pub struct Pixels<'a> {
    image: Size,
    window: PixelRect,
    channels: Channels,
    bytes: &'a [u8],
}

/// Channels of a pixel, one byte each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channels {
    /// Three bytes: red, green, blue.
    Rgb,
    /// Four bytes: red, green, blue, and an alpha that is ignored, as by Pillow's `convert("RGB")`.
    Rgba,
}

/// A wrong argument: bytes or a window that do not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The number of bytes is not that of the size.
    #[error("an image of {size} with {channels} channels needs {expected} bytes, not {actual}")]
    Length {
        /// Size of the image or window.
        size: Size,
        /// Number of bytes of a pixel.
        channels: usize,
        /// Number of bytes needed.
        expected: u64,
        /// Number of bytes given.
        actual: u64,
    },
    /// The window lacks pixels that are needed, or reaches past its image.
    #[error("the window {window:?} of an image of {image} does not contain {needed:?}")]
    Window {
        /// Size of the image.
        image: Size,
        /// Rectangle of the pixels given.
        window: PixelRect,
        /// Rectangle of the pixels needed.
        needed: PixelRect,
    },
}

impl<'a> Pixels<'a> {
    /// Borrows `height * width * channels` bytes as an image.
    pub fn new(size: Size, channels: Channels, bytes: &'a [u8]) -> Result<Self, Error> {
        let window = PixelRect { x: 0, y: 0, width: size.width, height: size.height };
        Self::of_window(size, window, channels, bytes)
    }

    /// Borrows the pixels of a window of an image.
    pub fn of_window(
        image: Size,
        window: PixelRect,
        channels: Channels,
        bytes: &'a [u8],
    ) -> Result<Self, Error> {
        let whole = PixelRect { x: 0, y: 0, width: image.width, height: image.height };
        if !holds(whole, window) {
            return Err(Error::Window { image, window: whole, needed: window });
        }
        let size = Size::new(window.width, window.height);
        let expected = size.pixels().saturating_mul(channels.count() as u64);
        let actual = bytes.len() as u64;
        if actual != expected {
            return Err(Error::Length { size, channels: channels.count(), expected, actual });
        }
        Ok(Self { image, window, channels, bytes })
    }

    /// Returns the image's width and height.
    pub fn size(&self) -> Size {
        self.image
    }

    /// Resamples a region, which may reach outside the image, to `target.width × target.height` samples.
    ///
    /// Calls `write` with column, row and RGB (0 to 255) of each sample whose centre lies in the image.
    pub fn sample(
        &self,
        region_in_image: Rect,
        target: Size,
        mut write: impl FnMut(usize, usize, [f32; 3]),
    ) -> Result<(), Error> {
        let Grid { columns, rows } = Grid::new(self.image, region_in_image, target);
        let needed = window(&columns, &rows);
        if needed.width == 0 || needed.height == 0 {
            return Ok(());
        }
        if !holds(self.window, needed) {
            return Err(Error::Window { image: self.image, window: self.window, needed });
        }
        let channels = self.channels.count();
        let stride = self.window.width as usize * channels;
        let left = (needed.x - self.window.x) as usize * channels;
        let mut scaled_down = vec![0.0_f32; needed.width as usize * channels];
        for (y, row) in rows.iter().enumerate().filter(|(_, row)| !row.weights.is_empty()) {
            scaled_down.fill(0.0);
            for (source, &weight) in row.sources.clone().zip(&row.weights) {
                let start = (source - self.window.y as usize) * stride + left;
                let pixels = &self.bytes[start..start + scaled_down.len()];
                for (sum, &byte) in scaled_down.iter_mut().zip(pixels) {
                    *sum += weight * f32::from(byte);
                }
            }
            for (x, column) in columns.iter().enumerate().filter(|(_, column)| !column.weights.is_empty()) {
                let mut sums = [0.0_f32; 3];
                let [start, end] =
                    [column.sources.start, column.sources.end].map(|at| (at - needed.x as usize) * channels);
                for (pixel, &weight) in scaled_down[start..end].chunks_exact(channels).zip(&column.weights) {
                    for (sum, &value) in sums.iter_mut().zip(pixel) {
                        *sum += weight * value;
                    }
                }
                write(x, y, sums);
            }
        }
        Ok(())
    }
}

/// Returns the window of an image that [`Pixels::sample`] reads for a region; empty where it reads nothing.
pub fn window_of(image: Size, region_in_image: Rect, target: Size) -> PixelRect {
    let Grid { columns, rows } = Grid::new(image, region_in_image, target);
    window(&columns, &rows)
}

impl Channels {
    const fn count(self) -> usize {
        match self {
            Self::Rgb => 3,
            Self::Rgba => 4,
        }
    }
}

/// The taps of each column and row of the samples.
struct Grid {
    columns: Vec<Taps>,
    rows: Vec<Taps>,
}

/// Source pixels of one sample and their weights, which add up to 1; empty where the sample's centre is
/// outside the image.
struct Taps {
    sources: Range<usize>,
    weights: Vec<f32>,
}

impl Grid {
    fn new(image: Size, region: Rect, target: Size) -> Self {
        let columns = taps(region.x1, region.width() / f64::from(target.width), target.width, image.width);
        let rows = taps(region.y1, region.height() / f64::from(target.height), target.height, image.height);
        Self { columns, rows }
    }
}

/// Computes the taps along one axis, as Pillow's `precompute_coeffs` for a triangle.
fn taps(start: f64, scale: f64, count: u32, length: u32) -> Vec<Taps> {
    let reach = scale.max(1.0);
    let of_sample = |at: u32| {
        let centre = start + (f64::from(at) + 0.5) * scale;
        if !(0.0..f64::from(length)).contains(&centre) {
            return Taps { sources: 0..0, weights: Vec::new() };
        }
        let first = (centre - reach + 0.5).max(0.0) as usize;
        let end = ((centre + reach + 0.5) as usize).clamp(first + 1, length as usize);
        let weight = |x: usize| (1.0 - ((x as f64 + 0.5 - centre) / reach).abs()).max(0.0);
        let total: f64 = (first..end).map(weight).sum();
        let weights = (first..end).map(|x| (weight(x) / total) as f32).collect();
        Taps { sources: first..end, weights }
    };
    (0..count).map(of_sample).collect()
}

fn window(columns: &[Taps], rows: &[Taps]) -> PixelRect {
    let span = |taps: &[Taps]| {
        let used = || taps.iter().filter(|taps| !taps.weights.is_empty());
        let first = used().map(|taps| taps.sources.start).min().unwrap_or(0);
        let end = used().map(|taps| taps.sources.end).max().unwrap_or(first);
        (first as u32, (end - first) as u32)
    };
    let ((x, width), (y, height)) = (span(columns), span(rows));
    PixelRect { x, y, width, height }
}

fn holds(outer: PixelRect, inner: PixelRect) -> bool {
    let within = |outer: (u32, u32), inner: (u32, u32)| {
        let end = |(start, length): (u32, u32)| u64::from(start) + u64::from(length);
        outer.0 <= inner.0 && end(inner) <= end(outer)
    };
    within((outer.x, outer.width), (inner.x, inner.width))
        && within((outer.y, outer.height), (inner.y, inner.height))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn noise(size: Size, channels: usize) -> Vec<u8> {
        (0..size.pixels() as usize * channels).map(|at| (at * 7919 % 251) as u8).collect()
    }

    /// Returns the samples row by row; zero where none was written.
    fn sampled(pixels: Pixels<'_>, region: Rect, target: Size) -> Vec<[f32; 3]> {
        let mut samples = vec![[0.0; 3]; target.pixels() as usize];
        pixels.sample(region, target, |x, y, rgb| samples[y * target.width as usize + x] = rgb).unwrap();
        samples
    }

    #[test]
    fn image_at_its_own_size_is_unchanged() {
        let size = Size::new(5, 3);
        let bytes = noise(size, 3);
        let samples = sampled(Pixels::new(size, Channels::Rgb, &bytes).unwrap(), size.into(), size);
        assert!(
            samples
                .iter()
                .flatten()
                .zip(&bytes)
                .all(|(sample, &byte)| sample.to_bits() == f32::from(byte).to_bits())
        );
    }

    #[test]
    fn rgb_and_rgba_give_the_same_samples() {
        let size = Size::new(37, 23);
        let rgb = noise(size, 3);
        let rgba: Vec<u8> = rgb.chunks_exact(3).flat_map(|pixel| [pixel[0], pixel[1], pixel[2], 9]).collect();
        let sampled = |channels, bytes| {
            sampled(Pixels::new(size, channels, bytes).unwrap(), size.into(), Size::new(16, 9))
        };
        assert_eq!(sampled(Channels::Rgb, &rgb[..]), sampled(Channels::Rgba, &rgba[..]));
    }

    /// Pillow 13: `Image.fromarray(v).resize((3, 1), Image.BILINEAR)` in mode F for v = 0, 10, …,
    /// 70, and the same with `box=(1.5, 0, 6.5, 1)`.
    #[test]
    fn samples_equal_pillows() {
        let bytes: Vec<u8> = (0..8).flat_map(|at| [at * 10; 3]).collect();
        let size = Size::new(8, 1);
        for (region, expected) in [
            (size.into(), [11.052_631, 35.0, 58.947_37]),
            (Rect { x1: 1.5, y1: 0.0, x2: 6.5, y2: 1.0 }, PILLOW_BOX),
        ] {
            let found = sampled(Pixels::new(size, Channels::Rgb, &bytes).unwrap(), region, Size::new(3, 1));
            for (found, expected) in found.iter().zip(expected) {
                assert!((found[0] - expected).abs() < 1e-4, "{found:?} {expected}");
            }
        }
    }

    const PILLOW_BOX: [f32; 3] = [18.823_53, 35.0, 51.176_47];

    #[test]
    fn samples_outside_the_image_are_not_written() {
        let size = Size::new(4, 4);
        let bytes = [200; 48];
        let pixels = Pixels::new(size, Channels::Rgb, &bytes).unwrap();
        // Half of the region lies to the left of the image; what is inside keeps its value up to the edge.
        let samples = sampled(pixels, Rect { x1: -4.0, y1: 0.0, x2: 4.0, y2: 4.0 }, Size::new(8, 4));
        for row in samples.chunks_exact(8) {
            assert_eq!(row, [[[0.0; 3]; 4], [[200.0; 3]; 4]].concat());
        }
        let mut calls = 0;
        for nowhere in
            [Rect { x1: 9.0, y1: 0.0, x2: 12.0, y2: 4.0 }, Rect { x1: f64::NAN, y1: 0.0, x2: 1.0, y2: 1.0 }]
        {
            pixels.sample(nowhere, Size::new(8, 8), |_, _, _| calls += 1).unwrap();
        }
        assert_eq!(calls, 0);
    }

    #[test]
    fn wrong_lengths_and_windows_are_errors() {
        let size = Size::new(2, 2);
        let error = Pixels::new(size, Channels::Rgb, &[0; 16]).unwrap_err();
        assert!(matches!(error, Error::Length { expected: 12, actual: 16, .. }), "{error}");
        let beyond = PixelRect { x: 1, y: 0, width: u32::MAX, height: 1 };
        assert!(matches!(Pixels::of_window(size, beyond, Channels::Rgb, &[]), Err(Error::Window { .. })));
        let left = PixelRect { x: 0, y: 0, width: 1, height: 2 };
        let pixels = Pixels::of_window(size, left, Channels::Rgb, &[0; 6]).unwrap();
        assert!(matches!(pixels.sample(size.into(), size, |_, _, _| ()), Err(Error::Window { .. })));
    }

    proptest! {
        /// Sampling from the window alone gives the same bits as sampling from the whole image.
        #[test]
        fn samples_of_a_window_equal_those_of_the_image(
            x in -20.0..40.0_f64, y in -20.0..40.0_f64, width in 0.1..60.0_f64, height in 0.1..60.0_f64,
            columns in 1_u32..20, rows in 1_u32..20,
        ) {
            let (size, target) = (Size::new(31, 17), Size::new(columns, rows));
            let region = Rect::from_xywh([x, y, width, height]);
            let bytes = noise(size, 3);
            let window = window_of(size, region, target);
            let mut part = Vec::new();
            for row in window.y..window.y + window.height {
                let start = (row * size.width + window.x) as usize * 3;
                part.extend_from_slice(&bytes[start..start + window.width as usize * 3]);
            }
            let of_window = Pixels::of_window(size, window, Channels::Rgb, &part).unwrap();
            let samples = sampled(of_window, region, target);
            let of_image = Pixels::new(size, Channels::Rgb, &bytes).unwrap();
            prop_assert_eq!(&samples, &sampled(of_image, region, target));
            prop_assert!(samples.iter().flatten().all(|value| (0.0..250.01).contains(value)));
        }
    }
}
