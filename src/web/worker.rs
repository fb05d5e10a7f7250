//! The class `ModelRunner`: runs the page's models in its worker.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use async_lock::{Mutex, OnceCell};
use js_sys::{Array, Float32Array, Function, Uint8Array, Uint32Array};
use serde_json::json;
use wasm_bindgen::prelude::{JsCast, JsValue, wasm_bindgen};
use wasm_bindgen_futures::JsFuture;
use web_sys::ImageBitmap;

use super::error::{from_json, js_error, of_host, to_json};
use super::host::{Graphs, Platform, RemoteEncoder, Signal, WorkerHost, WorkerImage, downloaded, now};
use super::local_index::LocalIndex;
use super::object::{field, number, object, optional_text, text};
use super::ort::{Resident, Runtime};
use crate::app::SegmentRequest;
use crate::geometry::Size;
use crate::link;
use crate::link::protocol::{self, DEFAULT_ENTITIES, Endpoint, LinkResponse};
use crate::model::{GraphId, HostError};
use crate::rle::{FlatMasks, Mask};
use crate::segment::{self, Limits, Manifest, Model, Prompts, Question, Segmentation, Session, Ticket};

/// Runs the models of a page: segments images by prompts, and links masks to entities.
///
/// Every method loads what it needs and does not have; none has to be called before another. Requests
/// name the image by a number and carry its bitmap as `source` the first time:
///
/// ```js
/// const runner = new ModelRunner(platform, { manifest: 'https://example.org/models/models.json' });
/// const prompts = [{ type: 'click', x: 120, y: 80, positive: true }];
/// const question = JSON.stringify({ ticket: 1, prompts, refine: null });
/// const request = { model: null, image: 1, source: bitmap, question };
/// const { best, scores, offsets, boundaries } = await runner.segment(request, signal, () => {});
/// ```
#[wasm_bindgen]
pub struct ModelRunner {
    platform: Platform,
    settings: Settings,
    runtime: OnceCell<Runtime>,
    /// One click runs at a time.
    click: Mutex<Option<ClickModel>>,
    /// Index of the latest request.
    index: Mutex<Option<Rc<LocalIndex>>>,
    /// Image of the latest request.
    image: RefCell<Option<Rc<WorkerImage>>>,
}

/// Addresses of the models, and the runtime to run them with.
struct Settings {
    /// The address of `models.json`.
    manifest: String,
    /// `webgpu` or `wasm`; else the best that works.
    provider: Option<String>,
    /// `jspi`, `asyncify` or `wasm`; else the one that fits.
    build: Option<String>,
}

/// A click model, and what it computed for one image.
struct ClickModel {
    /// As requests name it: the id, or `None` for the default.
    id: Option<String>,
    /// Whether an endpoint runs the encoder.
    is_remote: bool,
    graphs: Graphs,
    session: Session<Resident>,
    image: Option<Rc<WorkerImage>>,
}

#[wasm_bindgen]
impl ModelRunner {
    /// Creates a runner without a model. `settings` is `{ manifest, provider?, build? }`.
    #[wasm_bindgen(constructor)]
    pub fn new(platform: Platform, settings: &JsValue) -> Result<Self, JsValue> {
        let settings = Settings {
            manifest: text(settings, "manifest")?,
            provider: optional_text(settings, "provider"),
            build: optional_text(settings, "build"),
        };
        let (runtime, click, index) = (OnceCell::new(), Mutex::new(None), Mutex::new(None));
        Ok(Self { platform, settings, runtime, click, index, image: RefCell::new(None) })
    }

    /// Loads the model and encodes the image, so that the first click does not have to.
    ///
    /// `request` is `{ model, image, source?, encoder? }`. Returns `{ status, ms: { encode } }`.
    pub async fn prepare(&self, request: JsValue, signal: Signal) -> Result<JsValue, JsValue> {
        let image = self.image_of(&request)?;
        let encoder = remote_encoder(&request)?;
        let mut slot = self.click.lock().await;
        let (runtime, click) = self.click_model(&mut slot, &request, &image, &signal).await?;
        let started = now();
        let host = encoder.host(self.host(Some(runtime), Some(&click.graphs), &image, &signal));
        segment::encode_image(&mut click.session, &host).await.map_err(of_segment)?;
        let ms = object([("encode", JsValue::from_f64(now() - started))]);
        Ok(object([("status", status_object(click.session.model(), runtime)), ("ms", ms)]))
    }

