//! The views of a dataset: overview, query, pages of results; and the summary, which agrees with them.

use masklink::dataset::{Dataset, ImageFrame, OpenedImage, Order, Query, ReadLimits, SummaryBuilder};
use masklink::geometry::{Orientation, Size};
use masklink::rle::{CocoRle, Mask};
use serde_json::{Value, json};

/// Three images of 4 x 3 pixels: p0 with a small crow and a finding, p1 with a large crow and an
/// owl, p2 with none.
const FILE: &str = r#"{
    "images": [{"id":"p0","file_name":"/0.jpg","width":4,"height":3},
        {"id":"p1","file_name":"/1.jpg","width":4,"height":3},
        {"id":"p2","file_name":"/2.jpg","width":4,"height":3}],
    "categories": [{"id":"Q388450","name":"Crow","description":"genus of birds"},
        {"id":"Q25222","name":"Owl"}],
    "annotations": [
        {"id":"a","image_id":"p0","category_id":"Q388450","segmentation":[{"size":[3,4],"counts":[3,1,8]}],
         "label":["a black bird"],"data_split":"query_val_seen","bbox":[[1,0,2,1]]},
        {"id":"b","image_id":"p1","category_id":"Q388450","segmentation":[{"size":[3,4],"counts":[0,12]}],
         "data_split":"query_val_unseen","question":"What kind of bird?"},
        {"id":"c","image_id":"p1","category_id":"Q25222","segmentation":[{"size":[3,4],"counts":[2,2,8]}],
         "data_split":"query_val_seen"},
        {"id":"d","image_id":"nowhere","category_id":"Q1",
         "segmentation":[{"size":[2,2],"counts":[0,1,3]}]}]}"#;

fn dataset() -> Dataset {
    Dataset::read(FILE.as_bytes(), &ReadLimits::default())
}

#[test]
fn queries_match_and_sort_images() {
    let dataset = dataset();
    let all = Query::default();
    let cases = [
        ("all", all.clone(), vec!["p0", "p1", "p2", "nowhere"], 4),
        ("reversed", Query { reversed: true, ..all.clone() }, vec!["nowhere", "p2", "p1", "p0"], 4),
        ("crows", Query { category: Some("Q388450".into()), ..all.clone() }, vec!["p0", "p1"], 2),
        ("split", Query { split: Some("query_val_seen".into()), ..all.clone() }, vec!["p0", "p1"], 2),
        ("no split", Query { split: Some(String::new()), ..all.clone() }, vec!["nowhere"], 1),
        ("finding", Query { finding: Some("label-without-score".into()), ..all.clone() }, vec!["p0"], 1),
        ("any finding", Query { finding: Some(String::new()), ..all.clone() }, vec!["p0", "nowhere"], 2),
        ("words", Query { text: "BIRD black".into(), ..all.clone() }, vec!["p0"], 1),
        ("entity name", Query { text: "owl".into(), ..all.clone() }, vec!["p1"], 1),
        ("file name", Query { text: "1.jpg".into(), ..all.clone() }, vec!["p1"], 2),
        ("no such words", Query { text: "zebra".into(), ..all.clone() }, vec![], 0),
        ("largest first", Query { order: Order::Size, ..all.clone() }, vec!["p1", "nowhere", "p0", "p2"], 4),
        ("largest owl", Query { order: Order::Size, text: "owl".into(), ..all.clone() }, vec!["p1"], 1),
        ("suspicion", Query { order: Order::Suspicion, ..all.clone() }, vec!["nowhere", "p0", "p1", "p2"], 4),
    ];
    for (name, query, images, annotations) in cases {
        let matches = dataset.select(&query);
        let found: Vec<_> =
            matches.images.iter().map(|&index| dataset.images()[index as usize].id.as_str()).collect();
        let places = ["p0", "p1", "p2", "nowhere", "no such id"].map(|id| dataset.place_of(&matches, id));
        let expected =
            ["p0", "p1", "p2", "nowhere", "no such id"].map(|id| images.iter().position(|&one| one == id));
        assert_eq!(places, expected, "{name}");
        assert_eq!((found, matches.annotations), (images, annotations), "{name}");
    }
}

