//! The index: entities, the masks seen of each, and one unit vector a mask; its file form, checked
//! on reading.
//!
//! An index is a JSON header that names its parts with their lengths and hashes, and four parts:
//! the mean vector (`f32`) and the views' vectors (`f32` or `f16`), little endian, row-major;
//! entities and entries as JSON lines. Vectors are centred (their mean is subtracted, then they are
//! scaled to length 1 again): features of one network share a large common part, without which
//! cosines tell more.

use serde::{Deserialize, Serialize};

use super::calibrate::{self, Calibration};
use super::encoder_card::EncoderCard;
use super::index_header::{FORMAT, Header, Limits, Part, Parts, VERSION};
use super::pool;
use super::protocol::sha256_hex;
use super::vectors::{Element, Vectors, floats};

/// Views of entities to search in.
#[derive(Clone, Debug, PartialEq)]
pub struct Index {
    encoder: EncoderCard,
    mean: Vec<f32>,
    vectors: Vectors,
    entities: Vec<Entity>,
    entries: Vec<Entry>,
    /// For each entity the first of its entries, and behind the last the number of entries.
    starts: Vec<u32>,
    /// For each entry a number that is the same for entries of one image.
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
    /// What it is, in a few words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where to read about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// A small image of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbnail: Option<String>,
}

/// One view of an entity: a mask in an image.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Position of its entity in the list of entities.
    pub entity: u32,
    /// The annotation's id.
    pub annotation: String,
    /// The image's address.
    pub image: String,
    /// The first 16 digits of the image's SHA-256, the same for copies under other names.
    pub image_hash: String,
    /// The mask's box, `[x1, y1, x2, y2]` in pixels.
    #[serde(rename = "box")]
    pub bounds: [f32; 4],
}

