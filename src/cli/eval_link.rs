//! `masklink eval link`: top-1 and top-5 accuracy of a linking endpoint as PL-VEL reports it, and its latency.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde::Serialize;

use super::annotations::{self, Record};
use super::http;
use super::progress::Progress;
use crate::link::client::{Action, Body, Client, Event, Patience, Question};
use crate::link::protocol::{LinkResponse, WireMask, sha256_hex};

#[derive(clap::Args)]
pub(super) struct EvalLinkArgs {
    /// Annotation file: Mask-OVEN-Wiki or plain COCO.
    #[arg(long, value_name = "F.json")]
    annotations: PathBuf,
    /// Folder of the pictures.
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
    /// Ask only for annotations of this `data_split`; may be given several times.
    #[arg(long, value_name = "SPLIT")]
    split: Vec<String>,
    /// Write the answers to this file, for a page to show while the endpoint is down.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// End with one line of JSON on standard output.
    #[arg(long)]
    json: bool,
}

/// What the last line of `--json` says.
#[derive(Debug, Serialize)]
struct Report<'a> {
    n: usize,
    top1: f64,
    top5: f64,
    failed: usize,
    by_split: BTreeMap<&'a str, Accuracy>,
    /// Of the splits with seen and with unseen entities, where both are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    seen_and_unseen: Option<SeenAndUnseen>,
    latency_ms: Latency,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
struct Accuracy {
    n: usize,
    top1: f64,
    top5: f64,
}

#[derive(Debug, PartialEq, Serialize)]
struct SeenAndUnseen {
    seen: Accuracy,
    unseen: Accuracy,
    /// Harmonic means of the two top-1 and of the two top-5 accuracies.
    top1: f64,
    top5: f64,
}

/// Of the answers to `POST /v1/link`, the picture being there.
#[derive(Debug, Serialize)]
struct Latency {
    p50: f64,
    p95: f64,
}

/// One answered question.
struct Outcome<'a> {
    split: &'a str,
    seen: Option<bool>,
    /// The right entity's place in the answer, from 0.
    rank: Option<usize>,
}

/// A recorded answer, as a page reads it.
#[derive(Serialize)]
struct Recording {
    mask: WireMask,
    answer: LinkResponse,
}

pub(super) fn run(args: &EvalLinkArgs) -> anyhow::Result<()> {
    let dataset = annotations::read(&args.annotations)?;
    let (records, _) = annotations::records(&dataset, &args.split)?;
    ensure!(!records.is_empty(), "{} has no annotation to evaluate", args.annotations.display());
    let token = args.token.clone().or_else(|| std::env::var("MASKLINK_TOKEN").ok());
    let progress = Progress::of_items(records.len() as u64, "masks");
    let (mut outcomes, mut latencies, mut failed) = (Vec::new(), Vec::new(), 0);
    let mut recordings: BTreeMap<&str, Vec<Recording>> = BTreeMap::new();
    for record in &records {
        progress.advance(1);
        let annotation = record.annotation;
        let asked = ask(&args.endpoint, token.as_deref(), &args.images.join(record.file), record);
        let rank = match asked {
            Ok((answer, latency)) => {
                latencies.push(latency.as_secs_f64() * 1e3);
                let rank = answer.entities.iter().position(|entity| entity.qid == record.category.id);
                let recording = Recording { mask: WireMask::from_mask(&record.mask), answer };
                recordings.entry(&annotation.picture).or_default().push(recording);
                rank
            }
            Err(error) => {
                failed += 1;
                progress.say(&format!("annotation {}: {error:#}", annotation.id));
                ensure!(failed < 10 || !latencies.is_empty(), "the first {failed} questions had no answer");
                None
            }
        };
        let seen = annotation.split.as_ref().and_then(|split| split.seen);
        outcomes.push(Outcome { split: annotation.split_name(), seen, rank });
    }
    progress.finish();
    if let Some(path) = &args.record {
        write_whole(path, &serde_json::to_vec(&recordings)?)?;
    }
    let report = report(&outcomes, latencies, failed);
    print(&report, args)
}

