//! Tests the default click model natively, on photographs and annotated objects outside of its training set.

use std::path::Path;
use std::process::Command;

use masklink::cli::decoded_image::DecodedImage;
use masklink::cli::onnx::RuntimeArgs;
use masklink::cli::segmenter::{ModelChoice, Segmenter};
use masklink::geometry::Point;
use masklink::segment::{Prompt, Prompts};

use crate::shared_data::shared_data;

const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/www/models/models.json");

fn click(x: f64, y: f64, positive: bool) -> Prompt {
    Prompt::Click { point: Point::new(x, y), positive }
}

/// On nearly every photograph the mask covers the clicked pixel, and not nearly all of the image.
#[test]
fn default_model_segments_photographs_by_a_click() {
    let Some(folder) = shared_data("photos") else { return };
    let mut segmenter = Segmenter::load(&ModelChoice::from(MANIFEST), &RuntimeArgs::default()).unwrap();
    let mut seen = 0;
    let mut covering = 0;
    let mut flooding = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "jpg") {
            continue;
        }
        let image = DecodedImage::from(image::open(&path).unwrap().into_rgb8());
        let size = image.size();
        segmenter.encode(image).unwrap();
        for (across, down) in [(0.5, 0.5), (0.35, 0.55), (0.65, 0.55)] {
            let (x, y) = (f64::from(size.width) * across, f64::from(size.height) * down);
            segmenter.restart();
            let mut prompts = Prompts::new();
            prompts.push(click(x, y, true)).unwrap();
            let segmentation = segmenter.click(&prompts).unwrap();
            let mask = segmentation.mask();
            assert_eq!(mask.size(), size);
            seen += 1;
            covering += usize::from(mask.contains(x as u32, y as u32));
            if mask.area() > size.pixels() * 9 / 10 {
                flooding.push(format!("{}: {x},{y}", path.display()));
            }
        }
    }
    assert!(seen >= 39, "only {seen} clicks were tried");
    assert!(covering * 10 >= seen * 9, "{covering} of {seen} masks cover the pixel clicked");
    assert!(flooding.len() * 10 <= seen, "masks that flood the image: {flooding:#?}");
}

/// The mean IoU is higher than trivial masks have and rises with clicks. The model's card has exact figures.
#[test]
fn default_model_improves_with_clicks() {
    let Some(folder) = shared_data("coco_plvel") else { return };
    let line = eval(&folder, &["--clicks", "4", "--limit", "24"]);
    let miou: Vec<f64> = serde_json::from_value(line["miou"].clone()).unwrap();
    assert_eq!(line["n"], 24);
    assert!(miou[0] > 0.3, "{line}");
    assert!(miou[3] > miou[0] + 0.05, "{line}");
}

fn eval(folder: &Path, more: &[&str]) -> serde_json::Value {
    let output = Command::new(env!("CARGO_BIN_EXE_masklink"))
        .args(["eval", "segment", "--json", "--model", MANIFEST, "--annotations"])
        .arg(folder.join("annotations.json"))
        .arg("--images")
        .arg(folder.join("images"))
        .args(more)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}
