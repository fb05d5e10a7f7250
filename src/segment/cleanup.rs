//! Takes specks and far islands out of a grid of logits and closes pinholes, before it becomes a mask.
//!
//! A model trained on single objects still lights up look-alikes far from the click. What is kept is what was clicked,
//! and another part only where the model is sure of it. The rules work on grid cells, so they do not depend on the
//! picture's resolution, and they change signs only: a logit keeps its magnitude.

use super::Logits;
use crate::geometry::Point;

/// A part that holds no click is kept where its mean probability is at least this,
const SURE_PROBABILITY: f64 = 0.9;
/// and its area is at least this share of the clicked part's.
const SURE_SHARE: f64 = 0.05;
/// A hole is closed where it has at most this share of the mask's area,
const PINHOLE_SHARE: f64 = 0.005;
/// or at most this many cells.
const PINHOLE_CELLS: usize = 3;

/// Applies the rules. `clicks` are in image space, with whether they are positive.
pub(super) fn clean(logits: &mut Logits, clicks: &[(Point, bool)]) {
    let positive: Vec<usize> = clicks.iter().filter(|click| click.1).map(|click| logits.cell_at(click.0)).collect();
    let negative: Vec<usize> = clicks.iter().filter(|click| !click.1).map(|click| logits.cell_at(click.0)).collect();
    drop_islands(logits, &positive);
    close_pinholes(logits, &negative);
}

fn drop_islands(logits: &mut Logits, clicked: &[usize]) {
    let parts = Parts::of(logits, |logit| logit > 0.0, &EIGHT);
    let clicked_parts: Vec<usize> = clicked.iter().filter_map(|&cell| parts.part_at(cell)).collect();
    let largest = (0..parts.count()).max_by_key(|&part| parts.cells(part).len());
    let main_area = match (clicked_parts.is_empty(), largest) {
        (_, None) => return,
        // A click on the object's rim can lie just off the mask; then the largest part stands for it.
        (true, Some(largest)) => parts.cells(largest).len(),
        (false, _) => clicked_parts.iter().map(|&part| parts.cells(part).len()).max().unwrap_or(0),
    };
    for part in 0..parts.count() {
        let is_main = if clicked_parts.is_empty() { Some(part) == largest } else { clicked_parts.contains(&part) };
        let cells = parts.cells(part);
        let sure = || {
            let columns = logits.columns();
            let total: f64 = cells.iter().map(|&cell| probability(columns[cell as usize])).sum();
            cells.len() as f64 >= SURE_SHARE * main_area as f64 && total >= SURE_PROBABILITY * cells.len() as f64
        };
        if !is_main && !sure() {
            flip(logits, cells);
        }
    }
}

fn close_pinholes(logits: &mut Logits, negative_clicks: &[usize]) {
    let area = logits.columns().iter().filter(|&&logit| logit > 0.0).count();
    let most = PINHOLE_CELLS.max((PINHOLE_SHARE * area as f64) as usize);
    let parts = Parts::of(logits, |logit| logit <= 0.0, &FOUR);
    for part in 0..parts.count() {
        let cells = parts.cells(part);
        let is_wanted = negative_clicks.iter().any(|&cell| parts.part_at(cell) == Some(part));
        if cells.len() <= most && !is_wanted && !parts.touches_border(part) {
            flip(logits, cells);
        }
    }
}

/// Changes the sign of cells; a logit of exactly 0 counts as outside and becomes the least positive one.
fn flip(logits: &mut Logits, cells: &[u32]) {
    let columns = logits.columns_mut();
    for &cell in cells {
        let logit = &mut columns[cell as usize];
        *logit = if *logit == 0.0 { f32::MIN_POSITIVE } else { -*logit };
    }
}

fn probability(logit: f32) -> f64 {
    1.0 / (1.0 + (-f64::from(logit)).exp())
}

/// The connected parts of the cells that meet a condition.
struct Parts {
    /// The part of each cell, [`NONE`] where the condition does not hold.
    of_cell: Vec<u32>,
    /// All cells, sorted by part.
    cells: Vec<u32>,
    /// Where in `cells` each part ends.
    ends: Vec<usize>,
    touches_border: Vec<bool>,
}

const NONE: u32 = u32::MAX;
const FOUR: [(i32, i32); 4] = [(-1, 0), (1, 0), (0, -1), (0, 1)];
const EIGHT: [(i32, i32); 8] = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)];

