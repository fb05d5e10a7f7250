//! Compares every operation on runs with a naive one on bitmaps, over random masks, strings and polygons.

use std::collections::VecDeque;

use masklink::geometry::Size;
use masklink::rle::{Connectivity, InteriorPixel, Mask};
use proptest::collection::vec;
use proptest::prelude::*;

/// A mask as booleans, with every operation done pixel by pixel.
#[derive(Clone, Debug, PartialEq)]
struct Bitmap {
    size: Size,
    rows: Vec<Vec<bool>>,
}

impl Bitmap {
    fn mask(&self) -> Mask {
        let row_major: Vec<u8> = self.rows.iter().flatten().map(|&set| u8::from(set)).collect();
        Mask::from_row_major(self.size, &row_major).unwrap()
    }

    fn new(mask: &Mask) -> Self {
        let row = |y| (0..mask.size().width).map(|x| mask.contains(x, y)).collect();
        Self { size: mask.size(), rows: (0..mask.size().height).map(row).collect() }
    }

    /// Returns the value of a pixel; `false` outside.
    fn get(&self, x: i64, y: i64) -> bool {
        let row = usize::try_from(y).ok().and_then(|y| self.rows.get(y));
        row.zip(usize::try_from(x).ok()).and_then(|(row, x)| row.get(x)).copied().unwrap_or(false)
    }

    fn column_major(&self) -> Vec<bool> {
        self.pixels().map(|(x, y)| self.get(x, y)).collect()
    }

    /// Returns all pixels, column by column.
    fn pixels(&self) -> impl Iterator<Item = (i64, i64)> + use<> {
        let Size { width, height } = self.size;
        (0..i64::from(width)).flat_map(move |x| (0..i64::from(height)).map(move |y| (x, y)))
    }

    fn combine(&self, other: &Self, keep: impl Fn(bool, bool) -> bool) -> Self {
        let mut result = self.clone();
        for (x, y) in self.pixels() {
            result.rows[y as usize][x as usize] = keep(self.get(x, y), other.get(x, y));
        }
        result
    }

    fn area(&self) -> u64 {
        self.column_major().into_iter().map(u64::from).sum()
    }

    /// Returns components by flood fill, in the order of their first pixels.
    fn components(&self, connectivity: Connectivity) -> Vec<Self> {
        let mut left = self.clone();
        let mut components = Vec::new();
        for start in self.pixels() {
            let mut component =
                Self { size: self.size, rows: vec![vec![false; self.size.width as usize]; self.rows.len()] };
            let mut queue = VecDeque::from([start]);
            while let Some((x, y)) = queue.pop_front() {
                if !left.get(x, y) {
                    continue;
                }
                left.rows[y as usize][x as usize] = false;
                component.rows[y as usize][x as usize] = true;
                for (dx, dy) in (-1..=1).flat_map(|dx| (-1..=1).map(move |dy| (dx, dy))) {
                    if connectivity == Connectivity::Eight || dx == 0 || dy == 0 {
                        queue.push_back((x + dx, y + dy));
                    }
                }
            }
            if component.area() > 0 {
                components.push(component);
            }
        }
        components
    }

    /// Returns the interior-most pixel, the first by rows, by comparing all pairs.
    fn interior_most(&self) -> Option<InteriorPixel> {
        let mut best: Option<InteriorPixel> = None;
        for y in 0..i64::from(self.size.height) {
            for x in (0..i64::from(self.size.width)).filter(|&x| self.get(x, y)) {
                let outside = (-1..=i64::from(self.size.width))
                    .flat_map(|ox| (-1..=i64::from(self.size.height)).map(move |oy| (ox, oy)))
                    .filter(|&(ox, oy)| !self.get(ox, oy));
                let squared_distance =
                    outside.map(|(ox, oy)| ((ox - x).pow(2) + (oy - y).pow(2)) as u64).min().unwrap();
                if best.is_none_or(|best| squared_distance > best.squared_distance) {
                    best = Some(InteriorPixel { x: x as u32, y: y as u32, squared_distance });
                }
            }
        }
        best
    }
}

fn sizes() -> impl Strategy<Value = Size> {
    (0_u32..14, 0_u32..14).prop_map(|(width, height)| Size::new(width, height))
}

