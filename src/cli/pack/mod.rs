//! `masklink pack`: makes a static folder, or a sidecar, from annotation files of any length.
//!
//! The input is read once: annotations go through an external sort, images to a file of their own. Then the
//! sorted annotations are joined with their images, measured and written batch by batch, two at a time. The
//! pack is made under a temporary name and renamed at the end, so that no half of one is ever opened; one
//! that was interrupted is begun again.

mod assemble;
mod batch;
mod findings;
mod full_disk;
mod images;
mod input;
mod neighbors;
mod sidecar;
mod sort;
mod table;
mod thumbnails;
mod titles;
mod vectors;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, bail};
use clap::Args;
use indicatif::HumanBytes;

use super::progress::Progress;
use assemble::{Assembler, ImageSource, Written};
use batch::{EncodedBatch, Shared, ThumbnailOf};
use findings::FindingsFile;
use full_disk::explain_full_disk;
use images::ImageSpill;
use input::Collected;
use sort::{Merge, Records, Sorter};
use vectors::VectorFile;

/// Maximum rows of a Parquet file, which has one row group.
const BATCH_ROWS: usize = 32_768;
/// Bytes of JSON from which on a Parquet file ends; it becomes about a third of that.
const BATCH_BYTES: usize = 120 << 20;
/// Maximum number of batches that are encoded at once; each takes up to three times its JSON.
const MAX_WORKERS: usize = 2;

/// Makes a static folder for browsing from annotation files, or a sidecar for one file.
#[derive(Args)]
pub(super) struct PackArgs {
    /// Annotation files, also gzip (.gz); several become one pack
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    annotations: Vec<PathBuf>,
    /// Names of entities: JSON lines with `wikidata_id` and `wikipedia_title`, also gzip
    #[arg(long, value_name = "FILE")]
    titles: Option<PathBuf>,
    /// Folder of the images, from which thumbnails are made, or their address with `{file_name}`
    /// or `{image_id}`; may be given twice
    #[arg(long, value_name = "DIR|URL")]
    images: Vec<String>,
    /// Vectors of the annotations, for showing those that look alike: a folder that `masklink index` made, or
    /// a `.npy` file of 16- or 32-bit floats, a row for each id of --vector-ids
    #[arg(long, value_name = "INDEX|NPY")]
    vectors: Option<PathBuf>,
    /// Ids of the annotations that the rows of --vectors are of, one a line
    #[arg(long, value_name = "FILE", requires = "vectors")]
    vector_ids: Option<PathBuf>,
    /// Write a sidecar instead: positions in the one annotation file, which is published at this address
    #[arg(long, value_name = "URL", conflicts_with_all = ["titles", "images", "vectors"])]
    records_at: Option<String>,
    /// Title for people; the name of the first file by default
    #[arg(long)]
    title: Option<String>,
    /// Kind of host: github-pages appends .gz to the names of files that are read in ranges, which it then
    /// leaves as they are
    #[arg(long, value_enum, default_value_t = StaticHost::Any)]
    host: StaticHost,
    /// Pack to make: a folder, or the sidecar's file; it must not exist yet
    #[arg(short, long, value_name = "PACK")]
    output: PathBuf,
}

/// A kind of static host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum StaticHost {
    /// Sends files as they are.
    Any,
    /// Compresses files by their names.
    GithubPages,
}

pub(super) fn run(args: &PackArgs) -> anyhow::Result<()> {
    if args.output.exists() {
        bail!("{} exists already; choose another name or remove it", args.output.display());
    }
    let started = Instant::now();
    if let Some(address) = &args.records_at {
        return sidecar::write(&args.annotations, address, &args.output);
    }
    let partial = partial_of(&args.output)?;
    if partial.exists() {
        // Only a folder that this program began is removed.
        if !partial.join("findings.jsonl").is_file() && !partial.join("annotations").is_dir() {
            bail!("{} exists and is not a pack that was begun; remove it", partial.display());
        }
        eprintln!("{} is left from an interrupted run; it is begun again", partial.display());
        fs::remove_dir_all(&partial).with_context(|| partial.display().to_string())?;
    }
    let written = write_pack(args, &partial).map_err(explain_full_disk)?;
    fs::rename(&partial, &args.output).with_context(|| {
        format!("{} could not be renamed to {}", partial.display(), args.output.display())
    })?;
    let seconds = started.elapsed().as_secs_f64();
    eprintln!(
        "{}: {} annotations, {} images, {} entities; {} in {} files; {} findings; {:.0} s, {}/s of JSON",
        args.output.display(),
        written.annotations,
        written.images,
        written.entities,
        HumanBytes(written.bytes),
        written.files,
        written.findings,
        seconds,
        HumanBytes((written.input_bytes as f64 / seconds) as u64),
    );
    Ok(())
}