impl Parts {
    fn of(logits: &Logits, holds: impl Fn(f32) -> bool, neighbours: &[(i32, i32)]) -> Self {
        let (width, height) = (logits.size().width, logits.size().height);
        let columns = logits.columns();
        let mut parts = Self {
            of_cell: vec![NONE; columns.len()],
            cells: Vec::new(),
            ends: Vec::new(),
            touches_border: Vec::new(),
        };
        for seed in 0..columns.len() {
            if parts.of_cell[seed] != NONE || !holds(columns[seed]) {
                continue;
            }
            let part = parts.ends.len() as u32;
            let mut next = parts.cells.len();
            let mut border = false;
            parts.of_cell[seed] = part;
            parts.cells.push(seed as u32);
            // The list of the part's cells is also the queue of cells whose neighbours are still to be looked at.
            while let Some(&cell) = parts.cells.get(next) {
                next += 1;
                let (x, y) = (cell as usize / height, cell as usize % height);
                border |= x == 0 || y == 0 || x + 1 == width || y + 1 == height;
                for &(dx, dy) in neighbours {
                    let (Some(x), Some(y)) = (x.checked_add_signed(dx as isize), y.checked_add_signed(dy as isize))
                    else {
                        continue;
                    };
                    let neighbour = x * height + y;
                    if x < width && y < height && parts.of_cell[neighbour] == NONE && holds(columns[neighbour]) {
                        parts.of_cell[neighbour] = part;
                        parts.cells.push(neighbour as u32);
                    }
                }
            }
            parts.ends.push(parts.cells.len());
            parts.touches_border.push(border);
        }
        parts
    }

    fn count(&self) -> usize {
        self.ends.len()
    }

    fn cells(&self, part: usize) -> &[u32] {
        let start = if part == 0 { 0 } else { self.ends[part - 1] };
        &self.cells[start..self.ends[part]]
    }

    fn part_at(&self, cell: usize) -> Option<usize> {
        (self.of_cell[cell] != NONE).then(|| self.of_cell[cell] as usize)
    }

    fn touches_border(&self, part: usize) -> bool {
        self.touches_border[part]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;
    use crate::segment::Frame;

    /// A grid drawn with characters, one cell a pixel: `#` sure, `+` unsure, `.` outside.
    fn grid(rows: &[&str]) -> Logits {
        let side = rows.len();
        let frame = Frame::new(Size::new(side as u32, side as u32), side as u32).unwrap();
        let logit = |byte| match byte {
            b'#' => 5.0,
            b'+' => 0.5,
            _ => -3.0,
        };
        let row_major: Vec<f32> = rows.iter().flat_map(|row| row.bytes().map(logit)).collect();
        Logits::from_frame(frame, side, &row_major).unwrap()
    }

    fn check(name: &str, rows: &[&str], clicks: &[(f64, f64, bool)], expected: &[&str]) {
        let mut logits = grid(rows);
        let clicks: Vec<_> = clicks.iter().map(|&(x, y, positive)| (Point::new(x, y), positive)).collect();
        clean(&mut logits, &clicks);
        let side = rows.len();
        let found: Vec<String> = (0..side)
            .map(|y| (0..side).map(|x| if logits.columns()[x * side + y] > 0.0 { '#' } else { '.' }).collect())
            .collect();
        assert_eq!(found, expected, "{name}");
    }

    #[test]
    fn islands_go_unless_clicked_or_sure() {
        let on_left = (1.5, 1.5, true);
        let two = ["......", ".##.+.", ".##.+.", "......", "......", "......"];
        check("unsure island", &two, &[on_left], &["......", ".##...", ".##...", "......", "......", "......"]);
        let sure = ["......", ".##.#.", ".##.#.", "......", "......", "......"];
        check("sure island", &sure, &[on_left], &sure);
        let faint = ["......", ".++.+.", ".++.+.", "......", "......", "......"];
        let right = ["......", "....#.", "....#.", "......", "......", "......"];
        check("clicked island", &faint, &[(4.5, 1.5, true)], &right);
        check(
            "click off the mask",
            &two,
            &[(0.5, 5.5, true)],
            &["......", ".##...", ".##...", "......", "......", "......"],
        );
        let diagonal = ["++....", "++....", "..+...", "......", "......", "......"];
        check(
            "corners touch",
            &diagonal,
            &[(0.5, 0.5, true)],
            &["##....", "##....", "..#...", "......", "......", "......"],
        );
    }

    #[test]
    fn pinholes_close_unless_clicked_away() {
        let holed = ["#####", "#.###", "###.#", "##..#", "#####"];
        check("holes", &holed, &[(0.5, 0.5, true)], &["#####"; 5]);
        let kept = ["#####", "#.###", "#####", "#####", "#####"];
        check("negative click", &holed, &[(0.5, 0.5, true), (1.5, 1.5, false)], &kept);
        let bay = ["##.##", "##.##", "#####", "#####", "#####"];
        check("a bay is no hole", &bay, &[(0.5, 0.5, true)], &bay);
    }

    #[test]
    fn nothing_stays_nothing() {
        check("empty", &["..", ".."], &[(0.5, 0.5, true)], &["..", ".."]);
    }
}
