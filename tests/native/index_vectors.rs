//! Tests of `masklink index --vectors`, and of vectors that are not the encoder's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use masklink::cli::backend::IndexBackend;
use masklink::cli::encoder::Encoder;
use masklink::cli::onnx::Runtime;
use masklink::link::index::build::Material;
use masklink::link::index::folder;
use masklink::link::index::vectors::Element;
use masklink::link::index::{Entity, Exemplar, Index};
use masklink::link::search::device::Device;

/// Returns the manifest of the default encoder.
fn manifest() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("www/models/link-encoder.json")
}

/// Runs `masklink index --vectors` with the default encoder.
fn index_vectors(vectors: &Path, output: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_masklink"))
        .args([Path::new("index"), Path::new("--vectors"), vectors, Path::new("--encoder"), &manifest()])
        .arg("-o")
        .arg(output)
        .args(more)
        .output()
        .unwrap()
}

fn error_of(run: &Output) -> String {
    assert!(!run.status.success());
    String::from_utf8_lossy(&run.stderr).into_owned()
}

#[test]
fn vectors_of_another_length_than_the_encoders_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (vectors, output) = (folder.path().join("v.csv"), folder.path().join("index"));
    let dimensions =
        Encoder::open(&manifest(), &Runtime::load(None).unwrap(), 1).unwrap().dimensions().unwrap();
    let line = |numbers: usize| format!("Q{numbers}\t1.0{}\n", ",0.5".repeat(numbers - 1));
    fs::write(&vectors, line(dimensions) + &line(dimensions - 1)).unwrap();
    let error = error_of(&index_vectors(&vectors, &output, &[]));
    let expected = format!(
        "the vector of Q{0} has {0} numbers, but those of the encoder link-lite2 have {dimensions}",
        dimensions - 1
    );
    assert!(error.contains("v.csv") && error.contains(&expected), "{error}");
    fs::write(&vectors, line(dimensions)).unwrap();
    let run = index_vectors(&vectors, &output, &[]);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    IndexBackend::open(&output, &Runtime::load(None).unwrap(), 1, (None, &Device::Cpu)).unwrap();
}

#[test]
fn index_whose_encoder_computes_other_vectors_is_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = Runtime::load(None).unwrap();
    let encoder = Encoder::open(&manifest(), &runtime, 1).unwrap();
    let entities = vec![Entity { qid: "Q1".to_owned(), ..Entity::default() }];
    let exemplars = vec![(Exemplar::default(), vec![1.0, 0.0, 2.0])];
    let material = Material { entities, exemplars, ..Material::default() };
    let index = Index::build(encoder.manifest().clone(), Element::F32, material).unwrap();
    folder::write(folder.path(), &index, encoder.model()).unwrap();
    let error =
        IndexBackend::open(folder.path(), &runtime, 1, (None, &Device::Cpu)).err().unwrap().to_string();
    let computed = format!("computes {};", encoder.dimensions().unwrap());
    assert!(error.contains("vectors of 3 numbers") && error.contains(&computed), "{error}");
}

#[cfg(unix)]
#[test]
fn second_build_into_a_folder_is_refused_at_its_start() {
    let folder = tempfile::tempdir().unwrap();
    let other = fs::File::open(folder.path()).unwrap();
    other.try_lock().unwrap();
    let missing = folder.path().join("missing.csv");
    let error = error_of(&index_vectors(&missing, folder.path(), &[]));
    assert!(error.contains("another process is writing an index into"), "{error}");
    drop(other);
    let error = error_of(&index_vectors(&missing, folder.path(), &[]));
    assert!(error.contains("missing.csv"), "{error}");
}

#[test]
fn image_addresses_are_not_given_to_vectors() {
    let error = error_of(&index_vectors(Path::new("v.csv"), Path::new("no"), &["--image-url", "i/{file}"]));
    assert!(error.contains("'--image-url <TEMPLATE>'") && error.contains("cannot be used with"), "{error}");
}
