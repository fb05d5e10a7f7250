//! The HTTP of servers that stand for others: one request and one response a connection.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

/// A request that was read to the end.
pub(crate) struct Received {
    /// The request line and the header fields, each with its line break.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Received {
    /// Reads a request; `None` where the client closes the connection before its end.
    pub(crate) fn read(stream: &TcpStream) -> Option<Self> {
        let mut reader = BufReader::new(stream);
        let mut received = Self { head: String::new(), body: Vec::new() };
        while !received.head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut received.head).ok()? == 0 {
                return None;
            }
        }
        let length = received.header("content-length").map_or(Some(0), |value| value.parse().ok())?;
        received.body = vec![0; length];
        reader.read_exact(&mut received.body).ok()?;
        Some(received)
    }

    /// Returns the method and the target.
    pub(crate) fn method_and_target(&self) -> (&str, &str) {
        let mut words = self.head.split(' ');
        (words.next().unwrap_or_default(), words.next().unwrap_or_default())
    }

    /// Returns the value of a header field.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        fields.find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// Sends a response with header fields, each with its line break.
pub(crate) fn respond(stream: &mut TcpStream, status: u16, headers: &str, body: &str) {
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n");
    // A client that has read enough closes the connection.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
}
