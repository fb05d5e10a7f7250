//! The segmentation model as the worker sees it: everything about it but the running of its graphs.

use js_sys::{Array, Float32Array, Object, Reflect};
use serde::Deserialize;
use serde_json::json;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use super::error::js_error;
use crate::geometry::{PixelRect, Point, Rect, Size};
use crate::pixels::{Channels, Pixels};
use crate::rle::CocoRle;
use crate::segment::{
    Answer, Data, DecodeJob, EncodeJob, Error, Limits, Manifest, Prompt, Prompts, Refine, Session, Tensor,
    Ticket, Zoom,
};

/// An image being segmented by one model. The worker runs what this asks for and hands back what came out:
///
/// ```js
/// const segmenter = new Segmenter(manifestJson, undefined);
/// const input = segmenter.beginEncode(1, width, height, rgba);
/// segmenter.finishEncode(await encoder.run({ image: new Tensor('float32', input, [1, 3, 1024, 1024]) }));
/// const inputs = segmenter.beginDecode(2, JSON.stringify({ points: [[120, 80, 1]] }));
/// segmenter.finishDecode(iouPredictions, lowResMasks);
/// const window = segmenter.zoomIn();
/// if (window) {
///   const [x, y, columns, rows] = window;
///   if (columns) {
///     const closer = segmenter.beginZoomEncode(rgbaOf(x, y, columns, rows));
///     segmenter.finishEncode(await encoder.run({ image: new Tensor('float32', closer, [1, 3, 1024, 1024]) }));
///   }
///   const again = segmenter.beginZoomDecode();
///   segmenter.finishDecode(iouPredictions, lowResMasks);
/// }
/// const answer = segmenter.answerJson();
/// ```
///
/// Only the question asked last is answered: what was begun before is forgotten.
#[wasm_bindgen]
pub struct Segmenter {
    session: Session<JsValue>,
    encode: Option<EncodeJob>,
    decode: Option<DecodeJob>,
    zoom: Option<Zoom>,
    answer: Option<(Ticket, Answer)>,
}

/// A question, as JSON: `{"points": [[x, y, label]], "box": [x1, y1, x2, y2], "refine": [ticket,
/// candidate]}` in pixels of the image; label 1 is the object, 0 is not.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Question {
    #[serde(default)]
    points: Vec<[f64; 3]>,
    #[serde(default, rename = "box")]
    rect: Option<[f64; 4]>,
    #[serde(default)]
    refine: Option<(u32, usize)>,
}

#[wasm_bindgen]
impl Segmenter {
    /// A session with a model of the list `models.json`: the one of the given id, or the default.
    #[wasm_bindgen(constructor)]
    pub fn new(manifest_json: &str, id: Option<String>) -> Result<Self, JsValue> {
        let manifest = Manifest::from_json(manifest_json.as_bytes(), &Limits::default()).map_err(thrown)?;
        let model = match id {
            Some(id) => manifest.model(&id).map_err(thrown)?,
            None => manifest.default_model(),
        };
        let session = Session::new(model.clone()).map_err(thrown)?;
        Ok(Self { session, encode: None, decode: None, zoom: None, answer: None })
    }

    /// The model's entry of the list, as JSON.
    #[wasm_bindgen(getter, js_name = modelJson)]
    pub fn model_json(&self) -> Result<String, JsValue> {
        serde_json::to_string(self.session.model()).map_err(|error| thrown(error.into()))
    }

    /// Moves on to another image, given as RGBA, and answers the encoder's input, `f32[1, 3, size, size]`.
    #[wasm_bindgen(js_name = beginEncode)]
    pub fn begin_encode(
        &mut self,
        ticket: u32,
        width: u32,
        height: u32,
        rgba: &[u8],
    ) -> Result<Float32Array, JsValue> {
        let pixels = Pixels::new(Size::new(width, height), Channels::Rgba, rgba)
            .map_err(|error| thrown(error.into()))?;
        let job = self.session.begin_encode(Ticket(ticket), pixels).map_err(thrown)?;
        let input = Float32Array::from(job.input.as_f32().unwrap_or_default());
        self.encode = Some(job);
        Ok(input)
    }

