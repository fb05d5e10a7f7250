//! Measures requests and linking, for Prometheus and the log.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use crate::cli::onnx::Provider;
use crate::cli::serve::client::Client;
use crate::link::protocol::Timing;

/// Upper bounds of the histograms' buckets, in seconds.
const BUCKETS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The measurements of one server. They are not the process's global ones, so that servers in one
/// process stay apart.
pub(crate) struct Metrics {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
}

impl Metrics {
    pub(crate) fn new(provider: Provider) -> Self {
        let recorder = PrometheusBuilder::new()
            .set_buckets(&BUCKETS)
            // Only an empty list of buckets is an error.
            .unwrap_or_else(|_| PrometheusBuilder::new())
            .build_recorder();
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || {
            describe_counter!("masklink_requests_total", "Requests by route, method and status.");
            describe_histogram!("masklink_request_seconds", "Time to respond to a request, by route.");
            describe_histogram!("masklink_prepare_seconds", "Time to decode and encode a new image.");
            describe_histogram!("masklink_encode_seconds", "Time to read an image and run the encoder.");
            describe_histogram!("masklink_pool_seconds", "Time to average the features over a mask.");
            describe_histogram!("masklink_search_seconds", "Time to search the index.");
            describe_histogram!("masklink_queue_seconds", "Time that a request waited for a worker.");
            describe_counter!(
                "masklink_image_lookups_total",
                "Images of requests: in memory already, or decoded and encoded for them."
            );
            describe_counter!(
                "masklink_store_failures_total",
                "Images that could not be written to the store."
            );
            // An alert on its increase needs the value before the first failure.
            counter!("masklink_store_failures_total").increment(0);
            describe_gauge!("masklink_working", "Requests that compute.");
            describe_gauge!("masklink_waiting", "Requests that wait for a worker.");
            describe_gauge!("masklink_info", "The server's version and the device of its models.");
            gauge!("masklink_info", "version" => env!("CARGO_PKG_VERSION"), "device" => provider.name())
                .set(1.0);
            describe_gauge!("masklink_images", "Images in memory.");
            describe_gauge!("masklink_images_bytes", "Memory that the images and their features take.");
        });
        Self { recorder, handle }
    }

    /// Returns the text for Prometheus, with the number and the bytes of the images in memory, and the
    /// numbers of requests that compute and that wait to.
    pub(crate) fn render(
        &self,
        (images, bytes): (usize, usize),
        (working, waiting): (usize, usize),
    ) -> String {
        metrics::with_local_recorder(&self.recorder, || {
            gauge!("masklink_images").set(images as f64);
            gauge!("masklink_images_bytes").set(bytes as f64);
            gauge!("masklink_working").set(working as f64);
            gauge!("masklink_waiting").set(waiting as f64);
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

    /// Counts an image that a request asked for: found in memory, or computed.
    pub(crate) fn count_lookup(&self, is_computed: bool) {
        let found = if is_computed { "computed" } else { "memory" };
        metrics::with_local_recorder(&self.recorder, || {
            counter!("masklink_image_lookups_total", "found" => found).increment(1);
        });
    }

    /// Counts an image that is linked but could not be written to the store.
    pub(crate) fn count_store_failure(&self) {
        metrics::with_local_recorder(&self.recorder, || {
            counter!("masklink_store_failures_total").increment(1);
        });
    }

    /// Records the parts of one link response.
    pub(crate) fn record_link(&self, timing: &Timing) {
        metrics::with_local_recorder(&self.recorder, || {
            histogram!("masklink_queue_seconds").record(timing.queue / 1e3);
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
    let client = request.extensions().get::<Client>().map(|client| tracing::field::display(client.0));
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
    tracing::debug!(%method, path, status, ms = seconds * 1e3, client, "request");
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
        let metrics = Metrics::new(Provider::Cpu);
        metrics.record_link(&Timing::default());
        let text = metrics.render((1, 2), (3, 4));
        assert!(text.contains("# HELP masklink_images Images in memory.\n"), "{text}");
        assert!(text.contains("# HELP masklink_search_seconds "), "{text}");
        // Histograms and not summaries, which cannot be added up over servers.
        assert!(text.contains("masklink_search_seconds_bucket{le=\"0.001\"} 1\n"), "{text}");
        assert!(text.contains("masklink_waiting 4\n"), "{text}");
        assert!(text.contains("masklink_store_failures_total 0\n"), "{text}");
    }
}
