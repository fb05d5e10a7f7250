//! The header of an index: which encoder, how many vectors of how many numbers, and which files hold them.

use serde::{Deserialize, Serialize};

use super::calibrate::Calibration;
use super::encoder_card::EncoderCard;
use super::index::Error;
use super::protocol::{is_sha256, sha256_hex};
use super::vectors::Element;

/// What the header's `format` says.
pub const FORMAT: &str = "masklink-index";
/// The version of the file form this code writes and reads.
pub const VERSION: u32 = 1;

/// The most an index read from outside may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Entries.
    pub entries: u64,
    /// Numbers a vector.
    pub dimensions: u64,
    /// Bytes of all parts together.
    pub bytes: u64,
}

impl Default for Limits {
    /// 2²⁶ entries of at most 2¹⁶ numbers, 32 GiB in all.
    fn default() -> Self {
        Self { entries: 1 << 26, dimensions: 1 << 16, bytes: 32 << 30 }
    }
}

/// The header file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// [`FORMAT`].
    pub format: String,
    /// [`VERSION`].
    pub version: u32,
    /// The encoder of the vectors.
    pub encoder: EncoderCard,
    /// Numbers a vector.
    pub dimensions: u64,
    /// How they are stored.
    pub element: Element,
    /// Rows of the vectors, lines of the entries.
    pub entries: u64,
    /// Lines of the entities.
    pub entities: u64,
    /// How cosines become scores.
    pub calibration: Calibration,
    /// The other files.
    pub parts: Parts,
}

/// The files beside the header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parts {
    /// The mean that was subtracted, `dimensions` numbers of 32 bits.
    pub mean: Part,
    /// `entries × dimensions` numbers.
    pub vectors: Part,
    /// One [`Entity`](super::index::Entity) a line.
    pub entities: Part,
    /// One [`Entry`](super::index::Entry) a line, sorted by entity.
    pub entries: Part,
}

/// One file beside the header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its name: a plain file name with a part of its hash, so that an old part is never read with
    /// a new header.
    pub file: String,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: String,
}

/// What a file says it is, whatever else a version holds.
#[derive(Deserialize)]
struct Kind {
    format: String,
    version: u32,
}

impl Header {
    /// Reads a header and checks it against itself and the limits, before anything else is read.
    pub fn read(bytes: &[u8], limits: Limits) -> Result<Self, Error> {
        let Kind { format, version } = serde_json::from_slice(bytes).map_err(Error::Header)?;
        if format != FORMAT || version != VERSION {
            return Err(Error::Version { format, version });
        }
        let header: Self = serde_json::from_slice(bytes).map_err(Error::Header)?;
        header.check(limits)?;
        Ok(header)
    }

    fn check(&self, limits: Limits) -> Result<(), Error> {
        let Self { dimensions, element, entries, parts, .. } = self;
        let list = parts.list();
        let bytes = list.iter().try_fold(0_u64, |sum, part| sum.checked_add(part.bytes)).unwrap_or(u64::MAX);
        for (what, limit, actual) in [
            ("entries of the index", limits.entries, *entries),
            ("numbers of a vector", limits.dimensions, *dimensions),
            ("bytes of the index", limits.bytes, bytes),
        ] {
            if actual > limit {
                return Err(Error::Limit { what, limit, actual });
            }
        }
        if *entries == 0 || *dimensions == 0 {
            return Err(Error::Empty);
        }
        // Within the limits the products fit 64 bits.
        for (part, expected) in [
            (&parts.mean, dimensions * 4),
            (&parts.vectors, entries.saturating_mul(dimensions * element.bytes())),
        ] {
            if part.bytes != expected {
                return Err(Error::PartLength { file: part.file.clone(), expected, actual: part.bytes });
            }
        }
        for part in list {
            if !is_plain_name(&part.file) {
                return Err(Error::PartName { file: part.file.clone() });
            }
            if !is_sha256(&part.sha256) {
                return Err(Error::HashForm { file: part.file.clone(), sha256: part.sha256.clone() });
            }
        }
        if !is_plain_name(&self.encoder.file) {
            return Err(Error::PartName { file: self.encoder.file.clone() });
        }
        self.encoder.check().map_err(|error| Error::Header(serde::de::Error::custom(error)))?;
        self.calibration.check().map_err(|reason| Error::Header(serde::de::Error::custom(reason)))
    }
}

impl Parts {
    /// All of them, in the order in which they are read.
    pub fn list(&self) -> [&Part; 4] {
        [&self.mean, &self.vectors, &self.entities, &self.entries]
    }
}

impl Part {
    /// Checks the file's length and hash.
    pub(super) fn check(&self, bytes: &[u8]) -> Result<(), Error> {
        let (file, actual) = (self.file.clone(), bytes.len() as u64);
        if actual != self.bytes {
            return Err(Error::PartLength { file, expected: self.bytes, actual });
        }
        let actual = sha256_hex(bytes);
        if actual != self.sha256 {
            return Err(Error::PartHash { file, expected: self.sha256.clone(), actual });
        }
        Ok(())
    }
}

/// Whether a name stays in its folder, whatever the system.
fn is_plain_name(file: &str) -> bool {
    let plain = file.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
    plain && !file.is_empty() && !file.starts_with('.')
}
