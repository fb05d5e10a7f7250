//! The manifest of a pack: its files, its images, and the header of its catalog.

use serde::{Deserialize, Serialize};

use crate::dataset::catalog::Header;

/// Name of the manifest in a pack.
pub const MANIFEST: &str = "manifest.json";
/// Value of [`Manifest::format`].
pub const FORMAT: &str = "masklink-pack";

/// The manifest of a pack.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: String,
    /// The program that wrote the pack.
    pub created_by: String,
    /// The title for people.
    pub title: String,
    /// Address of an image, with `{file_name}` and `{image_id}`; relative to the pack unless absolute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images: Option<String>,
    /// Whether records have thumbnails.
    #[serde(default)]
    pub thumbnails: bool,
    /// The catalog's header.
    pub catalog: Header,
    /// Every file of the pack but the manifest.
    pub files: Vec<PackFile>,
}

/// A file of a pack.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct PackFile {
    /// Path in the pack, with forward slashes.
    pub file: String,
    /// Its length.
    pub bytes: u64,
    /// The SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
}

impl Manifest {
    /// Parses a manifest.
    pub fn parse(json: &[u8]) -> Result<Self, ManifestError> {
        let manifest: Self = serde_json::from_slice(json)
            .map_err(|error| ManifestError::Json { reason: error.to_string() })?;
        if manifest.format != FORMAT {
            return Err(ManifestError::Format { actual: manifest.format });
        }
        let pieces = manifest.catalog.parts.values().flatten().map(|piece| &piece.file);
        if let Some(file) =
            manifest.files.iter().map(|file| &file.file).chain(pieces).find(|file| !is_inside(file))
        {
            return Err(ManifestError::Path { file: file.clone() });
        }
        Ok(manifest)
    }

    /// Returns the length of a file by the manifest.
    pub fn bytes_of(&self, file: &str) -> Option<u64> {
        self.files.iter().find(|known| known.file == file).map(|known| known.bytes)
    }
}

/// Returns whether a path with forward slashes leads to a file inside the pack.
fn is_inside(path: &str) -> bool {
    !path.contains(['\\', ':']) && path.split('/').all(|name| !matches!(name, "" | "." | ".."))
}

/// Says why a manifest could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The file is not a manifest.
    #[error("the manifest is not valid: {reason}")]
    Json {
        /// The parser's message.
        reason: String,
    },
    /// A file is outside the pack.
    #[error("the manifest names {file:?}, which is not inside the pack")]
    Path {
        /// The path found.
        file: String,
    },
    /// The file is a manifest of something else.
    #[error("the manifest is of {actual:?} and not of {FORMAT:?}")]
    Format {
        /// The format found.
        actual: String,
    },
}
