//! The records that annotations refer to: images and categories.

use std::borrow::Cow;

use crate::dataset::audit::Finding;
use crate::dataset::file_name::NamedPath;
use crate::geometry::Size;

/// An image of the file, or a placeholder for one that the file does not list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImageRecord {
    /// The id as a string, whether published as a string or as a number.
    pub id: String,
    /// Relative path with forward slashes, no leading slash and no `..`; `None` when the record has
    /// no such path.
    pub file: Option<String>,
    /// Width and height; when the record has none, those of the image's first mask.
    pub size: Option<Size>,
    /// The first http(s) URL of `coco_url`, `url` and `flickr_url`, else `file_name` if it is one.
    pub url: Option<String>,
    /// Problems of the record.
    pub findings: Vec<Finding>,
}

/// A Wikipedia entity, with a Wikidata QID as its id, or a COCO category.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Category {
    /// A QID such as `"Q388450"`, or a number as a string.
    pub id: String,
    /// The name; the id when the record has none.
    pub name: String,
    /// The description, usually one sentence.
    pub description: Option<String>,
    /// The http(s) URL of a small image.
    pub thumbnail: Option<String>,
    /// Problems of the record.
    pub findings: Vec<Finding>,
}

impl ImageRecord {
    /// Returns the relative path by which the image is looked for among files: `file`, or that of the URL.
    pub fn path(&self) -> Option<Cow<'_, str>> {
        if let Some(file) = &self.file {
            return Some(Cow::Borrowed(file));
        }
        let path = NamedPath::read(self.url.as_deref()?).path;
        (!path.is_empty()).then_some(Cow::Owned(path))
    }

    /// Estimates the bytes of memory it takes as an element of a growing `Vec`.
    pub(crate) fn memory_bytes(&self) -> u64 {
        let texts: usize = [&self.file, &self.url].into_iter().flatten().map(String::len).sum();
        (2 * size_of::<Self>() + self.id.len() + texts + Finding::memory_bytes(&self.findings)) as u64
    }
}

impl Category {
    /// Estimates the bytes of memory it takes as an element of a growing `Vec`.
    pub(crate) fn memory_bytes(&self) -> u64 {
        let texts = self.id.len() + self.text_bytes();
        (2 * size_of::<Self>() + texts + Finding::memory_bytes(&self.findings)) as u64
    }

    /// Returns the number of bytes of its strings except the id.
    pub(crate) fn text_bytes(&self) -> usize {
        let optional: usize =
            [&self.description, &self.thumbnail].into_iter().flatten().map(String::len).sum();
        self.name.len() + optional
    }

    /// Returns whether the id is a Wikidata [QID](is_qid).
    pub fn is_entity(&self) -> bool {
        is_qid(&self.id)
    }
}

/// Returns whether a text is a Wikidata QID: `Q` and a positive number without leading zeros.
pub fn is_qid(text: &str) -> bool {
    text.strip_prefix('Q').is_some_and(|digits| {
        !digits.is_empty() && !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}
