//! Tests of `masklink pack`: what it writes is what went in, whatever the order, and damage is told.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use masklink::dataset::catalog::{Catalog, Filter, Records, Storage};
use masklink::dataset::pack::folder::{Folder, open, open_sidecar};
use masklink::dataset::{Dataset, ReadLimits};
use serde_json::{Value, json};

use crate::shared_data::shared_data;

fn masklink(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_masklink")).args(arguments).output().unwrap()
}

fn pack(annotations: &[&Path], output: &Path, more: &[&str]) -> Output {
    let mut arguments = vec!["pack", "-o", output.to_str().unwrap(), "--annotations"];
    arguments.extend(annotations.iter().map(|path| path.to_str().unwrap()));
    arguments.extend(more);
    masklink(&arguments)
}

fn succeeded(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Returns the items of all rows, sorted by id, without what depends on the rows' order.
fn items<S: Storage>(catalog: &Catalog<S>) -> Vec<Value> {
    let rows: Vec<u32> = (0..catalog.header().annotations).collect();
    let mut items: Vec<Value> = Vec::new();
    // Few at a time: a long list of a sidecar has no sizes of images.
    for rows in rows.chunks(4) {
        let page = pollster::block_on(catalog.items(rows)).unwrap();
        for item in &page.items {
            let mut item = serde_json::to_value(item).unwrap();
            let range: Vec<usize> = serde_json::from_value(item["boundaries"].take()).unwrap();
            item["boundaries"] = json!(page.boundaries[range[0]..range[1]]);
            item["row"] = Value::Null;
            items.push(item);
        }
    }
    items.sort_by_key(|item| item["id"].to_string());
    items
}

#[test]
fn pack_and_sidecar_of_real_annotations_have_the_same_items() {
    let Some(data) = shared_data("coco_plvel") else { return };
    let folder = tempfile::tempdir().unwrap();
    let json = data.join("annotations.json");
    let packed = folder.path().join("pack");
    succeeded(&pack(&[&json], &packed, &["--images", "https://example.org/{file_name}"]));
    let sidecar = folder.path().join("coco.masklink");
    succeeded(&pack(&[&json], &sidecar, &["--records-at", "https://example.org/annotations.json"]));
    let (manifest, catalog) = open(&packed).unwrap();
    assert_eq!(manifest.images.as_deref(), Some("https://example.org/{file_name}"));
    let beside = pollster::block_on(open_sidecar(&sidecar, &json)).unwrap();
    let dataset = Dataset::read(&fs::read(&json).unwrap(), &ReadLimits::default());
    assert_eq!(catalog.header().annotations as usize, dataset.annotations().len());
    assert_eq!(items(&catalog), items(&beside));
    assert_eq!(catalog.facets(), beside.facets());
    for annotation in &dataset.annotations().iter().step_by(7).collect::<Vec<_>>() {
        let found = pollster::block_on(catalog.find(&annotation.id)).unwrap().expect("a record");
        let found: Value = serde_json::from_slice(&found.annotation).unwrap();
        let parts = found["segmentation"].as_array().unwrap();
        assert_eq!(parts.len(), annotation.parts.len());
        for (part, expected) in parts.iter().zip(&annotation.parts) {
            assert_eq!(part["counts"], expected.counts());
        }
    }
    assert!(!folder.path().join("pack.partial").exists());
}

/// Makes a file with annotations before or after its images, and some records that are damaged.
fn made(count: usize, annotations_first: bool, damaged: bool) -> Vec<u8> {
    let mut annotations: Vec<String> = (0..count)
        .map(|n| {
            let masks = vec![json!({"size": [20, 30], "counts": [n % 500, 60, 540 - n % 500]}); n % 4];
            json!({"id": format!("oven_entity_train_{n:08}"), "image_id": format!("oven_{:08}", n / 2 * 2),
                "category_id": format!("Q{}", n * n % 97 + 1), "segmentation": masks,
                "bbox": [[1, 2, 3.5, 4]], "label": ["thing(0.50)"], "data_split": "entity_train"})
            .to_string()
        })
        .collect();
    let image = |n: usize| {
        json!({"id": format!("oven_{n:08}"), "file_name": format!("/00/{n}.jpg"), "width": 30, "height": 20})
            .to_string()
    };
    if damaged {
        annotations[3] = String::from(r#"{"id": "broken", "image_id": }"#);
        annotations[5] = String::from(
            r#"{"id": "bad-mask", "image_id": "oven_00000004", "category_id": "Q1",
            "segmentation": [{"size": [20, 30], "counts": "~~~"}]}"#,
        );
    }
    let images = (0..count).map(image).collect::<Vec<_>>().join(",");
    let annotations = annotations.join(",\n");
    let categories = r#"[{"id": "Q1", "name": "Universe"}]"#;
    let sections = if annotations_first {
        format!(r#""annotations":[{annotations}],"images":[{images}],"categories":{categories}"#)
    } else {
        format!(r#""categories":{categories},"images":[{images}],"annotations":[{annotations}]"#)
    };
    format!("{{{sections}}}").into_bytes()
}

#[test]
fn order_of_the_sections_makes_no_difference() {
    let folder = tempfile::tempdir().unwrap();
    let mut packs = Vec::new();
    for (name, annotations_first) in [("first", true), ("last", false)] {
        let path = folder.path().join(format!("{name}.json"));
        fs::write(&path, made(1000, annotations_first, false)).unwrap();
        let output = folder.path().join(name);
        succeeded(&pack(&[&path], &output, &[]));
        packs.push(open(&output).unwrap().1);
    }
    assert_eq!(items(&packs[0]), items(&packs[1]));
    let hits = pollster::block_on(packs[0].entities("univers", 5)).unwrap();
    assert_eq!(hits[0].title, "Universe");
    let entity = Filter { entity: Some("Q1".to_owned()), ..Filter::default() };
    assert_eq!(
        pollster::block_on(packs[0].select(&entity)).unwrap().annotations,
        (0..1000_u64).filter(|n| n * n % 97 == 0).count() as u64
    );
}

#[test]
fn damaged_records_are_listed_and_usable_ones_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.json");
    let json = made(20, false, true);
    fs::write(&path, &json).unwrap();
    let output = folder.path().join("pack");
    succeeded(&pack(&[&path], &output, &[]));
    let (_, catalog) = open(&output).unwrap();
    assert_eq!(catalog.header().annotations, 19);
    let findings = fs::read_to_string(output.join("findings.jsonl")).unwrap();
    let findings: Vec<Value> = findings.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let malformed = findings.iter().find(|found| found["code"] == "malformed").unwrap();
    let offset = malformed["offset"].as_u64().unwrap() as usize;
    assert!(json[offset..].starts_with(br#"{"id": "broken""#));
    assert!(findings.iter().any(|found| found["id"] == "bad-mask" && found["code"] == "bad-mask"));
    assert!(pollster::block_on(catalog.find("bad-mask")).unwrap().is_some());
}

#[test]
fn more_rows_than_one_table_has_stay_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let (path, titles) = (folder.path().join("a.json"), folder.path().join("titles.jsonl"));
    fs::write(&path, made(40_000, false, false)).unwrap();
    let line = |id: &str, title: &str| json!({"wikidata_id": id, "wikipedia_title": title}).to_string();
    let lines = [line("Q1", "Cosmos"), "not JSON".to_owned(), line("Q2", "Earth"), line("Q999999", "Nobody")];
    fs::write(&titles, lines.join("\n")).unwrap();
    let output = folder.path().join("pack");
    succeeded(&pack(&[&path], &output, &["--titles", titles.to_str().unwrap()]));
    let (manifest, catalog) = open(&output).unwrap();
    let Records::Pages { files } = &manifest.catalog.records else { unreachable!() };
    assert_eq!(files.len(), 2);
    let category = |n: u64| n * n % 97 + 1;
    let counted = (0..40_000).filter(|&n| category(n) == 2).count();
    let hits = pollster::block_on(catalog.entities("earth", 5)).unwrap();
    assert_eq!((hits[0].qid.as_str(), hits[0].annotations as usize), ("Q2", counted));
    let rows: Vec<u32> = (32_700..32_900).collect();
    let page = serde_json::to_value(pollster::block_on(catalog.items(&rows)).unwrap().items).unwrap();
    let number = |item: &Value| item["id"].as_str().unwrap()[18..].parse::<u64>().unwrap();
    let keys: Vec<_> =
        page.as_array().unwrap().iter().map(|item| (category(number(item)), number(item))).collect();
    assert!(keys.is_sorted(), "{keys:?}");
    for n in [0, 16_384, 39_999] {
        let id = format!("oven_entity_train_{n:08}");
        assert!(pollster::block_on(catalog.find(&id)).unwrap().is_some(), "{id}");
    }
}

#[test]
fn several_files_and_gzip_become_one_pack() {
    let folder = tempfile::tempdir().unwrap();
    let (plain, zipped) = (folder.path().join("a.json"), folder.path().join("b.json.gz"));
    fs::write(&plain, made(300, true, false)).unwrap();
    let text = String::from_utf8(made(200, false, false)).unwrap().replace("entity_train", "entity_val_seen");
    let mut encoder =
        flate2::write::GzEncoder::new(fs::File::create(&zipped).unwrap(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, text.as_bytes()).unwrap();
    encoder.finish().unwrap();
    let output = folder.path().join("pack");
    succeeded(&pack(&[&plain, &zipped], &output, &["--host", "github-pages"]));
    let (manifest, catalog) = open(&output).unwrap();
    assert_eq!(catalog.header().annotations, 500);
    assert_eq!(catalog.header().splits.len(), 2);
    assert!(manifest.files.iter().any(|file| file.file == "annotations/part-00000.parquet.gz"));
    assert_eq!(items(&catalog).len(), 500);
}

#[test]
fn thumbnails_are_made_of_a_folder_and_missing_images_listed() {
    let folder = tempfile::tempdir().unwrap();
    let images = folder.path().join("images");
    fs::create_dir(&images).unwrap();
    let pixels = image::RgbImage::from_fn(600, 300, |x, y| image::Rgb([x as u8, y as u8, 128]));
    pixels.save(images.join("0.jpg")).unwrap();
    let json = String::from_utf8(made(6, false, false)).unwrap().replace("/00/", "/");
    let path = folder.path().join("a.json");
    fs::write(&path, json).unwrap();
    let output = folder.path().join("pack");
    succeeded(&pack(&[&path], &output, &["--images", images.to_str().unwrap()]));
    let (manifest, catalog) = open(&output).unwrap();
    assert!(manifest.thumbnails);
    let thumbnail = image::open(output.join("thumbnails/0.jpg.jpg")).unwrap();
    assert_eq!((thumbnail.width(), thumbnail.height()), (256, 128));
    assert_eq!(fs::read_to_string(output.join("missing-images.txt")).unwrap(), "2.jpg\n4.jpg\n");
    let with_thumbnail = items(&catalog).iter().filter(|item| !item["thumbnail"].is_null()).count();
    assert_eq!(with_thumbnail, 2, "two annotations are of the image that is there");
}

#[test]
fn damaged_packs_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    fs::write(&path, made(300, true, false)).unwrap();
    let output = folder.path().join("pack");
    succeeded(&pack(&[&path], &output, &[]));
    let again = pack(&[&path], &output, &[]);
    assert!(!again.status.success() && String::from_utf8_lossy(&again.stderr).contains("exists already"));
    let message =
        |catalog: Result<(_, Catalog<Folder>), masklink::dataset::pack::folder::OpenError>| match catalog {
            Err(error) => error.to_string(),
            Ok((_, catalog)) => {
                let rows: Vec<u32> = (0..catalog.header().annotations).collect();
                pollster::block_on(catalog.items(&rows)).map(drop).unwrap_err().to_string()
            }
        };
    let part = output.join("annotations/part-00000.parquet");
    let mut bytes = fs::read(&part).unwrap();
    let Records::Pages { files } = &open(&output).unwrap().0.catalog.records else { unreachable!() };
    let middle = files[0].first_page as usize + 40;
    bytes[middle] ^= 0xff;
    fs::write(&part, &bytes).unwrap();
    let told = message(open(&output));
    assert!(told.contains("part-00000.parquet") && told.contains("checksum"), "{told}");
    fs::write(&part, &bytes[..middle]).unwrap();
    let told = message(open(&output));
    assert!(told.contains("part-00000.parquet") && told.contains("copy the pack again"), "{told}");
}

#[test]
fn interrupted_pack_is_begun_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    fs::write(&path, made(300, true, false)).unwrap();
    let output = folder.path().join("pack");
    let partial = folder.path().join("pack.partial/annotations");
    fs::create_dir_all(&partial).unwrap();
    fs::write(partial.join("part-00007.parquet"), b"half").unwrap();
    assert!(open(&folder.path().join("pack.partial")).is_err(), "a pack that was begun does not open");
    let packed = pack(&[&path], &output, &[]);
    succeeded(&packed);
    assert!(String::from_utf8_lossy(&packed.stderr).contains("begun again"));
    assert!(!output.join("annotations/part-00007.parquet").exists());
    assert_eq!(items(&open(&output).unwrap().1).len(), 300);
}
