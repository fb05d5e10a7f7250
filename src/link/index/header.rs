//! The header of an index: the encoder, the form of the vectors, and the files that hold the rest.

use std::ops::Range;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Serialize};

use super::error::{ContentError, ReadError};
use super::vectors::Element;
use crate::link::calibration::Calibration;
use crate::link::encoder::manifest::EncoderManifest;
use crate::link::protocol::{is_sha256, sha256_hex};

/// Value of the header's `format`.
pub const FORMAT: &str = "masklink-index";
/// Version of the file form that this code writes and reads.
pub const VERSION: u32 = 3;
/// Value of `format` in the header of an index in cells.
pub(in crate::link) const CELLS_FORMAT: &str = "masklink-cells";

/// Maximum sizes of an index that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Maximum number of exemplars, of classes and of entities.
    pub exemplars: u64,
    /// Maximum numbers a vector.
    pub dimensions: u64,
    /// Maximum bytes of all parts together.
    pub bytes: u64,
}

impl Default for Limits {
    /// Returns 2²⁶ exemplars of at most 2¹⁶ numbers, 32 GiB in all.
    fn default() -> Self {
        Self { exemplars: 1 << 26, dimensions: 1 << 16, bytes: 32 << 30 }
    }
}

/// The header file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Always [`FORMAT`].
    pub format: String,
    /// Always [`VERSION`].
    pub version: u32,
    /// Manifest of the encoder that computed the vectors.
    pub encoder: EncoderManifest,
    /// Numbers a vector.
    pub dimensions: u64,
    /// Type of a vector's numbers.
    pub element: Element,
    /// Number of vectors, and of lines of the exemplars.
    pub exemplars: u64,
    /// Number of classes: rows of the weights, and lines of the part `prototypes`.
    #[serde(default)]
    pub prototypes: u64,
    /// Number of lines of the entities.
    pub entities: u64,
    /// Datasets that the entities come from, for people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<Source>,
    /// Turns similarities and logits into scores.
    pub calibration: Calibration,
    /// Files beside the header.
    pub parts: Parts,
}

/// A source of an index's entities.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Name of the dataset, as in "knows 56 kinds of things from ...".
    pub title: String,
    /// Number of entities from it, without broader ones.
    pub entities: u64,
}

/// The files beside the header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parts {
    /// The mean that was subtracted, `dimensions` numbers of 32 bits.
    pub mean: Part,
    /// `exemplars × dimensions` numbers, row-major.
    pub vectors: Part,
    /// One [`Entity`](super::Entity) a line.
    pub entities: Part,
    /// One [`Exemplar`](super::Exemplar) a line, sorted by entity.
    pub exemplars: Part,
    /// The classes' weights, `prototypes × dimensions` numbers, row-major; absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<Part>,
    /// One class ([`Prototype`](super::prototypes::Prototype)) a line, sorted by entity; absent where there
    /// are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prototypes: Option<Part>,
}

/// One file beside the header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Plain file name with a part of the hash, so that an old part is never read with a new header.
    pub file: String,
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256, 64 lowercase hexadecimal digits.
    pub sha256: String,
}

/// The two fields that a header of any format and version has.
#[derive(Deserialize)]
struct Version {
    format: String,
    version: u32,
}

/// A header with the hash of its own file.
#[derive(Serialize)]
struct Hashed<'a, T> {
    #[serde(flatten)]
    header: &'a T,
    header_sha256: &'static str,
}

/// Text before the header's hash in its file. Within a string of JSON its quotes would be escaped.
const HASH_KEY: &[u8] = br#""header_sha256": ""#;
/// Stands for the header's hash while the hash is computed.
const NO_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Returns a header as its file. The last field, `header_sha256`, is the SHA-256 of the file with zeros in
/// its place, so that damage of any number is noticed.
pub fn to_bytes<T: Serialize>(header: &T) -> serde_json::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(&Hashed { header, header_sha256: NO_HASH })?;
    bytes.push(b'\n');
    let hash = sha256_hex(&bytes);
    if let Some(at) = hash_in(&bytes) {
        bytes[at].copy_from_slice(hash.as_bytes());
    }
    Ok(bytes)
}

/// Returns the place of the header's hash in its file.
fn hash_in(bytes: &[u8]) -> Option<Range<usize>> {
    let start = memchr::memmem::rfind(bytes, HASH_KEY)? + HASH_KEY.len();
    let place = start..start + NO_HASH.len();
    bytes.get(place.clone()).map(|_| place)
}

/// Checks a header's file against the hash in it.
fn check_hash(bytes: &[u8]) -> Result<(), ReadError> {
    let place = hash_in(bytes).ok_or_else(|| invalid("it has no header_sha256".to_owned()))?;
    let mut without = bytes.to_vec();
    without[place.clone()].copy_from_slice(NO_HASH.as_bytes());
    let actual = sha256_hex(&without);
    if actual.as_bytes() == &bytes[place.clone()] {
        return Ok(());
    }
    let expected = String::from_utf8_lossy(&bytes[place]).into_owned();
    Err(ReadError::HeaderHash { expected, actual })
}

/// Returns whether a header says that it is of a format.
pub(in crate::link) fn is_of_format(header: &[u8], format: &str) -> bool {
    serde_json::from_slice::<Version>(header).is_ok_and(|header| header.format == format)
}

