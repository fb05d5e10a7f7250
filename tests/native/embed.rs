//! Clicks whose image a server encodes.

use std::io::Cursor;
use std::path::Path;

use masklink::cli::decoded_image::DecodedImage;
use masklink::cli::embedder::Embedder;
use masklink::cli::host::{Graphs, NativeHost};
use masklink::cli::onnx::{Graph, Runtime, RuntimeArgs};
use masklink::cli::segmenter::{ModelChoice, Segmenter};
use masklink::geometry::{PixelRect, Point, Size};
use masklink::link::protocol::{Endpoint, EndpointError, embed_image, sha256_hex};
use masklink::model::{
    EmbeddingRequest, GraphId, Host, HostError, Input, PixelWindow, Request, Response, Tensor,
};
use masklink::segment::{self, Prompt, Prompts, Question, Session, Ticket};

use crate::serving::{Serving, serve};

const MODELS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/models/models.json");

/// A red disc on blue, as PNG.
fn disc() -> Vec<u8> {
    let image = image::RgbImage::from_fn(160, 120, |x, y| {
        let (x, y) = (f64::from(x) - 60.0, f64::from(y) - 50.0);
        image::Rgb(if x * x + y * y < 900.0 { [200, 30, 30] } else { [30, 60, 180] })
    });
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn decoded() -> DecodedImage {
    DecodedImage::from(image::load_from_memory(&disc()).unwrap().into_rgb8())
}

fn serving() -> Serving {
    serve(&["--click-model".as_ref(), MODELS.as_ref()])
}

fn asked(encoder: &str, region: PixelRect) -> EmbeddingRequest<'_> {
    EmbeddingRequest { encoder_sha256: encoder, region, shape: &[1, 16, 64, 64] }
}

fn whole() -> PixelRect {
    PixelRect { x: 0, y: 0, width: 160, height: 120 }
}

fn ask(server: &Serving, asked: &EmbeddingRequest<'_>) -> Result<Vec<f32>, EndpointError> {
    let file = disc();
    let endpoint = Endpoint { url: &server.address, token: Some("secret"), backend: None };
    let (host, sha256) = (NativeHost::of_file(&file), sha256_hex(&file));
    pollster::block_on(embed_image(&host, endpoint, &sha256, asked))
        .map(|tensor| tensor.as_f32().unwrap().to_vec())
}

#[test]
fn embedding_of_the_server_is_that_of_the_device_in_half_precision() {
    let server = serving();
    let embedder = Embedder::load(&ModelChoice::from(MODELS), &RuntimeArgs::default()).unwrap();
    let image = decoded();
    for region in [whole(), PixelRect { x: 30, y: 20, width: 64, height: 70 }] {
        let expected = embedder.embed(&image, region).unwrap();
        let received = ask(&server, &asked(embedder.encoder_sha256(), region)).unwrap();
        let halves =
            expected.as_chunks::<2>().0.iter().map(|&bytes| half::f16::from_le_bytes(bytes).to_f32());
        assert!(halves.eq(received.iter().copied()), "{region:?}");
        assert!(
            received.iter().any(|number| number.total_cmp(&received[0]).is_ne()),
            "the embedding is not constant"
        );
    }
}

/// A device that runs the decoder alone.
struct WeakDevice<'a> {
    decoder: NativeHost<'a>,
    file: &'a [u8],
    server: &'a Serving,
}

impl Host for WeakDevice<'_> {
    type Resident = Tensor;

    async fn run(
        &self,
        graph: GraphId,
        inputs: &[(&str, Input<'_, Tensor>)],
        outputs: &[&str],
    ) -> Result<Vec<Tensor>, HostError> {
        self.decoder.run(graph, inputs, outputs).await
    }

    async fn run_resident(
        &self,
        graph: GraphId,
        inputs: &[(&str, &Tensor)],
        shape: &[usize],
    ) -> Result<Tensor, HostError> {
        self.decoder.run_resident(graph, inputs, shape).await
    }

    async fn embedding(&self, asked: &EmbeddingRequest<'_>) -> Result<Option<Tensor>, HostError> {
        let endpoint = Endpoint { url: &self.server.address, token: Some("secret"), backend: None };
        let host = NativeHost::of_file(self.file);
        let received = embed_image(&host, endpoint, &sha256_hex(self.file), asked).await;
        received.map(Some).map_err(|error| HostError::Network { reason: error.to_string() })
    }

    fn image_size(&self) -> Result<Size, HostError> {
        self.decoder.image_size()
    }

    fn pixels(&self, window: PixelRect) -> Result<PixelWindow<'_>, HostError> {
        self.decoder.pixels(window)
    }

    async fn fetch(&self, request: Request<'_>) -> Result<Response, HostError> {
        self.decoder.fetch(request).await
    }

    async fn sleep(&self, millis: u32) {
        self.decoder.sleep(millis).await;
    }

    fn now_millis(&self) -> f64 {
        self.decoder.now_millis()
    }
}

