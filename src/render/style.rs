//! The style of a scene and the paint it gives to each overlay.

use std::collections::BTreeSet;

use bytemuck::{Pod, Zeroable};

use super::palette::{CASING, Color, EMPTY_FRAME, PALETTE, SELECTED};
use super::scene::{Item, Scene};
use super::view::View;

/// Number of fill patterns, including the plain one.
const PATTERNS: u32 = 8;
/// Period of the patterns in x and y, in CSS pixels.
const PATTERN_PERIOD: f32 = 8.0;
/// Opacity between the strokes of a pattern, as a fraction of the strokes' opacity.
pub(super) const PATTERN_GAP_OPACITY: f32 = 0.3;
/// Opacity that hovering adds to a fill.
const HOVERED_OPACITY: f32 = 0.2;
/// Width that hovering or selection adds to an outline, in CSS pixels.
const EMPHASIS_WIDTH: f32 = 1.0;
/// Width of the dark casing on each side of an outline, in CSS pixels.
const CASING_WIDTH: f32 = 1.0;
/// Width of a box's lines and of the frame of a missing image, in CSS pixels.
const BOX_WIDTH: f32 = 1.0;
/// Maximum width of a line in device pixels: a width is one byte on the GPU.
const MAX_LINE_WIDTH: u32 = 255;

/// Rule that assigns colours to overlays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColorBy {
    /// By index in the scene: neighbours in the list differ.
    #[default]
    Mask,
    /// By entity, in order of first appearance: overlays of one entity share a colour.
    Entity,
}

/// Appearance of a scene. A change uploads 16 bytes per overlay to the GPU and nothing else.
#[derive(Clone, Debug, PartialEq)]
pub struct Style {
    /// Opacity of the fills, clamped to 0..=1.
    pub fill_opacity: f32,
    /// Width of the outlines in CSS pixels, without their dark casing of 1 CSS pixel on each side; 0 for
    /// none.
    pub outline_width: f32,
    /// Adds patterns of strokes to the fills, for color-blind readers and for prints.
    pub patterns: bool,
    /// Rule that assigns colours.
    pub color_by: ColorBy,
    /// Draws the overlays' boxes.
    pub boxes: bool,
    /// Index of the overlay under the pointer: more opaque, with a wider outline above the other outlines.
    pub hovered: Option<usize>,
    /// Index of the selected overlay: a wider white outline above all others.
    pub selected: Option<usize>,
    /// Indices of overlays that are neither drawn nor hit.
    pub hidden: BTreeSet<usize>,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            fill_opacity: 0.4,
            outline_width: 2.0,
            patterns: false,
            color_by: ColorBy::default(),
            boxes: false,
            hovered: None,
            selected: None,
            hidden: BTreeSet::new(),
        }
    }
}

impl Style {
    /// Returns `true` if an overlay is drawn and can be hit.
    pub fn shows(&self, index: usize) -> bool {
        !self.hidden.contains(&index)
    }

    /// Returns the colour of an overlay's fill and outline; `None` past the scene's last overlay.
    pub fn color(&self, scene: &Scene, index: usize) -> Option<Color> {
        scene.items().get(index).map(|item| color_of(item, self.rank(item.entity_rank, index)))
    }

    /// Returns one paint per overlay, and a last one for the frame of a missing image.
    pub(super) fn paints(&self, scene: &Scene, view: &View, has_image: bool) -> Vec<Paint> {
        let mut paints: Vec<Paint> = (0..scene.len()).map(|index| self.paint(scene, view, index)).collect();
        let frame = Paint {
            line: EMPTY_FRAME.packed(255),
            sizes: view.device_pixels(BOX_WIDTH) << 24,
            ..Paint::zeroed()
        };
        paints.push(if has_image { Paint::zeroed() } else { frame });
        paints
    }

