//! Measures requests and linking, for Prometheus and the log.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use crate::link::protocol::Timing;

/// The measurements of one server. They are not the process's global ones, so that servers in one
/// process stay apart.
pub(crate) struct Metrics {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || {
            describe_counter!("masklink_requests_total", "Requests by route, method and status.");
            describe_histogram!("masklink_request_seconds", "Time to respond to a request, by route.");
            describe_histogram!("masklink_prepare_seconds", "Time to decode and encode a new image.");
            describe_histogram!("masklink_encode_seconds", "Time to read an image and run the encoder.");
            describe_histogram!("masklink_pool_seconds", "Time to average the features over a mask.");
            describe_histogram!("masklink_search_seconds", "Time to search the index.");
            describe_gauge!("masklink_images", "Images in memory.");
            describe_gauge!("masklink_images_bytes", "Memory that the images and their features take.");
        });
        Self { recorder, handle }
    }

    /// Returns the text for Prometheus, with the number and the bytes of the images in memory.
    pub(crate) fn render(&self, images: usize, bytes: usize) -> String {
        metrics::with_local_recorder(&self.recorder, || {
            gauge!("masklink_images").set(images as f64);
            gauge!("masklink_images_bytes").set(bytes as f64);
        });
        self.handle.run_upkeep();
        self.handle.render()
    }

    /// Condenses the measurements since the last call; until then each of them takes memory.
    pub(crate) fn run_upkeep(&self) {
        self.handle.run_upkeep();
    }

    /// Runs `work` and records its time as the preparation of a new image.
    pub(crate) fn time_preparation<T>(&self, work: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let done = work();
        metrics::with_local_recorder(&self.recorder, || {
            histogram!("masklink_prepare_seconds").record(started.elapsed().as_secs_f64());
        });
        done
    }

    /// Records the parts of one link response.
    pub(crate) fn record_link(&self, timing: &Timing) {
        metrics::with_local_recorder(&self.recorder, || {
            histogram!("masklink_encode_seconds").record(timing.encode / 1e3);
            histogram!("masklink_pool_seconds").record(timing.pool / 1e3);
            histogram!("masklink_search_seconds").record(timing.search / 1e3);
        });
    }
}

/// Returns the method as a label. Clients may invent methods, and each label takes memory for good.
fn method_label(method: &Method) -> &'static str {
    let names = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"];
    names.into_iter().find(|name| *name == method.as_str()).unwrap_or("other")
}

/// Counts and times every request by its route, and logs it at debug level.
pub(crate) async fn record(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    // The route and not the path, which clients choose: a label for each would fill memory.
    let route = request.extensions().get::<MatchedPath>().map_or("files", MatchedPath::as_str).to_owned();
    let response = next.run(request).await;
    let (seconds, status) = (started.elapsed().as_secs_f64(), response.status().as_u16());
    let label = method_label(&method);
    metrics::with_local_recorder(&metrics.recorder, || {
        let labels = [("route", route), ("method", label.to_owned()), ("status", status.to_string())];
        counter!("masklink_requests_total", &labels).increment(1);
        histogram!("masklink_request_seconds", &labels[..1]).record(seconds);
    });
    tracing::debug!(%method, path, status, ms = seconds * 1e3, "request");
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_methods_share_one_label() {
        assert_eq!(method_label(&Method::PUT), "PUT");
        for unknown in ["A000001", "A000002", "TRACE", "get"] {
            assert_eq!(method_label(&Method::from_bytes(unknown.as_bytes()).unwrap()), "other", "{unknown}");
        }
    }

    #[test]
    fn metrics_have_help_texts() {
        let metrics = Metrics::new();
        metrics.record_link(&Timing::default());
        let text = metrics.render(1, 2);
        assert!(text.contains("# HELP masklink_images Images in memory.\n"), "{text}");
        assert!(text.contains("# HELP masklink_search_seconds "), "{text}");
    }
}
