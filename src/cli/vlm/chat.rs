//! Asks a vision model behind an endpoint of `OpenAI`'s form: images and a question in, a short text out.

use std::io::Read as _;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;
use ureq::Agent;

use super::error::VlmError;

/// Path below the endpoint's address.
const PATH: &str = "/v1/chat/completions";
/// Maximum length of a response in bytes; one with a title takes about one kilobyte.
const MAX_RESPONSE: u64 = 256 << 10;
/// Maximum length of the generated text in bytes.
const MAX_TEXT: usize = 8 << 10;
/// Maximum number of tokens to generate.
const MAX_TOKENS: u32 = 128;
/// Maximum length of a reason of the endpoint's that is logged, in characters.
const MAX_REASON: usize = 200;

/// Address, model and key of an endpoint.
#[derive(Clone)]
pub struct Endpoint {
    /// Address below which `v1/chat/completions` is, with or without `v1` at its end.
    pub url: String,
    /// Name of the model.
    pub model: String,
    /// Key that is sent as a bearer token. It stands in no error and no line of the log.
    pub key: Option<String>,
    /// Maximum time of a request, from connecting to the last byte.
    pub timeout: Duration,
}

/// A client of an endpoint.
pub struct Chat {
    agent: Agent,
    uri: Uri,
    model: String,
    authorization: Option<HeaderValue>,
    timeout: Duration,
}

/// Why an endpoint's address or key cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// The address is not a URL.
    #[error("{url:?} is not an address of a vision model: give http://HOST:PORT or https://HOST")]
    Url {
        /// The address.
        url: String,
    },
    /// The key has signs that a header cannot hold.
    #[error("the key of the vision model has signs that a header cannot hold, such as a line break")]
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
        let address = endpoint.url.trim_end_matches('/');
        let address = address.strip_suffix("/v1").unwrap_or(address);
        let wrong = || EndpointError::Url { url: endpoint.url.clone() };
        let uri: Uri = format!("{address}{PATH}").parse().map_err(|_| wrong())?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none_or(str::is_empty) {
            return Err(wrong());
        }
        let authorization = endpoint.key.as_ref().map(|key| {
            let mut value =
                HeaderValue::from_str(&format!("Bearer {key}")).map_err(|_| EndpointError::Key)?;
            value.set_sensitive(true);
            Ok(value)
        });
        let config = Agent::config_builder()
            .timeout_global(Some(endpoint.timeout))
            .max_redirects(0)
            .http_status_as_error(false)
            .proxy(None)
            .user_agent(concat!("masklink/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self {
            agent: config.into(),
            uri,
            model: endpoint.model.clone(),
            authorization: authorization.transpose()?,
            timeout: endpoint.timeout,
        })
    }

    /// Returns the model's name.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Returns the text that the model writes in response to a question and JPEG images. Blocks.
    pub fn ask(&self, question: &str, images: &[Vec<u8>]) -> Result<String, VlmError> {
        let body = serde_json::to_vec(&self.body(question, images))
            .map_err(|error| VlmError::Malformed { reason: error.to_string() })?;
        let mut request = self.agent.post(&self.uri).header(header::CONTENT_TYPE, "application/json");
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let mut response = request.send(&body[..]).map_err(|error| self.failure(&error))?;
        let (status, retry_after) = (response.status(), retry_after(response.headers()));
        let text = self.read(response.body_mut())?;
        if status.is_success() { generated(&text) } else { Err(refusal(status, retry_after, &text)) }
    }

    fn body(&self, question: &str, images: &[Vec<u8>]) -> serde_json::Value {
        let images = images.iter().map(|jpeg| {
            let url = format!("data:image/jpeg;base64,{}", STANDARD.encode(jpeg));
            json!({ "type": "image_url", "image_url": { "url": url } })
        });
        let content: Vec<_> = images.chain([json!({ "type": "text", "text": question })]).collect();
        json!({
            "model": self.model,
            "messages": [{ "role": "user", "content": content }],
            "max_tokens": MAX_TOKENS,
            "temperature": 0,
        })
    }

    /// Reads a body of at most [`MAX_RESPONSE`] bytes.
    fn read(&self, body: &mut ureq::Body) -> Result<Vec<u8>, VlmError> {
        let mut bytes = Vec::new();
        // One byte more tells a body that is too long from one of the maximum length.
        let read = body.as_reader().take(MAX_RESPONSE + 1).read_to_end(&mut bytes);
        read.map_err(|error| self.failure(&error.into()))?;
        if bytes.len() as u64 > MAX_RESPONSE {
            return Err(VlmError::TooLong { limit: MAX_RESPONSE });
        }
        Ok(bytes)
    }

    fn failure(&self, error: &ureq::Error) -> VlmError {
        let timed_out = VlmError::Timeout { seconds: self.timeout.as_secs_f64() };
        match error {
            ureq::Error::Timeout(_) => timed_out,
            // The time limit of a body that is read arrives within an error of the system.
            ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::TimedOut => timed_out,
            error => VlmError::Unreachable { reason: error.to_string() },
        }
    }
}

