//! `masklink eval segment`: measures the mean IoU by number of clicks, and the number of clicks to an IoU.
//!
//! The protocol is the usual one of interactive segmentation (segment-anything, section 7.1): the
//! first click goes to the interior-most point of the annotated mask, each next to the
//! interior-most point of the largest region that is wrong, positive where pixels are missing and
//! negative where there are too many. An object whose IoU does not reach the threshold within the clicks
//! counts with all of them in `NoC`.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use super::annotations::{self, ReadArgs};
use super::clicker::{MAX_PIXELS, next_click};
use super::decoded_image::DecodedImage;
use super::image_folder::ImageFolder;
use super::image_frame;
use super::onnx::RuntimeArgs;
use super::progress::Progress;
use super::segmenter::{ModelChoice, Segmenter};
use crate::dataset::{Annotation, Dataset};
use crate::rle::{CocoRle, Mask};
use crate::segment::{Prompt, Prompts};

/// The thresholds of `NoC`, in percent of IoU.
const THRESHOLDS: [u32; 3] = [80, 85, 90];

#[derive(clap::Args)]
pub(super) struct EvalSegmentArgs {
    /// Annotation file: Mask-OVEN-Wiki or plain COCO.
    #[arg(long, value_name = "F.json")]
    annotations: PathBuf,
    /// Folder of the images.
    #[arg(long, value_name = "DIR")]
    images: PathBuf,
    /// The click model: ID of a model, or models.json#ID, or models.json for its default
    /// [default: www/models/models.json, relative to the working folder].
    #[arg(long, value_name = "MANIFEST-ENTRY")]
    model: Option<ModelChoice>,
    /// Number of clicks on each object.
    #[arg(long, value_name = "N", default_value_t = 20)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=64))]
    clicks: u32,
    /// Evaluate only annotations of this `data_split`; may be given several times.
    #[arg(long, value_name = "SPLIT")]
    split: Vec<String>,
    /// Maximum number of objects, spread evenly over the file.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Also write the masks after each click, as COCO RLEs: `{"annotation id": [{"size": [h, w],
    /// "counts": "…"}]}`.
    #[arg(long, value_name = "F.json")]
    masks: Option<PathBuf>,
    /// Print the report as JSON in the last line of standard output.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    reading: ReadArgs,
    #[command(flatten)]
    runtime: RuntimeArgs,
}

/// The IoU after each click, one list per object, and times.
#[derive(Debug, Default)]
struct Scores {
    ious: Vec<Vec<f64>>,
    skipped: usize,
    /// Number of records of the file that cannot be read.
    left_out: u64,
    encode_ms: Vec<f64>,
    click_ms: Vec<f64>,
    masks: BTreeMap<String, Vec<CocoRle>>,
}

pub(super) fn run(args: &EvalSegmentArgs) -> Result<()> {
    let path = &args.annotations;
    let dataset = annotations::read(path, args.reading)?;
    let annotations = chosen(&dataset, args);
    ensure!(!annotations.is_empty(), "{} has no annotation to evaluate", path.display());
    let mut segmenter = Segmenter::load(&args.model.clone().unwrap_or_default(), &args.runtime)?;
    let progress = Progress::of_items(annotations.len() as u64, "objects");
    let mut scores = Scores { left_out: dataset.left_out(), ..Scores::default() };
    let images = ImageFolder::new(&args.images);
    for same_image in annotations.chunk_by(|a, b| a.image == b.image) {
        let image = dataset.image_index(&same_image[0].image).map(|index| (&dataset, index));
        if let Err(error) =
            play_image(&mut segmenter, args, &images, image, same_image, &mut scores, &progress)
        {
            let count = same_image.len();
            progress.println(&format!("skipped {count} of image {}: {error:#}", same_image[0].image));
            scores.skipped += count;
            progress.advance(count as u64);
        }
    }
    progress.finish();
    ensure!(!scores.ious.is_empty(), "no object could be evaluated; {} were skipped", scores.skipped);
    if let Some(path) = &args.masks {
        let json = serde_json::to_vec(&scores.masks)?;
        std::fs::write(path, json).with_context(|| format!("{} could not be written", path.display()))?;
    }
    report(args, &segmenter.model().id, &scores)?;
    Ok(())
}

/// Returns the annotations of the splits, up to the limit, spread evenly over the file, sorted by image.
fn chosen<'a>(dataset: &'a Dataset, args: &EvalSegmentArgs) -> Vec<&'a Annotation> {
    let of_split = |annotation: &&Annotation| {
        args.split.is_empty() || args.split.iter().any(|split| annotation.split_name() == split)
    };
    let all: Vec<&Annotation> = dataset.annotations().iter().filter(of_split).collect();
    let total = all.len() as u64;
    let wanted = args.limit.unwrap_or(total).min(total);
    let mut chosen: Vec<&Annotation> = (0..wanted).map(|at| all[(at * total / wanted) as usize]).collect();
    chosen.sort_by(|a, b| a.image.cmp(&b.image));
    chosen
}

