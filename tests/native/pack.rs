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
fn ids_that_occur_twice_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("a.json"), made(10, true, false)).unwrap();
    fs::write(at("b.json"), made(4, true, false)).unwrap();
    succeeded(&pack(&[&at("a.json"), &at("b.json")], &at("pack"), &[]));
    let (_, catalog) = open(&at("pack")).unwrap();
    let found = catalog.header().problems.iter().find(|found| found.code == "duplicate-id").unwrap();
    assert_eq!((found.count, catalog.header().annotations), (4, 14));
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
    let error = message(open(&output));
    assert!(error.contains("part-00000.parquet") && error.contains("checksum"), "{error}");
    fs::write(&part, &bytes[..middle]).unwrap();
    let error = message(open(&output));
    assert!(error.contains("part-00000.parquet") && error.contains("copy the pack again"), "{error}");
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

/// Writes a matrix as `numpy.save` does.
fn write_npy(path: &Path, rows: &[Vec<f32>], is_half: bool) {
    let kind = if is_half { "<f2" } else { "<f4" };
    let shape = format!("({}, {})", rows.len(), rows[0].len());
    let mut header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}");
    while (header.len() + 11) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend_from_slice(&(header.len() as u16).to_le_bytes());
    bytes.extend_from_slice(header.as_bytes());
    for &value in rows.iter().flatten() {
        if is_half {
            bytes.extend_from_slice(&half::f16::from_f32(value).to_le_bytes());
        } else {
            bytes.extend_from_slice(&value.to_le_bytes());
        }
    }
    fs::write(path, bytes).unwrap();
}

/// Makes vectors around 20 centres, one for each of `count` annotations.
fn clustered_vectors(count: usize) -> Vec<Vec<f32>> {
    let mut state = 7_u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1_u64 << 24) as f32 - 0.5
    };
    let centres: Vec<Vec<f32>> = (0..20).map(|_| (0..24).map(|_| random()).collect()).collect();
    (0..count).map(|n| centres[n % 20].iter().map(|value| value + 0.4 * random()).collect()).collect()
}