/// Why an index cannot be built or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The header is not JSON of the right form.
    #[error("the header is not that of an index: {0}")]
    Header(#[source] serde_json::Error),
    /// The header belongs to something else or to another version.
    #[error("the header says '{format}' version {version}, this program reads '{FORMAT}' version {VERSION}")]
    Version {
        /// The header's format.
        format: String,
        /// The header's version.
        version: u32,
    },
    /// A part's name is not a plain file name.
    #[error("the part {file:?} is not a plain file name")]
    PartName {
        /// The name in the header.
        file: String,
    },
    /// A part's hash is not 64 lower-case hexadecimal digits.
    #[error("the header's SHA-256 of {file} is none: {sha256:?}")]
    HashForm {
        /// The part.
        file: String,
        /// What the header says.
        sha256: String,
    },
    /// A part has another length than the header says.
    #[error("{file} has {actual} bytes, the header says {expected}")]
    PartLength {
        /// The part.
        file: String,
        /// By the header, or by its own counts.
        expected: u64,
        /// Found.
        actual: u64,
    },
    /// A part is not the one the header was written for.
    #[error("{file} has the SHA-256 {actual}, the header says {expected}")]
    PartHash {
        /// The part.
        file: String,
        /// By the header.
        expected: String,
        /// Found.
        actual: String,
    },
    /// A line of a part is not JSON of the right form.
    #[error("{file}, line {line}: {source}")]
    Line {
        /// The part.
        file: String,
        /// From 1.
        line: usize,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// A part has another number of lines than the header says.
    #[error("{file} has {actual} lines, the header says {expected}")]
    Lines {
        /// The part.
        file: String,
        /// By the header.
        expected: u64,
        /// Found.
        actual: u64,
    },
    /// A vector is not finite or not of length 1.
    #[error("vector {row} has the length {length}, not 1")]
    VectorLength {
        /// Which row.
        row: usize,
        /// Its length.
        length: f32,
    },
    /// Entries are not sorted by entity, an entity is out of range, has no entry, or its id comes twice.
    #[error("entity {entity} is out of order, without entries or not unique")]
    Order {
        /// Which entity.
        entity: u32,
    },
    /// A vector's length is not that of the others.
    #[error("view {row} has {actual} numbers, the others have {expected}")]
    Dimensions {
        /// Which view.
        row: usize,
        /// Numbers of the first.
        expected: usize,
        /// Numbers of this one.
        actual: usize,
    },
    /// A question's vector is not as long as the index's: another encoder made it.
    #[error(
        "the mask's vector has {actual} numbers, those of the index have {expected}: they are of different encoders"
    )]
    QuestionDimensions {
        /// Numbers of the index's vectors.
        expected: usize,
        /// Numbers of the question's.
        actual: usize,
    },
    /// A question's vector has no direction once the index's mean is subtracted.
    #[error("the mask's vector: {0}")]
    Question(#[source] pool::Error),
    /// A number of the index's mean is infinite or none.
    #[error("number {at} of the index's mean is not finite")]
    Mean {
        /// Which number.
        at: usize,
    },
    /// There is nothing to search in.
    #[error("the index has no entries")]
    Empty,
    /// A feature has no direction once the mean is subtracted.
    #[error("view {row} of the index: {source}")]
    Feature {
        /// Which view.
        row: usize,
        /// What is wrong.
        source: pool::Error,
    },
    /// A stated limit would be passed; nothing was allocated.
    #[error("{what}: {actual} is over the limit of {limit}")]
    Limit {
        /// What is limited.
        what: &'static str,
        /// The most that is taken.
        limit: u64,
        /// What was asked for.
        actual: u64,
    },
    /// The caller's way of reading a part failed.
    #[error("{file} cannot be read: {source}")]
    Read {
        /// The part.
        file: String,
        /// What the system says.
        source: std::io::Error,
    },
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
    /// Puts an index together: `views` are entries with their pooled features, each entry's
    /// `entity` a position in `entities`. Entities without a view are left out; the order of the
    /// result does not depend on that of `views`. It is not calibrated yet.
    pub fn build(
        mut encoder: EncoderCard,
        element: Element,
        entities: Vec<Entity>,
        views: Vec<(Entry, Vec<f32>)>,
    ) -> Result<Self, Error> {
        // In the index's folder the encoder has a name like the other parts.
        encoder.file = format!("encoder-{}.onnx", &encoder.sha256[..encoder.sha256.len().min(16)]);
        let (entities, views) = in_order(entities, views)?;
        let (entries, mut features): (Vec<_>, Vec<_>) = views.into_iter().unzip();
        let mean = mean(&features)?;
        for (row, feature) in features.iter_mut().enumerate() {
            centre(feature, &mean).map_err(|source| Error::Feature { row, source })?;
        }
        let vectors = Vectors::new(mean.len(), element, &features.concat());
        Self::checked(encoder, mean, vectors, entities, entries, Calibration::default())
    }

    /// Calibrates it by its own views, each asked for without its image.
    pub fn calibrate(&mut self) {
        self.calibration = calibrate::fit(self);
    }

    /// Calibrates it by masks that are not in it: the feature of each and the QID it shows.
    pub fn calibrate_by(&mut self, questions: &[(Vec<f32>, String)]) -> Result<(), Error> {
        self.calibration = calibrate::fit_to(self, questions)?;
        Ok(())
    }

    /// Reads an index: the header, and each part as `read` gives it once its stated length is
    /// within the limits.
    pub fn from_files(
        header: &[u8],
        limits: Limits,
        mut read: impl FnMut(&Part) -> Result<Vec<u8>, std::io::Error>,
    ) -> Result<Self, Error> {
        let header = Header::read(header, limits)?;
        let Header { encoder, dimensions, element, entries, entities, calibration, parts, .. } = header;
        let mut part = |part: &Part| {
            let bytes = read(part).map_err(|source| Error::Read { file: part.file.clone(), source })?;
            part.check(&bytes)?;
            Ok::<_, Error>(bytes)
        };
        let mean = floats(&part(&parts.mean)?);
        if let Some(at) = mean.iter().position(|value| !value.is_finite()) {
            return Err(Error::Mean { at });
        }
        let vectors = Vectors::from_bytes(dimensions as usize, element, &part(&parts.vectors)?);
        let entities = lines(&parts.entities, &part(&parts.entities)?, entities)?;
        let entries = lines(&parts.entries, &part(&parts.entries)?, entries)?;
        Self::checked(encoder, mean, vectors, entities, entries, calibration)
    }

    /// The file form. The same index gives the same bytes.
    pub fn to_files(&self) -> Result<Files, Error> {
        let parts = [
            part("mean", "f32", self.mean.iter().flat_map(|value| value.to_le_bytes()).collect()),
            part("vectors", self.vectors.element().name(), self.vectors.to_bytes()),
            part("entities", "jsonl", to_lines(&self.entities).map_err(Error::Header)?),
            part("entries", "jsonl", to_lines(&self.entries).map_err(Error::Header)?),
        ];
        let [mean, vectors, entities, entries] = [0, 1, 2, 3].map(|at: usize| parts[at].0.clone());
        let header = Header {
            format: FORMAT.to_owned(),
            version: VERSION,
            encoder: self.encoder.clone(),
            dimensions: self.vectors.dimensions() as u64,
            element: self.vectors.element(),
            entries: self.entries.len() as u64,
            entities: self.entities.len() as u64,
            calibration: self.calibration.clone(),
            parts: Parts { mean, vectors, entities, entries },
        };
        let mut header = serde_json::to_vec_pretty(&header).map_err(Error::Header)?;
        header.push(b'\n');
        Ok(Files { header, parts: parts.into_iter().map(|(part, bytes)| (part.file, bytes)).collect() })
    }

    /// The encoder whose features this index answers.
    pub fn encoder(&self) -> &EncoderCard {
        &self.encoder
    }

    /// The entities, by rising QID.
    pub fn entities(&self) -> &[Entity] {
        &self.entities
    }

    /// The views, by entity, then by annotation id.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The views' vectors, in the order of the entries.
    pub fn vectors(&self) -> &Vectors {
        &self.vectors
    }

    /// The entries of an entity.
    pub fn entries_of(&self, entity: u32) -> std::ops::Range<usize> {
        self.starts[entity as usize] as usize..self.starts[entity as usize + 1] as usize
    }

    /// A number for an entry's image, the same for entries of one image.
    pub fn image_of(&self, entry: usize) -> u32 {
        self.images[entry]
    }

    /// How cosines become scores.
    pub fn calibration(&self) -> &Calibration {
        &self.calibration
    }

    /// The vector to search with for a mask's pooled feature: centred, of length 1.
    pub fn query(&self, feature: &[f32]) -> Result<Vec<f32>, Error> {
        let (expected, actual) = (self.mean.len(), feature.len());
        if actual != expected {
            return Err(Error::QuestionDimensions { expected, actual });
        }
        let mut query = feature.to_vec();
        centre(&mut query, &self.mean).map_err(Error::Question)?;
        Ok(query)
    }

    fn checked(
        encoder: EncoderCard,
        mean: Vec<f32>,
        vectors: Vectors,
        entities: Vec<Entity>,
        entries: Vec<Entry>,
        calibration: Calibration,
    ) -> Result<Self, Error> {
        if vectors.rows() == 0 {
            return Err(Error::Empty);
        }
        if let Some((row, length)) = vectors.first_not_unit() {
            return Err(Error::VectorLength { row, length });
        }
        let mut qids = std::collections::HashSet::new();
        if let Some(twice) = entities.iter().position(|entity| !qids.insert(&entity.qid)) {
            return Err(Error::Order { entity: twice as u32 });
        }
        let mut starts = vec![0];
        for (row, entry) in entries.iter().enumerate() {
            let current = starts.len() as u32 - 1;
            if entry.entity != current {
                // The next entity begins; the one before it has an entry unless this is the very first row.
                if entry.entity != current + 1 || row == 0 {
                    return Err(Error::Order { entity: entry.entity });
                }
                starts.push(row as u32);
            }
        }
        starts.push(entries.len() as u32);
        if starts.len() != entities.len() + 1 {
            return Err(Error::Order { entity: entities.len() as u32 });
        }
        let mut numbers = std::collections::HashMap::new();
        let images = entries.iter().map(|entry| {
            let next = numbers.len() as u32;
            *numbers.entry(entry.image_hash.as_str()).or_insert(next)
        });
        let images = images.collect();
        Ok(Self { encoder, mean, vectors, entities, entries, starts, images, calibration })
    }
}

