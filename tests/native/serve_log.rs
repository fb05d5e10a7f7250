//! The log of `masklink serve` as a process: lines of a start, of a reload, of requests and of failures.
#![cfg(unix)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

use crate::plvel::built;

/// Maximum time until a line of the log.
const MAX_WAIT: Duration = Duration::from_mins(1);

/// A server whose log is read line by line; killed at the end of the test.
struct Logging {
    process: Child,
    log: Receiver<String>,
}

impl Drop for Logging {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts a server on a free port that logs in JSON.
fn start(arguments: &[&str]) -> Logging {
    let mut process = Command::new(env!("CARGO_BIN_EXE_masklink"))
        .args(["serve", "--port", "0", "--log-format", "json"])
        .args(arguments)
        .env("RUST_LOG", "masklink=debug")
        .env_remove("MASKLINK_TOKEN")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(process.stderr.take().unwrap()).lines();
    let (sender, log) = channel();
    std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
    Logging { process, log }
}

impl Logging {
    /// Returns the next line whose message contains `words`; each line must be JSON.
    fn line(&self, words: &str) -> Value {
        loop {
            let line =
                self.log.recv_timeout(MAX_WAIT).unwrap_or_else(|error| panic!("no {words:?}: {error}"));
            let line: Value =
                serde_json::from_str(&line).unwrap_or_else(|_| panic!("no {words:?}: {line:?}"));
            if line["message"].as_str().is_some_and(|message| message.contains(words)) {
                return line;
            }
        }
    }

    /// Waits until the server is ready, and returns its host and port.
    fn address(&self) -> String {
        let line = self.line("ready");
        assert_eq!(line["level"], "INFO", "{line}");
        line["url"].as_str().unwrap().trim_start_matches("http://").trim_end_matches('/').to_owned()
    }

    fn hang_up(&self) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
    }
}

/// Sends a request and returns the response.
fn send(address: &str, method: &str, path: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response
}

#[test]
fn failed_start_is_a_line_of_the_log() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let store = file.path().join("store");
    let mut server = start(&["--store", store.to_str().unwrap()]);
    let line = server.line("the server failed");
    assert_eq!(line["level"], "ERROR", "{line}");
    assert!(line["error"].as_str().unwrap().contains(store.to_str().unwrap()), "{line}");
    let rest: Vec<String> = server.log.iter().collect();
    assert!(rest.is_empty(), "{rest:?}");
    assert_eq!(server.process.wait().unwrap().code(), Some(1));
}

#[test]
fn request_is_logged_once_with_its_id_and_the_address_of_the_client() {
    let server = start(&["--trusted-proxy", "127.0.0.0/8"]);
    let address = server.address();
    let headers = "x-request-id: one\r\nx-forwarded-for: 198.51.100.7\r\n";
    assert!(send(&address, "GET", "/healthz", headers).starts_with("HTTP/1.1 200"));
    let line = server.line("request");
    assert_eq!((&line["client"], &line["span"]["id"]), (&"198.51.100.7".into(), &"one".into()), "{line}");
    assert!(line["spans"].is_null(), "{line}");
    // There is no index to load, and so none that stays in use.
    server.hang_up();
    let line = server.line("loaded");
    assert_eq!((&line["level"], &line["message"]), (&"WARN".into(), &"nothing was loaded".into()), "{line}");
}

#[test]
fn open_server_on_other_addresses_warns() {
    let server = start(&["--host", "0.0.0.0"]);
    let line = server.line("MASKLINK_TOKEN");
    assert_eq!(line["level"], "WARN", "{line}");
    let server = start(&["--host", "0.0.0.0", "--token", "secret"]);
    let first = server.log.recv_timeout(MAX_WAIT).unwrap();
    assert!(first.contains("ready"), "{first}");
}

#[test]
fn reload_by_request_is_logged_with_the_id_of_the_request() {
    let Some(built) = built() else { return };
    let folder = built.folder();
    let server = start(&["--token", "secret", "--index", folder.to_str().unwrap()]);
    let address = server.address();
    let headers = "authorization: Bearer secret\r\nx-request-id: two\r\ncontent-length: 0\r\n";
    assert!(send(&address, "POST", "/v1/admin/reload", headers).starts_with("HTTP/1.1 200"));
    let by_request = server.line("loaded the index");
    assert_eq!(by_request["span"]["id"], "two", "{by_request}");
    server.hang_up();
    let by_signal = server.line("loaded the index");
    assert_eq!(
        (&by_signal["index"], &by_signal["entities"]),
        (&by_request["index"], &by_request["entities"]),
        "{by_signal}"
    );
    assert!(by_signal["span"].is_null(), "{by_signal}");
}

#[test]
fn start_that_waits_for_qdrant_says_so_at_once() {
    let Some(built) = built() else { return };
    let folder = built.folder();
    // Nothing listens there any more.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let qdrant = format!("http://{address}");
    let arguments = ["--backend", "qdrant", "--collection", "things", "--qdrant", &qdrant];
    let server = start(&[&arguments[..], &["--index", folder.to_str().unwrap()]].concat());
    let line = server.line("Qdrant");
    assert_eq!((&line["level"], &line["url"]), (&"WARN".into(), &qdrant.into()), "{line}");
}