/// Returns the seconds of `Retry-After`; dates are not read.
fn retry_after(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}

/// Returns the text of a completion.
fn generated(body: &[u8]) -> Result<String, VlmError> {
    let malformed = |reason: String| VlmError::Malformed { reason };
    let completion: Completion =
        serde_json::from_slice(body).map_err(|error| malformed(error.to_string()))?;
    let Some(Choice { message, finish_reason }) = completion.choices.into_iter().next() else {
        return Err(malformed("the list of choices is empty".to_owned()));
    };
    let is_filtered = finish_reason.as_deref() == Some("content_filter");
    if is_filtered || message.refusal.is_some_and(|refusal| !refusal.is_empty()) {
        return Err(VlmError::Declined);
    }
    let text = message.content.unwrap_or_default();
    if text.len() > MAX_TEXT {
        return Err(VlmError::TooLong { limit: MAX_TEXT as u64 });
    }
    Ok(text)
}

/// Returns the error of a status other than success. The endpoint's own words are for the log alone, and not
/// even that where the key was refused: some endpoints repeat it.
fn refusal(status: StatusCode, retry_after: Option<u64>, body: &[u8]) -> VlmError {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => VlmError::Key { status: status.as_u16() },
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => VlmError::Busy { retry_after },
        StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT => {
            VlmError::Overdue { status: status.as_u16() }
        }
        _ => {
            let reason = serde_json::from_slice::<Failure>(body).map(|failure| failure.error.message);
            let reason = reason.unwrap_or_default().chars().take(MAX_REASON).collect();
            VlmError::Refused { status: status.as_u16(), reason }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat(url: &str, key: Option<&str>) -> Result<Chat, EndpointError> {
        let (model, timeout) = ("m".to_owned(), Duration::from_secs(1));
        Chat::new(&Endpoint { url: url.to_owned(), model, key: key.map(str::to_owned), timeout })
    }

    #[test]
    fn addresses_end_in_the_path_once() {
        for url in ["http://host:8000", "http://host:8000/", "http://host:8000/v1", "http://host:8000/v1/"] {
            assert_eq!(chat(url, None).unwrap().uri, "http://host:8000/v1/chat/completions", "{url}");
        }
        assert_eq!(chat("https://host/api", None).unwrap().uri, "https://host/api/v1/chat/completions");
        for url in ["", "host:8000", "ftp://host", "http://", "http://a b"] {
            assert!(matches!(chat(url, None), Err(EndpointError::Url { .. })), "{url}");
        }
        assert!(matches!(chat("http://host", Some("a\nb")), Err(EndpointError::Key)));
    }

    #[test]
    fn keys_are_marked_as_secret() {
        let chat = chat("http://host", Some("sk-secret")).unwrap();
        assert!(!format!("{:?}", chat.authorization).contains("secret"));
    }
}
