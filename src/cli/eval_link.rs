//! `masklink eval link`: top-1 and top-5 accuracy of a linking endpoint as PL-VEL reports it, and
//! its latency.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, ensure};

use super::annotations::{self, ReadArgs};
use super::clicker::Clicker;
use super::eval_link_report::{Outcome, Report};
use super::host::NativeHost;
use super::image_folder::ImageFolder;
use super::image_frame;
use super::onnx::RuntimeArgs;
use super::progress::Progress;
use super::segmenter::ModelChoice;
use crate::dataset::ImageFrame;
use crate::link::index::header::Limits;
use crate::link::index::{Index, folder};
use crate::link::protocol::{CachedAnswer, Endpoint, EndpointAnswer, LinkResponse, ask_endpoint, sha256_hex};
use crate::rle::Mask;

#[derive(clap::Args)]
pub(super) struct EvalLinkArgs {
    /// Annotation file: Mask-OVEN-Wiki or plain COCO.
    #[arg(long, value_name = "F.json")]
    annotations: PathBuf,
    /// Folder of the images.
    #[arg(long, value_name = "DIR")]
    images: PathBuf,
    /// Base address of the endpoint (http or https); v1/link and v1/images are below it.
    #[arg(long, value_name = "URL")]
    endpoint: String,
    /// Bearer token, if the endpoint requires one; safer in `MASKLINK_TOKEN`.
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// Also print the accuracy of each `data_split`.
    #[arg(long)]
    by_split: bool,
    /// Folder of the endpoint's index; also report how well the endpoint detects entities not in it, and
    /// count the members of a broader entity as right where it is the annotation's. An entity that the index
    /// knows by the asked image alone is not in it: the endpoint leaves that image's exemplars out.
    #[arg(long, value_name = "DIR")]
    index: Option<PathBuf>,
    /// Entities that also count as right: a JSON object of lists of QIDs by the QID of an annotation.
    #[arg(long, value_name = "FILE", requires = "index")]
    aliases: Option<PathBuf>,
    /// Evaluate only annotations of this `data_split`; may be given several times.
    #[arg(long, value_name = "SPLIT")]
    split: Vec<String>,
    /// Link the mask that one click on the object gives instead of the annotated mask.
    #[arg(long)]
    click: bool,
    /// The click model: ID of a model, or models.json#ID, or models.json for its default
    /// [default: www/models/models.json].
    #[arg(long, value_name = "MANIFEST-ENTRY", requires = "click")]
    model: Option<ModelChoice>,
    #[command(flatten)]
    reading: ReadArgs,
    #[command(flatten)]
    runtime: RuntimeArgs,
    /// Write the endpoint's responses to this file, for a page to show while the endpoint is down.
    #[arg(long, value_name = "FILE")]
    cache_answers: Option<PathBuf>,
    /// Print the report as JSON in the last line of standard output.
    #[arg(long)]
    json: bool,
}

/// Maximum number of entities of a cached answer: a page shows no more.
const CACHED_ENTITIES: usize = 5;
/// Maximum number of exemplars of a cached entity.
const CACHED_EVIDENCE: usize = 4;