#[test]
fn query_deserializes_from_the_keys_of_the_viewer() {
    let query = serde_json::from_value(json!({"text": "owl", "order": "suspicion", "reversed": true}));
    let expected = Query { text: "owl".into(), order: Order::Suspicion, reversed: true, ..Query::default() };
    assert_eq!(query.ok(), Some(expected));
    assert!(serde_json::from_value::<Query>(json!({"categories": "Q1"})).is_err(), "unknown key");
    assert!(serde_json::from_value::<Query>(json!({"order": "Size"})).is_err(), "unknown order");
}

#[test]
fn annotations_are_grouped_by_image_and_category() {
    let dataset = dataset();
    let ids = |indices: &[u32]| -> Vec<&str> {
        indices.iter().map(|&index| dataset.annotations()[index as usize].id.as_str()).collect()
    };
    assert_eq!(ids(dataset.annotations_of_image(dataset.image_index("p1").unwrap())), ["b", "c"]);
    assert_eq!(ids(dataset.annotations_of_image(dataset.image_index("p2").unwrap())), [""; 0]);
    assert_eq!(ids(dataset.annotations_of_category(dataset.category_index("Q388450").unwrap())), ["a", "b"]);
    let splits: Vec<_> = dataset.split_counts().into_iter().collect();
    assert_eq!(splits, [("", 1), ("query_val_seen", 2), ("query_val_unseen", 1)]);
}

#[test]
fn result_pages_serialize_for_the_viewer() {
    let dataset = dataset();
    let query: Query = serde_json::from_value(json!({"category": "Q388450"})).unwrap();
    let matches = dataset.select(&query);
    let page = dataset.result_page(&query, &matches, 1, 5).unwrap();
    assert_eq!(page.boundaries, [0, 12]);
    let expected = json!([{
        "key": "p1",
        "id": "p1", "file": "1.jpg", "url": null, "size": [3, 4], "findings": [],
        "annotations": [{
            "id": "b", "qid": "Q388450", "title": "Crow", "description": "genus of birds", "thumbnail": null,
            "textPrompt": null, "question": "What kind of bird?", "labels": [], "split": "query_val_unseen",
            "seen": false,
            "isCrowd": false, "isCut": false, "boxes": [], "area": 12, "size": [3, 4],
            "boundaries": [0, 2], "findings": []
        }]
    }]);
    assert_eq!(serde_json::to_value(&page.images).unwrap(), expected);

    let all = dataset.result_page(&Query::default(), &dataset.select(&Query::default()), 0, 2).unwrap();
    assert_eq!(all.boundaries, [3, 4, 0, 12, 2, 4]);
    let images = serde_json::to_value(&all.images).unwrap();
    assert_eq!(images[0]["annotations"][0]["boxes"], json!([[1.0, 0.0, 2.0, 1.0]]));
    assert_eq!(images[0]["annotations"][0]["findings"][0]["code"], "label-without-score");
    assert_eq!(images[1]["annotations"][1]["boundaries"], json!([4, 6]));
    assert_eq!(
        dataset
            .result_page(&Query::default(), &dataset.select(&Query::default()), 4, 9)
            .unwrap()
            .images
            .len(),
        0
    );
}

