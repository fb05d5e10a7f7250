//! Accepts connections, limits their number and their idle times, and ends them in order when the
//! process is to stop.
//!
//! Own code, because `axum::serve` limits neither the time of a request's head nor the connections.

use std::convert::Infallible;
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::body::Body;
use axum::extract::Request;
use axum::response::IntoResponse as _;
use hyper::server::conn::http1::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tower::{Service as _, ServiceExt as _};

use super::connection_limit::ConnectionLimit;
use super::min_rate::MinRateStream;
use super::router::app;
use super::settings::Limits;
use super::state::{ReloadError, Server};
use super::unread;

/// Maximum time a client takes to send a request's head; the request's own time limit begins after it.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause after a failed accept, which mostly means that there are no descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Serves until the process is asked to stop, then completes the requests under way; a second request to
/// stop ends them. The index is loaded while health checks already pass.
pub(super) async fn listen(address: SocketAddr, server: Server) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    let address = listener.local_addr()?;
    let stop_time = server.inner.settings.limits.stop_time;
    tokio::spawn(server.clone().upkeep());
    let open = GracefulShutdown::new();
    tokio::select! {
        () = accept(listener, server.clone(), &open, stop_requested()) => {}
        failed = load(&server, address) => return failed.map(|never| match never {}),
    }
    tracing::info!("stopping");
    tokio::select! {
        () = open.shutdown() => {}
        () = stop_requested() => tracing::warn!("stopped in the middle of requests"),
        () = tokio::time::sleep(stop_time) => tracing::warn!("stopped with requests that took too long"),
    }
    Ok(())
}

/// Loads the index, says that the server is ready, and loads the index anew at each SIGHUP.
async fn load(server: &Server, address: SocketAddr) -> anyhow::Result<Infallible> {
    let mut hangups = Hangups::new()?;
    let url = format!("http://{address}/");
    match server.reload().await {
        Ok(info) => tracing::info!(url, entities = info.entities, index = info.index_sha256, "ready"),
        // If the operator was faster, both loads read the same folder.
        Err(ReloadError::Busy) => tracing::info!(url, "ready once the index is loaded"),
        Err(ReloadError::Nothing) => tracing::info!(url, "ready, without an index"),
        Err(ReloadError::Load(error)) => return Err(error),
    }
    // The one line of a start, which people and scripts wait for: the address comes first in it.
    let line = server.describe(&url);
    if let Err(error) = writeln!(std::io::stdout(), "{line}") {
        tracing::warn!(%error, "cannot print the address to the standard output");
    }
    loop {
        hangups.next().await;
        // The log says how it ended.
        let _ = server.reload_and_log().await;
    }
}

/// Accepts connections until `stop` is ready.
async fn accept(
    listener: TcpListener,
    server: Server,
    open: &GracefulShutdown,
    stop: impl Future<Output = ()>,
) {
    let settings = &server.inner.settings;
    let Limits { stall_time, client_rate, .. } = settings.limits;
    let limit = Arc::new(ConnectionLimit::new(&settings.limits, &settings.trusted_proxies));
    let mut services = app(server.clone()).into_make_service_with_connect_info::<SocketAddr>();
    // HTTP/1 alone: no timeout ends a client that is silent before its version is known, or in HTTP/2.
    let mut builder = Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => return,
        };
        let (stream, client) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Some(permit) = limit.acquire(client.ip()).map(Arc::new) else {
            tracing::debug!(%client, "closed a connection of a client that has its maximum of them");
            continue;
        };
        let service = match services.call(client).await {
            Ok(service) => service,
            Err(never) => match never as Infallible {},
        };
        let service = hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| {
            let (service, permit) = (service.clone(), Arc::clone(&permit));
            async move {
                let (request, unread) = unread::lend(request.map(Body::new));
                let response = match permit.admit(request.uri().path()).await {
                    Ok(()) => service.oneshot(request).await,
                    Err(refused) => {
                        drop(request);
                        Ok(refused.into_response())
                    }
                };
                unread.discard().await;
                response
            }
        });
        let stream = TokioIo::new(MinRateStream::new(stream, stall_time, client_rate));
        let connection = open.watch(builder.serve_connection(stream, service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%client, %error, "a connection broke");
            }
        });
    }
}

/// The SIGHUPs that the process receives; none on systems without them.
struct Hangups {
    #[cfg(unix)]
    signal: tokio::signal::unix::Signal,
}

impl Hangups {
    #[cfg(unix)]
    fn new() -> std::io::Result<Self> {
        Ok(Self { signal: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())? })
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        if self.signal.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }

    #[cfg(not(unix))]
    fn new() -> std::io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        std::future::pending::<()>().await;
    }
}

