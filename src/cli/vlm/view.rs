//! The images that a vision model sees: the photograph with the mask's outline, and the surroundings of the
//! mask, small enough to send.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::imageops::{self, FilterType};
use image::{ImageBuffer, ImageError, Rgb, RgbImage};

use crate::cli::decoded_image::DecodedImage;
use crate::geometry::{PixelRect, Size};
use crate::rle::{Mask, Outline};

/// Color of the outline: magenta, which few photographs hold.
pub const OUTLINE: [u8; 3] = [255, 0, 255];
/// Maximum width and height of an image that is sent.
pub const MAX_SIDE: u32 = 1024;
/// Width or height to which a smaller crop is enlarged: models cut images into patches of 14 to 32 pixels.
const MIN_SIDE: u32 = 336;
/// Margin on each side of a mask's box, as a part of its longer side.
const MARGIN: f64 = 0.25;
/// Quality of the JPEG, 1 to 100.
const QUALITY: u8 = 90;

/// The images of a mask that a model sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum View {
    /// The whole image with the mask's outline.
    Outline,
    /// The part of the image around the mask's box, without an outline.
    Crop,
    /// Both, the outline first.
    Both,
}

/// Returns the images of a mask that is not empty and has the image's size, encoded as JPEG.
pub fn images(image: &DecodedImage, mask: &Mask, view: View) -> Result<Vec<Vec<u8>>, ImageError> {
    let mut images = Vec::new();
    if view != View::Crop {
        images.push(jpeg(&outlined(image, mask))?);
    }
    if view != View::Outline
        && let Some(window) = window(mask)
    {
        images.push(jpeg(&shown(image, window, MIN_SIDE))?);
    }
    Ok(images)
}

/// Returns the whole image, at most [`MAX_SIDE`] wide and high, with the outline of a mask.
fn outlined(image: &DecodedImage, mask: &Mask) -> RgbImage {
    let Size { width, height } = image.size();
    let mut drawn = shown(image, PixelRect { x: 0, y: 0, width, height }, 0);
    let radius = (f64::from(drawn.width().max(drawn.height())) / 320.0).clamp(1.0, 3.0);
    // The dark edge shows the outline on an object of its own color.
    let outlines = mask.outlines();
    draw(&mut drawn, &outlines, image.size(), radius + 1.0, [0; 3]);
    draw(&mut drawn, &outlines, image.size(), radius, OUTLINE);
    drawn
}

/// Returns the box of a mask with a margin, within the image.
fn window(mask: &Mask) -> Option<PixelRect> {
    let PixelRect { x, y, width, height } = mask.bbox()?;
    let margin = (f64::from(width.max(height)) * MARGIN).ceil() as u32;
    let (left, top) = (x.saturating_sub(margin), y.saturating_sub(margin));
    let Size { width: right, height: bottom } = mask.size();
    let right = right.min((x + width).saturating_add(margin));
    let bottom = bottom.min((y + height).saturating_add(margin));
    Some(PixelRect { x: left, y: top, width: right - left, height: bottom - top })
}

/// Returns a part of the image, at most [`MAX_SIDE`] and at least `min_side` in its longer side.
fn shown(image: &DecodedImage, window: PixelRect, min_side: u32) -> RgbImage {
    let size = image.size();
    let Some(pixels) = ImageBuffer::<Rgb<u8>, &[u8]>::from_raw(size.width, size.height, image.rgb()) else {
        // The pixels of a decoded image have its size.
        return RgbImage::new(1, 1);
    };
    let PixelRect { x, y, width, height } = window;
    let part = imageops::crop_imm(&pixels, x, y, width, height);
    let longer = width.max(height).max(1);
    let to = longer.clamp(min_side, MAX_SIDE);
    let [to_width, to_height] =
        [width, height].map(|side| (u64::from(side) * u64::from(to) / u64::from(longer)).max(1) as u32);
    if to > longer {
        imageops::resize(&*part, to_width, to_height, FilterType::Triangle)
    } else {
        imageops::thumbnail(&*part, to_width, to_height)
    }
}

