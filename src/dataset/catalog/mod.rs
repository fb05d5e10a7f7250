//! Finds, filters and pages the annotations of a dataset of any size, reading only what is shown.
//!
//! A [`Catalog`] has a row for each annotation, sorted by entity. Its header counts every combination of
//! facets, so that counts cost no request; the codes of the rows are read block by block where rows are
//! listed; hashes lead from ids to rows. The records themselves come from one of two places: the original
//! JSON file, by their positions, or the pages of a pack. A [`CatalogScan`] makes the catalog of a JSON file
//! in one pass; `masklink pack` makes that of a pack.

mod batch;
mod build;
mod entities;
mod facets;
mod file_pattern;
mod find;
mod format;
pub mod http;
mod item;
mod keys;
mod read;
mod records;
mod scan;
mod select;
mod storage;

pub use batch::{AnnotationBatch, MeasuredAnnotation, MeasuredRow, measure_rows};
pub use build::{
    BuiltCatalog, CellCodes, Part, blocks_part, entities_part, entity_order, id_parts, image_parts,
    neighbors_part,
};
pub use entities::{EntityColumns, EntityHit};
pub use facets::{CatalogOrder, Cell, Facets, Filter, Measures, SplitName, split_index};
pub use format::{
    BLOCK_ROWS, Header, Input, MAGIC, NEIGHBORS, NO_ROW, PageFile, Piece, ProblemCount, Records,
};
pub use item::{Item, ItemPage};
pub use keys::{hash_of, hash64_of};
pub use read::{Catalog, CatalogError};
pub use records::{ORIGINAL, RawRecord};
pub use scan::{CatalogScan, ScanProgress, add_problem, count_problem, has_categories};
pub use select::Selection;
pub use storage::{Storage, StorageError};
