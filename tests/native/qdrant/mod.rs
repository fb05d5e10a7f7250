//! Qdrant as a back end, by a double that checks each request: uploads, searches equal to the local one, and
//! each way in which the server can fail.

mod double;
mod form;

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use base64::Engine as _;
use masklink::cli::backend::Backends;
use masklink::cli::host::NativeHost;
use masklink::cli::qdrant::backend::QdrantBackend;
use masklink::cli::qdrant::{Collection, Occasion, QdrantError, Uploaded, nearest, upload};
use masklink::cli::serve::{Server, Settings, app};
use masklink::link::index::build::Material;
use masklink::link::index::folder;
use masklink::link::index::vectors::Element;
use masklink::link::index::{Entity, Exemplar, Index};
use masklink::link::protocol::{LinkResponse, ServerInfo};
use masklink::link::search::{Query, Search as _};
use serde_json::{Value, json};

use crate::built_index::{Built, sampled};
use crate::http::{Reply, post_json, request, send};
use crate::made_index::{MODEL, manifest};
use crate::plvel::built;
use double::{Double, Fault};

/// Length of the vectors: long enough that the index takes several batches.
const DIMENSIONS: usize = 256;
const ROWS: usize = 900;
/// Time limit of requests to a double that hangs.
const SHORT_MILLIS: u32 = 2_000;
/// A response that has a point twice.
const ONE_TWICE: &str = r#"{"result": {"points": [
    {"id": 0, "version": 0, "score": 1}, {"id": 0, "version": 0, "score": 1}
]}}"#;

/// Returns an index of 300 entities with three exemplars each. Each third entity has the vectors of the one
/// before it, so that there are ties.
fn index() -> Index {
    let mut state = 7_u32;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    let mut vectors: Vec<Vec<f32>> = Vec::new();
    for row in 0..ROWS {
        let is_copy = row / 3 % 3 == 2;
        let vector =
            if is_copy { vectors[row - 3].clone() } else { (0..DIMENSIONS).map(|_| random()).collect() };
        vectors.push(vector);
    }
    index_of(vectors.into_iter().enumerate().map(|(row, vector)| (row as u32 / 3, vector)).collect())
}

/// Returns an index of vectors, each with the number of its entity.
fn index_of(vectors: Vec<(u32, Vec<f32>)>) -> Index {
    index_with(Element::F16, vectors)
}

fn index_with(element: Element, vectors: Vec<(u32, Vec<f32>)>) -> Index {
    let last_entity = vectors.iter().map(|(entity, _)| *entity).max().unwrap();
    let entities = (0..=last_entity).map(|n| Entity { qid: format!("Q{}", 1000 - n), ..Entity::default() });
    let exemplars = vectors.into_iter().enumerate().map(|(row, (entity, vector))| {
        let exemplar = Exemplar {
            entity,
            annotation: format!("a{row}"),
            image: format!("{row}.jpg"),
            image_hash: format!("{:016x}", row % 50),
            ..Exemplar::default()
        };
        (exemplar, vector)
    });
    let (entities, exemplars) = (entities.collect(), exemplars.collect());
    Index::build(manifest(), element, Material { entities, exemplars, ..Material::default() }).unwrap()
}

fn upload_to(double: &Double, index: &Index) -> Result<Uploaded, QdrantError> {
    pollster::block_on(upload(&NativeHost::default(), &double.collection("things"), index, |_| {}))
}

/// Returns a double that has the vectors of an index.
fn filled(index: &Index) -> Double {
    let double = Double::start();
    upload_to(&double, index).unwrap();
    double
}

