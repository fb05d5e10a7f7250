//! Indexes on disk: whole or refused, replaced in one step, the same bytes each time.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use masklink::link::LocalLinker;
use masklink::link::calibration::Calibration;
use masklink::link::calibration::fit::{self, HeldOutMask};
use masklink::link::candidates::{Nearest, ranked};
use masklink::link::index::build::{BuildError, Material};
use masklink::link::index::folder::{self, HEADER};
use masklink::link::index::header::{self, Limits};
use masklink::link::index::prototypes::Prototype;
use masklink::link::index::vectors::Element;
use masklink::link::index::{Entity, Exemplar, Index};
use masklink::link::protocol::sha256_hex;
use proptest::prelude::*;
use proptest::sample::Index as Place;
use serde_json::{Value, json};

use crate::made_index::{MODEL, manifest};
use crate::plvel;
use crate::shared_data::shared_data;

/// Returns thirty exemplars of ten entities, three of each entity in different images.
fn index(element: Element) -> Index {
    index_in_images(element, |n| n)
}

/// Returns the same with exemplar `n` in the image of this number.
fn index_in_images(element: Element, image: impl Fn(u32) -> u32) -> Index {
    let entities =
        (0..10).map(|n| Entity { qid: format!("Q{n}"), title: format!("entity {n}"), ..Entity::default() });
    let features = (0..30_u32).map(|n| {
        let vector = (0..8).map(|at| ((n % 10 * 7 + at * 3) % 11) as f32 + (n / 10) as f32 * 0.1).collect();
        let exemplar = Exemplar {
            entity: n % 10,
            annotation: format!("a{n}"),
            image: format!("p{n}.jpg"),
            image_hash: format!("{:016x}", image(n)),
            bounds: [0.0, 1.0, 2.0, 3.0],
            outline: "M0 1l2 0 0 2-2 0z".to_owned(),
        };
        (exemplar, vector)
    });
    index_of(element, entities.collect(), features.collect()).unwrap()
}

/// Returns the same with classes of Q3 (a second way to know it), Q20, Q21 and Q22, and Q50, which stands for
/// Q3, Q20 and Q21.
fn index_with_classes(element: Element) -> Index {
    index_with_weights(element, 10.0)
}

fn index_with_weights(element: Element, weight: f32) -> Index {
    let plain = index(element);
    let mut entities = plain.entities().to_vec();
    let class = |qid: &str| Entity { qid: qid.to_owned(), ..Entity::default() };
    entities.extend(["Q20", "Q21", "Q22"].map(class));
    entities.push(Entity { members: ["Q3", "Q20", "Q21"].map(String::from).to_vec(), ..class("Q50") });
    let mut scratch = Vec::new();
    let exemplars = plain.exemplars().iter().cloned().enumerate();
    let exemplars = exemplars
        .map(|(at, exemplar)| (exemplar, plain.vectors().read(at..at + 1, &mut scratch).to_vec()))
        .collect();
    let classes = [(3, 0_usize), (10, 1), (11, 2), (12, 3)].map(|(entity, axis)| {
        let weights = (0..8).map(|at| if at == axis { weight } else { 0.0 }).collect();
        (Prototype { entity, bias: -1.0 }, weights)
    });
    let material = Material { entities, exemplars, classes: classes.to_vec() };
    Index::build(manifest(), element, material).unwrap()
}

/// Builds an index without classes.
fn index_of(
    element: Element,
    entities: Vec<Entity>,
    exemplars: Vec<(Exemplar, Vec<f32>)>,
) -> Result<Index, BuildError> {
    Index::build(manifest(), element, Material { entities, exemplars, ..Material::default() })
}

/// Returns the feature of an entity of [`index`] in another image.
fn in_another_image(n: u32) -> Vec<f32> {
    (0..8).map(|at| ((n % 10 * 7 + at * 3) % 11) as f32 + 0.35 - at as f32 * 0.02).collect()
}