pub(super) fn run(args: &EvalLinkArgs) -> anyhow::Result<()> {
    let dataset = annotations::read(&args.annotations, args.reading)?;
    let (records, unusable) = annotations::usable(&dataset, &args.split);
    let left_out = unusable as u64 + dataset.left_out();
    ensure!(!records.is_empty(), "{} has no annotation to evaluate", args.annotations.display());
    let token = args.token.clone().or_else(|| std::env::var("MASKLINK_TOKEN").ok());
    let read = |folder| Known::read(folder, args.aliases.as_deref());
    let index = args.index.as_deref().map(read).transpose()?;
    let clicker = args.click.then(|| Clicker::load(&args.model.clone().unwrap_or_default(), &args.runtime));
    let mut clicker = clicker.transpose()?;
    let progress = Progress::of_items(records.len() as u64, "masks");
    let (mut outcomes, mut latencies, mut failed) = (Vec::new(), Vec::new(), 0);
    let mut cache = args.cache_answers.as_deref().map(|file| (file, BTreeMap::<_, Vec<_>>::new()));
    let endpoint = Endpoint { url: &args.endpoint, token: token.as_deref() };
    let images = ImageFolder::new(&args.images);
    for record in &records {
        progress.advance(1);
        let annotation = record.annotation;
        let image = images.find(&record.file);
        let object = |frame: ImageFrame| {
            annotations::mask_on(
                frame,
                annotation,
                frame.of_masks(&dataset, record.image, args.reading.turned_images.frame()),
            )
        };
        let mask = match &mut clicker {
            Some(clicker) => clicker.mask_of(&image, object),
            None => frame_of(&image).and_then(object),
        };
        let bytes = std::fs::read(&image).with_context(|| image.display().to_string());
        let sha256 = bytes.as_deref().map(sha256_hex).unwrap_or_default();
        let asked = mask.and_then(|mask| {
            let answer = ask(endpoint, (&bytes?, &sha256), &mask)?;
            Ok((mask, answer))
        });
        let (Ranks { rank, narrow_rank }, in_index) = match asked {
            Ok((mask, EndpointAnswer { response, round_trip_millis })) => {
                let in_index = response.in_index;
                latencies.push(round_trip_millis);
                let ranks = ranks(&response, &record.category.id, index.as_ref().map(|index| &index.members));
                if let Some((_, by_image)) = &mut cache {
                    by_image.entry(&annotation.image).or_default().push(cached(&mask, response));
                }
                (ranks, in_index)
            }
            Err(error) => {
                failed += 1;
                progress.println(&format!("annotation {}: {error:#}", annotation.id));
                ensure!(failed < 10 || !latencies.is_empty(), "the first {failed} requests failed");
                (Ranks::default(), None)
            }
        };
        let (series, seen) =
            annotation.split.as_ref().map_or((None, None), |split| (split.series, split.seen));
        let indexed = index.as_ref().map(|index| index.is_known(&record.category.id, &sha256));
        let split = annotation.split_name();
        outcomes.push(Outcome { split, series, seen, rank, narrow_rank, indexed, in_index });
    }
    progress.finish();
    ensure!(!latencies.is_empty(), "all {failed} requests failed");
    if let Some((file, by_image)) = cache {
        write_whole(file, &serde_json::to_vec(&by_image)?)?;
    }
    let mut report = Report::of(&outcomes, latencies, failed);
    report.left_out = left_out;
    report.print(args.by_split);
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    }
    Ok(())
}

/// The entities of an index.
struct Known {
    index: Index,
    /// Position of each entity.
    positions: HashMap<String, u32>,
    /// QIDs of the members of each entity, or of those that also count as right; none for most.
    members: HashMap<String, HashSet<String>>,
}

/// Places of the right entity in a response, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Ranks {
    /// Among all entities.
    rank: Option<usize>,
    /// Among those that are not broader ones.
    narrow_rank: Option<usize>,
}

impl Known {
    fn read(folder: &Path, aliases: Option<&Path>) -> anyhow::Result<Self> {
        let (index, _) = folder::read(folder, Limits::default())?;
        let members =
            index.entities().iter().map(|one| (one.qid.clone(), one.members.iter().cloned().collect()));
        let mut members: HashMap<String, HashSet<String>> = members.collect();
        if let Some(path) = aliases {
            let described = || path.display().to_string();
            let text = std::fs::read(path).with_context(described)?;
            let aliases: HashMap<String, Vec<String>> =
                serde_json::from_slice(&text).with_context(described)?;
            for (qid, others) in aliases {
                let known: Vec<_> = others.into_iter().filter(|other| members.contains_key(other)).collect();
                if !known.is_empty() {
                    members.entry(qid).or_default().extend(known);
                }
            }
        }
        let entities = (0..).zip(index.entities());
        let positions = entities.map(|(at, entity)| (entity.qid.clone(), at)).collect();
        Ok(Self { index, positions, members })
    }

    /// Returns whether the index knows an entity without the exemplars of the image with this SHA-256.
    fn is_known(&self, qid: &str, image_sha256: &str) -> bool {
        let image = self.index.image_with_sha256(image_sha256);
        let is_known = |qid: &str| {
            self.positions.get(qid).is_some_and(|&entity| self.index.is_known_without(entity, image))
        };
        // Entities that count as right for one outside the index.
        let others = self.members.get(qid).into_iter().flatten();
        is_known(qid) || others.into_iter().any(|other| is_known(other))
    }
}

