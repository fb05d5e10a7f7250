//! The server's files: ranges, compressed variants, caching, conditional requests, safe paths and safe
//! headers; its start.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use masklink::cli::serve::{Limits, Server, Settings, app};

use crate::built_index::sampled;
use crate::http::{Reply, request, send};
use crate::serving::Serving;

const LETTERS: &str = "abcdefghijklmnopqrstuvwxyz";

/// A server of a folder of files, with a secret beside the folder.
struct Site {
    app: Router,
    folder: tempfile::TempDir,
}

fn site() -> Site {
    let folder = tempfile::tempdir().unwrap();
    let (root, data) = (folder.path().join("root"), folder.path().join("data"));
    for path in [&root, &data, &root.join("sub")] {
        fs::create_dir(path).unwrap();
    }
    fs::write(folder.path().join("secret.txt"), "secret").unwrap();
    fs::write(root.join("index.html"), "<h1>page</h1>").unwrap();
    fs::write(root.join("sub/index.html"), "<h1>sub</h1>").unwrap();
    fs::write(root.join("letters.txt"), LETTERS).unwrap();
    for name in ["a.wasm", "a.mjs", "a.js", "a.css", "a.json", "a.onnx", "a.parquet", "a.svg"] {
        fs::write(root.join(name), name).unwrap();
    }
    // Of different lengths, as real variants are: the entity tag is made of length and time.
    for (suffix, content) in [("br", "as brotli"), ("gz", "as gzip")] {
        fs::write(root.join(format!("a.wasm.{suffix}")), content).unwrap();
    }
    fs::write(root.join("a.mjs.gz"), "as gzip").unwrap();
    fs::write(data.join("part.parquet"), LETTERS).unwrap();
    let connect = vec!["https://endpoint.example".to_owned()];
    let settings = Settings { root: Some(root), data: Some(data), connect, ..Settings::default() };
    Site { app: app(Server::new(None, settings).unwrap()), folder }
}

impl Site {
    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        send(&self.app, request("GET", path, headers, "")).await
    }
}

#[tokio::test]
async fn images_of_the_data_folder_are_found_by_other_forms_of_their_names() {
    let site = site();
    let data = site.folder.path().join("data");
    fs::create_dir_all(data.join("images/04")).unwrap();
    for name in [
        "images/04/Crow 1#.JPG",
        "images/u\u{308}.png",
        "images/.hidden.jpg",
        "twice.jpg",
        "images/twice.jpg",
    ] {
        fs::write(data.join(name), name).unwrap();
    }
    for (path, expected) in [
        ("/data/images/04/Crow%201%23.JPG", Some("images/04/Crow 1#.JPG")),
        ("/data/images/04/crow%201%23.jpg", Some("images/04/Crow 1#.JPG")),
        ("/data/images/images/05/Crow%201%23.png", Some("images/04/Crow 1#.JPG")),
        ("/data/images/%C3%BC.png", Some("images/u\u{308}.png")),
        ("/data/images/TWICE.jpg", Some("images/twice.jpg")),
        ("/data/images/hidden.jpg", None),
        ("/data/images/secret.txt", None),
        ("/data/images/..%2f..%2fsecret.txt", None),
        ("/data/crow%201%23.jpg", None),
    ] {
        let reply = site.get(path, &[]).await;
        let status = if expected.is_some() { 200 } else { 404 };
        assert_eq!(reply.status.as_u16(), status, "{path}");
        if let Some(expected) = expected {
            assert_eq!(String::from_utf8_lossy(&reply.body), expected, "{path}");
        }
    }
}

#[tokio::test]
async fn endpoint_json_names_the_server_when_it_has_an_index() {
    let endpoint = async |app: &Router| {
        let reply = send(app, request("GET", "/endpoint.json", &[], "")).await;
        assert_eq!(reply.header("content-type"), "application/json");
        reply.json::<serde_json::Value>()
    };
    assert_eq!(endpoint(&site().app).await, serde_json::json!({"endpoint": null}), "without an index");
    let app = app(Server::new(Some(Arc::new(sampled().linker())), Settings::default()).unwrap());
    assert_eq!(endpoint(&app).await, serde_json::json!({"endpoint": "./"}));
}

