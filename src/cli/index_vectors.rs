//! An index of precomputed vectors: their QIDs, the entities' titles, two passes over the files.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};

use super::titles::each_title;
use super::vector_source::VectorSource;
use crate::dataset::is_qid;
use crate::link::encoder::EncoderManifest;
use crate::link::index::build::BuildError;
use crate::link::index::vectors::Element;
use crate::link::index::{Entity, Exemplar, Index};
use crate::link::protocol::sha256_hex;

/// Precomputed vectors to index.
#[derive(clap::Args)]
pub(super) struct VectorArgs {
    /// Precomputed vectors of the encoder's kind, each as long as the encoder's own: a .npy matrix, a
    /// .parquet file with a column of text (named qid or `wikidata_id` where there are several) and one of
    /// lists of floats, or .csv.gz lines of an address, a tab and numbers with commas between them. Vectors
    /// of zeros are left out. May be given several times.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["annotations", "prototypes", "calibrate_split", "calibrate_annotations"]
    )]
    pub(super) vectors: Vec<PathBuf>,
    /// QIDs of the vectors: lines of a vector's text, a tab and its QID, or one QID for each row of the .npy
    /// matrices, one matrix after the other in the order given. Vectors without a QID are left out. Without
    /// this file, which matrices need, the text of each vector must be its QID.
    #[arg(long, value_name = "FILE", requires = "vectors")]
    vector_qids: Option<PathBuf>,
    /// Titles of the entities: JSON lines with `wikidata_id` and `wikipedia_title`, as in `Wiki6M`, plain or
    /// .gz. Other lines are skipped, and their number is printed.
    #[arg(long, value_name = "FILE", requires = "vectors")]
    titles: Option<PathBuf>,
}

/// The vectors that are indexed, by what the first pass finds.
#[derive(Default)]
struct Found {
    entities: Vec<Entity>,
    positions: HashMap<String, u32>,
    exemplars: Vec<Exemplar>,
    sums: Vec<f64>,
    left_out: u64,
}

/// Builds an index of the vectors, which must be as long as those of the encoder. Returns it with the number
/// of vectors that have no QID.
pub(super) fn build(
    args: &VectorArgs,
    (encoder, dimensions): (EncoderManifest, usize),
    element: Element,
) -> anyhow::Result<(Index, u64)> {
    let sources: Vec<_> =
        args.vectors.iter().map(|path| VectorSource::open(path)).collect::<Result<_, _>>()?;
    let qids = args.vector_qids.as_deref().map(read_qids).transpose()?;
    if let (None, Some(matrix)) = (&qids, sources.iter().find(|source| source.is_matrix())) {
        let path = matrix.path().display();
        bail!("{path}: the rows of a matrix have no QIDs; give a file of one QID a line by --vector-qids");
    }
    let mut found = Found { sums: vec![0.0; dimensions], ..Found::default() };
    let mut row = 0;
    for source in &sources {
        source.read(&mut row, &mut |key, vector| {
            check_length(key, vector, (&encoder.id, dimensions))?;
            found.add(key, qid_of(key, qids.as_ref())?, vector);
            Ok(())
        })?;
    }
    ensure!(!found.exemplars.is_empty(), "none of {} vectors has a QID", found.left_out);
    if let Some(titles) = &args.titles {
        found.read_titles(titles)?;
    }
    let Found { entities, exemplars, sums, left_out, .. } = found;
    // The mean of a single vector would leave it without direction.
    let rows = exemplars.len() as f64;
    let mean = sums.iter().map(|sum| if rows < 2.0 { 0.0 } else { (sum / rows) as f32 }).collect();
    let read = |put: &mut dyn FnMut(&[f32]) -> Result<(), BuildError>| {
        let mut row = 0;
        for source in &sources {
            source.read(&mut row, &mut |key, vector| {
                let is_found = qid_of(key, qids.as_ref())?.is_some();
                if is_found { Ok(put(vector)?) } else { Ok(()) }
            })?;
        }
        anyhow::Ok(())
    };
    let index = Index::build_streamed(encoder, element, mean, (entities, exemplars), read)?;
    Ok((index, left_out))
}

impl Found {
    /// Adds a vector of the first pass.
    fn add(&mut self, key: &str, qid: Option<String>, vector: &[f32]) {
        let Some(qid) = qid else {
            self.left_out += 1;
            return;
        };
        self.sums.iter_mut().zip(vector).for_each(|(sum, value)| *sum += f64::from(*value));
        let next = self.entities.len() as u32;
        let entity = *self.positions.entry(qid).or_insert_with_key(|qid| {
            self.entities.push(Entity { qid: qid.clone(), title: qid.clone(), ..Entity::default() });
            next
        });
        let image = if key.contains("://") { key.to_owned() } else { String::new() };
        let image_hash = sha256_hex(key.as_bytes())[..16].to_owned();
        let annotation = if image.is_empty() { key.to_owned() } else { String::new() };
        self.exemplars.push(Exemplar { entity, annotation, image, image_hash, ..Exemplar::default() });
    }

