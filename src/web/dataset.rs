//! Annotation files for JavaScript: read in chunks, then queried and handed out in pages of results.
//! Meant for a worker.

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::error::{from_json, to_json};
use super::rle::of_rle;
use crate::dataset::{
    Dataset, DatasetBuilder, ImageFiles, ImageFrame, ImageRecord, OpenedImage, Query, QueryMatches,
    ReadLimits, ResultPage,
};
use crate::geometry::{Orientation, Size};

/// Maximum number of examples of each finding code in an overview.
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
    /// Creates a reader at the beginning of a file.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self(DatasetBuilder::new(ReadLimits::default()))
    }

    /// Reads the next bytes of the file. Returns false when further bytes would be ignored.
    pub fn push(&mut self, bytes: &[u8]) -> bool {
        self.0.push(bytes);
        !self.0.is_done()
    }

    /// Returns the numbers of bytes, images, categories and annotations read so far, in this order.
    pub fn progress(&self) -> Vec<f64> {
        let progress = self.0.progress();
        [progress.bytes, progress.images, progress.categories, progress.annotations]
            .map(|n| n as f64)
            .to_vec()
    }

    /// Ends the file here and frees the reader. Never fails: the overview lists the problems of the file.
    pub fn finish(self) -> AnnotationFile {
        let dataset = self.0.finish();
        let query = Query::default();
        let matches = dataset.select(&query);
        AnnotationFile { dataset, query, matches }
    }
}

/// An annotation file in memory, with the matches of the last query; at first everything matches.
#[wasm_bindgen]
pub struct AnnotationFile {
    dataset: Dataset,
    query: Query,
    matches: QueryMatches,
}

#[wasm_bindgen]
impl AnnotationFile {
    /// Returns JSON `{bytes, images, categories, annotations, splits: [{name, annotations}],
    /// findings: [{code, count, examples: [{record, id, message}]}]}`.
    pub fn overview(&self) -> Result<String, JsValue> {
        to_json(&self.dataset.overview(MAX_EXAMPLES))
    }

    /// Returns JSON `[{id, name, annotations}]`: at most `limit` categories whose id or name contains
    /// `text`, the most frequent first.
    pub fn categories(&self, text: &str, limit: u32) -> Result<String, JsValue> {
        to_json(&self.dataset.frequent_categories(text, limit as usize))
    }

    /// Runs a query, JSON `{category?, split?, finding?, text?, order?: 'file' | 'size' | 'suspicion',
    /// reversed?}`. Returns the numbers of matching images and annotations, in this order.
    pub fn select(&mut self, query: &str) -> Result<Vec<f64>, JsValue> {
        self.query = from_json(query)?;
        self.matches = self.dataset.select(&self.query);
        Ok(vec![self.matches.images.len() as f64, self.matches.annotations as f64])
    }

    /// Returns the position of an image among the matches, from 0, by its key; `undefined` if it is
    /// not among them.
    #[wasm_bindgen(js_name = placeOf)]
    pub fn place_of(&self, key: &str) -> Option<u32> {
        self.dataset.place_of(&self.matches, key).map(|place| place as u32)
    }

    /// Returns the number of the file's images that are found among the files of a folder, by their
    /// relative paths.
    #[wasm_bindgen(js_name = countFound)]
    pub fn count_found(&self, paths: Vec<String>) -> usize {
        let files = ImageFiles::new(paths);
        let is_found =
            |image: &&ImageRecord| files.find_image(image.file.as_deref(), image.url.as_deref()).is_some();
        self.dataset.images().iter().filter(is_found).count()
    }

    /// Returns at most `count` of the matching images, from position `start` on.
    pub fn page(&self, start: u32, count: u32) -> Result<AnnotationPage, JsValue> {
        let (start, count) = (start as usize, count as usize);
        AnnotationPage::new(
            self.dataset.result_page(&self.query, &self.matches, start, count).map_err(of_rle)?,
        )
    }

    /// Returns the image with this key, with all its annotations, for an opened image: masks from polygons
    /// are drawn on its displayed size, and masks of the image as stored are turned by its EXIF orientation,
    /// 1 to 8. Where sizes do not tell the masks' frame, they are turned if `is_turned`, and the image's
    /// `maskFrame` is `unknown`. A page of one image, or of none.
    #[wasm_bindgen(js_name = imageOpened)]
    pub fn image_opened(
        &self,
        key: &str,
        width: u32,
        height: u32,
        orientation: u8,
        is_turned: bool,
    ) -> Result<AnnotationPage, JsValue> {
        let orientation = Orientation::from_exif(orientation);
        let frame = ImageFrame { displayed: Size::new(width, height), orientation };
        let page = self.dataset.image_of_key(key);
        let opened = OpenedImage { frame, is_turned };
        let page = page.map(|index| self.dataset.result_page_of_opened(index, opened));
        AnnotationPage::new(page.transpose().map_err(of_rle)?.unwrap_or_default())
    }

    /// Returns the image whose path ends like a URL's path, with all its annotations: a page of one
    /// image, or of none. `Dataset::image_at` documents how the image is found.
    #[wasm_bindgen(js_name = imageAt)]
    pub fn image_at(&self, url: &str) -> Result<AnnotationPage, JsValue> {
        let page = self.dataset.image_at(url).map(|index| self.dataset.result_page_of_image(index));
        AnnotationPage::new(page.transpose().map_err(of_rle)?.unwrap_or_default())
    }
}

/// A page of images with their annotations.
#[wasm_bindgen]
pub struct AnnotationPage {
    images: String,
    boundaries: Vec<u32>,
}

impl AnnotationPage {
    fn new(page: ResultPage) -> Result<Self, JsValue> {
        Ok(Self { images: to_json(&page.images)?, boundaries: page.boundaries })
    }
}

#[wasm_bindgen]
impl AnnotationPage {
    /// Returns a JSON list of images; `www/viewer/annotation-file.js` has its type. An annotation's
    /// `boundaries: [from, to]` is the range of its mask in `boundaries()`.
    pub fn images(&self) -> String {
        self.images.clone()
    }

    /// Returns a copy of the run boundaries of all masks: column-major indices at which a mask's
    /// value changes.
    pub fn boundaries(&self) -> js_sys::Uint32Array {
        js_sys::Uint32Array::from(self.boundaries.as_slice())
    }
}
