//! `masklink synth`: writes annotation files of Mask-OVEN-Wiki's shape, at any size, from a seed.

mod masks;
mod names;
mod random;
mod record;

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, ensure};

use super::progress::Progress;
use names::{MAX_NAMES, Names};
use record::Records;

/// Maximum number of annotations: their numbers have 8 digits.
const MAX_ANNOTATIONS: u64 = 99_999_999;
/// Maximum number of masks without a fault for each image size.
const MAX_POOL: u64 = 3_000;
/// Approximate number of bytes of an annotation.
const MEAN_BYTES: u64 = 2_800;
/// Number of annotations that are drawn to estimate the size of a file.
const ESTIMATED_ANNOTATIONS: u64 = 4_000;
/// Bytes of text that are written at once.
const CHUNK_BYTES: usize = 1 << 20;

/// Writes an annotation file in the shape of Mask-OVEN-Wiki's, made up from a seed: for measurements at
/// full size.
///
/// Its statistics follow the dataset's: about 2.8 KB an annotation, 1 to 5 masks, one image in 171 with a
/// second annotation, entities with a long tail, areas of any share and often over 95 %. Splits have
/// approximate shares. The same arguments give the same bytes. A few thousand masks are made for each
/// image size and used again and again.
#[derive(clap::Args)]
pub(super) struct SynthArgs {
    /// Number of annotations
    #[arg(long, value_name = "N", required_unless_present = "bytes")]
    annotations: Option<u64>,
    /// Approximate size of the file, such as 500MB, 12.5GB or 4GiB, in place of the number of annotations
    #[arg(long, value_name = "SIZE", conflicts_with = "annotations", value_parser = parse_bytes)]
    bytes: Option<u64>,
    /// Number of entities, the file's categories
    #[arg(long, value_name = "N", default_value_t = 20_077)]
    entities: u64,
    /// Seed of all random numbers
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    /// Order of the sections
    #[arg(long, value_enum, default_value = "images-first")]
    order: SectionOrder,
    /// Share of the annotations with a fault, from 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    faults: f64,
    /// File of titles to write as well, in the shape of `Wiki6M`: a JSON object a line
    #[arg(long, value_name = "FILE")]
    titles: Option<PathBuf>,
    /// Number of titles of entities that no annotation has
    #[arg(long, value_name = "N", default_value_t = 20_000, requires = "titles")]
    extra_titles: u64,
    /// File to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
enum SectionOrder {
    /// Images, categories, annotations, as published
    ImagesFirst,
    /// Annotations, images, categories
    AnnotationsFirst,
}

pub(super) fn run(args: &SynthArgs) -> anyhow::Result<()> {
    ensure!((0.0..=1.0).contains(&args.faults), "--faults {}: expected 0 to 1", args.faults);
    let names = args.entities.saturating_add(args.extra_titles);
    ensure!(
        args.entities > 0 && names <= MAX_NAMES,
        "--entities {} and --extra-titles {}: expected at least one entity and at most {MAX_NAMES} names",
        args.entities,
        args.extra_titles
    );
    let started = Instant::now();
    let names = Names::new(args.seed, args.entities);
    let pool = masks::pool(args.seed, pool_size(args))?;
    let records = Records { seed: args.seed, names: &names, pool: &pool, faults: args.faults };
    let annotations = number_of_annotations(args, &records)?;
    let pool_seconds = started.elapsed().as_secs_f64();
    if let Some(path) = &args.titles {
        write_titles(path, &names, args)?;
    }
    let written = write_file(args, &records, annotations)?;
    let seconds = started.elapsed().as_secs_f64();
    writeln!(
        std::io::stdout(),
        "{annotations} annotations, {written} bytes, {:.0} an annotation; {seconds:.1} s, of which masks \
         {pool_seconds:.1} s; {:.0} MB/s",
        written as f64 / annotations as f64,
        written as f64 / seconds / 1e6
    )?;
    Ok(())
}

/// Returns the number of masks without a fault for each image size: fewer for a small file, which would
/// not use them.
fn pool_size(args: &SynthArgs) -> u64 {
    let annotations = args.annotations.or(args.bytes.map(|bytes| bytes / MEAN_BYTES)).unwrap_or(0);
    annotations.div_ceil(8).clamp(64, MAX_POOL)
}

fn number_of_annotations(args: &SynthArgs, records: &Records<'_>) -> anyhow::Result<u64> {
    let annotations = match (args.annotations, args.bytes) {
        (Some(annotations), _) => annotations,
        (None, bytes) => {
            let (mut text, mut categories) = (String::new(), String::new());
            for number in 0..ESTIMATED_ANNOTATIONS {
                records.push_annotation(&mut text, number, number);
                records.push_image(&mut text, number);
                text.push_str(", , ");
            }
            (0..args.entities).for_each(|entity| records.push_category(&mut categories, entity));
            let rest = bytes.unwrap_or(0).saturating_sub((categories.len() as u64) + 2 * args.entities);
            (rest as f64 * ESTIMATED_ANNOTATIONS as f64 / text.len() as f64) as u64
        }
    };
    ensure!(
        (1..=MAX_ANNOTATIONS).contains(&annotations),
        "{annotations} annotations: expected 1 to {MAX_ANNOTATIONS}"
    );
    Ok(annotations)
}

/// Reads a number of bytes with an optional unit.
fn parse_bytes(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        "tb" => 1e12,
        "kib" => f64::from(1_u32 << 10),
        "mib" => f64::from(1_u32 << 20),
        "gib" => f64::from(1_u32 << 30),
        unit => return Err(format!("unknown unit {unit:?}; expected B, KB, MB, GB, TB, KiB, MiB or GiB")),
    };
    match digits.trim().parse::<f64>() {
        Ok(number) if number.is_finite() && number >= 0.0 => Ok((number * factor) as u64),
        _ => Err(format!("{digits:?} is not a number")),
    }
}

