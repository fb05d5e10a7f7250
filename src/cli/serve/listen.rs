//! Connections: accepted, given a time to say what they want, and ended in an orderly way when the process is to stop.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use axum::extract::Request;
use hyper::server::conn::http1::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tower::{Service as _, ServiceExt as _};

use super::router::app;
use super::server::Server;

/// How long a client may take to send a request's head; the time limit of the request itself begins after it.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// How long to wait after an accept that failed, which mostly means that there are no descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Serves until the process is asked to stop, then answers what is under way, and at a second asking leaves it.
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
    accept(listener, server, &open).await;
    tracing::info!("stopping");
    tokio::select! {
        () = open.shutdown() => {}
        () = stop_asked() => tracing::warn!("stopped in the middle of answers"),
        () = tokio::time::sleep(last_requests) => tracing::warn!("stopped in the middle of answers that took too long"),
    }
    Ok(())
}

/// Accepts connections until the process is asked to stop.
async fn accept(listener: TcpListener, server: Server, open: &GracefulShutdown) {
    let mut services = app(server).into_make_service_with_connect_info::<SocketAddr>();
    // HTTP/1 alone: nothing ends a client that is silent before its version is known, or in HTTP/2.
    let mut builder = Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME);
    let mut stop = std::pin::pin!(stop_asked());
    loop {
        let accepted: std::io::Result<(TcpStream, SocketAddr)> = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => return,
        };
        let (stream, client) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let service = match services.call(client).await {
            Ok(service) => {
                service.map_request(|request: Request<hyper::body::Incoming>| request.map(axum::body::Body::new))
            }
            Err(never) => match never as Infallible {},
        };
        let service = hyper_util::service::TowerToHyperService::new(service);
        let connection = open.watch(builder.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%client, %error, "a connection broke");
            }
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
