//! The report of `masklink eval link`: PL-VEL's table, accuracy by split, unknown entities, latency.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use crate::dataset::Series;
use crate::link::protocol::InIndex;

/// Rows of PL-VEL's table: its series, and the masks of the first two.
const ROWS: [&str; 4] = ["entity", "query", "human", "overall"];
/// The best row of the paper's table 3 (Osprey-Seg-7B): top-1 accuracy of [`ROWS`], in percent.
const PAPER: (&str, [f64; 4]) = ("Osprey-Seg-7B (paper, table 3)", [25.4, 16.1, 25.9, 25.2]);
/// Normal quantile of a 95 % confidence interval.
const QUANTILE: f64 = 1.959_963_984_540_054;

/// Maximum parts of the masks in the index that are called unknown, for which the refusals are reported.
const CURVE: [f64; 5] = [0.01, 0.02, 0.05, 0.1, 0.2];

/// One request and its result.
pub(super) struct Outcome<'a> {
    pub(super) split: &'a str,
    pub(super) series: Option<Series>,
    pub(super) seen: Option<bool>,
    /// Place of the right entity in the response, from 0.
    pub(super) rank: Option<usize>,
    /// Its place among the entities that are not broader ones.
    pub(super) narrow_rank: Option<usize>,
    /// Whether the right entity is in the index; `None` where the index is not at hand.
    pub(super) indexed: Option<bool>,
    /// The endpoint's own estimate of that.
    pub(super) in_index: Option<InIndex>,
}

/// The last line of `--json`.
#[derive(Debug, Serialize)]
pub(super) struct Report<'a> {
    n: usize,
    top1: f64,
    top5: f64,
    /// Accuracy without the broader entities of the responses.
    narrow: Accuracy,
    failed: usize,
    /// Number of the failed requests that took too long.
    pub(super) timed_out: usize,
    /// Number of annotations without a usable mask, image or category, and of records that cannot be read.
    pub(super) left_out: u64,
    by_split: BTreeMap<&'a str, Accuracy>,
    /// PL-VEL's table: rows `entity` and `query` where there are such annotations, and `overall` where
    /// there are both.
    table: BTreeMap<&'static str, Row>,
    /// `None` where the index is not at hand or the endpoint does not estimate what is in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown: Option<Unknown>,
    latency_ms: Latency,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
struct Accuracy {
    n: usize,
    top1: f64,
    top5: f64,
    /// 95 % confidence intervals of both, by Wilson's score.
    top1_interval: [f64; 2],
    top5_interval: [f64; 2],
}

/// Accuracy on a series, or both, by whether the entity is seen in training.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
struct Row {
    seen: Accuracy,
    unseen: Accuracy,
    /// `None` where seen or unseen are missing.
    harmonic_mean: Option<HarmonicMean>,
}

/// Harmonic mean of seen and unseen; 0 where one of them is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
struct HarmonicMean {
    top1: f64,
    top5: f64,
}

/// Separation of entities outside the index from those in it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
struct Unknown {
    /// Accuracy on masks whose entity is in the index.
    indexed: Accuracy,
    /// The same without the broader entities of the responses.
    indexed_narrow: Accuracy,
    /// Part of those that were called unknown.
    false_alarms: f64,
    /// Number of masks whose entity is not in the index.
    not_indexed: usize,
    /// Part of those that were called unknown.
    found: f64,
    /// For each limit of false alarms in [`CURVE`]: the part of unknown masks that the highest threshold
    /// within it finds.
    curve: [Refusals; CURVE.len()],
}

/// A point of the curve of refusals against false alarms.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
struct Refusals {
    /// Maximum part of the masks in the index that is called unknown.
    max_false_alarms: f64,
    /// Part that the threshold calls unknown: less than the maximum where the maximum is no whole number of
    /// masks, or where several masks have one probability.
    false_alarms: f64,
    /// Part of the masks not in the index that is called unknown.
    found: f64,
}

/// Latency of `POST /v1/link` for an uploaded image.
#[derive(Debug, Serialize)]
struct Latency {
    p50: f64,
    p95: f64,
}

