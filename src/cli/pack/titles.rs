//! Reads names of entities from the file of titles of `Wiki6M`.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use anyhow::Context;
use flate2::read::MultiGzDecoder;
use serde::Deserialize;

/// A line of `Wiki6M_ver_1_0_title_only.jsonl`.
#[derive(Deserialize)]
struct Line {
    wikidata_id: String,
    wikipedia_title: String,
}

/// Sets the names of the given entities to those of the file. Lines that are not entities are skipped.
pub(super) fn add(
    path: &Path,
    entities: &HashSet<String>,
    titles: &mut HashMap<String, String>,
) -> anyhow::Result<()> {
    let context = || path.display().to_string();
    let file = File::open(path).with_context(context)?;
    let is_gzip = path.extension().is_some_and(|extension| extension == "gz");
    let stream: Box<dyn Read> = if is_gzip { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    let (mut named, mut skipped) = (0, 0);
    for line in BufReader::with_capacity(1 << 20, stream).split(b'\n') {
        let line = line.with_context(context)?;
        match serde_json::from_slice::<Line>(&line) {
            Ok(Line { wikidata_id, wikipedia_title }) => {
                if entities.contains(&wikidata_id) && !wikipedia_title.is_empty() {
                    titles.insert(wikidata_id, wikipedia_title);
                    named += 1;
                }
            }
            Err(_) if line.iter().all(u8::is_ascii_whitespace) => {}
            Err(_) => skipped += 1,
        }
    }
    eprintln!("{}: names of {named} entities; {skipped} lines skipped", path.display());
    Ok(())
}
