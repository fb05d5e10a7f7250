//! The index: entities, the masks seen of each, and one unit vector a mask; its file form, checked
//! on reading.
//!
//! An index is a JSON [`header`] that names its parts with their lengths and hashes, and four parts:
//! the mean vector (`f32`) and the exemplars' vectors (`f32` or `f16`), little endian, row-major;
//! entities and exemplars as JSON lines. Vectors are centred (their mean is subtracted, then they
//! are scaled to length 1 again): features of one network share a large common part, without which
//! cosines tell more.

pub mod build;
pub mod error;
#[cfg(not(target_arch = "wasm32"))]
pub mod folder;
pub mod header;
pub mod vectors;

use std::collections::{HashMap, HashSet};
use std::io;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::calibration::Calibration;
use super::encoder::manifest::EncoderManifest;
use super::encoder::pool::{self, PoolError};
use super::protocol::sha256_hex;
pub use error::{ContentError, ReadError};
use header::{FORMAT, Header, Limits, Part, Parts, VERSION};
use vectors::{Vectors, floats};

/// Entities and their exemplars to search in.
#[derive(Clone, Debug, PartialEq)]
pub struct Index {
    encoder: EncoderManifest,
    mean: Vec<f32>,
    vectors: Vectors,
    entities: Vec<Entity>,
    exemplars: Vec<Exemplar>,
    /// For each entity its first exemplar, and behind the last entity the number of exemplars.
    starts: Vec<u32>,
    /// For each exemplar a number that is the same for exemplars of one image.
    images: Vec<u32>,
    calibration: Calibration,
}

/// One entity.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entity {
    /// Wikidata identifier, or the data set's own category id.
    pub qid: String,
    /// Title as plain text.
    pub title: String,
    /// One short phrase that says what the entity is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Address of an article about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Address of a small image of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbnail: Option<String>,
    /// Name of its class, where the entity covers more than the class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class_label: Option<String>,
    /// QIDs of the entities that it stands for, all in the index: its score is the sum of theirs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<String>,
}

/// One mask in an image that shows an entity.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Exemplar {
    /// Position of its entity in the list of entities.
    pub entity: u32,
    /// Id of its annotation in the annotation file.
    pub annotation: String,
    /// Address of its image.
    pub image: String,
    /// The first 16 digits of the image's SHA-256, the same for copies under other names.
    pub image_hash: String,
    /// The mask's box, `[x1, y1, x2, y2]` in pixels.
    #[serde(rename = "box")]
    pub bounds: [f32; 4],
}

/// Why a mask's feature cannot be searched for.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// The feature has another length than the index's vectors: another encoder made it.
    #[error("the mask's vector has {actual} numbers, but the index has {expected}: their encoders differ")]
    Dimensions {
        /// Numbers of the index's vectors.
        expected: usize,
        /// Numbers of the feature.
        actual: usize,
    },
    /// The feature equals the index's mean, so it has no direction.
    #[error("the mask's vector: {0}")]
    Direction(#[source] PoolError),
}

/// An index as files: the header and the parts it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The header, JSON.
    pub header: Vec<u8>,
    /// Name and bytes of each part.
    pub parts: Vec<(String, Vec<u8>)>,
}

impl Index {
    /// Reads an index from its header and parts. Calls `read` for a part once the length that the
    /// header states is within the limits.
    pub fn from_files(
        header: &[u8],
        limits: Limits,
        mut read: impl FnMut(&Part) -> io::Result<Vec<u8>>,
    ) -> Result<Self, ReadError> {
        let header = Header::read(header, limits)?;
        let Header { encoder, dimensions, element, exemplars, entities, calibration, parts, .. } = header;
        let mut part = |part: &Part| {
            let bytes = read(part).map_err(|source| ReadError::Part { file: part.file.clone(), source })?;
            part.check(&bytes)?;
            Ok::<_, ReadError>(bytes)
        };
        let mean = floats(&part(&parts.mean)?);
        if let Some(at) = mean.iter().position(|value| !value.is_finite()) {
            return Err(ReadError::Mean { at });
        }
        let vectors = Vectors::from_bytes(dimensions as usize, element, &part(&parts.vectors)?);
        let entities = lines(&parts.entities, &part(&parts.entities)?, entities)?;
        let exemplars = lines(&parts.exemplars, &part(&parts.exemplars)?, exemplars)?;
        Ok(Self::checked(encoder, mean, vectors, entities, exemplars, calibration)?)
    }

    /// Returns the file form. The same index gives the same bytes.
    pub fn to_files(&self) -> serde_json::Result<Files> {
        let parts = [
            part("mean", "f32", self.mean.iter().flat_map(|value| value.to_le_bytes()).collect()),
            part("vectors", self.vectors.element().name(), self.vectors.to_bytes()),
            part("entities", "jsonl", to_lines(&self.entities)?),
            part("exemplars", "jsonl", to_lines(&self.exemplars)?),
        ];
        let [mean, vectors, entities, exemplars] = [0, 1, 2, 3].map(|at: usize| parts[at].0.clone());
        let header = Header {
            format: FORMAT.to_owned(),
            version: VERSION,
            encoder: self.encoder.clone(),
            dimensions: self.vectors.dimensions() as u64,
            element: self.vectors.element(),
            exemplars: self.exemplars.len() as u64,
            entities: self.entities.len() as u64,
            sources: Vec::new(),
            calibration: self.calibration.clone(),
            parts: Parts { mean, vectors, entities, exemplars },
        };
        let mut header = serde_json::to_vec_pretty(&header)?;
        header.push(b'\n');
        Ok(Files { header, parts: parts.into_iter().map(|(part, bytes)| (part.file, bytes)).collect() })
    }

