//! Valid annotation files, published ones and minimal ones: every field that is read.

use std::fs;

use masklink::dataset::{Dataset, Label, Partition, ReadLimits, Series};
use masklink::geometry::{Rect, Size};
use masklink::rle::Mask;
use serde_json::json;

use crate::shared_data::shared_data;

fn read(json: &str) -> Dataset {
    Dataset::read(json.as_bytes(), &ReadLimits::default())
}

/// Lists the findings as `record kind/id: code`.
fn findings(dataset: &Dataset) -> Vec<String> {
    dataset
        .findings()
        .map(|(record, finding)| format!("{}/{}: {}", record.kind.name(), record.id, finding.code()))
        .collect()
}

#[test]
fn published_example_is_read_completely() {
    let Some(folder) = shared_data("plvel_example") else { return };
    let dataset = Dataset::read(&fs::read(folder.join("annotations.json")).unwrap(), &ReadLimits::default());
    assert_eq!(findings(&dataset), [""; 0]);
    assert_eq!(dataset.annotations().len(), 1);
    let annotation = &dataset.annotations()[0];
    let image = dataset.image_of(annotation).unwrap();
    assert_eq!(image.file.as_deref(), Some("04/oven_04925844.jpg"));
    assert_eq!(image.size, Some(Size::new(500, 333)));
    assert_eq!(dataset.category_of(annotation).map(|category| category.name.as_str()), Some("Crow"));
    assert!(dataset.category_of(annotation).unwrap().is_entity());

    let [first, second] = &annotation.part_masks().unwrap()[..] else { panic!("two masks expected") };
    let union = annotation.mask().unwrap();
    assert!(first != second && union == first.union(second).unwrap());
    assert_eq!(annotation.mask_area, union.area());
    assert_eq!(annotation.mask_bounds, union.bbox());
    let pixels = |mask: &Mask| mask.to_column_major().unwrap();
    let or: Vec<u8> = pixels(first).iter().zip(pixels(second)).map(|(a, b)| a | b).collect();
    assert!(pixels(&union) == or);

    assert_eq!(annotation.boxes, [Rect { x1: 92.76, y1: 11.17, x2: 498.73, y2: 331.54 }; 2]);
    let label = |text: &str, score| Label { text: text.to_owned(), score: Some(score) };
    assert_eq!(annotation.labels, [label("a organisms a bird", 0.44), label("the genus corvus", 0.31)]);
    assert_eq!(annotation.question.as_deref(), Some("what kind of bird is this?"));
    assert!(annotation.text_prompt.as_deref().unwrap().ends_with("named 'crow'..."));
    let split = annotation.split.as_ref().unwrap();
    assert_eq!(
        (split.series, split.partition, split.seen),
        (Some(Series::Query), Some(Partition::Val), Some(true))
    );
    assert_eq!(split.raw, "query_val_seen");
}

#[test]
fn coco_file_is_read_completely() {
    let dataset = read(
        r#"{"info": {"year": 2014, "nested": [{"a": "]}"}]}, "licenses": [],
        "images": [{"id": 9, "file_name": "a.jpg", "width": 6, "height": 4,
            "coco_url": "http://images.example/a.jpg"}],
        "annotations": [
            {"id": 1, "image_id": 9, "category_id": 18, "iscrowd": 1, "area": 8, "bbox": [2, 0, 2, 4],
             "segmentation": {"size": [4, 6], "counts": [8, 8, 8]}},
            {"id": 2, "image_id": 9, "category_id": 18, "iscrowd": 0, "area": 8.0, "bbox": [2, 0, 2, 4],
             "segmentation": {"size": [4, 6], "counts": "888"}},
            {"id": 3, "image_id": 9, "category_id": 18, "area": 7.3, "bbox": [1, 1, 5, 2],
             "segmentation": [[1, 1, 3, 1, 3, 3, 1, 3], [4, 1, 6, 1, 6, 3, 4, 3]]}],
        "categories": [{"id": 18, "name": "dog", "supercategory": "animal"}]}"#,
    );
    assert_eq!(findings(&dataset), [""; 0]);
    assert_eq!(dataset.annotations().len(), 3);
    let [crowd, single, polygons] = [0, 1, 2].map(|at| &dataset.annotations()[at]);
    assert_eq!((crowd.id.as_str(), crowd.image.as_str(), crowd.category.as_str()), ("1", "9", "18"));
    assert!(crowd.is_crowd && !single.is_crowd);
    assert_eq!(crowd.boxes, [Rect { x1: 2.0, y1: 0.0, x2: 4.0, y2: 4.0 }]);
    assert_eq!(crowd.mask().unwrap().boundaries(), [8, 16]);
    assert_eq!(single.mask().unwrap(), crowd.mask().unwrap());
    assert_eq!(crowd.parts[0].counts(), "888");
    // Two squares of 2 x 2 pixels, rows 1 and 2: columns 1 and 2, columns 4 and 5.
    assert_eq!(polygons.mask().unwrap().boundaries(), [5, 7, 9, 11, 17, 19, 21, 23]);
    assert_eq!((polygons.parts.len(), polygons.mask_area), (1, 8));
    assert_eq!(dataset.images()[0].url.as_deref(), Some("http://images.example/a.jpg"));
    assert!(!dataset.categories()[0].is_entity());
}

