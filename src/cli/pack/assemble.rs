//! Writes the catalog and the manifest of a pack from the batches in their order.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use sha2::{Digest as _, Sha256};

use super::batch::{EncodedBatch, Shared};
use super::findings::FindingsFile;
use super::neighbors::{self, CatalogRows};
use super::thumbnails::Thumbnails;
use super::vectors::VectorFile;
use crate::dataset::Problem;
use crate::dataset::catalog::{
    Cell, CellCodes, EntityColumns, Header, Input, PageFile, Part, Piece, ProblemCount, Records, add_problem,
    blocks_part, count_problem, entities_part, id_parts, image_parts, neighbors_part, split_index,
};
use crate::dataset::pack::manifest::{FORMAT, MANIFEST, Manifest, PackFile};

/// Maximum bytes of a file of the catalog.
const PIECE_BYTES: usize = 48 << 20;
/// Compression of the parts that are read whole.
const PART_LEVEL: i32 = 12;

/// The folder and the address of a pack's images.
#[derive(Default)]
pub(super) struct ImageSource {
    folder: Option<PathBuf>,
    address: Option<String>,
}

impl ImageSource {
    /// Reads the values of `--images`: folders, or addresses with `{file_name}` or `{image_id}`.
    pub(super) fn new(given: &[String]) -> anyhow::Result<Self> {
        let mut source = Self::default();
        for given in given {
            if given.contains("{file_name}") || given.contains("{image_id}") {
                source.address = Some(given.clone());
            } else if Path::new(given).is_dir() {
                source.folder = Some(PathBuf::from(given));
            } else {
                bail!("--images {given}: neither a folder nor an address with {{file_name}} or {{image_id}}");
            }
        }
        Ok(source)
    }

    /// Returns the folder.
    pub(super) fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }
}

/// The numbers of a pack that was written.
pub(super) struct Written {
    pub(super) annotations: u32,
    pub(super) images: u64,
    pub(super) entities: u32,
    pub(super) bytes: u64,
    pub(super) files: usize,
    pub(super) findings: u64,
    pub(super) input_bytes: u64,
}

/// Collects what the batches are in the catalog.
pub(super) struct Assembler<'a> {
    folder: &'a Path,
    /// Appended to the names of files that are read in ranges.
    suffix: &'static str,
    header: Header,
    cells: CellCodes,
    entities: EntityColumns,
    ids: Vec<u64>,
    images: Vec<u32>,
    pages: Vec<PageFile>,
    lengths: Vec<(u32, u32)>,
    problems: BTreeMap<&'static str, ProblemCount>,
    findings: FindingsFile,
    files: Vec<PackFile>,
    records: Vec<u8>,
    record_pieces: Vec<Piece>,
    has_thumbnails: bool,
    neighbors: Option<Vec<u32>>,
}

impl<'a> Assembler<'a> {
    pub(super) fn new(
        folder: &'a Path,
        findings: FindingsFile,
        problems: BTreeMap<&'static str, ProblemCount>,
        shared: &Shared<'_>,
    ) -> Self {
        Self {
            folder,
            suffix: shared.suffix,
            header: Header { has_no_categories: shared.has_no_categories, ..Header::default() },
            cells: CellCodes::default(),
            entities: EntityColumns::default(),
            ids: Vec::new(),
            images: Vec::new(),
            pages: Vec::new(),
            lengths: Vec::new(),
            problems,
            findings,
            files: Vec::new(),
            records: Vec::new(),
            record_pieces: Vec::new(),
            has_thumbnails: false,
            neighbors: None,
        }
    }

    /// Adds the next batch.
    pub(super) fn push(&mut self, batch: EncodedBatch) -> anyhow::Result<()> {
        self.findings.write_lines(&batch.findings)?;
        batch.problems.iter().for_each(|problem| add_problem(&mut self.problems, problem));
        let (first_row, first_block) = (self.ids.len() as u32, self.lengths.len() as u32);
        self.pages.push(PageFile { first_row, first_block, ..batch.pages });
        self.lengths.extend(&batch.lengths);
        self.files.push(batch.file);
        let splits: Vec<usize> =
            batch.splits.iter().map(|split| split_index(&mut self.header.splits, split)).collect();
        let mut entity = None;
        for row in batch.rows {
            if entity != Some(row.entity) {
                entity = Some(row.entity);
                let (id, title) = &batch.entities[row.entity as usize];
                self.begin_entity(id, title);
            }
            let mut measures = row.measures;
            measures.split = splits[measures.split];
            self.cells.push(Cell::new(&measures));
            self.ids.push(row.id);
            self.images.push(row.image);
        }
        self.records.extend_from_slice(&batch.blocks);
        if self.records.len() >= PIECE_BYTES { self.end_piece() } else { Ok(()) }
    }

    fn begin_entity(&mut self, id: &str, title: &str) {
        // An entity may go on from the batch before.
        if self.entities.ids.last().is_none_or(|last| last != id) {
            self.entities.ids.push(id.to_owned());
            self.entities.titles.push(title.to_owned());
            self.entities.starts.push(self.ids.len() as u32);
        }
    }

