//! Masks in other forms than COCO's, masks that a limit cuts, and polygons on images of unknown or wrong
//! sizes.

use masklink::dataset::{Dataset, OpenedImage, Query, ReadLimits};
use masklink::geometry::{Rect, Size};
use masklink::rle::Mask;
use serde_json::{Value, json};

const SIZE: Size = Size::new(12, 8);

fn read(value: &Value) -> Dataset {
    Dataset::read(value.to_string().as_bytes(), &ReadLimits::default())
}

/// Makes a file of one image and one annotation of these fields.
fn file(size: Size, fields: &Value) -> Value {
    let mut annotation = json!({"id": "a", "image_id": 1, "category_id": 1});
    annotation.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    json!({
        "images": [{"id": 1, "file_name": "a.jpg", "width": size.width, "height": size.height}],
        "annotations": [annotation],
        "categories": [{"id": 1, "name": "x"}],
    })
}

/// Returns a mask of columns 2 to 6 and rows 3 to 4.
fn block() -> Mask {
    Mask::from_polygon(SIZE, &[2.0, 3.0, 7.0, 3.0, 7.0, 5.0, 2.0, 5.0]).unwrap()
}

fn messages(dataset: &Dataset) -> Vec<String> {
    dataset.findings().map(|(_, finding)| format!("{} {finding}", finding.code())).collect()
}

#[test]
fn other_forms_of_the_same_mask_are_read() {
    let mask = block();
    let (counts, bbox) = (mask.counts(), json!([2, 3, 5, 2]));
    let transposed = mask.transposed(1000).unwrap();
    let text = format!("b'{}'", mask.to_compressed().replace('\\', "\\\\"));
    let quoted: Vec<String> = counts.iter().map(u32::to_string).collect();
    let cases = [
        ("row-major counts", json!({"size": [8, 12], "counts": transposed.counts()})),
        ("width, height", json!({"size": [12, 8], "counts": counts})),
        ("x and y exchanged", json!({"size": [12, 8], "counts": transposed.counts()})),
        ("Python bytes", json!({"size": [8, 12], "counts": text})),
        ("in quotes", json!({"size": ["8", "12"], "counts": quoted})),
        ("counts of the image's size", json!({"size": [0, 0], "counts": counts})),
        ("a box in place", json!([[2, 3, 5, 2]])),
        ("a box in place", json!([2, 3, 5, 2])),
        ("a box in place", json!([[2, 3, 7, 5]])),
        ("points as pairs", json!([[[2, 3], [7, 3], [7, 5], [2, 5]]])),
        ("points as pairs", json!([[2, 3], [7, 3], [7, 5], [2, 5]])),
        ("points as pairs", json!([{"x": 2, "y": 3}, {"x": 7, "y": 3}, {"x": 7, "y": 5}, {"x": 2, "y": 5}])),
        ("in quotes", json!([["2", "3", "7", "3", "7", "5", "2", "5"]])),
        ("list of its own", json!([[[2, 3, 7, 3, 7, 5, 2, 5]]])),
    ];
    for (form, segmentation) in cases {
        let dataset = read(&file(SIZE, &json!({"segmentation": segmentation, "bbox": bbox})));
        let found = messages(&dataset);
        assert!(found.len() == 1 && found[0].contains(form), "{form}: {segmentation}: {found:?}");
        assert!(found[0].starts_with("other-form segmentation"), "{found:?}");
        assert_eq!(dataset.annotations()[0].mask().unwrap(), mask, "{form}: {segmentation}");
        assert!(!dataset.annotations()[0].is_cut, "{form}");
    }
}

#[test]
fn box_as_an_object_is_read() {
    let mask = json!({"size": [8, 12], "counts": block().counts()});
    for bbox in
        [json!({"x": 2, "y": 3, "width": 5, "height": 2}), json!({"left": 2, "top": 3, "w": 5, "h": 2})]
    {
        let dataset = read(&file(SIZE, &json!({"segmentation": mask, "bbox": bbox})));
        assert_eq!(messages(&dataset), ["other-form bbox: read as an object of x, y, width, height"]);
        let rect = Rect { x1: 2.0, y1: 3.0, x2: 7.0, y2: 5.0 };
        assert_eq!(dataset.annotations()[0].boxes, [rect]);
    }
}