/// Generates bitmaps with few and with many pixels set, and with long runs.
fn bitmaps_of(size: Size) -> impl Strategy<Value = Bitmap> {
    let rows = (1..10_u32).prop_flat_map(move |tenths| {
        vec(vec(prop::bool::weighted(f64::from(tenths) / 10.0), size.width as usize), size.height as usize)
    });
    rows.prop_map(move |rows| Bitmap { size, rows })
}

fn bitmaps() -> impl Strategy<Value = Bitmap> {
    sizes().prop_flat_map(bitmaps_of)
}

fn several_bitmaps() -> impl Strategy<Value = (Size, Vec<Bitmap>)> {
    sizes().prop_flat_map(|size| (Just(size), vec(bitmaps_of(size), 0..6)))
}

/// Generates run lengths that cover the size, some empty and some of several characters.
fn counts() -> impl Strategy<Value = (Size, Vec<u32>)> {
    let length = prop_oneof![3 => Just(0_u32), 20 => 1_u32..16, 3 => 0_u32..3_000, 1 => 0_u32..2_000_000];
    vec(length, 0..90).prop_map(|lengths| (Size::new(1, lengths.iter().sum()), lengths))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bitmap_round_trips(bitmap in bitmaps()) {
        let mask = bitmap.mask();
        prop_assert_eq!(&Bitmap::new(&mask), &bitmap);
        let column_major: Vec<u8> = bitmap.column_major().into_iter().map(u8::from).collect();
        prop_assert_eq!(mask.to_column_major().unwrap(), column_major.clone());
        prop_assert_eq!(Mask::from_column_major(bitmap.size, &column_major).unwrap(), mask.clone());
        let row_major: Vec<u8> = bitmap.rows.iter().flatten().map(|&set| u8::from(set)).collect();
        prop_assert_eq!(mask.to_row_major().unwrap(), row_major);
        prop_assert_eq!(Mask::from_boundaries(bitmap.size, mask.boundaries().to_vec()).unwrap(), mask);
    }

    #[test]
    fn wide_bitmap_round_trips(rows in vec(vec(any::<bool>(), 150), 1..4)) {
        let bitmap = Bitmap { size: Size::new(150, rows.len() as u32), rows };
        prop_assert_eq!(Bitmap::new(&bitmap.mask()), bitmap);
    }

    #[test]
    fn measurements_equal_those_of_the_bitmap(bitmap in bitmaps()) {
        let mask = bitmap.mask();
        prop_assert_eq!(mask.area(), bitmap.area());
        prop_assert_eq!(mask.is_empty(), bitmap.area() == 0);
        let set: Vec<_> = bitmap.pixels().filter(|&(x, y)| bitmap.get(x, y)).collect();
        let bounds = mask.bbox().map(|b| [b.x, b.y, b.x + b.width - 1, b.y + b.height - 1].map(i64::from));
        let xs = || set.iter().map(|pixel| pixel.0);
        let ys = || set.iter().map(|pixel| pixel.1);
        let expected = xs().min().map(|left| {
            [left, ys().min().unwrap(), xs().max().unwrap(), ys().max().unwrap()]
        });
        prop_assert_eq!(bounds, expected);
    }

    #[test]
    fn set_operations_equal_those_of_the_bitmaps((size, bitmaps) in several_bitmaps()) {
        let masks: Vec<_> = bitmaps.iter().map(Bitmap::mask).collect();
        let all = bitmaps.iter().cloned().reduce(|a, b| a.combine(&b, |a, b| a || b));
        let expected = all.map_or(Mask::empty(size).unwrap(), |all| all.mask());
        prop_assert_eq!(Mask::union_of(size, &masks).unwrap(), expected);
        if let [a, b, ..] = &bitmaps[..] {
            let (left, right) = (&masks[0], &masks[1]);
            let shared = a.combine(b, |a, b| a && b);
            prop_assert_eq!(left.union(right).unwrap(), a.combine(b, |a, b| a || b).mask());
            prop_assert_eq!(left.intersection(right).unwrap(), shared.mask());
            prop_assert_eq!(left.difference(right).unwrap(), a.combine(b, |a, b| a && !b).mask());
            prop_assert_eq!(left.complement(), a.combine(b, |a, _| !a).mask());
            prop_assert_eq!(left.shared_area(right).unwrap(), shared.area());
            let either = a.combine(b, |a, b| a || b).area();
            let ratio = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
            for (crowd, whole) in [(false, either), (true, a.area())] {
                let expected = ratio(shared.area(), whole);
                prop_assert_eq!(left.iou(right, crowd).unwrap().to_bits(), expected.to_bits());
            }
        }
    }

    #[test]
    fn components_equal_those_of_flood_fill(bitmap in bitmaps()) {
        for connectivity in [Connectivity::Four, Connectivity::Eight] {
            let expected: Vec<_> = bitmap.components(connectivity).iter().map(Bitmap::mask).collect();
            let mask = bitmap.mask();
            prop_assert_eq!(mask.component_count(connectivity), expected.len());
            let most = expected.iter().map(Mask::area).max().unwrap_or(0);
            let largest = mask.largest_component(connectivity);
            prop_assert_eq!(largest.area(), most);
            let first = expected.iter().find(|component| component.area() == most);
            prop_assert!(first.is_none_or(|first| *first == largest));
            prop_assert_eq!(mask.components(connectivity), expected);
        }
    }

    #[test]
    fn outlines_wind_once_around_pixels_that_are_set(bitmap in bitmaps()) {
        let outlines = bitmap.mask().outlines();
        let components = bitmap.components(Connectivity::Four);
        prop_assert_eq!(outlines.len(), components.len());
        for (outline, component) in outlines.iter().zip(&components) {
            for path in outline.paths() {
                let next = path.iter().cycle().skip(1);
                for (at, (a, b)) in path.iter().zip(next).enumerate() {
                    // Alternates between x and y, so every corner turns.
                    let along_x = (at % 2 == 0) == (path[0][1] == path[1][1]);
                    prop_assert_eq!((a[0] == b[0], a[1] == b[1]), (!along_x, along_x));
                }
            }
            prop_assert!(outline.outer[0][1] == outline.outer[1][1]);
            for (x, y) in bitmap.pixels() {
                let winding: i64 = outline.paths().map(|path| winding(path, x, y)).sum();
                prop_assert_eq!(winding, i64::from(component.get(x, y)), "pixel {} {}", x, y);
            }
            // Holes are enclosed regions of the background, connected by corners.
            let shut_in = enclosed(component);
            prop_assert_eq!(outline.holes.len(), shut_in);
        }
    }

    #[test]
    fn interior_most_pixel_equals_that_of_all_pairs(bitmap in bitmaps()) {
        prop_assert_eq!(bitmap.mask().interior_most().unwrap(), bitmap.interior_most());
    }

    #[test]
    fn string_round_trips((size, counts) in counts()) {
        let mask = Mask::from_counts(size, counts.clone()).unwrap();
        let text = mask.to_compressed();
        prop_assert_eq!(&Mask::from_compressed(size, &text).unwrap(), &mask);
        prop_assert_eq!(Mask::from_counts(size, mask.counts()).unwrap(), mask.clone());
        prop_assert!(mask.counts().iter().skip(1).all(|&length| length > 0));
        // Empty runs as other encoders may write them.
        prop_assert_eq!(Mask::from_compressed(size, &write_compressed(&counts)).unwrap(), mask);
    }

    #[test]
    fn changed_string_never_panics(
        (size, counts) in counts(), byte in any::<u8>(), at in any::<prop::sample::Index>(),
    ) {
        let text = write_compressed(&counts);
        for end in 0..text.len() {
            let prefix = Mask::from_compressed(size, &text[..end]);
            prop_assert!(prefix.is_err() || prefix.unwrap().to_compressed().len() <= end.max(1));
        }
        let mut bytes = text.into_bytes();
        if !bytes.is_empty() {
            let at = at.index(bytes.len());
            bytes[at] = byte & 0x7f;
        }
        if let Ok(mask) = Mask::from_compressed(size, &String::from_utf8(bytes).unwrap()) {
            prop_assert_eq!(Mask::from_compressed(size, &mask.to_compressed()).unwrap(), mask);
        }
    }

    #[test]
    fn any_text_never_panics(text in "[0-o]{0,60}", size in sizes()) {
        if let Ok(mask) = Mask::from_compressed(size, &text) {
            prop_assert_eq!(Mask::from_compressed(size, &mask.to_compressed()).unwrap(), mask);
        }
    }

    #[test]
    fn polygon_equals_walking_the_outline(
        (width, height) in (0_u32..40, 0_u32..40),
        points in vec((-300_i32..600, -300_i32..600), 3..12),
        unit in prop::sample::select(vec![0.1, 0.2, 0.037, 1.0, 0.5]),
    ) {
        let scaled = |&(x, y): &_| [f64::from(x) * unit, f64::from(y) * unit];
        let polygon: Vec<f64> = points.iter().flat_map(scaled).collect();
        let size = Size::new(width, height);
        prop_assert_eq!(Mask::from_polygon(size, &polygon).unwrap(), walked(size, &polygon));
    }
}

