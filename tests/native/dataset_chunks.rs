//! Chunks and truncation: the records do not depend on where a file is cut; a truncated file gives the
//! records before its end.

use masklink::dataset::{Dataset, DatasetBuilder, ReadLimits, ReadProgress};
use proptest::prelude::*;

/// A file with every case of the scanner: nested and skipped values, escapes, invalid elements,
/// multi-byte characters.
const SMALL: &str = concat!(
    "\u{feff}",
    r#"{"info":{"a":[1,{"b":"]}\"\\"}],"c":null},"v\"":-1.5e3,"x":"y\\","#,
    r#""images":[{"id":"p","file_name":"/p.jpg","#,
    r#""width":4,"height":3},7,[{}],"s"],"categories" : [ {"id":"Q1","name":"\u00e9 é 鳥"} ],"#,
    r#""annotations":[{"id":"a","#,
    r#""image_id":"p","category_id":"Q1","#,
    r#""segmentation":[{"size":[3,4],"counts":"36"},{"size":[3,4],"counts":[3,6,3]}],"#,
    r#""bbox":[[1,0,3,3]],"label":["\"x\\(0.5)"]},{"id":},{"id":"b","image_id":"p","category_id":"Q1","#,
    r#""segmentation":{"size":[3,4],"counts":[0,12]},"odd":{"deep":[[[[{}]]]]}}]}"#,
    "\n",
);

fn read(chunks: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Dataset {
    let mut builder = DatasetBuilder::new(ReadLimits::default());
    for chunk in chunks {
        builder.push(chunk.as_ref());
    }
    builder.finish()
}

/// Formats everything that was read.
fn outcome(dataset: &Dataset) -> String {
    let findings: Vec<_> = dataset.findings().collect();
    let (images, categories) = (dataset.images(), dataset.categories());
    // Without the number of bytes: reading an invalid file stops at the end of a chunk.
    let ReadProgress { bytes: _, images: p, categories: c, annotations: a, is_whole } = dataset.progress();
    format!("{images:?}\n{categories:?}\n{:?}\n{findings:?}\n{p} {c} {a} {is_whole}", dataset.annotations())
}

#[test]
fn every_cut_of_a_small_file_gives_the_same_records() {
    let bytes = SMALL.as_bytes();
    let whole = read([bytes]);
    assert_eq!((whole.images().len(), whole.categories().len(), whole.annotations().len()), (1, 1, 2));
    assert_eq!(whole.findings().count(), 5, "{}", outcome(&whole));
    let expected = outcome(&whole);
    for cut in 0..=bytes.len() {
        assert_eq!(outcome(&read([&bytes[..cut], &bytes[cut..]])), expected, "cut at {cut}");
    }
    assert_eq!(outcome(&read(bytes.chunks(1))), expected, "byte by byte");
}

#[test]
fn every_truncation_keeps_the_records_before_it() {
    let bytes = SMALL.trim_end().as_bytes();
    let mut complete = 0;
    for end in 0..bytes.len() {
        let dataset = read([&bytes[..end]]);
        let codes: Vec<_> = dataset.findings().map(|(_, finding)| finding.code()).collect();
        let expected = if end <= "\u{feff}".len() { "not-annotations" } else { "truncated" };
        assert_eq!(codes.iter().filter(|&&code| code == expected).count(), 1, "ends at {end}: {codes:?}");
        assert!(dataset.annotations().len() >= complete, "fewer annotations at {end}");
        complete = dataset.annotations().len();
    }
    assert_eq!(complete, 2);
}

#[test]
fn positions_beyond_four_gibibytes_are_exact() {
    let chunk = vec![b'x'; 64 << 20];
    let mut builder = DatasetBuilder::new(ReadLimits::default());
    builder.push(br#"{"info":""#);
    for _ in 0..65 {
        builder.push(&chunk);
    }
    builder.push(br#"","annotations":[{"id":}]}"#);
    let dataset = builder.finish();
    let findings: Vec<_> = dataset.findings().map(|(_, finding)| finding.to_string()).collect();
    // 9 bytes before and 17 bytes after the text, then 6 in the record.
    let record = 9 + 65 * (64 << 20) + 17_u64;
    assert_eq!(
        findings,
        [format!("the record at byte {record} is not valid: byte {}: expected value", record + 6)]
    );
}

/// Makes a file of `records` annotations on a third as many images, with its sections in one of three
/// orders.
fn larger(records: usize, order: usize) -> String {
    let list =
        |of: &dyn Fn(usize) -> String, count: usize| (0..count).map(of).collect::<Vec<_>>().join(",\n ");
    let images =
        list(&|n| format!(r#"{{"id":{n},"file_name":"/{n}.jpg","width":40,"height":30}}"#), records / 3 + 1);
    let annotations = list(
        &|n| {
            let (run, rest) = (n % 97 + 1, 1200 - n % 97 - 1);
            let prompt = "\\\"{[".repeat(n % 7);
            format!(
                r#"{{"id":"{n}","image_id":{},"category_id":"Q{}","text_prompt":"{prompt}",
                "segmentation":[{{"size":[30,40],"counts":[0,{run},{rest}]}}],"data_split":"entity_train"}}"#,
                n / 3,
                n % 5 + 1
            )
        },
        records,
    );
    let categories = list(&|n| format!(r#"{{"id":"Q{}","name":"n{n}"}}"#, n + 1), 5);
    let sections = [("images", images), ("categories", categories), ("annotations", annotations)];
    let section = |at: usize| format!(r#""{}":[{}]"#, sections[at % 3].0, sections[at % 3].1);
    format!("{{{},{},{}}}", section(order), section(order + 1), section(order + 2))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_cuts_of_a_larger_file_give_the_same_records(
        order in 0..3_usize,
        lengths in prop::collection::vec(1..4000_usize, 1..40),
    ) {
        let json = larger(60, order);
        let expected = outcome(&read([&json]));
        let mut rest = json.as_bytes();
        let mut chunks = Vec::new();
        for length in lengths.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (chunk, after) = rest.split_at(*length.min(&rest.len()));
            chunks.push(chunk);
            rest = after;
        }
        let dataset = read(chunks);
        prop_assert_eq!(dataset.annotations().len(), 60);
        prop_assert_eq!(outcome(&dataset), expected);
    }

    /// Replaces arbitrary bytes of a valid file: reading succeeds, with the same result for every cut.
    #[test]
    fn any_damage_is_read_the_same_for_every_cut(
        at in 0..SMALL.len(),
        inserted in prop::collection::vec(any::<u8>(), 0..6),
        removed in 0..40_usize,
        cut in 0..900_usize,
    ) {
        let mut bytes = SMALL.as_bytes().to_vec();
        let end = (at + removed).min(bytes.len());
        bytes.splice(at..end, inserted);
        let whole = read([&bytes]);
        let cut = cut.min(bytes.len());
        prop_assert_eq!(outcome(&read([&bytes[..cut], &bytes[cut..]])), outcome(&whole));
        for annotation in whole.annotations() {
            prop_assert_eq!(annotation.mask().unwrap().area(), annotation.mask_area);
        }
    }
}
