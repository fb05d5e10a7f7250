//! Makes up masks: a pool of encoded outlines for each image size, with their boxes.

use std::f64::consts::TAU;
use std::fmt::Write as _;

use super::random::Random;
use crate::geometry::{Rect, Size};
use crate::rle::{Connectivity, Error, Mask};

/// Image sizes with their relative frequencies.
pub(super) const SIZES: [(Size, u32); 6] = [
    (Size::new(500, 375), 40),
    (Size::new(500, 333), 20),
    (Size::new(375, 500), 14),
    (Size::new(333, 500), 10),
    (Size::new(640, 480), 10),
    (Size::new(500, 500), 6),
];
/// Number of masks with each kind of fault for an image size.
const FAULTY: u64 = 24;
/// Percentage of masks that cover at least 95 % of the image.
const WHOLE_PERCENT: usize = 4;
const PURPOSE: u64 = 2;

/// A mask ready to be written.
pub(super) struct Entry {
    /// The RLE as a JSON object.
    pub(super) rle: String,
    /// The bounds of the mask, or of the object that it should show.
    pub(super) bounds: Rect,
    area: u64,
}

/// The masks for one image size.
pub(super) struct SizeClass {
    pub(super) size: Size,
    /// Masks without a fault, by area.
    pub(super) clean: Vec<Entry>,
    /// Masks with many specks beside the object.
    pub(super) strays: Vec<Entry>,
    /// Masks of the background, with the bounds of the object.
    pub(super) swapped: Vec<Entry>,
    /// Masks of many separate regions.
    pub(super) dense: Vec<Entry>,
    /// The mask without a pixel, with the bounds of the image.
    pub(super) empty: Entry,
    /// The mask of all pixels.
    pub(super) full: Entry,
}

