//! Queries in the order in which kernels read them, as floats or as whole numbers.

/// Rows and queries are padded with zeros to a multiple of this many numbers.
pub(super) const LANES: usize = 8;
/// Queries of a tile, which are multiplied with each group of numbers that is read.
pub(super) const TILE: usize = 3;

/// Added and subtracted, it leaves the nearest whole number: floats near it are 1 apart.
const TO_WHOLE: f32 = (3 << 22) as f32;

/// Queries, padded, those of a tile in turns.
pub(in crate::link::search) struct Packed {
    pub(super) dimensions: usize,
    pub(super) stride: usize,
    pub(super) values: Vec<f32>,
}

/// Queries as whole numbers times a scale, padded, those of a tile in turns.
pub(in crate::link::search) struct PackedIntegers {
    pub(super) stride: usize,
    pub(super) values: Vec<i16>,
    /// Scale of each query.
    pub(in crate::link::search) scales: Vec<f32>,
    /// Maximum amount by which rounding moves the product of each query with a vector of length 1: the
    /// query's own, and that of sums of 32-bit floats.
    pub(in crate::link::search) errors: Vec<f32>,
}

impl Packed {
    /// Packs queries of `dimensions` numbers each.
    pub(in crate::link::search) fn new<'a>(
        dimensions: usize,
        queries: impl IntoIterator<Item = &'a [f32]>,
    ) -> Self {
        let stride = dimensions.next_multiple_of(LANES);
        let mut padded = Vec::new();
        for query in queries {
            let start = padded.len();
            padded.extend_from_slice(query);
            padded.resize(start + stride, 0.0);
        }
        Self { dimensions, stride, values: in_turns(&padded, stride, LANES) }
    }
}

impl PackedIntegers {
    /// Returns the padded length of `dimensions` whole numbers.
    pub(in crate::link::search) const fn stride(dimensions: usize) -> usize {
        dimensions.next_multiple_of(2 * LANES)
    }

    /// Rounds and packs queries of `dimensions` numbers each.
    pub(in crate::link::search) fn new<'a>(
        dimensions: usize,
        queries: impl IntoIterator<Item = &'a [f32]>,
    ) -> Self {
        let stride = Self::stride(dimensions);
        let (mut padded, mut scales, mut errors) = (Vec::new(), Vec::new(), Vec::new());
        // Products of the largest whole numbers fit 32 bits.
        let largest = (i32::MAX as usize / 128 / stride).min(8_191) as f32;
        for query in queries {
            let start = padded.len();
            padded.resize(start + stride, 0);
            let (scale, error) = round(query, largest, |at, whole| padded[start + at] = whole as i16);
            scales.push(scale);
            let rounding = (stride / LANES + 8) as f32 * f32::EPSILON;
            errors.push(error + rounding);
        }
        Self { stride, values: in_turns(&padded, stride, 2 * LANES), scales, errors }
    }
}

/// Reorders rows of `stride` numbers so that in each tile a group of `lanes` numbers of one row is followed
/// by the same group of the next.
fn in_turns<T: Copy>(rows: &[T], stride: usize, lanes: usize) -> Vec<T> {
    let mut turned = Vec::with_capacity(rows.len());
    for tile in rows.chunks(TILE * stride) {
        for start in (0..stride).step_by(lanes) {
            tile.chunks_exact(stride).for_each(|row| turned.extend_from_slice(&row[start..start + lanes]));
        }
    }
    turned
}

/// Reverses [`in_turns`].
pub(super) fn in_rows<T: Copy>(turned: &[T], stride: usize, lanes: usize) -> Vec<T> {
    let mut rows = Vec::with_capacity(turned.len());
    for tile in turned.chunks(TILE * stride) {
        let count = tile.len() / stride;
        for row in 0..count {
            tile.chunks_exact(lanes).skip(row).step_by(count).for_each(|group| rows.extend_from_slice(group));
        }
    }
    rows
}

/// Rounds a vector to whole numbers of at most `largest`, which `put` gets with their positions.
///
/// Returns their scale and an upper bound of the length of the difference.
pub(in crate::link::search) fn round(
    vector: &[f32],
    largest: f32,
    mut put: impl FnMut(usize, f32),
) -> (f32, f32) {
    let highest = vector.iter().fold(0.0_f32, |highest, value| highest.max(value.abs()));
    if highest <= 0.0 {
        return (0.0, 0.0);
    }
    let (scale, inverse) = (highest / largest, largest / highest);
    let mut squares = 0.0;
    for (at, value) in vector.iter().enumerate() {
        let whole = (value * inverse + TO_WHOLE) - TO_WHOLE;
        put(at, whole);
        let difference = value - whole * scale;
        squares += f64::from(difference * difference);
    }
    (scale, squares.sqrt() as f32 * 1.001)
}
