//! Sentences and headings, for the panel beside the image and for screen readers.

use serde::Serialize;

use super::{Failure, Source};
use crate::geometry::Size;
use crate::link::protocol::{InIndex, LinkResponse};
use crate::rle::Mask;

/// The certainty of a response's entities, in words.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(tsify::Tsify), tsify(missing_as_null))]
pub struct Verdict {
    /// Certainty of the first entity.
    pub confidence: Confidence,
    /// Heading of the list of entities.
    pub heading: &'static str,
    /// The condition under which the scores hold, where the index may not hold the entity.
    pub condition: Option<String>,
}

impl Verdict {
    /// Judges entities whose scores are sorted from high to low.
    pub fn of(response: &LinkResponse) -> Self {
        let scores: Vec<_> = response.entities.iter().map(|entity| entity.score).collect();
        Self::of_scores(&scores, response.in_index, response.uncalibrated)
    }

    /// Judges entities by their scores, from high to low, and by what the response says of them all.
    pub fn of_scores(scores: &[f32], in_index: Option<InIndex>, uncalibrated: bool) -> Self {
        let confidence = Confidence::of_scores(scores, in_index, uncalibrated);
        Self { confidence, heading: confidence.heading(), condition: condition(scores, in_index) }
    }
}

/// The certainty of the first entity of a linked mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub enum Confidence {
    /// The first score is at least [`Self::LIKELY`] and 1.5 times the second, and the index holds the entity
    /// with a probability of at least [`Self::HELD`], where it states one.
    Likely,
    /// The first score is at least [`Self::POSSIBLE`], or no score is a probability.
    Possible,
    /// No score is high enough.
    Unsure,
    /// The index holds nothing similar; the entities are only the most similar ones in it.
    NotInIndex,
    /// There are no entities.
    Nothing,
}

impl Confidence {
    /// The lowest first score that is called likely.
    pub const LIKELY: f32 = 0.5;
    /// The lowest probability that the index holds the entity where it is called likely.
    pub const HELD: f32 = 0.8;
    /// The lowest first score that is called possible.
    pub const POSSIBLE: f32 = 0.2;

    /// Judges entities whose scores are sorted from high to low.
    pub fn of(response: &LinkResponse) -> Self {
        Verdict::of(response).confidence
    }

    fn of_scores(scores: &[f32], in_index: Option<InIndex>, uncalibrated: bool) -> Self {
        let unknown = in_index.is_some_and(|in_index| !in_index.known);
        let is_held = in_index.is_none_or(|in_index| in_index.probability >= Self::HELD);
        let second = scores.get(1).copied().unwrap_or(0.0);
        match scores.first().copied() {
            None => Self::Nothing,
            Some(_) if unknown => Self::NotInIndex,
            Some(_) if uncalibrated => Self::Possible,
            Some(first) if is_held && first >= Self::LIKELY && first >= 1.5 * second => Self::Likely,
            Some(first) if first >= Self::POSSIBLE => Self::Possible,
            Some(_) => Self::Unsure,
        }
    }

    /// Returns the heading of a list of entities.
    pub fn heading(self) -> &'static str {
        match self {
            Self::Likely => "Likely this",
            Self::Possible => "Possibly one of these",
            Self::Unsure => "Not sure what this is. It looks most like",
            Self::NotInIndex => "Probably nothing that the index knows. It looks most like",
            Self::Nothing => "Nothing similar was found",
        }
    }
}

/// Returns the condition under which the scores hold, where the index may not hold the entity; `None` where
/// it probably does, or where there is no estimate of it.
fn condition(scores: &[f32], in_index: Option<InIndex>) -> Option<String> {
    let in_index = in_index.filter(|in_index| in_index.probability < Confidence::HELD)?;
    if scores.is_empty() {
        return None;
    }
    let percent = 100.0 * in_index.probability;
    Some(format!(
        "The probability that the index knows this object at all is {percent:.0} %; the percentages below \
         hold if it does."
    ))
}

/// Describes the first entity and where it comes from, for screen readers.
pub(super) fn answer(answer: &LinkResponse, source: Source) -> String {
    let first = answer.entities.first();
    let percent = first.map_or(0.0, |entity| 100.0 * entity.score);
    let title = first.map_or("", |entity| entity.title.as_str());
    let verdict = Verdict::of(answer);
    let condition = if verdict.condition.is_some() { " if the index knows it" } else { "" };
    let result = match verdict.confidence {
        Confidence::Likely => format!("Likely {title}, {percent:.0} %."),
        Confidence::Possible if answer.uncalibrated => format!("Possibly {title}."),
        Confidence::Possible => format!("Possibly {title}, {percent:.0} %{condition}."),
        Confidence::Unsure => format!("Not sure what this is; it looks most like {title}, {percent:.0} %."),
        Confidence::NotInIndex => {
            format!("Probably nothing that the index knows; it looks most like {title}.")
        }
        Confidence::Nothing => "Nothing similar was found.".to_owned(),
    };
    match source {
        Source::Endpoint => result,
        Source::Local => format!("{result} Computed in this page."),
        Source::Cached => format!("{result} This is a stored answer; the endpoint cannot be reached."),
    }
}

/// Describes the part of the image that the mask covers.
pub(super) fn share_of(mask: &Mask) -> String {
    let share = 100.0 * mask.area() as f64 / mask.size().pixels().max(1) as f64;
    if share < 1.0 { "under 1 % of the image".to_owned() } else { format!("{share:.0} % of the image") }
}

/// Describes the place of the crosshair, counted from 1, and the mask there.
pub(super) fn place([x, y]: [f64; 2], Size { width, height }: Size, mask: Option<&str>) -> String {
    let place = format!("{} of {width}, {} of {height}", x.ceil(), y.ceil());
    mask.map_or(place.clone(), |mask| format!("{mask}: {place}"))
}

/// Joins failures into one: how many of `count` things failed, and the first reason.
pub(super) fn summary(failures: Vec<Failure>, count: usize, [one, many]: [&str; 2]) -> Option<Failure> {
    let failed = failures.len();
    let Failure { code, message } = failures.into_iter().next()?;
    let subject = match (failed, count) {
        (_, 1) => format!("The {one}"),
        _ if failed == count => format!("All {count} {many}"),
        _ => format!("{failed} of {count} {many}"),
    };
    Some(Failure { code, message: format!("{subject} cannot be used: {message}.") })
}