/// Returns the winding number of a path around the middle of a pixel, clockwise with y down: the signed
/// sum of vertical edges to the right.
fn winding(path: &[[u32; 2]], x: i64, y: i64) -> i64 {
    let next = path.iter().cycle().skip(1);
    let edges = path.iter().zip(next).map(|(a, b)| (a.map(i64::from), b.map(i64::from)));
    edges
        .filter(|(a, _)| a[0] > x)
        .map(|(a, b)| i64::from(a[1] <= y && y < b[1]) - i64::from(b[1] <= y && y < a[1]))
        .sum()
}

/// Counts the regions of the background, connected by sides and corners, that do not reach the border.
fn enclosed(component: &Bitmap) -> usize {
    let (width, height) = (component.size.width as usize + 2, component.size.height as usize + 2);
    let unset = |x: usize, y: usize| !component.get(x as i64 - 1, y as i64 - 1);
    let rows = (0..height).map(|y| (0..width).map(|x| unset(x, y)).collect()).collect();
    let size = Size::new(width as u32, height as u32);
    Bitmap { size, rows }.components(Connectivity::Eight).len() - 1
}

/// Encodes counts like maskApi's `rleToString`, empty runs included.
fn write_compressed(counts: &[u32]) -> String {
    let mut text = String::new();
    for (run, &length) in counts.iter().enumerate() {
        let mut rest = i64::from(length) - if run > 2 { i64::from(counts[run - 2]) } else { 0 };
        loop {
            let group = (rest & 0x1f) as u8;
            rest >>= 5;
            let more = rest != if group & 0x10 == 0 { 0 } else { -1 };
            text.push(char::from(48 + group + if more { 0x20 } else { 0 }));
            if !more {
                break;
            }
        }
    }
    text
}

