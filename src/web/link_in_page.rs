//! The class `PageLinker`: masks linked in a worker, by an index of static files, without a server.

use js_sys::{Array, Float32Array, Object, Reflect, Uint8Array};
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use super::error::{from_json, js_error, to_json};
use crate::geometry::{PixelRect, Size};
use crate::link::LocalLinker;
use crate::link::encoder::{EncodeError, EncodeJob, EncoderView, FeatureMap};
use crate::link::index::Index;
use crate::link::index::error::ReadError;
use crate::link::index::header::{Header, Limits};
use crate::link::protocol::{DEFAULT_ENTITIES, sha256_hex};
use crate::model::{Data, Tensor};
use crate::pixels::{Channels, Pixels};
use crate::rle::{CocoRle, Mask};

/// What a page is ready to download: an index is held in memory whole.
const LIMITS: Limits = Limits { exemplars: 1 << 20, dimensions: 1 << 14, bytes: 256 << 20 };
/// The most bytes of an encoder's ONNX file.
const MAX_ENCODER_BYTES: u64 = 256 << 20;

/// Answers which entities a mask may show, as a linking endpoint would, from an index of static
/// files. The worker fetches, runs the encoder's graph and hands the outputs back:
///
/// ```js
/// const { parts, encoder } = JSON.parse(PageLinker.files(header));
/// const linker = new PageLinker(header, parts.map((part) => bytesOf(part)));
/// linker.begin(width, height, JSON.stringify(mask));
/// for (let view = 0; view < linker.views; view += 1) {
///   if (linker.has(view)) continue;
///   const [x, y, columns, rows] = linker.window(view);
///   const { data, shape } = linker.input(view, rgbaOf(x, y, columns, rows));
///   linker.output(view, outputShape, await run(data, shape));
/// }
/// linker.pool();
/// const answer = JSON.parse(linker.answer());
/// ```
#[wasm_bindgen]
pub struct PageLinker {
    linker: LocalLinker,
    question: Option<Question>,
    /// The map of the whole image, kept for the next mask in it.
    of_image: Option<(Size, FeatureMap)>,
}

struct Question {
    image: Size,
    mask: Mask,
    /// One for each of the encoder's views.
    maps: Vec<Option<FeatureMap>>,
    query: Option<Vec<f32>>,
}

#[wasm_bindgen]
impl PageLinker {
    /// What the header of an index names, as JSON: `{"parts": [{"file", "bytes", "sha256"}],
    /// "encoder": {…}}`, all relative to the header.
    pub fn files(header: &[u8]) -> Result<String, JsValue> {
        let header = Header::read(header, LIMITS).map_err(of_index)?;
        let card = &header.encoder;
        let bytes = card.bytes.filter(|bytes| (1..=MAX_ENCODER_BYTES).contains(bytes));
        let Some(bytes) = bytes else {
            return Err(js_error(
                "index-unusable",
                "the index does not say how long its encoder is, or it is too long",
            ));
        };
        let encoder = serde_json::json!({ "file": card.file, "bytes": bytes, "sha256": card.sha256 });
        to_json(&serde_json::json!({ "parts": header.parts.list(), "encoder": encoder }))
    }

    /// Reads an index from its header and the bytes of its parts, in the order of [`files`](Self::files).
    #[wasm_bindgen(constructor)]
    pub fn new(header: &[u8], parts: Vec<Uint8Array>) -> Result<Self, JsValue> {
        let mut parts = parts.into_iter();
        let missing = || std::io::Error::new(std::io::ErrorKind::NotFound, "it was not given");
        let read = |_: &_| parts.next().map(|part| part.to_vec()).ok_or_else(missing);
        let index = Index::from_files(header, LIMITS, read).map_err(of_index)?;
        Ok(Self { linker: LocalLinker::new(index, sha256_hex(header)), question: None, of_image: None })
    }

    /// The graph's input and output, as JSON: `{"input", "output"}`.
    pub fn ports(&self) -> Result<String, JsValue> {
        let card = self.linker.index().encoder();
        to_json(&serde_json::json!({ "input": card.input.name, "output": card.output.name }))
    }

    /// How many runs of the encoder a mask takes.
    #[wasm_bindgen(getter)]
    pub fn views(&self) -> usize {
        self.linker.index().encoder().views.len()
    }

    /// Asks about a mask (JSON: `{"size": [h, w], "counts": "…"}`) in an image of this size. `anew`
    /// where it is another image than the last.
    pub fn begin(&mut self, width: u32, height: u32, mask_json: &str, anew: bool) -> Result<(), JsValue> {
        let mask =
            Mask::try_from(&from_json::<CocoRle>(mask_json)?).map_err(|error| js_error("bad-mask", error))?;
        let image = Size::new(width, height);
        if anew || self.of_image.as_ref().is_some_and(|(size, _)| *size != image) {
            self.of_image = None;
        }
        let maps = vec![None; self.views()];
        self.question = Some(Question { image, mask, maps, query: None });
        Ok(())
    }

