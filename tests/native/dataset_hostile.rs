//! Annotation files that are wrong in every way we know: what is said, and that the rest is still read.

use masklink::dataset::{Dataset, ReadLimits};

/// A whole file around the given annotations, with image "p" of 4 x 3 pixels and category "Q1".
fn file(annotations: &str) -> String {
    format!(
        r#"{{"images":[{{"id":"p","file_name":"/p.jpg","width":4,"height":3}}],
        "categories":[{{"id":"Q1","name":"universe"}}],"annotations":[{annotations}]}}"#
    )
}

/// An annotation with the given fields besides its ids; a mask of 6 pixels, columns 1 and 2, is whole.
fn annotation(fields: &str) -> String {
    format!(r#"{{"id":"a","image_id":"p","category_id":"Q1",{fields}}}"#)
}

const MASK: &str = r#""segmentation":{"size":[3,4],"counts":[3,6,3]}"#;

fn findings(dataset: &Dataset) -> Vec<String> {
    let name = |(record, finding): (masklink::dataset::RecordRef<'_>, &masklink::dataset::Finding)| {
        format!("{} {}: {} {finding}", record.kind.name(), record.id, finding.code())
    };
    dataset.findings().map(name).collect()
}

fn check(name: &str, json: &str, expected: &[&str]) -> Dataset {
    let dataset = Dataset::read(json.as_bytes(), &ReadLimits::default());
    assert_eq!(findings(&dataset), expected, "{name}: {json}");
    dataset
}

/// One odd annotation before a good one: the findings, and the good one is there.
fn check_annotations(cases: &[(&str, &str, &[&str])]) {
    for (name, fields, expected) in cases {
        let good = annotation(MASK).replace(r#""id":"a""#, r#""id":"good""#);
        let dataset = check(name, &file(&format!("{},{good}", annotation(fields))), expected);
        let good = &dataset.annotations()[1];
        assert_eq!((good.id.as_str(), good.mask_area, good.findings.len()), ("good", 6, 0), "{name}");
    }
}

#[test]
fn odd_masks() {
    check_annotations(&[
        (
            "mask of another size",
            r#""segmentation":[{"size":[4,3],"counts":[12]}]"#,
            &[
                "annotation a: size-differs segmentation[0]: the mask is 3x4, the image 4x3",
                "annotation a: empty-mask segmentation[0]: no pixel is set",
            ],
        ),
        (
            "one part of another size",
            r#""segmentation":[{"size":[1,2],"counts":[0,2]},{"size":[3,4],"counts":[3,6,3]}]"#,
            &["annotation a: size-differs segmentation[0]: the mask is 2x1, the image 4x3"],
        ),
        ("no mask", r#""bbox":[]"#, &["annotation a: no-mask segmentation: there is no mask"]),
        (
            "empty list of masks",
            r#""segmentation":[]"#,
            &["annotation a: no-mask segmentation: there is no mask"],
        ),
        (
            "bad character",
            r#""segmentation":[{"size":[3,4],"counts":"36~"}]"#,
            &[
                "annotation a: bad-mask segmentation[0]: byte 2 is 0x7e, not one of COCO's characters '0'..'o'",
            ],
        ),
        (
            "string cut within a number",
            r#""segmentation":[{"size":[3,4],"counts":"3P"}]"#,
            &[
                "annotation a: bad-mask segmentation[0]: the string ends within the number that begins at byte 1",
            ],
        ),
        (
            "runs too long",
            r#""segmentation":[{"size":[3,4],"counts":[3,10]}]"#,
            &["annotation a: bad-mask segmentation[0]: the runs up to 1 cover 13 pixels, the size has 12"],
        ),
        (
            "runs too short",
            r#""segmentation":[{"size":[3,4],"counts":[3,4]}]"#,
            &["annotation a: bad-mask segmentation[0]: the runs up to 2 cover 7 pixels, the size has 12"],
        ),
        (
            "negative run",
            r#""segmentation":[{"size":[3,4],"counts":[3,-1,10]}]"#,
            &["annotation a: bad-mask segmentation[0]: run 1 has the length -1, outside 0..=4294967295"],
        ),
        (
            "size that overflows",
            r#""segmentation":[{"size":[4294967295,4294967295],"counts":[0]}]"#,
            &[
                "annotation a: bad-mask segmentation[0]: pixels of a mask: 18446744065119617025 is over the limit of 4294967295",
            ],
        ),
        (
            "size of text",
            r#""segmentation":[{"size":["3","4"],"counts":[12]}]"#,
            &["annotation a: shape segmentation[0]: a list where size: [height, width] is expected"],
        ),
        (
            "size of one number",
            r#""segmentation":[{"size":[3],"counts":[12]}]"#,
            &["annotation a: shape segmentation[0]: other numbers where size: [height, width] is expected"],
        ),
        (
            "no counts",
            r#""segmentation":[{"size":[3,4]}]"#,
            &[
                "annotation a: shape segmentation[0]: nothing where counts: a text or a list of numbers is expected",
            ],
        ),
        (
            "mask of text",
            r#""segmentation":"36""#,
            &[
                "annotation a: shape segmentation: a text where an RLE, a list of RLEs, or polygons is expected",
            ],
        ),
        (
            "one bad mask of two",
            r#""segmentation":[{"size":[3,4],"counts":"~"},{"size":[3,4],"counts":[3,6,3]}]"#,
            &[
                "annotation a: bad-mask segmentation[0]: byte 0 is 0x7e, not one of COCO's characters '0'..'o'",
            ],
        ),
        (
            "polygon of two points",
            r#""segmentation":[[0,0,4,3],[1,0,3,0,3,3,1,3]]"#,
            &[
                "annotation a: shape segmentation[0]: other numbers where x and y of three points or more is expected",
            ],
        ),
        (
            "polygon far away",
            r#""segmentation":[[0,0,1e300,3,3,3]]"#,
            &[
                "annotation a: bad-mask segmentation[0]: coordinate 2 of polygon 0 is not a number within ±268435456",
            ],
        ),
        (
            "one polygon of two far away",
            r#""segmentation":[[1,0,3,0,3,3,1,3],[0,0,1e300,3,3,3]]"#,
            &[
                "annotation a: bad-mask segmentation[1]: coordinate 2 of polygon 1 is not a number within ±268435456",
            ],
        ),
    ]);
}

#[test]
fn odd_boxes_and_words() {
    check_annotations(&[
        (
            "box outside",
            &format!(r#"{MASK},"bbox":[[1,0,9,3]]"#),
            &[
                "annotation a: box-outside bbox[0]: the box (1.00, 0.00)-(9.00, 3.00) reaches outside 4x3",
                "annotation a: box-disagrees bbox[0]: the box and the mask's own (1, 0)-(3, 3) overlap by IoU 0.25",
            ],
        ),
        ("box as x, y, width, height in a list", &format!(r#"{MASK},"bbox":[[1,0,2,3]]"#), &[]),
        (
            "width and height in place of a corner",
            r#""segmentation":{"size":[3,4],"counts":[6,6]},"bbox":[[2,0,2,3]]"#,
            &[
                "annotation a: empty-box bbox[0]: the box (2.00, 0.00)-(2.00, 3.00) has no area",
                "annotation a: box-disagrees bbox[0]: the box and the mask's own (2, 0)-(4, 3) overlap by IoU 0.00; \
             read in the other order of numbers they agree",
            ],
        ),
        (
            "swapped corners",
            &format!(r#"{MASK},"bbox":[[3,3,1,0]]"#),
            &[
                "annotation a: empty-box bbox[0]: the box (3.00, 3.00)-(1.00, 0.00) has no area",
                "annotation a: box-disagrees bbox[0]: the box and the mask's own (1, 0)-(3, 3) overlap by IoU 0.00",
            ],
        ),
        ("corners in a flat list", &format!(r#"{MASK},"bbox":[1,0,3,3]"#), &[]),
        (
            "box elsewhere",
            &format!(r#"{MASK},"bbox":[[0,0,1,1]]"#),
            &[
                "annotation a: box-disagrees bbox[0]: the box and the mask's own (1, 0)-(3, 3) overlap by IoU 0.00",
            ],
        ),
        (
            "box of three numbers",
            &format!(r#"{MASK},"bbox":[1,0,3]"#),
            &[
                "annotation a: shape bbox: a list of numbers where x, y, width, height or a list of x1, y1, x2, y2 is expected",
            ],
        ),
        (
            "one box of words",
            &format!(r#"{MASK},"bbox":[[1,0,3,3],"x"]"#),
            &["annotation a: shape bbox[1]: a text where x1, y1, x2, y2 is expected"],
        ),
        (
            "label without score",
            &format!(r#"{MASK},"label":["bird"]"#),
            &["annotation a: label-without-score label[0]: \"bird\" has no score in brackets"],
        ),
        (
            "label of a number",
            &format!(r#"{MASK},"label":[3, "x(0.1)"]"#),
            &["annotation a: shape label[0]: a number where a text is expected"],
        ),
        (
            "split of other words",
            &format!(r#"{MASK},"data_split":"mine""#),
            &[
                "annotation a: unclear-split data_split: \"mine\" is not made of series, part, and seen or unseen",
            ],
        ),
        (
            "area of another mask",
            &format!(r#"{MASK},"area":99"#),
            &["annotation a: area-differs area: 99 published, the mask has 6 pixels"],
        ),
        (
            "fields of other types",
            &format!(r#"{MASK},"area":"6","iscrowd":"no","question":7,"text_prompt":null"#),
            &[
                "annotation a: shape question: a number where a text is expected",
                "annotation a: shape iscrowd: a text where 0 or 1 is expected",
                "annotation a: shape area: a text where a number is expected",
            ],
        ),
    ]);
}

#[test]
fn boxes_are_compared_with_their_own_masks_only() {
    let fields = r#""segmentation":[{"size":[3,4],"counts":"~"},{"size":[3,4],"counts":[0,3,9]},{"size":[3,4],"counts":[9,3]}],
        "bbox":[[1,0,2,3],"x",[3,0,4,3]]"#;
    let dataset = Dataset::read(file(&annotation(fields)).as_bytes(), &ReadLimits::default());
    let found = findings(&dataset);
    assert!(found.iter().all(|finding| !finding.contains("box-disagrees")), "{found:?}");
    assert_eq!(found.len(), 2, "the mask and the box that cannot be read: {found:?}");
}

#[test]
fn a_box_within_a_pixel_of_a_small_mask_agrees() {
    let small = |bbox: &str| format!(r#""segmentation":{{"size":[3,4],"counts":[4,1,7]}},"bbox":{bbox}"#);
    check_annotations(&[
        ("fractions of a small thing", &small("[1.6,1.6,0.4,0.4]"), &[]),
        (
            "two pixels off",
            &small("[3,1,1,1]"),
            &[
                "annotation a: box-disagrees bbox[0]: the box and the mask's own (1, 1)-(2, 2) overlap by IoU 0.00",
            ],
        ),
    ]);
}

#[test]
fn parts_that_can_be_used_are_used() {
    let json = file(&annotation(
        r#""segmentation":[{"size":[1,2],"counts":[0,2]},{"size":[3,4],"counts":"~"},{"size":[3,4],"counts":[3,6,3]}]"#,
    ));
    let dataset = Dataset::read(json.as_bytes(), &ReadLimits::default());
    let annotation = &dataset.annotations()[0];
    assert_eq!(annotation.parts.len(), 2);
    let mask = annotation.mask().unwrap();
    assert_eq!((mask.size(), mask.boundaries()), (annotation.mask_size, &[3, 9][..]));
}

#[test]
fn a_value_that_is_missing_hides_nothing_else() {
    let json = format!(r#"{{"info":,"year": ,"annotations":[{}]}}"#, annotation(MASK));
    let expected = [
        "file : not-annotations byte 8: a value expected",
        "file : not-annotations byte 17: a value expected",
        "image p: not-listed stands in for an image that the file does not list",
        "annotation a: missing-image image_id: no image has the id \"p\"",
        "annotation a: unknown-category category_id: no category has the id \"Q1\"",
    ];
    let dataset = check("missing values", &json, &expected);
    assert_eq!(dataset.annotations()[0].mask_area, 6);
}

/// Whole files: what is found, and the ids of the annotations that are there.
#[test]
fn odd_files() {
    let good = annotation(MASK);
    let other = good.replace(r#""id":"a""#, r#""id":"b""#);
    let cases: Vec<(&str, String, &[&str], &[&str])> = vec![
        ("nothing", String::new(), &["file : not-annotations byte 0: a JSON object expected"], &[]),
        ("no JSON", "<html>".into(), &["file : not-annotations byte 0: a JSON object expected"], &[]),
        ("a number", "12".into(), &["file : not-annotations byte 0: a JSON object expected"], &[]),
        (
            "other JSON",
            r#"{"name":"x","version":1}"#.into(),
            &["file : not-annotations byte 24: a list named \"annotations\" expected"],
            &[],
        ),
        (
            "sections of other types",
            r#"{"images":{"a":[1]},"annotations":"none","categories":[]}"#.into(),
            &[
                "file : not-annotations byte 10: a list of records expected",
                "file : not-annotations byte 34: a list of records expected",
            ],
            &[],
        ),
        (
            "elements that are no objects",
            file(&format!(r#"1,"x",[{{}}],null,{good}"#)),
            &[
                "file : malformed the record at byte 134 cannot be read: byte 134: an object expected",
                "file : malformed the record at byte 136 cannot be read: byte 136: an object expected",
                "file : malformed the record at byte 140 cannot be read: byte 140: an object expected",
                "file : malformed the record at byte 145 cannot be read: byte 145: an object expected",
            ],
            &["a"],
        ),
        (
            "a record that is no JSON",
            file(&format!(r#"{{"id":}},{good}"#)),
            &["file : malformed the record at byte 134 cannot be read: byte 140: expected value"],
            &["a"],
        ),
        (
            "an unclosed list in a record",
            file(&format!(r#"{{"id":"x","bbox":[1,2}},{good}"#)),
            &["file : malformed the record at byte 134 cannot be read: byte 155: expected `,` or `]`"],
            &["a"],
        ),
        (
            "a missing quote",
            file(&format!("{{\"id\":\"x,\n\"iscrowd\":0}},{good}")),
            &[
                "file : malformed the record at byte 134 cannot be read: byte 143: control character (\\u0000-\\u001F) found while parsing a string",
            ],
            &["a"],
        ),
        (
            "no comma",
            file(&format!("{good} {other}")),
            &["file : not-annotations byte 226: ',' expected"],
            &["a", "b"],
        ),
        (
            "a comma too many",
            file(&format!("{good},,{other},")),
            &[
                "file : not-annotations byte 226: no comma expected",
                "file : not-annotations byte 319: another element after ',' expected",
            ],
            &["a", "b"],
        ),
        (
            "more after the end",
            file(&good) + "{}",
            &["file : not-annotations byte 227: the end of the file expected"],
            &["a"],
        ),
        (
            "list not closed",
            file(&good).strip_suffix("]}").unwrap().to_owned() + "}",
            &["file : not-annotations byte 225: ']' expected"],
            &["a"],
        ),
        (
            "duplicate ids",
            file(&format!("{good},{good}")),
            &["annotation a: duplicate-id id: the id is used before"],
            &["a", "a"],
        ),
        (
            "a list of annotations",
            format!("[{good}]"),
            &[
                "image p: not-listed stands in for an image that the file does not list",
                "annotation a: missing-image image_id: no image has the id \"p\"",
                "annotation a: unknown-category category_id: no category has the id \"Q1\"",
            ],
            &["a"],
        ),
        ("byte order mark", format!("\u{feff}{}", file(&good)), &[], &["a"]),
    ];
    for (name, json, expected, ids) in cases {
        let dataset = check(name, &json, expected);
        let found: Vec<_> = dataset.annotations().iter().map(|annotation| annotation.id.as_str()).collect();
        assert_eq!(found, ids, "{name}");
    }
}

#[test]
fn odd_images_and_categories() {
    let cases: &[(&str, &str, &str, &[&str])] = &[
        (
            "path that climbs",
            r#""id":"p","file_name":"a/../../b.jpg","width":4,"height":3"#,
            r#""id":"Q1","name":"u""#,
            &["image p: unsafe-path file_name: the path leads out of the folder of images"],
        ),
        (
            "path that climbs by backslashes",
            r#""id":"p","file_name":"a\\..\\b.jpg","width":4,"height":3"#,
            r#""id":"Q1","name":"u""#,
            &["image p: unsafe-path file_name: the path leads out of the folder of images"],
        ),
        (
            "path of a drive",
            r#""id":"p","file_name":"C:/b.jpg","width":4,"height":3"#,
            r#""id":"Q1","name":"u""#,
            &["image p: unsafe-path file_name: the path leads out of the folder of images"],
        ),
        (
            "address that runs",
            r#""id":"p","url":"javascript:alert(1)","width":4,"height":3"#,
            r#""id":"Q1","name":"u","thumbnail":"data:x""#,
            &[
                "image p: unsafe-url url: not an http or https address",
                "category Q1: unsafe-url thumbnail: not an http or https address",
            ],
        ),
        (
            "no size",
            r#""id":"p","height":3"#,
            r#""id":"Q1","name":"u""#,
            &["image p: missing width: missing"],
        ),
        (
            "size that is none",
            r#""id":"p","width":-4,"height":2.5"#,
            r#""id":"Q1","name":"u""#,
            &[
                "image p: shape width: a number where a whole number from 0 to 4294967295 is expected",
                "image p: shape height: a number where a whole number from 0 to 4294967295 is expected",
            ],
        ),
        (
            "no name",
            r#""id":"p","width":4,"height":3"#,
            r#""id":"Q1""#,
            &["category Q1: missing name: missing"],
        ),
        (
            "the same twice",
            r#""id":"p","width":4,"height":3},{"id":"p","width":9,"height":9"#,
            r#""id":"Q1","name":"u"},{"id":"Q1","name":"v""#,
            &[
                "image p: duplicate-id id: the id is used before",
                "category Q1: duplicate-id id: the id is used before",
            ],
        ),
        (
            "no ids",
            r#""width":4,"height":3"#,
            r#""name":"u""#,
            &[
                "image #0: missing id: missing",
                "image p: not-listed stands in for an image that the file does not list",
                "category #0: missing id: missing",
                "annotation a: missing-image image_id: no image has the id \"p\"",
                "annotation a: unknown-category category_id: no category has the id \"Q1\"",
            ],
        ),
    ];
    for (name, image, category, expected) in cases {
        let annotation = annotation(MASK);
        let json = format!(
            r#"{{"images":[{{{image}}}],"categories":[{{{category}}}],"annotations":[{annotation}]}}"#
        );
        let dataset = check(name, &json, expected);
        let annotation = &dataset.annotations()[0];
        assert_eq!(annotation.mask_area, 6, "{name}");
        let shown = dataset.image_of(annotation).unwrap();
        assert_eq!(shown.size.map(|size| (size.width, size.height)), Some((4, 3)), "{name}");
    }
}

#[test]
fn limits() {
    let whole = ReadLimits::default();
    let good = annotation(MASK);
    let long = annotation(&format!(r#"{MASK},"note":"{}""#, "x".repeat(500)));
    let wordy = annotation(&format!(r#"{MASK},"question":"{}""#, "\u{e9}".repeat(200)));
    let many = annotation(
        r#""segmentation":[{"size":[3,4],"counts":[3,9]},{"size":[3,4],"counts":[12]}],"bbox":[[1,0,4,3]]"#,
    );
    let odd = annotation(&format!(r#"{MASK},"label":["a","b","c"]"#));
    let cases: &[(&str, ReadLimits, &str, &[&str], usize)] = &[
        (
            "bytes of a record",
            ReadLimits { record_bytes: 400, ..whole },
            &format!("{long},{good}"),
            &["file : record-too-long the record at byte 134 has 601 bytes, over the limit of 400"],
            1,
        ),
        (
            "bytes of a text",
            ReadLimits { text_bytes: 99, ..whole },
            &wordy,
            &["annotation a: limit question: bytes of a text: 400 is over the limit of 99"],
            1,
        ),
        (
            "parts",
            ReadLimits { parts: 1, ..whole },
            &many,
            &["annotation a: limit segmentation: elements of a list: 2 is over the limit of 1"],
            1,
        ),
        (
            "findings",
            ReadLimits { findings: 2, ..whole },
            &odd,
            &[
                "annotation a: label-without-score label[0]: \"a\" has no score in brackets",
                "annotation a: label-without-score label[1]: \"b\" has no score in brackets",
            ],
            1,
        ),
        (
            "records",
            ReadLimits { records: 3, ..whole },
            &format!("{good},{good},{good}"),
            &["file : limit records: 4 is over the limit of 3"],
            1,
        ),
        (
            "bytes of the file",
            ReadLimits { file_bytes: 300, ..whole },
            &format!("{good},{good},{good}"),
            &["file : limit bytes of the file: 301 is over the limit of 300"],
            1,
        ),
        (
            "bytes of memory",
            ReadLimits { memory_bytes: 500, ..whole },
            &format!("{good},{good}"),
            &[
                "file : limit 3 records are left out, as the others take the 500 bytes of memory that there are for them",
            ],
            0,
        ),
    ];
    for (name, limits, annotations, expected, count) in cases {
        let dataset = Dataset::read(file(annotations).as_bytes(), limits);
        assert_eq!(findings(&dataset), *expected, "{name}");
        assert_eq!(dataset.annotations().len(), *count, "{name}");
    }
    let cut = Dataset::read(file(&wordy).as_bytes(), &ReadLimits { text_bytes: 99, ..whole });
    assert_eq!(cut.annotations()[0].question.as_ref().map(String::len), Some(98));
}

#[test]
fn each_annotation_of_an_unlisted_image_says_so() {
    let one = |id: &str, mask: &str| {
        format!(r#"{{"id":"{id}","image_id":"gone","category_id":"Q1","segmentation":{mask}}}"#)
    };
    let masks = [r#"{"size":[3,4],"counts":[3,6,3]}"#, r#"{"size":[2,2],"counts":[0,4]}"#];
    let file = file(&[one("a", masks[0]), one("b", masks[1])].join(","));
    check(
        "two masks of different sizes",
        &file,
        &[
            "image gone: not-listed stands in for an image that the file does not list",
            "annotation a: missing-image image_id: no image has the id \"gone\"",
            "annotation b: missing-image image_id: no image has the id \"gone\"",
        ],
    );
}

#[test]
fn whole_numbers_written_with_a_fraction_are_the_same_ids() {
    let json = r#"{"images":[{"id":7,"file_name":"a.jpg","width":4,"height":3}],"categories":[{"id":3.0,"name":"x"}],
        "annotations":[{"id":1.5,"image_id":7.0,"category_id":3,"segmentation":{"size":[3,4],"counts":[3,6,3]}}]}"#;
    let dataset = check("as a table library writes them", json, &[]);
    assert_eq!(dataset.annotations()[0].id, "1.5");
}

#[test]
fn parts_of_a_pixel_are_no_run_lengths() {
    let fields = r#""segmentation":{"size":[3,4],"counts":[1.5,4.5,6]}"#;
    let said = findings(&Dataset::read(file(&annotation(fields)).as_bytes(), &ReadLimits::default()));
    assert!(said.iter().any(|finding| finding.contains("whole run lengths")), "{said:?}");
}
