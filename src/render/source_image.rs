//! The image under the masks: its pixels and their sampling.

use super::Error;
use super::view::Anchor;
use crate::geometry::Size;

/// Scale from which on a pixel of the image is drawn as a square, like the masks' pixels.
pub(super) const NEAREST_FROM_SCALE: f32 = 2.0;
/// Maximum number of samples per side that are averaged for one device pixel of a reduced image.
pub(super) const MAX_TAPS: u32 = 8;

/// Pixels of an image: row-major RGBA8, sRGB-encoded, premultiplied by alpha.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceImage {
    size: Size,
    rgba: Vec<u8>,
}

impl SourceImage {
    /// Wraps `4 * width * height` bytes.
    pub fn from_rgba(size: Size, rgba: Vec<u8>) -> Result<Self, Error> {
        if u64::try_from(rgba.len()) == Ok(4 * size.pixels()) {
            Ok(Self { size, rgba })
        } else {
            Err(Error::ImageLength { size, actual: rgba.len() })
        }
    }

    /// Returns width and height in pixels.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Returns the `4 * width * height` bytes.
    pub fn rgba(&self) -> &[u8] {
        &self.rgba
    }

    /// Divides both sides by a whole `factor`; each pixel is the mean of those it replaces.
    #[cfg(any(feature = "gpu", test))]
    pub(super) fn scaled_down(&self, factor: u32) -> Self {
        let size = scaled_size(self.size, factor);
        let mut rgba = Vec::with_capacity(4 * size.pixels() as usize);
        for y in 0..size.height {
            for x in 0..size.width {
                rgba.extend(self.mean(x * factor, y * factor, factor));
            }
        }
        Self { size, rgba }
    }

    /// Returns the four channels, 0 to 255, at a position of image space; `scene` is the size of that
    /// space.
    pub(super) fn sample(&self, position: [f32; 2], scale: f32, scene: Size) -> [f32; 4] {
        let ratio = [
            self.size.width as f32 / scene.width.max(1) as f32,
            self.size.height as f32 / scene.height.max(1) as f32,
        ];
        if scale >= NEAREST_FROM_SCALE {
            return self
                .pixel((position[0] * ratio[0]).floor() as i32, (position[1] * ratio[1]).floor() as i32);
        }
        let taps = taps(scale);
        let mut sum = [0.0; 4];
        for j in 0..taps {
            for i in 0..taps {
                // The taps are evenly spaced over the square of the image that the device pixel covers.
                let offset = |index: u32| ((index as f32 + 0.5) / taps as f32 - 0.5) / scale;
                let tap = [(position[0] + offset(i)) * ratio[0], (position[1] + offset(j)) * ratio[1]];
                let texel = self.linear(tap);
                sum = std::array::from_fn(|channel| sum[channel] + texel[channel]);
            }
        }
        sum.map(|channel| channel / (taps * taps) as f32)
    }

    fn linear(&self, [x, y]: [f32; 2]) -> [f32; 4] {
        let (left, top) = ((x - 0.5).floor(), (y - 0.5).floor());
        let (u, v) = (x - 0.5 - left, y - 0.5 - top);
        let (left, top) = (left as i32, top as i32);
        let mix = |a: [f32; 4], b: [f32; 4], t: f32| std::array::from_fn(|i| a[i] * (1.0 - t) + b[i] * t);
        let upper = mix(self.pixel(left, top), self.pixel(left + 1, top), u);
        let lower = mix(self.pixel(left, top + 1), self.pixel(left + 1, top + 1), u);
        mix(upper, lower, v)
    }

    /// Returns the pixel at `(x, y)`, or the nearest at the edge; transparent for an image without pixels.
    fn pixel(&self, x: i32, y: i32) -> [f32; 4] {
        if self.rgba.is_empty() {
            return [0.0; 4];
        }
        let x = x.clamp(0, self.size.width as i32 - 1) as usize;
        let y = y.clamp(0, self.size.height as i32 - 1) as usize;
        let at = 4 * (y * self.size.width as usize + x);
        std::array::from_fn(|channel| f32::from(self.rgba[at + channel]))
    }

    #[cfg(any(feature = "gpu", test))]
    fn mean(&self, x: u32, y: u32, side: u32) -> [u8; 4] {
        let (right, bottom) = ((x + side).min(self.size.width), (y + side).min(self.size.height));
        let mut sum = [0_u32; 4];
        for row in y..bottom {
            let at = |column: u32| 4 * (row as usize * self.size.width as usize + column as usize);
            for pixel in self.rgba[at(x)..at(right)].as_chunks::<4>().0 {
                sum = std::array::from_fn(|channel| sum[channel] + u32::from(pixel[channel]));
            }
        }
        let count = (right - x) * (bottom - y);
        sum.map(|channel| ((channel + count / 2) / count) as u8)
    }
}

/// Returns the number of taps per side: bilinear taps at most two pixels apart miss no pixel.
pub(super) fn taps(scale: f32) -> u32 {
    ((0.5 / scale).ceil() as u32).clamp(1, MAX_TAPS)
}

/// Returns the size after both sides are divided by `factor`, rounded up.
#[cfg(any(feature = "gpu", test))]
pub(super) fn scaled_size(size: Size, factor: u32) -> Size {
    Size::new(size.width.div_ceil(factor), size.height.div_ceil(factor))
}

/// Returns the rows or columns of the canvas, within `0..canvas_side`, that show the image.
pub(super) fn covered_range(
    anchor: &Anchor,
    image_side: u32,
    canvas_side: u32,
    axis: usize,
) -> std::ops::Range<i32> {
    let from = anchor.edge_in_canvas(0, axis).clamp(0, canvas_side as i32);
    from..anchor.edge_in_canvas(image_side as i32, axis).clamp(from, canvas_side as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image() -> SourceImage {
        let rgba = (0..5 * 3).flat_map(|i| [i * 10, 255 - i, i, 255]).collect();
        SourceImage::from_rgba(Size::new(5, 3), rgba).unwrap()
    }

    #[test]
    fn scaled_down_pixels_are_means() {
        let scaled = image().scaled_down(2);
        assert_eq!(scaled.size(), Size::new(3, 2));
        assert_eq!(scaled.rgba()[..4], [30, 252, 3, 255]);
        assert_eq!(scaled.rgba()[20..], [140, 241, 14, 255]);
    }

    #[test]
    fn wrong_length_is_an_error() {
        let error = SourceImage::from_rgba(Size::new(5, 3), vec![0; 59]).unwrap_err();
        assert_eq!(error.to_string(), "an RGBA image of 5x3 needs 60 bytes, not 59");
    }

    #[test]
    fn samples_are_nearest_when_magnified_and_means_when_reduced() {
        let (image, scene) = (image(), Size::new(5, 3));
        let red_at = |position, scale| image.sample(position, scale, scene)[0];
        for (position, scale, expected, slack) in
            [([3.9, 1.1], 2.0, 80.0, 1e-4), ([2.0, 0.5], 1.0, 15.0, 1e-4), ([2.5, 1.5], 0.2, 70.0, 5.0)]
        {
            let red = red_at(position, scale);
            assert!((red - expected).abs() < slack, "{red} at {position:?}");
        }
    }
}
