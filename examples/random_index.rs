//! Writes an index of random vectors beside an encoder, to measure a server that searches millions
//! of entities.
//!
//! `cargo run --release --no-default-features --example random_index -- INDEX TO ENTITIES` takes
//! encoder, mean and calibration from the folder INDEX and gives each entity one exemplar. Then
//! `masklink serve --index TO` answers from it and `masklink eval link` asks it.

use std::error::Error;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use half::f16;
use masklink::link::index::folder::HEADER;
use masklink::link::index::header::{Header, Part, Parts};
use masklink::link::index::vectors::Element;
use masklink::link::index::{Entity, Exemplar};
use masklink::link::protocol::sha256_hex;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [from, to, entities] = args.as_slice() else {
        return Err("usage: random_index INDEX TO ENTITIES".into());
    };
    let (from, to, entities) = (Path::new(from), Path::new(to), entities.parse::<u32>()?);
    let header: Header = serde_json::from_slice(&fs::read(from.join(HEADER))?)?;
    fs::create_dir_all(to)?;
    for file in [&header.encoder.file, &header.parts.mean.file] {
        fs::copy(from.join(file), to.join(file))?;
    }
    let part = |name: &str, extension: &str, bytes: Vec<u8>| {
        let sha256 = sha256_hex(&bytes);
        let part = Part { file: format!("{name}.{extension}"), bytes: bytes.len() as u64, sha256 };
        fs::write(to.join(&part.file), bytes).map(|()| part)
    };
    let parts = Parts {
        mean: header.parts.mean.clone(),
        vectors: part("vectors", "f16", vectors(entities, header.dimensions as usize))?,
        entities: part("entities", "jsonl", lines(entities, entity)?)?,
        exemplars: part("exemplars", "jsonl", lines(entities, exemplar)?)?,
        weights: None,
        prototypes: None,
    };
    let count = entities.into();
    let header = Header {
        element: Element::F16,
        exemplars: count,
        prototypes: 0,
        entities: count,
        sources: Vec::new(),
        parts,
        ..header
    };
    fs::write(to.join(HEADER), serde_json::to_vec_pretty(&header)?)?;
    Ok(())
}

/// Vectors of length 1 in directions that a linear congruential generator (Knuth's MMIX) chooses.
fn vectors(rows: u32, dimensions: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut bytes = Vec::with_capacity(rows as usize * dimensions * 2);
    for _ in 0..rows {
        let row: Vec<f32> = (0..dimensions)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 40) as f32 / (1 << 23) as f32 - 1.0
            })
            .collect();
        let length = row.iter().map(|value| value * value).sum::<f32>().sqrt();
        bytes.extend(row.iter().flat_map(|value| f16::from_f32(value / length).to_le_bytes()));
    }
    bytes
}

fn lines<T: serde::Serialize>(count: u32, line: impl Fn(u32) -> T) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut bytes = Vec::new();
    for number in 0..count {
        serde_json::to_writer(&mut bytes, &line(number))?;
        bytes.write_all(b"\n")?;
    }
    Ok(bytes)
}

fn entity(number: u32) -> Entity {
    let (qid, title) = (format!("Q{}", number + 1), format!("Entity {}", number + 1));
    Entity { qid, title, description: Some("an entity at random".to_owned()), ..Entity::default() }
}

fn exemplar(number: u32) -> Exemplar {
    let (annotation, image_hash) = (format!("random_{number:08}"), format!("{number:016x}"));
    Exemplar {
        entity: number,
        annotation,
        image: "random.jpg".to_owned(),
        image_hash,
        bounds: [0.0, 0.0, 1.0, 1.0],
        ..Exemplar::default()
    }
}