/// Waits for Ctrl-C or, on Unix, for SIGTERM.
async fn stop_requested() {
    let interrupt = async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::warn!(%error, "cannot wait for Ctrl-C");
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
                tracing::warn!(%error, "cannot wait for SIGTERM");
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
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    use super::*;
    use crate::cli::serve::settings::Settings;

    /// Runs `test` against a server of these settings that accepts one connection at a time.
    async fn with_one_connection(settings: Settings, test: impl AsyncFnOnce(SocketAddr)) {
        let limits = Limits { connections: 1, ..settings.limits };
        let server = Server::new(None, Settings { limits, ..settings }).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let open = GracefulShutdown::new();
        tokio::select! {
            () = accept(listener, server, &open, std::future::pending()) => {}
            () = test(address) => {}
            () = tokio::time::sleep(Duration::from_secs(20)) => panic!("no connection was accepted"),
        }
    }

    async fn get(address: SocketAddr, path: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes()).await.unwrap();
        stream
    }

    async fn status(stream: &mut TcpStream) -> [u8; 12] {
        let mut status = [0; 12];
        stream.read_exact(&mut status).await.unwrap();
        status
    }

    #[tokio::test]
    async fn connections_beyond_the_limit_wait_and_health_checks_do_not() {
        with_one_connection(Settings::default(), async |address| {
            let mut first = get(address, "/endpoint.json").await;
            assert_eq!(&status(&mut first).await, b"HTTP/1.1 200");
            let mut second = get(address, "/endpoint.json").await;
            let early = tokio::time::timeout(Duration::from_millis(300), status(&mut second)).await;
            assert!(early.is_err(), "{early:?}");
            assert_eq!(&status(&mut get(address, "/healthz").await).await, b"HTTP/1.1 200");
            drop(first);
            assert_eq!(&status(&mut second).await, b"HTTP/1.1 200");
        })
        .await;
    }

    #[tokio::test]
    async fn a_client_that_sends_all_before_it_reads_gets_the_refusal() {
        with_one_connection(Settings::default(), async |address| {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let head = "PUT /v1/images/00 HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100000000\r\n\r\n";
            stream.write_all(head.as_bytes()).await.unwrap();
            let chunk = vec![7; 1_000_000];
            for sent in 0..100 {
                stream.write_all(&chunk).await.unwrap_or_else(|error| panic!("after {sent} MB: {error}"));
                tokio::task::yield_now().await;
            }
            assert!(status(&mut stream).await.starts_with(b"HTTP/1.1 4"));
        })
        .await;
    }

    #[tokio::test]
    async fn a_client_that_waits_to_be_asked_gets_the_refusal_at_once() {
        with_one_connection(Settings::default(), async |address| {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let head = "PUT /v1/images/00 HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\n\
                        content-length: 100000000\r\n\r\n";
            stream.write_all(head.as_bytes()).await.unwrap();
            assert!(status(&mut stream).await.starts_with(b"HTTP/1.1 4"));
        })
        .await;
    }

    #[tokio::test]
    async fn a_client_that_reads_nothing_is_disconnected() {
        let folder = tempfile::tempdir().unwrap();
        // More than the sockets' buffers hold.
        std::fs::File::create(folder.path().join("large")).unwrap().set_len(64 << 20).unwrap();
        let limits = Limits { stall_time: Duration::from_millis(100), ..Limits::default() };
        let settings = Settings { root: Some(folder.path().to_owned()), limits, ..Settings::default() };
        with_one_connection(settings, async |address| {
            let _unread = get(address, "/large").await;
            // Its permit is the only one, and health checks would need none.
            assert_eq!(&status(&mut get(address, "/endpoint.json").await).await, b"HTTP/1.1 200");
        })
        .await;
    }

    #[tokio::test]
    async fn a_client_that_reads_too_slowly_is_disconnected() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::File::create(folder.path().join("large")).unwrap().set_len(64 << 20).unwrap();
        let limits = Limits { stall_time: Duration::from_millis(300), ..Limits::default() };
        let settings = Settings { root: Some(folder.path().to_owned()), limits, ..Settings::default() };
        with_one_connection(settings, async |address| {
            let mut slow = get(address, "/large").await;
            let trickle = async {
                let mut byte = [0];
                while slow.read_exact(&mut byte).await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                std::future::pending::<()>().await;
            };
            let mut other = get(address, "/endpoint.json").await;
            tokio::select! {
                read = status(&mut other) => assert_eq!(&read, b"HTTP/1.1 200"),
                () = trickle => {}
            }
        })
        .await;
    }
}
