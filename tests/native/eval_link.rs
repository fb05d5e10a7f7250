//! `masklink serve` and `masklink eval link` as processes: address, accuracy, cached answers, shutdown.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use crate::built_index::{Built, index_samples, sampled};
use crate::plvel::built;
use crate::serving::{Serving, serve};

/// Runs `masklink eval link` on the held-out images of an index. Returns whether it succeeds, its standard
/// output and its standard error.
fn eval(built: &Built, address: &str, arguments: &[&str]) -> (bool, String, String) {
    eval_annotations(address, &built.held_out_file(), built.images(), arguments)
}

fn eval_annotations(
    address: &str,
    annotations: &Path,
    images: &Path,
    arguments: &[&str],
) -> (bool, String, String) {
    let run = Command::new(env!("CARGO_BIN_EXE_masklink"))
        .args(["eval", "link", "--json", "--by-split", "--endpoint", address, "--annotations"])
        .args([annotations, "--images".as_ref(), images])
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (run.status.success(), text(run.stdout), text(run.stderr))
}

#[test]
fn evaluation_reports_accuracy_and_caches_answers() {
    let Some(built) = built() else { return };
    let serving = serving(built);
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
    let (success, output, errors) = eval(built, &serving.address, &arguments);
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
    let (success, _, errors) = eval(built, &serving.address, &["--token", "wrong"]);
    assert!(!success && errors.contains("unauthorized"), "{errors}");
}

fn serving(built: &Built) -> Serving {
    serve(&["--index".as_ref(), built.folder().as_os_str()])
}

/// A whole evaluation of the sample images.
struct Evaluated {
    address: String,
    output: String,
    journal: String,
    markdown: String,
}

impl Evaluated {
    /// Returns the first lines of the journal, as of an evaluation of another address. After two lines of
    /// its head there is one for each mask.
    fn journal_of(&self, address: &str, lines: usize) -> String {
        let lines: String = self.journal.split_inclusive('\n').take(lines).collect();
        // The journal names an endpoint without the slash at the end.
        let [kept, now] = [&self.address, address].map(|address| address.trim_end_matches('/'));
        lines.replacen(kept, now, 1)
    }
}

/// Returns the evaluation, run once for all tests.
fn evaluated() -> &'static Evaluated {
    static EVALUATED: OnceLock<Evaluated> = OnceLock::new();
    EVALUATED.get_or_init(|| {
        let serving = serving(sampled());
        let resumable = Resumable::new("");
        let (success, output, errors) = resumable.eval(&serving.address);
        assert!(success, "{errors}");
        let markdown = std::fs::read_to_string(resumable.folder.path().join("table.md")).unwrap();
        Evaluated { address: serving.address.clone(), output, journal: resumable.journal(), markdown }
    })
}

/// An evaluation of the sample images with a journal.
struct Resumable {
    folder: tempfile::TempDir,
}

impl Resumable {
    /// Writes a journal; without text there is none.
    fn new(journal: &str) -> Self {
        let resumable = Self { folder: tempfile::tempdir().unwrap() };
        if !journal.is_empty() {
            std::fs::write(resumable.path(), journal).unwrap();
        }
        resumable
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("journal.jsonl")
    }

    fn journal(&self) -> String {
        std::fs::read_to_string(self.path()).unwrap()
    }

    fn eval(&self, address: &str) -> (bool, String, String) {
        self.eval_annotations(address, &sampled().held_out_file())
    }

    fn eval_annotations(&self, address: &str, annotations: &Path) -> (bool, String, String) {
        let (journal, table) = (self.path(), self.folder.path().join("table.md"));
        let arguments = [
            ["--token", "secret"],
            ["--resume", journal.to_str().unwrap()],
            ["--markdown", table.to_str().unwrap()],
            ["--jobs", "3"],
        ];
        eval_annotations(address, annotations, sampled().images(), &arguments.concat())
    }
}

/// Returns an address of this machine that refuses connections.
fn closed_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/", listener.local_addr().unwrap())
}

#[test]
fn interrupted_evaluation_resumes_from_its_journal() {
    let evaluated = evaluated();
    let Evaluated { output, journal, markdown, .. } = evaluated;
    let lines = journal.lines().count();
    assert!(markdown.starts_with("| masks |") && markdown.contains("| query |"), "{markdown}");
    assert!(!markdown.contains("paper"), "{markdown}");
    // Each result is in the journal, so that no server is needed.
    let address = closed_address();
    let (success, again, errors) = Resumable::new(&evaluated.journal_of(&address, lines)).eval(&address);
    assert!(success && again == *output, "{errors}\n{output}\n{again}");

    let serving = serving(sampled());
    let begun = evaluated.journal_of(&serving.address, 5);
    let resumed = Resumable::new(&begun);
    let (success, resumed_output, errors) = resumed.eval(&serving.address);
    assert!(success, "{errors}");
    assert!(resumed.journal().starts_with(&begun), "the first results are kept");
    assert_eq!(resumed.journal().lines().count(), lines);
    let [whole, resumed] = [output, &resumed_output]
        .map(|output| serde_json::from_str::<Value>(output.lines().last().unwrap()).unwrap());
    for figure in ["n", "failed", "top1", "top5", "table", "unknown"] {
        assert_eq!(resumed[figure], whole[figure], "{figure}");
    }
}

