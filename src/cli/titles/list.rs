//! The titles of entities in memory, sorted by QID, and the readers of the files that hold them.

use std::cmp::Ordering;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Context as _, anyhow};
use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::cli::sha256;
use crate::link::index::folder;
use crate::link::index::header::Limits;

/// Maximum length of a line in bytes; the rest of a longer one is skipped.
const MAX_LINE: u64 = 64 << 10;
/// Maximum length of an id in bytes.
const MAX_ID: usize = u8::MAX as usize;
/// Maximum length of a title in bytes: Wikipedia allows 255.
const MAX_TITLE: usize = 1024;

/// A line of `Wiki6M_ver_1_0_title_only.jsonl`.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    wikidata_id: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    wikipedia_title: std::borrow::Cow<'a, str>,
}

/// Ids and titles of entities, in one text.
#[derive(Debug, Default)]
pub struct TitleList {
    text: String,
    entries: Vec<Entry>,
}

/// The place of an id and of the title right after it.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// The number of a QID; the maximum for any other id.
    number: u64,
    start: u32,
    end: u32,
    id_length: u8,
}

impl TitleList {
    /// Adds an entity. Returns whether it was added: an id or title that is empty or too long, or that would
    /// make the list longer than 4 GiB, is not.
    pub fn push(&mut self, id: &str, title: &str) -> bool {
        let fits = (1..=MAX_ID).contains(&id.len()) && (1..=MAX_TITLE).contains(&title.len());
        let end = u32::try_from(self.text.len() + id.len() + title.len());
        let (true, Ok(end), Ok(id_length)) = (fits, end, u8::try_from(id.len())) else { return false };
        let digits = id.strip_prefix('Q').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        let number = digits.and_then(|digits| digits.parse().ok()).unwrap_or(u64::MAX);
        // The text before is no longer than its end now.
        self.entries.push(Entry { number, start: self.text.len() as u32, end, id_length });
        self.text.push_str(id);
        self.text.push_str(title);
        true
    }

    /// Sorts by the number of the QID, other ids last by their letters, and keeps the first title of each id.
    /// Returns the number of titles removed.
    pub fn sort(&mut self) -> usize {
        let before = self.entries.len();
        let text = &self.text;
        let id = |entry: &Entry| &text[entry.start as usize..][..usize::from(entry.id_length)];
        // A stable sort: of titles of one id the first stays first.
        self.entries.sort_by(|a, b| match a.number.cmp(&b.number) {
            Ordering::Equal => id(a).cmp(id(b)),
            order => order,
        });
        self.entries.dedup_by(|a, b| id(a) == id(b));
        before - self.entries.len()
    }

    /// Returns the number of entities.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether there are no entities.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns ids and titles in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.entries.iter().map(|entry| {
            let both = &self.text[entry.start as usize..entry.end as usize];
            both.split_at(usize::from(entry.id_length))
        })
    }

    /// Returns the SHA-256 of the ids and titles in order, each after its length in 32 bits, in hexadecimal.
    pub fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        for text in self.iter().flat_map(|(id, title)| [id, title]) {
            // Ids and titles are shorter than 4 GiB.
            hash.update((text.len() as u32).to_le_bytes());
            hash.update(text);
        }
        sha256::hex(&hash.finalize())
    }
}

/// Reads the titles of a file of `Wiki6M`'s form, or of the folder of an index. Returns them sorted, with the
/// number of lines or entities skipped.
pub(super) fn read(path: &Path) -> anyhow::Result<(TitleList, usize)> {
    let mut list = TitleList::default();
    let mut skipped = 0;
    if path.is_dir() {
        let (index, _) = folder::read(path, Limits::default())?;
        for entity in index.entities() {
            skipped += usize::from(!list.push(&entity.qid, &entity.title));
        }
    } else {
        skipped = each_title(path, |id, title| list.push(id, title))?;
    }
    skipped += list.sort();
    if list.is_empty() {
        return Err(anyhow!(
            "{} has no titles: give JSON lines of wikidata_id and wikipedia_title, or the \
                            folder of an index",
            path.display()
        ));
    }
    Ok((list, skipped))
}

/// Calls `take` with the id and the title of each line of a file of `Wiki6M`'s form, gzip or plain. Returns
/// the number of lines that are none, or that `take` refuses; empty lines do not count.
pub(in crate::cli) fn each_title(
    path: &Path,
    mut take: impl FnMut(&str, &str) -> bool,
) -> anyhow::Result<usize> {
    let context = || path.display().to_string();
    let file = File::open(path).with_context(context)?;
    let is_gzip = path.extension().is_some_and(|extension| extension == "gz");
    let stream: Box<dyn Read> = if is_gzip { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    let mut reader = BufReader::with_capacity(1 << 20, stream);
    let (mut line, mut skipped) = (Vec::new(), 0);
    while read_line(&mut reader, &mut line).with_context(context)? {
        let is_title = serde_json::from_slice::<Line<'_>>(&line).is_ok_and(|line| {
            !line.wikipedia_title.is_empty() && take(&line.wikidata_id, &line.wikipedia_title)
        });
        skipped += usize::from(!is_title && !line.iter().all(u8::is_ascii_whitespace));
    }
    Ok(skipped)
}

/// Reads a line, or its first [`MAX_LINE`] bytes and skips the rest. Returns `false` at the end.
fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    if reader.by_ref().take(MAX_LINE).read_until(b'\n', line)? == 0 {
        return Ok(false);
    }
    if line.last() != Some(&b'\n') {
        reader.skip_until(b'\n')?;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_sorted_by_the_number_of_the_qid() {
        let mut list = TitleList::default();
        for (id, title) in [("Q10", "ten"), ("other", "o"), ("Q9", "nine"), ("Q10", "again"), ("Qx", "x")] {
            assert!(list.push(id, title));
        }
        assert!(!list.push("", "no id") && !list.push("Q1", "") && !list.push("Q1", &"a".repeat(1025)));
        assert_eq!(list.sort(), 1);
        let sorted: Vec<_> = list.iter().collect();
        assert_eq!(sorted, [("Q9", "nine"), ("Q10", "ten"), ("Qx", "x"), ("other", "o")]);
    }

    #[test]
    fn lines_that_are_no_titles_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("titles.jsonl");
        let long = "x".repeat(MAX_LINE as usize);
        let text = format!(
            "{{\"wikidata_id\":\"Q2\",\"wikipedia_title\":\"Caf\\u00e9\"}}\n\nnot JSON\n\
             {{\"wikidata_id\":\"Q3\"}}\n\
             {{\"wikidata_id\":\"Q4\",\"wikipedia_title\":\"{long}\"}}\n\
             {{\"wikidata_id\":\"Q1\",\"wikipedia_title\":\"Last, without a line break\",\"more\":[]}}"
        );
        std::fs::write(&path, text).unwrap();
        let (list, skipped) = read(&path).unwrap();
        let titles: Vec<_> = list.iter().collect();
        assert_eq!(titles, [("Q1", "Last, without a line break"), ("Q2", "Café")]);
        assert_eq!(skipped, 3);
        std::fs::write(&path, "{}\n").unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("has no titles"));
    }
}
