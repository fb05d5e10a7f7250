//! The worker as a [`Host`]: graphs by ONNX Runtime Web, pixels of a bitmap, and what JavaScript lends.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;

use js_sys::{Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::{JsCast, JsValue, wasm_bindgen};
use wasm_bindgen_futures::JsFuture;
use web_sys::{ImageBitmap, OffscreenCanvas, OffscreenCanvasRenderingContext2d};

use super::error::{code_of, message_of};
use super::ort::{Graph, Provider, Resident, Runtime};
use crate::geometry::{PixelRect, Size};
use crate::link::protocol::{self, Endpoint, EndpointError};
use crate::model::{
    Body, EmbeddingRequest, GraphId, Host, HostError, Input, PixelWindow, Request, Response, Tensor,
};
use crate::pixels::Channels;

#[wasm_bindgen]
extern "C" {
    /// Functions of the worker's script that the models need (`worker/platform.js`).
    #[derive(Clone)]
    pub type Platform;
    /// Loads a build of ONNX Runtime Web: `{ ort, build, provider, reasons }`.
    #[wasm_bindgen(method, js_name = loadRuntime)]
    pub(super) fn load_runtime(this: &Platform, provider: Option<String>, build: Option<String>) -> Promise;
    /// Downloads the build of ONNX Runtime Web that [`load_runtime`](Self::load_runtime) would load.
    #[wasm_bindgen(method, js_name = fetchRuntime)]
    pub(super) fn fetch_runtime(this: &Platform, provider: Option<String>, build: Option<String>) -> Promise;
    /// Returns the text of a list of files, the one kept from the last visit without a network.
    #[wasm_bindgen(method, js_name = listText)]
    pub(super) fn list_text(this: &Platform, address: &str, code: &str, what: &str) -> Promise;
    /// Downloads files, JSON `[{ part, url, bytes, sha256 }]`, checked; `url` is relative to `base`.
    #[wasm_bindgen(method)]
    pub(super) fn download(this: &Platform, base: &str, files: &str) -> Promise;
    /// Sends an HTTP request: `{ status, retryAfter, body }`.
    #[wasm_bindgen(method)]
    fn fetch(this: &Platform, request: &JsValue, signal: &Signal) -> Promise;
    /// Resolves after some milliseconds, or as soon as the signal is aborted.
    #[wasm_bindgen(method)]
    pub(super) fn sleep(this: &Platform, millis: u32, signal: &Signal) -> Promise;

    /// An `AbortSignal`.
    #[wasm_bindgen(js_name = AbortSignal)]
    #[derive(Clone)]
    pub type Signal;
    #[wasm_bindgen(method, getter)]
    pub(super) fn aborted(this: &Signal) -> bool;

    /// Returns the milliseconds since the worker started.
    #[wasm_bindgen(js_namespace = performance)]
    pub(super) fn now() -> f64;
}

/// An image in the worker. Its bitmap is closed with it.
pub(super) struct WorkerImage {
    /// The page's number of it.
    pub(super) id: u32,
    bitmap: ImageBitmap,
}

/// An endpoint that runs the click model's encoder on an image.
pub(super) struct RemoteEncoder {
    pub(super) url: String,
    pub(super) token: Option<String>,
    /// SHA-256 of the encoded image.
    pub(super) image_sha256: String,
}

/// The graphs of one model, and how to make them again for another provider.
pub(super) struct Graphs {
    loaded: RefCell<BTreeMap<GraphId, Graph>>,
    files: BTreeMap<GraphId, Uint8Array>,
    /// The provider that these graphs always run on; else the runtime's.
    always: Option<Provider>,
}

/// One piece of work in the worker.
pub(super) struct WorkerHost<'a> {
    pub(super) platform: &'a Platform,
    pub(super) runtime: Option<&'a Runtime>,
    pub(super) graphs: Option<&'a Graphs>,
    pub(super) image: &'a WorkerImage,
    /// The `Blob` of the encoded image, for requests that upload it: its bytes never enter this memory.
    pub(super) file: Option<&'a JsValue>,
    /// The endpoint that runs the click model's encoder; none, where this device does.
    pub(super) encoder: Option<&'a RemoteEncoder>,
    pub(super) signal: &'a Signal,
}

