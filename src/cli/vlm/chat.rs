//! Asks a vision model behind an endpoint for chat completions of `OpenAI`'s form: images and a question in,
//! a short text out.
//!
//! Servers of open models have this form, such as those of vLLM and llama.cpp. `OpenAI`'s own reasoning
//! models refuse its `max_tokens` and `temperature`.

use std::time::Duration;

use axum::http::HeaderValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;

use super::error::VlmError;
use crate::cli::host::NativeHost;
use crate::cli::remote::{address, explanation};
use crate::model::{Body, Host as _, HostError, Request, Response};

/// Path below the endpoint's address.
const PATH: &str = "/v1/chat/completions";
/// Maximum length of a response in bytes; one with a title takes about one kilobyte.
const MAX_RESPONSE: u64 = 2 << 20;
/// Maximum length of the generated text in bytes.
const MAX_TEXT: usize = 8 << 10;
/// Maximum number of tokens to generate.
const MAX_TOKENS: u32 = 128;

/// Address, model and key of an endpoint. It has no `Debug`: its key must not reach a log.
#[derive(Clone)]
pub struct Endpoint {
    /// Address below which `v1/chat/completions` is, with or without `v1` at its end.
    pub url: String,
    /// Name of the model.
    pub model: String,
    /// Key that is sent as a bearer token.
    pub key: Option<String>,
    /// Maximum time of a request, from connecting to the last byte.
    pub timeout: Duration,
}

/// A client of an endpoint.
pub struct Chat {
    /// The address of requests.
    url: String,
    endpoint: Endpoint,
}

/// Errors of an endpoint's address or key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// The address is not one of a server.
    #[error("the address of the vision model cannot be used: {reason}")]
    Url {
        /// Fault of the address.
        reason: String,
    },
    /// The key has characters that no HTTP header may have.
    #[error("the key of the vision model has characters that no HTTP header may have, such as a line break")]
    Key,
}

#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
}

/// The body of an error of `OpenAI`'s form.
#[derive(Deserialize)]
struct Failure {
    error: FailureText,
}

#[derive(Deserialize)]
struct FailureText {
    message: String,
}

impl Chat {
    /// Creates a client; nothing is sent yet.
    pub fn new(endpoint: &Endpoint) -> Result<Self, EndpointError> {
        let address = address(&endpoint.url).map_err(|reason| EndpointError::Url { reason })?;
        let address = address.strip_suffix("/v1").unwrap_or(&address);
        if endpoint.key.as_ref().is_some_and(|key| HeaderValue::from_str(key).is_err()) {
            return Err(EndpointError::Key);
        }
        Ok(Self { url: format!("{address}{PATH}"), endpoint: endpoint.clone() })
    }

    /// Returns the model's name.
    pub fn model(&self) -> &str {
        &self.endpoint.model
    }

    /// Returns the text that the model writes in response to a question and JPEG images. Blocks.
    pub fn ask(&self, question: &str, images: &[Vec<u8>]) -> Result<String, VlmError> {
        let body = self.body(question, images).to_string();
        let mut headers = vec![("content-type", "application/json".to_owned())];
        if let Some(key) = &self.endpoint.key {
            headers.push(("authorization", format!("Bearer {key}")));
        }
        let request = Request {
            method: "POST",
            url: &self.url,
            headers,
            body: Body::Bytes(body.as_bytes()),
            timeout_millis: u32::try_from(self.endpoint.timeout.as_millis()).unwrap_or(u32::MAX),
            max_response_bytes: MAX_RESPONSE,
        };
        let fetched = pollster::block_on(NativeHost::default().fetch(request));
        self.read(&fetched.map_err(|error| self.failure(&error))?)
    }

    fn body(&self, question: &str, images: &[Vec<u8>]) -> serde_json::Value {
        let images = images.iter().map(|jpeg| {
            let url = format!("data:image/jpeg;base64,{}", STANDARD.encode(jpeg));
            json!({ "type": "image_url", "image_url": { "url": url } })
        });
        let content: Vec<_> = images.chain([json!({ "type": "text", "text": question })]).collect();
        json!({
            "model": self.endpoint.model,
            "messages": [{ "role": "user", "content": content }],
            "max_tokens": MAX_TOKENS,
            "temperature": 0,
        })
    }

    fn failure(&self, error: &HostError) -> VlmError {
        match error {
            HostError::TimedOut { .. } => VlmError::Timeout { seconds: self.endpoint.timeout.as_secs_f64() },
            error => VlmError::Unreachable { reason: self.explanation(&error.to_string()) },
        }
    }