/// Finds an entity, or one of its members by QID, in a response.
fn ranks(response: &LinkResponse, qid: &str, members: Option<&HashMap<String, HashSet<String>>>) -> Ranks {
    let members = members.and_then(|members| members.get(qid));
    let is_right = |found: &str| found == qid || members.is_some_and(|members| members.contains(found));
    let mut narrow = response.entities.iter().filter(|entity| !entity.broader);
    Ranks {
        rank: response.entities.iter().position(|entity| is_right(&entity.qid)),
        narrow_rank: narrow.position(|entity| is_right(&entity.qid)),
    }
}

fn frame_of(image: &Path) -> anyhow::Result<ImageFrame> {
    let described = || image.display().to_string();
    image_frame::read_frame(&std::fs::read(image).with_context(described)?).with_context(described)
}

/// Links one mask by the endpoint, as a page would.
fn ask(
    endpoint: Endpoint<'_>,
    (image, sha256): (&[u8], &str),
    mask: &Mask,
) -> anyhow::Result<EndpointAnswer> {
    let host = NativeHost::of_file(image);
    let asked = ask_endpoint(&host, endpoint, mask, sha256);
    pollster::block_on(asked).map_err(|error| anyhow!("{}: {error}", error.code()))
}

/// Returns the answer for a page to show while the endpoint is down.
fn cached(mask: &Mask, mut answer: LinkResponse) -> CachedAnswer {
    answer.entities.truncate(CACHED_ENTITIES);
    for entity in &mut answer.entities {
        entity.evidence.truncate(CACHED_EVIDENCE);
    }
    CachedAnswer { mask: mask.into(), answer }
}

/// Writes a file so that it is whole or absent.
fn write_whole(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    // Not a temporary file of the library's, which its owner alone may read: a web server is to
    // serve this one.
    let part = path.with_extension(format!("{}.part", std::process::id()));
    let write = || {
        let mut file = std::fs::File::create(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&part, path)
    };
    write().with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;

    #[test]
    fn members_of_the_right_entity_are_right() {
        let entity = |qid: &str, broader: bool| {
            let score = 0.5;
            serde_json::json!({ "qid": qid, "title": "", "score": score, "broader": broader })
        };
        let entities = [entity("Q9", false), entity("Q5", true), entity("Q1", true), entity("Q2", false)];
        let response: LinkResponse =
            serde_json::from_value(serde_json::json!({ "entities": entities })).unwrap();
        let members = [("Q1".to_owned(), HashSet::from(["Q2".to_owned(), "Q3".to_owned()]))];
        let index = HashMap::from(members);
        let found = |qid: &str, index| {
            let Ranks { rank, narrow_rank } = ranks(&response, qid, index);
            (rank, narrow_rank)
        };
        assert_eq!(found("Q1", Some(&index)), (Some(2), Some(1)), "its member is the second narrow one");
        assert_eq!(found("Q1", None), (Some(2), None));
        assert_eq!(found("Q2", Some(&index)), (Some(3), Some(1)));
        assert_eq!(found("Q3", Some(&index)), (None, None), "a broader entity is not its member");
    }

    #[test]
    fn cached_answer_has_the_first_entities_and_no_times() {
        let evidence =
            serde_json::json!({ "annotation": "1", "image": "a", "box": [0, 0, 1, 1], "similarity": 0.5 });
        let entity =
            serde_json::json!({ "qid": "Q1", "title": "", "score": 0.5, "evidence": vec![evidence; 5] });
        let response = serde_json::from_value(serde_json::json!({ "entities": vec![entity; 6] })).unwrap();
        let answer = cached(&Mask::empty(Size::new(2, 2)).unwrap(), response);
        let answer = &serde_json::to_value(answer).unwrap()["answer"];
        assert_eq!(answer.as_object().unwrap().len(), 1, "{answer}");
        assert_eq!(answer["entities"].as_array().unwrap().len(), CACHED_ENTITIES);
        assert_eq!(answer["entities"][0]["evidence"].as_array().unwrap().len(), CACHED_EVIDENCE);
    }
}
