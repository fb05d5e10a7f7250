//! Finds the images of an annotation file in a folder, by [`ImageFiles`].

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};
use std::sync::OnceLock;
use std::{fs, io};

use crate::dataset::ImageFiles;

/// Maximum number of files that are listed.
const MAX_FILES: usize = 1 << 25;

/// A folder of images. Its files are listed once a name is not the path of a file.
#[derive(Clone, Debug, Default)]
pub(super) struct ImageFolder {
    root: PathBuf,
    files: OnceLock<ImageFiles>,
}

impl ImageFolder {
    pub(super) fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), files: OnceLock::new() }
    }

    /// Returns the path of the file that a name means; if none is found, the path that the name would have.
    pub(super) fn find(&self, name: &str) -> PathBuf {
        let name = name.trim_start_matches('/');
        let stays_inside = Path::new(name).components().all(|step| matches!(step, Component::Normal(_)));
        // Of a name that leads out of the folder the last step is harmless.
        let last = || Path::new(name).file_name().unwrap_or_default();
        let path = self.root.join(if stays_inside { Path::new(name) } else { Path::new(last()) });
        if path.is_file() {
            return path;
        }
        // A folder that cannot be listed may be read by paths alone.
        let files = self.files.get_or_init(|| list(&self.root).unwrap_or_default());
        let found = files.find(name).and_then(|index| files.path(index));
        found.map_or(path, |found| self.root.join(found))
    }
}

/// Lists the files below a folder by their relative paths, sorted. Leaves out names that begin with a dot.
pub(super) fn list(root: &Path) -> io::Result<ImageFiles> {
    let mut paths = Vec::new();
    let mut linked = HashSet::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(root.join(&folder)) {
            Ok(entries) => entries,
            Err(error) if folder.as_os_str().is_empty() => return Err(error),
            Err(_) => continue,
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            if name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let path = folder.join(&name);
            match kind(&entry, &mut linked) {
                Some(Kind::Folder) => folders.push(path),
                Some(Kind::File) if paths.len() < MAX_FILES => paths.extend(relative(&path)),
                _ => {}
            }
        }
    }
    paths.sort_unstable();
    Ok(ImageFiles::new(paths))
}

enum Kind {
    File,
    Folder,
}

/// Follows each link to a folder once, so that a circle of links ends.
fn kind(entry: &fs::DirEntry, linked: &mut HashSet<PathBuf>) -> Option<Kind> {
    let of = |kind: fs::FileType| match () {
        () if kind.is_dir() => Some(Kind::Folder),
        () if kind.is_file() => Some(Kind::File),
        () => None,
    };
    let kind = entry.file_type().ok()?;
    if !kind.is_symlink() {
        return of(kind);
    }
    let kind = of(fs::metadata(entry.path()).ok()?.file_type())?;
    let is_new = matches!(kind, Kind::File) || linked.insert(fs::canonicalize(entry.path()).ok()?);
    is_new.then_some(kind)
}

/// Returns a path with forward slashes; `None` if it is not Unicode.
fn relative(path: &Path) -> Option<String> {
    let steps: Option<Vec<_>> = path.iter().map(OsStr::to_str).collect();
    steps.map(|steps| steps.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_as_they_stand_and_by_the_rule() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("04/.hidden")).unwrap();
        for name in ["04/Crow.JPG", "04/.hidden/owl.jpg", ".dot.jpg"] {
            fs::write(folder.path().join(name), b"x").unwrap();
        }
        let images = ImageFolder::new(folder.path());
        for name in ["04/Crow.JPG", "/04/Crow.JPG", "04/crow.jpg", "05/crow.png"] {
            assert_eq!(images.find(name), folder.path().join("04/Crow.JPG"), "{name}");
        }
        for name in ["owl.jpg", "dot.jpg"] {
            assert_eq!(images.find(name), folder.path().join(name));
        }
        fs::create_dir(folder.path().join("inner")).unwrap();
        let inner = ImageFolder::new(folder.path().join("inner"));
        assert_eq!(inner.find("../04/Crow.JPG"), folder.path().join("inner/Crow.JPG"), "not outside");
    }

    #[cfg(unix)]
    #[test]
    fn links_in_a_circle_end() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        fs::write(folder.path().join("a/x.jpg"), b"x").unwrap();
        std::os::unix::fs::symlink(folder.path(), folder.path().join("a/back")).unwrap();
        assert!(list(folder.path()).unwrap().len() <= 2);
        assert!(list(&folder.path().join("none")).is_err());
    }
}
