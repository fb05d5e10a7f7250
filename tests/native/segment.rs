//! Tests the default click model natively, on photographs and annotated objects outside of its training set.

use std::path::Path;
use std::process::Command;

use masklink::cli::decoded_image::DecodedImage;
use masklink::cli::onnx::RuntimeArgs;
use masklink::cli::segmenter::{ModelChoice, Segmenter};
use masklink::geometry::{Point, Size};
use masklink::rle::Mask;
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

/// Of two things of one color that touch, a click on one offers that one among its candidates.
#[test]
fn click_on_one_of_two_things_that_touch_offers_it() {
    let mut segmenter = Segmenter::load(&ModelChoice::from(MANIFEST), &RuntimeArgs::default()).unwrap();
    let (mut offered, mut clicks) = (0, 0);
    for (shape, color) in [
        (Shape::Block, [190, 60, 50]),
        (Shape::Block, [70, 130, 60]),
        (Shape::Disc, [200, 150, 40]),
        (Shape::Disc, [60, 90, 170]),
    ] {
        for seam in [0, 2] {
            let (image, things) = touching(shape, color, seam);
            segmenter.encode(image).unwrap();
            for thing in &things {
                let bounds = thing.bbox().unwrap();
                let [x, y] = [bounds.x + bounds.width / 2, bounds.y + bounds.height / 2].map(f64::from);
                segmenter.restart();
                let mut prompts = Prompts::new();
                prompts.push(click(x, y, true)).unwrap();
                let segmentation = segmenter.click(&prompts).unwrap();
                let ious = segmentation.candidates.iter().map(|one| one.mask.iou(thing, false).unwrap());
                let ious: Vec<_> = ious.collect();
                println!("{shape:?} {color:?} {seam}: {ious:.2?}, best {}", segmentation.best);
                clicks += 1;
                offered += usize::from(ious.iter().any(|&iou| iou > 0.75));
            }
        }
    }
    println!("{offered} of {clicks} clicks offer the thing that was clicked");
    assert!(offered * 2 >= clicks, "{offered} of {clicks}");
}

#[derive(Clone, Copy, Debug)]
enum Shape {
    Block,
    Disc,
}

/// Draws two things side by side on gray, with darker pixels where they touch, and returns their masks.
fn touching(shape: Shape, color: [u8; 3], seam: u32) -> (DecodedImage, [Mask; 2]) {
    let size = Size::new(960, 640);
    let mut image = image::RgbImage::from_fn(size.width, size.height, |x, y| {
        let noise = ((x * 7919 + y * 104_729) % 13) as u8;
        image::Rgb([120 + noise, 122 + noise, 118 + noise])
    });
    let things = [380.0, 580.0].map(|middle: f64| {
        let inside = |x: u32, y: u32| {
            let (dx, dy) = (f64::from(x) + 0.5 - middle, f64::from(y) + 0.5 - 320.0);
            match shape {
                Shape::Block => dx.abs() < 100.0 && dy.abs() < 80.0,
                Shape::Disc => dx * dx + dy * dy < 100.0 * 100.0,
            }
        };
        let pixels = (0..size.height).flat_map(|y| (0..size.width).map(move |x| (x, y)));
        let bitmap: Vec<_> = pixels.clone().map(|(x, y)| u8::from(inside(x, y))).collect();
        for (x, y) in pixels.filter(|&(x, y)| inside(x, y)) {
            let is_seam = x.abs_diff(480) < seam;
            let light = if is_seam { 0.5 } else { 1.0 - 0.25 * (f64::from(y) - 320.0) / 100.0 };
            image.put_pixel(x, y, image::Rgb(color.map(|value| (f64::from(value) * light).min(255.0) as u8)));
        }
        Mask::from_row_major(size, &bitmap).unwrap()
    });
    (DecodedImage::from(image), things)
}