#[test]
fn held_out_masks_fit_scores_and_the_known_threshold() {
    let index = index(Element::F32);
    let known = (0..30).map(|n| held_out_mask(in_another_image(n), format!("Q{}", n % 10)));
    let unknown = (0..30_u32).map(|n| {
        let feature = (0..8).map(|at| ((n * 5 + at * at + 1) % 7) as f32);
        held_out_mask(feature.collect(), "Q99".to_owned())
    });
    let masks: Vec<HeldOutMask> = known.chain(unknown).collect();
    let calibration = fit::to_masks(&index, &masks).unwrap();
    assert_ne!(calibration, fit::to_exemplars(&index));
    let held_out = calibration.held_out.as_ref().unwrap();
    assert_eq!((held_out.queries, held_out.answerable), (60, 30));
    assert!(held_out.top1 > 0.99, "{held_out:?}");
    let is_unknown = |mask: &&HeldOutMask| {
        let nearest = Nearest::of_feature(&index, &mask.feature, None).unwrap();
        !ranked(&index, &calibration, &nearest).in_index.unwrap().known
    };
    let (known, unknown) = masks.split_at(30);
    assert!(known.iter().filter(is_unknown).count() <= 1, "more than 1 in 20 known masks is missed");
    assert!(unknown.iter().filter(is_unknown).count() >= 20);

    let short = [held_out_mask(vec![1.0; 7], "Q1".to_owned())];
    assert!(fit::to_masks(&index, &short).is_err());
}

fn held_out_mask(feature: Vec<f32>, qid: String) -> HeldOutMask {
    HeldOutMask { feature, qid, image: None }
}

#[test]
fn held_out_masks_are_searched_for_without_their_images() {
    // Three exemplars of each entity, but of Q9 in one image alone.
    let index = index_in_images(Element::F32, |n| if n % 10 == 9 { 9 } else { n });
    let sha256 = |n: u32| format!("{n:016x}{:048}", 0);
    let [of_nine, unknown] = [9, 99].map(|n| index.image_with_sha256(&sha256(n)));
    assert!(of_nine.is_some() && unknown.is_none());
    assert!(index.is_known_without(9, unknown) && !index.is_known_without(9, of_nine));
    assert!(
        index.is_known_without(8, of_nine) && index.is_known_without(8, index.image_with_sha256(&sha256(8)))
    );
    let masks = (0..40).map(|n| HeldOutMask {
        image: of_nine,
        ..held_out_mask(in_another_image(n), format!("Q{}", n % 10))
    });
    let calibration = fit::to_masks(&index, &masks.collect::<Vec<_>>()).unwrap();
    let measured = calibration.held_out.unwrap();
    assert_eq!((measured.queries, measured.answerable), (40, 36), "Q9 cannot be found without its image");

    let linker = LocalLinker::new(index, String::new());
    let asked = |n: u32| linker.search(&in_another_image(9), Some(&sha256(n)), 10).unwrap();
    let (own, other) = (asked(9), asked(99));
    assert_eq!((own.excluded_image, other.excluded_image), (true, false));
    assert!(own.entities.iter().all(|entity| entity.qid != "Q9"), "{own:?}");
    assert_eq!((other.entities[0].qid.as_str(), other.entities[0].evidence.len()), ("Q9", 3));
}

#[test]
fn a_new_index_has_no_calibration_until_one_is_set() {
    let index = index(Element::F32);
    assert_eq!(*index.calibration(), Calibration::default());
    let calibration = fit::to_exemplars(&index);
    let index = index.with_calibration(calibration);
    assert_eq!(index.calibration().held_out.as_ref().unwrap().queries, 30);
}

#[test]
fn many_held_out_masks_are_sampled_down_to_the_limit() {
    let index = index(Element::F32);
    let many: Vec<_> =
        (0..7_000).map(|n| held_out_mask(in_another_image(n), format!("Q{}", n % 10))).collect();
    let held_out = fit::to_masks(&index, &many).unwrap().held_out.unwrap();
    assert_eq!((held_out.queries, held_out.answerable), (1750, 1750), "one in four, for 2,000 at most");
}

/// Returns a feature of length 1 along some axes.
fn along(axes: &[usize]) -> Vec<f32> {
    let share = 1.0 / (axes.len() as f32).sqrt();
    (0..8).map(|at| if axes.contains(&at) { share } else { 0.0 }).collect()
}

#[test]
fn classes_are_found_without_an_image_and_written_with_the_index() {
    for element in [Element::F16, Element::F32] {
        let folder = tempfile::tempdir().unwrap();
        let index = index_with_classes(element);
        folder::write(folder.path(), &index, MODEL).unwrap();
        let (read, _) = folder::read(folder.path(), Limits::default()).unwrap();
        assert_eq!(read, index);
        let linker = LocalLinker::new(read, String::new());
        let response = linker.search(&along(&[3]), None, 10).unwrap();
        let first = &response.entities[0];
        assert_eq!((&*first.qid, first.evidence.len(), first.broader), ("Q22", 0, false), "{response:?}");
        assert_eq!((response.model.prototypes, response.model.exemplars), (4, 30));
    }
}

