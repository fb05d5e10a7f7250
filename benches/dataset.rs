//! Measures the rate at which annotation files are read, next to `serde_json` and json-event-parser
//! reading the same bytes.
#![allow(clippy::unwrap_used, reason = "the input is generated here")]

use std::hint::black_box;

use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use json_event_parser::{JsonEvent, ReaderJsonParser};
use masklink::dataset::{Dataset, ReadItem, ReadLimits, Reader, SummaryBuilder};
use masklink::geometry::Size;
use masklink::rle::Mask;

/// Number of annotations, about 2.8 KB each, as in Mask-OVEN-Wiki's training files.
const RECORDS: usize = 20_000;
/// Number of bytes pushed at once.
const CHUNK_BYTES: usize = 1 << 20;

/// Makes a file in Mask-OVEN-Wiki's form: images of 500 x 375, each with an annotation of two wavy
/// masks.
fn file() -> Vec<u8> {
    let strings: Vec<String> = (0..64).map(wavy_mask).collect();
    let images = list(|n| {
        format!(
            r#"{{"id":"oven_{n:08}","file_name":"/{:02}/oven_{n:08}.jpg","height":375,"width":500}}"#,
            n % 100
        )
    });
    let categories = list(|n| format!(r#"{{"id":"Q{}","name":"Entity {n}"}}"#, n + 1));
    let annotations = list(|n| {
        let mask = |at: usize| format!(r#"{{"size":[375,500],"counts":"{}"}}"#, strings[at % strings.len()]);
        format!(
            r#"{{"id":"oven_entity_train_{n:08}","image_id":"oven_{n:08}","category_id":"Q{}",
            "segmentation":[{},{}],"bbox":[[40.5,20.25,460.75,350.5],[40.5,20.25,460.75,350.5]],
            "text_prompt":"A thing named 'entity {n}'",
            "label":["a thing(0.44)","an entity(0.31)"],"question":"what is this?",
            "data_split":"entity_train"}}"#,
            n + 1,
            mask(n),
            mask(n + 1)
        )
    });
    format!(r#"{{"images":[{images}],"categories":[{categories}],"annotations":[{annotations}]}}"#)
        .into_bytes()
}

fn list(record: impl Fn(usize) -> String) -> String {
    (0..RECORDS).map(record).collect::<Vec<_>>().join(",")
}

/// Makes a region between two waves with some holes, in COCO's compressed form, escaped for JSON.
fn wavy_mask(phase: usize) -> String {
    let mut boundaries = Vec::new();
    for x in 40..460_u32 {
        let wave = |frequency: f64, height: f64| (f64::from(x + phase as u32 * 7) * frequency).sin() * height;
        let top = x * 375 + (90.0 + wave(0.05, 50.0) + wave(0.9, 4.0)) as u32;
        let bottom = x * 375 + (290.0 + wave(0.07, 50.0) + wave(1.3, 4.0)) as u32;
        boundaries.push(top);
        if x % 11 == 0 {
            boundaries.extend([x * 375 + 190, x * 375 + 195]);
        }
        boundaries.push(bottom);
    }
    Mask::from_boundaries(Size::new(500, 375), boundaries).unwrap().to_compressed().replace('\\', "\\\\")
}

fn reading(criterion: &mut Criterion) {
    let bytes = file();
    println!("{} bytes, {} an annotation", bytes.len(), bytes.len() / RECORDS);
    let mut group = criterion.benchmark_group("dataset");
    group.throughput(Throughput::Bytes(bytes.len() as u64)).sample_size(10).sampling_mode(SamplingMode::Flat);
    group.bench_function("serde_json to Value, whole", |bencher| {
        bencher.iter(|| serde_json::from_slice::<serde_json::Value>(black_box(&bytes)).unwrap());
    });
    group.bench_function("json-event-parser, events only", |bencher| {
        bencher.iter(|| {
            let mut parser = ReaderJsonParser::new(black_box(bytes.as_slice()));
            let mut events = 0_usize;
            while !matches!(parser.parse_next().unwrap(), JsonEvent::Eof) {
                events += 1;
            }
            assert!(events > RECORDS);
        });
    });
    group.bench_function("reader, masks not decoded", |bencher| {
        bencher.iter(|| {
            let mut reader = Reader::new(ReadLimits::default());
            let mut annotations = 0;
            for chunk in black_box(&bytes).chunks(CHUNK_BYTES) {
                reader
                    .push(chunk, |item| annotations += usize::from(matches!(item, ReadItem::Annotation(_))));
            }
            assert_eq!(annotations, RECORDS);
        });
    });
    group.bench_function("summary, masks decoded, none kept", |bencher| {
        bencher.iter(|| {
            let mut summary = SummaryBuilder::new(ReadLimits::default(), 3);
            for chunk in black_box(&bytes).chunks(CHUNK_BYTES) {
                summary.push(chunk);
            }
            assert_eq!(summary.finish().annotations, RECORDS as u64);
        });
    });
    group.bench_function("dataset, masks decoded, all kept", |bencher| {
        bencher.iter(|| {
            let dataset = Dataset::read(black_box(&bytes), &ReadLimits::default());
            assert_eq!(dataset.annotations().len(), RECORDS);
            dataset
        });
    });
    group.finish();
}

criterion_group!(benches, reading);
criterion_main!(benches);
