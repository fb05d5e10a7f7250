//! Tests of the source text: arrows between modules, openings of files, sizes and words.

mod circles;
mod limits;
mod rust;
mod words;

use std::fs;
use std::path::{Path, PathBuf};

use rust::{Module, module_path};

/// The modules of the crate that each module may name, besides itself.
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

/// The only names that a module may use of another one which it may name.
const ONLY: [(&str, &str, &[&str]); 2] =
    [("app", "segment", &["Prompt", "Prompts", "Refine", "Ticket"]), ("app", "link", &["protocol"])];

/// Patterns that only the given paths may contain.
const KEPT_TO: [(&str, &[&str]); 3] = [
    ("wgpu::", &["src/gpu/", "src/render/", "src/link/search"]),
    ("#[wasm_bindgen", &["src/web/"]),
    ("ort::", &["src/cli/onnx", "src/web/"]),
];

#[test]
fn modules_name_only_granted_modules() {
    let sources = sources("src", "rs");
    assert!(sources.len() >= 150, "found only {} sources: the walk is broken", sources.len());
    let wrong: Vec<String> = sources
        .iter()
        .flat_map(|(path, text)| {
            forbidden_names(path, text).into_iter().map(move |named| format!("{path} names {named}"))
        })
        .collect();
    assert!(wrong.is_empty(), "arrows that MAY_NAME does not grant:\n{}", wrong.join("\n"));
}

#[test]
fn made_up_source_with_a_forbidden_name_is_found() {
    for (text, expected) in [
        ("use crate::geometry::Size; // crate::render", vec![]),
        ("let rendered = crate::rle::Mask;", vec![]),
        ("use crate::{\n    geometry::Size,\n    render::{self, Scene},\n};", vec!["render", "render"]),
        ("mod tests { fn f() { crate::link::g() } }", vec!["link"]),
        ("use super::super::super::app::State;", vec!["app"]),
    ] {
        assert_eq!(forbidden_names("src/dataset/json/a.rs", text), expected, "{text}");
    }
    assert!(holds_word("let d: wgpu::Device;", "wgpu::"));
    assert!(!holds_word("use crate::sort::by;", "ort::"));
    assert!(!holds_word("use super::ort::Runtime;", "ort::"));
}

/// Returns the modules that a file names without a grant, or of which it names more than [`ONLY`] grants.
fn forbidden_names(path: &str, text: &str) -> Vec<&'static str> {
    let at = module_path(path);
    let grant = MAY_NAME.iter().find(|(module, _)| at.len() > 1 && at[0] == *module || at == [*module]);
    let Some((module, granted)) = grant else { return Vec::new() };
    let named = |path: &Vec<String>| {
        let supers = path.iter().take_while(|name| *name == "super").count();
        let from_root = path.first()? == "crate" || supers > 0 && supers == at.len();
        let path = if from_root { &path[supers.max(1)..] } else { return None };
        let (found, _) =
            MAY_NAME.iter().find(|(module, _)| path.first().is_some_and(|name| name == module))?;
        let only = ONLY.iter().find(|(user, used, _)| user == module && used == found);
        let is_granted = granted.contains(found)
            && only
                .is_none_or(|(_, _, names)| path.get(1).is_some_and(|name| names.contains(&name.as_str())));
        (found != module && !is_granted).then_some(*found)
    };
    Module::read_with_tests(path, text).paths.iter().filter_map(named).collect()
}

#[test]
fn app_that_names_more_than_prompts_and_protocol_is_found() {
    for (text, expected) in [
        ("use crate::segment::{Prompt, Prompts};\nuse crate::link::protocol::LinkResponse;", vec![]),
        ("use crate::segment::{Prompt, Session};", vec!["segment"]),
        ("use super::super::link::{Index, protocol};", vec!["link"]),
        ("use crate::segment;\nuse crate::link::*;", vec!["link", "segment"]),
    ] {
        assert_eq!(forbidden_names("src/app/a.rs", text), expected, "{text}");
    }
}

#[test]
fn platform_libraries_are_used_only_in_their_place() {
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
fn files_open_with_their_purpose() {
    let wrong: Vec<String> = all_sources()
        .into_iter()
        .filter(|(path, text)| !opens_with_purpose(path, text))
        .map(|(path, _)| path)
        .collect();
    assert!(wrong.is_empty(), "files without an opening comment:\n{}", wrong.join("\n"));
}

fn opens_with_purpose(path: &str, text: &str) -> bool {
    let openings: &[&str] = match path.rsplit('.').next().unwrap_or_default() {
        // A fuzz target opens with the attribute that the fuzzer's runtime needs.
        "rs" => &["//! ", "#![no_main]"],
        "html" => &["<!doctype html>"],
        _ => &["/**", "/*", "\"\"\"", "// ", "#!"],
    };
    openings.iter().any(|opening| text.starts_with(opening))
}

#[test]
fn no_file_has_open_ends() {
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

/// Returns `true` if `line` has `pattern`, and not at the end of a longer name or path.
fn holds_word(line: &str, pattern: &str) -> bool {
    line.match_indices(pattern).any(|(at, _)| {
        !line[..at]
            .chars()
            .next_back()
            .is_some_and(|before| before.is_alphanumeric() || "_:".contains(before))
    })
}

/// Returns the lines that are not comments, with their numbers from 1.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// Returns all Rust, WGSL, JavaScript, CSS, HTML and Python files, and the build script.
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

/// Returns all Markdown files.
fn documents() -> Vec<(String, String)> {
    let mut found: Vec<_> =
        ["benches", "www", "tools"].iter().flat_map(|folder| sources(folder, "md")).collect();
    for name in ["README.md", "CHANGELOG.md"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        found.push((name.to_owned(), fs::read_to_string(path).unwrap()));
    }
    found
}

/// Returns path from the repository's root and text of every file below `folder` with this extension.
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
fn page_has_the_maximum_image_side_of_the_renderer() {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/www/viewer/image.js")).unwrap();
    let line = text
        .lines()
        .find(|line| line.contains("const MAX_IMAGE_SIDE = "))
        .expect("the page has no such limit");
    let digits: String = line.chars().filter(char::is_ascii_digit).collect();
    assert_eq!(digits.parse(), Ok(masklink::render::MAX_SIDE), "{line}");
}
