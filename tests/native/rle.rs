//! Compares masks with pycocotools 2.0.11 on COCO's strings, polygons and crowds, and decodes hostile
//! input.

use std::fs;

use masklink::geometry::{Orientation, Rect, Size};
use masklink::rle::{Connectivity, Error, MAX_BITMAP_PIXELS, Mask};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::shared_data::shared_data;

/// Reads a file of `expected` lines, each with an input and pycocotools' output.
pub(crate) fn corpus(file: &str, expected: usize) -> Vec<Value> {
    let Some(folder) = shared_data("rle") else { return Vec::new() };
    let text = fs::read_to_string(folder.join(file)).unwrap();
    let lines: Vec<_> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), expected, "{file}");
    lines
}

fn size_of(input: &Value) -> Size {
    let side = |at: usize| u32::try_from(input["size"][at].as_u64().unwrap()).unwrap();
    Size::new(side(1), side(0))
}

fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

pub(crate) fn mask_of(input: &Value) -> Mask {
    let size = size_of(input);
    if let Some(text) = input["counts"].as_str() {
        return Mask::from_compressed(size, text).unwrap();
    }
    if let Some(list) = input["counts"].as_array() {
        return Mask::from_counts(size, list.iter().map(|length| length.as_u64().unwrap() as u32)).unwrap();
    }
    let polygons: Vec<_> = input["polygons"].as_array().unwrap().iter().map(numbers).collect();
    Mask::from_polygons(size, &polygons).unwrap()
}

fn check_line(file: &str, line: usize, input: &Value, output: &Value) {
    let mask = mask_of(input);
    assert_eq!(mask.to_compressed(), output["counts"].as_str().unwrap(), "{file}:{line}");
    assert_eq!(mask.area(), output["area"].as_u64().unwrap(), "{file}:{line}");
    let bbox = Rect::from(mask.bbox().unwrap_or_default());
    assert_eq!(
        vec![bbox.x1, bbox.y1, bbox.width(), bbox.height()],
        numbers(&output["bbox"]),
        "{file}:{line}"
    );

    let bitmap = mask.to_column_major().unwrap();
    let expected = output["sha256"].as_str().unwrap();
    let bytes = (0..64).step_by(2).map(|at| u8::from_str_radix(&expected[at..at + 2], 16).unwrap());
    assert!(bytes.eq(Sha256::digest(&bitmap)), "{file}:{line}");

    assert_eq!(Mask::from_column_major(mask.size(), &bitmap).unwrap(), mask, "{file}:{line}");
    let row_major = mask.to_row_major().unwrap();
    assert_eq!(Mask::from_row_major(mask.size(), &row_major).unwrap(), mask, "{file}:{line}");
    assert_eq!(Mask::from_counts(mask.size(), mask.counts()).unwrap(), mask, "{file}:{line}");
    let components = mask.components(Connectivity::Four);
    assert_eq!(Mask::union_of(mask.size(), &components).unwrap(), mask, "{file}:{line}");
    assert_eq!(mask.outlines().len(), components.len(), "{file}:{line}");
}

#[test]
fn compressed_strings_decode_as_in_pycocotools() {
    let file = "coco_strings.jsonl";
    for (line, entry) in corpus(file, 734).iter().enumerate() {
        check_line(file, line + 1, &entry["in"], &entry["out"]);
    }
}

#[test]
fn polygons_and_crowds_rasterise_as_in_pycocotools() {
    let file = "coco_polygons_and_crowds.jsonl";
    for (line, entry) in corpus(file, 839).iter().enumerate() {
        check_line(file, line + 1, &entry["in"], &entry["out"]);
    }
}

