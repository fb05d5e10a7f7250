//! The file `findings.jsonl` of a pack: every problem of the input, with the place it was found at.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;

use crate::dataset::{Finding, Problem};

/// Writes the problems of records, one line each.
pub(super) struct FindingsFile {
    path: PathBuf,
    out: BufWriter<File>,
    files: Vec<String>,
    lines: u64,
}

/// A line of the file.
#[derive(Debug, Serialize)]
pub(super) struct FindingLine<'a> {
    /// Name of the input file.
    pub(super) file: &'a str,
    /// Position of the record in the file, decompressed.
    pub(super) offset: u64,
    /// The record's id, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<&'a str>,
    /// Stable code of the problem.
    pub(super) code: &'a str,
    /// Message for people.
    pub(super) reason: String,
}

impl FindingsFile {
    pub(super) fn create(path: &Path) -> anyhow::Result<Self> {
        let file = File::create(path).with_context(|| path.display().to_string())?;
        Ok(Self { path: path.to_owned(), out: BufWriter::new(file), files: Vec::new(), lines: 0 })
    }

    /// Names the file that the next problems are of.
    pub(super) fn begin_file(&mut self, name: &str) {
        self.files.push(name.to_owned());
    }

    /// Writes a problem of the file begun last.
    pub(super) fn write_problem(&mut self, offset: u64, problem: &Problem) -> anyhow::Result<()> {
        let file = self.files.last().cloned().unwrap_or_default();
        let (code, reason) = (problem.code(), problem.to_string());
        self.write(&FindingLine { file: &file, offset, id: None, code, reason })
    }

    /// Writes a finding on an image or a category of the file begun last.
    pub(super) fn write_finding(&mut self, offset: u64, id: &str, finding: &Finding) -> anyhow::Result<()> {
        let file = self.files.last().cloned().unwrap_or_default();
        let (code, reason) = (finding.code(), finding.to_string());
        self.write(&FindingLine { file: &file, offset, id: Some(id), code, reason })
    }

    /// Writes lines that are JSON already.
    pub(super) fn write_lines(&mut self, lines: &[u8]) -> anyhow::Result<()> {
        self.lines += memchr::memchr_iter(b'\n', lines).count() as u64;
        self.out.write_all(lines).with_context(|| self.path.display().to_string())
    }

    fn write(&mut self, line: &FindingLine<'_>) -> anyhow::Result<()> {
        let mut json = serde_json::to_vec(line)?;
        json.push(b'\n');
        self.write_lines(&json)
    }

    /// Ends the file; returns the number of its lines.
    pub(super) fn finish(self) -> anyhow::Result<u64> {
        self.out
            .into_inner()
            .map_err(std::io::IntoInnerError::into_error)
            .with_context(|| self.path.display().to_string())?;
        Ok(self.lines)
    }
}
