//! Sorts annotations by entity and image in bounded memory: sorted runs on disk, merged at the end.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::dataset::catalog::entity_order;

/// Bytes of the records that are sorted in memory; two such buffers exist at a time.
const RUN_BYTES: usize = 160 << 20;
/// Bytes of a key's end, which tells the record's place in the input.
const ORIGIN_BYTES: usize = 10;
/// Compression of the runs: faster than the disk.
const LEVEL: i32 = -3;

/// Records in a buffer: their keys and their JSON.
#[derive(Default)]
pub(super) struct Records {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

#[derive(Clone, Copy)]
struct Entry {
    at: usize,
    key_bytes: u32,
    json_bytes: u32,
}

/// Place of a record in the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    /// Index of the input file.
    pub(super) input: u16,
    /// Position in the file, decompressed.
    pub(super) at: u64,
}

impl Records {
    /// Appends a record; its key sorts by the entity, the image and the place in the input.
    pub(super) fn push(&mut self, entity: &str, image: &str, origin: Origin, json: &[u8]) {
        let at = self.bytes.len();
        let (kind, number, id) = entity_order(entity);
        self.bytes.push(kind);
        self.bytes.extend_from_slice(&number.to_be_bytes());
        for text in [id, image] {
            // A zero ends the text; zeros and ones inside are escaped in a way that keeps the order.
            for &byte in text.as_bytes() {
                if byte <= 1 {
                    self.bytes.push(1);
                }
                self.bytes.push(if byte == 0 { 1 } else { byte.max(2) });
            }
            self.bytes.push(0);
        }
        self.bytes.extend_from_slice(&origin.input.to_be_bytes());
        self.bytes.extend_from_slice(&origin.at.to_be_bytes());
        let key_bytes = (self.bytes.len() - at) as u32;
        self.bytes.extend_from_slice(json);
        self.entries.push(Entry { at, key_bytes, json_bytes: json.len() as u32 });
    }

    fn push_with_key(&mut self, key: &[u8], json: &[u8]) {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(json);
        self.entries.push(Entry { at, key_bytes: key.len() as u32, json_bytes: json.len() as u32 });
    }

    /// Returns the number of records.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns the number of bytes of the records.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Iterates over the records: their place in the input and their JSON.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (Origin, &[u8])> {
        self.entries.iter().map(|entry| {
            let key = self.key(entry);
            let number =
                |bytes: &[u8]| bytes.iter().fold(0, |number: u64, &byte| number << 8 | u64::from(byte));
            let (_, origin) = key.split_at(key.len() - ORIGIN_BYTES);
            let (input, at) = origin.split_at(2);
            let origin = Origin { input: number(input) as u16, at: number(at) };
            (origin, self.json(entry))
        })
    }

    fn key(&self, entry: &Entry) -> &[u8] {
        &self.bytes[entry.at..entry.at + entry.key_bytes as usize]
    }

    fn json(&self, entry: &Entry) -> &[u8] {
        let at = entry.at + entry.key_bytes as usize;
        &self.bytes[at..at + entry.json_bytes as usize]
    }

    fn sort(&mut self) {
        let mut entries = std::mem::take(&mut self.entries);
        entries.sort_unstable_by(|a, b| self.key(a).cmp(self.key(b)));
        self.entries = entries;
    }

    /// Sorts the records and writes them to a file.
    fn write_run(mut self, path: &Path) -> anyhow::Result<()> {
        self.sort();
        let context = || path.display().to_string();
        let file = BufWriter::with_capacity(1 << 20, File::create(path).with_context(context)?);
        let mut out = zstd::Encoder::new(file, LEVEL).with_context(context)?;
        for entry in &self.entries {
            out.write_all(&entry.key_bytes.to_le_bytes()).with_context(context)?;
            out.write_all(&entry.json_bytes.to_le_bytes()).with_context(context)?;
            let end = entry.at + (entry.key_bytes + entry.json_bytes) as usize;
            out.write_all(&self.bytes[entry.at..end]).with_context(context)?;
        }
        out.finish().and_then(|mut file| file.flush()).with_context(context)
    }
}

/// Collects records in any order and returns them sorted.
pub(super) struct Sorter {
    folder: PathBuf,
    run_bytes: usize,
    records: Records,
    runs: Vec<PathBuf>,
    writing: Option<std::thread::JoinHandle<anyhow::Result<()>>>,
}

impl Sorter {
    /// Creates a sorter that writes its runs into a folder.
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            run_bytes: RUN_BYTES,
            records: Records::default(),
            runs: Vec::new(),
            writing: None,
        }
    }

    /// Adds a record.
    pub(super) fn push(
        &mut self,
        entity: &str,
        image: &str,
        origin: Origin,
        json: &[u8],
    ) -> anyhow::Result<()> {
        self.records.push(entity, image, origin, json);
        if self.records.bytes() >= self.run_bytes { self.end_run() } else { Ok(()) }
    }

    /// Sorts and writes the collected records on another thread.
    fn end_run(&mut self) -> anyhow::Result<()> {
        self.wait()?;
        let records = std::mem::take(&mut self.records);
        let path = self.folder.join(format!("run-{:05}.zst", self.runs.len()));
        self.runs.push(path.clone());
        self.writing = Some(std::thread::spawn(move || records.write_run(&path)));
        Ok(())
    }

    fn wait(&mut self) -> anyhow::Result<()> {
        match self.writing.take().map(std::thread::JoinHandle::join) {
            None => Ok(()),
            Some(Ok(written)) => written,
            Some(Err(_)) => anyhow::bail!("the thread that sorts has stopped"),
        }
    }

    /// Ends the input, and returns the records in their order.
    pub(super) fn finish(mut self) -> anyhow::Result<Merge> {
        if self.runs.is_empty() {
            self.records.sort();
            return Ok(Merge { in_memory: Some(self.records), runs: Vec::new(), heap: BinaryHeap::new() });
        }
        self.end_run()?;
        self.wait()?;
        let mut merge = Merge { in_memory: None, runs: Vec::new(), heap: BinaryHeap::new() };
        for path in &self.runs {
            let mut run = Run::open(path)?;
            if let Some(key) = run.next()? {
                merge.heap.push(Reverse((key, merge.runs.len())));
            }
            merge.runs.push(run);
        }
        Ok(merge)
    }
}

