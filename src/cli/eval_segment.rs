//! `masklink eval segment`: mean IoU by number of clicks and the number of clicks to reach an IoU.
//!
//! The protocol is the usual one of interactive segmentation (segment-anything, section 7.1): the first click goes to
//! the interior-most point of the annotated mask, each next to the interior-most point of the largest region that is
//! wrong, positive where pixels are missing and negative where they are too many. An object whose IoU never reaches
//! the bar within the clicks played counts with all of them in `NoC`.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};

use super::annotated::{self, Object};
use super::interior::interior_point;
use super::onnx::RuntimeArgs;
use super::segmenter::{ModelChoice, Segmenter};
use crate::geometry::{Point, Size};
use crate::rle::Mask;
use crate::segment::{Channels, Pixels, Prompt, Prompts};

/// The bars of `NoC`, in percent of IoU.
const BARS: [u32; 3] = [80, 85, 90];

#[derive(clap::Args)]
pub(super) struct EvalSegmentArgs {
    /// COCO or Mask-OVEN-Wiki annotations.
    #[arg(long, value_name = "F.json")]
    annotations: PathBuf,
    /// The folder that the annotations' file names start from.
    #[arg(long, value_name = "DIR")]
    images: PathBuf,
    /// ID of a model, or models.json#ID, or models.json for its default [default: www/models/models.json].
    #[arg(long, value_name = "MANIFEST-ENTRY", value_parser = |text: &str| Ok::<_, String>(ModelChoice::from(text)))]
    model: Option<ModelChoice>,
    /// Clicks played on each object.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=64))]
    clicks: u32,
    /// Only annotations of this `data_split`.
    #[arg(long, value_name = "S")]
    split: Option<String>,
    /// At most so many objects, spread evenly over the file.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// End with one line of JSON on standard output.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    runtime: RuntimeArgs,
}

/// IoU after each click, one list an object.
#[derive(Debug, Default)]
struct Scores {
    ious: Vec<Vec<f64>>,
    skipped: usize,
    encode_ms: Vec<f64>,
    click_ms: Vec<f64>,
}

pub(super) fn run(args: &EvalSegmentArgs) -> Result<()> {
    let objects = annotated::read(&args.annotations, args.split.as_deref(), args.limit)?;
    ensure!(!objects.is_empty(), "{} has no annotation to evaluate", args.annotations.display());
    let mut segmenter = Segmenter::load(&args.model.clone().unwrap_or_default(), &args.runtime)?;
    let mut by_picture: BTreeMap<&str, Vec<&Object>> = BTreeMap::new();
    for object in &objects {
        by_picture.entry(&object.file_name).or_default().push(object);
    }
    let progress = Progress::new(objects.len() as u64);
    let mut scores = Scores::default();
    for (file_name, objects) in by_picture {
        let count = objects.len();
        if let Err(error) = play_picture(&mut segmenter, args, file_name, &objects, &mut scores, &progress) {
            progress.say(&format!("skipped {count} of {file_name}: {error:#}"));
            scores.skipped += count;
            progress.advance(count as u64);
        }
    }
    progress.finish();
    ensure!(!scores.ious.is_empty(), "no object could be evaluated; {} were skipped", scores.skipped);
    report(args, &segmenter.model().id, &scores);
    Ok(())
}

/// Plays all objects of one picture. Fails where the picture is unusable; a bad object is said and skipped.
fn play_picture(
    segmenter: &mut Segmenter,
    args: &EvalSegmentArgs,
    file_name: &str,
    objects: &[&Object],
    scores: &mut Scores,
    progress: &Progress,
) -> Result<()> {
    let picture = read_picture(&args.images, file_name)?;
    let size = Size::new(picture.width(), picture.height());
    let start = Instant::now();
    segmenter.encode(Pixels::new(size, Channels::Rgb, &picture)?)?;
    scores.encode_ms.push(milliseconds(start));
    for object in objects {
        match object.mask(size).and_then(|truth| play(segmenter, &truth, args.clicks, &mut scores.click_ms)) {
            Ok(ious) => scores.ious.push(ious),
            Err(error) => {
                progress.say(&format!("skipped {}: {error:#}", object.id));
                scores.skipped += 1;
            }
        }
        progress.advance(1);
    }
    Ok(())
}

