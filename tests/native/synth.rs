//! `masklink synth` as a process: its files are read back and their statistics checked.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use masklink::dataset::{Annotation, Dataset, NoiseInput, NoiseReason, ReadLimits, inspect};
use masklink::rle::{Connectivity, Mask};
use serde_json::Value;

const ANNOTATIONS: usize = 2_000;

fn synth(folder: &Path, name: &str, args: &[&str]) -> Vec<u8> {
    let file = folder.join(name);
    let output = run(args, &file);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::read(file).unwrap()
}

fn run(args: &[&str], file: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_masklink"));
    command.arg("synth").args(args).arg("-o").arg(file).output().unwrap()
}

fn reasons(annotation: &Annotation) -> Vec<NoiseReason> {
    let (parts, union) = (annotation.part_masks().unwrap(), annotation.mask().unwrap());
    let question = annotation.question.as_deref();
    let input = NoiseInput { parts: &parts, union: &union, boxes: &annotation.boxes, question };
    inspect(&input).reasons.iter().collect()
}

fn share(annotations: &[&Annotation], is: impl Fn(&Annotation) -> bool) -> f64 {
    annotations.iter().filter(|annotation| is(annotation)).count() as f64 / annotations.len() as f64
}

#[test]
fn file_has_the_statistics_of_the_data_set() {
    let folder = tempfile::tempdir().unwrap();
    let titles = folder.path().join("titles.jsonl");
    let arguments = ["--annotations", "2000", "--entities", "500", "--extra-titles", "70", "--titles"];
    let json = synth(folder.path(), "a.json", &[&arguments[..], &[titles.to_str().unwrap()]].concat());
    let dataset = Dataset::read(&json, &ReadLimits::default());
    assert_eq!(dataset.findings().map(|(_, finding)| finding.to_string()).next(), None);

    let annotations: Vec<&Annotation> = dataset.annotations().iter().collect();
    assert_eq!((annotations.len(), dataset.categories().len()), (ANNOTATIONS, 500));
    assert_eq!(annotations.iter().map(|a| &a.id).collect::<HashSet<_>>().len(), ANNOTATIONS);
    let images = dataset.images().len();
    assert!((1_975..1_998).contains(&images), "{images} images");
    assert!(dataset.images().iter().all(|image| image.file.as_deref().is_some_and(|f| f.starts_with("00/"))));
    let mean = json.len() / ANNOTATIONS;
    assert!((2_500..3_100).contains(&mean), "{mean} bytes an annotation");

    let parts: Vec<f64> = (1..=5).map(|n| share(&annotations, |a| a.parts.len() == n)).collect();
    assert!(parts.is_sorted_by(|a, b| a > b) && parts[4] > 0.01, "{parts:?}");
    assert!(annotations.iter().all(|a| a.boxes.len() == a.parts.len() && a.labels.len() == a.parts.len()));
    let area_share = |a: &Annotation| a.mask_area as f64 / a.mask_size.pixels() as f64;
    let tenths: Vec<f64> = (0..10)
        .map(|tenth| share(&annotations, |a| (area_share(a) * 10.0).min(9.9) as usize == tenth))
        .collect();
    assert!(tenths[..9].iter().all(|&share| share > 0.01), "{tenths:?}");
    let rise = [0.9..0.95, 0.95..1.01].map(|range| share(&annotations, |a| range.contains(&area_share(a))));
    assert!(rise[1] > 2.0 * rise[0] && rise[1] > 0.02, "{rise:?}");

    let train = share(&annotations, |a| a.split_name() == "entity_train");
    assert!((0.8..0.88).contains(&train), "{train} of entity_train");
    assert!(share(&annotations, |a| a.split_name() == "entity_test_unseen") > 0.03);
    let mut frequencies: HashMap<&str, usize> = HashMap::new();
    for annotation in &annotations {
        *frequencies.entry(&annotation.category).or_default() += 1;
    }
    let most = frequencies.values().max().unwrap();
    assert!((20..200).contains(most) && frequencies.len() > 250, "{most} of {}", frequencies.len());

    let titles = fs::read_to_string(titles).unwrap();
    let titles: BTreeMap<String, String> = titles
        .lines()
        .map(|line| {
            let title: Value = serde_json::from_str(line).unwrap();
            ["wikidata_id", "wikipedia_title"].map(|key| title[key].as_str().unwrap().to_owned()).into()
        })
        .collect();
    assert_eq!(titles.len(), 570);
    assert_eq!(titles.values().collect::<HashSet<_>>().len(), 570);
    assert!(dataset.categories().iter().all(|category| titles[&category.id] == category.name));
}

