//! `masklink eval link`: top-1 and top-5 accuracy of a linking endpoint as PL-VEL reports it, and
//! its latency.

mod journal;
mod report;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{self, Write as _};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, ensure};

use journal::{AnsweredBy, Journal, LinkedOutcome, Run};
use report::{Outcome, Report};

use super::annotations::{self, ReadArgs, TurnedImages, UsableAnnotation};
use super::clicker::Clicker;
use super::host::NativeHost;
use super::image_folder::ImageFolder;
use super::image_frame;
use super::onnx::RuntimeArgs;
use super::progress::Progress;
use super::remote;
use super::segmenter::ModelChoice;
use super::sha256;
use crate::dataset::{Annotation, Dataset, ImageFrame};
use crate::link::index::folder::HEADER;
use crate::link::index::header::Limits;
use crate::link::index::{Index, folder};
use crate::link::protocol::problem::Kind;
use crate::link::protocol::{
    CachedAnswer, Endpoint, EndpointAnswer, LinkResponse, ModelInfo, ask_endpoint_patiently, sha256_hex,
};
use crate::rle::Mask;

#[derive(clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub(super) struct EvalLinkArgs {
    /// Annotation file: Mask-OVEN-Wiki or plain COCO.
    #[arg(long, value_name = "F.json")]
    annotations: PathBuf,
    /// Folder of the images.
    #[arg(long, value_name = "DIR")]
    images: PathBuf,
    /// Base address of the endpoint (http or https); v1/link and v1/images are below it.
    #[arg(long, value_name = "URL", value_parser = remote::address)]
    endpoint: String,
    /// Bearer token, if the endpoint requires one; safer in `MASKLINK_TOKEN`.
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// Also print the accuracy of each `data_split`.
    #[arg(long)]
    by_split: bool,
    /// Folder of the endpoint's index; fails where the endpoint links by another one. Adds the detection of
    /// unknown entities to the report, and counts members of a broader entity as right. An entity known only
    /// from the asked image counts as unknown.
    #[arg(long, value_name = "DIR")]
    index: Option<PathBuf>,
    /// Entities that also count as right: a JSON object of lists of QIDs by the QID of an annotation.
    #[arg(long, value_name = "FILE", requires = "index")]
    aliases: Option<PathBuf>,
    /// Back end of the endpoint to ask [default: its first].
    #[arg(long, value_name = "NAME")]
    backend: Option<String>,
    /// Evaluate only annotations of this `data_split`; may be given several times.
    #[arg(long, value_name = "SPLIT")]
    split: Vec<String>,
    /// Link the mask that one click on the object gives instead of the annotated mask.
    #[arg(long)]
    click: bool,
    /// The click model: ID of a model, or models.json#ID, or models.json for its default
    /// [default: www/models/models.json, relative to the working folder].
    #[arg(long, value_name = "MANIFEST-ENTRY", requires = "click")]
    model: Option<ModelChoice>,
    #[command(flatten)]
    reading: ReadArgs,
    #[command(flatten)]
    runtime: RuntimeArgs,
    /// Number of requests at a time. The server's --rate applies, and a request that it refuses waits as the
    /// server asks, up to 5 minutes for a mask: start the server with `--rate 0` while you evaluate.
    #[arg(long, value_name = "N", default_value = "4")]
    jobs: NonZeroUsize,
    /// Append each result to this file, and ask nothing again that is in it: an evaluation that was ended
    /// goes on where it was. Requests that failed are sent again. Fails where the file is of another
    /// evaluation, or the endpoint's encoder or index is another than that of the results in it.
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,
    /// Write PL-VEL's table (paper, table 3) with 95 % confidence intervals to this file, in Markdown.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Add the paper's own row to the table.
    #[arg(long, requires = "markdown")]
    paper: bool,
    /// Write the endpoint's responses to this file, for a page to show while the endpoint is down.
    #[arg(long, value_name = "FILE", conflicts_with = "resume")]
    cache_answers: Option<PathBuf>,
    /// Print the report as JSON in the last line of standard output.
    #[arg(long)]
    json: bool,
}

/// Maximum number of entities of a cached response: a page shows no more.
const CACHED_ENTITIES: usize = 5;
/// Maximum number of exemplars of a cached entity.
const CACHED_EVIDENCE: usize = 4;

