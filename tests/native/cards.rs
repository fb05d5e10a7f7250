//! The committed model still does what its card says, on the pictures the project made itself.

use std::process::Command;

/// Between machines the last bits of a convolution differ, and with them a few pixels.
const TOLERANCE: f64 = 0.005;

#[test]
fn the_click_model_does_on_the_samples_what_its_card_says() {
    let root = env!("CARGO_MANIFEST_DIR");
    let card = std::fs::read_to_string(format!("{root}/www/models/README.md")).unwrap();
    let line = card.lines().find(|line| line.contains("On all 372 masks")).expect("the card names the samples");
    let stated: Vec<f64> = line
        .split(|c: char| !c.is_ascii_digit() && c != '.')
        .filter(|word| word.starts_with("0."))
        .map(|word| word.trim_end_matches('.').parse().unwrap())
        .collect();
    assert_eq!(stated.len(), 3, "{line}");

    let output = Command::new(env!("CARGO_BIN_EXE_masklink"))
        .current_dir(root)
        .args(["eval", "segment", "--annotations", "www/samples/annotations.json", "--images", "www/samples/images"])
        .args(["--clicks", "5", "--json"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let answer: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(answer["n"], 372);
    for (clicks, stated) in [1, 3, 5].into_iter().zip(stated) {
        let measured = answer["miou"][clicks - 1].as_f64().unwrap();
        assert!((measured - stated).abs() < TOLERANCE, "after {clicks} clicks {measured}, the card says {stated}");
    }
}
