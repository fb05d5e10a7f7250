//! Makes thumbnails of a folder's images for a pack.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use image::codecs::jpeg::JpegEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder as _, ImageReader};
use sha2::{Digest as _, Sha256};

use super::batch::ThumbnailOf;
use super::full_disk::is_full_disk;
use crate::cli::decoded_image::over_white;
use crate::cli::image_folder::ImageFolder;
use crate::dataset::pack::manifest::PackFile;

/// Longest side of a thumbnail, in pixels.
const SIDE: u32 = 256;
/// Quality of the JPEG files: about 12 KB each. The `image` crate writes WebP only without loss.
const QUALITY: u8 = 80;
/// Maximum bytes of a decoded image.
const MAX_IMAGE_BYTES: u64 = 1 << 30;
/// Folder of the thumbnails in a pack.
const FOLDER: &str = "thumbnails";

/// Thumbnails that are made when their image is first asked for, on the thread that asks.
pub(super) struct Thumbnails {
    images: ImageFolder,
    pack: PathBuf,
    /// From each image's path to its thumbnail; `None` where it could not be made.
    made: Mutex<BTreeMap<String, Option<PackFile>>>,
}

impl Thumbnails {
    pub(super) fn new(images: &Path, pack: &Path) -> anyhow::Result<Self> {
        let folder = pack.join(FOLDER);
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        Ok(Self { images: ImageFolder::new(images), pack: pack.to_owned(), made: Mutex::default() })
    }

    /// Returns the lengths and hashes of all thumbnails as JSON lines: too many for the manifest.
    pub(super) fn list(&self) -> serde_json::Result<Vec<u8>> {
        let mut lines = Vec::new();
        for file in self.made.lock().unwrap_or_else(PoisonError::into_inner).values().flatten() {
            serde_json::to_writer(&mut lines, file)?;
            lines.push(b'\n');
        }
        Ok(lines)
    }

    /// Returns the paths of the images that are missing or cannot be decoded.
    pub(super) fn missing(&self) -> Vec<String> {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.iter().filter(|(_, thumbnail)| thumbnail.is_none()).map(|(file, _)| file.clone()).collect()
    }

    fn make(&self, file: &str) -> anyhow::Result<PackFile> {
        let mut decoder = ImageReader::open(self.images.find(file))?.with_guessed_format()?.into_decoder()?;
        anyhow::ensure!(decoder.total_bytes() <= MAX_IMAGE_BYTES, "{file}: the image is too large");
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let mut image = DynamicImage::from_decoder(decoder)?;
        image.apply_orientation(orientation);
        let image = DynamicImage::from(over_white(image)).thumbnail(SIDE, SIDE);
        let mut bytes = Vec::new();
        image.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, QUALITY))?;
        let name = format!("{FOLDER}/{file}.jpg");
        let path = self.pack.join(&name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, &bytes)?;
        Ok(PackFile {
            file: name,
            bytes: bytes.len() as u64,
            sha256: crate::cli::sha256::hex(&Sha256::digest(&bytes)),
        })
    }
}

impl ThumbnailOf for Thumbnails {
    fn path(&self, file: &str) -> anyhow::Result<Option<String>> {
        let lock = || self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = lock().get(file) {
            return Ok(made.as_ref().map(|made| made.file.clone()));
        }
        let made = match self.make(file) {
            Ok(made) => Some(made),
            Err(error) if is_full_disk(&error) => return Err(error),
            Err(_) => None,
        };
        let path = made.as_ref().map(|made| made.file.clone());
        lock().insert(file.to_owned(), made);
        Ok(path)
    }
}
