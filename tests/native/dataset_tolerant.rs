//! Annotation files that are not quite JSON or of another layout: the records stay, and findings tell the
//! odd tokens.

use masklink::dataset::{Dataset, DatasetBuilder, Finding, ReadLimits, RecordRef};
use masklink::geometry::Size;

const MASK: &str = r#""segmentation":{"size":[3,4],"counts":[3,6,3]}"#;

fn read(bytes: &[u8]) -> Dataset {
    Dataset::read(bytes, &ReadLimits::default())
}

fn findings(dataset: &Dataset) -> Vec<String> {
    let line = |(record, finding): (RecordRef<'_>, &Finding)| {
        format!("{} {}: {} {finding}", record.kind.name(), record.id, finding.code())
    };
    dataset.findings().map(line).collect()
}

/// Makes a file of one image, one annotation and one category, of these fields besides the ids.
fn file(image: &[u8], annotation: &[u8], category: &[u8]) -> Vec<u8> {
    let (head, mask) = (r#"{"images":[{"id":"p","#, MASK.as_bytes());
    let parts: [&[u8]; 9] = [
        head.as_bytes(),
        image,
        br#"}],"annotations":[{"id":"a","image_id":"p","category_id":"Q1","#,
        mask,
        b",",
        annotation,
        br#"}],"categories":[{"id":"Q1","#,
        category,
        b"}]}",
    ];
    parts.concat()
}

const IMAGE: &[u8] = br#""file_name":"p.jpg","width":4,"height":3"#;
const CATEGORY: &[u8] = br#""name":"u""#;

/// Fields of the annotation, and the findings on it.
const TOKENS: &[(&[u8], &[&str])] = &[
    (br#""area":NaN"#, &["odd-token area: NaN is not valid JSON"]),
    (br#""area":-Infinity"#, &["odd-token area: -Infinity is not valid JSON"]),
    (br#""iscrowd":Infinity"#, &["odd-token iscrowd: Infinity is not valid JSON"]),
    (br#""bbox":[NaN,0,2,3]"#, &["odd-token bbox: [0]: NaN is not valid JSON"]),
    (
        br#""attributes":{"score":NaN,"depth":[1,Infinity]}"#,
        &[
            "odd-token attributes.score: NaN is not valid JSON",
            "odd-token attributes.depth[1]: Infinity is not valid JSON",
        ],
    ),
    (br#""area":,"question":"why?""#, &["odd-token area: nothing is not valid JSON"]),
    (br#""area":+6"#, &["odd-token area: +6 is not valid JSON"]),
    (br#""area":1e999"#, &["odd-token area: 1e999 is not valid JSON"]),
    (br#""iscrowd":False"#, &["odd-token iscrowd: False is not valid JSON"]),
    (br#""area":6,"iscrowd":0,"area":6"#, &["repeated-key area: the key is given more than once; …"]),
    (br#""area":"6.0""#, &["quoted-number area: a number in quotes: \"6.0\""]),
    (br#""iscrowd":"0""#, &["quoted-number iscrowd: a number in quotes: \"0\""]),
    (br#""question":"a \ud83d bird""#, &[r"odd-token question: \ud83d is not valid JSON"]),
    (br#""question":"a \x41 bird""#, &[r"odd-token question: \x is not valid JSON"]),
    (b"\"question\":\"a\tbird\"", &["odd-token question: control character 0x09 is not valid JSON"]),
    (b"\"question\":\"caf\xe9\"", &["not-utf8 question: the text is not UTF-8"]),
    (
        b"\"area\":NaN,\"note\":{\"k\":\"\xb4\xd5\"}",
        &["odd-token area: NaN is not valid JSON", "not-utf8 note.k: the text is not UTF-8"],
    ),
];

#[test]
fn odd_token_loses_no_record() {
    for (fields, expected) in TOKENS {
        let name = String::from_utf8_lossy(fields);
        let dataset = read(&file(IMAGE, fields, CATEGORY));
        let found = findings(&dataset);
        let agree = |(found, expected): (&String, &&str)| {
            let found = found.strip_prefix("annotation a: ").unwrap_or_default();
            expected.strip_suffix('…').map_or(found == *expected, |start| found.starts_with(start))
        };
        assert!(
            found.len() == expected.len() && found.iter().zip(*expected).all(agree),
            "{name}: {found:#?}"
        );
        let annotation = &dataset.annotations()[0];
        assert_eq!((annotation.id.as_str(), annotation.mask_area), ("a", 6), "{name}");
        assert_eq!(dataset.image_of(annotation).unwrap().file.as_deref(), Some("p.jpg"), "{name}");
    }
}

#[test]
fn readable_part_of_a_text_is_kept() {
    let question =
        |fields: &[u8]| read(&file(IMAGE, fields, CATEGORY)).annotations()[0].question.clone().unwrap();
    assert_eq!(question(b"\"question\":\"caf\xe9?\""), "caf\u{e9}?");
    assert_eq!(question(b"\"question\":\"a \xb4\xd5 b\""), "a \u{fffd}\u{fffd} b");
    assert_eq!(
        question(br#""question":"\ud83d\ude00 \ud83d \"x\"\n","area":NaN"#),
        "\u{1f600} \u{fffd} \"x\"\n"
    );
}

/// Fields of the image, the findings on it, its file and its size.
const IMAGES: &[(&[u8], &[&str], Option<&str>)] = &[
    (br#""file_name":"p.jpg","width":4,"height":3,"gsd":NaN"#, &["odd-token gsd: NaN is …"], Some("p.jpg")),
    (br#""file_name":"p.jpg","width":NaN,"height":3"#, &["odd-token width: NaN is …"], Some("p.jpg")),
    (br#""file_name":"p.jpg","width":"4","height":3"#, &["quoted-number width: …"], Some("p.jpg")),
    (br#""file_name":"p.jpg","width":0,"height":3"#, &["zero-size width: …"], Some("p.jpg")),
    (
        b"\"file_name\":\"\xd6l.jpg\",\"width\":4,\"height\":3",
        &["not-utf8 file_name: …"],
        Some("\u{d6}l.jpg"),
    ),
    (
        br#""license":[1 2],"file_name":"p.jpg","width":4,"height":3"#,
        &["damaged-record the record is …"],
        Some("p.jpg"),
    ),
    (
        b"\"file_name\":\"p.jpg\",\"note\":\"x,\n\"width\":4,\"height\":3",
        &["damaged-record the record is …"],
        Some("p.jpg"),
    ),
];

#[test]
fn damaged_image_keeps_its_file_and_its_masks() {
    for (fields, expected, name) in IMAGES {
        let described = String::from_utf8_lossy(fields);
        let dataset = read(&file(fields, br#""area":6"#, CATEGORY));
        let found = findings(&dataset);
        let agree = |(found, expected): (&String, &&str)| {
            let found = found.strip_prefix("image p: ").unwrap_or_default();
            expected.strip_suffix('…').map_or(found == *expected, |start| found.starts_with(start))
        };
        assert!(
            found.len() == expected.len() && found.iter().zip(*expected).all(agree),
            "{described}: {found:#?}"
        );
        let annotation = &dataset.annotations()[0];
        let image = dataset.image_of(annotation).unwrap();
        assert_eq!((image.file.as_deref(), annotation.mask_area), (*name, 6), "{described}");
        assert_eq!(image.size, Some(Size::new(4, 3)), "{described}: of the image or of its mask");
    }
}

#[test]
fn long_integers_keep_their_digits() {
    let image = |id: &str| format!(r#"{{"id":{id},"file_name":"{id}.jpg","width":4,"height":3}}"#);
    let annotation =
        |id: &str, image: &str| format!(r#"{{"id":{id},"image_id":{image},"category_id":1,{MASK}}}"#);
    let ids =
        ["18446744073709551617", "18446744073709551618", "-99999999999999999999", "18446744073709551615"];
    let images: Vec<_> = ids.iter().map(|id| image(id)).collect();
    let annotations: Vec<_> = ids.iter().map(|id| annotation(id, id)).collect();
    let json = format!(
        r#"{{"images":[{}],"annotations":[{}],"categories":[{{"id":1,"name":"x"}}]}}"#,
        images.join(","),
        annotations.join(",")
    );
    let dataset = read(json.as_bytes());
    assert_eq!(findings(&dataset), [""; 0]);
    for (at, id) in ids.iter().enumerate() {
        let annotation = &dataset.annotations()[at];
        assert_eq!(annotation.id, *id);
        assert_eq!(dataset.image_of(annotation).unwrap().file, Some(format!("{id}.jpg")));
    }
}

/// Files of another layout whose annotations are read: the ids of their images and annotations.
fn layouts() -> Vec<(&'static str, String)> {
    let bare = format!(r#"{{"id":"a",{MASK}}}"#);
    let annotation = format!(r#"{{"id":"a","image_id":"p","category_id":"Q1",{MASK}}}"#);
    let image = r#"{"id":"p","file_name":"p.jpg","width":4,"height":3}"#;
    let category = r#"{"id":"Q1","name":"u","supercategory":"all"}"#;
    let without = |json: &str, id: &str| json.replace(&format!(r#""id":"{id}","#), "");
    vec![
        ("JSON lines", format!("{annotation}\n{image}\n{category}\n")),
        ("JSON lines with commas", format!("\u{feff}{annotation},\n{category},\n{image}")),
        (
            "objects of records by id",
            format!(
                r#"{{"images":{{"p":{}}},"annotations":{{"a":{}}},"categories":{{"Q1":{category}}}}}"#,
                without(image, "p"),
                without(&annotation, "a")
            ),
        ),
        (
            "one image of Segment Anything",
            format!(r#"{{"image":{},"annotations":[{bare}]}}"#, image.replace("\"id\"", "\"image_id\"")),
        ),
        (
            "one image of Segment Anything, last",
            format!(r#"{{"annotations":[{bare}],"image":{}}}"#, image.replace("\"id\"", "\"image_id\"")),
        ),
    ]
}

#[test]
fn other_layouts_are_read() {
    for (name, json) in layouts() {
        for chunk in [1, 7, json.len()] {
            let mut builder = DatasetBuilder::new(ReadLimits::default());
            json.as_bytes().chunks(chunk).for_each(|chunk| builder.push(chunk));
            let dataset = builder.finish();
            assert_eq!(findings(&dataset), [""; 0], "{name}");
            assert_eq!((dataset.images().len(), dataset.annotations().len()), (1, 1), "{name}");
            let annotation = &dataset.annotations()[0];
            assert_eq!((annotation.id.as_str(), annotation.mask_area), ("a", 6), "{name}");
            assert_eq!(dataset.image_of(annotation).unwrap().file.as_deref(), Some("p.jpg"), "{name}");
        }
    }
}

/// The form in which the explorer exports published records.
#[test]
fn images_without_a_file_name_are_told_in_json_lines() {
    let annotation =
        |id: u32, image: u32| format!(r#"{{"id":{id},"image_id":{image},"category_id":1,{MASK}}}"#);
    let lines = [
        r#"{"id":7,"width":4,"height":3}"#.to_owned(),
        annotation(1, 7),
        r#"{"id":1,"name":"width, \"height\""}"#.to_owned(),
        r#"{"coco_url":"https://example.org/8.jpg","id":8,"license":2}"#.to_owned(),
        annotation(2, 8),
        annotation(3, 7),
    ];
    let dataset = read(lines.join("\n").as_bytes());
    assert_eq!(findings(&dataset), ["image 8: missing width: missing", "image 8: missing height: missing"]);
    let images: Vec<_> =
        dataset.images().iter().map(|image| (image.id.as_str(), image.url.as_deref())).collect();
    assert_eq!(images, [("7", None), ("8", Some("https://example.org/8.jpg"))]);
    assert_eq!((dataset.annotations().len(), dataset.categories().len()), (3, 1));
    let other = read(br#"{"7":{"id":7,"regions":[{"width":4,"height":3}]}}"#);
    assert!(findings(&other)[0].starts_with("file : not-annotations"), "{:?}", findings(&other));
}

#[test]
fn other_formats_are_named() {
    let utf16 = |text: &str, to_bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(to_bytes).collect();
    let object = r#"{"images":[],"annotations":[]}"#;
    let videos = format!(r#"{{"videos":[{{"id":1}}],"annotations":[{{"id":"a",{MASK}}}]}}"#);
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("this is gzip", vec![0x1f, 0x8b, 8, 0, 0, 0]),
        ("this is gzip", vec![0x1f, 0x8b]),
        ("this is a zip archive", b"PK\x03\x04....".to_vec()),
        ("this is zstd", vec![0x28, 0xb5, 0x2f, 0xfd, 0]),
        ("this is an image", vec![0xff, 0xd8, 0xff, 0xe0]),
        ("this is text in UTF-16", utf16(&format!("\u{feff}{object}"), u16::to_le_bytes)),
        ("this is text in UTF-16", utf16(&format!("\u{feff}{object}"), u16::to_be_bytes)),
        ("this is text in UTF-16", utf16(object, u16::to_le_bytes)),
        ("this is text in UTF-16", utf16(object, u16::to_be_bytes)),
        ("these are JSON lines", b"{\"caption\":1}\n{\"caption\":2}\n".to_vec()),
        ("this is YouTube-VIS", videos.into_bytes()),
    ];
    for (expected, bytes) in cases {
        for chunk in [1, bytes.len()] {
            let mut builder = DatasetBuilder::new(ReadLimits::default());
            bytes.chunks(chunk).for_each(|chunk| builder.push(chunk));
            let found = findings(&builder.finish());
            let start = format!("file : other-format {expected}");
            assert!(found[0].starts_with(&start), "{expected}: {found:#?}");
        }
    }
}
