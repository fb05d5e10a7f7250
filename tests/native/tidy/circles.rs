//! Finds circles of files: groups of source files that all depend on each other.
//!
//! An arrow goes from a file to the one that defines a name it uses; re-exports are followed. Test
//! code is left out, and so are `mod` declarations: a parent may list its children.

use std::collections::{BTreeMap, BTreeSet};

use super::rust::{Module, ModulePath, module_path};
use super::sources;

#[test]
fn source_files_have_no_circles() {
    let graph = Graph::new(&sources("src", "rs"));
    let arrows: usize = graph.0.values().map(BTreeSet::len).sum();
    assert!(arrows >= 200, "found only {arrows} arrows: the reading of `use` is broken");
    let circles: Vec<String> = graph.circles().iter().map(|circle| circle.join("\n  -> ")).collect();
    assert!(circles.is_empty(), "circles of files:\n{}", circles.join("\n"));
}

#[test]
fn circle_through_a_re_export_is_found() {
    let circle = [
        ("src/lib.rs", "pub mod a; pub mod b;"),
        ("src/a/mod.rs", "mod low; mod high; pub use high::High;"),
        ("src/a/low.rs", "use super::High; pub struct Low(High);"),
        ("src/a/high.rs", "fn f() { super::low::g(); } pub struct High;"),
        ("src/b.rs", "use crate::a::{self, High}; fn f() -> a::High {}"),
    ];
    assert_eq!(circles_of(&circle), [["src/a/high.rs", "src/a/low.rs", "src/a/high.rs"]]);
}

#[test]
fn circle_of_three_files_is_reported_whole_and_once() {
    let circle = [
        ("src/lib.rs", "mod a; mod b; mod c; mod d;"),
        ("src/a.rs", "use crate::b::B as Other;"),
        ("src/b.rs", "use crate::{\n    c::C,\n    d::D, // crate::a::A\n};"),
        ("src/c.rs", "fn c() { let _ = crate::a::A::new(); }"),
        ("src/d.rs", "/// See [`crate::a`].\npub struct D;"),
    ];
    assert_eq!(circles_of(&circle), [["src/a.rs", "src/b.rs", "src/c.rs", "src/a.rs"]]);
}

#[test]
fn parent_and_child_that_use_each_other_are_a_circle() {
    let parent = ["pub struct P;", "mod child; use child::C; pub struct P(C);"];
    let circles = parent.map(|parent| {
        circles_of(&[("src/p/mod.rs", parent), ("src/p/child.rs", "use super::P; pub struct C;")])
    });
    assert_eq!(circles.map(|circles| circles.len()), [0, 1]);
}

#[test]
fn tests_and_strings_have_no_arrows() {
    let sources = [
        ("src/a.rs", "use crate::b::B; const A: &str = \"crate::c::C\"; const C: char = '\"';"),
        (
            "src/b.rs",
            "#[cfg(test)]\nmod tests { use crate::a::A; fn f() { crate::c::C; } }\n#[cfg(test)] mod b_test;",
        ),
        ("src/b/b_test.rs", "use crate::a::A;"),
        ("src/c.rs", "use crate::a::A;"),
    ];
    assert_eq!(circles_of(&sources), Vec::<Vec<String>>::new());
}

fn circles_of(sources: &[(&str, &str)]) -> Vec<Vec<String>> {
    let sources: Vec<_> = sources.iter().map(|&(path, text)| (path.to_owned(), text.to_owned())).collect();
    Graph::new(&sources).circles()
}

/// The files that each file depends on.
struct Graph(BTreeMap<String, BTreeSet<String>>);

