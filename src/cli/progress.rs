//! Shows the progress of long work: a bar with rate and time left on a terminal, a line every few seconds
//! elsewhere.

use std::cell::Cell;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

/// Time between two lines without a terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// Reports the progress of one task on standard error.
pub(super) struct Progress {
    bar: ProgressBar,
    unit: Unit,
    started: Instant,
    /// Due time of the next line; `None` on a terminal.
    next_line: Cell<Option<Instant>>,
}

enum Unit {
    Bytes,
    Items(&'static str),
}

impl Progress {
    /// Starts a task of `total` bytes, if the number is known.
    pub(super) fn of_bytes(total: Option<u64>) -> Self {
        Self::new(total, Unit::Bytes)
    }

    /// Starts a task of `total` items; `items` is their name in the plural.
    pub(super) fn of_items(total: u64, items: &'static str) -> Self {
        Self::new(Some(total), Unit::Items(items))
    }

    fn new(total: Option<u64>, unit: Unit) -> Self {
        let started = Instant::now();
        let terminal = std::io::stderr().is_terminal();
        let bar = if terminal { ProgressBar::no_length() } else { ProgressBar::hidden() };
        match total {
            Some(total) => bar.set_length(total),
            None => bar.unset_length(),
        }
        let template = match unit {
            Unit::Bytes if total.is_none() => "{spinner} {bytes} {bytes_per_sec} {msg}".to_owned(),
            Unit::Bytes => "{wide_bar} {bytes}/{total_bytes} {bytes_per_sec}, {eta} left {msg}".to_owned(),
            Unit::Items(items) => {
                format!("{{wide_bar}} {{pos}}/{{len}} {items}, {{per_sec}}, {{eta}} left {{msg}}")
            }
        };
        // The templates are constant and valid; the default style is a harmless fallback.
        bar.set_style(
            ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        Self { bar, unit, started, next_line: Cell::new((!terminal).then(|| started + LINE_INTERVAL)) }
    }

    /// Sets the amount of work done, with a message.
    pub(super) fn set(&self, done: u64, message: impl Fn() -> String) {
        self.bar.set_position(done);
        let now = Instant::now();
        match self.next_line.get() {
            None => self.bar.set_message(message()),
            Some(due) if now >= due => {
                self.next_line.set(Some(now + LINE_INTERVAL));
                self.print_status(done, now.duration_since(self.started), &message());
            }
            Some(_) => {}
        }
    }

    /// Adds to the amount of work done.
    pub(super) fn advance(&self, more: u64) {
        self.set(self.bar.position() + more, String::new);
    }

    /// Prints a line above the bar.
    pub(super) fn println(&self, line: &str) {
        self.bar.suspend(|| eprintln!("{line}"));
    }

    /// Removes the bar.
    pub(super) fn finish(self) {
        self.bar.finish_and_clear();
    }

    fn print_status(&self, done: u64, elapsed: Duration, message: &str) {
        let rate = done as f64 / elapsed.as_secs_f64();
        let (of, left) = self.bar.length().map_or_else(Default::default, |total| {
            let of = match self.unit {
                Unit::Bytes => format!(" of {}", HumanBytes(total)),
                Unit::Items(_) => format!(" of {total}"),
            };
            (of, format!(", {:.0} s left", total.saturating_sub(done) as f64 / rate))
        });
        let (done, rate) = match self.unit {
            Unit::Bytes => (format!("{}{of}", HumanBytes(done)), HumanBytes(rate as u64).to_string()),
            Unit::Items(items) => (format!("{done}{of} {items}"), format!("{rate:.1}")),
        };
        eprintln!("{done}, {rate}/s{left} {message}");
    }
}