    /// Replaces the calibration.
    #[must_use]
    pub fn with_calibration(self, calibration: Calibration) -> Self {
        Self { calibration, ..self }
    }

    /// Returns the manifest of the encoder whose features the index holds.
    pub fn encoder(&self) -> &EncoderManifest {
        &self.encoder
    }

    /// Returns the entities, by rising QID.
    pub fn entities(&self) -> &[Entity] {
        &self.entities
    }

    /// Returns the exemplars, by entity, then by annotation id.
    pub fn exemplars(&self) -> &[Exemplar] {
        &self.exemplars
    }

    /// Returns the exemplars' vectors, in the order of the exemplars.
    pub fn vectors(&self) -> &Vectors {
        &self.vectors
    }

    /// Returns the positions of an entity's exemplars.
    pub fn exemplars_of(&self, entity: u32) -> Range<usize> {
        self.starts[entity as usize] as usize..self.starts[entity as usize + 1] as usize
    }

    /// Returns a number for an exemplar's image, the same for exemplars of one image.
    pub fn image_of(&self, exemplar: usize) -> u32 {
        self.images[exemplar]
    }

    /// Returns the calibration that turns cosines into scores.
    pub fn calibration(&self) -> &Calibration {
        &self.calibration
    }

    /// Returns the vector to search with for a mask's pooled feature: centred, of length 1.
    pub fn query(&self, feature: &[f32]) -> Result<Vec<f32>, QueryError> {
        let (expected, actual) = (self.mean.len(), feature.len());
        if actual != expected {
            return Err(QueryError::Dimensions { expected, actual });
        }
        let mut query = feature.to_vec();
        centre(&mut query, &self.mean).map_err(QueryError::Direction)?;
        Ok(query)
    }

    /// Checks that the parts fit each other, and joins them.
    fn checked(
        encoder: EncoderManifest,
        mean: Vec<f32>,
        vectors: Vectors,
        entities: Vec<Entity>,
        exemplars: Vec<Exemplar>,
        calibration: Calibration,
    ) -> Result<Self, ContentError> {
        if vectors.rows() == 0 {
            return Err(ContentError::Empty);
        }
        if let Some((row, length)) = vectors.first_not_unit() {
            return Err(ContentError::VectorLength { row, length });
        }
        let mut qids = HashSet::new();
        if let Some(twice) = entities.iter().position(|entity| !qids.insert(&entity.qid)) {
            return Err(ContentError::Order { entity: twice as u32 });
        }
        let mut starts = vec![0];
        for (row, exemplar) in exemplars.iter().enumerate() {
            let current = starts.len() as u32 - 1;
            if exemplar.entity != current {
                // The next entity begins; the one before it has an exemplar unless this is the first row.
                if exemplar.entity != current + 1 || row == 0 {
                    return Err(ContentError::Order { entity: exemplar.entity });
                }
                starts.push(row as u32);
            }
        }
        starts.push(exemplars.len() as u32);
        if starts.len() != entities.len() + 1 {
            return Err(ContentError::Order { entity: entities.len() as u32 });
        }
        let mut numbers = HashMap::new();
        let images = exemplars.iter().map(|exemplar| {
            let next = numbers.len() as u32;
            *numbers.entry(exemplar.image_hash.as_str()).or_insert(next)
        });
        let images = images.collect();
        Ok(Self { encoder, mean, vectors, entities, exemplars, starts, images, calibration })
    }
}

/// Subtracts the mean from a feature and scales it to length 1.
fn centre(feature: &mut [f32], mean: &[f32]) -> Result<(), PoolError> {
    feature.iter_mut().zip(mean).for_each(|(value, mean)| *value -= mean);
    pool::normalise(feature)
}

fn part(name: &str, extension: &str, bytes: Vec<u8>) -> (Part, Vec<u8>) {
    let sha256 = sha256_hex(&bytes);
    let file = format!("{name}-{}.{extension}", &sha256[..16]);
    (Part { file, bytes: bytes.len() as u64, sha256 }, bytes)
}

fn to_lines<T: Serialize>(items: &[T]) -> serde_json::Result<Vec<u8>> {
    let mut text = Vec::new();
    for item in items {
        serde_json::to_writer(&mut text, item)?;
        text.push(b'\n');
    }
    Ok(text)
}

fn lines<T: for<'a> Deserialize<'a>>(part: &Part, bytes: &[u8], expected: u64) -> Result<Vec<T>, ReadError> {
    let file = part.file.clone();
    let actual = memchr::memchr_iter(b'\n', bytes).count() as u64;
    if actual != expected || !bytes.ends_with(b"\n") {
        return Err(ReadError::Lines { file, expected, actual });
    }
    // Each line ends with a line feed, so behind the last one the split leaves an empty rest.
    let lines = bytes.split(|&byte| byte == b'\n').take(actual as usize).enumerate();
    let read = |(at, line): (usize, &[u8])| {
        serde_json::from_slice(line).map_err(|source| ReadError::Line {
            file: file.clone(),
            line: at + 1,
            source,
        })
    };
    lines.map(read).collect()
}
