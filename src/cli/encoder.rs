//! Image encoders described by a card: pictures in, feature maps and features of masks out.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use image::RgbImage;
use image::imageops::{self, FilterType};

use super::onnx::{self, Data, Graph, Runtime, Tensor};
use super::picture::Picture;
use crate::geometry::{PixelRect, Rect, Size};
use crate::link::encoder_card::{self, EncoderCard, InputElement, InputLayout, OutputLayout, Resize, View};
use crate::link::pool::{self, FeatureMap};
use crate::link::protocol::sha256_hex;
use crate::rle::Mask;

/// How much wider than the mask's box the crop is, on each side, in parts of the box.
///
/// Of 0, 0.1, 0.2 and 0.4, tried with a `MobileNet` v2 on 148 masks of everyday things, each asked for without its own
/// photograph, 0.1 found the most, by no more than chance could.
const CROP_MARGIN: f64 = 0.1;

/// An encoder ready to run.
pub struct Encoder {
    card: EncoderCard,
    model: Vec<u8>,
    graph: Mutex<Graph>,
}

/// Why there is no encoder or no feature.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The card or the ONNX file cannot be read.
    #[error("{}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The card is not JSON of the right form.
    #[error("the encoder's card")]
    CardSyntax(#[source] serde_json::Error),
    /// A value of the card makes no sense.
    #[error(transparent)]
    Card(#[from] encoder_card::Error),
    /// The ONNX file is not the one the card describes.
    #[error("the encoder's file has the SHA-256 {actual}, its card says {expected}")]
    Hash {
        /// By the card.
        expected: String,
        /// Found.
        actual: String,
    },
    /// The graph cannot be loaded or run.
    #[error(transparent)]
    Onnx(#[from] onnx::Error),
    /// The graph has no input or output of the name the card says.
    #[error("the encoder's graph has no '{name}'; it has {found:?}")]
    Port {
        /// By the card.
        name: String,
        /// The graph's names.
        found: Vec<String>,
    },
    /// The output is not one feature map.
    #[error("the encoder's output has the shape {shape:?}, not that of one feature map")]
    OutputShape {
        /// What came out.
        shape: Vec<usize>,
    },
    /// The mask's size is not the picture's.
    #[error("the mask is {mask}, the picture {picture}")]
    MaskSize {
        /// The mask's size.
        mask: Size,
        /// The picture's.
        picture: Size,
    },
    /// The mask has no feature.
    #[error(transparent)]
    Pool(#[from] pool::Error),
}

impl Encoder {
    /// Reads a card and the ONNX file it names, and makes the graph ready to run on `threads` threads (0: all cores).
    pub fn open(card: &Path, runtime: &Runtime, threads: usize) -> Result<Self, Error> {
        let text = read(card)?;
        let card_content: EncoderCard = serde_json::from_slice(&text).map_err(Error::CardSyntax)?;
        let file = card.parent().unwrap_or(Path::new("")).join(&card_content.file);
        Self::new(card_content, read(&file)?, runtime, threads)
    }

    /// The encoder of a card and its ONNX file's bytes.
    pub fn new(card: EncoderCard, model: Vec<u8>, runtime: &Runtime, threads: usize) -> Result<Self, Error> {
        card.check()?;
        let actual = sha256_hex(&model);
        if actual != card.sha256 {
            return Err(Error::Hash { expected: card.sha256, actual });
        }
        let graph = Graph::from_bytes(runtime, &model, threads)?;
        for (name, ports) in [(&card.input.name, graph.inputs()), (&card.output.name, graph.outputs())] {
            if !ports.iter().any(|port| port.name == *name) {
                let found = ports.iter().map(|port| port.name.clone()).collect();
                return Err(Error::Port { name: name.clone(), found });
            }
        }
        Ok(Self { card, model, graph: Mutex::new(graph) })
    }

    /// The card.
    pub fn card(&self) -> &EncoderCard {
        &self.card
    }

    /// The bytes of the ONNX file.
    pub fn model(&self) -> &[u8] {
        &self.model
    }

    /// Computes what the picture alone decides, so that masks asked for later find it done.
    pub fn prepare(&self, picture: &Picture) -> Result<(), Error> {
        if self.card.views.contains(&View::Image) {
            self.map_of_image(picture)?;
        }
        Ok(())
    }

    /// The feature of a mask: the pooled features of the card's views, each of length 1, one after the other.
    pub fn feature(&self, picture: &Picture, mask: &Mask) -> Result<Vec<f32>, Error> {
        pool_all(&self.maps(picture, mask)?, mask)
    }

    /// The feature maps of the card's views for a mask: what takes the time.
    pub fn maps<'a>(&self, picture: &'a Picture, mask: &Mask) -> Result<Vec<Cow<'a, FeatureMap>>, Error> {
        if mask.size() != picture.size() {
            return Err(Error::MaskSize { mask: mask.size(), picture: picture.size() });
        }
        let bounds = mask.bbox().ok_or(pool::Error::EmptyMask)?;
        let map = |view: &View| match view {
            View::Image => self.map_of_image(picture).map(Cow::Borrowed),
            View::Crop => self.map(picture.pixels(), crop_around(bounds, picture.size())).map(Cow::Owned),
        };
        self.card.views.iter().map(map).collect()
    }

    fn map_of_image<'a>(&self, picture: &'a Picture) -> Result<&'a FeatureMap, Error> {
        if let Some(map) = picture.map() {
            return Ok(map);
        }
        let Size { width, height } = picture.size();
        let map = self.map(picture.pixels(), PixelRect { x: 0, y: 0, width, height })?;
        Ok(picture.keep_map(map))
    }

    /// The feature map of a part of the picture.
    fn map(&self, pixels: &RgbImage, part: PixelRect) -> Result<FeatureMap, Error> {
        let EncoderCard { input, output, .. } = &self.card;
        let (width, height) = match input.resize {
            Resize::Stretch => (input.width, input.height),
            Resize::Pad => fitted(part, input.width, input.height),
        };
        let resized = resize(pixels, part, width, height);
        let shape = match input.layout {
            InputLayout::Nchw => vec![1, 3, input.height as usize, input.width as usize],
            InputLayout::Nhwc => vec![1, input.height as usize, input.width as usize, 3],
        };
        let outputs = {
            // A panic in another thread leaves no half-made state in a session.
            let mut graph = self.graph.lock().unwrap_or_else(PoisonError::into_inner);
            match input.element {
                InputElement::F32 => {
                    let data = tensor(&resized, input, |byte, channel| {
                        (f32::from(byte) - input.mean[channel]) / input.std[channel]
                    });
                    graph.run(&[(&input.name, Tensor { shape, data: Data::F32(&data) })])?
                }
                InputElement::U8 => {
                    let data = tensor(&resized, input, |byte, _| byte);
                    graph.run(&[(&input.name, Tensor { shape, data: Data::U8(&data) })])?
                }
            }
        };
        let found = outputs.into_iter().find(|(name, _)| *name == output.name);
        let Some((_, values)) = found else {
            return Err(Error::Port { name: output.name.clone(), found: Vec::new() });
        };
        let (shape, data) = channels_first(values, output.layout)?;
        // The input covers the part, or more where it was padded.
        let per_pixel = [f64::from(part.width) / f64::from(width), f64::from(part.height) / f64::from(height)];
        let covered = [f64::from(input.width) * per_pixel[0], f64::from(input.height) * per_pixel[1]];
        let region_in_image = Rect::from_xywh([f64::from(part.x), f64::from(part.y), covered[0], covered[1]]);
        Ok(FeatureMap::new(shape, data, region_in_image)?)
    }
}

