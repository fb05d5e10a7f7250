//! Compares the GPU renderer with the CPU renderer over the same scenes, on this machine's adapter.

use std::path::Path;
use std::sync::Arc;

use masklink::geometry::{Rect, Size, Transform};
use masklink::gpu::{self, Adapters, LostReason};
use masklink::render::{
    Color, ColorBy, CpuRenderer, Drawn, Error, Frame, GpuRenderer, ImageFit, Overlay, Scene, SourceImage,
    Style, Target, View,
};
use masklink::rle::Mask;

#[path = "../scenes/render.rs"]
mod scenes;

use scenes::{Difference, TestScene, three_panels};

use crate::shared_data::not_tested;

/// Returns a renderer of an empty scene; prints a line and returns `None` where there is no adapter.
fn gpu() -> Option<GpuRenderer> {
    let scene = Scene::new(Size::new(1, 1)).unwrap();
    match pollster::block_on(GpuRenderer::new(Target::Offscreen, Adapters::Any, scene.into())) {
        Ok(gpu) => Some(gpu),
        Err(error) => {
            not_tested(&format!("{error}; install mesa-vulkan-drivers for a software adapter"));
            None
        }
    }
}

fn draw_on_gpu(gpu: &mut GpuRenderer, test: &TestScene) -> Frame {
    gpu.set_scene(test.scene.clone().into()).unwrap();
    gpu.set_image(test.image.clone().map(Arc::new)).unwrap();
    redraw(gpu, test)
}

fn redraw(gpu: &mut GpuRenderer, test: &TestScene) -> Frame {
    let drawn = gpu.draw(&test.view, &test.style).unwrap();
    assert!(matches!(drawn, Drawn::Shown { .. }), "{}: {drawn:?}", test.name);
    pollster::block_on(gpu.read_back()).unwrap()
}

fn draw_on_cpu(test: &TestScene) -> Frame {
    let mut cpu = CpuRenderer::new(test.scene.clone().into());
    cpu.set_image(test.image.clone().map(Arc::new));
    cpu.draw(&test.view, &test.style).unwrap()
}

fn write_panels(name: &str, expected: &Frame, actual: &Frame) -> std::path::PathBuf {
    let (size, rgba) = three_panels(expected, actual);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("render");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(format!("{}.png", name.replace([' ', ','], "-")));
    image::save_buffer(&path, &rgba, size.width, size.height, image::ColorType::Rgba8).unwrap();
    path
}

#[test]
fn gpu_and_cpu_draw_equal_frames() {
    let Some(mut gpu) = gpu() else { return };
    let tests = scenes::all();
    assert_eq!(tests.len(), 25);
    let mut failures = Vec::new();
    for test in &tests {
        let (expected, actual) = (draw_on_cpu(test), draw_on_gpu(&mut gpu, test));
        let difference = Difference::between(&expected, &actual);
        println!(
            "{:<36} worst {:>3}, outliers {:>4} of {}",
            test.name, difference.worst, difference.outliers, difference.pixels
        );
        if !difference.is_tolerable() {
            failures.push(format!(
                "{}: {difference:?}: {}",
                test.name,
                write_panels(test.name, &expected, &actual).display()
            ));
        }
    }
    assert!(failures.is_empty(), "expected | difference | actual:\n{}", failures.join("\n"));
}

#[test]
fn rebuilt_renderer_draws_the_same_frame() {
    let Some(mut gpu) = gpu() else { return };
    let test = scene_named("both");
    let before = draw_on_gpu(&mut gpu, &test);
    let lost = gpu.lost();
    gpu.destroy();
    let refused = gpu.draw(&test.view, &test.style).unwrap_err();
    assert!(matches!(refused, Error::Gpu(gpu::Error::Lost(LostReason::Destroyed))), "{refused}");
    assert_eq!(pollster::block_on(lost), LostReason::Destroyed);
    pollster::block_on(gpu.rebuild()).unwrap();
    assert_eq!(redraw(&mut gpu, &test), before);
}

