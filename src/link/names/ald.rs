//! ALD codes: short sequences of a name's rarest tokens, by which a generative model names an entity.
//!
//! Source: Caron, Iscen, Fathi, Schmid, "A Generative Approach for Wikipedia-Scale Visual Entity
//! Recognition", CVPR 2024, equation 1, and the authors' program that makes the codes
//! (`scenic/projects/gerald`). With `f(v)` the number of times the token `v` occurs in all names, the code
//! of length `L` of a name is its `L - 1` tokens of the lowest `f`, rarest first, and one position that makes
//! the code unambiguous: it is empty while no other name has the code; otherwise it takes the next rarest
//! tokens of the name in turn and, where each of them is taken too, a token that is in no name. Tokens of one
//! frequency keep the order of the name.
//!
//! The authors' program differs in the last step: it draws a token at random from the vocabulary, tokens of
//! names included, at most three times, and then keeps a code that another name has. It goes through the
//! names in random order. Here tokens are made up by counting on and the names keep their order, so that no
//! two names have one code and the same names have the same codes.
//!
//! The tokens are the caller's, as any tokenizer numbers them: the authors take those of BERT's tokenizer.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

/// The token that fills codes of names with few tokens.
pub const PADDING: u32 = 0;

/// Maximum length of a code.
pub const MAX_LENGTH: usize = 64;

/// Errors of making the codes of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AldError {
    /// The length leaves no room for a token and the position that makes the code unambiguous.
    #[error("the length of the codes is {0}; it must be 2 to {MAX_LENGTH}")]
    Length(usize),
    /// There are no numbers left for tokens that are in no name.
    #[error("the tokens use up all numbers of 32 bits; number them from 1 without gaps")]
    Numbers,
}

/// The tokens of many names, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameTokens {
    tokens: Vec<u32>,
    ends: Vec<usize>,
}

impl NameTokens {
    /// Adds the tokens of a name, from 1; [`PADDING`] is left out.
    pub fn push(&mut self, tokens: impl IntoIterator<Item = u32>) {
        self.tokens.extend(tokens.into_iter().filter(|&token| token != PADDING));
        self.ends.push(self.tokens.len());
    }

    /// Returns the number of names.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns whether there are no names.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Returns the tokens of a name; none where there is no such name.
    pub fn name(&self, at: usize) -> &[u32] {
        let start = if at == 0 { 0 } else { self.ends.get(at - 1).copied().unwrap_or_default() };
        self.ends.get(at).map_or(&[], |&end| &self.tokens[start..end])
    }

    /// Returns the same names with the tokens of each sorted by rising frequency over all names.
    #[must_use]
    pub fn rarest_first(mut self) -> Self {
        let mut frequency: HashMap<u32, u64> = HashMap::new();
        for &token in &self.tokens {
            *frequency.entry(token).or_default() += 1;
        }
        let mut start = 0;
        for &end in &self.ends {
            self.tokens[start..end].sort_by_key(|token| frequency[token]);
            start = end;
        }
        self
    }
}

/// The codes of names, all of one length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Codes {
    length: usize,
    tokens: Vec<u32>,
    /// Number of names whose code has a further token of the name in the position that makes it unambiguous.
    pub extended: usize,
    /// Number of names whose code has a token there that is in no name.
    pub made_up: usize,
}

