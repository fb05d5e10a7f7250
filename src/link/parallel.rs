//! One function on several threads at once.

use std::sync::OnceLock;

/// Returns the number of cores that this process may use; 1 in WebAssembly.
pub(super) fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    let cores = || {
        if cfg!(target_arch = "wasm32") {
            1
        } else {
            std::thread::available_parallelism().map_or(1, usize::from)
        }
    };
    *CORES.get_or_init(cores)
}

/// Runs a function on this and `threads - 1` other threads. Returns all results, that of this thread first.
pub(super) fn run<T: Send>(threads: usize, function: impl Fn() -> T + Sync) -> Vec<T> {
    if threads <= 1 {
        return vec![function()];
    }
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(&function)).collect();
        let mut results = vec![function()];
        // A panic of a thread is passed on.
        let joined = others
            .into_iter()
            .map(|other| other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        results.extend(joined);
        results
    })
}
