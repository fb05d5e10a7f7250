// Draws fills from run boundaries, and outlines and boxes as lines of whole device pixels. Twin of
// cpu.rs, line.rs and view.rs.

struct Frame {
    // Width and height of the canvas in device pixels.
    canvas: vec2<u32>,
    // A pixel of the image near the canvas's top-left corner, and the position of its corner in the canvas.
    anchor_in_image: vec2<i32>,
    anchor_in_canvas: vec2<f32>,
    // Size of the image's space.
    image: vec2<f32>,
    // See style.rs, PatternGrid.
    pattern_shift: vec2<u32>,
    pattern_period: u32,
    // Device pixels per pixel of the image.
    scale: f32,
    // The hovered and the selected mask, or NONE.
    raised: vec2<u32>,
}

// See style.rs.
struct Paint {
    fill: u32,
    line: u32,
    casing: u32,
    sizes: u32,
}

// Bounding box of a mask in pixels of the image, and the index of its first column in `runs`.
struct MaskBox {
    left: u32,
    top: u32,
    right: u32,
    bottom: u32,
    columns: u32,
}

// Up to 64 consecutive outline segments of one mask.
struct SegmentChunk {
    mask: u32,
    first: u32,
    count: u32,
}

// A box of an overlay in image space.
struct BoxData {
    top_left: vec2<f32>,
    bottom_right: vec2<f32>,
    mask: u32,
}

@group(0) @binding(0) var<uniform> frame: Frame;
@group(0) @binding(1) var<storage, read> paints: array<Paint>;
@group(0) @binding(2) var<storage, read> masks: array<MaskBox>;
// One word per column of each mask: its only run, or the index of its runs. See pack.rs.
@group(0) @binding(3) var<storage, read> runs: array<u32>;
// x | y << 16, length | vertical << 16 | joins of a horizontal one << 17 and << 24; see pack.rs.
@group(0) @binding(4) var<storage, read> segments: array<vec2<u32>>;
@group(0) @binding(5) var<storage, read> chunks: array<SegmentChunk>;
@group(0) @binding(6) var<storage, read> boxes: array<BoxData>;

const NOWHERE = vec4<f32>(2.0, 2.0, 0.0, 1.0);
const MAX_POSITION = 1e6;
const GAP_OPACITY = 0.3;
// A run is top | bottom << SIDE_BITS; a word with the bit SEVERAL_RUNS points to several.
const SIDE_BITS = 15u;
const SIDE = 0x7fffu;
const SEVERAL_RUNS = 0x80000000u;
// A join is the length of the vertical segment, or this where it is longer, and whether it is above.
const MAX_JOIN = 0x3fu;
const JOINS_ABOVE = 0x40u;
const NONE = 0xffffffffu;
// Added to the order of the hovered mask's outline, and twice to that of the selected one.
const RAISE = 0x400000u;
// Depths are orders divided by this, so that 32-bit floats hold them exactly.
const ORDERS = 16777216.0;

struct Fill {
    @builtin(position) position: vec4<f32>,
    // Equal for the whole mask, so that a fragment reads only the runs: its first column, its last
    // column counted from the first, the index of its first column in `runs`, and its pattern.
    @location(0) @interpolate(flat, either) columns: vec4<u32>,
    // Premultiplied colour on the strokes of the pattern.
    @location(1) @interpolate(flat, either) color: vec4<f32>,
}

struct Outline {
    @builtin(position) position: vec4<f32>,
    // Device pixels [left, top, right, bottom) of the core.
    @location(0) @interpolate(flat, either) core: vec4<i32>,
    // Colour of the casing, colour of the core, order of the casing.
    @location(1) @interpolate(flat, either) strokes: vec3<u32>,
}

struct OrderedColor {
    @location(0) color: vec4<f32>,
    @builtin(frag_depth) depth: f32,
}

struct Line {
    @builtin(position) position: vec4<f32>,
    @location(0) @interpolate(flat, either) color: u32,
}

@vertex
fn vs_fill(@builtin(vertex_index) corner: u32, @builtin(instance_index) mask: u32) -> Fill {
    let extent = masks[mask];
    let paint = paints[mask];
    let columns = vec4(extent.left, extent.right - 1u - extent.left, extent.columns, paint.sizes & 0xffu);
    let color = unpack4x8unorm(paint.fill);
    if color.a == 0.0 || extent.left == extent.right {
        return Fill(NOWHERE, columns, color);
    }
    let top_left = edge_in_canvas(vec2<i32>(vec2(extent.left, extent.top)));
    let bottom_right = edge_in_canvas(vec2<i32>(vec2(extent.right, extent.bottom)));
    let premultiplied = vec4(color.rgb * color.a, color.a);
    return Fill(corner_of(vec4(top_left, bottom_right), corner), columns, premultiplied);
}