    /// Returns the generated text, or the error that the response states.
    fn read(&self, Response { status, retry_after, body }: &Response) -> Result<String, VlmError> {
        match *status {
            200..300 => self.generated(body),
            // Words about a key that is not accepted may hold a part of it.
            status @ (401 | 403) => Err(VlmError::Key { status }),
            429 | 503 => {
                // Dates are not read.
                let seconds = retry_after.as_ref().and_then(|text| text.trim().parse().ok());
                Err(VlmError::Busy { retry_after: seconds })
            }
            status @ (408 | 504) => Err(VlmError::Overdue { status }),
            status => {
                let reason = serde_json::from_slice::<Failure>(body).map(|failure| failure.error.message);
                Err(VlmError::Refused { status, reason: self.explanation(&reason.unwrap_or_default()) })
            }
        }
    }

    /// Returns the text of a completion.
    fn generated(&self, body: &[u8]) -> Result<String, VlmError> {
        let malformed = |reason: &str| VlmError::Malformed { reason: self.explanation(reason) };
        let completion: Completion =
            serde_json::from_slice(body).map_err(|error| malformed(&error.to_string()))?;
        let Some(Choice { message, finish_reason }) = completion.choices.into_iter().next() else {
            return Err(malformed("the list of choices is empty"));
        };
        let is_filtered = finish_reason.as_deref() == Some("content_filter");
        if is_filtered || message.refusal.is_some_and(|refusal| !refusal.is_empty()) {
            return Err(VlmError::Declined);
        }
        let text = message.content.unwrap_or_default();
        if text.len() > MAX_TEXT {
            return Err(VlmError::TooLong { limit: MAX_TEXT });
        }
        // Some servers end a text at its maximum length as if it were whole.
        let is_reasoning = text.rfind("<think>") > text.rfind("</think>");
        if finish_reason.as_deref() == Some("length") || is_reasoning {
            return Err(VlmError::CutOff { tokens: MAX_TOKENS });
        }
        Ok(text)
    }

    /// Returns the beginning of the server's own words, which are for the log alone.
    fn explanation(&self, text: &str) -> String {
        explanation(text, self.endpoint.key.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "sk-secret";

    fn chat(url: &str, key: Option<&str>) -> Result<Chat, EndpointError> {
        let (model, timeout) = ("m".to_owned(), Duration::from_secs(1));
        Chat::new(&Endpoint { url: url.to_owned(), model, key: key.map(str::to_owned), timeout })
    }

    fn read(status: u16, body: &serde_json::Value) -> Result<String, VlmError> {
        let response = Response { status, retry_after: None, body: body.to_string().into_bytes() };
        chat("http://host", Some(KEY)).unwrap().read(&response)
    }

    #[test]
    fn addresses_end_in_the_path_once() {
        for url in ["http://host:8000", "http://host:8000/", "http://host:8000/v1", "http://host:8000/v1/"] {
            assert_eq!(chat(url, None).unwrap().url, "http://host:8000/v1/chat/completions", "{url}");
        }
        assert_eq!(chat("https://host/api", None).unwrap().url, "https://host/api/v1/chat/completions");
        for url in ["", "host:8000", "ftp://host", "http://", "http://a b", "http://u:p@h", "http://h?x=1"] {
            assert!(matches!(chat(url, None), Err(EndpointError::Url { .. })), "{url}");
        }
        assert!(matches!(chat("http://host", Some("a\nb")), Err(EndpointError::Key)));
    }

    #[test]
    fn texts_that_were_cut_off_are_errors() {
        for (finish, text, is_whole) in [
            ("stop", "Red fox", true),
            ("stop", "<think>A dog? No.</think>Red fox", true),
            ("length", "Red", false),
            ("length", "", false),
            ("stop", "<think>Okay, the object is", false),
            ("stop", "<think>A dog?</think><think>No,", false),
        ] {
            let body = json!({"choices": [{"message": {"content": text}, "finish_reason": finish}]});
            let found = read(200, &body);
            let is_right = if is_whole {
                found.as_deref().is_ok_and(|found| found == text)
            } else {
                matches!(found, Err(VlmError::CutOff { .. }))
            };
            assert!(is_right, "{finish} {text:?}: {found:?}");
        }
    }

    #[test]
    fn key_that_the_server_repeats_is_in_no_error() {
        let message = format!("no model for the key {KEY}");
        for (status, body) in [
            (400, json!({"error": {"message": message}})),
            (404, json!({"error": {"message": message}})),
            (500, json!({"error": {"message": format!("{}{message}", "x".repeat(275))}})),
            (200, json!({"choices": message})),
        ] {
            let error = read(status, &body).unwrap_err();
            let said = format!("{error} {error:?}");
            assert!(!said.contains("sk-se"), "{status}: {said}");
            assert!(said.contains("no model for"), "{status}: {said}");
        }
    }
}
