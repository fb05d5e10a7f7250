//! The results of an evaluation in a file, so that one that was ended goes on where it was.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};

use crate::link::protocol::InIndex;

/// The evaluation, as the first line of its journal states it: results of another are no results of this one.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Run {
    pub(super) endpoint: String,
    /// Bytes of the annotation file.
    pub(super) annotations: u64,
    pub(super) splits: Vec<String>,
    pub(super) click: bool,
    pub(super) backend: Option<String>,
    /// The click model.
    pub(super) model: Option<String>,
    /// SHA-256 of the index's header.
    pub(super) index: Option<String>,
    /// SHA-256 of the file of aliases.
    pub(super) aliases: Option<String>,
    /// Frame of the masks on images that are turned.
    pub(super) turned_images: String,
}

/// The result of one mask that the endpoint has linked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct LinkedOutcome {
    /// Place of the right entity in the response, from 0.
    pub(super) rank: Option<usize>,
    /// Its place among the entities that are not broader ones.
    pub(super) narrow_rank: Option<usize>,
    /// Whether the right entity is in the index; `None` where the index is not at hand.
    pub(super) indexed: Option<bool>,
    /// The endpoint's own estimate of that.
    pub(super) in_index: Option<InIndex>,
    /// Time from the request to its response.
    pub(super) millis: f64,
}

/// One line: the place of an annotation among those evaluated, its id, and its result.
#[derive(Serialize, Deserialize)]
struct Line {
    at: usize,
    id: String,
    #[serde(flatten)]
    outcome: LinkedOutcome,
}

/// A file of JSON lines that grows by one for each result.
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    known: HashMap<usize, (String, LinkedOutcome)>,
}

impl Journal {
    /// Opens the journal of a run, or begins it. A last line that was cut off is forgotten.
    pub(super) fn open(path: &Path, run: &Run) -> anyhow::Result<Self> {
        let described = || path.display().to_string();
        let options = OpenOptions::new().read(true).append(true).create(true).open(path);
        let mut file = options.with_context(described)?;
        let (mut known, mut whole) = (HashMap::new(), 0);
        let mut reader = BufReader::new(&file);
        let mut line = Vec::new();
        // The last line may be cut within a character.
        while reader.read_until(b'\n', &mut line).with_context(described)? > 0 && line.ends_with(b"\n") {
            if whole == 0 {
                let kept: Run = serde_json::from_slice(&line).with_context(described)?;
                ensure!(
                    &kept == run,
                    "{} holds the results of another evaluation ({}): name another file",
                    path.display(),
                    String::from_utf8_lossy(&line).trim_end()
                );
            } else {
                let Line { at, id, outcome } = serde_json::from_slice(&line).with_context(described)?;
                known.insert(at, (id, outcome));
            }
            whole += line.len() as u64;
            line.clear();
        }
        file.set_len(whole).with_context(described)?;
        file.seek(SeekFrom::End(0)).with_context(described)?;
        if whole == 0 {
            writeln!(file, "{}", serde_json::to_string(run)?).with_context(described)?;
        }
        Ok(Self { path: path.to_owned(), file, known })
    }

    /// Returns the result of an annotation that is in the file.
    pub(super) fn outcome(&self, at: usize, id: &str) -> Option<LinkedOutcome> {
        self.known.get(&at).filter(|(known, _)| known == id).map(|(_, outcome)| outcome.clone())
    }

    /// Adds the result of an annotation.
    pub(super) fn add(&mut self, at: usize, id: &str, outcome: &LinkedOutcome) -> anyhow::Result<()> {
        let mut line = serde_json::to_string(&Line { at, id: id.to_owned(), outcome: outcome.clone() })?;
        line.push('\n');
        // One write, so that an end in the middle leaves at most this line cut off.
        self.file.write_all(line.as_bytes()).with_context(|| self.path.display().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> Run {
        Run { endpoint: "http://a/".to_owned(), annotations: 7, ..Run::default() }
    }

    #[test]
    fn journal_goes_on_after_a_line_that_was_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.jsonl");
        let outcome = |rank| LinkedOutcome {
            rank: Some(rank),
            narrow_rank: None,
            indexed: Some(true),
            in_index: None,
            millis: 1.5,
        };
        let mut journal = Journal::open(&path, &run()).unwrap();
        journal.add(0, "a", &outcome(3)).unwrap();
        journal.add(5, "b", &outcome(0)).unwrap();
        drop(journal);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 4]).unwrap();
        let mut journal = Journal::open(&path, &run()).unwrap();
        assert_eq!(journal.outcome(0, "a"), Some(outcome(3)));
        assert_eq!(journal.outcome(0, "another"), None);
        assert_eq!(journal.outcome(5, "b"), None, "it was cut off");
        journal.add(5, "b", &outcome(1)).unwrap();
        assert_eq!(Journal::open(&path, &run()).unwrap().outcome(5, "b"), Some(outcome(1)));
        for other in [Run { click: true, ..run() }, Run { backend: Some("qdrant".to_owned()), ..run() }] {
            let refused = Journal::open(&path, &other).err().unwrap().to_string();
            assert!(refused.contains("another evaluation"), "{refused}");
        }
    }
}
