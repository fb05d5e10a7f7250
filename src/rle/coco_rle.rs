//! COCO's compressed run-length encoding in JSON: `{"size": [height, width], "counts": "…"}`.

use serde::{Deserialize, Serialize};

use super::{Error, Mask};
use crate::geometry::Size;

/// A mask in COCO's compressed form, as pycocotools writes it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(target_arch = "wasm32", derive(tsify::Tsify))]
pub struct CocoRle {
    /// Height and width in pixels, in this order.
    #[cfg_attr(feature = "openapi", schema(min_items = 2, max_items = 2))]
    pub size: [u32; 2],
    /// COCO's compressed run lengths, column-major.
    pub counts: String,
}

impl CocoRle {
    /// Returns the stated size.
    pub fn mask_size(&self) -> Size {
        let [height, width] = self.size;
        Size::new(width, height)
    }
}

impl From<&Mask> for CocoRle {
    fn from(mask: &Mask) -> Self {
        let Size { width, height } = mask.size();
        Self { size: [height, width], counts: mask.to_compressed() }
    }
}

impl TryFrom<&CocoRle> for Mask {
    type Error = Error;

    fn try_from(rle: &CocoRle) -> Result<Self, Error> {
        Self::from_compressed(rle.mask_size(), &rle.counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_is_height_then_width() {
        let rle: CocoRle = serde_json::from_str(r#"{"size":[2,3],"counts":"06"}"#).unwrap();
        let mask = Mask::try_from(&rle).unwrap();
        assert_eq!((mask.size(), mask.area()), (Size::new(3, 2), 6));
        assert_eq!(CocoRle::from(&mask), rle);
    }

    #[test]
    fn counts_of_another_size_are_an_error() {
        let rle = CocoRle { size: [2, 4], counts: "06".to_owned() };
        assert!(matches!(Mask::try_from(&rle), Err(Error::Coverage { actual: 6, expected: 8, .. })));
    }
}
