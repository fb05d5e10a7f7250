//! Chooses the crops of refinement passes, and resamples logits between the grids of image and crop.
//!
//! A model has one grid for any image, 256 cells a side for `sam1`. A small or thin object covers few of
//! these cells, and many of a crop's ("Zoom-In" of f-BRS, Sofiiuk et al., 2020).

use super::{ModelFrame, Prompts};
use crate::geometry::{PixelRect, Point, Rect, Size};

/// Minimum side of a crop in pixels of the image: a smaller one shows no more detail.
const MIN_SIDE: f64 = 80.0;
/// Maximum share of the image's longest side: in place of a larger crop the image is taken, which is
/// encoded already.
const MAX_OF_IMAGE: f64 = 0.85;
/// Maximum share of the image's longest side that a part of it may have to be encoded by itself first.
const MAX_FIRST_OF_IMAGE: f64 = 0.5;
/// Maximum longest side of a box in pixels of the whole image's frame that is looked at by itself: the model
/// sees larger things well in the whole image.
const MAX_BOX_IN_FRAME: f64 = 48.0;
/// Side of the region around a box, as a multiple of the box's longest side.
const BOX_MARGIN: f64 = 3.0;
/// Maximum side of an encoded crop that is used again, as a multiple of the side needed.
const MAX_TOO_LARGE: f64 = 1.4;
/// Logit of cells that no pass has seen.
const OUTSIDE: f32 = -12.0;

/// Returns the crop around a mask: a square of `margin` times the longest side of its bounding box
/// `subject`, cut at the image's border.
///
/// The `encoded` crop of a pass before is used again where it shows the subject well enough.
pub(super) fn mask_crop(subject: Rect, margin: f64, image: Size, encoded: Option<PixelRect>) -> PixelRect {
    let [width, height] = [image.width, image.height].map(f64::from);
    let [x, y] = [f64::midpoint(subject.x1, subject.x2), f64::midpoint(subject.y1, subject.y2)];
    let longest = subject.width().max(subject.height());
    let within = |side: f64| {
        let half = side / 2.0;
        Rect::from_corners(
            [(x - half).max(0.0), (y - half).max(0.0)],
            [(x + half).min(width), (y + half).min(height)],
        )
    };
    let side = (longest * margin).max(MIN_SIDE);
    let needed = within(longest * f64::midpoint(1.0, margin));
    let fits = |encoded: &PixelRect| {
        let rect = Rect::from(*encoded);
        let holds =
            rect.x1 <= needed.x1 && rect.y1 <= needed.y1 && rect.x2 >= needed.x2 && rect.y2 >= needed.y2;
        holds && rect.width().max(rect.height()) <= side * MAX_TOO_LARGE
    };
    if let Some(encoded) = encoded.filter(fits) {
        return encoded;
    }
    let region = pixels_of(within(side), image);
    if f64::from(region.width.max(region.height)) > MAX_OF_IMAGE * f64::from(image.longest_side()) {
        return PixelRect { x: 0, y: 0, width: image.width, height: image.height };
    }
    region
}

/// Returns the region that a model looks at first, where that is not the whole image: around a small box, or
/// the part of a large image that is shown.
pub(super) fn first_region(prompts: &Prompts, view: Option<Rect>, whole: &ModelFrame) -> Option<PixelRect> {
    let image = whole.image;
    let [width, height] = [image.width, image.height].map(f64::from);
    let cut = |rect: Rect| Rect {
        x1: rect.x1.clamp(0.0, width),
        y1: rect.y1.clamp(0.0, height),
        x2: rect.x2.clamp(0.0, width),
        y2: rect.y2.clamp(0.0, height),
    };
    let longest = |rect: &Rect| rect.width().max(rect.height());
    let region = if let Some(corners) = prompts.rect() {
        let scale = f64::from(whole.side) / f64::from(image.longest_side());
        if longest(&corners) * scale > MAX_BOX_IN_FRAME {
            return None;
        }
        let side = (longest(&corners) * BOX_MARGIN).max(MIN_SIDE);
        let [x, y] = [f64::midpoint(corners.x1, corners.x2), f64::midpoint(corners.y1, corners.y2)];
        let square = Rect { x1: x - side / 2.0, y1: y - side / 2.0, x2: x + side / 2.0, y2: y + side / 2.0 };
        prompts.extent_with(square)
    } else {
        // An image that fits the frame is seen in all detail already.
        view.filter(|_| image.longest_side() > whole.side).map(|view| prompts.extent_with(view))?
    };
    let region = cut(region);
    (longest(&region) >= 1.0 && longest(&region) <= MAX_FIRST_OF_IMAGE * f64::from(image.longest_side()))
        .then(|| pixels_of(region, image))
}

