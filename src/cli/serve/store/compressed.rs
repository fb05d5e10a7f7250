//! Compresses files when a client first asks for a compressed variant, and keeps the variants in
//! bounded memory.
//!
//! It is a file system for `ServeDir`, which asks it for `file.br` and `file.gz`: entity tags,
//! conditional requests and the choice of the encoding thus work as for precompressed files. A request
//! for `file.br` itself gets the variant, too.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Cursor, Write as _};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;

use axum::body::Bytes;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use tokio::io::{AsyncRead, AsyncSeek, ReadBuf};
use tower_http::services::fs::{Backend, File, Metadata, TokioBackend};

/// Extensions of files that shrink; images and Parquet are compressed already.
const COMPRESSIBLE: [&str; 12] =
    ["html", "css", "js", "mjs", "json", "jsonl", "wasm", "svg", "txt", "md", "map", "onnx"];
/// Size from which a file is compressed, in bytes: a smaller one fits into one packet anyway.
const MIN_BYTES: u64 = 1 << 10;
/// Size up to which a file is compressed, in bytes: it is read into memory.
const MAX_BYTES: u64 = 32 << 20;
/// Size from which Brotli compresses faster and a little less, in bytes.
const LARGE: usize = 4 << 20;
/// Memory budget of the variants, in bytes.
const BUDGET: u64 = 64 << 20;
/// A variant must save at least one byte in this many.
const MIN_SAVING: usize = 20;

/// Reads files from disk and, where no compressed variant lies beside one, compresses it.
#[derive(Clone)]
pub(crate) struct CompressingBackend {
    disk: TokioBackend,
    /// The folder in which every file must lie, symbolic links resolved; anywhere, if there is none.
    within: Option<Arc<Path>>,
    /// `None` for a file that does not shrink.
    variants: Cache<Version, Option<Bytes>>,
}

/// A variant's path and the date and length of the file that it is made from.
type Version = (PathBuf, SystemTime, u64);

/// An opened file: on disk, or a variant in memory.
pub(crate) struct Opened {
    content: Pin<Box<dyn ReadSeek + Send + Sync>>,
    attributes: Attributes,
}

/// The attributes of a file that `ServeDir` reads.
#[derive(Clone)]
pub(crate) struct Attributes {
    is_dir: bool,
    modified: Option<SystemTime>,
    length: u64,
}

trait ReadSeek: AsyncRead + AsyncSeek {}
impl<T: AsyncRead + AsyncSeek> ReadSeek for T {}

type Boxed<T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send>>;

impl CompressingBackend {
    pub(crate) fn new() -> Self {
        let weigh = |(path, ..): &Version, variant: &Option<Bytes>| {
            let bytes = path.as_os_str().len() + variant.as_ref().map_or(0, Bytes::len);
            u32::try_from(bytes).unwrap_or(u32::MAX)
        };
        let variants = Cache::builder()
            .max_capacity(BUDGET)
            .weigher(weigh)
            .eviction_policy(EvictionPolicy::lru())
            .build();
        Self { disk: TokioBackend, within: None, variants }
    }

    /// Returns the same with files outside a folder missing, also where symbolic links in it lead to them.
    pub(crate) fn within(&self, folder: &Path) -> Self {
        Self { within: Some(folder.into()), ..self.clone() }
    }

    /// Returns an error for a file that is missing, or not where files must lie.
    async fn check_place(&self, path: &Path) -> io::Result<()> {
        let Some(folder) = &self.within else { return Ok(()) };
        let (folder, path) = (Arc::clone(folder), path.to_path_buf());
        let resolved = tokio::task::spawn_blocking(move || {
            Ok::<_, io::Error>(path.canonicalize()?.starts_with(folder.canonicalize()?))
        });
        if resolved.await.map_err(io::Error::other)?? {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::NotFound, "a link leads out of the folder"))
    }

    /// Returns the variant of the file that `path` without `.br` or `.gz` names.
    async fn variant(&self, path: PathBuf) -> io::Result<Option<(Bytes, SystemTime)>> {
        let Some((file, encoding)) = encoded(&path) else { return Ok(None) };
        if self.check_place(&file).await.is_err() {
            return Ok(None);
        }
        let variants = self.variants.clone();
        let compressed = tokio::task::spawn_blocking(move || {
            if encoding.others().any(|other| beside(&file, other).exists()) {
                return Ok(None);
            }
            let about = match fs::metadata(&file) {
                Ok(about) if about.is_file() && (MIN_BYTES..=MAX_BYTES).contains(&about.len()) => about,
                _ => return Ok(None),
            };
            let modified = about.modified()?;
            // Two first visitors wait for one compression.
            let variant = variants
                .try_get_with((path, modified, about.len()), || encoding.compress(&fs::read(&file)?))
                .map_err(io::Error::other)?;
            Ok(variant.map(|bytes| (bytes, modified)))
        });
        compressed.await.map_err(io::Error::other)?
    }
}

impl Backend for CompressingBackend {
    type File = Opened;
    type Metadata = Attributes;
    type OpenFuture = Boxed<Opened>;
    type MetadataFuture = Boxed<Attributes>;

    fn open(&self, path: PathBuf) -> Self::OpenFuture {
        let this = self.clone();
        Box::pin(async move {
            let opened = match this.check_place(&path).await {
                Ok(()) => this.disk.open(path.clone()).await,
                Err(error) => Err(error),
            };
            match opened {
                Ok(file) => {
                    let attributes = (&file.metadata().await?).into();
                    Ok(Opened { content: Box::pin(file), attributes })
                }
                Err(missing) => {
                    let (bytes, modified) = this.variant(path).await?.ok_or(missing)?;
                    let attributes = Attributes::of_variant(&bytes, modified);
                    Ok(Opened { content: Box::pin(Cursor::new(bytes)), attributes })
                }
            }
        })
    }

