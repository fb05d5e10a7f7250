//! The input of an encoder's graph for a mask, and the feature map of its output.

use std::borrow::Cow;

use super::manifest::{
    EncoderManifest, EncoderView, InputElement, InputLayout, InputSpec, Join, OutputLayout, OutputSpec,
    Resize,
};
use super::pool::{self, FeatureMap, PoolError};
use crate::geometry::{PixelRect, Rect, Size};
use crate::model::{Data, HostError, Tensor};
use crate::pixels::{self, Pixels};
use crate::rle::Mask;

/// Value outside the image for graphs of bytes: the middle, which such graphs map to about zero.
const MIDDLE: u8 = 128;

/// One run of an encoder on a part of an image.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct EncodeJob<'a> {
    pub(super) manifest: &'a EncoderManifest,
    image: Size,
    /// Region that the whole input covers; it may reach outside the image, where the input is neutral.
    region_in_image: Rect,
    /// Content of the fourth channel, where the manifest asks for one.
    mask: Option<&'a Mask>,
}

/// Errors of making an encoder's input or a mask's feature.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The mask's size is not the image's: send a mask of the displayed image.
    #[error("the mask is {mask}, but the image is {image}")]
    MaskSize {
        /// Size of the mask.
        mask: Size,
        /// Size of the image as displayed.
        image: Size,
    },
    /// The mask has no feature.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// The host returned other pixels than the window asked for.
    #[error(transparent)]
    Pixels(#[from] pixels::Error),
    /// No sample of the input falls into the image, so the encoder would see nothing.
    #[error(
        "an image of {image} is too thin: at the encoder's input of {input} none of its pixels is sampled"
    )]
    TooThin {
        /// Size of the image.
        image: Size,
        /// Size of the encoder's input.
        input: Size,
    },
    /// The host could not run the graph or read the image, or the graph's output is not one feature map.
    #[error(transparent)]
    Host(#[from] HostError),
}

impl<'a> EncodeJob<'a> {
    /// Creates the run for one view of a mask in an image of this size.
    pub(super) fn new(
        manifest: &'a EncoderManifest,
        view: EncoderView,
        image: Size,
        mask: &'a Mask,
    ) -> Result<Self, EncodeError> {
        if mask.size() != image {
            return Err(EncodeError::MaskSize { mask: mask.size(), image });
        }
        let bounds = mask.bbox().ok_or(PoolError::EmptyMask)?;
        Ok(match view {
            EncoderView::Image => Self::of_image(manifest, image),
            EncoderView::Crop | EncoderView::Surroundings => {
                let margin = manifest.margin(view);
                let region_in_image = fitted(square_around(bounds, margin), &manifest.input);
                Self { manifest, image, region_in_image, mask: manifest.input.mask.then_some(mask) }
            }
        })
    }

    /// Creates the run for a whole image, whatever the mask.
    pub(super) fn of_image(manifest: &'a EncoderManifest, image: Size) -> Self {
        let whole = Rect::from_xywh([0.0, 0.0, f64::from(image.width), f64::from(image.height)]);
        Self { manifest, image, region_in_image: fitted(whole, &manifest.input), mask: None }
    }

    /// Returns the window of the image whose pixels [`input`](Self::input) reads.
    pub(super) fn window(&self) -> PixelRect {
        pixels::window_of(self.image, self.region_in_image, self.target())
    }

    /// Computes the graph's input from the image's pixels or the [window](Self::window) of them.
    ///
    /// Floats are `(byte - mean) / std` and 0 outside the image; bytes are the image's and 128 outside.
    pub(super) fn input(&self, pixels: &Pixels<'_>) -> Result<Tensor, EncodeError> {
        let InputSpec { mean, std, element, .. } = &self.manifest.input;
        let data = match element {
            InputElement::F32 => {
                let of_byte = |value, channel: usize| (value - mean[channel]) / std[channel];
                Data::F32(self.filled(pixels, 0.0, of_byte, |share| share as f32)?)
            }
            // The conversions saturate.
            InputElement::U8 => {
                let of_share = |share| (share * 255.0 + 0.5) as u8;
                Data::U8(self.filled(pixels, MIDDLE, |value, _| (value + 0.5) as u8, of_share)?)
            }
        };
        Ok(Tensor::from(data).reshaped(self.manifest.input.shape()))
    }

