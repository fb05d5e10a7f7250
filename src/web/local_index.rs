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

use super::cell_files::CellFiles;
use super::error::{js_error, of_host};
use super::host::{Graphs, Platform, WorkerHost, WorkerImage, downloaded};
use super::ort::{Provider, Runtime};
use crate::link::cells::{self, CellIndex};
use crate::link::encoder::EncoderManifest;
use crate::link::encoder::pool::FeatureMap;
use crate::link::index::header::{Header, Limits, Part};
use crate::link::index::{Index, ReadError};
use crate::link::protocol::{LinkResponse, sha256_hex};
use crate::link::{LocalLinker, Question, answer};
use crate::model::GraphId;

/// Limits of an index that a page downloads: all of it stays in memory.
const LIMITS: Limits = Limits { exemplars: 1 << 20, dimensions: 1 << 14, bytes: 256 << 20 };
/// Maximum length of an encoder's ONNX file.
const MAX_ENCODER_BYTES: u64 = 256 << 20;

/// A downloaded index and its encoder.
pub(super) struct LocalIndex {
    /// The address of its header.
    pub(super) address: String,
    linker: Linker,
    encoder: Uint8Array,
    graphs: OnceCell<Graphs>,
    /// The number of the image linked last, and the feature map of all of it.
    image_map: RefCell<(u32, Rc<OnceLock<FeatureMap>>)>,
}

/// The two forms of an index.
enum Linker {
    /// All of it is in memory.
    Whole(Box<LocalLinker>),
    /// Cells are read as questions need them.
    Cells(Box<CellIndex>, CellFiles),
}

impl LocalIndex {
    /// Downloads an index and its encoder, or takes what is cached of them.
    pub(super) async fn open(platform: &Platform, address: &str) -> Result<Self, JsValue> {
        let text = platform.list_text(address, "index-missing", "The index of this page");
        let text = JsFuture::from(text).await?.as_string().unwrap_or_default();
        let (encoder, linker) = if cells::header::is_of_cells(text.as_bytes()) {
            let header = cells::header::Header::read(text.as_bytes()).map_err(of_index)?;
            let (encoder, mut files) = parts(platform, address, &header.encoder, header.parts.list()).await?;
            let read = |_: &_| files.next().ok_or_else(missing);
            let index = CellIndex::from_files(text.as_bytes(), read).map_err(of_index)?;
            (encoder, Linker::Cells(Box::new(index), CellFiles::new(address, &header)))
        } else {
            let header = Header::read(text.as_bytes(), LIMITS).map_err(of_index)?;
            let (encoder, mut files) = parts(platform, address, &header.encoder, header.parts.list()).await?;
            let read = |_: &_| files.next().ok_or_else(missing);
            let index = Index::from_files(text.as_bytes(), LIMITS, read).map_err(of_index)?;
            (encoder, Linker::Whole(Box::new(LocalLinker::new(index, sha256_hex(text.as_bytes())))))
        };
        Ok(Self {
            address: address.to_owned(),
            linker,
            encoder,
            graphs: OnceCell::new(),
            image_map: RefCell::default(),
        })
    }

    /// Links a mask of the host's image.
    pub(super) async fn link(
        &self,
        host: &WorkerHost<'_>,
        question: Question<'_>,
        map: &OnceLock<FeatureMap>,
    ) -> Result<LinkResponse, JsValue> {
        match &self.linker {
            Linker::Whole(linker) => {
                let response = answer(linker, host, question, map).await;
                response.map_err(|error| js_error(error.code(), error))
            }
            Linker::Cells(index, files) => {
                let response = cells::link::link_by_cells(index, files, host, question, map).await;
                response.map_err(|error| js_error(error.code(), error))
            }
        }
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

/// Downloads the encoder and the parts of an index.
async fn parts<'a>(
    platform: &Platform,
    address: &str,
    encoder: &EncoderManifest,
    parts: impl Iterator<Item = &'a Part>,
) -> Result<(Uint8Array, std::vec::IntoIter<Vec<u8>>), JsValue> {
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
    files.extend(parts.map(|part| file(&part.file, part.bytes, &part.sha256)));
    let files = serde_json::Value::from(files).to_string();
    let mut files = downloaded(platform.download(address, &files)).await?.into_iter();
    let encoder = files.next().unwrap_or_default();
    let parts: Vec<_> = files.map(|part| part.to_vec()).collect();
    Ok((encoder, parts.into_iter()))
}

fn missing() -> std::io::Error {
    std::io::Error::from(std::io::ErrorKind::NotFound)
}

fn of_index(error: ReadError) -> JsValue {
    js_error("index-unusable", error)
}
