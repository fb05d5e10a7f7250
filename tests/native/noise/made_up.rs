//! Makes clean annotations, hard but right ones, and ones with a fault, from a seed.

use std::f64::consts::TAU;

use masklink::dataset::NoiseReason;
use masklink::geometry::{Rect, Size};
use masklink::rle::Mask;

/// Random numbers: the generator `SplitMix64`.
pub(super) struct Random(pub(super) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn within(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}

/// The fields of an annotation that the rules see.
#[derive(Clone)]
pub(super) struct Made {
    pub(super) size: Size,
    pub(super) parts: Vec<Mask>,
    pub(super) boxes: Vec<Rect>,
    pub(super) question: String,
}

type Make = Box<dyn Fn(&mut Random) -> Made>;

/// A fault of one strength, with the rule that finds it.
pub(super) struct Fault {
    pub(super) name: &'static str,
    pub(super) reason: NoiseReason,
    /// Other rules that the fault also breaks.
    pub(super) implied: &'static [NoiseReason],
    pub(super) make: Make,
}

const SIZES: [Size; 4] = [Size::new(500, 375), Size::new(333, 500), Size::new(640, 480), Size::new(500, 334)];
const QUESTIONS: [&str; 6] = [
    "what kind of bird is this?",
    "how many wheels does this kind of car have?",
    "What was worn when this was taken?",
    "which company made this?",
    "who invented this?",
    "where was this built?",
];

/// Returns the polygon of a wavy closed outline around a centre.
fn outline(random: &mut Random, centre: [f64; 2], radii: [f64; 2]) -> Vec<f64> {
    let waves: Vec<[f64; 3]> = (1..8)
        .map(|n| [f64::from(n), random.within(0.0, 0.35) / f64::from(n), random.within(0.0, TAU)])
        .collect();
    let points = 160;
    let point = |at: usize| {
        let angle = TAU * at as f64 / points as f64;
        let wave: f64 = waves.iter().map(|[n, height, phase]| height * (n * angle + phase).sin()).sum();
        let jitter = random.within(-0.008, 0.008);
        let radius = (1.0 + wave + jitter).max(0.2);
        [centre[0] + radii[0] * radius * angle.cos(), centre[1] + radii[1] * radius * angle.sin()]
    };
    (0..points).flat_map(point).collect()
}

/// Makes a mask of one outline; `share` is its rough share of the image's area.
fn blob(random: &mut Random, size: Size, share: f64) -> Mask {
    let (width, height) = (f64::from(size.width), f64::from(size.height));
    let aspect = random.within(0.6, 1.6);
    let radius = (share * width * height / 3.2).sqrt();
    let radii = [radius * aspect.sqrt(), radius / aspect.sqrt()];
    let inside = |at: f64, extent: f64| if 2.0 * at < extent { at } else { extent / 2.0 };
    let (x, y) = (inside(radii[0], width), inside(radii[1], height));
    let centre = [random.within(x, width - x), random.within(y, height - y)];
    let polygon = outline(random, centre, radii);
    Mask::from_polygon(size, &polygon).unwrap()
}

/// Makes an ellipse around a centre.
fn ellipse(size: Size, centre: [f64; 2], radii: [f64; 2]) -> Mask {
    let angles = (0..24).map(|at| TAU * f64::from(at) / 24.0);
    let polygon: Vec<f64> =
        angles.flat_map(|a| [centre[0] + radii[0] * a.cos(), centre[1] + radii[1] * a.sin()]).collect();
    Mask::from_polygon(size, &polygon).unwrap()
}

/// Returns the bounds of a mask as the dataset writes them: fractions of about half a pixel.
fn box_of(random: &mut Random, mask: &Mask) -> Rect {
    let bounds = mask.bbox().map(Rect::from).unwrap_or_default();
    let mut near = |edge: f64| edge + random.within(-2.0, 2.0);
    Rect { x1: near(bounds.x1), y1: near(bounds.y1), x2: near(bounds.x2), y2: near(bounds.y2) }
}

fn with_boxes(random: &mut Random, size: Size, parts: Vec<Mask>) -> Made {
    let boxes = parts.iter().map(|part| box_of(random, part)).collect();
    let question = QUESTIONS[random.below(QUESTIONS.len())].to_owned();
    Made { size, parts, boxes, question }
}

fn a_size(random: &mut Random) -> Size {
    SIZES[random.below(SIZES.len())]
}

fn clean_parts(random: &mut Random, parts: usize, low: f64, high: f64) -> Made {
    let size = a_size(random);
    let parts: Vec<Mask> = (0..parts)
        .map(|_| {
            let share = random.within(low, high);
            blob(random, size, share)
        })
        .collect();
    with_boxes(random, size, parts)
}

fn clean_one(random: &mut Random) -> Made {
    clean_parts(random, 1, 0.03, 0.5)
}

/// A name, the rules that may rightly find something, and the maker.
type Kind = (&'static str, &'static [NoiseReason], Make);

pub(super) fn clean() -> Vec<Kind> {
    vec![
        ("clean, 1 part", &[], Box::new(clean_one)),
        ("clean, 2 parts", &[], Box::new(|random| clean_parts(random, 2, 0.03, 0.2))),
        ("clean, 3 parts", &[], Box::new(|random| clean_parts(random, 3, 0.02, 0.1))),
        ("clean, small", &[], Box::new(|random| clean_parts(random, 1, 0.0005, 0.01))),
    ]
}

pub(super) fn hard_negatives() -> Vec<Kind> {
    vec![
        ("large object without the corners", &[], Box::new(large)),
        ("landscape below the sky", &[], Box::new(|random| landscape(random, 0.08, 0.4))),
        ("thin object", &[], Box::new(thin)),
        ("object cut by the border", &[], Box::new(at_border)),
        ("two parts with IoU 0.6", &[], Box::new(|random| overlapping(random, 0.6))),
        ("two parts with IoU 0.8", &[], Box::new(|random| overlapping(random, 0.8))),
        ("object with 4 specks", &[], Box::new(|random| specks(random, 4, 2.0))),
        ("object behind bars, 4 pieces", &[], Box::new(behind_bars)),
        ("frame around an opening at a side", &[], Box::new(frame_open_at_a_side)),
        ("large object with 12 holes", &[], Box::new(holes)),
        ("mask 5 % outside its box", &[], Box::new(|random| outside(random, 0.05))),
    ]
}

/// Covers 70 to 92 % of the image and leaves corners and a side.
fn large(random: &mut Random) -> Made {
    let size = a_size(random);
    let (width, height) = (f64::from(size.width), f64::from(size.height));
    let centre = [width * random.within(0.45, 0.55), height * random.within(0.5, 0.6)];
    let polygon = outline(random, centre, [width * 0.6, height * 0.58]);
    let mask = Mask::from_polygon(size, &polygon).unwrap();
    with_boxes(random, size, vec![mask])
}

/// Covers the image below a wavy line; the line is at this share of the height.
fn landscape(random: &mut Random, low: f64, high: f64) -> Made {
    let size = a_size(random);
    let (width, height) = (f64::from(size.width), f64::from(size.height));
    let line = height * random.within(low, high);
    let phase = random.within(0.0, TAU);
    let mut polygon = vec![width + 2.0, height + 2.0, -2.0, height + 2.0];
    polygon.extend((0..=40).flat_map(|at| {
        let x = width * f64::from(at) / 40.0;
        [x - 1.0, line + 0.3 * line * (x * 0.03 + phase).sin()]
    }));
    polygon.extend([width + 2.0, line]);
    let mask = Mask::from_polygon(size, &polygon).unwrap();
    with_boxes(random, size, vec![mask])
}

/// A slanted pole of 2 to 6 pixels.
fn thin(random: &mut Random) -> Made {
    let size = a_size(random);
    let (width, height) = (f64::from(size.width), f64::from(size.height));
    let [x1, x2] = [0.1, 0.6].map(|share| width * (share + random.within(0.0, 0.3)));
    let [y1, y2] = [0.1, 0.6].map(|share| height * (share + random.within(0.0, 0.3)));
    let thick = random.within(3.0, 6.0);
    let polygon = [x1, y1, x1 + thick, y1, x2 + thick, y2, x2, y2];
    let mask = Mask::from_polygon(size, &polygon).unwrap();
    with_boxes(random, size, vec![mask])
}

fn at_border(random: &mut Random) -> Made {
    let size = a_size(random);
    let (width, height) = (f64::from(size.width), f64::from(size.height));
    let centre =
        [[0.0, height * 0.5], [width, height * 0.6], [width * 0.5, height], [0.0, height]][random.below(4)];
    let radii = [width * random.within(0.2, 0.5), height * random.within(0.2, 0.5)];
    let polygon = outline(random, centre, radii);
    let mask = Mask::from_polygon(size, &polygon).unwrap();
    with_boxes(random, size, vec![mask])
}

/// Two rectangles, one moved to the right so that they have this intersection over union.
fn overlapping(random: &mut Random, iou: f64) -> Made {
    let size = Size::new(500, 375);
    let (w, h) = (random.within(100.0, 240.0), random.within(80.0, 240.0));
    let (x, y) = (random.within(5.0, 150.0), random.within(5.0, 120.0));
    let moved = w * (1.0 - iou) / (1.0 + iou);
    let rect = |x: f64| Mask::from_polygon(size, &[x, y, x + w, y, x + w, y + h, x, y + h]).unwrap();
    let parts = vec![rect(x), rect(x + moved)];
    with_boxes(random, size, parts)
}

/// An object of four pieces side by side.
fn behind_bars(random: &mut Random) -> Made {
    let mut made = clean_parts(random, 1, 0.15, 0.3);
    let bounds = made.parts[0].bbox().unwrap();
    for at in 1..4 {
        let x = f64::from(bounds.x) + f64::from(bounds.width) * f64::from(at) / 4.0;
        let height = f64::from(made.size.height);
        let bar = [x, -1.0, x + 5.0, -1.0, x + 5.0, height, x, height];
        let bar = Mask::from_polygon(made.size, &bar).unwrap();
        made.parts[0] = made.parts[0].difference(&bar).unwrap();
    }
    made
}

/// A mask along three sides: the complement is an object that is cut by the fourth side.
fn frame_open_at_a_side(random: &mut Random) -> Made {
    let size = a_size(random);
    let (width, height) = (f64::from(size.width), f64::from(size.height));
    let radii = [width * random.within(0.35, 0.45), height * random.within(0.5, 0.7)];
    let opening = ellipse(size, [width / 2.0, height], radii);
    with_boxes(random, size, vec![opening.complement()])
}

/// The whole image but 12 holes, together 10 to 30 % of it.
fn holes(random: &mut Random) -> Made {
    let size = a_size(random);
    let mut mask = Mask::empty(size).unwrap().complement();
    for _ in 0..12 {
        let share = random.within(0.01, 0.03);
        mask = mask.difference(&blob(random, size, share)).unwrap();
    }
    with_boxes(random, size, vec![mask])
}

/// Adds round specks beside the object, away from it, inside its box.
fn specks(random: &mut Random, number: usize, radius: f64) -> Made {
    let mut made = clean_parts(random, 1, 0.15, 0.4);
    let near = dilated(&made.parts[0]);
    let bounds = Rect::from(made.parts[0].bbox().unwrap());
    let mut union = made.parts[0].clone();
    let (mut added, mut tries) = (0, 0);
    let mut taken = near;
    while added < number && tries < 2_000 {
        tries += 1;
        let centre = [random.within(bounds.x1 - 30.0, bounds.x2 + 30.0), random.within(bounds.y1, bounds.y2)];
        let speck = ellipse(made.size, centre, [radius, radius]);
        if !speck.is_empty() && taken.shared_area(&speck).unwrap() == 0 {
            union = union.union(&speck).unwrap();
            taken = taken.union(&ellipse(made.size, centre, [radius + 3.0; 2])).unwrap();
            added += 1;
        }
    }
    made.parts[0] = union;
    made
}

/// Returns the mask with its copies moved by two pixels up, down, left and right.
fn dilated(mask: &Mask) -> Mask {
    let pixels = u32::try_from(mask.size().pixels()).unwrap();
    let height = mask.size().height;
    [2, height * 2].into_iter().fold(mask.clone(), |union, step| {
        let moved = |by: i64| {
            let at = |boundary: u32| (i64::from(boundary) + by).clamp(0, i64::from(pixels)) as u32;
            let runs = mask.runs().map(|run| [at(run.start), at(run.end)]).filter(|[start, end]| start < end);
            Mask::from_boundaries(mask.size(), runs.flatten().collect()).unwrap()
        };
        union.union(&moved(i64::from(step))).unwrap().union(&moved(-i64::from(step))).unwrap()
    })
}

/// Cuts the box so that this share of the mask's pixels is left of it.
fn outside(random: &mut Random, share: f64) -> Made {
    let mut made = clean_one(random);
    let mask = &made.parts[0];
    let height = mask.size().height;
    let (area, mut before) = (mask.area() as f64, 0);
    let cut = mask.runs().find(|run| {
        before += run.end - run.start;
        f64::from(before) >= share * area
    });
    made.boxes[0].x1 = f64::from(cut.unwrap().start / height);
    made
}

const OUTSIDE: &[NoiseReason] = &[NoiseReason::BoxDisagrees];
const DISAGREES: &[NoiseReason] = &[NoiseReason::MaskOutsideBox];
const SWAPPED: &[NoiseReason] =
    &[NoiseReason::MaskOutsideBox, NoiseReason::BoxDisagrees, NoiseReason::WholeImage];

pub(super) fn faults() -> Vec<Fault> {
    use NoiseReason as Reason;
    let fault = |name, reason, implied, make| Fault { name, reason, implied, make };
    vec![
        fault("no pixels", Reason::EmptyMask, &[], Box::new(empty)),
        fault("5 to 15 % outside", Reason::MaskOutsideBox, OUTSIDE, Box::new(slightly_outside)),
        fault("15 % outside", Reason::MaskOutsideBox, OUTSIDE, Box::new(|random| outside(random, 0.15))),
        fault("30 % outside", Reason::MaskOutsideBox, OUTSIDE, Box::new(|random| outside(random, 0.3))),
        fault("box of another object", Reason::MaskOutsideBox, OUTSIDE, Box::new(other_box)),
        fault("box grown to IoU 0.4 to 0.6", Reason::BoxDisagrees, DISAGREES, Box::new(slightly_grown_box)),
        fault("box grown to IoU 0.4", Reason::BoxDisagrees, DISAGREES, Box::new(|r| grown_box(r, 0.4))),
        fault("box grown to IoU 0.2", Reason::BoxDisagrees, DISAGREES, Box::new(|r| grown_box(r, 0.2))),
        fault("specks in a box", Reason::BoxDisagrees, &[], Box::new(sparse)),
        fault("second box wrong", Reason::BoxDisagrees, DISAGREES, Box::new(second_box)),
        fault("4 to 12 specks", Reason::StrayComponents, &[], Box::new(few_specks)),
        fault("10 specks", Reason::StrayComponents, &[], Box::new(|random| specks(random, 10, 1.5))),
        fault("20 specks", Reason::StrayComponents, &[], Box::new(|random| specks(random, 20, 2.0))),
        fault("40 specks", Reason::StrayComponents, &[], Box::new(|random| specks(random, 40, 1.5))),
        fault(
            "object of 0.3 to 2 %",
            Reason::SwappedForeground,
            SWAPPED,
            Box::new(|r| swapped(r, 0.003, 0.02)),
        ),
        fault("object of 30 to 50 %", Reason::SwappedForeground, SWAPPED, Box::new(|r| swapped(r, 0.3, 0.5))),
        fault("object cut by a side", Reason::SwappedForeground, SWAPPED, Box::new(swapped_at_border)),
        fault("object of 2 to 8 %", Reason::SwappedForeground, SWAPPED, Box::new(|r| swapped(r, 0.02, 0.08))),
        fault("object of 8 to 30 %", Reason::SwappedForeground, SWAPPED, Box::new(|r| swapped(r, 0.08, 0.3))),
        fault("the same with specks", Reason::SwappedForeground, SWAPPED, Box::new(swapped_with_specks)),
        fault("93 to 98 %", Reason::WholeImage, &[], Box::new(|random| landscape(random, 0.02, 0.07))),
        fault("all pixels", Reason::WholeImage, &[], Box::new(|random| landscape(random, -0.1, -0.1))),
        fault("96 to 99 %", Reason::WholeImage, &[], Box::new(|random| landscape(random, 0.01, 0.028))),
        fault("4 to 8 regions", Reason::DenseScene, &[], Box::new(few_regions)),
        fault("8 regions", Reason::DenseScene, &[], Box::new(|random| scattered(random, 8, 0.3))),
        fault("20 regions", Reason::DenseScene, &[], Box::new(|random| scattered(random, 20, 0.25))),
        fault("8 boxes", Reason::DenseScene, &[], Box::new(many_boxes)),
        fault("IoU 0.85 to 0.95", Reason::NearDuplicateMasks, &[], Box::new(about_the_same)),
        fault("IoU 1", Reason::NearDuplicateMasks, &[], Box::new(|random| overlapping(random, 1.0))),
        fault("IoU 0.95", Reason::NearDuplicateMasks, &[], Box::new(|random| overlapping(random, 0.95))),
        fault("what year, at what age", Reason::UnanswerableQuestion, &[], Box::new(other_question)),
        fault("when, why, how", Reason::UnanswerableQuestion, &[], Box::new(question)),
    ]
}

/// Returns the floor that the test asserts for a fault: low for those around a rule's threshold.
pub(super) fn min_recall(fault: &str) -> f64 {
    match fault {
        // Words that no rule knows: a car of "what year" is visible.
        "what year, at what age" => 0.0,
        "5 to 15 % outside"
        | "box grown to IoU 0.4 to 0.6"
        | "4 to 12 specks"
        | "4 to 8 regions"
        | "IoU 0.85 to 0.95"
        | "93 to 98 %"
        | "object cut by a side" => 0.3,
        "object of 0.3 to 2 %" | "object of 30 to 50 %" => 0.8,
        "object of 2 to 8 %" | "the same with specks" | "object of 8 to 30 %" => 0.9,
        _ => 0.95,
    }
}

fn slightly_outside(random: &mut Random) -> Made {
    let share = random.within(0.05, 0.15);
    outside(random, share)
}

fn slightly_grown_box(random: &mut Random) -> Made {
    let iou = random.within(0.4, 0.6);
    grown_box(random, iou)
}

fn few_specks(random: &mut Random) -> Made {
    let (number, radius) = (4 + random.below(9), random.within(1.0, 3.0));
    specks(random, number, radius)
}

fn swapped_at_border(random: &mut Random) -> Made {
    let mut made = at_border(random);
    made.parts[0] = made.parts[0].complement();
    made
}

fn few_regions(random: &mut Random) -> Made {
    let number = 4 + random.below(5) as u32;
    scattered(random, number, 0.3)
}

fn about_the_same(random: &mut Random) -> Made {
    let iou = random.within(0.85, 0.95);
    overlapping(random, iou)
}

fn other_question(random: &mut Random) -> Made {
    let mut made = clean_one(random);
    let questions = ["what year was this built?", "at what age do these leave the nest?"];
    questions[random.below(questions.len())].clone_into(&mut made.question);
    made
}

fn empty(random: &mut Random) -> Made {
    let mut made = clean_one(random);
    made.parts[0] = Mask::empty(made.size).unwrap();
    made
}

/// The box of an object in the other half of the image.
fn other_box(random: &mut Random) -> Made {
    let size = a_size(random);
    let share = random.within(0.02, 0.1);
    let mask = blob(random, size, share);
    let mut made = with_boxes(random, size, vec![mask]);
    let Rect { x1, x2, .. } = made.boxes[0];
    let width = f64::from(size.width);
    let moved = if x1 + x2 < width { width - x2 } else { -x1 };
    let moved = if moved > 0.0 { moved.max((x2 - x1) * 0.6) } else { moved.min((x1 - x2) * 0.6) };
    made.boxes[0].x1 += moved;
    made.boxes[0].x2 += moved;
    made
}

/// A box around the mask's, of which the mask's bounds have this share.
fn grown_box(random: &mut Random, iou: f64) -> Made {
    let mut made = clean_parts(random, 1, 0.03, 0.15);
    let bounds = Rect::from(made.parts[0].bbox().unwrap());
    let more = (1.0 / iou).sqrt() - 1.0;
    let (left, up) = (random.within(0.0, 1.0), random.within(0.0, 1.0));
    made.boxes[0] = Rect {
        x1: bounds.x1 - bounds.width() * more * left,
        x2: bounds.x2 + bounds.width() * more * (1.0 - left),
        y1: bounds.y1 - bounds.height() * more * up,
        y2: bounds.y2 + bounds.height() * more * (1.0 - up),
    };
    made
}

/// Three specks in the corners of the object's box.
fn sparse(random: &mut Random) -> Made {
    let mut made = clean_parts(random, 1, 0.1, 0.4);
    let bounds = Rect::from(made.parts[0].bbox().unwrap());
    let at = |x: f64, y: f64| ellipse(made.size, [x, y], [4.0, 4.0]);
    let specks = [
        at(bounds.x1 + 4.0, bounds.y1 + 4.0),
        at(bounds.x2 - 4.0, bounds.y1 + 9.0),
        at(bounds.x1 + 9.0, bounds.y2 - 4.0),
    ];
    made.parts[0] = Mask::union_of(made.size, &specks).unwrap();
    made
}

fn second_box(random: &mut Random) -> Made {
    let mut made = clean_parts(random, 2, 0.03, 0.1);
    let Rect { x1, y1, x2, y2 } = made.boxes[1];
    made.boxes[1] = Rect { x2: x1 + (x2 - x1) * 0.5, y2: y1 + (y2 - y1) * 0.6, x1, y1 };
    made
}

fn swapped(random: &mut Random, low: f64, high: f64) -> Made {
    let size = a_size(random);
    let share = random.within(low, high);
    let object = blob(random, size, share);
    let parts = vec![object.complement()];
    let mut made = with_boxes(random, size, parts);
    if random.below(2) == 0 {
        made.boxes[0] = box_of(random, &object);
    }
    made
}

fn swapped_with_specks(random: &mut Random) -> Made {
    let mut made = specks(random, 5, 2.0);
    made.parts[0] = made.parts[0].complement();
    made
}

/// Regions of similar size in the cells of a grid, together this share of the image.
fn scattered(random: &mut Random, number: u32, share: f64) -> Made {
    let size = a_size(random);
    let side = f64::from(number).sqrt().ceil();
    let (width, height) = (f64::from(size.width) / side, f64::from(size.height) / side);
    let regions: Vec<Mask> = (0..number)
        .map(|at| {
            let (column, row) = (f64::from(at) % side, (f64::from(at) / side).floor());
            let scale = (share / 3.2).sqrt() * random.within(0.8, 1.2);
            let centre = [(column + 0.5) * width, (row + 0.5) * height];
            ellipse(size, centre, [width * scale, height * scale])
        })
        .collect();
    let union = Mask::union_of(size, &regions).unwrap();
    with_boxes(random, size, vec![union])
}

/// One mask of 8 touching objects, with a box for each.
fn many_boxes(random: &mut Random) -> Made {
    let size = a_size(random);
    let (width, height) = (f64::from(size.width) / 9.0, f64::from(size.height));
    let objects: Vec<Mask> = (0..8)
        .map(|at| {
            let middle = random.within(0.4, 0.6);
            ellipse(size, [width * (f64::from(at) + 1.0), height * middle], [width * 0.6, height * 0.3])
        })
        .collect();
    let mut made = with_boxes(random, size, objects);
    made.parts = vec![Mask::union_of(size, &made.parts).unwrap()];
    made
}

fn question(random: &mut Random) -> Made {
    let mut made = clean_one(random);
    let questions = ["when was this built?", "Why is it red?", "how does this work?", "how tall is this?"];
    questions[random.below(questions.len())].clone_into(&mut made.question);
    made
}
