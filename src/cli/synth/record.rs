//! Draws the records of a file one by one and writes them as JSON.

use std::fmt::Write as _;

use super::masks::{Entry, SIZES, SizeClass, push_box};
use super::names::{Names, Training};
use super::random::Random;
use crate::dataset::NoiseReason;
use crate::geometry::{Rect, Size};

/// One image in so many has another annotation: 5,245,421 annotations are on 5,214,965 images.
const SHARED_IMAGE_STEP: u64 = 172;
/// Frequencies of 1 to 5 masks.
const PARTS: [u32; 5] = [44, 32, 14, 6, 4];
/// Masks after the first are drawn from this share of the pool, the smaller ones.
const SMALL_SHARE: f64 = 0.6;
const IMAGE: u64 = 20;
const SHARED: u64 = 21;
const ANNOTATION: u64 = 22;

/// A split with its share.
struct Split {
    name: &'static str,
    /// Part of the annotation's id.
    id: &'static str,
    /// Annotations of a hundred thousand.
    share: u32,
    training: Training,
}

const fn split(name: &'static str, id: &'static str, share: u32, training: Training) -> Split {
    Split { name, id, share, training }
}

/// The splits. The shares are approximate: most is training with entities, and the questions of people
/// are a percent.
const SPLITS: [Split; 12] = [
    split("entity_train", "entity_train", 84_000, Training::Seen),
    split("entity_val_seen", "entity_val", 1_200, Training::Seen),
    split("entity_val_unseen", "entity_val", 1_200, Training::Unseen),
    split("entity_test_seen", "entity_test", 6_000, Training::Seen),
    split("entity_test_unseen", "entity_test", 6_000, Training::Unseen),
    split("query_train", "query_train", 450, Training::Seen),
    split("query_val_seen", "query_val", 40, Training::Seen),
    split("query_val_unseen", "query_val", 40, Training::Unseen),
    split("query_test_seen", "query_test", 150, Training::Seen),
    split("query_test_unseen", "query_test", 150, Training::Unseen),
    split("human", "human", 370, Training::Either),
    split("wiki", "wiki", 400, Training::Either),
];

const ENTITY_QUESTIONS: [&str; 3] =
    ["what is the main object?", "which item is shown in the image?", "what is shown here?"];
const QUERY_QUESTIONS: [&str; 6] = [
    "which company makes this?",
    "where does this live?",
    "how many seats does this kind have?",
    "who designed this?",
    "what is this used for?",
    "which family does this belong to?",
];
const INVISIBLE_QUESTIONS: [&str; 4] =
    ["when was this built?", "why is it here?", "how does it work?", "how old is this?"];
const PHRASES: [&str; 8] = [
    "a large object",
    "the foreground",
    "a detail",
    "an animal",
    "a building",
    "a plant",
    "the subject",
    "a dish",
];

/// Draws the records of one file.
pub(super) struct Records<'a> {
    pub(super) seed: u64,
    pub(super) names: &'a Names,
    pub(super) pool: &'a [SizeClass],
    /// Share of the annotations with a fault.
    pub(super) faults: f64,
}