/// Asks for one mask, as a page would: puts the picture where it is unknown, waits where the endpoint is busy.
fn ask(
    endpoint: &str,
    token: Option<&str>,
    picture: &Path,
    record: &Record<'_>,
) -> anyhow::Result<(LinkResponse, Duration)> {
    let bytes = std::fs::read(picture).with_context(|| picture.display().to_string())?;
    let patience = Patience::default();
    let mut client = Client::new(patience);
    let mut latency = Duration::ZERO;
    let mut actions = client.handle(Event::Ask(Question {
        ticket: 0,
        endpoint: endpoint.to_owned(),
        token: token.map(str::to_owned),
        picture: sha256_hex(&bytes),
        mask: WireMask::from_mask(&record.mask),
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
                        Body::Picture { .. } => (&bytes[..], patience.put_ms),
                    };
                    let started = Instant::now();
                    let sent = http::send(&method, &url, &headers, content, Duration::from_millis(ms.into()));
                    latency = started.elapsed();
                    event = Some(match sent {
                        Ok(http::Response { status, retry_after, body }) => {
                            Event::Responded { fetch, status, retry_after, body }
                        }
                        Err(error) => Event::Broke { fetch, reason: format!("{:#}", anyhow::Error::from(error)) },
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

fn report<'a>(outcomes: &[Outcome<'a>], mut latencies: Vec<f64>, failed: usize) -> Report<'a> {
    let mut splits: BTreeMap<&str, Vec<&Outcome<'_>>> = BTreeMap::new();
    for outcome in outcomes {
        splits.entry(outcome.split).or_default().push(outcome);
    }
    let all = accuracy(outcomes.iter());
    let of_seen = |seen| accuracy(outcomes.iter().filter(|outcome| outcome.seen == Some(seen)));
    let (seen, unseen) = (of_seen(true), of_seen(false));
    let seen_and_unseen = (seen.n > 0 && unseen.n > 0).then(|| SeenAndUnseen {
        top1: harmonic_mean(seen.top1, unseen.top1),
        top5: harmonic_mean(seen.top5, unseen.top5),
        seen,
        unseen,
    });
    latencies.sort_by(f64::total_cmp);
    Report {
        n: all.n,
        top1: all.top1,
        top5: all.top5,
        failed,
        by_split: splits.into_iter().map(|(split, outcomes)| (split, accuracy(outcomes.into_iter()))).collect(),
        seen_and_unseen,
        latency_ms: Latency { p50: percentile(&latencies, 50), p95: percentile(&latencies, 95) },
    }
}

fn accuracy<'a>(outcomes: impl Iterator<Item = &'a Outcome<'a>>) -> Accuracy {
    let (mut n, mut top1, mut top5) = (0, 0, 0);
    for outcome in outcomes {
        n += 1;
        top1 += usize::from(outcome.rank == Some(0));
        top5 += usize::from(outcome.rank.is_some_and(|rank| rank < 5));
    }
    let part = |right: usize| if n == 0 { 0.0 } else { right as f64 / n as f64 };
    Accuracy { n, top1: part(top1), top5: part(top5) }
}

fn harmonic_mean(a: f64, b: f64) -> f64 {
    if a + b == 0.0 { 0.0 } else { 2.0 * a * b / (a + b) }
}

/// The least value that at least `percent` of the sorted values do not pass; 0 where there is none.
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

fn print(report: &Report<'_>, args: &EvalLinkArgs) -> anyhow::Result<()> {
    let Report { n, top1, top5, failed, by_split, seen_and_unseen, latency_ms } = report;
    println!("{n} masks: top-1 {top1:.3}, top-5 {top5:.3}; {failed} without an answer");
    if args.by_split {
        for (split, Accuracy { n, top1, top5 }) in by_split {
            println!("  {split}: {n} masks, top-1 {top1:.3}, top-5 {top5:.3}");
        }
    }
    if let Some(SeenAndUnseen { seen, unseen, top1, top5 }) = seen_and_unseen {
        println!("  seen {:.3}, unseen {:.3}, harmonic mean {top1:.3} (top-1)", seen.top1, unseen.top1);
        println!("  seen {:.3}, unseen {:.3}, harmonic mean {top5:.3} (top-5)", seen.top5, unseen.top5);
    }
    println!("latency p50 {:.1} ms, p95 {:.1} ms", latency_ms.p50, latency_ms.p95);
    if args.json {
        println!("{}", serde_json::to_string(report)?);
    }
    Ok(())
}

/// Writes a file so that it is whole or absent.
fn write_whole(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).with_context(|| folder.display().to_string())?;
    std::io::Write::write_all(&mut file, bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accuracies_are_by_split_and_by_whether_the_entity_was_seen() {
        let outcome = |split, seen, rank| Outcome { split, seen, rank };
        let outcomes = [
            outcome("val_seen", Some(true), Some(0)),
            outcome("val_seen", Some(true), Some(4)),
            outcome("val_unseen", Some(false), Some(5)),
            outcome("val_unseen", Some(false), None),
            outcome("val_unseen", Some(false), Some(0)),
            outcome("val_unseen", Some(false), Some(1)),
        ];
        let report = report(&outcomes, vec![9.0, 1.0, 2.0], 1);
        assert_eq!((report.n, report.top1, report.top5), (6, 2.0 / 6.0, 4.0 / 6.0));
        assert_eq!(report.by_split["val_seen"], Accuracy { n: 2, top1: 0.5, top5: 1.0 });
        let both = report.seen_and_unseen.unwrap();
        assert_eq!(both.unseen, Accuracy { n: 4, top1: 0.25, top5: 0.5 });
        assert!((both.top1 - 1.0 / 3.0).abs() < 1e-12 && (both.top5 - 2.0 / 3.0).abs() < 1e-12);
        assert!((report.latency_ms.p50 - 2.0).abs() < 1e-12 && (report.latency_ms.p95 - 9.0).abs() < 1e-12);
    }
}