impl<'a> Report<'a> {
    pub(super) fn of(outcomes: &[Outcome<'a>], mut latencies: Vec<f64>, failed: usize) -> Self {
        let mut splits: BTreeMap<&str, Vec<&Outcome<'_>>> = BTreeMap::new();
        for outcome in outcomes {
            splits.entry(outcome.split).or_default().push(outcome);
        }
        let Accuracy { n, top1, top5, .. } = accuracy(outcomes.iter(), Outcome::rank);
        let narrow = accuracy(outcomes.iter(), Outcome::narrow_rank);
        let [entity, query, human, overall] = ROWS;
        let (entities, queries) = (row(outcomes, &[Series::Entity]), row(outcomes, &[Series::Query]));
        let both = entities.and(queries).and_then(|_| row(outcomes, &[Series::Entity, Series::Query]));
        let humans = row(outcomes, &[Series::Human]);
        let rows = [(entity, entities), (query, queries), (human, humans), (overall, both)];
        latencies.sort_by(f64::total_cmp);
        Self {
            n,
            top1,
            top5,
            narrow,
            failed,
            timed_out: 0,
            left_out: 0,
            by_split: splits
                .into_iter()
                .map(|(split, outcomes)| (split, accuracy(outcomes.into_iter(), Outcome::rank)))
                .collect(),
            table: rows.into_iter().filter_map(|(name, row)| Some((name, row?))).collect(),
            unknown: unknown(outcomes),
            latency_ms: Latency { p50: percentile(&latencies, 50), p95: percentile(&latencies, 95) },
        }
    }

    pub(super) fn print(&self, out: &mut impl Write, by_split: bool) -> io::Result<()> {
        let Self { n, top1, top5, failed, timed_out, left_out, latency_ms, .. } = self;
        if *failed > 0 {
            writeln!(out, "INCOMPLETE: {failed} of {n} masks were not linked and count as wrong")?;
        }
        writeln!(
            out,
            "{n} masks: top-1 {top1:.3}, top-5 {top5:.3}; {failed} requests failed, {timed_out} of \
             them by time; {left_out} left out"
        )?;
        if (self.narrow.top1, self.narrow.top5) != (*top1, *top5) {
            let Accuracy { top1, top5, .. } = self.narrow;
            writeln!(out, "  without broader entities: top-1 {top1:.3}, top-5 {top5:.3}")?;
        }
        if by_split {
            for (split, Accuracy { n, top1, top5, .. }) in &self.by_split {
                writeln!(out, "  {split}: {n} masks, top-1 {top1:.3}, top-5 {top5:.3}")?;
            }
        }
        if !self.table.is_empty() {
            writeln!(out, "{:24}{:<27}top-5", "masks", "top-1")?;
            writeln!(
                out,
                "{0:9}{1:>6}{2:>8}{1:>9}{2:>9}{3:>9}{1:>9}{2:>9}{3:>9}",
                "", "seen", "unseen", "harmonic"
            )?;
        }
        for (name, Row { seen, unseen, harmonic_mean }) in
            ROWS.into_iter().filter_map(|name| Some((name, self.table.get(name)?)))
        {
            write!(out, "{name:9}{:>6}{:>8}", seen.n, unseen.n)?;
            let harmonic = |top: fn(&HarmonicMean) -> f64| {
                harmonic_mean.as_ref().map_or("–".to_owned(), |mean| format!("{:.3}", top(mean)))
            };
            write!(out, "{:>9.3}{:>9.3}{:>9}", seen.top1, unseen.top1, harmonic(|mean| mean.top1))?;
            writeln!(out, "{:>9.3}{:>9.3}{:>9}", seen.top5, unseen.top5, harmonic(|mean| mean.top5))?;
        }
        if let Some(unknown) = &self.unknown {
            let Unknown { indexed, indexed_narrow, false_alarms, not_indexed, found, curve } = unknown;
            let Accuracy { n, top1, top5, .. } = indexed;
            writeln!(
                out,
                "in the index: {n} masks, top-1 {top1:.3}, top-5 {top5:.3}, called unknown {false_alarms:.3}"
            )?;
            if indexed != indexed_narrow {
                let Accuracy { top1, top5, .. } = indexed_narrow;
                writeln!(out, "  without broader entities: top-1 {top1:.3}, top-5 {top5:.3}")?;
            }
            writeln!(out, "not in the index: {not_indexed} masks, called unknown {found:.3}")?;
            for Refusals { max_false_alarms, false_alarms, found } in curve {
                writeln!(
                    out,
                    "  at most {max_false_alarms:.2} of those in the index called unknown \
                     ({false_alarms:.3}): {found:.3}"
                )?;
            }
        }
        writeln!(out, "latency p50 {:.1} ms, p95 {:.1} ms", latency_ms.p50, latency_ms.p95)
    }
}

impl Report<'_> {
    /// Returns PL-VEL's table (paper, table 3) in Markdown, in percent with 95 % confidence intervals; with
    /// the paper's own row where that is asked for.
    pub(super) fn markdown(&self, with_paper: bool) -> String {
        let percent = |part: f64| format!("{:.1}", 100.0 * part);
        let cell = |n: usize, part: f64, [low, high]: [f64; 2]| {
            if n == 0 {
                "–".to_owned()
            } else {
                format!("{} ({}–{})", percent(part), percent(low), percent(high))
            }
        };
        let mut lines = vec![
            "| masks | seen | unseen | top-1 seen | top-1 unseen | top-1 harmonic | top-5 seen \
             | top-5 unseen | top-5 harmonic |"
                .to_owned(),
            "|---|--:|--:|--:|--:|--:|--:|--:|--:|".to_owned(),
        ];
        for (name, Row { seen, unseen, harmonic_mean }) in
            ROWS.into_iter().filter_map(|name| Some((name, self.table.get(name)?)))
        {
            let harmonic = |top: fn(&HarmonicMean) -> f64| {
                harmonic_mean.as_ref().map_or("–".to_owned(), |mean| percent(top(mean)))
            };
            let cells = [
                name.to_owned(),
                seen.n.to_string(),
                unseen.n.to_string(),
                cell(seen.n, seen.top1, seen.top1_interval),
                cell(unseen.n, unseen.top1, unseen.top1_interval),
                harmonic(|mean| mean.top1),
                cell(seen.n, seen.top5, seen.top5_interval),
                cell(unseen.n, unseen.top5, unseen.top5_interval),
                harmonic(|mean| mean.top5),
            ];
            lines.push(format!("| {} |", cells.join(" | ")));
        }
        if with_paper {
            let (model, top1) = PAPER;
            let rows = ROWS.iter().zip(top1).map(|(name, top1)| format!("{name} {top1:.1}"));
            lines.push(format!("\n{model}: {}.", rows.collect::<Vec<_>>().join(", ")));
        }
        let Self { n, failed, timed_out, left_out, .. } = self;
        if *failed > 0 {
            let text = format!("\n**Incomplete: {failed} of {n} masks were not linked and count as wrong.**");
            lines.push(text);
        }
        lines.push(format!(
            "\n{n} masks, {failed} failed requests ({timed_out} of them took too long), {left_out} \
             annotations left out.\n"
        ));
        lines.join("\n")
    }
}

