//! An index on disk: a folder whose `index.json` is written last, by a rename, so that the index is
//! whole or absent.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::error::ReadError;
use super::header::{Limits, Part};
use super::mapped::PartBytes;
use super::{Files, Index};
use crate::link::protocol::sha256_hex;

/// File name of the header.
pub const HEADER: &str = "index.json";
/// Maximum length of a header in bytes.
pub(in crate::link) const MAX_HEADER_BYTES: u64 = 1 << 20;

/// Errors of writing and reading an index.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// The folder does not hold a whole index.
    #[error("the index in {} cannot be used", folder.display())]
    Index {
        /// Folder of the index.
        folder: PathBuf,
        /// Fault of its files.
        source: ReadError,
    },
    /// Another process is writing an index into the folder.
    #[error("another process is writing an index into {}; wait until it has ended", folder.display())]
    Busy {
        /// Folder of the index.
        folder: PathBuf,
    },
    /// The system could not read or write.
    #[error("{}", path.display())]
    Io {
        /// File or folder.
        path: PathBuf,
        /// Fault reported by the system.
        source: io::Error,
    },
}

/// Reads the index in a folder. Returns it with the SHA-256 of its header, which identifies it.
pub fn read(folder: &Path, limits: Limits) -> Result<(Index, String), FolderError> {
    let path = folder.join(HEADER);
    let header = read_at_most(&path, MAX_HEADER_BYTES).map_err(|source| FolderError::Io { path, source })?;
    // Vectors are most of an index: they are mapped, not copied. The length is checked with the hash.
    let read = |part: &Part| {
        let path = folder.join(&part.file);
        let is_matrix = [".f16", ".f32"].iter().any(|end| part.file.ends_with(end)) && part.bytes > 0;
        if is_matrix { PartBytes::map(&path) } else { read_at_most(&path, part.bytes).map(PartBytes::from) }
    };
    let index = Index::from_files(&header, limits, read)
        .map_err(|source| FolderError::Index { folder: folder.to_path_buf(), source })?;
    Ok((index, sha256_hex(&header)))
}

/// Reads the ONNX file of an index's encoder, which lies beside it.
pub fn read_encoder(folder: &Path, index: &Index) -> Result<Vec<u8>, FolderError> {
    let path = folder.join(&index.encoder().file);
    fs::read(&path).map_err(|source| FolderError::Io { path, source })
}

/// Writes an index and its encoder's ONNX file into a folder, created where it is missing, and
/// replaces the index that was there.
///
/// The parts' names hold their hashes, so old and new parts lie side by side until the new header
/// replaces the old one in a single rename; a reader sees one or the other. Then parts that no
/// header names are removed, and what an interrupted writer left. Where writing fails, as on a full disk, the
/// old index stays and the new parts are removed. The folder is locked meanwhile: a second writer fails.
pub fn write(folder: &Path, index: &Index, encoder: &[u8]) -> Result<(), FolderError> {
    fs::create_dir_all(folder).map_err(|source| FolderError::Io { path: folder.to_path_buf(), source })?;
    let _locked = lock(folder)?;
    write_locked(folder, index, encoder)
}

/// Does the same as [`write()`] in a folder that is there and that the caller has [locked](lock).
pub(crate) fn write_locked(folder: &Path, index: &Index, encoder: &[u8]) -> Result<(), FolderError> {
    let Files { header, parts } = index
        .to_files()
        .map_err(|error| FolderError::Io { path: folder.join(HEADER), source: error.into() })?;
    let encoder_file = index.encoder().file.as_str();
    let at = |path: &Path| {
        let path = path.to_path_buf();
        move |source| FolderError::Io { path, source }
    };
    let parts: Vec<_> = parts.iter().map(|(file, bytes)| (file.as_str(), &bytes[..])).collect();
    let files = || parts.iter().copied().chain([(encoder_file, encoder)]);
    let is_new = |file: &&str| !folder.join(file).exists();
    let new: Vec<_> = files().map(|(file, _)| file).filter(is_new).collect();
    let written = files()
        .chain([(HEADER, &header[..])])
        .try_for_each(|(file, bytes)| write_file(folder, file, bytes).map_err(at(&folder.join(file))));
    // The header may be in its place where only the sync after its rename failed.
    if written.is_err() && fs::read(folder.join(HEADER)).ok().as_ref() != Some(&header) {
        for file in new {
            // The first error is returned; a part that was not written is not there.
            let _ = fs::remove_file(folder.join(file));
        }
    }
    written?;
    let keep: Vec<_> = files().map(|(file, _)| file).collect();
    remove_old_parts(folder, &keep).map_err(at(folder))
}

/// Locks a folder until the handle is dropped. Windows has no handles of folders; there nothing is locked.
pub(crate) fn lock(folder: &Path) -> Result<Option<File>, FolderError> {
    let failed = |source| FolderError::Io { path: folder.to_path_buf(), source };
    if cfg!(windows) {
        return Ok(None);
    }
    let handle = File::open(folder).map_err(failed)?;
    match handle.try_lock() {
        Ok(()) => Ok(Some(handle)),
        Err(TryLockError::WouldBlock) => Err(FolderError::Busy { folder: folder.to_path_buf() }),
        // Some network file systems know no locks.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(None),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Writes a file under a temporary name, syncs it to the disk, and renames it.
pub(crate) fn write_file(folder: &Path, file: &str, bytes: &[u8]) -> io::Result<()> {
    let temporary = folder.join(format!(".{file}.{}.tmp", std::process::id()));
    let written = (|| {
        let mut handle = File::create(&temporary)?;
        handle.write_all(bytes)?;
        handle.sync_all()?;
        fs::rename(&temporary, folder.join(file))?;
        sync_folder(folder)
    })();
    if written.is_err() {
        // The first error is returned; the leftover has a name that nothing reads.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Makes a rename durable; Windows neither needs nor allows it.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(windows) { Ok(()) } else { File::open(folder)?.sync_all() }
}

/// Removes parts of earlier indexes, recognised by a part's kind and hash in the name, and temporary files.
pub(crate) fn remove_old_parts(folder: &Path, keep: &[&str]) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let is_temporary = Path::new(name).extension().is_some_and(|extension| extension == "tmp");
        if is_temporary && name.starts_with('.') {
            fs::remove_file(entry.path())?;
        }
        let Some((kind, rest)) = name.split_once('-') else { continue };
        let hash = rest.split('.').next().unwrap_or_default();
        let kinds = [
            "mean",
            "vectors",
            "entities",
            "exemplars",
            "weights",
            "prototypes",
            "encoder",
            "centroids",
            "cells",
        ];
        let is_part =
            kinds.contains(&kind) && hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_part && !keep.contains(&name) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Reads a whole file whose length is at most `limit`.
pub(in crate::link) fn read_at_most(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    if length > limit {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{length} bytes where {limit} are expected"),
        ));
    }
    let mut bytes = Vec::with_capacity(length as usize);
    file.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}
