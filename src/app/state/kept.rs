//! A mask that a person keeps on the image, and the form in which it is stored and exported.

use serde::{Deserialize, Serialize};

use crate::geometry::Size;
use crate::rle::{CocoRle, Error, Mask};
use crate::segment::Prompt;

/// Maximum number of kept masks of an image.
pub const MAX_KEPT: usize = 1000;

/// A mask that is kept on the image.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// Its number, from 1; each is used once while an image is open.
    pub id: u32,
    /// As large as the image.
    pub mask: Mask,
    /// Name of the entity, or any label; empty where it has none.
    pub title: String,
    /// The entity, where one was chosen.
    pub qid: Option<String>,
    /// The score of the entity when it was chosen, 0..=1.
    pub entity_score: Option<f32>,
    /// The model's own estimate of the mask's `IoU`, 0..=1; `None` where no model made the mask.
    pub score: Option<f32>,
    /// The points and boxes that the mask comes from.
    pub prompts: Vec<Prompt>,
    /// Whether the mask is not drawn.
    pub is_hidden: bool,
    /// Whether it comes from a mask of which a part is left out.
    pub is_cut: bool,
}

impl Kept {
    /// Creates a mask without a name, a score or clicks.
    pub(super) fn new(id: u32, mask: Mask) -> Self {
        Self {
            id,
            mask,
            title: String::new(),
            qid: None,
            entity_score: None,
            score: None,
            prompts: Vec::new(),
            is_hidden: false,
            is_cut: false,
        }
    }

    /// Returns the title, or the number where there is none.
    pub fn name(&self) -> String {
        if self.title.is_empty() { format!("Mask {}", self.id) } else { self.title.clone() }
    }

    /// Returns whether neither a title nor an entity was chosen.
    pub(super) fn is_nameless(&self) -> bool {
        self.title.is_empty() && self.qid.is_none()
    }
}

/// A kept mask as it is stored, exported and imported.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(tsify::Tsify), tsify(missing_as_null))]
#[serde(rename_all = "camelCase", default)]
pub struct KeptRecord {
    /// Name of the entity, or any label; empty where it has none.
    pub title: String,
    /// The entity, where one was chosen.
    pub qid: Option<String>,
    /// The score of the entity when it was chosen, 0..=1.
    pub entity_score: Option<f32>,
    /// The model's own estimate of the mask's `IoU`, 0..=1.
    pub score: Option<f32>,
    /// The points and boxes that the mask comes from.
    pub prompts: Vec<Prompt>,
    /// Whether the mask is not drawn.
    pub hidden: bool,
    /// Whether it comes from a mask of which a part is left out.
    pub cut: bool,
    /// Height and width, which must be the image's.
    pub size: [u32; 2],
    /// COCO's compressed runs; `None` where the mask comes as rings.
    pub counts: Option<String>,
    /// Rings in image space, x and y of their points in turn; the mask is inside an odd number of them.
    pub rings: Option<Vec<Vec<f64>>>,
}

impl KeptRecord {
    /// Returns the record of a mask, with its runs as `counts`.
    pub fn of(kept: &Kept) -> Self {
        let CocoRle { size, counts } = (&kept.mask).into();
        Self {
            title: kept.title.clone(),
            qid: kept.qid.clone(),
            entity_score: kept.entity_score,
            score: kept.score,
            prompts: kept.prompts.clone(),
            hidden: kept.is_hidden,
            cut: kept.is_cut,
            size,
            counts: Some(counts),
            rings: None,
        }
    }

    /// Returns width and height.
    pub(super) fn mask_size(&self) -> Size {
        let [height, width] = self.size;
        Size::new(width, height)
    }

    /// Decodes the runs, or rasterises the rings.
    pub(super) fn mask(&self) -> Result<Mask, Error> {
        match &self.counts {
            Some(counts) => Mask::from_compressed(self.mask_size(), counts),
            None => Mask::from_rings(self.mask_size(), self.rings.as_deref().unwrap_or_default()),
        }
    }
}