    fn end_piece(&mut self) -> anyhow::Result<()> {
        let bytes = std::mem::take(&mut self.records);
        let name = format!("catalog/records-{:03}.bin{}", self.record_pieces.len(), self.suffix);
        let piece = self.write_file(name, &bytes)?;
        self.record_pieces.push(piece);
        Ok(())
    }

    fn write_file(&mut self, name: String, bytes: &[u8]) -> anyhow::Result<Piece> {
        let path = self.folder.join(&name);
        fs::write(&path, bytes).with_context(|| path.display().to_string())?;
        let (length, sha256) = (bytes.len() as u64, crate::cli::sha256::hex(&Sha256::digest(bytes)));
        self.files.push(PackFile { file: name.clone(), bytes: length, sha256 });
        Ok(Piece { file: name, at: 0, bytes: length })
    }

    /// Adds the thumbnails and the list of images that are missing.
    pub(super) fn add_thumbnails(&mut self, thumbnails: &Thumbnails) -> anyhow::Result<()> {
        self.has_thumbnails = true;
        self.write_file("thumbnails.jsonl".to_owned(), &thumbnails.list()?)?;
        let missing = thumbnails.missing();
        if !missing.is_empty() {
            eprintln!("{} images are missing or damaged; missing-images.txt lists them", missing.len());
            self.write_file("missing-images.txt".to_owned(), (missing.join("\n") + "\n").as_bytes())?;
        }
        Ok(())
    }

    /// Adds the neighbors of each row by vectors; `work` is a folder for temporary files.
    pub(super) fn add_neighbors(&mut self, vectors: &VectorFile, work: &Path) -> anyhow::Result<()> {
        let rows = CatalogRows { ids: &self.ids, images: &self.images };
        self.neighbors = Some(neighbors::find(vectors, &rows, work)?);
        Ok(())
    }

    /// Counts the annotations that have the id of another; the first of them is found by it.
    fn count_duplicate_ids(&mut self) {
        let mut rows: Vec<(u64, u32)> = self.ids.iter().copied().zip(0..).collect();
        rows.sort_unstable();
        let pairs = rows.windows(2).filter(|pair| pair[0].0 == pair[1].0);
        for pair in pairs {
            let message = format!("rows {} and {} have the same id", pair[0].1, pair[1].1);
            count_problem(&mut self.problems, Problem::DuplicateId.code(), message);
        }
    }

    /// Writes the rest of the catalog and the manifest.
    pub(super) fn finish(
        mut self,
        title: String,
        source: ImageSource,
        images: u64,
        inputs: Vec<Input>,
    ) -> anyhow::Result<Written> {
        self.end_piece()?;
        self.count_duplicate_ids();
        let rows = self.ids.len() as u32;
        self.entities.starts.push(rows);
        let mut header = std::mem::take(&mut self.header);
        header.images = images;
        let mut parts = vec![entities_part(&self.entities, &mut header)?, blocks_part(&self.lengths)];
        parts.extend(std::mem::take(&mut self.cells).finish(&mut header));
        parts.extend(id_parts(rows, |row| (self.ids[row as usize] >> 32) as u32));
        parts.extend(image_parts(rows, |row| self.images[row as usize]));
        parts.extend(std::mem::take(&mut self.neighbors).map(|rows| neighbors_part(&rows)));
        header.parts.insert("records".to_owned(), std::mem::take(&mut self.record_pieces));
        for Part { name, bytes, is_read_whole } in parts {
            let bytes = if is_read_whole { zstd::bulk::compress(&bytes, PART_LEVEL)? } else { bytes };
            let mut pieces = Vec::new();
            for (at, piece) in bytes.chunks(PIECE_BYTES).enumerate() {
                pieces.push(self.write_file(format!("catalog/{name}-{at:03}.bin{}", self.suffix), piece)?);
            }
            header.parts.insert(name.to_owned(), pieces);
        }
        header.records = Records::Pages { files: std::mem::take(&mut self.pages) };
        header.problems = std::mem::take(&mut self.problems).into_values().collect();
        let input_bytes = inputs.iter().map(|input| input.bytes).sum();
        header.inputs = inputs;
        let findings = self.findings.finish()?;
        let (bytes, sha256) = crate::cli::sha256::of_file(&self.folder.join("findings.jsonl"))?;
        self.files.push(PackFile { file: "findings.jsonl".to_owned(), bytes, sha256 });
        let (annotations, entities) = (header.annotations, header.entities);
        let bytes = self.files.iter().map(|file| file.bytes).sum();
        let files = self.files.len() + 1;
        let manifest = Manifest {
            format: FORMAT.to_owned(),
            created_by: format!("masklink {}", env!("CARGO_PKG_VERSION")),
            title,
            images: source.address,
            thumbnails: self.has_thumbnails,
            catalog: header,
            files: self.files,
        };
        write_synced(&self.folder.join(MANIFEST), &serde_json::to_vec(&manifest)?)?;
        Ok(Written { annotations, images, entities, bytes, files, findings, input_bytes })
    }
}

/// Writes a file and waits until the disk has it.
pub(super) fn write_synced(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let write = || {
        let mut file = fs::File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().with_context(|| path.display().to_string())
}
