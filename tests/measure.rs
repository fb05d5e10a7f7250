//! Measures the committed models on the sample images and compares with the figures on their card.
//!
//! It takes minutes, so `cargo test` leaves it out: `./build.sh measure` runs it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "native/serving.rs"]
mod serving;

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use serving::serve;

/// Between machines the last bits of a convolution differ, and with them a few pixels.
const IOU_TOLERANCE: f64 = 0.005;
/// The result of a mask between two things changes with those pixels.
const LINKED_TOLERANCE: f64 = 0.02;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const SAMPLES: [&str; 4] =
    ["--annotations", "www/samples/annotations.json", "--images", "www/samples/images"];

/// The line of the models' card that contains these words.
fn line_with(words: &str) -> String {
    let card = std::fs::read_to_string(format!("{ROOT}/www/models/README.md")).unwrap();
    card.lines()
        .find(|line| line.contains(words))
        .unwrap_or_else(|| panic!("the card has no line with {words:?}"))
        .into()
}

/// The numbers of a line, those after a digit or point of a word aside.
fn numbers(line: &str) -> Vec<f64> {
    let words = line.split(|c: char| !c.is_ascii_digit() && c != '.').map(|word| word.trim_matches('.'));
    words.filter(|word| !word.is_empty()).map(|word| word.parse().unwrap()).collect()
}

/// The JSON that a command of `masklink` ends with.
fn last_line(arguments: &[&str]) -> Value {
    let output =
        Command::new(env!("CARGO_BIN_EXE_masklink")).current_dir(ROOT).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(String::from_utf8(output.stdout).unwrap().lines().last().unwrap()).unwrap()
}

#[test]
fn click_model_reaches_the_figures_of_its_card() {
    let line = line_with("masks of the sample world, those of its train images included");
    let [masks, stated @ ..] = &numbers(&line)[..] else { panic!("{line}") };
    assert_eq!(stated.len(), 3, "{line}");
    let report = last_line(&[&["eval", "segment"], &SAMPLES[..], &["--clicks", "5", "--json"]].concat());
    assert_eq!(report["n"].as_f64(), Some(*masks));
    for (clicks, stated) in [1, 3, 5].into_iter().zip(stated) {
        let measured = report["miou"][clicks - 1].as_f64().unwrap();
        println!("mean IoU after {clicks} clicks: {measured:.3}, the card says {stated}");
        assert!(
            (measured - stated).abs() < IOU_TOLERANCE,
            "after {clicks} clicks {measured}, the card says {stated}"
        );
    }
}

#[test]
fn region_encoder_reaches_the_figures_of_its_card() {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("index");
    let splits = ["--split", "entity_train_seen", "--split", "query_train_seen"];
    let built = Command::new(env!("CARGO_BIN_EXE_masklink"))
        .current_dir(ROOT)
        .arg("index")
        .args(SAMPLES)
        .args(splits)
        .args(["--prototypes", "www/models/kinds.jsonl", "--calibration", "www/models/link-calibration.json"])
        .args(["--encoder".as_ref(), Path::new("www/models/link-encoder.json"), "-o".as_ref(), &index])
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));

    let index = index.to_str().unwrap();
    let serving = serve(&["--index".as_ref(), index.as_ref()]);
    let test = ["entity_test_seen", "query_test_seen", "entity_test_unseen", "query_test_unseen"];
    let asked =
        ["eval", "link", "--json", "--token", "secret", "--endpoint", &serving.address, "--index", index];
    for (row, click) in [("| exact |", &[][..]), ("| one click of", &["--click"])] {
        let line = line_with(row);
        let stated = numbers(&line);
        let splits = test.map(|split| ["--split", split]);
        let report = last_line(&[&asked, &SAMPLES[..], splits.as_flattened(), click].concat());
        let unknown = &report["unknown"];
        let measured = [
            &unknown["indexed"]["n"],
            &unknown["indexed"]["top1"],
            &unknown["indexed"]["top5"],
            &unknown["false_alarms"],
            &unknown["not_indexed"],
            &unknown["found"],
        ];
        assert_eq!(stated.len(), measured.len(), "{line}");
        println!("the card says {line}, measured: {unknown}");
        // One of the few unknown things more or less.
        let one_of_few = 1.01 / measured[4].as_f64().unwrap();
        let tolerances = [0.0, LINKED_TOLERANCE, LINKED_TOLERANCE, LINKED_TOLERANCE, 0.0, one_of_few];
        for ((stated, measured), tolerance) in stated.iter().zip(measured).zip(tolerances) {
            let measured = measured.as_f64().unwrap();
            assert!((measured - stated).abs() <= tolerance, "the card says {line}, measured is {report}");
        }
    }
}
