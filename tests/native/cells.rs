//! Indexes in cells: near the whole index's results with few bytes read, damage refused.

use std::fs;
use std::path::Path;
use std::process::Command;

use masklink::link::LocalLinker;
use masklink::link::cells::choose::Budget;
use masklink::link::cells::folder::{CellFolder, open};
use masklink::link::cells::{CellError, CellIndex, link};
use masklink::link::index::build::Material;
use masklink::link::index::prototypes::Prototype;
use masklink::link::index::vectors::Element;
use masklink::link::index::{Entity, Exemplar, Index, folder};
use masklink::link::protocol::sha256_hex;
use masklink::link::search::Search as _;
use pollster::block_on;

use crate::made_index::{MODEL, manifest};

const DIMENSIONS: usize = 48;
/// Exemplars of an entity, in images of their own.
const EXEMPLARS_OF_ENTITY: usize = 2;

/// Repeatable numbers around 0 (a linear congruential generator, Knuth's MMIX).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    fn vector(&mut self) -> Vec<f32> {
        (0..DIMENSIONS).map(|_| self.next()).collect()
    }

    /// Returns a vector of one of 200 clusters.
    fn clustered(&mut self) -> Vec<f32> {
        let cluster = (self.next().abs() * 200.0) as u64;
        let centre = Numbers(cluster * 7919 + 3).vector();
        // Axes of falling variance: near vectors differ in few directions.
        let axes = (0..DIMENSIONS).map(|axis| 1.6 / (1.0 + axis as f32).sqrt());
        centre.iter().zip(axes).map(|(value, width)| value + width * self.next()).collect()
    }
}

/// Returns an index of clustered features, with classes of its first entities and a broader one of three.
fn clustered(entities: usize) -> Index {
    let mut numbers = Numbers(5);
    let exemplar = |n: usize| Exemplar {
        entity: (n / EXEMPLARS_OF_ENTITY) as u32,
        annotation: n.to_string(),
        image: format!("p{n}.jpg"),
        image_hash: sha256_hex(n.to_string().as_bytes())[..16].to_owned(),
        bounds: [0.0, 1.0, 2.0, 3.0],
        outline: "M0 1l2 0 0 2-2 0z".to_owned(),
    };
    let exemplars = (0..entities * EXEMPLARS_OF_ENTITY).map(|n| (exemplar(n), numbers.clustered())).collect();
    let entity = |n| Entity { qid: format!("Q{n}"), title: format!("thing {n}"), ..Entity::default() };
    let mut entities: Vec<_> = (0..entities).map(entity).collect();
    entities.push(Entity { members: ["Q0", "Q1", "Q7"].map(String::from).to_vec(), ..entity(9_999_999) });
    let class = |entity| (Prototype { entity, bias: -2.0 }, Numbers(u64::from(entity)).vector());
    let material = Material { entities, exemplars, classes: (0..3).map(class).collect() };
    Index::build(manifest(), Element::F16, material).unwrap()
}

/// Writes an index into a folder, and the same in cells into another one.
fn in_cells(index: &Index, cells: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let [whole, output] = ["whole", "cells"].map(|name| folder.path().join(name));
    folder::write(&whole, index, MODEL).unwrap();
    let ran = Command::new(env!("CARGO_BIN_EXE_masklink"))
        .arg("cells")
        .arg(&whole)
        .arg("-o")
        .arg(&output)
        .args(["--cells", &cells.to_string()])
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    folder
}

fn opened(folder: &tempfile::TempDir) -> (CellIndex, CellFolder) {
    open(&folder.path().join("cells")).unwrap()
}

