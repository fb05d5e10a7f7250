//! `masklink serve` and `masklink eval link` as processes: address, accuracy, cached answers, shutdown.

use std::process::Command;

use serde_json::Value;

use crate::plvel::{built, run_index};
use crate::serving::serve;
use crate::shared_data::shared_data;

fn eval(address: &str, annotations: &std::path::Path, arguments: &[&str]) -> (bool, String, String) {
    let images = shared_data("coco_plvel").unwrap().join("images");
    let run = Command::new(env!("CARGO_BIN_EXE_masklink"))
        .args(["eval", "link", "--json", "--by-split", "--endpoint", address, "--annotations"])
        .args([annotations, "--images".as_ref(), &images])
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (run.status.success(), text(run.stdout), text(run.stderr))
}

#[test]
fn evaluation_reports_accuracy_and_caches_answers() {
    let Some(built) = built() else { return };
    let serving = serve(&["--index".as_ref(), built.folder().as_os_str()]);
    assert!(serving.address.starts_with("http://127.0.0.1:"), "{:?}", serving.address);
    let cached = built.folder().with_file_name("cached.json");
    let folder = built.folder();
    let arguments = [
        ["--token", "secret"],
        ["--split", "query_val_seen"],
        ["--cache-answers", cached.to_str().unwrap()],
        ["--index", folder.to_str().unwrap()],
    ]
    .concat();
    let (success, output, errors) = eval(&serving.address, &built.held_out_file(), &arguments);
    assert!(success, "{errors}");
    let report: Value = serde_json::from_str(output.lines().last().unwrap()).unwrap();
    let n = report["n"].as_u64().unwrap();
    assert!(
        n >= 20 && report["failed"] == 0 && report["by_split"]["query_val_seen"]["n"] == n,
        "{output} {errors}"
    );
    // Over the whole split, masks of entities outside the index included.
    assert!(report["top1"].as_f64().unwrap() > 0.35 && report["top5"].as_f64().unwrap() > 0.55, "{output}");
    let row = &report["table"]["query"];
    assert!(
        row["seen"]["n"] == n && row["unseen"]["n"] == 0 && report["table"]["entity"].is_null(),
        "{output}"
    );
    let unknown = &report["unknown"];
    assert_eq!(
        unknown["indexed"]["n"].as_u64().unwrap() + unknown["not_indexed"].as_u64().unwrap(),
        n,
        "{output}"
    );
    assert!(unknown["indexed"]["top1"].as_f64() >= report["top1"].as_f64(), "{output}");
    assert!(report["latency_ms"]["p50"].as_f64() <= report["latency_ms"]["p95"].as_f64(), "{output}");
    let cached: Value = serde_json::from_slice(&std::fs::read(cached).unwrap()).unwrap();
    let answers: usize =
        cached.as_object().unwrap().values().map(|list| list.as_array().unwrap().len()).sum();
    assert_eq!(answers as u64, n);
    for answer in cached.as_object().unwrap().values().flat_map(|list| list.as_array().unwrap()) {
        let entities = answer["answer"]["entities"].as_array().unwrap();
        assert!(
            (1..=5).contains(&entities.len()) && answer["answer"]["in_index"]["known"].is_boolean(),
            "{answer}"
        );
        assert!(entities.iter().all(|entity| entity["evidence"].as_array().unwrap().len() <= 4), "{answer}");
        // Times and hashes would change the file each time, and the page does not show them.
        assert!(answer["answer"]["timing_ms"].is_null(), "{answer}");
    }
    let (success, _, errors) = eval(&serving.address, &built.held_out_file(), &["--token", "wrong"]);
    assert!(!success && errors.contains("unauthorized"), "{errors}");
}

#[test]
fn evaluation_goes_on_after_an_end_with_the_same_results_only() {
    let Some(built) = built() else { return };
    let mut serving = serve(&["--index".as_ref(), built.folder().as_os_str()]);
    let path = |name: &str| built.folder().with_file_name(name);
    let (journal, table) = (path("journal.jsonl"), path("table.md"));
    let resumed = [
        ["--token", "secret"],
        ["--resume", journal.to_str().unwrap()],
        ["--markdown", table.to_str().unwrap()],
        ["--jobs", "3"],
    ]
    .concat();
    let (success, whole, errors) = eval(&serving.address, &built.held_out_file(), &resumed);
    assert!(success, "{errors}");
    // Another index than that of the results in the journal, and fewer results.
    let kept = std::fs::read_to_string(&journal).unwrap();
    let begun: String = kept.split_inclusive('\n').take(5).collect();
    let lines: Vec<_> = begun.lines().collect();
    let model: Value = serde_json::from_str(lines[1]).unwrap();
    let index = model["index_sha256"].as_str().unwrap();
    std::fs::write(&journal, begun.replacen(index, "0123", 1)).unwrap();
    let (success, _, errors) = eval(&serving.address, &built.held_out_file(), &resumed);
    assert!(!success && errors.contains("encoder or index is now"), "{errors}");
    // Other annotations of the same length.
    let annotations = std::fs::read_to_string(built.held_out_file()).unwrap();
    let other = path("other.json");
    std::fs::write(&other, annotations.replacen("\"Q", "\"R", 1)).unwrap();
    let (success, _, errors) = eval(&serving.address, &other, &resumed);
    assert!(!success && errors.contains("another evaluation"), "{errors}");
    std::fs::write(&journal, &kept).unwrap();
    let text = std::fs::read_to_string(&table).unwrap();
    assert!(text.starts_with("| masks |") && text.contains("| query |") && !text.contains("paper"), "{text}");

    let stop = Command::new("kill").args(["-TERM", &serving.process.id().to_string()]).status().unwrap();
    assert!(stop.success() && serving.process.wait().unwrap().success(), "the server does not stop cleanly");
    let (success, _, errors) = eval(&serving.address, &built.held_out_file(), &[]);
    assert!(!success && errors.contains("unreachable"), "{errors}");
    // Each result is in the journal, so that nothing is asked again.
    let (success, again, errors) = eval(&serving.address, &built.held_out_file(), &resumed);
    assert!(success && again == whole, "{errors}\n{whole}\n{again}");
    // With results to get, a server that is down ends the evaluation, also after some were kept.
    std::fs::write(&journal, &begun).unwrap();
    let (success, _, errors) = eval(&serving.address, &built.held_out_file(), &resumed);
    assert!(!success && errors.contains("the first 10 requests failed"), "{errors}");
    let few: String = kept.split_inclusive('\n').take(kept.lines().count() - 3).collect();
    std::fs::write(&journal, &few).unwrap();
    let (success, _, errors) = eval(&serving.address, &built.held_out_file(), &resumed);
    assert!(!success && errors.contains("all 3 requests failed"), "{errors}");
    // A file that is no journal stays as it is.
    let mut arguments = resumed.clone();
    arguments[3] = other.to_str().unwrap();
    let before = std::fs::read_to_string(&other).unwrap();
    let (success, _, errors) = eval(&serving.address, &built.held_out_file(), &arguments);
    assert!(!success && errors.contains("no journal of an evaluation"), "{errors}");
    assert_eq!(std::fs::read_to_string(&other).unwrap(), before);
}