#[test]
fn journal_of_another_index_or_other_annotations_is_refused() {
    let serving = serving(sampled());
    let begun = evaluated().journal_of(&serving.address, 5);
    let model: Value = serde_json::from_str(begun.lines().nth(1).unwrap()).unwrap();
    let index = model["index_sha256"].as_str().unwrap();
    let (success, _, errors) = Resumable::new(&begun.replacen(index, "0123", 1)).eval(&serving.address);
    assert!(!success && errors.contains("encoder or index is now"), "{errors}");

    let annotations = std::fs::read_to_string(sampled().held_out_file()).unwrap();
    let resumable = Resumable::new(&begun);
    let other = resumable.folder.path().join("other.json");
    // As long as the others.
    std::fs::write(&other, annotations.replacen("\"Q", "\"R", 1)).unwrap();
    let (success, _, errors) = resumable.eval_annotations(&serving.address, &other);
    assert!(!success && errors.contains("another evaluation"), "{errors}");
}

#[test]
fn evaluation_ends_when_the_endpoint_is_down() {
    let serving = serving(sampled());
    let address = serving.address.clone();
    #[cfg(unix)]
    serving.end();
    #[cfg(not(unix))]
    drop(serving);
    let (success, _, errors) = eval(sampled(), &address, &[]);
    assert!(!success && errors.contains("unreachable"), "{errors}");
    // Also after some results were kept.
    let evaluated = evaluated();
    let (success, _, errors) = Resumable::new(&evaluated.journal_of(&address, 5)).eval(&address);
    assert!(!success && errors.contains("the first 10 requests failed"), "{errors}");
    let nearly_all = evaluated.journal_of(&address, evaluated.journal.lines().count() - 3);
    let (success, _, errors) = Resumable::new(&nearly_all).eval(&address);
    assert!(!success && errors.contains("all 3 requests failed"), "{errors}");
}

#[test]
fn file_that_is_no_journal_is_left_as_it_is() {
    let annotations = std::fs::read_to_string(sampled().held_out_file()).unwrap();
    let resumable = Resumable::new(&annotations);
    let (success, _, errors) = resumable.eval(&closed_address());
    assert!(!success && errors.contains("no journal of an evaluation"), "{errors}");
    assert_eq!(resumable.journal(), annotations);
}

#[test]
fn evaluation_against_another_index_fails() {
    let serving = serving(sampled());
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("index");
    index_samples(&sampled().held_out_file(), &other);
    let arguments = ["--token", "secret", "--index", other.to_str().unwrap()];
    let (success, output, errors) = eval(sampled(), &serving.address, &arguments);
    assert!(!success && output.is_empty(), "{output}");
    assert!(errors.contains("the endpoint's index is ") && errors.contains("SHA-256"), "{errors}");
}

#[test]
fn evaluation_with_failed_requests_is_incomplete() {
    let serving = serving(sampled());
    let annotations = std::fs::read_to_string(sampled().held_out_file()).unwrap();
    let mut annotations: Value = serde_json::from_str(&annotations).unwrap();
    annotations["images"][0]["file_name"] = "missing.jpg".into();
    let folder = tempfile::tempdir().unwrap();
    let one_missing = folder.path().join("annotations.json");
    std::fs::write(&one_missing, annotations.to_string()).unwrap();
    let (success, output, errors) =
        eval_annotations(&serving.address, &one_missing, sampled().images(), &["--token", "secret"]);
    assert!(!success && errors.contains("masks were not linked and count as wrong"), "{output} {errors}");
    assert!(output.starts_with("INCOMPLETE: "), "{output}");
    let report: Value = serde_json::from_str(output.lines().last().unwrap()).unwrap();
    assert!(report["failed"].as_u64().unwrap() > 0, "{output}");
}

#[test]
fn endpoint_without_a_scheme_is_a_usage_error() {
    let nowhere = Path::new("/nowhere");
    let (success, _, errors) = eval_annotations("127.0.0.1:9424", nowhere, nowhere, &[]);
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
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("www/samples");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap();
    // All later connections are refused: the listener is gone.
    let first_byte = std::thread::spawn(move || {
        let mut byte = [0];
        listener.accept().unwrap().0.read_exact(&mut byte).map(|()| byte)
    });
    let annotations = samples.join("annotations.json");
    let (success, _, errors) =
        eval_annotations(&format!("https://{host}/"), &annotations, &samples.join("images"), &[]);
    // Ends the thread where nothing has connected.
    drop(std::net::TcpStream::connect(host));
    assert_eq!(first_byte.join().unwrap().unwrap(), [22], "the type of a TLS handshake record (RFC 8446)");
    assert!(!success && errors.contains("unreachable"), "{errors}");
}

#[test]
fn silent_connection_is_closed() {
    use std::io::{Read as _, Write as _};
    let serving = serve(&[]);
    // Nothing at all, and the beginning of what might become HTTP/2.
    let waits = ["", "PRI * HT"].map(|words| {
        let mut stream = std::net::TcpStream::connect(serving.host()).unwrap();
        stream.set_read_timeout(Some(std::time::Duration::from_secs(40))).unwrap();
        stream.write_all(words.as_bytes()).unwrap();
        std::thread::spawn(move || stream.read_to_end(&mut Vec::new()))
    });
    for wait in waits {
        wait.join().unwrap().expect("the server keeps the connection");
    }
}
