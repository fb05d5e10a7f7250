//! The index: entities, the masks seen of each, and one unit vector a mask; classes of a classifier;
//! its file form, checked on reading.
//!
//! An index is a JSON [`header`] that names its parts with their lengths and hashes, and its parts:
//! the mean vector (`f32`), the exemplars' vectors and the classes' weights (`f32` or `f16`), little
//! endian, row-major; entities, exemplars and classes as JSON lines. Vectors are centred (their mean is
//! subtracted, then they are scaled to length 1 again): features of one network share a large common part,
//! without which cosines tell more. A broader entity names its members; it may have neither exemplars nor
//! classes of its own.

pub mod build;
pub mod error;
#[cfg(not(target_arch = "wasm32"))]
pub mod folder;
mod gathered;
pub mod header;
pub mod mapped;
pub mod prototypes;
pub mod vectors;

use std::collections::HashMap;
use std::io;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::calibration::Calibration;
use super::encoder::manifest::EncoderManifest;
use super::encoder::pool::{self, PoolError};
use super::protocol::sha256_hex;
pub use error::{ContentError, ReadError};
use header::{FORMAT, Header, Limits, Part, Parts, Source, VERSION};
use mapped::PartBytes;
use prototypes::{Prototype, Prototypes};
use vectors::{Vectors, floats};

/// Number of the digits of an image's SHA-256 that an exemplar keeps.
pub const IMAGE_HASH_DIGITS: usize = 16;

/// Entities and their exemplars to search in.
#[derive(Clone, Debug, PartialEq)]
pub struct Index {
    encoder: EncoderManifest,
    mean: Vec<f32>,
    vectors: Vectors,
    entities: Vec<Entity>,
    exemplars: Vec<Exemplar>,
    prototypes: Prototypes,
    /// For each entity its first exemplar, and behind the last entity the number of exemplars.
    starts: Vec<u32>,
    /// For each exemplar its entity, as the search reads it.
    owners: Vec<u32>,
    /// For each exemplar a number that is the same for exemplars of one image.
    images: Vec<u32>,
    /// The number of each image by its [`Exemplar::image_hash`].
    image_numbers: HashMap<String, u32>,
    broader: Vec<Broader>,
    /// Positions in `broader` of those that stand for an entity.
    broader_of: HashMap<u32, Vec<u32>>,
    sources: Vec<Source>,
    calibration: Calibration,
}

/// One entity.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entity {
    /// Wikidata identifier, or the dataset's own category id.
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
    /// QIDs of the entities that it stands for, all in the index: its share in the softmax
    /// is the sum of theirs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<String>,
}

/// A broader entity of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broader {
    /// Position of the entity.
    pub entity: u32,
    /// Positions of the entities that it stands for, rising; its own where it has exemplars or classes.
    pub members: Vec<u32>,
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
    /// The first [`IMAGE_HASH_DIGITS`] digits of the image's SHA-256, the same for copies under other names.
    pub image_hash: String,
    /// The mask's box, `[x1, y1, x2, y2]` in pixels.
    #[serde(rename = "box")]
    pub bounds: [f32; 4],
    /// The mask's [outline](crate::rle::Mask::simplified_svg_path) in pixels of the image; empty where no
    /// mask is known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub outline: String,
}

