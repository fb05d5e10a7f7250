//! Times what a click costs around the model's own runs: pixels to the encoder's input, logits to masks.
#![allow(clippy::unwrap_used, reason = "its input is its own")]

use std::borrow::Cow;
use std::hint::black_box;

use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use masklink::geometry::{PixelRect, Point, Size};
use masklink::model::{Data, GraphId, Host, HostError, Input, PixelWindow, Request, Response, Tensor};
use masklink::pixels::Channels;
use masklink::segment::{self, Limits, Manifest, Model, Prompt, Prompts, Question, Session, Ticket};
use pollster::block_on;

/// A photo of a telephone, 12 megapixels, and one as the web shows it.
const IMAGES: [Size; 2] = [Size::new(4000, 3000), Size::new(1280, 853)];

/// Computes nothing: every run returns the same outputs.
struct Constant {
    size: Size,
    rgba: Vec<u8>,
    outputs: Vec<Tensor>,
}

impl Host for Constant {
    type Resident = ();

    async fn run(
        &self,
        _: GraphId,
        _: &[(&str, Input<'_, ()>)],
        _: &[&str],
    ) -> Result<Vec<Tensor>, HostError> {
        Ok(self.outputs.clone())
    }

    async fn run_resident(
        &self,
        _: GraphId,
        inputs: &[(&str, &Tensor)],
        _: &[usize],
    ) -> Result<(), HostError> {
        black_box(inputs);
        Ok(())
    }

    fn image_size(&self) -> Result<Size, HostError> {
        Ok(self.size)
    }

    fn pixels(&self, _: PixelRect) -> Result<PixelWindow<'_>, HostError> {
        let window = PixelRect { x: 0, y: 0, width: self.size.width, height: self.size.height };
        let bytes = Cow::Borrowed(&self.rgba[..]);
        Ok(PixelWindow { image: self.size, window, channels: Channels::Rgba, bytes })
    }

    async fn fetch(&self, _: Request<'_>) -> Result<Response, HostError> {
        Err(HostError::Cancelled)
    }

    async fn sleep(&self, _: u32) {}

    fn now_millis(&self) -> f64 {
        0.0
    }
}

/// The default model, without its refinement passes.
fn model() -> Model {
    let json = include_bytes!("../www/models/models.json");
    let manifest = Manifest::from_json(json, &Limits::default()).unwrap();
    Model { zoom_in: None, zoom_on_click: None, ..manifest.default_model().clone() }
}

/// Each run of the decoder gives candidates of a ragged blob with specks and holes.
fn host(size: Size) -> Constant {
    let (count, side) = (model().decoder.candidates, model().decoder.low_res);
    let blob = |at: usize| {
        let (x, y) = ((at % side) as f32 - 128.0, (at / side % side) as f32 - 90.0);
        let ripple = 12.0 * (x * 0.7).sin() * (y * 0.9).cos();
        (70.0 + ripple - x.hypot(y)) * 0.2 + if at.is_multiple_of(997) { 8.0 } else { 0.0 }
    };
    let low_res: Vec<f32> = (0..count * side * side).map(blob).collect();
    let outputs = vec![
        Tensor::new([1, count], Data::F32(vec![0.5; count])).unwrap(),
        Tensor::new([1, count, side, side], Data::F32(low_res)).unwrap(),
    ];
    Constant { size, rgba: (0..size.pixels() * 4).map(|at| (at % 251) as u8).collect(), outputs }
}

fn encoder_input(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encoder input");
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    for size in IMAGES {
        let (host, mut session) = (host(size), Session::new(model()).unwrap());
        group.bench_function(size.to_string(), |bencher| {
            bencher.iter(|| {
                session.forget_image();
                block_on(segment::encode_image(&mut session, &host)).unwrap();
            });
        });
    }
    group.finish();
}

fn masks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("masks of a click");
    group.sample_size(20);
    for size in IMAGES {
        let (host, mut session) = (host(size), Session::new(model()).unwrap());
        let point = Point::new(f64::from(size.width) / 2.0, f64::from(size.height) / 2.0);
        let mut prompts = Prompts::new();
        prompts.push(Prompt::Click { point, positive: true }).unwrap();
        block_on(segment::encode_image(&mut session, &host)).unwrap();
        let question = Question { ticket: Ticket(1), prompts, refine: None, view: None };
        group.bench_function(size.to_string(), |bencher| {
            bencher.iter(|| {
                let click = segment::click(&mut session, &host, &question, |_| ());
                black_box(block_on(click).unwrap());
            });
        });
    }
    group.finish();
}

criterion_group!(benches, encoder_input, masks);
criterion_main!(benches);