#[test]
fn ten_ranges_find_95_percent_of_the_nearest() {
    let index = clustered(10_000);
    let folder = in_cells(&index, 200);
    let mut numbers = Numbers(99);
    let budget = Budget { requests: 10, bytes: 300_000, ..Budget::default() };
    let (mut found, mut most_bytes) = (0, 0);
    for _ in 0..50 {
        let (cells, files) = opened(&folder);
        let query = index.query(&numbers.clustered()).unwrap();
        let exact = index.nearest(&[query.as_slice().into()], 10).remove(0);
        let near = block_on(cells.gather(&files, &query, budget)).unwrap();
        assert!(
            near.requests <= 10 && near.bytes <= 300_000 && near.requests == files.requests(),
            "{near:?}"
        );
        most_bytes = most_bytes.max(near.bytes);
        let hits = near.index.nearest(&[query.as_slice().into()], 10).remove(0);
        let qid = |index: &Index, entity: u32| index.entities()[entity as usize].qid.clone();
        let qids: Vec<_> = hits.iter().map(|hit| qid(&near.index, hit.entity)).collect();
        found += exact.iter().filter(|hit| qids.contains(&qid(&index, hit.entity))).count();
    }
    let data = cell_files(&folder).iter().map(|path| fs::metadata(path).unwrap().len()).sum::<u64>();
    assert!(found >= 475, "{found} of 500 are found, with at most {most_bytes} of {data} bytes");
    assert!(most_bytes * 4 < data, "{most_bytes} of {data} bytes are read");
}

#[test]
fn cells_that_hold_all_exemplars_find_what_the_whole_index_finds() {
    let index = clustered(60);
    let folder = in_cells(&index, 6);
    let (cells, files) = opened(&folder);
    let linker = LocalLinker::new(index, cells.model().index_sha256.clone());
    let mut numbers = Numbers(8);
    for at in 0..20_usize {
        let feature = if at == 0 { Numbers(2).vector() } else { numbers.clustered() };
        let own = sha256_hex((at * 3).to_string().as_bytes());
        let sha256 = (at % 2 == 0).then_some(own.as_str());
        let expected = linker.search(&feature, sha256, 10).unwrap();
        let actual = block_on(link::search(&cells, &files, &feature, sha256, 10)).unwrap();
        assert_eq!(actual.model, expected.model);
        assert_eq!(actual.excluded_image, expected.excluded_image);
        assert_eq!(actual.entities[0].qid, expected.entities[0].qid);
        let score = |qid: &str| actual.entities.iter().find(|one| one.qid == qid).map(|one| one.score);
        for entity in expected.entities.iter().take(5) {
            let score = score(&entity.qid).unwrap();
            assert!((score - entity.score).abs() < 0.03, "{} {score} {}", entity.qid, entity.score);
        }
    }
    assert!((1..=6).contains(&files.requests()), "the cells are kept: {} ranges", files.requests());
}

#[test]
fn damaged_cell_is_refused_with_the_name_of_its_file() {
    let index = clustered(60);
    let folder = in_cells(&index, 6);
    let [file] = &cell_files(&folder)[..] else { panic!("one data file is expected") };
    let mut bytes = fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(file, &bytes).unwrap();
    let (cells, files) = opened(&folder);
    let query = index.query(&Numbers(3).clustered()).unwrap();
    let error = block_on(cells.gather(&files, &query, Budget::default())).unwrap_err();
    assert!(matches!(&error, CellError::Damaged { .. }), "{error}");
    let name = file.file_name().unwrap().to_str().unwrap();
    assert!(error.to_string().contains(name) && error.to_string().contains("CRC-32"), "{error}");

    fs::write(file, &bytes[..middle]).unwrap();
    let error = block_on(cells.gather(&files, &query, Budget::default())).unwrap_err();
    assert!(matches!(&error, CellError::Unreadable { .. }) && error.to_string().contains(name), "{error}");
}

/// Returns the data files of the index in cells; its table, which is smaller, is left out.
#[test]
fn index_is_not_replaced_by_its_own_cells_nor_cells_taken_for_an_index() {
    let folder = in_cells(&clustered(10), 2);
    let run = |index: &str, output: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_masklink"));
        let ran = command.current_dir(&folder).args(["cells", index, "-o", output]).output().unwrap();
        assert!(!ran.status.success());
        String::from_utf8(ran.stderr).unwrap()
    };
    let error = run("whole", "cells/../whole");
    assert!(error.contains("whole holds the index itself; give another --output"), "{error}");
    folder::read(&folder.path().join("whole"), masklink::link::index::header::Limits::default()).unwrap();
    let error = run("cells", "other");
    let advice = "it is laid out in cells for pages; give the folder that `masklink index` wrote";
    assert!(error.contains(advice) && !error.contains("version"), "{error}");
}

fn cell_files(folder: &tempfile::TempDir) -> Vec<std::path::PathBuf> {
    let path = folder.path().join("cells");
    let (cells, _) = opened(folder);
    cells.header().data.iter().map(|part| Path::new(&path).join(&part.file)).collect()
}
