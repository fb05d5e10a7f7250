//! Measures a frame of many overlapping masks: drawn from runs, and in the usual way from one texture per
//! mask.
//!
//! `cargo bench --bench render_frame -- [MASKS…] [--max-gib=N]` prints the adapter, then one line per
//! number of masks. The usual way is skipped where its textures need more than N GiB (default: 4).
#![allow(clippy::expect_used, reason = "a benchmark that cannot run stops with a message")]

use std::time::{Duration, Instant};

use masklink::geometry::{Size, Transform};
use masklink::gpu::Adapters;
use masklink::render::{CpuRenderer, GpuRenderer, Overlay, Scene, Style, Target, View};
use masklink::rle::Mask;

#[path = "shared/overlapping.rs"]
mod overlapping;
#[path = "shared/texture_per_mask.rs"]
mod texture_per_mask;

use overlapping::{IMAGE, blobs};
use texture_per_mask::TexturePerMask;

/// Default limit for the memory of the textures.
const DEFAULT_MAX_TEXTURE_GIB: u64 = 4;
/// Minimum time that each way draws; each draws at least two frames.
const MIN_DURATION: Duration = Duration::from_secs(2);

fn main() {
    let asked: Vec<u32> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let max_gib = std::env::args().find_map(|argument| argument.strip_prefix("--max-gib=")?.parse().ok());
    let max_texture_bytes = max_gib.unwrap_or(DEFAULT_MAX_TEXTURE_GIB) << 30;
    let counts = if asked.is_empty() { vec![10, 100, 1_000, 5_000] } else { asked };
    let view = View { canvas: IMAGE, device_pixel_ratio: 1.0, canvas_from_image: Transform::default() };
    let fills = Style { outline_width: 0.0, ..Style::default() };
    let outlined = Style::default();
    let empty = Scene::new(IMAGE).expect("an image within the limits");
    let opened = pollster::block_on(GpuRenderer::new(Target::Offscreen, Adapters::Any, empty.into()));
    let mut gpu = opened.expect("an adapter");
    println!("adapter: {}; canvas {IMAGE}, scale 1; median milliseconds per frame", gpu.adapter_name());
    println!(
        "{:>6} {:>9} {:>12} {:>7} {:>9} {:>9} {:>12} {:>7} {:>10} {:>10}",
        "masks",
        "fills",
        "and outlines",
        "ratio",
        "on CPU",
        "textures",
        "runs MiB",
        "ratio",
        "tex. MiB",
        "depth"
    );
    for count in counts {
        let masks = blobs(count);
        let depth = masks.iter().map(Mask::area).sum::<u64>() as f64 / IMAGE.pixels() as f64;
        let scene = std::sync::Arc::new(scene_of(&masks));
        gpu.set_scene(scene.clone()).expect("a scene within the limits");
        // They take turns, so that other work on the machine slows both.
        let [from_runs, with_outlines] = medians([&fills, &outlined], |style| {
            gpu.draw(&view, style).expect("a frame");
            pollster::block_on(gpu.finish()).expect("a frame");
        });
        let cpu = CpuRenderer::new(scene);
        let on_cpu = median(|| drop(cpu.draw(&view, &fills).expect("a frame")));
        let texture_bytes = IMAGE.pixels() * u64::from(count);
        let textures = (texture_bytes <= max_texture_bytes).then(|| {
            let usual = TexturePerMask::new(IMAGE, &masks);
            assert_eq!(usual.bytes, texture_bytes);
            median(|| usual.frame())
        });
        let or_not = |value: Option<f64>| value.map_or("not run".to_owned(), |value| format!("{value:.1}"));
        let ratio = with_outlines / from_runs;
        print!("{count:>6} {from_runs:>9.1} {with_outlines:>12.1} {ratio:>7.2} {on_cpu:>9.1} ");
        println!(
            "{:>9} {:>12.2} {:>7} {:>10.0} {depth:>10.1}",
            or_not(textures),
            mebibytes(gpu.memory().overlays),
            or_not(textures.map(|textures| textures / from_runs)),
            mebibytes(texture_bytes),
        );
    }
}

fn scene_of(masks: &[Mask]) -> Scene {
    let mut scene = Scene::new(IMAGE).expect("an image within the limits");
    for mask in masks {
        scene
            .push(Overlay { masks: vec![mask.clone()], ..Overlay::default() })
            .expect("a mask of the image's size");
    }
    scene
}

/// Returns the median time of a call in milliseconds, after one call to warm up.
fn median(mut work: impl FnMut()) -> f64 {
    let [median] = medians([()], |()| work());
    median
}

/// Returns the median time of a call with each of the values in milliseconds, after one call to warm up.
fn medians<T: Copy, const N: usize>(values: [T; N], mut work: impl FnMut(T)) -> [f64; N] {
    values.into_iter().for_each(&mut work);
    let mut times = values.map(|_| Vec::new());
    let begun = Instant::now();
    while times[0].len() < 2 || begun.elapsed() < MIN_DURATION {
        for (value, times) in values.into_iter().zip(&mut times) {
            let start = Instant::now();
            work(value);
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
    }
    times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    })
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