/// Errors of searching for a mask's feature.
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
    Direction(PoolError),
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
    pub fn from_files<B: Into<PartBytes>>(
        header: &[u8],
        limits: Limits,
        mut read: impl FnMut(&Part) -> io::Result<B>,
    ) -> Result<Self, ReadError> {
        let header = Header::read(header, limits)?;
        let Header { encoder, dimensions, element, exemplars, prototypes, entities, parts, .. } = header;
        let dimensions = dimensions as usize;
        let mut part = |part: &Part| {
            let bytes = read(part).map_err(|reason| ReadError::Part { file: part.file.clone(), reason })?;
            let bytes = bytes.into();
            part.check(bytes.as_slice())?;
            Ok::<_, ReadError>(bytes)
        };
        let mean = floats(part(&parts.mean)?.as_slice());
        if let Some(at) = mean.iter().position(|value| !value.is_finite()) {
            return Err(ReadError::Mean { at });
        }
        let vectors = Vectors::from_bytes(dimensions, element, part(&parts.vectors)?);
        let entities = lines(&parts.entities, part(&parts.entities)?.as_slice(), entities)?;
        let exemplars = lines(&parts.exemplars, part(&parts.exemplars)?.as_slice(), exemplars)?;
        let (mut weights, mut rows) = (Vectors::new(dimensions, element, &[]), Vec::new());
        if let (Some(of_weights), Some(of_rows)) = (&parts.weights, &parts.prototypes) {
            weights = Vectors::from_bytes(dimensions, element, part(of_weights)?);
            rows = lines(of_rows, part(of_rows)?.as_slice(), prototypes)?;
        }
        let content = Content { mean, vectors, entities, exemplars, weights, prototypes: rows };
        let index = Self::checked(encoder, content)?;
        Ok(Self { sources: header.sources, calibration: header.calibration, ..index })
    }

    /// Returns the file form. The same index gives the same bytes.
    pub fn to_files(&self) -> serde_json::Result<Files> {
        let element = self.vectors.element();
        let mut parts = vec![
            part("mean", "f32", self.mean.iter().flat_map(|value| value.to_le_bytes()).collect()),
            part("vectors", element.name(), self.vectors.to_bytes()),
            part("entities", "jsonl", to_lines(&self.entities)?),
            part("exemplars", "jsonl", to_lines(&self.exemplars)?),
        ];
        if !self.prototypes.rows().is_empty() {
            parts.push(part("weights", element.name(), self.prototypes.weights().to_bytes()));
            parts.push(part("prototypes", "jsonl", to_lines(self.prototypes.rows())?));
        }
        let [mean, vectors, entities, exemplars] = [0, 1, 2, 3].map(|at: usize| parts[at].0.clone());
        let [weights, prototypes] = [4, 5].map(|at: usize| parts.get(at).map(|part| part.0.clone()));
        let header = Header {
            format: FORMAT.to_owned(),
            version: VERSION,
            encoder: self.encoder.clone(),
            dimensions: self.vectors.dimensions() as u64,
            element,
            exemplars: self.exemplars.len() as u64,
            prototypes: self.prototypes.rows().len() as u64,
            entities: self.entities.len() as u64,
            sources: self.sources.clone(),
            calibration: self.calibration.clone(),
            parts: Parts { mean, vectors, entities, exemplars, weights, prototypes },
        };
        Ok(Files {
            header: header::to_bytes(&header)?,
            parts: parts.into_iter().map(|(part, bytes)| (part.file, bytes)).collect(),
        })
    }

    /// Replaces the calibration.
    #[must_use]
    pub fn with_calibration(self, calibration: Calibration) -> Self {
        Self { calibration, ..self }
    }

    /// Replaces the sources that are stated.
    #[must_use]
    pub fn with_sources(self, sources: Vec<Source>) -> Self {
        Self { sources, ..self }
    }

    /// Returns the manifest of the encoder whose features the index holds.
    pub fn encoder(&self) -> &EncoderManifest {
        &self.encoder
    }

    /// Returns the mean that is subtracted from features.
    pub fn mean(&self) -> &[f32] {
        &self.mean
    }

    /// Returns the datasets that the entities come from.
    pub fn sources(&self) -> &[Source] {
        &self.sources
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

    /// Returns the classes that are known without an image.
    pub fn prototypes(&self) -> &Prototypes {
        &self.prototypes
    }

    /// Returns the entities that stand for others, by rising QID.
    pub fn broader(&self) -> &[Broader] {
        &self.broader
    }

    /// Returns the positions, rising, of the entities that a broader entity stands for; `None` where it is
    /// not one.
    pub fn members_of(&self, entity: u32) -> Option<&[u32]> {
        let at = self.broader.binary_search_by_key(&entity, |broader| broader.entity).ok()?;
        Some(&self.broader[at].members)
    }

    /// Returns the broader entities that stand for an entity.
    pub fn broader_of(&self, entity: u32) -> impl Iterator<Item = &Broader> {
        self.broader_of.get(&entity).into_iter().flatten().map(|&at| &self.broader[at as usize])
    }

    /// Returns the positions of an entity's exemplars.
    pub fn exemplars_of(&self, entity: u32) -> Range<usize> {
        self.starts[entity as usize] as usize..self.starts[entity as usize + 1] as usize
    }

    /// Returns the position of each exemplar's entity.
    pub fn owners(&self) -> &[u32] {
        &self.owners
    }

    /// Returns a number for each exemplar's image, the same for exemplars of one image.
    pub fn images(&self) -> &[u32] {
        &self.images
    }

    /// Returns a number for an exemplar's image, the same for exemplars of one image.
    pub fn image_of(&self, exemplar: usize) -> u32 {
        self.images[exemplar]
    }

    /// Returns the number of the image with this SHA-256, or `None` where no exemplar is of that image.
    pub fn image_with_sha256(&self, sha256: &str) -> Option<u32> {
        self.image_numbers.get(sha256.get(..IMAGE_HASH_DIGITS)?).copied()
    }

    /// Returns whether an entity can be found for a mask of an image whose exemplars do not count: whether it
    /// has an exemplar of another image, or a class, or a member that has.
    pub fn is_known_without(&self, entity: u32, except_image: Option<u32>) -> bool {
        let has_rows = |entity: u32| {
            let is_other = |exemplar| Some(self.image_of(exemplar)) != except_image;
            self.exemplars_of(entity).any(is_other) || self.prototypes.has(entity)
        };
        has_rows(entity)
            || self.members_of(entity).is_some_and(|members| members.iter().any(|&member| has_rows(member)))
    }

    /// Returns the calibration that turns similarities and logits into scores.
    pub fn calibration(&self) -> &Calibration {
        &self.calibration
    }

    /// Returns the vector to search with for a mask's pooled feature: centred, of length 1.
    pub fn query(&self, feature: &[f32]) -> Result<Vec<f32>, QueryError> {
        centred(feature, &self.mean)
    }

    /// Checks that the parts fit each other, and joins them, without sources and calibration.
    fn checked(encoder: EncoderManifest, content: Content) -> Result<Self, ContentError> {
        let Content { mean, vectors, entities, exemplars, weights, prototypes } = content;
        if vectors.rows() == 0 && prototypes.is_empty() {
            return Err(ContentError::Empty);
        }
        if let Some((row, length)) = vectors.first_not_unit() {
            return Err(ContentError::VectorLength { row, length });
        }
        let prototypes = Prototypes::checked(weights, prototypes, entities.len())?;
        let mut starts = vec![0; entities.len() + 1];
        for (row, exemplar) in exemplars.iter().enumerate() {
            let before = row.checked_sub(1).map_or(0, |before| exemplars[before].entity);
            if exemplar.entity as usize >= entities.len() || exemplar.entity < before {
                return Err(ContentError::Order { entity: exemplar.entity });
            }
            starts[exemplar.entity as usize + 1] += 1;
        }
        for entity in 1..starts.len() {
            starts[entity] += starts[entity - 1];
        }
        let mut has_rows: Vec<_> = starts.windows(2).map(|pair| pair[0] < pair[1]).collect();
        for prototype in prototypes.rows() {
            has_rows[prototype.entity as usize] = true;
        }
        let broader = broader(&entities, &has_rows)?;
        let mut broader_of: HashMap<u32, Vec<u32>> = HashMap::new();
        for (at, one) in (0..).zip(&broader) {
            for &member in &one.members {
                broader_of.entry(member).or_default().push(at);
            }
        }
        let (mut image_numbers, mut images) = (HashMap::new(), Vec::with_capacity(exemplars.len()));
        for Exemplar { image_hash, .. } in &exemplars {
            let next = image_numbers.len() as u32;
            let known = image_numbers.get(image_hash).copied();
            images.push(known.unwrap_or_else(|| {
                image_numbers.insert(image_hash.clone(), next);
                next
            }));
        }
        let owners = exemplars.iter().map(|exemplar| exemplar.entity).collect();
        let (sources, calibration) = (Vec::new(), Calibration::default());
        Ok(Self {
            encoder,
            mean,
            vectors,
            entities,
            exemplars,
            prototypes,
            starts,
            owners,
            images,
            image_numbers,
            broader,
            broader_of,
            sources,
            calibration,
        })
    }
}

