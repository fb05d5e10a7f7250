//! A real index: everyday things in photographs, one half of the photographs indexed, the other
//! half held out.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::built_index::{Built, list, number, part};
use crate::shared_data::shared_data;

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
    std::fs::write(path, part(&annotations(), take).to_string()).unwrap();
}

fn build() -> Option<Built> {
    let photos = shared_data("coco_plvel")?;
    shared_data("encoders")?;
    let file = annotations();
    // Some photographs come twice, with another object each: by number, so that no photograph is in
    // both halves.
    let numbers: BTreeSet<_> = list(&file["images"]).map(|image| number(&image["id"])).collect();
    let indexed: BTreeSet<_> = numbers.iter().copied().step_by(2).collect();
    let is_indexed = |photo: &str| indexed.contains(photo);
    Some(Built::new(&file, photos.join("images"), is_indexed, |annotations, output| {
        println!("{}", run_index(annotations, output));
    }))
}

fn annotations() -> Value {
    let photos = shared_data("coco_plvel").unwrap();
    serde_json::from_slice(&std::fs::read(photos.join("annotations.json")).unwrap()).unwrap()
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