#[test]
fn annotations_that_look_alike_are_those_of_near_vectors_in_other_images() {
    const COUNT: usize = 2_000;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    // Three annotations an image.
    let annotation = |n: usize| {
        let (image, entity) = (format!("i{}", n / 3), format!("Q{}", 1 + n % 5));
        json!({"id": format!("a{n}"), "image_id": image, "category_id": entity,
            "segmentation": [{"size": [20, 30], "counts": [n % 500, 60, 540 - n % 500]}]})
    };
    let image =
        |n: usize| json!({"id": format!("i{n}"), "file_name": format!("{n}.jpg"), "width": 30, "height": 20});
    let file = json!({"images": (0..COUNT.div_ceil(3)).map(image).collect::<Vec<_>>(),
        "annotations": (0..COUNT).map(annotation).collect::<Vec<_>>()});
    fs::write(at("a.json"), serde_json::to_vec(&file).unwrap()).unwrap();
    let mut vectors = clustered_vectors(COUNT);
    vectors[0] = vec![0.0; 24];
    // In another order than the annotations, and one of an unknown annotation.
    let order: Vec<usize> = (0..COUNT).map(|n| n * 7 % COUNT).collect();
    let mut ids: Vec<String> = order.iter().map(|n| format!("a{n}")).collect();
    ids.push("unknown".to_owned());
    let mut rows: Vec<Vec<f32>> = order.iter().map(|&n| vectors[n].clone()).collect();
    rows.push(vec![1.0; 24]);
    fs::write(at("ids.txt"), ids.join("\n") + "\n").unwrap();
    let number = |id: &str| id.trim_matches('"').trim_start_matches('a').parse::<usize>().unwrap();
    let cosine = |a: &[f32], b: &[f32]| {
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
    };
    for (name, is_half) in [("f32", false), ("f16", true)] {
        write_npy(&at("v.npy"), &rows, is_half);
        let (npy, list) = (at("v.npy"), at("ids.txt"));
        let more = ["--vectors", npy.to_str().unwrap(), "--vector-ids", list.to_str().unwrap()];
        succeeded(&pack(&[&at("a.json")], &at(name), &more));
        let (_, catalog) = open(&at(name)).unwrap();
        let all: Vec<u32> = (0..COUNT as u32).collect();
        let items = serde_json::to_value(pollster::block_on(catalog.items(&all)).unwrap().items).unwrap();
        let numbers: Vec<usize> =
            items.as_array().unwrap().iter().map(|item| number(item["id"].as_str().unwrap())).collect();
        let (mut found, mut wanted) = (0, 0);
        for (row, &own) in numbers.iter().enumerate() {
            let neighbors = pollster::block_on(catalog.neighbors(row as u32)).unwrap();
            let neighbors: Vec<usize> = neighbors.iter().map(|&row| numbers[row as usize]).collect();
            if own == 0 {
                assert!(neighbors.is_empty(), "a vector without direction has no neighbors");
                continue;
            }
            assert!(
                neighbors.iter().all(|other| other / 3 != own / 3 && *other != 0),
                "{own}: {neighbors:?}"
            );
            let similarities: Vec<f32> =
                neighbors.iter().map(|&other| cosine(&vectors[own], &vectors[other])).collect();
            assert!(similarities.is_sorted_by(|a, b| *a + 2e-3 >= *b), "{similarities:?}");
            let mut exact: Vec<usize> = (1..COUNT).filter(|other| other / 3 != own / 3).collect();
            exact.sort_by(|&a, &b| {
                cosine(&vectors[own], &vectors[b]).total_cmp(&cosine(&vectors[own], &vectors[a]))
            });
            wanted += 8;
            found += exact[..8].iter().filter(|other| neighbors.contains(other)).count();
        }
        assert!(found * 20 >= wanted * 19, "{name}: {found} of {wanted}");
    }
    let refused = |more: &[&str]| {
        let output = pack(&[&at("a.json")], &at("refused"), more);
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let (npy, json) = (at("v.npy"), at("a.json"));
    let (npy, json) = (npy.to_str().unwrap(), json.to_str().unwrap());
    assert!(refused(&["--vectors", npy]).contains("--vector-ids"));
    assert!(refused(&["--vectors", json, "--vector-ids", json]).contains("not a NumPy file"));
    assert!(refused(&["--vectors", npy, "--vector-ids", json]).contains("2001 vectors, but 1 ids"));
}

#[test]
fn vectors_of_an_index_are_those_of_its_exemplars() {
    use masklink::link::encoder::manifest::EncoderManifest;
    use masklink::link::index::build::Material;
    use masklink::link::index::vectors::Element;
    use masklink::link::index::{Entity, Exemplar, Index, folder};
    let temporary = tempfile::tempdir().unwrap();
    let at = |name: &str| temporary.path().join(name);
    fs::write(at("a.json"), made(40, false, false)).unwrap();
    succeeded(&pack(&[&at("a.json")], &at("plain"), &[]));
    let (_, catalog) = open(&at("plain")).unwrap();
    assert!(!catalog.has_neighbors());
    let ids: Vec<String> =
        items(&catalog).iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect();
    let exemplars = ids.iter().zip(clustered_vectors(ids.len())).map(|(id, vector)| {
        (Exemplar { annotation: id.clone(), image_hash: id.clone(), ..Exemplar::default() }, vector)
    });
    let entities = vec![Entity { qid: "Q1".to_owned(), ..Entity::default() }];
    let material = Material { entities, exemplars: exemplars.collect(), ..Material::default() };
    let manifest: EncoderManifest =
        serde_json::from_slice(&fs::read("www/models/link-encoder.json").unwrap()).unwrap();
    let index = Index::build(manifest, Element::F32, material).unwrap();
    folder::write(&at("index"), &index, b"").unwrap();
    succeeded(&pack(&[&at("a.json")], &at("pack"), &["--vectors", at("index").to_str().unwrap()]));
    let (_, catalog) = open(&at("pack")).unwrap();
    let neighbors = pollster::block_on(catalog.neighbors(0)).unwrap();
    assert!(catalog.has_neighbors() && !neighbors.is_empty());
}

#[test]
fn files_whose_records_do_not_name_themselves_are_packed() {
    let mask = r#""segmentation":{"size":[3,4],"counts":[0,6,6]}"#;
    let keyed = format!(
        r#"{{"images":{{"p": {{"file_name":"p.jpg","width":4,"height":3}}}},
        "annotations":{{"7": {{"image_id":"p","category_id":"Q1",{mask}}}}},
        "categories":{{"Q1":{{"name":"One"}}}}}}"#
    );
    let single = |id: u32| {
        format!(
            r#"{{"image":{{"image_id":{id},"file_name":"sa_{id}.jpg","width":4,"height":3}},
            "annotations":[{{"id":{id}00,{mask}}},{{"id":{id}01,{mask}}}]}}"#
        )
    };
    let folder = tempfile::tempdir().unwrap();
    let files = [keyed, single(1), single(2)].map(|text| {
        let path = folder.path().join(format!("{}.json", text.len() + usize::from(text.contains("sa_2"))));
        fs::write(&path, text).unwrap();
        path
    });
    let output = folder.path().join("pack");
    succeeded(&pack(&files.each_ref().map(std::path::PathBuf::as_path), &output, &[]));
    let found = items(&open(&output).unwrap().1);
    let of = |key: &str| found.iter().map(|item| item[key].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(of("id"), ["100", "101", "200", "201", "7"]);
    assert_eq!(of("imageId"), ["1", "1", "2", "2", "p"]);
    assert_eq!(of("file"), ["sa_1.jpg", "sa_1.jpg", "sa_2.jpg", "sa_2.jpg", "p.jpg"]);
    // The same file by its positions.
    for (at, file) in files.iter().enumerate() {
        let sidecar = folder.path().join(format!("{at}.masklink"));
        succeeded(&pack(&[file], &sidecar, &["--records-at", "https://example.org/annotations.json"]));
        let beside = pollster::block_on(open_sidecar(&sidecar, file)).unwrap();
        let ids: Vec<_> = items(&beside).iter().map(|item| item["id"].clone()).collect();
        let own: Vec<_> = items(&beside).iter().map(|item| item["imageId"].clone()).collect();
        let expected =
            if at == 0 { vec![json!("7")] } else { vec![json!(format!("{at}00")), json!(format!("{at}01"))] };
        assert_eq!(ids, expected);
        assert!(own.iter().all(|image| *image == if at == 0 { json!("p") } else { json!(at.to_string()) }));
    }
}

