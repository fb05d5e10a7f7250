//! Simplifies the outlines of a mask to few corners, for drawings that are smaller than the image.

use std::fmt::Write as _;

use super::{Mask, Outline};

/// Maximum corners of the outlines that are simplified: the time may grow with their square.
const MAX_OUTLINE_CORNERS: usize = 1 << 15;
/// Distance from the outline, as a part of the longer side of the mask's box.
const OF_LONGER_SIDE: f64 = 1.0 / 128.0;
/// Maximum distance, as a part of the shorter side: a thin mask keeps its shape.
const OF_SHORTER_SIDE: f64 = 1.0 / 16.0;
/// Minimum distance, in pixels: the outline of a slanted edge is a staircase. Less than 1, so that a line of
/// single pixels keeps both sides.
const MIN_TOLERANCE: f64 = 0.999;
/// Maximum corners of the result; where there are more, the distance is doubled.
const MAX_CORNERS: usize = 160;

impl Mask {
    /// Returns its outlines, simplified, as SVG 2 path data (section 9.3) to fill by the rule even-odd, in
    /// pixels of the image; empty where the mask is, and where its outlines have more than 32,768 corners.
    ///
    /// Corners that are left out are within one pixel of the path; in large masks within 1/128 of the
    /// longer side of the box, or 1/16 of the shorter side if that is less. Where the path would have more
    /// than 160 corners, this distance is doubled until it has not. Parts and holes as small as the
    /// distance are left out.
    ///
    /// ```
    /// use masklink::{geometry::Size, rle::Mask};
    ///
    /// let stairs = Mask::from_row_major(Size::new(3, 3), &[1, 1, 1, 0, 1, 1, 0, 0, 1])?;
    /// assert_eq!(stairs.simplified_svg_path(), "M0 0l3 0 0 3z");
    /// # Ok::<(), masklink::rle::Error>(())
    /// ```
    pub fn simplified_svg_path(&self) -> String {
        let Some(bounds) = self.bbox() else { return String::new() };
        let outlines = self.outlines();
        let paths = outlines.iter().flat_map(Outline::paths);
        if paths.clone().map(Vec::len).sum::<usize>() > MAX_OUTLINE_CORNERS {
            return String::new();
        }
        let (shorter, longer) = (bounds.width.min(bounds.height), bounds.width.max(bounds.height));
        let tolerance = (f64::from(longer) * OF_LONGER_SIDE).min(f64::from(shorter) * OF_SHORTER_SIDE);
        let mut tolerance = tolerance.max(MIN_TOLERANCE);
        loop {
            let simplified = paths.clone().map(|path| simplified(path, tolerance));
            let simplified: Vec<_> = simplified.filter(|path| path.len() > 2).collect();
            // A distance as long as the box leaves no path.
            if simplified.iter().map(Vec::len).sum::<usize>() <= MAX_CORNERS {
                return svg_path(&simplified);
            }
            tolerance *= 2.0;
        }
    }
}

/// Returns closed paths as SVG path data: for each `M` and its first corner, then the steps to the others.
fn svg_path(paths: &[Vec<[u32; 2]>]) -> String {
    let mut text = String::new();
    for path in paths {
        for (at, corner) in path.iter().enumerate() {
            let [x, y] = corner;
            let before = at.checked_sub(1).map(|before| path[before]);
            // Writing to a string does not fail. A minus sign separates numbers like a space.
            let _ = match before {
                None => write!(text, "M{x} {y}l"),
                Some(before) => {
                    let [dx, dy] = [0, 1].map(|axis| i64::from(corner[axis]) - i64::from(before[axis]));
                    let space = |is_needed| if is_needed { " " } else { "" };
                    write!(text, "{}{dx}{}{dy}", space(at > 1 && dx >= 0), space(dy >= 0))
                }
            };
        }
        text.push('z');
    }
    text
}

/// Returns the corners that are left of a closed path, none more than `tolerance` from the lines between
/// those, by the method of Ramer, Douglas and Peucker. Empty where the whole path is as near to a point.
fn simplified(path: &[[u32; 2]], tolerance: f64) -> Vec<[u32; 2]> {
    let Some(first) = path.first() else { return Vec::new() };
    let distance = |corner: &[u32; 2]| distance_from_segment(*corner, *first, *first);
    let Some(opposite) = (1..path.len()).max_by(|a, b| distance(&path[*a]).total_cmp(&distance(&path[*b])))
    else {
        return Vec::new();
    };
    if distance(&path[opposite]) <= tolerance {
        return Vec::new();
    }
    let mut is_kept = vec![false; path.len()];
    is_kept[0] = true;
    is_kept[opposite] = true;
    // The path is closed: its first corner is also its last one.
    let corner = |at: usize| path[at % path.len()];
    let mut open = vec![0..opposite, opposite..path.len()];
    while let Some(part) = open.pop() {
        let (start, end) = (corner(part.start), corner(part.end));
        let distances =
            (part.start + 1..part.end).map(|at| (distance_from_segment(path[at], start, end), at));
        let farthest = distances.max_by(|a, b| a.0.total_cmp(&b.0));
        if let Some((_, at)) = farthest.filter(|(distance, _)| *distance > tolerance) {
            is_kept[at] = true;
            open.extend([part.start..at, at..part.end]);
        }
    }
    path.iter().zip(is_kept).filter(|(_, is_kept)| *is_kept).map(|(corner, _)| *corner).collect()
}

/// Returns the distance of a point from the segment between two others.
fn distance_from_segment(point: [u32; 2], from: [u32; 2], to: [u32; 2]) -> f64 {
    let [point, from, to] = [point, from, to].map(|corner| corner.map(f64::from));
    let along = [to[0] - from[0], to[1] - from[1]];
    let relative = [point[0] - from[0], point[1] - from[1]];
    let square = along[0] * along[0] + along[1] * along[1];
    let product = relative[0] * along[0] + relative[1] * along[1];
    let part = if square > 0.0 { (product / square).clamp(0.0, 1.0) } else { 0.0 };
    (relative[0] - part * along[0]).hypot(relative[1] - part * along[1])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_corner_is_near_the_path(
            corners in proptest::collection::vec([0_u32..300, 0_u32..300], 3..60),
            tolerance in 1.0..20.0,
        ) {
            let kept = simplified(&corners, tolerance);
            let is_near = |corner: &[u32; 2]| {
                let next = kept.iter().cycle().skip(1);
                kept.iter().zip(next).any(|(a, b)| distance_from_segment(*corner, *a, *b) <= tolerance)
            };
            prop_assert!(kept.is_empty() || corners.iter().all(is_near));
            let is_point = corners.iter().all(|corner| {
                distance_from_segment(*corner, corners[0], corners[0]) <= tolerance
            });
            prop_assert_eq!(kept.is_empty(), is_point);
        }
    }
}