/// Sorts QIDs as numbers: shorter ones first, then by their characters.
fn qid_order(qid: &str) -> (usize, &str) {
    (qid.len(), qid)
}

type Views = Vec<(Entry, Vec<f32>)>;

/// Entities by rising QID without those that have no view, and views by entity and annotation.
fn in_order(mut entities: Vec<Entity>, mut views: Views) -> Result<(Vec<Entity>, Views), Error> {
    let known = entities.len() as u32;
    if let Some((entry, _)) = views.iter().find(|(entry, _)| entry.entity >= known) {
        return Err(Error::Order { entity: entry.entity });
    }
    let mut seen = vec![false; entities.len()];
    for (entry, _) in &views {
        seen[entry.entity as usize] = true;
    }
    let mut order: Vec<_> = (0..entities.len()).filter(|&at| seen[at]).collect();
    order.sort_by(|&a, &b| qid_order(&entities[a].qid).cmp(&qid_order(&entities[b].qid)));
    let mut position = vec![0; entities.len()];
    for (new, &old) in order.iter().enumerate() {
        position[old] = new as u32;
    }
    for (entry, _) in &mut views {
        entry.entity = position[entry.entity as usize];
    }
    views.sort_by(|(a, _), (b, _)| {
        (a.entity, &a.annotation, &a.image).cmp(&(b.entity, &b.annotation, &b.image))
    });
    let entities = order.into_iter().map(|old| std::mem::take(&mut entities[old])).collect();
    Ok((entities, views))
}

