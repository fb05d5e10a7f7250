//! A server that stands for Qdrant: checks each request against the published forms, keeps the points in
//! memory, and searches them exactly. It fails on request.

use std::collections::{BTreeMap, VecDeque};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use masklink::cli::qdrant::Collection;
use serde_json::{Value, json};

use super::form::REQUESTS;
use crate::http_double::{Received, respond};

/// The header of all responses.
const JSON: &str = "content-type: application/json\r\n";

/// A failure of one request.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// Closes the connection without doing anything.
    Close,
    /// Does the work, and closes the connection before it responds.
    CloseAfterWork,
    /// Responds with this status and Qdrant's form of an error.
    Status(u16),
    /// Responds with this body and status 200.
    Body(&'static str),
    /// Responds to nothing for a while.
    Hang,
}

/// The server. It ends with the test's process.
pub(crate) struct Double {
    address: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) collections: BTreeMap<String, Stored>,
    /// Requests that broke the published form.
    violations: Vec<String>,
    /// Methods and paths below the collection, with the numbers of points sent.
    pub(crate) seen: Vec<(String, usize)>,
    /// The end of a path, the number of requests to it that pass before, and the failure.
    faults: VecDeque<(&'static str, usize, Fault)>,
    key: Option<&'static str>,
}

#[derive(Clone, Default)]
pub(crate) struct Stored {
    pub(crate) size: u64,
    pub(crate) distance: String,
    pub(crate) points: BTreeMap<u64, (Vec<f32>, Value)>,
    /// Whether the vectors are quantized: scores are rough unless the originals are compared.
    pub(crate) is_quantized: bool,
}

impl Double {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream.unwrap(), &state));
            }
        });
        Self { address, state }
    }

    pub(crate) fn with_key(self, key: &'static str) -> Self {
        self.state().key = Some(key);
        self
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn collection(&self, name: &str) -> Collection {
        let (url, name) = (self.address.clone(), name.to_owned());
        Collection { url, name, key: None, timeout_millis: 60_000, exact: true }
    }

    /// Lets one request to a path fail, after some that pass. Failures happen in the order of the calls.
    pub(crate) fn fail(&self, path: &'static str, after: usize, fault: Fault) {
        self.state().faults.push_back((path, after, fault));
    }

    /// Returns how many points each upload of points sent, and forgets all requests.
    pub(crate) fn take_sent(&self) -> Vec<usize> {
        let seen = std::mem::take(&mut self.state().seen);
        seen.into_iter().filter(|(request, _)| request == "PUT /points").map(|(_, points)| points).collect()
    }

    /// Asserts that all requests had the published form.
    pub(crate) fn check(&self) {
        let violations = self.state().violations.clone();
        assert!(violations.is_empty(), "requests that Qdrant's document does not allow: {violations:#?}");
    }
}

/// Serves one request, and closes the connection.
fn serve(mut stream: TcpStream, state: &Mutex<State>) {
    let Some(request) = Received::read(&stream) else { return };
    let (method, target) = request.method_and_target();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (name, path) = path
        .strip_prefix("/collections/")
        .map_or((path, ""), |rest| rest.find('/').map_or((rest, ""), |at| rest.split_at(at)));
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    let points = serde_json::from_slice::<Value>(&request.body).ok();
    let points = points.and_then(|body| Some(body["points"].as_array()?.len())).unwrap_or_default();
    state.seen.push((format!("{method} {path}"), points));
    let fault = state.take_fault(path);
    if let Some(fault @ (Fault::Close | Fault::Hang | Fault::Status(_) | Fault::Body(_))) = &fault {
        drop(state);
        match fault {
            Fault::Hang => std::thread::sleep(Duration::from_secs(20)),
            Fault::Status(status) => respond(&mut stream, *status, JSON, &failure("a failure of the test")),
            Fault::Body(body) => respond(&mut stream, 200, JSON, body),
            _ => {}
        }
        return;
    }
    let (status, reply) = state.respond(&request, (method, name, path, query));
    drop(state);
    if fault.is_none() {
        respond(&mut stream, status, JSON, &reply);
    }
}

fn failure(reason: &str) -> String {
    json!({"status": {"error": reason}, "time": 0.0}).to_string()
}

impl State {
    fn take_fault(&mut self, path: &str) -> Option<Fault> {
        let at = self.faults.iter().position(|(end, ..)| path == *end)?;
        let (_, after, fault) = &mut self.faults[at];
        if *after > 0 {
            *after -= 1;
            return None;
        }
        let fault = fault.clone();
        self.faults.remove(at);
        Some(fault)
    }

    fn respond(
        &mut self,
        request: &Received,
        (method, name, path, query): (&str, &str, &str, &str),
    ) -> (u16, String) {
        if let Some(key) = self.key
            && request.header("api-key") != Some(key)
        {
            return (401, "Must provide an API key or an Authorization bearer token".to_owned());
        }
        let body = match check(request, (method, path, query)) {
            Ok(body) => body,
            Err(violation) => {
                self.violations.push(format!("{method} {path}: {violation}"));
                return (400, failure(&violation));
            }
        };
        let result = if (method, path) == ("PUT", "") {
            let vectors = &body["vectors"];
            let (size, distance) = (vectors["size"].as_u64().unwrap(), vectors["distance"].as_str().unwrap());
            let stored = Stored { size, distance: distance.to_owned(), ..Stored::default() };
            if self.collections.contains_key(name) {
                return (409, failure("Wrong input: Collection already exists!"));
            }
            self.collections.insert(name.to_owned(), stored);
            Ok(json!(true))
        } else {
            let Some(stored) = self.collections.get_mut(name) else {
                return (404, failure(&format!("Not found: Collection `{name}` doesn't exist!")));
            };
            stored.respond(method, path, &body)
        };
        match result {
            Ok(result) => (200, json!({"result": result, "status": "ok", "time": 0.0}).to_string()),
            Err(reason) => (400, failure(&reason)),
        }
    }
}