    /// Returns the overlays whose outlines are drawn once more on top: the hovered, then the selected.
    pub(super) fn raised(&self, scene: &Scene) -> impl Iterator<Item = usize> {
        let hovered = self.hovered.filter(|_| self.hovered != self.selected);
        let count = scene.len();
        hovered.into_iter().chain(self.selected).filter(move |&index| index < count)
    }

    fn paint(&self, scene: &Scene, view: &View, index: usize) -> Paint {
        if !self.shows(index) {
            return Paint::zeroed();
        }
        let item = &scene.items()[index];
        let rank = self.rank(item.entity_rank, index);
        let color = color_of(item, rank);
        let (hovered, selected) = (self.hovered == Some(index), self.selected == Some(index));
        let opacity = self.fill_opacity.clamp(0.0, 1.0) + if hovered { HOVERED_OPACITY } else { 0.0 };
        let emphasis = if hovered || selected { EMPHASIS_WIDTH } else { 0.0 };
        let bytes = |css_pixels| view.device_pixels(css_pixels).min(MAX_LINE_WIDTH);
        let outline_width = bytes(self.outline_width.max(0.0) + emphasis);
        let box_width = if self.boxes { bytes(BOX_WIDTH + emphasis) } else { 0 };
        // Each cycle through the palette shifts the patterns, so 64 overlays differ.
        let pattern = if self.patterns { (rank + rank / PALETTE.len() as u32) % PATTERNS } else { 0 };
        Paint {
            fill: color.packed((opacity.clamp(0.0, 1.0) * 255.0).round() as u8),
            line: if selected { SELECTED } else { color }.packed(255),
            casing: CASING.packed(255),
            sizes: pattern | outline_width << 8 | bytes(CASING_WIDTH) << 16 | box_width << 24,
        }
    }

    fn rank(&self, entity_rank: u32, index: usize) -> u32 {
        match self.color_by {
            ColorBy::Mask => index as u32,
            ColorBy::Entity => entity_rank,
        }
    }
}

fn color_of(item: &Item, rank: u32) -> Color {
    item.color.unwrap_or(PALETTE[rank as usize % PALETTE.len()])
}

/// Colours and line widths of one overlay under one view; declared in `masks.wgsl` too, stride 16 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub(super) struct Paint {
    /// Colour of the fill: red in the lowest byte, green, blue, opacity.
    pub(super) fill: u32,
    /// Colour of the outline and the boxes; opaque, or 0 where the overlay is hidden.
    pub(super) line: u32,
    /// Colour of their casing; opaque, or 0 for none.
    pub(super) casing: u32,
    /// One byte each from the lowest: pattern, width of the outline, of the casing on each side and of the
    /// boxes' lines; in device pixels, 0 for none.
    pub(super) sizes: u32,
}

impl Paint {
    pub(super) fn pattern(self) -> u32 {
        self.sizes & 0xff
    }

    pub(super) fn outline_width(self) -> i32 {
        (self.sizes >> 8 & 0xff) as i32
    }

    pub(super) fn box_width(self) -> i32 {
        (self.sizes >> 24) as i32
    }

    pub(super) fn casing_width(self) -> i32 {
        (self.sizes >> 16 & 0xff) as i32
    }
}

/// Position of the patterns on the canvas: they move with the image and keep their size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PatternGrid {
    /// Period of every pattern in device pixels; at least 2.
    pub(super) period: u32,
    /// Offset added to a device pixel's position, modulo the period.
    pub(super) shift: [u32; 2],
}

impl PatternGrid {
    pub(super) fn new(view: &View) -> Self {
        let period = view.device_pixels(PATTERN_PERIOD).max(2);
        let origin = view.canvas_from_image;
        let shift =
            [origin.x, origin.y].map(|at| (-at.round()).rem_euclid(f64::from(period)) as u32 % period);
        Self { period, shift }
    }

