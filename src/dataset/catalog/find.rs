//! Look-ups by the ids of annotations and images.

use super::format::{NEIGHBORS, NO_ROW, part};
use super::keys;
use super::read::{Catalog, CatalogError};
use super::records::RawRecord;
use super::storage::Storage;

/// Maximum number of annotations of one image that are read.
const MAX_OF_IMAGE: usize = 1000;

impl<S: Storage> Catalog<S> {
    /// Returns the record of the annotation with an id; `None` if there is none.
    pub async fn find(&self, id: &str) -> Result<Option<RawRecord>, CatalogError> {
        let mut rows = self.rows_by_hash(part::ID_DIRECTORY, part::IDS, id).await?;
        // A record without an id is shown by the number of its row.
        let number = id.strip_prefix('#').and_then(|number| number.parse::<u32>().ok());
        rows.extend(number.filter(|&row| row < self.header().annotations));
        for row in rows {
            let records = self.records(&[row]).await?;
            if let Some(record) = records.into_iter().find(|record| record.id().is_some_and(|own| own == id))
            {
                return Ok(Some(record));
            }
        }
        Ok(None)
    }

    /// Returns the records of an image's annotations by its id, at most 1,000 of them.
    pub async fn of_image(&self, image: &str) -> Result<Vec<RawRecord>, CatalogError> {
        if image.is_empty() {
            return Ok(Vec::new());
        }
        let mut rows = self.rows_by_hash(part::IMAGE_DIRECTORY, part::IMAGES, image).await?;
        rows.truncate(MAX_OF_IMAGE);
        let mut records = self.records(&rows).await?;
        records.retain(|record| record.image_id().is_some_and(|own| own == image));
        Ok(records)
    }

    /// Returns whether the catalog has [`neighbors`](Self::neighbors).
    pub fn has_neighbors(&self) -> bool {
        self.header().parts.contains_key(part::NEIGHBORS)
    }

    /// Returns the rows whose vectors are nearest to that of a row, nearest first; none where the row or the
    /// catalog has no vectors.
    pub async fn neighbors(&self, row: u32) -> Result<Vec<u32>, CatalogError> {
        let rows = self.header().annotations;
        if !self.has_neighbors() {
            return Ok(Vec::new());
        }
        if row >= rows {
            return Err(CatalogError::Row { row, rows });
        }
        let bytes = NEIGHBORS as u64 * 4;
        let stored = self.read(part::NEIGHBORS, u64::from(row) * bytes..(u64::from(row) + 1) * bytes).await?;
        let found = stored.chunks_exact(4).filter_map(|row| Some(u32::from_le_bytes(row.try_into().ok()?)));
        Ok(found.filter(|&row| row != NO_ROW && row < rows).collect())
    }

    async fn rows_by_hash(
        &self,
        directory: &'static str,
        entries: &'static str,
        id: &str,
    ) -> Result<Vec<u32>, CatalogError> {
        let table = self.whole(directory).await?;
        let hash = keys::hash_of(id);
        let does_not_fit = CatalogError::Part { part: directory, reason: "it is not a directory" };
        let bucket = keys::bucket(&table, hash).ok_or(does_not_fit)?;
        Ok(keys::rows(&self.read(entries, bucket).await?, hash))
    }
}
