//! Uploaded images by content: decoded ones with their features in bounded memory, encoded ones in a
//! folder if there is one.

pub(super) mod compressed;
mod folder;
mod memory;

use std::path::PathBuf;
use std::sync::Arc;

use folder::Folder;
use memory::{Images, images};

use super::error::ApiError;
use crate::cli::decoded_image::DecodedImage;

/// The stored images.
pub(super) struct Store {
    memory: Images,
    memory_bytes: usize,
    folder: Option<Arc<Folder>>,
}

/// Limits of a store.
pub(super) struct Capacity {
    /// Memory budget of the decoded images, in bytes.
    pub(super) memory: usize,
    /// Maximum size of the folder, in bytes.
    pub(super) folder: u64,
}

impl Store {
    /// Opens the store, with a folder that keeps the encoded images if there is one.
    pub(super) fn open(folder: Option<PathBuf>, capacity: &Capacity) -> std::io::Result<Self> {
        let folder = folder.map(|path| Folder::open(path, capacity.folder)).transpose()?.map(Arc::new);
        Ok(Self { memory: images(capacity.memory), memory_bytes: capacity.memory, folder })
    }

    /// Returns a store of the same folder with no image in memory.
    pub(super) fn emptied(&self) -> Self {
        let folder = self.folder.clone();
        Self { memory: images(self.memory_bytes), memory_bytes: self.memory_bytes, folder }
    }

    /// Returns the stored image of a SHA-256, from memory or decoded from the folder.
    pub(super) fn get(
        &self,
        sha256: &str,
        decode: impl FnOnce(&[u8]) -> Result<DecodedImage, ApiError>,
    ) -> Result<Option<Arc<DecodedImage>>, ApiError> {
        if let Some(image) = self.memory.get(sha256) {
            return Ok(Some(image));
        }
        let Some(bytes) = self.read(sha256)? else { return Ok(None) };
        self.memory.get_or_insert(sha256, || decode(&bytes).map(Arc::new)).map(Some)
    }

    /// Returns the image of these bytes, which have this SHA-256, and whether it is new to the store.
    ///
    /// Requests that bring the same image at the same time decode it once. An image that the folder cannot
    /// take, as on a full disk, stays in memory alone: `failed` learns of it.
    pub(super) fn insert(
        &self,
        sha256: &str,
        bytes: &[u8],
        decode: impl FnOnce(&[u8]) -> Result<DecodedImage, ApiError>,
        failed: impl FnOnce(&std::io::Error),
    ) -> Result<(Arc<DecodedImage>, bool), ApiError> {
        let mut is_new = false;
        let image = self.memory.get_or_insert(sha256, || {
            let is_stored = self.read(sha256).ok().flatten().is_some();
            let image = decode(bytes)?;
            if let Some(folder) = self.folder.as_ref().filter(|_| !is_stored)
                && let Err(error) = folder.insert(sha256, bytes)
            {
                failed(&error);
            }
            is_new = !is_stored;
            Ok(Arc::new(image))
        })?;
        Ok((image, is_new))
    }

    /// Returns the number of images in memory, and their bytes.
    pub(super) fn usage(&self) -> (usize, usize) {
        self.memory.usage()
    }

    fn read(&self, sha256: &str) -> std::io::Result<Option<Vec<u8>>> {
        self.folder.as_ref().map_or(Ok(None), |folder| folder.read(sha256))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{ImageFormat, RgbImage};

    use super::*;
    use crate::link::protocol::sha256_hex;

    fn png(width: u32) -> (String, Vec<u8>) {
        let mut bytes = Cursor::new(Vec::new());
        RgbImage::new(width, 10).write_to(&mut bytes, ImageFormat::Png).unwrap();
        let bytes = bytes.into_inner();
        (sha256_hex(&bytes), bytes)
    }

    fn decode(bytes: &[u8]) -> Result<DecodedImage, ApiError> {
        Ok(DecodedImage::decode(bytes, 1 << 20)?)
    }

    fn never(error: &std::io::Error) {
        panic!("{error}")
    }

    fn unreachable(_: &[u8]) -> Result<DecodedImage, ApiError> {
        panic!("decoded again")
    }

    #[test]
    fn an_evicted_image_is_read_from_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let open = || {
            let capacity = Capacity { memory: 1 << 10, folder: 1 << 20 };
            Store::open(Some(folder.path().join("images")), &capacity).unwrap()
        };
        let store = open();
        let ((a, first), (b, second)) = (png(10), png(11));
        assert!(store.insert(&a, &first, decode, never).unwrap().1);
        assert!(store.insert(&b, &second, decode, never).unwrap().1);
        assert_eq!(store.usage().0, 1);
        assert_eq!(store.get(&a, decode).unwrap().unwrap().size().width, 10);
        assert!(!store.insert(&b, &second, decode, never).unwrap().1, "stored in the folder");
        assert_eq!(open().get(&a, decode).unwrap().unwrap().size().width, 10, "after a restart");
    }

    #[test]
    fn an_image_that_the_folder_cannot_take_stays_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let capacity = Capacity { memory: 1 << 20, folder: 1 << 20 };
        let store = Store::open(Some(folder.path().join("images")), &capacity).unwrap();
        // As on a full disk, nothing can be created there.
        std::fs::remove_dir(folder.path().join("images")).unwrap();
        let (sha256, bytes) = png(10);
        let mut failures = 0;
        assert!(store.insert(&sha256, &bytes, decode, |_| failures += 1).unwrap().1);
        assert_eq!(failures, 1);
        assert_eq!(store.get(&sha256, unreachable).unwrap().unwrap().size().width, 10);
    }

    #[test]
    fn an_image_that_cannot_be_decoded_is_not_stored() {
        let folder = tempfile::tempdir().unwrap();
        let capacity = Capacity { memory: 1 << 20, folder: 1 << 20 };
        let store = Store::open(Some(folder.path().to_owned()), &capacity).unwrap();
        assert!(store.insert(&sha256_hex(b"no image"), b"no image", decode, never).is_err());
        assert_eq!((store.usage().0, std::fs::read_dir(folder.path()).unwrap().count()), (0, 0));
    }

    #[test]
    fn an_image_is_decoded_once_for_simultaneous_requests() {
        let capacity = Capacity { memory: 1 << 20, folder: 0 };
        let store = Store::open(None, &capacity).unwrap();
        let (sha256, bytes) = png(10);
        let decoded = std::sync::atomic::AtomicUsize::new(0);
        let start = std::sync::Barrier::new(4);
        let insert = || {
            start.wait();
            let slow = |bytes: &[u8]| {
                decoded.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                std::thread::sleep(std::time::Duration::from_millis(50));
                decode(bytes)
            };
            store.insert(&sha256, &bytes, slow, never).unwrap().1
        };
        let new = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(insert)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).filter(|new| *new).count()
        });
        assert_eq!((decoded.into_inner(), new), (1, 1));
        assert!(store.get(&sha256, unreachable).unwrap().is_some());
    }
}
