//! What the server measures of itself, for Prometheus and the log.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use metrics::{counter, gauge, histogram, with_local_recorder};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use crate::cli::serve::state::Server;
use crate::link::protocol::Timing;

/// The measurements of one server; not the process's global ones, so that servers in one process stay apart.
pub(crate) struct Watch {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
}

impl Watch {
    pub(crate) fn new() -> Self {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        Self { recorder, handle }
    }

    /// The text for Prometheus, with how many images are in memory now.
    pub(crate) fn render(&self, images: usize, bytes: usize) -> String {
        with_local_recorder(&self.recorder, || {
            gauge!("masklink_images").set(images as f64);
            gauge!("masklink_images_bytes").set(bytes as f64);
        });
        self.handle.run_upkeep();
        self.handle.render()
    }

    /// Condenses what was measured since the last time; until then each measurement takes memory.
    pub(crate) fn upkeep(&self) {
        self.handle.run_upkeep();
    }

    /// Measures what a new image alone takes: to decode it and, where the encoder has a view of the
    /// whole, its features.
    pub(crate) fn prepare<T>(&self, work: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let done = work();
        with_local_recorder(&self.recorder, || {
            histogram!("masklink_prepare_seconds").record(started.elapsed().as_secs_f64());
        });
        done
    }

    /// Notes the parts of one answer.
    pub(crate) fn linked(&self, timing: &Timing) {
        with_local_recorder(&self.recorder, || {
            histogram!("masklink_encode_seconds").record(timing.encode / 1e3);
            histogram!("masklink_pool_seconds").record(timing.pool / 1e3);
            histogram!("masklink_search_seconds").record(timing.search / 1e3);
        });
    }
}

/// The method as a label: clients may invent methods, and each label takes memory for good.
fn known(method: &Method) -> &'static str {
    let names = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"];
    names.into_iter().find(|name| *name == method.as_str()).unwrap_or("other")
}

/// Counts and times every request by its route, and logs it.
pub(crate) async fn requests(State(server): State<Server>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    // The route and not the path, which clients choose: a label for each would fill memory.
    let route = request.extensions().get::<MatchedPath>().map_or("files", MatchedPath::as_str).to_owned();
    let response = next.run(request).await;
    let (seconds, status) = (started.elapsed().as_secs_f64(), response.status().as_u16());
    let known_method = known(&method);
    with_local_recorder(&server.inner.watch.recorder, || {
        let labels = [("route", route), ("method", known_method.to_owned()), ("status", status.to_string())];
        counter!("masklink_requests_total", &labels).increment(1);
        histogram!("masklink_request_seconds", &labels[..1]).record(seconds);
    });
    tracing::info!(%method, path, status, ms = seconds * 1e3, "request");
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invented_methods_share_one_label() {
        assert_eq!(known(&Method::PUT), "PUT");
        for invented in ["A000001", "A000002", "TRACE", "get"] {
            assert_eq!(known(&Method::from_bytes(invented.as_bytes()).unwrap()), "other", "{invented}");
        }
    }
}
