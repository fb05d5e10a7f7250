//! `masklink inspect`: summarizes an annotation file of any length, with its findings, in bounded memory.

use std::fs::File;
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, bail};
use clap::Args;

use super::image_folder::ImageFolder;
use super::image_frame;
use super::inspect_pack;
use super::inspect_report::{ImageFiles, InspectReport};
use super::progress::Progress;
use crate::dataset::{ImageFrame, ImageRecord, ReadLimits, Summary, SummaryBuilder};

/// Summarizes an annotation file or a pack: counts, splits, sizes, and problems in its records (findings).
///
/// The exit status is 1 if the file cannot be read to its end or has no records, and with --strict also if
/// there are findings; otherwise it is 0.
#[derive(Args)]
pub(super) struct InspectArgs {
    /// Pack made by `masklink pack`; --strict then compares the hash of every file
    #[arg(value_name = "PACK", required_unless_present = "annotations", conflicts_with = "annotations")]
    pack: Option<PathBuf>,
    /// Print the record with this id instead of a summary
    #[arg(long, value_name = "ID", requires = "pack")]
    record: Option<String>,
    /// Annotation file: Mask-OVEN-Wiki or plain COCO
    #[arg(long, value_name = "FILE")]
    annotations: Option<PathBuf>,
    /// Folder of the images; also report missing images and images whose size differs from the file's
    #[arg(long, value_name = "DIR")]
    images: Option<PathBuf>,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
    /// Maximum number of examples of each finding code
    #[arg(long, value_name = "N", default_value_t = 3)]
    findings: usize,
    /// Exit with status 1 if there are findings
    #[arg(long)]
    strict: bool,
}

/// Number of bytes read at once.
const CHUNK_BYTES: usize = 1 << 20;

pub(super) fn run(args: &InspectArgs) -> anyhow::Result<()> {
    match (&args.pack, &args.annotations) {
        (Some(pack), _) => inspect_pack::run(pack, args.record.as_deref(), args.json, args.strict),
        (None, Some(annotations)) => inspect_file(args, annotations),
        (None, None) => bail!("give a pack or --annotations"),
    }
}

fn inspect_file(args: &InspectArgs, annotations: &Path) -> anyhow::Result<()> {
    if let Some(folder) = args.images.as_deref().filter(|folder| !folder.is_dir()) {
        bail!("{} is not a folder", folder.display());
    }
    let started = Instant::now();
    let summary = summary(annotations, args.findings)?;
    let seconds = started.elapsed().as_secs_f64();
    let files = args
        .images
        .as_deref()
        .map(|folder| compare_files(&summary.images, &ImageFolder::new(folder), args.findings));
    let report = InspectReport::new(annotations, seconds, &summary, files);
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&report)?)?;
    } else {
        write!(out, "{report}")?;
    }
    // A file of empty sections has no findings and is valid.
    if summary.progress.records() == 0 && report.findings() > 0 {
        bail!("{}: no images, categories or annotations found", annotations.display());
    }
    if !summary.progress.is_whole {
        let (file, bytes) = (annotations.display(), summary.progress.bytes);
        bail!("{file}: only the records of its first {bytes} bytes are read; the findings say why");
    }
    let found = report.findings();
    if args.strict && found > 0 {
        bail!("{found} findings");
    }
    Ok(())
}

fn summary(path: &Path, max_examples: usize) -> anyhow::Result<Summary> {
    let mut file = File::open(path).with_context(|| path.display().to_string())?;
    // The length of a pipe is unknown.
    let length = file.metadata().map(|file| file.is_file().then_some(file.len()))?;
    let bar = Progress::of_bytes(length);
    let mut builder = SummaryBuilder::new(ReadLimits::default(), max_examples);
    let mut chunk = vec![0; CHUNK_BYTES];
    while !builder.is_done() {
        let length = file.read(&mut chunk).with_context(|| path.display().to_string())?;
        if length == 0 {
            break;
        }
        builder.push(&chunk[..length]);
        let progress = builder.progress();
        bar.set(progress.bytes, || format!("{} annotations", progress.annotations));
    }
    bar.finish();
    Ok(builder.finish())
}

/// Compares the images with the files of a folder. Reads only the headers of the files.
fn compare_files(images: &[ImageRecord], folder: &ImageFolder, max_examples: usize) -> ImageFiles {
    let mut files = ImageFiles::default();
    let example = |examples: &mut Vec<String>, text: String| {
        if examples.len() < max_examples {
            examples.push(text);
        }
    };
    let progress = Progress::of_items(images.len() as u64, "images");
    for image in images {
        progress.advance(1);
        let Some(name) = image.path() else {
            files.unnamed += 1;
            continue;
        };
        let path = folder.find(&name);
        if !path.is_file() {
            files.missing += 1;
            example(&mut files.missing_examples, name.into_owned());
            continue;
        }
        files.present += 1;
        match frame_of(&path) {
            Ok(frame) => {
                let found = frame.displayed;
                if let Some(listed) = image.size.filter(|&listed| listed != found) {
                    let is_stored = listed == frame.stored();
                    let why = if is_stored { ", its size before EXIF turns it" } else { "" };
                    files.other_size += 1;
                    let text = format!("{name}: {found}, listed as {listed}{why}");
                    example(&mut files.other_size_examples, text);
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

/// Reads the size and orientation from the header; detects the format by content.
fn frame_of(path: &Path) -> anyhow::Result<ImageFrame> {
    Ok(image_frame::frame_of_file(std::io::BufReader::new(File::open(path)?))?)
}