pub(super) fn run(args: &EvalLinkArgs) -> anyhow::Result<()> {
    let dataset = annotations::read(&args.annotations, args.reading)?;
    let (records, unusable) = annotations::usable(&dataset, &args.split);
    ensure!(!records.is_empty(), "{} has no annotation to evaluate", args.annotations.display());
    let token = remote::secret("token", ("--token", args.token.clone()), "MASKLINK_TOKEN")?;
    let read = |folder| Known::read(folder, args.aliases.as_deref());
    let clicker = args.click.then(|| Clicker::load(&args.model.clone().unwrap_or_default(), &args.runtime));
    let linker = Linker {
        dataset: &dataset,
        images: ImageFolder::new(&args.images),
        endpoint: Endpoint { url: &args.endpoint, token: token.as_deref(), backend: args.backend.as_deref() },
        clicker: clicker.transpose()?.map(Mutex::new),
        index: args.index.as_deref().map(read).transpose()?,
        turned_images: args.reading.turned_images,
        caches: args.cache_answers.is_some(),
    };
    let Linkings { linked, cache, failed, timed_out } = link_all(args, &linker, &records)?;
    if let Some(file) = &args.cache_answers {
        write_whole(file, &serde_json::to_vec(&in_order(cache))?)?;
    }
    let of = |(record, linked): (_, &Option<LinkedOutcome>)| {
        outcome(record, linked.as_ref(), linker.index.as_ref())
    };
    let outcomes: Vec<_> = records.iter().zip(&linked).map(of).collect();
    let latencies = linked.iter().flatten().map(|outcome| outcome.millis).collect();
    let mut report = Report::of(&outcomes, latencies, failed);
    (report.left_out, report.timed_out) = (unusable as u64 + dataset.left_out(), timed_out);
    let mut out = io::stdout().lock();
    report.print(&mut out, args.by_split)?;
    if let Some(file) = &args.markdown {
        write_whole(file, report.markdown(args.paper).as_bytes())?;
    }
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&report)?)?;
    }
    ensure!(
        failed == 0,
        "{failed} of {} masks were not linked and count as wrong: the accuracy is not the endpoint's{}",
        records.len(),
        if args.resume.is_some() { "; run the command again to link them" } else { "" }
    );
    Ok(())
}

/// The results of all masks.
struct Linkings<'a> {
    /// The result of each record; `None` where its request failed.
    linked: Vec<Option<LinkedOutcome>>,
    /// Responses by image, with the positions of their records.
    cache: BTreeMap<&'a str, Vec<(usize, CachedAnswer)>>,
    failed: usize,
    /// Those of the failed ones that took too long.
    timed_out: usize,
}

/// Number of requests after which an evaluation ends where none has succeeded.
const MAX_FAILED_FIRST: usize = 10;

impl Run {
    /// Describes the evaluation of these arguments.
    fn of(args: &EvalLinkArgs) -> anyhow::Result<Self> {
        let hash = |path: &Path| sha256::of_file(path).map(|(_, hash)| hash);
        Ok(Self {
            endpoint: args.endpoint.trim_end_matches('/').to_owned(),
            annotations: hash(&args.annotations)?,
            splits: args.split.clone(),
            click: args.click,
            backend: args.backend.clone(),
            model: args.model.as_ref().map(|model| format!("{model:?}")),
            index: args.index.as_deref().map(|folder| hash(&folder.join(HEADER))).transpose()?,
            aliases: args.aliases.as_deref().map(hash).transpose()?,
            turned_images: format!("{:?}", args.reading.turned_images),
        })
    }
}

