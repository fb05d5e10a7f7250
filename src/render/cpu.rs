//! The renderer on the CPU: specification, test oracle and fallback of the GPU renderer.

use std::ops::Range;
use std::sync::Arc;

use super::columns::Columns;
use super::line::{Stroke, sides_of};
use super::outline::{Segment, segments_of};
use super::source_image::{SourceImage, covered_range};
use super::style::{PATTERN_GAP_OPACITY, Paint, PatternGrid};
use super::view::Anchor;
use super::{Error, Frame, Scene, Style, View};
use crate::geometry::{Rect, Size};

/// Maximum number of pixels of a canvas: 2²⁶, twice a screen of 8K.
const MAX_CANVAS_PIXELS: u64 = 1 << 26;

/// Draws a scene into memory.
#[derive(Debug)]
pub struct CpuRenderer {
    scene: Arc<Scene>,
    segments: Vec<Vec<Segment>>,
    image: Option<Arc<SourceImage>>,
    caller_draws_image: bool,
}

impl CpuRenderer {
    /// Creates the renderer of a scene; the image is set afterwards.
    pub fn new(scene: Arc<Scene>) -> Self {
        let segments = scene.items().iter().map(|item| segments_of(&item.columns)).collect();
        Self { scene, segments, image: None, caller_draws_image: false }
    }

    /// Sets or removes the image under the masks; without one, frames show an outline of its size.
    pub fn set_image(&mut self, image: Option<Arc<SourceImage>>) {
        self.image = image;
        self.caller_draws_image = false;
    }

    /// Removes the image because the caller draws it, for example with `drawImage`: frames then hold the
    /// overlays alone, without the outline of a missing image.
    pub fn set_image_drawn_by_caller(&mut self) {
        self.image = None;
        self.caller_draws_image = true;
    }

    /// Draws one frame.
    pub fn draw(&self, view: &View, style: &Style) -> Result<Frame, Error> {
        view.check()?;
        let actual = view.canvas.pixels();
        if actual > MAX_CANVAS_PIXELS {
            return Err(Error::Limit { what: "pixels of the canvas", limit: MAX_CANVAS_PIXELS, actual });
        }
        let paints = style.paints(&self.scene, view, self.image.is_some() || self.caller_draws_image);
        let mut canvas = Canvas::new(view);
        if let Some(image) = &self.image {
            canvas.draw_image(image, self.scene.size());
        }
        let items = self.scene.items();
        canvas.draw_boxes(&[self.scene.size().into()], paints[items.len()]);
        for (item, &paint) in items.iter().zip(&paints) {
            canvas.fill(&item.columns, paint);
        }
        for (segments, &paint) in self.segments.iter().zip(&paints) {
            canvas.draw_outline(segments, paint);
        }
        for (item, &paint) in items.iter().zip(&paints).filter(|_| style.boxes) {
            canvas.draw_boxes(&item.boxes, paint);
        }
        for index in style.raised(&self.scene) {
            canvas.draw_outline(&self.segments[index], paints[index]);
            if style.boxes {
                canvas.draw_boxes(&items[index].boxes, paints[index]);
            }
        }
        Ok(canvas.frame)
    }
}

/// A frame being drawn, with the position of the image in it.
struct Canvas {
    frame: Frame,
    anchor: Anchor,
    grid: PatternGrid,
}

impl Canvas {
    fn new(view: &View) -> Self {
        Self { frame: Frame::transparent(view.canvas), anchor: view.anchor(), grid: PatternGrid::new(view) }
    }

    fn draw_image(&mut self, image: &SourceImage, scene: Size) {
        let size = self.frame.size();
        let columns = covered_range(&self.anchor, scene.width, size.width, 0);
        for y in covered_range(&self.anchor, scene.height, size.height, 1) {
            let y_in_image = self.anchor.position_in_image(y, 1);
            for x in columns.clone() {
                let position = [self.anchor.position_in_image(x, 0), y_in_image];
                let color = image.sample(position, self.anchor.scale, scene);
                self.pixel(x, y).copy_from_slice(&color.map(|channel| (channel + 0.5) as u8));
            }
        }
    }

