//! Tests of catalogs: every look-up and selection agrees with the same file read whole.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::future::Future;
use std::ops::Range;
use std::task::Poll;

use masklink::dataset::catalog::{
    Catalog, CatalogOrder, CatalogScan, Filter, ORIGINAL, Storage, StorageError, measure_rows,
};
use masklink::dataset::{Dataset, ReadLimits, SummaryBuilder};
use serde_json::{Value, json};

type Files = BTreeMap<String, Vec<u8>>;

/// Scans a file, and opens its catalog from the bytes that would be stored.
fn catalog_of(json: &[u8]) -> Catalog<Files> {
    let mut scan = CatalogScan::new(ReadLimits::default());
    for chunk in json.chunks(1000) {
        scan.push(chunk);
    }
    assert_eq!(scan.progress().bytes, json.len() as u64);
    let stored = scan.finish().unwrap().to_file().unwrap();
    let files = [("catalog".to_owned(), stored), (ORIGINAL.to_owned(), json.to_vec())].into();
    wait(Catalog::open("catalog", files)).unwrap()
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    pollster::block_on(future)
}

/// Makes a file of `count` annotations over three entities, with masks of different sizes; images follow
/// their annotations, and every tenth image has two.
fn file(count: usize) -> Vec<u8> {
    let annotation = |n: usize| {
        let split = ["entity_train", "query_val_seen", "query_val_unseen"][n % 3];
        let entity = ["Q20", "Q3", "Q100"][n * 5 % 11 % 3];
        let ones = n * 7 % 100;
        let bottom = ones.div_ceil(10);
        let share = n as f64 / count as f64;
        json!({"id": format!("oven_{split}_{n:08}"), "image_id": format!("oven_{:08}", n - n % 10 / 9),
            "category_id": entity, "bbox": [[0, 0, bottom, 10]],
            "segmentation": [{"size": [10, 10], "counts": [0, ones, 100 - ones]}],
            "label": [format!("a thing({share:.2})")], "data_split": split})
    };
    let image = |n: usize| {
        json!({"id": format!("oven_{n:08}"), "file_name": format!("/{:02}/oven_{n:08}.jpg", n % 100),
            "width": 10, "height": 10})
    };
    let file = json!({
        "annotations": (0..count).map(annotation).collect::<Vec<_>>(),
        "images": (0..count).map(image).collect::<Vec<_>>(),
        "categories": [{"id": "Q100", "name": "Hundred"}, {"id": "Q3", "name": "Three"}],
    });
    serde_json::to_vec(&file).unwrap()
}

/// Returns the ids of the rows of a selection, read page by page.
fn selected(catalog: &Catalog<Files>, filter: &Filter) -> Vec<String> {
    let selection = wait(catalog.select(filter)).unwrap();
    let mut ids = Vec::new();
    loop {
        let rows = wait(catalog.rows(ids.len() as u64, 700)).unwrap();
        if rows.is_empty() {
            break;
        }
        let page = serde_json::to_value(wait(catalog.items(&rows)).unwrap().items).unwrap();
        ids.extend(page.as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()));
    }
    assert_eq!(ids.len() as u64, selection.annotations, "{filter:?}");
    ids
}

#[test]
fn selections_agree_with_the_whole_file() {
    // More rows than one block of cells.
    let json = file(20_000);
    let (catalog, dataset) = (catalog_of(&json), Dataset::read(&json, &ReadLimits::default()));
    let number = |qid: &str| qid[1..].parse::<u32>().unwrap();
    let share = |area: u64| (area as f64 / 100.0 * 20.0).ceil() as usize;
    let filters = [
        Filter::default(),
        Filter { entity: Some("Q3".to_owned()), ..Filter::default() },
        Filter { split: Some("query_val_seen".to_owned()), area: Some([3, 9]), ..Filter::default() },
        Filter { seen: Some(false), order: CatalogOrder::Largest, ..Filter::default() },
        Filter { area: Some([0, 0]), ..Filter::default() },
        Filter {
            entity: Some("Q20".to_owned()),
            order: CatalogOrder::Smallest,
            area: Some([1, 20]),
            ..Filter::default()
        },
    ];
    for filter in filters {
        let mut expected: Vec<_> = dataset
            .annotations()
            .iter()
            .filter(|found| {
                filter.entity.as_ref().is_none_or(|entity| found.category == *entity)
                    && filter.split.as_ref().is_none_or(|split| found.split_name() == split)
                    && filter.seen.is_none_or(|seen| found.split.as_ref().unwrap().seen == Some(seen))
                    && filter.area.is_none_or(|[low, high]| (low..=high).contains(&share(found.mask_area)))
            })
            .collect();
        expected.sort_by_key(|found| {
            let size = match filter.order {
                CatalogOrder::Largest => 20 - share(found.mask_area),
                CatalogOrder::Smallest => share(found.mask_area),
                _ => 0,
            };
            (size, number(&found.category))
        });
        let expected: Vec<&str> = expected.iter().map(|found| found.id.as_str()).collect();
        let actual = selected(&catalog, &filter);
        assert!(actual.len() > 20, "{filter:?} selects {}", actual.len());
        for at in [0, 7, actual.len() / 2, actual.len() - 1] {
            let row = wait(catalog.rows(at as u64, 1)).unwrap()[0];
            assert_eq!(wait(catalog.position(row)).unwrap(), Some(at as u64), "{filter:?}");
        }
        assert_eq!(actual, expected, "{filter:?}");
    }
}

