// Draws the image under the masks. Twin of source_image.rs.

struct Frame {
    canvas: vec2<u32>,
    anchor_in_image: vec2<i32>,
    anchor_in_canvas: vec2<f32>,
    image: vec2<f32>,
    pattern_shift: vec2<u32>,
    pattern_period: u32,
    scale: f32,
    raised: vec2<u32>,
}

@group(0) @binding(0) var<uniform> frame: Frame;
@group(0) @binding(1) var image: texture_2d<f32>;
@group(0) @binding(2) var linear: sampler;

const NEAREST_FROM_SCALE = 2.0;
const MAX_TAPS = 8.0;

// One triangle over the whole canvas; pixels outside the image are discarded.
@vertex
fn vs_image(@builtin(vertex_index) corner: u32) -> @builtin(position) vec4<f32> {
    let at = vec2<f32>(vec2(corner % 2u, corner / 2u)) * 4.0 - 1.0;
    return vec4(at, 0.0, 1.0);
}

@fragment
fn fs_image(@builtin(position) position: vec4<f32>) -> @location(0) vec4<f32> {
    let at = (position.xy - frame.anchor_in_canvas) / frame.scale;
    let pixel = vec2<i32>(floor(at)) + frame.anchor_in_image;
    if any(pixel < vec2(0)) || any(pixel >= vec2<i32>(frame.image)) {
        discard;
    }
    let in_image = at + vec2<f32>(frame.anchor_in_image);
    if frame.scale >= NEAREST_FROM_SCALE {
        let size = vec2<i32>(textureDimensions(image));
        let texel = vec2<i32>(floor(in_image * vec2<f32>(size) / frame.image));
        return textureLoad(image, clamp(texel, vec2(0), size - 1), 0);
    }
    let taps = clamp(ceil(0.5 / frame.scale), 1.0, MAX_TAPS);
    var sum = vec4(0.0);
    for (var j = 0.0; j < taps; j += 1.0) {
        for (var i = 0.0; i < taps; i += 1.0) {
            let offset = ((vec2(i, j) + 0.5) / taps - 0.5) / frame.scale;
            sum += textureSampleLevel(image, linear, (in_image + offset) / frame.image, 0.0);
        }
    }
    return sum / (taps * taps);
}
