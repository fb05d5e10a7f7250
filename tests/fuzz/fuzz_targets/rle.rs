//! Fuzzes the decoders of masks, and every operation on the masks they accept.
//!
//! `./build.sh fuzz` runs all targets.
#![no_main]

use libfuzzer_sys::fuzz_target;
use masklink::geometry::Size;
use masklink::rle::{Connectivity, InteriorPixel, MAX_BITMAP_PIXELS, Mask};

// The first byte chooses the decoder, the next eight are the size.
fuzz_target!(|data: &[u8]| {
    let Some(([kind, size @ ..], rest)) = data.split_first_chunk::<9>() else { return };
    let side = |at: usize| u32::from_le_bytes([size[at], size[at + 1], size[at + 2], size[at + 3]]);
    let size = Size::new(side(0), side(4));
    // Only small sizes are likely to be covered by the runs.
    let size = if kind & 4 == 0 { Size::new(size.width % 64, size.height % 64) } else { size };
    let words = || rest.as_chunks().0.iter().map(|&word| u32::from_le_bytes(word)).collect::<Vec<_>>();
    let mask = match kind & 3 {
        0 => {
            let Ok(text) = std::str::from_utf8(rest) else { return };
            Mask::from_compressed(size, text)
        }
        1 => Mask::from_counts(size, words()),
        2 => Mask::from_boundaries(size, words()),
        _ => {
            let numbers: Vec<f64> =
                rest.as_chunks().0.iter().map(|&word| f64::from(f32::from_le_bytes(word))).collect();
            // Wide masks are slow by design.
            if size.width > 4096 {
                return;
            }
            Mask::from_polygon(size, &numbers)
        }
    };
    if let Ok(mask) = mask {
        check(&mask);
    }
});

/// Checks the properties of every mask.
fn check(mask: &Mask) {
    let size = mask.size();
    assert_eq!(Mask::from_compressed(size, &mask.to_compressed()).as_ref(), Ok(mask));
    assert_eq!(Mask::from_counts(size, mask.counts()).as_ref(), Ok(mask));
    assert_eq!(Mask::from_boundaries(size, mask.boundaries().to_vec()).as_ref(), Ok(mask));
    let complement = mask.complement();
    assert_eq!(mask.area() + complement.area(), size.pixels());
    assert_eq!(mask.shared_area(&complement), Ok(0));
    assert_eq!(mask.union(&complement).map(|all| all.area()), Ok(size.pixels()));
    assert_eq!(mask.difference(mask).map(|none| none.is_empty()), Ok(true));
    let components = mask.components(Connectivity::Four);
    assert_eq!(Mask::union_of(size, &components).as_ref(), Ok(mask));
    assert!(mask.component_count(Connectivity::Eight) <= components.len());
    let outlines = mask.outlines();
    assert_eq!(outlines.len(), components.len());
    assert!(outlines.iter().all(|outline| outline.outer.len() >= 4 && outline.to_svg_path().ends_with('Z')));
    if let Some(bbox) = mask.bbox() {
        assert!(mask.area() <= u64::from(bbox.width) * u64::from(bbox.height));
    }
    if size.pixels() > 1 << 16 {
        assert!(size.pixels() <= MAX_BITMAP_PIXELS || mask.to_row_major().is_err());
        return;
    }
    let deepest = mask.interior_most();
    let is_inside = |deepest: Option<InteriorPixel>| match deepest {
        Some(pixel) => mask.contains(pixel.x, pixel.y),
        None => mask.is_empty(),
    };
    assert!(deepest.is_ok_and(is_inside));
    let bitmaps = (mask.to_row_major(), mask.to_column_major());
    let (Ok(row_major), Ok(column_major)) = bitmaps else { panic!("no bitmap of {size}") };
    assert_eq!(Mask::from_row_major(size, &row_major).as_ref(), Ok(mask));
    assert_eq!(Mask::from_column_major(size, &column_major).as_ref(), Ok(mask));
}
