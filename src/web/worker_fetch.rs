//! Requests of a worker for files and ranges of them.

use std::ops::Range;

use js_sys::Uint8Array;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{ReadableStreamDefaultReader, Request, RequestInit, Response, WorkerGlobalScope};

use super::error::message_of;
use crate::dataset::catalog::http::{Fetch, RangeResponse};

/// The worker's `fetch`.
pub(super) struct WorkerFetch;

impl Fetch for WorkerFetch {
    async fn get(
        &self,
        url: &str,
        range: Option<Range<u64>>,
        max_bytes: u64,
    ) -> Result<RangeResponse, String> {
        fetched(url, range, max_bytes).await.map_err(|error| message_of(&error))
    }
}

async fn fetched(url: &str, range: Option<Range<u64>>, max_bytes: u64) -> Result<RangeResponse, JsValue> {
    let request = Request::new_with_str_and_init(url, &RequestInit::new())?;
    if let Some(range) = &range {
        request.headers().set("range", &format!("bytes={}-{}", range.start, range.end - 1))?;
    }
    let global: WorkerGlobalScope = js_sys::global().unchecked_into();
    let response: Response = JsFuture::from(global.fetch_with_request(&request)).await?.unchecked_into();
    let headers = response.headers();
    let length = headers.get("content-length")?.and_then(|length| length.parse::<u64>().ok());
    let mut read = RangeResponse {
        status: response.status(),
        content_range: headers.get("content-range")?,
        content_encoding: headers.get("content-encoding")?,
        body: None,
    };
    // A part of a compressed file cannot be decoded.
    let is_compressed_part = read.status == 206 && read.content_encoding.is_some();
    if is_compressed_part || !response.ok() || length.is_some_and(|length| length > max_bytes) {
        if let Some(body) = response.body() {
            // The rest of the body is not wanted; a host that sends it all the same does no harm.
            let _: Result<JsValue, JsValue> = JsFuture::from(body.cancel()).await;
        }
        return Ok(read);
    }
    read.body = match response.body() {
        Some(body) => read_body(body.get_reader().unchecked_into(), max_bytes).await?,
        None => Some(Vec::new()),
    };
    Ok(read)
}

/// Reads a body to its end; returns `None`, and reads no further, if it is longer than `max_bytes`.
async fn read_body(reader: ReadableStreamDefaultReader, max_bytes: u64) -> Result<Option<Vec<u8>>, JsValue> {
    let mut bytes = Vec::new();
    loop {
        let piece = JsFuture::from(reader.read()).await?;
        let value = js_sys::Reflect::get(&piece, &"value".into())?;
        let Some(value) = value.dyn_ref::<Uint8Array>() else { return Ok(Some(bytes)) };
        if bytes.len() as u64 + u64::from(value.length()) > max_bytes {
            JsFuture::from(reader.cancel()).await?;
            return Ok(None);
        }
        let start = bytes.len();
        bytes.resize(start + value.length() as usize, 0);
        value.copy_to(&mut bytes[start..]);
    }
}
