//! The explorer for JavaScript: opens local files, packs and sidecars, and lists what is in them.
//! It runs in a worker.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use futures_util::future::{FutureExt as _, LocalBoxFuture};
use futures_util::stream::{FuturesUnordered, TryStreamExt as _};
use js_sys::{Function, Uint8Array, Uint32Array};
use serde::Serialize;
use serde_json::value::to_value;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, Url};

use super::error::{from_json, js_error, message_of, to_json};
use super::worker_fetch::WorkerFetch;
use crate::dataset::ReadLimits;
use crate::dataset::catalog::http::{HostLimit, HttpStorage, RemoteFile};
use crate::dataset::catalog::{
    Catalog, CatalogError, CatalogScan, Facets, Header, Input, ItemPage as Page, ORIGINAL, ProblemCount,
    RawRecord, Storage, StorageError, measure_rows,
};
use crate::dataset::pack::manifest::{MANIFEST, Manifest};

/// Name of a catalog's own file in a storage.
const CATALOG: &str = "catalog";
/// Bytes of a local file that are read at once.
const CHUNK_BYTES: f64 = 4.0 * 1024.0 * 1024.0;
/// Maximum number of batches that other workers measure at a time; each has about a MiB.
const MAX_UNDER_WAY: usize = 12;
/// Maximum bytes of an annotation file that is downloaded whole.
const MAX_DOWNLOAD_BYTES: u64 = 512 << 20;
/// Maximum bytes of a manifest.
const MAX_MANIFEST_BYTES: u64 = 64 << 20;

/// A dataset that is open for browsing: a local file, a pack, or a published file with its sidecar.
#[wasm_bindgen]
pub struct Explorer {
    catalog: Catalog<Files>,
    kind: SourceKind,
    name: String,
    bytes: u64,
    images: Option<String>,
    thumbnails: bool,
    /// Prefix of the paths of thumbnails.
    base: String,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "kebab-case")]
enum SourceKind {
    File,
    Pack,
    Published,
}

/// The files of a catalog.
enum Files {
    /// Files in memory and local files, by their names.
    Local { memory: BTreeMap<String, Vec<u8>>, blobs: BTreeMap<String, Blob> },
    /// Files on hosts.
    Remote(HttpStorage<WorkerFetch>),
}

/// Counts and facts of a whole dataset, as JSON.
#[derive(Serialize)]
struct Overview<'a> {
    source: SourceKind,
    name: &'a str,
    bytes: u64,
    annotations: u32,
    images: u64,
    entities: u32,
    splits: &'a [String],
    facets: Facets,
    problems: &'a [ProblemCount],
    cannot: Vec<Cannot>,
    images_at: Option<&'a str>,
    thumbnails: bool,
    similar: bool,
    base: &'a str,
    provenance: &'a [Input],
}

/// Something that a source or its host cannot do.
#[derive(Serialize)]
struct Cannot {
    what: &'static str,
    why: &'static str,
}

#[wasm_bindgen]
impl Explorer {
    /// Reads a local annotation file of any length in one pass. `progress(bytes, total, annotations, phase)`
    /// is called after each chunk; once `isCancelled()` returns true, the error has the code `cancelled`.
    /// `measure(first, json, lengths)`, which may be `undefined`, runs
    /// [`measure_batch`](Self::measure_batch) in another worker.
    #[wasm_bindgen(js_name = openFile)]
    pub async fn open_file(
        file: Blob,
        measure: JsValue,
        progress: Function,
        is_cancelled: Function,
    ) -> Result<Self, JsValue> {
        let name = name_of(&file);
        Self::read_file(file, name, &measure, &progress, &is_cancelled).await
    }

    /// Measures the annotations of a batch for a worker that scans a file; returns the rows as JSON. `first`
    /// is the number of the first annotation, `json` has their objects one after the other, `lengths` the
    /// length of each.
    #[wasm_bindgen(js_name = measureBatch)]
    pub fn measure_batch(first: f64, json: &[u8], lengths: &[u32]) -> Result<String, JsValue> {
        to_json(&measure_rows(first as u64, json, lengths, &ReadLimits::default()))
    }