#[test]
fn style_change_uploads_only_paints_and_uniforms() {
    let Some(mut gpu) = gpu() else { return };
    let test = scene_named("both");
    draw_on_gpu(&mut gpu, &test);
    let paints = 16 * (test.scene.len() as u64 + 1);
    let styles = [
        Style { fill_opacity: 0.9, ..test.style.clone() },
        Style { hovered: Some(2), selected: Some(1), ..test.style.clone() },
        Style { hidden: [0, 3].into(), patterns: true, color_by: ColorBy::Entity, ..test.style.clone() },
    ];
    let uniforms = uploaded(&mut gpu, &test.view, &test.style);
    assert!(uniforms <= 64, "{uniforms}");
    for style in styles {
        assert_eq!(uploaded(&mut gpu, &test.view, &style), uniforms + paints);
    }
    assert_eq!(
        uploaded(&mut gpu, &test.view.panned(3.0, 4.0, test.scene.size()), &test.style),
        uniforms + paints
    );
    assert_eq!(uploaded(&mut gpu, &test.view, &test.style), uniforms);
}

fn uploaded(gpu: &mut GpuRenderer, view: &View, style: &Style) -> u64 {
    match gpu.draw(view, style).unwrap() {
        Drawn::Shown { uploaded_bytes } => uploaded_bytes,
        Drawn::Skipped => panic!("an offscreen target accepts every frame"),
    }
}

#[test]
fn image_over_the_texture_limit_is_scaled_and_reported() {
    let Some(mut gpu) = gpu() else { return };
    let size = Size::new(30_000, 2);
    gpu.set_scene(Scene::new(size).unwrap().into()).unwrap();
    let red = SourceImage::from_rgba(size, [200, 10, 10, 255].repeat(60_000)).unwrap();
    let fit = gpu.set_image(Some(red.into())).unwrap();
    let ImageFit::Scaled { from, to, max_side } = fit else { panic!("{fit}") };
    assert!(from == size && to.longest_side() <= max_side && to.longest_side() > max_side / 2, "{fit}");
    assert!(fit.to_string().starts_with("The image of 30000x2 pixels is scaled to"), "{fit}");
    assert_eq!(gpu.memory().image, 4 * to.pixels());
    let canvas_from_image = Transform { scale: 40.0, ..Transform::default() };
    let view = View { canvas: Size::new(256, 64), device_pixel_ratio: 1.0, canvas_from_image };
    gpu.draw(&view, &Style::default()).unwrap();
    let frame = pollster::block_on(gpu.read_back()).unwrap();
    assert_eq!(scenes::middle(&frame), Color::new(200, 10, 10));
}

#[test]
fn canvas_over_the_texture_limit_is_an_error_and_empty_canvas_is_skipped() {
    let Some(mut gpu) = gpu() else { return };
    let test = scene_named("both");
    gpu.set_scene(test.scene.clone().into()).unwrap();
    let view = View { canvas: Size::new(1_000_000, 4), ..test.view };
    assert!(matches!(gpu.draw(&view, &test.style), Err(Error::Limit { actual: 1_000_000, .. })));
    let view = View { canvas: Size::new(0, 4), ..test.view };
    assert_eq!(gpu.draw(&view, &test.style).unwrap(), Drawn::Skipped);
}

#[test]
fn software_adapter_is_refused_where_only_hardware_is_asked_for() {
    let Some(gpu) = gpu() else { return };
    let scene = Scene::new(Size::new(1, 1)).unwrap();
    let opened = pollster::block_on(GpuRenderer::new(Target::Offscreen, Adapters::Hardware, scene.into()));
    match opened {
        Err(Error::Gpu(gpu::Error::Software { name })) => assert_eq!(name, gpu.adapter_name()),
        Ok(_) => not_tested(&format!("{} is a graphics card", gpu.adapter_name())),
        Err(error) => panic!("{error}"),
    }
}

fn scene_named(name: &str) -> TestScene {
    scenes::all().into_iter().find(|test| test.name == name).expect("a test scene of this name")
}