#[test]
fn hostile_strings_and_counts_fail_with_position_and_reason() {
    let size = Size::new(3, 3);
    let coverage = |at, actual| Error::Coverage { at, expected: 9, actual };
    let cases: [(&str, &str, Error); 11] = [
        ("nothing", "", coverage(0, 0)),
        ("short", "41", coverage(2, 5)),
        ("one pixel too many", "415", coverage(2, 10)),
        ("second run too long", "4:2", coverage(1, 14)),
        ("below the alphabet", "4/4", Error::Character { at: 1, found: b'/' }),
        ("above the alphabet", "41p", Error::Character { at: 2, found: b'p' }),
        ("not ASCII", "41ä", Error::Character { at: 2, found: 0xc3 }),
        ("ends within a number", "41T", Error::Truncated { at: 2 }),
        ("negative", "N", Error::RunLength { at: 0, length: -2 }),
        ("over 32 bits", "PPPPPP4", Error::RunLength { at: 0, length: 1 << 32 }),
        ("more than 7 characters", "4PPPPPPP0", Error::LongNumber { at: 1 }),
    ];
    for (name, text, expected) in cases {
        assert_eq!(Mask::from_compressed(size, text), Err(expected), "{name}: {text:?}");
    }
    assert_eq!(Mask::from_counts(size, [4, 1]), Err(coverage(2, 5)));
    assert_eq!(Mask::from_counts(size, [4, u32::MAX]), Err(coverage(1, 4 + u64::from(u32::MAX))));
}

#[test]
fn errors_have_positions_within_and_after_blocks_of_eight() {
    // Runs 1, 1, 1, then only differences of 0: one character per run.
    let good = format!("111{}", "0".repeat(29));
    let size = Size::new(4, 8);
    assert_eq!(Mask::from_compressed(size, &good).unwrap().runs().len(), 16);
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad.replace_range(at..=at, "!");
        assert_eq!(Mask::from_compressed(size, &bad), Err(Error::Character { at, found: b'!' }), "at {at}");
        if at >= 3 {
            bad.replace_range(at..=at, "M");
            assert_eq!(
                Mask::from_compressed(size, &bad),
                Err(Error::RunLength { at, length: -2 }),
                "at {at}"
            );
            bad.replace_range(at..=at, "?");
            let error = Mask::from_compressed(size, &bad).unwrap_err();
            assert!(matches!(error, Error::Coverage { at: found, .. } if found >= at), "at {at}: {error}");
        }
    }
}

#[test]
fn empty_runs_are_merged() {
    let size = Size::new(3, 3);
    let merged = Mask::from_counts(size, [4, 1, 4]).unwrap();
    for counts in [&[4, 1, 0, 0, 4][..], &[2, 0, 2, 1, 4, 0], &[0, 0, 4, 1, 1, 0, 3, 0, 0]] {
        assert_eq!(Mask::from_counts(size, counts.iter().copied()).unwrap(), merged, "{counts:?}");
    }
    let to_the_end = Mask::from_counts(size, [4, 5]).unwrap();
    for counts in [&[4, 5, 0][..], &[4, 3, 0, 2, 0, 0, 0], &[4, 5, 0, 0]] {
        assert_eq!(Mask::from_counts(size, counts.iter().copied()).unwrap(), to_the_end, "{counts:?}");
    }
    assert_eq!(to_the_end.counts(), [4, 5]);
}

#[test]
fn sizes_without_pixels_have_only_the_empty_mask() {
    for size in
        [Size::new(0, 0), Size::new(7, 0), Size::new(0, 7), Size::new(u32::MAX, 0), Size::new(0, u32::MAX)]
    {
        let empty = Mask::empty(size).unwrap();
        assert_eq!(empty.counts(), [0], "{size}");
        assert_eq!(empty.to_compressed(), "0", "{size}");
        for text in ["", "0", "00", "000"] {
            assert_eq!(Mask::from_compressed(size, text).as_ref(), Ok(&empty), "{size} {text:?}");
        }
        assert_eq!(Mask::from_polygon(size, &[0.0, 0.0, 9.0, 0.0, 9.0, 9.0]).as_ref(), Ok(&empty), "{size}");
        assert_eq!(Mask::from_row_major(size, &[]).as_ref(), Ok(&empty), "{size}");
        assert_eq!((empty.area(), empty.bbox(), empty.outlines().len()), (0, None, 0), "{size}");
        assert_eq!(empty.complement(), empty, "{size}");
        assert_eq!(empty.interior_most(), Ok(None), "{size}");
        assert_eq!(empty.to_row_major(), Ok(Vec::new()), "{size}");
        assert!(!empty.contains(0, 0), "{size}");
    }
}

