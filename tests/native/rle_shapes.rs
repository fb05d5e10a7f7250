//! Strokes and rings: rasterised to runs, and compared with a test of every pixel.

use masklink::geometry::Size;
use masklink::rle::{Error, Mask};
use proptest::collection::vec;
use proptest::prelude::*;

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
        let rings: Vec<_> = outlines
            .iter()
            .flat_map(|outline| std::iter::once(&outline.outer).chain(&outline.holes).map(flat))
            .collect();
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