#[test]
fn an_index_of_classes_alone_can_be_searched() {
    let entities = ["Q1", "Q2"].map(|qid| Entity { qid: qid.to_owned(), ..Entity::default() }).to_vec();
    let classes = [0, 1].map(|at| (Prototype { entity: at, bias: 0.0 }, along(&[at as usize]))).to_vec();
    let material = Material { entities, classes, ..Material::default() };
    let index = Index::build(manifest(), Element::F32, material).unwrap();
    let response = LocalLinker::new(index, String::new()).search(&along(&[1]), None, 1).unwrap();
    assert_eq!(response.entities[0].qid, "Q2");
}

#[test]
fn a_broader_entity_is_listed_where_its_members_are_unsure() {
    let linker = LocalLinker::new(index_with_classes(Element::F32), String::new());
    let listed = |axes: &[usize]| {
        let response = linker.search(&along(axes), None, 100).unwrap();
        let of = |one: &masklink::link::protocol::ScoredEntity| (one.qid.clone(), one.score, one.broader);
        response.entities.iter().map(of).collect::<Vec<_>>()
    };
    let unsure = listed(&[1, 2]);
    assert_eq!((&*unsure[0].0, unsure[0].2), ("Q50", true), "{unsure:?}");
    let members: f32 =
        unsure.iter().filter(|(qid, ..)| ["Q3", "Q20", "Q21"].contains(&&**qid)).map(|one| one.1).sum();
    assert!((unsure[0].1 - members).abs() < 0.02, "the score is the sum of the members': {unsure:?}");
    let sure = listed(&[1]);
    assert_eq!(sure[0].0, "Q20");
    assert!(sure.iter().all(|(qid, ..)| qid != "Q50"), "one member says it all: {sure:?}");
}

#[test]
fn classes_and_exemplars_are_calibrated_to_one_scale() {
    let index = index_with_weights(Element::F32, 100.0);
    // Masks of Q22 lie along its axis; those of exemplars anywhere.
    let of_class = (0..40).map(|n| {
        let mut feature = along(&[3]);
        feature[n % 8] += 0.2 + n as f32 * 0.003;
        (feature, "Q22".to_owned())
    });
    let of_exemplar = (0..40).map(|n| (in_another_image(n), format!("Q{}", n % 10)));
    // An encoder's features have the length 1.
    let unit = |(feature, qid): (Vec<f32>, String)| {
        let length = feature.iter().map(|value| value * value).sum::<f32>().sqrt();
        held_out_mask(feature.into_iter().map(|value| value / length).collect(), qid)
    };
    let masks: Vec<HeldOutMask> = of_class.chain(of_exemplar).map(unit).collect();
    let calibration = fit::to_masks(&index, &masks).unwrap();
    let held_out = calibration.held_out.as_ref().unwrap();
    assert_eq!((held_out.queries, held_out.answerable), (80, 80));
    let right = |calibration: &Calibration| {
        let first = |feature: &[f32]| {
            let nearest = Nearest::of_feature(&index, feature, None).unwrap();
            let entity = ranked(&index, calibration, &nearest).entities[0].entity;
            index.entities()[entity as usize].qid.clone()
        };
        masks.iter().filter(|mask| first(&mask.feature) == mask.qid).count()
    };
    let (before, after) = (right(&Calibration::default()), right(&calibration));
    assert!(after >= 68 && before < after, "{before} {after} of 80: {calibration:?}");
}

/// Returns the text of an error with its causes.
fn read_error(folder: &Path, limits: Limits) -> String {
    let error = folder::read(folder, limits).map(|_| ()).unwrap_err();
    format!("{:#}", anyhow::Error::from(error))
}

fn part_file(folder: &Path, kind: &str) -> PathBuf {
    let header: Value = serde_json::from_slice(&fs::read(folder.join(HEADER)).unwrap()).unwrap();
    folder.join(header["parts"][kind]["file"].as_str().unwrap())
}