#[test]
fn largest_masks_need_memory_per_run_only() {
    for size in [Size::new(65_537, 65_535), Size::new(u32::MAX, 1), Size::new(1, u32::MAX)] {
        let full = Mask::from_counts(size, [0, u32::MAX]).unwrap();
        assert_eq!(full.area(), u64::from(u32::MAX), "{size}");
        assert_eq!(Mask::from_compressed(size, &full.to_compressed()).as_ref(), Ok(&full), "{size}");
        assert_eq!(full.components(Connectivity::Eight), std::slice::from_ref(&full), "{size}");
        let corners = [[0, 0], [size.width, 0], [size.width, size.height], [0, size.height]];
        assert_eq!(full.outlines()[0].outer, corners, "{size}");
        assert!(full.contains(size.width - 1, size.height - 1), "{size}");
        assert!(full.complement().is_empty(), "{size}");
        let limit = Error::Limit {
            what: "pixels of a bitmap",
            limit: MAX_BITMAP_PIXELS,
            actual: u64::from(u32::MAX),
        };
        assert_eq!(full.to_row_major(), Err(limit.clone()), "{size}");
        assert_eq!(full.to_column_major(), Err(limit), "{size}");
        assert!(matches!(full.interior_most(), Err(Error::Limit { .. })), "{size}");
    }
    let over = Error::Limit { what: "pixels of a mask", limit: (1 << 32) - 1, actual: 1 << 32 };
    assert_eq!(Mask::empty(Size::new(65_536, 65_536)), Err(over.clone()));
    assert_eq!(Mask::from_compressed(Size::new(65_536, 65_536), "0"), Err(over));
}

#[test]
fn hostile_polygons_fail_with_position_and_reason() {
    let size = Size::new(4, 4);
    let cases: [(&str, &[f64], Error); 6] = [
        ("nothing", &[], Error::PolygonLength { at: 1, numbers: 0 }),
        ("two points", &[0.0; 4], Error::PolygonLength { at: 1, numbers: 4 }),
        ("odd", &[0.0; 7], Error::PolygonLength { at: 1, numbers: 7 }),
        ("not a number", &[0.0, 0.0, f64::NAN, 0.0, 0.0, 0.0], Error::Coordinate { polygon: 1, at: 2 }),
        ("infinite", &[0.0, 0.0, 0.0, 0.0, 0.0, f64::NEG_INFINITY], Error::Coordinate { polygon: 1, at: 5 }),
        ("far", &[1e9, 0.0, 0.0, 0.0, 0.0, 0.0], Error::Coordinate { polygon: 1, at: 0 }),
    ];
    for (name, polygon, expected) in cases {
        let good = [0.0, 0.0, 2.0, 0.0, 2.0, 2.0].as_slice();
        assert_eq!(Mask::from_polygons(size, &[good, polygon]), Err(expected), "{name}");
    }
    assert_eq!(Mask::from_polygons::<Vec<f64>>(size, &[]), Mask::empty(size));
    let wide = Size::new(1 << 28, 1);
    let zigzag: Vec<f64> = (0..8).flat_map(|point| [f64::from(point % 2) * 2e8, 0.5]).collect();
    assert!(matches!(Mask::from_polygon(wide, &zigzag), Err(Error::Limit { .. })));
    // A polygon far larger than the mask is fast.
    let far = [-2e8, -2e8, 2e8, -2e8, 2e8, 2e8, -2e8, 2e8];
    assert_eq!(Mask::from_polygon(size, &far).unwrap().area(), 16);
}

