//! Addresses and keys of other servers, and what they say in explanation.

use std::env::VarError;

use anyhow::{bail, ensure};
use axum::http::Uri;

/// Maximum characters of an explanation by a server.
const MAX_EXPLANATION_CHARS: usize = 300;

/// Parses the address of a server. Returns it without a slash at its end.
pub(super) fn address(text: &str) -> Result<String, String> {
    let uri: Uri = text.parse().map_err(|error| format!("not a URL: {error}"))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none_or(str::is_empty) {
        return Err("give the address as http://HOST:PORT or https://HOST:PORT".to_owned());
    }
    if text.contains(['@', '?', '#']) {
        return Err("give no user, password or query in the address; the key has an option".to_owned());
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// Returns the value of an option or, without it, of an environment variable; `None` where both are missing.
///
/// `name` says in errors whether it is a key or a token. An empty one is an error: it mostly comes from a
/// script whose variable is not set.
pub(super) fn secret(
    name: &str,
    (option, argument): (&str, Option<String>),
    variable: &str,
) -> anyhow::Result<Option<String>> {
    chosen(name, (option, argument), (variable, std::env::var(variable)))
}

fn chosen(
    name: &str,
    (option, argument): (&str, Option<String>),
    (variable, found): (&str, Result<String, VarError>),
) -> anyhow::Result<Option<String>> {
    let secret = match (argument, found) {
        (Some(secret), _) | (None, Ok(secret)) => secret,
        (None, Err(VarError::NotPresent)) => return Ok(None),
        (None, Err(VarError::NotUnicode(_))) => bail!("the {name} in {variable} is not text in UTF-8"),
    };
    ensure!(!secret.is_empty(), "the {name} is empty: omit {option} and {variable} to use none");
    Ok(Some(secret))
}

/// Returns the beginning of a server's explanation, for errors and the log. Some servers and proxies repeat
/// the key that they got: it is replaced.
pub(super) fn explanation(text: &str, key: Option<&str>) -> String {
    let text = key.map_or_else(|| text.to_owned(), |key| text.replace(key, "[key]"));
    text.chars().take(MAX_EXPLANATION_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    #[test]
    fn addresses_are_http_without_credentials() {
        assert_eq!(address("http://localhost:6333/"), Ok("http://localhost:6333".to_owned()));
        assert_eq!(address("https://a.example/qdrant"), Ok("https://a.example/qdrant".to_owned()));
        for wrong in ["localhost:6333", "ftp://a", "http://", "http://u:p@a", "http://a/?key=1", "a b", ""] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn option_goes_before_the_variable_and_unusable_ones_are_errors() {
        let chosen = |argument: Option<&str>, found: Result<&str, VarError>| {
            let found = found.map(ToOwned::to_owned);
            chosen("key", ("--key", argument.map(ToOwned::to_owned)), ("KEY", found))
        };
        let not_text = || Err(VarError::NotUnicode(OsString::from("x")));
        assert_eq!(chosen(None, Err(VarError::NotPresent)).unwrap(), None);
        assert_eq!(chosen(Some("a"), Ok("b")).unwrap().as_deref(), Some("a"));
        assert_eq!(chosen(Some("a"), not_text()).unwrap().as_deref(), Some("a"));
        assert_eq!(chosen(None, Ok("b")).unwrap().as_deref(), Some("b"));
        assert!(chosen(None, not_text()).unwrap_err().to_string().contains("KEY is not text"));
        for empty in [chosen(Some(""), Ok("b")), chosen(None, Ok(""))] {
            assert!(empty.unwrap_err().to_string().contains("the key is empty"));
        }
    }

    #[test]
    fn key_is_replaced_before_the_explanation_is_cut() {
        let text = format!("{}sk-secret is wrong", "x".repeat(MAX_EXPLANATION_CHARS - 4));
        let cut = explanation(&text, Some("sk-secret"));
        assert!(cut.ends_with("x[key") && cut.len() == MAX_EXPLANATION_CHARS, "{cut}");
        assert_eq!(explanation("no sk-secret", None), "no sk-secret");
    }
}
