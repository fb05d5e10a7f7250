//! `masklink serve`: the page's files and the linking endpoint on one port.

mod backends;
mod body;
mod cache;
mod client;
mod connection_limit;
mod error;
mod fetch;
mod listen;
mod middleware;
mod min_rate;
mod router;
mod routes;
mod settings;
mod state;
mod store;
mod unread;
mod workers;

use std::io::IsTerminal as _;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use axum::http::HeaderValue;
use clap::builder::RangedU64ValueParser;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

pub use client::AddressRange;
pub use router::app;
pub use routes::openapi::document as openapi_document;
pub use settings::{Limits, Settings};
pub use state::{Loader, ReloadError, Server};

use super::embedder::Embedder;
use super::onnx::RuntimeArgs;
use super::remote;
use super::segmenter::ModelChoice;
use backends::BackendArgs;

/// Maximum number of lines of the log that wait to be written.
const LOG_LINES: usize = 8192;
/// Smallest and largest memory budget, in MiB: the smallest decodes images of half a million pixels.
const MEMORY_MIB: (u64, u64) = (64, 1 << 24);
/// Maximum number of workers; each has a thread.
const MAX_WORKERS: u64 = 512;
/// Maximum of the other limits, in their units: sums and products of them stay far below the largest number.
const MAX_LIMIT: u64 = 1 << 40;
/// Maximum time that reads of files may still take when the server has stopped.
const LAST_READS: Duration = Duration::from_secs(1);

/// Serves the page and the linking endpoint. `RUST_LOG=masklink=debug` logs each request.
#[derive(clap::Args)]
pub(super) struct ServeArgs {
    /// Folder of the page, such as dist.
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Folder of data, served below /data/.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Serve files that symbolic links in the data folder lead to, wherever they lie.
    #[arg(long)]
    follow_links: bool,
    #[command(flatten)]
    backends: BackendArgs,
    /// Folder that keeps uploaded images; without one they are kept in memory only.
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1")]
    host: IpAddr,
    /// Maximum size of the --store folder, in MiB; beyond it the oldest images are removed.
    #[arg(
        long,
        value_name = "MIB",
        default_value_t = 10_240,
        requires = "store",
        value_parser = RangedU64ValueParser::<u64>::new().range(1..=MAX_LIMIT)
    )]
    store_size: u64,
    /// Port to listen on; 0 for any free one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Host name that requests may use, besides localhost and loopback addresses; may be given several
    /// times. Without it, a server on a loopback address refuses all other names, so that no other site
    /// can point its name there. A server on any other address then accepts all names. Health checks pass by
    /// any name.
    #[arg(long, value_name = "NAME", value_parser = middleware::host::name)]
    allow_host: Vec<String>,
    /// Host from which the server may fetch images by URL; may be given several times. Give its port
    /// unless that is the scheme's default. A host without a public address must be given by its IP
    /// address.
    #[arg(long, value_name = "HOST[:PORT]", value_parser = fetch::host)]
    allow_url_host: Vec<String>,
    /// Address of a reverse proxy before this server, or a network of them such as 10.0.0.0/8, whose
    /// X-Forwarded-For tells the clients apart; may be given several times. Without it all its clients share
    /// one rate.
    #[arg(long, value_name = "ADDRESS[/LENGTH]")]
    trusted_proxy: Vec<AddressRange>,
    /// Bearer token that the endpoint requires; safer in `MASKLINK_TOKEN`, which other users cannot see.
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// Origin whose pages may use the endpoint, or * for all; may be given several times.
    #[arg(long, value_name = "ORIGIN", value_parser = middleware::cors::origin)]
    allow_origin: Vec<HeaderValue>,
    /// Origin that the page may connect to, besides this server; may be given several times. Without it,
    /// all are allowed.
    #[arg(long, value_name = "ORIGIN", value_parser = middleware::cors::one_origin)]
    connect: Vec<String>,
    /// Maximum requests per second of one client, in bursts of up to ten seconds' worth; 0 for no limit.
    #[arg(long, value_name = "N", default_value_t = 20.0, value_parser = middleware::rate::per_second)]
    rate: f64,
    /// Maximum number of requests computed at the same time.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 2,
        value_parser = RangedU64ValueParser::<usize>::new().range(1..=MAX_WORKERS)
    )]
    workers: usize,
    /// Maximum size of an image, in bytes.
    #[arg(
        long,
        value_name = "BYTES",
        default_value_t = 20 << 20,
        value_parser = RangedU64ValueParser::<usize>::new().range(1..=MAX_LIMIT)
    )]
    max_bytes: usize,
    /// Maximum number of pixels of an image.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 50_000_000,
        value_parser = RangedU64ValueParser::<u64>::new().range(1..=MAX_LIMIT)
    )]
    max_pixels: u64,
    /// Memory budget besides the index and its encoder, in MiB: half of it for images and their features,
    /// three eighths for decoding, an eighth for bodies of requests, or as much as the largest one takes.
    #[arg(
        long,
        value_name = "MIB",
        default_value_t = 1024,
        value_parser = RangedU64ValueParser::<usize>::new().range(MEMORY_MIB.0..=MEMORY_MIB.1)
    )]
    memory: usize,
    /// Run the encoder of this click model for devices that are too weak for it: ID of a model of
    /// www/models/models.json, relative to the working folder, or models.json#ID, or models.json for its
    /// default. The page must have the same model.
    #[arg(long, value_name = "MANIFEST-ENTRY")]
    click_model: Option<ModelChoice>,
    /// Form of the log's lines.
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    #[command(flatten)]
    runtime: RuntimeArgs,
}

/// Form of the log's lines.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for programs.
    Json,
}

/// The command failed, and its log says why.
#[derive(Debug, thiserror::Error)]
#[error("the log says why")]
pub(super) struct Logged;

