//! The files of the page and of the data folder: ranges, compressed variants, conditional requests and
//! caching.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use tower::ServiceExt as _;
use tower_http::services::ServeDir;
use tower_http::services::fs::DefaultServeDirFallback;

use crate::cli::image_folder;
use crate::cli::percent::percent_encoded;
use crate::cli::serve::error::ApiError;
use crate::cli::serve::settings::Settings;
use crate::cli::serve::store::compressed::CompressingBackend;
use crate::cli::serve::workers::run_blocking;
use crate::dataset::{ImageFiles, percent_decoded};
use crate::link::protocol::problem::Kind;

/// Folder of files whose names change with their content.
const HASHED: &str = "/assets/";
/// Maximum length of a file's name on most file systems, in bytes.
const MAX_NAME: usize = 255;
/// Length of the content hash in a name such as `viewer-ABCDEFGH.js`.
const HASH_LENGTH: usize = 8;

/// The data folder.
pub(crate) const DATA: &str = "/data/";
/// Images of the data folder, which are found by other forms of their names too.
const IMAGES: &str = "/data/images/";
/// Time for which a list of the data folder's files is used.
const LIST_AGE: Duration = Duration::from_secs(30);

/// The folders that are served.
pub(crate) struct Files {
    root: Option<PathBuf>,
    data: Option<PathBuf>,
    /// Whether symbolic links that lead out of the data folder are followed.
    follows_links: bool,
    backend: CompressingBackend,
    /// The files of the data folder, and when they were listed.
    listed: Mutex<Option<(Instant, Arc<ImageFiles>)>>,
}

type Folder = ServeDir<DefaultServeDirFallback, CompressingBackend>;

impl Files {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            root: settings.root.clone(),
            data: settings.data.clone(),
            follows_links: settings.follow_links,
            backend: CompressingBackend::new(),
            listed: Mutex::default(),
        }
    }

    /// Returns whether a path below `/data/` is missing because it is a link out of the data folder. Blocks.
    fn is_link_out(&self, path: &str) -> bool {
        let (Some(name), Some(data), false) = (path.strip_prefix(DATA), &self.data, self.follows_links)
        else {
            return false;
        };
        let file = data.join(&*percent_decoded(name)).canonicalize();
        file.ok().zip(data.canonicalize().ok()).is_some_and(|(file, data)| !file.starts_with(data))
    }

    /// Returns the folder that holds a path, and the path's address inside it.
    fn find(&self, uri: &Uri) -> Option<(Folder, Uri)> {
        match (uri.path().strip_prefix(DATA), &self.data, &self.root) {
            (Some(rest), Some(data), _) => {
                let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
                let backend =
                    if self.follows_links { self.backend.clone() } else { self.backend.within(data) };
                Some((folder(data, "/data", backend), format!("/{rest}{query}").parse().ok()?))
            }
            (_, _, Some(root)) => Some((folder(root, "", self.backend.clone()), uri.clone())),
            _ => None,
        }
    }

    /// Returns the address, within the data folder, of the image that a path below [`IMAGES`] means;
    /// `None` if there is none. Blocks while it lists the folder.
    fn image(&self, path: &str) -> Option<Uri> {
        let name = path.strip_prefix(DATA).filter(|_| path.starts_with(IMAGES))?;
        let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        let files = match &*listed {
            Some((when, files)) if when.elapsed() < LIST_AGE => Arc::clone(files),
            _ => {
                let files = Arc::new(image_folder::list(self.data.as_deref()?).ok()?);
                *listed = Some((Instant::now(), Arc::clone(&files)));
                files
            }
        };
        drop(listed);
        let found = files.path(files.find(&percent_decoded(name))?)?;
        format!("/{}", percent_encoded(found)).parse().ok()
    }
}

/// Returns a folder that is served below `prefix`. `file.br` and `file.gz` beside a file are sent in its
/// place where the client accepts them; where there are none, they are made.
fn folder(path: &Path, prefix: &str, backend: CompressingBackend) -> Folder {
    ServeDir::with_backend(path, backend).precompressed_br().precompressed_gzip().redirect_path_prefix(prefix)
}

/// Sends a file of the page or, below `/data/`, of the data folder.
pub(crate) async fn get_file(State(files): State<Arc<Files>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let found = files.find(&parts.uri).filter(|_| is_plain(&path));
    let Some((folder, uri)) = found else {
        return ApiError::new(Kind::NotFound, "").into_response();
    };
    let mut response = send(folder.clone(), uri.clone(), &parts).await;
    if response.status() == StatusCode::RANGE_NOT_SATISFIABLE && asks_for_more_than_all(&parts, &response) {
        // The last bytes of a file that has fewer: all of it (RFC 9110 section 14.1.2).
        let mut whole = parts.clone();
        whole.headers.insert(header::RANGE, HeaderValue::from_static("bytes=0-"));
        response = send(folder.clone(), uri, &whole).await;
    }
    if response.status() == StatusCode::NOT_FOUND && path.starts_with(IMAGES) {
        let (asked, files) = (path.clone(), Arc::clone(&files));
        if let Ok(uri) = run_blocking(move || Ok::<_, ApiError>(files.image(&asked))).await
            && let Some(uri) = uri
        {
            response = send(folder, uri, &parts).await;
        }
    }
    if response.status() == StatusCode::NOT_FOUND && path.starts_with(DATA) {
        let asked = path.clone();
        if let Ok(true) = run_blocking(move || Ok::<_, ApiError>(files.is_link_out(&asked))).await {
            let detail = "The file is a link out of the data folder; serve --follow-links allows those.";
            return ApiError::new(Kind::NotFound, detail).into_response();
        }
    }
    if has_hash(&path) && (response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED) {
        let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
        response.headers_mut().insert(header::CACHE_CONTROL, forever);
    }
    response
}

