//! The protocol's `OpenAPI` document, generated from the wire types and the handlers' descriptions.

use axum::Json;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi as _};

use super::{admin, embed, health, images, info, link};

/// Returns the `OpenAPI` document of the linking protocol.
pub fn document() -> OpenApi {
    Document::openapi()
}

pub(crate) async fn get_document() -> Json<OpenApi> {
    Json(document())
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "masklink linking protocol",
        version = "1.0.0",
        description = "Finds the Wikipedia entities that a mask in an image may show. Scores are calibrated \
                       probabilities unless the response is marked uncalibrated. Errors are RFC 9457 \
                       problems whose type is urn:masklink:problem: and a stable code. Besides those of each \
                       path, a request may get 405 method-not-allowed (the path has no such method), 408 \
                       timeout (it took more than 30 s, or 60 s for an upload, or its body arrived too \
                       slowly), 421 wrong-host (the Host header is not a name of this server) or 500 \
                       internal (the server failed)."
    ),
    paths(
        images::upload_image,
        link::link,
        embed::embed,
        info::info,
        admin::reload,
        health::healthz,
        health::readyz,
        health::metrics
    ),
    modifiers(&Token)
)]
struct Document;

struct Token;

impl Modify for Token {
    fn modify(&self, document: &mut OpenApi) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        document.components.get_or_insert_default().add_security_scheme("token", scheme);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::serve::settings::Limits;

    #[test]
    fn boxes_have_four_numbers() {
        let document = serde_json::to_value(document()).unwrap();
        for (schema, field) in [("EmbedRequest", "region"), ("Evidence", "box")] {
            let field = &document["components"]["schemas"][schema]["properties"][field];
            assert_eq!((&field["minItems"], &field["maxItems"]), (&4.into(), &4.into()), "{field}");
        }
    }

    #[test]
    fn computing_requests_list_their_refusals_and_limits() {
        let document = serde_json::to_value(document()).unwrap();
        let (limits, operations) = (
            Limits::default(),
            [("/v1/images/{sha256}", "put"), ("/v1/link", "post"), ("/v1/embed", "post")],
        );
        let text = document["info"]["description"].as_str().unwrap();
        for (path, method) in operations {
            let responses = &document["paths"][path][method]["responses"];
            for status in ["400", "401", "408", "413", "415", "421", "422", "429", "500", "503"] {
                assert!(responses[status].is_object(), "{path} {status}");
            }
            let limit = if method == "put" { limits.upload_time } else { limits.request_time };
            let limit = format!("{} s", limit.as_secs());
            assert!(responses["408"]["description"].as_str().unwrap().contains(&limit), "{path}");
            assert!(text.contains(&limit), "{limit}: {text}");
        }
    }
}
