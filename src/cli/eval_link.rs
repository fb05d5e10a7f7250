//! `masklink eval link`: top-1 and top-5 accuracy of a linking endpoint as PL-VEL reports it, and
//! its latency.

use std::collections::{BTreeMap, HashSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde::Serialize;

use super::annotations;
use super::clicker::Clicker;
use super::eval_link_report::{Outcome, Report};
use super::http;
use super::onnx::RuntimeArgs;
use super::progress::Progress;
use super::segmenter::ModelChoice;
use crate::link::index::folder;
use crate::link::index::header::Limits;
use crate::link::protocol::client::{Action, Body, Client, Event, Patience, Question};
use crate::link::protocol::{InIndex, LinkResponse, ScoredEntity, sha256_hex};
use crate::rle::{CocoRle, Mask};

#[derive(clap::Args)]
pub(super) struct EvalLinkArgs {
    /// Annotation file: Mask-OVEN-Wiki or plain COCO.
    #[arg(long, value_name = "F.json")]
    annotations: PathBuf,
    /// Folder of the images.
    #[arg(long, value_name = "DIR")]
    images: PathBuf,
    /// Address of the endpoint (http), below which are v1/link and v1/images.
    #[arg(long, value_name = "URL")]
    endpoint: String,
    /// Bearer token, where the endpoint asks for one; better given in `MASKLINK_TOKEN`.
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// Also print the accuracy of each `data_split`.
    #[arg(long)]
    by_split: bool,
    /// Folder of the endpoint's index: also tell how well what it does not hold is called unknown.
    #[arg(long, value_name = "DIR")]
    index: Option<PathBuf>,
    /// Ask only for annotations of this `data_split`; may be given several times.
    #[arg(long, value_name = "SPLIT")]
    split: Vec<String>,
    /// Ask with the mask that one click on the object gives, not with the annotated one.
    #[arg(long)]
    click: bool,
    /// The model that is clicked: ID of a model, or models.json#ID, or models.json for its default
    /// [default: www/models/models.json].
    #[arg(long, value_name = "MANIFEST-ENTRY", requires = "click", value_parser = |text: &str| Ok::<_, String>(ModelChoice::from(text)))]
    model: Option<ModelChoice>,
    #[command(flatten)]
    runtime: RuntimeArgs,
    /// Write the answers to this file, for a page to show while the endpoint is down.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// End with one line of JSON on standard output.
    #[arg(long)]
    json: bool,
}

/// Entities of an answer, and known masks of an entity, that a recording keeps: what a person looks at.
const RECORDED_ENTITIES: usize = 5;
const RECORDED_EVIDENCE: usize = 4;

/// A recorded answer, as a page reads it.
#[derive(Serialize)]
struct Recording {
    mask: CocoRle,
    answer: RecordedAnswer,
}

#[derive(Serialize)]
struct RecordedAnswer {
    entities: Vec<ScoredEntity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_index: Option<InIndex>,
}

impl Recording {
    fn of(mask: &Mask, answer: LinkResponse) -> Self {
        let mut entities = answer.entities;
        entities.truncate(RECORDED_ENTITIES);
        for entity in &mut entities {
            entity.evidence.truncate(RECORDED_EVIDENCE);
        }
        Self { mask: mask.into(), answer: RecordedAnswer { entities, in_index: answer.in_index } }
    }
}

/// The recorded answers of each image; none is kept where no file is to have them.
struct Recordings<'a> {
    file: Option<&'a Path>,
    by_image: BTreeMap<&'a str, Vec<Recording>>,
}

impl<'a> Recordings<'a> {
    fn of(file: Option<&'a Path>) -> Self {
        Self { file, by_image: BTreeMap::new() }
    }

    fn keep(&mut self, image: &'a str, mask: &Mask, answer: LinkResponse) {
        if self.file.is_some() {
            self.by_image.entry(image).or_default().push(Recording::of(mask, answer));
        }
    }

    fn write(&self) -> anyhow::Result<()> {
        self.file.map_or(Ok(()), |file| write_whole(file, &serde_json::to_vec(&self.by_image)?))
    }
}