    /// Downloads the runtime and the files of a model, by its id or the default, without starting them: a
    /// later click finds them in the browser's caches. Without the encoder where an endpoint runs that.
    pub async fn fetch(&self, model: Option<String>, is_remote: bool) -> Result<(), JsValue> {
        let Settings { provider, build, .. } = &self.settings;
        let (_, downloads) = self.download_click_model(model.as_deref(), parts(is_remote)).await?;
        JsFuture::from(self.platform.fetch_runtime(provider.clone(), build.clone())).await?;
        downloaded(downloads).await.map(drop)
    }

    /// Downloads an index by the address of its header, so that the first mask does not wait for it.
    #[wasm_bindgen(js_name = openIndex)]
    pub async fn load_index(&self, index: String) -> Result<(), JsValue> {
        self.open_index(&index).await.map(drop)
    }

    /// Segments the image by prompts.
    ///
    /// `request` is `{ model, image, source?, question, encoder? }`, the question a `SegmentRequest` as JSON.
    /// `encoder` is an endpoint that encodes the image in place of this device: `{ url, token?, blob, sha256
    /// }`.
    ///
    /// Returns `{ ticket, best, size: [height, width], scores, offsets, boundaries, ms, status }`: the run
    /// boundaries of candidate `i` are `boundaries.subarray(offsets[i], offsets[i + 1])`. `on_provisional`
    /// gets the same of the first pass where refinement passes follow.
    pub async fn segment(
        &self,
        request: JsValue,
        signal: Signal,
        on_provisional: Function,
    ) -> Result<JsValue, JsValue> {
        let image = self.image_of(&request)?;
        let question = from_json(&text(&request, "question")?)?;
        let SegmentRequest { ticket, prompts, refine, view } = question;
        let prompts = prompts.into_iter().collect::<Result<Prompts, _>>().map_err(of_segment)?;
        let question = Question { ticket, prompts, refine, view };
        let encoder = remote_encoder(&request)?;
        let mut slot = self.click.lock().await;
        let (runtime, click) = self.click_model(&mut slot, &request, &image, &signal).await?;
        let host = encoder.host(self.host(Some(runtime), Some(&click.graphs), &image, &signal));
        // Encoded apart from the click, so that each has its own time.
        let mut encode = None;
        if !click.session.has_image() {
            let started = now();
            segment::encode_image(&mut click.session, &host).await.map_err(of_segment)?;
            encode = Some(now() - started);
        }
        let started = now();
        let (status, model) = (|model: &_| status_object(model, runtime), click.session.model().clone());
        let result = segment::click(&mut click.session, &host, &question, |first| {
            let first = segmentation_object(ticket, first, (encode, now() - started), status(&model));
            // A listener that throws is reported by the browser and changes nothing here.
            drop(on_provisional.call1(&JsValue::UNDEFINED, &first));
        })
        .await
        .map_err(of_segment)?;
        Ok(segmentation_object(ticket, &result, (encode, now() - started), status(&model)))
    }

    /// Segments the image by prompts in one run of the decoder, without changing what later clicks refine.
    ///
    /// `request` is that of `segment`. Returns the same, or `undefined` where the model is not loaded or the
    /// image not encoded: nothing is loaded for a preview.
    pub async fn preview(&self, request: JsValue, signal: Signal) -> Result<JsValue, JsValue> {
        let image = self.image_of(&request)?;
        let SegmentRequest { ticket, prompts, .. } = from_json(&text(&request, "question")?)?;
        let prompts = prompts.into_iter().collect::<Result<Prompts, _>>().map_err(of_segment)?;
        let mut slot = self.click.lock().await;
        // A cancel that came while the request waited for its turn is still in the message queue.
        JsFuture::from(self.platform.sleep(0, &signal)).await?;
        check_wanted(&signal)?;
        let id = optional_text(&request, "model");
        let is_ready = |click: &&mut ClickModel| {
            click.id == id && click.image.as_ref().is_some_and(|known| Rc::ptr_eq(known, &image))
        };
        let Some((click, runtime)) = slot.as_mut().filter(is_ready).zip(self.runtime.get()) else {
            return Ok(JsValue::UNDEFINED);
        };
        let host = self.host(Some(runtime), Some(&click.graphs), &image, &signal);
        let started = now();
        let previewed = segment::preview(&mut click.session, &host, &prompts).await.map_err(of_segment)?;
        let ms = (None, now() - started);
        Ok(previewed.map_or(JsValue::UNDEFINED, |result| {
            segmentation_object(ticket, &result, ms, JsValue::UNDEFINED)
        }))
    }

