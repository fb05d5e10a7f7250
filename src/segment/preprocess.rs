//! A picture's pixels to an encoder's input: scaled with antialiasing, normalised, padded.
//!
//! The filter is Pillow's `BILINEAR` (a triangle as wide as the scale), which segment-anything's `ResizeLongestSide`
//! uses, computed in floats without rounding in between. Page and command line share it, so both see the same tensor.

use std::ops::Range;

use super::frame::Frame;
use super::{Encoder, Error, Tensor};
use crate::geometry::Size;

/// Row-major 8-bit pixels of a picture.
#[derive(Clone, Copy, Debug)]
pub struct Pixels<'a> {
    size: Size,
    channels: Channels,
    bytes: &'a [u8],
}

/// How many bytes a pixel has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channels {
    /// Red, green, blue.
    Rgb,
    /// Red, green, blue, and an alpha that is not looked at, as Pillow's `convert("RGB")` drops it.
    Rgba,
}

impl Channels {
    const fn count(self) -> usize {
        match self {
            Self::Rgb => 3,
            Self::Rgba => 4,
        }
    }
}

impl<'a> Pixels<'a> {
    /// Borrows `height * width * channels` bytes as a picture.
    pub fn new(size: Size, channels: Channels, bytes: &'a [u8]) -> Result<Self, Error> {
        let expected = size.pixels().saturating_mul(channels.count() as u64);
        let actual = bytes.len() as u64;
        if actual == expected {
            Ok(Self { size, channels, bytes })
        } else {
            Err(Error::PixelCount { size, channels: channels.count(), expected, actual })
        }
    }

    /// Width and height.
    pub fn size(&self) -> Size {
        self.size
    }

    /// The encoder's input, f32[1, 3, side, side], and how the picture lies in it.
    pub(super) fn to_input(self, encoder: &Encoder) -> Result<(Frame, Tensor), Error> {
        let frame = Frame::new(self.size, encoder.size)?;
        let side = encoder.size as usize;
        let plane = side * side;
        let mut values = vec![0.0_f32; 3 * plane];
        let Size { width, height } = frame.content;
        let rows = taps(self.size.height, height);
        let columns = taps(self.size.width, width);
        let channels = self.channels.count();
        let stride = self.size.width as usize * channels;
        let mut scaled_down = vec![0.0_f32; stride];
        let (reds, rest) = values.split_at_mut(plane);
        let (greens, blues) = rest.split_at_mut(plane);
        for (y, row) in rows.iter().enumerate() {
            scaled_down.fill(0.0);
            for (source, &weight) in row.sources.clone().zip(&row.weights) {
                let pixels = &self.bytes[source * stride..(source + 1) * stride];
                for (sum, &byte) in scaled_down.iter_mut().zip(pixels) {
                    *sum += weight * f32::from(byte);
                }
            }
            let target = y * side..y * side + width as usize;
            let planes = reds[target.clone()].iter_mut().zip(&mut greens[target.clone()]).zip(&mut blues[target]);
            for (((red, green), blue), column) in planes.zip(&columns) {
                let mut sums = [0.0_f32; 3];
                let sources = column.sources.start * channels..column.sources.end * channels;
                for (pixel, &weight) in scaled_down[sources].chunks_exact(channels).zip(&column.weights) {
                    for (sum, &value) in sums.iter_mut().zip(pixel) {
                        *sum += weight * value;
                    }
                }
                let normalised = |channel: usize| (sums[channel] - encoder.mean[channel]) / encoder.std[channel];
                (*red, *green, *blue) = (normalised(0), normalised(1), normalised(2));
            }
        }
        let shape = [1, 3, side, side];
        Ok((frame, Tensor::from_f32s(values).reshaped(shape)))
    }
}

/// Which source pixels make one target pixel, and how much of each; the weights add up to 1.
struct Taps {
    sources: Range<usize>,
    weights: Vec<f32>,
}

/// Pillow's `precompute_coeffs` for a triangle.
fn taps(source: u32, target: u32) -> Vec<Taps> {
    let scale = f64::from(source) / f64::from(target);
    let reach = scale.max(1.0);
    (0..target)
        .map(|at| {
            let centre = (f64::from(at) + 0.5) * scale;
            let first = (centre - reach + 0.5).max(0.0) as usize;
            let end = ((centre + reach + 0.5) as usize).clamp(first + 1, source as usize);
            let weight = |x: usize| (1.0 - ((x as f64 + 0.5 - centre) / reach).abs()).max(0.0);
            let total: f64 = (first..end).map(weight).sum();
            let weights = (first..end).map(|x| (weight(x) / total) as f32).collect();
            Taps { sources: first..end, weights }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::manifest::tests::model_json;

    fn encoder(side: u32) -> Encoder {
        let mut json = model_json()["encoder"].clone();
        json["size"] = side.into();
        json["mean"] = serde_json::json!([0.0, 10.0, 20.0]);
        json["std"] = serde_json::json!([1.0, 2.0, 4.0]);
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn channels_go_to_planes_normalised_and_padded_with_zeros() {
        let size = Size::new(4, 2);
        let bytes: Vec<u8> = (0..8).flat_map(|at| [at, 100 + at, 200, 255]).collect();
        let (frame, input) = Pixels::new(size, Channels::Rgba, &bytes).unwrap().to_input(&encoder(4)).unwrap();
        assert_eq!(frame.content, size);
        assert_eq!(input.shape(), [1, 3, 4, 4]);
        let values = input.as_f32().unwrap();
        let padding = [0.0; 8];
        assert_eq!(values[..8], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
        assert_eq!(values[8..16], padding);
        assert_eq!(values[16..20], [45.0, 45.5, 46.0, 46.5]);
        assert_eq!(values[32..40], [45.0; 8]);
    }

    #[test]
    fn rgb_and_rgba_give_the_same_tensor() {
        let size = Size::new(37, 23);
        let rgb: Vec<u8> = (0..size.pixels() * 3).map(|at| (at * 7919 % 251) as u8).collect();
        let rgba: Vec<u8> = rgb.chunks_exact(3).flat_map(|pixel| [pixel[0], pixel[1], pixel[2], 9]).collect();
        let (_, of_rgb) = Pixels::new(size, Channels::Rgb, &rgb).unwrap().to_input(&encoder(16)).unwrap();
        let (_, of_rgba) = Pixels::new(size, Channels::Rgba, &rgba).unwrap().to_input(&encoder(16)).unwrap();
        assert_eq!(of_rgb, of_rgba);
    }

    /// Pillow 13: `Image.fromarray(v).resize((3, 1), Image.BILINEAR)` in mode F for v = 0, 10, …, 70.
    #[test]
    fn scaling_down_weighs_as_pillow_does() {
        let bytes: Vec<u8> = (0..8).flat_map(|at| [at * 10; 3]).collect();
        let (_, input) = Pixels::new(Size::new(8, 1), Channels::Rgb, &bytes).unwrap().to_input(&encoder(3)).unwrap();
        let found = &input.as_f32().unwrap()[..3];
        for (found, expected) in found.iter().zip(PILLOW_8_TO_3) {
            assert!((found - expected).abs() < 1e-4, "{found} {expected}");
        }
    }

    const PILLOW_8_TO_3: [f32; 3] = [11.052_631, 35.0, 58.947_37];

    #[test]
    fn a_wrong_number_of_bytes_is_refused() {
        let error = Pixels::new(Size::new(2, 2), Channels::Rgb, &[0; 16]).unwrap_err();
        assert!(matches!(error, Error::PixelCount { expected: 12, actual: 16, .. }), "{error}");
    }
}
