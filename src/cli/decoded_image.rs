//! Decodes images within limits, rotated as displayed, to RGB.

use std::io::Cursor;
use std::sync::OnceLock;

use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, RgbImage};

use super::jpeg::is_cut_off;
use crate::geometry::Size;
use crate::link::encoder::pool::FeatureMap;
use crate::pixels::{self, Channels, Pixels, exif};

/// A decoded image, and its feature map once that is computed.
pub struct DecodedImage {
    pixels: RgbImage,
    map: OnceLock<FeatureMap>,
    is_cut_off: bool,
}

/// Says why bytes were not decoded to an image.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes do not begin like an image of a supported format.
    #[error("the bytes are not a JPEG, PNG, WebP, GIF or BMP image")]
    Format,
    /// Decoding needs more memory than the limit of pixels allows.
    #[error("decoding the image needs too much memory")]
    Memory,
    /// The format is supported, but the data is broken.
    #[error("the image is broken")]
    Broken(#[source] ImageError),
    /// The image has no pixels.
    #[error("the image is empty ({0})")]
    Empty(Size),
    /// The image has more pixels than the limit; it was not decoded.
    #[error("the image has {actual} pixels, but the limit is {limit}")]
    Pixels {
        /// The maximum.
        limit: u64,
        /// Width times height.
        actual: u64,
    },
}

impl DecodedImage {
    /// Decodes an image of at most `max_pixels` pixels, the first frame of several, rotated as its EXIF data
    /// says. What is transparent shows white, as in the page.
    pub fn decode(bytes: &[u8], max_pixels: u64) -> Result<Self, Error> {
        EncodedImage::open(bytes, max_pixels)?.decode()
    }

    /// Returns whether the image is a JPEG that is cut off: what is missing is filled, as in the page.
    pub fn is_cut_off(&self) -> bool {
        self.is_cut_off
    }

    /// Returns width and height as displayed.
    pub fn size(&self) -> Size {
        Size::new(self.pixels.width(), self.pixels.height())
    }

    /// Returns the pixels in RGB.
    pub fn pixels(&self) -> Result<Pixels<'_>, pixels::Error> {
        Pixels::new(self.size(), Channels::Rgb, self.pixels.as_raw())
    }

    /// Returns the pixels as `height * width * 3` bytes, row by row.
    pub fn rgb(&self) -> &[u8] {
        self.pixels.as_raw()
    }

    /// Returns the place for the feature map of the whole image.
    pub fn map(&self) -> &OnceLock<FeatureMap> {
        &self.map
    }

    /// Returns the length of the pixels in bytes.
    pub fn pixel_bytes(&self) -> usize {
        self.pixels.as_raw().len()
    }
}

/// An image whose header has been read, so that the memory of decoding it is known before it is taken.
pub struct EncodedImage<'a> {
    bytes: &'a [u8],
    decoder: Box<dyn ImageDecoder + 'a>,
    orientation: Orientation,
    peak: u64,
}

impl<'a> EncodedImage<'a> {
    /// Reads the header of an image of at most `max_pixels` pixels.
    pub fn open(bytes: &'a [u8], max_pixels: u64) -> Result<Self, Error> {
        let mut reader = ImageReader::new(Cursor::new(bytes));
        reader.limits(limits(MAX_CHUNKS));
        // Reading from memory does not fail; an unknown format is `None`.
        let reader = reader.with_guessed_format().map_err(|_| Error::Format)?;
        let format = reader.format().ok_or(Error::Format)?;
        let mut decoder = reader.into_decoder().map_err(Error::from_image)?;
        let (width, height) = decoder.dimensions();
        let size = Size::new(width, height);
        let pixels = size.pixels();
        if pixels > max_pixels {
            return Err(Error::Pixels { limit: max_pixels, actual: pixels });
        }
        if pixels == 0 {
            return Err(Error::Empty(size));
        }
        let number = exif::orientation(Cursor::new(bytes)).to_exif();
        let orientation = Orientation::from_exif(number).unwrap_or(Orientation::NoTransforms);
        // The decoder's output, what is made of it while it is still there, and what the decoder keeps.
        let output = decoder.total_bytes();
        let turned = if orientation == Orientation::NoTransforms { 0 } else { output };
        let converted = if decoder.color_type() == ColorType::Rgb8 { 0 } else { 3 * pixels };
        let peak = output + turned.max(converted) + pixels * working_bytes(format) + MAX_CHUNKS;
        decoder.set_limits(limits(peak)).map_err(Error::from_image)?;
        Ok(Self { bytes, decoder: Box::new(decoder), orientation, peak })
    }

