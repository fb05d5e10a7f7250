//! A picture's pixels to an encoder's input: scaled with antialiasing, normalised, padded.
//!
//! [`Pixels::sample`]'s filter is Pillow's `BILINEAR`, which segment-anything's `ResizeLongestSide` uses.

use super::frame::Frame;
use super::{Encoder, Error, Tensor};
use crate::geometry::Rect;
use crate::pixels::Pixels;

/// The encoder's input, f32[1, 3, side, side], and how the picture lies in it.
pub(super) fn to_input(pixels: Pixels<'_>, encoder: &Encoder) -> Result<(Frame, Tensor), Error> {
    let frame = Frame::new(pixels.size(), encoder.size)?;
    let side = encoder.size as usize;
    let plane = side * side;
    let mut values = vec![0.0_f32; 3 * plane];
    let [width, height] = [frame.picture.width, frame.picture.height].map(f64::from);
    pixels.sample(Rect::from_xywh([0.0, 0.0, width, height]), frame.content, |x, y, rgb| {
        for (channel, value) in rgb.into_iter().enumerate() {
            values[channel * plane + y * side + x] = (value - encoder.mean[channel]) / encoder.std[channel];
        }
    })?;
    Ok((frame, Tensor::from_f32s(values).reshaped([1, 3, side, side])))
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
    fn channels_go_to_planes_normalised_and_padded_with_zeros() {
        let size = Size::new(4, 2);
        let bytes: Vec<u8> = (0..8).flat_map(|at| [at, 100 + at, 200, 255]).collect();
        let (frame, input) = to_input(Pixels::new(size, Channels::Rgba, &bytes).unwrap(), &encoder(4)).unwrap();
        assert_eq!(frame.content, size);
        assert_eq!(input.shape(), [1, 3, 4, 4]);
        let values = input.as_f32().unwrap();
        let padding = [0.0; 8];
        assert_eq!(values[..8], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
        assert_eq!(values[8..16], padding);
        assert_eq!(values[16..20], [45.0, 45.5, 46.0, 46.5]);
        assert_eq!(values[32..40], [45.0; 8]);
    }
}