/// Collects text and writes it in large chunks.
struct Output {
    file: File,
    text: String,
    written: u64,
}

impl Output {
    fn create(path: &Path) -> anyhow::Result<Self> {
        let file = File::create(path).with_context(|| path.display().to_string())?;
        Ok(Self { file, text: String::with_capacity(CHUNK_BYTES + (64 << 10)), written: 0 })
    }

    /// Writes the collected text if it is at least this long.
    fn flush_from(&mut self, length: usize) -> anyhow::Result<()> {
        if self.text.len() >= length {
            self.file.write_all(self.text.as_bytes()).context("writing the output")?;
            self.written += self.text.len() as u64;
            self.text.clear();
        }
        Ok(())
    }
}

fn write_file(args: &SynthArgs, records: &Records<'_>, annotations: u64) -> anyhow::Result<u64> {
    let mut output = Output::create(&args.output)?;
    let progress = Progress::of_items(annotations, "annotations");
    let sections: [Section; 3] = match args.order {
        SectionOrder::ImagesFirst => [Section::Images, Section::Categories, Section::Annotations],
        SectionOrder::AnnotationsFirst => [Section::Annotations, Section::Images, Section::Categories],
    };
    for (at, section) in sections.into_iter().enumerate() {
        output.text.push_str(if at == 0 { "{" } else { ", " });
        match section {
            Section::Images => write_images(&mut output, records, annotations)?,
            Section::Categories => {
                output.text.push_str(r#""categories": ["#);
                for entity in 0..args.entities {
                    push_comma(&mut output.text, entity);
                    records.push_category(&mut output.text, entity);
                    output.flush_from(CHUNK_BYTES)?;
                }
            }
            Section::Annotations => write_annotations(&mut output, records, annotations, &progress)?,
        }
        output.text.push(']');
    }
    output.text.push('}');
    output.flush_from(1)?;
    progress.finish();
    Ok(output.written)
}

/// A list of the file.
#[derive(Clone, Copy)]
enum Section {
    Images,
    Categories,
    Annotations,
}

fn write_images(output: &mut Output, records: &Records<'_>, annotations: u64) -> anyhow::Result<()> {
    output.text.push_str(r#""images": ["#);
    let beginning = (0..annotations).filter(|&number| records.begins_image(number));
    for (image, _) in (0..).zip(beginning) {
        push_comma(&mut output.text, image);
        records.push_image(&mut output.text, image);
        output.flush_from(CHUNK_BYTES)?;
    }
    Ok(())
}

fn write_annotations(
    output: &mut Output,
    records: &Records<'_>,
    annotations: u64,
    progress: &Progress,
) -> anyhow::Result<()> {
    output.text.push_str(r#""annotations": ["#);
    let mut images = 0;
    for number in 0..annotations {
        push_comma(&mut output.text, number);
        images += u64::from(records.begins_image(number));
        records.push_annotation(&mut output.text, number, images - 1);
        output.flush_from(CHUNK_BYTES)?;
        if number.is_multiple_of(1 << 12) {
            progress.set(number, String::new);
        }
    }
    Ok(())
}

fn push_comma(text: &mut String, at: u64) {
    if at > 0 {
        text.push_str(", ");
    }
}

/// Writes the titles of the entities and of further ones, in another order than the categories.
fn write_titles(path: &Path, names: &Names, args: &SynthArgs) -> anyhow::Result<()> {
    let mut output = Output::create(path)?;
    let number = args.entities + args.extra_titles;
    for entity in (0..number).rev() {
        let line = format!(
            "{{\"wikidata_id\": \"Q{}\", \"wikipedia_title\": \"{}\"}}\n",
            names.qid(entity),
            names.title(entity)
        );
        output.text.push_str(&line);
        output.flush_from(CHUNK_BYTES)?;
    }
    output.flush_from(1)
}
