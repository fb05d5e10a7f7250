//! Accepts connections, limits their number and their idle times, and ends them in order when the
//! process is to stop.
//!
//! Own code, because `axum::serve` limits neither the time of a request's head nor the connections.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::extract::Request;
use hyper::server::conn::http1::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_io_timeout::TimeoutStream;
use tower::{Service as _, ServiceExt as _};

use super::router::app;
use super::settings::Limits;
use super::state::Server;

/// Maximum time a client takes to send a request's head; the request's own time limit begins after it.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause after a failed accept, which mostly means that there are no descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Serves until the process is asked to stop, then completes the requests under way; a second request to
/// stop ends them.
pub(super) async fn listen(address: SocketAddr, server: Server) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    // The one line of a start, which people and scripts wait for: the address comes first in it.
    println!("{}", server.describe(&format!("http://{}/", listener.local_addr()?)));
    let last_requests = server.inner.settings.limits.request_time;
    tokio::spawn(server.clone().upkeep());
    let open = GracefulShutdown::new();
    accept(listener, server, &open, stop_requested()).await;
    tracing::info!("stopping");
    tokio::select! {
        () = open.shutdown() => {}
        () = stop_requested() => tracing::warn!("stopped in the middle of requests"),
        () = tokio::time::sleep(last_requests) => tracing::warn!("stopped with requests that took too long"),
    }
    Ok(())
}

/// Accepts connections until `stop` is ready.
async fn accept(
    listener: TcpListener,
    server: Server,
    open: &GracefulShutdown,
    stop: impl Future<Output = ()>,
) {
    let Limits { connections, stall_time, .. } = server.inner.settings.limits;
    let permits = Arc::new(Semaphore::new(connections));
    let mut services = app(server).into_make_service_with_connect_info::<SocketAddr>();
    // HTTP/1 alone: no timeout ends a client that is silent before its version is known, or in HTTP/2.
    let mut builder = Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    let mut stop = std::pin::pin!(stop);
    loop {
        let next = async {
            let permit = permits.clone().acquire_owned().await.map_err(std::io::Error::other)?;
            listener.accept().await.map(|accepted| (accepted, permit))
        };
        let accepted: std::io::Result<((TcpStream, SocketAddr), OwnedSemaphorePermit)> = tokio::select! {
            accepted = next => accepted,
            () = &mut stop => return,
        };
        let ((stream, client), permit) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let service = match services.call(client).await {
            Ok(service) => service
                .map_request(|request: Request<hyper::body::Incoming>| request.map(axum::body::Body::new)),
            Err(never) => match never as Infallible {},
        };
        let service = hyper_util::service::TowerToHyperService::new(service);
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(stall_time));
        let connection = open.watch(builder.serve_connection(TokioIo::new(Box::pin(stream)), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%client, %error, "a connection broke");
            }
            drop(permit);
        });
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
    async fn connections_beyond_the_limit_wait() {
        with_one_connection(Settings::default(), async |address| {
            let mut first = get(address, "/healthz").await;
            assert_eq!(&status(&mut first).await, b"HTTP/1.1 200");
            let mut second = get(address, "/healthz").await;
            let early = tokio::time::timeout(Duration::from_millis(300), status(&mut second)).await;
            assert!(early.is_err(), "{early:?}");
            drop(first);
            assert_eq!(&status(&mut second).await, b"HTTP/1.1 200");
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
            assert_eq!(&status(&mut get(address, "/healthz").await).await, b"HTTP/1.1 200");
        })
        .await;
    }
}
