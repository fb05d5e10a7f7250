//! `masklink serve`: the page's files and the linking endpoint on one port.

mod auth;
mod cors;
mod failure;
mod fetch;
mod files;
mod health;
mod host;
mod images;
mod link;
mod openapi;
mod rate;
mod router;
mod server;
mod store;
mod watch;

use std::io::IsTerminal as _;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use axum::http::HeaderValue;
use tokio::net::TcpListener;

pub use openapi::document as openapi_document;
pub use router::app;
pub use server::{Limits, Server, Settings};

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
    /// Folder to keep put pictures in; without one they are kept in memory alone.
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1")]
    host: IpAddr,
    /// Port to listen on; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Name that browsers may call this server by; may be given several times. Without it, any name, or on a loopback
    /// address only localhost, so that no other site's name can be pointed there.
    #[arg(long, value_name = "NAME")]
    allow_host: Vec<String>,
    /// Host to fetch pictures from that a question names by their address; may be given several times. A port other
    /// than the scheme's, and an address that is not public, must be listed literally.
    #[arg(long, value_name = "HOST[:PORT]")]
    allow_url_host: Vec<String>,
    /// Bearer token the endpoint asks for; better given in `MASKLINK_TOKEN`, where other users do not see it.
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// Origin whose pages may use the endpoint, or * for any; may be given several times.
    #[arg(long, value_name = "ORIGIN")]
    allow_origin: Vec<HeaderValue>,
    /// Origin the served page may connect to besides this server; may be given several times; without it, any.
    #[arg(long, value_name = "ORIGIN")]
    connect: Vec<String>,
    /// Requests a second for each client address, on average over a minute; 0 sets no limit.
    #[arg(long, value_name = "N", default_value_t = 20.0)]
    rate: f64,
    /// Masks and pictures computed at a time.
    #[arg(long, value_name = "N", default_value_t = 2)]
    workers: usize,
    /// Largest picture taken, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = 20 << 20)]
    most_bytes: usize,
    /// Largest picture taken, in pixels.
    #[arg(long, value_name = "N", default_value_t = 50_000_000)]
    most_pixels: u64,
    /// Memory for pictures and their features, in MiB.
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
    let server = Server::new(linker, settings(args))?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(listen(address, server, has_data))
}

async fn listen(address: SocketAddr, server: Server, has_data: bool) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    // The line that people and scripts wait for.
    let address = listener.local_addr()?;
    println!("http://{address}/");
    if has_data {
        println!("http://{address}/?data=data/ opens the data");
    }
    let service = app(server).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(stop_asked()).await.context("the server stopped")
}

/// Waits for Ctrl-C or, on Unix, for SIGTERM; requests under way are then answered to the end.
async fn stop_asked() {
    let interrupt = async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::warn!(%error, "Ctrl-C cannot be waited for");
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(error) => {
                tracing::warn!(%error, "SIGTERM cannot be waited for");
                std::future::pending::<()>().await;
            }
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
    tracing::info!("stopping");
}

fn settings(args: ServeArgs) -> Settings {
    let limits = Limits {
        image_bytes: args.most_bytes,
        pixels: args.most_pixels,
        workers: args.workers.max(1),
        requests_per_second: args.rate,
        store_bytes: args.memory << 20,
        ..Limits::default()
    };
    let listed = args.host.is_loopback() || !args.allow_host.is_empty();
    Settings {
        hosts: listed.then_some(args.allow_host),
        root: args.root,
        data: args.data,
        store: args.store,
        token: args.token.or_else(|| std::env::var("MASKLINK_TOKEN").ok()).filter(|token| !token.is_empty()),
        allow_origins: args.allow_origin,
        connect: args.connect,
        url_hosts: args.allow_url_host,
        limits,
    }
}