impl Codes {
    /// Makes the codes of `length` tokens of names sorted [`rarest_first`](NameTokens::rarest_first). Tokens
    /// that are made up have numbers from `made_up_from`, or above the largest in the names where that is
    /// more: pass the first that the tokenizer's vocabulary does not use.
    ///
    /// ```
    /// use masklink::link::names::ald::{Codes, NameTokens, PADDING};
    ///
    /// let mut names = NameTokens::default();
    /// // "red fox", "red panda", "red panda" again.
    /// for name in [[1, 2], [1, 3], [1, 3]] {
    ///     names.push(name);
    /// }
    /// let codes = Codes::new(&names.rarest_first(), 2, 4)?;
    /// assert_eq!([codes.code(0), codes.code(1), codes.code(2)], [[2, PADDING], [3, PADDING], [3, 1]]);
    /// # Ok::<(), masklink::link::names::ald::AldError>(())
    /// ```
    pub fn new(names: &NameTokens, length: usize, made_up_from: u32) -> Result<Self, AldError> {
        if !(2..=MAX_LENGTH).contains(&length) {
            return Err(AldError::Length(length));
        }
        let largest = names.tokens.iter().copied().max().unwrap_or(PADDING);
        let largest = largest.max(made_up_from.saturating_sub(1));
        let mut taken: HashSet<Box<[u32]>> = HashSet::with_capacity(names.len());
        // The last token that was made up after the same tokens.
        let mut last_made_up: HashMap<Box<[u32]>, u32> = HashMap::new();
        let mut codes = Self { length, tokens: Vec::new(), extended: 0, made_up: 0 };
        for at in 0..names.len() {
            let name = names.name(at);
            let kept = name.len().min(length - 1);
            let mut code = vec![PADDING; length];
            code[..kept].copy_from_slice(&name[..kept]);
            let is_free = |code: &[u32]| !taken.contains(code);
            if !is_free(&code) {
                let further = name[kept..].iter().find(|&&token| {
                    code[kept] = token;
                    is_free(&code)
                });
                if further.is_some() {
                    codes.extended += 1;
                } else {
                    let last = last_made_up.entry(code[..kept].into()).or_insert(largest);
                    *last = last.checked_add(1).ok_or(AldError::Numbers)?;
                    code[kept] = *last;
                    codes.made_up += 1;
                }
            }
            codes.tokens.extend_from_slice(&code);
            taken.insert(code.into());
        }
        Ok(codes)
    }

    /// Returns the number of codes.
    pub fn len(&self) -> usize {
        self.tokens.len() / self.length
    }

    /// Returns whether there are no codes.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// Returns the code of a name, [`PADDING`] at its end; none where there is no such name.
    pub fn code(&self, at: usize) -> &[u32] {
        self.tokens.chunks(self.length).nth(at).unwrap_or_default()
    }
}

