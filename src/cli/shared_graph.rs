//! One graph for several threads: it does one run at a time, and inputs that wait meanwhile are run together
//! where the graph takes more than one.
//!
//! Only on a GPU, which runs a batch in hardly more time than one input; a processor takes as long, and the
//! last bits of its sums would depend on the batch. Nothing is delayed to fill one: a batch is what has come
//! during the run before, at most [`MAX_BATCH`] inputs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::onnx::{self, Graph, Port, Provider};
use crate::model::{Data, HostError, Tensor};

/// Maximum number of inputs that are run together.
const MAX_BATCH: usize = 16;

/// A loaded graph that threads share.
pub(super) struct SharedGraph {
    graph: Mutex<Graph>,
    waiting: Mutex<Vec<Arc<Job>>>,
    first_output: String,
    /// Whether inputs are run together: until that fails, as where the GPU lacks memory for it.
    takes_batches: AtomicBool,
}

/// An input that waits for the graph.
struct Job {
    name: String,
    input: Tensor,
    outputs: Vec<String>,
    result: Mutex<Option<Result<Vec<Tensor>, HostError>>>,
}

impl SharedGraph {
    pub(super) fn new(graph: Graph) -> Self {
        let is_open = |port: &Port| port.shape.first() == Some(&None);
        let takes_batches = graph.provider() != Provider::Cpu
            && graph.inputs().len() == 1
            && graph.inputs().iter().chain(graph.outputs()).all(is_open);
        let first_output = graph.outputs().first().map_or_else(String::new, |port| port.name.clone());
        Self {
            graph: Mutex::new(graph),
            waiting: Mutex::default(),
            first_output,
            takes_batches: takes_batches.into(),
        }
    }

    /// Returns the name of the graph's first output.
    pub(super) fn first_output(&self) -> &str {
        &self.first_output
    }

    /// Runs the graph and returns the named outputs in their order.
    pub(super) fn run(&self, inputs: &[(&str, &Tensor)], outputs: &[&str]) -> Result<Vec<Tensor>, HostError> {
        let (true, &[(name, input)]) = (self.takes_batches.load(Ordering::Relaxed), inputs) else {
            return lock(&self.graph).run(inputs, outputs).map_err(|error| run_error(&error));
        };
        if let Ok(mut graph) = self.graph.try_lock()
            && lock(&self.waiting).is_empty()
        {
            return graph.run(inputs, outputs).map_err(|error| run_error(&error));
        }
        let outputs = outputs.iter().map(|&name| name.to_owned()).collect();
        let (name, input) = (name.to_owned(), input.clone());
        let job = Arc::new(Job { name, input, outputs, result: Mutex::default() });
        lock(&self.waiting).push(Arc::clone(&job));
        loop {
            let mut graph = lock(&self.graph);
            // Another thread may have run it with its own.
            if let Some(result) = lock(&job.result).take() {
                return result;
            }
            let batch = take_alike(&mut lock(&self.waiting));
            if batch.is_empty() {
                let reason = "the run of another request that included this one panicked".to_owned();
                return Err(HostError::Run { reason });
            }
            if !run_together(&mut graph, &batch) && self.takes_batches.swap(false, Ordering::Relaxed) {
                tracing::warn!(
                    inputs = batch.len(),
                    "the model does not run a batch; from now on one by one"
                );
            }
        }
    }
}

/// A panic in another thread leaves no half-made state in a session or a list; jobs that it had taken have no
/// result then.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes the job that has waited longest, and those after it that can be run with it.
fn take_alike(waiting: &mut Vec<Arc<Job>>) -> Vec<Arc<Job>> {
    let Some(first) = waiting.first().cloned() else { return Vec::new() };
    let mut batch = Vec::new();
    waiting.retain(|job| {
        let is_taken = batch.len() < MAX_BATCH && first.is_like(job);
        if is_taken {
            batch.push(Arc::clone(job));
        }
        !is_taken
    });
    batch
}

