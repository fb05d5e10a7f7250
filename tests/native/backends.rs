//! Several back ends of one server: a request names one, and the server lists them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use base64::Engine as _;
use masklink::cli::backend::{Backend, Backends, Properties};
use masklink::cli::decoded_image::DecodedImage;
use masklink::cli::embedder::Embedder;
use masklink::cli::onnx::RuntimeArgs;
use masklink::cli::segmenter::ModelChoice;
use masklink::cli::serve::{Limits, Server, Settings, app};
use masklink::geometry::Size;
use masklink::link::encoder::{EncodeError, EncoderManifest};
use masklink::link::protocol::{LinkResponse, ModelInfo, ScoredEntity, ServerInfo, Timing, sha256_hex};
use masklink::link::{AnswerError, Question};
use serde_json::json;

use crate::http::{Reply, post_json, request, send};

const MODELS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/models/models.json");

/// A back end whose encoder takes no image.
struct TooThin(ModelInfo);

impl TooThin {
    fn error(image: &DecodedImage) -> AnswerError {
        EncodeError::TooThin { image: image.size(), input: Size::new(8, 8) }.into()
    }
}

impl Backend for TooThin {
    fn properties(&self) -> Properties<'_> {
        Properties { model: &self.0, encoder: None, is_remote: false }
    }

    fn prepare(&self, image: &DecodedImage) -> Result<(), AnswerError> {
        Err(Self::error(image))
    }

    fn answer(&self, image: &DecodedImage, _: Question<'_>) -> Result<LinkResponse, AnswerError> {
        Err(Self::error(image))
    }
}

/// A back end that returns the same entity for every mask.
pub(crate) struct Constant(ModelInfo);

impl Constant {
    pub(crate) fn of(qid: &str) -> Arc<Self> {
        Arc::new(Self(ModelInfo { encoder: qid.to_owned(), ..ModelInfo::default() }))
    }
}

impl Backend for Constant {
    fn properties(&self) -> Properties<'_> {
        Properties { model: &self.0, encoder: None, is_remote: false }
    }

    fn prepare(&self, _: &DecodedImage) -> Result<(), AnswerError> {
        Ok(())
    }

    fn answer(&self, _: &DecodedImage, _: Question<'_>) -> Result<LinkResponse, AnswerError> {
        let entity = json!({"qid": self.0.encoder, "title": "t", "score": 0.5});
        let entities = vec![serde_json::from_value::<ScoredEntity>(entity).unwrap()];
        let (model, timing_ms) = (self.0.clone(), Timing::default());
        Ok(LinkResponse {
            entities,
            in_index: None,
            excluded_image: false,
            uncalibrated: false,
            model,
            timing_ms,
        })
    }
}

fn server() -> Router {
    let backends = Backends::default().with("first", Constant::of("Q1")).with("second", Constant::of("Q2"));
    app(Server::with_backends(backends, Settings::default()).unwrap())
}

/// Returns an image of 2 x 3 pixels.
pub(crate) fn png() -> Vec<u8> {
    let mut image = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(2, 3).write_to(&mut image, image::ImageFormat::Png).unwrap();
    image.into_inner()
}

async fn ask(app: &Router, path: &str) -> Reply {
    let data = base64::engine::general_purpose::STANDARD.encode(png());
    let body = json!({"image": {"data": data}, "mask": {"size": [3, 2], "counts": "06"}});
    post_json(app, path, &body).await
}

#[tokio::test]
async fn requests_reach_the_back_end_that_they_name() {
    let app = server();
    for (path, qid) in [
        ("/v1/link", "Q1"),
        ("/v1/link?a=b", "Q1"),
        ("/v1/link?backend=first", "Q1"),
        ("/v1/link?a=b&backend=second", "Q2"),
    ] {
        let response: LinkResponse = ask(&app, path).await.json();
        assert_eq!(response.entities[0].qid, qid, "{path}");
    }
    let refused = ask(&app, "/v1/link?backend=third").await;
    assert_eq!(refused.problem(), (422, "bad-value"));
    let detail = refused.json::<serde_json::Value>()["detail"].to_string();
    assert!(detail.contains("third") && detail.contains("first, second"), "{detail}");
}

#[tokio::test]
async fn back_ends_are_listed_with_the_first_one_first() {
    let listed: ServerInfo = send(&server(), request("GET", "/v1/info", &[], "")).await.json();
    let names: Vec<_> = listed.backends.iter().map(|one| (&*one.name, &*one.model.encoder)).collect();
    assert_eq!(names, [("first", "Q1"), ("second", "Q2")]);
    let empty = app(Server::new(None, Settings::default()).unwrap());
    assert_eq!(send(&empty, request("GET", "/v1/info", &[], "")).await.problem(), (503, "unavailable"));
    assert_eq!(ask(&empty, "/v1/link?backend=first").await.problem(), (503, "unavailable"));
}

