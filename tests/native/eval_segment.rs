//! Tests `masklink eval segment` as a program, on images and annotations in a folder.

use std::path::Path;
use std::process::{Command, Output};

use masklink::geometry::Size;
use masklink::rle::Mask;
use serde_json::{Value, json};

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/models/models.json#colour");

/// Writes two rectangles of plain colour on grey, the second in two parts, and their annotations.
fn write_images(folder: &Path) {
    let size = Size::new(320, 200);
    let mut image = image::RgbImage::from_pixel(size.width, size.height, image::Rgb([90, 90, 90]));
    let mut mask_of = |rects: &[(u32, u32, u32, u32)], colour: [u8; 3]| {
        let mut bitmap = vec![0; size.pixels() as usize];
        for &(left, top, width, height) in rects {
            for y in top..top + height {
                for x in left..left + width {
                    image.put_pixel(x, y, image::Rgb(colour));
                    bitmap[(y * size.width + x) as usize] = 1;
                }
            }
        }
        let mask = Mask::from_row_major(size, &bitmap).unwrap();
        json!({ "size": [size.height, size.width], "counts": mask.to_compressed() })
    };
    let red = mask_of(&[(20, 20, 120, 100)], [220, 20, 20]);
    let green = mask_of(&[(200, 20, 80, 60)], [20, 220, 20]);
    let other_green = mask_of(&[(200, 120, 80, 60)], [20, 220, 20]);
    image.save(folder.join("a.png")).unwrap();
    let annotation = |id: &str, image: &str, split: &str, masks: &[&Value]| {
        json!({
            "id": id, "image_id": image, "category_id": "Q1", "segmentation": masks, "data_split": split,
        })
    };
    let annotations = json!({
        "images": [
            { "id": "a", "file_name": "/a.png", "width": 320, "height": 200 },
            { "id": "gone", "file_name": "/gone.png", "width": 320, "height": 200 },
        ],
        "categories": [{ "id": "Q1", "name": "thing" }],
        "annotations": [
            annotation("one", "a", "val_seen", &[&red]),
            annotation("two", "a", "val_unseen", &[&green, &other_green]),
            annotation("three", "gone", "val_seen", &[&red]),
        ],
    });
    std::fs::write(folder.join("annotations.json"), annotations.to_string()).unwrap();
}

fn eval(folder: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_masklink"))
        .args(["eval", "segment", "--json", "--model", MODEL, "--annotations"])
        .arg(folder.join("annotations.json"))
        .arg("--images")
        .arg(folder)
        .args(more)
        .output()
        .unwrap()
}

fn last_line(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(text.lines().last().unwrap_or_default()).unwrap_or_else(|error| {
        panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr));
    })
}

#[test]
fn plain_colours_are_segmented_by_clicks() {
    let folder = tempfile::tempdir().unwrap();
    write_images(folder.path());
    let output = eval(folder.path(), &["--clicks", "3"]);
    assert!(output.status.success());
    let line = last_line(&output);
    assert_eq!((line["n"].as_u64(), line["skipped"].as_u64()), (Some(2), Some(1)));
    let miou: Vec<f64> =
        line["miou"].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect();
    assert_eq!(miou.len(), 3);
    assert!(miou[0] > 0.97, "{miou:?}");
    assert_eq!(line["noc"], json!({ "80": 1.0, "85": 1.0, "90": 1.0 }));
    assert!(String::from_utf8_lossy(&output.stderr).contains("gone.png"));
}

#[test]
fn split_and_limit_select_objects() {
    let folder = tempfile::tempdir().unwrap();
    write_images(folder.path());
    assert_eq!(last_line(&eval(folder.path(), &["--clicks", "1", "--split", "val_unseen"]))["n"], 1);
    let limited = last_line(&eval(folder.path(), &["--clicks", "1", "--limit", "2"]));
    assert_eq!(limited["n"].as_u64().unwrap() + limited["skipped"].as_u64().unwrap(), 2);
}

#[test]
fn failed_work_is_status_1_and_wrong_usage_status_2() {
    let folder = tempfile::tempdir().unwrap();
    write_images(folder.path());
    let nothing = eval(folder.path(), &["--split", "train"]);
    assert_eq!(nothing.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&nothing.stderr).contains("no annotation"));
    assert_eq!(eval(folder.path(), &["--clicks", "0"]).status.code(), Some(2));
}

#[test]
fn masks_of_the_clicks_are_written_to_the_given_file() {
    let folder = tempfile::tempdir().unwrap();
    write_images(folder.path());
    let file = folder.path().join("masks.json");
    let output = eval(folder.path(), &["--clicks", "2", "--masks", file.to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let written: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(written.as_object().unwrap().keys().collect::<Vec<_>>(), ["one", "two"]);
    let annotations: Value =
        serde_json::from_slice(&std::fs::read(folder.path().join("annotations.json")).unwrap()).unwrap();
    let mask_of = |json: &Value| {
        assert_eq!(json["size"], json!([200, 320]));
        Mask::from_compressed(Size::new(320, 200), json["counts"].as_str().unwrap()).unwrap()
    };
    let truth = mask_of(&annotations["annotations"][0]["segmentation"][0]);
    let clicked = mask_of(&written["one"][0]);
    let iou = truth.iou(&clicked, false).unwrap();
    assert!(iou > 0.97, "IoU {iou}");
}