#[test]
fn facets_count_what_a_selection_lists() {
    let json = file(3_000);
    let catalog = catalog_of(&json);
    let facets = serde_json::to_value(catalog.facets()).unwrap();
    for (at, split) in catalog.header().splits.iter().enumerate() {
        let filter = Filter { split: Some(split.clone()), ..Filter::default() };
        assert_eq!(facets["split"][at], selected(&catalog, &filter).len(), "{split}");
    }
    for bin in 0..21 {
        let filter = Filter { area: Some([bin, bin]), ..Filter::default() };
        assert_eq!(facets["area"][bin], selected(&catalog, &filter).len(), "bin {bin}");
    }
    for finding in facets["findings"].as_array().unwrap() {
        let code = finding["code"].as_str().unwrap().to_owned();
        let filter = Filter { finding: Some(code.clone()), ..Filter::default() };
        assert_eq!(finding["count"], selected(&catalog, &filter).len(), "{code}");
    }
}

#[test]
fn records_are_found_by_id_and_by_image() {
    let json = file(2_000);
    let (catalog, dataset) = (catalog_of(&json), Dataset::read(&json, &ReadLimits::default()));
    for annotation in dataset.annotations().iter().step_by(97) {
        let found = wait(catalog.find(&annotation.id)).unwrap().expect("a record of the file");
        let published: Value = serde_json::from_slice(&found.annotation).unwrap();
        assert_eq!(published["id"], annotation.id);
        assert_eq!(published["image_id"], annotation.image);
        let image: Value = serde_json::from_slice(&found.image.unwrap()).unwrap();
        assert_eq!(image["id"], annotation.image);
        let of_image = wait(catalog.of_image(&annotation.image)).unwrap();
        let index = dataset.image_index(&annotation.image).unwrap();
        assert_eq!(of_image.len(), dataset.annotations_of_image(index).len());
    }
    assert_eq!(wait(catalog.find("oven_entity_train_99999999")).unwrap(), None);
    assert_eq!(wait(catalog.of_image("no such image")).unwrap(), []);
}

#[test]
fn real_file_gives_the_same_items_as_the_whole_file() {
    let Some(folder) = crate::shared_data::shared_data("coco_plvel") else { return };
    let json = std::fs::read(folder.join("annotations.json")).unwrap();
    let (catalog, dataset) = (catalog_of(&json), Dataset::read(&json, &ReadLimits::default()));
    assert_eq!(catalog.header().annotations as usize, dataset.annotations().len());
    let rows: Vec<u32> = (0..catalog.header().annotations).collect();
    let page = wait(catalog.items(&rows)).unwrap();
    let items = serde_json::to_value(&page.items).unwrap();
    let by_id: BTreeMap<&str, _> =
        dataset.annotations().iter().map(|found| (found.id.as_str(), found)).collect();
    for item in items.as_array().unwrap() {
        let annotation = by_id[item["id"].as_str().unwrap()];
        let range = item["boundaries"].as_array().unwrap();
        let range = range[0].as_u64().unwrap() as usize..range[1].as_u64().unwrap() as usize;
        assert_eq!(page.boundaries[range], *annotation.mask().unwrap().boundaries());
        assert_eq!(item["title"], dataset.category_of(annotation).unwrap().name);
        assert_eq!(item["area"], annotation.mask_area);
        assert_eq!(item["file"], json!(dataset.image_of(annotation).unwrap().file));
    }
}