/// Runs the graph once for all jobs, or once for each where that fails, and hands out the results. Returns
/// false where it failed.
fn run_together(graph: &mut Graph, batch: &[Arc<Job>]) -> bool {
    if batch.len() > 1
        && let Some(results) = run_batch(graph, batch)
    {
        for (job, result) in batch.iter().zip(results) {
            *lock(&job.result) = Some(Ok(result));
        }
        return true;
    }
    // A fault of one input must not fail the others.
    for job in batch {
        let outputs: Vec<_> = job.outputs.iter().map(String::as_str).collect();
        let result = graph.run(&[(&job.name, &job.input)], &outputs).map_err(|error| run_error(&error));
        *lock(&job.result) = Some(result);
    }
    batch.len() == 1
}

/// Returns the outputs of each job; `None` where the graph does not run them together.
fn run_batch(graph: &mut Graph, batch: &[Arc<Job>]) -> Option<Vec<Vec<Tensor>>> {
    let first = batch.first()?;
    let input = joined(batch.iter().map(|job| &job.input))?;
    let outputs: Vec<_> = first.outputs.iter().map(String::as_str).collect();
    let computed = graph.run(&[(&first.name, &input)], &outputs).ok()?;
    let mut results = vec![Vec::with_capacity(computed.len()); batch.len()];
    for output in &computed {
        for (result, part) in results.iter_mut().zip(parts(output, batch.len())?) {
            result.push(part);
        }
    }
    Some(results)
}

/// Joins tensors of one shape and type along their first axis.
fn joined<'a>(tensors: impl Iterator<Item = &'a Tensor>) -> Option<Tensor> {
    let mut tensors = tensors.peekable();
    let mut shape = tensors.peek()?.shape().to_vec();
    let rows = *shape.first()?;
    let mut count = 0;
    let (mut floats, mut bytes) = (Vec::new(), Vec::new());
    for tensor in tensors {
        count += 1;
        match tensor.data() {
            Data::F32(data) => floats.extend_from_slice(data),
            Data::U8(data) => bytes.extend_from_slice(data),
            Data::I64(_) => return None,
        }
    }
    shape[0] = rows * count;
    let data = if bytes.is_empty() { Data::F32(floats) } else { Data::U8(bytes) };
    Tensor::new(shape, data)
}

/// Cuts a tensor of floats along its first axis into parts of one shape.
fn parts(tensor: &Tensor, count: usize) -> Option<impl Iterator<Item = Tensor>> {
    let mut shape = tensor.shape().to_vec();
    let rows = *shape.first()?;
    let values = tensor.as_f32()?;
    if rows % count != 0 || rows == 0 || values.is_empty() {
        return None;
    }
    shape[0] = rows / count;
    let parts = values.chunks(values.len() / count);
    Some(parts.filter_map(move |part| Tensor::new(shape.clone(), Data::F32(part.to_vec()))))
}

impl Job {
    /// Returns whether two inputs can be parts of one.
    fn is_like(&self, other: &Self) -> bool {
        let types = [self, other].map(|job| std::mem::discriminant(job.input.data()));
        self.name == other.name
            && self.outputs == other.outputs
            && self.input.shape() == other.input.shape()
            && types[0] == types[1]
    }
}