/// Checks a request against the published form, and returns its body.
fn check(request: &Received, (method, path, query): (&str, &str, &str)) -> Result<Value, String> {
    let body = &request.body;
    let known = REQUESTS.iter().find(|(own, at, ..)| (*own, *at) == (method, path));
    let (.., names, form) = known.ok_or("there is no such path")?;
    for field in query.split('&').filter(|field| !field.is_empty()) {
        let (name, value) = field.split_once('=').ok_or("the query has no value")?;
        let is_known = names.contains(&name) && (name != "wait" || matches!(value, "true" | "false"));
        is_known.then_some(()).ok_or_else(|| format!("the query has {field}"))?;
    }
    let Some(form) = form else {
        return if body.is_empty() { Ok(Value::Null) } else { Err("a body".to_owned()) };
    };
    if request.header("content-type") != Some("application/json") {
        return Err("the content type is not JSON".to_owned());
    }
    let body = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    form.check(&body, "body")?;
    Ok(body)
}

impl Stored {
    fn respond(&mut self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let payload =
            |payload: &Value| body["with_payload"].as_bool().unwrap_or(true).then(|| payload.clone());
        let with_vector = body["with_vector"].as_bool().unwrap_or(false);
        let record = |id: u64, (vector, own): &(Vec<f32>, Value)| {
            let vector = with_vector.then_some(vector);
            json!({"id": id, "payload": payload(own), "vector": vector})
        };
        Ok(match (method, path) {
            ("GET", "") => self.info(),
            ("PUT", "/points") => {
                for point in body["points"].as_array().unwrap() {
                    let vector = self.vector(&point["vector"])?;
                    self.points.insert(point["id"].as_u64().unwrap(), (vector, point["payload"].clone()));
                }
                json!({"operation_id": 1, "status": "completed"})
            }
            ("POST", "/points") => {
                let ids = body["ids"].as_array().unwrap().iter().map(|id| id.as_u64().unwrap());
                let found = ids.filter_map(|id| Some(record(id, self.points.get(&id)?)));
                Value::Array(found.collect())
            }
            ("POST", "/points/count") => json!({"count": self.points.len()}),
            ("POST", "/points/scroll") => {
                let limit = body["limit"].as_u64().unwrap_or(10) as usize;
                let mut rest = self.points.range(body["offset"].as_u64().unwrap_or(0)..);
                let page: Vec<_> = rest.by_ref().take(limit).map(|(id, point)| record(*id, point)).collect();
                json!({"points": page, "next_page_offset": rest.next().map(|(id, _)| id)})
            }
            _ => {
                let query = self.vector(&body["query"])?;
                let params = &body["params"];
                let is_asked = |flag: &Value| flag.as_bool().unwrap_or(false);
                let is_precise = is_asked(&params["exact"]) || is_asked(&params["quantization"]["rescore"]);
                let scale = if self.is_quantized && !is_precise { 0.9 } else { 1.0 };
                let product =
                    |vector: &[f32]| scale * vector.iter().zip(&query).map(|(a, b)| a * b).sum::<f32>();
                let mut scores: Vec<_> =
                    self.points.iter().map(|(id, (vector, _))| (*id, product(vector))).collect();
                // Equal ones by falling id: clients cannot rely on any order of them.
                scores.sort_by(|a, b| b.1.total_cmp(&a.1).then(b.0.cmp(&a.0)));
                scores.truncate(body["limit"].as_u64().unwrap_or(10) as usize);
                let scored = |(id, score)| json!({"id": id, "version": 0, "score": score});
                json!({"points": scores.into_iter().map(scored).collect::<Vec<_>>()})
            }
        })
    }

    /// Returns a vector of the collection's length.
    fn vector(&self, value: &Value) -> Result<Vec<f32>, String> {
        let vector: Vec<f32> =
            value.as_array().unwrap().iter().map(|one| one.as_f64().unwrap() as f32).collect();
        if vector.len() as u64 != self.size {
            return Err(format!("Vector dimension error: expected dim: {}, got {}", self.size, vector.len()));
        }
        Ok(vector)
    }

    fn info(&self) -> Value {
        let Self { size, distance, points, .. } = self;
        json!({
            "status": "green", "optimizer_status": "ok", "indexed_vectors_count": 0,
            "points_count": points.len(), "segments_count": 2, "payload_schema": {},
            "config": {
                "params": {
                    "vectors": {"size": size, "distance": distance}, "shard_number": 1,
                    "replication_factor": 1, "write_consistency_factor": 1, "on_disk_payload": true
                },
                "hnsw_config": {"m": 16, "ef_construct": 100, "full_scan_threshold": 10_000},
                "optimizer_config": {"default_segment_number": 0, "flush_interval_sec": 5},
                "wal_config": {"wal_capacity_mb": 32, "wal_segments_ahead": 0}, "quantization_config": null
            }
        })
    }
}