    async fn read_file(
        file: Blob,
        name: String,
        measure: &JsValue,
        progress: &Function,
        is_cancelled: &Function,
    ) -> Result<Self, JsValue> {
        let catalog = scan(&file, measure, progress, is_cancelled).await?;
        let memory = [(CATALOG.to_owned(), catalog)].into();
        let blobs = [(ORIGINAL.to_owned(), file.clone())].into();
        Self::of_file(Files::Local { memory, blobs }, name, file.size() as u64).await
    }

    /// Opens a local annotation file with its catalog, which an earlier visit stored.
    #[wasm_bindgen(js_name = openIndexed)]
    pub async fn open_indexed(file: Blob, catalog: Blob) -> Result<Self, JsValue> {
        let (name, bytes) = (name_of(&file), file.size() as u64);
        let blobs = [(CATALOG.to_owned(), catalog), (ORIGINAL.to_owned(), file)].into();
        Self::of_file(Files::Local { memory: BTreeMap::new(), blobs }, name, bytes).await
    }

    async fn of_file(files: Files, name: String, bytes: u64) -> Result<Self, JsValue> {
        let catalog = Catalog::open(CATALOG, files).await.map_err(|error| of_catalog(&error))?;
        Ok(Self {
            catalog,
            kind: SourceKind::File,
            name,
            bytes,
            images: None,
            thumbnails: false,
            base: String::new(),
        })
    }

    /// Opens a pack by the address of its folder or manifest, a sidecar (`*.masklink`), or an annotation
    /// file, which is downloaded.
    #[wasm_bindgen(js_name = openUrl)]
    pub async fn open_url(url: String, progress: Function, is_cancelled: Function) -> Result<Self, JsValue> {
        let path = url.split(['?', '#']).next().unwrap_or_default();
        if path.ends_with('/') || path.ends_with(MANIFEST) {
            return Self::open_pack(path.strip_suffix(MANIFEST).unwrap_or(path)).await;
        }
        if path.ends_with(".masklink") {
            return Self::open_sidecar(&url).await;
        }
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        let files = HttpStorage::new(WorkerFetch, listed(&[(ORIGINAL, &url, None)]));
        let bytes =
            files.read_whole(ORIGINAL, MAX_DOWNLOAD_BYTES).await.map_err(|error| of_storage(&error))?;
        let pieces = js_sys::Array::of1(&Uint8Array::from(bytes.as_slice()));
        drop((bytes, files));
        let file = Blob::new_with_u8_array_sequence(&pieces)?;
        Self::read_file(file, name, &JsValue::UNDEFINED, &progress, &is_cancelled).await
    }

    async fn open_pack(base: &str) -> Result<Self, JsValue> {
        let mut files = HttpStorage::new(WorkerFetch, HashMap::new()).with_base(base);
        let json =
            files.read_whole(MANIFEST, MAX_MANIFEST_BYTES).await.map_err(|error| of_storage(&error))?;
        let mut manifest = Manifest::parse(&json).map_err(|error| js_error("manifest", error))?;
        let bytes = manifest.files.iter().fold(0, |sum: u64, file| sum.saturating_add(file.bytes));
        files.extend(manifest.files.drain(..).map(|file| {
            let remote = RemoteFile { url: format!("{base}{}", file.file), bytes: Some(file.bytes) };
            (file.file, remote)
        }));
        let Manifest { title, images, thumbnails, catalog, .. } = manifest;
        let catalog = Catalog::new(catalog, Files::Remote(files)).map_err(|error| of_catalog(&error))?;
        let (kind, base) = (SourceKind::Pack, base.to_owned());
        Ok(Self { catalog, kind, name: title, bytes, images, thumbnails, base })
    }

    async fn open_sidecar(url: &str) -> Result<Self, JsValue> {
        let files = HttpStorage::new(WorkerFetch, listed(&[(CATALOG, url, None)]));
        let catalog =
            Catalog::open(CATALOG, Files::Remote(files)).await.map_err(|error| of_catalog(&error))?;
        let header: &Header = catalog.header();
        let [input] = header.inputs.as_slice() else {
            return Err(js_error("sidecar", "the sidecar does not tell where its annotation file is"));
        };
        let original = Url::new_with_base(&input.file, url)?.href();
        let (name, bytes) = (original.rsplit('/').next().unwrap_or_default().to_owned(), input.bytes);
        let files = HttpStorage::new(
            WorkerFetch,
            listed(&[(CATALOG, url, None), (ORIGINAL, &original, Some(bytes))]),
        );
        let catalog =
            Catalog::open(CATALOG, Files::Remote(files)).await.map_err(|error| of_catalog(&error))?;
        let kind = SourceKind::Published;
        Ok(Self { catalog, kind, name, bytes, images: None, thumbnails: false, base: String::new() })
    }

