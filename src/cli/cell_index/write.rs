//! Writes an index in cells: data files, the parts that are read at once, and last the header.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context as _, ensure};

use super::layout::Layout;
use super::material::{Exemplars, Frame, Written};
use crate::link::cells::block::{Records, push_row};
use crate::link::cells::entry::Entry;
use crate::link::cells::header::{FORMAT, Header, MAX_CELL_BYTES, Parts, VERSION};
use crate::link::index::folder::{HEADER, lock, remove_old_parts, write_file};
use crate::link::index::header::{self, Part};
use crate::link::index::prototypes::Prototype;
use crate::link::index::vectors::Vectors;
use crate::link::index::{part, to_lines};

/// Maximum length of a data file in bytes: hosts without ranges are read whole up to this length.
const FILE_BYTES: usize = 64 << 20;
/// Level of Zstandard.
const LEVEL: i32 = 9;

/// The data file that is being filled.
#[derive(Default)]
struct DataFiles {
    bytes: Vec<u8>,
    written: Vec<Part>,
}

/// Writes the index into a folder, and replaces the one that was there.
pub(super) fn write(
    exemplars: &impl Exemplars,
    frame: &Frame,
    layout: &Layout,
    folder: &Path,
) -> anyhow::Result<Written> {
    std::fs::create_dir_all(folder)?;
    let _locked = lock(folder)?;
    let (table, data) = write_cells(exemplars, layout, folder)?;
    let mut centroids = Vec::new();
    layout
        .centroids
        .chunks_exact(exemplars.dimensions())
        .for_each(|centroid| push_row(centroid, &mut centroids));
    let small = |name: &str, extension: &str, bytes: Vec<u8>| {
        let (part, bytes) = part(name, extension, bytes);
        write_file(folder, &part.file, &bytes).with_context(|| part.file.clone())?;
        anyhow::Ok(part)
    };
    let mean = small("mean", "f32", frame.mean.iter().flat_map(|value| value.to_le_bytes()).collect())?;
    let (mut weights, mut prototypes) = (None, None);
    if !frame.classes.is_empty() {
        let rows = frame.classes.iter().map(|&(entity, bias, _)| Prototype { entity, bias });
        let values: Vec<f32> = frame.classes.iter().flat_map(|class| &class.2).copied().collect();
        let matrix = Vectors::new(frame.mean.len(), frame.element, &values);
        weights = Some(small("weights", frame.element.name(), matrix.to_bytes())?);
        prototypes = Some(small("prototypes", "jsonl", to_lines(&rows.collect::<Vec<_>>())?)?);
    }
    let parts = Parts {
        mean,
        centroids: small("centroids", "i8", centroids)?,
        cells: small("cells", "bin", table)?,
        entities: small("entities", "jsonl", to_lines(&frame.resident)?)?,
        weights,
        prototypes,
    };
    let header = Header {
        format: FORMAT.to_owned(),
        version: VERSION,
        encoder: frame.encoder.clone(),
        dimensions: frame.mean.len() as u64,
        cells: layout.cells.len() as u64,
        exemplars: exemplars.rows() as u64,
        entities: frame.entities,
        resident: frame.resident.len() as u64,
        prototypes: frame.classes.len() as u64,
        element: frame.element,
        sources: frame.sources.clone(),
        calibration: frame.calibration.clone(),
        parts,
        data,
    };
    write_file(folder, &header.encoder.file, &frame.model)?;
    let text = header::to_bytes(&header)?;
    write_file(folder, HEADER, &text)?;
    let named = header.parts.list().chain(&header.data).map(|part| part.file.as_str());
    let keep: Vec<_> = named.chain([header.encoder.file.as_str()]).collect();
    remove_old_parts(folder, &keep)?;
    Ok(Written {
        cells: layout.cells.len(),
        largest: layout.cells.iter().map(Vec::len).max().unwrap_or_default(),
        start_bytes: header.start_bytes() + text.len() as u64,
        data_bytes: header.data.iter().map(|part| part.bytes).sum(),
    })
}

/// Writes the data files. Returns the table, and the files.
fn write_cells(
    exemplars: &impl Exemplars,
    layout: &Layout,
    folder: &Path,
) -> anyhow::Result<(Vec<u8>, Vec<Part>)> {
    let (mut files, mut table) = (DataFiles::default(), Vec::new());
    for rows in &layout.cells {
        let mut bytes: Vec<u8> = rows.iter().flat_map(|&row| layout.row(row)).copied().collect();
        let records = serde_json::to_vec(&records(exemplars, rows))?;
        let records = zstd::bulk::compress(&records, LEVEL)?;
        bytes.extend_from_slice(&records);
        if !files.bytes.is_empty() && files.bytes.len() + bytes.len() > FILE_BYTES {
            files.flush(folder)?;
        }
        ensure!(
            bytes.len() as u64 <= MAX_CELL_BYTES,
            "a cell of {} exemplars takes {} bytes, more than a page reads at once ({MAX_CELL_BYTES}); ask \
             for more --cells, and leave out equal vectors",
            rows.len(),
            bytes.len()
        );
        let entry = Entry {
            file: u32::try_from(files.written.len())?,
            offset: u32::try_from(files.bytes.len())?,
            rows: u32::try_from(rows.len())?,
            record_bytes: u32::try_from(records.len())?,
            crc32: crc32fast::hash(&bytes),
        };
        table.extend(entry.to_bytes());
        files.bytes.extend(bytes);
    }
    files.flush(folder)?;
    Ok((table, files.written))
}

/// Returns the records of a cell.
fn records(exemplars: &impl Exemplars, rows: &[u32]) -> Records {
    let (mut records, mut positions) = (Records::default(), HashMap::new());
    for &row in rows {
        let (mut exemplar, entity) = exemplars.record(row as usize);
        exemplar.entity = *positions.entry(exemplar.entity).or_insert_with(|| {
            records.entities.push(entity);
            records.entities.len() as u32 - 1
        });
        records.exemplars.push(exemplar);
    }
    records
}

impl DataFiles {
    fn flush(&mut self, folder: &Path) -> anyhow::Result<()> {
        if self.bytes.is_empty() {
            return Ok(());
        }
        let (part, bytes) = part("cells", "bin", std::mem::take(&mut self.bytes));
        write_file(folder, &part.file, &bytes).with_context(|| part.file.clone())?;
        self.written.push(part);
        Ok(())
    }
}
