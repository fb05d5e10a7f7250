//! Finds the file that a record's `file_name` means among the files of a folder.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use unicode_normalization::{UnicodeNormalization as _, is_nfc};

use super::file_name::{NamedPath, percent_decoded, steps};

/// Extensions that stand for each other in names of images.
const EXTENSIONS: [&str; 12] =
    ["jpg", "jpeg", "jpe", "jfif", "png", "webp", "gif", "bmp", "avif", "tif", "tiff", "heic"];
/// The folder that datasets keep their images in.
const IMAGES: &str = "images";

/// The files of a folder, found by the names that annotation files give them.
///
/// The last step of the path must be the same: as it is, in another Unicode normal form, in another case,
/// with percent-encoding, or with another extension of images. Of several such files, one that has all steps
/// of the name is preferred, then the longest shared end of the path, then the closest spelling of the last
/// step, then a file at that path below the folder or below its `images`. If several remain, none is found,
/// as any of them may be another image.
///
/// ```
/// use masklink::dataset::ImageFiles;
///
/// let files = ImageFiles::new(["images/04/Crow.JPG", "images/05/crow.jpg"]);
/// assert_eq!(files.find(r"D:\photos\04\crow.jpg"), Some(0));
/// assert_eq!(files.find("crow.png"), None);
/// ```
#[derive(Clone, Debug, Default)]
pub struct ImageFiles {
    /// All paths without separators.
    text: String,
    /// End of each path in `text`.
    ends: Vec<usize>,
    /// Hash of the folded name without extension, and the path's index, sorted.
    by_stem: Vec<(u64, u32)>,
    /// First step of the paths, if all have the same.
    root: Option<Box<str>>,
}

/// Likeness of the last step of a path to that of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Spelling {
    OtherExtension,
    Decoded,
    OtherCase,
    OtherForm,
    Same,
}

/// Rank of a path as a match of a name; the greater, the better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    has_all_steps: bool,
    shared: usize,
    spelling: Spelling,
    place: Place,
}

/// The part of a path before the steps that it shares with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Elsewhere,
    Images,
    Root,
}

impl ImageFiles {
    /// Takes relative paths with forward slashes, at most 2³² of them; later ones are not found.
    pub fn new<P: AsRef<str>>(paths: impl IntoIterator<Item = P>) -> Self {
        let mut files = Self::default();
        let mut is_first = true;
        for (index, path) in paths.into_iter().enumerate() {
            let path = path.as_ref();
            let Ok(index) = u32::try_from(index) else { break };
            let root = path.split_once('/').map(|(root, _)| root);
            if is_first {
                files.root = root.map(Into::into);
            } else if files.root.as_deref() != root {
                files.root = None;
            }
            is_first = false;
            files.text.push_str(path);
            files.ends.push(files.text.len());
            let last = steps(path).last().copied().unwrap_or_default();
            files.by_stem.push((hash(stem(&key(last)).0), index));
        }
        files.by_stem.sort_unstable();
        files
    }

    /// Returns the number of files.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns whether there is no file.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Returns the path of a file by its index.
    pub fn path(&self, index: usize) -> Option<&str> {
        let start = index.checked_sub(1).map_or(0, |before| self.ends.get(before).copied().unwrap_or(0));
        self.text.get(start..*self.ends.get(index)?)
    }

    /// Returns the index of the file that a path or an address names; `None` if there is none, or several
    /// may be meant.
    pub fn find(&self, name: &str) -> Option<usize> {
        let NamedPath { path, .. } = NamedPath::read(name);
        let found = self.find_steps(&steps(&path));
        // A name with a query, as some servers give it.
        found.or_else(|| path.split_once('?').and_then(|(path, _)| self.find_steps(&steps(path))))
    }

    /// Returns the index of an image's file: by its path, else by its URL.
    pub fn find_image(&self, file: Option<&str>, url: Option<&str>) -> Option<usize> {
        [file, url].into_iter().flatten().find_map(|name| self.find(name))
    }

    fn find_steps(&self, name: &[&str]) -> Option<usize> {
        let last = key(name.last()?).into_owned();
        let wanted = hash(stem(&last).0);
        let first = self.by_stem.partition_point(|&(hash, _)| hash < wanted);
        let same = self.by_stem[first..].iter().take_while(|&&(hash, _)| hash == wanted);
        let paths = same.filter_map(|&(_, index)| Some((index as usize, self.path(index as usize)?)));
        best(paths, self.root.as_deref(), name)
    }
}

