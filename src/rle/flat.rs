//! Several masks as two arrays of integers, as they cross to JavaScript and between threads.

use super::{Error, Mask};
use crate::geometry::Size;

/// The run boundaries of several masks, one after the other.
///
/// Mask `index` has the boundaries `boundaries[offsets[index]..offsets[index + 1]]`, so there is one
/// offset more than there are masks, the first is 0 and the last is the number of boundaries. Each
/// mask's boundaries are those of [`Mask::boundaries`]; the size of a mask is kept beside them.
///
/// ```
/// use masklink::{geometry::Size, rle::{FlatMasks, Mask}};
///
/// let size = Size::new(2, 3);
/// let masks = [Mask::from_boundaries(size, vec![0, 2])?, Mask::empty(size)?];
/// let flat: FlatMasks = masks.iter().collect();
/// assert_eq!((flat.offsets.as_slice(), flat.boundaries.as_slice()), (&[0, 2, 2][..], &[0, 2][..]));
/// assert_eq!(flat.mask(1, size)?, masks[1]);
/// # Ok::<(), masklink::rle::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlatMasks {
    /// Index of each mask's first boundary, and the number of all boundaries at the end.
    pub offsets: Vec<u32>,
    /// Boundaries of all masks, one after the other.
    pub boundaries: Vec<u32>,
}

impl FlatMasks {
    /// Returns the number of masks.
    pub fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Returns `true` if there are no masks.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns mask `index`; fails where the offsets name no boundaries of it, or these are out of order
    /// or outside `size`.
    pub fn mask(&self, index: usize, size: Size) -> Result<Mask, Error> {
        let range = self.offsets.get(index..index + 2).map(|pair| pair[0] as usize..pair[1] as usize);
        let boundaries = range.and_then(|range| self.boundaries.get(range));
        Mask::from_boundaries(size, boundaries.ok_or(Error::Boundary { at: 0 })?.to_vec())
    }
}

impl Default for FlatMasks {
    fn default() -> Self {
        Self { offsets: vec![0], boundaries: Vec::new() }
    }
}

impl<'a> FromIterator<&'a Mask> for FlatMasks {
    fn from_iter<I: IntoIterator<Item = &'a Mask>>(masks: I) -> Self {
        let mut flat = Self::default();
        for mask in masks {
            flat.boundaries.extend(mask.boundaries());
            flat.offsets.push(flat.boundaries.len() as u32);
        }
        flat
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_offsets_and_boundaries_are_errors() {
        let size = Size::new(4, 4);
        for (offsets, boundaries, index) in [
            (vec![], vec![], 0),
            (vec![0], vec![1, 2], 0),
            (vec![0, 2], vec![1, 2], 1),
            (vec![0, 3], vec![1, 2], 0),
            (vec![2, 0], vec![1, 2], 0),
            (vec![0, 2], vec![2, 1], 0),
            (vec![0, 2], vec![1, 17], 0),
        ] {
            let flat = FlatMasks { offsets, boundaries };
            assert!(matches!(flat.mask(index, size), Err(Error::Boundary { .. })), "{flat:?} {index}");
        }
    }
}
