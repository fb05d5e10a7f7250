//! `masklink rle` as a process: COCO's masks and invalid lines through the binary.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::thread;

use serde_json::{Value, json};

use crate::rle::corpus;

/// Runs the binary on the given lines and returns its output lines; the binary must succeed.
fn measure(args: &[&str], input: String) -> Vec<Value> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_masklink"))
        .arg("rle")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = thread::spawn(move || stdin.write_all(input.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn check_corpus(file: &str, expected: usize) {
    let lines = corpus(file, expected);
    let mut input = String::new();
    for entry in &lines {
        writeln!(input, "{}", entry["in"]).unwrap();
    }
    let outputs = measure(&[], input);
    assert_eq!(outputs.len(), lines.len());
    for (line, (entry, output)) in lines.iter().zip(&outputs).enumerate() {
        for key in ["area", "sha256", "counts"] {
            assert_eq!(output[key], entry["out"][key], "{file}:{} {key}", line + 1);
        }
        for side in 0..4 {
            assert_eq!(
                output["bbox"][side].as_f64(),
                entry["out"]["bbox"][side].as_f64(),
                "{file}:{}",
                line + 1
            );
        }
        assert!(output["components"].as_u64() <= output["runs"].as_u64(), "{file}:{}", line + 1);
    }
}

#[test]
fn compressed_counts_agree_with_pycocotools() {
    check_corpus("coco_strings.jsonl", 734);
}

#[test]
fn polygons_and_crowds_agree_with_pycocotools() {
    check_corpus("coco_polygons_and_crowds.jsonl", 839);
}

#[test]
fn each_form_of_a_mask_is_measured() {
    let lines = [
        json!({"size": [4, 6], "counts": [5, 2, 2, 2, 13]}),
        json!({"size": [4, 6], "polygons": [[1, 1, 3, 1, 3, 3, 1, 3]]}),
        json!({"size": [0, 3], "counts": []}),
    ];
    let outputs = measure(&[], lines.map(|line| line.to_string()).join("\n"));
    let square = json!({
        "area": 4, "bbox": [1, 1, 2, 2], "runs": 2, "components": 1, "counts": "5220;",
        "sha256": "44a2e43efb8093403da7e48c9b0bcc9f1237c22d51e0251a5a9aad20a49fe179",
    });
    let empty = json!({
        "area": 0, "bbox": [0, 0, 0, 0], "runs": 0, "components": 0, "counts": "0",
        "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    });
    assert_eq!(outputs, [square.clone(), square, empty]);
}

#[test]
fn connectivity_option_changes_components() {
    let line = json!({"size": [2, 2], "counts": [0, 1, 2, 1]}).to_string();
    assert_eq!(measure(&[], line.clone())[0]["components"], 2);
    assert_eq!(measure(&["--connectivity", "8"], line)[0]["components"], 1);
}

#[test]
fn invalid_line_gives_an_error_and_the_next_line_is_measured() {
    let valid = r#"{"size":[2,2],"counts":"4"}"#;
    let cases: &[(&str, &str, Option<u64>)] = &[
        ("", "json", Some(0)),
        ("{", "json", Some(0)),
        (r#"{"size":[2,2],"counts":"4"} x"#, "json", Some(28)),
        ("[[[[", "record", Some(1)),
        ("null", "record", Some(3)),
        (r#"{"counts":"4"}"#, "record", Some(13)),
        (r#"{"size":[2,2]}"#, "record", None),
        (r#"{"size":[2,2],"counts":"4","polygons":[]}"#, "record", None),
        (r#"{"size":[2,-2],"counts":"4"}"#, "record", Some(12)),
        (r#"{"size":[2,1e99],"counts":"4"}"#, "record", Some(14)),
        (r#"{"size":[4294967296,1],"counts":"4"}"#, "record", Some(18)),
        (r#"{"size":[4294967295,4294967295],"counts":"4"}"#, "limit", None),
        (r#"{"size":[2,2],"counts":[1,-1,4]}"#, "record", Some(27)),
        (r#"{"size":[2,2],"counts":[1,2]}"#, "coverage", Some(2)),
        (r#"{"size":[2,2],"counts":"1é"}"#, "character", Some(1)),
        (r#"{"size":[2,2],"counts":"1T"}"#, "truncated", Some(1)),
        (r#"{"size":[2,2],"counts":"1PPPPPPP"}"#, "long-number", Some(1)),
        (r#"{"size":[2,2],"counts":"1N"}"#, "run-length", Some(1)),
        (r#"{"size":[2,2],"polygons":[[1,2,3,4]]}"#, "polygon-length", Some(0)),
        (r#"{"size":[2,2],"polygons":[[1,2,3,4,5,1e300]]}"#, "coordinate", Some(5)),
    ];
    let mut input = String::new();
    for (line, ..) in cases {
        write!(input, "{line}\n{valid}\n").unwrap();
    }
    let outputs = measure(&[], input);
    assert_eq!(outputs.len(), cases.len() * 2);
    for ((line, code, at), pair) in cases.iter().zip(outputs.chunks(2)) {
        let error = &pair[0]["error"];
        assert_eq!((&error["code"], &error["at"]), (&json!(code), &json!(at)), "{line}: {error}");
        assert!(error["message"].as_str().is_some_and(|message| message.len() > 10), "{line}: {error}");
        assert_eq!(pair[1]["area"], 0, "{line}");
    }
}