#[test]
fn result_page_omits_annotations_beyond_its_limit() {
    let text = "x".repeat(16_000);
    let annotation = |n| {
        format!(
            r#"{{"id":"{n}","image_id":"p","category_id":"","question":"{text}",
                "segmentation":[{{"size":[1,1],"counts":[0,1]}}]}}"#
        )
    };
    let annotations: Vec<_> = (0..300).map(annotation).collect();
    let file = format!(
        r#"{{"images":[{{"id":"p","width":1,"height":1}}],"annotations":[{}]}}"#,
        annotations.join(",")
    );
    let dataset = Dataset::read(file.as_bytes(), &ReadLimits::default());
    assert_eq!(dataset.annotations().len(), 300);
    let page = dataset.result_page(&Query::default(), &dataset.select(&Query::default()), 0, 1).unwrap();
    let images = serde_json::to_value(&page.images).unwrap();
    let shown = images[0]["annotations"].as_array().unwrap().len();
    assert!((200..300).contains(&shown), "{shown}");
    let message = format!("{} annotations are not shown: too many for one page", 300 - shown);
    assert_eq!(
        images[0]["findings"].as_array().unwrap().last(),
        Some(&json!({"code": "limit", "message": message}))
    );
}

#[test]
fn result_page_limit_counts_repeated_category_strings() {
    let text = "word ".repeat(3_000);
    let annotations: Vec<Value> =
        (0..2_000).map(|id| json!({"id": format!("{id}"), "image_id": "p", "category_id": "Q1"})).collect();
    let file = json!({
        "images": [{"id": "p", "file_name": "p.jpg", "width": 4, "height": 3}],
        "categories": [{"id": "Q1", "name": "Crow", "description": text}],
        "annotations": annotations,
    });
    let dataset = Dataset::read(file.to_string().as_bytes(), &ReadLimits::default());
    let query = Query::default();
    let page = dataset.result_page(&query, &dataset.select(&query), 0, 10).unwrap();
    let bytes = serde_json::to_string(&page.images).unwrap().len();
    assert!(bytes < 6 << 20, "{bytes} bytes of JSON");
}

#[test]
fn image_too_large_for_masks_hides_no_other() {
    let file = r#"{
        "images": [{"id":"huge","file_name":"h.jpg","width":100000,"height":100000},
            {"id":"p","file_name":"p.jpg","width":4,"height":3}],
        "categories": [],
        "annotations": [{"id":"a","image_id":"huge","category_id":"Q1"},
            {"id":"b","image_id":"p","category_id":"Q1","segmentation":[{"size":[3,4],"counts":[3,1,8]}]}]}"#;
    let dataset = Dataset::read(file.as_bytes(), &ReadLimits::default());
    let query = Query::default();
    let page = dataset.result_page(&query, &dataset.select(&query), 0, 10).unwrap();
    let images = serde_json::to_value(&page.images).unwrap();
    assert_eq!(images[1]["annotations"][0]["area"], 1, "{images}");
}