#[tokio::test]
async fn ranges_are_sent_in_part_or_refused() {
    let site = site();
    for (range, status, content_range, body) in [
        ("bytes=0-2", 206, "bytes 0-2/26", "abc"),
        ("bytes=23-", 206, "bytes 23-25/26", "xyz"),
        ("bytes=-2", 206, "bytes 24-25/26", "yz"),
        ("bytes=-26", 206, "bytes 0-25/26", LETTERS),
        ("bytes=-2000000", 206, "bytes 0-25/26", LETTERS),
        ("bytes=-0", 416, "bytes */26", ""),
        ("bytes=20-900", 206, "bytes 20-25/26", "uvwxyz"),
        ("bytes=26-", 416, "bytes */26", ""),
        ("bytes=9-3", 416, "bytes */26", ""),
        ("foo=0-1", 200, "", LETTERS),
        ("bytes=0-1,4-5", 200, "", LETTERS),
    ] {
        let reply = site.get("/letters.txt", &[("range", range)]).await;
        assert_eq!(
            (reply.status.as_u16(), reply.header("content-range")),
            (status, content_range),
            "{range}"
        );
        assert_eq!(reply.body, body.as_bytes(), "{range}");
    }
    let whole = site.get("/letters.txt", &[]).await;
    assert_eq!((whole.header("accept-ranges"), &whole.body[..]), ("bytes", LETTERS.as_bytes()));
    let head = send(&site.app, request("HEAD", "/letters.txt", &[], "")).await;
    assert_eq!((head.header("content-length"), head.body.len()), ("26", 0));
}

#[tokio::test]
async fn a_range_of_another_version_gets_the_whole_file() {
    let site = site();
    for path in ["/letters.txt", "/data/part.parquet"] {
        let whole = site.get(path, &[]).await;
        let (tag, date) = (whole.header("etag"), whole.header("last-modified"));
        let (weak, earlier) = (format!("W/{tag}"), "Thu, 01 Jan 1970 00:00:00 GMT");
        for (version, status) in
            [(tag, 206), (date, 206), ("\"other\"", 200), (&weak, 200), (earlier, 200), ("", 200)]
        {
            let reply = site.get(path, &[("range", "bytes=0-2"), ("if-range", version)]).await;
            assert_eq!(reply.status.as_u16(), status, "{path} {version}");
        }
    }
}

#[tokio::test]
async fn precompressed_variants_are_chosen_by_accept_encoding() {
    let site = site();
    for (path, accepts, encoding, body) in [
        ("/a.wasm", "gzip, deflate, br", "br", "as brotli"),
        ("/a.wasm", "gzip", "gzip", "as gzip"),
        ("/a.wasm", "br;q=0, gzip", "gzip", "as gzip"),
        ("/a.wasm", "zstd", "", "a.wasm"),
        ("/a.wasm", "", "", "a.wasm"),
        ("/a.mjs", "gzip, br", "gzip", "as gzip"),
        ("/a.json", "gzip, br", "", "a.json"),
    ] {
        let reply = site.get(path, &[("accept-encoding", accepts)]).await;
        assert_eq!(
            (reply.status.as_u16(), reply.header("content-encoding")),
            (200, encoding),
            "{path} {accepts}"
        );
        assert_eq!(
            (&reply.body[..], reply.header("vary")),
            (body.as_bytes(), "accept-encoding"),
            "{path} {accepts}"
        );
    }
    let part = site.get("/a.wasm", &[("accept-encoding", "br"), ("range", "bytes=0-1")]).await;
    assert_eq!(
        (part.header("content-encoding"), &part.body[..]),
        ("", &b"a."[..]),
        "ranges count plain bytes"
    );
}