    fn metadata(&self, path: PathBuf) -> Self::MetadataFuture {
        let this = self.clone();
        Box::pin(async move {
            let metadata = match this.check_place(&path).await {
                Ok(()) => this.disk.metadata(path.clone()).await,
                Err(error) => Err(error),
            };
            match metadata {
                Ok(metadata) => Ok((&metadata).into()),
                Err(missing) => {
                    let (bytes, modified) = this.variant(path).await?.ok_or(missing)?;
                    Ok(Attributes::of_variant(&bytes, modified))
                }
            }
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Brotli,
    Gzip,
}

impl Encoding {
    const ALL: [Self; 2] = [Self::Brotli, Self::Gzip];

    fn extension(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gz",
        }
    }

    fn others(self) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |other| *other != self)
    }

    /// Compresses at a quality that delays a first visitor little; the highest would take far longer and save
    /// little more. Returns `None` where it saves too little.
    fn compress(self, bytes: &[u8]) -> io::Result<Option<Bytes>> {
        let mut compressed = Vec::new();
        match self {
            Self::Brotli => {
                let quality = if bytes.len() < LARGE { 5 } else { 4 };
                let params = brotli::enc::BrotliEncoderParams {
                    quality,
                    size_hint: bytes.len(),
                    ..Default::default()
                };
                brotli::BrotliCompress(&mut &*bytes, &mut compressed, &params)?;
            }
            Self::Gzip => {
                let mut encoder =
                    flate2::write::GzEncoder::new(&mut compressed, flate2::Compression::default());
                encoder.write_all(bytes)?;
                encoder.finish()?;
            }
        }
        let shrinks = compressed.len() <= bytes.len() - bytes.len() / MIN_SAVING;
        Ok(shrinks.then(|| compressed.into()))
    }
}

/// The file and the encoding of a variant's path, where such a file is worth compressing.
fn encoded(path: &Path) -> Option<(PathBuf, Encoding)> {
    let extension = path.extension()?;
    let encoding = Encoding::ALL.into_iter().find(|encoding| extension == encoding.extension())?;
    let file = path.with_extension("");
    let extension = file.extension().and_then(OsStr::to_str)?;
    COMPRESSIBLE.contains(&extension).then_some((file, encoding))
}

fn beside(file: &Path, encoding: Encoding) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(".");
    path.push(encoding.extension());
    path.into()
}

impl AsyncRead for Opened {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.content.as_mut().poll_read(context, into)
    }
}

impl AsyncSeek for Opened {
    fn start_seek(mut self: Pin<&mut Self>, position: io::SeekFrom) -> io::Result<()> {
        self.content.as_mut().start_seek(position)
    }

    fn poll_complete(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<u64>> {
        self.content.as_mut().poll_complete(context)
    }
}

impl File for Opened {
    type Metadata = Attributes;
    type MetadataFuture<'a> = std::future::Ready<io::Result<Attributes>>;

    fn metadata(&self) -> Self::MetadataFuture<'_> {
        std::future::ready(Ok(self.attributes.clone()))
    }
}

impl Attributes {
    fn of_variant(bytes: &Bytes, modified: SystemTime) -> Self {
        Self { is_dir: false, modified: Some(modified), length: bytes.len() as u64 }
    }
}

impl From<&fs::Metadata> for Attributes {
    fn from(metadata: &fs::Metadata) -> Self {
        let modified = metadata.modified().ok();
        Self { is_dir: metadata.is_dir(), modified, length: metadata.len() }
    }
}

impl Metadata for Attributes {
    fn is_dir(&self) -> bool {
        self.is_dir
    }

    fn modified(&self) -> io::Result<SystemTime> {
        self.modified.ok_or_else(|| io::ErrorKind::Unsupported.into())
    }

    fn len(&self) -> u64 {
        self.length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_variants_of_compressible_files_have_an_encoding() {
        for (path, expected) in [
            ("a/page.js.br", Some(("a/page.js", Encoding::Brotli))),
            ("page.wasm.gz", Some(("page.wasm", Encoding::Gzip))),
            ("page.js", None),
            ("photo.jpg.br", None),
            ("page.js.br.br", None),
            ("br", None),
        ] {
            let expected = expected.map(|(file, encoding)| (PathBuf::from(file), encoding));
            assert_eq!(encoded(Path::new(path)), expected, "{path}");
        }
    }

    #[tokio::test]
    async fn a_file_is_compressed_once_and_again_when_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let (file, variant) = (folder.path().join("a.txt"), folder.path().join("a.txt.br"));
        let backend = CompressingBackend::new();
        assert!(backend.variant(variant.clone()).await.unwrap().is_none(), "there is no file");
        fs::write(&file, "masks ".repeat(1000)).unwrap();
        let (first, _) = backend.variant(variant.clone()).await.unwrap().unwrap();
        let (second, _) = backend.variant(variant.clone()).await.unwrap().unwrap();
        assert_eq!(first.as_ptr(), second.as_ptr(), "the kept bytes");
        fs::write(&file, "other masks ".repeat(1000)).unwrap();
        assert_ne!(backend.variant(variant).await.unwrap().unwrap().0, first);
    }

    #[tokio::test]
    async fn a_file_that_does_not_shrink_has_no_variant() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = 1_u32;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .take(4096)
        .collect();
        for (name, bytes) in [("noise.json", &noise[..]), ("short.json", &[b' '; 1023])] {
            fs::write(folder.path().join(name), bytes).unwrap();
            for extension in ["br", "gz"] {
                let path = folder.path().join(format!("{name}.{extension}"));
                assert!(CompressingBackend::new().variant(path).await.unwrap().is_none(), "{name}");
            }
        }
    }
}
