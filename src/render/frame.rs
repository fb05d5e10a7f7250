//! Pixels of a drawn frame.

use crate::geometry::Size;

/// Row-major RGBA8 pixels, premultiplied by alpha, sRGB-encoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    size: Size,
    rgba: Vec<u8>,
}

impl Frame {
    /// Creates a frame of transparent black.
    pub(super) fn transparent(size: Size) -> Self {
        Self { size, rgba: vec![0; 4 * size.pixels() as usize] }
    }

    /// Creates a frame from rows that begin `stride` bytes apart, as a GPU returns them.
    #[cfg(feature = "gpu")]
    pub(super) fn from_padded_rows(size: Size, rows: &[u8], stride: usize) -> Self {
        let row_bytes = 4 * size.width as usize;
        let rgba = rows.chunks(stride.max(1)).take(size.height as usize).flat_map(|row| &row[..row_bytes]);
        Self { size, rgba: rgba.copied().collect() }
    }

    /// Returns width and height in device pixels.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Returns the `4 * width * height` bytes.
    pub fn rgba(&self) -> &[u8] {
        &self.rgba
    }

    pub(super) fn rgba_mut(&mut self) -> &mut [u8] {
        &mut self.rgba
    }

    /// Returns the bytes with colour divided by alpha, as `ImageData` and PNG require.
    pub fn to_straight_alpha(&self) -> Vec<u8> {
        let mut straight = self.rgba.clone();
        for pixel in straight.as_chunks_mut::<4>().0 {
            let alpha = u32::from(pixel[3]);
            if alpha != 0 && alpha != 255 {
                for channel in &mut pixel[..3] {
                    *channel = ((u32::from(*channel) * 255 + alpha / 2) / alpha).min(255) as u8;
                }
            }
        }
        straight
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn straight_alpha_reverts_premultiplication() {
        let frame = Frame { size: Size::new(3, 1), rgba: vec![50, 100, 0, 100, 9, 8, 7, 255, 0, 0, 0, 0] };
        assert_eq!(frame.to_straight_alpha(), [128, 255, 0, 100, 9, 8, 7, 255, 0, 0, 0, 0]);
    }
}
