//! Removes specks and far islands from a grid of logits and closes pinholes, before it becomes a mask.
//!
//! A model trained on single objects still marks look-alikes far from the click. The clicked part is kept,
//! and another part only where the model is sure of it. The rules work on grid cells, so they do not depend
//! on the image's resolution, and they change signs only: a logit keeps its magnitude.

use std::ops::Range;

use super::{Error, Logits};
use crate::geometry::{PixelRect, Point};
use crate::rle::{Connectivity, Mask};

/// Minimum mean probability of a part without a click to be kept.
const SURE_PROBABILITY: f64 = 0.9;
/// Minimum area of a part without a click to be kept, as a share of the clicked part's.
const SURE_SHARE: f64 = 0.05;
/// Maximum area of a hole that is closed, as a share of the mask's.
const PINHOLE_SHARE: f64 = 0.005;
/// A hole of at most so many cells is closed whatever the mask's area.
const PINHOLE_CELLS: u64 = 3;

/// Applies the rules. Each click is a point of the image, and whether it is positive.
pub(super) fn clean(logits: &mut Logits, clicks: &[(Point, bool)]) -> Result<(), Error> {
    let cells = |positive| clicks.iter().filter(move |click| click.1 == positive).map(|click| click.0);
    let positive: Vec<[u32; 2]> = cells(true).map(|point| logits.cell_at(point)).collect();
    let negative: Vec<[u32; 2]> = cells(false).map(|point| logits.cell_at(point)).collect();
    drop_islands(logits, &positive)?;
    close_pinholes(logits, &negative)
}

fn drop_islands(logits: &mut Logits, clicked: &[[u32; 2]]) -> Result<(), Error> {
    let parts = logits.cells_inside()?.components(Connectivity::Eight);
    let (mut main, mut others): (Vec<_>, Vec<_>) =
        parts.into_iter().partition(|part| holds_any(part, clicked));
    if main.is_empty() {
        // A click on the object's rim can lie just off the mask; then the largest part stands for it.
        let largest = others.iter().map(Mask::area).enumerate().max_by_key(|&(_, area)| area);
        main.extend(largest.map(|(at, _)| others.remove(at)));
    }
    let main_area = main.iter().map(Mask::area).max().unwrap_or(0);
    for part in &others {
        if !is_sure(logits, part, main_area) {
            flip(logits, part);
        }
    }
    Ok(())
}

fn is_sure(logits: &Logits, part: &Mask, main_area: u64) -> bool {
    let area = part.area() as f64;
    let probability = |&logit: &f32| 1.0 / (1.0 + (-f64::from(logit)).exp());
    let total = || part.runs().flat_map(|run| &logits.columns()[as_usize(run)]).map(probability).sum::<f64>();
    area >= SURE_SHARE * main_area as f64 && total() >= SURE_PROBABILITY * area
}

fn close_pinholes(logits: &mut Logits, negative_clicks: &[[u32; 2]]) -> Result<(), Error> {
    let inside = logits.cells_inside()?;
    let max = PINHOLE_CELLS.max((PINHOLE_SHARE * inside.area() as f64) as u64);
    for hole in inside.complement().components(Connectivity::Four) {
        if hole.area() <= max && !touches_border(&hole) && !holds_any(&hole, negative_clicks) {
            flip(logits, &hole);
        }
    }
    Ok(())
}

fn holds_any(part: &Mask, cells: &[[u32; 2]]) -> bool {
    cells.iter().any(|&[x, y]| part.contains(x, y))
}

fn touches_border(part: &Mask) -> bool {
    let size = part.size();
    let at_border = |rect: PixelRect| {
        rect.x == 0 || rect.y == 0 || rect.x + rect.width == size.width || rect.y + rect.height == size.height
    };
    part.bbox().is_some_and(at_border)
}

/// Changes the sign of cells; a logit of exactly 0 is outside and becomes the smallest positive one.
fn flip(logits: &mut Logits, cells: &Mask) {
    for run in cells.runs() {
        for logit in &mut logits.columns_mut()[as_usize(run)] {
            *logit = if *logit == 0.0 { f32::MIN_POSITIVE } else { -*logit };
        }
    }
}

fn as_usize(run: Range<u32>) -> Range<usize> {
    run.start as usize..run.end as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;
    use crate::segment::ModelFrame;

    /// A grid drawn with characters, one cell a pixel: `#` sure, `+` unsure, `.` outside.
    fn grid(rows: &[&str]) -> Logits {
        let side = rows.len();
        let frame = ModelFrame::new(Size::new(side as u32, side as u32), side as u32).unwrap();
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
        clean(&mut logits, &clicks).unwrap();
        let side = rows.len();
        let found: Vec<String> = (0..side)
            .map(|y| {
                (0..side).map(|x| if logits.columns()[x * side + y] > 0.0 { '#' } else { '.' }).collect()
            })
            .collect();
        assert_eq!(found, expected, "{name}");
    }

    #[test]
    fn islands_are_removed_unless_clicked_or_sure() {
        let on_left = (1.5, 1.5, true);
        let two = ["......", ".##.+.", ".##.+.", "......", "......", "......"];
        check(
            "unsure island",
            &two,
            &[on_left],
            &["......", ".##...", ".##...", "......", "......", "......"],
        );
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
    fn pinholes_are_closed_unless_clicked_away() {
        let holed = ["#####", "#.###", "###.#", "##..#", "#####"];
        check("holes", &holed, &[(0.5, 0.5, true)], &["#####"; 5]);
        let kept = ["#####", "#.###", "#####", "#####", "#####"];
        check("negative click", &holed, &[(0.5, 0.5, true), (1.5, 1.5, false)], &kept);
        let bay = ["##.##", "##.##", "#####", "#####", "#####"];
        check("a bay is no hole", &bay, &[(0.5, 0.5, true)], &bay);
    }

    #[test]
    fn empty_grid_stays_empty() {
        check("empty", &["..", ".."], &[(0.5, 0.5, true)], &["..", ".."]);
    }
}
