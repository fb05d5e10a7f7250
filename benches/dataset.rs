//! Measures the rate at which annotation files are read, next to `serde_json` and json-event-parser
//! reading the same bytes, and the time of the noise rules.
#![allow(clippy::unwrap_used, reason = "the input is generated here")]

use std::hint::black_box;

use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use json_event_parser::{JsonEvent, ReaderJsonParser};
use masklink::dataset::{Dataset, NoiseInput, ReadItem, ReadLimits, Reader, SummaryBuilder, inspect};
use masklink::geometry::{Rect, Size};
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
    wave(phase, 11).to_compressed().replace('\\', "\\\\")
}

/// Makes a region between two waves with a hole in each column that `hole_step` divides.
fn wave(phase: usize, hole_step: u32) -> Mask {
    let mut boundaries = Vec::new();
    for x in 40..460_u32 {
        let wave = |frequency: f64, height: f64| (f64::from(x + phase as u32 * 7) * frequency).sin() * height;
        let top = x * 375 + (90.0 + wave(0.05, 50.0) + wave(0.9, 4.0)) as u32;
        let bottom = x * 375 + (290.0 + wave(0.07, 50.0) + wave(1.3, 4.0)) as u32;
        boundaries.push(top);
        if x % hole_step == 0 {
            boundaries.extend([x * 375 + 190, x * 375 + 195]);
        }
        boundaries.push(bottom);
    }
    Mask::from_boundaries(Size::new(500, 375), boundaries).unwrap()
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

/// Measures the noise rules on annotations of 1 to 5 masks of about 420 runs each.
fn noise(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("noise");
    let boxes = [Rect { x1: 40.2, y1: 38.5, x2: 460.1, y2: 342.8 }; 5];
    let shapes = [("1 mask", 1, 1_000, 7), ("2 masks", 2, 1_000, 7), ("5 masks", 5, 1_000, 7)];
    let duplicates = [("2 masks, near duplicates", 2, 1_000, 0), ("2 masks, 39 holes each", 2, 11, 7)];
    for (name, number, hole_step, phase) in shapes.into_iter().chain(duplicates) {
        let parts: Vec<Mask> = (0..number).map(|at| wave(at * phase, hole_step)).collect();
        let union = Mask::union_of(parts[0].size(), &parts).unwrap();
        let question = Some("what kind of bird is this?");
        let input = NoiseInput { parts: &parts, union: &union, boxes: &boxes[..number], question };
        group.bench_function(name, |bencher| bencher.iter(|| inspect(black_box(&input))));
    }
    let background = wave(0, 1_000).complement();
    let parts = std::slice::from_ref(&background);
    let input = NoiseInput { parts, union: &background, boxes: &boxes[..1], question: None };
    group.bench_function("background", |bencher| bencher.iter(|| inspect(black_box(&input))));
    group.finish();
}

criterion_group!(benches, reading, noise);
criterion_main!(benches);
