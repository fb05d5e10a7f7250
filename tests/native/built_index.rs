//! Real indexes for the tests of the server: a part of an annotation file's images is indexed, the others are
//! held out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use masklink::cli::backend::IndexBackend;
use masklink::cli::onnx::Runtime;
use masklink::link::search::device::Device;
use serde_json::Value;

/// Numbers of the sample images that [`sampled`] indexes.
const INDEXED: [&str; 4] = ["001", "002", "003", "005"];
/// Numbers of the sample images that [`sampled`] holds out.
const HELD_OUT: [&str; 5] = ["010", "011", "012", "013", "014"];

/// The index in a folder, and the masks of the images that are not in it.
pub(crate) struct Built {
    folder: tempfile::TempDir,
    images: PathBuf,
    pub(crate) held_out: Vec<HeldOut>,
}

/// A held-out mask.
pub(crate) struct HeldOut {
    /// Bytes of the image's file.
    pub(crate) image: Vec<u8>,
    /// `{"size", "counts"}`.
    pub(crate) mask: Value,
    pub(crate) qid: String,
}

/// A mask of an indexed image.
pub(crate) struct Indexed {
    /// Bytes of the image's file.
    pub(crate) image: Vec<u8>,
    /// `{"size", "counts"}`.
    pub(crate) mask: Value,
    /// Ids of all annotations of the image, in whatever copies of its file.
    pub(crate) annotations: Vec<String>,
}

/// Returns the index of a few sample images by the region encoder, built once for all tests.
pub(crate) fn sampled() -> &'static Built {
    static SAMPLED: OnceLock<Built> = OnceLock::new();
    SAMPLED.get_or_init(|| {
        let www = Path::new(env!("CARGO_MANIFEST_DIR")).join("www");
        let file = std::fs::read(www.join("samples/annotations.json")).unwrap();
        let is_indexed = |number: &str| INDEXED.contains(&number);
        let file = part(&serde_json::from_slice(&file).unwrap(), |number| {
            is_indexed(number) || HELD_OUT.contains(&number)
        });
        let images = www.join("samples/images");
        Built::new(&file, images, is_indexed, index_samples)
    })
}

/// Indexes sample images by the region encoder.
pub(crate) fn index_samples(annotations: &Path, output: &Path) {
    let www = Path::new(env!("CARGO_MANIFEST_DIR")).join("www");
    let run = Command::new(env!("CARGO_BIN_EXE_masklink"))
        .arg("index")
        .args([Path::new("--annotations"), annotations, Path::new("--images"), &www.join("samples/images")])
        .args([Path::new("--encoder"), &www.join("models/link-encoder.json")])
        .args([Path::new("--output"), output])
        .args(["--image-url", "samples/{file}"])
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
}

impl Built {
    /// Writes the annotations of both parts of a file, and builds the index by `index`, which gets the
    /// annotation file of the indexed part and the folder to write.
    pub(crate) fn new(
        file: &Value,
        images: PathBuf,
        is_indexed: impl Fn(&str) -> bool,
        index: impl FnOnce(&Path, &Path),
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let held_out = part(file, |number| !is_indexed(number));
        std::fs::write(folder.path().join("held_out.json"), held_out.to_string()).unwrap();
        let indexed = folder.path().join("indexed.json");
        std::fs::write(&indexed, part(file, is_indexed).to_string()).unwrap();
        index(&indexed, &folder.path().join("index"));

        let names: BTreeMap<_, _> = list(&held_out["images"])
            .map(|image| (image["id"].as_str(), image["file_name"].as_str()))
            .collect();
        let held_out = list(&held_out["annotations"]).map(|annotation| {
            let name = names[&annotation["image_id"].as_str()].unwrap().trim_start_matches('/');
            let image = std::fs::read(images.join(name)).unwrap();
            let qid = annotation["category_id"].as_str().unwrap().to_owned();
            HeldOut { image, mask: annotation["segmentation"][0].clone(), qid }
        });
        let held_out = held_out.collect();
        Self { folder, images, held_out }
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().join("index")
    }

    /// Returns the folder of all images.
    pub(crate) fn images(&self) -> &Path {
        &self.images
    }

    /// Returns a copy of the index that a test can change.
    pub(crate) fn copied(&self) -> tempfile::TempDir {
        let copy = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(self.folder()).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
        }
        copy
    }

    /// Returns the path of the annotation file of the held-out images.
    pub(crate) fn held_out_file(&self) -> PathBuf {
        self.folder.path().join("held_out.json")
    }

    /// Returns a mask of each image that is in the index.
    pub(crate) fn indexed(&self) -> Vec<Indexed> {
        let file = std::fs::read(self.folder.path().join("indexed.json")).unwrap();
        let file: Value = serde_json::from_slice(&file).unwrap();
        let one = |image: &Value| {
            let name = image["file_name"].as_str().unwrap().trim_start_matches('/');
            let of_image = |annotation: &&Value| number(&annotation["image_id"]) == number(&image["id"]);
            let annotations: Vec<_> = list(&file["annotations"]).filter(of_image).collect();
            let own = annotations.iter().find(|annotation| annotation["image_id"] == image["id"]).unwrap();
            Indexed {
                image: std::fs::read(self.images.join(name)).unwrap(),
                mask: own["segmentation"][0].clone(),
                annotations: annotations.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect(),
            }
        };
        list(&file["images"]).map(one).collect()
    }

    pub(crate) fn linker(&self) -> IndexBackend {
        IndexBackend::open(&self.folder(), &Runtime::load(None).unwrap(), 0, (None, &Device::Cpu)).unwrap()
    }
}

/// Returns the part of an annotation file whose images have numbers that satisfy `take`.
pub(crate) fn part(file: &Value, take: impl Fn(&str) -> bool) -> Value {
    let mut file = file.clone();
    file["images"].as_array_mut().unwrap().retain(|image| take(number(&image["id"])));
    file["annotations"].as_array_mut().unwrap().retain(|annotation| take(number(&annotation["image_id"])));
    file
}

/// Returns the number of an image, which copies of its file share: `dog07_000000145781` and
/// `cat01_000000145781` are of photograph 000000145781.
pub(crate) fn number(id: &Value) -> &str {
    id.as_str().unwrap().rsplit('_').next().unwrap()
}

pub(crate) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().unwrap().iter()
}