#[test]
fn long_lists_need_no_images_where_their_paths_follow_a_pattern() {
    let json = file(500);
    let catalog = catalog_of(&json);
    assert_eq!(catalog.header().image_pattern.as_deref(), Some("{11..13}/{id}.jpg"));
    let rows: Vec<u32> = (0..500).collect();
    let long = serde_json::to_value(wait(catalog.items(&rows)).unwrap().items).unwrap();
    let one_by_one: Vec<Value> = rows
        .iter()
        .map(|&row| serde_json::to_value(&wait(catalog.items(&[row])).unwrap().items[0]).unwrap())
        .collect();
    for (item, alone) in long.as_array().unwrap().iter().zip(&one_by_one) {
        assert_eq!((&item["file"], &item["findings"]), (&alone["file"], &alone["findings"]));
        assert_eq!((&item["size"], &alone["size"]), (&Value::Null, &json!([10, 10])));
    }
}

#[test]
fn damaged_records_are_counted_and_the_others_kept() {
    let json = br#"{"images": [{"id": 1, "file_name": "a.jpg", "width": 4, "height": 3}, {"id": nope}],
        "annotations": [{"id": "a", "image_id": 1, "category_id": 7,
            "segmentation": [[0, 0, 4, 0, 4, 3]]}, {"id": "b", "image_id": 1 "category_id": 7}]}"#;
    let catalog = catalog_of(json);
    let codes: Vec<(&str, u64)> =
        catalog.header().problems.iter().map(|found| (found.code.as_str(), found.count)).collect();
    assert!(codes.iter().any(|(code, _)| *code == "malformed"), "{codes:?}");
    assert_eq!(catalog.header().annotations, 1, "{:?}", catalog.header().problems);
    let item = serde_json::to_value(wait(catalog.items(&[0])).unwrap().items).unwrap();
    assert_eq!(
        (&item[0]["id"], &item[0]["title"], &item[0]["size"]),
        (&json!("a"), &json!("7"), &json!([3, 4]))
    );
    assert!(item[0]["area"].as_u64().unwrap() > 0, "polygons have the image's size");
}

#[test]
fn a_catalog_does_not_depend_on_where_its_batches_are_measured() {
    let limits = ReadLimits::default();
    let json = file(20_000);
    let mut scan = CatalogScan::new(limits);
    scan.push(&json);
    scan.measure_complete();
    let expected = scan.finish().unwrap().to_file().unwrap();
    let mut scan = CatalogScan::new(limits);
    let mut batches = Vec::new();
    for chunk in json.chunks(100_000) {
        scan.push(chunk);
        batches.extend(std::iter::from_fn(|| scan.take_batch()));
    }
    assert!(batches.len() >= 3, "{}", batches.len());
    // The last batch first, one as JSON from another worker, and one that never comes back.
    batches.remove(1);
    for batch in batches.iter().rev() {
        let rows = measure_rows(batch.first(), batch.json(), batch.lengths(), &limits);
        assert_eq!(rows.len(), batch.lengths().len());
        let rows = serde_json::from_slice(&serde_json::to_vec(&rows).unwrap()).unwrap();
        scan.push_measured(batch.first(), rows);
    }
    assert!(scan.finish().unwrap().to_file().unwrap() == expected);
}

#[test]
fn sizes_are_compared_with_images_that_follow_their_annotations() {
    let annotation = |id: &str, image: &str, height: u32| {
        json!({"id": id, "image_id": image, "category_id": "Q1",
            "segmentation": [{"size": [height, 10], "counts": [0, 10, height * 10 - 10]}]})
    };
    let file = json!({
        "annotations": [annotation("a", "i", 10), annotation("b", "i", 20), annotation("c", "none", 10)],
        "images": [{"id": "i", "file_name": "i.jpg", "width": 10, "height": 10}],
    });
    let catalog = catalog_of(&serde_json::to_vec(&file).unwrap());
    let filter = Filter { finding: Some("record-problem".to_owned()), ..Filter::default() };
    assert_eq!(selected(&catalog, &filter), ["b", "c"]);
}

