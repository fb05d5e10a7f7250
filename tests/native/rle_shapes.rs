//! Strokes and rings, rasterised to runs and compared with a test of every pixel; outlines, simplified.

use masklink::geometry::Size;
use masklink::rle::{Error, Mask, Outline};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::rle::{corpus, mask_of};

fn masks() -> impl Strategy<Value = Mask> {
    (1_u32..12, 1_u32..12).prop_flat_map(|(width, height)| {
        let size = Size::new(width, height);
        vec(0_u8..2, size.pixels() as usize).prop_map(move |bits| Mask::from_row_major(size, &bits).unwrap())
    })
}

/// The distance of a point from a segment.
fn distance([x, y]: [f64; 2], from: [f64; 2], to: [f64; 2]) -> f64 {
    let [dx, dy] = [to[0] - from[0], to[1] - from[1]];
    let square = dx * dx + dy * dy;
    let along = if square == 0.0 { 0.0 } else { ((x - from[0]) * dx + (y - from[1]) * dy) / square };
    let along = along.clamp(0.0, 1.0);
    (x - from[0] - along * dx).hypot(y - from[1] - along * dy)
}

proptest! {
    #[test]
    fn stroke_holds_the_pixels_within_its_radius(
        (width, height) in (1_u32..24, 1_u32..24),
        from in [-8.0..32.0, -8.0..32.0],
        to in [-8.0..32.0, -8.0..32.0],
        radius in 0.0..9.0,
        kind in 0_u8..4,
    ) {
        // A dot, a horizontal and a vertical stroke are cases of their own.
        let to = match kind { 0 => from, 1 => [to[0], from[1]], 2 => [from[0], to[1]], _ => to };
        let stroke = Mask::from_stroke(Size::new(width, height), from, to, radius).unwrap();
        for (x, y) in (0..width).flat_map(|x| (0..height).map(move |y| (x, y))) {
            let apart = distance([f64::from(x) + 0.5, f64::from(y) + 0.5], from, to) - radius;
            // Rounding decides for middles on the very edge.
            if apart.abs() > 1e-9 {
                prop_assert_eq!(stroke.contains(x, y), apart < 0.0, "{} {}", x, y);
            }
        }
    }

    #[test]
    fn rings_of_a_mask_give_the_mask_back(mask in masks()) {
        let flat = |path: &Vec<[u32; 2]>| path.iter().flatten().map(|&at| f64::from(at)).collect::<Vec<_>>();
        let outlines = mask.outlines();
        let rings: Vec<_> = outlines.iter().flat_map(Outline::paths).map(flat).collect();
        prop_assert_eq!(Mask::from_rings(mask.size(), &rings).unwrap(), mask);
    }
}

#[test]
fn stroke_of_no_number_is_an_error() {
    let size = Size::new(4, 4);
    for (from, radius, at) in
        [([0.0, f64::NAN], 1.0, 1), ([f64::INFINITY, 0.0], 1.0, 0), ([0.0; 2], 1e300, 4)]
    {
        let stroke = Mask::from_stroke(size, from, [1.0, 1.0], radius);
        assert_eq!(stroke, Err(Error::Coordinate { polygon: 0, at }));
    }
    assert!(Mask::from_rings(size, &[[1.0, 2.0, 3.0]]).is_err());
}

/// Returns the rings of path data as this module writes it.
fn rings(path: &str) -> Vec<Vec<f64>> {
    let ring = |text: &str| {
        let text = text.strip_prefix('M').unwrap().replace('l', " ").replace('-', " -");
        let numbers: Vec<f64> = text.split_whitespace().map(|number| number.parse().unwrap()).collect();
        let (mut x, mut y) = (0.0, 0.0);
        numbers
            .chunks_exact(2)
            .flat_map(|step| {
                (x, y) = (x + step[0], y + step[1]);
                [x, y]
            })
            .collect()
    };
    path.split_terminator('z').map(ring).collect()
}

fn filled(mask: &Mask, path: &str) -> Mask {
    Mask::from_rings(mask.size(), &rings(path)).unwrap()
}

/// Returns a disk with a round hole.
fn ring(size: u32, radius: f64, hole: f64) -> Mask {
    let middle = [f64::from(size) / 2.0; 2];
    let disk = |radius| Mask::from_stroke(Size::new(size, size), middle, middle, radius).unwrap();
    disk(radius).difference(&disk(hole)).unwrap()
}

#[test]
fn a_ring_keeps_its_shape_and_its_hole_with_few_corners() {
    let mask = ring(600, 280.0, 140.0);
    let path = mask.simplified_svg_path();
    assert_eq!(path.matches('z').count(), 2, "{path}");
    assert!(path.len() < 400, "{path}");
    let iou = filled(&mask, &path).iou(&mask, false).unwrap();
    assert!(iou > 0.98, "{iou}");
}

#[test]
fn a_thin_mask_does_not_vanish() {
    for rows in [1, 2, 7] {
        let size = Size::new(900, 20);
        let bitmap: Vec<u8> = (0..20).flat_map(|y| [u8::from(y < rows); 900]).collect();
        let mask = Mask::from_row_major(size, &bitmap).unwrap();
        assert_eq!(mask.simplified_svg_path(), format!("M0 0l900 0 0 {rows}-900 0z"));
    }
    assert_eq!(Mask::empty(Size::new(3, 3)).unwrap().simplified_svg_path(), "");
}

#[test]
fn a_ragged_mask_has_a_short_path_or_none() {
    let stripes = |size: u32, width: u32| {
        let pixel = |at: u32| u8::from((at % size / width + at / size / width).is_multiple_of(2));
        let bitmap: Vec<u8> = (0..size * size).map(pixel).collect();
        Mask::from_row_major(Size::new(size, size), &bitmap).unwrap()
    };
    assert_eq!(stripes(512, 1).simplified_svg_path(), "");
    let path = stripes(512, 8).simplified_svg_path();
    assert!(path.len() < 2000, "{}", path.len());
}

#[test]
fn simplified_outlines_of_real_masks_cover_them() {
    let lines = corpus("coco_strings.jsonl", 734);
    let (mut bytes, mut ious) = (Vec::new(), Vec::new());
    for (line, entry) in lines.iter().enumerate() {
        let mask = mask_of(&entry["in"]);
        let path = mask.simplified_svg_path();
        // At most two numbers of four digits with their signs for each corner.
        assert!(path.len() <= 160 * 11, "line {}: {path}", line + 1);
        // The outlines of smaller masks are within a pixel, which may be most of them.
        if mask.area() >= 4096 {
            bytes.push(path.len());
            ious.push(filled(&mask, &path).iou(&mask, false).unwrap());
        }
    }
    let Some(last) = ious.len().checked_sub(1) else { return };
    ious.sort_by(f64::total_cmp);
    bytes.sort_unstable();
    println!(
        "{} masks: IoU {:?}, bytes {:?}",
        ious.len(),
        [0, last / 20, last / 2].map(|at| ious[at]),
        [bytes[last / 2], bytes[last]]
    );
    assert!(ious[last / 20] > 0.9 && ious[last / 2] > 0.95, "{ious:?}");
}