    /// Returns the bytes of a local file's catalog, to be stored for `openIndexed`; `undefined` for others.
    #[wasm_bindgen(js_name = storedCatalog)]
    pub fn stored_catalog(&self) -> Option<Uint8Array> {
        match self.catalog.storage() {
            Files::Local { memory, .. } => {
                memory.get(CATALOG).map(|bytes| Uint8Array::from(bytes.as_slice()))
            }
            Files::Remote(_) => None,
        }
    }

    /// Returns the counts and facts of the whole dataset as JSON, `Overview` in
    /// `www/explorer/types.d.ts`.
    pub fn overview(&self) -> Result<String, JsValue> {
        let header = self.catalog.header();
        to_json(&Overview {
            source: self.kind,
            name: &self.name,
            bytes: self.bytes,
            annotations: header.annotations,
            images: header.images,
            entities: header.entities,
            splits: &header.splits,
            facets: self.catalog.facets(),
            problems: &header.problems,
            cannot: self.cannot_do(),
            images_at: self.images.as_deref(),
            thumbnails: self.thumbnails,
            similar: self.catalog.has_neighbors(),
            base: &self.base,
            provenance: &header.inputs,
        })
    }

    /// Returns JSON `[{what, why}]`: everything that the source's hosts were found unable to do so far.
    pub fn cannot(&self) -> Result<String, JsValue> {
        to_json(&self.cannot_do())
    }

    fn cannot_do(&self) -> Vec<Cannot> {
        match self.catalog.storage() {
            Files::Local { .. } => Vec::new(),
            Files::Remote(files) => {
                let messages = files.limits().into_iter().map(HostLimit::message);
                messages.map(|(what, why)| Cannot { what, why }).collect()
            }
        }
    }

    /// Returns JSON `[{qid, title, annotations, typo}]`: at most `count` entities whose id is `text`, or
    /// whose names have its words; those with most annotations for an empty text.
    pub async fn entities(&self, text: String, count: u32) -> Result<String, JsValue> {
        let hits = self.catalog.entities(&text, count as usize).await.map_err(|error| of_catalog(&error))?;
        to_json(&hits)
    }

    /// Selects annotations by a filter, JSON; returns JSON `{annotations, facets}`.
    pub async fn select(&self, filter: String) -> Result<String, JsValue> {
        let filter = from_json(&filter)?;
        let selection = self.catalog.select(&filter).await.map_err(|error| of_catalog(&error))?;
        to_json(&selection)
    }

    /// Returns at most `count` of the selected annotations, from position `start` on.
    pub async fn page(&self, start: f64, count: u32) -> Result<ItemPage, JsValue> {
        let rows = self.catalog.rows(start as u64, count).await.map_err(|error| of_catalog(&error))?;
        self.of_rows(&rows).await
    }

    /// Returns the position of a row among the selected annotations; `undefined` if it is not selected.
    pub async fn position(&self, row: u32) -> Result<Option<f64>, JsValue> {
        let position = self.catalog.position(row).await.map_err(|error| of_catalog(&error))?;
        Ok(position.map(|position| position as f64))
    }

    /// Returns annotations by their rows.
    pub async fn items(&self, rows: Vec<u32>) -> Result<ItemPage, JsValue> {
        self.of_rows(&rows).await
    }

    async fn of_rows(&self, rows: &[u32]) -> Result<ItemPage, JsValue> {
        Ok(ItemPage(self.catalog.items(rows).await.map_err(|error| of_catalog(&error))?))
    }

    /// Returns the annotation with an id, or those of the image with that id; none if there is neither.
    pub async fn find(&self, id: String) -> Result<ItemPage, JsValue> {
        match self.catalog.find(&id).await.map_err(|error| of_catalog(&error))? {
            Some(record) => of_records(vec![record]),
            None => self.image_items(id).await,
        }
    }

    /// Returns all annotations of an image.
    #[wasm_bindgen(js_name = imageItems)]
    pub async fn image_items(&self, image: String) -> Result<ItemPage, JsValue> {
        of_records(self.catalog.of_image(&image).await.map_err(|error| of_catalog(&error))?)
    }