#[test]
fn uncertain_forms_are_named_and_not_read() {
    let swapped = json!({"size": [12, 8], "counts": block().counts()});
    let four = json!([[2, 3, 5, 2]]);
    let cases = [
        ("four numbers, as of a box or a line", json!({"segmentation": four})),
        ("four numbers, as of a box or a line", json!({"segmentation": four, "bbox": [0, 0, 2, 2]})),
        ("its height and width are swapped", json!({"segmentation": swapped})),
    ];
    for (expected, fields) in cases {
        let found = messages(&read(&file(SIZE, &fields)));
        assert!(found.iter().any(|message| message.contains(expected)), "{expected}: {found:?}");
        assert!(!found.iter().any(|message| message.starts_with("other-form")), "{found:?}");
    }
    let by_area = read(&file(SIZE, &json!({"segmentation": four, "area": 10})));
    assert_eq!(by_area.annotations()[0].mask().unwrap(), block(), "the area tells that it is a box");
}

#[test]
fn mask_that_its_box_fits_is_read_as_usual() {
    // A square mask reads alike in either order, and a box around it fits both.
    let size = Size::new(8, 8);
    let square = Mask::from_polygon(size, &[2.0, 2.0, 5.0, 2.0, 5.0, 5.0, 2.0, 5.0]).unwrap();
    let fields = json!({"segmentation": {"size": [8, 8], "counts": square.counts()}, "bbox": [2, 2, 3, 3]});
    let dataset = read(&file(size, &fields));
    assert_eq!(messages(&dataset), [""; 0]);
    assert_eq!(dataset.annotations()[0].mask().unwrap(), square);
}

#[test]
fn thousands_of_polygons_are_one_whole_mask() {
    let size = Size::new(200, 100);
    let squares: Vec<Value> = (0..2_500)
        .map(|n| {
            let (x, y) = (n % 50 * 4, n / 50 * 2);
            json!([x, y, x + 1, y, x + 1, y + 1, x, y + 1])
        })
        .collect();
    let dataset = read(&file(size, &json!({"segmentation": squares})));
    let annotation = &dataset.annotations()[0];
    assert_eq!((annotation.mask_area, annotation.is_cut, messages(&dataset).len()), (2_500, false, 0));
}

#[test]
fn mask_is_marked_where_a_part_is_left_out() {
    let square = |x: u32| json!([x, 0, x + 1, 0, x + 1, 1, x, 1]);
    let run = |at: u32| json!({"size": [8, 12], "counts": [at, 1, 95 - at]});
    let mut limits = ReadLimits::default();
    (limits.parts, limits.polygons) = (2, 2);
    let cases = [
        ("polygons", json!([square(0), square(3), square(6)]), 2, true),
        ("polygons within the limit", json!([square(0), square(3)]), 2, false),
        ("masks", json!([run(0), run(2), run(4)]), 2, true),
        (
            "masks and polygons within their own limits",
            json!([run(0), square(6), run(2), square(3)]),
            4,
            false,
        ),
        ("part that cannot be read", json!([run(0), {"size": [8, 12], "counts": "~"}]), 1, true),
        ("polygon that cannot be read", json!([square(0), [1, 2, 3]]), 1, true),
        ("no part that can be read", json!([[]]), 0, false),
    ];
    for (name, segmentation, area, is_cut) in cases {
        let json = file(SIZE, &json!({"segmentation": segmentation})).to_string();
        let dataset = Dataset::read(json.as_bytes(), &limits);
        let annotation = &dataset.annotations()[0];
        assert_eq!((annotation.mask_area, annotation.is_cut), (area, is_cut), "{name}");
        let query = Query::default();
        let page = dataset.result_page(&query, &dataset.select(&query), 0, 1).unwrap();
        let shown = serde_json::to_value(&page.images[0]).unwrap();
        assert_eq!(shown["annotations"][0]["isCut"], json!(is_cut), "{name}");
    }
}

#[test]
fn crossings_are_bounded_for_a_whole_file() {
    let width = 4_000_000;
    let polygon = json!([[0, 0, width, 0, width, 1]]);
    let annotations: Vec<Value> = (0..2_000)
        .map(|n| json!({"id": n, "image_id": 1, "category_id": 1, "segmentation": polygon}))
        .collect();
    let image = json!({"id": 1, "file_name": "a.jpg", "width": width, "height": 1});
    let file = json!({"images": [image], "annotations": annotations, "categories": [{"id": 1, "name": "x"}]});
    let dataset = read(&file);
    assert!(messages(&dataset)[0].contains("pixel columns that the polygons cross"));
    // A panorama of one large polygon stays within the budget.
    let fields = json!({"segmentation": [[0, 0, 50_000, 0, 50_000, 90, 0, 90]]});
    let dataset = read(&self::file(Size::new(50_000, 90), &fields));
    assert_eq!(dataset.annotations()[0].mask_area, 50_000 * 90);
}

