//! The native [`Host`]: graphs run by ONNX Runtime, pixels of a decoded image, requests sent by ureq.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use ureq::Agent;

use super::decoded_image::DecodedImage;
use super::onnx::Graph;
use super::shared_graph::SharedGraph;
use crate::geometry::{PixelRect, Size};
use crate::model::{Body, GraphId, Host, HostError, Input, PixelWindow, Request, Response, Tensor};
use crate::pixels::Channels;

/// Loaded graphs by their tasks, which threads may share: each graph does one run at a time, of several
/// inputs where it can.
#[derive(Default)]
pub struct Graphs {
    by_id: BTreeMap<GraphId, SharedGraph>,
}

impl Graphs {
    /// Adds a graph in place of the one of this id.
    pub fn insert(&mut self, id: GraphId, graph: Graph) {
        self.by_id.insert(id, SharedGraph::new(graph));
    }
}

/// Runs one piece of work natively. Its futures block and are ready at once: drive them by
/// `pollster::block_on` on a thread that may wait.
#[derive(Default)]
pub struct NativeHost<'a> {
    graphs: Option<&'a Graphs>,
    image: Option<&'a DecodedImage>,
    /// The encoded image, for requests that upload it.
    file: Option<&'a [u8]>,
}

impl<'a> NativeHost<'a> {
    /// Creates a host that runs graphs on an image. The [default](Default) one can fetch only.
    pub fn new(graphs: &'a Graphs, image: &'a DecodedImage) -> Self {
        Self { graphs: Some(graphs), image: Some(image), file: None }
    }

    /// Creates a host that can fetch, and upload this encoded image.
    pub fn of_file(file: &'a [u8]) -> Self {
        Self { file: Some(file), ..Self::default() }
    }

    fn graph(&self, id: GraphId) -> Result<&'a SharedGraph, HostError> {
        let graph = self.graphs.and_then(|graphs| graphs.by_id.get(&id));
        graph.ok_or_else(|| HostError::Run { reason: format!("{id:?} is not loaded") })
    }

    fn image(&self) -> Result<&'a DecodedImage, HostError> {
        self.image.ok_or(HostError::ImageMissing)
    }
}

impl Host for NativeHost<'_> {
    type Resident = Tensor;

    async fn run(
        &self,
        graph: GraphId,
        inputs: &[(&str, Input<'_, Tensor>)],
        outputs: &[&str],
    ) -> Result<Vec<Tensor>, HostError> {
        let tensors = inputs.iter().map(|(name, input)| match *input {
            Input::Tensor(tensor) | Input::Resident(tensor) => (*name, tensor),
        });
        let inputs: Vec<_> = tensors.collect();
        self.graph(graph)?.run(&inputs, outputs)
    }

    async fn run_resident(
        &self,
        graph: GraphId,
        inputs: &[(&str, &Tensor)],
        shape: &[usize],
    ) -> Result<Tensor, HostError> {
        let graph = self.graph(graph)?;
        let name = graph.first_output();
        let outputs = graph.run(inputs, &[name])?;
        let output = outputs.into_iter().next();
        let actual = output.as_ref().map(Tensor::to_string);
        let fits = |output: &Tensor| output.shape() == shape;
        output.filter(fits).ok_or_else(|| HostError::output(name, format!("float32{shape:?}"), actual))
    }

    fn image_size(&self) -> Result<Size, HostError> {
        Ok(self.image()?.size())
    }

    fn pixels(&self, _window: PixelRect) -> Result<PixelWindow<'_>, HostError> {
        let image = self.image()?;
        let size = image.size();
        let window = PixelRect { x: 0, y: 0, width: size.width, height: size.height };
        Ok(PixelWindow { image: size, window, channels: Channels::Rgb, bytes: Cow::Borrowed(image.rgb()) })
    }

    async fn fetch(&self, request: Request<'_>) -> Result<Response, HostError> {
        let millis = request.timeout_millis;
        let body = match request.body {
            Body::Bytes(bytes) => bytes,
            Body::Image => self.file.ok_or(HostError::ImageMissing)?,
        };
        send(&request, body).map_err(|error| match error {
            ureq::Error::Timeout(_) => HostError::TimedOut { millis },
            ureq::Error::BodyExceedsLimit(limit) => {
                HostError::Network { reason: format!("the response has more than {limit} bytes") }
            }
            error => HostError::Network { reason: error.to_string() },
        })
    }

    async fn sleep(&self, millis: u32) {
        std::thread::sleep(Duration::from_millis(millis.into()));
    }

    fn now_millis(&self) -> f64 {
        STARTED.elapsed().as_secs_f64() * 1e3
    }
}

/// Maximum length of a body that is sent before the server says that it wants it. A server that refuses a
/// longer one responds and closes the connection, which would lose the response.
const MAX_UNASKED_BYTES: usize = 1 << 20;

/// The origin of [`Host::now_millis`].
static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Sends all requests. A response of any status is returned, a redirection too: a token must not go to
/// another host.
static AGENT: LazyLock<Agent> = LazyLock::new(|| {
    let config = Agent::config_builder()
        .max_redirects(0)
        .http_status_as_error(false)
        .proxy(None)
        .user_agent(concat!("masklink/", env!("CARGO_PKG_VERSION")))
        .build();
    config.new_agent()
});

