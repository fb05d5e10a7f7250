//! The interior-most point of a mask's largest part: where a person would click to say "this".

use crate::rle::Mask;

/// A pixel deep inside a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interior {
    /// Column.
    pub(super) x: u32,
    /// Row.
    pub(super) y: u32,
    /// Pixels of the region it lies in.
    pub(super) area: usize,
}

/// The pixel of the largest 8-connected part that is farthest from the part's edge; `None` for an empty mask.
///
/// The picture's border counts as edge. Of pixels equally far, the first by rows is taken.
pub(super) fn interior_point(mask: &Mask) -> Option<Interior> {
    let bbox = mask.bbox()?;
    // One pixel of margin all round, so that the border of the picture is an edge too.
    let (width, height) = (bbox.width as usize + 2, bbox.height as usize + 2);
    let mut inside = vec![false; width * height];
    let rows = mask.size().height;
    for run in mask.runs() {
        for index in run {
            let (x, y) = ((index / rows - bbox.x) as usize + 1, (index % rows - bbox.y) as usize + 1);
            inside[y * width + x] = true;
        }
    }
    let part = largest_part(&inside, width);
    let mut region = vec![false; inside.len()];
    for &at in &part {
        region[at] = true;
    }
    let distances = squared_distances(&region, width);
    // `max_by_key` takes the last of equals; the first by rows is wanted.
    let deepest = (0..region.len()).rev().max_by_key(|&at| distances[at]).unwrap_or(0);
    let (x, y) = ((deepest % width - 1) as u32 + bbox.x, (deepest / width - 1) as u32 + bbox.y);
    Some(Interior { x, y, area: part.len() })
}

/// The indices of the largest 8-connected part. No pixel of the outermost rows and columns may be set.
fn largest_part(inside: &[bool], width: usize) -> Vec<usize> {
    let mut seen = vec![false; inside.len()];
    let mut largest = Vec::new();
    for seed in 0..inside.len() {
        if !inside[seed] || seen[seed] {
            continue;
        }
        let mut part = vec![seed];
        seen[seed] = true;
        let mut next = 0;
        while let Some(&at) = part.get(next) {
            next += 1;
            for row in [at - width, at, at + width] {
                for neighbour in row - 1..=row + 1 {
                    if inside[neighbour] && !seen[neighbour] {
                        seen[neighbour] = true;
                        part.push(neighbour);
                    }
                }
            }
        }
        if part.len() > largest.len() {
            largest = part;
        }
    }
    largest
}

/// Squared Euclidean distance of each pixel to the nearest one outside (Felzenszwalb and Huttenlocher, 2012).
fn squared_distances(region: &[bool], width: usize) -> Vec<u64> {
    let height = region.len() / width;
    // Down the columns by two sweeps, then the lower envelope of parabolas along the rows.
    let far = width + height;
    let mut down = vec![0_usize; region.len()];
    for x in 0..width {
        let mut distance = far;
        for y in 0..height {
            distance = if region[y * width + x] { distance + 1 } else { 0 };
            down[y * width + x] = distance;
        }
        distance = far;
        for y in (0..height).rev() {
            distance = if region[y * width + x] { distance + 1 } else { 0 };
            down[y * width + x] = down[y * width + x].min(distance);
        }
    }
    let mut distances = vec![0_u64; region.len()];
    for y in 0..height {
        let row = &down[y * width..(y + 1) * width];
        let squared = |x: usize| (row[x] * row[x]) as f64;
        let mut parabolas: Vec<(usize, f64)> = vec![(0, f64::NEG_INFINITY)];
        for x in 1..width {
            loop {
                let (last, from) = parabolas[parabolas.len() - 1];
                let meeting = (squared(x) + (x * x) as f64 - squared(last) - (last * last) as f64)
                    / (2.0 * (x as f64 - last as f64));
                if meeting > from {
                    parabolas.push((x, meeting));
                    break;
                }
                parabolas.pop();
            }
        }
        let mut nearest = 0;
        for x in 0..width {
            while parabolas.get(nearest + 1).is_some_and(|parabola| parabola.1 <= x as f64) {
                nearest += 1;
            }
            let (apex, _) = parabolas[nearest];
            let across = x.abs_diff(apex);
            distances[y * width + x] = (across * across + row[apex] * row[apex]) as u64;
        }
    }
    distances
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;

    fn mask(rows: &[&str]) -> Mask {
        let size = Size::new(rows[0].len() as u32, rows.len() as u32);
        let bitmap: Vec<u8> = rows.iter().flat_map(|row| row.bytes().map(|byte| u8::from(byte == b'#'))).collect();
        Mask::from_row_major(size, &bitmap).unwrap()
    }

    #[test]
    fn the_middle_of_the_larger_part() {
        let found = interior_point(&mask(&["##......", "....####", "....####", "....####", "........"]));
        assert_eq!(found, Some(Interior { x: 5, y: 2, area: 12 }));
        assert_eq!(interior_point(&mask(&["...", "..."])), None);
    }

    #[test]
    fn the_pictures_border_is_an_edge() {
        let found = interior_point(&mask(&["#####"; 5]));
        assert_eq!(found, Some(Interior { x: 2, y: 2, area: 25 }));
    }

    #[test]
    fn distances_are_those_of_the_definition() {
        let mut state = 7_u32;
        let width = 13;
        let region: Vec<bool> = (0..width * 11)
            .map(|at| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let (x, y) = (at % width, at / width);
                x > 0 && y > 0 && x < width - 1 && y < 10 && state >> 28 != 0
            })
            .collect();
        let outside: Vec<usize> = (0..region.len()).filter(|&at| !region[at]).collect();
        for (at, &found) in squared_distances(&region, width).iter().enumerate() {
            let distance = |other: &usize| {
                let (dx, dy) = ((at % width).abs_diff(other % width), (at / width).abs_diff(other / width));
                (dx * dx + dy * dy) as u64
            };
            assert_eq!(Some(found), outside.iter().map(distance).min(), "at {at}");
        }
    }
}
