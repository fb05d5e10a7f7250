//! `masklink index`: builds the index of known entities for linking, from annotated images, from a
//! classifier, or from both.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail, ensure};

use super::annotations::{self, ReadArgs, UsableAnnotation};
use super::classes;
use super::clicker::Clicker;
use super::encoder::Encoder;
use super::image_folder::ImageFolder;
use super::index_features::{Features, MaskFeature};
use super::index_vectors::{VectorArgs, wikipedia_by_qid};
use super::onnx::RuntimeArgs;
use super::percent::percent_encoded;
use super::progress::Progress;
use super::segmenter::ModelChoice;
use crate::dataset::{Category, Dataset, ImageFrame};
use crate::link::calibration::fit::{self, HeldOutMask};
use crate::link::calibration::{Calibration, HeldOut};
use crate::link::index::build::Material;
use crate::link::index::folder;
use crate::link::index::header::Source;
use crate::link::index::vectors::Element;
use crate::link::index::{Entity, Exemplar, IMAGE_HASH_DIGITS, Index};

/// Builds the index of known entities for linking: from annotated images, a classifier, or both, or from
/// precomputed vectors.
#[derive(clap::Args)]
#[command(group(
    clap::ArgGroup::new("knowledge")
        .args(["annotations", "prototypes", "vectors"])
        .multiple(true)
        .required(true)
))]
pub(super) struct IndexArgs {
    /// Annotation file: Mask-OVEN-Wiki or plain COCO.
    #[arg(long, value_name = "FILE", requires = "images")]
    annotations: Option<PathBuf>,
    /// Folder of the images.
    #[arg(long, value_name = "DIR", requires = "annotations")]
    images: Option<PathBuf>,
    /// Classes of a linear classifier over the encoder's features: JSON lines with row, qid, title,
    /// description and source, or qid, title and members for entities that stand for others. The weights lie
    /// beside it, as `weight` and `bias` of a file of the same name that ends in .safetensors.
    #[arg(long, value_name = "TABLE")]
    prototypes: Option<PathBuf>,
    #[command(flatten)]
    precomputed: VectorArgs,
    /// Manifest of the image encoder (JSON beside its ONNX file).
    #[arg(long, value_name = "MANIFEST")]
    encoder: PathBuf,
    /// Folder to write; an existing index is replaced once the new one is complete.
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Index only annotations of this `data_split`; may be given several times.
    #[arg(long, value_name = "SPLIT", requires = "annotations")]
    split: Vec<String>,
    /// Name of the annotated dataset, as the page states it.
    #[arg(long, value_name = "NAME", requires = "knowledge")]
    source: Option<String>,
    /// Calibrate with annotations of this `data_split`, which are not indexed: fit the scores and the
    /// threshold for unknown entities to them. May be given several times; without it, the index's own
    /// exemplars are used.
    #[arg(long, value_name = "SPLIT")]
    calibrate_split: Vec<String>,
    /// Calibrate with the annotations of this file too; of the splits of --calibrate-split, if any are named.
    /// May be given several times.
    #[arg(long, value_name = "FILE", requires = "calibrate_images")]
    calibrate_annotations: Vec<PathBuf>,
    /// Folder of the images of each --calibrate-annotations.
    #[arg(long, value_name = "DIR", requires = "calibrate_annotations")]
    calibrate_images: Vec<PathBuf>,
    /// Calibrate with the mask of one click on each object, as a user makes it, instead of the annotated
    /// mask.
    #[arg(long)]
    calibrate_click: bool,
    /// Take the calibration from this file instead: the header of another index, or its `calibration` alone.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["calibrate_split", "calibrate_annotations"])]
    calibration: Option<PathBuf>,
    /// The click model: ID of a model, or models.json#ID, or models.json for its default
    /// [default: www/models/models.json, relative to the working folder].
    #[arg(long, value_name = "MANIFEST-ENTRY", requires = "calibrate_click")]
    model: Option<ModelChoice>,
    /// Descriptions of the entities: JSON lines with qid, title, description, url and thumbnail.
    #[arg(long, value_name = "FILE", requires = "annotations")]
    entities: Option<PathBuf>,
    /// Address from which a page loads an image; {file} stands for its file name.
    #[arg(long, value_name = "TEMPLATE", default_value = "{file}", conflicts_with = "vectors")]
    image_url: String,
    /// Store 32-bit floats instead of 16-bit ones.
    #[arg(long)]
    f32: bool,
    /// Maximum size of an image, in pixels.
    #[arg(long, value_name = "N", default_value_t = 100_000_000)]
    max_pixels: u64,
    #[command(flatten)]
    reading: ReadArgs,
    #[command(flatten)]
    runtime: RuntimeArgs,
}

