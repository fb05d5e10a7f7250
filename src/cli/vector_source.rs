//! Files of precomputed vectors: `.npy`, Parquet, and gzip lines of an address and its numbers.

use std::cell::Cell;
use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context as _, bail, ensure};
use flate2::read::MultiGzDecoder;
use half::f16;
use npyz::{DType, NpyFile, TypeChar};
use parquet::basic::Type;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, FloatType};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::schema::types::ColumnDescPtr;

use super::progress::Progress;

/// Maximum numbers a vector.
const MAX_DIMENSIONS: u64 = 1 << 14;
/// Lines that are parsed together, on all cores.
const BATCH_LINES: usize = 1_024;
/// Maximum length of a line of text.
const MAX_LINE: u64 = 1 << 20;
/// Rows of Parquet that are read together.
const BATCH_ROWS: usize = 1_024;
/// Names of the column of keys, where Parquet has several of text.
const KEY_COLUMNS: [&str; 2] = ["qid", "wikidata_id"];

/// A file of vectors, read as often as needed.
pub(super) struct VectorSource {
    path: PathBuf,
    kind: Kind,
}

enum Kind {
    /// A matrix, whose rows have their numbers as keys.
    Npy,
    /// A column of lists of numbers, and one of text, the keys.
    Parquet,
    /// Lines of a key, a tab and numbers with commas between them; a line of zeros has no vector.
    Lines,
}

/// Takes the key and the numbers of a vector.
pub(super) type Each<'a> = dyn FnMut(&str, &[f32]) -> anyhow::Result<()> + 'a;

impl VectorSource {
    /// Opens a file; its form is known by the name's end.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
        let kind = match () {
            () if ends(&[".npy"]) => Kind::Npy,
            () if ends(&[".parquet"]) => Kind::Parquet,
            () if ends(&[".csv", ".tsv", ".csv.gz", ".tsv.gz"]) => Kind::Lines,
            () => bail!("{}: vectors are read from .npy, .parquet, .csv.gz and .tsv.gz", path.display()),
        };
        Ok(Self { path: path.to_owned(), kind })
    }

    /// Returns whether the vectors are rows of a matrix, without texts.
    pub(super) fn is_matrix(&self) -> bool {
        matches!(self.kind, Kind::Npy)
    }

    /// Returns the path of the file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads all vectors in order; those of zeros are left out. `row` is the number of a matrix' first row,
    /// and then of the row after its last one.
    pub(super) fn read(&self, row: &mut u64, each: &mut Each<'_>) -> anyhow::Result<()> {
        let mut each = |key: &str, vector: &[f32]| {
            let is_missing = vector.iter().all(|value| *value == 0.0);
            ensure!(vector.iter().all(|value| value.is_finite()), "the vector of {key} is not finite");
            if is_missing { Ok(()) } else { each(key, vector) }
        };
        let read = match self.kind {
            Kind::Npy => self.read_npy(row, &mut each),
            Kind::Parquet => self.read_parquet(&mut each),
            Kind::Lines => self.read_lines(&mut each),
        };
        read.with_context(|| self.path.display().to_string())
    }

    fn read_npy(&self, row: &mut u64, each: &mut Each<'_>) -> anyhow::Result<()> {
        let file = NpyFile::new(BufReader::with_capacity(1 << 20, File::open(&self.path)?))
            .context("it is not a NumPy file")?;
        let &[rows, dimensions] = file.shape() else {
            bail!("it has {} axes; vectors are rows and numbers", file.shape().len());
        };
        ensure!((1..=MAX_DIMENSIONS).contains(&dimensions), "{dimensions} numbers a vector");
        ensure!(file.order() == npyz::Order::C, "it is column-major; save it in C order");
        let progress = Progress::of_items(rows, "vectors");
        let mut vector = Vec::with_capacity(dimensions as usize);
        let mut push = |value: std::io::Result<f32>| {
            vector.push(value?);
            if vector.len() as u64 == dimensions {
                progress.advance(1);
                each(&row.to_string(), &vector)?;
                vector.clear();
                *row += 1;
            }
            anyhow::Ok(())
        };
        let kind = file.dtype();
        match float_bytes(&kind) {
            Some(2) => file.data::<f16>()?.try_for_each(|value| push(value.map(f32::from)))?,
            Some(4) => file.data::<f32>()?.try_for_each(push)?,
            Some(8) => file.data::<f64>()?.try_for_each(|value| push(value.map(|value| value as f32)))?,
            _ => bail!("its numbers are {}; save it as float32 or float16", kind.descr()),
        }
        progress.finish();
        Ok(())
    }

    fn read_parquet(&self, each: &mut Each<'_>) -> anyhow::Result<()> {
        let reader = SerializedFileReader::new(File::open(&self.path)?)?;
        let schema = reader.metadata().file_metadata().schema_descr_ptr();
        let columns = schema.columns();
        let keys = key_column(columns)?;
        let vectors = columns.iter().position(|one| {
            one.max_rep_level() == 1 && matches!(one.physical_type(), Type::FLOAT | Type::DOUBLE)
        });
        let vectors = vectors.context("it needs a column of lists of numbers")?;
        let highest = columns[vectors].max_def_level();
        let progress = Progress::of_items(reader.metadata().file_metadata().num_rows() as u64, "vectors");
        for group in 0..reader.num_row_groups() {
            let group = reader.get_row_group(group)?;
            let ColumnReader::ByteArrayColumnReader(mut keys) = group.get_column_reader(keys)? else {
                bail!("the column of keys is not text");
            };
            match group.get_column_reader(vectors)? {
                ColumnReader::FloatColumnReader(vectors) => {
                    read_group(
                        &mut keys,
                        Lists::<FloatType>::new(vectors, highest),
                        &progress,
                        each,
                        |value| value,
                    )?;
                }
                ColumnReader::DoubleColumnReader(vectors) => {
                    let narrow = |value| value as f32;
                    read_group(
                        &mut keys,
                        Lists::<DoubleType>::new(vectors, highest),
                        &progress,
                        each,
                        narrow,
                    )?;
                }
                _ => bail!("the column of vectors does not hold floats"),
            }
        }
        progress.finish();
        Ok(())
    }

    fn read_lines(&self, each: &mut Each<'_>) -> anyhow::Result<()> {
        let file = File::open(&self.path)?;
        let progress = Progress::of_bytes(Some(file.metadata()?.len()));
        let is_compressed = self.path.extension().is_some_and(|extension| extension == "gz");
        let read = Rc::new(Cell::new(0));
        let counted = Counted { file, read: Rc::clone(&read) };
        let mut lines: Box<dyn BufRead> = if is_compressed {
            Box::new(BufReader::with_capacity(1 << 20, MultiGzDecoder::new(counted)))
        } else {
            Box::new(BufReader::with_capacity(1 << 20, counted))
        };
        let mut number = 0;
        loop {
            let mut batch = Vec::new();
            while batch.len() < BATCH_LINES {
                let mut line = Vec::new();
                if lines.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)? == 0 {
                    break;
                }
                batch.push(line);
            }
            if batch.is_empty() {
                progress.finish();
                return Ok(());
            }
            progress.set(read.get(), String::new);
            for parsed in parse_batch(&batch) {
                number += 1;
                let (key, vector) = parsed.with_context(|| format!("line {number}"))?;
                each(key, &vector)?;
            }
        }
    }
}