    /// Links a mask of the image to entities, by an endpoint or by an index of static files.
    ///
    /// `request` is `{ image, source?, sha256, size: [height, width], boundaries, endpoint?: { url, token?,
    /// blob }, index }`: `sha256` is the encoded image's, whose own exemplars do not count, `boundaries` are
    /// the mask's, `blob` is the encoded image, `index` the address of the
    /// index's header. Returns a `LinkResponse` of the linking protocol as JSON.
    pub async fn link(&self, request: JsValue, signal: Signal) -> Result<String, JsValue> {
        let image = self.image_of(&request)?;
        let mask = mask_of(&request)?;
        let (endpoint, sha256) = (field(&request, "endpoint"), text(&request, "sha256")?);
        let response = if endpoint.is_object() {
            let file = field(&endpoint, "blob");
            let host = WorkerHost { file: Some(&file), ..self.host(None, None, &image, &signal) };
            ask_endpoint(&host, &endpoint, &mask, &sha256).await?
        } else {
            let index = self.open_index(&text(&request, "index")?).await?;
            check_wanted(&signal)?;
            let runtime = self.runtime().await?;
            let graphs = index.graphs(runtime).await?;
            let host = self.host(Some(runtime), Some(graphs), &image, &signal);
            let map = index.image_map(&image);
            let top_k = DEFAULT_ENTITIES as usize;
            let question = link::Question { mask: &mask, image_sha256: Some(&sha256), top_k };
            index.link(&host, question, &map).await?
        };
        to_json(&response)
    }
}

impl ModelRunner {
    /// Returns the image a request is about, and keeps the bitmap that it brings.
    fn image_of(&self, request: &JsValue) -> Result<Rc<WorkerImage>, JsValue> {
        let id = number(request, "image")?;
        if let Ok(bitmap) = field(request, "source").dyn_into::<ImageBitmap>() {
            *self.image.borrow_mut() = Some(Rc::new(WorkerImage::new(id, bitmap)));
        }
        let image = self.image.borrow().clone().filter(|image| image.id == id);
        image.ok_or_else(|| js_error("image-missing", "There is no image to segment yet."))
    }

    /// Returns the runtime, loaded once for all models.
    async fn runtime(&self) -> Result<&Runtime, JsValue> {
        let Settings { provider, build, .. } = &self.settings;
        let load = async || {
            let loaded = self.platform.load_runtime(provider.clone(), build.clone());
            Runtime::from_js(&JsFuture::from(loaded).await?)
        };
        self.runtime.get_or_try_init(load).await
    }

    /// Returns the index with this address, downloaded once.
    async fn open_index(&self, address: &str) -> Result<Rc<LocalIndex>, JsValue> {
        let mut slot = self.index.lock().await;
        if let Some(index) = slot.as_ref().filter(|index| index.address == address) {
            return Ok(Rc::clone(index));
        }
        let index = Rc::new(LocalIndex::open(&self.platform, address).await?);
        *slot = Some(Rc::clone(&index));
        Ok(index)
    }