    /// Sets the titles of the entities, and the addresses of their articles.
    fn read_titles(&mut self, path: &Path) -> anyhow::Result<()> {
        let mut has_titles = false;
        let skipped = each_title(path, |qid, title| {
            has_titles = true;
            if let Some(&entity) = self.positions.get(qid) {
                let entity = &mut self.entities[entity as usize];
                title.clone_into(&mut entity.title);
                entity.url = Some(wikipedia_by_qid(qid));
            }
            true
        })?;
        let path = path.display();
        ensure!(has_titles, "{path} has no titles: give JSON lines of wikidata_id and wikipedia_title");
        if skipped > 0 {
            eprintln!("{path}: {skipped} lines that are no titles skipped");
        }
        Ok(())
    }
}

/// Checks that a vector is as long as those of the encoder.
fn check_length(key: &str, vector: &[f32], (encoder, expected): (&str, usize)) -> anyhow::Result<()> {
    let actual = vector.len();
    ensure!(
        actual == expected,
        "the vector of {key} has {actual} numbers, but those of the encoder {encoder} have {expected}; give \
         the manifest of the encoder that computed the vectors by --encoder"
    );
    Ok(())
}

/// Returns the QID of a key, which is the key itself where no file gives others.
fn qid_of(key: &str, qids: Option<&HashMap<String, String>>) -> anyhow::Result<Option<String>> {
    if let Some(qids) = qids {
        return Ok(qids.get(key).cloned());
    }
    ensure!(
        is_qid(key),
        "{key:?} is not a QID, as Q42 is; give a file with lines of a vector's text, a tab and its QID by \
         --vector-qids"
    );
    Ok(Some(key.to_owned()))
}

/// Returns Wikidata's redirect to the English article, right even where the dataset's name is not
/// the article's title.
pub(super) fn wikipedia_by_qid(qid: &str) -> String {
    format!("https://www.wikidata.org/wiki/Special:GoToLinkedPage/enwiki/{qid}")
}

/// Reads the QID of each key. A line without a tab has the key of its row, from 0.
fn read_qids(path: &Path) -> anyhow::Result<HashMap<String, String>> {
    let mut qids = HashMap::new();
    for (row, line) in lines(path)?.enumerate() {
        let line = line.with_context(|| path.display().to_string())?;
        let (key, qid) = match line.split_once('\t') {
            Some((key, qid)) => (key.to_owned(), qid),
            None => (row.to_string(), line.as_str()),
        };
        if qid.is_empty() {
            continue;
        }
        if qids.insert(key, qid.to_owned()).is_some_and(|other| other != qid) {
            bail!("{}, line {}: the vector has two QIDs", path.display(), row + 1);
        }
    }
    Ok(qids)
}

