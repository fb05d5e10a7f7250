//! `masklink inspect`: what an annotation file holds and what is odd about it, at any length in
//! little memory.

use std::fs::File;
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, bail};
use clap::Args;
use image::metadata::Orientation;
use image::{ImageDecoder as _, ImageReader};

use super::inspect_report::{Files, Report};
use super::progress::Progress;
use crate::dataset::{ImageRecord, ReadLimits, Summary, SummaryBuilder};
use crate::geometry::Size;

/// Shows what an annotation file holds: counts, splits, sizes, and what is wrong with which records.
///
/// The exit status is 0 where the file could be read, whatever was found in it, and 1 where it
/// could not; with --strict, also 1 where anything was found.
#[derive(Args)]
pub(super) struct InspectArgs {
    /// The file: Mask-OVEN-Wiki's JSON, or COCO's
    #[arg(long, value_name = "FILE")]
    annotations: PathBuf,
    /// The folder of its images, to look for missing ones and for other sizes than the file says
    #[arg(long, value_name = "DIR")]
    images: Option<PathBuf>,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
    /// How many examples to show of each sort of finding
    #[arg(long, value_name = "N", default_value_t = 3)]
    findings: usize,
    /// Fail where anything is found
    #[arg(long)]
    strict: bool,
}

/// Bytes read at a time.
const CHUNK_BYTES: usize = 1 << 20;

pub(super) fn run(args: &InspectArgs) -> anyhow::Result<()> {
    if let Some(folder) = args.images.as_deref().filter(|folder| !folder.is_dir()) {
        bail!("{} is not a folder", folder.display());
    }
    let started = Instant::now();
    let summary = summary(&args.annotations, args.findings)?;
    let seconds = started.elapsed().as_secs_f64();
    let files = args.images.as_deref().map(|folder| look_for(&summary.images, folder, args.findings));
    let report = Report::new(&args.annotations, seconds, &summary, files);
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&report)?)?;
    } else {
        write!(out, "{report}")?;
    }
    let progress = summary.progress;
    let records = progress.images + progress.categories + progress.annotations;
    // A file whose sections are all empty is one, and nothing is odd about it.
    if records == 0 && report.findings() > 0 {
        bail!("{}: no records of an annotation file in it", args.annotations.display());
    }
    let found = report.findings();
    if args.strict && found > 0 {
        bail!("{found} findings");
    }
    Ok(())
}

fn summary(path: &Path, max_examples: usize) -> anyhow::Result<Summary> {
    let mut file = File::open(path).with_context(|| path.display().to_string())?;
    // A pipe has no length.
    let length = file.metadata().map(|file| file.is_file().then_some(file.len()))?;
    let shown = Progress::of_bytes(length);
    let mut builder = SummaryBuilder::new(ReadLimits::default(), max_examples);
    let mut chunk = vec![0; CHUNK_BYTES];
    while !builder.is_done() {
        let length = file.read(&mut chunk).with_context(|| path.display().to_string())?;
        if length == 0 {
            break;
        }
        builder.push(&chunk[..length]);
        let progress = builder.progress();
        shown.set(progress.bytes, || format!("{} annotations", progress.annotations));
    }
    shown.finish();
    Ok(builder.finish())
}

/// Compares the images with the files of a folder, by their headers alone.
fn look_for(images: &[ImageRecord], folder: &Path, max_examples: usize) -> Files {
    let mut files = Files::default();
    let example = |examples: &mut Vec<String>, words: String| {
        if examples.len() < max_examples {
            examples.push(words);
        }
    };
    let progress = Progress::of_items(images.len() as u64, "images");
    for image in images {
        progress.advance(1);
        let Some(name) = &image.file else {
            files.unnamed += 1;
            continue;
        };
        let path = folder.join(name);
        if !path.is_file() {
            files.missing += 1;
            example(&mut files.missing_examples, name.clone());
            continue;
        }
        files.present += 1;
        match displayed_size(&path) {
            Ok(found) => {
                if let Some(said) = image.size.filter(|&said| said != found) {
                    files.other_size += 1;
                    example(&mut files.other_size_examples, format!("{name}: {found}, said to be {said}"));
                }
            }
            Err(error) => {
                files.unreadable += 1;
                example(&mut files.unreadable_examples, format!("{name}: {error}"));
            }
        }
    }
    progress.finish();
    files
}

/// Width and height as displayed, by the header alone; the format goes by the content, as everywhere else.
fn displayed_size(path: &Path) -> image::ImageResult<Size> {
    let mut decoder = ImageReader::open(path)?.with_guessed_format()?.into_decoder()?;
    let (width, height) = decoder.dimensions();
    Ok(match decoder.orientation()? {
        Orientation::Rotate90
        | Orientation::Rotate270
        | Orientation::Rotate90FlipH
        | Orientation::Rotate270FlipH => Size::new(height, width),
        _ => Size::new(width, height),
    })
}
