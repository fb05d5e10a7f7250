//! How overlays look, and what that comes to for each of them.

use std::collections::BTreeSet;

use bytemuck::{Pod, Zeroable};

use super::palette::{CASING, Color, EMPTY_FRAME, PALETTE, SELECTED};
use super::scene::{Item, Scene};
use super::view::View;

/// Number of fill patterns, plain included.
const PATTERNS: u32 = 8;
/// Side of the square that a pattern repeats, in CSS pixels.
const PATTERN_PERIOD: f32 = 8.0;
/// Opacity between the strokes of a pattern as a part of that of the strokes.
pub(super) const PATTERN_GAP_OPACITY: f32 = 0.3;
/// What hovering adds to the opacity of a fill.
const HOVERED_OPACITY: f32 = 0.2;
/// What hovering or selection adds to the width of an outline, and its width where outlines are
/// off, in CSS pixels.
const EMPHASIS_WIDTH: f32 = 1.0;
/// Width of the dark casing on each side of an outline, in CSS pixels.
const CASING_WIDTH: f32 = 1.0;
/// Width of a box's lines and of the frame of a missing image, in CSS pixels.
const BOX_WIDTH: f32 = 1.0;
/// The widest line, in device pixels: widths travel to the GPU as bytes.
const MAX_LINE_WIDTH: u32 = 255;

/// What chooses an overlay's colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColorBy {
    /// Its place in the scene: neighbours in the list differ.
    #[default]
    Mask,
    /// Its entity: overlays of one entity share a colour, in order of first appearance.
    Entity,
}

/// How a scene is drawn. Changing it costs 16 bytes an overlay on the way to the GPU and nothing else.
#[derive(Clone, Debug, PartialEq)]
pub struct Style {
    /// Opacity of the fills, 0 to 1; values outside are taken as the nearest end.
    pub fill_opacity: f32,
    /// Width of the outlines in CSS pixels, without their dark casing of 1 CSS pixel a side; 0 for none.
    pub outline_width: f32,
    /// Whether colours also differ by a pattern of strokes, for eyes and prints that tell colours badly.
    pub patterns: bool,
    /// What chooses an overlay's colour.
    pub color_by: ColorBy,
    /// Whether the overlays' boxes are drawn.
    pub boxes: bool,
    /// The overlay under the pointer: fuller, with a wider outline, above the other outlines.
    pub hovered: Option<usize>,
    /// The chosen overlay: a wider white outline above all others.
    pub selected: Option<usize>,
    /// Overlays that are neither drawn nor hit.
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
    /// Whether an overlay is drawn and can be hit.
    pub fn shows(&self, index: usize) -> bool {
        !self.hidden.contains(&index)
    }

    /// The colour of an overlay, as its fill, outline and card show it; `None` past the scene's last overlay.
    pub fn color(&self, scene: &Scene, index: usize) -> Option<Color> {
        scene.items().get(index).map(|item| color_of(item, self.rank(item.entity_rank, index)))
    }

    /// One look an overlay, and a last one for the frame that stands in for a missing image.
    pub(super) fn looks(&self, scene: &Scene, view: &View, has_image: bool) -> Vec<Look> {
        let mut looks: Vec<Look> = (0..scene.len()).map(|index| self.look(scene, view, index)).collect();
        let frame = Look {
            line: EMPTY_FRAME.packed(255),
            sizes: view.device_pixels(BOX_WIDTH) << 24,
            ..Look::zeroed()
        };
        looks.push(if has_image { Look::zeroed() } else { frame });
        looks
    }

    /// Overlays whose outlines are drawn once more on top: the hovered, then the selected.
    pub(super) fn raised(&self, scene: &Scene) -> impl Iterator<Item = usize> {
        let hovered = self.hovered.filter(|_| self.hovered != self.selected);
        let count = scene.len();
        hovered.into_iter().chain(self.selected).filter(move |&index| index < count)
    }

