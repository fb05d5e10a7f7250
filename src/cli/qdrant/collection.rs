//! The address of a collection, and the arguments that name it.

use std::env::VarError;

use anyhow::{Context as _, ensure};
use axum::http::{HeaderValue, Uri};

/// Maximum characters of a collection's name.
const MAX_NAME: usize = 255;

/// A collection of a Qdrant server. It has no `Debug`: its key must not reach a log.
#[derive(Clone)]
pub struct Collection {
    /// Address of the server, without a slash at its end.
    pub url: String,
    /// Name of the collection: letters, digits, `_`, `-` and `.`.
    pub name: String,
    /// API key of the server, where it asks for one.
    pub key: Option<String>,
    /// Maximum time of a search with all its requests, in milliseconds.
    pub timeout_millis: u32,
    /// Whether Qdrant compares the query with every vector, without its approximate graph.
    pub exact: bool,
}

/// Arguments that name a collection.
#[derive(Clone, clap::Args)]
pub struct CollectionArgs {
    /// Address of the Qdrant server.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:6333", value_parser = server)]
    qdrant: String,
    /// Name of the Qdrant collection.
    #[arg(long, value_name = "NAME", default_value = "masklink", value_parser = collection)]
    collection: String,
    /// API key of the Qdrant server; safer in `MASKLINK_QDRANT_KEY`, which other users cannot see.
    #[arg(long, value_name = "KEY")]
    qdrant_key: Option<String>,
}

impl CollectionArgs {
    /// Returns the collection, with the key of the arguments or of the environment.
    pub fn collection(&self, timeout_millis: u32, exact: bool) -> anyhow::Result<Collection> {
        let key = match (self.qdrant_key.clone(), std::env::var("MASKLINK_QDRANT_KEY")) {
            (Some(key), _) => Some(key),
            (None, Err(VarError::NotPresent)) => None,
            (None, found) => Some(found.ok().context("MASKLINK_QDRANT_KEY is not text")?),
        };
        if let Some(key) = &key {
            let is_header = !key.is_empty() && HeaderValue::from_str(key).is_ok();
            ensure!(
                is_header,
                "the API key of Qdrant is empty or has characters that no HTTP header may have"
            );
        }
        let (url, name) = (self.qdrant.clone(), self.collection.clone());
        Ok(Collection { url, name, key, timeout_millis, exact })
    }
}

/// Parses the address of a server.
fn server(text: &str) -> Result<String, String> {
    let uri: Uri = text.parse().map_err(|error| format!("not a URL: {error}"))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none_or(str::is_empty) {
        return Err("give the address as http://HOST:PORT or https://HOST:PORT".to_owned());
    }
    if text.contains(['@', '?', '#']) {
        return Err("give no user, password or query in the address; --qdrant-key has the key".to_owned());
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// Parses the name of a collection. It stands in a path as it is.
fn collection(text: &str) -> Result<String, String> {
    let is_allowed = |one: char| one.is_ascii_alphanumeric() || matches!(one, '_' | '-' | '.');
    if text.is_empty() || text.len() > MAX_NAME || text.starts_with('.') || !text.chars().all(is_allowed) {
        return Err(format!("give at most {MAX_NAME} letters, digits, _, - and ., and no . first"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_http_without_credentials() {
        assert_eq!(server("http://localhost:6333/"), Ok("http://localhost:6333".to_owned()));
        assert_eq!(server("https://a.example/qdrant"), Ok("https://a.example/qdrant".to_owned()));
        for wrong in ["localhost:6333", "ftp://a", "http://", "http://u:p@a", "http://a/?key=1", "a b", ""] {
            assert!(server(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_cannot_leave_their_place_in_a_path() {
        assert_eq!(collection("things_2.v-1"), Ok("things_2.v-1".to_owned()));
        for wrong in ["", "..", ".a", "a/b", "a?b", "a%2fb", "ä", &"a".repeat(256)] {
            assert!(collection(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn keys_that_are_no_header_are_refused_without_being_shown() {
        let args = |key: &str| CollectionArgs {
            qdrant: "http://a".to_owned(),
            collection: "a".to_owned(),
            qdrant_key: Some(key.to_owned()),
        };
        assert_eq!(args("secret").collection(1, false).ok().unwrap().key.as_deref(), Some("secret"));
        for wrong in ["", "secret\n"] {
            let error = args(wrong).collection(1, false).err().unwrap().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