    /// Returns `true` if a device pixel lies on a stroke of the pattern.
    pub(super) fn on_stroke(self, pattern: u32, x: u32, y: u32) -> bool {
        let (period, half) = (self.period, self.period / 2);
        let (x, y) = ((x + self.shift[0]) % period, (y + self.shift[1]) % period);
        match pattern {
            1 => (x + y) % period < half,
            2 => (x + period - y) % period < half,
            3 => y < half,
            4 => x < half,
            5 => (x < half) == (y < half),
            6 => x < half && y < half,
            7 => x < half || y < half,
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Size, Transform};
    use crate::render::Overlay;

    fn scene(entities: &[u64]) -> Scene {
        let mut scene = Scene::new(Size::new(4, 4)).unwrap();
        for &entity in entities {
            scene.push(Overlay { entity, ..Overlay::default() }).unwrap();
        }
        scene
    }

    fn view(device_pixel_ratio: f64, x: f64) -> View {
        let canvas_from_image = Transform { scale: 1.0, x, y: 0.0 };
        View { canvas: Size::new(64, 64), device_pixel_ratio, canvas_from_image }
    }

    #[test]
    fn colors_follow_mask_or_entity() {
        let scene = scene(&[9, 4, 9]);
        let by_mask = Style::default();
        let by_entity = Style { color_by: ColorBy::Entity, ..Style::default() };
        let colors = |style: &Style| [0, 1, 2].map(|index| style.color(&scene, index).unwrap());
        assert_eq!(colors(&by_mask), [PALETTE[0], PALETTE[1], PALETTE[2]]);
        assert_eq!(colors(&by_entity), [PALETTE[0], PALETTE[1], PALETTE[0]]);
        assert_eq!(by_mask.color(&scene, 3), None);
    }

    #[test]
    fn fixed_color_replaces_the_palette() {
        let mut scene = scene(&[9, 4]);
        scene.push(Overlay { color: Some(PALETTE[5]), ..Overlay::default() }).unwrap();
        let style = Style::default();
        assert_eq!([1, 2].map(|index| style.color(&scene, index).unwrap()), [PALETTE[1], PALETTE[5]]);
        let fills = style.paints(&scene, &view(1.0, 0.0), true);
        assert_eq!(fills[2].fill & 0x00ff_ffff, PALETTE[5].packed(0));
    }

    #[test]
    fn widths_scale_with_pixel_ratio_and_emphasis_widens() {
        let scene = scene(&[0, 1, 2, 3]);
        let style = Style {
            hovered: Some(1),
            selected: Some(2),
            hidden: [3].into(),
            boxes: true,
            ..Style::default()
        };
        let widths = |ratio| -> Vec<(i32, i32)> {
            let paints = style.paints(&scene, &view(ratio, 0.0), true);
            paints.iter().map(|paint| (paint.outline_width(), paint.box_width())).collect()
        };
        assert_eq!(widths(1.0), [(2, 1), (3, 2), (3, 2), (0, 0), (0, 0)]);
        assert_eq!(widths(2.5), [(5, 3), (8, 5), (8, 5), (0, 0), (0, 0)]);
    }

    #[test]
    fn sixty_four_overlays_differ_in_color_or_pattern() {
        let scene = scene(&[0; 64]);
        let style = Style { patterns: true, ..Style::default() };
        let paints = style.paints(&scene, &view(1.0, 0.0), true);
        let different: BTreeSet<_> = paints[..64].iter().map(|paint| (paint.fill, paint.pattern())).collect();
        assert_eq!(different.len(), 64);
    }

    #[test]
    fn patterns_move_with_the_image() {
        let (here, moved) = (PatternGrid::new(&view(1.0, 0.0)), PatternGrid::new(&view(1.0, 13.0)));
        for pattern in 0..PATTERNS {
            for (x, y) in (0..16).flat_map(|x| (0..16).map(move |y| (x, y))) {
                assert_eq!(here.on_stroke(pattern, x, y), moved.on_stroke(pattern, x + 13, y));
            }
        }
    }
}