    fn fill(&mut self, columns: &Columns, paint: Paint) {
        if paint.fill >> 24 == 0 {
            return;
        }
        let [strokes, gaps] = [1.0, PATTERN_GAP_OPACITY].map(|part| Blend::new(paint.fill, part));
        let size = self.frame.size();
        let from = self.anchor.edge_in_canvas(columns.x as i32, 0).max(0);
        let to = self.anchor.edge_in_canvas((columns.x + columns.width()) as i32, 0).min(size.width as i32);
        for x in from..to {
            for run in columns.runs_of(self.anchor.pixel_in_image(x, 0) as u32) {
                for y in self.rows(*run) {
                    let on_stroke = self.grid.on_stroke(paint.pattern(), x as u32, y as u32);
                    (if on_stroke { strokes } else { gaps }).over(self.pixel(x, y));
                }
            }
        }
    }

    fn draw_outline(&mut self, segments: &[Segment], paint: Paint) {
        let anchor = self.anchor;
        let lines = segments.iter().map(|segment| {
            let (x, y, length) = (i32::from(segment.x), i32::from(segment.y), i32::from(segment.length));
            let (right, bottom) = if segment.vertical { (x, y + length) } else { (x + length, y) };
            [
                anchor.edge_in_canvas(x, 0),
                anchor.edge_in_canvas(y, 1),
                anchor.edge_in_canvas(right, 0),
                anchor.edge_in_canvas(bottom, 1),
            ]
        });
        self.draw_lines(&lines, paint.outline_width(), paint);
    }

    fn draw_boxes(&mut self, boxes: &[Rect], paint: Paint) {
        for rect in boxes {
            self.draw_lines(&sides_of(rect, &self.anchor).into_iter(), paint.box_width(), paint);
        }
    }

    fn draw_lines(&mut self, lines: &(impl Iterator<Item = [i32; 4]> + Clone), width: i32, paint: Paint) {
        for stroke in Stroke::IN_ORDER.into_iter().filter(|stroke| width > 0 && stroke.color(paint) != 0) {
            for line in lines.clone() {
                self.fill_rect(stroke.cover(line, width, paint), stroke.color(paint));
            }
        }
    }

    /// Sets the device pixels `[left, top, right, bottom)` to an opaque colour.
    fn fill_rect(&mut self, [left, top, right, bottom]: [i32; 4], color: u32) {
        let size = self.frame.size();
        let (left, right) = (left.max(0), right.min(size.width as i32));
        for y in top.max(0)..bottom.min(size.height as i32) {
            for x in left..right {
                self.pixel(x, y).copy_from_slice(&color.to_le_bytes());
            }
        }
    }

    /// Returns the device rows that a run covers.
    fn rows(&self, [top, bottom]: [u16; 2]) -> Range<i32> {
        let row = |y: u16| self.anchor.edge_in_canvas(i32::from(y), 1);
        row(top).max(0)..row(bottom).min(self.frame.size().height as i32)
    }

    fn pixel(&mut self, x: i32, y: i32) -> &mut [u8] {
        let at = 4 * (y as usize * self.frame.size().width as usize + x as usize);
        &mut self.frame.rgba_mut()[at..at + 4]
    }
}

/// Blends one colour over others: `source + (1 - alpha) * target`, premultiplied, rounded to the
/// nearest byte.
#[derive(Clone, Copy)]
struct Blend {
    /// Premultiplied colour, 0 to 255, plus one half for rounding.
    source: [f32; 4],
    keep: f32,
}

