//! Measures operations on masks: decoding, encoding, bitmaps, unions and point tests.
//!
//! Uses generated masks, and COCO's strings where the shared test data lies beside the repository.

use std::f64::consts::TAU;
use std::fs;
use std::hint::black_box;
use std::path::PathBuf;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use masklink::geometry::Size;
use masklink::rle::{Connectivity, Error, Mask};

/// Masks of one source and their strings.
struct Input {
    name: &'static str,
    strings: Vec<(Size, String)>,
    masks: Vec<Mask>,
}

impl Input {
    fn new(name: &'static str, strings: Vec<(Size, String)>) -> Result<Self, Error> {
        let masks = strings
            .iter()
            .map(|(size, text)| Mask::from_compressed(*size, text))
            .collect::<Result<_, _>>()?;
        Ok(Self { name, strings, masks })
    }
}

/// Generates blobs with rough edges, a few hundred runs each.
fn generated() -> Result<Input, Error> {
    let size = Size::new(640, 480);
    // Linear congruential, so that each run measures the same masks.
    let mut state = 1_u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 24)
    };
    let mut strings = Vec::new();
    for _ in 0..500 {
        let [x, y] = [640.0, 480.0].map(|side| side * random());
        let radius = 10.0 + 190.0 * random() * random();
        let polygon: Vec<f64> = (0..60)
            .flat_map(|corner| {
                let (sin, cos) = (TAU * f64::from(corner) / 60.0).sin_cos();
                let reach = radius * (0.75 + 0.25 * random());
                [x + reach * cos, y + reach * sin]
            })
            .collect();
        strings.push((size, Mask::from_polygon(size, &polygon)?.to_compressed()));
    }
    Input::new("generated", strings)
}

/// Reads COCO's strings, one JSON object per line; `None` without the file.
fn coco() -> Option<Result<Input, Error>> {
    let root = std::env::var_os("MASKLINK_SHARED_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    let text = fs::read_to_string(root.join("rle/coco_strings.jsonl")).ok()?;
    let mut strings = Vec::new();
    for line in text.lines() {
        let entry: serde_json::Value = serde_json::from_str(line).ok()?;
        let side = |at: usize| entry["in"]["size"][at].as_u64().and_then(|side| u32::try_from(side).ok());
        strings.push((Size::new(side(1)?, side(0)?), entry["in"]["counts"].as_str()?.to_owned()));
    }
    Some(Input::new("coco", strings))
}

fn benchmark(criterion: &mut Criterion) {
    let inputs = [Some(generated()), coco()];
    for input in inputs.into_iter().flatten() {
        match input {
            Ok(input) => measure(criterion, &input),
            Err(error) => eprintln!("benchmark skipped: {error}"),
        }
    }
}

/// Measures each operation over all masks of the input.
fn measure(criterion: &mut Criterion, input: &Input) {
    let mut group = criterion.benchmark_group("rle");
    group.throughput(Throughput::Elements(input.strings.len() as u64));
    let mut run = |name: &str, work: &dyn Fn(usize)| {
        group.bench_function(BenchmarkId::new(name, input.name), |bencher| {
            bencher.iter(|| (0..input.strings.len()).for_each(work));
        });
    };
    let masks = &input.masks;
    // The next mask of the same size, or the mask itself.
    let partner: Vec<usize> = (0..masks.len())
        .map(|at| (at + 1..masks.len()).find(|&other| masks[other].size() == masks[at].size()).unwrap_or(at))
        .collect();
    run("string_to_runs", &|at| {
        let (size, text) = &input.strings[at];
        _ = black_box(Mask::from_compressed(*size, text));
    });
    run("runs_to_string", &|at| _ = black_box(masks[at].to_compressed()));
    run("runs_to_row_major", &|at| _ = black_box(masks[at].to_row_major()));
    run("runs_to_column_major", &|at| _ = black_box(masks[at].to_column_major()));
    run("union", &|at| _ = black_box(masks[at].union(&masks[partner[at]])));
    run("iou", &|at| _ = black_box(masks[at].iou(&masks[partner[at]], false)));
    run("point_test", &|at| {
        let Size { width, height } = masks[at].size();
        _ = black_box(masks[at].contains(at as u32 * 7919 % width, at as u32 * 104_729 % height));
    });
    run("components", &|at| _ = black_box(masks[at].component_count(Connectivity::Four)));
    run("outlines", &|at| _ = black_box(masks[at].outlines()));
    run("interior_most", &|at| _ = black_box(masks[at].interior_most()));
    group.finish();
}

criterion_group!(benches, benchmark);
criterion_main!(benches);
