//! The encoder of made-up indexes, whose features no model computes.

use masklink::link::encoder::manifest::{EncoderManifest, EncoderView};
use masklink::link::protocol::sha256_hex;

/// Content of the encoder's file, which no test runs.
pub(crate) const MODEL: &[u8] = b"stands for an ONNX file";

/// Returns the manifest of an encoder of 8 x 8 images, whose file is [`MODEL`].
pub(crate) fn manifest() -> EncoderManifest {
    let mut manifest = EncoderManifest {
        id: "x".into(),
        sha256: sha256_hex(MODEL),
        views: vec![EncoderView::Image],
        ..EncoderManifest::default()
    };
    (manifest.input.width, manifest.input.height, manifest.input.std) = (8, 8, [1.0; 3]);
    manifest
}
