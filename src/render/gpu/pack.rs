//! A scene as the GPU reads it: runs as rectangles, segments of outlines, boxes. Mirrors `masks.wgsl`.

use std::ops::Range;

use bytemuck::{Pod, Zeroable};

use crate::geometry::Rect;
use crate::render::Scene;
use crate::render::columns::Columns;
use crate::render::cpu::whole;
use crate::render::outline::{Segment, segments_of};

/// Segments drawn by one chunk; `masks.wgsl` divides by it.
pub(super) const CHUNK: u32 = 64;
/// Instances that draw one box: four sides, two strokes.
pub(super) const INSTANCES_A_BOX: u32 = 8;

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(super) struct Chunk {
    pub(super) mask: u32,
    pub(super) first: u32,
    pub(super) count: u32,
    pub(super) stroke: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(super) struct Box {
    pub(super) top_left: [f32; 2],
    pub(super) bottom_right: [f32; 2],
    pub(super) mask: u32,
    padding: u32,
}

/// The contents of the buffers that change with the scene alone.
#[derive(Debug, Default)]
pub(super) struct Packed {
    pub(super) rects: Vec<[u32; 2]>,
    pub(super) segments: Vec<[u32; 2]>,
    /// Those of all fills, then those of all outlines.
    pub(super) chunks: Vec<Chunk>,
    /// The instances that draw all fills.
    pub(super) fills: Range<u32>,
    /// The instances that draw all outlines.
    pub(super) outlines: Range<u32>,
    pub(super) boxes: Vec<Box>,
    /// For each overlay the instances of its outline and of its boxes.
    pub(super) ranges: Vec<Ranges>,
}

/// The instances that draw the lines of one overlay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ranges {
    pub(super) outline: Range<u32>,
    pub(super) boxes: Range<u32>,
}

impl Packed {
    /// Packs a scene; box 0 is the frame of a missing picture, whose look follows the overlays' looks.
    pub(super) fn of(scene: &Scene) -> Self {
        let mut packed = Self::default();
        packed.push_box(&whole(scene.size()), scene.len());
        for (index, item) in scene.items().iter().enumerate() {
            packed.push_fill(&item.columns, index);
        }
        packed.fills = 0..packed.instances();
        for (index, item) in scene.items().iter().enumerate() {
            let outline = packed.push_outline(&segments_of(&item.columns), index);
            let first_box = packed.boxes.len() as u32;
            item.boxes.iter().for_each(|rect| packed.push_box(rect, index));
            let boxes = first_box * INSTANCES_A_BOX..packed.boxes.len() as u32 * INSTANCES_A_BOX;
            packed.ranges.push(Ranges { outline, boxes });
        }
        packed.outlines = packed.fills.end..packed.instances();
        packed
    }

    /// Instances of all chunks so far.
    fn instances(&self) -> u32 {
        self.chunks.len() as u32 * CHUNK
    }

    fn push_fill(&mut self, columns: &Columns, index: usize) {
        let first = self.rects.len() as u32;
        let mut x = columns.x;
        while x < columns.x + columns.width() {
            // Neighbouring columns of equal runs are one rectangle a run.
            let runs = columns.runs_of(x);
            let alike =
                (x..columns.x + columns.width()).take_while(|&next| columns.runs_of(next) == runs).count() as u32;
            self.rects.extend(
                runs.iter().map(|&[top, bottom]| [x | u32::from(top) << 16, alike | u32::from(bottom - top) << 16]),
            );
            x += alike;
        }
        self.push_chunks(index, first, self.rects.len() as u32 - first, 0);
    }

    fn push_outline(&mut self, segments: &[Segment], index: usize) -> Range<u32> {
        let (from, first) = (self.instances(), self.segments.len() as u32);
        self.segments.extend(segments.iter().map(|segment| {
            let at = u32::from(segment.x) | u32::from(segment.y) << 16;
            [at, u32::from(segment.length) | u32::from(segment.vertical) << 16]
        }));
        for stroke in 0..2 {
            self.push_chunks(index, first, segments.len() as u32, stroke);
        }
        from..self.instances()
    }

    fn push_chunks(&mut self, index: usize, first: u32, count: u32, stroke: u32) {
        for begin in (0..count).step_by(CHUNK as usize) {
            let count = CHUNK.min(count - begin);
            self.chunks.push(Chunk { mask: index as u32, first: first + begin, count, stroke });
        }
    }

    fn push_box(&mut self, rect: &Rect, index: usize) {
        let top_left = [rect.x1 as f32, rect.y1 as f32];
        let bottom_right = [rect.x2 as f32, rect.y2 as f32];
        self.boxes.push(Box { top_left, bottom_right, mask: index as u32, padding: 0 });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;
    use crate::render::Overlay;
    use crate::rle::Mask;

    #[test]
    fn equal_neighbouring_columns_are_one_rectangle_a_run() {
        // Columns of height 4: rows 1-2, rows 1-2, rows 1-2 and 3-4, nothing, rows 1-2.
        let size = Size::new(5, 4);
        let mut scene = Scene::new(size).unwrap();
        let mask = Mask::from_boundaries(size, vec![1, 2, 5, 6, 9, 10, 11, 12, 17, 18]).unwrap();
        scene.push(Overlay { masks: vec![mask], ..Overlay::default() }).unwrap();
        let packed = Packed::of(&scene);
        let rect = |left: u32, top: u32, width: u32, height: u32| [left | top << 16, width | height << 16];
        assert_eq!(packed.rects, [rect(0, 1, 2, 1), rect(2, 1, 1, 1), rect(2, 3, 1, 1), rect(4, 1, 1, 1)]);
        assert_eq!((packed.fills.clone(), packed.chunks[0].count), (0..64, 4));
    }

    #[test]
    fn chunks_draw_each_segment_in_both_strokes() {
        // 100 single pixels, 4 segments each: 7 chunks a stroke.
        let size = Size::new(1, 200);
        let mut scene = Scene::new(size).unwrap();
        let mask = Mask::from_boundaries(size, (0..200).collect()).unwrap();
        scene.push(Overlay { masks: vec![mask], ..Overlay::default() }).unwrap();
        let packed = Packed::of(&scene);
        assert_eq!((packed.segments.len(), packed.chunks.len()), (400, 2 + 14));
        assert_eq!((packed.fills.clone(), packed.outlines.clone()), (0..2 * 64, 2 * 64..16 * 64));
        assert_eq!(packed.ranges[0].outline, packed.outlines);
        let outlines = &packed.chunks[2..];
        let drawn = |stroke| outlines.iter().filter(|c| c.stroke == stroke).map(|c| c.count).sum::<u32>();
        assert_eq!((drawn(0), drawn(1)), (400, 400));
    }
}
