//! Starts `masklink serve` as a process for the tests that talk to one.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// A running server, killed when a test fails before it ends.
pub(crate) struct Serving {
    pub(crate) process: Child,
    /// The URL that the server printed.
    pub(crate) address: String,
    /// The line that the server printed when it was ready.
    #[allow(dead_code, reason = "tests/measure.rs needs the address only")]
    pub(crate) line: String,
    output: BufReader<ChildStdout>,
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
    let mut command = Command::new(env!("CARGO_BIN_EXE_masklink"));
    command.args(["serve", "--port", "0", "--token", "secret"]).args(arguments).env("RUST_LOG", "off");
    Serving::start(&mut command)
}

impl Serving {
    /// Starts a server and waits until it is ready.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let mut serving = Self { process, address: String::new(), line: String::new(), output };
        serving.output.read_line(&mut serving.line).unwrap();
        serving.address = serving.line.split(' ').next().unwrap_or_default().to_owned();
        assert!(serving.address.starts_with("http://"), "the server printed {:?}", serving.line);
        serving
    }
}

#[allow(dead_code, reason = "tests/measure.rs needs none of these")]
impl Serving {
    /// Returns the host and port.
    pub(crate) fn host(&self) -> &str {
        self.address.trim_start_matches("http://").trim_end_matches('/')
    }

    /// Sends a signal, such as `TERM`.
    #[cfg(unix)]
    pub(crate) fn signal(&self, name: &str) {
        let arguments = [format!("-{name}"), self.process.id().to_string()];
        assert!(Command::new("kill").args(arguments).status().unwrap().success(), "SIG{name} is not sent");
    }

    /// Waits at most ten seconds for the end.
    pub(crate) fn ends(&mut self) -> bool {
        for _ in 0..200 {
            if self.process.try_wait().unwrap().is_some() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        false
    }

    /// Ends the server in order, and returns the rest of its standard output and its piped log.
    #[cfg(unix)]
    pub(crate) fn end(mut self) -> (String, String) {
        self.signal("TERM");
        assert!(self.ends(), "the server does not end");
        let [mut rest, mut log] = [String::new(), String::new()];
        self.output.read_to_string(&mut rest).unwrap();
        if let Some(mut stream) = self.process.stderr.take() {
            stream.read_to_string(&mut log).unwrap();
        }
        (rest, log)
    }

    /// Returns the piped log.
    pub(crate) fn log(&mut self) -> Log {
        Log::of(self.process.stderr.take().unwrap())
    }
}

/// The lines of a log.
pub(crate) struct Log(Receiver<String>);

#[allow(dead_code, reason = "tests/measure.rs reads no log")]
impl Log {
    /// Reads the log in a thread of its own, so that a wait for a line can end.
    fn of(stream: ChildStderr) -> Self {
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            let lines = BufReader::new(stream).lines().map_while(Result::ok);
            lines.for_each(|line| drop(sender.send(line)));
        });
        Self(lines)
    }

    /// Waits at most a minute for the next line that contains these words.
    pub(crate) fn line_with(&self, words: &str) -> String {
        let mut before = Vec::new();
        loop {
            match self.0.recv_timeout(Duration::from_mins(1)) {
                Ok(line) if line.contains(words) => return line,
                Ok(line) => before.push(line),
                Err(error) => panic!("{error}: no line with {words:?} after {before:#?}"),
            }
        }
    }
}
