//! Annotation files for JavaScript: read in chunks, then selected from and paged through. Meant for a worker.

use wasm_bindgen::JsError;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::dataset::{Dataset, DatasetBuilder, Query, QueryMatches, QueryMessage, ReadLimits, ResultPage};

/// Examples kept of each sort of finding in an overview.
const MAX_EXAMPLES: usize = 5;

/// Reads an annotation file chunk by chunk.
///
/// ```js
/// const reader = new AnnotationReader();
/// for await (const chunk of file.stream()) reader.push(chunk);
/// const annotations = reader.finish();
/// ```
#[wasm_bindgen]
pub struct AnnotationReader(DatasetBuilder);

#[wasm_bindgen]
impl AnnotationReader {
    /// A reader at the beginning of a file.
    #[wasm_bindgen(constructor)]
    #[expect(clippy::new_without_default, reason = "JavaScript calls the constructor")]
    pub fn new() -> Self {
        Self(DatasetBuilder::new(ReadLimits::default()))
    }

    /// Takes the next bytes of the file. Answers whether more bytes can change anything.
    pub fn push(&mut self, bytes: &[u8]) -> bool {
        self.0.push(bytes);
        !self.0.is_done()
    }

    /// Bytes taken, and images, categories and annotations met so far.
    pub fn progress(&self) -> Vec<f64> {
        let progress = self.0.progress();
        [progress.bytes, progress.images, progress.categories, progress.annotations]
            .map(|n| n as f64)
            .to_vec()
    }

    /// Ends the file here. Never fails: what is wrong with the file is among its findings. Frees the reader.
    pub fn finish(self) -> AnnotationFile {
        let dataset = self.0.finish();
        let query = Query::default();
        let selection = dataset.select(&query);
        AnnotationFile { dataset, query, selection }
    }
}

/// An annotation file in memory, and what is selected of it: everything at first.
#[wasm_bindgen]
pub struct AnnotationFile {
    dataset: Dataset,
    query: Query,
    selection: QueryMatches,
}

#[wasm_bindgen]
impl AnnotationFile {
    /// JSON `{bytes, images, categories, annotations, splits: [{name, annotations}], findings:
    /// [{code, count, examples}]}`.
    pub fn overview(&self) -> Result<String, JsError> {
        Ok(serde_json::to_string(&self.dataset.overview(MAX_EXAMPLES))?)
    }

    /// JSON `[{id, name, annotations}]`: the categories whose id or name holds a text, the most
    /// frequent first.
    pub fn categories(&self, text: &str, most: u32) -> Result<String, JsError> {
        Ok(serde_json::to_string(&self.dataset.frequent_categories(text, most as usize))?)
    }

    /// Selects by JSON `{category?, split?, finding?, text?, order?: 'file' | 'size' | 'suspicion',
    /// reversed?}`. Answers how many images and how many annotations are selected.
    pub fn select(&mut self, query: &str) -> Result<Vec<f64>, JsError> {
        self.query = serde_json::from_str::<QueryMessage>(query)?.into();
        self.selection = self.dataset.select(&self.query);
        Ok(vec![self.selection.images.len() as f64, self.selection.annotations as f64])
    }

    /// The place of an image in the selection, from 0, by its id; `undefined` where it is not selected.
    #[wasm_bindgen(js_name = placeOf)]
    pub fn place_of(&self, id: &str) -> Option<u32> {
        self.dataset.place_of(&self.selection, id).map(|place| place as u32)
    }

    /// The images of the selection from `start` on.
    pub fn page(&self, start: u32, count: u32) -> Result<AnnotationPage, JsError> {
        AnnotationPage::of(self.dataset.result_page(
            &self.query,
            &self.selection,
            start as usize,
            count as usize,
        )?)
    }

    /// The image that an address means, as `Dataset::image_at` finds it, with all its annotations:
    /// a page of one image, or none.
    #[wasm_bindgen(js_name = imageAt)]
    pub fn image_at(&self, address: &str) -> Result<AnnotationPage, JsError> {
        let page = self
            .dataset
            .image_at(address)
            .map(|index| self.dataset.result_page_of_image(index))
            .transpose()?;
        AnnotationPage::of(page.unwrap_or_default())
    }
}

/// A page of images with their annotations.
#[wasm_bindgen]
pub struct AnnotationPage {
    images: String,
    boundaries: Vec<u32>,
}

impl AnnotationPage {
    fn of(page: ResultPage) -> Result<Self, JsError> {
        Ok(Self { images: serde_json::to_string(&page.images)?, boundaries: page.boundaries })
    }
}

#[wasm_bindgen]
impl AnnotationPage {
    /// JSON, a list of images; see `dataset-client.js` for its type. An annotation's `boundaries:
    /// [from, to]` tells which of the page's boundaries are its mask's.
    pub fn images(&self) -> String {
        self.images.clone()
    }

    /// The run boundaries of all masks, a copy: column-major indices at which a mask's value changes.
    pub fn boundaries(&self) -> js_sys::Uint32Array {
        js_sys::Uint32Array::from(self.boundaries.as_slice())
    }
}
