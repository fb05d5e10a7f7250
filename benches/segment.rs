//! What a click costs around the model's own runs: pixels to the encoder's input, logits to the
//! masks of an answer.
#![allow(clippy::unwrap_used, reason = "its input is its own")]

use std::hint::black_box;

use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use masklink::geometry::{Point, Size};
use masklink::pixels::{Channels, Pixels};
use masklink::segment::{Data, Limits, Manifest, Prompt, Prompts, Session, Tensor, Ticket};

/// A photo of a telephone, 12 megapixels, and one as the web shows it.
const IMAGES: [Size; 2] = [Size::new(4000, 3000), Size::new(1280, 853)];

fn session() -> Session<()> {
    let json = include_bytes!("../www/models/models.json");
    let manifest = Manifest::from_json(json, &Limits::default()).unwrap();
    Session::new(manifest.default_model().clone()).unwrap()
}

fn preprocess(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encoder input");
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    for size in IMAGES {
        let rgba: Vec<u8> = (0..size.pixels() * 4).map(|at| (at % 251) as u8).collect();
        let mut session = session();
        group.bench_function(size.to_string(), |bencher| {
            let pixels = Pixels::new(size, Channels::Rgba, &rgba).unwrap();
            bencher.iter(|| black_box(session.begin_encode(Ticket(1), pixels).unwrap()));
        });
    }
    group.finish();
}

/// Three candidates of a ragged blob with specks and holes, at the image's size.
fn postprocess(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("answer");
    group.sample_size(20);
    for size in IMAGES {
        let mut session = session();
        let decoder = session.model().decoder.clone();
        let (count, side) = (decoder.candidates, decoder.low_res);
        let blob = |at: usize| {
            let (x, y) = ((at % side) as f32 - 128.0, (at / side % side) as f32 - 90.0);
            let ripple = 12.0 * (x * 0.7).sin() * (y * 0.9).cos();
            (70.0 + ripple - x.hypot(y)) * 0.2 + if at.is_multiple_of(997) { 8.0 } else { 0.0 }
        };
        let low_res: Vec<f32> = (0..count * side * side).map(blob).collect();
        let outputs = [
            Tensor::new([1, count], Data::F32(vec![0.5; count])).unwrap(),
            Tensor::new([1, count, side, side], Data::F32(low_res)).unwrap(),
        ];
        let pixels = vec![0; size.pixels() as usize * 4];
        let encoding =
            session.begin_encode(Ticket(1), Pixels::new(size, Channels::Rgba, &pixels).unwrap()).unwrap();
        session.finish_encode(&encoding, ());
        let mut prompts = Prompts::new();
        let point = Point::new(f64::from(size.width) / 2.0, f64::from(size.height) / 2.0);
        prompts.push(Prompt::Click { point, positive: true }).unwrap();
        let decoding = session.begin_decode(Ticket(2), &prompts, None).unwrap();
        group.bench_function(size.to_string(), |bencher| {
            bencher.iter(|| black_box(session.finish_decode(&decoding, &outputs).unwrap()));
        });
    }
    group.finish();
}

criterion_group!(benches, preprocess, postprocess);
criterion_main!(benches);
