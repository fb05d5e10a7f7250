//! A label as the annotation framework writes it: a phrase with its score in parentheses.

use serde::Serialize;

/// A phrase that a region was detected by, such as `"a bird(0.44)"`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Label {
    /// The phrase without the score.
    pub text: String,
    /// The number in the last parentheses, if it is finite.
    pub score: Option<f32>,
}

impl Label {
    /// Splits `"a bird(0.44)"` into the phrase and its score; without such parentheses, all of it is the
    /// phrase.
    pub fn parse(label: &str) -> Self {
        let scored = label.trim_end().strip_suffix(')').and_then(|front| front.rsplit_once('(')).and_then(
            |(text, score)| {
                let score = score.trim().parse::<f32>().ok().filter(|score| score.is_finite())?;
                Some(Self { text: text.trim().to_owned(), score: Some(score) })
            },
        );
        scored.unwrap_or_else(|| Self { text: label.trim().to_owned(), score: None })
    }

    /// Returns the label in the published form, with at least two decimals of the score.
    pub fn published(&self) -> String {
        let Self { text, score } = self;
        match score {
            None => text.clone(),
            Some(score) if (score * 100.0 - (score * 100.0).round()).abs() < 1e-3 => {
                format!("{text}({score:.2})")
            }
            Some(score) => format!("{text}({score})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Label;

    #[test]
    fn labels_return_to_their_published_form() {
        for label in ["a organisms a bird(0.44)", "couch(1.00)", "a cat(0.123)", "Mercury (planet)", ""] {
            assert_eq!(Label::parse(label).published(), label);
        }
    }

    #[test]
    fn scores_are_split_from_phrases() {
        let cases = [
            ("a organisms a bird(0.44)", "a organisms a bird", Some(0.44)),
            ("couch(1.00)", "couch", Some(1.0)),
            ("a cat (orange) (0.5) ", "a cat (orange)", Some(0.5)),
            ("Mercury (planet)", "Mercury (planet)", None),
            ("(0.3)", "", Some(0.3)),
            ("crow(inf)", "crow(inf)", None),
            ("crow(0.4", "crow(0.4", None),
            ("", "", None),
        ];
        for (label, text, score) in cases {
            assert_eq!(Label::parse(label), Label { text: text.to_owned(), score }, "{label:?}");
        }
    }
}
