//! Reads the names in the text of a Rust file: imports, paths and items.

use std::collections::{BTreeMap, BTreeSet};

/// Path of a module from the crate's root, as `["render", "gpu"]`.
pub(super) type ModulePath = Vec<String>;

/// The names in one file.
#[derive(Debug, Default)]
pub(super) struct Module {
    pub(super) file: String,
    /// Imported names and the paths they stand for, re-exports included.
    pub(super) imports: BTreeMap<String, Vec<String>>,
    /// Paths imported by `*`.
    pub(super) globs: Vec<Vec<String>>,
    /// Paths of two names and more in the code, imports included.
    pub(super) paths: BTreeSet<Vec<String>>,
    /// Items defined here.
    pub(super) items: BTreeSet<String>,
    /// Child modules that are compiled for tests alone.
    pub(super) test_files: Vec<String>,
    skips_tests: bool,
}

/// Returns the module of a file below `src`.
pub(super) fn module_path(file: &str) -> ModulePath {
    let path = file.trim_start_matches("src/").trim_end_matches(".rs");
    let path = path.trim_end_matches("/mod");
    if path == "lib" { Vec::new() } else { path.split('/').map(str::to_owned).collect() }
}

impl Module {
    /// Reads a file without its test code.
    pub(super) fn read(file: &str, text: &str) -> Self {
        Self { file: file.to_owned(), skips_tests: true, ..Self::default() }.filled(text)
    }

    /// Reads a file with its test code.
    pub(super) fn read_with_tests(file: &str, text: &str) -> Self {
        Self { file: file.to_owned(), ..Self::default() }.filled(text)
    }

    fn filled(mut self, text: &str) -> Self {
        let words = words(text);
        let mut at = 0;
        while at < words.len() {
            at = self.read_at(&words, at);
        }
        self
    }

    /// Reads the item or path that begins at a word, and returns the position after it.
    fn read_at(&mut self, words: &[&str], at: usize) -> usize {
        const TEST_ONLY: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
        const DEFINING: [&str; 8] = ["fn", "struct", "enum", "trait", "type", "const", "static", "union"];
        if self.skips_tests && words[at..].starts_with(&TEST_ONLY) {
            return self.skip_test_item(words, at + TEST_ONLY.len());
        }
        if words[at] == "use" {
            return self.read_use(words, at + 1, &[]) + 1;
        }
        if DEFINING.contains(&words[at])
            && let Some(name) = words.get(at + 1).filter(|name| is_name(name))
        {
            self.items.insert((*name).to_owned());
            return at + 2;
        }
        let (path, after) = path_at(words, at);
        if path.len() > 1 {
            self.paths.insert(path);
        }
        after.max(at + 1)
    }

    /// Skips an item up to its `;` or its closing brace; keeps the name of a module in a file of its own.
    fn skip_test_item(&mut self, words: &[&str], mut at: usize) -> usize {
        if words.get(at) == Some(&"mod") && words.get(at + 2) == Some(&";") {
            self.test_files.push(words[at + 1].to_owned());
        }
        let mut depth = 0_usize;
        while at < words.len() {
            match words[at] {
                "{" => depth += 1,
                "}" if depth <= 1 => return at + 1,
                "}" => depth -= 1,
                ";" if depth == 0 => return at + 1,
                _ => {}
            }
            at += 1;
        }
        at
    }

    /// Reads one tree of a `use` after `prefix`, and returns the position of what follows the tree.
    fn read_use(&mut self, words: &[&str], at: usize, prefix: &[String]) -> usize {
        let (path, mut at) = path_at(words, at);
        let mut path = [prefix, &path].concat();
        match words.get(at) {
            Some(&"{") => {
                at += 1;
                while words.get(at).is_some_and(|word| *word != "}") {
                    at = self.read_use(words, at, &path);
                    at += usize::from(words.get(at) == Some(&","));
                }
                return at + 1;
            }
            Some(&"*") => {
                self.paths.insert(path.clone());
                self.globs.push(path);
                return at + 1;
            }
            _ => {}
        }
        if path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        let mut name = path.last().cloned();
        if words.get(at) == Some(&"as") {
            name = words.get(at + 1).map(|&name| name.to_owned());
            at += 2;
        }
        self.imports.extend(name.map(|name| (name, path.clone())));
        self.paths.insert(path);
        at
    }
}

/// Reads `a::b::c` from `at` on; returns its names and the position after the last one, or after a `::`
/// that ends it.
fn path_at(words: &[&str], mut at: usize) -> (Vec<String>, usize) {
    let mut path = Vec::new();
    while words.get(at).is_some_and(|word| is_name(word)) {
        path.push(words[at].to_owned());
        at += 1;
        if words.get(at) != Some(&"::") {
            break;
        }
        at += 1;
    }
    (path, at)
}

fn is_name(word: &str) -> bool {
    word.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// Cuts a text into names, `::` and single signs; leaves out comments, strings, characters and lifetimes.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            _ if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            _ if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            'r' if rest.starts_with("r\"") || rest.starts_with("r#") => raw_string(rest),
            '"' => string(rest),
            '\'' => character(rest),
            _ if first.is_alphanumeric() || first == '_' => {
                rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
            }
            ':' if rest.starts_with("::") => 2,
            _ => first.len_utf8(),
        };
        let word = &rest[..length];
        let is_string = word.ends_with(['"', '#']) && word.len() > 1;
        if is_name(word) && !is_string
            || word == "::"
            || word.len() == 1 && !"'\"".contains(word) && !first.is_whitespace()
        {
            words.push(word);
        }
        rest = &rest[length..];
    }
    words
}

/// Returns the length of the string at the start of `text`.
fn string(text: &str) -> usize {
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|&(_, c)| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |(at, _)| at + 1)
}

/// Returns the length of `r"…"` or `r#"…"#` at the start of `text`; of `r` alone where it is a raw name.
fn raw_string(text: &str) -> usize {
    let hashes = text[1..].chars().take_while(|&c| c == '#').count();
    if !text[1 + hashes..].starts_with('"') {
        return 1;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let body = 2 + hashes;
    text[body..].find(&end).map_or(text.len(), |at| body + at + end.len())
}

/// Returns the length of the character at the start of `text`, or of the quote where it opens a lifetime.
fn character(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match (chars.next(), chars.next(), chars.next()) {
        (Some((_, '\\')), _, Some((after, _))) => {
            text[after..].find('\'').map_or(text.len(), |at| after + at + 1)
        }
        (Some(_), Some((end, '\'')), _) => end + 1,
        _ => 1,
    }
}

#[test]
fn words_leave_out_comments_and_strings() {
    let text = "a::b(\"x::y\\\"\", r#\"\"z::w\"#, '\\'', '{', '\\u{1F}') // c::d\n/* e::f */ &'static g";
    assert_eq!(words(text).join(" "), "a :: b ( , , , , ) & static g");
}

#[test]
fn imports_keep_their_paths_and_other_names() {
    let module = Module::read("src/a.rs", "pub(crate) use super::{b::{self, C as D}, e::*};\nstruct F;");
    let path = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    assert_eq!(module.imports["b"], path(&["super", "b"]));
    assert_eq!(module.imports["D"], path(&["super", "b", "C"]));
    assert_eq!(module.globs, [path(&["super", "e"])]);
    assert!(module.items.contains("F") && !module.items.contains("C"));
    assert_eq!(module_path("src/render/gpu/mod.rs"), path(&["render", "gpu"]));
}