/// Makes the masks for all sizes of [`SIZES`], `number` without a fault for each.
pub(super) fn pool(seed: u64, number: u64) -> Result<Vec<SizeClass>, Error> {
    std::thread::scope(|scope| {
        let sizes = (0..).zip(SIZES);
        let threads: Vec<_> = sizes
            .map(|(at, (size, _))| scope.spawn(move || SizeClass::new(seed, at, size, number)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

impl SizeClass {
    fn new(seed: u64, class: u64, size: Size, number: u64) -> Result<Self, Error> {
        let stream = |kind: u64, at: u64| Random::of(seed, PURPOSE + kind, class << 40 | at);
        let list = |kind: u64, number: u64, make: &dyn Fn(&mut Random) -> Result<Entry, Error>| {
            (0..number).map(|at| make(&mut stream(kind, at))).collect::<Result<Vec<_>, _>>()
        };
        let mut clean = list(0, number, &|random| clean(random, size))?;
        clean.sort_by_key(|entry| entry.area);
        let empty = Mask::empty(size)?;
        let full = empty.complement();
        Ok(Self {
            size,
            clean,
            strays: list(1, FAULTY, &|random| strays(random, size))?,
            swapped: list(2, FAULTY, &|random| swapped(random, size))?,
            dense: list(3, FAULTY, &|random| dense(random, size))?,
            empty: Entry::new(&empty, Rect::from(size)),
            full: Entry::new(&full, Rect::from(size)),
        })
    }
}

impl Entry {
    fn new(mask: &Mask, bounds: Rect) -> Self {
        let Size { width, height } = mask.size();
        let mut rle = format!(r#"{{"size": [{height}, {width}], "counts": ""#);
        for sign in mask.to_compressed().chars() {
            // The only one of COCO's characters that JSON escapes.
            if sign == '\\' {
                rle.push('\\');
            }
            rle.push(sign);
        }
        rle.push_str(r#""}"#);
        Self { rle, bounds, area: mask.area() }
    }

    /// Returns the mask with its bounds, whose edges are moved by less than a pixel, inside the image.
    fn with_bounds(random: &mut Random, mask: &Mask) -> Self {
        let size = mask.size();
        let bounds = mask.bbox().map(Rect::from).unwrap_or_default();
        let mut near = |edge: f64, max: u32| (edge + random.within(-0.8, 0.8)).clamp(0.0, f64::from(max));
        let bounds = Rect {
            x1: near(bounds.x1, size.width),
            y1: near(bounds.y1, size.height),
            x2: near(bounds.x2, size.width),
            y2: near(bounds.y2, size.height),
        };
        Self::new(mask, bounds)
    }
}

/// Appends a box as a JSON list, with two decimals.
pub(super) fn push_box(text: &mut String, bounds: Rect) {
    let Rect { x1, y1, x2, y2 } = bounds;
    // Writing to a string does not fail.
    let _ = write!(text, "[{x1:.2}, {y1:.2}, {x2:.2}, {y2:.2}]");
}

/// Makes a mask of one object. Its share of the image is spread widely and often over 95 %.
fn clean(random: &mut Random, size: Size) -> Result<Entry, Error> {
    let kind = random.below(100);
    let mask = if kind < WHOLE_PERCENT {
        let line = random.within(0.0, 0.035);
        ground(random, size, line)?
    } else if kind < WHOLE_PERCENT + 25 {
        // From 0.3 to 10 %, each power of ten as often as the next.
        let share = 0.003 * (random.unit() * 3.5).exp();
        object(random, size, share)?
    } else {
        let share = random.within(0.05, 0.95);
        object(random, size, share)?
    };
    Ok(Entry::with_bounds(random, &mask))
}

/// Makes an object with a rough outline, lobes and holes; `share` is about its share of the image.
fn object(random: &mut Random, size: Size, share: f64) -> Result<Mask, Error> {
    let (width, height) = (f64::from(size.width), f64::from(size.height));
    let radius = (share * width * height / 3.3).sqrt();
    let aspect = random.within(0.75, 1.35);
    let radii = [radius * aspect, radius / aspect];
    let inside = |at: f64, extent: f64| at.min(extent / 2.0);
    let (x, y) = (inside(radii[0], width), inside(radii[1], height));
    let centre = [random.within(x, width - x), random.within(y, height - y)];
    let mut mask = blob(random, size, centre, radii)?;
    let beside = |random: &mut Random, distance: f64| {
        let angle = random.within(0.0, TAU);
        [0, 1].map(|axis| {
            let turned = if axis == 0 { angle.cos() } else { angle.sin() };
            centre[axis] + radii[axis] * distance * turned
        })
    };
    for _ in 0..random.below(4) {
        let (at, scale) = (beside(random, 0.9), random.within(0.2, 0.5));
        mask = mask.union(&blob(random, size, at, radii.map(|radius| radius * scale))?)?;
    }
    for _ in 0..random.below(11) {
        let (distance, scale) = (random.within(0.1, 0.8), random.within(0.05, 0.2));
        let at = beside(random, distance);
        mask = mask.difference(&blob(random, size, at, radii.map(|radius| radius * scale))?)?;
    }
    Ok(mask.largest_component(Connectivity::Eight))
}

/// Makes a region whose outline is a sum of waves, with the roughness of pixels.
fn blob(random: &mut Random, size: Size, centre: [f64; 2], radii: [f64; 2]) -> Result<Mask, Error> {
    let waves: Vec<[f64; 3]> = (1..24)
        .map(|n| [f64::from(n), random.within(0.0, 0.3) / f64::from(n), random.within(0.0, TAU)])
        .collect();
    // About a point for every third pixel of the outline.
    let points = ((radii[0] + radii[1]) as usize).clamp(12, 600);
    let rough = 1.7 / (radii[0] + radii[1]).max(6.0);
    let mut polygon = Vec::with_capacity(2 * points);
    for at in 0..points {
        let angle = TAU * at as f64 / points as f64;
        let wave: f64 = waves.iter().map(|[n, height, phase]| height * (n * angle + phase).sin()).sum();
        let radius = (1.0 + wave + random.within(-rough, rough)).max(0.15);
        polygon.extend([
            centre[0] + radii[0] * radius * angle.cos(),
            centre[1] + radii[1] * radius * angle.sin(),
        ]);
    }
    Mask::from_polygon(size, &polygon)
}

/// Makes a region below a wavy line, at this share of the height.
fn ground(random: &mut Random, size: Size, line: f64) -> Result<Mask, Error> {
    let (width, height) = (f64::from(size.width), f64::from(size.height));
    let mut polygon = vec![width + 2.0, height + 2.0, -2.0, height + 2.0];
    for at in -1..=101 {
        polygon.extend([width * f64::from(at) / 100.0, height * line * random.within(0.3, 1.3) - 0.5]);
    }
    Mask::from_polygon(size, &polygon)
}

/// Makes an object with specks beside it, inside the bounds of the image.
fn strays(random: &mut Random, size: Size) -> Result<Entry, Error> {
    let share = random.within(0.1, 0.3);
    let mut mask = object(random, size, share)?;
    let (width, height) = (f64::from(size.width), f64::from(size.height));
    for _ in 0..80 {
        let centre = [random.within(4.0, width - 4.0), random.within(4.0, height - 4.0)];
        let radius = random.within(1.2, 2.2);
        mask = mask.union(&blob(random, size, centre, [radius, radius])?)?;
    }
    Ok(Entry::with_bounds(random, &mask))
}

/// Makes the background of an object that does not touch the border.
fn swapped(random: &mut Random, size: Size) -> Result<Entry, Error> {
    let (width, height) = (f64::from(size.width), f64::from(size.height));
    let centre = [width * random.within(0.4, 0.6), height * random.within(0.4, 0.6)];
    let radius = height.min(width) * random.within(0.12, 0.3);
    let object = blob(random, size, centre, [radius, radius])?;
    let bounds = Entry::with_bounds(random, &object).bounds;
    Ok(Entry::new(&object.complement(), bounds))
}

/// Makes 9 to 25 regions of similar size.
fn dense(random: &mut Random, size: Size) -> Result<Entry, Error> {
    let side = 3 + random.below(3);
    let cell = [size.width, size.height].map(|extent| f64::from(extent) / side as f64);
    let mut mask = Mask::empty(size)?;
    for at in 0..side * side {
        let place = [at % side, at / side].map(|place| place as f64 + 0.5);
        let scale = random.within(0.2, 0.3);
        let centre = [cell[0] * place[0], cell[1] * place[1]];
        mask = mask.union(&blob(random, size, centre, cell.map(|extent| extent * scale))?)?;
    }
    Ok(Entry::with_bounds(random, &mask))
}
