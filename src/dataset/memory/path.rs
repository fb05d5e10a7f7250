//! Finds the image that an address means: a page's `photos/val/1.jpg` is a file's `val/1.jpg`.

use super::dataset::Dataset;

impl Dataset {
    /// The index of the image whose path the address's path ends with.
    ///
    /// A page and an annotation file seldom agree on the outer folders, so where no path is wholly
    /// in the address, the image with the most steps of it counts, its file's name at least; `None`
    /// where several paths are as near, as any of them may be another image. Steps are compared as
    /// they stand, not URL-decoded.
    pub fn image_at(&self, address: &str) -> Option<u32> {
        let mut nearest = Nearest::default();
        for (index, image) in self.images().iter().enumerate() {
            if let Some(path) = image.file.as_deref().or(image.url.as_deref()) {
                nearest.take(index as u32, path, match_of(path, address));
            }
        }
        nearest.found.filter(|_| !nearest.ambiguous)
    }
}

/// How a path fits: how many steps from the end, then whether it is wholly in the address.
type Fit = (usize, bool);

fn match_of(path: &str, address: &str) -> Fit {
    let shared = path.rsplit('/').zip(address.rsplit('/')).take_while(|(step, other)| step == other).count();
    (shared, shared == path.split('/').count())
}

#[derive(Default)]
struct Nearest<'d> {
    found: Option<u32>,
    path: &'d str,
    fit: Fit,
    ambiguous: bool,
}

impl<'d> Nearest<'d> {
    fn take(&mut self, index: u32, path: &'d str, fit: Fit) {
        if fit.0 == 0 || fit < self.fit {
            return;
        }
        if fit > self.fit {
            *self = Self { found: Some(index), path, fit, ambiguous: false };
        } else if path != self.path {
            self.ambiguous = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::limits::ReadLimits;

    fn found(paths: &[&str], address: &str) -> Option<u32> {
        let images: Vec<_> = paths
            .iter()
            .enumerate()
            .map(|(id, path)| serde_json::json!({"id": id, "file_name": path}))
            .collect();
        let json = serde_json::json!({"images": images, "categories": [], "annotations": []});
        Dataset::read(json.to_string().as_bytes(), &ReadLimits::default()).image_at(address)
    }

    #[test]
    fn the_longest_end_counts() {
        let paths = ["train/1.jpg", "val/1.jpg", "val/11.jpg"];
        assert_eq!(found(&paths, "/photos/val/1.jpg"), Some(1));
        assert_eq!(found(&paths, "/photos/train/1.jpg"), Some(0));
        assert_eq!(found(&paths, "11.jpg"), Some(2));
        assert_eq!(found(&paths, "/val/2.jpg"), None);
    }

    #[test]
    fn one_name_in_several_other_folders_is_none() {
        assert_eq!(found(&["a/1.jpg", "b/1.jpg"], "/photos/c/1.jpg"), None);
        assert_eq!(
            found(&["a/1.jpg", "b/2.jpg"], "/photos/c/1.jpg"),
            Some(0),
            "it is the only one of that name"
        );
        assert_eq!(
            found(&["a/1.jpg", "1.jpg"], "/photos/c/1.jpg"),
            Some(1),
            "its whole path is in the address"
        );
        assert_eq!(found(&["a/1.jpg", "a/1.jpg"], "/photos/c/1.jpg"), Some(0), "it is listed twice");
    }
}