/// The parts of an index as they are stored.
struct Content {
    mean: Vec<f32>,
    vectors: Vectors,
    entities: Vec<Entity>,
    exemplars: Vec<Exemplar>,
    weights: Vectors,
    prototypes: Vec<Prototype>,
}

/// Checks the entities, and finds those that stand for others.
fn broader(entities: &[Entity], has_rows: &[bool]) -> Result<Vec<Broader>, ContentError> {
    let mut positions = HashMap::new();
    for (at, entity) in (0_u32..).zip(entities) {
        let is_empty = entity.members.is_empty() && !has_rows[at as usize];
        if is_empty || positions.insert(entity.qid.as_str(), at).is_some() {
            return Err(ContentError::Order { entity: at });
        }
    }
    let is_broader = |(_, entity): &(u32, &Entity)| !entity.members.is_empty();
    let found = (0_u32..).zip(entities).filter(is_broader).map(|(at, entity)| {
        let position = |member: &String| {
            let found = positions.get(member.as_str()).copied().filter(|&member| has_rows[member as usize]);
            found.ok_or_else(|| ContentError::Member { qid: entity.qid.clone(), member: member.clone() })
        };
        let mut members = entity.members.iter().map(position).collect::<Result<Vec<_>, _>>()?;
        members.extend(has_rows[at as usize].then_some(at));
        members.sort_unstable();
        members.dedup();
        Ok(Broader { entity: at, members })
    });
    found.collect()
}