/// Returns the row of these series; `None` where none of their annotations states whether its entity is seen.
fn row(outcomes: &[Outcome<'_>], series: &[Series]) -> Option<Row> {
    let is_of_row = |outcome: &Outcome<'_>| outcome.series.is_some_and(|one| series.contains(&one));
    let of = |seen| {
        let of_row = outcomes.iter().filter(|outcome| outcome.seen == Some(seen) && is_of_row(outcome));
        accuracy(of_row, Outcome::rank)
    };
    let (seen, unseen) = (of(true), of(false));
    let harmonic_mean = (seen.n > 0 && unseen.n > 0).then(|| HarmonicMean {
        top1: harmonic_mean(seen.top1, unseen.top1),
        top5: harmonic_mean(seen.top5, unseen.top5),
    });
    (seen.n + unseen.n > 0).then_some(Row { seen, unseen, harmonic_mean })
}

fn unknown(outcomes: &[Outcome<'_>]) -> Option<Unknown> {
    let of = |indexed| outcomes.iter().filter(move |outcome| outcome.indexed == Some(indexed));
    let estimates = |indexed| of(indexed).filter_map(|outcome| outcome.in_index).collect::<Vec<_>>();
    let (known, unknown) = (estimates(true), estimates(false));
    if known.is_empty() || unknown.is_empty() {
        return None;
    }
    let part = |list: &[InIndex], called: &dyn Fn(&InIndex) -> bool| {
        list.iter().filter(|in_index| called(in_index)).count() as f64 / list.len() as f64
    };
    let mut probabilities: Vec<_> = known.iter().map(|in_index| in_index.probability).collect();
    probabilities.sort_by(f32::total_cmp);
    let refusals = |max_false_alarms| {
        let threshold = probabilities[(max_false_alarms * probabilities.len() as f64) as usize];
        let is_below = |in_index: &InIndex| in_index.probability < threshold;
        let [false_alarms, found] = [&known, &unknown].map(|list| part(list, &is_below));
        Refusals { max_false_alarms, false_alarms, found }
    };
    Some(Unknown {
        indexed: accuracy(of(true), Outcome::rank),
        indexed_narrow: accuracy(of(true), Outcome::narrow_rank),
        false_alarms: part(&known, &|in_index| !in_index.known),
        not_indexed: unknown.len(),
        found: part(&unknown, &|in_index| !in_index.known),
        curve: CURVE.map(refusals),
    })
}

impl Outcome<'_> {
    fn rank(&self) -> Option<usize> {
        self.rank
    }

    fn narrow_rank(&self) -> Option<usize> {
        self.narrow_rank
    }
}

fn accuracy<'a>(
    outcomes: impl Iterator<Item = &'a Outcome<'a>>,
    rank: impl Fn(&Outcome<'a>) -> Option<usize>,
) -> Accuracy {
    let (mut n, mut top1, mut top5) = (0, 0, 0);
    for outcome in outcomes {
        n += 1;
        top1 += usize::from(rank(outcome) == Some(0));
        top5 += usize::from(rank(outcome).is_some_and(|rank| rank < 5));
    }
    let part = |right: usize| if n == 0 { 0.0 } else { right as f64 / n as f64 };
    let [top1_interval, top5_interval] = [top1, top5].map(|right| interval(right, n));
    Accuracy { n, top1: part(top1), top5: part(top5), top1_interval, top5_interval }
}

/// Returns the 95 % confidence interval of a part (Wilson 1927); all of 0 to 1 where there is nothing.
fn interval(right: usize, n: usize) -> [f64; 2] {
    if n == 0 {
        return [0.0, 1.0];
    }
    let (p, n, z2) = (right as f64 / n as f64, n as f64, QUANTILE * QUANTILE);
    let center = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = QUANTILE / (1.0 + z2 / n) * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    [(center - half).max(0.0), (center + half).min(1.0)]
}

fn harmonic_mean(a: f64, b: f64) -> f64 {
    if a + b == 0.0 { 0.0 } else { 2.0 * a * b / (a + b) }
}

/// Returns the least of the sorted values that `percent` of them do not exceed; 0 where there is none.
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(split: &'static str, rank: Option<usize>) -> Outcome<'static> {
        let parsed = crate::dataset::Split::parse(split);
        let (series, seen) = (parsed.series, parsed.seen);
        Outcome { split, series, seen, rank, narrow_rank: rank, indexed: None, in_index: None }
    }

    #[test]
    fn table_has_rows_by_series_and_columns_by_seen() {
        let outcomes = [
            outcome("entity_val_seen", Some(0)),
            outcome("entity_val_seen", Some(4)),
            outcome("entity_val_unseen", Some(5)),
            outcome("entity_val_unseen", None),
            outcome("entity_val_unseen", Some(0)),
            outcome("entity_val_unseen", Some(1)),
            outcome("query_val_seen", Some(0)),
            outcome("odd", None),
            Outcome { series: Some(Series::Human), ..outcome("entity_val_seen", Some(0)) },
        ];
        let report = Report::of(&outcomes, vec![9.0, 1.0, 2.0], 1);
        assert_eq!((report.n, report.top1, report.top5), (9, 4.0 / 9.0, 6.0 / 9.0));
        assert_eq!(
            report.by_split["entity_val_seen"],
            Accuracy {
                n: 3,
                top1: 2.0 / 3.0,
                top5: 1.0,
                top1_interval: interval(2, 3),
                top5_interval: interval(3, 3)
            }
        );
        let entity = report.table["entity"];
        assert_eq!((entity.unseen.n, entity.unseen.top1, entity.unseen.top5), (4, 0.25, 0.5));
        let mean = entity.harmonic_mean.unwrap();
        assert!((mean.top1 - 1.0 / 3.0).abs() < 1e-12 && (mean.top5 - 2.0 / 3.0).abs() < 1e-12, "{mean:?}");
        let query = report.table["query"];
        assert_eq!((query.seen.n, query.unseen.n), (1, 0));
        assert_eq!((report.table["overall"].seen.n, report.table["overall"].unseen.n), (3, 4));
        assert!((report.latency_ms.p50 - 2.0).abs() < 1e-12 && (report.latency_ms.p95 - 9.0).abs() < 1e-12);
        assert_eq!(report.unknown, None, "the index is not at hand");
    }

    #[test]
    fn intervals_are_wilsons() {
        let close = |found: [f64; 2], expected: [f64; 2]| {
            found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 5e-4)
        };
        // Computed by statsmodels 0.14, proportion_confint(method="wilson").
        assert!(close(interval(5, 10), [0.2366, 0.7634]), "{:?}", interval(5, 10));
        assert!(close(interval(0, 10), [0.0, 0.2775]), "{:?}", interval(0, 10));
        assert!(close(interval(98, 100), [0.9300, 0.9945]), "{:?}", interval(98, 100));
        assert!(close(interval(0, 0), [0.0, 1.0]));
    }

    #[test]
    fn markdown_has_a_row_for_each_series() {
        let outcomes = [
            outcome("entity_val_seen", Some(0)),
            outcome("entity_val_unseen", None),
            outcome("entity_val_unseen", Some(0)),
        ];
        let text = Report::of(&outcomes, vec![1.0], 0).markdown(true);
        let row = "| entity | 1 | 2 | 100.0 (20.7–100.0) | 50.0 (9.5–90.5) | 66.7 | ";
        assert!(text.contains(row), "{text}");
        assert!(!text.contains("| query |") && text.contains("entity 25.4, query 16.1"), "{text}");
    }

    #[test]
    fn report_with_failed_requests_says_so_first() {
        let outcomes = [outcome("entity_val_seen", Some(0)), outcome("entity_val_seen", None)];
        let texts = |failed| {
            let report = Report::of(&outcomes, vec![1.0], failed);
            let mut printed = Vec::new();
            report.print(&mut printed, false).unwrap();
            (String::from_utf8(printed).unwrap(), report.markdown(false))
        };
        let (printed, markdown) = texts(1);
        let words = "1 of 2 masks were not linked and count as wrong";
        assert!(printed.starts_with(&format!("INCOMPLETE: {words}\n")), "{printed}");
        assert!(markdown.contains(&format!("\n**Incomplete: {words}.**\n")), "{markdown}");
        let (printed, markdown) = texts(0);
        assert!(!printed.contains("INCOMPLETE") && !markdown.contains("Incomplete"), "{printed}{markdown}");
    }

    #[test]
    fn harmonic_mean_needs_both_sides() {
        let report = Report::of(&[outcome("query_val_seen", Some(0))], vec![1.0], 0);
        assert_eq!(
            serde_json::to_value(&report).unwrap()["table"]["query"]["harmonic_mean"],
            serde_json::Value::Null
        );
        let sides = [outcome("query_val_seen", Some(0)), outcome("query_val_unseen", None)];
        let mean = Report::of(&sides, vec![1.0], 0).table["query"].harmonic_mean;
        assert_eq!(mean, Some(HarmonicMean::default()), "zero is a mean");
    }

    #[test]
    fn single_series_has_no_overall_row() {
        for split in ["entity_val_seen", "query_val_seen", "human_seen"] {
            assert!(
                !Report::of(&[outcome(split, Some(0))], vec![1.0], 0).table.contains_key("overall"),
                "{split}"
            );
        }
    }

    #[test]
    fn unknown_entities_are_counted_on_both_sides() {
        let outcome_of = |indexed, known, probability| {
            let in_index = Some(InIndex { known, probability });
            Outcome { indexed: Some(indexed), in_index, ..outcome("entity_val_seen", indexed.then_some(0)) }
        };
        let mut outcomes: Vec<_> =
            (0_u8..19).map(|at| outcome_of(true, true, 0.8 + f32::from(at) * 0.01)).collect();
        outcomes.push(outcome_of(true, false, 0.3));
        // The second is below 19 of 20 known ones, but above the threshold of the index.
        outcomes.extend([
            outcome_of(false, false, 0.1),
            outcome_of(false, true, 0.7),
            outcome_of(false, true, 0.9),
        ]);
        let unknown = Report::of(&outcomes, Vec::new(), 0).unknown.unwrap();
        assert_eq!((unknown.indexed.n, unknown.indexed.top1, unknown.not_indexed), (20, 1.0, 3));
        assert!(
            (unknown.false_alarms - 0.05).abs() < 1e-12 && (unknown.found - 1.0 / 3.0).abs() < 1e-12,
            "{unknown:?}"
        );
        let point = |at: usize| {
            let Refusals { max_false_alarms, false_alarms, found } = unknown.curve[at];
            (max_false_alarms, false_alarms, found)
        };
        assert_eq!(point(0), (0.01, 0.0, 1.0 / 3.0), "one in a hundred of 20 is none: {unknown:?}");
        assert_eq!(point(2), (0.05, 0.05, 2.0 / 3.0), "{unknown:?}");
        let mut ties: Vec<_> = (0..20).map(|_| outcome_of(true, true, 0.8)).collect();
        ties.push(outcome_of(false, true, 0.7));
        let tied = Report::of(&ties, Vec::new(), 0).unknown.unwrap().curve[4];
        assert_eq!((tied.max_false_alarms, tied.false_alarms, tied.found), (0.2, 0.0, 1.0));
        let mut printed = Vec::new();
        Report::of(&ties, Vec::new(), 0).print(&mut printed, false).unwrap();
        let printed = String::from_utf8(printed).unwrap();
        let line = "  at most 0.20 of those in the index called unknown (0.000): 1.000\n";
        assert!(printed.contains(line), "{printed}");
    }
}
