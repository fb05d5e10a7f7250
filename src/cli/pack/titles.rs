//! Reads names of entities from the file of titles of `Wiki6M`.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use crate::cli::titles::each_title;

/// Sets the names of the given entities to those of the file. Lines that are not entities are skipped.
pub(super) fn add(
    path: &Path,
    entities: &HashSet<String>,
    titles: &mut HashMap<String, String>,
) -> anyhow::Result<()> {
    let mut named = 0;
    let skipped = each_title(path, |id, title| {
        if entities.contains(id) {
            titles.insert(id.to_owned(), title.to_owned());
            named += 1;
        }
        true
    })?;
    eprintln!("{}: names of {named} entities; {skipped} lines skipped", path.display());
    Ok(())
}
