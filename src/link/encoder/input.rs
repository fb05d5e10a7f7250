//! Between an image and an encoder's graph: what goes in for a mask, and the feature of what comes out.
//!
//! Whoever owns a graph runner (ONNX Runtime, natively or in the page's worker) makes an
//! [`EncodeJob`] for each view of the encoder's card, runs the graph on its input, and pools the
//! maps. Server and page do the same to the same pixels.

use super::manifest::{EncoderManifest, EncoderView, Input, InputElement, InputLayout, OutputLayout, Resize};
use super::pool::{self, FeatureMap, PoolError};
use crate::geometry::{PixelRect, Rect, Size};
use crate::pixels::{self, Pixels};
use crate::rle::Mask;

/// What a graph that takes bytes sees outside the image: their middle, which such graphs map to about zero.
const MIDDLE: u8 = 128;

/// One run of an encoder: which part of which image it sees.
#[derive(Clone, Debug, PartialEq)]
pub struct EncodeJob<'a> {
    card: &'a EncoderManifest,
    image: Size,
    /// What the whole input covers; it may reach outside the image, where the input is zero.
    region_in_image: Rect,
    /// What the fourth channel shows, where the card asks for one.
    mask: Option<&'a Mask>,
}

/// The numbers of an encoder's input, in the card's layout.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// `(byte - mean) / std`; zero outside the image.
    F32(Vec<f32>),
    /// The bytes themselves; 128 outside the image.
    U8(Vec<u8>),
}

/// Why there is no input or no feature.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The mask's size is not the image's.
    #[error("the mask is {mask}, the image {image}")]
    MaskSize {
        /// The mask's size.
        mask: Size,
        /// The image's.
        image: Size,
    },
    /// The mask has no feature.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// The bytes are not the pixels needed.
    #[error(transparent)]
    Pixels(#[from] pixels::Error),
    /// No sample of the input falls into the image, so the encoder would see nothing.
    #[error("an image of {image} is too thin: at the encoder's input of {input} nothing of it is seen")]
    TooThin {
        /// The image's size.
        image: Size,
        /// The input's size.
        input: Size,
    },
    /// The graph's output is not one feature map.
    #[error("the encoder's output has the shape {shape:?}, not that of one feature map")]
    OutputShape {
        /// What came out.
        shape: Vec<usize>,
    },
}

impl<'a> EncodeJob<'a> {
    /// The run for one view of a mask in an image of this size.
    pub fn new(
        card: &'a EncoderManifest,
        view: EncoderView,
        image: Size,
        mask: &'a Mask,
    ) -> Result<Self, EncodeError> {
        if mask.size() != image {
            return Err(EncodeError::MaskSize { mask: mask.size(), image });
        }
        let bounds = mask.bbox().ok_or(PoolError::EmptyMask)?;
        Ok(match view {
            EncoderView::Image => Self::of_image(card, image),
            EncoderView::Crop => {
                let region_in_image = fitted(square_around(bounds, card.margin()), &card.input);
                Self { card, image, region_in_image, mask: card.input.mask.then_some(mask) }
            }
        })
    }

    /// The run for an image, whatever mask is asked about.
    pub fn of_image(card: &'a EncoderManifest, image: Size) -> Self {
        let whole = Rect::from_xywh([0.0, 0.0, f64::from(image.width), f64::from(image.height)]);
        Self { card, image, region_in_image: fitted(whole, &card.input), mask: None }
    }

    /// The pixels that [`input`](Self::input) reads.
    pub fn window(&self) -> PixelRect {
        pixels::window_of(self.image, self.region_in_image, self.target())
    }

    /// The input's shape.
    pub fn shape(&self) -> [usize; 4] {
        let [width, height] = [self.card.input.width, self.card.input.height].map(|side| side as usize);
        let channels = self.card.input.channels();
        match self.card.input.layout {
            InputLayout::Nchw => [1, channels, height, width],
            InputLayout::Nhwc => [1, height, width, channels],
        }
    }

