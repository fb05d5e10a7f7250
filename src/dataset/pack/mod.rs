//! Packs: static folders of Parquet files with a catalog beside them, and how their records are stored.
//!
//! Writing is native (`cli::pack`); reading needs no Parquet library: the catalog says where each page of
//! masks lies, and [`page`] decodes that one kind of page.

pub mod block;
#[cfg(not(target_arch = "wasm32"))]
pub mod folder;
pub mod manifest;
pub mod page;
