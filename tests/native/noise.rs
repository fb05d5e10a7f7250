//! Measures the noise rules on made-up annotations with made-up faults: recall and precision of each.

mod made_up;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use masklink::dataset::{NoiseInput, NoiseReason, NoiseReasons, NoiseReport, inspect};
use masklink::geometry::{Rect, Size};
use masklink::rle::Mask;

use made_up::{Fault, Made, Random};

/// Annotations made of each kind and strength.
const SAMPLES: usize = 150;

fn report(made: &Made) -> NoiseReport {
    let union = Mask::union_of(made.size, &made.parts).unwrap();
    let question = Some(made.question.as_str());
    inspect(&NoiseInput { parts: &made.parts, union: &union, boxes: &made.boxes, question })
}

/// Number of annotations that a rule found, of those made with a fault.
#[derive(Default)]
struct Count {
    found: usize,
    made: usize,
}

impl Count {
    fn add(&mut self, found: bool) {
        self.found += usize::from(found);
        self.made += 1;
    }

    fn share(&self) -> f64 {
        self.found as f64 / self.made.max(1) as f64
    }
}

#[test]
fn rules_find_made_up_faults_and_leave_the_rest() {
    let mut random = Random(7);
    let mut recall: BTreeMap<(NoiseReason, &str), Count> = BTreeMap::new();
    let mut right: BTreeMap<NoiseReason, usize> = BTreeMap::new();
    let mut wrong: BTreeMap<NoiseReason, BTreeMap<&str, usize>> = BTreeMap::new();
    for (name, allowed, make) in made_up::clean().into_iter().chain(made_up::hard_negatives()) {
        for _ in 0..SAMPLES {
            let found = report(&make(&mut random)).reasons;
            for reason in found.iter().filter(|reason| !allowed.contains(reason)) {
                *wrong.entry(reason).or_default().entry(name).or_default() += 1;
            }
        }
    }
    for Fault { name, reason, implied, make } in made_up::faults() {
        for _ in 0..SAMPLES {
            let found = report(&make(&mut random)).reasons;
            recall.entry((reason, name)).or_default().add(found.contains(reason));
            *right.entry(reason).or_default() += usize::from(found.contains(reason));
            for other in found.iter().filter(|other| *other != reason && !implied.contains(other)) {
                *wrong.entry(other).or_default().entry(name).or_default() += 1;
            }
        }
    }
    let mut table = String::from("| rule | fault | recall | precision of the rule |\n|---|---|---:|---:|\n");
    let precision = |reason| {
        let wrong: usize = wrong.get(&reason).map_or(0, |by_kind| by_kind.values().sum());
        let right = right.get(&reason).copied().unwrap_or(0);
        right as f64 / (right + wrong).max(1) as f64
    };
    for ((reason, name), count) in &recall {
        let (recall, precision) = (count.share(), precision(*reason));
        writeln!(table, "| {} | {name} | {recall:.3} | {precision:.3} |", reason.code()).unwrap();
    }
    println!("{table}\nwrongly found: {wrong:#?}");
    for (reason, name) in recall.keys() {
        let (found, min) = (recall[&(*reason, *name)].share(), made_up::min_recall(name));
        assert!(found >= min, "{name}: recall {found:.3}, at least {min}\n{table}");
    }
    for reason in NoiseReason::ALL {
        let found = precision(reason);
        assert!(found >= 0.95, "{}: precision {found:.3}\n{table}{wrong:#?}", reason.code());
    }
}

#[test]
fn clean_annotation_is_measured() {
    let mask = Mask::from_counts(Size::new(10, 10), [22, 4, 6, 4, 16, 2, 46]).unwrap();
    let boxes = [Rect { x1: 2.1, y1: 1.8, x2: 6.3, y2: 6.2 }];
    let parts = std::slice::from_ref(&mask);
    let found = inspect(&NoiseInput { parts, union: &mask, boxes: &boxes, question: Some("what is this?") });
    let expected = NoiseReport {
        reasons: NoiseReasons::default(),
        suspicion: 0.0,
        area: 10,
        area_share: 0.1,
        components: 2,
    };
    assert_eq!(found, expected);
}

#[test]
fn masks_without_pixels_boxes_or_a_common_size_are_inspected() {
    for size in [Size::new(0, 0), Size::new(0, 9), Size::new(9, 0), Size::new(1, 1), Size::new(3, 900)] {
        let pixels = u32::try_from(size.pixels()).unwrap();
        let other = Mask::from_counts(Size::new(2, 2), [0, 4]).unwrap();
        let full = Mask::from_counts(size, [0, pixels]).unwrap();
        let malformed =
            [f64::NAN, f64::INFINITY, -1e300].map(|edge| Rect { x1: edge, y1: edge, x2: -edge, y2: edge });
        let parts = [other, full.clone(), full.clone()];
        for boxes in [&malformed[..0], &malformed[..1], &malformed] {
            let found = inspect(&NoiseInput { parts: &parts, union: &full, boxes, question: None });
            assert_eq!(found.reasons.contains(NoiseReason::EmptyMask), pixels == 0, "{size}");
            assert_eq!(found.reasons.contains(NoiseReason::NearDuplicateMasks), pixels > 0, "{size}");
            assert_eq!(found.reasons.contains(NoiseReason::WholeImage), pixels > 0, "{size}");
        }
    }
}
