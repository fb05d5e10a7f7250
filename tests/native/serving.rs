//! Starts `masklink serve` as a process for the tests that talk to one.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

/// A running server, killed when a test fails before it ends.
pub(crate) struct Serving {
    pub(crate) process: Child,
    pub(crate) address: String,
}

impl Drop for Serving {
    fn drop(&mut self) {
        // A test that passed has ended it already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts a server on a free port with the token `secret`.
pub(crate) fn serve(arguments: &[&std::ffi::OsStr]) -> Serving {
    let mut process = Command::new(env!("CARGO_BIN_EXE_masklink"))
        .args(["serve", "--port", "0", "--token", "secret"])
        .args(arguments)
        .env("RUST_LOG", "off")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.split(' ').next().unwrap_or_default().to_owned();
    Serving { process, address }
}
