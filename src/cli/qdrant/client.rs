//! Requests to one collection: time limits, retries, and errors told apart.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::collection::Collection;
use super::error::QdrantError;
use super::wire::{Answer, Failure};
use crate::cli::remote::explanation;
use crate::model::{Body, Host, HostError, Request, Response};

/// Maximum length of a response: 100,000 points without vectors take half of it.
const MAX_RESPONSE_BYTES: u64 = 16 << 20;
/// First pause before a request is sent again, in milliseconds; it doubles each time.
const PAUSE_MILLIS: u32 = 250;
/// Maximum pause, in milliseconds.
const MAX_PAUSE_MILLIS: u32 = 15_000;

/// A connection to a collection.
pub(super) struct Client<'a, H> {
    pub(super) host: &'a H,
    pub(super) collection: &'a Collection,
    pub(super) policy: RetryPolicy,
}

/// Time limits of requests and the number of retries. All requests can be repeated without harm.
#[derive(Clone, Copy)]
pub(super) struct RetryPolicy {
    /// Maximum time for a response, in milliseconds.
    pub(super) request_millis: u32,
    /// Time of the host's clock at which all must be done; `None` for no limit.
    pub(super) deadline: Option<f64>,
    /// Maximum number of times that a request is sent again.
    pub(super) retries: u32,
}

/// The moment of a check of a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// The server starts.
    Start,
    /// The server runs, with the back ends that it has loaded before.
    Reload,
}

impl RetryPolicy {
    /// Returns the policy of an upload, which no request waits for.
    pub(super) const fn of_upload() -> Self {
        Self { request_millis: 60_000, deadline: None, retries: 6 }
    }

    /// Returns the policy of checking a collection. At the start Qdrant may be starting too, which takes it a
    /// while with millions of vectors: the pauses are a minute in all. At a reload they are four seconds.
    pub(super) const fn of_check(occasion: Occasion) -> Self {
        let retries = match occasion {
            Occasion::Start => 9,
            Occasion::Reload => 4,
        };
        Self { request_millis: 15_000, deadline: None, retries }
    }
}