/// The pooled features of all maps, each of length 1, one after the other.
pub fn pool_all(maps: &[Cow<'_, FeatureMap>], mask: &Mask) -> Result<Vec<f32>, Error> {
    let mut feature = Vec::new();
    for map in maps {
        feature.extend(map.pool(mask)?);
    }
    Ok(feature)
}

/// The square around a box with its margin, cut at the picture's edges.
fn crop_around(bounds: PixelRect, size: Size) -> PixelRect {
    let side = f64::from(bounds.width.max(bounds.height)) * (1.0 + 2.0 * CROP_MARGIN);
    let cut = |start: u32, length: u32, end: u32| {
        let middle = f64::from(start) + f64::from(length) / 2.0;
        // The box itself is inside the picture, so what is left is never empty.
        let from = (middle - side / 2.0).floor().max(0.0) as u32;
        let to = ((middle + side / 2.0).ceil() as u32).min(end);
        (from, to - from)
    };
    let (x, width) = cut(bounds.x, bounds.width, size.width);
    let (y, height) = cut(bounds.y, bounds.height, size.height);
    PixelRect { x, y, width, height }
}

/// The size with the part's proportions that fits into the input.
fn fitted(part: PixelRect, width: u32, height: u32) -> (u32, u32) {
    let scale = (f64::from(width) / f64::from(part.width)).min(f64::from(height) / f64::from(part.height));
    let side = |length: u32, most: u32| ((f64::from(length) * scale).round() as u32).clamp(1, most);
    (side(part.width, width), side(part.height, height))
}

fn resize(pixels: &RgbImage, part: PixelRect, width: u32, height: u32) -> Cow<'_, RgbImage> {
    if (part.width, part.height, pixels.width(), pixels.height()) == (width, height, width, height) {
        return Cow::Borrowed(pixels);
    }
    let view = imageops::crop_imm(pixels, part.x, part.y, part.width, part.height);
    Cow::Owned(imageops::resize(&*view, width, height, FilterType::Triangle))
}

