//! Converts pixels to an encoder's input: scales with antialiasing, normalises, pads.
//!
//! [`Pixels::sample`]'s filter is Pillow's `BILINEAR`, which segment-anything's `ResizeLongestSide` uses.

use super::{Encoder, Error, ModelFrame};
use crate::geometry::{PixelRect, Rect};
use crate::model::Tensor;
use crate::pixels::{self, Pixels};

/// Makes the encoder's input, f32[1, 3, side, side], of the frame's region.
pub(super) fn to_input(pixels: Pixels<'_>, frame: &ModelFrame, encoder: &Encoder) -> Result<Tensor, Error> {
    let side = encoder.size as usize;
    let plane = side * side;
    let mut values = vec![0.0_f32; 3 * plane];
    pixels.sample(Rect::from(frame.region), frame.content, |x, y, rgb| {
        for (channel, value) in rgb.into_iter().enumerate() {
            values[channel * plane + y * side + x] = (value - encoder.mean[channel]) / encoder.std[channel];
        }
    })?;
    Ok(Tensor::from_f32s(values).reshaped([1, 3, side, side]))
}

/// Returns the window of the image that [`to_input`] reads.
pub(super) fn window_of(frame: &ModelFrame) -> PixelRect {
    pixels::window_of(frame.image, Rect::from(frame.region), frame.content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;
    use crate::pixels::Channels;
    use crate::segment::manifest::tests::model_json;

    fn encoder(side: u32) -> Encoder {
        let mut json = model_json()["encoder"].clone();
        json["size"] = side.into();
        json["mean"] = serde_json::json!([0.0, 10.0, 20.0]);
        json["std"] = serde_json::json!([1.0, 2.0, 4.0]);
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn channels_become_normalised_planes_padded_with_zeros() {
        let size = Size::new(4, 2);
        let bytes: Vec<u8> = (0..8).flat_map(|at| [at, 100 + at, 200, 255]).collect();
        let frame = ModelFrame::new(size, 4).unwrap();
        let input =
            to_input(Pixels::new(size, Channels::Rgba, &bytes).unwrap(), &frame, &encoder(4)).unwrap();
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
    fn crop_fills_the_frame_and_reads_its_window_alone() {
        let size = Size::new(9, 7);
        let bytes: Vec<u8> = (0..63 * 3).map(|at| at as u8).collect();
        let frame = ModelFrame::of_region(size, PixelRect { x: 3, y: 2, width: 4, height: 2 }, 4);
        let whole = to_input(Pixels::new(size, Channels::Rgb, &bytes).unwrap(), &frame, &encoder(4)).unwrap();
        assert_eq!(whole.as_f32().unwrap()[..4], [63.0, 66.0, 69.0, 72.0]);
        let window = window_of(&frame);
        let part: Vec<u8> = (window.y..window.y + window.height)
            .flat_map(|y| &bytes[((y * 9 + window.x) * 3) as usize..][..window.width as usize * 3])
            .copied()
            .collect();
        let part = Pixels::of_window(size, window, Channels::Rgb, &part).unwrap();
        assert_eq!(to_input(part, &frame, &encoder(4)).unwrap(), whole);
    }
}
