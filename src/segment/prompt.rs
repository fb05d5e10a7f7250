//! The prompts of a segmentation, positive and negative clicks and a box, and the decoder's tensors of them.

use serde::{Deserialize, Serialize};

use super::{Error, ModelFrame};
use crate::geometry::{PixelRect, Point, Rect};
use crate::model::Tensor;

/// Maximum number of prompts for one mask.
pub const MAX_PROMPTS: usize = 64;

/// A click or a box in image space: pixel `(x, y)` covers `[x, x + 1) × [y, y + 1)`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(tsify::Tsify))]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Prompt {
    /// A click on the object, or where not positive, on something outside of it.
    Click {
        /// The position in image space.
        #[serde(flatten)]
        point: Point,
        /// True where the mask has to cover the point, false where it must not.
        positive: bool,
    },
    /// A box around the object; of several the last one is used.
    Box(Rect),
}

/// Prompts for one mask in the order in which they were added.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prompts {
    list: Vec<Prompt>,
}

impl Prompts {
    /// Creates an empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a prompt; fails where there are [`MAX_PROMPTS`] already.
    pub fn push(&mut self, prompt: Prompt) -> Result<(), Error> {
        if self.list.len() >= MAX_PROMPTS {
            let actual = self.list.len() as u64 + 1;
            return Err(Error::Limit { what: "prompts of a mask", limit: MAX_PROMPTS as u64, actual });
        }
        self.list.push(prompt);
        Ok(())
    }

    /// Removes the last prompt and returns it.
    pub fn undo(&mut self) -> Option<Prompt> {
        self.list.pop()
    }

    /// Removes all prompts.
    pub fn clear(&mut self) {
        self.list.clear();
    }

    /// Returns the prompts in order.
    pub fn as_slice(&self) -> &[Prompt] {
        &self.list
    }

    /// Returns the last box, which is the one that is used.
    pub fn rect(&self) -> Option<Rect> {
        self.list
            .iter()
            .rev()
            .find_map(|prompt| if let Prompt::Box(rect) = prompt { Some(*rect) } else { None })
    }

    /// Returns the clicks in order, each with whether it is positive.
    pub fn clicks(&self) -> impl Iterator<Item = (Point, bool)> + '_ {
        self.list.iter().filter_map(|prompt| match *prompt {
            Prompt::Click { point, positive } => Some((point, positive)),
            Prompt::Box(_) => None,
        })
    }

    /// Extends a rectangle to the positive clicks and the box.
    pub(super) fn extent_with(&self, mut rect: Rect) -> Rect {
        let mut take = |x: f64, y: f64| {
            rect.x1 = rect.x1.min(x);
            rect.y1 = rect.y1.min(y);
            rect.x2 = rect.x2.max(x);
            rect.y2 = rect.y2.max(y);
        };
        for (point, _) in self.clicks().filter(|&(_, positive)| positive) {
            take(point.x, point.y);
        }
        if let Some(corners) = self.rect() {
            take(corners.x1, corners.y1);
            take(corners.x2, corners.y2);
        }
        rect
    }

    /// Returns the point of a positive click that is the only prompt.
    pub(super) fn only_click(&self) -> Option<Point> {
        match *self.list.as_slice() {
            [Prompt::Click { point, positive: true }] => Some(point),
            _ => None,
        }
    }

    /// Returns the clicks in a region of the image, and the box cut to it.
    pub(super) fn within(&self, region: PixelRect) -> Self {
        let region = Rect::from(region);
        let holds = |&(point, _): &(Point, bool)| {
            (region.x1..=region.x2).contains(&point.x) && (region.y1..=region.y2).contains(&point.y)
        };
        let clicks = self.clicks().filter(holds).map(|(point, positive)| Prompt::Click { point, positive });
        let cut = self.rect().map(|rect| Rect {
            x1: rect.x1.max(region.x1),
            y1: rect.y1.max(region.y1),
            x2: rect.x2.min(region.x2),
            y2: rect.y2.min(region.y2),
        });
        let rect = cut.filter(|cut| cut.width() > 0.0 && cut.height() > 0.0).map(Prompt::Box);
        Self { list: clicks.chain(rect).collect() }
    }

    /// Returns `point_coords` f32[1, n, 2] in frame pixels and `point_labels` f32[1, n], as
    /// segment-anything's ONNX example lays them out: 1 positive, 0 negative, 2 and 3 the box's
    /// corners, and where there is no box one point of padding labelled -1.
    ///
    /// The graph takes a pixel's index for its centre, so a point of continuous space moves by half
    /// a frame pixel.
    pub(super) fn tensors(&self, frame: &ModelFrame) -> Result<[Tensor; 2], Error> {
        self.check(frame)?;
        let (mut coords, mut labels) = (Vec::new(), Vec::new());
        let mut push = |point: Point, label: f32| {
            let point_in_frame = frame.frame_from_image(point);
            coords.extend([(point_in_frame.x - 0.5) as f32, (point_in_frame.y - 0.5) as f32]);
            labels.push(label);
        };
        for (point, positive) in self.clicks() {
            push(point, f32::from(u8::from(positive)));
        }
        if let Some(rect) = self.rect() {
            push(Point::new(rect.x1, rect.y1), 2.0);
            push(Point::new(rect.x2, rect.y2), 3.0);
        } else {
            coords.extend([0.0, 0.0]);
            labels.push(-1.0);
        }
        let count = labels.len();
        Ok([
            Tensor::from_f32s(coords).reshaped([1, count, 2]),
            Tensor::from_f32s(labels).reshaped([1, count]),
        ])
    }

    /// Fails where a prompt lies outside of the image, or there is none.
    pub(super) fn check(&self, frame: &ModelFrame) -> Result<(), Error> {
        if self.list.is_empty() {
            return Err(Error::PromptMissing);
        }
        let (width, height) = (f64::from(frame.image.width), f64::from(frame.image.height));
        let outside =
            |point: &Point| !((0.0..=width).contains(&point.x) && (0.0..=height).contains(&point.y));
        for (at, prompt) in self.list.iter().enumerate() {
            let corners = match *prompt {
                Prompt::Click { point, .. } => [point; 2],
                Prompt::Box(rect) => [Point::new(rect.x1, rect.y1), Point::new(rect.x2, rect.y2)],
            };
            if let Some(&Point { x, y }) = corners.iter().find(|corner| outside(corner)) {
                return Err(Error::PromptOutside { at, x, y, size: frame.image });
            }
        }
        Ok(())
    }
}

