//! A connection whose client must read at a minimum rate.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

/// A connection that fails with `TimedOut` when the client takes too few bytes of a response in a window of
/// time in which there are more to send. Time without a response to send does not count.
pub(super) struct MinRateStream {
    stream: TcpStream,
    window: Duration,
    /// Minimum bytes of the response that the client must read each window.
    min_bytes: u64,
    /// The window that runs since the client first could not take more.
    current: Option<Window>,
}

struct Window {
    end: Pin<Box<Sleep>>,
    taken: u64,
}

impl MinRateStream {
    /// Wraps a connection whose client must take `rate` bytes a second, averaged over each `window`.
    pub(super) fn new(stream: TcpStream, window: Duration, rate: u64) -> Self {
        let min_bytes = (window.as_secs_f64() * rate as f64) as u64;
        Self { stream, window, min_bytes: min_bytes.max(1), current: None }
    }

    /// Counts what a write did, or ends the connection where the window has ended with too little taken.
    fn count(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = &written
            && let Some(window) = &mut self.current
        {
            window.taken += *bytes as u64;
        }
        if written.is_ready() {
            return written;
        }
        loop {
            let length = self.window;
            let window =
                self.current.get_or_insert_with(|| Window { end: Box::pin(sleep(length)), taken: 0 });
            ready!(window.end.as_mut().poll(context));
            if window.taken < self.min_bytes {
                let detail = "the client takes the response too slowly";
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, detail)));
            }
            self.current = None;
        }
    }
}

impl AsyncRead for MinRateStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, into);
        if into.filled().len() > before {
            // Another request: the response before it has been taken.
            self.current = None;
        }
        read
    }
}

impl AsyncWrite for MinRateStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.count(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.count(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
