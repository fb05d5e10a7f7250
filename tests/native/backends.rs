//! Several back ends of one server: a request names one, and the server lists them.

use std::sync::Arc;

use axum::Router;
use base64::Engine as _;
use masklink::cli::backend::{Backend, Backends};
use masklink::cli::decoded_image::DecodedImage;
use masklink::cli::serve::{Server, Settings, app};
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