/// Returns the crop around a first click: a square of `share` of the longest side of what was looked at, with
/// the click in its middle, moved into the image.
///
/// `None` where so small a crop shows no more detail.
pub(super) fn click_crop(click: Point, share: f64, seen: PixelRect, image: Size) -> Option<PixelRect> {
    let side = share * f64::from(seen.width.max(seen.height));
    let span = |at: f64, length: u32| {
        let length = f64::from(length);
        let start = (at - side / 2.0).clamp(0.0, (length - side).max(0.0)).floor();
        [start, (start + side).min(length)]
    };
    let ([x1, x2], [y1, y2]) = (span(click.x, image.width), span(click.y, image.height));
    (side >= MIN_SIDE).then(|| pixels_of(Rect { x1, y1, x2, y2 }, image))
}

/// Returns the pixels that a rectangle touches; at least one.
fn pixels_of(rect: Rect, image: Size) -> PixelRect {
    let [x, y] = [(rect.x1 as u32).min(image.width - 1), (rect.y1 as u32).min(image.height - 1)];
    let [right, bottom] =
        [(rect.x2.ceil() as u32).min(image.width), (rect.y2.ceil() as u32).min(image.height)];
    PixelRect { x, y, width: right.saturating_sub(x).max(1), height: bottom.saturating_sub(y).max(1) }
}

/// Returns whether `rect` touches a border of the frame's region that is not the image's.
pub(super) fn is_cut_off(rect: PixelRect, frame: &ModelFrame) -> bool {
    let ModelFrame { region, image, .. } = frame;
    let [right, bottom] = [region.x + region.width, region.y + region.height];
    (region.x > 0 && rect.x == region.x)
        || (region.y > 0 && rect.y == region.y)
        || (right < image.width && rect.x + rect.width == right)
        || (bottom < image.height && rect.y + rect.height == bottom)
}

/// Returns `side * side` logits that no pass has seen.
pub(super) fn unknown(side: usize) -> Vec<f32> {
    vec![OUTSIDE; side * side]
}

/// Resamples the logits of `from`'s grid into the cells of `to`'s grid whose centres lie in both regions.
///
/// Both grids have `side * side` cells, row by row. A cell gets the mean over its own extent.
pub(super) fn regrid(from: (&ModelFrame, &[f32]), to: (&ModelFrame, &mut [f32]), side: usize) {
    let (from, source) = from;
    let (to, target) = to;
    let cells_per_frame_pixel = side as f64 / f64::from(to.side);
    let filled = |content: u32| ((f64::from(content) * cells_per_frame_pixel).ceil() as usize).min(side);
    let [source_cells, target_cells] =
        [from, to].map(|frame| frame.frame_pixels_per_pixel()[0] * side as f64 / f64::from(frame.side));
    // The number of samples a side is that of source cells in one of the target.
    let samples = ((source_cells / target_cells).round() as usize).clamp(1, 8);
    let grid = Grid { frame: from, cells: source, side };
    let at = |cell: usize, sample: usize| {
        (cell as f64 + (sample as f64 + 0.5) / samples as f64) / cells_per_frame_pixel
    };
    let shown = Rect::from(from.region);
    for row in 0..filled(to.content.height) {
        for column in 0..filled(to.content.width) {
            let middle = |cell: usize| (cell as f64 + 0.5) / cells_per_frame_pixel;
            let centre = to.image_from_frame(Point::new(middle(column), middle(row)));
            let is_shown =
                (shown.x1..shown.x2).contains(&centre.x) && (shown.y1..shown.y2).contains(&centre.y);
            if !is_shown {
                continue;
            }
            let mut sum = 0.0;
            for down in 0..samples {
                for across in 0..samples {
                    sum += grid.at(to.image_from_frame(Point::new(at(column, across), at(row, down))));
                }
            }
            target[row * side + column] = sum / (samples * samples) as f32;
        }
    }
}

