//! Damaged annotation files: the findings of each fault, and that the other records are still read.

use masklink::dataset::{Dataset, Finding, ReadLimits, RecordRef};

/// A case: its name, the JSON, and the expected findings without the record; `…` stands for any rest.
type Case = (&'static str, &'static str, &'static [&'static str]);

/// The start of a file with image "p" of 4 x 3 pixels and category "Q1", up to the first annotation.
const HEAD: &str = r#"{"images":[{"id":"p","file_name":"/p.jpg","width":4,"height":3}],
        "categories":[{"id":"Q1","name":"universe"}],"annotations":["#;

/// A mask of 6 pixels: columns 1 and 2.
const MASK: &str = r#""segmentation":{"size":[3,4],"counts":[3,6,3]}"#;

fn file(annotations: &str) -> String {
    format!("{HEAD}{annotations}]}}")
}

/// Makes annotation "a" of these fields.
fn annotation(fields: &str) -> String {
    format!(r#"{{"id":"a","image_id":"p","category_id":"Q1",{fields}}}"#)
}

/// Makes a valid annotation with this id.
fn valid(id: &str) -> String {
    annotation(MASK).replace(r#""id":"a""#, &format!(r#""id":"{id}""#))
}

fn read(json: &str) -> Dataset {
    Dataset::read(json.as_bytes(), &ReadLimits::default())
}

fn findings(dataset: &Dataset) -> Vec<String> {
    let line = |(record, finding): (RecordRef<'_>, &Finding)| {
        format!("{} {}: {} {finding}", record.kind.name(), record.id, finding.code())
    };
    dataset.findings().map(line).collect()
}

/// Compares findings with expected ones, which may end in `…` for any rest.
fn check_findings(name: &str, found: &[String], expected: &[String]) {
    let agree = |(found, expected): (&String, &String)| match expected.strip_suffix('…') {
        Some(start) => found.starts_with(start),
        None => found == expected,
    };
    let all = found.len() == expected.len() && found.iter().zip(expected).all(agree);
    assert!(all, "{name}: found {found:#?}, expected {expected:#?}");
}

fn check(name: &str, json: &str, expected: &[&str]) -> Dataset {
    let dataset = read(json);
    let expected: Vec<_> = expected.iter().map(|&finding| finding.to_owned()).collect();
    check_findings(name, &findings(&dataset), &expected);
    dataset
}

/// Reads annotation "a" of a case's fields, followed by a valid one, which must not be affected.
fn check_annotations(cases: &[Case], fields_of: impl Fn(&str) -> String) {
    for &(name, fields, expected) in cases {
        let json = file(&format!("{},{}", annotation(&fields_of(fields)), valid("valid")));
        let dataset = read(&json);
        let expected: Vec<_> = expected.iter().map(|finding| format!("annotation a: {finding}")).collect();
        check_findings(name, &findings(&dataset), &expected);
        let other = &dataset.annotations()[1];
        assert_eq!((other.id.as_str(), other.mask_area, other.findings.len()), ("valid", 6, 0), "{name}");
    }
}

/// Fields of annotation "a".
const MASKS: &[Case] = &[
    (
        "mask of another size",
        r#""segmentation":[{"size":[4,3],"counts":[12]}]"#,
        &[
            "size-differs segmentation[0]: the mask is 3x4, but the image is 4x3; its height and width …",
            "empty-mask segmentation[0]: the mask is empty",
        ],
    ),
    (
        "one part of another size",
        r#""segmentation":[{"size":[1,2],"counts":[0,2]},{"size":[3,4],"counts":[3,6,3]}]"#,
        &["size-differs segmentation[0]: the mask is 2x1, but the image is 4x3"],
    ),
    ("no mask", r#""bbox":[]"#, &["no-mask segmentation: the annotation has no mask"]),
    ("empty list of masks", r#""segmentation":[]"#, &["no-mask segmentation: the annotation has no mask"]),
    ("empty polygon", r#""segmentation":[[]]"#, &["no-mask segmentation: the annotation has no mask"]),
    (
        "invalid character",
        r#""segmentation":[{"size":[3,4],"counts":"36~"}]"#,
        &["bad-mask segmentation[0]: byte 2 …"],
    ),
    (
        "string cut within a number",
        r#""segmentation":[{"size":[3,4],"counts":"3P"}]"#,
        &["bad-mask segmentation[0]: …"],
    ),
    ("runs too long", r#""segmentation":[{"size":[3,4],"counts":[3,10]}]"#, &["bad-mask segmentation[0]: …"]),
    ("runs too short", r#""segmentation":[{"size":[3,4],"counts":[3,4]}]"#, &["bad-mask segmentation[0]: …"]),
    (
        "negative run",
        r#""segmentation":[{"size":[3,4],"counts":[3,-1,10]}]"#,
        &["bad-mask segmentation[0]: run 1 …"],
    ),
    (
        "size that overflows",
        r#""segmentation":[{"size":[4294967295,4294967295],"counts":[0]}]"#,
        &["bad-mask segmentation[0]: pixels of a mask: 18446744065119617025 …"],
    ),
    (
        "size of strings",
        r#""segmentation":[{"size":["3","4"],"counts":[12]}]"#,
        &[
            "other-form segmentation[0]: read as numbers in quotes",
            "empty-mask segmentation[0]: the mask is empty",
        ],
    ),
    (
        "size of one number",
        r#""segmentation":[{"size":[3],"counts":[12]}]"#,
        &["shape segmentation[0]: expected size: [height, width], found other numbers"],
    ),
    (
        "no counts",
        r#""segmentation":[{"size":[3,4]}]"#,
        &["shape segmentation[0]: expected counts: a string or a list of numbers, found nothing"],
    ),
    (
        "fractional run length",
        r#""segmentation":[{"size":[3,4],"counts":[1.5,4.5,6]}]"#,
        &["shape segmentation[0]: expected whole run lengths, found other numbers"],
    ),
    (
        "mask of a string",
        r#""segmentation":"36""#,
        &["shape segmentation: expected an RLE, a list of RLEs, or polygons, found a string"],
    ),
    (
        "one invalid mask of two",
        r#""segmentation":[{"size":[3,4],"counts":"~"},{"size":[3,4],"counts":[3,6,3]}]"#,
        &["bad-mask segmentation[0]: byte 0 …"],
    ),
    (
        "polygon of two points",
        r#""segmentation":[[0,0,4,3],[1,0,3,0,3,3,1,3]]"#,
        &["shape segmentation[0]: expected x and y of three points or more, found four numbers, as of …"],
    ),
    (
        "polygon far away",
        r#""segmentation":[[0,0,1e300,3,3,3]]"#,
        &["bad-mask segmentation[0]: coordinate 2 of polygon 0 …"],
    ),
    (
        "one polygon of two far away",
        r#""segmentation":[[1,0,3,0,3,3,1,3],[0,0,1e300,3,3,3]]"#,
        &["bad-mask segmentation[1]: coordinate 2 of polygon 1 …"],
    ),
];

#[test]
fn invalid_masks_are_reported() {
    check_annotations(MASKS, str::to_owned);
}

/// Fields of annotation "a" besides its mask, whose bounds are (1, 0)-(3, 3).
const FIELDS: &[Case] = &[
    (
        "box outside",
        r#""bbox":[[1,0,9,3]]"#,
        &[
            "box-outside bbox[0]: the box (1.00, 0.00)-(9.00, 3.00) extends beyond the image of 4x3",
            "box-disagrees bbox[0]: the box and the mask's bounds (1, 0)-(3, 3) have IoU 0.25",
        ],
    ),
    ("x, y, width, height in a list, near the mask", r#""bbox":[[1,0,2,3]]"#, &[]),
    (
        "swapped corners",
        r#""bbox":[[3,3,1,0]]"#,
        &[
            "empty-box bbox[0]: the box (3.00, 3.00)-(1.00, 0.00) has no area",
            "box-disagrees bbox[0]: the box and the mask's bounds (1, 0)-(3, 3) have IoU 0.00",
        ],
    ),
    ("corners in a flat list", r#""bbox":[1,0,3,3]"#, &[]),
    (
        "box elsewhere",
        r#""bbox":[[0,0,1,1]]"#,
        &["box-disagrees bbox[0]: the box and the mask's bounds (1, 0)-(3, 3) have IoU 0.00"],
    ),
    (
        "box of three numbers",
        r#""bbox":[1,0,3]"#,
        &["shape bbox: expected x, y, width, height or a list of x1, y1, x2, y2, found a list of numbers"],
    ),
    (
        "one box of a string",
        r#""bbox":[[1,0,3,3],"x"]"#,
        &["shape bbox[1]: expected x1, y1, x2, y2, found a string"],
    ),
    (
        "label without score",
        r#""label":["bird"]"#,
        &["label-without-score label[0]: \"bird\" has no score in parentheses"],
    ),
    ("label of a number", r#""label":[3, "x(0.1)"]"#, &["shape label[0]: expected a string, found a number"]),
    (
        "split of unknown words",
        r#""data_split":"mine""#,
        &["unclear-split data_split: \"mine\" has words other than …"],
    ),
    (
        "area of another mask",
        r#""area":99"#,
        &["area-differs area: the published area is 99, but the mask has 6 pixels"],
    ),
    (
        "fields of other types",
        r#""area":"6","iscrowd":"no","question":7,"text_prompt":null"#,
        &[
            "shape question: expected a string, found a number",
            "shape iscrowd: expected 0 or 1, found a string",
            "quoted-number area: a number in quotes: \"6\"",
        ],
    ),
];

#[test]
fn invalid_boxes_and_texts_are_reported() {
    check_annotations(FIELDS, |fields| format!("{MASK},{fields}"));
}

/// Fields of annotation "a": boxes beside masks of their own.
const BOXES_AND_MASKS: &[Case] = &[
    (
        "width and height in place of a corner",
        r#""segmentation":{"size":[3,4],"counts":[6,6]},"bbox":[[2,0,2,3]]"#,
        &[
            "empty-box bbox[0]: the box (2.00, 0.00)-(2.00, 3.00) has no area",
            "box-disagrees bbox[0]: the box and the mask's bounds (2, 0)-(4, 3) have IoU 0.00; \
             the box fits when its numbers are read in the other order",
        ],
    ),
    (
        "fractions of a pixel around a small mask",
        r#""segmentation":{"size":[3,4],"counts":[4,1,7]},"bbox":[1.6,1.6,0.4,0.4]"#,
        &[],
    ),
    (
        "two pixels from a small mask",
        r#""segmentation":{"size":[3,4],"counts":[4,1,7]},"bbox":[3,1,1,1]"#,
        &["box-disagrees bbox[0]: the box and the mask's bounds (1, 1)-(2, 2) have IoU 0.00"],
    ),
    (
        "an invalid mask and an invalid box, so that boxes cannot be matched with masks",
        r#""segmentation":[{"size":[3,4],"counts":"~"},{"size":[3,4],"counts":[0,3,9]},
            {"size":[3,4],"counts":[9,3]}],"bbox":[[1,0,2,3],"x",[3,0,4,3]]"#,
        &["shape bbox[1]: expected x1, y1, x2, y2, found a string", "bad-mask segmentation[0]: byte 0 …"],
    ),
];

#[test]
fn boxes_are_compared_with_their_own_masks() {
    check_annotations(BOXES_AND_MASKS, str::to_owned);
}

#[test]
fn invalid_parts_are_left_out_of_the_union() {
    let dataset = read(&file(&annotation(
        r#""segmentation":[{"size":[1,2],"counts":[0,2]},{"size":[3,4],"counts":"~"},
            {"size":[3,4],"counts":[3,6,3]}]"#,
    )));
    let annotation = &dataset.annotations()[0];
    assert_eq!(annotation.parts.len(), 2);
    let mask = annotation.mask().unwrap();
    assert_eq!((mask.size(), mask.boundaries()), (annotation.mask_size, &[3, 9][..]));
}

/// Whole files, where `{head}`, `{a}` and `{b}` stand for [`HEAD`] and two valid annotations; then the
/// findings with their records, and the ids of the annotations that are read.
const FILES: &[(&str, &str, &[&str], &[&str])] = &[
    ("empty file", "", &["file : not-annotations byte 0: expected a JSON object"], &[]),
    ("HTML", "<html>", &["file : not-annotations byte 0: expected a JSON object"], &[]),
    ("number", "12", &["file : not-annotations byte 0: expected a JSON object"], &[]),
    (
        "JSON of something else",
        r#"{"name":"x","version":1}"#,
        &["file : not-annotations byte 24: expected a list named \"annotations\""],
        &[],
    ),
    (
        "sections of other types",
        r#"{"images":{"a":[1]},"annotations":"none","categories":[]}"#,
        &[
            "file : malformed the record at byte 15 is not valid: byte 15: expected an object",
            "file : not-annotations byte 34: expected a list of records",
        ],
        &[],
    ),
    (
        "elements that are not objects",
        r#"{head}1,"x",[{}],null,{a}]}"#,
        &[
            "file : malformed the record at byte 134 is not valid: byte 134: expected an object",
            "file : malformed the record at byte 136 is not valid: byte 136: expected an object",
            "file : malformed the record at byte 140 is not valid: byte 140: expected an object",
            "file : malformed the record at byte 145 is not valid: byte 145: expected an object",
        ],
        &["a"],
    ),
    (
        "record that is not JSON",
        r#"{head}{"id":},{a}]}"#,
        &["file : malformed the record at byte 134 is not valid: byte 140: expected value"],
        &["a"],
    ),
    (
        "unclosed list in a record",
        r#"{head}{"id":"x","bbox":[1,2},{a}]}"#,
        &["file : malformed the record at byte 134 is not valid: byte 155: expected `,` or `]`"],
        &["a"],
    ),
    (
        "missing quote",
        "{head}{\"id\":\"x,\n\"iscrowd\":0},{a}]}",
        &["file : malformed the record at byte 134 is not valid: byte 143: control character …"],
        &["a"],
    ),
    ("missing comma", "{head}{a} {b}]}", &["file : not-annotations byte 226: expected ','"], &["a", "b"]),
    (
        "extra commas",
        "{head}{a},,{b},]}",
        &[
            "file : not-annotations byte 226: expected no comma",
            "file : not-annotations byte 319: expected another element after ','",
        ],
        &["a", "b"],
    ),
    (
        "content after the end",
        "{head}{a}]}{}",
        &["file : not-annotations byte 227: expected the end of the file"],
        &["a"],
    ),
    ("unclosed section", "{head}{a}}", &["file : not-annotations byte 225: expected ']'"], &["a"]),
    (
        "duplicate ids",
        "{head}{a},{a}]}",
        &["annotation a: duplicate-id id: an earlier record has the same id"],
        &["a", "a"],
    ),
    (
        "list of annotations",
        "[{a}]",
        &[
            "image p: not-listed placeholder for an image that the file does not list",
            "annotation a: missing-image image_id: no image has the id \"p\"",
            "annotation a: unknown-category category_id: no category has the id \"Q1\"",
        ],
        &["a"],
    ),
    (
        "missing values beside the sections",
        r#"{"info":,"year": ,"annotations":[{a}]}"#,
        &[
            "file : not-annotations byte 8: expected a value",
            "file : not-annotations byte 17: expected a value",
            "image p: not-listed placeholder for an image that the file does not list",
            "annotation a: missing-image image_id: no image has the id \"p\"",
            "annotation a: unknown-category category_id: no category has the id \"Q1\"",
        ],
        &["a"],
    ),
    ("byte order mark", "\u{feff}{head}{a}]}", &[], &["a"]),
];

#[test]
fn damage_of_a_file_hides_no_valid_record() {
    for (name, template, expected, ids) in FILES {
        let json = template.replace("{head}", HEAD).replace("{a}", &valid("a")).replace("{b}", &valid("b"));
        let dataset = check(name, &json, expected);
        let found: Vec<_> = dataset.annotations().iter().map(|annotation| annotation.id.as_str()).collect();
        assert_eq!(found, *ids, "{name}");
        assert!(dataset.annotations().iter().all(|annotation| annotation.mask_area == 6), "{name}");
    }
}

/// The fields of the image, those of the category, and the findings with their records.
const IMAGES_AND_CATEGORIES: &[(&str, &str, &str, &[&str])] = &[
    (
        "path with ..",
        r#""id":"p","file_name":"a/../../b.jpg","width":4,"height":3"#,
        r#""id":"Q1","name":"u""#,
        &["image p: unsafe-path file_name: the path points outside the image folder; only its end is used"],
    ),
    (
        "path with .. and backslashes",
        r#""id":"p","file_name":"a\\..\\b.jpg","width":4,"height":3"#,
        r#""id":"Q1","name":"u""#,
        &["image p: unsafe-path file_name: the path points outside the image folder; only its end is used"],
    ),
    (
        "path with a drive",
        r#""id":"p","file_name":"C:/b.jpg","width":4,"height":3"#,
        r#""id":"Q1","name":"u""#,
        &["image p: unsafe-path file_name: the path points outside the image folder; only its end is used"],
    ),
    (
        "URLs of other schemes",
        r#""id":"p","url":"javascript:alert(1)","width":4,"height":3"#,
        r#""id":"Q1","name":"u","thumbnail":"data:x""#,
        &[
            "image p: unsafe-url url: not an http or https URL",
            "category Q1: unsafe-url thumbnail: not an http or https URL",
        ],
    ),
    ("no width", r#""id":"p","height":3"#, r#""id":"Q1","name":"u""#, &["image p: missing width: missing"]),
    (
        "size of other numbers",
        r#""id":"p","width":-4,"height":2.5"#,
        r#""id":"Q1","name":"u""#,
        &[
            "image p: shape width: expected a whole number from 0 to 4294967295, found a number",
            "image p: shape height: expected a whole number from 0 to 4294967295, found a number",
        ],
    ),
    ("no name", r#""id":"p","width":4,"height":3"#, r#""id":"Q1""#, &["category Q1: missing name: missing"]),
    (
        "duplicate ids",
        r#""id":"p","width":4,"height":3},{"id":"p","width":9,"height":9"#,
        r#""id":"Q1","name":"u"},{"id":"Q1","name":"v""#,
        &[
            "image p: duplicate-id id: an earlier record has the same id",
            "category Q1: duplicate-id id: an earlier record has the same id",
        ],
    ),
    (
        "no ids",
        r#""width":4,"height":3"#,
        r#""name":"u""#,
        &[
            "image #0: missing id: missing",
            "image p: not-listed placeholder for an image that the file does not list",
            "category #0: missing id: missing",
            "annotation a: missing-image image_id: no image has the id \"p\"",
            "annotation a: unknown-category category_id: no category has the id \"Q1\"",
        ],
    ),
];

#[test]
fn invalid_images_and_categories_are_reported() {
    for (name, image, category, expected) in IMAGES_AND_CATEGORIES {
        let annotation = valid("a");
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

/// A change of the limits; the annotations, where `{a}`, `{long}` and `{wordy}` stand for a valid one,
/// one of 601 bytes and one with a string of 400 bytes; the findings, and the number of annotations.
type LimitCase = (&'static str, fn(&mut ReadLimits), &'static str, &'static [&'static str], usize);

const LIMITS: &[LimitCase] = &[
    (
        "bytes of a record",
        |limits| limits.record_bytes = 400,
        "{long},{a}",
        &["file : record-too-long the record at byte 134 has 601 bytes, which exceeds the limit of 400"],
        1,
    ),
    (
        "bytes of a string",
        |limits| limits.text_bytes = 99,
        "{wordy}",
        &["annotation a: limit question: bytes of a string: 400 exceeds the limit of 99"],
        1,
    ),
    (
        "parts",
        |limits| limits.parts = 1,
        r#"{"id":"a","image_id":"p","category_id":"Q1","bbox":[[1,0,4,3]],"segmentation":
            [{"size":[3,4],"counts":[3,9]},{"size":[3,4],"counts":[12]}]}"#,
        &["annotation a: limit segmentation: elements of a list: 2 exceeds the limit of 1"],
        1,
    ),
    (
        "findings",
        |limits| limits.findings = 2,
        r#"{"id":"a","image_id":"p","category_id":"Q1","label":["a","b","c"],
            "segmentation":{"size":[3,4],"counts":[3,6,3]}}"#,
        &["annotation a: label-without-score label[0]: …", "annotation a: label-without-score label[1]: …"],
        1,
    ),
    (
        "records",
        |limits| limits.records = 3,
        "{a},{a},{a}",
        &["file : limit records: 4 exceeds the limit of 3"],
        1,
    ),
    (
        "bytes of the file",
        |limits| limits.file_bytes = 300,
        "{a},{a},{a}",
        &["file : limit bytes of the file: 301 exceeds the limit of 300"],
        1,
    ),
    (
        "bytes of memory",
        |limits| limits.memory_bytes = 500,
        "{a},{a}",
        &["file : limit 3 records are left out: the memory limit of 500 bytes is reached"],
        0,
    ),
];

#[test]
fn exceeded_limits_are_reported() {
    let long = annotation(&format!(r#"{MASK},"note":"{}""#, "x".repeat(500)));
    let wordy = annotation(&format!(r#"{MASK},"question":"{}""#, "\u{e9}".repeat(200)));
    for (name, change, template, expected, count) in LIMITS {
        let mut limits = ReadLimits::default();
        change(&mut limits);
        let annotations =
            template.replace("{a}", &valid("a")).replace("{long}", &long).replace("{wordy}", &wordy);
        let dataset = Dataset::read(file(&annotations).as_bytes(), &limits);
        let expected: Vec<_> = expected.iter().map(|&finding| finding.to_owned()).collect();
        check_findings(name, &findings(&dataset), &expected);
        assert_eq!(dataset.annotations().len(), *count, "{name}");
        let question = dataset.annotations().iter().find_map(|annotation| annotation.question.as_ref());
        let truncated = (*name == "bytes of a string").then_some(98);
        assert_eq!(question.map(String::len), truncated, "{name}");
    }
}

#[test]
fn each_annotation_of_an_unlisted_image_is_reported() {
    let one = |id: &str, mask: &str| {
        format!(r#"{{"id":"{id}","image_id":"gone","category_id":"Q1","segmentation":{mask}}}"#)
    };
    let masks = [r#"{"size":[3,4],"counts":[3,6,3]}"#, r#"{"size":[2,2],"counts":[0,4]}"#];
    let file = file(&[one("a", masks[0]), one("b", masks[1])].join(","));
    check(
        "two masks of different sizes",
        &file,
        &[
            "image gone: not-listed placeholder for an image that the file does not list",
            "annotation a: missing-image image_id: no image has the id \"gone\"",
            "annotation b: missing-image image_id: no image has the id \"gone\"",
        ],
    );
}

#[test]
fn whole_numbers_with_a_fraction_are_the_same_ids() {
    let json = r#"{"images":[{"id":7,"file_name":"a.jpg","width":4,"height":3}],
        "categories":[{"id":3.0,"name":"x"}],
        "annotations":[{"id":1.5,"image_id":7.0,"category_id":3,
            "segmentation":{"size":[3,4],"counts":[3,6,3]}}]}"#;
    let dataset = check("as a table library writes them", json, &[]);
    assert_eq!(dataset.annotations()[0].id, "1.5");
}