#[test]
fn masks_of_different_sizes_are_an_error() {
    let (left, right) = (Mask::empty(Size::new(2, 3)).unwrap(), Mask::empty(Size::new(3, 2)).unwrap());
    let error = Error::SizeMismatch { left: left.size(), right: right.size() };
    assert_eq!(left.union(&right), Err(error.clone()));
    assert_eq!(left.iou(&right, false), Err(error.clone()));
    assert_eq!(Mask::union_of(left.size(), &[left.clone(), right]), Err(error));
}

#[test]
fn invalid_boundaries_are_an_error() {
    let size = Size::new(2, 3);
    for (boundaries, at) in
        [(vec![1], 0), (vec![2, 2], 1), (vec![3, 1], 1), (vec![1, 2, 4, 7], 3), (vec![0, 1, 2], 2)]
    {
        assert_eq!(
            Mask::from_boundaries(size, boundaries.clone()),
            Err(Error::Boundary { at }),
            "{boundaries:?}"
        );
    }
    assert!(Mask::from_boundaries(size, vec![0, 1, 5, 6]).is_ok());
    assert_eq!(Mask::from_row_major(size, &[0; 5]), Err(Error::BitmapLength { size, actual: 5 }));
}

/// Returns bitmaps of small sizes with pixels in runs, each with its size.
fn small_bitmaps() -> impl Iterator<Item = (Size, Vec<u8>)> {
    let mut state = 7_u32;
    (0..300_u32).map(move |n| {
        let size = Size::new(n % 7 + 1, n / 7 % 6 + 1);
        let mut value = 0;
        let pixels = (0..size.pixels()).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            value ^= u8::from(state >> 29 < n % 8);
            value
        });
        (size, pixels.collect())
    })
}

#[test]
fn turned_masks_are_the_masks_of_turned_bitmaps() {
    for (size, bitmap) in small_bitmaps() {
        let mask = Mask::from_row_major(size, &bitmap).unwrap();
        let transposed = Mask::from_column_major(Size::new(size.height, size.width), &bitmap).unwrap();
        assert_eq!(mask.transposed(u64::MAX).unwrap(), transposed, "{size} {bitmap:?}");
        for number in 1..=8 {
            let gray = image::GrayImage::from_raw(size.width, size.height, bitmap.clone()).unwrap();
            let mut turned = image::DynamicImage::ImageLuma8(gray);
            turned.apply_orientation(image::metadata::Orientation::from_exif(number).unwrap());
            let turned_size = Size::new(turned.width(), turned.height());
            let expected = Mask::from_row_major(turned_size, turned.as_bytes()).unwrap();
            let orientation = Orientation::from_exif(number);
            assert_eq!(mask.oriented(orientation).unwrap(), expected, "{number} {size} {bitmap:?}");
            assert_eq!(orientation.of_size(size), turned_size);
        }
    }
}

#[test]
fn mask_in_another_frame_keeps_the_pixels_that_lie_in_it() {
    for (size, bitmap) in small_bitmaps() {
        let mask = Mask::from_row_major(size, &bitmap).unwrap();
        for frame in [Size::new(1, 9), Size::new(9, 1), Size::new(4, 4), Size::new(9, 9), Size::new(3, 0)] {
            let found = mask.in_frame(frame).unwrap();
            let inside = |x, y| found.contains(x, y);
            let agree = (0..9).all(|x| {
                (0..9).all(|y| inside(x, y) == (mask.contains(x, y) && x < frame.width && y < frame.height))
            });
            assert!(agree && found.size() == frame, "{size} in {frame}: {bitmap:?}");
        }
    }
}

#[test]
fn transposed_mask_is_bounded_before_it_is_allocated() {
    let mask = Mask::from_counts(Size::new(2, 1 << 30), [0, 1 << 30, 1 << 30]).unwrap();
    assert!(matches!(mask.transposed(1 << 20), Err(Error::Limit { actual: 1_073_741_824, .. })));
}