#[test]
fn an_index_survives_writing_and_reading() {
    for element in [Element::F16, Element::F32] {
        let folder = tempfile::tempdir().unwrap();
        let index = index(element);
        folder::write(folder.path(), &index, MODEL).unwrap();
        let (read, _) = folder::read(folder.path(), Limits::default()).unwrap();
        assert_eq!(read, index);
        assert_eq!(folder::read_encoder(folder.path(), &read).unwrap(), MODEL);
        assert_eq!(read.to_files().unwrap(), index.to_files().unwrap());
    }
}

#[test]
fn the_order_of_the_exemplars_does_not_change_the_index() {
    let entities: Vec<_> = (0..3).map(|n| Entity { qid: format!("Q{n}"), ..Entity::default() }).collect();
    let features: Vec<_> = (0..6_u32)
        .map(|n| {
            let exemplar = Exemplar { entity: n % 3, annotation: format!("a{n}"), ..Exemplar::default() };
            (exemplar, vec![f32::from(n as u8), 1.0, f32::from((n * n) as u8)])
        })
        .collect();
    let build = |features| index_of(Element::F16, entities.clone(), features).unwrap().to_files().unwrap();
    let reversed: Vec<_> = features.iter().rev().cloned().collect();
    assert_eq!(build(features), build(reversed));
}

#[test]
fn writing_replaces_the_old_index_and_removes_its_parts() {
    let folder = tempfile::tempdir().unwrap();
    let foreign = folder.path().join("notes.txt");
    fs::write(&foreign, "foreign").unwrap();
    folder::write(folder.path(), &index_with_classes(Element::F32), MODEL).unwrap();
    folder::write(folder.path(), &index(Element::F16), MODEL).unwrap();
    assert_eq!(folder::read(folder.path(), Limits::default()).unwrap().0, index(Element::F16));
    let mut names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names.len(), 7, "header, five parts and a foreign file: {names:?}");
    assert!(foreign.exists());
}

#[test]
fn a_failed_write_keeps_the_old_index_and_leaves_no_new_parts() {
    let folder = tempfile::tempdir().unwrap();
    let files = || {
        let entries = fs::read_dir(folder.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect::<std::collections::BTreeSet<_>>()
    };
    folder::write(folder.path(), &index_with_classes(Element::F32), MODEL).unwrap();
    let new: Vec<_> =
        files().into_iter().filter(|file| file.to_str().unwrap().starts_with("entities")).collect();
    fs::remove_dir_all(folder.path()).unwrap();
    folder::write(folder.path(), &index(Element::F16), MODEL).unwrap();
    let old = files();
    // A folder stands where a part is to be, which fails after those before it are written.
    fs::create_dir_all(folder.path().join(&new[0]).join("in the way")).unwrap();
    folder::write(folder.path(), &index_with_classes(Element::F32), MODEL).unwrap_err();
    fs::remove_dir_all(folder.path().join(&new[0])).unwrap();
    assert_eq!(files(), old);
    assert_eq!(folder::read(folder.path(), Limits::default()).unwrap().0, index(Element::F16));
}

#[cfg(unix)]
#[test]
fn a_second_writer_is_refused_and_leftovers_of_an_interrupted_one_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let leftover = folder.path().join(".vectors-0123456789abcdef.bin.1.tmp");
    fs::write(&leftover, b"half").unwrap();
    let first = fs::File::open(folder.path()).unwrap();
    first.try_lock().unwrap();
    let error = folder::write(folder.path(), &index(Element::F32), MODEL).unwrap_err();
    assert!(error.to_string().starts_with("another process is writing an index"), "{error}");
    assert!(leftover.exists());
    drop(first);
    folder::write(folder.path(), &index(Element::F32), MODEL).unwrap();
    assert!(!leftover.exists());
    assert!(folder::read(folder.path(), Limits::default()).is_ok());
}

