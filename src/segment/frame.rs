//! Maps an image, or a crop of it, to the square that a model takes: scaled to its side, at its top-left
//! corner.

use super::Error;
use crate::geometry::{PixelRect, Point, Size};

/// Maximum number of pixels of an image to be segmented: 2²⁷, an image of 13,377 × 10,033.
pub(super) const MAX_IMAGE_PIXELS: u64 = 1 << 27;

/// The square input of a model and the region of an image that fills it.
///
/// *Frame space* counts frame pixels from the top-left corner; the region fills `0..content.width` ×
/// `0..content.height` of it and the rest is padding (segment-anything's `ResizeLongestSide`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ModelFrame {
    pub(super) image: Size,
    /// The pixels of the image that the frame shows: all of them, or a crop.
    pub(super) region: PixelRect,
    /// The frame's side in frame pixels: 1024 for `sam1`.
    pub(super) side: u32,
    /// The region's size in the frame: its longest side is the frame's.
    pub(super) content: Size,
}

impl ModelFrame {
    /// Creates the frame of a whole image. Fails where that is empty or too large.
    pub(crate) fn new(image: Size, side: u32) -> Result<Self, Error> {
        if image.pixels() == 0 {
            return Err(Error::ImageEmpty(image));
        }
        if image.pixels() > MAX_IMAGE_PIXELS {
            let actual = image.pixels();
            return Err(Error::Limit { what: "pixels of an image", limit: MAX_IMAGE_PIXELS, actual });
        }
        Ok(Self::of_region(image, PixelRect { x: 0, y: 0, width: image.width, height: image.height }, side))
    }

    /// Creates the frame of a crop. The image is one that [`new`](Self::new) accepts, the region within it
    /// and not empty.
    pub(super) fn of_region(image: Size, region: PixelRect, side: u32) -> Self {
        let scale = f64::from(side) / f64::from(region.width.max(region.height));
        let scaled = |length: u32| ((f64::from(length) * scale + 0.5) as u32).clamp(1, side);
        Self { image, region, side, content: Size::new(scaled(region.width), scaled(region.height)) }
    }

    /// Returns whether the frame shows all of the image.
    pub(super) fn shows_whole_image(&self) -> bool {
        Size::new(self.region.width, self.region.height) == self.image
    }

    /// Maps a point of the image to the frame.
    pub(crate) fn frame_from_image(&self, point_in_image: Point) -> Point {
        let region = self.region;
        Point::new(
            (point_in_image.x - f64::from(region.x)) * f64::from(self.content.width)
                / f64::from(region.width),
            (point_in_image.y - f64::from(region.y)) * f64::from(self.content.height)
                / f64::from(region.height),
        )
    }

    /// Maps a point of the frame to the image.
    pub(crate) fn image_from_frame(&self, point_in_frame: Point) -> Point {
        let region = self.region;
        Point::new(
            point_in_frame.x * f64::from(region.width) / f64::from(self.content.width) + f64::from(region.x),
            point_in_frame.y * f64::from(region.height) / f64::from(self.content.height)
                + f64::from(region.y),
        )
    }

    /// Returns the width and height of an image pixel in frame pixels.
    pub(super) fn frame_pixels_per_pixel(&self) -> [f64; 2] {
        [
            f64::from(self.content.width) / f64::from(self.region.width),
            f64::from(self.content.height) / f64::from(self.region.height),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longest_side_fills_the_frame() {
        for (image, content) in [
            (Size::new(640, 480), Size::new(1024, 768)),
            (Size::new(333, 500), Size::new(682, 1024)),
            (Size::new(4000, 3), Size::new(1024, 1)),
            (Size::new(1, 100_000), Size::new(1, 1024)),
        ] {
            assert_eq!(ModelFrame::new(image, 1024).unwrap().content, content);
        }
    }

    #[test]
    fn corners_map_to_corners() {
        let frame = ModelFrame::new(Size::new(333, 500), 1024).unwrap();
        assert_eq!(frame.frame_from_image(Point::new(333.0, 500.0)), Point::new(682.0, 1024.0));
        let region = PixelRect { x: 40, y: 10, width: 100, height: 50 };
        let frame = ModelFrame::of_region(Size::new(333, 500), region, 1024);
        assert_eq!(frame.content, Size::new(1024, 512));
        for (in_image, in_frame) in [((40.0, 10.0), (0.0, 0.0)), ((140.0, 60.0), (1024.0, 512.0))] {
            let (in_image, in_frame) =
                (Point::new(in_image.0, in_image.1), Point::new(in_frame.0, in_frame.1));
            assert_eq!(frame.frame_from_image(in_image), in_frame);
            assert_eq!(frame.image_from_frame(in_frame), in_image);
        }
    }

    #[test]
    fn empty_or_too_large_image_is_an_error() {
        assert!(matches!(ModelFrame::new(Size::new(0, 5), 1024), Err(Error::ImageEmpty(_))));
        assert!(matches!(ModelFrame::new(Size::new(1 << 20, 1 << 20), 1024), Err(Error::Limit { .. })));
    }
}
