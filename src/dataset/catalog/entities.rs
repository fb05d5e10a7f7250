//! The entities of a catalog: their rows, and a search of their names that tolerates typing errors.

use std::collections::{BTreeMap, HashMap, HashSet};

use fst::automaton::{Levenshtein, Str};
use fst::{Automaton as _, IntoStreamer as _, Map, Streamer as _};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// Number of letters from which on a word may have one typing error, and two.
const LETTERS_FOR_ONE: usize = 4;
const LETTERS_FOR_TWO: usize = 8;
/// Maximum number of letters of a typed word that count; longer ones are cut.
const MAX_LETTERS: usize = 24;
/// Maximum number of typed words that count.
const MAX_WORDS: usize = 8;

/// The entities of a catalog as columns, in the order of their rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct EntityColumns {
    /// The ids: QIDs, or a category's number; empty for annotations without one.
    pub ids: Vec<String>,
    /// The names; the id where no name is known.
    pub titles: Vec<String>,
    /// The first row of each entity, and the number of all rows.
    pub starts: Vec<u32>,
}

impl EntityColumns {
    /// Returns whether the columns fit each other and the number of rows.
    pub(super) fn are_valid(&self, rows: u32) -> bool {
        let ids: HashSet<&str> = self.ids.iter().map(String::as_str).collect();
        ids.len() == self.ids.len()
            && self.ids.len() == self.titles.len()
            && self.starts.len() == self.ids.len() + 1
            && self.starts.is_sorted()
            && self.starts.last() == Some(&rows)
    }
}

/// An entity that a search found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EntityHit {
    /// The QID or the category's id.
    pub qid: String,
    /// The name.
    pub title: String,
    /// The number of its annotations.
    pub annotations: u32,
    /// Whether a typed word is not a prefix of one of the name's words, but close to one.
    pub typo: bool,
}

/// The entities with the words of their names.
pub(super) struct Entities {
    columns: EntityColumns,
    by_id: HashMap<String, u32>,
    /// From each word to its index in `postings`.
    words: Map<Vec<u8>>,
    /// The entities that have each word, sorted.
    postings: Vec<Vec<u32>>,
    /// The entities, those with most annotations first.
    by_count: Vec<u32>,
}

impl Entities {
    /// Indexes the names.
    pub(super) fn new(columns: EntityColumns) -> Self {
        let by_id = columns.ids.iter().zip(0..).map(|(id, at)| (id.clone(), at)).collect();
        let mut entities_by_word: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        for (title, at) in columns.titles.iter().zip(0..) {
            for word in words_of(title) {
                let entities = entities_by_word.entry(word).or_default();
                if entities.last() != Some(&at) {
                    entities.push(at);
                }
            }
        }
        // The words of a B-tree are sorted, which is all that a map needs.
        let words = Map::from_iter(entities_by_word.keys().zip(0_u64..)).unwrap_or_default();
        let mut by_count: Vec<u32> = (0..columns.ids.len() as u32).collect();
        let count = |at: u32| columns.starts[at as usize + 1] - columns.starts[at as usize];
        by_count.sort_by_key(|&at| std::cmp::Reverse(count(at)));
        Self { by_id, words, postings: entities_by_word.into_values().collect(), by_count, columns }
    }

    /// Returns the index of the entity with an id.
    pub(super) fn index_of(&self, id: &str) -> Option<u32> {
        self.by_id.get(id).copied()
    }

    /// Returns the rows of an entity.
    pub(super) fn rows(&self, entity: u32) -> std::ops::Range<u32> {
        self.columns.starts[entity as usize]..self.columns.starts[entity as usize + 1]
    }

    /// Returns the name of the entity that has a row.
    pub(super) fn title_of_row(&self, row: u32) -> &str {
        let at = self.columns.starts.partition_point(|&start| start <= row).saturating_sub(1);
        self.columns.titles.get(at).map_or("", String::as_str)
    }

    /// Finds entities by their id, or by words that begin words of their names; those that match without a
    /// typing error first, then those with most annotations. Without words, all match.
    pub(super) fn search(&self, text: &str, limit: usize) -> Vec<EntityHit> {
        let hit = |at: u32, typo| EntityHit {
            qid: self.columns.ids[at as usize].clone(),
            title: self.columns.titles[at as usize].clone(),
            annotations: self.rows(at).len() as u32,
            typo,
        };
        let id = text.trim();
        let by_id = self.index_of(id).or_else(|| self.index_of(&id.to_uppercase()));
        // An empty text is no id, though annotations without an entity have one.
        if let Some(at) = by_id.filter(|_| !id.is_empty()) {
            return vec![hit(at, false)];
        }
        let typed = words_of(text);
        if typed.is_empty() {
            return self.by_count.iter().take(limit).map(|&at| hit(at, false)).collect();
        }
        let mut matches: Option<HashMap<u32, bool>> = None;
        for word in typed.iter().take(MAX_WORDS) {
            let of_word = self.entities_with(word);
            matches = Some(match matches {
                None => of_word,
                Some(earlier) => {
                    let both = |(at, typo): (u32, bool)| Some((at, typo | of_word.get(&at)?));
                    earlier.into_iter().filter_map(both).collect()
                }
            });
        }
        let mut found: Vec<(u32, bool)> = matches.unwrap_or_default().into_iter().collect();
        found.sort_by_key(|&(at, typo)| (typo, std::cmp::Reverse(self.rows(at).len()), at));
        found.into_iter().take(limit).map(|(at, typo)| hit(at, typo)).collect()
    }

