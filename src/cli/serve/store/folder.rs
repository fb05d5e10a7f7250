//! A folder of uploaded images, each a file named by its SHA-256, of bounded size.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::link::protocol::{is_sha256, sha256_hex};

/// Block size of most file systems, in bytes. Files take whole blocks, so that small images would fill
/// the disk uncounted.
const BLOCK: u64 = 4096;
/// Prefix of the name of an image that is being written.
const PART_PREFIX: &str = ".upload-";
/// Age from which a part is what a crash left; another server in the same folder may be writing younger
/// ones.
const PART_AGE: Duration = Duration::from_hours(1);

/// The folder, and the sum of its images' sizes.
pub(super) struct Folder {
    path: PathBuf,
    max_bytes: u64,
    /// Bytes on disk of all images.
    bytes: Mutex<u64>,
}

impl Folder {
    /// Opens a folder, creates it where it is missing, and sums up the sizes of its images.
    pub(super) fn open(path: PathBuf, max_bytes: u64) -> io::Result<Self> {
        fs::create_dir_all(&path)?;
        remove_parts(&path)?;
        let folder = Self { path, max_bytes, bytes: Mutex::new(0) };
        let bytes = folder.images()?.iter().map(|image| image.bytes).sum();
        *folder.bytes() = bytes;
        Ok(folder)
    }

    /// Returns the image of a hash, where it is stored and undamaged.
    pub(super) fn read(&self, sha256: &str) -> io::Result<Option<Vec<u8>>> {
        let path = self.path.join(sha256);
        match fs::read(&path) {
            Ok(bytes) if sha256_hex(&bytes) == sha256 => Ok(Some(bytes)),
            // Cut short by a crash or changed by someone: removed, so that the client uploads it again.
            Ok(bytes) => {
                fs::remove_file(path)?;
                let mut sum = self.bytes();
                *sum = sum.saturating_sub(on_disk(bytes.len() as u64));
                Ok(None)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes an image whose hash the caller has checked; a reader sees all of it or nothing.
    pub(super) fn insert(&self, sha256: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.path.join(sha256);
        if path.exists() {
            return Ok(());
        }
        let mut file = tempfile::Builder::new().prefix(PART_PREFIX).tempfile_in(&self.path)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        let mut sum = self.bytes();
        *sum += on_disk(bytes.len() as u64);
        if *sum > self.max_bytes {
            *sum = self.remove_oldest()?;
        }
        Ok(())
    }

    /// Removes the oldest images until a tenth of the folder's limit is free, and returns the bytes left.
    fn remove_oldest(&self) -> io::Result<u64> {
        let mut images = self.images()?;
        images.sort_by_key(|image| image.uploaded);
        let mut sum: u64 = images.iter().map(|image| image.bytes).sum();
        // The newest always stays: it is about to be linked.
        images.pop();
        for image in images {
            if sum <= self.max_bytes / 10 * 9 {
                break;
            }
            fs::remove_file(image.path)?;
            sum -= image.bytes;
        }
        Ok(sum)
    }

    fn images(&self) -> io::Result<Vec<Stored>> {
        let mut images = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            // Files of other names belong to somebody else.
            if entry.file_name().to_str().is_some_and(is_sha256) {
                let about = entry.metadata()?;
                images.push(Stored {
                    path: entry.path(),
                    bytes: on_disk(about.len()),
                    uploaded: about.modified()?,
                });
            }
        }
        Ok(images)
    }

    fn bytes(&self) -> std::sync::MutexGuard<'_, u64> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the bytes that a file of this length takes on disk.
fn on_disk(length: u64) -> u64 {
    length.next_multiple_of(BLOCK)
}

fn remove_parts(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let is_part = entry.file_name().to_str().is_some_and(|name| name.starts_with(PART_PREFIX));
        if is_part && entry.metadata()?.modified()?.elapsed().is_ok_and(|age| age > PART_AGE) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

struct Stored {
    path: PathBuf,
    bytes: u64,
    uploaded: SystemTime,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set_time(path: &Path, time: SystemTime) {
        fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
    }

    #[test]
    fn parts_left_by_a_crash_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let [old, young, other] =
            [".upload-old", ".upload-young", "other"].map(|name| folder.path().join(name));
        for path in [&old, &young, &other] {
            fs::write(path, "begun").unwrap();
        }
        for path in [&old, &other] {
            set_time(path, SystemTime::UNIX_EPOCH);
        }
        let store = Folder::open(folder.path().to_owned(), 1000).unwrap();
        assert_eq!([&old, &young, &other].map(|path| path.exists()), [false, true, true]);
        store.insert(&sha256_hex(b"an image"), b"an image").unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "no part is left");
    }

    #[test]
    fn a_damaged_image_is_removed_and_can_be_uploaded_again() {
        let folder = tempfile::tempdir().unwrap();
        let store = Folder::open(folder.path().join("images"), 1000).unwrap();
        let bytes = b"an image";
        let sha256 = sha256_hex(bytes);
        assert_eq!(store.read(&sha256).unwrap(), None);
        store.insert(&sha256, bytes).unwrap();
        assert_eq!(store.read(&sha256).unwrap().as_deref(), Some(&bytes[..]));
        let path = folder.path().join("images").join(&sha256);
        fs::write(&path, &bytes[..5]).unwrap();
        assert_eq!((store.read(&sha256).unwrap(), path.exists()), (None, false));
        store.insert(&sha256, bytes).unwrap();
        assert_eq!(store.read(&sha256).unwrap().as_deref(), Some(&bytes[..]));
    }

    #[test]
    fn the_oldest_images_are_removed_from_a_full_folder_also_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("note.txt"), [0; 5000]).unwrap();
        // Each takes a block; three fit, and a tenth of the limit is free.
        let limit = 14_000;
        let store = Folder::open(folder.path().to_owned(), limit).unwrap();
        let images: Vec<Vec<u8>> = (0..5).map(|index| vec![index; 300]).collect();
        let names: Vec<String> = images.iter().map(|bytes| sha256_hex(bytes)).collect();
        let upload = |store: &Folder, index: usize| {
            store.insert(&names[index], &images[index]).unwrap();
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000 + index as u64);
            set_time(&folder.path().join(&names[index]), time);
        };
        let present =
            |store: &Folder| names.iter().map(|name| store.read(name).unwrap().is_some()).collect::<Vec<_>>();
        for index in 0..3 {
            upload(&store, index);
        }
        let store = Folder::open(folder.path().to_owned(), limit).unwrap();
        upload(&store, 3);
        assert_eq!(present(&store), [false, true, true, true, false]);
        upload(&store, 4);
        assert_eq!(present(&store), [false, false, true, true, true]);
        assert!(folder.path().join("note.txt").exists());
    }
}