    fn look(&self, scene: &Scene, view: &View, index: usize) -> Look {
        if !self.shows(index) {
            return Look::zeroed();
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
        // A colour that comes round again gets another pattern, so 64 overlays differ.
        let pattern = if self.patterns { (rank + rank / PALETTE.len() as u32) % PATTERNS } else { 0 };
        Look {
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

/// How one overlay is drawn under one view; mirrored in `masks.wgsl`, stride 16 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub(super) struct Look {
    /// Red, green, blue and opacity, red in the lowest byte.
    pub(super) fill: u32,
    /// The same of the outline and the boxes; opaque, or 0 where the overlay is hidden.
    pub(super) line: u32,
    /// The same of their casing; opaque, or 0 for none.
    pub(super) casing: u32,
    /// Pattern, width of the outline, of the casing on each side and of the boxes' lines, in device
    /// pixels and 0 for none: a byte each from the lowest.
    pub(super) sizes: u32,
}

impl Look {
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

/// Where the patterns lie on the canvas: they move with the image and keep their size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PatternGrid {
    /// Device pixels after which every pattern repeats; at least 2.
    pub(super) period: u32,
    /// What is added to a device pixel's position before it is taken modulo the period.
    pub(super) shift: [u32; 2],
}

impl PatternGrid {
    pub(super) fn of(view: &View) -> Self {
        let period = view.device_pixels(PATTERN_PERIOD).max(2);
        let origin = view.canvas_from_image;
        let shift =
            [origin.x, origin.y].map(|at| (-at.round()).rem_euclid(f64::from(period)) as u32 % period);
        Self { period, shift }
    }

    /// Whether a device pixel lies on a stroke of the pattern.
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
    fn colours_go_by_mask_or_by_entity() {
        let scene = scene(&[9, 4, 9]);
        let by_mask = Style::default();
        let by_entity = Style { color_by: ColorBy::Entity, ..Style::default() };
        let colors = |style: &Style| [0, 1, 2].map(|index| style.color(&scene, index).unwrap());
        assert_eq!(colors(&by_mask), [PALETTE[0], PALETTE[1], PALETTE[2]]);
        assert_eq!(colors(&by_entity), [PALETTE[0], PALETTE[1], PALETTE[0]]);
        assert_eq!(by_mask.color(&scene, 3), None);
    }

    #[test]
    fn an_overlay_may_have_a_colour_of_its_own() {
        let mut scene = scene(&[9, 4]);
        scene.push(Overlay { color: Some(PALETTE[5]), ..Overlay::default() }).unwrap();
        let style = Style::default();
        assert_eq!([1, 2].map(|index| style.color(&scene, index).unwrap()), [PALETTE[1], PALETTE[5]]);
        let fills = style.looks(&scene, &view(1.0, 0.0), true);
        assert_eq!(fills[2].fill & 0x00ff_ffff, PALETTE[5].packed(0));
    }

    #[test]
    fn widths_are_css_pixels_and_emphasis_widens() {
        let scene = scene(&[0, 1, 2, 3]);
        let style = Style {
            hovered: Some(1),
            selected: Some(2),
            hidden: [3].into(),
            boxes: true,
            ..Style::default()
        };
        let widths = |ratio| -> Vec<(i32, i32)> {
            let looks = style.looks(&scene, &view(ratio, 0.0), true);
            looks.iter().map(|look| (look.outline_width(), look.box_width())).collect()
        };
        assert_eq!(widths(1.0), [(2, 1), (3, 2), (3, 2), (0, 0), (0, 0)]);
        assert_eq!(widths(2.5), [(5, 3), (8, 5), (8, 5), (0, 0), (0, 0)]);
    }

    #[test]
    fn sixty_four_overlays_differ_in_colour_or_pattern() {
        let scene = scene(&[0; 64]);
        let style = Style { patterns: true, ..Style::default() };
        let looks = style.looks(&scene, &view(1.0, 0.0), true);
        let different: BTreeSet<_> = looks[..64].iter().map(|look| (look.fill, look.pattern())).collect();
        assert_eq!(different.len(), 64);
    }

    #[test]
    fn patterns_move_with_the_image() {
        let (here, moved) = (PatternGrid::of(&view(1.0, 0.0)), PatternGrid::of(&view(1.0, 13.0)));
        for pattern in 0..PATTERNS {
            for (x, y) in (0..16).flat_map(|x| (0..16).map(move |y| (x, y))) {
                assert_eq!(here.on_stroke(pattern, x, y), moved.on_stroke(pattern, x + 13, y));
            }
        }
    }
}