fn write_pack(args: &PackArgs, folder: &Path) -> anyhow::Result<Written> {
    let vectors = args.vectors.as_deref().map(|path| VectorFile::open(path, args.vector_ids.as_deref()));
    let vectors = vectors.transpose()?;
    let work = folder.join("work");
    for folder in [folder, &work, &folder.join("annotations"), &folder.join("catalog")] {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let mut collected = read_inputs(args, folder, &work)?;
    if let Some(path) = &args.titles {
        titles::add(path, &collected.entities, &mut collected.titles)?;
    }
    let has_no_categories = !collected.has_categories();
    let Collected { sorter, images, titles, problems, findings, inputs, annotations, .. } = collected;
    let images = images.finish()?;
    let source = ImageSource::new(&args.images)?;
    let thumbnails = source.folder().map(|images| thumbnails::Thumbnails::new(images, folder)).transpose()?;
    let names: Vec<String> = inputs.iter().map(|input| input.file.clone()).collect();
    let shared = Shared {
        folder,
        images: &images,
        titles: &titles,
        suffix: if args.host == StaticHost::GithubPages { ".gz" } else { "" },
        inputs: &names,
        thumbnails: thumbnails.as_ref().map(|made| made as &dyn ThumbnailOf),
        limits: crate::dataset::ReadLimits::default(),
        has_no_categories,
    };
    let mut assembler = Assembler::new(folder, findings, problems, &shared);
    let bar = Progress::of_items(annotations, "annotations written");
    encode_batches(sorter.finish()?, &shared, |batch| {
        bar.advance(batch.rows.len() as u64);
        assembler.push(batch)
    })?;
    bar.finish();
    if let Some(vectors) = &vectors {
        assembler.add_neighbors(vectors, &work)?;
    }
    fs::remove_dir_all(&work).with_context(|| work.display().to_string())?;
    if let Some(made) = &thumbnails {
        assembler.add_thumbnails(made)?;
    }
    let title = args.title.clone().unwrap_or_else(|| names.first().cloned().unwrap_or_default());
    assembler.finish(title, source, images.count() as u64, inputs)
}

fn read_inputs(args: &PackArgs, folder: &Path, work: &Path) -> anyhow::Result<Collected> {
    let mut total = 0;
    for path in &args.annotations {
        total += fs::metadata(path).with_context(|| path.display().to_string())?.len();
    }
    let bar = Progress::of_bytes(Some(total));
    let findings = FindingsFile::create(&folder.join("findings.jsonl"))?;
    let mut collected =
        Collected::new(Sorter::new(work), ImageSpill::create(&work.join("images.jsonl"))?, findings);
    let mut done = 0;
    for path in &args.annotations {
        collected.read(path, &bar, done)?;
        done += collected.inputs.last().map_or(0, |input| input.bytes);
    }
    bar.finish();
    if collected.annotations == 0 {
        bail!("no annotations found in {}", args.annotations[0].display());
    }
    Ok(collected)
}

/// Encodes the batches on several threads, and passes them to `sink` in their order.
fn encode_batches(
    mut merge: Merge,
    shared: &Shared<'_>,
    mut sink: impl FnMut(EncodedBatch) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(MAX_WORKERS);
    std::thread::scope(|scope| {
        let (to_workers, batches) = crossbeam_channel::bounded::<(usize, Records)>(0);
        let (to_sink, encoded) = crossbeam_channel::bounded(workers);
        scope.spawn({
            let to_sink = to_sink.clone();
            move || {
                for number in 0.. {
                    let batch = match merge.next_batch(BATCH_ROWS, BATCH_BYTES) {
                        Ok(batch) if batch.len() == 0 => return,
                        Ok(batch) => batch,
                        Err(error) => {
                            // The receiver is gone only after an error that is reported already.
                            let _ = to_sink.send((number, Err(error)));
                            return;
                        }
                    };
                    if to_workers.send((number, batch)).is_err() {
                        return;
                    }
                }
            }
        });
        for _ in 0..workers {
            let (batches, to_sink) = (batches.clone(), to_sink.clone());
            scope.spawn(move || {
                for (number, records) in batches {
                    if to_sink.send((number, batch::encode(number, &records, shared))).is_err() {
                        return;
                    }
                }
            });
        }
        drop((to_sink, batches));
        let (mut next, mut early) = (0, std::collections::BTreeMap::new());
        for (number, batch) in encoded {
            early.insert(number, batch?);
            while let Some(batch) = early.remove(&next) {
                sink(batch)?;
                next += 1;
            }
        }
        Ok(())
    })
}

/// Returns the temporary name of a pack, beside it so that it can be renamed.
fn partial_of(output: &Path) -> anyhow::Result<PathBuf> {
    let name = output.file_name().with_context(|| format!("{} is not a name", output.display()))?;
    let mut name = name.to_owned();
    name.push(".partial");
    Ok(output.with_file_name(name))
}
