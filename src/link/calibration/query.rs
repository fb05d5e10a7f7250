//! One held-out mask that a calibration is fitted to.

/// The search results of a mask whose entity is known.
pub(super) struct HeldOutQuery {
    /// Cosines of the nearest candidates, in falling order.
    pub(super) cosines: Vec<f32>,
    /// Place of the right candidate; `None` where it is not among the candidates.
    pub(super) right: Option<usize>,
    /// Whether its entity is in the index, among the candidates or not.
    pub(super) in_index: bool,
}