#[test]
fn damaged_catalogs_are_refused() {
    let mut scan = CatalogScan::new(ReadLimits::default());
    let json = file(300);
    scan.push(&json);
    let stored = scan.finish().unwrap().to_file().unwrap();
    let open = |catalog: Vec<u8>, json: Vec<u8>| -> Result<usize, String> {
        let files: Files = [("catalog".to_owned(), catalog), (ORIGINAL.to_owned(), json)].into();
        let catalog = wait(Catalog::open("catalog", files)).map_err(|error| error.to_string())?;
        let rows: Vec<u32> = (0..catalog.header().annotations).collect();
        wait(catalog.items(&rows)).map(|page| page.items.len()).map_err(|error| error.to_string())
    };
    assert_eq!(open(stored.clone(), json.clone()), Ok(300));
    let message = |catalog: Vec<u8>, json: Vec<u8>| open(catalog, json).unwrap_err();
    assert!(message(json.clone(), json.clone()).contains("not a catalog"));
    assert!(message(stored[..8].to_vec(), json.clone()).contains("12 are needed"));
    assert!(message(stored[..stored.len() - 100].to_vec(), json.clone()).contains("not complete"));
    let other = json.iter().map(|&byte| if byte == b':' { b';' } else { byte }).collect();
    assert!(message(stored.clone(), other).contains("is the file the one"));
    let mut zeros = stored;
    let end = zeros.len();
    zeros[end - 4000..].fill(0);
    assert!(open(zeros, json).is_err());
}

#[test]
fn damaged_bytes_give_errors_and_no_panic() {
    let json = file(300);
    let mut scan = CatalogScan::new(ReadLimits::default());
    scan.push(&json);
    let stored = scan.finish().unwrap().to_file().unwrap();
    let mut state = 1_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut opened = 0;
    for _ in 0..500 {
        let mut catalog = stored.clone();
        for _ in 0..=random(4) {
            catalog[random(stored.len())] = random(256) as u8;
        }
        let files: Files = [("catalog".to_owned(), catalog), (ORIGINAL.to_owned(), json.clone())].into();
        let Ok(catalog) = wait(Catalog::open("catalog", files)) else { continue };
        opened += 1;
        wait(async {
            let _ = catalog.entities("three", 5).await;
            let _ = catalog.find("oven_entity_train_00000003").await;
            let _ = catalog.of_image("oven_00000004").await;
            let filter = Filter { suspicion: Some(1), ..Filter::default() };
            let _ = catalog.select(&filter).await;
            let _ = catalog.rows(0, 20).await;
            let _ = catalog.items(&[0, 150, 299]).await;
        });
    }
    assert!(opened > 100, "{opened}");
}

#[test]
fn selections_and_searches_at_the_same_time_share_what_they_read() {
    let json = file(1_000);
    let mut scan = CatalogScan::new(ReadLimits::default());
    scan.push(&json);
    let stored = scan.finish().unwrap().to_file().unwrap();
    let files: Files = [("catalog".to_owned(), stored), (ORIGINAL.to_owned(), json)].into();
    let catalog = wait(Catalog::open("catalog", Counted { files, reads: Cell::new(0) })).unwrap();
    let before = catalog.storage().reads.get();
    let of_entity = Filter { entity: Some("Q3".to_owned()), ..Filter::default() };
    let everything = Filter::default();
    let (hits, again, first, last) = wait(futures_util::future::join4(
        catalog.entities("three", 5),
        catalog.entities("hundred", 5),
        catalog.select(&of_entity),
        catalog.select(&everything),
    ));
    assert_eq!((hits.unwrap().len(), again.unwrap().len()), (1, 1));
    assert!(first.unwrap().annotations < last.unwrap().annotations);
    assert_eq!(catalog.storage().reads.get() - before, 2, "the names and the codes of one entity");
    let rows = wait(catalog.rows(0, 2_000)).unwrap();
    assert_eq!(rows.len(), 1_000, "the last selection counts, though it ended first");
}

/// Files that yield once before each read, and count the reads.
struct Counted {
    files: Files,
    reads: Cell<usize>,
}