fn lines(path: &Path) -> anyhow::Result<std::io::Lines<BufReader<File>>> {
    let file = File::open(path).with_context(|| path.display().to_string())?;
    Ok(BufReader::with_capacity(1 << 20, file).lines())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::index::build::Material;

    /// Writes a matrix of 32-bit floats in `.npy` form.
    fn write_npy(path: &Path, rows: &[[f32; 3]]) {
        let shape = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, 3), }}", rows.len());
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        let header = format!("{shape:<117}\n");
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(rows.iter().flatten().flat_map(|value| value.to_le_bytes()));
        std::fs::write(path, bytes).unwrap();
    }

    fn gzipped(mut gzip: flate2::write::GzEncoder<Vec<u8>>, text: &str) -> Vec<u8> {
        std::io::Write::write_all(&mut gzip, text.as_bytes()).unwrap();
        gzip.finish().unwrap()
    }

    #[test]
    fn file_without_titles_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("titles");
        std::fs::write(&path, "Q1\tOne\n").unwrap();
        let refused = Found::default().read_titles(&path).unwrap_err().to_string();
        assert!(refused.contains("has no titles: give JSON lines"), "{refused}");
    }

    #[test]
    fn index_of_a_matrix_equals_the_index_of_its_features() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let rows = [[3.0, 0.0, 1.0], [0.0; 3], [0.0, 2.0, 5.0], [1.0, 1.0, 0.0], [9.0, 1.0, 7.0]];
        write_npy(&path("v.npy"), &rows);
        // The last row has no QID, the second no vector.
        std::fs::write(path("qids"), "Q20\nQ3\nQ3\nQ20\n\n").unwrap();
        let titles = "{\"wikidata_id\": \"Q1\", \"wikipedia_title\": \"One\"}\nbroken\n\
                      {\"wikidata_id\": \"Q3\", \"wikipedia_title\": \"Three\"}\n";
        let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::fs::write(path("titles.gz"), gzipped(gzip, titles)).unwrap();
        let args = VectorArgs {
            vectors: vec![path("v.npy")],
            vector_qids: Some(path("qids")),
            titles: Some(path("titles.gz")),
        };
        let encoder = EncoderManifest { sha256: "0123456789abcdef".to_owned(), ..EncoderManifest::default() };
        let (index, left_out) = build(&args, (encoder.clone(), 3), Element::F16).unwrap();
        assert_eq!(left_out, 1);
        let titles = index.entities().iter().map(|entity| (entity.qid.as_str(), entity.title.as_str()));
        assert_eq!(titles.collect::<Vec<_>>(), [("Q3", "Three"), ("Q20", "Q20")]);
        let features = [(1, 2), (0, 0), (0, 3)].map(|(entity, row): (u32, usize)| {
            let annotation = row.to_string();
            (Exemplar { entity, annotation, ..Exemplar::default() }, rows[row].to_vec())
        });
        let entities = ["Q20", "Q3"].map(|qid| Entity { qid: qid.to_owned(), ..Entity::default() });
        let material =
            Material { entities: entities.into(), exemplars: features.into(), ..Material::default() };
        let expected = Index::build(encoder, Element::F16, material).unwrap();
        assert_eq!(index.vectors(), expected.vectors());
        assert_eq!(index.owners(), [0, 1, 1]);
    }

    /// Returns the rows of the exemplars of each entity.
    fn rows_by_qid(index: &Index) -> Vec<(&str, &str)> {
        let exemplars = index.exemplars().iter();
        exemplars
            .map(|one| (index.entities()[one.entity as usize].qid.as_str(), one.annotation.as_str()))
            .collect()
    }

    #[test]
    fn rows_of_several_matrices_are_numbered_through() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        write_npy(&path("a.npy"), &[[3.0, 0.0, 1.0], [0.0; 3]]);
        write_npy(&path("b.npy"), &[[0.0, 2.0, 5.0], [1.0, 1.0, 0.0]]);
        std::fs::write(path("qids"), "Q1\nQ2\nQ3\nQ4\n").unwrap();
        let mut args = VectorArgs {
            vectors: vec![path("a.npy"), path("b.npy")],
            vector_qids: Some(path("qids")),
            titles: None,
        };
        let (index, _) = build(&args, (EncoderManifest::default(), 3), Element::F32).unwrap();
        assert_eq!(rows_by_qid(&index), [("Q1", "0"), ("Q3", "2"), ("Q4", "3")]);
        args.vectors.reverse();
        let (index, _) = build(&args, (EncoderManifest::default(), 3), Element::F32).unwrap();
        assert_eq!(rows_by_qid(&index), [("Q1", "0"), ("Q2", "1"), ("Q3", "2")]);
    }

    #[test]
    fn vectors_of_another_length_or_without_qids_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        write_npy(&path("v.npy"), &[[3.0, 0.0, 1.0]]);
        std::fs::write(path("v.csv"), "Q7\t1.0,2.0,3.0\nhttps://a.example/1.jpg\t1.0,2.0,4.0\n").unwrap();
        std::fs::write(path("qids"), "Q1\n").unwrap();
        let refused = |file: &str, qids: Option<&str>, dimensions: usize| {
            let vectors = vec![path(file)];
            let args = VectorArgs { vectors, vector_qids: qids.map(path), titles: None };
            let encoder = EncoderManifest { id: "small".to_owned(), ..EncoderManifest::default() };
            format!("{:#}", build(&args, (encoder, dimensions), Element::F32).unwrap_err())
        };
        let error = refused("v.npy", Some("qids"), 4);
        assert!(
            error.contains("the vector of 0 has 3 numbers, but those of the encoder small have 4"),
            "{error}"
        );
        let error = refused("v.npy", None, 3);
        assert!(error.contains("v.npy: the rows of a matrix have no QIDs"), "{error}");
        let error = refused("v.csv", None, 3);
        assert!(error.contains("\"https://a.example/1.jpg\" is not a QID"), "{error}");
        assert!(error.contains("--vector-qids"), "{error}");
    }
}