/// Returns the index of the path that matches the steps of a name best; `None` if there is none, or several
/// different ones match equally well. `root` is the first step of all paths, if they share it.
pub(super) fn best<'p>(
    paths: impl Iterator<Item = (usize, &'p str)>,
    root: Option<&str>,
    name: &[&str],
) -> Option<usize> {
    let (mut best, mut is_ambiguous) = (None::<(Rank, &str, usize)>, false);
    for (index, path) in paths {
        let Some(rank) = rank(&steps(path), root, name) else { continue };
        match best {
            Some((highest, ..)) if rank < highest => {}
            Some((highest, other, _)) if rank == highest => is_ambiguous |= path != other,
            _ => (best, is_ambiguous) = (Some((rank, path, index)), false),
        }
    }
    best.filter(|_| !is_ambiguous).map(|(_, _, index)| index)
}

/// Returns `None` if the last steps differ.
fn rank(path: &[&str], root: Option<&str>, name: &[&str]) -> Option<Rank> {
    let ((path_last, path_folders), (name_last, name_folders)) = (path.split_last()?, name.split_last()?);
    let spelling = spelling(path_last, name_last)?;
    let folders = path_folders.iter().rev().zip(name_folders.iter().rev());
    let shared = 1 + folders.take_while(|(own, other)| key(own) == key(other)).count();
    let before = &path[..path.len() - shared];
    let below_root = match before.split_first() {
        Some((first, rest)) if root == Some(*first) => rest,
        _ => before,
    };
    let place = match below_root {
        [] => Place::Root,
        [folder] if folder.eq_ignore_ascii_case(IMAGES) => Place::Images,
        _ => Place::Elsewhere,
    };
    Some(Rank { has_all_steps: shared == name.len(), spelling, shared, place })
}

/// Compares two last steps; `None` if they are of different images.
fn spelling(own: &str, other: &str) -> Option<Spelling> {
    if own == other {
        return Some(Spelling::Same);
    }
    if composed(own) == composed(other) {
        return Some(Spelling::OtherForm);
    }
    if folded(own) == folded(other) {
        return Some(Spelling::OtherCase);
    }
    let (own, other) = (key(own), key(other));
    if own == other {
        return Some(Spelling::Decoded);
    }
    let ((own, own_extension), (other, _)) = (stem(&own), stem(&other));
    (own == other && own_extension.is_some()).then_some(Spelling::OtherExtension)
}

/// Returns the form in which steps are compared: decoded, in one normal form and in lower case.
fn key(step: &str) -> Cow<'_, str> {
    match percent_decoded(step) {
        Cow::Borrowed(step) => folded(step),
        Cow::Owned(step) => Cow::Owned(folded(&step).into_owned()),
    }
}

fn folded(step: &str) -> Cow<'_, str> {
    if step.is_ascii() {
        let is_lower = !step.bytes().any(|byte| byte.is_ascii_uppercase());
        return if is_lower { Cow::Borrowed(step) } else { Cow::Owned(step.to_ascii_lowercase()) };
    }
    Cow::Owned(composed(&composed(step).to_lowercase()).into_owned())
}

/// Returns the text in normal form C.
fn composed(step: &str) -> Cow<'_, str> {
    if is_nfc(step) { Cow::Borrowed(step) } else { Cow::Owned(step.nfc().collect()) }
}