impl FromIterator<Prompt> for Result<Prompts, Error> {
    fn from_iter<I: IntoIterator<Item = Prompt>>(prompts: I) -> Self {
        let mut collected = Prompts::new();
        prompts.into_iter().try_for_each(|prompt| collected.push(prompt))?;
        Ok(collected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;

    fn click(x: f64, y: f64, positive: bool) -> Prompt {
        Prompt::Click { point: Point::new(x, y), positive }
    }

    #[test]
    fn click_without_a_box_is_padded() {
        let frame = ModelFrame::new(Size::new(512, 256), 1024).unwrap();
        let prompts = Prompts { list: vec![click(10.5, 20.5, true), click(3.0, 4.0, false)] };
        let [coords, labels] = prompts.tensors(&frame).unwrap();
        assert_eq!((coords.shape(), labels.shape()), (&[1, 3, 2][..], &[1, 3][..]));
        assert_eq!(coords.as_f32().unwrap(), [20.5, 40.5, 5.5, 7.5, 0.0, 0.0]);
        assert_eq!(labels.as_f32().unwrap(), [1.0, 0.0, -1.0]);
    }

    #[test]
    fn last_box_is_used_and_follows_the_clicks() {
        let frame = ModelFrame::new(Size::new(1024, 1024), 1024).unwrap();
        let first = Prompt::Box(Rect { x1: 1.0, y1: 1.0, x2: 2.0, y2: 2.0 });
        let last = Prompt::Box(Rect { x1: 10.0, y1: 20.0, x2: 30.0, y2: 40.0 });
        let prompts = Prompts { list: vec![first, click(15.0, 25.0, true), last] };
        let [coords, labels] = prompts.tensors(&frame).unwrap();
        assert_eq!(coords.as_f32().unwrap(), [14.5, 24.5, 9.5, 19.5, 29.5, 39.5]);
        assert_eq!(labels.as_f32().unwrap(), [1.0, 2.0, 3.0]);
    }

    #[test]
    fn prompt_outside_the_image_is_an_error() {
        let frame = ModelFrame::new(Size::new(100, 50), 1024).unwrap();
        for bad in [click(100.5, 1.0, true), click(1.0, f64::NAN, true), click(-1.0, 0.0, false)] {
            let error = Prompts { list: vec![click(1.0, 1.0, true), bad] }.tensors(&frame).unwrap_err();
            assert!(matches!(error, Error::PromptOutside { at: 1, .. }), "{error}");
        }
        assert!(matches!(Prompts::new().tensors(&frame), Err(Error::PromptMissing)));
    }

    #[test]
    fn region_keeps_its_clicks_and_cuts_the_box() {
        let rect = Rect { x1: 10.0, y1: 20.0, x2: 60.0, y2: 40.0 };
        let prompts =
            Prompts { list: vec![click(15.0, 25.0, true), Prompt::Box(rect), click(80.0, 5.0, false)] };
        let part = |x, width| prompts.within(PixelRect { x, y: 0, width, height: 30 }).list;
        let cut = Rect { x1: 10.0, y1: 20.0, x2: 50.0, y2: 30.0 };
        assert_eq!(part(0, 50), [click(15.0, 25.0, true), Prompt::Box(cut)]);
        assert_eq!(part(70, 30), [click(80.0, 5.0, false)]);
        let extent = prompts.extent_with(Rect { x1: 30.0, y1: 10.0, x2: 70.0, y2: 35.0 });
        assert_eq!(extent, Rect { x1: 10.0, y1: 10.0, x2: 70.0, y2: 40.0 });
    }

    #[test]
    fn undo_removes_the_last_prompt_and_too_many_are_an_error() {
        let mut prompts = Prompts::new();
        for _ in 0..MAX_PROMPTS {
            prompts.push(click(1.0, 1.0, true)).unwrap();
        }
        assert!(matches!(prompts.push(click(1.0, 1.0, true)), Err(Error::Limit { .. })));
        assert_eq!(prompts.undo(), Some(click(1.0, 1.0, true)));
        prompts.clear();
        assert_eq!(prompts.undo(), None);
    }
}