/// Runs the command.
pub(super) fn run(args: &IndexArgs) -> anyhow::Result<()> {
    let both = args.calibrate_split.iter().find(|split| args.split.is_empty() || args.split.contains(split));
    if let (Some(split), true) = (both, args.annotations.is_some()) {
        bail!("the split {split} cannot be both indexed and held out; name the splits to index with --split");
    }
    ensure!(
        args.calibrate_annotations.len() == args.calibrate_images.len(),
        "each --calibrate-annotations needs its own --calibrate-images"
    );
    ensure!(
        args.calibrate_split.is_empty()
            || args.annotations.is_some()
            || !args.calibrate_annotations.is_empty(),
        "--calibrate-split needs --annotations or --calibrate-annotations"
    );
    ensure!(
        !(args.calibrate_click && args.calibrate_split.is_empty() && args.calibrate_annotations.is_empty()),
        "--calibrate-click needs --calibrate-split or --calibrate-annotations"
    );
    let held_out = read_held_out(args)?;
    let dataset =
        args.annotations.as_deref().map(|path| annotations::read(path, args.reading)).transpose()?;
    let runtime = args.runtime.load()?;
    let encoder = Encoder::open(&args.encoder, &runtime, args.runtime.threads)?;
    std::fs::create_dir_all(&args.output).with_context(|| args.output.display().to_string())?;
    // From the start, so that of two builds into one folder the second is refused before it has worked.
    let _locked = folder::lock(&args.output)?;
    let element = if args.f32 { Element::F32 } else { Element::F16 };
    if !args.precomputed.vectors.is_empty() {
        return index_vectors(args, &encoder, element);
    }
    let features = Features::open(&encoder, &args.output, args.max_pixels)?;
    let (mut material, mut sources, left_out) = annotated(args, dataset.as_ref(), &features)?;
    if let Some(table) = &args.prototypes {
        sources.extend(classes::add(table, &mut material)?);
    }
    let index = Index::build(encoder.manifest().clone(), element, material)?.with_sources(sources);
    let calibration = match &args.calibration {
        Some(file) => read_calibration(file)?,
        None if held_out.is_empty() => fit::to_exemplars(&index),
        None => calibrate(args, &features, &index, &held_out)?,
    };
    let index = index.with_calibration(calibration);
    folder::write_locked(&args.output, &index, encoder.model())?;
    features.remove()?;
    Ok(report(args, &index, left_out)?)
}

/// Builds the index of precomputed vectors.
fn index_vectors(args: &IndexArgs, encoder: &Encoder, element: Element) -> anyhow::Result<()> {
    let dimensions = encoder.dimensions()?;
    let (index, left_out) =
        super::index_vectors::build(&args.precomputed, (encoder.manifest().clone(), dimensions), element)?;
    let calibration = match &args.calibration {
        Some(file) => read_calibration(file)?,
        None => fit::to_exemplars(&index),
    };
    let sources = args
        .source
        .iter()
        .map(|title| Source { title: title.clone(), entities: index.entities().len() as u64 });
    let sources = sources.collect();
    let index = index.with_sources(sources).with_calibration(calibration);
    folder::write_locked(&args.output, &index, encoder.model())?;
    Ok(report(args, &index, left_out)?)
}

fn report(args: &IndexArgs, index: &Index, left_out: u64) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let (exemplars, entities) = (index.exemplars().len(), index.entities().len());
    let (classes, broader) = (index.prototypes().rows().len(), index.broader().len());
    write!(out, "{exemplars} masks")?;
    if args.prototypes.is_some() {
        write!(out, " and {classes} classes")?;
    }
    writeln!(out, " of {entities} entities, {broader} of them broader, {left_out} left out")?;
    if let Some(HeldOut { answerable, top1, top5, calibration_error, .. }) = &index.calibration().held_out {
        let held_out = [
            args.calibrate_split.is_empty(),
            args.calibrate_annotations.is_empty(),
            args.calibration.is_none(),
        ];
        let of = if held_out.iter().all(|is_absent| *is_absent) {
            "exemplars without their image"
        } else {
            "held-out masks"
        };
        writeln!(
            out,
            "{of}: {answerable} answerable, top-1 {top1:.3}, top-5 {top5:.3}, \
             calibration error {calibration_error:.3}"
        )?;
    }
    writeln!(out, "{}", args.output.display())
}