#[tokio::test]
async fn a_file_without_a_precompressed_variant_is_compressed() {
    let site = site();
    let text = LETTERS.repeat(1000);
    let root = site.folder.path().join("root");
    for path in ["page.js", "photo.jpg", "only-gzip.js"] {
        fs::write(root.join(path), &text).unwrap();
    }
    fs::write(root.join("only-gzip.js.gz"), "as gzip").unwrap();
    fs::write(site.folder.path().join("data/annotations.json"), &text).unwrap();
    for (path, accepts, encoding) in [
        ("/page.js", "gzip, deflate, br", "br"),
        ("/page.js", "gzip", "gzip"),
        ("/page.js", "identity", ""),
        ("/photo.jpg", "gzip, br", ""),
        ("/only-gzip.js", "gzip, br", "gzip"),
        ("/data/annotations.json", "br", "br"),
    ] {
        let reply = site.get(path, &[("accept-encoding", accepts)]).await;
        assert_eq!(
            (reply.status.as_u16(), reply.header("content-encoding")),
            (200, encoding),
            "{path} {accepts}"
        );
        assert_eq!(reply.header("content-length"), reply.body.len().to_string(), "{path} {accepts}");
        assert_eq!(reply.body.len() < text.len(), !encoding.is_empty(), "{path} {accepts}");
    }
    let compressed = site.get("/page.js", &[("accept-encoding", "br")]).await;
    assert_eq!(compressed.header("content-type"), "text/javascript");
    let mut decoded = Vec::new();
    brotli::BrotliDecompress(&mut &compressed.body[..], &mut decoded).unwrap();
    assert_eq!(decoded, text.as_bytes());
    let tag = compressed.header("etag");
    assert_ne!(tag, site.get("/page.js", &[]).await.header("etag"), "each variant is an entity of its own");
    let again = site.get("/page.js", &[("accept-encoding", "br"), ("if-none-match", tag)]).await;
    assert_eq!((again.status.as_u16(), again.header("etag"), again.body.len()), (304, tag, 0));
    let part = site.get("/page.js", &[("accept-encoding", "br"), ("range", "bytes=0-2")]).await;
    assert_eq!((part.header("content-encoding"), &part.body[..]), ("", &b"abc"[..]));
    let head = send(&site.app, request("HEAD", "/page.js", &[("accept-encoding", "br")], "")).await;
    assert_eq!(head.header("content-length"), compressed.body.len().to_string());
}

#[tokio::test]
async fn files_with_a_content_hash_are_immutable() {
    let site = site();
    let assets = site.folder.path().join("root/assets");
    fs::create_dir(&assets).unwrap();
    for name in ["viewer-ABCDEFGH.js", "viewer.js"] {
        fs::write(assets.join(name), LETTERS).unwrap();
    }
    let forever = "public, max-age=31536000, immutable";
    for (path, cache_control) in [
        ("/assets/viewer-ABCDEFGH.js", forever),
        ("/assets/viewer.js", "no-cache"),
        ("/a.js", "no-cache"),
        ("/", "no-cache"),
        ("/assets/missing-ABCDEFGH.js", "no-store"),
    ] {
        assert_eq!(site.get(path, &[]).await.header("cache-control"), cache_control, "{path}");
    }
    let tag = site.get("/assets/viewer-ABCDEFGH.js", &[]).await.header("etag").to_owned();
    let again = site.get("/assets/viewer-ABCDEFGH.js", &[("if-none-match", &tag)]).await;
    assert_eq!((again.status.as_u16(), again.header("cache-control")), (304, forever));
}

#[cfg(unix)]
#[test]
fn a_start_prints_one_line_and_requests_are_logged_at_debug_level() {
    let folder = tempfile::tempdir().unwrap();
    let serve = |level: &str| {
        let serving = started(&["--root".as_ref(), folder.path().as_os_str()], level);
        assert!(ask(serving.host(), "/healthz").starts_with("HTTP/1.1 200"));
        let line = serving.line.clone();
        let (rest, log) = serving.end();
        (line, rest, log)
    };
    let (line, rest, log) = serve("masklink=info");
    let expected = format!(" serves the page in {}, no index\n", folder.path().display());
    assert!(line.ends_with(&expected), "{line}");
    assert_eq!(rest, "");
    assert!(log.contains("ready, without an index") && !log.contains("/healthz"), "{log}");
    let (_, _, log) = serve("masklink=debug");
    assert!(log.contains("DEBUG") && log.contains("path=\"/healthz\" status=200"), "{log}");
}