/// IoU after each click on one object.
fn play(segmenter: &mut Segmenter, truth: &Mask, clicks: u32, click_ms: &mut Vec<f64>) -> Result<Vec<f64>> {
    ensure!(!truth.is_empty(), "the mask is empty");
    segmenter.restart();
    let mut prompts = Prompts::new();
    let mut answer = Mask::empty(truth.size())?;
    let mut ious = Vec::with_capacity(clicks as usize);
    while ious.len() < clicks as usize {
        // An answer without an error stands for all clicks that are left.
        let Some((point, positive)) = next_click(truth, &answer)? else {
            let last = ious.last().copied().unwrap_or(1.0);
            ious.resize(clicks as usize, last);
            break;
        };
        prompts.push(Prompt::Click { point, positive })?;
        let start = Instant::now();
        answer = segmenter.decode(&prompts)?.mask().clone();
        click_ms.push(milliseconds(start));
        ious.push(truth.iou(&answer, false)?);
    }
    Ok(ious)
}

/// The centre of the interior-most pixel of the largest 8-connected error region, and whether pixels are missing there.
fn next_click(truth: &Mask, answer: &Mask) -> Result<Option<(Point, bool)>> {
    let missed = interior_point(&truth.difference(answer)?);
    let excess = interior_point(&answer.difference(truth)?);
    let (found, positive) = match (missed, excess) {
        (Some(missed), Some(excess)) if excess.area > missed.area => (excess, false),
        (Some(missed), _) => (missed, true),
        (None, Some(excess)) => (excess, false),
        (None, None) => return Ok(None),
    };
    Ok(Some((Point::new(f64::from(found.x) + 0.5, f64::from(found.y) + 0.5), positive)))
}

fn read_picture(folder: &Path, file_name: &str) -> Result<image::RgbImage> {
    // Names come from the annotation file: they stay below the folder.
    let relative = Path::new(file_name.trim_start_matches('/'));
    let is_below = relative.components().all(|part| matches!(part, std::path::Component::Normal(_)));
    ensure!(is_below, "the file name leaves the folder");
    let path = folder.join(relative);
    let reader = image::ImageReader::open(&path).with_context(|| path.display().to_string())?;
    Ok(reader.with_guessed_format()?.decode()?.into_rgb8())
}

fn report(args: &EvalSegmentArgs, model: &str, scores: &Scores) {
    let count = scores.ious.len();
    let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / count as f64;
    let miou: Vec<f64> =
        (0..args.clicks as usize).map(|click| mean(&mut scores.ious.iter().map(|ious| ious[click]))).collect();
    let clicks_to = |ious: &[f64], bar: u32| {
        ious.iter().position(|&iou| iou >= f64::from(bar) / 100.0).map_or(args.clicks as usize, |at| at + 1)
    };
    let noc: BTreeMap<String, f64> = BARS
        .iter()
        .map(|&bar| (bar.to_string(), mean(&mut scores.ious.iter().map(|ious| clicks_to(ious, bar) as f64))))
        .collect();
    let (encode_ms, click_ms) = (median(&scores.encode_ms), median(&scores.click_ms));
    if args.json {
        let line = serde_json::json!({
            "n": count, "miou": miou, "noc": noc, "skipped": scores.skipped, "model": model,
            "median_ms": { "encode": encode_ms, "click": click_ms },
        });
        println!("{line}");
        return;
    }
    println!("{count} objects, {} skipped, model {model}", scores.skipped);
    println!("median time: {encode_ms:.0} ms to encode a picture, {click_ms:.1} ms a click");
    for (click, miou) in miou.iter().enumerate() {
        println!("mIoU after {:2} clicks: {miou:.4}", click + 1);
    }
    for (bar, clicks) in &noc {
        println!("NoC@{bar} (at most {}): {clicks:.2}", args.clicks);
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

fn milliseconds(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}

/// A bar with rate and time left on a terminal, a line now and then elsewhere; on standard error.
struct Progress {
    bar: ProgressBar,
    on_terminal: bool,
}

impl Progress {
    fn new(total: u64) -> Self {
        let on_terminal = std::io::stderr().is_terminal();
        let bar = if on_terminal { ProgressBar::new(total) } else { ProgressBar::hidden() };
        bar.set_length(total);
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} objects, {per_sec}, {eta} left") {
            bar.set_style(style);
        }
        Self { bar, on_terminal }
    }

    fn advance(&self, count: u64) {
        let before = self.bar.position();
        self.bar.inc(count);
        let (now, total) = (self.bar.position(), self.bar.length().unwrap_or(0).max(1));
        // A line every tenth of the work.
        if !self.on_terminal && before * 10 / total != now * 10 / total {
            eprintln!("{now} of {total} objects");
        }
    }

    fn say(&self, line: &str) {
        self.bar.suspend(|| eprintln!("{line}"));
    }

    fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
