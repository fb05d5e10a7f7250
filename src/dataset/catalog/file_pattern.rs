//! The pattern by which a file names its images, so that a list of them needs no read for each.

use std::ops::Range;

/// Maximum number of patterns that are compared.
const MAX_CANDIDATES: usize = 64;
/// Minimum length of a part of the id that a pattern repeats.
const MIN_PART: usize = 2;

/// A pattern of paths with the image's id, such as `{0..2}/{id}.jpg` for `04/04925844.jpg`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FilePattern {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// Bytes of the id.
    OfId(Range<usize>),
    Id,
}

impl FilePattern {
    /// Returns the patterns that one image may have, at most [`MAX_CANDIDATES`]; none if its path does not
    /// have its id.
    fn candidates(id: &str, path: &str) -> Vec<Self> {
        let has_braces = id.contains(['{', '}']) || path.contains(['{', '}']);
        let Some(at) = path.rfind(id).filter(|_| !id.is_empty() && !has_braces) else { return Vec::new() };
        let mut candidates = vec![Vec::new()];
        // The folders may repeat a part of the id, such as its first digits.
        for (number, folder) in path[..at].split('/').enumerate() {
            let separator = (number > 0).then(|| Piece::Text("/".to_owned()));
            let mut pieces = vec![Piece::Text(folder.to_owned())];
            if folder.len() >= MIN_PART {
                let parts = id.match_indices(folder);
                pieces.extend(parts.map(|(at, _)| Piece::OfId(at..at + folder.len())));
            }
            let longer = candidates.iter().flat_map(|begun: &Vec<Piece>| {
                let with = |piece: &Piece| {
                    begun.iter().chain(&separator).chain([piece]).cloned().collect::<Vec<Piece>>()
                };
                pieces.iter().map(with).collect::<Vec<_>>()
            });
            candidates = longer.take(MAX_CANDIDATES).collect();
        }
        let end = Piece::Text(path[at + id.len()..].to_owned());
        let whole = candidates.into_iter().map(|mut pieces| {
            pieces.extend([Piece::Id, end.clone()]);
            Self { pieces }
        });
        whole.collect()
    }

    /// Returns the path of an image; `None` if its id is too short for the pattern.
    pub(super) fn path_of(&self, id: &str) -> Option<String> {
        let mut path = String::new();
        for piece in &self.pieces {
            path.push_str(match piece {
                Piece::Text(text) => text,
                Piece::OfId(range) => id.get(range.clone())?,
                Piece::Id => id,
            });
        }
        Some(path)
    }

    /// Returns the pattern as text, which [`parse`](Self::parse) reads.
    pub(super) fn to_text(&self) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::OfId(range) => format!("{{{}..{}}}", range.start, range.end),
            Piece::Id => "{id}".to_owned(),
        };
        self.pieces.iter().map(piece).collect()
    }

    /// Parses a pattern; `None` if its braces are not those of one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, inside)) = rest.split_once('{') {
            let (name, after) = inside.split_once('}')?;
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(match name.split_once("..") {
                None if name == "id" => Piece::Id,
                None => return None,
                Some((start, end)) => Piece::OfId(start.parse().ok()?..end.parse().ok()?),
            });
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Some(Self { pieces })
    }
}

/// Finds out whether one pattern holds for all images.
#[derive(Clone, Debug, Default)]
pub(super) struct PatternSearch {
    /// The patterns that held for all images so far; `None` before the first.
    held: Option<Vec<FilePattern>>,
}

impl PatternSearch {
    /// Compares the path of the next image.
    pub(super) fn add(&mut self, id: &str, path: Option<&str>) {
        match (&mut self.held, path) {
            (Some(held), Some(path)) => held.retain(|pattern| pattern.path_of(id).as_deref() == Some(path)),
            (None, Some(path)) => self.held = Some(FilePattern::candidates(id, path)),
            (_, None) => self.held = Some(Vec::new()),
        }
    }

    /// Returns a pattern that holds for all images.
    pub(super) fn finish(self) -> Option<FilePattern> {
        self.held?.into_iter().next()
    }
}

#[cfg(test)]
mod tests {
    use super::{FilePattern, PatternSearch};

    fn pattern_of(images: &[(&str, Option<&str>)]) -> Option<String> {
        let mut search = PatternSearch::default();
        for &(id, path) in images {
            search.add(id, path);
        }
        search.finish().map(|pattern| pattern.to_text())
    }

    #[test]
    fn patterns_hold_for_all_images_or_for_none() {
        let published = [
            ("oven_04925844", Some("04/oven_04925844.jpg")),
            ("oven_00000003", Some("00/oven_00000003.jpg")),
        ];
        assert_eq!(pattern_of(&published).as_deref(), Some("{5..7}/{id}.jpg"));
        assert_eq!(pattern_of(&[("7", Some("train/7.png"))]).as_deref(), Some("train/{id}.png"));
        let by_last_digits = [("0000", Some("00/0000.jpg")), ("0012", Some("12/0012.jpg"))];
        assert_eq!(pattern_of(&by_last_digits).as_deref(), Some("{2..4}/{id}.jpg"));
        let other = [published[0], ("oven_00000003", Some("oven_00000003.jpg"))];
        assert_eq!(pattern_of(&other), None);
        assert_eq!(pattern_of(&[published[0], ("oven_1", None)]), None);
        assert_eq!(pattern_of(&[("7", Some("crow.jpg"))]), None);
        assert_eq!(pattern_of(&[]), None);
    }

    #[test]
    fn patterns_survive_their_text() {
        let pattern = FilePattern::parse("{5..7}/{id}.jpg").unwrap();
        assert_eq!(pattern.path_of("oven_04925844").as_deref(), Some("04/oven_04925844.jpg"));
        assert_eq!(pattern.path_of("oven"), None, "too short");
        assert_eq!(FilePattern::parse("a/{id"), None);
        assert_eq!(FilePattern::parse("a/{name}"), None);
    }
}
