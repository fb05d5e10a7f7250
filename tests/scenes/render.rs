//! Scenes on which the two renderers are compared, and the comparison, for native and browser tests.
//!
//! The including module must import `Size`, `Mask` and the other names of the crate.

use super::{Color, ColorBy, Frame, Mask, Overlay, Rect, Scene, Size, SourceImage, Style, Transform, View};

/// Maximum difference of a channel. Each blend rounds to 8 bits and may do so either way; the next
/// blend keeps only `1 - opacity` of that, so the sum stays below `1 / opacity`: 2.5 levels at the
/// opacity of 0.4. (Between the strokes of a pattern it is 0.12 and the bound 8, but no scene shows
/// more than 3.) Filtering a texture with the 8-bit weights that GPUs use adds less than one level
/// in these images.
pub(super) const TOLERANCE: u8 = 3;
/// Maximum fraction of pixels that may differ more: where the middle of a device pixel lies on an edge of
/// the mask to within the rounding of 32-bit floats, either side is right.
pub(super) const OUTLIERS: f64 = 0.0005;

/// One scene with image, view and style.
pub(super) struct TestScene {
    pub(super) name: &'static str,
    pub(super) scene: Scene,
    pub(super) image: Option<SourceImage>,
    pub(super) view: View,
    pub(super) style: Style,
}

/// Difference of two frames.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Difference {
    /// Largest difference of a channel.
    pub(super) worst: u8,
    /// Number of pixels with a channel over the tolerance.
    pub(super) outliers: usize,
    /// Number of all pixels.
    pub(super) pixels: usize,
}

impl Difference {
    pub(super) fn between(expected: &Frame, actual: &Frame) -> Self {
        assert_eq!(expected.size(), actual.size());
        let differences = expected.rgba().as_chunks::<4>().0.iter().zip(actual.rgba().as_chunks::<4>().0);
        let worst_of = |(a, b): (&[u8; 4], &[u8; 4])| (0..4).map(|i| a[i].abs_diff(b[i])).max().unwrap_or(0);
        let each: Vec<u8> = differences.map(worst_of).collect();
        Self {
            worst: each.iter().copied().max().unwrap_or(0),
            outliers: each.iter().filter(|&&difference| difference > TOLERANCE).count(),
            pixels: each.len(),
        }
    }

    pub(super) fn is_tolerable(&self) -> bool {
        self.outliers as f64 <= OUTLIERS * self.pixels as f64
    }
}

/// Returns expected, difference and actual frame side by side, with differences amplified 32 times.
pub(super) fn three_panels(expected: &Frame, actual: &Frame) -> (Size, Vec<u8>) {
    let Size { width, height } = expected.size();
    let difference: Vec<u8> = expected
        .rgba()
        .iter()
        .zip(actual.rgba())
        .enumerate()
        .map(|(i, (a, b))| if i % 4 == 3 { 255 } else { a.abs_diff(*b).saturating_mul(32) })
        .collect();
    let panels = [expected.to_straight_alpha(), difference, actual.to_straight_alpha()];
    let row_bytes = 4 * width as usize;
    let rows = (0..height as usize)
        .flat_map(|y| panels.iter().map(move |panel| &panel[y * row_bytes..][..row_bytes]));
    (Size::new(3 * width, height), rows.flatten().copied().collect())
}

/// Returns all scenes in a fixed order.
pub(super) fn all() -> Vec<TestScene> {
    [positions(), styles(), special_scenes()].into_iter().flatten().collect()
}

/// Size of the image of most scenes.
const IMAGE: Size = Size::new(160, 120);

/// Returns the view that fits the image, as most scenes have it.
fn fit() -> View {
    View::fit(Size::new(320, 240), 1.0, IMAGE)
}

fn at(scale: f64, x: f64, y: f64) -> View {
    View { canvas_from_image: Transform { scale, x, y }, ..fit() }
}

