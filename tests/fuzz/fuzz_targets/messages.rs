//! Fuzzes the other texts from outside: manifests, requests and responses of the linking protocol.
#![no_main]

use libfuzzer_sys::fuzz_target;
use masklink::link::encoder::EncoderManifest;
use masklink::link::index::Index;
use masklink::link::index::header;
use masklink::link::protocol::LinkRequest;
use masklink::link::protocol::response::read_response;
use masklink::model::Response;
use masklink::rle::{CocoRle, Mask};
use masklink::segment::{Limits, Manifest, Session};

// The first byte chooses the reader of the rest.
fuzz_target!(|data: &[u8]| {
    let Some((kind, bytes)) = data.split_first() else { return };
    match kind % 5 {
        0 => manifest(bytes),
        1 => drop(serde_json::from_slice::<EncoderManifest>(bytes).map(|manifest| manifest.check())),
        2 => request(bytes),
        3 => response(bytes),
        _ => drop(Index::from_files(bytes, header::Limits::default(), |_| Ok(Vec::new()))),
    }
});

/// A manifest that is accepted has models that sessions can be created of.
fn manifest(json: &[u8]) {
    let Ok(manifest) = Manifest::from_json(json, &Limits::default()) else { return };
    assert!(manifest.model(&manifest.default_model().id).is_ok());
    for model in manifest.models() {
        drop(Session::<()>::new(model.clone()));
    }
}

/// A mask that is accepted is written as it was read.
fn request(json: &[u8]) {
    let Ok(request) = serde_json::from_slice::<LinkRequest>(json) else { return };
    let Ok(mask) = Mask::try_from(&request.mask) else { return };
    assert_eq!(Mask::try_from(&CocoRle::from(&mask)), Ok(mask));
}

/// Whatever a server responds, scores are 0 to 1.
fn response(bytes: &[u8]) {
    let Some((&[low, high], body)) = bytes.split_first_chunk() else { return };
    let response =
        Response { status: u16::from_le_bytes([low, high]), retry_after: None, body: body.to_vec() };
    if let Ok(response) = read_response(&response) {
        assert!(response.entities.iter().all(|entity| (0.0..=1.0).contains(&entity.score)));
    }
}
