//! A scene: the size of an image and the overlays on it.

use std::collections::HashMap;

use super::Error;
use super::columns::Columns;
use super::palette::Color;
use super::view::View;
use crate::geometry::{PixelRect, Point, Rect, Size};
use crate::rle::Mask;

/// Maximum side of an image in pixels: two row numbers of a run share one 32-bit word on the GPU.
pub const MAX_SIDE: u32 = 32_767;

/// One annotation of a scene.
#[derive(Clone, Debug, Default)]
pub struct Overlay {
    /// Masks of the image's size; the overlay covers their union.
    pub masks: Vec<Mask>,
    /// Overlays of equal `entity` share a colour under [`super::ColorBy::Entity`].
    pub entity: u64,
    /// Fixed colour; `None` takes the next one of the palette.
    pub color: Option<Color>,
    /// Boxes in image space, drawn where [`super::Style::boxes`] is set; they may reach past the image's
    /// edge.
    pub boxes: Vec<Rect>,
}

/// An image's size and the overlays on it, lowest first.
#[derive(Clone, Debug)]
pub struct Scene {
    size: Size,
    items: Vec<Item>,
    entities: HashMap<u64, u32>,
}

/// An overlay and the values computed from it once.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) columns: Columns,
    pub(super) boxes: Vec<Rect>,
    /// Number of distinct entities before the first overlay of this entity.
    pub(super) entity_rank: u32,
    pub(super) color: Option<Color>,
    mask: Mask,
    bbox: Option<PixelRect>,
}

impl Scene {
    /// Creates a scene without overlays over an image whose sides are at most [`MAX_SIDE`].
    pub fn new(size: Size) -> Result<Self, Error> {
        let actual = size.longest_side();
        if actual > MAX_SIDE {
            let (limit, actual) = (u64::from(MAX_SIDE), u64::from(actual));
            return Err(Error::Limit { what: "pixels of an image's side", limit, actual });
        }
        Ok(Self { size, items: Vec::new(), entities: HashMap::new() })
    }

    /// Adds an overlay above the others and returns its index.
    pub fn push(&mut self, overlay: Overlay) -> Result<usize, Error> {
        if let Some(at) =
            overlay.boxes.iter().position(|b| ![b.x1, b.y1, b.x2, b.y2].iter().all(|v| v.is_finite()))
        {
            return Err(Error::Box { at });
        }
        let mask = self.union(&overlay.masks)?;
        let next_rank = self.entities.len() as u32;
        let entity_rank = *self.entities.entry(overlay.entity).or_insert(next_rank);
        self.items.push(Item {
            columns: Columns::new(&mask),
            boxes: overlay.boxes.into_iter().map(|rect| self.clipped_box(rect)).collect(),
            entity_rank,
            color: overlay.color,
            bbox: mask.bbox(),
            mask,
        });
        Ok(self.items.len() - 1)
    }

    /// Returns the size of the image.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Returns the number of overlays.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Returns `true` if there is no overlay.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Returns the union of an overlay's masks; `None` past the last overlay.
    pub fn mask(&self, index: usize) -> Option<&Mask> {
        self.items.get(index).map(|item| &item.mask)
    }

    /// Returns the position for a label in canvas space, the top-left corner of the overlay; `None` where
    /// nothing of it is in view.
    pub fn label_anchor(&self, index: usize, view: &View) -> Option<Point> {
        let item = self.items.get(index)?;
        let rect = item.bbox.map(Rect::from).or_else(|| item.boxes.first().copied())?;
        let seen = view.canvas_from_image.apply_rect(rect);
        let Size { width, height } = view.canvas;
        let in_view =
            seen.x1 < f64::from(width) && seen.y1 < f64::from(height) && seen.x2 > 0.0 && seen.y2 > 0.0;
        in_view.then_some(Point::new(seen.x1, seen.y1))
    }

    pub(super) fn items(&self) -> &[Item] {
        &self.items
    }

