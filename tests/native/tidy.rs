//! The house rules, as tests: who may name whom, how each file opens, how long it may be, what it
//! must not hold.

mod circles;
mod limits;
mod rust;
mod words;

use std::fs;
use std::path::{Path, PathBuf};

/// Which modules of the crate each module may name, besides itself. An arrow is added by a line
/// here, on purpose.
const MAY_NAME: [(&str, &[&str]); 12] = [
    ("geometry", &[]),
    ("pixels", &["geometry"]),
    ("rle", &["geometry"]),
    ("dataset", &["geometry", "rle"]),
    ("gpu", &[]),
    ("render", &["geometry", "rle", "gpu"]),
    ("model", &["geometry", "pixels"]),
    ("segment", &["geometry", "pixels", "rle", "model"]),
    ("link", &["geometry", "pixels", "rle", "model", "gpu"]),
    ("app", &["geometry", "rle", "render", "segment", "link"]),
    ("web", &["geometry", "pixels", "rle", "gpu", "dataset", "render", "model", "segment", "link", "app"]),
    ("cli", &["geometry", "pixels", "rle", "dataset", "model", "segment", "link"]),
];

/// Words that stand in one place only: the pattern, and the paths where it may stand.
const KEPT_TO: [(&str, &[&str]); 3] = [
    ("wgpu::", &["src/gpu/", "src/render/", "src/link/search"]),
    ("#[wasm_bindgen", &["src/web/"]),
    ("ort::", &["src/cli/onnx"]),
];

const MAX_LINES: usize = 800;