    /// Returns the most memory that decoding takes, in bytes.
    pub fn peak_bytes(&self) -> u64 {
        self.peak
    }

    /// Decodes the image: see [`DecodedImage::decode`].
    pub fn decode(self) -> Result<DecodedImage, Error> {
        let mut image = DynamicImage::from_decoder(self.decoder).map_err(Error::from_image)?;
        image.apply_orientation(self.orientation);
        Ok(DecodedImage { is_cut_off: is_cut_off(self.bytes), ..over_white(image).into() })
    }
}

/// Maximum bytes of what a file holds besides its pixels: color profiles and texts may be compressed a
/// thousand times.
const MAX_CHUNKS: u64 = 16 << 20;

fn limits(bytes: u64) -> Limits {
    let mut limits = Limits::default();
    limits.max_alloc = Some(bytes);
    limits
}

/// Returns the bytes a pixel that a decoder keeps besides its output: coefficients of a progressive JPEG, the
/// planes or the frame of a WebP, the frame of a GIF.
fn working_bytes(format: ImageFormat) -> u64 {
    match format {
        ImageFormat::Jpeg => 6,
        ImageFormat::WebP => 8,
        ImageFormat::Gif => 4,
        _ => 0,
    }
}

/// Returns the image over white: colors that are hidden by transparency do not count. The page draws images
/// over the same ground (`www/viewer/image.js`).
pub(super) fn over_white(image: DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.into_rgb8();
    }
    let image = image.into_rgba8();
    let blend = |color: u8, alpha: u8| {
        let (color, alpha) = (u32::from(color), u32::from(alpha));
        ((color * alpha + 255 * (255 - alpha) + 127) / 255) as u8
    };
    RgbImage::from_fn(image.width(), image.height(), |x, y| {
        let [red, green, blue, alpha] = image.get_pixel(x, y).0;
        image::Rgb([red, green, blue].map(|color| blend(color, alpha)))
    })
}

impl From<RgbImage> for DecodedImage {
    fn from(pixels: RgbImage) -> Self {
        Self { pixels, map: OnceLock::new(), is_cut_off: false }
    }
}

impl Error {
    pub(super) fn from_image(error: ImageError) -> Self {
        match error {
            ImageError::Unsupported(_) => Self::Format,
            ImageError::Limits(_) => Self::Memory,
            error => Self::Broken(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Rgb, Rgba, RgbaImage};

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        RgbImage::from_pixel(width, height, Rgb([9, 8, 7])).write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn image_is_decoded_within_the_limit() {
        let image = DecodedImage::decode(&png(30, 20), 600).unwrap();
        assert_eq!(image.size(), Size::new(30, 20));
        assert_eq!(image.pixels.get_pixel(29, 19), &Rgb([9, 8, 7]));
        let error = DecodedImage::decode(&png(30, 20), 599).err().unwrap();
        assert_eq!(error.to_string(), "the image has 600 pixels, but the limit is 599");
    }

    #[test]
    fn transparent_pixels_are_white_whatever_color_they_hide() {
        let decoded = |hidden: [u8; 3]| {
            let [red, green, blue] = hidden;
            let mut image = RgbaImage::from_pixel(3, 1, Rgba([red, green, blue, 0]));
            image.put_pixel(1, 0, Rgba([10, 20, 30, 255]));
            image.put_pixel(2, 0, Rgba([0, 100, 255, 128]));
            let mut bytes = Cursor::new(Vec::new());
            image.write_to(&mut bytes, ImageFormat::Png).unwrap();
            DecodedImage::decode(&bytes.into_inner(), 600).unwrap().rgb().to_vec()
        };
        for hidden in [[0, 0, 0], [255, 255, 255], [250, 120, 0]] {
            assert_eq!(decoded(hidden), [255, 255, 255, 10, 20, 30, 127, 177, 255]);
        }
    }

    #[test]
    fn bytes_that_are_not_an_image_are_an_error() {
        let whole = png(30, 20);
        assert!(matches!(DecodedImage::decode(b"", 600), Err(Error::Format)));
        assert!(matches!(DecodedImage::decode(b"<svg/>", 600), Err(Error::Format)));
        assert!(matches!(DecodedImage::decode(&whole[..whole.len() / 2], 600), Err(Error::Broken(_))));
        // A header that claims 2^31 pixels a side, which must not be allocated.
        let mut huge = whole.clone();
        huge[16..24].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
        assert!(DecodedImage::decode(&huge, u64::from(u32::MAX)).is_err());
    }
}
