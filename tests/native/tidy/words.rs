//! Checks the words: marks of the old dialect, short doc comments, the length of the glossary.

use std::collections::BTreeSet;

use regex::Regex;

use super::{all_sources, documents, sources};

/// Maximum percentage of doc comments of three words or fewer, which mostly repeat a name.
const MAX_SHORT_PERCENT: usize = 8;

/// A word or phrase to avoid.
struct Mark {
    /// Regular expression over one line, or over the first line of a doc comment.
    pattern: &'static str,
    lines: Lines,
    /// A line that the pattern must find.
    sample: &'static str,
    /// Plainer words.
    instead: &'static str,
}

/// The lines in which a mark is looked for.
#[derive(Clone, Copy, PartialEq)]
enum Lines {
    All,
    /// First lines of doc comments, from after the signs that open them.
    DocOpenings,
}

const MARKS: [Mark; 13] = [
    Mark {
        pattern: r"^Answers?\b",
        lines: Lines::DocOpenings,
        sample: "/// Answers the area.",
        instead: "Returns",
    },
    Mark {
        pattern: r"//.*\b(and|;) answers\b",
        lines: Lines::All,
        sample: "// Adds one and answers its index.",
        instead: "and returns",
    },
    Mark {
        pattern: r"\b(MOST|LEAST)_[A-Z]",
        lines: Lines::All,
        sample: "const MOST_RUNS: u32 = 1;",
        instead: "MAX_, MIN_",
    },
    Mark { pattern: r"(?i)pictur", lines: Lines::All, sample: "let pictureSize = 1;", instead: "image" },
    Mark {
        pattern: r"(?i)\bbettered\b",
        lines: Lines::All,
        sample: "// A mask that is bettered.",
        instead: "refined",
    },
    Mark {
        pattern: r"(?i)\b(from near|closer look)",
        lines: Lines::All,
        sample: "// Looked at from near.",
        instead: "refinement pass, crop",
    },
    Mark {
        pattern: r"(?i)\btool in hand\b",
        lines: Lines::All,
        sample: "// The tool in hand.",
        instead: "active tool",
    },
    Mark {
        pattern: r"(?i)\bcolouring\b",
        lines: Lines::All,
        sample: "// The colouring.",
        instead: "color mode",
    },
    Mark {
        pattern: r"(?i)\btak(es?|en|ing) in\b",
        lines: Lines::All,
        sample: "// Takes in a chunk.",
        instead: "reads, applies",
    },
    Mark {
        pattern: r"^(What|Where|Who|Whom|Whose)\b",
        lines: Lines::DocOpenings,
        sample: "    /// What draws.",
        instead: "a noun or a verb",
    },
    Mark {
        pattern: r"(^|\s)(//|#) (What|Where|Who|Whom|Whose)\b",
        lines: Lines::All,
        sample: "    // What is left is sent again.",
        instead: "a noun or a verb first",
    },
    Mark {
        pattern: r"\bfn (what|who|whose)_",
        lines: Lines::All,
        sample: "fn what_is_lost_comes_back() {",
        instead: "condition and outcome",
    },
    Mark {
        pattern: r"(?i)\btest\(\s*['`](what|who|whose) ",
        lines: Lines::All,
        sample: "test('who waits is told', () => {",
        instead: "condition and outcome",
    },
];

/// Paths in which a word is right: the world of photographs and paintings, quotations, and this list.
const EXCEPT: &[(&str, &str)] = &[("tools/sample_world/", "image"), ("tests/native/tidy/words.rs", "")];