fn send(request: &Request<'_>, body: &[u8]) -> Result<Response, ureq::Error> {
    let mut head = ureq::http::Request::builder().method(request.method).uri(request.url);
    for (name, value) in &request.headers {
        head = head.header(*name, value);
    }
    if body.len() > MAX_UNASKED_BYTES {
        head = head.header("expect", "100-continue");
    }
    let timeout = Duration::from_millis(request.timeout_millis.into());
    let head = AGENT.configure_request(head.body(body)?).timeout_global(Some(timeout)).build();
    let mut response = AGENT.run(head)?;
    let retry_after = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
    let retry_after = retry_after.map(ToOwned::to_owned);
    let body = response.body_mut().with_config().limit(request.max_response_bytes).read_to_vec()?;
    Ok(Response { status: response.status().as_u16(), retry_after, body })
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};

    use super::*;

    /// Sends `body` to a server that does this with the connection.
    fn sent_to(
        serve: impl FnOnce(TcpStream) + Send + 'static,
        body: &[u8],
        timeout_millis: u32,
    ) -> Result<Response, HostError> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || serve(listener.accept().unwrap().0));
        let headers = vec![("authorization", "Bearer secret".to_owned())];
        let request = Request {
            method: "PUT",
            url: &url,
            headers,
            body: Body::Bytes(body),
            timeout_millis,
            max_response_bytes: 100,
        };
        let response = pollster::block_on(NativeHost::default().fetch(request));
        server.join().unwrap();
        response
    }

    #[test]
    fn image_body_is_the_encoded_file() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            assert!(head(&mut stream).contains("content-length: 4\r\n"));
            let mut body = [0; 4];
            stream.read_exact(&mut body).unwrap();
            stream.write_all(b"HTTP/1.1 201 Ok\r\ncontent-length: 0\r\n\r\n").unwrap();
            body
        });
        let request = Request {
            method: "PUT",
            url: &url,
            headers: Vec::new(),
            body: Body::Image,
            timeout_millis: 20_000,
            max_response_bytes: 100,
        };
        let without_image = pollster::block_on(NativeHost::default().fetch(request.clone()));
        assert_eq!(without_image, Err(HostError::ImageMissing));
        let response = pollster::block_on(NativeHost::of_file(b"file").fetch(request)).unwrap();
        assert_eq!((response.status, server.join().unwrap()), (201, *b"file"));
    }

    /// Reads a request's head and returns it.
    fn head(stream: &mut TcpStream) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.extend(byte);
        }
        String::from_utf8(head).unwrap()
    }

    #[test]
    fn response_of_any_status_is_returned() {
        let redirect = |mut stream: TcpStream| {
            assert!(head(&mut stream).to_lowercase().contains("authorization: bearer secret\r\n"));
            let response = b"HTTP/1.1 307 No\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(response).unwrap();
        };
        assert_eq!(sent_to(redirect, b"", 20_000).unwrap().status, 307);
        let busy = |mut stream: TcpStream| {
            head(&mut stream);
            let response = b"HTTP/1.1 503 Busy\r\nRetry-After: 2\r\ncontent-length: 4\r\n\r\nbody";
            stream.write_all(response).unwrap();
        };
        let expected = Response { status: 503, retry_after: Some("2".to_owned()), body: b"body".into() };
        assert_eq!(sent_to(busy, b"", 20_000), Ok(expected));
    }

    #[test]
    fn response_before_the_request_is_sent_is_returned() {
        let refuse = |mut stream: TcpStream| {
            head(&mut stream);
            let response = b"HTTP/1.1 413 No\r\ncontent-length: 9\r\nconnection: close\r\n\r\ntoo large";
            stream.write_all(response).unwrap();
        };
        let response = sent_to(refuse, &vec![0; 8_000_000], 20_000).unwrap();
        assert_eq!((response.status, &response.body[..]), (413, &b"too large"[..]));
    }

    #[test]
    fn closed_connection_and_too_long_response_are_network_errors() {
        assert!(matches!(sent_to(drop, b"", 20_000), Err(HostError::Network { .. })));
        let long = |mut stream: TcpStream| {
            head(&mut stream);
            let answer = [&b"HTTP/1.1 200 OK\r\ncontent-length: 101\r\n\r\n"[..], &[b'x'; 101]].concat();
            stream.write_all(&answer).unwrap();
        };
        let error = sent_to(long, b"", 20_000).unwrap_err();
        assert_eq!(error, HostError::Network { reason: "the response has more than 100 bytes".to_owned() });
    }

    #[test]
    fn server_that_does_not_respond_times_out() {
        // To the end: the client leaves first.
        let read_all = |mut stream: TcpStream| drop(stream.read_to_end(&mut Vec::new()));
        let error = sent_to(read_all, &vec![0; 8_000_000], 500).unwrap_err();
        assert_eq!(error, HostError::TimedOut { millis: 500 });
    }
}