impl<H: Host> Client<'_, H> {
    /// Sends a request to a path below the collection, and returns the result that the response holds.
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        method: &'static str,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, QdrantError> {
        let body = serde_json::to_vec(body).map_err(|error| self.bad(&error))?;
        self.send(method, path, &body).await
    }

    /// Returns the result of a `GET` of a path below the collection.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, QdrantError> {
        self.send("GET", path, &[]).await
    }

    async fn send<T: DeserializeOwned>(
        &self,
        method: &'static str,
        path: &str,
        body: &[u8],
    ) -> Result<T, QdrantError> {
        let Collection { url, name, key, .. } = self.collection;
        let url = format!("{url}/collections/{name}{path}");
        let mut headers = Vec::new();
        if !body.is_empty() {
            headers.push(("content-type", "application/json".to_owned()));
        }
        if let Some(key) = key {
            headers.push(("api-key", key.clone()));
        }
        let mut retries = 0;
        loop {
            if self.host.is_cancelled().await {
                return Err(QdrantError::Host(HostError::Cancelled));
            }
            let timeout_millis = self.remaining()?;
            let request = Request {
                method,
                url: &url,
                headers: headers.clone(),
                body: Body::Bytes(body),
                timeout_millis,
                max_response_bytes: MAX_RESPONSE_BYTES,
            };
            let fetched = self.host.fetch(request).await;
            let retry_after = fetched.as_ref().ok().and_then(|response| response.retry_after.clone());
            let error = match fetched {
                Ok(response) if response.status == 200 => return self.read(&response),
                Ok(response) => self.refusal(&response),
                Err(HostError::TimedOut { millis }) => QdrantError::Timeout { millis },
                Err(HostError::Network { reason }) => QdrantError::Unreachable { reason },
                Err(error) => QdrantError::Host(error),
            };
            match self.pause_millis(&error, retries, retry_after.as_deref()) {
                Some(pause) => {
                    // A search has a deadline, and reports its last failure.
                    if retries == 0 && self.policy.deadline.is_none() {
                        let url = &self.collection.url;
                        tracing::warn!(%error, url, "Qdrant does not respond yet; it is asked again");
                    }
                    self.host.sleep(pause).await;
                }
                None => return Err(error),
            }
            retries += 1;
        }
    }

    /// Returns the milliseconds that the next request may take.
    fn remaining(&self) -> Result<u32, QdrantError> {
        let limit = self.policy.request_millis;
        let left = self.policy.deadline.map_or(f64::INFINITY, |at| at - self.host.now_millis());
        // Rounded down; a float beyond the range becomes its end.
        match left.min(limit.into()) as u32 {
            0 => Err(QdrantError::Timeout { millis: limit }),
            millis => Ok(millis),
        }
    }

    /// Returns the pause after which a request is sent again; `None` where that helps nothing or would end
    /// too late.
    fn pause_millis(&self, error: &QdrantError, retries: u32, retry_after: Option<&str>) -> Option<u32> {
        if !error.is_temporary() || retries >= self.policy.retries {
            return None;
        }
        let seconds = retry_after.and_then(|text| text.trim().parse::<u32>().ok()).unwrap_or_default();
        let doubled = PAUSE_MILLIS.saturating_mul(1 << retries.min(16)).min(MAX_PAUSE_MILLIS);
        let pause = seconds.saturating_mul(1000).max(doubled);
        let is_in_time = self.policy.deadline.is_none_or(|at| self.host.now_millis() + f64::from(pause) < at);
        (pause <= MAX_PAUSE_MILLIS && is_in_time).then_some(pause)
    }

    /// Returns the error that a response other than success states.
    fn refusal(&self, Response { status, body, .. }: &Response) -> QdrantError {
        let status = *status;
        let failure: Option<Failure> = serde_json::from_slice(body).ok();
        let reason = failure.map(|failure| self.explanation(&failure.status.error));
        let name = || self.collection.name.clone();
        match (status, reason) {
            (401 | 403, _) => QdrantError::Key { status },
            (404, Some(_)) => QdrantError::NoCollection { name: name() },
            (429 | 500.., reason) => {
                let reason = reason.unwrap_or_else(|| "no explanation".to_owned());
                QdrantError::Busy { status, reason }
            }
            (_, Some(reason)) => QdrantError::Refused { status, reason },
            (_, None) => QdrantError::BadResponse { reason: format!("HTTP {status}") },
        }
    }

    fn read<T: DeserializeOwned>(&self, response: &Response) -> Result<T, QdrantError> {
        let answer: Answer<T> = serde_json::from_slice(&response.body).map_err(|error| self.bad(&error))?;
        Ok(answer.result)
    }

    fn bad(&self, error: &serde_json::Error) -> QdrantError {
        QdrantError::BadResponse { reason: self.explanation(&error.to_string()) }
    }

    /// Returns the beginning of the server's own words, without the key.
    fn explanation(&self, text: &str) -> String {
        explanation(text, self.collection.key.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::test_host::{Sent, TestHost};

    fn collection() -> Collection {
        Collection {
            url: "http://host:6333".to_owned(),
            name: "things".to_owned(),
            key: Some("secret".to_owned()),
            timeout_millis: 1_000,
            exact: false,
        }
    }

    fn response(status: u16, body: &str) -> Response {
        Response { status, retry_after: None, body: body.as_bytes().to_vec() }
    }

    fn lost() -> Result<Response, HostError> {
        Err(HostError::Network { reason: "reset".to_owned() })
    }

    fn host(responses: impl IntoIterator<Item = Result<Response, HostError>>) -> TestHost {
        let host = TestHost::default();
        host.responses.borrow_mut().extend(responses);
        host
    }

    fn call(host: &TestHost, policy: RetryPolicy) -> Result<u32, QdrantError> {
        let collection = collection();
        let client = Client { host, collection: &collection, policy };
        pollster::block_on(client.call("POST", "/points/count", &json!({"exact": true})))
    }

    #[test]
    fn requests_have_the_key_and_their_type() {
        let host = host([Ok(response(200, r#"{"result": 7, "status": "ok"}"#))]);
        assert_eq!(call(&host, RetryPolicy::of_upload()), Ok(7));
        let [Sent { method, url, headers, body, timeout_millis }] = &host.sent.borrow()[..] else { panic!() };
        assert_eq!((*method, &**url), ("POST", "http://host:6333/collections/things/points/count"));
        assert_eq!((&**body, *timeout_millis), (&br#"{"exact":true}"#[..], 60_000));
        let expected = [("content-type", "application/json"), ("api-key", "secret")];
        assert_eq!(headers[..], expected.map(|(name, value)| (name, value.to_owned())));
    }

    #[test]
    fn failures_that_pass_are_tried_again_after_growing_pauses() {
        let slow = Ok(Response { status: 429, retry_after: Some("3".to_owned()), body: Vec::new() });
        let failed = [
            lost(),
            Ok(response(500, "")),
            slow,
            Err(HostError::TimedOut { millis: 9 }),
            Ok(response(503, "")),
        ];
        let host = host(failed.into_iter().chain([Ok(response(200, r#"{"result": 1}"#))]));
        assert_eq!(call(&host, RetryPolicy::of_upload()), Ok(1));
        assert_eq!(host.pauses.borrow()[..], [250, 500, 3_000, 2_000, 4_000]);
    }

    #[test]
    fn failures_that_last_end_after_the_last_retry() {
        let host = host((0..20).map(|_| lost()));
        let error = call(&host, RetryPolicy::of_upload()).unwrap_err();
        assert_eq!(error, QdrantError::Unreachable { reason: "reset".to_owned() });
        assert_eq!((host.sent.borrow().len(), host.pauses.borrow().iter().sum::<u32>()), (7, 15_750));
    }

    #[test]
    fn start_waits_a_minute_for_the_server_and_a_reload_some_seconds() {
        for (occasion, pauses) in [(Occasion::Start, 60_750), (Occasion::Reload, 3_750)] {
            let host = host((0..20).map(|_| lost()));
            assert!(call(&host, RetryPolicy::of_check(occasion)).unwrap_err().is_temporary());
            assert_eq!(host.pauses.borrow().iter().sum::<u32>(), pauses, "{occasion:?}");
        }
    }

    #[test]
    fn key_that_the_server_repeats_is_in_no_error() {
        for (status, body) in [
            (400, json!({"status": {"error": "told secret"}})),
            (500, json!({"status": {"error": "told secret"}})),
            (400, json!({"status": {"error": format!("{}told secret", "x".repeat(290))}})),
            (200, json!({"result": "told secret"})),
        ] {
            let host = host([Ok(response(status, &body.to_string()))]);
            let error = call(&host, RetryPolicy { retries: 0, ..RetryPolicy::of_upload() }).unwrap_err();
            let said = format!("{error} {error:?}");
            assert!(said.contains("told") && !said.contains("sec"), "{status}: {said}");
        }
    }

    #[test]
    fn nothing_is_sent_after_the_deadline() {
        // Each request takes 5 ms of the test's clock, and its pauses nothing.
        let host = host((0..20).map(|_| lost()));
        let policy = RetryPolicy { request_millis: 400, deadline: Some(300.0), retries: 9 };
        assert!(call(&host, policy).unwrap_err().is_temporary());
        let limits: Vec<_> = host.sent.borrow().iter().map(|sent| sent.timeout_millis).collect();
        assert_eq!(limits, [300, 295], "the pause before a third request would end too late");
        let late = RetryPolicy { deadline: Some(0.0), ..policy };
        assert_eq!(call(&host, late), Err(QdrantError::Timeout { millis: 400 }));
        assert_eq!(host.sent.borrow().len(), 2);
    }

    #[test]
    fn refusals_are_not_tried_again() {
        let explained = r#"{"status": {"error": "why"}, "time": 0.1}"#;
        let (name, reason) = ("things".to_owned(), "why".to_owned());
        for (status, body, expected) in [
            (401, "Must provide an API key", QdrantError::Key { status: 401 }),
            (403, explained, QdrantError::Key { status: 403 }),
            (404, explained, QdrantError::NoCollection { name }),
            (400, explained, QdrantError::Refused { status: 400, reason }),
            (404, "<html>", QdrantError::BadResponse { reason: "HTTP 404".to_owned() }),
            (301, "", QdrantError::BadResponse { reason: "HTTP 301".to_owned() }),
        ] {
            let host = host([Ok(response(status, body))]);
            assert_eq!(call(&host, RetryPolicy::of_upload()), Err(expected), "{status} {body}");
        }
        for body in ["", "<html>", r#"{"status": "ok"}"#, r#"{"result": "x"}"#] {
            let host = host([Ok(response(200, body))]);
            let error = call(&host, RetryPolicy::of_upload()).unwrap_err();
            assert!(matches!(error, QdrantError::BadResponse { .. }), "{body}: {error}");
        }
    }

    #[test]
    fn cancelled_work_sends_nothing() {
        let host = TestHost::default();
        host.cancelled_from.set(Some(0));
        let cancelled = QdrantError::Host(HostError::Cancelled);
        assert_eq!(call(&host, RetryPolicy::of_upload()), Err(cancelled));
    }
}