/// Reads the annotations to index and encodes their masks. Returns what they say, their source, and the
/// number of annotations left out.
fn annotated(
    args: &IndexArgs,
    dataset: Option<&Dataset>,
    features: &Features<'_>,
) -> anyhow::Result<(Material, Vec<Source>, u64)> {
    let (Some(dataset), Some(annotations), Some(images)) = (dataset, &args.annotations, &args.images) else {
        return Ok((Material::default(), Vec::new(), 0));
    };
    let (records, unusable) = annotations::usable(dataset, &args.split);
    let described = annotations.display();
    ensure!(
        !records.is_empty(),
        "{described} has no annotation with a mask, an image and a category to index"
    );
    let known = args.entities.as_deref().map(read_entities).transpose()?.unwrap_or_default();
    let (entities, positions) = entities(&records, &known);
    let exemplars = exemplars(args, features, (dataset, &ImageFolder::new(images)), &records, &positions)?;
    ensure!(!exemplars.is_empty(), "none of {} annotations could be indexed", records.len());
    let left_out = (records.len() - exemplars.len() + unusable) as u64 + dataset.left_out();
    let shown: BTreeSet<_> = exemplars.iter().map(|(exemplar, _)| exemplar.entity).collect();
    let source = |title: &String| Source { title: title.clone(), entities: shown.len() as u64 };
    let sources = args.source.iter().map(source).collect();
    Ok((Material { entities, exemplars, ..Material::default() }, sources, left_out))
}

/// Reads a calibration, or that of an index's header.
fn read_calibration(file: &Path) -> anyhow::Result<Calibration> {
    let described = || file.display().to_string();
    let mut value: serde_json::Value =
        serde_json::from_slice(&std::fs::read(file).with_context(described)?).with_context(described)?;
    let calibration = value.get_mut("calibration").map(serde_json::Value::take).unwrap_or(value);
    let calibration: Calibration = serde_json::from_value(calibration).with_context(described)?;
    calibration.check().map_err(|reason| anyhow!("{}: {reason}", file.display()))?;
    Ok(calibration)
}

/// Reads the annotation files to calibrate with, each with the folder of its images.
fn read_held_out(args: &IndexArgs) -> anyhow::Result<Vec<(Dataset, ImageFolder)>> {
    let own = args.annotations.as_ref().zip(args.images.as_ref());
    let own = own.filter(|_| !args.calibrate_split.is_empty());
    let others = args.calibrate_annotations.iter().zip(&args.calibrate_images);
    let read = |(annotations, images): (&PathBuf, &PathBuf)| {
        let dataset = annotations::read(annotations, args.reading)?;
        if annotations::usable(&dataset, &args.calibrate_split).0.is_empty() {
            let splits = args.calibrate_split.join(", ");
            bail!("{}: no annotation of {splits} can be used for calibration", annotations.display());
        }
        Ok((dataset, ImageFolder::new(images)))
    };
    own.into_iter().chain(others).map(read).collect()
}

/// Fits the calibration to held-out annotations, or to the masks that one click on each gives.
fn calibrate(
    args: &IndexArgs,
    features: &Features<'_>,
    index: &Index,
    held_out: &[(Dataset, ImageFolder)],
) -> anyhow::Result<Calibration> {
    let mut masks = Vec::new();
    for (dataset, images) in held_out {
        let (mut held_out, _) = annotations::usable(dataset, &args.calibrate_split);
        if args.calibrate_click {
            click(args, (dataset, images), &mut held_out)?;
        }
        let (entities, positions) = entities(&held_out, &HashMap::new());
        let exemplars = exemplars(args, features, (dataset, images), &held_out, &positions)?;
        masks.extend(exemplars.into_iter().map(|(Exemplar { entity, image_hash, .. }, feature)| {
            let (qid, image) = (entities[entity as usize].qid.clone(), index.image_with_sha256(&image_hash));
            HeldOutMask { feature, qid, image }
        }));
    }
    let calibration = fit::to_masks(index, &masks)?;
    ensure!(
        calibration.held_out.is_some(),
        "too few of the {} held-out masks show an entity of the index to fit the calibration",
        masks.len()
    );
    Ok(calibration)
}