/// Returns a pooled feature without the mean, of length 1, as indexes store vectors and search for them.
pub(super) fn centred(feature: &[f32], mean: &[f32]) -> Result<Vec<f32>, QueryError> {
    let (expected, actual) = (mean.len(), feature.len());
    if actual != expected {
        return Err(QueryError::Dimensions { expected, actual });
    }
    let mut query = feature.to_vec();
    centre(&mut query, mean).map_err(QueryError::Direction)?;
    Ok(query)
}

/// Subtracts the mean from a feature and scales it to length 1.
fn centre(feature: &mut [f32], mean: &[f32]) -> Result<(), PoolError> {
    feature.iter_mut().zip(mean).for_each(|(value, mean)| *value -= mean);
    pool::normalise(feature)
}

pub(crate) fn part(name: &str, extension: &str, bytes: Vec<u8>) -> (Part, Vec<u8>) {
    let sha256 = sha256_hex(&bytes);
    let file = format!("{name}-{}.{extension}", &sha256[..16]);
    (Part { file, bytes: bytes.len() as u64, sha256 }, bytes)
}

pub(crate) fn to_lines<T: Serialize>(items: &[T]) -> serde_json::Result<Vec<u8>> {
    let mut text = Vec::new();
    for item in items {
        serde_json::to_writer(&mut text, item)?;
        text.push(b'\n');
    }
    Ok(text)
}

pub(super) fn lines<T: for<'a> Deserialize<'a>>(
    part: &Part,
    bytes: &[u8],
    expected: u64,
) -> Result<Vec<T>, ReadError> {
    let file = part.file.clone();
    let actual = memchr::memchr_iter(b'\n', bytes).count() as u64;
    // An index of classes alone has no exemplars.
    if actual != expected || !(bytes.is_empty() || bytes.ends_with(b"\n")) {
        return Err(ReadError::Lines { file, expected, actual });
    }
    // Each line ends with a line feed, so behind the last one the split leaves an empty rest.
    let lines = bytes.split(|&byte| byte == b'\n').take(actual as usize).enumerate();
    let read = |(at, line): (usize, &[u8])| {
        serde_json::from_slice(line).map_err(|reason| ReadError::Line {
            file: file.clone(),
            line: at + 1,
            reason,
        })
    };
    lines.map(read).collect()
}