    /// The input, from the image's pixels or the [window](Self::window) of them.
    pub fn input(&self, pixels: &Pixels<'_>) -> Result<Values, EncodeError> {
        let Input { mean, std, element, .. } = &self.card.input;
        Ok(match element {
            InputElement::F32 => {
                let of_byte = |value, channel: usize| (value - mean[channel]) / std[channel];
                Values::F32(self.filled(pixels, 0.0, of_byte, |share| share as f32)?)
            }
            // The conversions saturate.
            InputElement::U8 => {
                let of_share = |share| (share * 255.0 + 0.5) as u8;
                Values::U8(self.filled(pixels, MIDDLE, |value, _| (value + 0.5) as u8, of_share)?)
            }
        })
    }

    /// The feature map, from the shape and the values of the graph's output.
    pub fn feature_map(&self, shape: &[usize], values: Vec<f32>) -> Result<FeatureMap, EncodeError> {
        let (shape, values) = channels_first(shape, values, self.card.output.layout)?;
        Ok(FeatureMap::new(shape, values, self.region_in_image)?)
    }

    fn target(&self) -> Size {
        Size::new(self.card.input.width, self.card.input.height)
    }

    fn filled<T: Copy>(
        &self,
        pixels: &Pixels<'_>,
        outside: T,
        of_byte: impl Fn(f32, usize) -> T,
        of_share: impl Fn(f64) -> T,
    ) -> Result<Vec<T>, EncodeError> {
        let [width, height] = [self.card.input.width, self.card.input.height].map(|side| side as usize);
        let (layout, channels) = (self.card.input.layout, self.card.input.channels());
        let place = |x: usize, y: usize, channel: usize| match layout {
            InputLayout::Nchw => (channel * height + y) * width + x,
            InputLayout::Nhwc => (y * width + x) * channels + channel,
        };
        let mut data = vec![outside; channels * width * height];
        let mut is_seen = false;
        pixels.sample(self.region_in_image, self.target(), |x, y, rgb| {
            is_seen = true;
            for (channel, value) in rgb.into_iter().enumerate() {
                data[place(x, y, channel)] = of_byte(value, channel);
            }
        })?;
        if !is_seen {
            return Err(EncodeError::TooThin { image: pixels.size(), input: self.target() });
        }
        if let Some(mask) = self.mask {
            let shares = pool::coverage(mask, [height, width], self.region_in_image);
            for (cell, share) in shares.into_iter().enumerate() {
                data[place(cell % width, cell / width, 3)] = of_share(share);
            }
        }
        Ok(data)
    }
}

/// A mask's feature: the pooled features of the card's views, each of length 1, one after the other.
pub fn feature<'m>(
    maps: impl IntoIterator<Item = &'m FeatureMap>,
    mask: &Mask,
) -> Result<Vec<f32>, EncodeError> {
    let mut feature = Vec::new();
    for map in maps {
        feature.extend(map.pool(mask)?);
    }
    Ok(feature)
}

/// The square around a box's middle with the margin. It is not cut at the image's edges: a thing keeps its
/// proportions wherever it stands.
fn square_around(bounds: PixelRect, margin: f64) -> Rect {
    let bounds = Rect::from(bounds);
    let side = bounds.width().max(bounds.height()) * (1.0 + 2.0 * margin);
    let middle = [f64::midpoint(bounds.x1, bounds.x2), f64::midpoint(bounds.y1, bounds.y2)];
    Rect::from_xywh([middle[0] - side / 2.0, middle[1] - side / 2.0, side, side])
}

/// What the whole input covers, so that this part of the image fills it or, padded, lies at its top left.
fn fitted(part: Rect, input: &Input) -> Rect {
    let [width, height] = [input.width, input.height].map(f64::from);
    match input.resize {
        Resize::Stretch => part,
        Resize::Pad => {
            let scale = (part.width() / width).max(part.height() / height);
            Rect::from_xywh([part.x1, part.y1, width * scale, height * scale])
        }
    }
}