    /// Returns the feature map that the graph's output holds.
    pub(super) fn feature_map(&self, output: Option<Tensor>) -> Result<FeatureMap, EncodeError> {
        let (shape, values) = channels_first(output, &self.manifest.output, self.target())?;
        Ok(FeatureMap::new(shape, values, self.region_in_image)?)
    }

    fn target(&self) -> Size {
        Size::new(self.manifest.input.width, self.manifest.input.height)
    }

    fn filled<T: Copy>(
        &self,
        pixels: &Pixels<'_>,
        outside: T,
        of_byte: impl Fn(f32, usize) -> T,
        of_share: impl Fn(f64) -> T,
    ) -> Result<Vec<T>, EncodeError> {
        let [width, height] =
            [self.manifest.input.width, self.manifest.input.height].map(|side| side as usize);
        let (layout, channels) = (self.manifest.input.layout, self.manifest.input.channels());
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

/// Pools the maps of an encoder's views over a mask, and joins the vectors as the manifest says.
pub(in crate::link) fn join(
    manifest: &EncoderManifest,
    maps: &[Cow<'_, FeatureMap>],
    mask: &Mask,
) -> Result<Vec<f32>, EncodeError> {
    let mut pooled = maps.iter().map(|map| map.pool(mask)).collect::<Result<Vec<_>, _>>()?;
    match manifest.join {
        Join::Concat => {
            pooled.iter_mut().try_for_each(|vector| pool::normalise(vector))?;
            Ok(pooled.concat())
        }
        Join::Mean => {
            // The length of the sum is lost in the end. All views have one graph, so as many channels.
            let channels = pooled.first().map_or(0, Vec::len);
            let mut sum = vec![0.0; channels];
            for (view, vector) in pooled.iter().enumerate() {
                let weight = manifest.weight(view);
                sum.iter_mut().zip(vector).for_each(|(sum, value)| *sum += weight * value);
            }
            pool::normalise(&mut sum)?;
            Ok(sum)
        }
    }
}

/// Returns the square around a box's middle with the margin. It is not cut at the image's edges: a thing
/// keeps its proportions wherever it stands.
fn square_around(bounds: PixelRect, margin: f64) -> Rect {
    let bounds = Rect::from(bounds);
    let side = bounds.width().max(bounds.height()) * (1.0 + 2.0 * margin);
    let middle = [f64::midpoint(bounds.x1, bounds.x2), f64::midpoint(bounds.y1, bounds.y2)];
    Rect::from_xywh([middle[0] - side / 2.0, middle[1] - side / 2.0, side, side])
}

/// Returns the region that the whole input covers, so that this part of the image fills it or, padded, lies
/// at its top left.
fn fitted(part: Rect, input: &InputSpec) -> Rect {
    let [width, height] = [input.width, input.height].map(f64::from);
    match input.resize {
        Resize::Stretch => part,
        Resize::Pad => {
            let scale = (part.width() / width).max(part.height() / height);
            Rect::from_xywh([part.x1, part.y1, width * scale, height * scale])
        }
    }
}

/// Returns the shape `[channels, height, width]` of an output for an input of this size, and its values in
/// that order.
fn channels_first(
    output: Option<Tensor>,
    spec: &OutputSpec,
    input: Size,
) -> Result<([usize; 3], Vec<f32>), HostError> {
    let actual = output.as_ref().map(Tensor::to_string);
    let skip = spec.skip as usize;
    let shape = output.as_ref().and_then(|output| match (spec.layout, output.shape()) {
        (OutputLayout::Chw, &([1, channels, height, width] | [channels, height, width])) => {
            covers([height, width], input).then_some([channels, height, width])
        }
        (OutputLayout::Hwc, &([1, height, width, channels] | [height, width, channels])) => {
            covers([height, width], input).then_some([height, width, channels])
        }
        (OutputLayout::Tokens, &([1, tokens, channels] | [tokens, channels])) => {
            let [height, width] = grid(tokens.checked_sub(skip)?, input)?;
            Some([height, width, channels])
        }
        (OutputLayout::Vector, &([1, channels] | [channels])) => Some([channels, 1, 1]),
        _ => None,
    });
    let parts = shape.zip(output.and_then(|output| match output.into_data() {
        Data::F32(values) => Some(values),
        _ => None,
    }));
    let wrong = || {
        let map = format_args!("one map of 32-bit floats in the proportions of the input ({input})");
        let expected = match spec.layout {
            OutputLayout::Chw => format!("channels, height and width of {map}"),
            OutputLayout::Hwc => format!("height, width and channels of {map}"),
            OutputLayout::Tokens => format!("32-bit floats, {skip} tokens and those of a grid of patches"),
            OutputLayout::Vector => "one vector of 32-bit floats".to_owned(),
        };
        HostError::output(&spec.name, expected, actual)
    };
    let (shape, values) = parts.ok_or_else(wrong)?;
    match spec.layout {
        OutputLayout::Chw | OutputLayout::Vector => Ok((shape, values)),
        OutputLayout::Hwc | OutputLayout::Tokens => {
            let [height, width, channels] = shape;
            let (cells, patches) = (height * width, &values[skip * channels..]);
            let planes = (0..channels).flat_map(|channel| (0..cells).map(move |cell| (channel, cell)));
            let turned = planes.map(|(channel, cell)| patches[cell * channels + channel]).collect();
            Ok(([channels, height, width], turned))
        }
    }
}

/// Returns whether this many rows and columns have the proportions of an input, as far as whole cells can:
/// a last row or column may reach past it or be missing.
fn covers([rows, columns]: [usize; 2], input: Size) -> bool {
    let [width, height] = [input.width, input.height].map(|side| side as usize);
    rows.saturating_mul(width).abs_diff(columns.saturating_mul(height)) <= width.max(height)
}

/// Returns the rows and columns in which this many square patches cover an input, if any do.
fn grid(patches: usize, input: Size) -> Option<[usize; 2]> {
    let [width, height] = [input.width, input.height].map(f64::from);
    let rows = (patches as f64 * height / width).sqrt().round() as usize;
    let columns = patches.checked_div(rows)?;
    let is_square = rows * input.width as usize == columns * input.height as usize;
    (rows * columns == patches && is_square).then_some([rows, columns])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::Channels;
    use proptest::prelude::*;

    fn manifest(width: u32, height: u32, resize: Resize) -> EncoderManifest {
        let input = InputSpec { width, height, resize, std: [1.0; 3], ..InputSpec::default() };
        EncoderManifest { input, ..EncoderManifest::default() }
    }

    fn rectangle(size: Size, PixelRect { x, y, width, height }: PixelRect) -> Mask {
        let inside = |at: u32, start: u32, length: u32| (start..start + length).contains(&at);
        let pixels = (0..size.height).flat_map(|row| (0..size.width).map(move |column| (column, row)));
        let bits = pixels.map(|(column, row)| u8::from(inside(column, x, width) && inside(row, y, height)));
        Mask::from_row_major(size, &bits.collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn crop_is_a_square_that_may_reach_outside_the_image() {
        let manifest = manifest(8, 8, Resize::Stretch);
        let size = Size::new(100, 50);
        let region = |x, y, width, height| {
            let mask = rectangle(size, PixelRect { x, y, width, height });
            let Rect { x1, y1, x2, y2 } =
                EncodeJob::new(&manifest, EncoderView::Crop, size, &mask).unwrap().region_in_image;
            [x1, y1, x2, y2].map(|value| (value * 10.0).round() as i32)
        };
        assert_eq!(region(40, 20, 10, 10), [390, 190, 510, 310]);
        assert_eq!(region(40, 20, 10, 2), [390, 150, 510, 270]);
        assert_eq!(region(0, 0, 100, 50), [-100, -350, 1100, 850]);
        assert_eq!(region(99, 49, 1, 1), [989, 489, 1001, 501]);
    }

    #[test]
    fn crops_have_the_margins_of_the_manifest() {
        let mut manifest = manifest(8, 8, Resize::Stretch);
        (manifest.crop_margin, manifest.surroundings_margin) = (Some(0.5), Some(1.0));
        let mask = rectangle(Size::new(100, 50), PixelRect { x: 40, y: 20, width: 10, height: 6 });
        let region = |view| {
            let Rect { x1, y1, x2, y2 } =
                EncodeJob::new(&manifest, view, mask.size(), &mask).unwrap().region_in_image;
            [x1, y1, x2, y2].map(|side| (side * 10.0).round() as i32)
        };
        assert_eq!(region(EncoderView::Crop), [350, 130, 550, 330]);
        assert_eq!(region(EncoderView::Surroundings), [300, 80, 600, 380]);
    }

    #[test]
    fn views_are_joined_or_averaged() {
        let size = Size::new(2, 1);
        let map = |values| {
            let region = Rect::from_xywh([0.0, 0.0, 2.0, 1.0]);
            Cow::Owned(FeatureMap::new([2, 1, 1], values, region).unwrap())
        };
        let maps = [map(vec![3.0, 4.0]), map(vec![0.0, 8.0])];
        let mask = Mask::from_row_major(size, &[1, 1]).unwrap();
        let mut manifest = manifest(8, 8, Resize::Stretch);
        assert_eq!(join(&manifest, &maps, &mask).unwrap(), [0.6, 0.8, 0.0, 1.0]);
        manifest.join = Join::Mean;
        let mean = join(&manifest, &maps, &mask).unwrap();
        // The mean has the direction of (3, 12).
        assert!((mean[1] / mean[0] - 4.0).abs() < 1e-6 && (mean[0].hypot(mean[1]) - 1.0).abs() < 1e-6);
        manifest.view_weights = vec![3.0, 0.5];
        let mean = join(&manifest, &maps, &mask).unwrap();
        assert!((mean[1] / mean[0] - 16.0 / 9.0).abs() < 1e-6, "{mean:?}");
    }

    #[test]
    fn fourth_channel_is_the_masks_coverage() {
        let mut manifest = manifest(4, 2, Resize::Stretch);
        (manifest.input.mask, manifest.crop_margin) = (true, Some(0.0));
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
        let job = |manifest: &EncoderManifest| {
            let job = EncodeJob::new(manifest, EncoderView::Crop, size, &mask).unwrap();
            let input = job.input(&pixels).unwrap();
            (manifest.input.shape(), input.into_data())
        };
        let shares = [1.0, 0.5, 0.0, 0.5, 0.0, 0.0, 0.0, 1.0];
        let (shape, Data::F32(values)) = job(&manifest) else { panic!("the manifest says 32-bit floats") };
        assert_eq!((shape, &values[..24], &values[24..]), ([1, 4, 2, 4], &[9.0; 24][..], &shares[..]));
        (manifest.input.element, manifest.input.layout) = (InputElement::U8, InputLayout::Nhwc);
        let (shape, Data::U8(values)) = job(&manifest) else { panic!("the manifest says bytes") };
        assert_eq!((shape, &values[..8]), ([1, 2, 4, 4], &[9, 9, 9, 255, 9, 9, 9, 128][..]));
    }

    #[test]
    fn padding_keeps_the_aspect_ratio() {
        let covered = |manifest: &EncoderManifest, width, height| {
            let Rect { x2, y2, .. } = EncodeJob::of_image(manifest, Size::new(width, height)).region_in_image;
            [x2, y2].map(|value| value.round() as i32)
        };
        let square = manifest(1024, 1024, Resize::Pad);
        assert_eq!(covered(&square, 640, 480), [640, 640]);
        assert_eq!(covered(&square, 1, 5000), [5000, 5000]);
        assert_eq!(covered(&manifest(200, 100, Resize::Pad), 50, 50), [100, 50]);
        assert_eq!(covered(&manifest(200, 100, Resize::Stretch), 50, 60), [50, 60]);
    }

    #[test]
    fn image_too_thin_to_be_sampled_is_refused() {
        let size = Size::new(1, 5000);
        let bytes = vec![7; 15_000];
        let pixels = Pixels::new(size, Channels::Rgb, &bytes).unwrap();
        let input = |side| EncodeJob::of_image(&manifest(side, side, Resize::Pad), size).input(&pixels);
        let error = input(1024).unwrap_err();
        assert!(matches!(error, EncodeError::TooThin { .. }), "{error}");
        assert!(input(5000).is_ok());
    }

    #[test]
    fn input_is_normalised_in_its_layout_and_neutral_outside() {
        let size = Size::new(2, 1);
        let bytes = [1, 2, 3, 4, 5, 6];
        let pixels = Pixels::new(size, Channels::Rgb, &bytes).unwrap();
        let mut manifest = manifest(2, 2, Resize::Pad);
        let input = |manifest: &EncoderManifest| {
            EncodeJob::of_image(manifest, size).input(&pixels).unwrap().into_data()
        };
        (manifest.input.mean, manifest.input.std) = ([1.0, 0.0, 0.0], [1.0, 2.0, 1.0]);
        let expected = vec![0.0, 3.0, 0.0, 0.0, 1.0, 2.5, 0.0, 0.0, 3.0, 6.0, 0.0, 0.0];
        assert_eq!(input(&manifest), Data::F32(expected));
        (manifest.input.element, manifest.input.layout) = (InputElement::U8, InputLayout::Nhwc);
        assert_eq!(input(&manifest), Data::U8(vec![1, 2, 3, 4, 5, 6, 128, 128, 128, 128, 128, 128]));
    }

    #[test]
    fn output_is_transposed_and_its_shape_checked() {
        let output = |shape: &[usize]| {
            let elements = shape.iter().product::<usize>() as u8;
            Tensor::new(shape, Data::F32((1..=elements).map(f32::from).collect())).unwrap()
        };
        let in_layout = |layout, output| {
            let skip = if layout == OutputLayout::Tokens { 2 } else { 0 };
            let spec = OutputSpec { name: "features".to_owned(), layout, skip };
            channels_first(output, &spec, Size::new(32, 16))
        };
        let turned = in_layout(OutputLayout::Hwc, Some(output(&[1, 1, 2, 3]))).unwrap();
        assert_eq!(turned, ([3, 1, 2], vec![1.0, 4.0, 2.0, 5.0, 3.0, 6.0]));
        assert_eq!(in_layout(OutputLayout::Chw, Some(output(&[1, 1, 2, 3]))).unwrap().0, [1, 2, 3]);
        // A map of 12 channels that the manifest takes for 12 rows, and the other way round.
        for (layout, shape) in [(OutputLayout::Hwc, [1, 12, 2, 4]), (OutputLayout::Chw, [1, 2, 4, 12])] {
            let error = in_layout(layout, Some(output(&shape))).unwrap_err().to_string();
            assert!(error.contains("proportions of the input") && error.contains("32x16"), "{error}");
        }
        let tokens = in_layout(OutputLayout::Tokens, Some(output(&[1, 4, 3]))).unwrap();
        assert_eq!(tokens, ([3, 1, 2], vec![7.0, 10.0, 8.0, 11.0, 9.0, 12.0]));
        assert_eq!(in_layout(OutputLayout::Tokens, Some(output(&[10, 3]))).unwrap().0, [3, 2, 4]);
        for wrong in [output(&[1, 5, 3]), output(&[1, 1, 3]), output(&[1, 2, 3]), output(&[1, 3, 1, 2])] {
            assert!(in_layout(OutputLayout::Tokens, Some(wrong.clone())).is_err(), "{wrong}");
        }
        let vector = in_layout(OutputLayout::Vector, Some(output(&[1, 3]))).unwrap();
        assert_eq!(vector, ([3, 1, 1], vec![1.0, 2.0, 3.0]));
        assert!(in_layout(OutputLayout::Vector, Some(output(&[1, 2, 2]))).is_err());
        let bytes = Tensor::new([1, 1, 1, 1], Data::U8(vec![1])).unwrap();
        for wrong in [output(&[6]), output(&[2, 1, 2, 3]), bytes] {
            let error = in_layout(OutputLayout::Hwc, Some(wrong.clone())).unwrap_err();
            assert!(error.to_string().contains(&wrong.to_string()), "{error}");
        }
        let manifest = manifest(8, 8, Resize::Stretch);
        let job = EncodeJob::of_image(&manifest, Size::new(4, 4));
        let empty = job.feature_map(Some(output(&[1, 0, 1, 1])));
        assert!(matches!(empty, Err(EncodeError::Pool(PoolError::Shape { .. }))), "{empty:?}");
    }

    #[test]
    fn mask_of_another_size_or_without_pixels_is_refused() {
        let manifest = manifest(8, 8, Resize::Stretch);
        let size = Size::new(5, 5);
        let job = |mask: &Mask| EncodeJob::new(&manifest, EncoderView::Image, size, mask).map(|_| ());
        let other = Mask::empty(Size::new(4, 5)).unwrap();
        assert_eq!(job(&other), Err(EncodeError::MaskSize { mask: Size::new(4, 5), image: size }));
        assert_eq!(job(&Mask::empty(size).unwrap()), Err(EncodeError::Pool(PoolError::EmptyMask)));
    }

    proptest! {
        /// A thing moved by whole pixels is seen the same, as long as it is away from the image's edges.
        #[test]
        fn crop_moves_with_its_mask(
            x in 0_u32..14, y in 0_u32..14, width in 1_u32..6, height in 1_u32..6, side in 1_u32..9,
        ) {
            let manifest = manifest(side, side, Resize::Stretch);
            let size = Size::new(40, 40);
            let crop = |x: u32, y: u32| {
                let shade = |at: u32, start: u32| at.wrapping_sub(start).wrapping_mul(37) as u8;
                let pixel = |row, column| [shade(column, x), shade(row, y), 7];
                let bytes: Vec<u8> = (0..size.height)
                    .flat_map(|row| (0..size.width).flat_map(move |column| pixel(row, column)))
                    .collect();
                let mask = rectangle(size, PixelRect { x, y, width, height });
                let job = EncodeJob::new(&manifest, EncoderView::Crop, size, &mask).unwrap();
                let pixels = Pixels::new(size, Channels::Rgb, &bytes).unwrap();
                let Data::F32(values) = job.input(&pixels).unwrap().into_data() else {
                    panic!("the manifest says 32-bit floats")
                };
                values
            };
            let (here, there) = (crop(10, 10), crop(10 + x, 10 + y));
            prop_assert!(here.iter().zip(&there).all(|(a, b)| (a - b).abs() < 1e-2), "{here:?} {there:?}");
        }

        /// The window given to the job is enough, and gives the same bits.
        #[test]
        fn window_gives_the_same_input_as_the_whole_image(
            x in 0_u32..20, y in 0_u32..20, width in 1_u32..10, height in 1_u32..10, side in 1_u32..40,
        ) {
            let manifest = manifest(side, side, Resize::Stretch);
            let size = Size::new(30, 30);
            let bytes: Vec<u8> = (0..size.pixels() * 3).map(|at| (at * 7919 % 251) as u8).collect();
            let (width, height) = (width.min(30 - x), height.min(30 - y));
            let mask = rectangle(size, PixelRect { x, y, width, height });
            let job = EncodeJob::new(&manifest, EncoderView::Crop, size, &mask).unwrap();
            let window = job.window();
            let rows = window.y..window.y + window.height;
            let part: Vec<u8> = rows
                .flat_map(|row| {
                    let start = (row * size.width + window.x) as usize * 3;
                    bytes[start..start + window.width as usize * 3].to_vec()
                })
                .collect();
            let part = Pixels::of_window(size, window, Channels::Rgb, &part).unwrap();
            let whole = Pixels::new(size, Channels::Rgb, &bytes).unwrap();
            prop_assert_eq!(job.input(&part).unwrap(), job.input(&whole).unwrap());
        }
    }
}
