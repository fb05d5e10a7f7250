//! How much memory an annotation file may take; in a binary of its own, since it counts what the
//! whole process takes.

use masklink::dataset::{Dataset, DatasetBuilder, ReadLimits};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const LIMIT: usize = 8 << 20;

/// A section of records that a function makes of their numbers, more than fit.
fn section(name: &str, record: impl Fn(usize) -> String) -> String {
    let mut records: Vec<_> = Vec::new();
    let mut bytes = 0;
    for number in 0.. {
        records.push(record(number));
        bytes += 2 + records[number].len();
        if bytes > 2 * LIMIT {
            break;
        }
    }
    format!("\"{name}\":[{}]", records.join(","))
}

/// Reads a file, and answers the most memory that took beyond the file's own.
fn peak_of(file: &str) -> (Dataset, usize) {
    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    let mut builder = DatasetBuilder::new(ReadLimits { memory_bytes: LIMIT as u64, ..ReadLimits::default() });
    file.as_bytes().chunks(64 << 10).for_each(|chunk| builder.push(chunk));
    let dataset = builder.finish();
    (dataset, ALLOCATOR.peak_usage() - before)
}

// One test, as tests run beside each other.
#[test]
fn a_file_takes_no_more_memory_than_its_limit() {
    let mask = r#""segmentation":{"counts":"5220;","size":[4,6]}"#;
    let annotations =
        section("annotations", |n| format!(r#"{{"id":{n},"image_id":{},"category_id":1,{mask}}}"#, n / 16));
    let boxes = section("annotations", |n| {
        format!(r#"{{"id":{n},"image_id":{},"category_id":1,"bbox":[1,1,2,2]}}"#, n / 16)
    });
    let images =
        r#""images":[{"id":0,"file_name":"a.jpg","width":6,"height":4}],"categories":[{"id":1,"name":"a"}]"#;
    for (name, file) in [
        ("images first", format!("{{{images},{annotations}}}")),
        ("annotations first, as with sorted keys", format!("{{{annotations},{images}}}")),
        ("boxes without masks, each a finding", format!("{{{boxes},{images}}}")),
        ("images of nothing", format!("{{{}}}", section("images", |_| "{}".to_owned()))),
        ("categories of nothing", format!("{{{}}}", section("categories", |_| "{}".to_owned()))),
        ("records that are none", format!("{{{}}}", section("annotations", |_| "{\"id\":}".to_owned()))),
        (
            "polygons without an image",
            format!(
                "{{{}}}",
                section("annotations", |n| format!(
                    r#"{{"id":{n},"image_id":9,"segmentation":[[1,1,3,1,3,3]]}}"#
                ))
            ),
        ),
    ] {
        let (dataset, peak) = peak_of(&file);
        let share = peak as f64 / LIMIT as f64;
        println!("{name}: {share:.2} of the limit, {} annotations kept", dataset.annotations().len());
        assert!(share < 1.25, "{name}: {share:.2} of the limit");
    }
}
