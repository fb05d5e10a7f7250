//! The address of a collection, and the arguments that name it.

use anyhow::ensure;
use axum::http::HeaderValue;

use crate::cli::remote;

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

/// Address of the Qdrant server where none is given: its own default port on this machine.
const DEFAULT_URL: &str = "http://127.0.0.1:6333";
/// Name of the collection where none is given.
const DEFAULT_NAME: &str = "masklink";

/// Arguments that name a collection.
#[derive(Clone, clap::Args)]
pub struct CollectionArgs {
    /// Address of the Qdrant server [default: `http://127.0.0.1:6333`].
    #[arg(long, value_name = "URL", value_parser = remote::address)]
    qdrant: Option<String>,
    /// Name of the Qdrant collection [default: masklink].
    #[arg(long, value_name = "NAME", value_parser = collection)]
    collection: Option<String>,
    /// API key of the Qdrant server; safer in `MASKLINK_QDRANT_KEY`, which other users cannot see.
    #[arg(long, value_name = "KEY")]
    qdrant_key: Option<String>,
}

impl CollectionArgs {
    /// Returns whether one of the arguments was given.
    pub fn is_given(&self) -> bool {
        [&self.qdrant, &self.collection, &self.qdrant_key].into_iter().any(Option::is_some)
    }

    /// Returns the collection, with the key of the arguments or of the environment.
    pub fn collection(&self, timeout_millis: u32, exact: bool) -> anyhow::Result<Collection> {
        let key = remote::secret("key", ("--qdrant-key", self.qdrant_key.clone()), "MASKLINK_QDRANT_KEY")?;
        if let Some(key) = &key {
            let is_header = HeaderValue::from_str(key).is_ok();
            ensure!(is_header, "the API key of Qdrant has characters that no HTTP header may have");
        }
        let url = self.qdrant.clone().unwrap_or_else(|| DEFAULT_URL.to_owned());
        let name = self.collection.clone().unwrap_or_else(|| DEFAULT_NAME.to_owned());
        Ok(Collection { url, name, key, timeout_millis, exact })
    }
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
    fn names_cannot_leave_their_place_in_a_path() {
        assert_eq!(collection("things_2.v-1"), Ok("things_2.v-1".to_owned()));
        for wrong in ["", "..", ".a", "a/b", "a?b", "a%2fb", "ä", &"a".repeat(256)] {
            assert!(collection(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn keys_that_are_no_header_are_refused_without_being_shown() {
        let args =
            |key: &str| CollectionArgs { qdrant: None, collection: None, qdrant_key: Some(key.to_owned()) };
        assert_eq!(args("secret").collection(1, false).ok().unwrap().key.as_deref(), Some("secret"));
        for wrong in ["", "secret\n"] {
            let error = args(wrong).collection(1, false).err().unwrap().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
