//! The outline of the object under a resting pointer, before it is clicked.

use crate::rle::Mask;
use crate::segment::Ticket;

/// The outline shown, and the run of the model that is awaited for another.
#[derive(Clone, Debug, Default)]
pub(in crate::app) struct Preview {
    /// The ticket of the run.
    pub(super) awaited: Option<Ticket>,
    /// The mask, and its outline as SVG path data in pixels of the image.
    pub(super) shown: Option<(Mask, String)>,
}

impl Preview {
    /// Returns the outline as SVG path data in pixels of the image.
    pub(in crate::app) fn path(&self) -> Option<&str> {
        self.shown.as_ref().map(|(_, path)| path.as_str())
    }

    /// Returns whether a point of the image is within the outline.
    pub(super) fn contains(&self, [x, y]: [f64; 2]) -> bool {
        let (x, y) = (x.max(0.0) as u32, y.max(0.0) as u32);
        self.shown.as_ref().is_some_and(|(mask, _)| mask.contains(x, y))
    }
}
