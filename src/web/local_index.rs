//! An index of static files in the worker, with its encoder, for pages without an endpoint.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::OnceLock;

use async_lock::OnceCell;
use js_sys::Uint8Array;
use serde_json::json;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

use super::error::{js_error, of_host};
use super::host::{Graphs, Platform, WorkerImage, downloaded};
use super::ort::{Provider, Runtime};
use crate::link::LocalLinker;
use crate::link::encoder::pool::FeatureMap;
use crate::link::index::header::{Header, Limits};
use crate::link::index::{Index, ReadError};
use crate::link::protocol::sha256_hex;
use crate::model::GraphId;

/// Limits of an index that a page downloads: all of it stays in memory.
const LIMITS: Limits = Limits { exemplars: 1 << 20, dimensions: 1 << 14, bytes: 256 << 20 };
/// Maximum length of an encoder's ONNX file.
const MAX_ENCODER_BYTES: u64 = 256 << 20;

/// A downloaded index and its encoder.
pub(super) struct LocalIndex {
    /// The address of its header.
    pub(super) address: String,
    pub(super) linker: LocalLinker,
    encoder: Uint8Array,
    graphs: OnceCell<Graphs>,
    /// The number of the image linked last, and the feature map of all of it.
    image_map: RefCell<(u32, Rc<OnceLock<FeatureMap>>)>,
}

impl LocalIndex {
    /// Downloads an index and its encoder, or takes what is cached of them.
    pub(super) async fn open(platform: &Platform, address: &str) -> Result<Self, JsValue> {
        let text = platform.list_text(address, "index-missing", "The index of this page");
        let text = JsFuture::from(text).await?.as_string().unwrap_or_default();
        let header = Header::read(text.as_bytes(), LIMITS).map_err(of_index)?;
        let encoder = &header.encoder;
        let Some(bytes) = encoder.bytes.filter(|bytes| (1..=MAX_ENCODER_BYTES).contains(bytes)) else {
            let message = "the index does not state the length of its encoder, or that is too long";
            return Err(js_error("index-unusable", message));
        };
        let file = |url: &str, bytes: u64, sha256: &str| {
            json!({
                "part": "index", "url": url, "bytes": bytes, "sha256": sha256,
            })
        };
        let mut files = vec![file(&encoder.file, bytes, &encoder.sha256)];
        files.extend(header.parts.list().map(|part| file(&part.file, part.bytes, &part.sha256)));
        let files = serde_json::Value::from(files).to_string();
        let mut files = downloaded(platform.download(address, &files)).await?.into_iter();
        let encoder = files.next().unwrap_or_default();
        let missing = || std::io::Error::from(std::io::ErrorKind::NotFound);
        let read = |_: &_| files.next().map(|part| part.to_vec()).ok_or_else(missing);
        let index = Index::from_files(text.as_bytes(), LIMITS, read).map_err(of_index)?;
        Ok(Self {
            address: address.to_owned(),
            linker: LocalLinker::new(index, sha256_hex(text.as_bytes())),
            encoder,
            graphs: OnceCell::new(),
            image_map: RefCell::default(),
        })
    }

    /// Returns the encoder's graph, loaded once.
    ///
    /// It runs on the processor whatever segments: it is small, and so rounds as the server's does.
    pub(super) async fn graphs(&self, runtime: &Runtime) -> Result<&Graphs, JsValue> {
        let load = async || {
            let files = BTreeMap::from([(GraphId::LinkEncoder, self.encoder.clone())]);
            let graphs = Graphs::new(files, Some(Provider::Wasm));
            graphs.reload(runtime).await.map_err(|error| of_host(&error))?;
            Ok(graphs)
        };
        self.graphs.get_or_try_init(load).await
    }

    /// Returns where the feature map of an image is kept for its next mask.
    pub(super) fn image_map(&self, image: &WorkerImage) -> Rc<OnceLock<FeatureMap>> {
        let mut kept = self.image_map.borrow_mut();
        if kept.0 != image.id {
            *kept = (image.id, Rc::default());
        }
        Rc::clone(&kept.1)
    }
}

fn of_index(error: ReadError) -> JsValue {
    js_error("index-unusable", error)
}