impl Storage for Counted {
    async fn read(&self, file: &str, range: Range<u64>) -> Result<Vec<u8>, StorageError> {
        self.reads.set(self.reads.get() + 1);
        let mut yielded = false;
        std::future::poll_fn(|context| {
            if std::mem::replace(&mut yielded, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        self.files.read(file, range).await
    }
}

#[test]
fn records_that_do_not_name_themselves_are_found_by_their_keys_and_the_only_image() {
    let mask = r#""segmentation":{"size":[3,4],"counts":[0,6,6]}"#;
    let keyed = format!(
        r#"{{"images":{{"p 1" : {{"file_name":"p.jpg","width":4,"height":3}},
            "q\"": {{"file_name":"q.jpg","width":4,"height":3}}}},
        "annotations":{{"7": {{"image_id":"q\"","category_id":"Q1",{mask}}},
            "own":{{"id":"mine","image_id":"p 1","category_id":"Q1",{mask}}}}},
        "categories":{{"Q1":{{"name":"One"}}}}}}"#
    );
    let single = format!(
        r#"{{"image":{{"image_id":5,"file_name":"sa_5.jpg","width":4,"height":3}},
        "annotations":[{{"id":1,{mask}}},{{"id":2,{mask}}},{{"id":3,{mask}}},
            {{"id":4,{mask}}},{{"id":6,{mask}}}]}}"#
    );
    for (name, file, rows) in [
        ("keyed", &keyed, vec![("7", "q\"", "q.jpg"), ("mine", "p 1", "p.jpg")]),
        ("single", &single, ["1", "2", "3", "4", "6"].map(|id| (id, "5", "sa_5.jpg")).to_vec()),
    ] {
        let catalog = catalog_of(file.as_bytes());
        let whole = Dataset::read(file.as_bytes(), &ReadLimits::default());
        assert_eq!(u64::from(catalog.header().annotations), whole.annotations().len() as u64, "{name}");
        let all: Vec<u32> = (0..catalog.header().annotations).collect();
        let page = wait(catalog.items(&all)).unwrap();
        let mut found: Vec<_> = page.items.iter().map(|item| serde_json::to_value(item).unwrap()).collect();
        found.sort_by_key(|item| item["id"].as_str().unwrap().to_owned());
        let text = |item: &Value, key: &str| item[key].as_str().unwrap().to_owned();
        let shown: Vec<_> =
            found.iter().map(|item| ["id", "imageId", "file"].map(|key| text(item, key))).collect();
        let expected: Vec<_> =
            rows.iter().map(|&(id, image, file)| [id, image, file].map(String::from)).collect();
        assert_eq!(shown, expected, "{name}");
        assert!(found.iter().all(|item| item["area"] == 6), "{name}");
        for (id, image, _) in rows {
            assert!(wait(catalog.find(id)).unwrap().is_some(), "{name} {id}");
            assert!(!wait(catalog.of_image(image)).unwrap().is_empty(), "{name} {image}");
        }
    }
}

#[test]
fn file_without_any_category_lacks_none() {
    let annotation = |n: u32, category: Option<u32>| {
        let mut annotation = json!({"id": n, "image_id": 1, "bbox": [0, 0, 3, 10],
            "segmentation": {"size": [10, 10], "counts": [0, 30, 70]}});
        if let Some(category) = category {
            annotation["category_id"] = json!(category);
        }
        annotation
    };
    let file = |categories: Value, annotations: Value| {
        let images = json!([{"id": 1, "file_name": "a.jpg", "width": 10, "height": 10},
            {"id": 2, "file_name": "b.jpg", "width": 10, "height": 10}]);
        let mut file = json!({"images": images, "annotations": annotations});
        if !categories.is_null() {
            file["categories"] = categories;
        }
        serde_json::to_vec(&file).unwrap()
    };
    let none = json!([annotation(1, None), annotation(2, None)]);
    let some = json!([annotation(1, None), annotation(2, Some(3))]);
    let listed = json!([{"id": 3, "name": "three"}]);
    for (categories, annotations, lacking, entities) in [
        (Value::Null, &none, 0, 0),
        (Value::Null, &some, 1, 1),
        (listed.clone(), &none, 2, 0),
        (listed, &some, 1, 1),
    ] {
        let json = file(categories, annotations.clone());
        let missing = |found: &Value| found["message"].as_str().unwrap().starts_with("category_id: ");
        let catalog = catalog_of(&json);
        let items = serde_json::to_value(wait(catalog.items(&[0, 1])).unwrap().items).unwrap();
        let items = items.as_array().unwrap().iter();
        let counted = items.filter(|item| item["findings"].as_array().unwrap().iter().any(missing)).count();
        assert_eq!(counted, lacking, "findings of {annotations}");
        assert_eq!(catalog.header().entities, entities, "{annotations}");
        let filter = Filter { finding: Some("record-problem".to_owned()), ..Filter::default() };
        assert_eq!(selected(&catalog, &filter).len(), lacking, "facets of {annotations}");
        let dataset = Dataset::read(&json, &ReadLimits::default());
        let missing = dataset.findings().filter(|(_, found)| found.code() == "missing").count();
        assert_eq!(missing, lacking, "findings of the whole file {annotations}");
        let mut summary = SummaryBuilder::new(ReadLimits::default(), 1);
        summary.push(&json);
        let tally = summary.finish().findings.remove("missing").unwrap_or_default();
        let counted = (tally.count as usize, tally.examples.len());
        assert_eq!(counted, (lacking, lacking.min(1)), "summary of {annotations}");
    }
}
