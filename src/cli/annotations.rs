//! Masks of an annotation file with their pictures and entities, as the commands of linking need them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Deserialize;

use crate::geometry::Size;
use crate::rle::Mask;

/// One usable annotation.
pub(super) struct Record {
    /// The annotation's id.
    pub(super) id: String,
    /// The picture's file name, relative to the folder of pictures.
    pub(super) file: String,
    /// The entity's QID, or the category's id.
    pub(super) entity: String,
    /// The entity's name.
    pub(super) title: String,
    /// The union of its masks.
    pub(super) mask: Mask,
    /// The name of its split, empty where it has none.
    pub(super) split: String,
}

/// Reads an annotation file; what is wrong with a record is said on standard error and the record left out.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<Record>> {
    let text = std::fs::read(path).with_context(|| path.display().to_string())?;
    let file: File = serde_json::from_slice(&text).with_context(|| path.display().to_string())?;
    let images: HashMap<_, _> = file.images.into_iter().map(|image| (image.id, image.file_name)).collect();
    let names: HashMap<_, _> = file.categories.into_iter().map(|category| (category.id, category.name)).collect();
    let mut records = Vec::new();
    for annotation in file.annotations {
        let mut mask: Option<Mask> = None;
        for Rle { size: [height, width], counts } in &annotation.segmentation {
            let part = Mask::from_compressed(Size::new(*width, *height), counts)?;
            mask = Some(match mask {
                Some(mask) => mask.union(&part)?,
                None => part,
            });
        }
        let (Some(mask), Some(image)) = (mask, images.get(&annotation.image_id)) else { continue };
        records.push(Record {
            id: annotation.id,
            file: image.trim_start_matches('/').to_owned(),
            title: names.get(&annotation.category_id).cloned().unwrap_or_default(),
            entity: annotation.category_id,
            mask,
            split: annotation.data_split,
        });
    }
    Ok(records)
}

/// The path of a record's picture inside a folder; `None` where its name leads out of the folder.
pub(super) fn picture_path(folder: &Path, file: &str) -> Option<PathBuf> {
    let plain = Path::new(file).components().all(|part| matches!(part, std::path::Component::Normal(_)));
    plain.then(|| folder.join(file))
}

#[derive(Deserialize)]
struct File {
    images: Vec<Image>,
    categories: Vec<Category>,
    annotations: Vec<Annotation>,
}

#[derive(Deserialize)]
struct Image {
    id: String,
    file_name: String,
}

#[derive(Deserialize)]
struct Category {
    id: String,
    name: String,
}

#[derive(Deserialize)]
struct Annotation {
    id: String,
    image_id: String,
    category_id: String,
    segmentation: Vec<Rle>,
    #[serde(default)]
    data_split: String,
}

#[derive(Deserialize)]
struct Rle {
    size: [u32; 2],
    counts: String,
}