    /// Returns the entities that have a word which the typed one begins, and those that have one close to
    /// it, with whether it took a typing error.
    fn entities_with(&self, typed: &str) -> HashMap<u32, bool> {
        let typed: String = typed.chars().take(MAX_LETTERS).collect();
        let mut found = HashMap::new();
        let mut collect = |word: u64, typo: bool| {
            for &entity in self.postings.get(word as usize).into_iter().flatten() {
                found.entry(entity).and_modify(|earlier| *earlier &= typo).or_insert(typo);
            }
        };
        let mut exact = self.words.search(Str::new(&typed).starts_with()).into_stream();
        while let Some((_, word)) = exact.next() {
            collect(word, false);
        }
        let distance = match typed.chars().count() {
            0..LETTERS_FOR_ONE => 0,
            LETTERS_FOR_ONE..LETTERS_FOR_TWO => 1,
            LETTERS_FOR_TWO.. => 2,
        };
        // An automaton of too many states is not built; the word then has exact matches only.
        if let Some(close) = (distance > 0).then(|| Levenshtein::new(&typed, distance).ok()).flatten() {
            let mut close = self.words.search(close.starts_with()).into_stream();
            while let Some((_, word)) = close.next() {
                collect(word, true);
            }
        }
        if found.is_empty() && distance == 1 {
            self.add_swapped(&typed, &mut found);
        }
        found
    }

    /// Adds the entities with a word that the typed one begins when two neighbouring letters are swapped,
    /// which counts as two errors otherwise.
    fn add_swapped(&self, typed: &str, found: &mut HashMap<u32, bool>) {
        let mut letters: Vec<char> = typed.chars().collect();
        for at in 1..letters.len() {
            letters.swap(at - 1, at);
            let swapped: String = letters.iter().collect();
            let mut words = self.words.search(Str::new(&swapped).starts_with()).into_stream();
            while let Some((_, word)) = words.next() {
                found.extend(self.postings.get(word as usize).into_iter().flatten().map(|&at| (at, true)));
            }
            letters.swap(at - 1, at);
        }
    }
}

/// Returns the words of a name, without case and accents.
fn words_of(text: &str) -> Vec<String> {
    let folded: String = text.nfd().filter(|&letter| !is_combining_mark(letter)).collect();
    let words = folded.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::{Entities, EntityColumns};

    fn entities() -> Entities {
        let named = [
            ("Q38686", "Golden Retriever", 40),
            ("Q388450", "Crow", 300),
            ("Q1", "Crow's nest", 2),
            ("Q25439", "Pelé", 7),
            ("Q2", "Retro Gold", 1),
        ];
        let mut starts = vec![0];
        for (_, _, count) in named {
            starts.push(starts.last().unwrap() + count);
        }
        Entities::new(EntityColumns {
            ids: named.iter().map(|(id, ..)| (*id).to_owned()).collect(),
            titles: named.iter().map(|(_, title, _)| (*title).to_owned()).collect(),
            starts,
        })
    }

    fn titles(text: &str) -> Vec<(String, bool)> {
        entities().search(text, 10).into_iter().map(|hit| (hit.title, hit.typo)).collect()
    }

    #[test]
    fn names_are_found_by_prefixes_typos_and_ids() {
        let hit = |title: &str, typo| (title.to_owned(), typo);
        assert_eq!(titles("goldan retreiver"), [hit("Golden Retriever", true)]);
        assert_eq!(titles("gold ret"), [hit("Golden Retriever", false), hit("Retro Gold", false)]);
        assert_eq!(titles("crow"), [hit("Crow", false), hit("Crow's nest", false)]);
        assert_eq!(titles("pele"), [hit("Pelé", false)]);
        assert_eq!(titles("q388450"), [hit("Crow", false)]);
        assert_eq!(titles("nset"), [hit("Crow's nest", true)], "swapped letters");
        assert_eq!(titles("zebra"), []);
        assert_eq!(titles("").first(), Some(&hit("Crow", false)), "the most frequent first");
    }

    #[test]
    fn rows_lead_to_their_entity() {
        let entities = entities();
        assert_eq!(entities.rows(1), 40..340);
        for (row, title) in [(0, "Golden Retriever"), (40, "Crow"), (339, "Crow"), (349, "Retro Gold")] {
            assert_eq!(entities.title_of_row(row), title, "{row}");
        }
    }
}