/// Replaces each mask by the one that a click on the object gives; removes the record where that fails.
fn click(
    args: &IndexArgs,
    (dataset, images): (&Dataset, &ImageFolder),
    records: &mut Vec<UsableAnnotation<'_>>,
) -> anyhow::Result<()> {
    let mut clicker = Clicker::load(&args.model.clone().unwrap_or_default(), &args.runtime)?;
    let progress = Progress::of_items(records.len() as u64, "clicks");
    records.retain_mut(|record| {
        progress.advance(1);
        let (annotation, image) = (record.annotation, record.image);
        let object = |frame: ImageFrame| {
            annotations::mask_on(
                frame,
                annotation,
                frame.of_masks(dataset, image, args.reading.turned_images.frame()),
            )
        };
        let file = images.find(&record.file);
        let read = || std::fs::read(&file).with_context(|| file.display().to_string());
        match clicker.mask_of(&file, read, object) {
            Ok(mask) => {
                record.clicked = Some(mask);
                true
            }
            Err(error) => {
                progress.println(&format!("annotation {}: {error:#}; left out", record.annotation.id));
                false
            }
        }
    });
    progress.finish();
    Ok(())
}

/// Computes exemplars and their features from all records whose image and mask can be used; the
/// others are reported on standard error.
fn exemplars(
    args: &IndexArgs,
    features: &Features<'_>,
    (dataset, images): (&Dataset, &ImageFolder),
    records: &[UsableAnnotation<'_>],
    positions: &HashMap<&str, u32>,
) -> anyhow::Result<Vec<(Exemplar, Vec<f32>)>> {
    let encoded = features.of_masks(images, records, |frame, record| {
        let of_masks = frame.of_masks(dataset, record.image, args.reading.turned_images.frame());
        record.clicked.clone().map_or_else(|| annotations::mask_on(frame, record.annotation, of_masks), Ok)
    })?;
    let exemplar = |MaskFeature { record, image_sha256, bounds, outline, feature }| {
        let UsableAnnotation { annotation, category, file, .. } = &records[record];
        let corners = [bounds.x, bounds.y, bounds.x + bounds.width, bounds.y + bounds.height];
        let exemplar = Exemplar {
            entity: positions[category.id.as_str()],
            annotation: annotation.id.clone(),
            image: args.image_url.replace("{file}", &percent_encoded(file)),
            image_hash: image_sha256[..IMAGE_HASH_DIGITS].to_owned(),
            bounds: corners.map(|corner| corner as f32),
            outline,
        };
        (exemplar, feature)
    };
    Ok(encoded.into_iter().map(exemplar).collect())
}

/// Returns the entities of the records in order of first mention, and the position of each.
fn entities<'a>(
    records: &'a [UsableAnnotation<'_>],
    known: &HashMap<String, Entity>,
) -> (Vec<Entity>, HashMap<&'a str, u32>) {
    let mut positions = HashMap::new();
    let mut entities = Vec::new();
    for UsableAnnotation { category, .. } in records {
        positions.entry(category.id.as_str()).or_insert_with(|| {
            entities.push(known.get(&category.id).cloned().unwrap_or_else(|| entity(category)));
            entities.len() as u32 - 1
        });
    }
    (entities, positions)
}

/// Returns an entity as the annotation file describes it.
fn entity(category: &Category) -> Entity {
    Entity {
        qid: category.id.clone(),
        title: category.name.clone(),
        description: category.description.clone(),
        url: category.is_entity().then(|| wikipedia_by_qid(&category.id)),
        thumbnail: category.thumbnail.clone(),
        ..Entity::default()
    }
}

fn read_entities(path: &Path) -> anyhow::Result<HashMap<String, Entity>> {
    let text = std::fs::read(path).with_context(|| path.display().to_string())?;
    let lines = serde_json::Deserializer::from_slice(&text).into_iter::<Entity>();
    lines
        .map(|entity| {
            let entity = entity.with_context(|| path.display().to_string())?;
            Ok((entity.qid.clone(), entity))
        })
        .collect()
}
