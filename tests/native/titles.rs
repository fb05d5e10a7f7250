//! `masklink titles` and `masklink serve --backend vlm` as processes.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn masklink(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_masklink"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("MASKLINK_VLM_KEY")
        .output()
        .unwrap()
}

/// Runs a command that succeeds, and returns what it prints.
fn printed(arguments: &[&str], folder: &Path) -> String {
    let output = masklink(arguments, folder);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn with_titles() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let titles = ["Red fox", "Red panda", "Fox", "Fox", "The fox and the hound"];
    let line =
        |(title, qid): (_, i32)| format!("{{\"wikidata_id\":\"Q{qid}\",\"wikipedia_title\":\"{title}\"}}");
    let lines = titles.iter().zip(1..).map(line).collect::<Vec<_>>().join("\n");
    fs::write(folder.path().join("titles.jsonl"), lines + "\nbroken\n").unwrap();
    folder
}

#[test]
fn titles_are_indexed_and_found() {
    let folder = with_titles();
    let report = printed(&["titles", "index", "titles.jsonl", "-o", "index"], folder.path());
    assert!(report.starts_with("5 titles of 11 words, 1 left out, "), "{report}");
    let found = printed(&["titles", "search", "index", "a fox?", "--top-k", "3"], folder.path());
    let qids: Vec<_> = found.lines().map(|line| line.split('\t').next().unwrap()).collect();
    assert_eq!(qids, ["Q3", "Q4", "Q1"], "{found}");
    let missing = masklink(&["titles", "search", "nothing", "fox"], folder.path());
    assert!(!missing.status.success());
    assert!(String::from_utf8_lossy(&missing.stderr).contains("titles.json"));
}

#[test]
fn ald_codes_are_written_and_counted() {
    let folder = with_titles();
    let arguments = ["titles", "ald", "titles.jsonl", "--length", "2", "--codes", "codes.jsonl"];
    let report = printed(&arguments, folder.path());
    // Fox occurs four times, red and the twice, the others once. Q1 has red, Q2 panda, Q5 and.
    assert!(report.contains("5 titles, 1 left out, 6 different tokens"), "{report}");
    assert!(report.contains("\n1\t3\t60.00\n2\t3\t60.00\nall\t3\t60.00\n"), "{report}");
    assert!(
        report.contains("80.00 % by the 1 rarest tokens, 0.00 % by one more of the title, 20.00 %"),
        "{report}"
    );
    let codes = fs::read_to_string(folder.path().join("codes.jsonl")).unwrap();
    let codes: Vec<serde_json::Value> =
        codes.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |at: usize| codes[at]["code"].clone();
    assert_eq!(of(0), serde_json::json!(["red", ""]));
    assert_eq!((of(2), of(3)), (serde_json::json!(["fox", ""]), serde_json::json!(["fox", "[1]"])));
    assert_eq!(codes[4]["wikidata_id"], "Q5");
}

#[test]
fn made_up_tokens_of_codes_are_not_of_the_vocabulary() {
    let folder = with_titles();
    fs::write(folder.path().join("vocab.txt"), "fox\nred\npanda\nthe\nand\nhound\nzebra\n").unwrap();
    let vocabulary = ["--vocabulary", "vocab.txt", "--length", "2", "--codes", "codes.jsonl"];
    printed(&[&["titles", "ald", "titles.jsonl"][..], &vocabulary].concat(), folder.path());
    let codes = fs::read_to_string(folder.path().join("codes.jsonl")).unwrap();
    let fox: Vec<_> = codes.lines().filter(|line| line.contains("[\"fox\"")).collect();
    assert!(fox.len() == 2 && fox[0].contains("[\"fox\",\"\"]"), "{fox:?}");
    assert!(fox[1].contains("[\"fox\",\"[1]\"]"), "{fox:?}");
}

#[test]
fn serve_names_the_missing_arguments_of_the_vision_model() {
    let folder = with_titles();
    printed(&["titles", "index", "titles.jsonl", "-o", "index"], folder.path());
    let serve = ["serve", "--port", "0", "--backend", "vlm"];
    for (more, reason) in [
        (&[][..], "--backend vlm needs --vlm URL, --vlm-model NAME and --titles DIR"),
        (&["--vlm", "http://127.0.0.1:1", "--vlm-model", "m"], "--titles"),
        (
            &["--vlm", "nowhere", "--vlm-model", "m", "--titles", "index"],
            "the address of the vision model cannot be used",
        ),
        (&["--vlm", "http://127.0.0.1:1", "--vlm-model", "m", "--titles", "none"], "titles.json"),
        (
            &["--vlm", "http://127.0.0.1:1", "--vlm-model", "m", "--titles", "index", "--vlm-key", ""],
            "the key is empty",
        ),
        (
            &["--vlm", "http://127.0.0.1:1", "--vlm-model", "m", "--titles", "index", "--backend", "local"],
            "--index",
        ),
    ] {
        let output = masklink(&[&serve, more].concat(), folder.path());
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && error.contains(reason), "{more:?}: {error}");
    }
}