#[test]
fn polygons_fit_the_opened_image_whatever_size_is_listed() {
    let fields = json!({"segmentation": [[7, 1, 11, 1, 11, 6, 7, 6]], "bbox": [7, 1, 4, 5]});
    let right = Mask::from_polygon(SIZE, &[7.0, 1.0, 11.0, 1.0, 11.0, 6.0, 7.0, 6.0]).unwrap();
    let listed = [
        ("right", json!({"width": 12, "height": 8}), None),
        ("swapped", json!({"width": 8, "height": 12}), Some("swapped-image")),
        ("too small", json!({"width": 6, "height": 4}), Some("polygons-outside")),
        ("missing", json!({}), Some("polygons-without-size")),
        ("zero", json!({"width": 0, "height": 0}), Some("polygons-without-size")),
        ("text", json!({"width": "wide", "height": "high"}), Some("polygons-without-size")),
        ("text of numbers", json!({"width": "12", "height": "8"}), Some("quoted-number")),
        ("too large", json!({"width": 120, "height": 80}), None),
    ];
    for (name, sides, code) in listed {
        let mut file = file(SIZE, &fields);
        file["images"][0] = json!({"id": 1, "file_name": "a.jpg"});
        file["images"][0].as_object_mut().unwrap().extend(sides.as_object().unwrap().clone());
        let dataset = read(&file);
        let annotation = &dataset.annotations()[0];
        assert_eq!(annotation.mask_area, right.area(), "{name}: not cut at a wrong edge");
        assert_eq!(annotation.mask_in(SIZE).unwrap().as_ref(), Some(&right), "{name}");
        let codes: Vec<_> = dataset.findings().map(|(_, finding)| finding.code()).collect();
        assert_eq!(codes.iter().any(|found| Some(*found) == code), code.is_some(), "{name}: {codes:?}");
        assert!(!annotation.is_cut, "{name}");
        let page = dataset.result_page_of_opened(0, OpenedImage::of_size(SIZE)).unwrap();
        assert_eq!(page.boundaries, right.boundaries(), "{name}");
    }
}

#[test]
fn images_of_one_id_are_told_apart_by_their_keys() {
    let image = |id: u32, file: &str| json!({"id": id, "file_name": file, "width": 12, "height": 8});
    let mut file = file(SIZE, &json!({"segmentation": [[0, 0, 4, 0, 4, 4, 0, 4]]}));
    file["images"] = json!([image(1, "a/first.jpg"), image(2, "a/other.jpg"), image(1, "b/second.jpg")]);
    let dataset = read(&file);
    let query = Query::default();
    let matches = dataset.select(&query);
    let page = dataset.result_page(&query, &matches, 0, 9).unwrap();
    let shown: Vec<Value> = page.images.iter().map(|image| serde_json::to_value(image).unwrap()).collect();
    let of = |key: &str| shown.iter().map(|image| image[key].clone()).collect::<Vec<_>>();
    assert_eq!(of("key"), ["1", "2", "1#2"]);
    assert_eq!(of("file"), ["a/first.jpg", "a/other.jpg", "b/second.jpg"]);
    let annotations: Vec<_> =
        shown.iter().map(|image| image["annotations"].as_array().unwrap().len()).collect();
    assert_eq!(annotations, [1, 0, 0], "an annotation belongs to the first image of its id");
    assert_eq!(shown[2]["findings"][0]["code"], "duplicate-id");
    for (place, key) in ["1", "2", "1#2"].into_iter().enumerate() {
        assert_eq!(dataset.place_of(&matches, key), Some(place));
    }
    assert_eq!(dataset.place_of(&matches, "2#0"), None);
}

#[test]
fn category_of_json_lines_needs_no_supercategory() {
    let lines = concat!(
        r#"{"id":"t","file_name":"tiny.bmp","width":8,"height":6}"#,
        "\n",
        r#"{"id":"Q1","name":"Universe"}"#,
        "\n",
        r#"{"id":"a","image_id":"t","category_id":"Q1","segmentation":[{"size":[6,8],"counts":[6,12,30]}]}"#,
        "\n",
    );
    let dataset = Dataset::read(lines.as_bytes(), &ReadLimits::default());
    let counts = (dataset.images().len(), dataset.categories().len(), dataset.annotations().len());
    assert_eq!(counts, (1, 1, 1));
    assert_eq!(dataset.findings().count(), 0);
}
