//! The protocol's `OpenAPI` document, generated from the wire types and the handlers' descriptions.

use axum::Json;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi as _};

use super::{admin, health, images, info, link};

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
        description = "Finds the Wikipedia entities that a mask in an image may show, with calibrated \
                       scores. Errors are RFC 9457 problems whose type is urn:masklink:problem: and a \
                       stable code."
    ),
    paths(
        images::upload_image,
        link::link,
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
