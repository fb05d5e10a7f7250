//! The class `ImageFiles`: finds images among the files of a folder that a person chose.

use wasm_bindgen::prelude::wasm_bindgen;

use crate::dataset;

/// The files of a folder, found by the names that annotation files give them.
///
/// ```js
/// const files = new ImageFiles(chosen.map((file) => file.webkitRelativePath || file.name));
/// const index = files.find('04/crow.jpg', null);
/// ```
#[wasm_bindgen]
pub struct ImageFiles(dataset::ImageFiles);

#[wasm_bindgen]
impl ImageFiles {
    /// Takes relative paths with forward slashes.
    #[wasm_bindgen(constructor)]
    pub fn new(paths: Vec<String>) -> Self {
        Self(dataset::ImageFiles::new(paths))
    }

    /// Returns the index of the file of an image, by the path or else the URL that its record has;
    /// `undefined` if there is none, or several may be meant.
    #[expect(clippy::needless_pass_by_value, reason = "wasm-bindgen passes optional strings by value")]
    pub fn find(&self, file: Option<String>, url: Option<String>) -> Option<usize> {
        self.0.find_image(file.as_deref(), url.as_deref())
    }
}
