//! Checks that the WGSL is valid and that its structs have the memory layout of the Rust structs.

use naga::valid::{Capabilities, ValidationFlags, Validator};

use super::order::{MAX_OVERLAYS, NONE, ORDERS};
use super::pack::{
    BoxData, INSTANCES_PER_BOX, JOINS_ABOVE, MAX_JOIN, MaskBox, SEVERAL_RUNS, SIDE_BITS, SegmentChunk,
};
use super::upload::FrameUniforms;
use crate::render::style::{PATTERN_GAP_OPACITY, Paint};

const MASKS: &str = include_str!("masks.wgsl");
const IMAGE: &str = include_str!("source_image.wgsl");

fn parse(source: &str) -> naga::Module {
    let module = naga::front::wgsl::parse_str(source).map_err(|error| error.emit_to_string(source)).unwrap();
    let mut validator = Validator::new(ValidationFlags::all(), Capabilities::default());
    validator.validate(&module).map_err(|error| error.emit_to_string(source)).unwrap();
    module
}

/// Returns name and offset of each member of a WGSL struct, and its stride.
fn layout_in(module: &naga::Module, name: &str) -> (Vec<(String, usize)>, usize) {
    let found = module.types.iter().find(|(_, ty)| ty.name.as_deref() == Some(name)).map(|(_, ty)| &ty.inner);
    let Some(naga::TypeInner::Struct { members, span }) = found else { panic!("no struct {name}") };
    (members.iter().map(|m| (m.name.clone().unwrap(), m.offset as usize)).collect(), *span as usize)
}

/// Compares the named members of a Rust struct with those of a WGSL struct; WGSL has no `padding`.
macro_rules! check {
    ($module:expr, $wgsl:literal, $rust:ty, $($member:ident),+) => {{
        let expected = vec![$((stringify!($member).to_owned(), std::mem::offset_of!($rust, $member))),+];
        assert_eq!(layout_in($module, $wgsl), (expected, size_of::<$rust>()), $wgsl);
    }};
}

#[test]
fn masks_shader_structs_match_rust() {
    let module = &parse(MASKS);
    check!(module, "Paint", Paint, fill, line, casing, sizes);
    check!(module, "MaskBox", MaskBox, left, top, right, bottom, columns);
    check!(module, "SegmentChunk", SegmentChunk, mask, first, count);
    check!(module, "BoxData", BoxData, top_left, bottom_right, mask);
}

#[test]
fn frame_uniforms_match_in_both_shaders() {
    for source in [MASKS, IMAGE] {
        let module = &parse(source);
        check!(
            module,
            "Frame",
            FrameUniforms,
            canvas,
            anchor_in_image,
            anchor_in_canvas,
            image,
            pattern_shift,
            pattern_period,
            scale,
            raised
        );
    }
}

/// Chromium's compiler rejects a shift beside `&` without parentheses, which naga accepts.
#[test]
fn shift_beside_and_has_parentheses() {
    for source in [MASKS, IMAGE] {
        let words: Vec<&str> = source.split_whitespace().collect();
        let bare = words
            .windows(3)
            .find(|at| (at[0] == ">>" || at[0] == "<<") && at[2] == "&" && !at[1].ends_with(')'));
        assert_eq!(bare, None);
    }
}

#[test]
fn wgsl_constants_equal_rust_constants() {
    use crate::render::source_image::{MAX_TAPS, NEAREST_FROM_SCALE};
    use crate::render::view::MAX_POSITION;
    let has = |source: &str, text: &str| assert!(source.contains(text), "{text}");
    has(MASKS, &format!("const GAP_OPACITY = {PATTERN_GAP_OPACITY:?};"));
    has(MASKS, &format!("const MAX_POSITION = {MAX_POSITION:e};"));
    has(MASKS, &format!("const SIDE_BITS = {SIDE_BITS}u;"));
    has(MASKS, &format!("const SIDE = {:#x}u;", (1 << SIDE_BITS) - 1));
    has(MASKS, &format!("const SEVERAL_RUNS = {SEVERAL_RUNS:#x}u;"));
    has(MASKS, &format!("const MAX_JOIN = {MAX_JOIN:#x}u;"));
    has(MASKS, &format!("const JOINS_ABOVE = {JOINS_ABOVE:#x}u;"));
    has(MASKS, &format!("const NONE = {NONE:#x}u;"));
    has(MASKS, &format!("const RAISE = {:#x}u;", MAX_OVERLAYS * 2));
    has(MASKS, &format!("const ORDERS = {ORDERS}.0;"));
    has(MASKS, &format!("boxes[instance / {INSTANCES_PER_BOX}u]"));
    has(IMAGE, &format!("const NEAREST_FROM_SCALE = {NEAREST_FROM_SCALE:?};"));
    has(IMAGE, &format!("const MAX_TAPS = {MAX_TAPS}.0;"));
}
