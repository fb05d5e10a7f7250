//! `masklink serve`: the page's files and the linking endpoint on one port.

mod error;
mod fetch;
mod listen;
mod middleware;
mod router;
mod routes;
mod state;
mod store;
mod stream;

use std::env::VarError;
use std::io::IsTerminal as _;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use axum::http::HeaderValue;

pub use router::app;
pub use routes::openapi::document as openapi_document;
pub use state::{Limits, Server, Settings};

use super::linker::Linker;
use super::onnx::{Runtime, RuntimeArgs};

/// Serve the page and the linking endpoint.
#[derive(clap::Args)]
pub(super) struct ServeArgs {
    /// Folder of the page.
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Folder of data, served below /data/.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Folder of an index that `masklink index` wrote; without one the endpoint answers 503.
    #[arg(long, value_name = "DIR")]
    index: Option<PathBuf>,
    /// Folder to keep put images in; without one they are kept in memory alone.
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1")]
    host: IpAddr,
    /// The most the store's folder may hold, in MiB; beyond it the images put first are removed.
    #[arg(long, value_name = "MIB", default_value_t = 10_240)]
    store_size: u64,
    /// Port to listen on; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Name that browsers may call this server by, besides localhost and loopback addresses; may be
    /// given several times. Without it, any name, or on a loopback address no other, so that no
    /// other site's name can be pointed there.
    #[arg(long, value_name = "NAME")]
    allow_host: Vec<String>,
    /// Host to fetch images from that a question names by their address; may be given several
    /// times. A port other than the scheme's, and an address that is not public, must be listed
    /// literally.
    #[arg(long, value_name = "HOST[:PORT]")]
    allow_url_host: Vec<String>,
    /// Bearer token the endpoint asks for; better given in `MASKLINK_TOKEN`, where other users do not see it.
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// Origin whose pages may use the endpoint, or * for any; may be given several times.
    #[arg(long, value_name = "ORIGIN", value_parser = middleware::cors::origin)]
    allow_origin: Vec<HeaderValue>,
    /// Origin the served page may connect to besides this server; may be given several times;
    /// without it, any.
    #[arg(long, value_name = "ORIGIN")]
    connect: Vec<String>,
    /// Requests a second for each client address, ten seconds' worth of them at once; 0 sets no limit.
    #[arg(long, value_name = "N", default_value_t = 20.0)]
    rate: f64,
    /// Masks and images computed at a time.
    #[arg(long, value_name = "N", default_value_t = 2)]
    workers: usize,
    /// Largest image taken, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = 20 << 20)]
    max_bytes: usize,
    /// Largest image taken, in pixels.
    #[arg(long, value_name = "N", default_value_t = 50_000_000)]
    max_pixels: u64,
    /// Memory for images and their features, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 512)]
    memory: usize,
    #[command(flatten)]
    runtime: RuntimeArgs,
}

/// Runs the command until the process is asked to stop.
pub(super) fn run(args: ServeArgs) -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "masklink=info".into()),
        )
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    let token = token(args.token.clone())?;
    for folder in [&args.root, &args.data].into_iter().flatten() {
        ensure!(folder.is_dir(), "{} is not a folder", folder.display());
    }
    let linker = match &args.index {
        Some(folder) => {
            let runtime = Runtime::load(args.runtime.onnxruntime.as_deref())?;
            Some(Linker::open(folder, &runtime, args.runtime.threads)?)
        }
        None => None,
    };
    let address = SocketAddr::new(args.host, args.port);
    let has_data = args.data.is_some();
    let server = Server::new(linker, settings(args, token))?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(listen::listen(address, server, has_data))
}

/// The token given, or that of the environment. An empty one is an error: it mostly comes of a
/// script whose variable is not set, and would let everybody in.
fn token(given: Option<String>) -> anyhow::Result<Option<String>> {
    let token = match (given, std::env::var("MASKLINK_TOKEN")) {
        (Some(token), _) => Some(token),
        (None, Err(VarError::NotPresent)) => None,
        (None, found) => Some(found.context("MASKLINK_TOKEN")?),
    };
    ensure!(
        token.as_deref() != Some(""),
        "the token is empty: leave --token and MASKLINK_TOKEN out to let anybody use the endpoint"
    );
    Ok(token)
}

fn settings(args: ServeArgs, token: Option<String>) -> Settings {
    let limits = Limits {
        image_bytes: args.max_bytes,
        pixels: args.max_pixels,
        workers: args.workers.max(1),
        requests_per_second: args.rate,
        store_bytes: args.memory << 20,
        folder_bytes: args.store_size << 20,
        // Room for the largest bodies, which hold an image in base64.
        body_bytes: Limits::default().body_bytes.max(args.max_bytes.saturating_mul(3)),
        ..Limits::default()
    };
    let listed = args.host.is_loopback() || !args.allow_host.is_empty();
    Settings {
        hosts: listed.then_some(args.allow_host),
        root: args.root,
        data: args.data,
        store: args.store,
        token,
        allow_origins: args.allow_origin,
        connect: args.connect,
        url_hosts: args.allow_url_host,
        limits,
    }
}
