//! BM25 over made-up titles: `cargo bench --bench titles -- TITLES`, time to build, size on disk, latency.
//!
//! A title has 1 to 8 words, with the shares of `WORDS`: 2.9 on average. Words are drawn by Zipf's law with
//! the exponent 1 from a vocabulary of 1.5 million: the rank is `1.5e6^u` of a uniform `u`. The word of a
//! rank is its number in syllables of two letters: 2 letters for the 100 most frequent words, 4 for the next
//! 9,900, then 6 and 8. These shares and sizes are set to resemble those of Wikipedia's titles, from memory
//! and not fitted. QIDs count up. Questions are titles drawn uniformly, a third each as they are, with a
//! word more, and with a word less where there are several.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark fails by panicking")]

use std::path::Path;
use std::time::{Duration, Instant};

use masklink::cli::titles::index::{TitleIndex, write};
use masklink::cli::titles::list::TitleList;

#[path = "shared/numbers.rs"]
mod numbers;

use numbers::Numbers;

/// Percentage of titles with 1, 2, … words.
const WORDS: [u64; 8] = [15, 34, 23, 13, 8, 4, 2, 1];
const VOCABULARY: f64 = 1.5e6;
const QUESTIONS: usize = 3000;
const TOP: usize = 10;

fn word(numbers: &mut Numbers) -> String {
    const CONSONANTS: &[u8; 20] = b"bcdfghjklmnpqrstvwxz";
    const VOWELS: &[u8; 5] = b"aeiou";
    let mut rank = VOCABULARY.powf(numbers.uniform()) as usize;
    let mut word = String::new();
    loop {
        let syllable = rank % 100;
        word.push(char::from(CONSONANTS[syllable / 5]));
        word.push(char::from(VOWELS[syllable % 5]));
        rank /= 100;
        if rank == 0 {
            return word;
        }
    }
}

fn title(numbers: &mut Numbers) -> String {
    let mut drawn = numbers.next() % 100;
    let mut count = 0;
    while drawn >= WORDS[count] {
        drawn -= WORDS[count];
        count += 1;
    }
    let words: Vec<String> = (0..=count).map(|_| word(numbers)).collect();
    words.join(" ")
}

/// Returns the bytes of all files below a folder.
fn bytes_below(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| {
            let metadata = entry.metadata().unwrap();
            if metadata.is_dir() { bytes_below(&entry.path()) } else { metadata.len() }
        })
        .sum()
}

/// Returns the maximum memory of this process so far, in MB; 0 where the system does not tell.
fn peak_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1000
}

fn main() {
    let count = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(100_000);
    let mut numbers = Numbers(1);
    let mut titles = TitleList::default();
    for at in 1..=count {
        assert!(titles.push(&format!("Q{at}"), &title(&mut numbers)));
    }
    titles.sort();
    let folder = tempfile::tempdir().unwrap();
    let started = Instant::now();
    let header = write(folder.path(), &titles).unwrap();
    let built = started.elapsed();
    println!(
        "{count} titles, {:.2} words each, built in {:.1} s, {:.0} MB on disk, at most {} MB of memory",
        header.words as f64 / f64::from(count),
        built.as_secs_f64(),
        bytes_below(folder.path()) as f64 / 1e6,
        peak_megabytes(),
    );
    let started = Instant::now();
    let index = TitleIndex::open(folder.path()).unwrap();
    println!("opened in {:.1} ms", started.elapsed().as_secs_f64() * 1e3);
    let all: Vec<(&str, &str)> = titles.iter().collect();
    for kind in ["as it is", "a word more", "a word less"] {
        ask(&index, &all, kind, &mut numbers);
    }
}

/// Prints the latency of questions of one kind, and how many have their title first and their QID among
/// the first ten.
fn ask(index: &TitleIndex, titles: &[(&str, &str)], kind: &str, numbers: &mut Numbers) {
    let mut times: Vec<Duration> = Vec::new();
    let (mut found, mut equal) = (0, 0);
    for _ in 0..QUESTIONS / 3 {
        let (qid, title) = titles[numbers.next() as usize % titles.len()];
        let text = match (kind, title.split_once(' ')) {
            ("a word more", _) => format!("{title} {}", word(numbers)),
            ("a word less", Some((_, rest))) => rest.to_owned(),
            _ => title.to_owned(),
        };
        let started = Instant::now();
        let top = index.search(&text, TOP).unwrap();
        times.push(started.elapsed());
        found += usize::from(top.iter().any(|one| one.qid == qid));
        equal += usize::from(top.first().is_some_and(|one| one.title == title));
    }
    times.sort();
    let at = |part: f64| times[(part * (times.len() - 1) as f64) as usize].as_secs_f64() * 1e3;
    let percent = |count: usize| 100.0 * count as f64 / times.len() as f64;
    println!(
        "{kind}: p50 {:.2} ms, p95 {:.2} ms, max {:.1} ms; its title first {:.1} %, \
         its QID among {TOP} {:.1} %",
        at(0.5),
        at(0.95),
        at(1.0),
        percent(equal),
        percent(found),
    );
}
