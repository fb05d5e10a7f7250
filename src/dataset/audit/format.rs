//! Formats of files that are recognised and named, but not read.

use std::fmt;

/// A format that is recognised and not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileFormat {
    /// Text in UTF-16, as some Windows tools write it.
    Utf16,
    /// Data compressed by gzip.
    Gzip,
    /// A zip archive.
    Zip,
    /// Data compressed by zstd.
    Zstd,
    /// Data compressed by xz or bzip2.
    OtherCompression,
    /// A Parquet table.
    Parquet,
    /// A JPEG or PNG image.
    Image,
    /// One JSON value a line, which are not records of COCO.
    JsonLines,
    /// YouTube-VIS: masks of videos, a list of them for each object.
    YoutubeVis,
}

impl fmt::Display for FileFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Utf16 => "this is text in UTF-16; save it as UTF-8",
            Self::Gzip => "this is gzip; decompress it first",
            Self::Zip => "this is a zip archive; unpack it first",
            Self::Zstd => "this is zstd; decompress it first",
            Self::OtherCompression => "this is xz or bzip2; decompress it first",
            Self::Parquet => "this is a Parquet table, not a JSON file",
            Self::Image => "this is an image, not an annotation file",
            Self::JsonLines => "these are JSON lines of other records; one annotation a line is read",
            Self::YoutubeVis => "this is YouTube-VIS; masks of videos are not read",
        })
    }
}