#[test]
fn changed_parts_are_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    for kind in ["mean", "vectors", "entities", "exemplars", "weights", "prototypes"] {
        folder::write(folder.path(), &index_with_classes(Element::F16), MODEL).unwrap();
        let path = part_file(folder.path(), kind);
        let whole = fs::read(&path).unwrap();
        let mut flipped = whole.clone();
        flipped[whole.len() / 2] ^= 1;
        for (content, reasons) in [
            (flipped, &["has the SHA-256"][..]),
            (whole[..whole.len() - 1].to_vec(), &["the header says"]),
            // Parts that are mapped tell their length first, others stop reading.
            ([&whole[..], b"x"].concat(), &["are expected", "the header says"]),
        ] {
            fs::write(&path, content).unwrap();
            let text = read_error(folder.path(), Limits::default());
            assert!(
                reasons.iter().any(|reason| text.contains(reason)) && text.contains(kind),
                "{kind}: {text}"
            );
        }
        fs::remove_file(&path).unwrap();
        let text = read_error(folder.path(), Limits::default());
        assert!(text.contains("cannot be read") && text.contains(kind), "{kind}: {text}");
    }
}

#[test]
fn invalid_headers_are_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    folder::write(folder.path(), &index(Element::F16), MODEL).unwrap();
    let whole = fs::read_to_string(folder.path().join(HEADER)).unwrap();
    for (pointer, value, reason) in [
        ("/version", json!(4), "version 4"),
        ("/format", json!("zip"), "'zip'"),
        ("/exemplars", json!(u64::MAX), "exemplars of the index: 18446744073709551615 is over the limit"),
        ("/dimensions", json!(1_u64 << 40), "numbers of a vector"),
        ("/dimensions", json!(4), "bytes, but the header says"),
        ("/dimensions", json!(0), "neither exemplars nor classes"),
        ("/exemplars", json!(29), "bytes, but the header says"),
        ("/entities", json!(9), "lines, but the header says"),
        ("/element", json!("f64"), "unknown variant `f64`"),
        ("/parts/vectors/bytes", json!(u64::MAX), "bytes of the index"),
        ("/parts/mean/sha256", json!("ABC"), "is not a SHA-256"),
        ("/parts/mean/file", json!("../../etc/passwd"), "not a plain file name"),
        ("/parts/exemplars/file", json!(""), "not a plain file name"),
        ("/parts/exemplars/file", json!(".hidden"), "not a plain file name"),
        ("/encoder/file", json!("C:\\x"), "not a plain file name"),
        ("/encoder/sha256", json!("zz"), "sha256"),
        ("/calibration/temperature", json!(-1.0), "temperature"),
        ("/calibration/weights", json!([0.0, -1.0, 1.0]), "negative"),
    ] {
        let mut header: Value = serde_json::from_str(&whole).unwrap();
        *header.pointer_mut(pointer).unwrap() = value;
        fs::write(folder.path().join(HEADER), hashed(header)).unwrap();
        let text = read_error(folder.path(), Limits::default());
        assert!(text.contains(reason), "{pointer}: {text}");
    }
    let next = json!({ "format": "masklink-index", "version": 4, "shards": [] });
    fs::write(folder.path().join(HEADER), next.to_string()).unwrap();
    assert!(
        read_error(folder.path(), Limits::default()).contains("version 4"),
        "the version is checked first"
    );
    fs::write(folder.path().join(HEADER), "x".repeat(2 << 20)).unwrap();
    assert!(
        read_error(folder.path(), Limits::default()).contains("2097152 bytes"),
        "the header is not limited"
    );
    fs::write(folder.path().join(HEADER), &whole).unwrap();
    let limits = Limits { bytes: 1000, ..Limits::default() };
    assert!(read_error(folder.path(), limits).contains("bytes of the index"));
    assert!(folder::read(folder.path(), Limits::default()).is_ok());
}

#[test]
fn every_flipped_bit_of_a_header_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    folder::write(folder.path(), &index(Element::F16), MODEL).unwrap();
    let path = folder.path().join(HEADER);
    let whole = fs::read(&path).unwrap();
    for bit in 0..whole.len() * 8 {
        let mut damaged = whole.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let read = Index::from_files(&damaged, Limits::default(), |_| -> std::io::Result<Vec<u8>> {
            panic!("the header with bit {bit} flipped is taken for whole")
        });
        assert!(read.is_err());
    }
    let cut = |bytes: usize| header::Header::read(&whole[..bytes], Limits::default()).is_err();
    assert!((0..whole.len()).all(cut), "each cut is noticed");
}

/// Returns a header as its file, with its own hash anew.
fn hashed(mut header: Value) -> Vec<u8> {
    header.as_object_mut().unwrap().remove("header_sha256");
    header::to_bytes(&header).unwrap()
}

