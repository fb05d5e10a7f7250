//! Fuzzes everything else that comes as text from outside: model lists, encoder cards, questions
//! and answers of the linking protocol, addresses.
#![no_main]

use libfuzzer_sys::fuzz_target;
use masklink::app::Address;
use masklink::link::protocol::client::{Action, Client, Event, Question};
use masklink::link::encoder::EncoderManifest;
use masklink::link::index::Index;
use masklink::link::index::header;
use masklink::link::protocol::LinkRequest;
use masklink::rle::{CocoRle, Mask};
use masklink::segment::{Limits, Manifest, Session};

// The first byte chooses who reads the rest.
fuzz_target!(|data: &[u8]| {
    let Some((kind, bytes)) = data.split_first() else { return };
    match kind % 6 {
        0 => manifest(bytes),
        1 => drop(serde_json::from_slice::<EncoderManifest>(bytes).map(|card| card.check())),
        2 => request(bytes),
        3 => answer(bytes),
        4 => drop(Index::from_files(bytes, header::Limits::default(), |_| Ok(Vec::new()))),
        _ => address(bytes),
    }
});

/// A list that is accepted has models that can be begun with.
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

/// Whatever a server answers, the client ends the question or asks on, and never gives out scores
/// that are none.
fn answer(bytes: &[u8]) {
    let Some((&[low, high], body)) = bytes.split_first_chunk() else { return };
    let (status, mut client) = (u16::from_le_bytes([low, high]), Client::default());
    let mask = CocoRle { size: [2, 3], counts: "06".to_owned() };
    let (endpoint, image) = ("http://host".to_owned(), "ab".repeat(32));
    let mut actions = client.handle(Event::Ask(Question { ticket: 1, endpoint, token: None, image, mask }));
    for _ in 0..20 {
        let Some(fetch) = actions.iter().find_map(|action| match action {
            Action::Fetch { fetch, .. } => Some(*fetch),
            _ => None,
        }) else {
            break;
        };
        let body = String::from_utf8_lossy(body).into_owned();
        actions = client.handle(Event::Responded { fetch, status, retry_after: Some("1".to_owned()), body });
        for action in &actions {
            if let Action::Answer { response, .. } = action {
                assert!(response.entities.iter().all(|entity| (0.0..=1.0).contains(&entity.score)));
            }
        }
        if let Some(timer) = actions.iter().find_map(|action| match action {
            Action::Wait { timer, .. } if actions.len() == 1 => Some(*timer),
            _ => None,
        }) {
            actions = client.handle(Event::Elapsed { timer });
        }
    }
}

/// An address that was read is read again from what is written.
fn address(bytes: &[u8]) {
    let Ok(hash) = std::str::from_utf8(bytes) else { return };
    let written = Address::parse(hash).to_hash();
    assert_eq!(Address::parse(&written).to_hash(), written, "{hash:?}");
}