#[test]
fn files_without_any_category_lack_none() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: String| folder.path().join(name);
    let mask = r#""segmentation":{"size":[3,4],"counts":[0,6,6]}"#;
    for (number, (categories, category, lacking)) in
        [("", "", 0), (r#","categories":[{"id":3,"name":"three"}]"#, "", 2), ("", r#""category_id":3,"#, 1)]
            .into_iter()
            .enumerate()
    {
        let json = at(format!("{number}.json"));
        let text = format!(
            r#"{{"images":[{{"id":1,"file_name":"a.jpg","width":4,"height":3}}],"annotations":[
            {{"id":1,"image_id":1,{mask}}},{{"id":2,"image_id":1,{category}{mask}}}]{categories}}}"#
        );
        fs::write(&json, text).unwrap();
        let (packed, sidecar) = (at(format!("{number}")), at(format!("{number}.masklink")));
        succeeded(&pack(&[&json], &packed, &[]));
        succeeded(&pack(&[&json], &sidecar, &["--records-at", "https://example.org/annotations.json"]));
        let listed = fs::read_to_string(packed.join("findings.jsonl")).unwrap();
        assert_eq!(listed.matches("category_id: missing").count(), lacking, "{listed}");
        let (_, catalog) = open(&packed).unwrap();
        let beside = pollster::block_on(open_sidecar(&sidecar, &json)).unwrap();
        assert_eq!(items(&catalog), items(&beside), "{categories}{category}");
        assert_eq!(catalog.facets(), beside.facets(), "{categories}{category}");
        let found =
            items(&catalog).iter().map(|item| item["findings"].as_array().unwrap().len()).sum::<usize>();
        assert_eq!(found, lacking, "{categories}{category}");
    }
}