/// Links the masks of all records that the journal does not hold.
fn link_all<'a>(
    args: &EvalLinkArgs,
    linker: &Linker<'_>,
    records: &[UsableAnnotation<'a>],
) -> anyhow::Result<Linkings<'a>> {
    let open = |path| Run::of(args).and_then(|run| Journal::open(path, &run));
    let mut journal = args.resume.as_deref().map(open).transpose()?;
    let known = |at: usize| journal.as_ref().and_then(|known| known.outcome(at, &records[at].annotation.id));
    let mut linked: Vec<Option<LinkedOutcome>> = (0..records.len()).map(known).collect();
    let left: Vec<usize> = (0..records.len()).filter(|&at| linked[at].is_none()).collect();
    let progress = Progress::of_items(records.len() as u64, "masks");
    progress.advance((records.len() - left.len()) as u64);
    let is_resumed = left.len() < records.len();
    let (mut succeeded, mut failed, mut timed_out, mut endpoint_failures) = (0, 0, 0, 0);
    let mut cache: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let link = |&at: &usize| linker.link(&records[at]);
    in_parallel(args.jobs.get(), &left, link, |&at, result| {
        progress.advance(1);
        let annotation = records[at].annotation;
        match result {
            Ok(Linked { outcome, model, cached }) => {
                linker.check_index(args.index.as_deref(), &model)?;
                let answered_by = AnsweredBy::from(&model);
                if let Some(journal) = &mut journal {
                    journal.add(at, &annotation.id, &outcome, &answered_by)?;
                }
                succeeded += 1;
                linked[at] = Some(outcome);
                if let Some(cached) = cached {
                    cache.entry(annotation.image.as_str()).or_default().push((at, cached));
                }
            }
            Err(error) => {
                let of_link = error.downcast_ref::<LinkFailed>();
                failed += 1;
                timed_out += usize::from(of_link.is_some_and(LinkFailed::is_timeout));
                endpoint_failures += usize::from(of_link.is_some_and(LinkFailed::is_of_endpoint));
                progress.println(&format!("annotation {}: {error:#}", annotation.id));
                // Of an evaluation that goes on, the masks that failed before may be all that is left.
                let counted = if is_resumed { endpoint_failures } else { failed };
                let is_hopeless = succeeded == 0 && counted >= MAX_FAILED_FIRST;
                ensure!(!is_hopeless, "the first {failed} requests failed");
            }
        }
        Ok(())
    })?;
    progress.finish();
    let is_endpoint_down = succeeded == 0 && endpoint_failures > 0;
    ensure!(linked.iter().any(Option::is_some) && !is_endpoint_down, "all {failed} requests failed");
    Ok(Linkings { linked, cache, failed, timed_out })
}

/// Links the masks of annotations, by several threads.
struct Linker<'a> {
    dataset: &'a Dataset,
    images: ImageFolder,
    endpoint: Endpoint<'a>,
    /// Segments one image at a time.
    clicker: Option<Mutex<Clicker>>,
    index: Option<Known>,
    turned_images: TurnedImages,
    /// Whether cached responses are written.
    caches: bool,
}

impl Linker<'_> {
    /// Checks that the endpoint links by the index in `folder`, as far as its response tells.
    fn check_index(&self, folder: Option<&Path>, model: &ModelInfo) -> anyhow::Result<()> {
        let (Some(folder), Some(known)) = (folder, &self.index) else { return Ok(()) };
        // A vision model has an index of titles.
        let has_vectors = model.exemplars + model.prototypes > 0;
        let ModelInfo { index_sha256, .. } = model;
        ensure!(
            index_sha256.is_empty() || !has_vectors || *index_sha256 == known.sha256,
            "the endpoint's index is {index_sha256}, but the one in {} is {} (SHA-256 of {HEADER}): name the \
             folder that the server was started with",
            folder.display(),
            known.sha256
        );
        Ok(())
    }

    fn link(&self, record: &UsableAnnotation<'_>) -> anyhow::Result<Linked> {
        let annotation = record.annotation;
        let image = self.images.find(&record.file);
        let object = |frame: ImageFrame| {
            let of_masks = frame.of_masks(self.dataset, record.image, self.turned_images.frame());
            annotations::mask_on(frame, annotation, of_masks)
        };
        let described = || image.display().to_string();
        let bytes = std::fs::read(&image).with_context(described)?;
        let mask = match &self.clicker {
            Some(clicker) => {
                let mut clicker = clicker.lock().unwrap_or_else(PoisonError::into_inner);
                clicker.mask_of(&image, || Ok(&bytes), object)?
            }
            None => object(image_frame::read_frame(&bytes).with_context(described)?)?,
        };
        let sha256 = sha256_hex(&bytes);
        let EndpointAnswer { response, round_trip_millis } = ask(self.endpoint, (&bytes, &sha256), &mask)?;
        let index = self.index.as_ref();
        let ranks = ranks(&response, &record.category.id, index.map(|index| &index.members));
        let outcome = LinkedOutcome {
            rank: ranks.rank,
            narrow_rank: ranks.narrow_rank,
            indexed: index.map(|index| index.is_known(&record.category.id, &sha256)),
            in_index: response.in_index,
            // Whole microseconds, which the journal's decimal numbers return exactly.
            millis: (round_trip_millis * 1e3).round() / 1e3,
        };
        let model = response.model.clone();
        Ok(Linked { outcome, model, cached: self.caches.then(|| cached(&mask, response)) })
    }
}

/// One linked mask.
struct Linked {
    outcome: LinkedOutcome,
    model: ModelInfo,
    /// The cached response, where those are written.
    cached: Option<CachedAnswer>,
}