#[test]
fn same_arguments_give_the_same_bytes_in_either_order() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--annotations", "300", "--entities", "40", "--seed", "9"];
    let first = synth(folder.path(), "a.json", &arguments);
    assert!(first == synth(folder.path(), "b.json", &arguments));
    assert!(first != synth(folder.path(), "c.json", &["--annotations", "300", "--entities", "40"]));
    let other = [&arguments[..], &["--order", "annotations-first"]].concat();
    let other = synth(folder.path(), "d.json", &other);
    assert!(first.starts_with(b"{\"images\"") && other.starts_with(b"{\"annotations\""));
    let parsed = [&first, &other].map(|json| serde_json::from_slice::<Value>(json).unwrap());
    assert!(parsed[0] == parsed[1]);
}

#[test]
fn size_is_close_to_the_one_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let length = synth(folder.path(), "a.json", &["--bytes", "8MB", "--entities", "300"]).len();
    assert!((7_600_000..8_400_000).contains(&length), "{length} bytes");
}

#[test]
fn faults_are_found_by_the_noise_rules() {
    let folder = tempfile::tempdir().unwrap();
    let faulty = |faults: &str| {
        let arguments = ["--annotations", "1500", "--entities", "40", "--faults", faults];
        let json = synth(folder.path(), "a.json", &arguments);
        let dataset = Dataset::read(&json, &ReadLimits::default());
        let found: Vec<_> = dataset.annotations().iter().map(reasons).collect();
        let of = |reason| found.iter().filter(|found| found.contains(&reason)).count();
        (found.iter().filter(|found| !found.is_empty()).count(), NoiseReason::ALL.map(of))
    };
    let (clean, by_reason) = faulty("0");
    let whole = by_reason[NoiseReason::WholeImage as usize];
    assert!(whole > 30 && clean - whole <= 15, "{clean} are suspected, by reason {by_reason:?}");
    let (all, by_reason) = faulty("1");
    assert!(all > 1_480 && by_reason.iter().all(|&count| count > 120), "{all}, by reason {by_reason:?}");
}

#[test]
fn wrong_arguments_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.json");
    for (arguments, message) in [
        (vec![], "--annotations"),
        (vec!["--annotations", "5", "--bytes", "1GB"], "cannot be used with"),
        (vec!["--bytes", "12parsecs"], "unknown unit"),
        (vec!["--bytes", "1kB"], "expected 1 to 99999999"),
        (vec!["--annotations", "100000000"], "expected 1 to 99999999"),
        (vec!["--annotations", "5", "--entities", "0"], "at least one entity"),
        (vec!["--annotations", "5", "--faults", "2"], "expected 0 to 1"),
    ] {
        let output = run(&arguments, &file);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && error.contains(message), "{arguments:?}: {error}");
    }
    assert!(!file.exists());
}

#[test]
fn masks_are_one_object_each_with_a_rough_outline() {
    let folder = tempfile::tempdir().unwrap();
    let json = synth(folder.path(), "a.json", &["--annotations", "100", "--entities", "5"]);
    let dataset = Dataset::read(&json, &ReadLimits::default());
    let masks: Vec<Mask> = dataset.annotations().iter().flat_map(|a| a.part_masks().unwrap()).collect();
    assert!(masks.iter().all(|mask| mask.component_count(Connectivity::Eight) == 1));
    let runs: Vec<usize> = masks.iter().map(|mask| mask.runs().len()).collect();
    assert!(runs.iter().max().unwrap() > &400 && runs.iter().sum::<usize>() > 100 * runs.len(), "{runs:?}");
}