#[test]
fn mask_is_the_union_of_its_parts() {
    let dataset = read(
        r#"{"images": [{"id": "p", "file_name": "///a/b.jpg", "width": 3, "height": 2}],
        "categories": [{"id": "Q1", "name": "universe", "description": "all of space"}],
        "annotations": [{"id": "a", "image_id": "p", "category_id": "Q1", "segmentation":
            [{"size": [2, 3], "counts": [0, 3, 3]}, {"size": [2, 3], "counts": [2, 2, 2]}]}]}"#,
    );
    assert_eq!(findings(&dataset), [""; 0]);
    let annotation = &dataset.annotations()[0];
    let boundaries: Vec<_> =
        annotation.part_masks().unwrap().iter().map(|mask| mask.boundaries().to_vec()).collect();
    assert_eq!(boundaries, [[0, 3], [2, 4]]);
    assert_eq!(annotation.mask().unwrap().boundaries(), [0, 4]);
    assert_eq!(annotation.mask_area, 4);
    assert_eq!(dataset.images()[0].file.as_deref(), Some("a/b.jpg"));
    assert_eq!(dataset.categories()[0].description.as_deref(), Some("all of space"));
}

#[test]
fn evaluation_photos_have_no_findings() {
    let Some(folder) = shared_data("coco_plvel") else { return };
    let dataset = Dataset::read(&fs::read(folder.join("annotations.json")).unwrap(), &ReadLimits::default());
    let counts = (dataset.images().len(), dataset.categories().len(), dataset.annotations().len());
    assert_eq!(counts, (160, 54, 160));
    assert_eq!(findings(&dataset), [""; 0]);
    let seen =
        |seen| dataset.annotations().iter().filter(|a| a.split.as_ref().unwrap().seen == Some(seen)).count();
    assert_eq!((seen(true), seen(false)), (80, 80));
    assert!(dataset.annotations().iter().all(|annotation| annotation.mask_area > 0));
}

#[test]
fn training_masks_have_no_findings() {
    let Some(folder) = shared_data("clicktrain") else { return };
    let file = fs::File::open(folder.join("annotations.json")).unwrap();
    let dataset = Dataset::read_from(file, &ReadLimits::default()).unwrap();
    let counts = (dataset.images().len(), dataset.categories().len(), dataset.annotations().len());
    assert_eq!(counts, (1852, 193, 10_950));
    assert_eq!(findings(&dataset), [""; 0]);
    let train = dataset
        .annotations()
        .iter()
        .filter(|a| a.split.as_ref().unwrap().partition == Some(Partition::Train))
        .count();
    assert_eq!(train, 9460);
}

#[test]
fn image_named_by_an_address_has_its_path_and_its_url() {
    let own = "https://own.example/b.jpg";
    for (record, file, url, path) in [
        (
            json!({"file_name": "http://h.example/a/b%231.jpg?w=2"}),
            Some("a/b#1.jpg"),
            Some("http://h.example/a/b%231.jpg?w=2"),
            Some("a/b#1.jpg"),
        ),
        (
            json!({"file_name": "http://h.example/a.jpg", "coco_url": own}),
            Some("a.jpg"),
            Some(own),
            Some("a.jpg"),
        ),
        (
            json!({"flickr_url": "https://h.example/1/c.jpg"}),
            None,
            Some("https://h.example/1/c.jpg"),
            Some("1/c.jpg"),
        ),
        (json!({"file_name": r"..\..\d.jpg"}), Some("d.jpg"), None, Some("d.jpg")),
        (json!({}), None, None, None),
    ] {
        let image =
            masklink::dataset::parse_image(record.to_string().as_bytes(), 0, &ReadLimits::default()).unwrap();
        assert_eq!(
            (image.file.as_deref(), image.url.as_deref(), image.path().as_deref()),
            (file, url, path),
            "{record}"
        );
    }
}