/// A run that fails is the graph's or its inputs' fault: there is no other provider natively.
fn run_error(error: &onnx::Error) -> HostError {
    let reason = match (error, std::error::Error::source(error)) {
        // The host's error says as much as this one does before its source.
        (onnx::Error::Run(source), _) => source.to_string(),
        (_, Some(source)) => format!("{error}: {source}"),
        (_, None) => error.to_string(),
    };
    HostError::Run { reason }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::cli::onnx::Runtime;

    /// Returns a field of a protocol buffer: bytes with their number.
    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, u8::try_from(bytes.len()).unwrap()], bytes].concat()
    }

    /// Returns an ONNX file that negates `x` of the shape `[n, 2]` to `y`; `n` is open, or 1.
    fn negation(is_open: bool) -> Vec<u8> {
        let axis = if is_open { field(2, b"n") } else { vec![1 << 3, 1] };
        let shape = [field(1, &axis), field(1, &[1 << 3, 2])].concat();
        let tensor = [vec![1 << 3, 1], field(2, &shape)].concat();
        let port = |name: &[u8]| [field(1, name), field(2, &field(1, &tensor))].concat();
        let node = [field(1, b"x"), field(2, b"y"), field(4, b"Neg")].concat();
        let graph =
            [field(1, &node), field(2, b"g"), field(11, &port(b"x")), field(12, &port(b"y"))].concat();
        // The format's version 8, operators of version 13.
        [vec![1 << 3, 8], field(7, &graph), field(8, &[2 << 3, 13])].concat()
    }

    fn graph(is_open: bool) -> Graph {
        Graph::from_bytes(&Runtime::load(None).unwrap(), &negation(is_open), 1).unwrap()
    }

    fn tensor(numbers: &[f32]) -> Tensor {
        Tensor::new([numbers.len() / 2, 2], Data::F32(numbers.to_vec())).unwrap()
    }

    fn job(numbers: &[f32], outputs: &[&str]) -> Arc<Job> {
        let outputs = outputs.iter().map(|&name| name.to_owned()).collect();
        Arc::new(Job { name: "x".to_owned(), input: tensor(numbers), outputs, result: Mutex::default() })
    }

    fn result(job: &Job) -> Result<Vec<Tensor>, HostError> {
        lock(&job.result).take().unwrap()
    }

    #[test]
    fn inputs_of_waiting_threads_are_run_together() {
        for is_open in [true, false] {
            let mut shared = SharedGraph::new(graph(is_open));
            assert!(!*shared.takes_batches.get_mut(), "the processor has nothing of it");
            assert_eq!(shared.first_output(), "y");
            shared.takes_batches = is_open.into();
            let held = lock(&shared.graph);
            std::thread::scope(|scope| {
                let threads: Vec<_> = (0..20_u8)
                    .map(|number| {
                        let shared = &shared;
                        let input = tensor(&[f32::from(number), 1.0]);
                        scope.spawn(move || shared.run(&[("x", &input)], &["y"]).unwrap())
                    })
                    .collect();
                let begun = Instant::now();
                while is_open && lock(&shared.waiting).len() < threads.len() {
                    assert!(begun.elapsed() < Duration::from_mins(1), "the inputs do not wait");
                    std::thread::yield_now();
                }
                drop(held);
                for (number, thread) in (0..20_u8).zip(threads) {
                    assert_eq!(thread.join().unwrap(), [tensor(&[-f32::from(number), -1.0])]);
                }
            });
            assert!(lock(&shared.waiting).is_empty());
        }
    }

    #[test]
    fn batch_is_one_run_of_inputs_alike() {
        let unlike = job(&[1.0, 2.0], &["z"]);
        let mut waiting: Vec<_> = (0..20).map(|_| job(&[1.0, 2.0], &["y"])).collect();
        waiting.insert(3, Arc::clone(&unlike));
        let batch = take_alike(&mut waiting);
        assert_eq!((batch.len(), waiting.len()), (MAX_BATCH, 5));
        assert!(Arc::ptr_eq(&waiting[0], &unlike), "it is the first of the next batch");
        assert_eq!(take_alike(&mut waiting).len(), 1);
        let jobs = [job(&[1.0, 2.0], &["y"]), job(&[3.0, 4.0], &["y"])];
        let results = run_batch(&mut graph(true), &jobs).unwrap();
        assert_eq!(results, [[tensor(&[-1.0, -2.0])], [tensor(&[-3.0, -4.0])]]);
    }

    #[test]
    fn failure_of_a_batch_is_that_of_the_input_at_fault() {
        // This graph takes one input at a time, whatever its jobs ask for.
        let jobs = [job(&[1.0, 2.0], &["y"]), job(&[3.0, 4.0], &["y"])];
        assert!(run_batch(&mut graph(false), &jobs).is_none());
        assert!(!run_together(&mut graph(false), &jobs));
        assert_eq!(result(&jobs[1]), Ok(vec![tensor(&[-3.0, -4.0])]));
        let unknown = [job(&[1.0, 2.0], &["z"])];
        run_together(&mut graph(true), &unknown);
        assert!(matches!(result(&unknown[0]), Err(HostError::Run { .. })));
    }

    #[test]
    fn failure_of_a_run_is_stated_once_and_without_advice_for_pages() {
        let wide = Tensor::new([1, 3], Data::F32(vec![1.0; 3])).unwrap();
        let error = SharedGraph::new(graph(false)).run(&[("x", &wide)], &["y"]).unwrap_err().to_string();
        assert_eq!(error.matches("could not be run").count(), 1, "{error}");
        assert!(error.contains("invalid dimensions") && !error.contains("Close other pages"), "{error}");
    }
}