pub(super) fn run(args: &EvalLinkArgs) -> anyhow::Result<()> {
    let dataset = annotations::read(&args.annotations)?;
    let (records, _) = annotations::usable(&dataset, &args.split)?;
    ensure!(!records.is_empty(), "{} has no annotation to evaluate", args.annotations.display());
    let token = args.token.clone().or_else(|| std::env::var("MASKLINK_TOKEN").ok());
    let indexed = args.index.as_deref().map(indexed_entities).transpose()?;
    let clicker = args.click.then(|| Clicker::load(&args.model.clone().unwrap_or_default(), &args.runtime));
    let mut clicker = clicker.transpose()?;
    let progress = Progress::of_items(records.len() as u64, "masks");
    let (mut outcomes, mut latencies, mut failed) = (Vec::new(), Vec::new(), 0);
    let mut recordings = Recordings::of(args.record.as_deref());
    for record in &records {
        progress.advance(1);
        let annotation = record.annotation;
        let image = args.images.join(record.file);
        let mask =
            clicker.as_mut().map_or_else(|| Ok(record.mask.clone()), |one| one.mask_of(&image, &record.mask));
        let asked = mask
            .and_then(|mask| ask(&args.endpoint, token.as_deref(), &image, &mask).map(|asked| (mask, asked)));
        let (rank, in_index) = match asked {
            Ok((mask, (answer, latency))) => {
                let in_index = answer.in_index;
                latencies.push(latency.as_secs_f64() * 1e3);
                let rank = answer.entities.iter().position(|entity| entity.qid == record.category.id);
                recordings.keep(&annotation.image, &mask, answer);
                (rank, in_index)
            }
            Err(error) => {
                failed += 1;
                progress.println(&format!("annotation {}: {error:#}", annotation.id));
                ensure!(failed < 10 || !latencies.is_empty(), "the first {failed} questions had no answer");
                (None, None)
            }
        };
        let (series, seen) =
            annotation.split.as_ref().map_or((None, None), |split| (split.series, split.seen));
        let indexed = indexed.as_ref().map(|indexed| indexed.contains(&record.category.id));
        outcomes.push(Outcome { split: annotation.split_name(), series, seen, rank, indexed, in_index });
    }
    progress.finish();
    ensure!(!latencies.is_empty(), "none of the {failed} questions had an answer");
    recordings.write()?;
    let report = Report::of(&outcomes, latencies, failed);
    report.print(args.by_split);
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    }
    Ok(())
}

/// The QIDs of an index.
fn indexed_entities(folder: &Path) -> anyhow::Result<HashSet<String>> {
    let (index, _) = folder::read(folder, Limits::default())?;
    Ok(index.entities().iter().map(|entity| entity.qid.clone()).collect())
}

/// Asks for one mask, as a page would: puts the image where it is unknown, waits where the endpoint is busy.
fn ask(
    endpoint: &str,
    token: Option<&str>,
    image: &Path,
    mask: &Mask,
) -> anyhow::Result<(LinkResponse, Duration)> {
    let bytes = std::fs::read(image).with_context(|| image.display().to_string())?;
    let patience = Patience::default();
    let mut client = Client::new(patience);
    let mut latency = Duration::ZERO;
    let mut actions = client.handle(Event::Ask(Question {
        ticket: 0,
        endpoint: endpoint.to_owned(),
        token: token.map(str::to_owned),
        image: sha256_hex(&bytes),
        mask: mask.into(),
    }));
    loop {
        let mut event = None;
        for action in std::mem::take(&mut actions) {
            match action {
                Action::Answer { response, .. } => return Ok((response, latency)),
                Action::Fail { code, message, .. } => anyhow::bail!("{code}: {message}"),
                Action::Fetch { fetch, method, url, headers, body } => {
                    let (content, ms) = match &body {
                        Body::Text { text } => (text.as_bytes(), patience.link_ms),
                        Body::Image { .. } => (&bytes[..], patience.put_ms),
                    };
                    let started = Instant::now();
                    let sent = http::send(&method, &url, &headers, content, Duration::from_millis(ms.into()));
                    latency = started.elapsed();
                    event = Some(match sent {
                        Ok(http::Response { status, retry_after, body }) => {
                            Event::Responded { fetch, status, retry_after, body }
                        }
                        Err(error) => {
                            Event::Broke { fetch, reason: format!("{:#}", anyhow::Error::from(error)) }
                        }
                    });
                }
                // Beside a fetch it is the time limit, which the socket keeps; alone it is a pause.
                Action::Wait { timer, ms } if event.is_none() => {
                    std::thread::sleep(Duration::from_millis(ms.into()));
                    event = Some(Event::Elapsed { timer });
                }
                Action::Wait { .. } | Action::Abort { .. } => {}
            }
        }
        actions = client.handle(event.context("the client has nothing to do")?);
    }
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
    use crate::link::protocol::{ModelInfo, Timing};

    #[test]
    fn answers_are_kept_only_for_a_file() {
        let mask = Mask::empty(Size::new(2, 2)).unwrap();
        let (model, timing_ms) = (ModelInfo::default(), Timing::default());
        let answer = LinkResponse { entities: Vec::new(), in_index: None, model, timing_ms };
        for (file, kept) in [(None, 0), (Some(Path::new("answers.json")), 1)] {
            let mut recordings = Recordings::of(file);
            recordings.keep("image", &mask, answer.clone());
            assert_eq!(recordings.by_image.len(), kept);
        }
    }
}
