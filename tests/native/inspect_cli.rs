//! `masklink inspect` as a process: its report and its exit status.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::shared_data::shared_data;

fn inspect(annotations: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_masklink"));
    command.arg("inspect").arg("--annotations").arg(annotations).args(args).output().unwrap()
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn findings_and_image_files_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let images = folder.path().join("images");
    fs::create_dir(&images).unwrap();
    image::RgbImage::new(5, 3).save(images.join("other.png")).unwrap();
    image::RgbImage::new(4, 3).save(images.join("right.png")).unwrap();
    fs::write(images.join("broken.png"), b"no image").unwrap();
    let image = |n: usize, name: &str| format!(r#"{{"id":{n},"file_name":"/{name}","width":4,"height":3}}"#);
    let names = ["other.png", "right.png", "broken.png", "gone.png", "../secret.png"];
    let mut records: Vec<_> = names.iter().enumerate().map(|(n, name)| image(n, name)).collect();
    records.push(r#"{"id":5,"width":4,"height":3}"#.to_owned());
    let annotations: Vec<_> = (0..4)
        .map(|n| {
            let mask = r#"{"size":[3,4],"counts":[3,99]}"#;
            format!(r#"{{"id":{n},"image_id":{n},"category_id":"Q9","segmentation":{mask}}}"#)
        })
        .collect();
    let file = folder.path().join("annotations.json");
    let json = format!(r#"{{"images":[{}],"annotations":[{}]}}"#, records.join(","), annotations.join(","));
    fs::write(&file, &json).unwrap();

    let images = images.to_str().unwrap();
    let output = inspect(&file, &["--images", images, "--json", "--findings", "1"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let found = report(&output);
    assert_eq!(found["bytes"], json!(json.len()));
    assert_eq!((&found["images"]["count"], &found["annotations"]["count"]), (&json!(6), &json!(4)));
    assert_eq!(found["images"]["without_annotations"], json!(2));
    let files = &found["files"];
    let counts: Vec<_> =
        ["present", "missing", "unreadable", "other_size", "unnamed"].map(|key| &files[key]).to_vec();
    assert_eq!(counts, [&json!(3), &json!(2), &json!(1), &json!(1), &json!(1)]);
    // Of a name that leads out of the folder the last step is looked for inside; one example is asked for.
    assert_eq!(files["missing_examples"], json!(["gone.png"]));
    assert_eq!(files["other_size_examples"], json!(["other.png: 5x3, listed as 4x3"]));
    assert_eq!(found["findings"]["bad-mask"]["count"], json!(4));
    assert_eq!(found["findings"]["bad-mask"]["examples"].as_array().unwrap().len(), 1);
    assert_eq!(found["findings"]["unknown-category"]["count"], json!(4));
    assert_eq!(found["findings"]["unsafe-path"]["examples"][0]["id"], "4");

    let strict = inspect(&file, &["--strict"]);
    assert_eq!(strict.status.code(), Some(1));
    let text = String::from_utf8(strict.stdout).unwrap();
    assert!(text.contains("bad-mask") && text.contains("annotation 0: segmentation[0]: the runs"), "{text}");
}

#[test]
fn unreadable_input_and_wrong_usage_set_the_exit_status() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    fs::write(&page, "<html>").unwrap();
    assert_eq!(inspect(&page, &[]).status.code(), Some(1), "not an annotation file");
    assert_eq!(inspect(&folder.path().join("gone.json"), &[]).status.code(), Some(1), "missing file");
    assert_eq!(inspect(&page, &["--images", "/nowhere/at/all"]).status.code(), Some(1), "missing folder");
    assert_eq!(inspect(&page, &["--colour"]).status.code(), Some(2), "unknown option");
}

#[test]
fn file_of_empty_sections_is_valid() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("empty.json");
    fs::write(&file, r#"{"images":[],"annotations":[],"categories":[]}"#).unwrap();
    let output = inspect(&file, &["--strict"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    fs::write(&file, r#"{"images":["#).unwrap();
    assert_eq!(inspect(&file, &[]).status.code(), Some(1), "truncated before the first record");
}

#[test]
fn number_of_examples_is_unlimited() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("annotations.json");
    let annotations: Vec<_> =
        (0..200).map(|n| format!(r#"{{"id":"{n:032}","image_id":0,"category_id":"Q{}"}}"#, n + 1)).collect();
    let images = r#"[{"id":0,"file_name":"a.jpg","width":4,"height":3}]"#;
    let categories = r#"[{"id":"Q1","name":"universe"}]"#;
    let json = format!(
        r#"{{"images":{images},"categories":{categories},"annotations":[{}]}}"#,
        annotations.join(",")
    );
    fs::write(&file, json).unwrap();
    let found = report(&inspect(&file, &["--json", "--findings", &u64::MAX.to_string()]));
    assert_eq!(found["findings"]["limit"], Value::Null);
    assert_eq!(found["findings"]["unknown-category"]["examples"].as_array().unwrap().len(), 199);
    assert_eq!(found["categories"]["used"], json!(1), "categories that the file lists");
}

#[test]
fn problems_of_a_file_are_counted_beyond_those_kept() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("annotations.json");
    fs::write(&file, format!(r#"{{"annotations":[{}]}}"#, vec![r#"{"id":}"#; 30_000].join(","))).unwrap();
    assert_eq!(report(&inspect(&file, &["--json"]))["findings"]["malformed"]["count"], json!(30_000));
}

#[test]
fn closed_output_ends_without_a_message() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("annotations.json");
    fs::write(&file, r#"{"images":[{"id":1}],"annotations":[],"categories":[]}"#).unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(env!("CARGO_BIN_EXE_masklink"));
    let output = command.arg("inspect").arg("--annotations").arg(&file).stdout(writer).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn published_files_have_no_findings() {
    for (kind, image_count, annotations) in
        [("plvel_example", 1, 1), ("coco_plvel", 160, 160), ("clicktrain", 1852, 10_950)]
    {
        let Some(folder) = shared_data(kind) else { continue };
        let images = folder.join("images");
        let output = inspect(
            &folder.join("annotations.json"),
            &["--json", "--strict", "--images", images.to_str().unwrap()],
        );
        assert_eq!(output.status.code(), Some(0), "{kind}: {}", String::from_utf8_lossy(&output.stderr));
        let found = report(&output);
        assert_eq!(found["annotations"]["count"], json!(annotations), "{kind}");
        assert_eq!(found["files"]["present"], json!(image_count), "{kind}");
        assert_eq!(found["findings"], json!({}), "{kind}");
    }
}

#[test]
fn image_format_is_detected_by_content() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("a.jpg");
    image::RgbImage::new(4, 3).save_with_format(&image, image::ImageFormat::Png).unwrap();
    let file = folder.path().join("annotations.json");
    fs::write(&file, r#"{"images":[{"id":1,"file_name":"a.jpg","width":4,"height":3}],"annotations":[]}"#)
        .unwrap();
    let output = inspect(&file, &["--images", folder.path().to_str().unwrap(), "--json", "--strict"]);
    let found = report(&output);
    assert_eq!(output.status.code(), Some(0), "{found}");
    assert_eq!((&found["files"]["present"], &found["files"]["unreadable"]), (&json!(1), &json!(0)));

    fs::remove_file(image).unwrap();
    let output = inspect(&file, &["--images", folder.path().to_str().unwrap(), "--strict"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.code() == Some(1) && !text.contains("no findings"), "{text}");
}

/// Makes a file of ten annotations.
fn ten_annotations() -> String {
    let mask = r#""segmentation":{"size":[3,4],"counts":[3,6,3]}"#;
    let annotations: Vec<_> =
        (0..10).map(|n| format!(r#"{{"id":{n},"image_id":1,"category_id":1,{mask}}}"#)).collect();
    let image = r#"{"id":1,"file_name":"a.png","width":4,"height":3}"#;
    format!(
        r#"{{"images":[{image}],"categories":[{{"id":1,"name":"x"}}],"annotations":[{}]}}"#,
        annotations.join(",")
    )
}

#[test]
fn truncated_file_fails_in_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("annotations.json");
    let json = ten_annotations();
    let path = file.to_str().unwrap();
    let (images, nowhere) = (folder.path().to_str().unwrap(), "http://127.0.0.1:9");
    let commands = [
        vec!["inspect", "--annotations", path],
        vec!["index", "--annotations", path, "--images", images, "--encoder", "no.json", "--output", "no"],
        vec!["eval", "link", "--annotations", path, "--images", images, "--endpoint", nowhere],
        vec!["eval", "segment", "--annotations", path, "--images", images],
    ];
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_masklink")).args(arguments).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    // Cut in a record, between records, and after the list.
    for end in [json.len() / 2, json.rfind(",{").unwrap() + 1, json.len() - 1] {
        fs::write(&file, &json[..end]).unwrap();
        for command in &commands {
            let (status, errors) = run(command);
            let expected = if command[0] == "inspect" { "only the records of" } else { "is cut off" };
            assert!(status == Some(1) && errors.contains(expected), "{command:?}: {status:?} {errors}");
            if command[0] != "inspect" {
                let (_, errors) = run(&[&command[..], &["--allow-truncated"]].concat());
                assert!(!errors.contains("fetch the file again"), "{command:?}: {errors}");
                assert!(errors.contains("records are used"), "{command:?}: {errors}");
            }
        }
    }
    fs::write(&file, &json).unwrap();
    assert_eq!(run(&commands[0]).0, Some(0), "whole");
}

#[test]
fn records_that_cannot_be_read_are_counted_by_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("annotations.json");
    fs::write(&file, ten_annotations().replace("[{\"id\":0,", "[{\"id\":},{\"id\":0 [],")).unwrap();
    let path = file.to_str().unwrap();
    let images = folder.path().to_str().unwrap();
    let arguments =
        ["eval", "link", "--annotations", path, "--images", images, "--endpoint", "http://127.0.0.1:9"];
    let output = Command::new(env!("CARGO_BIN_EXE_masklink")).args(arguments).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("2 records are left out"), "{errors}");
}