/// Draws the outlines of a mask of `size`, the image's before it was scaled to this one.
fn draw(image: &mut RgbImage, outlines: &[Outline], size: Size, radius: f64, color: [u8; 3]) {
    let scale_x = f64::from(image.width()) / f64::from(size.width);
    let scale_y = f64::from(image.height()) / f64::from(size.height);
    let scaled = |[x, y]: [u32; 2]| [f64::from(x) * scale_x, f64::from(y) * scale_y];
    for outline in outlines {
        for path in std::iter::once(&outline.outer).chain(&outline.holes) {
            let next = path.iter().skip(1).chain(path.first());
            for (&from, &to) in path.iter().zip(next) {
                fill(image, scaled(from), scaled(to), radius, color);
            }
        }
    }
}

/// Fills the rectangle at most `radius` away, in x and y, from a horizontal or vertical edge.
fn fill(image: &mut RgbImage, from: [f64; 2], to: [f64; 2], radius: f64, color: [u8; 3]) {
    let range = |axis: usize, length: u32| {
        let within = |value: f64| value.round().clamp(0.0, f64::from(length)) as u32;
        within(from[axis].min(to[axis]) - radius)..within(from[axis].max(to[axis]) + radius)
    };
    let (columns, rows) = (range(0, image.width()), range(1, image.height()));
    for y in rows {
        for x in columns.clone() {
            image.put_pixel(x, y, Rgb(color));
        }
    }
}

fn jpeg(image: &RgbImage) -> Result<Vec<u8>, ImageError> {
    let mut bytes = Cursor::new(Vec::new());
    JpegEncoder::new_with_quality(&mut bytes, QUALITY).encode_image(image)?;
    Ok(bytes.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(width: u32, height: u32) -> DecodedImage {
        RgbImage::from_pixel(width, height, Rgb([0, 128, 0])).into()
    }

    #[test]
    fn crop_has_a_margin_and_stays_within_the_image() {
        let mask = Mask::from_polygon(Size::new(200, 100), &[0.0, 20.0, 40.0, 20.0, 40.0, 40.0, 0.0, 40.0]);
        let expected = PixelRect { x: 0, y: 10, width: 50, height: 40 };
        assert_eq!(window(&mask.unwrap()), Some(expected));
        assert_eq!(window(&Mask::empty(Size::new(2, 2)).unwrap()), None);
    }

    #[test]
    fn sizes_are_within_the_bounds() {
        for (width, height, expected) in
            [(4096, 1024, (1024, 256)), (10, 5, (336, 168)), (400, 300, (400, 300)), (5000, 1, (1024, 1))]
        {
            let part = shown(&image(width, height), PixelRect { x: 0, y: 0, width, height }, MIN_SIDE);
            assert_eq!(part.dimensions(), expected, "{width} x {height}");
        }
    }

    #[test]
    fn outline_of_a_hole_is_drawn_and_what_it_encloses_is_not() {
        let size = Size::new(64, 64);
        let inside = |x: u32, y: u32| (8..56).contains(&x) && (8..56).contains(&y);
        let hole = |x: u32, y: u32| (24..40).contains(&x) && (24..40).contains(&y);
        let rows: Vec<u8> =
            (0..64 * 64).map(|at| u8::from(inside(at % 64, at / 64) && !hole(at % 64, at / 64))).collect();
        let drawn = outlined(&image(64, 64), &Mask::from_row_major(size, &rows).unwrap());
        for (x, y, color) in [
            (8, 30, OUTLINE),
            (55, 30, OUTLINE),
            (30, 24, OUTLINE),
            (40, 30, OUTLINE),
            (6, 30, [0; 3]),
            (16, 30, [0, 128, 0]),
            (32, 32, [0, 128, 0]),
            (2, 2, [0, 128, 0]),
        ] {
            assert_eq!(drawn.get_pixel(x, y).0, color, "{x} {y}");
        }
    }
}
