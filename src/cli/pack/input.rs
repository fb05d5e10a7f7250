//! Reads the input files: splits them into records, and sends each to where it waits for the others.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use anyhow::Context;
use flate2::read::MultiGzDecoder;
use sha2::{Digest as _, Sha256};

use super::findings::FindingsFile;
use super::images::ImageSpill;
use super::sort::{Origin, Sorter};
use crate::cli::progress::Progress;
use crate::dataset::catalog::{Input, ProblemCount, add_problem, has_categories};
use crate::dataset::{
    Finding, Problem, ReadLimits, RecordScanner, Scanned, Section, completed, parse_category, parse_image,
    parse_keys,
};

/// Number of bytes read at once.
const CHUNK_BYTES: usize = 1 << 20;

/// Everything of the input files but the annotations and images, which are on disk.
pub(super) struct Collected {
    pub(super) sorter: Sorter,
    pub(super) images: ImageSpill,
    /// The names of categories by their ids; the first of each.
    pub(super) titles: HashMap<String, String>,
    /// The ids of the annotations' categories.
    pub(super) entities: HashSet<String>,
    /// The problems of the files, of images and of categories.
    pub(super) problems: BTreeMap<&'static str, ProblemCount>,
    pub(super) findings: FindingsFile,
    pub(super) inputs: Vec<Input>,
    pub(super) annotations: u64,
    limits: ReadLimits,
    /// Numbers of images and of categories.
    numbers: [u64; 2],
    /// The id of the first image of the current file.
    only_image: Option<String>,
}

impl Collected {
    pub(super) fn new(sorter: Sorter, images: ImageSpill, findings: FindingsFile) -> Self {
        Self {
            sorter,
            images,
            titles: HashMap::new(),
            entities: HashSet::new(),
            problems: BTreeMap::new(),
            findings,
            inputs: Vec::new(),
            annotations: 0,
            limits: ReadLimits::default(),
            numbers: [0; 2],
            only_image: None,
        }
    }

    /// Reads a file to its end; `done` bytes of earlier files were read.
    pub(super) fn read(&mut self, path: &Path, bar: &Progress, done: u64) -> anyhow::Result<()> {
        let context = || path.display().to_string();
        let mut stream = HashedFile::open(path).with_context(context)?;
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let input = u16::try_from(self.inputs.len()).context("too many input files")?;
        self.findings.begin_file(&name);
        self.only_image = None;
        let mut scanner = RecordScanner::new(self.limits.record_bytes);
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let length = stream.read(&mut chunk).with_context(context)?;
            if length == 0 {
                break;
            }
            let mut failed = None;
            scanner.push(&chunk[..length], &mut |scanned| {
                if failed.is_none() {
                    failed = self.push(scanned, input).err();
                }
            });
            failed.map_or(Ok(()), Err)?;
            bar.set(done + stream.position(), || format!("{} annotations", self.annotations));
        }
        if let Some(problem) = scanner.finish() {
            self.report(&problem, scanner.position())?;
        }
        let (bytes, sha256) = stream.finish();
        self.inputs.push(Input { file: name, bytes, sha256: Some(sha256) });
        Ok(())
    }

    fn push(&mut self, scanned: Scanned<'_>, input: u16) -> anyhow::Result<()> {
        let (section, at, json) = match scanned {
            Scanned::Problem(problem) => return self.report(&problem, problem_position(&problem)),
            Scanned::Record { section, key, at, json, only_image } => {
                let image = self.only_image.as_deref().filter(|_| only_image);
                let image = image.filter(|_| section == Section::Annotations);
                (section, at, completed(json, key.map(|key| key.text), image))
            }
        };
        let json = json.as_ref();
        let parsed = match section {
            Section::Annotations => match parse_keys(json, &self.limits) {
                Ok(keys) => {
                    self.annotations += 1;
                    if !self.entities.contains(&keys.category) {
                        self.entities.insert(keys.category.clone());
                    }
                    let origin = Origin { input, at };
                    return self.sorter.push(&keys.category, &keys.image, origin, json);
                }
                Err(error) => Err(error),
            },
            Section::Images => match parse_image(json, next(&mut self.numbers[0]), &self.limits) {
                Ok(image) => {
                    self.only_image.get_or_insert_with(|| image.id.clone());
                    self.report_findings(&image.id, &image.findings, at)?;
                    return self.images.push(&image.id, input, json);
                }
                Err(error) => Err(error),
            },
            Section::Categories => match parse_category(json, next(&mut self.numbers[1]), &self.limits) {
                Ok(category) => {
                    self.report_findings(&category.id, &category.findings, at)?;
                    self.titles.entry(category.id).or_insert(category.name);
                    Ok(())
                }
                Err(error) => Err(error),
            },
        };
        match parsed {
            Ok(()) => Ok(()),
            Err(error) => self.report(&Problem::malformed(&error, at, json), at),
        }
    }

    /// Returns whether the files have categories.
    pub(super) fn has_categories(&self) -> bool {
        has_categories(self.numbers[1], self.entities.iter())
    }

    fn report_findings(&mut self, id: &str, findings: &[Finding], at: u64) -> anyhow::Result<()> {
        findings.iter().try_for_each(|finding| self.findings.write_finding(at, id, finding))
    }

    fn report(&mut self, problem: &Problem, at: u64) -> anyhow::Result<()> {
        add_problem(&mut self.problems, problem);
        self.findings.write_problem(at, problem)
    }
}

