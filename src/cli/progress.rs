//! How far long work has come: a bar with rate and time left on a terminal, a line now and then elsewhere.

use std::cell::Cell;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

/// Between two lines where there is no terminal.
const BETWEEN_LINES: Duration = Duration::from_secs(5);

/// Shows on standard error how much of some work is done.
pub(super) struct Progress {
    bar: ProgressBar,
    unit: Unit,
    started: Instant,
    /// When the next line is due, where there is no terminal.
    next_line: Cell<Option<Instant>>,
}

enum Unit {
    Bytes,
    Items(&'static str),
}

impl Progress {
    /// Begins work on `total` bytes, where it is known how many.
    pub(super) fn of_bytes(total: Option<u64>) -> Self {
        Self::new(total, Unit::Bytes)
    }

    /// Begins work on `total` things, called `items` in the plural.
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
        // The templates are fixed and right; a bar in the default style would be no failure.
        bar.set_style(
            ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        Self { bar, unit, started, next_line: Cell::new((!terminal).then(|| started + BETWEEN_LINES)) }
    }

    /// Says that `done` of the work is done; `what` tells what came of it.
    pub(super) fn set(&self, done: u64, what: impl Fn() -> String) {
        self.bar.set_position(done);
        let now = Instant::now();
        match self.next_line.get() {
            None => self.bar.set_message(what()),
            Some(due) if now >= due => {
                self.next_line.set(Some(now + BETWEEN_LINES));
                self.print_line(done, now.duration_since(self.started), &what());
            }
            Some(_) => {}
        }
    }

    /// Says that `more` of the work is done.
    pub(super) fn advance(&self, more: u64) {
        self.set(self.bar.position() + more, String::new);
    }

    /// Prints a line of its own, above the bar.
    pub(super) fn say(&self, line: &str) {
        self.bar.suspend(|| eprintln!("{line}"));
    }

    /// Takes the bar away.
    pub(super) fn finish(self) {
        self.bar.finish_and_clear();
    }

    fn print_line(&self, done: u64, elapsed: Duration, what: &str) {
        let rate = done as f64 / elapsed.as_secs_f64();
        let (of, left) = self.bar.length().map_or_else(Default::default, |total| {
            let of = match self.unit {
                Unit::Bytes => format!(" of {}", HumanBytes(total)),
                Unit::Items(_) => format!(" of {total}"),
            };
            (of, format!(", {:.0} s left", total.saturating_sub(done) as f64 / rate))
        });
        match self.unit {
            Unit::Bytes => eprintln!("{}{of}, {}/s{left} {what}", HumanBytes(done), HumanBytes(rate as u64)),
            Unit::Items(items) => eprintln!("{done}{of} {items}, {rate:.1}/s{left} {what}"),
        }
    }
}
