//! Selects the annotations of a file that linking can use: those with a mask, an image file and a
//! category.

use std::borrow::Cow;
use std::fs::File;
use std::path::Path;

use anyhow::Context as _;

use crate::dataset::{Annotation, Category, Dataset, ImageRecord, ReadLimits};
use crate::rle::Mask;

/// An annotation with a mask, an image file and a category.
pub(super) struct UsableAnnotation<'a> {
    pub(super) annotation: &'a Annotation,
    /// Relative path by which the image is looked for in the image folder.
    pub(super) file: Cow<'a, str>,
    /// The entity or COCO category; without a name of its own if the file does not list it.
    pub(super) category: Category,
    /// The union of the annotation's masks, not empty.
    pub(super) mask: Mask,
}

/// Reads an annotation file. Damaged records become findings of the dataset.
pub(super) fn read(path: &Path) -> anyhow::Result<Dataset> {
    let described = || path.display().to_string();
    Dataset::read_from(File::open(path).with_context(described)?, &ReadLimits::default())
        .with_context(described)
}

/// Returns the usable annotations of these splits (of all splits if the list is empty), and the number
/// of unusable ones.
pub(super) fn usable<'a>(
    dataset: &'a Dataset,
    splits: &[String],
) -> anyhow::Result<(Vec<UsableAnnotation<'a>>, usize)> {
    let (mut usable, mut unusable) = (Vec::new(), 0);
    for annotation in dataset.annotations() {
        if !splits.is_empty() && !splits.iter().any(|split| split == annotation.split_name()) {
            continue;
        }
        let file = dataset.image_of(annotation).and_then(ImageRecord::path);
        let (Some(file), false, true) = (file, annotation.category.is_empty(), annotation.mask_area > 0)
        else {
            unusable += 1;
            continue;
        };
        // An unlisted category gets its id as its name.
        let unlisted = || Category {
            id: annotation.category.clone(),
            name: annotation.category.clone(),
            ..Category::default()
        };
        let category = dataset.category_of(annotation).cloned().unwrap_or_else(unlisted);
        usable.push(UsableAnnotation { annotation, file, category, mask: annotation.mask()? });
    }
    Ok((usable, unusable))
}
