//! Several back ends of one server: a request names one, and the server lists them.

use std::sync::Arc;

use axum::Router;
use base64::Engine as _;
use masklink::cli::backend::{Backend, Backends};
use masklink::cli::decoded_image::DecodedImage;
use masklink::cli::embedder::Embedder;
use masklink::cli::onnx::RuntimeArgs;
use masklink::cli::segmenter::ModelChoice;
use masklink::cli::serve::{Server, Settings, app};
use masklink::geometry::Size;
use masklink::link::encoder::EncodeError;
use masklink::link::protocol::{LinkResponse, ModelInfo, ScoredEntity, ServerInfo, Timing, sha256_hex};
use masklink::link::{AnswerError, Question};
use serde_json::json;

use crate::http::{Reply, request, send};

const MODELS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/models/models.json");

/// A back end whose encoder takes no image.
struct TooThin(ModelInfo);

impl TooThin {
    fn error(image: &DecodedImage) -> AnswerError {
        EncodeError::TooThin { image: image.size(), input: Size::new(8, 8) }.into()
    }
}

impl Backend for TooThin {
    fn info(&self) -> &ModelInfo {
        &self.0
    }

    fn prepare(&self, image: &DecodedImage) -> Result<(), AnswerError> {
        Err(Self::error(image))
    }

    fn answer(&self, image: &DecodedImage, _: Question<'_>) -> Result<LinkResponse, AnswerError> {
        Err(Self::error(image))
    }
}

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

fn png() -> Vec<u8> {
    let mut image = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(2, 3).write_to(&mut image, image::ImageFormat::Png).unwrap();
    image.into_inner()
}

async fn post(app: &Router, path: &str, body: &serde_json::Value) -> Reply {
    send(app, request("POST", path, &[("content-type", "application/json")], body.to_string())).await
}

async fn ask(app: &Router, path: &str) -> Reply {
    let data = base64::engine::general_purpose::STANDARD.encode(png());
    let body = json!({"image": {"data": data}, "mask": {"size": [3, 2], "counts": "06"}});
    post(app, path, &body).await
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
        assert_eq!(post(&app, "/v1/embed", &asked).await.status.as_u16(), embedding);
        assert_eq!(ask(&app, "/v1/link").await.problem(), (415, "unsupported-media"));
    }
}
