//! Several back ends of one server: a request names one, and the server lists them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use base64::Engine as _;
use masklink::cli::backend::{Backend, Backends};
use masklink::cli::decoded_image::DecodedImage;
use masklink::cli::serve::{Limits, Server, Settings, app};
use masklink::link::encoder::EncoderManifest;
use masklink::link::protocol::{LinkResponse, ModelInfo, ScoredEntity, ServerInfo, Timing};
use masklink::link::{AnswerError, Question};
use serde_json::json;

use crate::http::{Reply, request, send};

/// A back end that returns the same entity for every mask.
struct Constant(ModelInfo);

impl Constant {
    fn of(qid: &str) -> Arc<Self> {
        Arc::new(Self(ModelInfo { encoder: qid.to_owned(), ..ModelInfo::default() }))
    }
}

impl Backend for Constant {
    fn info(&self) -> &ModelInfo {
        &self.0
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

async fn ask(app: &Router, path: &str) -> Reply {
    let mut image = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(2, 3).write_to(&mut image, image::ImageFormat::Png).unwrap();
    let data = base64::engine::general_purpose::STANDARD.encode(image.into_inner());
    let body = json!({"image": {"data": data}, "mask": {"size": [3, 2], "counts": "06"}}).to_string();
    send(app, request("POST", path, &[("content-type", "application/json")], body)).await
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

/// A back end that keeps feature maps by an encoder, as an index does.
struct Encoding {
    constant: Arc<Constant>,
    encoder: EncoderManifest,
    prepared: Arc<AtomicUsize>,
}

impl Backend for Encoding {
    fn info(&self) -> &ModelInfo {
        self.constant.info()
    }

    fn encoder(&self) -> Option<&EncoderManifest> {
        Some(&self.encoder)
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

/// A back end that waits for another server, until that is gone.
struct Slow {
    info: ModelInfo,
    asked: Arc<AtomicUsize>,
    server: Mutex<Receiver<()>>,
}

impl Backend for Slow {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn is_remote(&self) -> bool {
        true
    }

    fn prepare(&self, _: &DecodedImage) -> Result<(), AnswerError> {
        Ok(())
    }

    fn answer(&self, image: &DecodedImage, question: Question<'_>) -> Result<LinkResponse, AnswerError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.server.lock().unwrap().recv().unwrap_err();
        Constant::of("Q1").answer(image, question)
    }
}

#[tokio::test]
async fn slow_remote_requests_leave_the_workers_to_the_others() {
    let (end, server) = channel();
    let asked = Arc::<AtomicUsize>::default();
    let slow = Slow { info: ModelInfo::default(), asked: Arc::clone(&asked), server: Mutex::new(server) };
    let backends = Backends::default().with("local", Constant::of("Q2")).with("slow", Arc::new(slow));
    let limits = Limits { workers: 1, queue_time: Duration::from_millis(300), ..Limits::default() };
    let app = app(Server::with_backends(backends, Settings { limits, ..Settings::default() }).unwrap());
    let waiting = tokio::spawn({
        let app = app.clone();
        async move { ask(&app, "/v1/link?backend=slow").await }
    });
    while asked.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let refused = ask(&app, "/v1/link?backend=slow").await;
    assert_eq!(refused.problem(), (503, "unavailable"), "the other one waits");
    assert_eq!(ask(&app, "/v1/link?backend=local").await.status, 200);
    drop(end);
    assert_eq!(waiting.await.unwrap().status, 200);
}
