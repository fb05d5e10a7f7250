//! Makes the sidecar of a published file: its catalog, with positions in place of records.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, bail};
use indicatif::HumanBytes;

use super::assemble::write_synced;
use crate::cli::progress::Progress;
use crate::dataset::ReadLimits;
use crate::dataset::catalog::{AnnotationBatch, CatalogScan, Input};

/// Number of bytes read at once.
const CHUNK_BYTES: usize = 1 << 20;

/// Scans one annotation file, which is published at `address`, and writes its sidecar.
pub(super) fn write(annotations: &[PathBuf], address: &str, output: &Path) -> anyhow::Result<()> {
    let [path] = annotations else { bail!("a sidecar is of one annotation file; give one --annotations") };
    let context = || path.display().to_string();
    if path.extension().is_some_and(|extension| extension == "gz") {
        bail!("{}: a gzip file cannot be read in ranges; publish and give the JSON itself", path.display());
    }
    let started = Instant::now();
    let file = File::open(path).with_context(context)?;
    let bytes = file.metadata().with_context(context)?.len();
    let mut catalog = scan(file, bytes).with_context(context)?.finish()?;
    catalog.header.inputs = vec![Input { file: address.to_owned(), bytes, sha256: None }];
    if catalog.header.annotations == 0 {
        bail!("{}: no annotations found", path.display());
    }
    let stored = catalog.to_file()?;
    let mut partial = output.as_os_str().to_owned();
    partial.push(".partial");
    write_synced(Path::new(&partial), &stored)?;
    fs::rename(&partial, output).with_context(|| output.display().to_string())?;
    let seconds = started.elapsed().as_secs_f64();
    eprintln!(
        "{}: {} annotations in {}, {:.1} bytes each; {:.0} s, {}/s",
        output.display(),
        catalog.header.annotations,
        HumanBytes(stored.len() as u64),
        stored.len() as f64 / f64::from(catalog.header.annotations),
        seconds,
        HumanBytes((bytes as f64 / seconds) as u64),
    );
    Ok(())
}

/// Reads a file, and measures its masks on all cores.
fn scan(mut file: File, bytes: u64) -> std::io::Result<CatalogScan> {
    let limits = ReadLimits::default();
    let mut scan = CatalogScan::new(limits);
    let bar = Progress::of_bytes(Some(bytes));
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let (to_workers, batches) = crossbeam_channel::bounded::<Arc<AnnotationBatch>>(workers);
        let (to_scan, measured) = crossbeam_channel::unbounded();
        for _ in 0..workers {
            let (batches, to_scan) = (batches.clone(), to_scan.clone());
            scope.spawn(move || {
                for batch in batches {
                    if to_scan.send((batch.first(), batch.measure(&limits))).is_err() {
                        return;
                    }
                }
            });
        }
        drop((batches, to_scan));
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let length = file.read(&mut chunk)?;
            if length == 0 {
                break;
            }
            scan.push(&chunk[..length]);
            while let Some(batch) = scan.take_batch() {
                // Only a worker that panicked is gone; the scope passes its panic on.
                let _ = to_workers.send(batch);
            }
            measured.try_iter().for_each(|(first, rows)| scan.push_measured(first, rows));
            let progress = scan.progress();
            bar.set(progress.bytes, || format!("{} annotations", progress.annotations));
        }
        drop(to_workers);
        measured.iter().for_each(|(first, rows)| scan.push_measured(first, rows));
        bar.finish();
        Ok(scan)
    })
}
