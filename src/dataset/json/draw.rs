//! Draws the polygons of an annotation as one mask, in a frame that holds them.

use crate::dataset::audit::checks::EDGE_SLACK;
use crate::geometry::Size;
use crate::rle::{self, Mask};

/// Crossings that the polygons of one record may have besides those for its bytes.
const RECORD_CROSSINGS: u64 = 1 << 18;
/// Crossings for each byte of a record.
const BYTE_CROSSINGS: u64 = 256;

/// The place of polygons with regard to the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the image.
    Inside,
    /// In the image of swapped width and height, and not in the image.
    InSwapped,
    /// Beyond the image.
    Beyond,
    /// The size of the image is unknown.
    Unknown,
}

/// The number of pixel columns that polygons may cross, so that a short file cannot take long to draw.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DrawBudget {
    crossings: u64,
}

impl Default for DrawBudget {
    fn default() -> Self {
        Self::of_file()
    }
}

impl DrawBudget {
    /// Crossings of a whole file besides those for its bytes: about two seconds.
    const FILE_CROSSINGS: u64 = 1 << 26;
    /// Crossings of a whole file for each of its bytes.
    const FILE_BYTE_CROSSINGS: u64 = 64;

    /// Returns the budget at the beginning of a file.
    pub(crate) fn of_file() -> Self {
        Self { crossings: Self::FILE_CROSSINGS }
    }

    /// Returns the budget of a record that is read on its own.
    pub(super) fn of_record() -> Self {
        Self { crossings: u64::MAX }
    }

    /// Draws polygons from a record of this length.
    pub(super) fn draw(
        &mut self,
        size: Size,
        outlines: &[&[f64]],
        record_bytes: u64,
    ) -> Result<Mask, rle::Error> {
        self.crossings = self.crossings.saturating_add(record_bytes * Self::FILE_BYTE_CROSSINGS);
        let of_record = RECORD_CROSSINGS + record_bytes * BYTE_CROSSINGS;
        let limit = of_record.min(self.crossings).min(rle::MAX_POLYGON_CROSSINGS);
        let (mask, crossings) = Mask::from_polygons_within(size, outlines, limit)?;
        self.crossings -= crossings;
        Ok(mask)
    }
}

/// Returns the frame to draw polygons in, and where they lie: the image if it holds them.
///
/// Polygons beyond the image make the frame larger: the image's size may be wrong, and a mask cut at a
/// wrong edge would have a wrong area.
pub(super) fn frame(outlines: &[&[f64]], image: Option<Size>) -> (Size, Place) {
    let points = || outlines.iter().flat_map(|outline| outline.chunks_exact(2));
    let [right, bottom] = [0, 1].map(|at| points().map(|point| point[at]).fold(0.0, f64::max));
    let holds = |size: Size| {
        right <= f64::from(size.width) + EDGE_SLACK && bottom <= f64::from(size.height) + EDGE_SLACK
    };
    let own = Size::new(right.ceil() as u32, bottom.ceil() as u32);
    match image {
        Some(image) if holds(image) => (image, Place::Inside),
        Some(image) if holds(image.swapped()) => (image.swapped(), Place::InSwapped),
        Some(image) => {
            let frame = Size::new(own.width.max(image.width), own.height.max(image.height));
            (if frame.pixels() <= rle::MAX_PIXELS { frame } else { image }, Place::Beyond)
        }
        None => (own, Place::Unknown),
    }
}
