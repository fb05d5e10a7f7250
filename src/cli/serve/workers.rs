//! Runs blocking work on a bounded number of threads, with a bounded queue before them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::error::ApiError;
use super::settings::Limits;
use crate::cli::backend::millis;
use crate::link::protocol::problem::Kind;

/// Permits of the requests that compute or wait to.
pub(super) struct Workers {
    /// Permits for requests that compute or wait to.
    admitted: Arc<Semaphore>,
    /// Permits for requests that compute.
    working: Arc<Semaphore>,
    queue_time: Duration,
    /// Permits of `admitted` and of `working` in all.
    most: (usize, usize),
}

impl Workers {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            admitted: Arc::new(Semaphore::new(limits.workers + limits.waiting)),
            working: Arc::new(Semaphore::new(limits.workers)),
            queue_time: limits.queue_time,
            most: (limits.workers + limits.waiting, limits.workers),
        }
    }

    /// Returns the numbers of requests that compute, and of those that wait to.
    pub(super) fn load(&self) -> (usize, usize) {
        let admitted = self.most.0.saturating_sub(self.admitted.available_permits());
        let working = self.most.1.saturating_sub(self.working.available_permits());
        (working, admitted.saturating_sub(working))
    }

    /// Runs `work` on a thread that may block, once a worker is free, and returns its result and the
    /// milliseconds waited.
    ///
    /// The permits go with the work and not with the request: work continues when the client has left.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
    ) -> Result<(T, f64), ApiError> {
        let busy = || {
            let detail = "All workers are busy. Try again in a second.";
            ApiError::retry_after(Kind::Unavailable, detail, 1)
        };
        let stopping = |_| ApiError::new(Kind::Unavailable, "The server is stopping.");
        let admitted = self.admitted.clone().try_acquire_owned().map_err(|_| busy())?;
        let started = Instant::now();
        let free = tokio::time::timeout(self.queue_time, self.working.clone().acquire_owned());
        let working = free.await.map_err(|_| busy())?.map_err(stopping)?;
        let waited = millis(started, Instant::now());
        let done = run_blocking(move || {
            let done = work();
            drop((working, admitted));
            done
        });
        Ok((done.await?, waited))
    }
}

/// Runs `work` on a thread that may block, whatever the number of others.
pub(super) async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let request = tracing::Span::current();
    tokio::task::spawn_blocking(move || request.in_scope(work)).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a worker panicked");
        Err(ApiError::new(Kind::Internal, ""))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_that_waits_too_long_for_a_worker_is_refused() {
        let limits = Limits { workers: 1, queue_time: Duration::from_millis(20), ..Limits::default() };
        let workers = Arc::new(Workers::new(&limits));
        let (release, blocked) = std::sync::mpsc::channel::<()>();
        let busy = Arc::clone(&workers);
        let first = tokio::spawn(async move { busy.run(move || Ok(blocked.recv().is_err())).await });
        while workers.working.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let second = tokio::time::timeout(Duration::from_secs(10), workers.run(|| Ok(()))).await;
        assert_eq!(second.expect("no time limit").unwrap_err().kind(), Kind::Unavailable);
        drop(release);
        assert!(first.await.unwrap().unwrap().0);
    }
}