#[tokio::test]
async fn an_image_that_is_too_thin_to_be_linked_is_encoded_for_clicks() {
    let embedder = Arc::new(Embedder::load(&ModelChoice::from(MODELS), &RuntimeArgs::default()).unwrap());
    let (file, sha256) = (png(), sha256_hex(&png()));
    let encoder = embedder.encoder_sha256().to_owned();
    let asked = json!({"image": sha256, "encoder": encoder, "region": [0, 0, 2, 3]});
    for (embedder, upload, embedding) in [(None, 415, 404), (Some(embedder), 201, 200)] {
        let settings = Settings { embedder, ..Settings::default() };
        let app = app(Server::new(Some(Arc::new(TooThin(ModelInfo::default()))), settings).unwrap());
        let upload_request = request("PUT", &format!("/v1/images/{sha256}"), &[], file.clone());
        assert_eq!(send(&app, upload_request).await.status.as_u16(), upload);
        assert_eq!(post_json(&app, "/v1/embed", &asked).await.status.as_u16(), embedding);
        assert_eq!(ask(&app, "/v1/link").await.problem(), (415, "unsupported-media"));
    }
}

/// A back end that keeps feature maps by an encoder, as an index does.
struct Encoding {
    constant: Arc<Constant>,
    encoder: EncoderManifest,
    prepared: Arc<AtomicUsize>,
}

impl Backend for Encoding {
    fn properties(&self) -> Properties<'_> {
        Properties { encoder: Some(&self.encoder), ..self.constant.properties() }
    }

    fn prepare(&self, _: &DecodedImage) -> Result<(), AnswerError> {
        self.prepared.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn answer(&self, image: &DecodedImage, question: Question<'_>) -> Result<LinkResponse, AnswerError> {
        self.constant.answer(image, question)
    }
}

#[tokio::test]
async fn a_reload_keeps_images_only_while_every_encoder_is_the_same() {
    let encoder = Arc::new(Mutex::new(EncoderManifest::default()));
    let prepared = Arc::<AtomicUsize>::default();
    let (now, count) = (Arc::clone(&encoder), Arc::clone(&prepared));
    let loader = Box::new(move || {
        let encoder = now.lock().unwrap().clone();
        let local = Encoding { constant: Constant::of("Q2"), encoder, prepared: Arc::clone(&count) };
        Ok(Backends::default().with("vlm", Constant::of("Q1")).with("local", Arc::new(local)))
    });
    let server = Server::with_loader(loader, Settings::default()).unwrap();
    let app = app(server.clone());
    let prepared_by = async |change: &dyn Fn(&mut EncoderManifest)| {
        change(&mut encoder.lock().unwrap());
        server.reload().await.unwrap();
        prepared.store(0, Ordering::SeqCst);
        assert_eq!(ask(&app, "/v1/link?backend=local").await.status, 200);
        prepared.load(Ordering::SeqCst)
    };
    assert_eq!(prepared_by(&|_| {}).await, 1);
    assert_eq!(prepared_by(&|_| {}).await, 0, "the image was kept");
    assert_eq!(prepared_by(&|encoder| encoder.sha256 = "1".repeat(64)).await, 1);
    assert_eq!(prepared_by(&|encoder| encoder.input.mean = [1.0; 3]).await, 1);
    assert_eq!(prepared_by(&|encoder| encoder.input.width = 7).await, 1);
    assert_eq!(prepared_by(&|_| {}).await, 0);
}

/// A back end that waits for something, until that is gone.
pub(crate) struct Slow {
    info: ModelInfo,
    is_remote: bool,
    asked: AtomicUsize,
    awaited: Mutex<Receiver<()>>,
}

impl Slow {
    /// Returns the back end and the thing that it waits for.
    pub(crate) fn new(is_remote: bool) -> (Arc<Self>, Sender<()>) {
        let (end, awaited) = channel();
        let (info, asked) = (ModelInfo::default(), AtomicUsize::default());
        (Arc::new(Self { info, is_remote, asked, awaited: Mutex::new(awaited) }), end)
    }
}

impl Backend for Slow {
    fn properties(&self) -> Properties<'_> {
        Properties { model: &self.info, encoder: None, is_remote: self.is_remote }
    }

    fn prepare(&self, _: &DecodedImage) -> Result<(), AnswerError> {
        Ok(())
    }

    fn answer(&self, image: &DecodedImage, question: Question<'_>) -> Result<LinkResponse, AnswerError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.awaited.lock().unwrap().recv().unwrap_err();
        Constant::of("Q1").answer(image, question)
    }
}

#[tokio::test]
async fn slow_remote_requests_leave_the_workers_to_the_others() {
    let (slow, end) = Slow::new(true);
    let backends =
        Backends::default().with("local", Constant::of("Q2")).with("slow", Arc::<Slow>::clone(&slow));
    let limits = Limits { workers: 1, queue_time: Duration::from_millis(300), ..Limits::default() };
    let app = app(Server::with_backends(backends, Settings { limits, ..Settings::default() }).unwrap());
    let waiting = tokio::spawn({
        let app = app.clone();
        async move { ask(&app, "/v1/link?backend=slow").await }
    });
    let arrives = async {
        while slow.asked.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), arrives).await.expect("no request arrived");
    let refused = ask(&app, "/v1/link?backend=slow").await;
    assert_eq!(refused.problem(), (503, "unavailable"), "the other one waits");
    assert_eq!(ask(&app, "/v1/link?backend=local").await.status, 200);
    drop(end);
    assert_eq!(waiting.await.unwrap().status, 200);
}