/// The sorted records, read from all runs at once.
pub(super) struct Merge {
    in_memory: Option<Records>,
    runs: Vec<Run>,
    heap: BinaryHeap<Reverse<(Vec<u8>, usize)>>,
}

impl Merge {
    /// Returns the next records: at most `max_rows` of them, and fewer from `max_bytes` on; none at the end.
    pub(super) fn next_batch(&mut self, max_rows: usize, max_bytes: usize) -> anyhow::Result<Records> {
        let mut batch = Records::default();
        if let Some(records) = &mut self.in_memory {
            while batch.len() < max_rows.min(records.len()) && batch.bytes() < max_bytes {
                let entry = records.entries[batch.len()];
                batch.push_with_key(records.key(&entry), records.json(&entry));
            }
            records.entries.drain(..batch.len());
            return Ok(batch);
        }
        while batch.len() < max_rows && batch.bytes() < max_bytes {
            let Some(Reverse((key, at))) = self.heap.pop() else { break };
            let run = &mut self.runs[at];
            batch.push_with_key(&key, &run.json);
            if let Some(key) = run.next()? {
                self.heap.push(Reverse((key, at)));
            }
        }
        Ok(batch)
    }
}

/// A run that is being read.
struct Run {
    path: PathBuf,
    stream: zstd::Decoder<'static, BufReader<File>>,
    /// The JSON of the current record.
    json: Vec<u8>,
}

impl Run {
    fn open(path: &Path) -> anyhow::Result<Self> {
        let context = || path.display().to_string();
        let file = File::open(path).with_context(context)?;
        let stream = zstd::Decoder::new(file).with_context(context)?;
        Ok(Self { path: path.to_owned(), stream, json: Vec::new() })
    }

    /// Reads the next record: returns its key and keeps its JSON.
    fn next(&mut self) -> anyhow::Result<Option<Vec<u8>>> {
        let mut lengths = [0; 8];
        match self.stream.read(&mut lengths[..1]) {
            Ok(0) => return Ok(None),
            Ok(_) => {}
            Err(error) => return Err(error).with_context(|| self.path.display().to_string()),
        }
        let mut read = || {
            self.stream.read_exact(&mut lengths[1..])?;
            let [a, b, c, d, e, f, g, h] = lengths;
            let mut key = vec![0; u32::from_le_bytes([a, b, c, d]) as usize];
            self.stream.read_exact(&mut key)?;
            self.json.resize(u32::from_le_bytes([e, f, g, h]) as usize, 0);
            self.stream.read_exact(&mut self.json)?;
            Ok::<_, std::io::Error>(key)
        };
        read().map(Some).with_context(|| self.path.display().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::{Origin, Sorter};

    /// Sorts records of ids with their numbers, in runs of at most `run_bytes`, and reads them in batches.
    fn sorted(records: &[(&str, &str)], run_bytes: usize, max_rows: usize) -> Vec<u64> {
        let folder = tempfile::tempdir().unwrap();
        let mut sorter = Sorter { run_bytes, ..Sorter::new(folder.path()) };
        for (&(entity, image), at) in records.iter().zip(0..) {
            sorter.push(entity, image, Origin { input: 0, at }, at.to_string().as_bytes()).unwrap();
        }
        let mut merge = sorter.finish().unwrap();
        let mut order = Vec::new();
        loop {
            let batch = merge.next_batch(max_rows, usize::MAX).unwrap();
            assert!(batch.len() <= max_rows);
            for (origin, json) in batch.iter() {
                assert_eq!(json, origin.at.to_string().as_bytes());
                order.push(origin.at);
            }
            if batch.len() == 0 {
                return order;
            }
        }
    }

    #[test]
    fn records_are_sorted_by_entity_image_and_place_however_many_runs_there_are() {
        let ids: Vec<(String, String)> =
            (0..500).map(|n| (format!("Q{}", n * 37 % 50), format!("oven_{:03}", n * 91 % 100))).collect();
        let records: Vec<(&str, &str)> = ids.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        let mut expected: Vec<u64> = (0..500).collect();
        expected.sort_by_key(|&at| {
            let (entity, image) = &ids[at as usize];
            (entity[1..].parse::<u32>().unwrap(), image.clone(), at)
        });
        for run_bytes in [200, 5_000, usize::MAX] {
            for max_rows in [7, 1000] {
                assert_eq!(sorted(&records, run_bytes, max_rows), expected, "{run_bytes} {max_rows}");
            }
        }
    }

    #[test]
    fn zeros_inside_ids_keep_entities_together() {
        let records = [("a", "b\0a"), ("a\0b", "c"), ("a", "b\0z"), ("a\x01", "c"), ("a", "b")];
        assert_eq!(sorted(&records, usize::MAX, 10), [4, 0, 2, 1, 3]);
    }
}