/// A file that counts the bytes read of it.
struct Counted {
    file: File,
    read: Rc<Cell<u64>>,
}

impl std::io::Read for Counted {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read(bytes)?;
        self.read.set(self.read.get() + count as u64);
        Ok(count)
    }
}

/// Parses lines on all cores, in their order.
fn parse_batch(lines: &[Vec<u8>]) -> Vec<anyhow::Result<(&str, Vec<f32>)>> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = lines.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let parse = |share| scope.spawn(move || <[Vec<u8>]>::iter(share).map(|line| parse(line)).collect());
        let started: Vec<std::thread::ScopedJoinHandle<'_, Vec<_>>> =
            lines.chunks(share).map(parse).collect();
        // A panic of a share is passed on.
        let joined = started
            .into_iter()
            .map(|share| share.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        joined.flatten().collect()
    })
}

/// Parses a line `key TAB number,number,...`.
fn parse(line: &[u8]) -> anyhow::Result<(&str, Vec<f32>)> {
    let line = std::str::from_utf8(line)?.trim_end_matches(['\n', '\r']);
    let (key, numbers) = line.split_once('\t').context("expected a tab behind the key")?;
    let numbers: Result<Vec<f32>, _> = numbers.split(',').map(str::parse).collect();
    let numbers = numbers.context("expected numbers with commas between them")?;
    ensure!(numbers.len() as u64 <= MAX_DIMENSIONS, "{} numbers a vector", numbers.len());
    Ok((key, numbers))
}

/// Returns the bytes of a number, where numbers are floats.
fn float_bytes(kind: &DType) -> Option<u64> {
    let DType::Plain(kind) = kind else { return None };
    (kind.type_char() == TypeChar::Float).then(|| kind.size_field())
}