#[test]
fn overview_and_summary_agree() {
    let dataset = dataset();
    let overview: Value = serde_json::to_value(dataset.overview(5)).unwrap();
    assert_eq!((&overview["images"], &overview["annotations"]), (&json!(4), &json!(4)));
    assert_eq!(overview["bytes"], json!(FILE.len()));
    assert_eq!(overview["splits"][1], json!({"name": "query_val_seen", "annotations": 2}));
    let codes: Vec<_> =
        overview["findings"].as_array().unwrap().iter().map(|f| f["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["label-without-score", "missing-image", "not-listed", "unknown-category"]);

    let mut builder = SummaryBuilder::new(ReadLimits::default(), 5);
    FILE.as_bytes().chunks(7).for_each(|chunk| builder.push(chunk));
    let summary = builder.finish();
    assert_eq!(summary.findings, dataset.findings_by_code(5));
    assert_eq!((summary.annotations, summary.masks, summary.boxes, summary.labels), (4, 4, 1, 1));
    assert_eq!(summary.annotations_of_image, [1, 2, 0, 1]);
    assert_eq!((summary.categories, summary.entities), (2, 2));
    let used: Vec<_> = summary
        .used_categories
        .iter()
        .map(|(id, name, count)| (id.as_str(), name.as_deref(), *count))
        .collect();
    assert_eq!(used, [("Q388450", Some("Crow"), 2), ("Q1", None, 1), ("Q25222", Some("Owl"), 1)]);
    // Masks of 1, 12, 2 and 1 pixels.
    assert_eq!(summary.areas, [0, 2, 1, 0, 1]);
    let splits: Vec<_> = summary.splits.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    assert_eq!(splits, dataset.split_counts().into_iter().collect::<Vec<_>>());
}

#[test]
fn categories_are_found_by_name_or_id() {
    let dataset = dataset();
    let found = |text, limit| serde_json::to_value(dataset.frequent_categories(text, limit)).unwrap();
    let crow = json!({"id": "Q388450", "name": "Crow", "annotations": 2});
    let owl = json!({"id": "Q25222", "name": "Owl", "annotations": 1});
    assert_eq!(found("", 9), json!([crow, owl]));
    assert_eq!(found("OW", 1), json!([crow]));
    assert_eq!(found("q25", 9), json!([owl]));
}

#[test]
fn masks_of_a_turned_image_are_turned_with_it() {
    let stored = Size::new(12, 8);
    let block = Mask::from_polygon(stored, &[2.0, 1.0, 7.0, 1.0, 7.0, 3.0, 2.0, 3.0]).unwrap();
    let polygon = json!([[1, 1, 5, 1, 5, 4, 1, 4]]);
    let file = |segmentation: &Value| {
        json!({
            "images": [{"id": 1, "file_name": "a.jpg", "width": 12, "height": 8}],
            "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [2, 1, 5, 2],
                "segmentation": segmentation}],
        })
    };
    let read = |segmentation: &Value| {
        Dataset::read(file(segmentation).to_string().as_bytes(), &ReadLimits::default())
    };
    let rle = read(&serde_json::to_value(CocoRle::from(&block)).unwrap());
    let drawn = read(&polygon);
    for number in 1..=8 {
        let orientation = Orientation::from_exif(number);
        let frame = ImageFrame { displayed: orientation.of_size(stored), orientation };
        let shown = |dataset: &Dataset, is_turned: bool| {
            let page = dataset.result_page_of_opened(0, OpenedImage { frame, is_turned }).unwrap();
            let image = serde_json::to_value(&page.images[0]).unwrap();
            let size = image["annotations"][0]["size"].as_array().unwrap();
            let [height, width] = [0, 1].map(|at: usize| size[at].as_u64().unwrap() as u32);
            let mask = Mask::from_boundaries(Size::new(width, height), page.boundaries).unwrap();
            (image["maskFrame"].clone(), mask, image["annotations"][0]["boxes"][0].clone())
        };
        let turned = block.oriented(orientation).unwrap();
        let corners = |mask: &Mask| {
            let bounds = mask.bbox().unwrap();
            json!([bounds.x, bounds.y, bounds.x + bounds.width, bounds.y + bounds.height].map(f64::from))
        };
        let (told, chosen) = match number {
            1 => (Value::Null, &block),
            2..=4 => (json!("unknown"), &block),
            _ => (json!("stored"), &turned),
        };
        assert_eq!(shown(&rle, false), (told.clone(), chosen.clone(), corners(chosen)), "{number}");
        assert_eq!(shown(&rle, true), (told, turned.clone(), corners(&turned)), "{number}");
        // Polygons within both frames tell nothing.
        let (told, mask, _) = shown(&drawn, true);
        assert_eq!(told, if number == 1 { Value::Null } else { json!("unknown") }, "{number}");
        let polygon = Mask::from_polygon(stored, &[1.0, 1.0, 5.0, 1.0, 5.0, 4.0, 1.0, 4.0]).unwrap();
        assert_eq!(mask, polygon.oriented(orientation).unwrap(), "{number}");
        assert_eq!(shown(&drawn, false).1.size(), frame.displayed, "{number}");
    }
}
