//! A real index: everyday things in photographs, one half of the photographs indexed, the other
//! half held out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use masklink::cli::backend::IndexBackend;
use masklink::cli::onnx::Runtime;
use masklink::link::search::device::Device;
use serde_json::{Value, json};

use crate::shared_data::shared_data;

/// The index in a folder, and the masks of the photographs that are not in it.
pub(crate) struct Built {
    folder: tempfile::TempDir,
    pub(crate) held_out: Vec<HeldOut>,
}

/// A held-out mask.
pub(crate) struct HeldOut {
    /// Bytes of the photograph's file.
    pub(crate) image: Vec<u8>,
    /// `{"size", "counts"}`.
    pub(crate) mask: Value,
    pub(crate) qid: String,
}

/// A mask of an indexed photograph.
pub(crate) struct Indexed {
    /// Bytes of the photograph's file.
    pub(crate) image: Vec<u8>,
    /// `{"size", "counts"}`.
    pub(crate) mask: Value,
    /// Ids of all annotations of the photograph, in whatever copies of its file.
    pub(crate) annotations: Vec<String>,
}

impl Built {
    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().join("index")
    }

    /// Returns the path of the annotation file of the held-out photographs.
    pub(crate) fn held_out_file(&self) -> PathBuf {
        self.folder.path().join("held_out.json")
    }

    /// Returns a mask of each photograph that is in the index.
    pub(crate) fn indexed(&self) -> Vec<Indexed> {
        let file = std::fs::read(self.folder.path().join("indexed.json")).unwrap();
        let file: Value = serde_json::from_slice(&file).unwrap();
        let images = shared_data("coco_plvel").unwrap().join("images");
        let one = |image: &Value| {
            let name = image["file_name"].as_str().unwrap().trim_start_matches('/');
            let of_photo = |annotation: &&Value| {
                photo_of(annotation["image_id"].as_str().unwrap()) == photo_of(image["id"].as_str().unwrap())
            };
            let annotations: Vec<_> = list(&file["annotations"]).filter(of_photo).collect();
            let own = annotations.iter().find(|annotation| annotation["image_id"] == image["id"]).unwrap();
            Indexed {
                image: std::fs::read(images.join(name)).unwrap(),
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

/// Returns the index, built once for all tests by `masklink index`; `None` where the photographs or
/// the encoder are missing.
pub(crate) fn built() -> Option<&'static Built> {
    static BUILT: OnceLock<Option<Built>> = OnceLock::new();
    BUILT.get_or_init(build).as_ref()
}

/// Runs `masklink index` into a folder and returns its standard output.
pub(crate) fn run_index(annotations: &Path, output: &Path) -> String {
    let run = index_command(annotations, output).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap()
}

/// Returns the command `masklink index` into a folder.
pub(crate) fn index_command(annotations: &Path, output: &Path) -> Command {
    let (photos, encoders) = (shared_data("coco_plvel").unwrap(), shared_data("encoders").unwrap());
    let manifest = annotations.with_file_name("manifest.json");
    std::fs::write(&manifest, manifest_of(&encoders.join("mobilenet_v2_features_7x7.onnx")).to_string())
        .unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_masklink"));
    command
        .arg("index")
        .args([Path::new("--annotations"), annotations, Path::new("--images"), &photos.join("images")])
        .args([Path::new("--encoder"), &manifest, Path::new("--output"), output])
        .args(["--image-url", "samples/{file}"]);
    command
}

/// Writes the part of the annotation file whose photographs satisfy `take`.
pub(crate) fn write_part(path: &Path, take: impl Fn(&str) -> bool) {
    let mut file = annotations();
    let taken = |id: &Value| take(photo_of(id.as_str().unwrap()));
    file["images"].as_array_mut().unwrap().retain(|image| taken(&image["id"]));
    file["annotations"].as_array_mut().unwrap().retain(|annotation| taken(&annotation["image_id"]));
    std::fs::write(path, file.to_string()).unwrap();
}

fn build() -> Option<Built> {
    let photos = shared_data("coco_plvel")?;
    shared_data("encoders")?;
    let file = annotations();
    // Some photographs come twice, with another object each: by number, so that no photograph is in
    // both halves.
    let numbers: BTreeSet<_> =
        list(&file["images"]).map(|image| photo_of(image["id"].as_str().unwrap())).collect();
    let indexed: BTreeSet<_> = numbers.iter().copied().step_by(2).collect();
    let folder = tempfile::tempdir().unwrap();
    let part = folder.path().join("indexed.json");
    write_part(&part, |photo| indexed.contains(photo));
    write_part(&folder.path().join("held_out.json"), |photo| !indexed.contains(photo));
    println!("{}", run_index(&part, &folder.path().join("index")));

    let names: BTreeMap<_, _> =
        list(&file["images"]).map(|image| (image["id"].as_str(), image["file_name"].as_str())).collect();
    let held_out = list(&file["annotations"])
        .filter(|annotation| !indexed.contains(photo_of(annotation["image_id"].as_str().unwrap())));
    let held_out = held_out.map(|annotation| {
        let name = names[&annotation["image_id"].as_str()].unwrap().trim_start_matches('/');
        let image = std::fs::read(photos.join("images").join(name)).unwrap();
        let qid = annotation["category_id"].as_str().unwrap().to_owned();
        HeldOut { image, mask: annotation["segmentation"][0].clone(), qid }
    });
    let held_out = held_out.collect();
    Some(Built { folder, held_out })
}

fn annotations() -> Value {
    let photos = shared_data("coco_plvel").unwrap();
    serde_json::from_slice(&std::fs::read(photos.join("annotations.json")).unwrap()).unwrap()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().unwrap().iter()
}

/// Returns COCO's number of a photograph: `dog07_000000145781` is photograph 000000145781.
fn photo_of(id: &str) -> &str {
    id.rsplit('_').next().unwrap()
}

pub(crate) fn manifest_of(model: &Path) -> Value {
    let sha256 = masklink::link::protocol::sha256_hex(&std::fs::read(model).unwrap());
    json!({
        "id": "mobilenet-v2-7x7", "file": model, "sha256": sha256,
        "input": {"name": "input", "width": 224, "height": 224, "layout": "nhwc",
            "element": "u8", "resize": "stretch"},
        "output": {"name": "MobilenetV2/Logits/AvgPool_prequant__815_DequantizeLinear__982:0",
            "layout": "chw"},
        "views": ["image", "crop"],
    })
}