    /// Keeps the encoder's output, whatever holds it; false where the image is not wanted any more.
    #[wasm_bindgen(js_name = finishEncode)]
    pub fn finish_encode(&mut self, embedding: JsValue) -> bool {
        self.encode.take().is_some_and(|job| self.session.finish_encode(&job, embedding))
    }

    /// What [`finish_encode`](Self::finish_encode) was given for the whole image; `undefined` before.
    #[wasm_bindgen(getter)]
    pub fn embedding(&self) -> JsValue {
        self.session.embedding().cloned().unwrap_or(JsValue::UNDEFINED)
    }

    /// Asks for a mask and answers the decoder's inputs: `[{ name, shape, data }]`, all f32, and
    /// last the embedding as [`finish_encode`](Self::finish_encode) was given it.
    #[wasm_bindgen(js_name = beginDecode)]
    pub fn begin_decode(&mut self, ticket: u32, question_json: &str) -> Result<Array, JsValue> {
        let question: Question =
            serde_json::from_str(question_json).map_err(|error| js_error("question-malformed", error))?;
        let refine = question.refine.map(|(ticket, candidate)| Refine { ticket: Ticket(ticket), candidate });
        let prompts = question.prompts().map_err(thrown)?;
        let job = self.session.begin_decode(Ticket(ticket), &prompts, refine).map_err(thrown)?;
        self.decode_inputs(job)
    }

    /// Whether the last answer is to be bettered by another look: the window `[x, y, columns,
    /// rows]` of the image that [`begin_zoom_encode`](Self::begin_zoom_encode) needs, without
    /// extent where it was seen before.
    ///
    /// `undefined` where the answer stands as it is.
    #[wasm_bindgen(js_name = zoomIn)]
    pub fn zoom_in(&mut self) -> Option<Vec<u32>> {
        self.zoom = self.answer.as_ref().and_then(|&(ticket, _)| self.session.zoom_in(ticket));
        let PixelRect { x, y, width, height } = self.zoom.as_ref()?.window.unwrap_or_default();
        Some(vec![x, y, width, height])
    }

    /// Takes the window's RGBA and answers the encoder's input, as [`begin_encode`](Self::begin_encode) does.
    #[wasm_bindgen(js_name = beginZoomEncode)]
    pub fn begin_zoom_encode(&mut self, rgba: &[u8]) -> Result<Float32Array, JsValue> {
        let missing = || thrown(Error::AnswerMissing);
        let zoom = self.zoom.as_ref().ok_or_else(missing)?;
        let (_, answer) = self.answer.as_ref().ok_or_else(missing)?;
        let window = zoom.window.unwrap_or_default();
        let pixels = Pixels::of_window(answer.mask().size(), window, Channels::Rgba, rgba);
        let job = self
            .session
            .begin_zoom_encode(zoom, pixels.map_err(|error| thrown(error.into()))?)
            .map_err(thrown)?;
        let input = Float32Array::from(job.input.as_f32().unwrap_or_default());
        self.encode = Some(job);
        Ok(input)
    }

    /// The decoder's inputs for that look, as [`begin_decode`](Self::begin_decode) answers them.
    #[wasm_bindgen(js_name = beginZoomDecode)]
    pub fn begin_zoom_decode(&mut self) -> Result<Array, JsValue> {
        let zoom = self.zoom.take().ok_or_else(|| thrown(Error::AnswerMissing))?;
        let job = self.session.begin_zoom_decode(&zoom).map_err(thrown)?;
        self.decode_inputs(job)
    }