/// Starts `masklink upload` of an index in a folder.
fn upload_command(folder: &Path, double: &Double) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_masklink"));
    command.arg("upload").arg(folder).args(["--qdrant", double.address(), "--collection", "things"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn text(output: &Output) -> String {
    let parts = [&output.stdout, &output.stderr].map(|part| String::from_utf8_lossy(part));
    parts.concat()
}

#[test]
fn vectors_and_their_places_are_uploaded_once() {
    let (double, index) = (Double::start(), index());
    assert_eq!(upload_to(&double, &index), Ok(Uploaded { sent: ROWS, kept: 0 }));
    let sent = double.take_sent();
    assert!(sent.len() > 2 && sent.iter().sum::<usize>() == ROWS, "{sent:?}");
    let stored = double.state().collections["things"].clone();
    assert_eq!((stored.size, &*stored.distance, stored.points.len()), (256, "Dot", ROWS));
    let mut scratch = Vec::new();
    for (id, (vector, payload)) in &stored.points {
        let row = *id as usize;
        let exemplar = &index.exemplars()[row];
        assert_eq!(vector, index.vectors().read(row..row + 1, &mut scratch));
        assert_eq!(payload["qid"], *index.entities()[exemplar.entity as usize].qid);
        assert_eq!(
            (&payload["annotation"], &payload["image"]),
            (&json!(exemplar.annotation), &json!(exemplar.image))
        );
    }
    assert_eq!(upload_to(&double, &index), Ok(Uploaded { sent: 0, kept: ROWS }));
    assert_eq!(double.take_sent(), [0; 0]);
    double.check();
}

#[test]
fn an_upload_sends_again_what_a_connection_lost() {
    let (double, index) = (Double::start(), index());
    double.fail("/points", 1, Fault::Close);
    double.fail("/points", 0, Fault::CloseAfterWork);
    double.fail("/points", 0, Fault::Status(503));
    assert_eq!(upload_to(&double, &index), Ok(Uploaded { sent: ROWS, kept: 0 }));
    let sent = double.take_sent();
    assert!(sent.iter().sum::<usize>() > ROWS, "some were sent twice: {sent:?}");
    assert_eq!(double.state().collections["things"].points.len(), ROWS);
    double.check();
}

#[test]
fn interrupted_upload_sends_only_missing_points() {
    let (double, index, folder) = (Double::start().with_key("secret"), index(), tempfile::tempdir().unwrap());
    folder::write(folder.path(), &index, MODEL).unwrap();
    let upload = || {
        let mut command = upload_command(folder.path(), &double);
        command.env("MASKLINK_QDRANT_KEY", "secret");
        command
    };
    double.fail("/points", 2, Fault::Hang);
    let mut first = upload().spawn().unwrap();
    let waiting = Instant::now();
    while double.state().seen.iter().filter(|(request, _)| request == "PUT /points").count() < 3 {
        assert!(waiting.elapsed() < Duration::from_mins(1), "the upload did not begin");
        std::thread::sleep(Duration::from_millis(10));
    }
    first.kill().unwrap();
    first.wait().unwrap();
    let kept = double.state().collections["things"].points.len();
    assert!(kept > 0 && kept < ROWS, "{kept}");
    // A hole in the middle, as of uploads that overtook one another.
    double.state().collections.get_mut("things").unwrap().points.remove(&5);
    double.take_sent();
    let second = upload().output().unwrap();
    assert!(second.status.success(), "{}", text(&second));
    let (sent, kept) = (ROWS - kept + 1, kept - 1);
    assert!(
        text(&second).contains(&format!("{sent} vectors uploaded, {kept} were there")),
        "{}",
        text(&second)
    );
    assert_eq!(double.take_sent().iter().sum::<usize>(), sent);
    assert_eq!(double.state().collections["things"].points.len(), ROWS);
    double.check();
}

#[test]
fn refused_uploads_say_why_and_never_show_the_key() {
    let (double, index, folder) = (Double::start().with_key("secret"), index(), tempfile::tempdir().unwrap());
    folder::write(folder.path(), &index, MODEL).unwrap();
    let refused =
        upload_command(folder.path(), &double).args(["--qdrant-key", "wrong-key"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let errors = text(&refused);
    assert!(errors.contains("MASKLINK_QDRANT_KEY") && !errors.contains("wrong-key"), "{errors}");
    let mut nonsense = Command::new(env!("CARGO_BIN_EXE_masklink"));
    let nonsense =
        nonsense.arg("upload").arg(folder.path()).args(["--qdrant", "http://user@host"]).output().unwrap();
    assert_eq!(nonsense.status.code(), Some(2));
    assert!(text(&nonsense).contains("give no user"), "{}", text(&nonsense));
}

#[test]
fn collections_of_something_else_are_left_alone() {
    let index = index();
    let name = || "things".to_owned();
    let spoilt = |spoil: &dyn Fn(&mut double::Stored)| {
        let double = filled(&index);
        spoil(double.state().collections.get_mut("things").unwrap());
        double.take_sent();
        let error = upload_to(&double, &index).unwrap_err();
        assert_eq!(double.take_sent(), [0; 0]);
        double.check();
        error
    };
    let wrong_size = spoilt(&|stored| stored.size = 3);
    assert_eq!(wrong_size, QdrantError::Size { name: name(), expected: 256, actual: 3 });
    let wrong_distance = spoilt(&|stored| stored.distance = "Euclid".to_owned());
    assert_eq!(wrong_distance, QdrantError::Distance { name: name(), actual: "Euclid".to_owned() });
    let other_vectors = spoilt(&|stored| {
        let first = stored.points[&0].clone();
        stored.points.values_mut().for_each(|point| point.clone_from(&first));
    });
    assert!(matches!(other_vectors, QdrantError::Mismatch { .. }), "{other_vectors}");
    let more_points = spoilt(&|stored| {
        let first = stored.points[&0].clone();
        stored.points.insert(ROWS as u64, first);
    });
    assert_eq!(more_points, QdrantError::Mismatch { name: name(), point: ROWS.to_string() });
}

#[test]
fn qdrant_finds_the_entities_of_the_local_search_in_its_order() {
    let index = index();
    let double = filled(&index);
    let collection = double.collection("things");
    let mut scratch = Vec::new();
    for row in (0..ROWS).step_by(37) {
        let vector = index.vectors().read(row..row + 1, &mut scratch);
        for except_image in [None, Some(index.image_of(row))] {
            for k in [1, 2, 10, 128, 1000] {
                let query = Query { vector, except_image };
                let found =
                    pollster::block_on(nearest(&NativeHost::default(), &collection, &index, query, k));
                let expected = index.nearest(&[query], k).swap_remove(0);
                assert_eq!(found, Ok(expected), "row {row}, {k} entities, without {except_image:?}");
            }
        }
    }
    double.check();
}

#[test]
fn entities_behind_many_equal_exemplars_are_found() {
    let axis = |at: u32| (0..DIMENSIONS as u32).map(|one| f32::from(u8::from(one == at))).collect::<Vec<_>>();
    let crowd = std::iter::repeat_n((0, axis(0)), 400);
    let equal = (12..20).map(|entity| (entity, axis(12)));
    let index = index_of(crowd.chain((1..12).map(|entity| (entity, axis(entity)))).chain(equal).collect());
    let double = filled(&index);
    let collection = double.collection("things");
    let mut scratch = Vec::new();
    for entity in 0..20 {
        let row = index.exemplars_of(entity).start;
        let query = Query { vector: index.vectors().read(row..row + 1, &mut scratch), except_image: None };
        for k in [1, 2, 5, 20] {
            let found = pollster::block_on(nearest(&NativeHost::default(), &collection, &index, query, k));
            assert_eq!(found, Ok(index.nearest(&[query], k).swap_remove(0)), "entity {entity}, {k} entities");
        }
    }
    double.check();
}

#[test]
fn nearest_entity_is_found_among_half_precision_ties() {
    // Cosines of the first axis with these differ by 7e-5, and half-precision numbers of 0.7 by 5e-4. The
    // nearest has the lowest row, and of equal scores the double returns higher rows first.
    let vector = |n: u32| {
        let angle = std::f32::consts::FRAC_PI_4 + (199 - n) as f32 * 1e-4;
        let mut vector = vec![0.0; DIMENSIONS];
        (vector[0], vector[1]) = (angle.cos(), angle.sin());
        vector
    };
    // With the opposite of each, so that their mean is zero and an index keeps them as they are.
    let opposite = |n| vector(n).into_iter().map(|number| -number).collect();
    let vectors = (0..200).map(|n| (n, vector(n))).chain((0..200).map(|n| (200 + n, opposite(n))));
    let index = index_with(Element::F32, vectors.collect());
    let double = filled(&index);
    for (vector, _) in double.state().collections.get_mut("things").unwrap().points.values_mut() {
        for number in vector {
            *number = half::f16::from_f32(*number).to_f32();
        }
    }
    let mut axis = vec![0.0; DIMENSIONS];
    axis[0] = 1.0;
    let query = Query { vector: &axis, except_image: None };
    for k in 1..10 {
        let collection = double.collection("things");
        let found = pollster::block_on(nearest(&NativeHost::default(), &collection, &index, query, k));
        assert_eq!(found, Ok(index.nearest(&[query], k).swap_remove(0)), "{k} entities");
    }
    double.check();
}

#[test]
fn quantized_vectors_are_compared_with_the_originals() {
    let index = index();
    let double = filled(&index);
    double.state().collections.get_mut("things").unwrap().is_quantized = true;
    let mut scratch = Vec::new();
    for exact in [false, true] {
        let mut collection = double.collection("things");
        collection.exact = exact;
        let query = Query { vector: index.vectors().read(7..8, &mut scratch), except_image: None };
        let found = pollster::block_on(nearest(&NativeHost::default(), &collection, &index, query, 5));
        assert_eq!(found, Ok(index.nearest(&[query], 5).swap_remove(0)), "exact: {exact}");
    }
    double.check();
}

#[test]
fn failed_searches_have_their_errors() {
    let index = index();
    let double = filled(&index);
    let collection = Collection { timeout_millis: SHORT_MILLIS, ..double.collection("things") };
    let mut scratch = Vec::new();
    let query = Query { vector: index.vectors().read(0..1, &mut scratch), except_image: None };
    let search = || pollster::block_on(nearest(&NativeHost::default(), &collection, &index, query, 10));
    // One failure passes unseen.
    double.fail("/points/query", 0, Fault::Status(500));
    assert_eq!(search().unwrap().len(), 10);
    for (fault, times) in [
        (Fault::Status(500), 3),
        (Fault::Close, 3),
        (Fault::Hang, 1),
        (Fault::Status(400), 1),
        (Fault::Status(404), 1),
        (Fault::Body("<html>"), 1),
        (Fault::Body(r#"{"result": {"points": "none"}}"#), 1),
        (Fault::Body(r#"{"result": {"points": [{"id": 5000, "version": 0, "score": 0.5}]}}"#), 1),
        (Fault::Body(r#"{"result": {"points": [{"id": 600, "version": 0, "score": 0.999}]}}"#), 1),
        (Fault::Body(ONE_TWICE), 1),
    ] {
        for _ in 0..times {
            double.fail("/points/query", 0, fault.clone());
        }
        let started = Instant::now();
        let error = search().unwrap_err();
        let is_right = match (&fault, &error) {
            (Fault::Status(500), QdrantError::Busy { status: 500, .. })
            | (Fault::Close, QdrantError::Unreachable { .. })
            | (Fault::Hang, QdrantError::Timeout { .. })
            | (Fault::Status(400), QdrantError::Refused { status: 400, .. })
            | (Fault::Status(404), QdrantError::NoCollection { .. }) => true,
            (Fault::Body(body), QdrantError::Mismatch { .. }) => body.contains("score") && *body != ONE_TWICE,
            (Fault::Body(body), QdrantError::BadResponse { .. }) => {
                !body.contains("score") || *body == ONE_TWICE
            }
            _ => false,
        };
        assert!(is_right, "{fault:?}: {error}");
        assert!(started.elapsed() < Duration::from_secs(15), "{fault:?} took {:?}", started.elapsed());
        assert_eq!(search().unwrap().len(), 10, "after {fault:?}");
    }
    double.check();
}

/// Returns a server whose back ends are the local search and Qdrant with this time limit, and the double.
fn server(built: &Built, timeout_millis: u32) -> (Router, Double) {
    let index = Arc::new(built.linker());
    let double = filled(index.index());
    let collection = Collection { timeout_millis, ..double.collection("things") };
    let qdrant = QdrantBackend::open(Arc::clone(&index), collection, Occasion::Start).unwrap();
    let backends = Backends::default().with("local", index).with("qdrant", Arc::new(qdrant));
    (app(Server::with_backends(backends, Settings::default()).unwrap()), double)
}

async fn ask(app: &Router, backend: &str, image: &[u8], mask: &Value) -> Reply {
    let data = base64::engine::general_purpose::STANDARD.encode(image);
    let body = json!({"image": {"data": data}, "mask": mask, "top_k": 100});
    post_json(app, &format!("/v1/link?backend={backend}"), &body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn both_back_ends_of_a_server_agree() {
    let Some(built) = built() else { return };
    let (app, double) = tokio::task::block_in_place(|| server(built, 60_000));
    let info: ServerInfo = send(&app, request("GET", "/v1/info", &[], "")).await.json();
    assert_eq!(info.backends.iter().map(|one| &*one.name).collect::<Vec<_>>(), ["local", "qdrant"]);
    let indexed = built.indexed();
    let own = indexed.iter().take(4).map(|one| (&one.image, &one.mask));
    for (image, mask) in own.chain(built.held_out.iter().take(8).map(|one| (&one.image, &one.mask))) {
        let [local, qdrant] = [ask(&app, "local", image, mask).await, ask(&app, "qdrant", image, mask).await]
            .map(|reply| reply.json::<LinkResponse>());
        assert!(!local.entities.is_empty());
        assert_eq!(qdrant.entities, local.entities);
        assert_eq!((qdrant.in_index, qdrant.excluded_image), (local.in_index, local.excluded_image));
    }
    assert!(double.state().seen.iter().any(|(request, _)| request == "POST /points/query"));
    double.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_qdrant_is_a_problem_and_the_local_back_end_goes_on() {
    let built = sampled();
    let (app, double) = tokio::task::block_in_place(|| server(built, SHORT_MILLIS));
    let thing = &built.held_out[0];
    let unavailable = (503, "unavailable");
    let failed = (502, "backend-failed");
    for (fault, times, expected) in [
        (Fault::Status(500), 3, unavailable),
        (Fault::Close, 3, unavailable),
        (Fault::Hang, 1, unavailable),
        (Fault::Body("<html>"), 1, failed),
        (Fault::Status(404), 1, failed),
    ] {
        for _ in 0..times {
            double.fail("/points/query", 0, fault.clone());
        }
        let reply = ask(&app, "qdrant", &thing.image, &thing.mask).await;
        assert_eq!(reply.problem(), expected, "{fault:?}");
        assert_eq!(reply.header("retry-after").is_empty(), expected == failed, "{fault:?}");
        let detail = String::from_utf8_lossy(&reply.body).into_owned();
        assert!(!detail.contains("things") && !detail.contains("127.0.0.1"), "{detail}");
        assert_eq!(ask(&app, "local", &thing.image, &thing.mask).await.status, 200);
        assert_eq!(ask(&app, "qdrant", &thing.image, &thing.mask).await.status, 200, "after {fault:?}");
    }
    double.check();
}

#[test]
fn a_server_starts_only_with_a_whole_collection_of_its_index() {
    let built = sampled();
    let index = Arc::new(built.linker());
    let double = filled(index.index());
    let open = |name: &str| {
        QdrantBackend::open(Arc::clone(&index), double.collection(name), Occasion::Reload).map(|_| ())
    };
    assert_eq!(open("things"), Ok(()));
    assert_eq!(open("other"), Err(QdrantError::NoCollection { name: "other".to_owned() }));
    let rows = index.index().vectors().rows();
    let whole = double.state().collections["things"].clone();
    let with = |name: &str, spoil: &dyn Fn(&mut double::Stored)| {
        let mut stored = whole.clone();
        spoil(&mut stored);
        double.state().collections.insert(name.to_owned(), stored);
        open(name).unwrap_err()
    };
    let small = with("small", &|stored| stored.size = 3);
    assert!(matches!(small, QdrantError::Size { actual: 3, .. }), "{small}");
    let distance = with("distance", &|stored| stored.distance = "Manhattan".to_owned());
    assert!(matches!(distance, QdrantError::Distance { .. }), "{distance}");
    let part = with("part", &|stored| drop(stored.points.pop_first()));
    assert_eq!(part, QdrantError::Incomplete { name: "part".to_owned(), points: rows as u64 - 1, rows });
    let more = with("more", &|stored| {
        let first = stored.points[&0].clone();
        stored.points.insert(rows as u64, first);
    });
    assert_eq!(more, QdrantError::TooMany { name: "more".to_owned(), points: rows as u64 + 1, rows });
    // As many points, of which the first alone is one of the index.
    let elsewhere = with("elsewhere", &|stored| {
        let points = std::mem::take(&mut stored.points);
        let moved = points.into_iter().map(|(id, point)| (if id == 0 { 0 } else { id + 1_000_000 }, point));
        stored.points = moved.collect();
    });
    assert!(matches!(elsewhere, QdrantError::Mismatch { .. }), "{elsewhere}");
    let foreign = with("foreign", &|stored| {
        let first = stored.points[&0].clone();
        stored.points.values_mut().for_each(|point| point.clone_from(&first));
    });
    assert!(matches!(foreign, QdrantError::Mismatch { .. }), "{foreign}");
    double.check();
    for (name, word) in [("other", "masklink upload"), ("small", "name another collection")] {
        let mut served = serve_command(&built.folder(), &double, name);
        let output = ended(&mut served);
        assert_eq!(output.status.code(), Some(1), "{}", text(&output));
        assert!(text(&output).contains(word), "{}", text(&output));
    }
}

/// Starts `masklink serve` by both back ends.
fn serve_command(folder: &Path, double: &Double, collection: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_masklink"));
    command
        .args(["serve", "--port", "0", "--backend", "local", "--backend", "qdrant", "--index"])
        .arg(folder);
    command.args(["--qdrant", double.address(), "--collection", collection]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Waits for the end of a command for at most a minute.
fn ended(command: &mut Command) -> Output {
    let mut child: Child = command.spawn().unwrap();
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if started.elapsed() > Duration::from_mins(1) {
            child.kill().unwrap();
            panic!("the server runs: {}", text(&child.wait_with_output().unwrap()));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.wait_with_output().unwrap()
}