@fragment
fn fs_fill(in: Fill) -> @location(0) vec4<f32> {
    if !covers(in) {
        discard;
    }
    return in.color;
}

// Separate from the plain fill, because software rasterisers compute a branch even where it is not
// taken, and this one divides integers.
@fragment
fn fs_patterned_fill(in: Fill) -> @location(0) vec4<f32> {
    if !covers(in) {
        discard;
    }
    let gap = !on_stroke(in.columns.w, vec2<u32>(in.position.xy));
    return select(in.color, in.color * GAP_OPACITY, gap);
}

fn covers(in: Fill) -> bool {
    let pixel = pixel_in_image(in.position.xy);
    // Rounding may give the column beside the box; the nearest one inside is as good.
    let column = u32(clamp(pixel.x - i32(in.columns.x), 0, i32(in.columns.y)));
    let word = runs[in.columns.z + column];
    var run = word;
    if word >= SEVERAL_RUNS {
        run = run_at(word - SEVERAL_RUNS, pixel.y);
    }
    return pixel.y >= i32(run & SIDE) && pixel.y < i32(run >> SIDE_BITS);
}

// Returns the first run that ends below row `y`, or the last run; their number is at `at`.
fn run_at(at: u32, y: i32) -> u32 {
    var low = at + 1u;
    var high = at + runs[at];
    while low < high {
        let middle = (low + high) / 2u;
        if i32(runs[middle] >> SIDE_BITS) <= y {
            low = middle + 1u;
        } else {
            high = middle;
        }
    }
    return runs[low];
}

// One instance per chunk and one rectangle for both strokes of a segment, because software rasterisers
// spend more on an instance and on a triangle than on the pixels of a short line.
@vertex
fn vs_outline(@builtin(vertex_index) vertex: u32, @builtin(instance_index) instance: u32) -> Outline {
    let chunk = chunks[instance];
    let in_chunk = vertex / 4u;
    let paint = paints[chunk.mask];
    let width = i32((paint.sizes >> 8u) & 0xffu);
    if in_chunk >= chunk.count || width == 0 || paint.line == 0u {
        return Outline(NOWHERE, vec4(0), vec3(0u));
    }
    let segment = segments[chunk.first + in_chunk];
    let start = vec2<i32>(vec2(segment.x & 0xffffu, segment.x >> 16u));
    let length = i32(segment.y & 0xffffu);
    let vertical = (segment.y & 0x10000u) != 0u;
    let end = start + select(vec2(length, 0), vec2(0, length), vertical);
    let between = vec4(edge_in_canvas(start), edge_in_canvas(end));
    // A segment joins one of the other direction at either end. Where it is no longer than a line is wide,
    // their lines cover it: short vertical ones are left out, and short horizontal ones between long
    // vertical ones.
    let short = between.z - between.x + between.w - between.y <= width;
    let between_long = is_long(segment.y >> 17u, start.y, width) && is_long(segment.y >> 24u, start.y, width);
    if short && (vertical || between_long) {
        return Outline(NOWHERE, vec4(0), vec3(0u));
    }
    let core = cover(between, width, 0);
    let casing = cover(between, width, casing_width(paint));
    let strokes = vec3(paint.casing, paint.line, outline_order(chunk.mask));
    return Outline(corner_of(casing, vertex % 4u), core, strokes);
}

@fragment
fn fs_outline(in: Outline) -> OrderedColor {
    let pixel = vec2<i32>(in.position.xy);
    let in_core = all(pixel >= in.core.xy) && all(pixel < in.core.zw);
    let color = unpack4x8unorm(select(in.strokes.x, in.strokes.y, in_core));
    return OrderedColor(color, f32(in.strokes.z + select(0u, 1u, in_core)) / ORDERS);
}

// Returns whether the vertical segment that joins a horizontal one at row `y` is certainly longer than a
// line is wide.
fn is_long(join: u32, y: i32, width: i32) -> bool {
    let length = i32(join & MAX_JOIN);
    let other = y + select(length, -length, (join & JOINS_ABOVE) != 0u);
    return abs(edge_in_canvas(vec2(0, other)).y - edge_in_canvas(vec2(0, y)).y) > width;
}