/// Returns the position of the column of keys: the one of [`KEY_COLUMNS`], or the only one of text.
fn key_column(columns: &[ColumnDescPtr]) -> anyhow::Result<usize> {
    let is_text =
        |column: &ColumnDescPtr| column.physical_type() == Type::BYTE_ARRAY && column.max_rep_level() == 0;
    let texts: Vec<_> = columns.iter().enumerate().filter(|(_, column)| is_text(column)).collect();
    let is_named = |column: &ColumnDescPtr, name: &str| column.name().eq_ignore_ascii_case(name);
    let named = KEY_COLUMNS.iter().find_map(|name| texts.iter().find(|(_, column)| is_named(column, name)));
    match (named, &texts[..]) {
        (Some((at, _)), _) | (None, [(at, _)]) => Ok(*at),
        (None, []) => bail!("it needs a column of text"),
        (None, several) => {
            let names: Vec<_> = several.iter().map(|(_, column)| column.name()).collect();
            bail!("its columns {} are text; name the one of the keys {}", names.join(", "), KEY_COLUMNS[0])
        }
    }
}

/// The lists of one column, with what was read of them.
struct Lists<T: DataType> {
    reader: ColumnReaderImpl<T>,
    highest: i16,
    values: Vec<T::T>,
    definitions: Vec<i16>,
    repetitions: Vec<i16>,
}

impl<T: DataType> Lists<T> {
    /// `highest` is the definition level of a number that is there.
    fn new(reader: ColumnReaderImpl<T>, highest: i16) -> Self {
        Self { reader, highest, values: Vec::new(), definitions: Vec::new(), repetitions: Vec::new() }
    }

    /// Reads the next lists, at most `rows`, without nulls in them. An empty or missing list is one of no
    /// numbers.
    fn next(&mut self, rows: usize) -> anyhow::Result<Vec<&[T::T]>> {
        self.values.clear();
        self.definitions.clear();
        self.repetitions.clear();
        let (definitions, repetitions) = (Some(&mut self.definitions), Some(&mut self.repetitions));
        self.reader.read_records(rows, definitions, repetitions, &mut self.values)?;
        let (mut starts, mut used) = (Vec::new(), 0);
        for (definition, repetition) in self.definitions.iter().zip(&self.repetitions) {
            if *repetition == 0 {
                starts.push(used);
            }
            used += usize::from(*definition == self.highest);
        }
        ensure!(used == self.values.len(), "a vector has a null among its numbers");
        starts.push(used);
        Ok(starts.windows(2).map(|ends| &self.values[ends[0]..ends[1]]).collect())
    }
}