/// The input's numbers in its layout; zero where the picture does not reach.
fn tensor<T: Copy + Default>(
    pixels: &RgbImage,
    input: &encoder_card::Input,
    number: impl Fn(u8, usize) -> T,
) -> Vec<T> {
    let (width, height) = (input.width as usize, input.height as usize);
    let mut data = vec![T::default(); 3 * width * height];
    for (y, row) in pixels.as_raw().chunks_exact(pixels.width() as usize * 3).enumerate() {
        for (x, pixel) in row.as_chunks::<3>().0.iter().enumerate() {
            for (channel, &byte) in pixel.iter().enumerate() {
                let at = match input.layout {
                    InputLayout::Nchw => (channel * height + y) * width + x,
                    InputLayout::Nhwc => (y * width + x) * 3 + channel,
                };
                data[at] = number(byte, channel);
            }
        }
    }
    data
}

/// The shape `[channels, height, width]` and the values in that order.
fn channels_first(output: onnx::Output, layout: OutputLayout) -> Result<([usize; 3], Vec<f32>), Error> {
    let onnx::Output { shape, data } = output;
    let map = match shape[..] {
        [1, a, b, c] | [a, b, c] => [a, b, c],
        _ => return Err(Error::OutputShape { shape }),
    };
    match layout {
        OutputLayout::Chw => Ok((map, data)),
        OutputLayout::Hwc => {
            let [height, width, channels] = map;
            let cells = height * width;
            let planes = (0..channels).flat_map(|channel| (0..cells).map(move |cell| (channel, cell)));
            let data = planes.map(|(channel, cell)| data[cell * channels + channel]).collect();
            Ok(([channels, height, width], data))
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| Error::Read { path: path.to_path_buf(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crops_are_squares_cut_at_the_edges() {
        let size = Size::new(100, 50);
        let rect = |x, y, width, height| PixelRect { x, y, width, height };
        assert_eq!(crop_around(rect(40, 20, 10, 10), size), rect(39, 19, 12, 12));
        assert_eq!(crop_around(rect(40, 20, 10, 2), size), rect(39, 15, 12, 12));
        assert_eq!(crop_around(rect(0, 0, 100, 50), size), rect(0, 0, 100, 50));
        assert_eq!(crop_around(rect(99, 49, 1, 1), size), rect(98, 48, 2, 2));
    }

    #[test]
    fn padding_keeps_proportions() {
        let part = |width, height| PixelRect { x: 0, y: 0, width, height };
        assert_eq!(fitted(part(640, 480), 1024, 1024), (1024, 768));
        assert_eq!(fitted(part(1, 5000), 1024, 1024), (1, 1024));
    }

    #[test]
    fn layouts_place_the_channels() {
        let pixels = RgbImage::from_raw(2, 1, vec![1, 2, 3, 4, 5, 6]).unwrap();
        let card = |layout| encoder_card::Input { width: 2, height: 2, layout, ..Default::default() };
        let place = |layout| tensor(&pixels, &card(layout), |byte, _| byte);
        assert_eq!(place(InputLayout::Nhwc), [1, 2, 3, 4, 5, 6, 0, 0, 0, 0, 0, 0]);
        assert_eq!(place(InputLayout::Nchw), [1, 4, 0, 0, 2, 5, 0, 0, 3, 6, 0, 0]);
        let output = || onnx::Output { shape: vec![1, 1, 2, 3], data: vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0] };
        let turned = channels_first(output(), OutputLayout::Hwc).unwrap();
        assert_eq!(turned, ([3, 1, 2], vec![1.0, 4.0, 2.0, 5.0, 3.0, 6.0]));
        assert_eq!(channels_first(output(), OutputLayout::Chw).unwrap().0, [1, 2, 3]);
    }
}
