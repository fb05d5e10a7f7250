//! Masks of an annotation file with their images and entities, as the commands of linking need them.

use std::fs::File;
use std::path::Path;

use anyhow::Context as _;

use crate::dataset::{Annotation, Category, Dataset, ReadLimits};
use crate::rle::Mask;

/// One annotation with a mask, an image file and a category.
pub(super) struct Record<'a> {
    /// The annotation itself.
    pub(super) annotation: &'a Annotation,
    /// The image's file, relative to the folder of images and never outside it.
    pub(super) file: &'a str,
    /// The entity or COCO category.
    pub(super) category: Category,
    /// The union of its masks, not empty.
    pub(super) mask: Mask,
}

/// Reads an annotation file; faults of its records are findings in it.
pub(super) fn read(path: &Path) -> anyhow::Result<Dataset> {
    let described = || path.display().to_string();
    Dataset::read_from(File::open(path).with_context(described)?, &ReadLimits::default())
        .with_context(described)
}

/// The usable annotations of these splits (of all, where none is named), and how many others there are.
pub(super) fn records<'a>(
    dataset: &'a Dataset,
    splits: &[String],
) -> anyhow::Result<(Vec<Record<'a>>, usize)> {
    let (mut records, mut unusable) = (Vec::new(), 0);
    for annotation in dataset.annotations() {
        if !splits.is_empty() && !splits.iter().any(|split| split == annotation.split_name()) {
            continue;
        }
        let file = dataset.image_of(annotation).and_then(|image| image.file.as_deref());
        let (Some(file), false, true) = (file, annotation.category.is_empty(), annotation.mask_area > 0)
        else {
            unusable += 1;
            continue;
        };
        // A category the file does not list is named by its id.
        let unlisted = || Category {
            id: annotation.category.clone(),
            name: annotation.category.clone(),
            ..Category::default()
        };
        let category = dataset.category_of(annotation).cloned().unwrap_or_else(unlisted);
        records.push(Record { annotation, file, category, mask: annotation.mask()? });
    }
    Ok((records, unusable))
}