    /// Returns the annotations of other images whose vectors are nearest to that of a row, nearest first.
    pub async fn similar(&self, row: u32) -> Result<ItemPage, JsValue> {
        let rows = self.catalog.neighbors(row).await.map_err(|error| of_catalog(&error))?;
        self.of_rows(&rows).await
    }

    /// Returns a row as JSON `{annotation, image, category}`, in the published form.
    pub async fn record(&self, row: u32) -> Result<String, JsValue> {
        let records = self.catalog.records(&[row]).await.map_err(|error| of_catalog(&error))?;
        let record = records.into_iter().next().ok_or_else(|| js_error("row", "there is no such row"))?;
        let annotation: serde_json::Value = from_bytes(&record.annotation)?;
        let image = record.image.as_deref().map(from_bytes).transpose()?;
        let category = to_value(BTreeMap::from([
            ("id", annotation["category_id"].clone()),
            ("name", record.title.into()),
        ]));
        let category = category.map_err(|error| js_error("json", error))?;
        to_json(&BTreeMap::from([
            ("annotation", annotation),
            ("image", image.unwrap_or_default()),
            ("category", category),
        ]))
    }
}

/// Some annotations with their masks.
#[wasm_bindgen]
pub struct ItemPage(Page);

#[wasm_bindgen]
impl ItemPage {
    /// Returns a JSON list of items; `www/explorer/types.d.ts` has their type.
    pub fn items(&self) -> Result<String, JsValue> {
        to_json(&self.0.items)
    }

    /// Returns a copy of the run boundaries of all masks; each item has its range.
    pub fn boundaries(&self) -> Uint32Array {
        Uint32Array::from(self.0.boundaries.as_slice())
    }
}

fn of_records(records: Vec<RawRecord>) -> Result<ItemPage, JsValue> {
    Ok(ItemPage(Page::of_records(records).map_err(|error| of_catalog(&error))?))
}

fn from_bytes(json: &[u8]) -> Result<serde_json::Value, JsValue> {
    serde_json::from_slice(json).map_err(|error| js_error("json", error))
}

/// Scans a file and returns the bytes of its catalog. Batches of annotations are measured by
/// `measure(first, json, lengths)`, as [`Explorer::measure_batch`] does it, or here where it is `undefined`.
async fn scan(
    file: &Blob,
    measure: &JsValue,
    progress: &Function,
    is_cancelled: &Function,
) -> Result<Vec<u8>, JsValue> {
    let mut scan = CatalogScan::new(ReadLimits::default());
    let mut measuring = Measuring { measure: measure.dyn_ref(), under_way: FuturesUnordered::new() };
    let total = file.size();
    let read = |at: f64| slice_of(file, at..total.min(at + CHUNK_BYTES));
    let mut next = (total > 0.0).then(|| read(0.0)).transpose()?;
    let mut at = 0.0;
    while let Some(chunk) = next.take() {
        let chunk =
            JsFuture::from(chunk).await.map_err(|error| js_error("broken-off", message_of(&error)))?;
        let chunk = Uint8Array::new(&chunk);
        at += f64::from(chunk.length());
        if at < total {
            // Read while this chunk is scanned.
            next = Some(read(at)?);
        }
        scan.push(&chunk.to_vec());
        measuring.start(&mut scan).await?;
        report(progress, at, total, scan.progress().annotations, "reading")?;
        if is_cancelled.call0(&JsValue::NULL)?.is_truthy() {
            return Err(js_error("cancelled", "Opening the file was cancelled."));
        }
    }
    report(progress, total, total, scan.progress().annotations, "sorting")?;
    measuring.finish(&mut scan).await?;
    let mut catalog = scan.finish().map_err(|error| js_error("json", error))?;
    let not_annotations = catalog.header.problems.iter().find(|problem| problem.code == "not-annotations");
    if let Some(problem) = not_annotations.filter(|_| catalog.header.annotations == 0) {
        return Err(js_error("not-annotations", problem.examples.join("; ")));
    }
    catalog.header.inputs = vec![Input { file: String::new(), bytes: total as u64, sha256: None }];
    catalog.to_file().map_err(|error| js_error("json", error))
}