/// Returns a number, and counts on.
fn next(number: &mut u64) -> u64 {
    *number += 1;
    *number - 1
}

/// Returns the position that a problem of the file tells.
fn problem_position(problem: &Problem) -> u64 {
    match problem {
        Problem::NotAnnotations { at, .. } | Problem::Truncated { at, .. } => *at,
        Problem::Malformed { record, .. } | Problem::RecordTooLong { record, .. } => *record,
        _ => 0,
    }
}

/// A file that is hashed while it is read, decompressed if it is a gzip file.
struct HashedFile(Stream);

enum Stream {
    Plain(Hashed),
    Gzip(Box<MultiGzDecoder<BufReader<Hashed>>>),
}

struct Hashed {
    file: File,
    hash: Sha256,
    bytes: u64,
}

impl HashedFile {
    fn open(path: &Path) -> std::io::Result<Self> {
        let hashed = Hashed { file: File::open(path)?, hash: Sha256::new(), bytes: 0 };
        let is_gzip = path.extension().is_some_and(|extension| extension == "gz");
        Ok(Self(if is_gzip {
            Stream::Gzip(Box::new(MultiGzDecoder::new(BufReader::with_capacity(CHUNK_BYTES, hashed))))
        } else {
            Stream::Plain(hashed)
        }))
    }

    /// Returns the number of bytes read of the file itself.
    fn position(&self) -> u64 {
        match &self.0 {
            Stream::Plain(hashed) => hashed.bytes,
            Stream::Gzip(stream) => stream.get_ref().get_ref().bytes,
        }
    }

    /// Returns the length and the SHA-256 of the file.
    fn finish(self) -> (u64, String) {
        let hashed = match self.0 {
            Stream::Plain(hashed) => hashed,
            Stream::Gzip(stream) => stream.into_inner().into_inner(),
        };
        (hashed.bytes, crate::cli::sha256::hex(&hashed.hash.finalize()))
    }
}

impl Read for HashedFile {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        match &mut self.0 {
            Stream::Plain(hashed) => hashed.read(bytes),
            Stream::Gzip(stream) => stream.read(bytes),
        }
    }
}

impl Read for Hashed {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let length = self.file.read(bytes)?;
        self.hash.update(&bytes[..length]);
        self.bytes += length as u64;
        Ok(length)
    }
}