    /// Returns the model that a request names, loaded, with its session on the image.
    async fn click_model<'a>(
        &'a self,
        slot: &'a mut Option<ClickModel>,
        request: &JsValue,
        image: &Rc<WorkerImage>,
        signal: &Signal,
    ) -> Result<(&'a Runtime, &'a mut ClickModel), JsValue> {
        // A cancel that came while the request waited for its turn is still in the message queue.
        JsFuture::from(self.platform.sleep(0, signal)).await?;
        check_wanted(signal)?;
        let id = optional_text(request, "model");
        let is_remote = field(request, "encoder").is_object();
        if slot.as_ref().is_some_and(|click| click.id != id || click.is_remote != is_remote) {
            *slot = None;
        }
        let click = match slot {
            Some(click) => click,
            None => slot.insert(self.load_click_model(id, is_remote).await?),
        };
        if !click.image.as_ref().is_some_and(|known| Rc::ptr_eq(known, image)) {
            click.session.forget_image();
            click.image = Some(Rc::clone(image));
        }
        Ok((self.runtime().await?, click))
    }

    /// Loads a model's decoder, and its encoder unless an endpoint runs that.
    async fn load_click_model(&self, id: Option<String>, is_remote: bool) -> Result<ClickModel, JsValue> {
        let parts = parts(is_remote);
        // The downloads begin before the runtime is loaded.
        let (model, downloads) = self.download_click_model(id.as_deref(), parts).await?;
        let session = Session::new(model).map_err(of_segment)?;
        let runtime = self.runtime().await?;
        let files = downloaded(downloads).await?;
        let files = parts.iter().map(|(part, _)| *part).zip(files).collect();
        let graphs = self.load_graphs(runtime, files).await?;
        Ok(ClickModel { id, is_remote, graphs, session, image: None })
    }

    /// Returns a model of the list, and begins to download these of its graphs.
    async fn download_click_model(
        &self,
        id: Option<&str>,
        parts: &[(GraphId, &str)],
    ) -> Result<(Model, js_sys::Promise), JsValue> {
        let address = &self.settings.manifest;
        let list = self.platform.list_text(address, "model-list", "The list of models");
        let list = JsFuture::from(list).await?.as_string().unwrap_or_default();
        let manifest = Manifest::from_json(list.as_bytes(), &Limits::default()).map_err(of_segment)?;
        let model = match id {
            Some(id) => manifest.model(id).map_err(of_segment)?,
            None => manifest.default_model(),
        };
        let file = |(id, part): &(GraphId, &str)| {
            let is_encoder = *id == GraphId::ClickEncoder;
            let graph = if is_encoder { &model.encoder.graph } else { &model.decoder.graph };
            json!({ "part": part, "url": graph.url, "bytes": graph.bytes, "sha256": graph.sha256 })
        };
        let files = parts.iter().map(file).collect::<serde_json::Value>().to_string();
        Ok((model.clone(), self.platform.download(address, &files)))
    }

    /// Creates the sessions of graphs, on the processor if the GPU fails at it.
    async fn load_graphs(
        &self,
        runtime: &Runtime,
        files: BTreeMap<GraphId, Uint8Array>,
    ) -> Result<Graphs, JsValue> {
        let graphs = Graphs::new(files, None);
        match graphs.reload(runtime).await {
            Err(HostError::Provider { reason }) => {
                runtime.step_down(format!("the GPU failed: {reason}"));
                graphs.reload(runtime).await
            }
            outcome => outcome,
        }
        .map_err(|error| of_host(&error))?;
        Ok(graphs)
    }

    fn host<'a>(
        &'a self,
        runtime: Option<&'a Runtime>,
        graphs: Option<&'a Graphs>,
        image: &'a WorkerImage,
        signal: &'a Signal,
    ) -> WorkerHost<'a> {
        let platform = &self.platform;
        WorkerHost { platform, runtime, graphs, image, file: None, encoder: None, signal }
    }
}

/// The graphs of a click model, and their names in progress.
const PARTS: [(GraphId, &str); 2] = [(GraphId::ClickEncoder, "encoder"), (GraphId::ClickDecoder, "decoder")];

/// Returns the graphs that this device runs.
fn parts(is_remote: bool) -> &'static [(GraphId, &'static str)] {
    if is_remote { &PARTS[1..] } else { &PARTS }
}

/// An endpoint that encodes the image of a request, with the image's file, if the request names one.
struct RequestEncoder(Option<(RemoteEncoder, JsValue)>);