#[test]
fn parts_with_right_hashes_and_wrong_content_are_refused() {
    let files = index_with_classes(Element::F32).to_files().unwrap();
    let check = |kind: &str, change: &dyn Fn(&mut Vec<u8>), reason: &str| {
        let mut header: Value = serde_json::from_slice(&files.header).unwrap();
        let mut parts = files.parts.clone();
        let name = header["parts"][kind]["file"].as_str().unwrap().to_owned();
        let (_, bytes) = parts.iter_mut().find(|(file, _)| *file == name).unwrap();
        change(bytes);
        header["parts"][kind]["sha256"] = sha256_hex(bytes).into();
        header["parts"][kind]["bytes"] = bytes.len().into();
        let read =
            |part: &header::Part| Ok(parts.iter().find(|(file, _)| *file == part.file).unwrap().1.clone());
        let error = Index::from_files(&hashed(header), Limits::default(), read).unwrap_err();
        assert!(error.to_string().contains(reason), "{kind}: {error}");
    };
    let text = |bytes: &mut Vec<u8>, from: &str, to: &str| {
        *bytes = String::from_utf8(bytes.clone()).unwrap().replacen(from, to, 1).into_bytes();
    };
    check(
        "vectors",
        &|bytes| bytes[..4].copy_from_slice(&f32::NAN.to_le_bytes()),
        "vector 0 has the length NaN",
    );
    check("vectors", &|bytes| bytes[..4].copy_from_slice(&9_f32.to_le_bytes()), "vector 0 has the length");
    check(
        "mean",
        &|bytes| bytes[4..8].copy_from_slice(&f32::NAN.to_le_bytes()),
        "number 1 of the index's mean",
    );
    check("entities", &|bytes| text(bytes, "\"Q1\"", "\"Q0\""), "entity 1 is out of order");
    check("entities", &|bytes| text(bytes, "\"qid\"", "\"quid\""), "line 1");
    check("exemplars", &|bytes| text(bytes, "\"entity\":0", "\"entity\":7"), "is out of order");
    check(
        "exemplars",
        &|bytes| text(bytes, "\"entity\":9", "\"entity\":4000000000"),
        "entity 4000000000 is out of",
    );
    check("exemplars", &|bytes| text(bytes, "[0.0,1.0,2.0,3.0]", "[0.0,1.0,2.0]"), "line 1");
    check("exemplars", &|bytes| bytes.push(b'\n'), "31 lines");
    check("weights", &|bytes| bytes[..4].copy_from_slice(&f32::NAN.to_le_bytes()), "class 0 has a weight");
    check("weights", &|bytes| bytes.truncate(32), "has 32 bytes");
    check("prototypes", &|bytes| text(bytes, "\"entity\":", "\"entity\":9"), "is out of order");
    check("entities", &|bytes| text(bytes, "[\"Q3\"", "[\"Q77\""), "Q50 stands for Q77");
    check("entities", &|bytes| text(bytes, "[\"Q3\"", "[\"Q50\""), "Q50 stands for Q50");
}

proptest! {
    /// A part with a right hash and wrong bytes gives an error, or an index that can be searched.
    #[test]
    fn a_corrupt_part_never_panics(
        kind in 0_usize..6, at in any::<Place>(), to in any::<u8>(), cut in any::<bool>(),
    ) {
        let kind = ["mean", "vectors", "entities", "exemplars", "weights", "prototypes"][kind];
        let files = index_with_classes(Element::F16).to_files().unwrap();
        let mut header: Value = serde_json::from_slice(&files.header).unwrap();
        let mut parts = files.parts.clone();
        let name = header["parts"][kind]["file"].as_str().unwrap().to_owned();
        let (_, bytes) = parts.iter_mut().find(|(file, _)| *file == name).unwrap();
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] = to }
        header["parts"][kind]["sha256"] = sha256_hex(bytes).into();
        header["parts"][kind]["bytes"] = bytes.len().into();
        let read = |part: &header::Part| {
            Ok(parts.iter().find(|(file, _)| *file == part.file).unwrap().1.clone())
        };
        if let Ok(index) = Index::from_files(&hashed(header), Limits::default(), read) {
            let linker = LocalLinker::new(index, String::new());
            // A mean far away may leave no direction, which is an error of the query.
            if let Ok(response) = linker.search(&[1.0, 0.5, -1.0, 2.0, 0.0, 0.0, 1.0, 3.0], None, 3) {
                prop_assert!(response.entities.len() <= 3);
            }
        }
    }

    /// A header with one wrong byte gives an error, or an index that can be searched.
    #[test]
    fn a_corrupt_header_never_panics(at in any::<Place>(), to in any::<u8>()) {
        let mut files = index_with_classes(Element::F32).to_files().unwrap();
        let at = at.index(files.header.len());
        files.header[at] = to;
        let read = |part: &header::Part| {
            let found = files.parts.iter().find(|(file, _)| *file == part.file);
            found.map(|(_, bytes)| bytes.clone()).ok_or_else(|| std::io::ErrorKind::NotFound.into())
        };
        if let Ok(index) = Index::from_files(&files.header, Limits::default(), read) {
            let linker = LocalLinker::new(index, String::new());
            let response = linker.search(&[1.0, 0.5, -1.0, 2.0, 0.0, 0.0, 1.0, 3.0], None, 3).unwrap();
            let is_probability = |score: f32| (0.0..=1.0).contains(&score);
            prop_assert!(response.entities.iter().all(|one| is_probability(one.score)), "{response:?}");
        }
    }
}