    /// Clips a box to three times the image's width and height around the image, so that its numbers
    /// stay small.
    fn clipped_box(&self, rect: Rect) -> Rect {
        let (width, height) = (f64::from(self.size.width), f64::from(self.size.height));
        let (x, y) =
            (|value: f64| value.clamp(-width, 2.0 * width), |value: f64| value.clamp(-height, 2.0 * height));
        Rect { x1: x(rect.x1), y1: y(rect.y1), x2: x(rect.x2), y2: y(rect.y2) }
    }

    fn union(&self, masks: &[Mask]) -> Result<Mask, Error> {
        let fault = |at: usize| Error::MaskSize { at, expected: self.size, actual: masks[at].size() };
        if let Some(at) = masks.iter().position(|mask| mask.size() != self.size) {
            return Err(fault(at));
        }
        let Some((first, rest)) = masks.split_first() else {
            return Mask::empty(self.size).map_err(|_| Error::Limit {
                what: "pixels of an image",
                limit: u64::from(u32::MAX),
                actual: self.size.pixels(),
            });
        };
        rest.iter()
            .enumerate()
            .try_fold(first.clone(), |whole, (at, mask)| whole.union(mask).map_err(|_| fault(at + 1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Transform;

    fn square(size: Size, x: u32, y: u32, side: u32) -> Mask {
        let inside = |index: u32| {
            let (column, row) = (index % size.width, index / size.width);
            column >= x && column < x + side && row >= y && row < y + side
        };
        let bitmap: Vec<u8> = (0..size.pixels() as u32).map(|index| u8::from(inside(index))).collect();
        Mask::from_row_major(size, &bitmap).unwrap()
    }

    fn scene() -> Scene {
        let size = Size::new(20, 10);
        let mut scene = Scene::new(size).unwrap();
        for (x, y, side) in [(2, 2, 3), (0, 0, 9), (12, 2, 4), (12, 2, 4)] {
            scene.push(Overlay { masks: vec![square(size, x, y, side)], ..Overlay::default() }).unwrap();
        }
        scene
    }

    #[test]
    fn overlay_out_of_view_has_no_label_anchor() {
        let (scene, image) = (scene(), Size::new(20, 10));
        let in_view = |view: View| [0, 1, 2].map(|index| scene.label_anchor(index, &view).is_some());
        let fitted = View::fit(Size::new(400, 200), 1.0, image);
        assert_eq!(in_view(fitted), [true, true, true]);
        assert_eq!(scene.label_anchor(9, &fitted), None, "there is no such overlay");
        // Ten times as large, so that two pixels of the image fill the canvas: first inside the
        // first two, then right of all but the third.
        let at = |x, y| Transform { scale: 200.0, x: -200.0 * x, y: -200.0 * y };
        assert_eq!(in_view(View { canvas_from_image: at(3.0, 3.0), ..fitted }), [true, true, false]);
        assert_eq!(in_view(View { canvas_from_image: at(12.5, 2.5), ..fitted }), [false, false, true]);
    }

    #[test]
    fn masks_are_united_and_another_size_is_an_error() {
        let size = Size::new(20, 10);
        let mut scene = Scene::new(size).unwrap();
        let masks = vec![square(size, 0, 0, 2), square(size, 1, 1, 2)];
        let index = scene.push(Overlay { masks, ..Overlay::default() }).unwrap();
        assert_eq!(scene.mask(index).unwrap().area(), 7);
        let masks = vec![square(size, 0, 0, 2), square(Size::new(10, 20), 0, 0, 1)];
        let error = scene.push(Overlay { masks, ..Overlay::default() }).unwrap_err();
        assert_eq!(error.to_string(), "mask 1 has the size 10x20, but its image has 20x10");
        assert_eq!(scene.len(), 1);
    }

    #[test]
    fn side_over_the_limit_and_nan_box_are_errors() {
        assert!(matches!(Scene::new(Size::new(32_768, 1)), Err(Error::Limit { actual: 32_768, .. })));
        let boxes = vec![Rect::default(), Rect { x1: f64::NAN, ..Rect::default() }];
        let error = scene().push(Overlay { boxes, ..Overlay::default() }).unwrap_err();
        assert!(matches!(error, Error::Box { at: 1 }));
    }
}