impl RequestEncoder {
    /// Returns a host that asks the endpoint.
    fn host<'a>(&'a self, host: WorkerHost<'a>) -> WorkerHost<'a> {
        match &self.0 {
            Some((encoder, file)) => WorkerHost { file: Some(file), encoder: Some(encoder), ..host },
            None => host,
        }
    }
}

fn remote_encoder(request: &JsValue) -> Result<RequestEncoder, JsValue> {
    let encoder = field(request, "encoder");
    if !encoder.is_object() {
        return Ok(RequestEncoder(None));
    }
    let (url, image_sha256) = (text(&encoder, "url")?, text(&encoder, "sha256")?);
    let remote = RemoteEncoder { url, token: optional_text(&encoder, "token"), image_sha256 };
    Ok(RequestEncoder(Some((remote, field(&encoder, "blob")))))
}

/// Returns what runs a model, and why it is nothing faster: `{ id, title, licence, provider, build, threads,
/// reasons }`.
fn status_object(model: &Model, runtime: &Runtime) -> JsValue {
    let reasons: Array = runtime.reasons().iter().map(|reason| JsValue::from_str(reason)).collect();
    object([
        ("id", JsValue::from_str(&model.id)),
        ("title", JsValue::from_str(&model.title)),
        ("licence", JsValue::from_str(&model.licence)),
        ("provider", JsValue::from_str(runtime.provider().name())),
        ("build", JsValue::from_str(runtime.build())),
        ("threads", JsValue::from_f64(f64::from(runtime.threads()))),
        ("reasons", reasons.into()),
    ])
}

fn segmentation_object(
    ticket: Ticket,
    segmentation: &Segmentation,
    (encode, decode): (Option<f64>, f64),
    status: JsValue,
) -> JsValue {
    let masks = || segmentation.candidates.iter().map(|candidate| &candidate.mask);
    let size = masks().next().map(Mask::size).unwrap_or_default();
    let scores: Vec<_> = segmentation.candidates.iter().map(|candidate| candidate.predicted_iou).collect();
    let FlatMasks { offsets, boundaries } = masks().collect();
    object([
        ("ticket", JsValue::from_f64(f64::from(ticket.0))),
        ("best", JsValue::from_f64(segmentation.best as f64)),
        ("size", Uint32Array::from(&[size.height, size.width][..]).into()),
        ("scores", Float32Array::from(&scores[..]).into()),
        ("offsets", Uint32Array::from(&offsets[..]).into()),
        ("boundaries", Uint32Array::from(&boundaries[..]).into()),
        ("ms", object([("encode", encode.into()), ("decode", decode.into())])),
        ("status", status),
    ])
}

/// Asks an endpoint `{ url, token?, blob }` about a mask of the host's image.
async fn ask_endpoint(
    host: &WorkerHost<'_>,
    endpoint: &JsValue,
    mask: &Mask,
    sha256: &str,
) -> Result<LinkResponse, JsValue> {
    let (url, token) = (text(endpoint, "url")?, optional_text(endpoint, "token"));
    let to = Endpoint::of_address(&url, token.as_deref());
    let answer = protocol::ask_endpoint(host, to, mask, sha256).await;
    Ok(answer.map_err(|error| js_error(error.code(), error))?.response)
}

fn check_wanted(signal: &Signal) -> Result<(), JsValue> {
    if signal.aborted() { Err(of_host(&HostError::Cancelled)) } else { Ok(()) }
}

/// Returns the mask of `{ size: [height, width], boundaries }`.
fn mask_of(request: &JsValue) -> Result<Mask, JsValue> {
    let size: Array = Array::from(&field(request, "size"));
    let side = |at| size.get(at).as_f64().unwrap_or_default() as u32;
    let boundaries = field(request, "boundaries").dyn_into::<Uint32Array>();
    let boundaries =
        boundaries.map_err(|_| js_error("request-malformed", "the request has no boundaries"))?;
    Mask::from_boundaries(Size::new(side(1), side(0)), boundaries.to_vec())
        .map_err(|error| js_error("bad-mask", error))
}

fn of_segment(error: segment::Error) -> JsValue {
    js_error(error.code(), error)
}