/// Clicks all objects of one image. Fails where the image is unusable; a bad object is reported and skipped.
fn play_image(
    segmenter: &mut Segmenter,
    args: &EvalSegmentArgs,
    images: &ImageFolder,
    image: Option<(&Dataset, u32)>,
    annotations: &[&Annotation],
    scores: &mut Scores,
    progress: &Progress,
) -> Result<()> {
    let (dataset, index) = image.context("it is not listed")?;
    let file = dataset.images()[index as usize].path().context("it is not listed with a file name")?;
    let path = images.find(&file);
    let bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
    // As displayed, as for the page, the index and the endpoint.
    let pixels = DecodedImage::decode(&bytes, MAX_PIXELS).with_context(|| path.display().to_string())?;
    if pixels.is_cut_off() {
        progress.println(&format!("{file}: the JPEG is cut off; what is there of it is used"));
    }
    let frame = image_frame::read_frame(&bytes)?;
    let of_masks = frame.of_masks(dataset, index, args.reading.turned_images.frame());
    let start = Instant::now();
    segmenter.encode(pixels)?;
    scores.encode_ms.push(milliseconds(start));
    for annotation in annotations {
        let truth = annotations::mask_on(frame, annotation, of_masks);
        let truth = truth.and_then(|truth| {
            ensure!(!annotation.is_cut, "a part of its mask cannot be read");
            ensure!(!truth.is_empty(), "its mask is empty");
            Ok(truth)
        });
        match truth.and_then(|truth| play(segmenter, &truth, args.clicks, &mut scores.click_ms)) {
            Ok((ious, masks)) => {
                scores.ious.push(ious);
                if args.masks.is_some() {
                    scores.masks.insert(annotation.id.clone(), masks.iter().map(CocoRle::from).collect());
                }
            }
            Err(error) => {
                progress.println(&format!("skipped {}: {error:#}", annotation.id));
                scores.skipped += 1;
            }
        }
        progress.advance(1);
    }
    Ok(())
}

/// Returns the IoU after each click on one object, and the masks until one is exact.
fn play(
    segmenter: &mut Segmenter,
    truth: &Mask,
    clicks: u32,
    click_ms: &mut Vec<f64>,
) -> Result<(Vec<f64>, Vec<Mask>)> {
    segmenter.restart();
    let mut prompts = Prompts::new();
    let mut mask = Mask::empty(truth.size())?;
    let mut ious = Vec::with_capacity(clicks as usize);
    let mut masks = Vec::new();
    while ious.len() < clicks as usize {
        // An exact mask counts for all clicks that are left.
        let Some((point, positive)) = next_click(truth, &mask)? else {
            let last = ious.last().copied().unwrap_or(1.0);
            ious.resize(clicks as usize, last);
            break;
        };
        prompts.push(Prompt::Click { point, positive })?;
        let start = Instant::now();
        mask = segmenter.click(&prompts)?.mask().clone();
        click_ms.push(milliseconds(start));
        ious.push(truth.iou(&mask, false)?);
        masks.push(mask.clone());
    }
    Ok((ious, masks))
}

fn report(args: &EvalSegmentArgs, model: &str, scores: &Scores) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let count = scores.ious.len();
    let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / count as f64;
    let miou: Vec<f64> = (0..args.clicks as usize)
        .map(|click| mean(&mut scores.ious.iter().map(|ious| ious[click])))
        .collect();
    let clicks_to = |ious: &[f64], threshold: u32| {
        ious.iter()
            .position(|&iou| iou >= f64::from(threshold) / 100.0)
            .map_or(args.clicks as usize, |at| at + 1)
    };
    let noc: BTreeMap<String, f64> = THRESHOLDS
        .iter()
        .map(|&threshold| {
            let clicks = &mut scores.ious.iter().map(|ious| clicks_to(ious, threshold) as f64);
            (threshold.to_string(), mean(clicks))
        })
        .collect();
    let (encode_ms, click_ms) = (median(&scores.encode_ms), median(&scores.click_ms));
    if args.json {
        let line = serde_json::json!({
            "n": count, "miou": miou, "noc": noc, "skipped": scores.skipped, "left_out": scores.left_out,
            "model": model,
            "median_ms": { "encode": encode_ms, "click": click_ms },
        });
        return writeln!(out, "{line}");
    }
    let Scores { skipped, left_out, .. } = scores;
    writeln!(out, "{count} objects, {skipped} skipped, {left_out} left out, model {model}")?;
    writeln!(out, "median time: {encode_ms:.0} ms to encode an image, {click_ms:.1} ms a click")?;
    for (click, miou) in miou.iter().enumerate() {
        writeln!(out, "mIoU after {:2} clicks: {miou:.4}", click + 1)?;
    }
    for (threshold, clicks) in &noc {
        writeln!(out, "NoC@{threshold} (at most {}): {clicks:.2}", args.clicks)?;
    }
    Ok(())
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

fn milliseconds(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}
