//! The WGSL is valid and its structs lie in memory as the Rust structs that fill them.

use naga::valid::{Capabilities, ValidationFlags, Validator};

use super::pack::{Box, CHUNK, Chunk, INSTANCES_A_BOX, MANY, MaskBox, SIDE_BITS};
use super::upload::FrameUniforms;
use crate::render::style::{Look, PATTERN_GAP_OPACITY};

const MASKS: &str = include_str!("masks.wgsl");
const IMAGE: &str = include_str!("source_image.wgsl");

fn parse(source: &str) -> naga::Module {
    let module = naga::front::wgsl::parse_str(source).map_err(|error| error.emit_to_string(source)).unwrap();
    let mut validator = Validator::new(ValidationFlags::all(), Capabilities::default());
    validator.validate(&module).map_err(|error| error.emit_to_string(source)).unwrap();
    module
}

/// Name and offset of each member, and the stride, of a struct of the WGSL.
fn layout_in(module: &naga::Module, name: &str) -> (Vec<(String, usize)>, usize) {
    let found = module.types.iter().find(|(_, ty)| ty.name.as_deref() == Some(name)).map(|(_, ty)| &ty.inner);
    let Some(naga::TypeInner::Struct { members, span }) = found else { panic!("no struct {name}") };
    (members.iter().map(|m| (m.name.clone().unwrap(), m.offset as usize)).collect(), *span as usize)
}

/// Compares the named members of a Rust struct with the struct of the WGSL; `padding` is Rust's alone.
macro_rules! check {
    ($module:expr, $wgsl:literal, $rust:ty, $($member:ident),+) => {{
        let expected = vec![$((stringify!($member).to_owned(), std::mem::offset_of!($rust, $member))),+];
        assert_eq!(layout_in($module, $wgsl), (expected, size_of::<$rust>()), $wgsl);
    }};
}

#[test]
fn structs_of_the_masks_shader_match() {
    let module = &parse(MASKS);
    check!(module, "Look", Look, fill, line, casing, sizes);
    check!(module, "MaskBox", MaskBox, left, top, right, bottom, columns);
    check!(module, "Chunk", Chunk, mask, first, count, stroke);
    check!(module, "Box", Box, top_left, bottom_right, mask);
}

#[test]
fn both_shaders_read_the_same_uniforms() {
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
            scale
        );
    }
}

/// Chromium's compiler refuses a shift beside `&` without parentheses, which naga takes.
#[test]
fn a_shift_beside_an_and_is_in_parentheses() {
    for source in [MASKS, IMAGE] {
        let words: Vec<&str> = source.split_whitespace().collect();
        let bare = words
            .windows(3)
            .find(|at| (at[0] == ">>" || at[0] == "<<") && at[2] == "&" && !at[1].ends_with(')'));
        assert_eq!(bare, None);
    }
}

#[test]
fn constants_of_both_languages_are_equal() {
    use crate::render::source_image::{MAX_TAPS, NEAREST_FROM_SCALE};
    use crate::render::view::FARTHEST;
    let has = |source: &str, text: &str| assert!(source.contains(text), "{text}");
    has(MASKS, &format!("const GAP_OPACITY = {PATTERN_GAP_OPACITY:?};"));
    has(MASKS, &format!("const FARTHEST = {FARTHEST:e};"));
    has(MASKS, &format!("const SIDE_BITS = {SIDE_BITS}u;"));
    has(MASKS, &format!("const SIDE = {:#x}u;", (1 << SIDE_BITS) - 1));
    has(MASKS, &format!("const MANY = {MANY:#x}u;"));
    has(MASKS, &format!("chunks[instance / {CHUNK}u]"));
    has(MASKS, &format!("boxes[instance / {INSTANCES_A_BOX}u]"));
    has(IMAGE, &format!("const NEAREST_FROM_SCALE = {NEAREST_FROM_SCALE:?};"));
    has(IMAGE, &format!("const MAX_TAPS = {MAX_TAPS}.0;"));
}