/// Runs the command until the process is asked to stop. Where programs read the log, a failure is a line of
/// it.
pub(super) fn run(args: ServeArgs) -> anyhow::Result<()> {
    let format = args.log_format;
    let _log = start_log(format)?;
    match (serve(args), format) {
        (Err(error), LogFormat::Json) if tracing::enabled!(tracing::Level::ERROR) => {
            tracing::error!(error = format!("{error:#}"), "the server failed");
            Err(Logged.into())
        }
        (ended, _) => ended,
    }
}

fn serve(args: ServeArgs) -> anyhow::Result<()> {
    let token = remote::secret("token", ("--token", args.token.clone()), "MASKLINK_TOKEN")?;
    for folder in [&args.root, &args.data].into_iter().flatten() {
        ensure!(folder.is_dir(), "there is no folder {}", folder.display());
    }
    let loader = backends::loader(args.backends.clone(), &args.runtime)?;
    let address = SocketAddr::new(args.host, args.port);
    if token.is_none() && !args.host.is_loopback() {
        tracing::warn!(
            "all who reach {address} may use the endpoint and read /metrics: set MASKLINK_TOKEN to require a \
             token"
        );
    }
    let embedder =
        args.click_model.as_ref().map(|choice| Embedder::load(choice, &args.runtime)).transpose()?;
    let settings = settings(args, token, embedder.map(Arc::new));
    let server = match loader {
        Some(loader) => Server::with_loader(loader, settings)?,
        None => Server::new(None, settings)?,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(listen::listen(address, server));
    // A read that hangs, as of a dead network mount, must not hold the end.
    runtime.shutdown_timeout(LAST_READS);
    ended
}

/// Writes the log to the standard error, at the levels of `RUST_LOG` if there are any. Lines that nobody
/// reads fill a queue; further ones are dropped, so that a full pipe never stops the server. The guard writes
/// what is left.
fn start_log(format: LogFormat) -> anyhow::Result<WorkerGuard> {
    let levels = match std::env::var("RUST_LOG") {
        Ok(levels) if !levels.is_empty() => levels.parse().context("RUST_LOG")?,
        _ => Targets::new().with_target("masklink", LevelFilter::INFO),
    };
    let (writer, guard) =
        NonBlockingBuilder::default().buffered_lines_limit(LOG_LINES).lossy(true).finish(std::io::stderr());
    let lines = tracing_subscriber::fmt::layer();
    let registry = tracing_subscriber::registry();
    match format {
        LogFormat::Json => {
            registry
                .with(lines.json().flatten_event(true).with_span_list(false).with_writer(writer))
                .with(levels)
                .init();
        }
        LogFormat::Text => {
            let is_terminal = std::io::stderr().is_terminal();
            registry.with(lines.with_ansi(is_terminal).with_writer(writer)).with(levels).init();
        }
    }
    Ok(guard)
}

fn settings(args: ServeArgs, token: Option<String>, embedder: Option<Arc<Embedder>>) -> Settings {
    let limits = Limits {
        image_bytes: args.max_bytes,
        pixels: args.max_pixels,
        workers: args.workers,
        requests_per_second: args.rate,
        store_bytes: args.memory << 19,
        decode_bytes: (args.memory << 17) * 3,
        folder_bytes: args.store_size << 20,
        // The largest bodies have an image in base64.
        body_bytes: (args.memory << 17).max(args.max_bytes / 3 * 4 + Limits::default().request_bytes),
        ..Limits::default()
    };
    let is_listed = args.host.is_loopback() || !args.allow_host.is_empty();
    Settings {
        hosts: is_listed.then_some(args.allow_host),
        root: args.root,
        data: args.data,
        follow_links: args.follow_links,
        store: args.store,
        trusted_proxies: args.trusted_proxy,
        token,
        allow_origins: args.allow_origin,
        connect: args.connect,
        url_hosts: args.allow_url_host,
        embedder,
        provider: args.runtime.provider,
        limits,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        serve: ServeArgs,
    }

    fn limits(arguments: &[&str]) -> Result<Limits, String> {
        let line =
            Line::try_parse_from(["serve"].iter().chain(arguments)).map_err(|error| error.to_string())?;
        Ok(settings(line.serve, None, None).limits)
    }

    #[test]
    fn numbers_of_which_no_server_could_run_are_refused() {
        for arguments in [
            ["--memory", "99999999999999999"],
            ["--memory", "0"],
            ["--memory", "63"],
            ["--workers", "3000000000000000000"],
            ["--workers", "0"],
            ["--max-pixels", "0"],
            ["--max-bytes", "0"],
            ["--max-bytes", "18446744073709551615"],
        ] {
            let error = limits(&arguments).unwrap_err();
            assert!(error.contains("is not in 1..=") || error.contains("is not in 64..="), "{error}");
        }
        assert!(limits(&["--store-size", "0", "--store", "s"]).unwrap_err().contains("is not in 1..="));
        assert!(limits(&["--store-size", "7"]).unwrap_err().contains("--store <DIR>"));
        let largest = [MEMORY_MIB.1, MAX_LIMIT, MAX_LIMIT, MAX_LIMIT].map(|number| number.to_string());
        let [memory, bytes, pixels, size] = largest.each_ref().map(String::as_str);
        let largest =
            ["--memory", memory, "--max-bytes", bytes, "--max-pixels", pixels, "--store-size", size];
        let largest = limits(&[&largest[..], &["--store", "s", "--workers", "512"]].concat()).unwrap();
        assert_eq!((largest.store_bytes, largest.folder_bytes), (1 << 43, 1 << 60));
        assert_eq!(limits(&["--memory", "64"]).unwrap().decode_bytes, 24 << 20);
    }
}