    /// Takes the decoder's outputs `iou_predictions` and `low_res_masks`; false where the answer is
    /// not wanted any more.
    #[wasm_bindgen(js_name = finishDecode)]
    pub fn finish_decode(&mut self, ious: Vec<f32>, low_res: Vec<f32>) -> Result<bool, JsValue> {
        self.answer = None;
        let Some(job) = self.decode.take() else { return Ok(false) };
        let decoder = &self.session.model().decoder;
        let (count, side) = (decoder.candidates, decoder.low_res);
        let outputs = [
            output(Session::<JsValue>::OUTPUTS[0], vec![1, count], ious).map_err(thrown)?,
            output(Session::<JsValue>::OUTPUTS[1], vec![1, count, side, side], low_res).map_err(thrown)?,
        ];
        let answer = self.session.finish_decode(&job, &outputs).map_err(thrown)?;
        self.answer = answer.map(|answer| (job.ticket, answer));
        Ok(self.answer.is_some())
    }

    /// The answer to the last question, as corrected so far, as JSON:
    /// `{"best": 0, "candidates": [{"mask": {"size": [h, w], "counts": "…"}, "score": 0.9}]}`.
    ///
    /// `undefined` where there is none, or it is not wanted any more.
    #[wasm_bindgen(js_name = answerJson)]
    pub fn answer_json(&self) -> Option<String> {
        self.answer.as_ref().map(|(_, answer)| answer_json(answer))
    }
}

impl Segmenter {
    fn decode_inputs(&mut self, job: DecodeJob) -> Result<Array, JsValue> {
        let embedding = self.session.embedding_for(&job).ok_or_else(|| thrown(Error::ImageMissing))?;
        let inputs: Array =
            job.inputs.iter().map(|(name, tensor)| named_tensor(name, tensor)).collect::<Result<_, _>>()?;
        inputs.push(embedding);
        self.decode = Some(job);
        Ok(inputs)
    }
}

impl Question {
    fn prompts(&self) -> Result<Prompts, Error> {
        let points = self
            .points
            .iter()
            .map(|&[x, y, label]| Prompt::Click { point: Point::new(x, y), positive: label > 0.5 });
        let rect = self.rect.map(|[x1, y1, x2, y2]| Prompt::Box(Rect::from_corners([x1, y1], [x2, y2])));
        points.chain(rect).collect()
    }
}

fn output(name: &'static str, shape: Vec<usize>, values: Vec<f32>) -> Result<Tensor, Error> {
    let actual = format!("{} values", values.len());
    let expected = format!("float32{shape:?}");
    Tensor::new(shape, Data::F32(values)).ok_or(Error::Output { name, expected, actual })
}

fn named_tensor(name: &str, tensor: &Tensor) -> Result<Object, JsValue> {
    let shape: Array = tensor.shape().iter().map(|&side| JsValue::from(side as u32)).collect();
    let data = Float32Array::from(tensor.as_f32().unwrap_or_default());
    let named = Object::new();
    for (key, value) in [("name", JsValue::from_str(name)), ("shape", shape.into()), ("data", data.into())] {
        Reflect::set(&named, &JsValue::from_str(key), &value)?;
    }
    Ok(named)
}

fn answer_json(answer: &Answer) -> String {
    let candidates: Vec<_> = answer
        .candidates
        .iter()
        .map(|candidate| json!({ "mask": CocoRle::from(&candidate.mask), "score": candidate.predicted_iou }))
        .collect();
    json!({ "best": answer.best, "candidates": candidates }).to_string()
}

/// The `Error` of a segmentation's failure, with a code that programs may rely on.
fn thrown(error: Error) -> JsValue {
    let code = match error {
        Error::ManifestSyntax(_)
        | Error::ManifestVersion { .. }
        | Error::ModelField { .. }
        | Error::ModelTwice(_) => "model-list",
        Error::ModelUnknown { .. } => "model-unknown",
        Error::FamilyUnsupported(_) => "model-unsupported",
        Error::Output { .. } => "model-output",
        Error::NotFinite => "model-not-finite",
        Error::Pixels(_) | Error::ImageEmpty(_) => "image-unreadable",
        Error::ImageMissing => "image-missing",
        Error::PromptOutside { .. }
        | Error::PromptMissing
        | Error::AnswerMissing
        | Error::CandidateUnknown { .. } => "question-malformed",
        _ => "limit",
    };
    js_error(code, error)
}
