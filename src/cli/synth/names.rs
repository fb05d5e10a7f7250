//! Makes up entities: QIDs, titles that can be pronounced, and the frequency of each.

use super::random::Random;

/// Maximum number of entities with different QIDs and titles.
pub(super) const MAX_NAMES: u64 = 30_000_000;

const QIDS: u64 = 1 << 27;
const CONSONANTS: [&str; 15] = ["b", "d", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z"];
const VOWELS: [&str; 5] = ["a", "e", "i", "o", "u"];
const SYLLABLES: u64 = 75;
/// Number of syllables of the word that makes a title unique.
const WORD_SYLLABLES: u32 = 4;
const KINDS: [&str; 12] = [
    "warbler",
    "beetle",
    "bridge",
    "castle",
    "orchid",
    "terrier",
    "tower",
    "lake",
    "stadium",
    "stew",
    "coupe",
    "lighthouse",
];
/// The head of the frequencies is flattened over about this many entities.
const HEAD: f64 = 50.0;
/// One entity in so many occurs in no training split.
const UNSEEN_STEP: u64 = 4;
const PURPOSE: u64 = 1;

/// Occurrence of an entity in training.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Training {
    Seen,
    Unseen,
    Either,
}

/// The made-up entities of one seed. Entity `n` is the n-th most frequent.
pub(super) struct Names {
    seed: u64,
    entities: u64,
}

impl Names {
    pub(super) fn new(seed: u64, entities: u64) -> Self {
        Self { seed, entities }
    }

    /// Returns the number of a QID. Multiplication by an odd number permutes the numbers below a power of 2.
    pub(super) fn qid(&self, entity: u64) -> u64 {
        let offset = Random::of(self.seed, PURPOSE, u64::MAX).next();
        (entity.wrapping_mul(77_047_241).wrapping_add(offset)) % QIDS + 1
    }

    /// Returns the noun that the entity is a kind of.
    pub(super) fn kind(&self, entity: u64) -> &'static str {
        KINDS[Random::of(self.seed, PURPOSE, entity).below(KINDS.len())]
    }

    /// Returns a title: one word that no other entity has, and up to two more.
    pub(super) fn title(&self, entity: u64) -> String {
        let mut random = Random::of(self.seed, PURPOSE, entity);
        let kind = *random.pick(&KINDS);
        let words = SYLLABLES.pow(WORD_SYLLABLES);
        // The factor has no divisor in common with the number of words, so no word is used twice.
        let unique = capitalized(&word(entity.wrapping_mul(7_654_321) % words, WORD_SYLLABLES));
        let other = word(random.next() % SYLLABLES.pow(2), 2);
        match random.below(5) {
            0 => unique,
            1 => format!("{unique} {kind}"),
            2 => format!("{unique} {other} {kind}"),
            3 => format!("{} {unique}", capitalized(&other)),
            _ => format!("{unique} ({kind})"),
        }
    }

    /// Draws an entity; the frequencies fall about as Zipf's law says: with one over the rank.
    pub(super) fn draw(&self, random: &mut Random, training: Training) -> u64 {
        let scale = self.entities as f64 / HEAD + 1.0;
        let rank = HEAD * (scale.powf(random.unit()) - 1.0);
        let entity = (rank as u64).min(self.entities - 1);
        let unseen = UNSEEN_STEP - 1;
        match training {
            Training::Seen if entity % UNSEEN_STEP == unseen => entity - 1,
            Training::Unseen if entity / UNSEEN_STEP * UNSEEN_STEP + unseen < self.entities => {
                entity / UNSEEN_STEP * UNSEEN_STEP + unseen
            }
            _ => entity,
        }
    }
}

fn word(mut number: u64, syllables: u32) -> String {
    let mut word = String::new();
    for _ in 0..syllables {
        let syllable = (number % SYLLABLES) as usize;
        word.push_str(CONSONANTS[syllable / VOWELS.len()]);
        word.push_str(VOWELS[syllable % VOWELS.len()]);
        number /= SYLLABLES;
    }
    word
}

fn capitalized(word: &str) -> String {
    let (first, rest) = word.split_at(word.len().min(1));
    first.to_uppercase() + rest
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn qids_and_titles_are_unique() {
        let names = Names::new(3, 100_000);
        let qids: HashSet<u64> = (0..100_000).map(|entity| names.qid(entity)).collect();
        let titles: HashSet<String> = (0..100_000).map(|entity| names.title(entity)).collect();
        assert_eq!((qids.len(), titles.len()), (100_000, 100_000));
    }

    #[test]
    fn training_has_no_unseen_entity() {
        let names = Names::new(3, 1_000);
        let mut random = Random::of(1, 2, 3);
        let mut draw =
            |training| (0..5_000).map(|_| names.draw(&mut random, training)).collect::<HashSet<_>>();
        let (seen, unseen) = (draw(Training::Seen), draw(Training::Unseen));
        assert!(seen.is_disjoint(&unseen) && seen.len() > 500 && unseen.len() > 150);
    }
}