impl Graph {
    fn new(sources: &[(String, String)]) -> Self {
        let mut modules: BTreeMap<ModulePath, Module> =
            sources.iter().map(|(path, text)| (module_path(path), Module::read(path, text))).collect();
        let tests: Vec<ModulePath> = modules
            .iter()
            .flat_map(|(at, module)| {
                module.test_files.iter().map(move |name| [&at[..], std::slice::from_ref(name)].concat())
            })
            .collect();
        modules.retain(|at, _| !tests.contains(at));
        let resolver = Resolver(&modules);
        let needed_by = |(at, module): (&ModulePath, &Module)| {
            let mut needed: BTreeSet<String> =
                module.paths.iter().filter_map(|path| resolver.file_of(at, path, 0)).collect();
            needed.remove(&module.file);
            (module.file.clone(), needed)
        };
        Self(modules.iter().map(needed_by).collect())
    }

    /// Returns the shortest circle of each group of files that all reach each other.
    fn circles(&self) -> Vec<Vec<String>> {
        let mut grouped: BTreeSet<&str> = BTreeSet::new();
        let mut circles = Vec::new();
        for file in self.0.keys() {
            if grouped.contains(file.as_str()) {
                continue;
            }
            let reached = self.reached_from(file);
            if let Some(circle) = Self::way_back(&reached, file) {
                circles.push(circle);
                grouped.extend(
                    reached.keys().filter(|other| self.reached_from(other).contains_key(file.as_str())),
                );
            }
        }
        circles
    }

    /// Returns every file that `start` reaches, with the file before it on a shortest way.
    fn reached_from<'a>(&'a self, start: &'a str) -> BTreeMap<&'a str, &'a str> {
        let mut before = BTreeMap::new();
        let mut queue = std::collections::VecDeque::from([start]);
        while let Some(file) = queue.pop_front() {
            for next in self.0.get(file).into_iter().flatten() {
                if !before.contains_key(next.as_str()) {
                    before.insert(next.as_str(), file);
                    queue.push_back(next);
                }
            }
        }
        before
    }

    /// Returns the way from a file to itself, where there is one.
    fn way_back(reached: &BTreeMap<&str, &str>, file: &str) -> Option<Vec<String>> {
        let mut circle = vec![file.to_owned()];
        let mut step = *reached.get(file)?;
        while step != file {
            circle.push(step.to_owned());
            step = reached[step];
        }
        circle.push(file.to_owned());
        circle.reverse();
        Some(circle)
    }
}

/// Finds the files in which names are defined.
struct Resolver<'a>(&'a BTreeMap<ModulePath, Module>);

impl Resolver<'_> {
    /// Returns the file that defines the name `path` of module `at`; `None` for a module and for names of
    /// other crates.
    fn file_of(&self, at: &[String], path: &[String], depth: usize) -> Option<String> {
        // A name that is imported from itself, as `use wgpu;` would be, ends here.
        if depth > 8 {
            return None;
        }
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => self.below(&[], rest, depth),
            "self" => self.below(at, rest, depth),
            "super" => {
                let supers = path.iter().take_while(|name| *name == "super").count();
                self.below(&at[..at.len().checked_sub(supers)?], &path[supers..], depth)
            }
            _ => {
                let module = self.0.get(at)?;
                let known =
                    module.imports.contains_key(first) || self.0.contains_key(&[at, &path[..1]].concat());
                if known { self.below(at, path, depth) } else { None }
            }
        }
    }

    fn below(&self, at: &[String], path: &[String], depth: usize) -> Option<String> {
        let (first, rest) = path.split_first()?;
        let module = self.0.get(at)?;
        let child = [at, &path[..1]].concat();
        if self.0.contains_key(&child) {
            return self.below(&child, rest, depth);
        }
        if let Some(import) = module.imports.get(first) {
            return self.file_of(at, &[&import[..], rest].concat(), depth + 1);
        }
        if module.items.contains(first) {
            return Some(module.file.clone());
        }
        let through_glob = module.globs.iter().find_map(|glob| {
            let path = [&glob[..], &path[..1]].concat();
            self.file_of(at, &path, depth + 1).filter(|file| *file != module.file)
        });
        through_glob.or_else(|| Some(module.file.clone()))
    }
}
