//! Tells questions about something visible from those about times, reasons and manners.

/// Verbs that make a question of "when"; without one it opens a clause, as in "when ripe, what is it?".
const AUXILIARIES: [&str; 22] = [
    "am", "are", "can", "could", "did", "do", "does", "had", "has", "have", "is", "may", "might", "must",
    "shall", "should", "was", "were", "will", "would", "wasn't", "isn't",
];
/// Words after which "when", "why" and "how" open an indirect question.
const ASKING: [&str; 6] = ["know", "tell", "me", "say", "explain", "guess"];
/// Words that ask for a name, which the entity is.
const NAMING: [&str; 7] = ["call", "called", "name", "named", "spell", "known", "referred"];

/// Returns `true` if the first question word is "when", "why" or "how", unless it is "how many" or asks
/// how something is called. Words are compared without regard to ASCII case.
pub(super) fn asks_for_nothing_visible(question: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '\'';
    let mut words = question.split(|c| !is_word(c)).filter(|word| !word.is_empty());
    let mut before = "";
    while let Some(word) = words.next() {
        if is_one_of(word, &["what", "what's", "which", "who", "who's", "whom", "whose", "where", "where's"])
        {
            return false;
        }
        if is_one_of(word, &["why", "why's"]) {
            return true;
        }
        if is_one_of(word, &["how", "how's"]) {
            return !words.clone().next().is_some_and(|next| next.eq_ignore_ascii_case("many"))
                && !words.any(|word| is_one_of(word, &NAMING));
        }
        if word.eq_ignore_ascii_case("when") {
            let asks = words.clone().next().is_some_and(|next| is_one_of(next, &AUXILIARIES));
            if asks || is_one_of(before, &ASKING) {
                return true;
            }
        }
        before = word;
    }
    false
}

fn is_one_of(word: &str, words: &[&str]) -> bool {
    words.iter().any(|other| word.eq_ignore_ascii_case(other))
}

#[cfg(test)]
mod tests {
    use super::asks_for_nothing_visible;

    #[test]
    fn questions_for_times_reasons_and_manners_are_found() {
        for question in [
            "When was this built?",
            "why is the man smiling?",
            "how is the bird positioned?",
            "How's the weather?",
            "since when does this stand here?",
            "can you tell me when they left?",
            "How much does it weigh?",
        ] {
            assert!(asks_for_nothing_visible(question), "{question}");
        }
    }

    #[test]
    fn questions_for_something_visible_are_left() {
        for question in [
            "what kind of bird is this?",
            "How many species of this family live here?",
            "What did they wear when this was taken?",
            "when ripe, what is the fruit called?",
            "how do you call this tool?",
            "Where and when was this taken?",
            "which animal knows how to swim?",
            "a show of whenever",
            "",
        ] {
            assert!(!asks_for_nothing_visible(question), "{question}");
        }
    }
}