#[test]
fn modules_name_only_what_they_may() {
    let sources = sources("src", "rs");
    assert!(sources.len() >= 20, "found only {} sources: the walk is broken", sources.len());
    let modules: Vec<&str> = MAY_NAME.iter().map(|(module, _)| *module).collect();
    let mut wrong = Vec::new();
    for (path, text) in &sources {
        let Some((module, granted)) =
            MAY_NAME.iter().find(|(module, _)| path.starts_with(&format!("src/{module}/")))
        else {
            continue;
        };
        for (number, line) in statements(text) {
            for named in modules.iter().filter(|named| *named != module && !granted.contains(named)) {
                if names_module(&line, named) {
                    wrong.push(format!("{path}:{number}: {module} names {named}: {}", line.trim()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that the design does not have:\n{}", wrong.join("\n"));
}

#[test]
fn platform_libraries_stay_in_their_place() {
    let mut wrong = Vec::new();
    for (path, text) in &sources("src", "rs") {
        for (pattern, places) in KEPT_TO {
            if places.iter().any(|place| path.starts_with(place)) {
                continue;
            }
            for (number, line) in code_lines(text).filter(|(_, line)| holds_word(line, pattern)) {
                wrong.push(format!("{path}:{number}: {pattern} outside {places:?}: {}", line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_open_with_what_they_are_for_and_stay_short() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for folder in ["src", "tests", "benches", "examples"] {
        for (path, text) in sources(folder, "rs") {
            seen += 1;
            let opening = text.lines().next().unwrap_or_default();
            // A fuzz target opens with the attribute that the fuzzer's runtime needs.
            if !opening.starts_with("//! ") && !opening.starts_with("#![no_main]") {
                wrong.push(format!("{path}: does not open with a `//!` sentence"));
            }
            let length = text.lines().count();
            if length > MAX_LINES {
                wrong.push(format!("{path}: {length} lines, at most {MAX_LINES}"));
            }
        }
    }
    assert!(seen >= 20, "found only {seen} files: the walk is broken");
    for (path, text) in
        sources("www", "js").into_iter().chain(sources("tests", "mjs")).chain(sources("tools", "py"))
    {
        if !["/**", "\"\"\"", "// ", "#!"].iter().any(|opening| text.starts_with(opening)) {
            wrong.push(format!("{path}: does not open with a comment on what it is for"));
        }
        if text.lines().count() > MAX_LINES {
            wrong.push(format!("{path}: {} lines, at most {MAX_LINES}", text.lines().count()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn kernels_say_what_they_compute() {
    let shaders = sources("src", "wgsl");
    let silent: Vec<&String> =
        shaders.iter().filter(|(_, text)| !text.starts_with("// ")).map(|(path, _)| path).collect();
    assert!(silent.is_empty(), "shaders without an opening comment: {silent:?}");
}

#[test]
fn nothing_is_left_open() {
    let open = ["TODO", "FIXME", "XXX", "unimplemented!", "todo!("];
    let mut wrong = Vec::new();
    for (path, text) in
        sources("src", "rs").into_iter().chain(sources("www", "js")).chain(sources("tools", "py"))
    {
        for (number, line) in text.lines().enumerate() {
            if open.iter().any(|word| line.contains(word)) {
                wrong.push(format!("{path}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_check_itself_sees_a_forbidden_name() {
    assert!(names_module("use crate::render::Scene;", "render"));
    assert!(names_module("use crate::{geometry::Size, render};", "render"));
    assert!(!names_module("use crate::geometry::Size; // not render", "render"));
    assert!(!names_module("let rendered = crate::rle::Mask;", "render"));
    let broken = statements("use crate::{\n    geometry::Size,\n    render,\n};\nlet x = 1;\n");
    assert!(broken.len() == 2 && names_module(&broken[0].1, "render"));
    assert!(holds_word("let d: wgpu::Device;", "wgpu::"));
    assert!(!holds_word("use crate::sort::by;", "ort::"));
}

/// Whether a line of code reaches for `crate::module` or `super::super::module`, alone or in a braced list.
fn names_module(line: &str, module: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    let Some(at) = code.find("crate::") else { return false };
    let path = &code[at + "crate::".len()..];
    match path.strip_prefix('{') {
        Some(list) => list.split([',', '}']).any(|part| first_name(part.trim()) == module),
        None => first_name(path) == module,
    }
}

fn first_name(path: &str) -> &str {
    path.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()
}

/// Whether `pattern` stands in `line` and is not the tail of a longer name.
fn holds_word(line: &str, pattern: &str) -> bool {
    line.match_indices(pattern).any(|(at, _)| {
        !line[..at].chars().next_back().is_some_and(|before| before.is_alphanumeric() || before == '_')
    })
}

/// The lines that are not comments, with their numbers from 1.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// The code lines, with a `use` that is broken over several lines joined into one.
fn statements(text: &str) -> Vec<(usize, String)> {
    let mut joined: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for (number, line) in code_lines(text) {
        match joined.last_mut() {
            Some((_, statement)) if open => statement.push_str(line.trim()),
            _ => joined.push((number, line.to_owned())),
        }
        let begins_use = line.trim_start().trim_start_matches("pub ").starts_with("use ");
        open = (open || begins_use) && !line.trim_end().ends_with(';');
    }
    joined
}

/// Every file that is ours to word and format: Rust, shaders, JavaScript, styles, pages, Python, the build.
fn all_sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for folder in ["src", "tests", "benches", "examples", "www", "tools"] {
        for extension in ["rs", "wgsl", "js", "mjs", "css", "html", "py"] {
            found.extend(sources(folder, extension));
        }
    }
    let build = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/build.sh")).unwrap();
    found.push(("build.sh".to_owned(), build));
    found
}

/// Every file below `folder` with this extension: its path from the repository's root, and its text.
fn sources(folder: &str, extension: &str) -> Vec<(String, String)> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    collect(&root.join(folder), extension, &mut found);
    found.sort();
    found
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            (path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/"), text)
        })
        .collect()
}

fn collect(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if path
                .file_name()
                .is_some_and(|name| name != "target" && name != "node_modules" && name != "corpus")
            {
                collect(&path, extension, found);
            }
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
}

#[test]
fn the_page_knows_the_longest_side_that_can_be_drawn() {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/www/viewer/image.js")).unwrap();
    let line = text
        .lines()
        .find(|line| line.contains("const MAX_IMAGE_SIDE = "))
        .expect("the page has no such limit");
    let digits: String = line.chars().filter(char::is_ascii_digit).collect();
    assert_eq!(digits.parse(), Ok(masklink::render::MAX_SIDE), "{line}");
}
