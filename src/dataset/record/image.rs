//! The records that annotations point to: images and categories.

use crate::dataset::audit::Finding;
use crate::geometry::Size;

/// An image that annotations belong to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImageRecord {
    /// Its id as text, whether published as text or as a number.
    pub id: String,
    /// Relative path with forward slashes, no leading slash and no `..`; `None` where the record
    /// names no such path.
    pub file: Option<String>,
    /// Width and height; where the record has none, those of its first mask.
    pub size: Option<Size>,
    /// An http(s) address of the image (`coco_url`, `url` or `flickr_url`, in this order).
    pub url: Option<String>,
    /// What is wrong with the record.
    pub findings: Vec<Finding>,
}

/// What an annotation shows: a Wikipedia entity (its id a Wikidata QID) or a COCO category.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Category {
    /// A QID such as `"Q388450"`, or a number as text.
    pub id: String,
    /// Its name; the id where the record has none.
    pub name: String,
    /// A sentence about it.
    pub description: Option<String>,
    /// An http(s) address of a small image.
    pub thumbnail: Option<String>,
    /// What is wrong with the record.
    pub findings: Vec<Finding>,
}

impl ImageRecord {
    /// About how many bytes of memory it takes in a list that grows.
    pub(crate) fn memory_bytes(&self) -> u64 {
        let texts: usize = [&self.file, &self.url].into_iter().flatten().map(String::len).sum();
        (2 * size_of::<Self>() + self.id.len() + texts + Finding::memory_bytes(&self.findings)) as u64
    }
}

impl Category {
    /// About how many bytes of memory it takes in a list that grows.
    pub(crate) fn memory_bytes(&self) -> u64 {
        let texts = self.id.len() + self.text_bytes();
        (2 * size_of::<Self>() + texts + Finding::memory_bytes(&self.findings)) as u64
    }

    /// The bytes of its texts but the id.
    pub(crate) fn text_bytes(&self) -> usize {
        let optional: usize =
            [&self.description, &self.thumbnail].into_iter().flatten().map(String::len).sum();
        self.name.len() + optional
    }

    /// Whether the id is a Wikidata QID: `Q` and a positive number without leading zeros.
    pub fn is_entity(&self) -> bool {
        self.id.strip_prefix('Q').is_some_and(|digits| {
            !digits.is_empty() && !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit())
        })
    }
}