/// The endpoint returned no entities for a mask.
#[derive(Debug, thiserror::Error)]
#[error("{code}: {message}")]
struct LinkFailed {
    code: &'static str,
    message: String,
}

impl LinkFailed {
    /// Returns whether the endpoint, or a server behind it, took too long.
    fn is_timeout(&self) -> bool {
        [Kind::Timeout, Kind::BackendTimeout].iter().any(|kind| kind.code() == self.code)
    }

    /// Returns whether the endpoint links no masks at all, as far as one failure tells; others may be this
    /// mask's.
    fn is_of_endpoint(&self) -> bool {
        let kinds = [Kind::Unauthorized, Kind::NotFound, Kind::WrongHost, Kind::Unavailable];
        self.is_timeout()
            || ["unreachable", "server-failed", "not-an-endpoint"].contains(&self.code)
            || kinds.iter().any(|kind| kind.code() == self.code)
    }
}

/// Runs `work` on items by `jobs` threads, and passes each result to `done` as it comes; ends at the first
/// failure of `done`.
fn in_parallel<T: Sync, R: Send>(
    jobs: usize,
    items: &[T],
    work: impl Fn(&T) -> R + Sync,
    mut done: impl FnMut(&T, R) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let (send, receive) = crossbeam_channel::bounded(jobs);
        for _ in 0..jobs {
            let (send, next, work) = (send.clone(), &next, &work);
            scope.spawn(move || {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if send.send((item, work(item))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(send);
        receive.into_iter().try_for_each(|(item, result)| done(item, result))
    })
}

/// Returns the cached responses of each image in the order of its annotations.
fn in_order<K: Ord>(cache: BTreeMap<K, Vec<(usize, CachedAnswer)>>) -> BTreeMap<K, Vec<CachedAnswer>> {
    let sorted = |mut list: Vec<(usize, CachedAnswer)>| {
        list.sort_by_key(|(at, _)| *at);
        list.into_iter().map(|(_, cached)| cached).collect()
    };
    cache.into_iter().map(|(image, list)| (image, sorted(list))).collect()
}

/// Returns what the report counts of an annotation; one whose request failed is wrong.
fn outcome<'a>(
    record: &UsableAnnotation<'a>,
    linked: Option<&LinkedOutcome>,
    index: Option<&Known>,
) -> Outcome<'a> {
    let annotation: &Annotation = record.annotation;
    let of_failed = || index.map(|index| index.is_known(&record.category.id, ""));
    let (series, seen) = annotation.split.as_ref().map_or((None, None), |split| (split.series, split.seen));
    Outcome {
        split: annotation.split_name(),
        series,
        seen,
        rank: linked.and_then(|linked| linked.rank),
        narrow_rank: linked.and_then(|linked| linked.narrow_rank),
        indexed: linked.map_or_else(of_failed, |linked| linked.indexed),
        in_index: linked.and_then(|linked| linked.in_index),
    }
}

/// The entities of an index.
struct Known {
    index: Index,
    /// SHA-256 of its header.
    sha256: String,
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
        let (index, sha256) = folder::read(folder, Limits::default())?;
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
        Ok(Self { index, sha256, positions, members })
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

/// Links one mask by the endpoint, as a page would, but with more patience.
fn ask(
    endpoint: Endpoint<'_>,
    (image, sha256): (&[u8], &str),
    mask: &Mask,
) -> anyhow::Result<EndpointAnswer> {
    let host = NativeHost::of_file(image);
    let asked = ask_endpoint_patiently(&host, endpoint, mask, sha256);
    Ok(pollster::block_on(asked)
        .map_err(|error| LinkFailed { code: error.code(), message: error.to_string() })?)
}

/// Returns the cached response, which a page shows while the endpoint is down.
fn cached(mask: &Mask, mut response: LinkResponse) -> CachedAnswer {
    response.entities.truncate(CACHED_ENTITIES);
    for entity in &mut response.entities {
        entity.evidence.truncate(CACHED_EVIDENCE);
    }
    CachedAnswer { mask: mask.into(), answer: response }
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
    fn failures_of_the_endpoint_and_timeouts_are_told_from_those_of_a_mask() {
        let of = |code| {
            let failed = LinkFailed { code, message: String::new() };
            (failed.is_timeout(), failed.is_of_endpoint())
        };
        assert_eq!([of("timeout"), of("backend-timeout")], [(true, true); 2]);
        assert_eq!([of("unreachable"), of("unauthorized"), of("unavailable")], [(false, true); 3]);
        assert_eq!([of("bad-mask"), of("too-large"), of("backend-failed")], [(false, false); 3]);
    }

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
