//! The `data_split` of an annotation: which series, which partition, and whether its entity is seen in training.

/// Which of Mask-OVEN-Wiki's files an annotation belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Series {
    /// Questions about images.
    Query,
    /// Images of entities.
    Entity,
    /// The human-made test set.
    Human,
    /// Wikipedia's own images.
    Wiki,
}

/// The partition of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Partition {
    /// For training.
    Train,
    /// For validation.
    Val,
    /// For testing.
    Test,
}

/// A `data_split` such as `query_val_seen`, word by word.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// As published.
    pub raw: String,
    /// `query`, `entity`, `human` or `wiki`.
    pub series: Option<Series>,
    /// `train`, `val` or `test`.
    pub partition: Option<Partition>,
    /// `seen`: the entity occurs in training; `unseen`: it does not.
    pub seen: Option<bool>,
    /// Whether every word of `raw` was understood.
    pub understood: bool,
}

impl Split {
    /// Reads the words between underscores, in any order.
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
    fn splits() {
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
