//! Finds an image by a URL: a page's `photos/val/1.jpg` is a file's `val/1.jpg`.

use super::dataset::Dataset;

impl Dataset {
    /// Returns the index of the image whose path shares the most trailing components with a URL.
    ///
    /// A page and an annotation file seldom agree on the outer folders, so a path need not be wholly in
    /// the URL; at least the file name must match. Of equally long matches, one that is a whole path
    /// wins; if several different paths remain, the result is `None`, as any of them may be another
    /// image. Components are compared without URL decoding.
    pub fn image_at(&self, url: &str) -> Option<u32> {
        let mut best = BestMatch::default();
        for (index, image) in self.images().iter().enumerate() {
            if let Some(path) = image.file.as_deref().or(image.url.as_deref()) {
                best.update(index as u32, path, rank(path, url));
            }
        }
        best.image.filter(|_| !best.ambiguous)
    }
}

/// The number of shared trailing components, and whether they are the whole path.
type Rank = (usize, bool);

fn rank(path: &str, url: &str) -> Rank {
    let shared = path.rsplit('/').zip(url.rsplit('/')).take_while(|(own, other)| own == other).count();
    (shared, shared == path.split('/').count())
}

#[derive(Default)]
struct BestMatch<'d> {
    image: Option<u32>,
    path: &'d str,
    rank: Rank,
    ambiguous: bool,
}

impl<'d> BestMatch<'d> {
    fn update(&mut self, index: u32, path: &'d str, rank: Rank) {
        if rank.0 == 0 || rank < self.rank {
            return;
        }
        if rank > self.rank {
            *self = Self { image: Some(index), path, rank, ambiguous: false };
        } else if path != self.path {
            self.ambiguous = true;
        }
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
