//! `masklink cells`: lays an index out in cells, so that a page links by it from plain static files.

mod layout;
mod material;
mod write;

use std::io::{self, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use crate::link::cells::header::MAX_CELLS;
use crate::link::index::header::Limits;
use crate::link::index::{Entity, Exemplar, Index, folder};
use layout::Layout;
pub use material::{Exemplars, Frame, Written};

/// Exemplars of a cell, where the number of cells is not given.
const ROWS_OF_CELL: usize = 496;

/// Lays an index out in cells, so that a page links by it from plain static files.
#[derive(clap::Args)]
pub(super) struct CellsArgs {
    /// Folder of an index that `masklink index` wrote.
    #[arg(value_name = "INDEX")]
    index: PathBuf,
    /// Folder to write; an existing index is replaced once the new one is complete.
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Number of cells [default: one for 496 exemplars, at most 8192].
    #[arg(long, value_name = "N")]
    cells: Option<usize>,
}

/// Runs the command.
pub(super) fn run(args: &CellsArgs) -> anyhow::Result<()> {
    check_folders(&args.index, &args.output)?;
    let (index, _) = folder::read(&args.index, Limits::default())?;
    let frame = Frame::of_index(&index, folder::read_encoder(&args.index, &index)?);
    let cells = args.cells.unwrap_or_else(|| default_cells(index.exemplars().len()));
    let written = build(&OfIndex(&index), &frame, cells, &args.output)?;
    let Written { cells, largest, start_bytes, data_bytes } = written;
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "{} masks in {cells} cells, {largest} in the largest; {start_bytes} bytes to start with, \
         {data_bytes} in cells",
        index.exemplars().len()
    )?;
    writeln!(out, "{}", args.output.display())?;
    Ok(())
}

/// Checks that the output does not replace the index that is read, by whatever paths both are given.
fn check_folders(index: &Path, output: &Path) -> anyhow::Result<()> {
    let [index, output] = [index, output].map(std::fs::canonicalize);
    if let (Ok(index), Ok(output)) = (index, output) {
        ensure!(index != output, "{} holds the index itself; give another --output", output.display());
    }
    Ok(())
}

/// Returns the number of cells for some exemplars.
pub fn default_cells(rows: usize) -> usize {
    (rows / ROWS_OF_CELL).clamp(1, 8192)
}

/// Lays exemplars out in about `cells` cells, and writes them with the frame into a folder.
pub fn build(
    exemplars: &impl Exemplars,
    frame: &Frame,
    cells: usize,
    folder: &Path,
) -> anyhow::Result<Written> {
    ensure!((1..=MAX_CELLS as usize).contains(&cells), "{cells} cells; at least 1 and at most {MAX_CELLS}");
    let layout = Layout::of(exemplars, cells);
    let laid = layout.cells.len();
    ensure!(laid <= MAX_CELLS as usize, "{laid} cells after splitting; at most {MAX_CELLS}: ask for fewer");
    write::write(exemplars, frame, &layout, folder).with_context(|| folder.display().to_string())
}

/// The exemplars of an index in memory.
struct OfIndex<'a>(&'a Index);

impl Exemplars for OfIndex<'_> {
    fn rows(&self) -> usize {
        self.0.exemplars().len()
    }

    fn dimensions(&self) -> usize {
        self.0.vectors().dimensions()
    }

    fn read(&self, rows: Range<usize>, vectors: &mut Vec<f32>) {
        let mut scratch = Vec::new();
        vectors.extend_from_slice(self.0.vectors().read(rows, &mut scratch));
    }

    fn record(&self, row: usize) -> (Exemplar, Entity) {
        let exemplar = self.0.exemplars()[row].clone();
        let entity = self.0.entities()[exemplar.entity as usize].clone();
        (exemplar, entity)
    }
}
