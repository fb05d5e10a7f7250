//! Uploaded images by content: decoded ones in bounded memory, encoded ones in a folder if wanted.

pub(super) mod folder;
pub(super) mod memory;