impl Records<'_> {
    /// Returns `true` if annotation `number` begins a new image, and is not on that of the one before.
    pub(super) fn begins_image(&self, number: u64) -> bool {
        number == 0 || !Random::of(self.seed, SHARED, number).next().is_multiple_of(SHARED_IMAGE_STEP)
    }

    fn class(&self, image: u64) -> &SizeClass {
        let weights = SIZES.iter().map(|(_, weight)| *weight);
        &self.pool[Random::of(self.seed, IMAGE, image).weighted(weights)]
    }

    pub(super) fn push_image(&self, text: &mut String, image: u64) {
        let Size { width, height } = self.class(image).size;
        let folder = image / 1_000_000;
        let _ =
            write!(text, r#"{{"id": "oven_{image:08}", "file_name": "/{folder:02}/oven_{image:08}.jpg", "#);
        let _ = write!(text, r#""height": {height}, "width": {width}}}"#);
    }

    pub(super) fn push_category(&self, text: &mut String, entity: u64) {
        let (qid, title) = (self.names.qid(entity), self.names.title(entity));
        let _ = write!(text, r#"{{"id": "Q{qid}", "name": "{title}"}}"#);
    }

    pub(super) fn push_annotation(&self, text: &mut String, number: u64, image: u64) {
        let mut random = Random::of(self.seed, ANNOTATION, number);
        let split = &SPLITS[random.weighted(SPLITS.iter().map(|split| split.share))];
        let entity = self.names.draw(&mut random, split.training);
        let is_query = split.name.starts_with("query") || split.name == "human";
        let question = if is_query { random.pick(&QUERY_QUESTIONS) } else { random.pick(&ENTITY_QUESTIONS) };
        let mut drawn = Drawn::clean(&mut random, self.class(image), question);
        if random.unit() < self.faults {
            drawn.add_fault(&mut random, self.class(image));
        }
        let (kind, title) = (self.names.kind(entity), self.names.title(entity).to_lowercase());
        let qid = self.names.qid(entity);
        let _ = write!(text, r#"{{"id": "oven_{}_{number:08}", "image_id": "oven_{image:08}", "#, split.id);
        let _ = write!(text, r#""category_id": "Q{qid}", "segmentation": ["#);
        push_list(text, &drawn.parts, |text, (entry, _)| text.push_str(&entry.rle));
        text.push_str(r#"], "bbox": ["#);
        push_list(text, &drawn.parts, |text, (_, bounds)| push_box(text, *bounds));
        let _ = write!(text, r#"], "text_prompt": "A {kind} known by a common name named '{title}'...", "#);
        text.push_str(r#""label": ["#);
        push_list(text, &drawn.parts, |text, _| {
            let (phrase, score) = (random.pick(&PHRASES), random.within(0.25, 0.95));
            let _ = write!(text, r#""a {kind} {phrase}({score:.2})""#);
        });
        let _ = write!(text, r#"], "question": "{}", "data_split": "{}"}}"#, drawn.question, split.name);
    }
}

fn push_list<T>(text: &mut String, list: &[T], mut push: impl FnMut(&mut String, &T)) {
    for (at, element) in list.iter().enumerate() {
        if at > 0 {
            text.push_str(", ");
        }
        push(text, element);
    }
}

/// The masks, boxes and question of an annotation.
struct Drawn<'a> {
    parts: Vec<(&'a Entry, Rect)>,
    question: &'static str,
}

impl<'a> Drawn<'a> {
    fn clean(random: &mut Random, class: &'a SizeClass, question: &'static str) -> Self {
        let small = ((class.clean.len() as f64 * SMALL_SHARE) as usize).max(1);
        let number = 1 + random.weighted(PARTS.into_iter());
        let mut parts: Vec<(&Entry, Rect)> = Vec::with_capacity(number);
        for at in 0..number {
            let end = if at == 0 { class.clean.len() } else { small };
            let entry = &class.clean[random.below(end)];
            // A mask drawn twice would be a duplicate.
            if parts.iter().all(|(other, _)| !std::ptr::eq(*other, entry)) {
                parts.push((entry, entry.bounds));
            }
        }
        Self { parts, question }
    }

    /// Adds one of the faults that `dataset::inspect` looks for.
    fn add_fault(&mut self, random: &mut Random, class: &'a SizeClass) {
        let as_drawn = |entry: &'a Entry| vec![(entry, entry.bounds)];
        let (first, bounds) = self.parts[0];
        match *random.pick(&NoiseReason::ALL) {
            NoiseReason::EmptyMask => self.parts = as_drawn(&class.empty),
            NoiseReason::MaskOutsideBox => {
                self.parts = vec![(first, Rect { x1: bounds.x1 + 0.4 * bounds.width(), ..bounds })];
            }
            NoiseReason::BoxDisagrees => {
                let smallest = &class.clean[random.below((class.clean.len() / 8).max(1))];
                self.parts = vec![(smallest, Rect::from(class.size))];
            }
            NoiseReason::StrayComponents => self.parts = as_drawn(random.pick(&class.strays)),
            NoiseReason::SwappedForeground => self.parts = as_drawn(random.pick(&class.swapped)),
            NoiseReason::WholeImage => self.parts = as_drawn(&class.full),
            NoiseReason::DenseScene => self.parts = as_drawn(random.pick(&class.dense)),
            NoiseReason::NearDuplicateMasks => self.parts.push((first, bounds)),
            NoiseReason::UnanswerableQuestion => self.question = *random.pick(&INVISIBLE_QUESTIONS),
        }
    }
}
