//! Connections: accepted, given a time to say what they want, and ended in an orderly way when the
//! process is to stop.

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
use tower::{Service as _, ServiceExt as _};

use super::router::app;
use super::state::{Limits, Server};
use super::stream::Stream;

/// How long a client may take to send a request's head; the time limit of the request itself begins after it.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// How long to wait after an accept that failed, which mostly means that there are no descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Serves until the process is asked to stop, then answers what is under way, and at a second
/// asking leaves it.
pub(super) async fn listen(address: SocketAddr, server: Server, has_data: bool) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    // The line that people and scripts wait for.
    let address = listener.local_addr()?;
    println!("http://{address}/");
    if has_data {
        println!("http://{address}/?data=data/ opens the data");
    }
    let last_requests = server.inner.settings.limits.time;
    tokio::spawn(server.clone().upkeep());
    let open = GracefulShutdown::new();
    accept(listener, server, &open, stop_asked()).await;
    tracing::info!("stopping");
    tokio::select! {
        () = open.shutdown() => {}
        () = stop_asked() => tracing::warn!("stopped in the middle of answers"),
        () = tokio::time::sleep(last_requests) => tracing::warn!("stopped in the middle of answers that took too long"),
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
    let room = Arc::new(Semaphore::new(connections));
    let mut services = app(server).into_make_service_with_connect_info::<SocketAddr>();
    // HTTP/1 alone: nothing ends a client that is silent before its version is known, or in HTTP/2.
    let mut builder = Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME);
    let mut stop = std::pin::pin!(stop);
    loop {
        let next = async {
            let place = room.clone().acquire_owned().await.map_err(std::io::Error::other)?;
            listener.accept().await.map(|accepted| (accepted, place))
        };
        let accepted: std::io::Result<((TcpStream, SocketAddr), OwnedSemaphorePermit)> = tokio::select! {
            accepted = next => accepted,
            () = &mut stop => return,
        };
        let ((stream, client), place) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
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
        let stream = Stream::new(stream, stall_time);
        let connection = open.watch(builder.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%client, %error, "a connection broke");
            }
            drop(place);
        });
    }
}

/// Waits for Ctrl-C or, on Unix, for SIGTERM.
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
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::cli::serve::state::Settings;

    /// Runs `ask` against a server of these settings that accepts one connection at a time.
    async fn with_one_place(settings: Settings, ask: impl AsyncFnOnce(SocketAddr)) {
        let limits = Limits { connections: 1, ..settings.limits };
        let server = Server::new(None, Settings { limits, ..settings }).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let open = GracefulShutdown::new();
        tokio::select! {
            () = accept(listener, server, &open, std::future::pending()) => {}
            () = ask(address) => {}
            () = tokio::time::sleep(Duration::from_secs(20)) => panic!("the server goes on waiting"),
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
        with_one_place(Settings::default(), async |address| {
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
    async fn a_client_that_takes_nothing_makes_room() {
        let folder = tempfile::tempdir().unwrap();
        // More than lies on the way.
        std::fs::File::create(folder.path().join("large")).unwrap().set_len(64 << 20).unwrap();
        let limits = Limits { stall_time: Duration::from_millis(100), ..Limits::default() };
        let settings = Settings { root: Some(folder.path().to_owned()), limits, ..Settings::default() };
        with_one_place(settings, async |address| {
            let _unread = get(address, "/large").await;
            assert_eq!(&status(&mut get(address, "/healthz").await).await, b"HTTP/1.1 200");
        })
        .await;
    }
}
