//! Vectors of annotations: an index's exemplars, or a `.npy` file with a list of ids.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use half::f16;
use npyz::{DType, NpyFile, TypeChar};

use crate::link::index::{Index, folder, header::Limits};

/// Maximum numbers a vector.
const MAX_DIMENSIONS: u64 = 1 << 14;

/// A vector for each of some annotations, read as often as needed.
pub(super) enum VectorFile {
    /// The exemplars of an index.
    Index(Box<Index>),
    /// A matrix of a row for each id.
    Npy {
        path: PathBuf,
        dimensions: usize,
        /// The ids of the annotations.
        ids: Vec<String>,
    },
}

impl VectorFile {
    /// Opens an index's folder, or a `.npy` file with the file of its rows' ids, one a line.
    pub(super) fn open(path: &Path, ids: Option<&Path>) -> anyhow::Result<Self> {
        if path.is_dir() {
            return Ok(Self::Index(Box::new(folder::read(path, Limits::default())?.0)));
        }
        let shown = path.display();
        let Some(ids) = ids else {
            bail!("{shown}: give the ids of its rows, one a line, by --vector-ids");
        };
        let file = open_npy(path)?;
        let &[rows, dimensions] = file.shape() else {
            bail!("{shown} has {} axes; vectors are rows and numbers", file.shape().len());
        };
        ensure!((1..=MAX_DIMENSIONS).contains(&dimensions), "{shown}: {dimensions} numbers a vector");
        ensure!(file.order() == npyz::Order::C, "{shown} is column-major; save it in C order");
        let lines = BufReader::new(File::open(ids).with_context(|| ids.display().to_string())?).lines();
        let ids: Vec<String> = lines.collect::<Result<_, _>>().with_context(|| ids.display().to_string())?;
        ensure!(ids.len() as u64 == rows, "{shown} has {rows} vectors, but {} ids are given", ids.len());
        Ok(Self::Npy { path: path.to_owned(), dimensions: dimensions as usize, ids })
    }

    /// Returns the numbers a vector.
    pub(super) fn dimensions(&self) -> usize {
        match self {
            Self::Index(index) => index.vectors().dimensions(),
            Self::Npy { dimensions, .. } => *dimensions,
        }
    }

    /// Returns the ids of the annotations, in the order of the vectors.
    pub(super) fn ids(&self) -> Box<dyn ExactSizeIterator<Item = &str> + '_> {
        match self {
            Self::Index(index) => {
                Box::new(index.exemplars().iter().map(|exemplar| exemplar.annotation.as_str()))
            }
            Self::Npy { ids, .. } => Box::new(ids.iter().map(String::as_str)),
        }
    }

    /// Reads all vectors in order.
    pub(super) fn read(&self, mut each: impl FnMut(&[f32]) -> anyhow::Result<()>) -> anyhow::Result<()> {
        match self {
            Self::Index(index) => {
                let mut scratch = Vec::new();
                (0..index.vectors().rows())
                    .try_for_each(|row| each(index.vectors().read(row..row + 1, &mut scratch)))
            }
            Self::Npy { path, dimensions, .. } => {
                let file = open_npy(path)?;
                let context = || path.display().to_string();
                let mut vector = Vec::with_capacity(*dimensions);
                let mut push = |value: std::io::Result<f32>| {
                    vector.push(value.with_context(context)?);
                    if vector.len() == *dimensions {
                        each(&vector)?;
                        vector.clear();
                    }
                    anyhow::Ok(())
                };
                if is_half(&file.dtype()) {
                    file.data::<f16>()?.try_for_each(|value| push(value.map(f32::from)))
                } else {
                    let numbers = file.data::<f32>().map_err(|error| anyhow::anyhow!("{error}"));
                    numbers.with_context(context)?.try_for_each(push)
                }
            }
        }
    }
}

fn open_npy(path: &Path) -> anyhow::Result<NpyFile<BufReader<File>>> {
    let context = || format!("{} is not a NumPy file (.npy)", path.display());
    let file = File::open(path).with_context(|| path.display().to_string())?;
    NpyFile::new(BufReader::with_capacity(1 << 20, file)).with_context(context)
}

fn is_half(kind: &DType) -> bool {
    let DType::Plain(kind) = kind else { return false };
    kind.type_char() == TypeChar::Float && kind.size_field() == 2
}
