//! `masklink inspect PACK`: summarizes a pack, checks its files, and prints one record.

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, bail};
use indicatif::HumanBytes;
use serde::Serialize;
use serde_json::{Value, json};

use crate::dataset::catalog::{Catalog, Facets, RawRecord};
use crate::dataset::pack::folder::{Folder, open};
use crate::dataset::pack::manifest::{Manifest, PackFile};

/// Number of entities listed.
const ENTITIES: usize = 10;

/// A pack as `--json` prints it.
#[derive(Serialize)]
struct Report<'a> {
    title: &'a str,
    annotations: u32,
    images: u64,
    entities: u32,
    files: usize,
    bytes: u64,
    splits: Vec<(&'a str, u64)>,
    facets: &'a Facets,
}

/// Prints the record with an id, or else a summary; `verify` compares the hash of every file.
pub(super) fn run(path: &Path, record: Option<&str>, json: bool, verify: bool) -> anyhow::Result<()> {
    let (manifest, catalog) = open(path).with_context(|| path.display().to_string())?;
    if verify {
        manifest.files.iter().try_for_each(|file| compare_hash(path, file))?;
    }
    if let Some(id) = record {
        return print_record(&catalog, id);
    }
    let mut out = std::io::stdout().lock();
    let facets = catalog.facets();
    let header = catalog.header();
    let counts = serde_json::to_value(&facets)?;
    let counts = counts["split"].as_array().cloned().unwrap_or_default();
    let counts = counts.iter().filter_map(Value::as_u64);
    let report = Report {
        title: &manifest.title,
        annotations: header.annotations,
        images: header.images,
        entities: header.entities,
        files: manifest.files.len() + 1,
        bytes: manifest.files.iter().fold(0, |sum: u64, file| sum.saturating_add(file.bytes)),
        splits: header.splits.iter().map(String::as_str).zip(counts).collect(),
        facets: &facets,
    };
    if json {
        writeln!(out, "{}", serde_json::to_string(&report)?)?;
        return Ok(());
    }
    write_text(&mut out, &report, &manifest, &catalog)
}

fn write_text(
    out: &mut impl std::io::Write,
    report: &Report<'_>,
    manifest: &Manifest,
    catalog: &Catalog<Folder>,
) -> anyhow::Result<()> {
    writeln!(out, "{}", report.title)?;
    let (annotations, images, entities) = (report.annotations, report.images, report.entities);
    writeln!(out, "{annotations} annotations, {images} images, {entities} entities")?;
    writeln!(out, "{} in {} files, by {}", HumanBytes(report.bytes), report.files, manifest.created_by)?;
    for (split, count) in &report.splits {
        let split = if split.is_empty() { "(no split)" } else { split };
        writeln!(out, "  {split}: {count}")?;
    }
    writeln!(out, "entities with most annotations:")?;
    for hit in pollster::block_on(catalog.entities("", ENTITIES))? {
        writeln!(out, "  {} {}: {}", hit.qid, hit.title, hit.annotations)?;
    }
    for problem in &manifest.catalog.problems {
        writeln!(out, "{}: {}, such as: {}", problem.code, problem.count, problem.examples.join("; "))?;
    }
    Ok(())
}

fn print_record(catalog: &Catalog<Folder>, id: &str) -> anyhow::Result<()> {
    let Some(RawRecord { annotation, image, title, .. }) = pollster::block_on(catalog.find(id))? else {
        bail!("no annotation has the id {id:?}");
    };
    let annotation: Value = serde_json::from_slice(&annotation)?;
    let image: Option<Value> = image.map(|image| serde_json::from_slice(&image)).transpose()?;
    let record = json!({"annotation": annotation, "image": image, "title": title});
    writeln!(std::io::stdout().lock(), "{}", serde_json::to_string_pretty(&record)?)?;
    Ok(())
}

fn compare_hash(pack: &Path, expected: &PackFile) -> anyhow::Result<()> {
    let path = pack.join(&expected.file);
    let (_, actual) = super::sha256::of_file(&path)?;
    if actual != expected.sha256 {
        bail!("{}: the SHA-256 is {actual}, the manifest says {}", path.display(), expected.sha256);
    }
    Ok(())
}
