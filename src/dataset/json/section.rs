//! The sections of a file that hold records.

use memchr::memmem;

use super::completed::names_of;

/// A section of the file that holds records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// The list `images`, or the object `image`.
    Images,
    /// The list `categories`.
    Categories,
    /// The list `annotations`, the list that is the whole file, or its lines.
    Annotations,
}

/// Returns the section that a further record of JSON lines belongs to: lines that are no record of another
/// section are annotations, and tell what they lack. Categories of Mask-OVEN-Wiki have a name and no
/// `supercategory`, which is too little to recognise a file by.
pub(super) fn section_of_further_line(json: &[u8]) -> Section {
    let has = |key: &[u8]| memmem::find(json, key).is_some();
    let is_category = || has(b"\"id\"") && has(b"\"name\"") && !has(b"\"bbox\"");
    section_of_line(json).unwrap_or(if is_category() { Section::Categories } else { Section::Annotations })
}

/// Returns the section that a record of JSON lines belongs to; `None` if it is no record.
pub(super) fn section_of_line(json: &[u8]) -> Option<Section> {
    let has = |key: &[u8]| memmem::find(json, key).is_some();
    if has(b"\"segmentation\"") || has(b"\"image_id\"") {
        Some(Section::Annotations)
    } else if has(b"\"file_name\"") {
        Some(Section::Images)
    } else if has(b"\"supercategory\"") {
        Some(Section::Categories)
    } else {
        is_image_without_file(json).then_some(Section::Images)
    }
}

/// Returns whether a record is an image that has an address or a size in place of a file name.
fn is_image_without_file(json: &[u8]) -> bool {
    let Some(names) = names_of(json) else { return false };
    let has = |name: &str| names.contains(name);
    let is_placed = has("coco_url") || has("url") || has("flickr_url") || (has("width") && has("height"));
    has("id") && is_placed && !has("name") && !has("bbox")
}