/// Splits a folded name before an extension of images.
fn stem(name: &str) -> (&str, Option<&str>) {
    match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() && EXTENSIONS.contains(&extension) => {
            (stem, Some(extension))
        }
        _ => (name, None),
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The files of a folder, the name looked for, and the path found.
    const TABLE: &[(&str, &[&str], &str, Option<&str>)] = &[
        ("same path", &["04/a.jpg", "05/a.jpg"], "05/a.jpg", Some("05/a.jpg")),
        ("leading slash", &["04/a.jpg"], "/04/a.jpg", Some("04/a.jpg")),
        (
            "chosen folder before the path",
            &["top/04/a.jpg", "top/05/a.jpg"],
            "04/a.jpg",
            Some("top/04/a.jpg"),
        ),
        ("folder without the path's folders", &["a.jpg"], "07/a.jpg", Some("a.jpg")),
        ("two files of the name", &["04/a.jpg", "05/a.jpg"], "06/a.jpg", None),
        ("two files of the bare name", &["04/a.jpg", "05/a.jpg"], "a.jpg", None),
        ("file at the path itself", &["a.jpg", "old/a.jpg"], "a.jpg", Some("a.jpg")),
        (
            "file at the path below the chosen folder",
            &["top/a.jpg", "top/old/a.jpg"],
            "a.jpg",
            Some("top/a.jpg"),
        ),
        ("images before the path", &["images/a.jpg", "small/a.jpg"], "a.jpg", Some("images/a.jpg")),
        (
            "images in the name and in the folder",
            &["images/a.jpg", "small/a.jpg"],
            "images/a.jpg",
            Some("images/a.jpg"),
        ),
        ("images twice", &["images/a.jpg", "a.png"], "images/images/a.jpg", Some("images/a.jpg")),
        ("images in the name alone", &["a.jpg", "small/a.jpg"], "images/a.jpg", Some("a.jpg")),
        ("missing", &["04/a.jpg"], "04/b.jpg", None),
        ("empty", &["04/a.jpg"], "", None),
        ("folder alone", &["04/a.jpg"], "04/", None),
        ("composed name of a decomposed file", &["u\u{308}.jpg"], "\u{fc}.jpg", Some("u\u{308}.jpg")),
        ("decomposed name of a composed file", &["\u{fc}.jpg"], "u\u{308}.jpg", Some("\u{fc}.jpg")),
        ("both forms there", &["\u{fc}.jpg", "u\u{308}.jpg"], "u\u{308}.jpg", Some("u\u{308}.jpg")),
        ("folder in another form", &["u\u{308}/a.jpg", "o/a.jpg"], "\u{fc}/a.jpg", Some("u\u{308}/a.jpg")),
        ("case", &["IMG_1.JPG"], "img_1.jpg", Some("IMG_1.JPG")),
        ("case beyond ASCII", &["\u{c4}rger.jpg"], "a\u{308}RGER.JPG", Some("\u{c4}rger.jpg")),
        ("closest case", &["A.jpg", "a.jpg"], "a.jpg", Some("a.jpg")),
        ("several other cases", &["A.jpg", "a.jpg"], "a.JPG", None),
        (
            "path in another case before a file elsewhere",
            &["val/A.jpg", "old/a.jpg"],
            "Val/a.jpg",
            Some("val/A.jpg"),
        ),
        ("other extension", &["a.jpeg"], "a.png", Some("a.jpeg")),
        ("other extension, several", &["a.jpeg", "a.webp"], "a.png", None),
        ("other extension beside the file's own", &["a.jpeg", "a.png"], "a.png", Some("a.png")),
        ("no extension", &["000123.jpg", "000124.jpg"], "val/000123", Some("000123.jpg")),
        ("extension of another kind", &["a.json", "a.txt"], "a.jpg", None),
        ("dot in the name", &["a.v2.jpg", "a.jpg"], "a.v2", Some("a.v2.jpg")),
        ("climbing out", &["images/a.jpg"], r"..\..\a.jpg", Some("images/a.jpg")),
        ("climbing within", &["images/a.jpg"], "images/../images/a.jpg", Some("images/a.jpg")),
        ("drive", &["x/04/a.jpg", "x/05/a.jpg"], r"D:\data\05\a.jpg", Some("x/05/a.jpg")),
        ("server of a network", &["a.jpg"], r"\\host\share\a.jpg", Some("a.jpg")),
        ("back slashes in the file's own name", &[r"04\a.jpg"], "04/a.jpg", Some(r"04\a.jpg")),
        ("address", &["val/a b.jpg"], "https://host/val/a%20b.jpg?w=1#x", Some("val/a b.jpg")),
        ("address of a file", &["a.jpg"], "file:///home/me/a.jpg", Some("a.jpg")),
        ("encoded name", &["a b#1?.jpg"], "a%20b%231%3F.jpg", Some("a b#1?.jpg")),
        ("encoded file", &["a%20b.jpg"], "a b.jpg", Some("a%20b.jpg")),
        ("encoded and plain", &["a%20b.jpg", "a b.jpg"], "a%20b.jpg", Some("a%20b.jpg")),
        ("signs of addresses", &["a#1?100%.jpg", "a"], "a#1?100%.jpg", Some("a#1?100%.jpg")),
        ("query after the name", &["a.jpg"], "04/a.jpg?size=large", Some("a.jpg")),
    ];

    #[test]
    fn names_find_their_files() {
        for (case, paths, name, expected) in TABLE {
            let files = ImageFiles::new(*paths);
            let found = files.find(name).and_then(|index| files.path(index));
            assert_eq!(found, *expected, "{case}: {name} in {paths:?}");
        }
    }

    #[test]
    fn every_file_of_many_is_found_by_its_path() {
        let paths: Vec<_> = (0..5000).map(|at| format!("{:02}/{}.jpg", at % 100, at / 3)).collect();
        let files = ImageFiles::new(&paths);
        assert_eq!((files.len(), files.is_empty()), (5000, false));
        for (index, path) in paths.iter().enumerate() {
            assert_eq!((files.find(path), files.path(index)), (Some(index), Some(path.as_str())));
        }
        assert_eq!(files.path(5000), None);
    }
}
