//! Checks sizes: lines of a file, columns of a line, lines of a JavaScript function.
//!
//! Clippy checks Rust's functions against the same limit, see `clippy.toml`.

use super::{all_sources, sources};

const MAX_LINES: usize = 800;
const MAX_COLUMNS: usize = 110;
const MAX_FUNCTION_LINES: usize = 80;

#[test]
fn sources_are_within_the_limits() {
    let sources = all_sources();
    assert!(sources.len() >= 300, "found only {} files: the walk is broken", sources.len());
    let mut wrong = Vec::new();
    for (path, text) in &sources {
        wrong.extend(over_limits(path, text));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn clippy_limit_equals_the_javascript_limit() {
    let settings = include_str!("../../../clippy.toml");
    assert!(settings.contains(&format!("too-many-lines-threshold = {MAX_FUNCTION_LINES}\n")));
}

#[test]
fn long_line_file_and_function_are_found() {
    let long = |lines: usize| "x\n".repeat(lines);
    for (path, text, expected) in [
        ("a.rs", "ä".repeat(MAX_COLUMNS), vec![]),
        ("a.rs", "ä".repeat(MAX_COLUMNS + 1), vec!["a.rs:1: 111 columns, at most 110"]),
        ("a.rs", long(MAX_LINES), vec![]),
        ("a.rs", long(MAX_LINES + 1), vec!["a.rs: 801 lines, at most 800"]),
        ("a.js", format!("f() {{\n{}}}\n", long(78)), vec![]),
        ("a.js", format!("class A {{\n{}}}\n", long(90)), vec![]),
        (
            "a.js",
            format!("  f(a) {{\n{}  }}\n", long(79)),
            vec!["a.js:1: a function of 81 lines, at most 80"],
        ),
        (
            "a.js",
            format!("test('t', async () => {{\n{}}});\n", long(79)),
            vec!["a.js:1: a function of 81 lines, at most 80"],
        ),
        (
            "a.mjs",
            format!("f(\n  a,\n) {{\n{}}}\n", long(79)),
            vec!["a.mjs:3: a function of 81 lines, at most 80"],
        ),
        ("a.mjs", format!("  if (a) {{\n{}  }}\n", long(90)), vec![]),
    ] {
        assert_eq!(over_limits(path, &text), expected);
    }
}

#[test]
fn javascript_functions_are_found_in_www() {
    let functions: usize =
        sources("www", "js").iter().map(|(_, text)| javascript_functions(text).len()).sum();
    assert!(functions >= 300, "found only {functions} functions in www");
}

fn over_limits(path: &str, text: &str) -> Vec<String> {
    let mut passed = Vec::new();
    let lines = text.lines().count();
    if lines > MAX_LINES {
        passed.push(format!("{path}: {lines} lines, at most {MAX_LINES}"));
    }
    for (line, number) in text.lines().zip(1..) {
        let columns = line.chars().count();
        if columns > MAX_COLUMNS {
            passed.push(format!("{path}:{number}: {columns} columns, at most {MAX_COLUMNS}"));
        }
    }
    if path.ends_with("js") {
        for (line, length) in
            javascript_functions(text).into_iter().filter(|&(_, length)| length > MAX_FUNCTION_LINES)
        {
            passed.push(format!("{path}:{line}: a function of {length} lines, at most {MAX_FUNCTION_LINES}"));
        }
    }
    passed
}

/// Returns the first line, from 1, and the number of lines of each function that is longer than one line.
///
/// The text is formatted by prettier, so a function ends at the first `}` with the indentation of its
/// first line.
fn javascript_functions(text: &str) -> Vec<(usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let begins = lines.iter().enumerate().filter(|(_, line)| begins_function(line));
    begins
        .map(|(at, line)| {
            let indent = line.len() - line.trim_start().len();
            let ends = |other: &&str| {
                other.get(indent..).is_some_and(|rest| rest.starts_with('}'))
                    && other[..indent].trim().is_empty()
            };
            let length =
                lines[at..].iter().skip(1).position(ends).map_or(lines.len() - at, |length| length + 2);
            (at + 1, length)
        })
        .collect()
}

/// Whether a line ends with the opening brace of a function, a method or an arrow function.
fn begins_function(line: &str) -> bool {
    let line = line.trim();
    let is_control = ["if", "} else if", "for", "while", "switch", "} catch"]
        .iter()
        .any(|word| line.starts_with(&format!("{word} (")));
    let is_signature = line.contains('(') && line.ends_with(") {") && !is_control;
    line == ") {" || line.ends_with("=> {") || is_signature
}