/// Starts a server whose log is piped.
#[cfg(unix)]
fn started(arguments: &[&std::ffi::OsStr], level: &str) -> Serving {
    let mut command = Command::new(env!("CARGO_BIN_EXE_masklink"));
    command.args(["serve", "--port", "0"]).args(arguments).env("RUST_LOG", level).stderr(Stdio::piped());
    Serving::start(&mut command)
}

#[cfg(unix)]
fn connected(host: &str) -> TcpStream {
    let stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

/// Sends one request and returns the response's head and body.
#[cfg(unix)]
fn ask(host: &str, path: &str) -> String {
    let mut stream = connected(host);
    let head = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response
}

/// Reads the `ok` of a health check from a connection that is kept.
#[cfg(unix)]
fn read_health(stream: &mut BufReader<TcpStream>) {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(stream.read_line(&mut head).unwrap() > 0, "the connection ends after {head:?}");
    }
    let mut body = [0; 3];
    stream.read_exact(&mut body).unwrap();
    assert!(head.starts_with("HTTP/1.1 200") && &body == b"ok\n", "{head}");
}

#[cfg(unix)]
#[test]
fn a_log_that_nobody_reads_stops_neither_requests_nor_the_end() {
    let mut serving = started(&["--rate".as_ref(), "0".as_ref()], "masklink=debug");
    let mut stream = BufReader::new(connected(serving.host()));
    // More lines than the pipe's 64 KiB, some 500, and the queue's 8,192 hold together.
    for _ in 0..10_000 {
        stream.get_mut().write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
        read_health(&mut stream);
    }
    serving.signal("TERM");
    assert!(serving.ends(), "the server does not end");
}

#[cfg(unix)]
#[test]
fn sighup_loads_the_index_anew_and_a_broken_one_leaves_the_server_running() {
    let folder = sampled().copied();
    let arguments = ["--log-format".as_ref(), "json".as_ref(), "--index".as_ref(), folder.path().as_os_str()];
    let mut serving = started(&arguments, "masklink=info");
    let log = serving.log();
    let hang_up = || -> serde_json::Value {
        serving.signal("HUP");
        serde_json::from_str(&log.line_with("loaded")).unwrap()
    };
    let loaded = hang_up();
    assert_eq!(
        (&loaded["level"], &loaded["message"]),
        (&"INFO".into(), &"loaded the index".into()),
        "{loaded}"
    );
    fs::write(folder.path().join("index.json"), "{}").unwrap();
    let refused = hang_up();
    assert_eq!(refused["level"], "ERROR", "{refused}");
    assert!(ask(serving.host(), "/readyz").starts_with("HTTP/1.1 200"));
    serving.signal("TERM");
    assert!(serving.ends(), "the server does not end");
}

#[cfg(unix)]
#[test]
fn a_read_that_hangs_does_not_hold_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut serving = started(&["--data".as_ref(), folder.path().as_os_str()], "masklink=info");
    let log = serving.log();
    let mut stream = BufReader::new(connected(serving.host()));
    // Both arrive together: with the response to the first the second one is under way.
    let requests =
        ["/healthz", "/data/pipe"].map(|path| format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n"));
    stream.get_mut().write_all(requests.concat().as_bytes()).unwrap();
    read_health(&mut stream);
    // The first signal waits for requests under way, the second one does not.
    serving.signal("TERM");
    log.line_with("stopping");
    std::thread::sleep(Duration::from_millis(200));
    assert!(serving.process.try_wait().unwrap().is_none(), "the first signal ends the server");
    serving.signal("TERM");
    log.line_with("stopped in the middle of requests");
    assert!(serving.ends(), "the server does not end");
}