#[test]
fn no_source_has_a_mark() {
    let marks = compiled();
    let (mut seen, mut wrong) = (0, Vec::new());
    for (path, text) in all_sources().into_iter().chain(documents()) {
        seen += 1;
        let excepted = |mark: &Mark| {
            EXCEPT.iter().any(|(prefix, word)| path.starts_with(prefix) && mark.instead.starts_with(word))
        };
        for (number, found, instead) in found_in(&text, &marks, excepted) {
            wrong.push(format!("{path}:{number}: {found:?}, better: {instead}"));
        }
    }
    assert!(seen >= 300, "found only {seen} files: the walk is broken");
    assert!(wrong.is_empty(), "{} words:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn each_mark_finds_its_sample() {
    let marks = compiled();
    for mark in &MARKS {
        let found = found_in(mark.sample, &marks, |_| false);
        assert!(found.iter().any(|(_, _, instead)| *instead == mark.instead), "{}", mark.sample);
    }
    let rust = "/// Returns the area.\n///\n/// What it counts.\nlet x = 1; // It answers.\n";
    let javascript = "/** Where. */\n/**\n * @file Who.\n */";
    let plain = format!("{rust}{javascript}");
    let found: Vec<usize> = found_in(&plain, &marks, |_| false).iter().map(|found| found.0).collect();
    assert_eq!(found, [5, 7]);
}

#[test]
fn few_doc_comments_have_three_words_or_fewer() {
    let comments: Vec<(String, String)> = sources("src", "rs")
        .iter()
        .flat_map(|(path, text)| doc_comments(text).into_iter().map(|words| (path.clone(), words)))
        .collect();
    assert!(comments.len() >= 2_000, "found only {} doc comments", comments.len());
    let is_short = |(_, words): &&(String, String)| words.split_whitespace().count() <= 3;
    let short: Vec<_> = comments.iter().filter(is_short).collect();
    assert!(100 * short.len() <= MAX_SHORT_PERCENT * comments.len(), "{} are short: {short:#?}", short.len());
}

#[test]
fn doc_comments_are_joined_over_their_lines() {
    let text = "//! File.\n/// One\n/// two.\nstruct A {\n    /// Three.\n    a: u8, // four\n}";
    assert_eq!(doc_comments(text), ["One two.", "Three."]);
}

/// Returns the doc comments of a file's items.
fn doc_comments(text: &str) -> Vec<String> {
    let mut comments: Vec<String> = Vec::new();
    let mut before = false;
    for line in text.lines() {
        let words = line.trim().strip_prefix("///");
        match (words, comments.last_mut()) {
            (Some(words), Some(comment)) if before => comment.push_str(words),
            (Some(words), _) => comments.push(words.trim().to_owned()),
            (None, _) => {}
        }
        before = words.is_some();
    }
    comments
}

#[test]
fn glossary_has_at_most_25_terms() {
    let map = include_str!("../../../src/lib.rs");
    let (_, glossary) = map.split_once("//! # Glossary\n").expect("src/lib.rs has no glossary");
    let section = glossary.lines().take_while(|line| line.starts_with("//!") && !line.starts_with("//! #"));
    let terms: Vec<&str> = section
        .filter_map(|line| line.strip_prefix("//! - **")?.split_once("**: ").map(|(term, _)| term))
        .collect();
    assert!((15..=25).contains(&terms.len()), "{} terms", terms.len());
    assert_eq!(terms.iter().collect::<BTreeSet<_>>().len(), terms.len(), "a term stands twice");
}

fn compiled() -> Vec<(&'static Mark, Regex)> {
    MARKS.iter().map(|mark| (mark, Regex::new(mark.pattern).unwrap())).collect()
}

/// Returns line number, text found and plainer words of each mark in a text.
fn found_in<'a>(
    text: &'a str,
    marks: &[(&'static Mark, Regex)],
    excepted: impl Fn(&Mark) -> bool,
) -> Vec<(usize, &'a str, &'static str)> {
    let mut found = Vec::new();
    let mut before = "";
    for (line, number) in text.lines().zip(1..) {
        let opening = doc_opening(before, line);
        before = line;
        for (mark, pattern) in marks.iter().filter(|(mark, _)| !excepted(mark)) {
            let searched = if mark.lines == Lines::DocOpenings { opening } else { Some(line) };
            found.extend(
                searched.and_then(|text| pattern.find(text)).map(|hit| (number, hit.as_str(), mark.instead)),
            );
        }
    }
    found
}

/// Returns the words of the first line of a doc comment; `None` where a line is not one.
fn doc_opening<'a>(before: &str, line: &'a str) -> Option<&'a str> {
    let (before, line) = (before.trim(), line.trim());
    let words = match before {
        "/**" => line.strip_prefix("* ")?,
        _ => ["/// ", "//! ", "/** ", "\"\"\""].iter().find_map(|sign| line.strip_prefix(sign))?,
    };
    let goes_on = ["///", "//!"].iter().any(|sign| before.starts_with(sign) && line.starts_with(sign));
    (!goes_on).then(|| words.trim_start_matches("@file "))
}
