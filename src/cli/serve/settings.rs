//! The server's settings and limits.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderValue;

use super::client::AddressRange;
use crate::cli::embedder::Embedder;
use crate::cli::onnx::Provider;
use crate::link::protocol::client::{LINK_TIMEOUT_MILLIS, UPLOAD_TIMEOUT_MILLIS};

/// Settings of a server: the folders it serves, and the clients it serves them to.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Folder of the page.
    pub root: Option<PathBuf>,
    /// Folder served below `/data/`.
    pub data: Option<PathBuf>,
    /// Whether links that lead out of the data folder are followed.
    pub follow_links: bool,
    /// Folder that keeps uploaded images.
    pub store: Option<PathBuf>,
    /// Bearer token that the endpoint requires.
    pub token: Option<String>,
    /// Origins whose pages may use the endpoint; `*` for any.
    pub allow_origins: Vec<HeaderValue>,
    /// Origins the page may connect to besides this server; any, where the list is empty.
    pub connect: Vec<String>,
    /// Allowed host names besides the loopback's; any, where there is no list.
    pub hosts: Option<Vec<String>>,
    /// Hosts from which images are fetched by their URL; none, where the list is empty.
    pub url_hosts: Vec<String>,
    /// Addresses of reverse proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<AddressRange>,
    /// The click model whose encoder the server runs for devices that are too weak; none, for no such
    /// service.
    pub embedder: Option<Arc<Embedder>>,
    /// The part of ONNX Runtime that runs the models, for the measurements.
    pub provider: Provider,
    /// Limits of requests, memory and time.
    pub limits: Limits,
}

/// Limits of requests, memory and time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Maximum size of an encoded image, in bytes.
    pub image_bytes: usize,
    /// Maximum size of a link request without its base64 image, in bytes.
    pub request_bytes: usize,
    /// Maximum number of pixels of an image.
    pub pixels: u64,
    /// Maximum number of requests that compute at a time.
    pub workers: usize,
    /// Maximum number of requests that wait for a worker; beyond it the status is 503.
    pub waiting: usize,
    /// Average requests a second of one client; 0 for no limit.
    pub requests_per_second: f64,
    /// Memory budget of decoding images, in bytes; beyond it the status is 503, and 413 for an image that
    /// needs more than all of it.
    pub decode_bytes: usize,
    /// Memory budget of request bodies, in bytes; beyond it the status is 503.
    pub body_bytes: usize,
    /// Maximum time of a request that is no upload.
    pub request_time: Duration,
    /// Maximum time of an image's upload.
    pub upload_time: Duration,
    /// Maximum time a request waits for a worker; beyond it the status is 503.
    pub queue_time: Duration,
    /// Maximum number of connections, besides some in reserve for health checks; others wait.
    pub connections: usize,
    /// Maximum number of connections of one client: an IPv4 address, or an IPv6 network of 64 bits.
    pub client_connections: usize,
    /// Least rate at which a client sends a body and reads a response, in bytes a second.
    pub client_rate: u64,
    /// Time over which the rate of a client that reads a response is averaged.
    pub stall_time: Duration,
    /// Time after which the rate of a client that sends a body counts.
    pub body_grace: Duration,
    /// Maximum time for the requests under way when the server is to stop.
    pub stop_time: Duration,
    /// Memory budget of images and their features, in bytes.
    pub store_bytes: usize,
    /// Maximum size of the folder that keeps uploaded images, in bytes.
    pub folder_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            image_bytes: 20 << 20,
            request_bytes: 4 << 20,
            pixels: 50_000_000,
            workers: std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
            waiting: 64,
            decode_bytes: 384 << 20,
            body_bytes: 128 << 20,
            requests_per_second: 20.0,
            request_time: Duration::from_secs(30),
            upload_time: Duration::from_millis(UPLOAD_TIMEOUT_MILLIS.into()),
            // A client that has given up does not see a 503 and so does not retry: it must arrive long
            // before.
            queue_time: Duration::from_millis((LINK_TIMEOUT_MILLIS / 3).into()),
            // Each may hold its socket and a file, and most processes get 1,024 descriptors.
            connections: 400,
            client_connections: 200,
            client_rate: 1 << 10,
            stall_time: Duration::from_secs(30),
            body_grace: Duration::from_secs(10),
            // Container engines kill a process that has not stopped after ten.
            stop_time: Duration::from_secs(8),
            store_bytes: 512 << 20,
            folder_bytes: 10 << 30,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_server_responds_before_clients_give_up() {
        let limits = Limits::default();
        // Twice, because a fetched image waits once more.
        assert!(limits.queue_time * 2 < Duration::from_millis(LINK_TIMEOUT_MILLIS.into()));
        assert!(limits.upload_time >= Duration::from_millis(UPLOAD_TIMEOUT_MILLIS.into()));
    }
}