/// Interpolates logits between the centres of their cells.
struct Grid<'a> {
    frame: &'a ModelFrame,
    cells: &'a [f32],
    side: usize,
}

impl Grid<'_> {
    /// Returns the logit at a point of the image, bilinear; outside of the region that of its border.
    fn at(&self, point_in_image: Point) -> f32 {
        let cells_per_frame_pixel = self.side as f64 / f64::from(self.frame.side);
        let point = self.frame.frame_from_image(point_in_image);
        let place = |position: f64, content: u32| {
            let last = (f64::from(content) * cells_per_frame_pixel).ceil().max(1.0) - 1.0;
            let position = (position * cells_per_frame_pixel - 0.5).clamp(0.0, last);
            let low = position as usize;
            (low, (low + 1).min(last as usize), (position - low as f64) as f32)
        };
        let (left, right, across) = place(point.x, self.frame.content.width);
        let (top, bottom, down) = place(point.y, self.frame.content.height);
        let row = |y: usize| {
            let (left, right) = (self.cells[y * self.side + left], self.cells[y * self.side + right]);
            left + across * (right - left)
        };
        let (upper, lower) = (row(top), row(bottom));
        upper + down * (lower - upper)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::segment::Prompt;

    fn rect(x: u32, y: u32, width: u32, height: u32) -> PixelRect {
        PixelRect { x, y, width, height }
    }

    #[test]
    fn mask_crop_is_a_square_within_the_image() {
        let image = Size::new(1000, 600);
        let around = |subject: PixelRect| mask_crop(subject.into(), 2.0, image, None);
        assert_eq!(around(rect(400, 200, 100, 60)), rect(350, 130, 200, 200));
        assert_eq!(around(rect(0, 0, 100, 60)), rect(0, 0, 150, 130), "cut at the image's corner");
        assert_eq!(around(rect(500, 300, 2, 2)), rect(461, 261, 80, 80), "no smaller than the minimum");
        assert_eq!(around(rect(100, 100, 600, 300)), rect(0, 0, 1000, 600), "nearly all is all");
        assert_eq!(mask_crop(rect(3, 2, 1, 1).into(), 2.0, Size::new(5, 4), None), rect(0, 0, 5, 4));
    }

    #[test]
    fn click_crop_is_a_square_within_the_image() {
        let in_image = |x: f64, y: f64, image: Size| {
            click_crop(Point::new(x, y), 0.5, rect(0, 0, image.width, image.height), image)
        };
        let on_click = |x: f64, y: f64| in_image(x, y, Size::new(1000, 600));
        assert_eq!(on_click(500.0, 300.0), Some(rect(250, 50, 500, 500)));
        assert_eq!(on_click(3.0, 599.0), Some(rect(0, 100, 500, 500)), "moved into the image");
        let wide = Size::new(1000, 400);
        assert_eq!(in_image(990.0, 3.0, wide), Some(rect(500, 0, 500, 400)));
        assert_eq!(in_image(70.0, 70.0, Size::new(150, 150)), None);
    }

    #[test]
    fn small_boxes_and_views_of_large_images_are_looked_at_by_themselves() {
        let first = |image: Size, prompts: &[Prompt], view: Option<[f64; 4]>| {
            let prompts = prompts.iter().copied().collect::<Result<Prompts, _>>().unwrap();
            let view = view.map(|[x1, y1, x2, y2]| Rect { x1, y1, x2, y2 });
            first_region(&prompts, view, &ModelFrame::new(image, 1024).unwrap())
        };
        let large = Size::new(6000, 4000);
        let click = Prompt::Click { point: Point::new(3000.0, 2000.0), positive: true };
        let boxed = |x1, y1, x2, y2| Prompt::Box(Rect { x1, y1, x2, y2 });
        let shown = Some([2500.5, 1800.0, 3500.0, 2600.0]);
        assert_eq!(first(large, &[click], None), None);
        assert_eq!(first(large, &[click], shown), Some(rect(2500, 1800, 1000, 800)));
        assert_eq!(first(large, &[click], Some([0.0, 0.0, 4000.0, 4000.0])), None, "most of the image");
        assert_eq!(first(Size::new(1000, 800), &[click], Some([0.0, 0.0, 200.0, 200.0])), None);
        let far = Prompt::Click { point: Point::new(2400.0, 2000.0), positive: true };
        assert_eq!(first(large, &[far, click], shown), Some(rect(2400, 1800, 1100, 800)), "all clicks");
        let small = boxed(1000.0, 1000.0, 1060.0, 1050.0);
        assert_eq!(first(large, &[small], shown), Some(rect(940, 935, 180, 180)), "around the box");
        assert_eq!(first(large, &[boxed(0.0, 0.0, 60.0, 60.0)], None), Some(rect(0, 0, 120, 120)));
        assert_eq!(first(large, &[boxed(1000.0, 1000.0, 1400.0, 1050.0)], None), None, "seen well enough");
    }

    #[test]
    fn encoded_crop_is_used_again_while_it_fits() {
        let image = Size::new(1000, 600);
        let encoded = rect(350, 130, 200, 200);
        for (subject, again) in [
            (rect(400, 200, 100, 60), true),
            (rect(410, 190, 90, 80), true),
            (rect(420, 210, 60, 40), false),
            (rect(440, 200, 100, 60), false),
        ] {
            let region = mask_crop(subject.into(), 2.0, image, Some(encoded));
            assert_eq!(region == encoded, again, "{subject:?}");
        }
    }

    #[test]
    fn mask_at_the_crops_inner_border_is_cut_off() {
        let frame = ModelFrame::of_region(Size::new(100, 80), rect(20, 0, 80, 50), 64);
        for (subject, cut) in [
            (rect(30, 0, 70, 20), false),
            (rect(20, 5, 10, 10), true),
            (rect(30, 40, 10, 10), true),
            (rect(21, 1, 79, 48), false),
        ] {
            assert_eq!(is_cut_off(subject, &frame), cut, "{subject:?}");
        }
    }

    proptest! {
        /// Linear logits stay linear, from larger cells to smaller ones and back.
        #[test]
        fn slope_is_the_same_on_both_grids(
            (x, y) in (0_u32..60, 0_u32..40),
            (width, height) in (30_u32..80, 30_u32..80),
            into_region in any::<bool>(),
        ) {
            let side = 32;
            let image = Size::new(150, 130);
            let whole = ModelFrame::new(image, 64).unwrap();
            let part = ModelFrame::of_region(image, rect(x, y, width, height), 64);
            let (from, to) = if into_region { (whole, part) } else { (part, whole) };
            let slope = |point: Point| (point.x * 0.05 - point.y * 0.03) as f32;
            let centre = |frame: &ModelFrame, at: usize| {
                let cell = |index: usize| (index as f64 + 0.5) * f64::from(frame.side) / side as f64;
                frame.image_from_frame(Point::new(cell(at % side), cell(at / side)))
            };
            let source: Vec<f32> = (0..side * side).map(|at| slope(centre(&from, at))).collect();
            let mut target = unknown(side);
            regrid((&from, &source), (&to, &mut target), side);
            // At the border of what was shown the nearest cell's logit stands for what is beyond its centre.
            let longest = |frame: &ModelFrame| frame.region.width.max(frame.region.height);
            let cell = f64::from(longest(&from).max(longest(&to)));
            let border = cell / side as f64 * 1.5;
            let mut inner = 0;
            for (at, &found) in target.iter().enumerate() {
                let point = centre(&to, at);
                let inside = |frame: &ModelFrame, by: f64| {
                    let shown = Rect::from(frame.region);
                    let within = |at: f64, from: f64, to: f64| at > from + by && at < to - by;
                    within(point.x, shown.x1, shown.x2) && within(point.y, shown.y1, shown.y2)
                };
                if inside(&from, border) && inside(&to, 0.0) {
                    inner += 1;
                    prop_assert!((found - slope(point)).abs() < 1e-3, "{point:?}: {found}");
                } else if !inside(&from, -1e-6) || !inside(&to, -border) {
                    prop_assert!((found - OUTSIDE).abs() < f32::EPSILON, "{point:?}: {found}");
                }
            }
            prop_assert!(inner > 0);
        }
    }
}
