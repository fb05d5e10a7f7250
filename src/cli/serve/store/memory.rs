//! Put images by content: decoded ones with their features in bounded memory, encoded ones in a
//! folder if wanted.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::folder::Folder;
use crate::cli::decoded_image::DecodedImage;

/// What an image in memory takes besides its pixels and features, at most: small ones would fill
/// memory uncounted.
const OVERHEAD: usize = 1 << 10;

/// The stored images.
pub(crate) struct Store {
    memory: Mutex<Memory>,
    folder: Option<Folder>,
}

struct Memory {
    max_bytes: usize,
    bytes: usize,
    /// Counts uses; the image with the least number was not used for longest.
    clock: u64,
    images: HashMap<String, Kept>,
}

struct Kept {
    image: Arc<DecodedImage>,
    bytes: usize,
    used: u64,
}

impl Store {
    /// A store of at most `max_bytes` in memory, and of all images in `folder` where there is one.
    pub(crate) fn new(max_bytes: usize, folder: Option<Folder>) -> Self {
        let memory = Memory { max_bytes, bytes: 0, clock: 0, images: HashMap::new() };
        Self { memory: Mutex::new(memory), folder }
    }

    /// The image of a SHA-256 kept in memory.
    pub(crate) fn get(&self, sha256: &str) -> Option<Arc<DecodedImage>> {
        let mut memory = self.lock();
        memory.clock += 1;
        let now = memory.clock;
        let kept = memory.images.get_mut(sha256)?;
        kept.used = now;
        Some(Arc::clone(&kept.image))
    }

    /// The encoded bytes kept in the folder, for an image that has left memory.
    pub(crate) fn read(&self, sha256: &str) -> io::Result<Option<Vec<u8>>> {
        self.folder.as_ref().map_or(Ok(None), |folder| folder.read(sha256))
    }

    /// Keeps an image; the caller has checked that `bytes` have this hash.
    pub(crate) fn put(&self, sha256: &str, bytes: &[u8], image: &Arc<DecodedImage>) -> io::Result<()> {
        if let Some(folder) = &self.folder {
            folder.put(sha256, bytes)?;
        }
        self.keep(sha256, image);
        Ok(())
    }

    /// Keeps an image in memory alone.
    pub(crate) fn keep(&self, sha256: &str, image: &Arc<DecodedImage>) {
        let bytes = OVERHEAD
            + image.pixel_bytes()
            + image.map().map_or(0, crate::link::encoder::pool::FeatureMap::bytes);
        let mut memory = self.lock();
        memory.clock += 1;
        let kept = Kept { image: Arc::clone(image), bytes, used: memory.clock };
        memory.bytes += bytes;
        if let Some(before) = memory.images.insert(sha256.to_owned(), kept) {
            memory.bytes -= before.bytes;
        }
        memory.evict(sha256);
    }

    /// How many images are in memory, and their bytes.
    pub(crate) fn usage(&self) -> (usize, usize) {
        let memory = self.lock();
        (memory.images.len(), memory.bytes)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Memory> {
        // Every change of the map and its sum is completed before anything that can panic.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    /// Drops images not used for longest until the rest fits; the newest stays, or nothing larger
    /// could be linked.
    fn evict(&mut self, newest: &str) {
        while self.bytes > self.max_bytes {
            let others = self.images.iter().filter(|(sha256, _)| *sha256 != newest);
            let Some(oldest) = others.min_by_key(|(_, kept)| kept.used).map(|(sha256, _)| sha256.clone())
            else {
                return;
            };
            if let Some(kept) = self.images.remove(&oldest) {
                self.bytes -= kept.bytes;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::protocol::sha256_hex;
    use image::{ImageFormat, RgbImage};

    fn image(width: u32) -> (Vec<u8>, Arc<DecodedImage>) {
        let mut bytes = io::Cursor::new(Vec::new());
        RgbImage::new(width, 10).write_to(&mut bytes, ImageFormat::Png).unwrap();
        let bytes = bytes.into_inner();
        let image = Arc::new(DecodedImage::decode(&bytes, 1 << 20).unwrap());
        (bytes, image)
    }

    #[test]
    fn the_one_not_used_for_longest_leaves_first() {
        // Each image takes 300 bytes and its overhead; three fit.
        let store = Store::new(4000, None);
        let (bytes, ten) = image(10);
        for name in ["a", "b", "c"] {
            store.put(name, &bytes, &ten).unwrap();
        }
        assert!(store.get("a").is_some());
        store.put("d", &bytes, &ten).unwrap();
        let there = ["a", "b", "c", "d"].map(|name| store.get(name).is_some());
        assert_eq!((there, store.usage()), ([true, false, true, true], (3, 3 * (300 + OVERHEAD))));
        store.put("d", &bytes, &ten).unwrap();
        assert_eq!(store.usage(), (3, 3 * (300 + OVERHEAD)));
        let (bytes, huge) = image(1000);
        store.put("huge", &bytes, &huge).unwrap();
        assert_eq!((store.usage(), store.get("huge").is_some()), ((1, 30_000 + OVERHEAD), true));
    }

    #[test]
    fn a_folder_keeps_what_leaves_memory() {
        let folder = tempfile::tempdir().unwrap();
        let store =
            Store::new(300 + OVERHEAD, Some(Folder::open(folder.path().join("images"), 1 << 20).unwrap()));
        let (first, ten) = image(10);
        let (second, eleven) = image(11);
        let [a, b] = [&first, &second].map(|bytes| sha256_hex(bytes));
        store.put(&a, &first, &ten).unwrap();
        store.put(&b, &second, &eleven).unwrap();
        assert!(store.get(&a).is_none());
        assert_eq!(store.read(&a).unwrap(), Some(first));
    }
}
