//! A small HTTP client for evaluating endpoints: plain HTTP, one request a connection.

use std::io::{Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::{Duration, Instant};

/// The most bytes of an answer.
const MOST_BYTES: u64 = 16 << 20;

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) retry_after: Option<String>,
    pub(super) body: String,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The address is not one this client reaches.
    #[error("'{url}' does not begin with http:// and a host; for https put a local proxy before it")]
    Address {
        /// As given.
        url: String,
    },
    /// No connection, or it broke.
    #[error("{host}")]
    Io {
        /// Whom it was to reach.
        host: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// What came back is not HTTP.
    #[error("{host} does not speak HTTP")]
    Protocol {
        /// Who answered.
        host: String,
    },
    /// What came back is too long.
    #[error("{host} answers with more than {MOST_BYTES} bytes")]
    TooLong {
        /// Who answered.
        host: String,
    },
}

/// Sends a request and reads the answer to its end.
///
/// It is a request of HTTP/1.0, to which no server answers in chunks: the answer ends with the connection.
pub(super) fn send(
    method: &str,
    url: &str,
    headers: &[(String, String)],
    body: &[u8],
    patience: Duration,
) -> Result<Response, Error> {
    let (host, path) = host_and_path(url).ok_or_else(|| Error::Address { url: url.to_owned() })?;
    let io = |source| Error::Io { host: host.to_owned(), source };
    let with_port = if has_port(host) { host.to_owned() } else { format!("{host}:80") };
    let mut stream = connect(&with_port, patience).map_err(io)?;
    let deadline = Instant::now() + patience;
    stream.set_write_timeout(Some(patience)).map_err(io)?;
    let mut head = format!("{method} {path} HTTP/1.0\r\nhost: {host}\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).map_err(io)?;
    let answer = read_until(&mut stream, deadline).map_err(io)?;
    if answer.len() as u64 > MOST_BYTES {
        return Err(Error::TooLong { host: host.to_owned() });
    }
    parse(&answer).ok_or_else(|| Error::Protocol { host: host.to_owned() })
}

/// Reads to the end, or one byte past the limit. The deadline holds for all of it: a server that sends a byte now and
/// then would hold a limit of each read off for ever.
fn read_until(stream: &mut TcpStream, deadline: Instant) -> std::io::Result<Vec<u8>> {
    let mut answer = Vec::new();
    let mut chunk = [0; 1 << 14];
    while answer.len() as u64 <= MOST_BYTES {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(std::io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => answer.extend_from_slice(&chunk[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(answer)
}

fn connect(host: &str, patience: Duration) -> std::io::Result<TcpStream> {
    let mut last = std::io::Error::new(std::io::ErrorKind::NotFound, "the host has no address");
    for address in host.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, patience) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn host_and_path(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("http://")?;
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let clean = url.bytes().all(|byte| byte.is_ascii_graphic());
    (clean && !host.is_empty()).then_some((host, if path.is_empty() { "/" } else { path }))
}

/// Whether a host states its port; the colons of an IPv6 address stand in brackets.
fn has_port(host: &str) -> bool {
    host.rsplit(']').next().is_some_and(|rest| rest.contains(':'))
}

fn parse(answer: &[u8]) -> Option<Response> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("retry-after").then(|| value.trim().to_owned())
    };
    let retry_after = lines.find_map(header);
    Some(Response { status, retry_after, body: String::from_utf8_lossy(&answer[end + 4..]).into_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        assert_eq!(host_and_path("http://a:1/b/c"), Some(("a:1", "/b/c")));
        assert_eq!(host_and_path("http://a"), Some(("a", "/")));
        for url in ["https://a/", "ftp://a", "http:///x", "http://a/\r\nx: y", "http://a/b c"] {
            assert_eq!(host_and_path(url), None, "{url}");
        }
        assert!(has_port("a:1") && has_port("[::1]:8080") && !has_port("a") && !has_port("[::1]"));
    }

    #[test]
    fn answers() {
        let response = parse(b"HTTP/1.1 503 Busy\r\nRetry-After:  2\r\nx: y\r\n\r\nbody").unwrap();
        assert_eq!(response, Response { status: 503, retry_after: Some("2".into()), body: "body".into() });
        for wrong in [&b""[..], b"HTTP/1.1 200 OK\r\n", b"SSH-2.0\r\n\r\n", b"HTTP/1.1 x\r\n\r\n"] {
            assert_eq!(parse(wrong), None);
        }
    }
}
