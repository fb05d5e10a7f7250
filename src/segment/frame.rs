//! How a picture lies in the square frame a model sees: scaled to the frame's side, at its top-left corner.

use super::Error;
use crate::geometry::{Point, Size};

/// The most pixels a picture may have to be segmented: 2²⁷, a picture of 13,377 × 10,033.
pub(super) const MOST_PICTURE_PIXELS: u64 = 1 << 27;

/// The square frame of a model and the picture in it.
///
/// *Frame space* counts frame pixels from the top-left corner; the picture fills `0..content.width` ×
/// `0..content.height` of it and the rest is padding (segment-anything's `ResizeLongestSide`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    /// The picture's own size.
    pub picture: Size,
    /// The frame's side in frame pixels, 1024 for `sam1`.
    pub side: u32,
    /// The picture's size in the frame: its longest side is the frame's.
    pub content: Size,
}

impl Frame {
    /// Lays a picture into a frame. Fails for a picture that is empty or too large.
    pub fn new(picture: Size, side: u32) -> Result<Self, Error> {
        if picture.pixels() == 0 {
            return Err(Error::PictureEmpty(picture));
        }
        if picture.pixels() > MOST_PICTURE_PIXELS {
            let actual = picture.pixels();
            return Err(Error::Limit { what: "pixels of a picture", limit: MOST_PICTURE_PIXELS, actual });
        }
        let scale = f64::from(side) / f64::from(picture.longest_side());
        let scaled = |length: u32| ((f64::from(length) * scale + 0.5) as u32).clamp(1, side);
        Ok(Self { picture, side, content: Size::new(scaled(picture.width), scaled(picture.height)) })
    }

    /// Where a point of the picture lies in the frame.
    pub fn frame_from_image(&self, point_in_image: Point) -> Point {
        Point::new(
            point_in_image.x * f64::from(self.content.width) / f64::from(self.picture.width),
            point_in_image.y * f64::from(self.content.height) / f64::from(self.picture.height),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_side_fills_the_frame() {
        for (picture, content) in [
            (Size::new(640, 480), Size::new(1024, 768)),
            (Size::new(333, 500), Size::new(682, 1024)),
            (Size::new(4000, 3), Size::new(1024, 1)),
            (Size::new(1, 100_000), Size::new(1, 1024)),
        ] {
            assert_eq!(Frame::new(picture, 1024).unwrap().content, content);
        }
    }

    #[test]
    fn corners_map_to_corners() {
        let frame = Frame::new(Size::new(333, 500), 1024).unwrap();
        assert_eq!(frame.frame_from_image(Point::new(333.0, 500.0)), Point::new(682.0, 1024.0));
    }

    #[test]
    fn pictures_without_pixels_or_with_too_many_are_refused() {
        assert!(matches!(Frame::new(Size::new(0, 5), 1024), Err(Error::PictureEmpty(_))));
        assert!(matches!(Frame::new(Size::new(1 << 20, 1 << 20), 1024), Err(Error::Limit { .. })));
    }
}
