//! Queries: which annotations match, and the order of their images.

use serde::Deserialize;

use super::dataset::Dataset;
use crate::dataset::record::Annotation;

/// Conditions that annotations must all meet; the default matches all, in file order.
///
/// Deserializes from an object with camelCase keys, each of them optional.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Query {
    /// The id of the category, such as a QID.
    pub category: Option<String>,
    /// The split as published; `""` matches annotations without one.
    pub split: Option<String>,
    /// The code of a finding on the annotation or its image; `""` matches any finding.
    pub finding: Option<String>,
    /// Words that must all occur in the id, category, labels, prompt, question or file name, ignoring
    /// case.
    pub text: String,
    /// The sort order of the images.
    pub order: Order,
    /// Whether the order is reversed.
    pub reversed: bool,
}

/// A sort order of images; ties keep the file order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Order {
    /// The order of the file.
    #[default]
    File,
    /// By the largest fraction of the image that one matching mask covers, largest first.
    Size,
    /// By the number of findings on the image and its matching annotations, most first.
    Suspicion,
}

/// The images and annotations that match a [`Query`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueryMatches {
    /// The indices of the images that have a matching annotation, sorted; for a query that matches
    /// everything, also of those without annotations.
    pub images: Vec<u32>,
    /// Number of matching annotations.
    pub annotations: u64,
}

impl Query {
    /// Returns whether the query matches every annotation.
    pub fn matches_all(&self) -> bool {
        self.category.is_none()
            && self.split.is_none()
            && self.finding.is_none()
            && self.text.trim().is_empty()
    }
}

impl Dataset {
    /// Finds the matches of a query.
    pub fn select(&self, query: &Query) -> QueryMatches {
        let matcher = Matcher::new(self, query);
        let mut annotations = 0;
        let mut keyed: Vec<(f64, u32)> = Vec::new();
        for image in 0..self.images().len() as u32 {
            let mut matching = 0;
            let (mut fraction, mut findings) = (0.0_f64, self.images()[image as usize].findings.len());
            for annotation in matcher.of_image(image) {
                matching += 1;
                fraction =
                    fraction.max(annotation.mask_area as f64 / annotation.mask_size.pixels().max(1) as f64);
                findings += annotation.findings.len();
            }
            annotations += matching;
            if matching > 0 || query.matches_all() {
                let key = match query.order {
                    Order::File => f64::from(image),
                    Order::Size => -fraction,
                    Order::Suspicion => -(findings as f64),
                };
                keyed.push((key, image));
            }
        }
        keyed.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        if query.reversed {
            keyed.reverse();
        }
        QueryMatches { images: keyed.into_iter().map(|(_, image)| image).collect(), annotations }
    }

    /// Returns the position of an image among the matches, from 0, by its [key](Self::key_of); `None` if it
    /// is not among them.
    pub fn place_of(&self, matches: &QueryMatches, key: &str) -> Option<usize> {
        let image = self.image_of_key(key)?;
        matches.images.iter().position(|&index| index == image)
    }

    /// Returns the matching annotations of an image, by the image's index.
    pub fn matches_of_image<'d>(&'d self, image: u32, query: &Query) -> Vec<&'d Annotation> {
        Matcher::new(self, query).of_image(image).collect()
    }
}

/// A query with its words split and in lower case.
struct Matcher<'d, 'q> {
    dataset: &'d Dataset,
    query: &'q Query,
    words: Vec<String>,
}

impl<'d, 'q> Matcher<'d, 'q> {
    fn new(dataset: &'d Dataset, query: &'q Query) -> Self {
        Self { dataset, query, words: query.text.split_whitespace().map(str::to_lowercase).collect() }
    }

    fn of_image(&self, image: u32) -> impl Iterator<Item = &'d Annotation> {
        let dataset: &'d Dataset = self.dataset;
        dataset
            .annotations_of_image(image)
            .iter()
            .map(|&index| &dataset.annotations()[index as usize])
            .filter(move |annotation| self.matches(image, annotation))
    }

    fn matches(&self, image: u32, annotation: &Annotation) -> bool {
        let query = self.query;
        let has_finding = |code: &String| {
            let of_image = &self.dataset.images()[image as usize].findings;
            annotation
                .findings
                .iter()
                .chain(of_image)
                .any(|finding| code.is_empty() || finding.code() == code)
        };
        query.category.as_ref().is_none_or(|id| *id == annotation.category)
            && query.split.as_deref().is_none_or(|split| split == annotation.split_name())
            && query.finding.as_ref().is_none_or(has_finding)
            && self.words.iter().all(|word| self.contains(image, annotation, word))
    }

    fn contains(&self, image: u32, annotation: &Annotation, word: &str) -> bool {
        let category = self.dataset.category_of(annotation);
        let file = self.dataset.images()[image as usize].file.as_deref();
        let texts = [
            Some(annotation.id.as_str()),
            Some(annotation.category.as_str()),
            category.map(|category| category.name.as_str()),
            annotation.text_prompt.as_deref(),
            annotation.question.as_deref(),
            file,
        ];
        let labels = annotation.labels.iter().map(|label| label.text.as_str());
        texts.into_iter().flatten().chain(labels).any(|text| text.to_lowercase().contains(word))
    }
}