#[tokio::test]
async fn content_types_follow_the_extension() {
    let site = site();
    for (path, content_type) in [
        ("/", "text/html"),
        ("/sub/", "text/html"),
        ("/a.wasm", "application/wasm"),
        ("/a.mjs", "application/javascript"),
        ("/a.js", "text/javascript"),
        ("/a.css", "text/css"),
        ("/a.json", "application/json"),
        ("/a.onnx", "application/octet-stream"),
        ("/a.parquet", "application/vnd.apache.parquet"),
        ("/a.svg", "image/svg+xml"),
        ("/data/part.parquet", "application/vnd.apache.parquet"),
    ] {
        let reply = site.get(path, &[]).await;
        assert_eq!((reply.status.as_u16(), reply.header("content-type")), (200, content_type), "{path}");
    }
    let compressed = site.get("/a.wasm", &[("accept-encoding", "br")]).await;
    assert_eq!(compressed.header("content-type"), "application/wasm", "a stream compiles by this type alone");
}

#[tokio::test]
async fn a_version_that_the_client_has_is_not_sent_again() {
    let site = site();
    let first = site.get("/letters.txt", &[]).await;
    assert_eq!(first.header("cache-control"), "no-cache");
    let (tag, date) = (first.header("etag"), first.header("last-modified"));
    for (condition, status) in [
        (("if-none-match", tag), 304),
        (("if-none-match", "\"other\""), 200),
        (("if-modified-since", date), 304),
        (("if-modified-since", "Thu, 01 Jan 1970 00:00:00 GMT"), 200),
    ] {
        let reply = site.get("/letters.txt", &[condition]).await;
        assert_eq!(reply.status.as_u16(), status, "{condition:?}");
        assert_eq!(reply.body.is_empty(), status == 304);
    }
    let plain = site.get("/a.wasm", &[]).await;
    let compressed = site.get("/a.wasm", &[("accept-encoding", "br")]).await;
    assert_ne!(plain.header("etag"), compressed.header("etag"), "each variant is an entity of its own");
}

#[tokio::test]
async fn a_request_for_another_host_name_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("letters.txt"), LETTERS).unwrap();
    let serving = |hosts: Option<&[&str]>| {
        let hosts = hosts.map(|hosts| hosts.iter().map(ToString::to_string).collect());
        let settings = Settings { root: Some(folder.path().to_owned()), hosts, ..Settings::default() };
        app(Server::new(None, settings).unwrap())
    };
    let (loopback, named, open) = (serving(Some(&[])), serving(Some(&["masks.example"])), serving(None));
    for path in ["/healthz", "/readyz"] {
        let reply = send(&named, request("GET", path, &[("host", "192.0.2.7:8080")], "")).await;
        assert_ne!(reply.status, 421, "a health check asks by the address: {path}");
        let twice = request("GET", path, &[("host", "localhost"), ("host", "evil.example")], "");
        assert_eq!(send(&named, twice).await.problem(), (400, "bad-request"), "{path}");
    }
    for path in ["/letters.txt", "/metrics", "/v1/openapi.json"] {
        let get = |host: &'static str| request("GET", path, &[("host", host)], "");
        assert_eq!(send(&loopback, get("evil.example:8080")).await.problem(), (421, "wrong-host"), "{path}");
        assert_eq!(send(&named, get("evil.example")).await.problem(), (421, "wrong-host"), "{path}");
        for (app, host) in [
            (&loopback, "127.0.0.1:8080"),
            (&loopback, "localhost"),
            (&named, "masks.example"),
            (&open, "any.example"),
        ] {
            assert_eq!(send(app, get(host)).await.status, 200, "{path} {host}");
        }
    }
    let question =
        request("POST", "/v1/link", &[("host", "evil.example"), ("content-type", "application/json")], "{}");
    let refused = send(&loopback, question).await;
    assert_eq!((refused.problem(), refused.header("access-control-allow-origin")), ((421, "wrong-host"), ""));
}

#[tokio::test]
async fn paths_outside_the_folder_are_not_found() {
    let site = site();
    for path in [
        "/../secret.txt",
        "/sub/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e%2fsecret.txt",
        "/..%5csecret.txt",
        "/sub/%2e%2e/%2e%2e/secret.txt",
        "/data/../secret.txt",
        "/data/%2e%2e/secret.txt",
        "/data//etc/passwd",
        "//etc/passwd",
        "/letters.txt%00.html",
        "/letters.txt/",
        "/nothing",
        "/v1/nothing",
    ] {
        let reply = site.get(path, &[]).await;
        assert!(matches!(reply.status.as_u16(), 400 | 404), "{path}: {reply:?}");
        assert!(!reply.body.starts_with(b"secret") && !reply.body.starts_with(b"root:"), "{path}");
    }
    assert_eq!(site.get("/nothing", &[]).await.problem(), (404, "not-found"));
    let post = send(&site.app, request("POST", "/letters.txt", &[], "x")).await;
    assert_eq!(post.status, 405);
}