    /// Whether the map of a view is known already.
    pub fn has(&self, view: usize) -> bool {
        self.linker.index().encoder().views.get(view) == Some(&EncoderView::Image) && self.of_image.is_some()
    }

    /// The part of the image a view needs: x, y, width, height.
    pub fn window(&self, view: usize) -> Result<Vec<u32>, JsValue> {
        let PixelRect { x, y, width, height } = self.job(view)?.window();
        Ok(vec![x, y, width, height])
    }

    /// The graph's input for a view, from the RGBA of its window: `{ shape, data }`, data as f32 or bytes.
    pub fn input(&self, view: usize, rgba: &[u8]) -> Result<Object, JsValue> {
        let job = self.job(view)?;
        let pixels = Pixels::of_window(self.question()?.image, job.window(), Channels::Rgba, rgba);
        let input = job.input(&pixels.map_err(|error| of_encode(error.into()))?).map_err(of_encode)?;
        let data: JsValue = match input.data() {
            Data::F32(values) => Float32Array::from(&values[..]).into(),
            Data::U8(values) => Uint8Array::from(&values[..]).into(),
            Data::I64(_) => return Err(js_error("model-input", "the encoder takes no integers")),
        };
        let shape: Array = input.shape().iter().map(|&side| JsValue::from(side as u32)).collect();
        let object = Object::new();
        Reflect::set(&object, &JsValue::from_str("shape"), &shape)?;
        Reflect::set(&object, &JsValue::from_str("data"), &data)?;
        Ok(object)
    }

    /// Takes the graph's output for a view.
    pub fn output(&mut self, view: usize, shape: &[u32], values: Vec<f32>) -> Result<(), JsValue> {
        let shape: Vec<_> = shape.iter().map(|&side| side as usize).collect();
        let output =
            Tensor::new(shape, Data::F32(values)).ok_or_else(|| js_error("model-output", "wrong shape"))?;
        let map = self.job(view)?.feature_map(output).map_err(of_encode)?;
        let is_of_image = self.linker.index().encoder().views.get(view) == Some(&EncoderView::Image);
        let question = self.question.as_mut().ok_or_else(nothing_asked)?;
        if is_of_image {
            self.of_image = Some((question.image, map));
        } else if let Some(place) = question.maps.get_mut(view) {
            *place = Some(map);
        }
        Ok(())
    }

    /// Averages the maps over the mask.
    pub fn pool(&mut self) -> Result<(), JsValue> {
        let question = self.question.as_ref().ok_or_else(nothing_asked)?;
        let of_image = self.of_image.as_ref().map(|(_, map)| map);
        let views = self.linker.index().encoder().views.iter().zip(&question.maps);
        let maps: Option<Vec<_>> = views
            .map(|(view, map)| if *view == EncoderView::Image { of_image } else { map.as_ref() })
            .collect();
        let maps = maps.ok_or_else(|| js_error("link-state", "a view of the mask was not encoded"))?;
        let maps: Vec<_> = maps.into_iter().map(std::borrow::Cow::Borrowed).collect();
        let feature = crate::link::encoder::input::join(&maps, &question.mask).map_err(of_encode)?;
        let query = self.linker.index().query(&feature).map_err(|error| js_error("index-unusable", error))?;
        if let Some(question) = &mut self.question {
            question.query = Some(query);
        }
        Ok(())
    }

    /// The answer, as JSON of the linking protocol; its times are zero.
    pub fn answer(&self) -> Result<String, JsValue> {
        let query = self.question()?.query.as_ref().ok_or_else(nothing_asked)?;
        to_json(&self.linker.search(query, DEFAULT_ENTITIES as usize))
    }
}

impl PageLinker {
    fn question(&self) -> Result<&Question, JsValue> {
        self.question.as_ref().ok_or_else(nothing_asked)
    }

    fn job(&self, view: usize) -> Result<EncodeJob<'_>, JsValue> {
        let Question { image, mask, .. } = self.question()?;
        let card = self.linker.index().encoder();
        let view =
            card.views.get(view).ok_or_else(|| js_error("link-state", "the encoder has no such view"))?;
        EncodeJob::new(card, *view, *image, mask).map_err(of_encode)
    }
}

fn nothing_asked() -> JsValue {
    js_error("link-state", "no mask was asked about")
}

fn of_index(error: ReadError) -> JsValue {
    js_error("index-unusable", error)
}

fn of_encode(error: EncodeError) -> JsValue {
    let code = match error {
        EncodeError::MaskSize { .. } | EncodeError::Pool(_) => "bad-mask",
        EncodeError::Output { .. } => "model-output",
        _ => "image-unreadable",
    };
    js_error(code, error)
}