/// Returns, for each name, the smallest number of its first tokens that no other name begins with; the end of
/// a name counts as a token. `None` where another name has the same tokens.
///
/// For names sorted [`rarest_first`](NameTokens::rarest_first) that is the length from which on the rarest
/// tokens alone are unambiguous. Takes `O(n log n)` comparisons of names.
pub fn unambiguous_lengths(names: &NameTokens) -> Vec<Option<usize>> {
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_unstable_by(|&a, &b| names.name(a).cmp(names.name(b)));
    let mut lengths: Vec<Option<usize>> = vec![Some(1); names.len()];
    for pair in order.windows(2) {
        let [a, b] = [names.name(pair[0]), names.name(pair[1])];
        let needed =
            (a.cmp(b) != Ordering::Equal).then(|| 1 + a.iter().zip(b).take_while(|(a, b)| a == b).count());
        for &at in pair {
            lengths[at] = lengths[at].zip(needed).map(|(before, needed)| before.max(needed));
        }
    }
    lengths
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Numbers the words of names from 1, in order of occurrence.
    fn names(texts: &[&str]) -> NameTokens {
        let mut numbers: Vec<&str> = Vec::new();
        let mut names = NameTokens::default();
        for text in texts {
            names.push(text.split_whitespace().map(|word| {
                let at = numbers.iter().position(|known| *known == word).unwrap_or_else(|| {
                    numbers.push(word);
                    numbers.len() - 1
                });
                at as u32 + 1
            }));
        }
        names
    }

    #[test]
    fn rarest_tokens_come_first_and_equal_ones_keep_their_order() {
        // the: 3, church: 2, of: 2, others 1.
        let sorted = names(&["the church of saint john", "the church", "the isle of man"]).rarest_first();
        // saint, john, church, of, the; church, the; isle, man, of, the.
        assert_eq!(sorted.name(0), [4, 5, 2, 3, 1]);
        assert_eq!(sorted.name(1), [2, 1]);
        assert_eq!(sorted.name(2), [6, 7, 3, 1]);
        assert!(sorted.name(3).is_empty());
    }

    #[test]
    fn taken_codes_take_the_next_tokens_in_turn_and_then_new_ones() {
        // Of each name, "x" is the rarest kept token; a and b are more frequent.
        let names = names(&["x a b", "x a b", "x a b", "x a b", "x a b", "a b", "a b", "a b", "b"]);
        let codes = Codes::new(&names, 2, 1).unwrap();
        let made: Vec<_> = (0..5).map(|at| codes.code(at)).collect();
        // Tokens 1 to 3 are in names; from 4 on they are made up.
        assert_eq!(made, [[1, 0], [1, 2], [1, 3], [1, 4], [1, 5]]);
        assert_eq!((codes.code(5), codes.code(6), codes.code(7)), (&[2, 0][..], &[2, 3][..], &[2, 4][..]));
        assert_eq!((codes.extended, codes.made_up, codes.len()), (3, 3, 9));
        assert!(codes.code(9).is_empty());
        // A vocabulary of 9 tokens, of which the names have 3.
        let codes = Codes::new(&names, 2, 10).unwrap();
        let made: Vec<_> = (0..5).map(|at| codes.code(at)).collect();
        assert_eq!(made, [[1, 0], [1, 2], [1, 3], [1, 10], [1, 11]]);
    }

    #[test]
    fn lengths_out_of_range_are_refused() {
        for length in [0, 1, MAX_LENGTH + 1] {
            assert_eq!(Codes::new(&NameTokens::default(), length, 1), Err(AldError::Length(length)));
        }
        let mut names = NameTokens::default();
        names.push([u32::MAX]);
        names.push([u32::MAX]);
        assert_eq!(Codes::new(&names, 2, 1), Err(AldError::Numbers));
    }

    #[test]
    fn names_without_tokens_have_codes_too() {
        let mut names = NameTokens::default();
        names.push([]);
        names.push([PADDING]);
        let codes = Codes::new(&names, 3, 1).unwrap();
        assert_eq!([codes.code(0), codes.code(1)], [[0, 0, 0], [1, 0, 0]]);
    }

    #[test]
    fn unambiguous_length_counts_the_end_of_a_name() {
        let names = names(&["a b", "a b c", "a d", "e", "f g", "f g"]);
        let expected = [Some(3), Some(3), Some(2), Some(1), None, None];
        assert_eq!(unambiguous_lengths(&names), expected);
    }

    proptest! {
        #[test]
        fn codes_differ_and_lengths_are_as_counted_one_by_one(
            lists in prop::collection::vec(prop::collection::vec(1..6_u32, 0..5), 0..40),
            length in 2..5_usize,
        ) {
            let mut names = NameTokens::default();
            for list in &lists {
                names.push(list.iter().copied());
            }
            let names = names.rarest_first();
            let codes = Codes::new(&names, length, 1).unwrap();
            let distinct: HashSet<_> = (0..codes.len()).map(|at| codes.code(at)).collect();
            prop_assert_eq!(distinct.len(), lists.len());
            let padded = |at: usize, length: usize| {
                let mut first = names.name(at).to_vec();
                first.resize(first.len().max(length), PADDING);
                first.truncate(length);
                first
            };
            let is_alone = |at: usize, length: usize| {
                (0..names.len()).all(|other| other == at || padded(other, length) != padded(at, length))
            };
            for (at, found) in unambiguous_lengths(&names).into_iter().enumerate() {
                prop_assert_eq!(found, (1..=6).find(|&length| is_alone(at, length)));
            }
        }
    }
}