/// Returns the style without outlines.
fn plain() -> Style {
    Style { outline_width: 0.0, ..Style::default() }
}

/// Returns a scene with masks of many shapes on an image of its size.
fn many(name: &'static str, view: View, style: Style) -> TestScene {
    let shapes = ["disc", "ring", "stairs", "checker", "noise", "all", "none", "edge", "disc"];
    TestScene { name, scene: scene_of(IMAGE, &shapes), image: Some(gradient(IMAGE)), view, style }
}

/// Returns scenes at many scales and positions, with and without image.
fn positions() -> Vec<TestScene> {
    let bare = |name, image, shapes: &[&str], view, style| TestScene {
        name,
        scene: scene_of(IMAGE, shapes),
        image,
        view,
        style,
    };
    let image = || Some(gradient(IMAGE));
    vec![
        bare("image alone", image(), &[], fit(), plain()),
        bare("image reduced", image(), &[], at(0.17, 100.3, 90.6), plain()),
        bare("image magnified", image(), &[], at(7.3, -311.7, -205.2), plain()),
        bare("no image, no mask", None, &[], fit(), plain()),
        bare("no image, masks", None, &["disc", "ring"], fit(), Style::default()),
        many("one pixel to one", at(1.0, 80.0, 60.0), Style::default()),
        many("reduced", at(0.37, 31.0, 20.0), Style::default()),
        many("magnified", at(9.0, -700.5, -560.25), Style::default()),
        many("maximum magnification", at(64.0, -64.0 * 77.0 - 0.5, -64.0 * 55.5), Style::default()),
    ]
}

/// Returns scenes of the same masks in many styles.
fn styles() -> Vec<TestScene> {
    let style = Style::default;
    let without_image = |test| TestScene { image: None, ..test };
    vec![
        many("fills", fit(), plain()),
        many("fills opaque", fit(), Style { fill_opacity: 1.0, ..plain() }),
        many("outlines", fit(), Style { fill_opacity: 0.0, ..style() }),
        many("both", at(1.9, 3.3, 4.4), style()),
        without_image(many("wide outlines", at(1.9, 3.3, 4.4), Style { outline_width: 7.5, ..style() })),
        many("patterns", fit(), Style { patterns: true, fill_opacity: 0.8, ..style() }),
        without_image(many("patterns panned", at(2.0, -13.0, 9.0), Style { patterns: true, ..style() })),
        many("hovered", fit(), Style { hovered: Some(0), ..style() }),
        many("selected", fit(), Style { selected: Some(1), hovered: Some(2), ..style() }),
        many("hidden", fit(), Style { hidden: [4, 5].into(), boxes: true, ..style() }),
        many("boxes", at(1.3, 40.2, 31.7), Style { boxes: true, selected: Some(3), ..plain() }),
        many("by entity", fit(), Style { color_by: ColorBy::Entity, ..style() }),
        many(
            "pixel ratio of 2.5",
            View { device_pixel_ratio: 2.5, ..fit() },
            Style { boxes: true, patterns: true, hovered: Some(3), ..style() },
        ),
    ]
}

/// Returns scenes with images or masks of unusual sizes or numbers.
fn special_scenes() -> Vec<TestScene> {
    let narrow = Size::new(32_767, 3);
    vec![
        TestScene {
            name: "a narrow image far to the right",
            scene: scene_of(narrow, &["noise", "stairs"]),
            image: None,
            view: at(11.3, -11.3 * 32_752.3, 100.2),
            style: Style::default(),
        },
        TestScene {
            image: Some(gradient(Size::new(80, 60))),
            ..many("an image of another resolution", fit(), Style::default())
        },
        TestScene { scene: layers(IMAGE, 100), ..many("a hundred layers", fit(), Style::default()) },
    ]
}