impl Blend {
    fn new(color: u32, opacity: f32) -> Self {
        let [red, green, blue, alpha] = color.to_le_bytes().map(f32::from);
        let alpha = alpha / 255.0 * opacity;
        let source = [red, green, blue, 255.0].map(|channel| channel * alpha + 0.5);
        Self { source, keep: 1.0 - alpha }
    }

    fn over(self, target: &mut [u8]) {
        for (channel, source) in target.iter_mut().zip(self.source) {
            *channel = (f32::from(*channel) * self.keep + source) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Transform;
    use crate::render::{Overlay, PALETTE};
    use crate::rle::Mask;

    /// Draws a mask of pixel (1, 1) of a 4 × 4 image at 4 device pixels per pixel.
    fn draw(style: &Style, image: Option<Arc<SourceImage>>) -> Frame {
        let size = Size::new(4, 4);
        let mut scene = Scene::new(size).unwrap();
        let masks = vec![Mask::from_boundaries(size, vec![5, 6]).unwrap()];
        scene
            .push(Overlay { masks, boxes: vec![Rect::from_xywh([2.0, 2.0, 1.0, 1.5])], ..Overlay::default() })
            .unwrap();
        let mut renderer = CpuRenderer::new(scene.into());
        renderer.set_image(image);
        let canvas_from_image = Transform { scale: 4.0, ..Transform::default() };
        let view = View { canvas: Size::new(16, 16), device_pixel_ratio: 1.0, canvas_from_image };
        renderer.draw(&view, style).unwrap()
    }

    fn at(frame: &Frame, x: usize, y: usize) -> [u8; 4] {
        frame.rgba().as_chunks().0[16 * y + x]
    }

    fn black() -> Arc<SourceImage> {
        let rgba = [0, 0, 0, 255].repeat(16);
        SourceImage::from_rgba(Size::new(4, 4), rgba).unwrap().into()
    }

    #[test]
    fn fill_covers_exactly_its_pixels() {
        let style = Style { outline_width: 0.0, fill_opacity: 1.0, ..Style::default() };
        let frame = draw(&style, Some(black()));
        let color = PALETTE[0];
        for (x, y) in (0..16).flat_map(|x| (0..16).map(move |y| (x, y))) {
            let inside = (4..8).contains(&x) && (4..8).contains(&y);
            let expected = if inside { [color.red, color.green, color.blue, 255] } else { [0, 0, 0, 255] };
            assert_eq!(at(&frame, x, y), expected, "({x}, {y})");
        }
    }

    #[test]
    fn outline_is_a_colored_line_in_a_dark_casing() {
        let frame = draw(&Style { fill_opacity: 0.0, ..Style::default() }, None);
        let row: Vec<u8> = (2..10).map(|x| at(&frame, x, 6)[0]).collect();
        let line = PALETTE[0].red;
        assert_eq!(row, [0, line, line, 0, 0, line, line, 0]);
        assert_eq!(at(&frame, 1, 6)[3], 0);
        assert_eq!(at(&frame, 2, 6), [0, 0, 0, 255]);
    }

    #[test]
    fn missing_image_shows_a_frame_and_boxes_follow_the_style() {
        let plain = Style { fill_opacity: 0.0, outline_width: 0.0, ..Style::default() };
        assert_eq!(at(&draw(&plain, None), 15, 9)[3], 255);
        assert_eq!(at(&draw(&plain, None), 9, 9)[3], 0);
        let boxes = Style { boxes: true, outline_width: 1.0, ..plain };
        assert_eq!(at(&draw(&boxes, None), 10, 7)[..3], [PALETTE[0].red, PALETTE[0].green, PALETTE[0].blue]);
    }

    #[test]
    fn hidden_overlay_is_not_drawn() {
        let style = Style { hidden: [0].into(), boxes: true, ..Style::default() };
        assert!(
            draw(&style, Some(black()))
                .rgba()
                .as_chunks::<4>()
                .0
                .iter()
                .all(|pixel| *pixel == [0, 0, 0, 255])
        );
    }
}