/// The mean of features of one length; zero for a single one, which centring would otherwise leave
/// without direction.
fn mean(features: &[Vec<f32>]) -> Result<Vec<f32>, Error> {
    let expected = features.first().ok_or(Error::Empty)?.len();
    if let Some(row) = features.iter().position(|feature| feature.len() != expected) {
        return Err(Error::Dimensions { row, expected, actual: features[row].len() });
    }
    if features.len() == 1 {
        return Ok(vec![0.0; expected]);
    }
    let sum = |at| features.iter().map(|feature| f64::from(feature[at])).sum::<f64>();
    Ok((0..expected).map(|at| (sum(at) / features.len() as f64) as f32).collect())
}

fn centre(feature: &mut [f32], mean: &[f32]) -> Result<(), pool::Error> {
    feature.iter_mut().zip(mean).for_each(|(value, mean)| *value -= mean);
    pool::normalise(feature)
}

fn part(name: &str, extension: &str, bytes: Vec<u8>) -> (Part, Vec<u8>) {
    let sha256 = sha256_hex(&bytes);
    let file = format!("{name}-{}.{extension}", &sha256[..16]);
    (Part { file, bytes: bytes.len() as u64, sha256 }, bytes)
}

fn to_lines<T: Serialize>(items: &[T]) -> Result<Vec<u8>, serde_json::Error> {
    let mut text = Vec::new();
    for item in items {
        serde_json::to_writer(&mut text, item)?;
        text.push(b'\n');
    }
    Ok(text)
}

fn lines<T: for<'a> Deserialize<'a>>(part: &Part, bytes: &[u8], expected: u64) -> Result<Vec<T>, Error> {
    let file = part.file.clone();
    let actual = memchr::memchr_iter(b'\n', bytes).count() as u64;
    if actual != expected || !bytes.ends_with(b"\n") {
        return Err(Error::Lines { file, expected, actual });
    }
    // Each line ends with a line feed, so behind the last one the split leaves an empty rest.
    let lines = bytes.split(|&byte| byte == b'\n').take(actual as usize).enumerate();
    let read = |(at, line): (usize, &[u8])| {
        serde_json::from_slice(line).map_err(|source| Error::Line {
            file: file.clone(),
            line: at + 1,
            source,
        })
    };
    lines.map(read).collect()
}
