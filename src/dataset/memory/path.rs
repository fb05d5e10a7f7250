//! Finds an image by a URL: a page's `photos/val/1.jpg` is a file's `val/1.jpg`.

use super::dataset::Dataset;
use crate::dataset::file_name::steps;
use crate::dataset::image_files::best;
use crate::dataset::record::ImageRecord;

impl Dataset {
    /// Returns the index of the image whose path matches a URL best, by the rule of
    /// [`ImageFiles`](crate::dataset::ImageFiles).
    ///
    /// A page and an annotation file seldom agree on the outer folders, so a path need not be wholly in
    /// the URL; at least the file name must match. Of equally long matches, one that is a whole path
    /// wins; if several different paths remain, the result is `None`, as any of them may be another
    /// image.
    pub fn image_at(&self, url: &str) -> Option<u32> {
        let paths: Vec<_> = self.images().iter().map(ImageRecord::path).collect();
        let paths = paths.iter().enumerate().filter_map(|(index, path)| Some((index, path.as_deref()?)));
        best(paths, None, &steps(url)).and_then(|index| u32::try_from(index).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::limits::ReadLimits;

    fn found(paths: &[&str], url: &str) -> Option<u32> {
        let images: Vec<_> = paths
            .iter()
            .enumerate()
            .map(|(id, path)| serde_json::json!({"id": id, "file_name": path}))
            .collect();
        let json = serde_json::json!({"images": images, "categories": [], "annotations": []});
        Dataset::read(json.to_string().as_bytes(), &ReadLimits::default()).image_at(url)
    }

    #[test]
    fn longest_shared_suffix_wins() {
        let paths = ["train/1.jpg", "val/1.jpg", "val/11.jpg"];
        assert_eq!(found(&paths, "/photos/val/1.jpg"), Some(1));
        assert_eq!(found(&paths, "/photos/train/1.jpg"), Some(0));
        assert_eq!(found(&paths, "11.jpg"), Some(2));
        assert_eq!(found(&paths, "/val/2.jpg"), None);
    }

    #[test]
    fn equally_long_suffixes_of_different_paths_find_nothing() {
        assert_eq!(found(&["a/1.jpg", "b/1.jpg"], "/photos/c/1.jpg"), None);
        assert_eq!(found(&["a/1.jpg", "b/2.jpg"], "/photos/c/1.jpg"), Some(0), "only one path has that name");
        assert_eq!(found(&["a/1.jpg", "1.jpg"], "/photos/c/1.jpg"), Some(1), "the whole path is in the URL");
        assert_eq!(found(&["a/1.jpg", "a/1.jpg"], "/photos/c/1.jpg"), Some(0), "the same path twice");
    }
}
