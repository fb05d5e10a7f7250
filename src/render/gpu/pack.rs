//! Lays a scene out as the arrays that `masks.wgsl` reads: bounds of masks, runs by column, outline
//! segments, boxes.

use bytemuck::{Pod, Zeroable};

use crate::geometry::Rect;
use crate::render::columns::Columns;
use crate::render::outline::{Segment, segments_of};
use crate::render::{MAX_SIDE, Scene};

/// Maximum number of segments in one chunk, which is one instance.
pub(super) const CHUNK: u32 = 64;
/// Number of indices that draw a chunk: two triangles per segment.
pub(super) const INDICES_PER_CHUNK: u32 = 6 * CHUNK;
/// Number of instances that draw one box: four sides, two strokes.
pub(super) const INSTANCES_PER_BOX: u32 = 8;

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(super) struct MaskBox {
    pub(super) left: u32,
    pub(super) top: u32,
    pub(super) right: u32,
    pub(super) bottom: u32,
    pub(super) columns: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(super) struct SegmentChunk {
    pub(super) mask: u32,
    pub(super) first: u32,
    pub(super) count: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(super) struct BoxData {
    pub(super) top_left: [f32; 2],
    pub(super) bottom_right: [f32; 2],
    pub(super) mask: u32,
    padding: u32,
}

/// Number of bits of a row number; a word holds two of them and the bit `SEVERAL_RUNS`.
pub(super) const SIDE_BITS: u32 = MAX_SIDE.ilog2() + 1;
/// Maximum length of a vertical segment in a join; a longer one counts as this long.
pub(super) const MAX_JOIN: u32 = 63;
/// Bit of a join that is set where the vertical segment is above the horizontal one.
pub(super) const JOINS_ABOVE: u32 = MAX_JOIN + 1;
/// Bit of a word that is set where a column has several runs and the word points to them.
pub(super) const SEVERAL_RUNS: u32 = 1 << 31;

/// Contents of the buffers that depend on the scene alone.
#[derive(Debug, Default)]
pub(super) struct SceneData {
    pub(super) masks: Vec<MaskBox>,
    pub(super) runs: Vec<u32>,
    pub(super) segments: Vec<[u32; 2]>,
    pub(super) chunks: Vec<SegmentChunk>,
    pub(super) boxes: Vec<BoxData>,
    /// Instances of the outline and of the boxes of each overlay.
    pub(super) ranges: Vec<Ranges>,
}

/// Ranges of the instances that draw the lines of one overlay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ranges {
    pub(super) outline: std::ops::Range<u32>,
    pub(super) boxes: std::ops::Range<u32>,
}

impl SceneData {
    /// Lays out a scene; box 0 is the frame of a missing image, whose paint follows the overlays' paints.
    pub(super) fn new(scene: &Scene) -> Self {
        let mut data = Self::default();
        data.push_box(&scene.size().into(), scene.len());
        for (index, item) in scene.items().iter().enumerate() {
            data.push_columns(&item.columns);
            let outline = data.push_outline(&segments_of(&item.columns), index);
            let first_box = data.boxes.len() as u32;
            item.boxes.iter().for_each(|rect| data.push_box(rect, index));
            let boxes = first_box * INSTANCES_PER_BOX..data.boxes.len() as u32 * INSTANCES_PER_BOX;
            data.ranges.push(Ranges { outline, boxes });
        }
        data
    }

    /// Pushes one word per column, so that a fragment finds the only run of most columns in a single
    /// read: the run as `top | bottom << 15`, 0 for no run, or `SEVERAL_RUNS` + the index of a word that
    /// holds the number of runs and is followed by them.
    fn push_columns(&mut self, columns: &Columns) {
        let at = self.runs.len();
        let (left, right) = (columns.x, columns.x + columns.width());
        self.masks.push(MaskBox {
            left,
            top: columns.top,
            right,
            bottom: columns.bottom,
            columns: at as u32,
        });
        self.runs.resize(at + columns.width() as usize, 0);
        let word_of = |&[top, bottom]: &[u16; 2]| u32::from(top) | u32::from(bottom) << SIDE_BITS;
        for column in 0..columns.width() {
            let word = match columns.runs_of(columns.x + column) {
                [] => 0,
                [run] => word_of(run),
                several => {
                    let pointer = SEVERAL_RUNS | self.runs.len() as u32;
                    self.runs.push(several.len() as u32);
                    self.runs.extend(several.iter().map(word_of));
                    pointer
                }
            };
            self.runs[at + column as usize] = word;
        }
    }

    fn push_outline(&mut self, segments: &[Segment], index: usize) -> std::ops::Range<u32> {
        let (from, first) = (self.chunks.len() as u32, self.segments.len() as u32);
        let verticals: Vec<&Segment> = segments.iter().filter(|segment| segment.vertical).collect();
        self.segments.extend(segments.iter().map(|&segment| {
            let at = u32::from(segment.x) | u32::from(segment.y) << 16;
            let joins = if segment.vertical { 0 } else { joins_of(segment, &verticals) };
            [at, u32::from(segment.length) | u32::from(segment.vertical) << 16 | joins << 17]
        }));
        for begin in (0..segments.len() as u32).step_by(CHUNK as usize) {
            let count = CHUNK.min(segments.len() as u32 - begin);
            self.chunks.push(SegmentChunk { mask: index as u32, first: first + begin, count });
        }
        from..self.chunks.len() as u32
    }

    fn push_box(&mut self, rect: &Rect, index: usize) {
        let top_left = [rect.x1 as f32, rect.y1 as f32];
        let bottom_right = [rect.x2 as f32, rect.y2 as f32];
        self.boxes.push(BoxData { top_left, bottom_right, mask: index as u32, padding: 0 });
    }
}

/// Returns the vertical segments that join a horizontal one, 7 bits each: on the left, then on the right.
///
/// The vertical segments are in order of x, then y, and each end of a segment joins exactly one segment of
/// the other direction.
fn joins_of(Segment { x, y, length, .. }: Segment, verticals: &[&Segment]) -> u32 {
    let join = |x: u16| {
        let at = verticals.partition_point(|vertical| (vertical.x, vertical.y + vertical.length) < (x, y));
        verticals.get(at).filter(|vertical| vertical.x == x).map_or(0, |vertical| {
            let is_above = vertical.y != y;
            u32::from(vertical.length).min(MAX_JOIN) | if is_above { JOINS_ABOVE } else { 0 }
        })
    };
    join(x) | join(x + length) << 7
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;
    use crate::render::Overlay;
    use crate::rle::Mask;

    #[test]
    fn columns_point_to_their_runs() {
        let size = Size::new(3, 4);
        let mut scene = Scene::new(size).unwrap();
        for boundaries in [vec![1, 3], vec![5, 6, 7, 9]] {
            let masks = vec![Mask::from_boundaries(size, boundaries).unwrap()];
            scene.push(Overlay { masks, ..Overlay::default() }).unwrap();
        }
        let data = SceneData::new(&scene);
        let second = data.masks[1];
        assert_eq!((second.left, second.top, second.right, second.bottom), (1, 0, 3, 4));
        let run = |top: u32, bottom: u32| top | bottom << 15;
        let at = second.columns;
        assert_eq!(data.runs[at as usize..], [SEVERAL_RUNS | (at + 2), run(0, 1), 2, run(1, 2), run(3, 4)]);
    }

    #[test]
    fn horizontal_segments_know_the_vertical_ones_they_join() {
        // Column 0 has rows 70 to 100, column 1 rows 0 to 100: the upper left edge joins 70 rows above.
        let size = Size::new(2, 100);
        let mut scene = Scene::new(size).unwrap();
        let masks = vec![Mask::from_boundaries(size, vec![70, 200]).unwrap()];
        scene.push(Overlay { masks, ..Overlay::default() }).unwrap();
        let data = SceneData::new(&scene);
        let joins = |x: u32, y: u32| {
            let found =
                data.segments.iter().find(|&&[at, word]| at == x | y << 16 && word & 0x1_0000 == 0).unwrap();
            [found[1] >> 17 & 0x7f, found[1] >> 24]
        };
        assert_eq!(joins(0, 70), [30, JOINS_ABOVE | MAX_JOIN]);
        assert_eq!(joins(1, 0), [MAX_JOIN, MAX_JOIN]);
        assert_eq!(joins(0, 100), [JOINS_ABOVE | 0x1e, JOINS_ABOVE | MAX_JOIN]);
    }

    #[test]
    fn each_segment_is_in_one_chunk() {
        // 100 single pixels, 4 segments each: 7 chunks.
        let size = Size::new(1, 200);
        let mut scene = Scene::new(size).unwrap();
        let mask = Mask::from_boundaries(size, (0..200).collect()).unwrap();
        scene.push(Overlay { masks: vec![mask], ..Overlay::default() }).unwrap();
        let data = SceneData::new(&scene);
        assert_eq!((data.segments.len(), data.chunks.len()), (400, 7));
        assert_eq!(data.ranges[0].outline, 0..7);
        assert_eq!(data.chunks.iter().map(|chunk| chunk.count).sum::<u32>(), 400);
    }
}
