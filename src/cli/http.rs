//! A small HTTP client for evaluating endpoints: plain HTTP, one request a connection.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::{Duration, Instant};

/// The most bytes of an answer.
const MAX_BYTES: u64 = 16 << 20;

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
        source: io::Error,
    },
    /// No answer in the time that was given.
    #[error("{host} took more than {patience:?}")]
    Timeout {
        /// Whom it was to reach.
        host: String,
        /// How long it was waited for.
        patience: Duration,
    },
    /// What came back is not HTTP.
    #[error("{host} does not speak HTTP")]
    Protocol {
        /// Who answered.
        host: String,
    },
    /// What came back is too long.
    #[error("{host} answers with more than {MAX_BYTES} bytes")]
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
    let io = |source: io::Error| match source.kind() {
        // The system says the first of the two where a socket's own limit has passed.
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            Error::Timeout { host: host.to_owned(), patience }
        }
        _ => Error::Io { host: host.to_owned(), source },
    };
    let with_port = if has_port(host) { host.to_owned() } else { format!("{host}:80") };
    let mut stream = connect(&with_port, patience).map_err(io)?;
    let deadline = Instant::now() + patience;
    stream.set_write_timeout(Some(patience)).map_err(io)?;
    let mut head = format!("{method} {path} HTTP/1.0\r\nhost: {host}\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    head.push_str("\r\n");
    let sent = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
    let mut answer = Vec::new();
    let read = read_until(&mut stream, deadline, &mut answer);
    if answer.len() as u64 > MAX_BYTES {
        return Err(Error::TooLong { host: host.to_owned() });
    }
    match (sent, read) {
        // Who refuses a request answers before it has all of it and hangs up: the answer says more
        // than the broken pipe.
        (Err(source), _) => parse(&answer).ok_or_else(|| io(source)),
        (Ok(()), Err(source)) => Err(io(source)),
        (Ok(()), Ok(())) => parse(&answer).ok_or_else(|| Error::Protocol { host: host.to_owned() }),
    }
}

/// Reads to the end, or one byte past the limit. The deadline holds for all of it: a server that
/// sends a byte now and then would hold a limit of each read off for ever.
fn read_until(stream: &mut TcpStream, deadline: Instant, answer: &mut Vec<u8>) -> io::Result<()> {
    let mut chunk = [0; 1 << 14];
    while answer.len() as u64 <= MAX_BYTES {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => answer.extend_from_slice(&chunk[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn connect(host: &str, patience: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
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

    /// Sends eight million bytes, more than lie on the way, to a server that does this with the connection.
    fn sent_to(
        serve: impl FnOnce(TcpStream) + Send + 'static,
        patience: Duration,
    ) -> Result<Response, Error> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || serve(listener.accept().unwrap().0));
        let response = send("PUT", &url, &[], &vec![0; 8_000_000], patience);
        server.join().unwrap();
        response
    }

    #[test]
    fn an_answer_that_comes_before_the_request_is_sent_counts() {
        let refuse = |mut stream: TcpStream| stream.write_all(b"HTTP/1.1 413 No\r\n\r\ntoo large").unwrap();
        let response = sent_to(refuse, Duration::from_secs(20)).unwrap();
        assert_eq!((response.status, &*response.body), (413, "too large"));
        assert!(matches!(sent_to(drop, Duration::from_secs(20)), Err(Error::Io { .. })));
    }

    #[test]
    fn a_server_that_is_too_slow_is_said_to_be() {
        let read_all = |mut stream: TcpStream| {
            // To the end: the client leaves first.
            let _ = stream.read_to_end(&mut Vec::new());
        };
        let error = sent_to(read_all, Duration::from_secs(1)).unwrap_err();
        assert!(error.to_string().ends_with(" took more than 1s"), "{error}");
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