impl WorkerImage {
    pub(super) fn new(id: u32, bitmap: ImageBitmap) -> Self {
        Self { id, bitmap }
    }

    pub(super) fn size(&self) -> Size {
        Size::new(self.bitmap.width(), self.bitmap.height())
    }

    fn read(&self, window: PixelRect) -> Result<Vec<u8>, JsValue> {
        let canvas = OffscreenCanvas::new(window.width.max(1), window.height.max(1))?;
        let options = js_sys::Object::new();
        Reflect::set(&options, &JsValue::from_str("willReadFrequently"), &JsValue::TRUE)?;
        let context = canvas.get_context_with_context_options("2d", &options)?;
        let context: OffscreenCanvasRenderingContext2d =
            context.ok_or_else(|| JsValue::from_str("the browser gave no canvas for it"))?.unchecked_into();
        context.draw_image_with_image_bitmap(&self.bitmap, -f64::from(window.x), -f64::from(window.y))?;
        let pixels = context.get_image_data(0.0, 0.0, f64::from(window.width), f64::from(window.height))?;
        Ok(pixels.data().0)
    }
}

impl Drop for WorkerImage {
    fn drop(&mut self) {
        self.bitmap.close();
    }
}

impl Graphs {
    /// Graphs from the bytes of their ONNX files; [`reload`](Self::reload) makes them ready.
    pub(super) fn new(files: BTreeMap<GraphId, Uint8Array>, always: Option<Provider>) -> Self {
        Self { loaded: RefCell::default(), files, always }
    }

    /// Makes all graphs anew for the runtime's provider.
    pub(super) async fn reload(&self, runtime: &Runtime) -> Result<(), HostError> {
        let before = std::mem::take(&mut *self.loaded.borrow_mut());
        for graph in before.into_values() {
            graph.release().await;
        }
        for (&id, file) in &self.files {
            let provider = self.always.unwrap_or_else(|| runtime.provider());
            let graph = runtime.graph(file, provider, id == GraphId::ClickEncoder).await?;
            self.loaded.borrow_mut().insert(id, graph);
        }
        Ok(())
    }

    fn get(&self, id: GraphId) -> Result<Graph, HostError> {
        let missing = || HostError::Run { reason: "it is not loaded".to_owned() };
        self.loaded.borrow().get(&id).cloned().ok_or_else(missing)
    }
}

impl WorkerHost<'_> {
    fn graph(&self, id: GraphId) -> Result<(&Runtime, Graph), HostError> {
        let missing = || HostError::Run { reason: "no runtime is loaded".to_owned() };
        let (runtime, graphs) = self.runtime.zip(self.graphs).ok_or_else(missing)?;
        Ok((runtime, graphs.get(id)?))
    }
}

