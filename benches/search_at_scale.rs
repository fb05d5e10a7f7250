//! Searches a file of made-up vectors, by commands on standard input: see `tools/bench_search.py`.
//!
//! Arguments: file of 16-bit vectors, their dimensions, file of 32-bit queries. Each line
//! `exact|int8 QUERIES THREADS K` or `read THREADS` prints its milliseconds, and a search also
//! the rows it found. `open FOLDER` opens an index of the vectors, which it writes first where there is none.
#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::io::BufRead as _;
use std::path::Path;
use std::time::Instant;

use masklink::link::encoder::{EncoderManifest, EncoderView};
use masklink::link::index::build::BuildError;
use masklink::link::index::header::Limits;
use masklink::link::index::mapped::PartBytes;
use masklink::link::index::vectors::{Element, Vectors};
use masklink::link::index::{Entity, Exemplar, Index, folder};
use masklink::link::search::cpu::CpuSearch;
use masklink::link::search::int8::{Int8Search, RoughVectors};
use masklink::link::search::{Query, Rows, Search};

fn main() {
    let args: Vec<_> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let [vectors, dimensions, queries] = args.as_slice() else {
        println!("run tools/bench_search.py, which starts this program with its vectors");
        return;
    };
    let dimensions: usize = dimensions.parse().unwrap();
    let bytes = PartBytes::map(Path::new(vectors)).unwrap();
    let vectors = Vectors::from_bytes(dimensions, Element::F16, bytes.clone());
    let queries: Vec<f32> = bytemuck::pod_collect_to_vec(&std::fs::read(queries).unwrap());
    let entities: Vec<u32> = (0..vectors.rows() as u32).collect();
    let rows = Rows { vectors: &vectors, entities: &entities, images: &entities };
    let mut rough = None;
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let words: Vec<_> = line.split(' ').collect();
        let number = |at: usize| words[at].parse::<usize>().unwrap();
        match words[0] {
            "read" => println!("{}", read(bytes.as_slice(), number(1))),
            way @ ("exact" | "int8") => {
                let exact = CpuSearch::new(rows).with_threads(number(2));
                let search: &dyn Search = if way == "exact" {
                    &exact
                } else {
                    let rough = rough.get_or_insert_with(|| RoughVectors::new(&vectors));
                    &Int8Search::new(rows, rough).with_threads(number(2))
                };
                let queries: Vec<Query<'_>> =
                    queries.chunks_exact(dimensions).take(number(1)).map(Query::from).collect();
                let started = Instant::now();
                let found = search.nearest(&queries, number(3));
                let millis = started.elapsed().as_secs_f64() * 1e3;
                let rows = found.iter().flatten().map(|hit| hit.entity.to_string());
                println!("{millis} {}", rows.collect::<Vec<_>>().join(" "));
            }
            "open" => println!("{}", open(Path::new(words[1]), &vectors)),
            other => println!("unknown command {other}"),
        }
    }
}

/// Returns the milliseconds to open an index of the vectors, an entity each.
fn open(folder: &Path, vectors: &Vectors) -> f64 {
    if !folder.join(folder::HEADER).exists() {
        let entities = (0..vectors.rows()).map(|row| Entity {
            qid: format!("Q{row}"),
            title: format!("Made-up entity {row}"),
            url: Some(format!("https://example.org/wiki/Q{row}")),
            ..Entity::default()
        });
        let exemplars = (0..vectors.rows()).map(|row| Exemplar {
            entity: row as u32,
            image: format!("https://example.org/images/{row}.jpg"),
            image_hash: format!("{row:016x}"),
            ..Exemplar::default()
        });
        let read = |put: &mut dyn FnMut(&[f32]) -> Result<(), BuildError>| {
            let mut scratch = Vec::new();
            (0..vectors.rows()).try_for_each(|row| put(vectors.read(row..row + 1, &mut scratch)))
        };
        let mut encoder = EncoderManifest {
            id: "none".into(),
            sha256: "0".repeat(64),
            views: vec![EncoderView::Image],
            ..EncoderManifest::default()
        };
        (encoder.input.width, encoder.input.height, encoder.input.std) = (8, 8, [1.0; 3]);
        let mean = vec![0.0; vectors.dimensions()];
        let of_rows = (entities.collect(), exemplars.collect());
        let index: Result<Index, BuildError> =
            Index::build_streamed(encoder, Element::F16, mean, of_rows, read);
        folder::write(folder, &index.unwrap(), b"no encoder").unwrap();
    }
    let started = Instant::now();
    let (index, _) = folder::read(folder, Limits::default()).unwrap();
    let millis = started.elapsed().as_secs_f64() * 1e3;
    assert_eq!(index.vectors().rows(), vectors.rows());
    millis
}

/// Returns the milliseconds to read all bytes once.
fn read(bytes: &[u8], threads: usize) -> f64 {
    let started = Instant::now();
    let share = (bytes.len() / threads).next_multiple_of(64);
    let sums: u64 = std::thread::scope(|scope| {
        let started: Vec<_> = bytes
            .chunks(share)
            .map(|share| {
                scope.spawn(|| {
                    let words: &[[u64; 8]] = bytemuck::cast_slice(&share[..share.len() / 64 * 64]);
                    let mut sums = [0_u64; 8];
                    for words in words {
                        for (sum, word) in sums.iter_mut().zip(words) {
                            *sum ^= word;
                        }
                    }
                    sums.iter().fold(0, |a, b| a ^ b)
                })
            })
            .collect();
        started.into_iter().fold(0, |sum, share| sum ^ share.join().unwrap())
    });
    std::hint::black_box(sums);
    started.elapsed().as_secs_f64() * 1e3
}
