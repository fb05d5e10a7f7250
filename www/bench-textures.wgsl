// Draws a mask from a texture of the image's size, as a quad over the whole image.

@group(0) @binding(0) var mask: texture_2d<f32>;
@group(0) @binding(1) var<uniform> color: vec4<f32>;

@vertex
fn vs_quad(@builtin(vertex_index) corner: u32) -> @builtin(position) vec4<f32> {
    return vec4(vec2<f32>(vec2(corner % 2u, corner / 2u)) * 2.0 - 1.0, 0.0, 1.0);
}

@fragment
fn fs_quad(@builtin(position) position: vec4<f32>) -> @location(0) vec4<f32> {
    let alpha = color.a * textureLoad(mask, vec2<i32>(position.xy), 0).r;
    return vec4(color.rgb * alpha, alpha);
}