/// Rasterises like maskApi's `rleFrPoly`: walks the whole outline, then keeps the points between columns.
fn walked(size: Size, polygon: &[f64]) -> Mask {
    let (width, height) = (f64::from(size.width), f64::from(size.height));
    let grid: Vec<(i64, i64)> = polygon
        .chunks(2)
        .map(|point| ((5.0 * point[0] + 0.5) as i64, (5.0 * point[1] + 0.5) as i64))
        .collect();
    let mut points = Vec::new();
    for (&from, &to) in grid.iter().zip(grid.iter().cycle().skip(1)) {
        let ((mut xs, mut ys), (mut xe, mut ye)) = (from, to);
        let (dx, dy) = ((xe - xs).abs(), (ye - ys).abs());
        let flip = (dx >= dy && xs > xe) || (dx < dy && ys > ye);
        if flip {
            ((xs, ys), (xe, ye)) = (to, from);
        }
        let longer = dx.max(dy);
        for d in 0..=longer {
            let t = if flip { longer - d } else { d };
            let rounded = |start: i64, end: i64| {
                (start as f64 + (end - start) as f64 / longer as f64 * t as f64 + 0.5) as i64
            };
            points.push(if dx >= dy { (t + xs, rounded(ys, ye)) } else { (rounded(xs, xe), t + ys) });
        }
    }
    let mut toggles = Vec::new();
    for pair in points.windows(2).filter(|pair| pair[0].0 != pair[1].0) {
        let x = (if pair[1].0 < pair[0].0 { pair[1].0 } else { pair[1].0 - 1 }) as f64;
        let x = (x + 0.5) / 5.0 - 0.5;
        if x.fract().abs() > 0.0 || x < 0.0 || x > width - 1.0 {
            continue;
        }
        let y = (pair[0].1.min(pair[1].1) as f64 + 0.5) / 5.0 - 0.5;
        toggles.push((x * height + y.clamp(0.0, height).ceil()) as usize);
    }
    let mut values = vec![0; size.pixels() as usize];
    for toggle in toggles {
        for value in values.iter_mut().skip(toggle) {
            *value ^= 1;
        }
    }
    Mask::from_column_major(size, &values).unwrap()
}