/// Batches that are being measured by other workers.
struct Measuring<'a> {
    measure: Option<&'a Function>,
    under_way: FuturesUnordered<LocalBoxFuture<'a, Result<(u64, JsValue), JsValue>>>,
}

impl Measuring<'_> {
    /// Starts to measure the complete batches; waits while too many are under way.
    async fn start(&mut self, scan: &mut CatalogScan) -> Result<(), JsValue> {
        let Some(measure) = self.measure else {
            scan.measure_complete();
            return Ok(());
        };
        while let Some(batch) = scan.take_batch() {
            let (first, lengths) = (batch.first(), Uint32Array::from(batch.lengths()));
            let json = Uint8Array::from(batch.json());
            let promise =
                measure.call3(&JsValue::NULL, &(first as f64).into(), &json.into(), &lengths.into())?;
            let promise = promise.dyn_into::<js_sys::Promise>()?;
            self.under_way.push(async move { Ok((first, JsFuture::from(promise).await?)) }.boxed_local());
            while self.under_way.len() > MAX_UNDER_WAY {
                self.take(scan).await?;
            }
        }
        Ok(())
    }

    async fn finish(&mut self, scan: &mut CatalogScan) -> Result<(), JsValue> {
        while !self.under_way.is_empty() {
            self.take(scan).await?;
        }
        Ok(())
    }

    async fn take(&mut self, scan: &mut CatalogScan) -> Result<(), JsValue> {
        if let Some((first, rows)) = self.under_way.try_next().await? {
            let rows = rows.as_string().unwrap_or_default();
            scan.push_measured(first, from_json(&rows)?);
        }
        Ok(())
    }
}

fn report(
    progress: &Function,
    bytes: f64,
    total: f64,
    annotations: u64,
    phase: &str,
) -> Result<JsValue, JsValue> {
    let arguments =
        js_sys::Array::of4(&bytes.into(), &total.into(), &(annotations as f64).into(), &phase.into());
    progress.apply(&JsValue::NULL, &arguments)
}

/// Returns the name of a file; empty for a blob without one.
fn name_of(file: &Blob) -> String {
    let name = js_sys::Reflect::get(file, &"name".into());
    name.ok().and_then(|name| name.as_string()).unwrap_or_default()
}

fn slice_of(file: &Blob, range: Range<f64>) -> Result<js_sys::Promise, JsValue> {
    Ok(file.slice_with_f64_and_f64(range.start, range.end)?.array_buffer())
}

impl Storage for Files {
    async fn read(&self, file: &str, range: Range<u64>) -> Result<Vec<u8>, StorageError> {
        let (memory, blobs) = match self {
            Self::Remote(files) => return files.read(file, range).await,
            Self::Local { memory, blobs } => (memory, blobs),
        };
        let Some(blob) = blobs.get(file) else { return memory.read(file, range).await };
        let unreadable = |error: &JsValue| StorageError::Unreadable {
            file: "the file".to_owned(),
            reason: format!("{}. Was it changed or moved? Open it again", message_of(error)),
        };
        let promise =
            slice_of(blob, range.start as f64..range.end as f64).map_err(|error| unreadable(&error))?;
        let bytes = JsFuture::from(promise).await.map_err(|error| unreadable(&error))?;
        let bytes = Uint8Array::new(&bytes).to_vec();
        if (bytes.len() as u64) < range.end - range.start {
            let actual = blob.size() as u64;
            return Err(StorageError::TooShort { file: "the file".to_owned(), expected: range.end, actual });
        }
        Ok(bytes)
    }
}

fn listed(files: &[(&str, &str, Option<u64>)]) -> HashMap<String, RemoteFile> {
    let remote = |url: &str, bytes| RemoteFile { url: url.to_owned(), bytes };
    files.iter().map(|&(name, url, bytes)| (name.to_owned(), remote(url, bytes))).collect()
}

fn of_catalog(error: &CatalogError) -> JsValue {
    match error {
        CatalogError::Storage(error) => of_storage(error),
        CatalogError::UnknownEntity { .. } => js_error("unknown-entity", error),
        _ => js_error("catalog", error),
    }
}

fn of_storage(error: &StorageError) -> JsValue {
    let code = match error {
        StorageError::Ranges { .. } => "no-ranges",
        StorageError::TooShort { .. } => "incomplete",
        _ => "unreachable",
    };
    js_error(code, error)
}