// Returns the order of the casing of a mask's outline; the core follows it. A depth test keeps the last of
// the strokes on a pixel, whichever is drawn first.
fn outline_order(mask: u32) -> u32 {
    let order = 2u * mask + 1u;
    let raised = select(order, order + RAISE, mask == frame.raised.x);
    return select(raised, order + 2u * RAISE, mask == frame.raised.y);
}

@vertex
fn vs_box(@builtin(vertex_index) corner: u32, @builtin(instance_index) instance: u32) -> Line {
    // Eight instances per box: four sides of the casing, four of the core.
    let rect = boxes[instance / 8u];
    let a = real_edge_in_canvas(rect.top_left);
    let b = real_edge_in_canvas(rect.bottom_right);
    var side: vec4<i32>;
    switch instance % 4u {
        case 0u: { side = vec4(a.x, a.y, b.x, a.y); }
        case 1u: { side = vec4(a.x, b.y, b.x, b.y); }
        case 2u: { side = vec4(a.x, a.y, a.x, b.y); }
        default: { side = vec4(b.x, a.y, b.x, b.y); }
    }
    let paint = paints[rect.mask];
    return line(side, i32(paint.sizes >> 24u), paint, instance / 4u % 2u, corner);
}

@fragment
fn fs_line(in: Line) -> @location(0) vec4<f32> {
    return unpack4x8unorm(in.color);
}

fn line(between: vec4<i32>, width: i32, paint: Paint, stroke: u32, corner: u32) -> Line {
    let color = select(paint.line, paint.casing, stroke == 0u);
    if color == 0u || width == 0 {
        return Line(NOWHERE, 0u);
    }
    let casing = select(0, casing_width(paint), stroke == 0u);
    return Line(corner_of(cover(between, width, casing), corner), color);
}

// Returns the device pixels of a line that is `casing` wider on each side.
fn cover(between: vec4<i32>, width: i32, casing: i32) -> vec4<i32> {
    return vec4(between.xy - (width + 1) / 2 - casing, between.zw + width / 2 + casing);
}

// Returns the width of the casing on each side of a line.
fn casing_width(paint: Paint) -> i32 {
    return select(i32((paint.sizes >> 16u) & 0xffu), 0, paint.casing == 0u);
}

// Returns a corner of the device pixels [left, top, right, bottom) in clip space, for a triangle strip.
fn corner_of(rect: vec4<i32>, corner: u32) -> vec4<f32> {
    // Clipped a little outside the canvas, so that clip space stays precise for any rectangle.
    let limit = vec2<i32>(frame.canvas) + 8;
    let top_left = clamp(rect.xy, vec2(-8), limit);
    let bottom_right = clamp(rect.zw, vec2(-8), limit);
    let at = vec2<f32>(select(top_left, bottom_right, vec2(corner % 2u == 1u, corner / 2u == 1u)));
    let clip = at / vec2<f32>(frame.canvas) * 2.0 - 1.0;
    return vec4(clip.x, -clip.y, 0.0, 1.0);
}

fn edge_in_canvas(image: vec2<i32>) -> vec2<i32> {
    return snapped(vec2<f32>(image - frame.anchor_in_image));
}

fn real_edge_in_canvas(image: vec2<f32>) -> vec2<i32> {
    return snapped(image - vec2<f32>(frame.anchor_in_image));
}

fn snapped(from_anchor: vec2<f32>) -> vec2<i32> {
    let exact = from_anchor * frame.scale + frame.anchor_in_canvas;
    return vec2<i32>(ceil(clamp(exact, vec2(-MAX_POSITION), vec2(MAX_POSITION)) - 0.5));
}

// Returns the pixel of the image under `canvas`, the middle of a device pixel.
fn pixel_in_image(canvas: vec2<f32>) -> vec2<i32> {
    return vec2<i32>(floor((canvas - frame.anchor_in_canvas) / frame.scale)) + frame.anchor_in_image;
}

fn on_stroke(pattern: u32, canvas: vec2<u32>) -> bool {
    let period = frame.pattern_period;
    let half = period / 2u;
    let at = (canvas + frame.pattern_shift) % vec2(period);
    switch pattern {
        case 1u: { return (at.x + at.y) % period < half; }
        case 2u: { return (at.x + period - at.y) % period < half; }
        case 3u: { return at.y < half; }
        case 4u: { return at.x < half; }
        case 5u: { return (at.x < half) == (at.y < half); }
        case 6u: { return at.x < half && at.y < half; }
        case 7u: { return at.x < half || at.y < half; }
        default: { return true; }
    }
}
