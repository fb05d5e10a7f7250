// Products of rows of 16-bit numbers with four queries, the best row of each block, rows above a floor.

// Rows of a block, which one workgroup reads.
const BLOCK: u32 = 256;
// Threads that share a row.
const LANES: u32 = 8;
// Rows that a workgroup reads at a time.
const STEP: u32 = 32;
// Maximum number of rows that are listed of one query.
const CAPACITY: u32 = 4096;

struct Params {
    // Rows of the part.
    rows: u32,
    // Groups of eight numbers a row.
    groups: u32,
    // Workgroups of a line of the dispatch.
    width: u32,
    // Number of the part's first row.
    first: u32,
    // Product from which on a row of each query is listed.
    floors: vec4<f32>,
}

struct Best {
    products: vec4<f32>,
    rows: vec4<u32>,
}

struct Listed {
    counts: array<atomic<u32>, 4>,
    rows: array<u32>,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> vectors: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> queries: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> products: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> best: array<Best>;
@group(0) @binding(5) var<storage, read_write> listed: Listed;

var<workgroup> lane_sums: array<vec4<f32>, BLOCK>;
var<workgroup> block_products: array<vec4<f32>, BLOCK>;
var<workgroup> block_rows: array<vec4<u32>, BLOCK>;

@compute @workgroup_size(256)
fn multiply(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let block = group.y * params.width + group.x;
    let lane = thread % LANES;
    for (var offset = 0u; offset < BLOCK; offset += STEP) {
        let row = block * BLOCK + offset + thread / LANES;
        var sums = vec4<f32>(0.0);
        if row < params.rows {
            for (var at = lane; at < params.groups; at += LANES) {
                var numbers = vectors[row * params.groups + at];
                for (var pair = 0u; pair < 4u; pair++) {
                    let two = unpack2x16float(numbers[pair]);
                    let query = 8u * at + 2u * pair;
                    sums += two.x * queries[query] + two.y * queries[query + 1u];
                }
            }
        }
        lane_sums[thread] = sums;
        workgroupBarrier();
        if lane == 0u {
            var total = vec4<f32>(0.0);
            for (var other = 0u; other < LANES; other++) {
                total += lane_sums[thread + other];
            }
            let here = offset + thread / LANES;
            let is_row = row < params.rows;
            block_products[here] = select(vec4<f32>(-2.0), total, is_row);
            block_rows[here] = vec4<u32>(params.first + row);
            if is_row {
                products[row] = total;
            }
        }
        workgroupBarrier();
    }
    for (var span = BLOCK / 2u; span > 0u; span /= 2u) {
        if thread < span {
            let other = block_products[thread + span];
            let is_better = other > block_products[thread];
            block_rows[thread] = select(block_rows[thread], block_rows[thread + span], is_better);
            block_products[thread] = select(block_products[thread], other, is_better);
        }
        workgroupBarrier();
    }
    if thread == 0u && block * BLOCK < params.rows {
        best[block] = Best(block_products[0], block_rows[0]);
    }
}

@compute @workgroup_size(256)
fn list(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let row = (group.y * params.width + group.x) * BLOCK + thread;
    if row >= params.rows {
        return;
    }
    var found = products[row];
    for (var query = 0u; query < 4u; query++) {
        if found[query] >= params.floors[query] {
            let at = atomicAdd(&listed.counts[query], 1u);
            if at < CAPACITY {
                listed.rows[query * CAPACITY + at] = params.first + row;
            }
        }
    }
}