#[test]
fn invalid_exemplars_are_refused_when_building() {
    let entities = || vec![Entity { qid: "Q1".into(), ..Entity::default() }];
    let build = |features| index_of(Element::F32, entities(), features).map(|_| ()).unwrap_err().to_string();
    let exemplar = |entity| Exemplar { entity, ..Exemplar::default() };
    assert!(build(vec![]).contains("neither exemplars nor classes"));
    assert!(build(vec![(exemplar(1), vec![1.0])]).contains("entity 1"));
    assert!(
        build(vec![(exemplar(0), vec![1.0, 2.0]), (exemplar(0), vec![1.0])])
            .contains("exemplar 1 has 1 numbers")
    );
    assert!(build(vec![(exemplar(0), vec![f32::INFINITY])]).contains("zero or not finite"));
    let two_of_one_name = vec![Entity { qid: "Q1".into(), ..Entity::default() }; 2];
    let features = vec![(exemplar(0), vec![1.0, 0.0]), (exemplar(1), vec![0.0, 1.0])];
    assert!(index_of(Element::F32, two_of_one_name, features).is_err());
}

#[test]
fn the_command_writes_the_same_bytes_each_time() {
    if shared_data("coco_plvel").is_none() || shared_data("encoders").is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let part = folder.path().join("part.json");
    plvel::write_part(&part, |photo| photo.ends_with('1'));
    let outputs = ["a", "b", "c"].map(|name| folder.path().join(name));
    let journal = outputs[2].join("features.partial");
    let mut killed = plvel::index_command(&part, &outputs[2]).stderr(Stdio::null()).spawn().unwrap();
    // A record has more than 1,000 bytes.
    while fs::metadata(&journal).map_or(0, |file| file.len()) < 20_000 {
        assert!(killed.try_wait().unwrap().is_none(), "the build ended before it could be killed");
        std::thread::sleep(Duration::from_millis(2));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert!(!outputs[2].join(HEADER).exists());
    let resumed = plvel::index_command(&part, &outputs[2]).output().unwrap();
    let log = String::from_utf8(resumed.stderr).unwrap();
    assert!(resumed.status.success() && log.contains("reusing "), "{log}");
    let printed = [0, 1].map(|at: usize| plvel::run_index(&part, &outputs[at]));
    assert!(printed[0].contains("0 left out"), "{}", printed[0]);
    let content = |folder: &PathBuf| {
        let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
            .iter()
            .map(|path| (path.file_name().unwrap().to_owned(), fs::read(path).unwrap()))
            .collect::<Vec<_>>()
    };
    assert!(content(&outputs[0]) == content(&outputs[1]), "two runs differ");
    assert_eq!(content(&outputs[0]).len(), 6);
    assert!(content(&outputs[0]) == content(&outputs[2]), "a run that was killed and went on differs");
}

#[test]
fn an_empty_or_doubled_calibration_split_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let index = |more: &[&str]| {
        let run = std::process::Command::new(env!("CARGO_BIN_EXE_masklink"))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args(["index", "--annotations", "www/samples/annotations.json", "--images", "nowhere"])
            .args(["--encoder", "www/models/link-encoder.json"])
            .args(more)
            .args(["-o".as_ref(), folder.path().join("index").as_os_str()])
            .output()
            .unwrap();
        assert!(!run.status.success());
        String::from_utf8(run.stderr).unwrap()
    };
    let error = index(&["--split", "entity_train_seen", "--calibrate-split", "entity_vall_seen"]);
    assert!(error.contains("no annotation of entity_vall_seen"), "{error}");
    let error = index(&["--split", "entity_train_seen", "--calibrate-split", "entity_train_seen"]);
    assert!(error.contains("entity_train_seen cannot be both indexed and held out"), "{error}");
}