/// Sends a folder's file in response to a request whose address was mapped into the folder.
async fn send(folder: Folder, uri: Uri, parts: &Parts) -> Response {
    let mut request = Request::new(Body::empty());
    (*request.method_mut(), *request.uri_mut()) = (parts.method.clone(), uri);
    *request.headers_mut() = parts.headers.clone();
    if !is_same_version(&folder, request.uri(), request.headers()).await {
        request.headers_mut().remove(header::RANGE);
    }
    let fallback = tower::service_fn(move |_: axum::http::Request<Body>| async move {
        Ok::<_, std::convert::Infallible>(ApiError::new(Kind::NotFound, "").into_response())
    });
    match folder.fallback(fallback).oneshot(request).await {
        Ok(response) => response.map(Body::new),
        Err(never) => match never {},
    }
}

/// Returns whether each name of a path can be a file's: none is hidden, too long, or empty before the end.
fn is_plain(path: &str) -> bool {
    let names = percent_decoded(path.strip_prefix('/').unwrap_or(path));
    let mut names = names.split('/').rev();
    let is_hidden = |name: &str| name.starts_with('.') && name != "." && name != "..";
    let is_short = |name: &str| name.len() <= MAX_NAME && !is_hidden(name);
    names.next().is_none_or(is_short) && names.all(|name| is_short(name) && !name.is_empty())
}

/// Returns whether a refused request asks for the last bytes of a file that is shorter, and not empty.
fn asks_for_more_than_all(parts: &Parts, refused: &Response) -> bool {
    let text = |value: Option<&HeaderValue>| value.and_then(|value| value.to_str().ok()).map(str::to_owned);
    let last = text(parts.headers.get(header::RANGE))
        .and_then(|range| range.strip_prefix("bytes=-").and_then(|count| count.parse::<u64>().ok()));
    let length = text(refused.headers().get(header::CONTENT_RANGE))
        .and_then(|range| range.strip_prefix("bytes */").and_then(|length| length.parse::<u64>().ok()));
    matches!((last, length), (Some(last), Some(length)) if length > 0 && last > length)
}

/// Returns whether a path names a file whose name changes with its content.
fn has_hash(path: &str) -> bool {
    let Some(file) = path.strip_prefix(HASHED).and_then(|path| path.rsplit('/').next()) else { return false };
    let Some((_, hash)) = file.split_once('.').and_then(|(stem, _)| stem.rsplit_once('-')) else {
        return false;
    };
    hash.len() == HASH_LENGTH && hash.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// Returns whether the version of which a client has a part (`If-Range`, RFC 9110 section 13.1.5) is the
/// one in the folder; true without the header.
async fn is_same_version(folder: &Folder, uri: &Uri, headers: &HeaderMap) -> bool {
    let Some(version) = headers.get(header::IF_RANGE) else { return true };
    let mut about = Request::new(Body::empty());
    (*about.method_mut(), *about.uri_mut()) = (Method::HEAD, uri.clone());
    let Ok(about) = folder.clone().oneshot(about).await;
    // `ServeDir` makes strong entity tags; a weak one of the client's thus equals none.
    [header::ETAG, header::LAST_MODIFIED].iter().any(|name| about.headers().get(name) == Some(version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_long_and_empty_names_are_not_plain() {
        for path in ["/", "/a", "/a/", "/a/b.c", "/data/x.y.jpg", "/a..b", "/../a", "/a%2fb"] {
            assert!(is_plain(path), "{path}");
        }
        let long = format!("/{}", "a".repeat(256));
        for path in ["//", "//a", "/a//b", "/%2fa", "/.env", "/data/.git/config", "/%2eenv", &long] {
            assert!(!is_plain(path), "{path}");
        }
    }

    #[test]
    fn names_with_a_hash_are_recognised_below_assets() {
        for path in ["/assets/viewer-ABCD2345.js", "/assets/a/b-c-ZZZZZZZZ.wasm", "/assets/a-ABCDEFGH.js.map"]
        {
            assert!(has_hash(path), "{path}");
        }
        for path in [
            "/assets/viewer.js",
            "/assets/viewer-ABCD234.js",
            "/assets/viewer-abcdefgh.js",
            "/assets/viewer-ABCD2345",
            "/assets/",
            "/viewer-ABCD2345.js",
            "/data/assets/viewer-ABCD2345.js",
        ] {
            assert!(!has_hash(path), "{path}");
        }
    }
}