/// Returns an opaque gradient with fine structure.
fn gradient(size: Size) -> SourceImage {
    let pixel = |index: u32| {
        let (x, y) = (index % size.width, index / size.width);
        let shade = |value: u32, max: u32| (value * 200 / max + 20) as u8;
        [shade(x, size.width), shade(y, size.height), if (x / 8 + y / 8) % 2 == 0 { 90 } else { 120 }, 255]
    };
    let rgba = (0..size.pixels() as u32).flat_map(pixel).collect();
    SourceImage::from_rgba(size, rgba).expect("four bytes a pixel")
}

fn scene_of(size: Size, shapes: &[&str]) -> Scene {
    let mut scene = Scene::new(size).expect("a small image");
    for (index, shape) in shapes.iter().enumerate() {
        let offset = 5.25 * index as f64;
        let boxes = vec![Rect::from_xywh([10.0 + offset, -4.5 + offset, 60.75, 40.5])];
        let overlay =
            Overlay { masks: vec![mask_of(size, shape)], entity: index as u64 / 2, color: None, boxes };
        scene.push(overlay).expect("a mask of the image's size");
    }
    scene
}

/// Returns discs shifted against each other, so that many overlap in the middle.
fn layers(size: Size, count: u32) -> Scene {
    let mut scene = Scene::new(size).expect("a small image");
    for index in 0..count {
        let (x, y) = (f64::from(30 + index % 10 * 10), f64::from(20 + index / 10 * 8));
        let masks = vec![mask_where(size, |px, py| (px - x).hypot(py - y) < 25.0)];
        scene.push(Overlay { masks, ..Overlay::default() }).expect("a mask of the image's size");
    }
    scene
}

fn mask_of(size: Size, shape: &str) -> Mask {
    let (width, height) = (f64::from(size.width), f64::from(size.height));
    let radius = |x: f64, y: f64| (x - width / 2.0).hypot(y - height / 2.0) / height;
    match shape {
        "disc" => mask_where(size, |x, y| (x - width / 3.0).hypot(y - height / 2.5) < height / 4.0),
        "ring" => mask_where(size, |x, y| (0.2..0.4).contains(&radius(x, y))),
        "stairs" => mask_where(size, |x, y| y > height - (x / 3.0).floor() * 2.0 % height),
        "checker" => {
            mask_where(size, |x, y| x > width * 0.7 && y < height * 0.3 && ((x + y) as u32).is_multiple_of(2))
        }
        // A hash of the position: one pixel in three, without structure.
        "noise" => mask_where(size, |x, y| {
            let hash = ((x as u32).wrapping_mul(0x9e37_79b1) ^ (y as u32).wrapping_mul(0x85eb_ca77))
                .wrapping_mul(0xc2b2_ae3d);
            y > height * 0.6 && (hash >> 16).is_multiple_of(3)
        }),
        "edge" => mask_where(size, |x, y| x < 1.0 || y < 1.0 || x > width - 1.0 || y > height - 1.0),
        "all" => mask_where(size, |_, _| true),
        _ => mask_where(size, |_, _| false),
    }
}

/// Returns the mask of the pixels whose middle satisfies `inside`.
fn mask_where(size: Size, inside: impl Fn(f64, f64) -> bool) -> Mask {
    let middle = |index: u32, by: u32| (f64::from(index / by) + 0.5, f64::from(index % by) + 0.5);
    let set = |index: u32| {
        let (x, y) = middle(index, size.height);
        u8::from(inside(x, y))
    };
    let bitmap: Vec<u8> = (0..size.pixels() as u32).map(set).collect();
    Mask::from_column_major(size, &bitmap).expect("a byte a pixel")
}

/// Returns the colour in the middle of a frame.
pub(super) fn middle(frame: &Frame) -> Color {
    let Size { width, height } = frame.size();
    let [red, green, blue, _] = frame.rgba().as_chunks::<4>().0[(height / 2 * width + width / 2) as usize];
    Color { red, green, blue }
}