/// Runs `masklink index` on a table of classes with the default encoder. Returns its standard output, or its
/// standard error where it fails.
fn run_index_of_classes(table: &Path, output: &Path, more: &[&str]) -> Result<String, String> {
    let run = std::process::Command::new(env!("CARGO_BIN_EXE_masklink"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["index", "--encoder", "www/models/link-encoder.json", "--prototypes"])
        .args([table, Path::new("-o"), output])
        .args(more)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    if run.status.success() { Ok(text(run.stdout)) } else { Err(text(run.stderr)) }
}

#[test]
fn the_command_builds_an_index_of_a_classifier_alone() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("index");
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("www/models");
    let calibration = ["--calibration", "www/models/link-calibration.json"];
    let printed = run_index_of_classes(&models.join("kinds.jsonl"), &output, &calibration).unwrap();
    assert!(printed.starts_with("0 masks and 1015 classes of"), "{printed}");
    let (index, _) = folder::read(&output, Limits::default()).unwrap();
    let dog = index.entities().iter().position(|entity| entity.qid == "Q144").unwrap() as u32;
    let members = index.members_of(dog).unwrap();
    assert!(members.len() > 100, "Dog stands for {} breeds", members.len());
    assert!(index.entities().iter().any(|entity| entity.class_label.as_deref() == Some("drake")));
    let header: Value = serde_json::from_slice(&fs::read(output.join(HEADER)).unwrap()).unwrap();
    assert_eq!(header["sources"][0]["title"], "ImageNet");
    let text = fs::read(models.join("link-calibration.json")).unwrap();
    assert_eq!(header["calibration"], serde_json::from_slice::<Value>(&text).unwrap());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_standard_output_is_an_error_and_no_panic() {
    let folder = tempfile::tempdir().unwrap();
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let run = std::process::Command::new(env!("CARGO_BIN_EXE_masklink"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args([
            "index",
            "--encoder",
            "www/models/link-encoder.json",
            "--prototypes",
            "www/models/kinds.jsonl",
        ])
        .arg("-o")
        .arg(folder.path())
        .stdout(full)
        .output()
        .unwrap();
    let error = String::from_utf8(run.stderr).unwrap();
    assert_eq!(run.status.code(), Some(1), "{error}");
    assert!(error.contains("No space left") && !error.contains("panicked"), "{error}");
    assert!(folder::read(folder.path(), Limits::default()).is_ok(), "the index is whole");
}

#[test]
fn a_table_that_does_not_fit_its_weights_is_refused_with_the_line() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("kinds.jsonl");
    let weights = Path::new(env!("CARGO_MANIFEST_DIR")).join("www/models/kinds.safetensors");
    let refused = |lines: &[&str]| {
        fs::write(&table, lines.join("\n")).unwrap();
        run_index_of_classes(&table, &folder.path().join("index"), &[]).unwrap_err()
    };
    let class = r#"{"row": 0, "qid": "Q1", "title": "A", "source": "S"}"#;
    assert!(refused(&[class]).contains("kinds.safetensors"), "there are no weights yet");
    fs::copy(weights, folder.path().join("kinds.safetensors")).unwrap();
    let error = refused(&[class, r#"{"row": 5000, "qid": "Q2", "title": "B"}"#]);
    assert!(error.contains("line 2: there are no weights of row 5000"), "{error}");
    let error = refused(&[class, r#"{"qid": "Q2", "title": "B"}"#]);
    assert!(error.contains("line 2: a line has a row of the weights or members"), "{error}");
    let error = refused(&[class, r#"{"qid": "Q2", "title": "B", "members": ["Q9"]}"#]);
    assert!(error.contains("Q2 stands for Q9"), "{error}");
    fs::write(folder.path().join("kinds.safetensors"), [0; 9]).unwrap();
    assert!(refused(&[class]).contains("kinds.safetensors"));
}
