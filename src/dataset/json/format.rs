//! Recognises files of other formats by their first bytes.

use crate::dataset::audit::FileFormat;

/// Number of first bytes that tell a format.
pub(super) const OPENING_BYTES: usize = 4;

/// The first bytes of formats, the longer of two that begin alike first.
const OPENINGS: [(&[u8], FileFormat); 12] = [
    (b"\x1f\x8b", FileFormat::Gzip),
    (b"PK\x03\x04", FileFormat::Zip),
    (b"\x28\xb5\x2f\xfd", FileFormat::Zstd),
    (b"\xfd7zX", FileFormat::OtherCompression),
    (b"BZh", FileFormat::OtherCompression),
    (b"PAR1", FileFormat::Parquet),
    (b"\xff\xd8\xff", FileFormat::Image),
    (b"\x89PNG", FileFormat::Image),
    (b"\xff\xfe", FileFormat::Utf16),
    (b"\xfe\xff", FileFormat::Utf16),
    (b"\0{", FileFormat::Utf16),
    (b"\0[", FileFormat::Utf16),
];

/// Returns the format of a file that begins with these bytes.
pub(super) fn of_opening(bytes: &[u8]) -> Option<FileFormat> {
    OPENINGS.iter().find(|(opening, _)| bytes.starts_with(opening)).map(|&(_, format)| format)
}
