//! How far long work has come: a bar with rate and time left on a terminal, a line now and then elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

/// Between two lines where there is no terminal.
const BETWEEN_LINES: Duration = Duration::from_secs(5);

/// Shows on standard error how many bytes of a file are done.
pub(super) struct ByteProgress {
    bar: ProgressBar,
    total: u64,
    started: Instant,
    /// When the next line is due, where there is no terminal.
    next_line: Option<Instant>,
}

impl ByteProgress {
    /// Begins work on `total` bytes.
    pub(super) fn new(total: u64) -> anyhow::Result<Self> {
        let started = Instant::now();
        let terminal = std::io::stderr().is_terminal();
        let bar = if terminal { ProgressBar::new(total) } else { ProgressBar::hidden() };
        let template = "{wide_bar} {bytes}/{total_bytes} {bytes_per_sec}, {eta} left, {msg}";
        bar.set_style(ProgressStyle::with_template(template)?);
        Ok(Self { bar, total, started, next_line: (!terminal).then(|| started + BETWEEN_LINES) })
    }

    /// Says that `bytes` are done; `what` tells what came of them.
    pub(super) fn set(&mut self, bytes: u64, what: impl Fn() -> String) {
        self.bar.set_position(bytes);
        let now = Instant::now();
        match self.next_line {
            None => self.bar.set_message(what()),
            Some(due) if now >= due => {
                let rate = bytes as f64 / now.duration_since(self.started).as_secs_f64();
                let left = self.total.saturating_sub(bytes) as f64 / rate;
                eprintln!(
                    "{} of {}, {}/s, {left:.0} s left, {}",
                    HumanBytes(bytes),
                    HumanBytes(self.total),
                    HumanBytes(rate as u64),
                    what()
                );
                self.next_line = Some(now + BETWEEN_LINES);
            }
            Some(_) => {}
        }
    }

    /// Takes the bar away.
    pub(super) fn finish(self) {
        self.bar.finish_and_clear();
    }
}
