//! The entities a mask may be, and how sure one may sound about them.

use serde::{Deserialize, Serialize};

/// One entity of an answer. Every text is untrusted and meant to be shown as text, never as HTML.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Entity {
    /// Wikidata's identifier, `Q` and digits.
    pub qid: String,
    /// The Wikipedia article's title.
    pub title: String,
    /// A short description, where one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Calibrated to 0..=1.
    pub score: f64,
    /// The Wikipedia article.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// An image of the entity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbnail: Option<String>,
    /// What in the index spoke for it, as the endpoint sent it.
    #[serde(default)]
    pub evidence: Vec<serde_json::Value>,
}

/// What a linking endpoint answered.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct LinkAnswer {
    /// Best first.
    pub entities: Vec<Entity>,
    /// Whether the index holds what the mask shows, where the one who answered can tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_index: Option<InIndex>,
    /// Which model answered, as the endpoint describes it.
    #[serde(default)]
    pub model: serde_json::Value,
    /// The endpoint's own timings in milliseconds, by step.
    #[serde(default)]
    pub timing_ms: serde_json::Value,
}

/// Whether an index holds what a mask shows, as the linking protocol says it.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
pub struct InIndex {
    /// False where nothing in the index is near.
    pub known: bool,
    /// 0..=1.
    pub probability: f64,
}

/// How sure the first entity of an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// The first entity has at least [`Verdict::LIKELY`] and stands clear of the second.
    Likely,
    /// The first entity has at least [`Verdict::POSSIBLE`].
    Possible,
    /// Nothing scored high enough to be believed.
    Unsure,
    /// The index holds nothing like it; the entities are only the nearest of those it holds.
    Unknown,
    /// No entity was named.
    Nothing,
}

impl Verdict {
    /// The least first score that is called likely.
    pub const LIKELY: f64 = 0.5;
    /// The least first score that is called possible.
    pub const POSSIBLE: f64 = 0.2;

    /// The verdict on an answer whose scores are sorted from high to low.
    pub fn of(LinkAnswer { entities, in_index, .. }: &LinkAnswer) -> Self {
        let unknown = in_index.is_some_and(|in_index| !in_index.known);
        let second = entities.get(1).map_or(0.0, |entity| entity.score);
        match entities.first().map(|entity| entity.score) {
            None => Self::Nothing,
            Some(_) if unknown => Self::Unknown,
            Some(first) if first >= Self::LIKELY && first >= 1.5 * second => Self::Likely,
            Some(first) if first >= Self::POSSIBLE => Self::Possible,
            Some(_) => Self::Unsure,
        }
    }
}
