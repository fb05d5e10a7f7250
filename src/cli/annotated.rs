//! The little of an annotation file that an evaluation needs: pictures' names and objects' masks.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::geometry::Size;
use crate::rle::Mask;

/// One annotated object.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) id: String,
    pub(super) file_name: String,
    rles: Vec<Rle>,
}

#[derive(Debug, Deserialize)]
struct File {
    images: Vec<Image>,
    annotations: Vec<Annotation>,
}

#[derive(Debug, Deserialize)]
struct Image {
    id: serde_json::Value,
    file_name: String,
}

#[derive(Debug, Deserialize)]
struct Annotation {
    id: serde_json::Value,
    image_id: serde_json::Value,
    segmentation: Vec<Rle>,
    data_split: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Rle {
    size: [u32; 2],
    counts: String,
}

/// Reads the objects of a split, at most `limit` of them, spread evenly.
pub(super) fn read(path: &Path, split: Option<&str>, limit: Option<u64>) -> Result<Vec<Object>> {
    let described = || path.display().to_string();
    let file: File = serde_json::from_slice(&std::fs::read(path).with_context(described)?).with_context(described)?;
    let names: HashMap<String, &str> =
        file.images.iter().map(|image| (image.id.to_string(), image.file_name.as_str())).collect();
    let mut objects = Vec::new();
    for annotation in file.annotations {
        if split.is_some_and(|split| annotation.data_split.as_deref() != Some(split)) {
            continue;
        }
        let image = annotation.image_id.to_string();
        let file_name = names.get(&image).with_context(|| format!("annotation {}: no image {image}", annotation.id))?;
        objects.push(Object {
            id: annotation.id.to_string(),
            file_name: (*file_name).to_owned(),
            rles: annotation.segmentation,
        });
    }
    let (total, wanted) = (objects.len() as u64, limit.unwrap_or(u64::MAX));
    if wanted < total {
        let mut at = 0;
        objects.retain(|_| {
            let keep = at * wanted / total != (at + 1) * wanted / total;
            at += 1;
            keep
        });
    }
    Ok(objects)
}

impl Object {
    /// The object's mask, all its parts together, which must have the picture's size.
    pub(super) fn mask(&self, picture: Size) -> Result<Mask> {
        let mut whole = Mask::empty(picture)?;
        for rle in &self.rles {
            let size = Size::new(rle.size[1], rle.size[0]);
            ensure!(size == picture, "the mask is of {size}, the picture of {picture}");
            whole = whole.union(&Mask::from_compressed(size, &rle.counts)?)?;
        }
        Ok(whole)
    }
}