#[test]
fn embedding_of_a_region_is_that_of_the_cut_image() {
    let embedder = Embedder::load(&ModelChoice::from(MODELS), &RuntimeArgs::default()).unwrap();
    let region = PixelRect { x: 32, y: 16, width: 64, height: 64 };
    let cut = image::load_from_memory(&disc()).unwrap().crop_imm(32, 16, 64, 64).into_rgb8();
    let all = PixelRect { x: 0, y: 0, width: 64, height: 64 };
    let halves = |bytes: Vec<u8>| {
        let pairs = bytes.as_chunks::<2>().0.iter();
        pairs.map(|&bytes| half::f16::from_le_bytes(bytes).to_f32()).collect::<Vec<_>>()
    };
    let of_region = halves(embedder.embed(&decoded(), region).unwrap());
    let of_cut = halves(embedder.embed(&DecodedImage::from(cut), all).unwrap());
    // The pixels at the edges are blended with those outside, or not.
    let near = of_region.iter().zip(&of_cut).filter(|(a, b)| (*a - *b).abs() < 0.02).count();
    assert!(near * 100 > of_cut.len() * 95, "{near} of {}", of_cut.len());
}

#[test]
fn click_on_an_image_that_the_server_encoded_returns_the_same_mask() {
    let (server, file, image) = (serving(), disc(), decoded());
    let click = Prompt::Click { point: Point::new(60.0, 50.0), positive: true };
    let prompts: Prompts = [click].into_iter().collect::<Result<_, _>>().unwrap();
    let mut own = Segmenter::load(&ModelChoice::from(MODELS), &RuntimeArgs::default()).unwrap();
    own.encode(decoded()).unwrap();
    let expected = own.click(&prompts).unwrap();

    let mut graphs = Graphs::default();
    let decoder = std::fs::read(Path::new(MODELS).with_file_name("colour-decoder.onnx")).unwrap();
    graphs.insert(
        GraphId::ClickDecoder,
        Graph::from_bytes(&Runtime::load(None).unwrap(), &decoder, 1).unwrap(),
    );
    let device = WeakDevice { decoder: NativeHost::new(&graphs, &image), file: &file, server: &server };
    let mut session = Session::new(own.model().clone()).unwrap();
    let question = Question { ticket: Ticket(1), prompts, refine: None, view: None };
    let received = pollster::block_on(segment::click(&mut session, &device, &question, |_| ())).unwrap();
    let iou = received.mask().iou(expected.mask(), false).unwrap();
    assert!(iou > 0.99 && received.mask().area() > 2000, "{iou}");
}

#[test]
fn requests_that_cannot_be_met_are_refused_with_the_reason() {
    let server = serving();
    let embedder = Embedder::load(&ModelChoice::from(MODELS), &RuntimeArgs::default()).unwrap();
    let own = embedder.encoder_sha256();
    let outside = PixelRect { x: 0, y: 0, width: 161, height: 120 };
    let empty = PixelRect { x: 5, y: 5, width: 0, height: 3 };
    let other = "0".repeat(64);
    let wrong_shape = EmbeddingRequest { shape: &[1, 16, 64, 63], ..asked(own, whole()) };
    for (question, code, words) in [
        (asked(own, outside), "bad-value", "within an image of"),
        (asked(own, empty), "bad-value", "within an image of"),
        (asked(&other, whole()), "bad-value", own),
        (wrong_shape, "bad-answer", "131072 bytes"),
    ] {
        let error = ask(&server, &question).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
    let plain = serve(&["--root".as_ref(), Path::new(env!("CARGO_MANIFEST_DIR")).join("www").as_os_str()]);
    let error = ask(&plain, &asked(own, whole())).unwrap_err();
    assert!(error.code() == "not-found" && error.to_string().contains("--click-model"), "{error}");
}