#[tokio::test]
async fn hidden_files_and_names_that_no_file_has_are_not_found() {
    let site = site();
    for folder in ["root", "data"] {
        let folder = site.folder.path().join(folder);
        fs::write(folder.join(".env"), "secret").unwrap();
        fs::create_dir(folder.join(".git")).unwrap();
        fs::write(folder.join(".git/config"), "secret").unwrap();
    }
    let long = format!("/{}", "a".repeat(256));
    for path in ["/.env", "/data/.env", "/data/%2eenv", "/.git/config", "/data/.git/config", "//sub", &long] {
        assert_eq!(site.get(path, &[]).await.problem(), (404, "not-found"), "{path}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn links_out_of_the_data_folder_are_followed_only_where_that_is_allowed() {
    let site = site();
    let data = site.folder.path().join("data");
    std::os::unix::fs::symlink("../secret.txt", data.join("out.txt")).unwrap();
    std::os::unix::fs::symlink(site.folder.path(), data.join("up")).unwrap();
    std::os::unix::fs::symlink("part.parquet", data.join("in.parquet")).unwrap();
    // Long enough to be compressed.
    fs::write(site.folder.path().join("long.json"), "secret ".repeat(1000)).unwrap();
    std::os::unix::fs::symlink("../long.json", data.join("long.json")).unwrap();
    fs::create_dir_all(data.join("sub")).unwrap();
    std::os::unix::fs::symlink("../../secret.txt", data.join("sub/index.html")).unwrap();
    fs::write(data.join("own.txt"), "own").unwrap();
    std::os::unix::fs::symlink("../secret.txt", data.join("own.txt.br")).unwrap();
    fs::create_dir_all(data.join("images")).unwrap();
    std::os::unix::fs::symlink("../../secret.txt", data.join("images/Photo.JPG")).unwrap();
    for (path, status) in [
        ("/data/out.txt", 404),
        ("/data/up/secret.txt", 404),
        ("/data/long.json", 404),
        ("/data/long.json.br", 404),
        ("/data/long.json.gz", 404),
        ("/data/sub/", 404),
        ("/data/images/photo.jpg", 404),
        ("/data/in.parquet", 200),
        ("/data/no.txt", 404),
    ] {
        assert_eq!(site.get(path, &[]).await.status, status, "{path}");
    }
    assert_eq!(site.get("/data/own.txt", &[("accept-encoding", "br")]).await.body, "own");
    let detail = String::from_utf8(site.get("/data/out.txt", &[]).await.body.to_vec()).unwrap();
    assert!(detail.contains("--follow-links"), "{detail}");
    let settings = Settings { data: Some(data), follow_links: true, ..Settings::default() };
    let app = app(Server::new(None, settings).unwrap());
    assert_eq!(send(&app, request("GET", "/data/out.txt", &[], "")).await.body, "secret");
}

#[tokio::test]
async fn files_of_the_data_folder_run_no_script() {
    let site = site();
    for name in ["page.html", "drawing.svg", "part.parquet"] {
        fs::write(site.folder.path().join("data").join(name), "<script src=x.js></script>").unwrap();
        let reply = site.get(&format!("/data/{name}"), &[]).await;
        let policy = reply.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'") && policy.contains("sandbox"), "{name}: {policy}");
        assert!(!policy.contains("script-src"), "{name}: {policy}");
    }
}

#[tokio::test]
async fn a_request_has_one_host() {
    let site = site();
    let none = axum::http::Request::get("/healthz").body(axum::body::Body::empty()).unwrap();
    assert_eq!(send(&site.app, none).await.problem(), (400, "bad-request"));
    let two = request("GET", "/healthz", &[("host", "localhost"), ("host", "evil.example")], "");
    assert_eq!(send(&site.app, two).await.problem(), (400, "bad-request"));
    let old = axum::http::Request::get("/healthz").version(axum::http::Version::HTTP_10);
    assert_eq!(send(&site.app, old.body(axum::body::Body::empty()).unwrap()).await.status, 200);
}

#[tokio::test]
async fn responses_bear_the_id_that_the_request_has_or_a_new_one() {
    let site = site();
    let given = site.get("/healthz", &[("x-request-id", "from-proxy-7")]).await;
    assert_eq!(given.header("x-request-id"), "from-proxy-7");
    let [first, second] = [site.get("/nothing", &[]).await, site.get("/", &[("x-request-id", "a b")]).await];
    let ids = [first.header("x-request-id"), second.header("x-request-id")];
    assert!(ids.iter().all(|id| id.len() == 36) && ids[0] != ids[1], "{ids:?}");
}

#[tokio::test]
async fn measurements_need_the_token_where_there_is_one() {
    let settings = Settings { token: Some("secret".to_owned()), ..Settings::default() };
    let app = app(Server::new(None, settings).unwrap());
    assert_eq!(send(&app, request("GET", "/metrics", &[], "")).await.problem(), (401, "unauthorized"));
    let with_token = request("GET", "/metrics", &[("authorization", "Bearer secret")], "");
    assert_eq!(send(&app, with_token).await.status, 200);
    assert_eq!(send(&app, request("GET", "/readyz", &[], "")).await.problem(), (503, "unavailable"));
}

#[tokio::test]
async fn every_response_has_the_security_headers() {
    let site = site();
    for path in ["/", "/nothing", "/healthz", "/v1/openapi.json"] {
        let reply = site.get(path, &[]).await;
        let policy = reply.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"), "{policy}");
        assert!(policy.contains("connect-src 'self' blob: data: https://endpoint.example;"), "{policy}");
        assert!(policy.contains("script-src 'self' 'wasm-unsafe-eval';"), "{policy}");
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        // A page that may not link here can tell by it that the server runs.
        let resource = if path == "/healthz" { "cross-origin" } else { "same-origin" };
        assert_eq!(reply.header("cross-origin-resource-policy"), resource, "{path}");
    }
    let settings = Settings { allow_origins: vec!["*".parse().unwrap()], ..Settings::default() };
    let app = app(Server::new(None, settings).unwrap());
    let reply = send(&app, request("GET", "/readyz", &[], "")).await;
    assert_eq!(reply.header("cross-origin-resource-policy"), "cross-origin");
}

#[tokio::test]
async fn without_a_list_of_origins_the_page_may_connect_to_any() {
    let app = app(Server::new(None, Settings::default()).unwrap());
    let reply = send(&app, request("GET", "/healthz", &[], "")).await;
    let policy = reply.header("content-security-policy");
    assert!(policy.contains("connect-src 'self' blob: data: https: http:;"), "{policy}");
}

#[tokio::test]
async fn an_origin_with_a_line_break_is_refused() {
    let connect = vec!["https://a.example\r\nx: y".to_owned()];
    assert!(Server::new(None, Settings { connect, ..Settings::default() }).is_err());
}

#[tokio::test]
async fn a_server_without_an_index_is_unavailable() {
    let app = app(Server::new(None, Settings { limits: Limits::default(), ..Settings::default() }).unwrap());
    let link = request("POST", "/v1/link", &[("content-type", "application/json")], "{}");
    assert_eq!(send(&app, link).await.problem(), (503, "unavailable"));
    assert_eq!(send(&app, request("GET", "/readyz", &[], "")).await.problem(), (503, "unavailable"));
    assert_eq!(send(&app, request("GET", "/healthz", &[], "")).await.body, "ok\n");
    assert_eq!(send(&app, request("GET", "/", &[], "")).await.problem(), (404, "not-found"));
    assert_eq!(
        send(&app, request("DELETE", "/v1/link", &[], "")).await.problem(),
        (405, "method-not-allowed")
    );
}