impl Host for WorkerHost<'_> {
    type Resident = Resident;

    async fn run(
        &self,
        graph: GraphId,
        inputs: &[(&str, Input<'_, Resident>)],
        outputs: &[&str],
    ) -> Result<Vec<Tensor>, HostError> {
        let (runtime, graph) = self.graph(graph)?;
        runtime.run(&graph, inputs, outputs).await
    }

    async fn run_resident(
        &self,
        graph: GraphId,
        inputs: &[(&str, &Tensor)],
        shape: &[usize],
    ) -> Result<Resident, HostError> {
        let (runtime, graph) = self.graph(graph)?;
        let feeds: Vec<_> = inputs.iter().map(|&(name, tensor)| (name, Input::Tensor(tensor))).collect();
        runtime.run_resident(&graph, &feeds, shape).await
    }

    async fn embedding(&self, asked: &EmbeddingRequest<'_>) -> Result<Option<Tensor>, HostError> {
        let Some(RemoteEncoder { url, token, image_sha256 }) = self.encoder else { return Ok(None) };
        let endpoint = Endpoint::of_address(url, token.as_deref());
        let received = protocol::embed_image(self, endpoint, image_sha256, asked).await;
        received.map(Some).map_err(|error| match error {
            EndpointError::Host(error) => error,
            error => HostError::Network {
                reason: format!(
                    "The endpoint did not encode the image: {error} Or let this device encode it (Settings)."
                ),
            },
        })
    }

    fn can_fall_back(&self) -> bool {
        self.runtime.is_some_and(|runtime| runtime.provider() != Provider::Wasm)
    }

    async fn fall_back(&self, reason: &str) -> Result<(), HostError> {
        let (Some(runtime), Some(graphs)) = (self.runtime, self.graphs) else { return Ok(()) };
        runtime.step_down(format!("the GPU failed: {reason}"));
        graphs.reload(runtime).await
    }

    fn image_size(&self) -> Result<Size, HostError> {
        Ok(self.image.size())
    }

    fn pixels(&self, window: PixelRect) -> Result<PixelWindow<'_>, HostError> {
        let bytes =
            self.image.read(window).map_err(|thrown| HostError::Image { reason: message_of(&thrown) })?;
        let image = self.image.size();
        Ok(PixelWindow { image, window, channels: Channels::Rgba, bytes: Cow::Owned(bytes) })
    }

    async fn fetch(&self, request: Request<'_>) -> Result<Response, HostError> {
        let body = match request.body {
            Body::Bytes(bytes) => Uint8Array::from(bytes).into(),
            Body::Image => self.file.ok_or(HostError::ImageMissing)?.clone(),
        };
        let sent = self.platform.fetch(&request_object(&request, body), self.signal);
        let response = JsFuture::from(sent).await.map_err(|thrown| match code_of(&thrown).as_deref() {
            Some("cancelled") => HostError::Cancelled,
            Some("timeout") => HostError::TimedOut { millis: request.timeout_millis },
            _ => HostError::Network { reason: message_of(&thrown) },
        })?;
        let field = |name: &str| Reflect::get(&response, &JsValue::from_str(name)).unwrap_or_default();
        Ok(Response {
            status: field("status").as_f64().unwrap_or_default() as u16,
            retry_after: field("retryAfter").as_string(),
            body: field("body").unchecked_into::<Uint8Array>().to_vec(),
        })
    }

    async fn sleep(&self, millis: u32) {
        // It does not reject.
        drop(JsFuture::from(self.platform.sleep(millis, self.signal)).await);
    }

    async fn is_cancelled(&self) -> bool {
        // A graph's run leaves the worker no moment to receive a cancel.
        self.sleep(0).await;
        self.signal.aborted()
    }

    fn now_millis(&self) -> f64 {
        now()
    }
}

fn request_object(request: &Request<'_>, body: JsValue) -> JsValue {
    let headers: js_sys::Array = request
        .headers
        .iter()
        .map(|(name, value)| js_sys::Array::of2(&JsValue::from_str(name), &JsValue::from_str(value)))
        .collect();
    let object = js_sys::Object::new();
    for (key, value) in [
        ("method", JsValue::from_str(request.method)),
        ("url", JsValue::from_str(request.url)),
        ("headers", headers.into()),
        ("body", body),
        ("timeout", JsValue::from_f64(f64::from(request.timeout_millis))),
        ("maxBytes", JsValue::from_f64(request.max_response_bytes as f64)),
    ] {
        // A fresh object takes any property.
        drop(Reflect::set(&object, &JsValue::from_str(key), &value));
    }
    object.into()
}

/// Waits for the files that [`Platform::download`] fetches.
pub(super) async fn downloaded(files: Promise) -> Result<Vec<Uint8Array>, JsValue> {
    let files: js_sys::Array = JsFuture::from(files).await?.unchecked_into();
    Ok(files.iter().map(JsCast::unchecked_into).collect())
}
