//! The class `LinkClient`: questions to a linking endpoint, without the network.

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::error::{from_json, to_json};
use crate::link::protocol::client::{Client, Event};

/// Asks a linking endpoint which entities a mask may show; the page fetches, waits and aborts as it is told.
///
/// ```js
/// const client = new LinkClient();
/// let actions = JSON.parse(client.handle(JSON.stringify({ type: 'ask', ticket: 1, endpoint, image: sha256, mask })));
/// // `fetch`, `abort` and `wait` are to be done and reported; `answer` and `fail` end the question.
/// ```
#[wasm_bindgen]
pub struct LinkClient(Client);

#[wasm_bindgen]
impl LinkClient {
    /// A client with the usual patience.
    #[wasm_bindgen(constructor)]
    #[expect(clippy::new_without_default, reason = "JavaScript calls the constructor")]
    pub fn new() -> Self {
        Self(Client::default())
    }

    /// Takes an event (JSON) and answers what to do now (a JSON array), in order.
    pub fn handle(&mut self, event: &str) -> Result<String, JsValue> {
        to_json(&self.0.handle(from_json::<Event>(event)?))
    }
}
