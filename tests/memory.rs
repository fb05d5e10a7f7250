//! The memory budget of an annotation file, in a binary of its own because it measures the whole process.

use masklink::dataset::{Dataset, DatasetBuilder, ReadLimits};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const LIMIT: usize = 8 << 20;

/// Makes a section of twice the budget's bytes; `record` makes each record of its number.
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

/// Reads a file and returns the peak of the memory used, the file's own excluded.
fn peak_of(file: &str) -> (Dataset, usize) {
    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    let mut builder = DatasetBuilder::new(ReadLimits { memory_bytes: LIMIT as u64, ..ReadLimits::default() });
    file.as_bytes().chunks(64 << 10).for_each(|chunk| builder.push(chunk));
    let dataset = builder.finish();
    (dataset, ALLOCATOR.peak_usage() - before)
}

// One test only, because tests of a binary run in parallel.
#[test]
fn peak_memory_stays_near_the_budget() {
    let mask = r#""segmentation":{"counts":"5220;","size":[4,6]}"#;
    let annotations =
        section("annotations", |n| format!(r#"{{"id":{n},"image_id":{},"category_id":1,{mask}}}"#, n / 16));
    let boxes = section("annotations", |n| {
        format!(r#"{{"id":{n},"image_id":{},"category_id":1,"bbox":[1,1,2,2]}}"#, n / 16)
    });
    let images =
        r#""images":[{"id":0,"file_name":"a.jpg","width":6,"height":4}],"categories":[{"id":1,"name":"a"}]"#;
    let polygons =
        section("annotations", |n| format!(r#"{{"id":{n},"image_id":9,"segmentation":[[1,1,3,1,3,3]]}}"#));
    for (name, file) in [
        ("images first", format!("{{{images},{annotations}}}")),
        ("annotations first, as with sorted keys", format!("{{{annotations},{images}}}")),
        ("boxes without masks, a finding each", format!("{{{boxes},{images}}}")),
        ("images without fields", format!("{{{}}}", section("images", |_| "{}".to_owned()))),
        ("categories without fields", format!("{{{}}}", section("categories", |_| "{}".to_owned()))),
        ("invalid records", format!("{{{}}}", section("annotations", |_| "{\"id\":}".to_owned()))),
        ("polygons without an image", format!("{{{polygons}}}")),
    ] {
        let (dataset, peak) = peak_of(&file);
        let share = peak as f64 / LIMIT as f64;
        println!("{name}: {share:.2} of the limit, {} annotations kept", dataset.annotations().len());
        assert!(share < 1.25, "{name}: {share:.2} of the limit");
    }
}
