//! Encodes the masks of annotated images on several threads, and keeps their features on disk until the index
//! is written, so that a build that was ended goes on where it was.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};

use super::annotations::UsableAnnotation;
use super::decoded_image::DecodedImage;
use super::encoder::Encoder;
use super::feature_journal::{FeatureJournal, key};
use super::image_folder::ImageFolder;
use super::image_frame;
use super::progress::Progress;
use crate::dataset::ImageFrame;
use crate::geometry::PixelRect;
use crate::link::encoder::EncodeError;
use crate::link::protocol::sha256_hex;
use crate::rle::Mask;

/// Name of the file of features in the folder of the index that is built.
const JOURNAL: &str = "features.partial";

/// Maximum number of threads: each holds a decoded image.
const MAX_THREADS: usize = 8;

/// An encoder, and the features it has computed for the index that is built.
pub(super) struct Features<'a> {
    encoder: &'a Encoder,
    journal: Mutex<FeatureJournal>,
    max_pixels: u64,
}

/// The feature of a record's mask.
pub(super) struct MaskFeature {
    /// Position of the record.
    pub(super) record: usize,
    /// SHA-256 of the image's file.
    pub(super) image_sha256: String,
    /// Box of the mask.
    pub(super) bounds: PixelRect,
    /// Its simplified outline, as SVG path data.
    pub(super) outline: String,
    pub(super) feature: Vec<f32>,
}

impl<'a> Features<'a> {
    /// Opens the features that an interrupted build into this folder has left, or begins anew; `max_pixels`
    /// is the maximum size of an image.
    pub(super) fn open(encoder: &'a Encoder, output: &Path, max_pixels: u64) -> anyhow::Result<Self> {
        std::fs::create_dir_all(output).with_context(|| output.display().to_string())?;
        // The manifest holds the hash of the model.
        let manifest = serde_json::to_vec(encoder.manifest())?;
        let journal = FeatureJournal::open(&output.join(JOURNAL), Sha256::digest(manifest).into())?;
        if journal.len() > 0 {
            eprintln!("reusing {} masks of an interrupted build", journal.len());
        }
        Ok(Self { encoder, journal: Mutex::new(journal), max_pixels })
    }

    /// Computes the features of the masks of all records whose image and mask can be used, in their order;
    /// the others are reported on standard error.
    pub(super) fn of_masks(
        &self,
        images: &ImageFolder,
        records: &[UsableAnnotation<'_>],
        mask_of: impl Fn(ImageFrame, &UsableAnnotation<'_>) -> anyhow::Result<Mask> + Sync,
    ) -> anyhow::Result<Vec<MaskFeature>> {
        let mut by_image: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, record) in records.iter().enumerate() {
            by_image.entry(record.file.as_ref()).or_default().push(at);
        }
        let by_image: Vec<_> = by_image.into_iter().collect();
        let progress = Mutex::new(Progress::of_items(records.len() as u64, "masks"));
        let report = |line: &str| progress.lock().unwrap_or_else(PoisonError::into_inner).println(line);
        let next = AtomicUsize::new(0);
        let work = || {
            let mut encoded = Vec::new();
            while let Some((file, of_image)) = by_image.get(next.fetch_add(1, Ordering::Relaxed)) {
                let mask_of = |frame, at: usize| mask_of(frame, &records[at]);
                let result = self.of_image(&images.find(file), file, (records, of_image), mask_of, &report);
                // A failure of the encoder or of the disk would repeat for every mask.
                encoded.extend(result.inspect_err(|_| next.store(by_image.len(), Ordering::Relaxed))?);
                let progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
                progress.advance(of_image.len() as u64);
            }
            Ok(encoded)
        };
        // One thread decodes an image while another one encodes.
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(MAX_THREADS);
        let results: Vec<anyhow::Result<Vec<MaskFeature>>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            let joined = threads.into_iter().map(std::thread::ScopedJoinHandle::join);
            joined.map(|joined| joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
        });
        let mut encoded = Vec::with_capacity(records.len());
        for result in results {
            encoded.extend(result?);
        }
        progress.into_inner().unwrap_or_else(PoisonError::into_inner).finish();
        encoded.sort_unstable_by_key(|one| one.record);
        Ok(encoded)
    }

    /// Removes the features from the disk, once the index is written.
    pub(super) fn remove(self) -> anyhow::Result<()> {
        self.journal.into_inner().unwrap_or_else(PoisonError::into_inner).remove()
    }

    /// Computes the features of the masks of one image. Fails where the encoder or the disk does.
    fn of_image(
        &self,
        path: &Path,
        file: &str,
        (records, of_image): (&[UsableAnnotation<'_>], &[usize]),
        mask_of: impl Fn(ImageFrame, usize) -> anyhow::Result<Mask>,
        report: &impl Fn(&str),
    ) -> anyhow::Result<Vec<MaskFeature>> {
        let read = || {
            let bytes = std::fs::read(path)?;
            Ok::<_, anyhow::Error>((image_frame::read_frame(&bytes)?, sha256_hex(&bytes), bytes))
        };
        let (frame, image_sha256, bytes) = match read() {
            Ok(read) => read,
            Err(error) => {
                report(&format!("{file}: {error:#}; left out"));
                return Ok(Vec::new());
            }
        };
        let image = OnceCell::new();
        let mut encoded = Vec::new();
        for &record in of_image {
            let id = &records[record].annotation.id;
            let mask = match mask_of(frame, record) {
                Ok(mask) => mask,
                Err(error) => {
                    report(&format!("annotation {id}: {error:#}; left out"));
                    continue;
                }
            };
            let Some(bounds) = mask.bbox() else {
                report(&format!("annotation {id}: the mask is empty; left out"));
                continue;
            };
            let key = key(&image_sha256, &mask);
            let known = self.journal.lock().unwrap_or_else(PoisonError::into_inner).feature(&key)?;
            let feature = if let Some(feature) = known {
                feature
            } else {
                // Only where a mask needs it.
                let image = image.get_or_init(|| {
                    let image = DecodedImage::decode(&bytes, self.max_pixels);
                    match &image {
                        Err(error) => report(&format!("{file}: {error:#}; left out")),
                        Ok(image) if image.is_cut_off() => {
                            report(&format!("{file}: the JPEG is cut off; what is there of it is used"));
                        }
                        Ok(_) => {}
                    }
                    image
                });
                let Ok(image) = image else { break };
                let feature = match self.encoder.feature(image, &mask) {
                    Ok(feature) => feature,
                    Err(error @ EncodeError::Host(_)) => return Err(error.into()),
                    Err(error) => {
                        report(&format!("annotation {id}: {error}; left out"));
                        continue;
                    }
                };
                self.journal.lock().unwrap_or_else(PoisonError::into_inner).add(key, &feature)?;
                feature
            };
            let (image_sha256, outline) = (image_sha256.clone(), mask.simplified_svg_path());
            encoded.push(MaskFeature { record, image_sha256, bounds, outline, feature });
        }
        Ok(encoded)
    }
}
