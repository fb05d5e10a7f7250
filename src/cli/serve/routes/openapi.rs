//! The protocol's `OpenAPI` document, generated from the wire types and the handlers' own descriptions.

use axum::Json;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi as _};

/// The document.
pub fn document() -> OpenApi {
    Document::openapi()
}

pub(crate) async fn get() -> Json<OpenApi> {
    Json(document())
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "masklink linking protocol",
        version = "1.0.0",
        description = "An image and a mask in, calibrated entity candidates out. Errors are RFC 9457 problems whose \
                       type is urn:masklink:problem: and a stable code."
    ),
    paths(
        super::images::put_image,
        super::link::post_link,
        super::health::healthz,
        super::health::readyz,
        super::health::metrics
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
