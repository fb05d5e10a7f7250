//! The `data_split` of an annotation: series, partition, and whether training has its entity.

/// The series of Mask-OVEN-Wiki files that an annotation belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Series {
    /// Images with questions about them.
    Query,
    /// Images that show an entity.
    Entity,
    /// The test set made by people.
    Human,
    /// Images from Wikipedia pages.
    Wiki,
}

/// The partition of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Partition {
    /// The training set.
    Train,
    /// The validation set.
    Val,
    /// The test set.
    Test,
}

/// A `data_split` such as `query_val_seen`, parsed word by word.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// The split as published.
    pub raw: String,
    /// The word `query`, `entity`, `human` or `wiki`.
    pub series: Option<Series>,
    /// The word `train`, `val` (or `validation`) or `test`.
    pub partition: Option<Partition>,
    /// Whether the entity occurs in training: the word `seen` or `unseen`.
    pub seen: Option<bool>,
    /// Whether every word of `raw` is known.
    pub understood: bool,
}

impl Split {
    /// Parses the words between underscores, hyphens or spaces, in any order.
    pub fn parse(raw: &str) -> Self {
        let mut split = Self { raw: raw.to_owned(), understood: true, ..Self::default() };
        for word in raw.split(['_', '-', ' ']) {
            match word.to_ascii_lowercase().as_str() {
                "query" => split.series = Some(Series::Query),
                "entity" => split.series = Some(Series::Entity),
                "human" => split.series = Some(Series::Human),
                "wiki" => split.series = Some(Series::Wiki),
                "train" => split.partition = Some(Partition::Train),
                "val" | "validation" => split.partition = Some(Partition::Val),
                "test" => split.partition = Some(Partition::Test),
                "seen" => split.seen = Some(true),
                "unseen" => split.seen = Some(false),
                _ => split.understood = false,
            }
        }
        split
    }
}

#[cfg(test)]
mod tests {
    use super::{Partition, Series, Split};

    #[test]
    fn words_are_parsed_in_any_order() {
        let cases = [
            ("query_val_seen", Some(Series::Query), Some(Partition::Val), Some(true), true),
            ("entity_test_unseen", Some(Series::Entity), Some(Partition::Test), Some(false), true),
            ("entity_train", Some(Series::Entity), Some(Partition::Train), None, true),
            ("train", None, Some(Partition::Train), None, true),
            ("val_of_ours", None, Some(Partition::Val), None, false),
            ("", None, None, None, false),
        ];
        for (raw, series, partition, seen, understood) in cases {
            assert_eq!(
                Split::parse(raw),
                Split { raw: raw.to_owned(), series, partition, seen, understood },
                "{raw:?}"
            );
        }
    }
}
