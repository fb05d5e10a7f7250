//! The classes of a linear classifier as entities: a table of JSON lines, with the weights beside it.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use half::f16;
use half::slice::HalfFloatSliceExt as _;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::Deserialize;

use crate::link::index::Entity;
use crate::link::index::build::Material;
use crate::link::index::header::Source;
use crate::link::index::prototypes::Prototype;

/// One line of the table: a class, or an entity that stands for classes.
#[derive(Debug, Deserialize)]
struct Line {
    /// Row of the class in the weights; a line without one is a broader entity.
    #[serde(default)]
    row: Option<usize>,
    /// Dataset that the class comes from.
    #[serde(default)]
    source: Option<String>,
    #[serde(flatten)]
    entity: Entity,
}

/// Adds the classes of a table, and its broader entities, to the material of an index. Returns the sources
/// of the classes with the number of entities from each.
///
/// The weights are `weight` `[classes, dimensions]` and `bias` `[classes]` of the safetensors file of the
/// table's name, in 16 or 32 bits: the state of a `torch.nn.Linear`. Classes that no line names are left out.
pub(super) fn add(table: &Path, material: &mut Material) -> anyhow::Result<Vec<Source>> {
    let lines = lines(table)?;
    let path = table.with_extension("safetensors");
    let bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
    let (weights, bias) = weights(&bytes).with_context(|| path.display().to_string())?;
    let mut positions: HashMap<String, u32> =
        (0..).zip(&material.entities).map(|(at, entity)| (entity.qid.clone(), at)).collect();
    let mut sources: BTreeMap<String, std::collections::BTreeSet<u32>> = BTreeMap::new();
    for (number, Line { row, source, entity }) in (1..).zip(lines) {
        let at = *positions.entry(entity.qid.clone()).or_insert_with(|| {
            material.entities.push(Entity { qid: entity.qid.clone(), ..Entity::default() });
            material.entities.len() as u32 - 1
        });
        fill(&mut material.entities[at as usize], entity);
        let Some(row) = row else { continue };
        let (Some(weights), Some(&bias)) = (weights.get(row), bias.get(row)) else {
            bail!("{}, line {number}: there are no weights of row {row}", table.display());
        };
        material.classes.push((Prototype { entity: at, bias }, weights.clone()));
        sources.entry(source.unwrap_or_default()).or_default().insert(at);
    }
    let of = |(title, entities): (String, std::collections::BTreeSet<u32>)| Source {
        title,
        entities: entities.len() as u64,
    };
    Ok(sources.into_iter().filter(|(title, _)| !title.is_empty()).map(of).collect())
}

/// Adds to an entity what it does not say yet.
fn fill(entity: &mut Entity, from: Entity) {
    if entity.title.is_empty() {
        entity.title = from.title;
    }
    entity.description = entity.description.take().or(from.description);
    entity.url = entity.url.take().or(from.url);
    entity.thumbnail = entity.thumbnail.take().or(from.thumbnail);
    // A result does not tell which class of its entity was recognised.
    entity.class_label = match (entity.class_label.take(), from.class_label) {
        (Some(one), Some(other)) if one != other => Some(format!("{one} or {other}")),
        (one, other) => one.or(other),
    };
    entity.members.extend(from.members);
}

fn lines(table: &Path) -> anyhow::Result<Vec<Line>> {
    let text = std::fs::read_to_string(table).with_context(|| table.display().to_string())?;
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let read = |(number, line)| {
        let line: Line =
            serde_json::from_str(line).with_context(|| format!("{}, line {number}", table.display()))?;
        ensure!(
            line.row.is_some() || !line.entity.members.is_empty(),
            "{}, line {number}: a line has a row of the weights or members",
            table.display()
        );
        Ok(line)
    };
    lines.map(read).collect()
}

/// Returns the weights of each class and the biases.
fn weights(bytes: &[u8]) -> anyhow::Result<(Vec<Vec<f32>>, Vec<f32>)> {
    let tensors = SafeTensors::deserialize(bytes)?;
    let (weight, bias) = (tensors.tensor("weight")?, tensors.tensor("bias")?);
    let &[rows, dimensions] = weight.shape() else {
        bail!("weight has the shape {:?}, not [classes, dimensions]", weight.shape());
    };
    ensure!(bias.shape() == [rows], "bias has the shape {:?}, not [{rows}]", bias.shape());
    ensure!(dimensions > 0, "weight has no dimensions");
    let rows = floats(&weight)?.chunks_exact(dimensions).map(<[f32]>::to_vec).collect();
    Ok((rows, floats(&bias)?))
}

fn floats(tensor: &TensorView<'_>) -> anyhow::Result<Vec<f32>> {
    let bytes = tensor.data();
    match tensor.dtype() {
        Dtype::F32 => {
            let of = |four: &[u8]| f32::from_le_bytes([four[0], four[1], four[2], four[3]]);
            Ok(bytes.chunks_exact(4).map(of).collect())
        }
        Dtype::F16 => {
            let of = |two: &[u8]| f16::from_le_bytes([two[0], two[1]]);
            let halves: Vec<_> = bytes.chunks_exact(2).map(of).collect();
            Ok(halves.to_f32_vec())
        }
        other => bail!("a tensor of {other:?}; F16 and F32 are read"),
    }
}