/// The shape `[channels, height, width]` and the values in that order.
fn channels_first(
    shape: &[usize],
    data: Vec<f32>,
    layout: OutputLayout,
) -> Result<([usize; 3], Vec<f32>), EncodeError> {
    let map = match *shape {
        [1, a, b, c] | [a, b, c] => [a, b, c],
        _ => return Err(EncodeError::OutputShape { shape: shape.to_vec() }),
    };
    match layout {
        OutputLayout::Chw => Ok((map, data)),
        OutputLayout::Hwc => {
            let [height, width, channels] = map;
            let cells = height.checked_mul(width);
            let Some(cells) = cells.filter(|cells| cells.checked_mul(channels) == Some(data.len())) else {
                return Err(EncodeError::OutputShape { shape: shape.to_vec() });
            };
            let planes = (0..channels).flat_map(|channel| (0..cells).map(move |cell| (channel, cell)));
            let data = planes.map(|(channel, cell)| data[cell * channels + channel]).collect();
            Ok(([channels, height, width], data))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::Channels;
    use proptest::prelude::*;

    fn card(width: u32, height: u32, resize: Resize) -> EncoderManifest {
        let input = Input { width, height, resize, std: [1.0; 3], ..Input::default() };
        EncoderManifest { input, ..EncoderManifest::default() }
    }

    fn rectangle(size: Size, PixelRect { x, y, width, height }: PixelRect) -> Mask {
        let inside = |at: u32, start: u32, length: u32| (start..start + length).contains(&at);
        let pixels = (0..size.height).flat_map(|row| (0..size.width).map(move |column| (column, row)));
        let bits = pixels.map(|(column, row)| u8::from(inside(column, x, width) && inside(row, y, height)));
        Mask::from_row_major(size, &bits.collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn crops_are_squares_that_may_reach_outside() {
        let card = card(8, 8, Resize::Stretch);
        let size = Size::new(100, 50);
        let region = |x, y, width, height| {
            let mask = rectangle(size, PixelRect { x, y, width, height });
            let Rect { x1, y1, x2, y2 } =
                EncodeJob::new(&card, EncoderView::Crop, size, &mask).unwrap().region_in_image;
            [x1, y1, x2, y2].map(|value| (value * 10.0).round() as i32)
        };
        assert_eq!(region(40, 20, 10, 10), [390, 190, 510, 310]);
        assert_eq!(region(40, 20, 10, 2), [390, 150, 510, 270]);
        assert_eq!(region(0, 0, 100, 50), [-100, -350, 1100, 850]);
        assert_eq!(region(99, 49, 1, 1), [989, 489, 1001, 501]);
    }

    #[test]
    fn a_crop_is_as_wide_as_the_card_says() {
        let mut card = card(8, 8, Resize::Stretch);
        card.crop_margin = Some(0.5);
        let mask = rectangle(Size::new(100, 50), PixelRect { x: 40, y: 20, width: 10, height: 6 });
        let Rect { x1, y1, x2, y2 } =
            EncodeJob::new(&card, EncoderView::Crop, mask.size(), &mask).unwrap().region_in_image;
        assert_eq!([x1, y1, x2, y2].map(|side| (side * 10.0).round() as i32), [350, 130, 550, 330]);
    }

    #[test]
    fn a_fourth_channel_shows_the_mask() {
        let mut card = card(4, 2, Resize::Stretch);
        (card.input.mask, card.crop_margin) = (true, Some(0.0));
        // A square of 4 pixels; samples are 1 wide and 2 high.
        let size = Size::new(5, 6);
        let mask = Mask::from_row_major(
            size,
            &[
                [0, 0, 0, 0, 0],
                [0, 1, 1, 0, 0],
                [0, 1, 0, 0, 1],
                [0, 0, 0, 0, 1],
                [0, 0, 0, 0, 1],
                [0, 0, 0, 0, 0],
            ]
            .concat(),
        )
        .unwrap();
        let bytes = [9; 5 * 6 * 3];
        let pixels = Pixels::new(size, Channels::Rgb, &bytes).unwrap();
        let job = |card: &EncoderManifest| {
            let job = EncodeJob::new(card, EncoderView::Crop, size, &mask).unwrap();
            (job.shape(), job.input(&pixels).unwrap())
        };
        let shares = [1.0, 0.5, 0.0, 0.5, 0.0, 0.0, 0.0, 1.0];
        let (shape, Values::F32(values)) = job(&card) else { panic!("the card says 32-bit floats") };
        assert_eq!((shape, &values[..24], &values[24..]), ([1, 4, 2, 4], &[9.0; 24][..], &shares[..]));
        (card.input.element, card.input.layout) = (InputElement::U8, InputLayout::Nhwc);
        let (shape, Values::U8(values)) = job(&card) else { panic!("the card says bytes") };
        assert_eq!((shape, &values[..8]), ([1, 2, 4, 4], &[9, 9, 9, 255, 9, 9, 9, 128][..]));
    }

    #[test]
    fn padding_keeps_proportions() {
        let covered = |card: &EncoderManifest, width, height| {
            let Rect { x2, y2, .. } = EncodeJob::of_image(card, Size::new(width, height)).region_in_image;
            [x2, y2].map(|value| value.round() as i32)
        };
        let square = card(1024, 1024, Resize::Pad);
        assert_eq!(covered(&square, 640, 480), [640, 640]);
        assert_eq!(covered(&square, 1, 5000), [5000, 5000]);
        assert_eq!(covered(&card(200, 100, Resize::Pad), 50, 50), [100, 50]);
        assert_eq!(covered(&card(200, 100, Resize::Stretch), 50, 60), [50, 60]);
    }

    #[test]
    fn what_is_too_thin_to_be_seen_is_refused() {
        let size = Size::new(1, 5000);
        let bytes = vec![7; 15_000];
        let pixels = Pixels::new(size, Channels::Rgb, &bytes).unwrap();
        let input = |side| EncodeJob::of_image(&card(side, side, Resize::Pad), size).input(&pixels);
        let error = input(1024).unwrap_err();
        assert!(matches!(error, EncodeError::TooThin { .. }), "{error}");
        assert!(input(5000).is_ok());
    }

    #[test]
    fn inputs_are_normalised_in_their_layout_and_neutral_outside() {
        let size = Size::new(2, 1);
        let bytes = [1, 2, 3, 4, 5, 6];
        let pixels = Pixels::new(size, Channels::Rgb, &bytes).unwrap();
        let mut card = card(2, 2, Resize::Pad);
        let input = |card: &EncoderManifest| EncodeJob::of_image(card, size).input(&pixels).unwrap();
        (card.input.mean, card.input.std) = ([1.0, 0.0, 0.0], [1.0, 2.0, 1.0]);
        let expected = vec![0.0, 3.0, 0.0, 0.0, 1.0, 2.5, 0.0, 0.0, 3.0, 6.0, 0.0, 0.0];
        assert_eq!(input(&card), Values::F32(expected));
        (card.input.element, card.input.layout) = (InputElement::U8, InputLayout::Nhwc);
        assert_eq!(input(&card), Values::U8(vec![1, 2, 3, 4, 5, 6, 128, 128, 128, 128, 128, 128]));
    }

    #[test]
    fn outputs_are_turned_and_their_shape_checked() {
        let values = || vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let turned = channels_first(&[1, 1, 2, 3], values(), OutputLayout::Hwc).unwrap();
        assert_eq!(turned, ([3, 1, 2], vec![1.0, 4.0, 2.0, 5.0, 3.0, 6.0]));
        assert_eq!(channels_first(&[1, 1, 2, 3], values(), OutputLayout::Chw).unwrap().0, [1, 2, 3]);
        for shape in [&[6][..], &[2, 1, 2, 3], &[1, 1, 2, 4], &[1, usize::MAX, 2, 3], &[1, 0, 0, 0]] {
            assert!(channels_first(shape, values(), OutputLayout::Hwc).is_err(), "{shape:?}");
        }
        let card = card(8, 8, Resize::Stretch);
        let job = EncodeJob::of_image(&card, Size::new(4, 4));
        assert!(matches!(
            job.feature_map(&[1, 1, 2, 4], values()),
            Err(EncodeError::Pool(PoolError::Shape { .. }))
        ));
    }

    #[test]
    fn a_mask_of_another_size_or_without_pixels_is_refused() {
        let card = card(8, 8, Resize::Stretch);
        let size = Size::new(5, 5);
        let job = |mask: &Mask| EncodeJob::new(&card, EncoderView::Image, size, mask).map(|_| ());
        let other = Mask::empty(Size::new(4, 5)).unwrap();
        assert_eq!(job(&other), Err(EncodeError::MaskSize { mask: Size::new(4, 5), image: size }));
        assert_eq!(job(&Mask::empty(size).unwrap()), Err(EncodeError::Pool(PoolError::EmptyMask)));
    }

    proptest! {
        /// A thing moved by whole pixels is seen the same, as long as it is away from the image's edges.
        #[test]
        fn a_crop_moves_with_its_mask(
            x in 0_u32..14, y in 0_u32..14, width in 1_u32..6, height in 1_u32..6, side in 1_u32..9,
        ) {
            let card = card(side, side, Resize::Stretch);
            let size = Size::new(40, 40);
            let crop = |x: u32, y: u32| {
                let shade = |at: u32, start: u32| at.wrapping_sub(start).wrapping_mul(37) as u8;
                let bytes: Vec<u8> = (0..size.height)
                    .flat_map(|row| (0..size.width).flat_map(move |column| [shade(column, x), shade(row, y), 7]))
                    .collect();
                let mask = rectangle(size, PixelRect { x, y, width, height });
                let job = EncodeJob::new(&card, EncoderView::Crop, size, &mask).unwrap();
                let Values::F32(values) = job.input(&Pixels::new(size, Channels::Rgb, &bytes).unwrap()).unwrap() else {
                    panic!("the card says 32-bit floats")
                };
                values
            };
            let (here, there) = (crop(10, 10), crop(10 + x, 10 + y));
            prop_assert!(here.iter().zip(&there).all(|(a, b)| (a - b).abs() < 1e-2), "{here:?} {there:?}");
        }

        /// The window given to the job is enough, and gives the same bits.
        #[test]
        fn a_window_is_enough(x in 0_u32..20, y in 0_u32..20, width in 1_u32..10, height in 1_u32..10, side in 1_u32..40) {
            let card = card(side, side, Resize::Stretch);
            let size = Size::new(30, 30);
            let bytes: Vec<u8> = (0..size.pixels() * 3).map(|at| (at * 7919 % 251) as u8).collect();
            let mask = rectangle(size, PixelRect { x, y, width: width.min(30 - x), height: height.min(30 - y) });
            let job = EncodeJob::new(&card, EncoderView::Crop, size, &mask).unwrap();
            let window = job.window();
            let rows = window.y..window.y + window.height;
            let part: Vec<u8> = rows
                .flat_map(|row| {
                    let start = (row * size.width + window.x) as usize * 3;
                    bytes[start..start + window.width as usize * 3].to_vec()
                })
                .collect();
            let of_window = job.input(&Pixels::of_window(size, window, Channels::Rgb, &part).unwrap()).unwrap();
            prop_assert_eq!(of_window, job.input(&Pixels::new(size, Channels::Rgb, &bytes).unwrap()).unwrap());
        }
    }
}
