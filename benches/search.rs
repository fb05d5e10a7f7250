//! Speed of the index search on one thread beside the naive one: a cosine a row, and all entities sorted.
#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use masklink::link::encoder::EncoderManifest;
use masklink::link::index::build::Material;
use masklink::link::index::vectors::Element;
use masklink::link::index::{Entity, Exemplar, Index};
use masklink::link::search::cpu::CpuSearch;
use masklink::link::search::{Hit, Search as _};

#[path = "shared/numbers.rs"]
mod numbers;

use numbers::Numbers;

/// Exemplars of the index: four of each entity.
const EXEMPLARS: u32 = 40_000;
const EXEMPLARS_OF_ENTITY: u32 = 4;
/// Numbers a vector, as the click model's encoder gives.
const DIMENSIONS: usize = 256;
const TOP: usize = 10;

fn vector(numbers: &mut Numbers) -> Vec<f32> {
    (0..DIMENSIONS).map(|_| (2.0 * numbers.uniform() - 1.0) as f32).collect()
}

fn index(element: Element) -> Index {
    let mut numbers = Numbers(1);
    let entities = (0..EXEMPLARS / EXEMPLARS_OF_ENTITY)
        .map(|n| Entity { qid: format!("Q{n}"), ..Entity::default() })
        .collect();
    let features = (0..EXEMPLARS).map(|n| {
        let (annotation, image_hash) = (format!("{n:08}"), n.to_string());
        let exemplar =
            Exemplar { entity: n / EXEMPLARS_OF_ENTITY, annotation, image_hash, ..Exemplar::default() };
        (exemplar, vector(&mut numbers))
    });
    let material = Material { entities, exemplars: features.collect(), ..Material::default() };
    Index::build(EncoderManifest::default(), element, material).unwrap()
}

/// A cosine with both lengths computed for each row, one sum after the other, and all entities sorted.
fn naive(rows: &[f32], exemplars: &[Exemplar], query: &[f32]) -> Vec<(u32, f32)> {
    let mut best = std::collections::HashMap::new();
    for (row, exemplar) in rows.chunks_exact(query.len()).zip(exemplars) {
        let length = |vector: &[f32]| vector.iter().map(|value| value * value).sum::<f32>().sqrt();
        let product: f32 = row.iter().zip(query).map(|(a, b)| a * b).sum();
        let similarity = product / (length(row) * length(query));
        let kept = best.entry(exemplar.entity).or_insert(similarity);
        *kept = similarity.max(*kept);
    }
    let mut all: Vec<_> = best.into_iter().collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    all.truncate(TOP);
    all
}

fn nearest(index: &Index, query: &[f32]) -> Vec<Hit> {
    CpuSearch::new(index.into()).with_threads(1).nearest(&[query.into()], TOP).remove(0)
}

fn search(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("search");
    group
        .sampling_mode(SamplingMode::Flat)
        .sample_size(20)
        .throughput(Throughput::Elements(EXEMPLARS.into()));
    for element in [Element::F16, Element::F32] {
        let index = index(element);
        let query = index.query(&vector(&mut Numbers(7))).unwrap();
        let found = nearest(&index, &query);
        let mut scratch = Vec::new();
        let rows = index.vectors().read(0..EXEMPLARS as usize, &mut scratch).to_vec();
        let expected = naive(&rows, index.exemplars(), &query);
        let same = found.iter().zip(&expected).all(|(hit, (entity, _))| hit.entity == *entity);
        assert!(same && found.len() == expected.len(), "the two ways differ: {found:?} {expected:?}");
        group.bench_function(BenchmarkId::new("blocked", format!("{element:?}")), |bencher| {
            bencher.iter(|| nearest(black_box(&index), black_box(&query)));
        });
        if element == Element::F32 {
            group.bench_function(BenchmarkId::new("naive", format!("{element:?}")), |bencher| {
                bencher.iter(|| naive(black_box(&rows), index.exemplars(), black_box(&query)));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, search);
criterion_main!(benches);