/// Parses a header of the only format and version that are read.
pub(in crate::link) fn parse<T: DeserializeOwned>(
    bytes: &[u8],
    (supported_format, supported_version): (&'static str, u32),
) -> Result<T, ReadError> {
    let Version { format, version } = serde_json::from_slice(bytes).map_err(ReadError::Header)?;
    if format != supported_format || version != supported_version {
        return Err(ReadError::Version { format, version, supported_format, supported_version });
    }
    check_hash(bytes)?;
    serde_json::from_slice(bytes).map_err(ReadError::Header)
}

/// Checks amounts against their limits.
pub(in crate::link) fn check_limits(
    amounts: impl IntoIterator<Item = (&'static str, u64, u64)>,
) -> Result<(), ReadError> {
    let over = amounts.into_iter().find(|(_, limit, actual)| actual > limit);
    over.map_or(Ok(()), |(what, limit, actual)| Err(ReadError::Limit { what, limit, actual }))
}

/// Checks that the parts of classes are named where there are classes, and only there.
pub(in crate::link) fn check_classes(prototypes: u64, parts: [&Option<Part>; 2]) -> Result<(), ReadError> {
    if parts.iter().all(|part| part.is_some() == (prototypes > 0)) {
        return Ok(());
    }
    Err(invalid(format!("{prototypes} classes do not fit the parts that are named")))
}

/// Checks the lengths that parts state against those that the counts ask for.
pub(in crate::link) fn check_lengths<'a>(
    parts: impl IntoIterator<Item = (Option<&'a Part>, u64)>,
) -> Result<(), ReadError> {
    for (part, expected) in parts {
        let Some(part) = part.filter(|part| part.bytes != expected) else { continue };
        return Err(ReadError::PartLength { file: part.file.clone(), expected, actual: part.bytes });
    }
    Ok(())
}

/// Checks the names and hashes of the files, the encoder, and the calibration.
pub(in crate::link) fn check_named<'a>(
    parts: impl IntoIterator<Item = &'a Part>,
    encoder: &EncoderManifest,
    calibration: &Calibration,
) -> Result<(), ReadError> {
    for Part { file, sha256, .. } in parts {
        if !is_plain_name(file) {
            return Err(ReadError::PartName { file: file.clone() });
        }
        if !is_sha256(sha256) {
            return Err(ReadError::HashForm { file: file.clone(), sha256: sha256.clone() });
        }
    }
    if !is_plain_name(&encoder.file) {
        return Err(ReadError::PartName { file: encoder.file.clone() });
    }
    encoder.check().map_err(|error| invalid(error.to_string()))?;
    calibration.check().map_err(|reason| invalid(reason.to_owned()))
}

impl Header {
    /// Reads a header and checks it against itself and the limits, before anything else is read.
    pub fn read(bytes: &[u8], limits: Limits) -> Result<Self, ReadError> {
        if is_of_format(bytes, CELLS_FORMAT) {
            return Err(ReadError::Cells);
        }
        let header: Self = parse(bytes, (FORMAT, VERSION))?;
        header.check(limits)?;
        Ok(header)
    }

    fn check(&self, limits: Limits) -> Result<(), ReadError> {
        let Self { dimensions, element, exemplars, prototypes, entities, parts, .. } = self;
        let sizes = parts.list().map(|part| part.bytes);
        let bytes = sizes.into_iter().fold(0, u64::saturating_add);
        check_limits([
            ("exemplars of the index", limits.exemplars, *exemplars),
            ("classes of the index", limits.exemplars, *prototypes),
            ("entities of the index", limits.exemplars, *entities),
            ("numbers of a vector", limits.dimensions, *dimensions),
            ("bytes of the index", limits.bytes, bytes),
        ])?;
        if (*exemplars == 0 && *prototypes == 0) || *dimensions == 0 {
            return Err(ContentError::Empty.into());
        }
        check_classes(*prototypes, [&parts.weights, &parts.prototypes])?;
        // Within the limits the products fit 64 bits.
        let matrix = |rows: u64| rows.saturating_mul(dimensions * element.bytes());
        check_lengths([
            (Some(&parts.mean), dimensions * 4),
            (Some(&parts.vectors), matrix(*exemplars)),
            (parts.weights.as_ref(), matrix(*prototypes)),
        ])?;
        check_named(parts.list(), &self.encoder, &self.calibration)
    }
}

impl Parts {
    /// Returns all parts, in the order in which they are read.
    pub fn list(&self) -> impl Iterator<Item = &Part> {
        let always = [&self.mean, &self.vectors, &self.entities, &self.exemplars];
        always.into_iter().chain(&self.weights).chain(&self.prototypes)
    }
}

impl Part {
    /// Checks the file's length and hash.
    pub(in crate::link) fn check(&self, bytes: &[u8]) -> Result<(), ReadError> {
        let (file, actual) = (self.file.clone(), bytes.len() as u64);
        if actual != self.bytes {
            return Err(ReadError::PartLength { file, expected: self.bytes, actual });
        }
        let actual = sha256_hex(bytes);
        if actual != self.sha256 {
            return Err(ReadError::PartHash { file, expected: self.sha256.clone(), actual });
        }
        Ok(())
    }
}

pub(in crate::link) fn invalid(reason: String) -> ReadError {
    ReadError::Header(serde_json::Error::custom(reason))
}

/// Returns whether a name stays in its folder, whatever the system.
fn is_plain_name(file: &str) -> bool {
    let plain = file.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
    plain && !file.is_empty() && !file.starts_with('.')
}