#[test]
fn evaluation_with_failed_requests_or_another_index_fails() {
    let Some(built) = built() else { return };
    let serving = serve(&["--index".as_ref(), built.folder().as_os_str()]);
    let folder = tempfile::tempdir().unwrap();
    let (part, other) = (folder.path().join("part.json"), folder.path().join("index"));
    std::fs::copy(built.held_out_file(), &part).unwrap();
    run_index(&part, &other);
    let arguments = ["--token", "secret", "--index", other.to_str().unwrap()];
    let (success, output, errors) = eval(&serving.address, &built.held_out_file(), &arguments);
    assert!(!success && output.is_empty(), "{output}");
    assert!(errors.contains("the endpoint's index is ") && errors.contains("SHA-256"), "{errors}");

    let annotations = std::fs::read_to_string(built.held_out_file()).unwrap();
    let mut annotations: Value = serde_json::from_str(&annotations).unwrap();
    annotations["images"][0]["file_name"] = "missing.jpg".into();
    let one_missing = folder.path().join("annotations.json");
    std::fs::write(&one_missing, annotations.to_string()).unwrap();
    let (success, output, errors) = eval(&serving.address, &one_missing, &["--token", "secret"]);
    assert!(!success && errors.contains("masks were not linked and count as wrong"), "{output} {errors}");
    assert!(output.starts_with("INCOMPLETE: "), "{output}");
    let report: Value = serde_json::from_str(output.lines().last().unwrap()).unwrap();
    assert!(report["failed"].as_u64().unwrap() > 0, "{output}");
}

#[test]
fn endpoint_without_a_scheme_is_a_usage_error() {
    let (success, _, errors) = eval("127.0.0.1:9424", "/nowhere".as_ref(), &[]);
    assert!(!success && errors.contains("http://HOST:PORT"), "{errors}");
}

/// Returns the exit code and the standard error of a server that does not start. A missing folder stops
/// it where it accepts arguments that it should refuse.
fn refusal(arguments: &[&str], token: &str) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_masklink"));
    command.args(["serve", "--port", "0", "--root", "/nowhere"]).args(arguments).env("MASKLINK_TOKEN", token);
    let run = command.output().unwrap();
    (run.status.code(), String::from_utf8(run.stderr).unwrap())
}

#[test]
fn empty_token_is_refused() {
    for (arguments, token) in [(&["--token", ""][..], "secret"), (&[], "")] {
        let (code, errors) = refusal(arguments, token);
        assert!(code == Some(1) && errors.contains("the token is empty"), "{arguments:?}: {errors}");
    }
}

#[test]
fn invalid_origin_is_a_usage_error() {
    let (code, errors) = refusal(&["--allow-origin", "their.site"], "secret");
    assert!(code == Some(2) && errors.contains("scheme://host[:port]"), "{errors}");
}

#[test]
fn https_endpoint_is_asked_over_tls() {
    use std::io::Read as _;
    let Some(built) = built() else { return };
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("https://{}/", listener.local_addr().unwrap());
    // What comes after is refused: the listener is gone.
    let first_byte = std::thread::spawn(move || {
        let mut byte = [0];
        listener.accept().unwrap().0.read_exact(&mut byte).map(|()| byte)
    });
    let (success, _, errors) = eval(&address, &built.held_out_file(), &[]);
    assert_eq!(first_byte.join().unwrap().unwrap(), [22], "the type of a TLS handshake record (RFC 8446)");
    assert!(!success && errors.contains("unreachable"), "{errors}");
}

#[test]
fn silent_connection_is_closed() {
    use std::io::{Read as _, Write as _};
    let serving = serve(&[]);
    let address = serving.address.trim_start_matches("http://").trim_end_matches('/').to_owned();
    // Nothing at all, and the beginning of what might become HTTP/2.
    let waits = ["", "PRI * HT"].map(|words| {
        let mut stream = std::net::TcpStream::connect(&address).unwrap();
        stream.set_read_timeout(Some(std::time::Duration::from_secs(40))).unwrap();
        stream.write_all(words.as_bytes()).unwrap();
        std::thread::spawn(move || stream.read_to_end(&mut Vec::new()))
    });
    for wait in waits {
        wait.join().unwrap().expect("the server keeps the connection");
    }
}