/// Reads the vectors of one group of rows.
fn read_group<T: DataType>(
    keys: &mut ColumnReaderImpl<ByteArrayType>,
    mut vectors: Lists<T>,
    progress: &Progress,
    each: &mut Each<'_>,
    narrow: fn(T::T) -> f32,
) -> anyhow::Result<()> {
    let mut vector = Vec::new();
    loop {
        let (mut texts, mut definitions): (Vec<ByteArray>, Vec<i16>) = (Vec::new(), Vec::new());
        let (records, ..) = keys.read_records(BATCH_ROWS, Some(&mut definitions), None, &mut texts)?;
        ensure!(records == texts.len(), "a key is null");
        if records == 0 {
            return Ok(());
        }
        let lists = vectors.next(BATCH_ROWS)?;
        ensure!(lists.len() == records, "{} vectors, but {records} keys", lists.len());
        for (key, list) in texts.iter().zip(lists) {
            progress.advance(1);
            ensure!(list.len() as u64 <= MAX_DIMENSIONS, "{} numbers a vector", list.len());
            vector.clear();
            vector.extend(list.iter().map(|value| narrow(value.clone())));
            each(key.as_utf8()?, &vector)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::sync::Arc;

    use flate2::write::GzEncoder;
    use parquet::basic::{Compression, GzipLevel};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use super::*;

    fn read(path: &Path) -> anyhow::Result<Vec<(String, Vec<f32>)>> {
        let mut found = Vec::new();
        VectorSource::open(path)?.read(&mut 0, &mut |key, vector| {
            found.push((key.to_owned(), vector.to_vec()));
            Ok(())
        })?;
        Ok(found)
    }

    fn gzip(path: &Path, text: &str) {
        let mut file = GzEncoder::new(File::create(path).unwrap(), flate2::Compression::fast());
        file.write_all(text.as_bytes()).unwrap();
        file.finish().unwrap();
    }

    #[test]
    fn gzip_lines_are_read_in_order_without_those_of_zeros() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("train_resnet_embeddings_part-00000.csv.gz");
        let lines = (0..3_000).map(|n| format!("https://a.example/{n}.jpg\t{n}.0,-0.5,1e-05\n"));
        gzip(&path, &(lines.collect::<String>() + "https://a.example/none.jpg\t0.0,0.0,0.0\n"));
        let found = read(&path).unwrap();
        assert_eq!(found.len(), 3_000);
        for (n, (key, vector)) in found.into_iter().enumerate() {
            assert_eq!((key, vector), (format!("https://a.example/{n}.jpg"), vec![n as f32, -0.5, 1e-5]));
        }
    }

    #[test]
    fn bad_line_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv.gz");
        for (text, expected) in [
            ("a\t1.0\nb 1.0\n", "line 2: expected a tab behind the key"),
            ("a\t1.0,x\n", "line 1: expected numbers with commas between them: invalid float literal"),
            ("a\t1.0,inf\n", "the vector of a is not finite"),
        ] {
            gzip(&path, text);
            let error = format!("{:#}", read(&path).unwrap_err());
            assert!(error.ends_with(expected), "{error}");
        }
        let error = read(&folder.path().join("a.txt")).unwrap_err().to_string();
        assert!(error.contains("vectors are read from .npy, .parquet"), "{error}");
    }

    #[test]
    fn batch_of_missing_and_empty_lists_alone_is_one_of_no_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vectors.parquet");
        let schema = "message m { required binary qid (UTF8); optional group v (LIST) \
                      { repeated group list { optional float element; } } }";
        let (schema, properties) = (Arc::new(parse_message_type(schema).unwrap()), Arc::default());
        let mut file = SerializedFileWriter::new(File::create(&path).unwrap(), schema, properties).unwrap();
        let mut group = file.next_row_group().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        let keys: Vec<ByteArray> = (0..5_000).map(|n| format!("Q{n}").as_str().into()).collect();
        column.typed::<ByteArrayType>().write_batch(&keys, None, None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        // Missing, empty, missing, ..., and one number at the end.
        let definitions: Vec<i16> = (0..5_000).map(|n| if n == 4_999 { 3 } else { n % 2 }).collect();
        column.typed::<FloatType>().write_batch(&[1.5], Some(&definitions), Some(&[0; 5_000])).unwrap();
        column.close().unwrap();
        group.close().unwrap();
        file.close().unwrap();
        let found = read(&path).unwrap();
        assert_eq!(found, [("Q4999".to_owned(), vec![1.5])]);
    }

    #[test]
    fn parquet_lists_of_floats_and_doubles_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vectors.parquet");
        for double in [false, true] {
            let kind = if double { "double" } else { "float" };
            let schema = format!(
                "message m {{ required binary qid (UTF8); optional group v (LIST) \
                 {{ repeated group list {{ optional {kind} element; }} }} }}"
            );
            let schema = Arc::new(parse_message_type(&schema).unwrap());
            let properties = Arc::new(WriterProperties::default());
            let mut file =
                SerializedFileWriter::new(File::create(&path).unwrap(), schema, properties).unwrap();
            for group in 0..2 {
                let mut group_writer = file.next_row_group().unwrap();
                let mut column = group_writer.next_column().unwrap().unwrap();
                let keys: Vec<ByteArray> =
                    (0..2_000).map(|n| format!("Q{group}{n}").as_str().into()).collect();
                column.typed::<ByteArrayType>().write_batch(&keys, None, None).unwrap();
                column.close().unwrap();
                let mut column = group_writer.next_column().unwrap().unwrap();
                let (definitions, repetitions) = (vec![3; 4_000], [0, 1].repeat(2_000));
                let values = (0..4_000).map(|n| f64::from(n) + 0.5);
                if double {
                    let values: Vec<f64> = values.collect();
                    let typed = column.typed::<DoubleType>();
                    typed.write_batch(&values, Some(&definitions), Some(&repetitions)).unwrap();
                } else {
                    let values: Vec<f32> = values.map(|value| value as f32).collect();
                    let typed = column.typed::<FloatType>();
                    typed.write_batch(&values, Some(&definitions), Some(&repetitions)).unwrap();
                }
                column.close().unwrap();
                group_writer.close().unwrap();
            }
            file.close().unwrap();
            let found = read(&path).unwrap();
            assert_eq!(found.len(), 4_000);
            assert_eq!(found[2_001], ("Q11".to_owned(), vec![2.5, 3.5]));
        }
    }

    /// Writes rows of some columns of text and of `[0.5, 1.5]`.
    fn write_parquet(path: &Path, texts: &[(&str, &[&str])], compression: Compression) {
        let names: Vec<_> =
            texts.iter().map(|(name, _)| format!("required binary {name} (UTF8); ")).collect();
        let names = names.concat();
        let schema = format!(
            "message m {{ {names} optional group v (LIST) {{ repeated group list \
             {{ optional float element; }} }} }}"
        );
        let schema = Arc::new(parse_message_type(&schema).unwrap());
        let properties = Arc::new(WriterProperties::builder().set_compression(compression).build());
        let mut file = SerializedFileWriter::new(File::create(path).unwrap(), schema, properties).unwrap();
        let mut group = file.next_row_group().unwrap();
        for (_, texts) in texts {
            let texts: Vec<ByteArray> = texts.iter().map(|&text| text.into()).collect();
            let mut column = group.next_column().unwrap().unwrap();
            column.typed::<ByteArrayType>().write_batch(&texts, None, None).unwrap();
            column.close().unwrap();
        }
        let rows = texts[0].1.len();
        let mut column = group.next_column().unwrap().unwrap();
        let (definitions, repetitions) = (vec![3; rows * 2], [0, 1].repeat(rows));
        let values = [0.5, 1.5].repeat(rows);
        column.typed::<FloatType>().write_batch(&values, Some(&definitions), Some(&repetitions)).unwrap();
        column.close().unwrap();
        group.close().unwrap();
        file.close().unwrap();
    }

    #[test]
    fn compressed_parquet_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vectors.parquet");
        let qids: Vec<String> = (1..2_000).map(|n| format!("Q{n}")).collect();
        let qids: Vec<&str> = qids.iter().map(String::as_str).collect();
        for compression in
            [Compression::SNAPPY, Compression::GZIP(GzipLevel::default()), Compression::LZ4_RAW]
        {
            write_parquet(&path, &[("qid", &qids)], compression);
            let found = read(&path).unwrap();
            assert_eq!(found.len(), 1_999, "{compression}");
            assert_eq!(found[1_998], ("Q1999".to_owned(), vec![0.5, 1.5]), "{compression}");
        }
    }

    #[test]
    fn column_of_keys_is_the_named_one_or_the_only_one_of_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vectors.parquet");
        let (titles, qids): (&[&str], &[&str]) = (&["Red fox", "Ant"], &["Q8332", "Q7386"]);
        for (columns, expected) in [
            (&[("title", titles), ("QID", qids)][..], "Q8332"),
            (&[("wikidata_id", qids), ("title", titles)], "Q8332"),
            (&[("title", titles)], "Red fox"),
        ] {
            write_parquet(&path, columns, Compression::UNCOMPRESSED);
            assert_eq!(read(&path).unwrap()[0].0, expected);
        }
        write_parquet(&path, &[("title", titles), ("entity", qids)], Compression::UNCOMPRESSED);
        let error = format!("{:#}", read(&path).unwrap_err());
        assert!(
            error.ends_with("its columns title, entity are text; name the one of the keys qid"),
            "{error}"
        );
    }

    #[test]
    fn matrix_of_any_floats_is_read_and_one_of_integers_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vectors.npy");
        let write = |kind: &str, bytes: &[u8]| {
            let form = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': (1, 2), }}");
            let header = format!("{form:<117}\n");
            let start = [&b"\x93NUMPY\x01\x00"[..], &(header.len() as u16).to_le_bytes()].concat();
            std::fs::write(&path, [&start, header.as_bytes(), bytes].concat()).unwrap();
        };
        let numbers = [1.5_f64, -2.0];
        let expected = [("0".to_owned(), vec![1.5_f32, -2.0])];
        write("<f8", &numbers.map(f64::to_le_bytes).concat());
        assert_eq!(read(&path).unwrap(), expected);
        write("<f4", &numbers.map(|number| (number as f32).to_le_bytes()).concat());
        assert_eq!(read(&path).unwrap(), expected);
        write("<f2", &numbers.map(|number| f16::from_f64(number).to_le_bytes()).concat());
        assert_eq!(read(&path).unwrap(), expected);
        write("<i8", &[0; 16]);
        let error = format!("{:#}", read(&path).unwrap_err());
        assert!(error.ends_with("its numbers are '<i8'; save it as float32 or float16"), "{error}");
    }
}
