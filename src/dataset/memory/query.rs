//! Which annotations to look at, and in which order of images.

use serde::Deserialize;

use super::dataset::Dataset;
use crate::dataset::record::Annotation;

/// What annotations must have to be chosen; the default chooses all, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Query {
    /// The id of their category, such as a QID.
    pub category: Option<String>,
    /// Their split as published; `""` for those without one.
    pub split: Option<String>,
    /// A finding of this code, on them or on their image; `""` for any finding.
    pub finding: Option<String>,
    /// Words that occur, whatever their case, in the id, category, labels, prompt, question or file
    /// name: all of them.
    pub text: String,
    /// The order of the images.
    pub order: Order,
    /// The other way round.
    pub reversed: bool,
}

/// By what images are sorted; ties keep the order of the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Order {
    /// As the file lists them.
    #[default]
    File,
    /// By the largest share of the image that one of the chosen masks covers, largest first.
    Size,
    /// By the number of findings on the image and its chosen annotations, most first.
    Suspicion,
}

/// What a [`Query`] chooses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueryMatches {
    /// The images that have a chosen annotation, sorted; where the query chooses everything, also
    /// those without any.
    pub images: Vec<u32>,
    /// How many annotations are chosen.
    pub annotations: u64,
}

impl Query {
    /// Whether every annotation is chosen.
    pub fn chooses_all(&self) -> bool {
        self.category.is_none()
            && self.split.is_none()
            && self.finding.is_none()
            && self.text.trim().is_empty()
    }
}

impl Dataset {
    /// The images to page through for a query.
    pub fn select(&self, query: &Query) -> QueryMatches {
        let matcher = Matcher::new(self, query);
        let mut annotations = 0;
        let mut keyed: Vec<(f64, u32)> = Vec::new();
        for image in 0..self.images().len() as u32 {
            let mut chosen = 0;
            let (mut share, mut findings) = (0.0_f64, self.images()[image as usize].findings.len());
            for annotation in matcher.of_image(image) {
                chosen += 1;
                share = share.max(annotation.mask_area as f64 / annotation.mask_size.pixels().max(1) as f64);
                findings += annotation.findings.len();
            }
            annotations += chosen;
            if chosen > 0 || query.chooses_all() {
                let key = match query.order {
                    Order::File => f64::from(image),
                    Order::Size => -share,
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

    /// The place of the image of this id in a selection, from 0; `None` where it is not selected.
    pub fn place_of(&self, selection: &QueryMatches, id: &str) -> Option<usize> {
        let image = self.image_index(id)?;
        selection.images.iter().position(|&selected| selected == image)
    }

    /// The annotations of an image that a query chooses.
    pub fn chosen_of_image<'d>(&'d self, image: u32, query: &Query) -> Vec<&'d Annotation> {
        Matcher::new(self, query).of_image(image).collect()
    }
}

/// A query with its words prepared.
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
            .filter(move |annotation| self.chooses(image, annotation))
    }

    fn chooses(&self, image: u32, annotation: &Annotation) -> bool {
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
            && self.words.iter().all(|word| self.holds(image, annotation, word))
    }

    fn holds(&self, image: u32, annotation: &Annotation, word: &str) -> bool {
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
