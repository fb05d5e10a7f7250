//! The results of an evaluation in a file, so that one that was ended goes on where it was.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};

use crate::cli::file_lock;
use crate::link::protocol::{InIndex, ModelInfo};

/// Maximum length of a line in bytes.
const MAX_LINE: usize = 1 << 20;
/// The fault of a file that holds something else.
const NO_JOURNAL: &str = "it is no journal of an evaluation: name another file";

/// The evaluation, as the first line of its journal states it: results of another are no results of this one.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Run {
    pub(super) endpoint: String,
    /// SHA-256 of the annotation file.
    pub(super) annotations: String,
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

/// The encoder and index that computed a response. Results of different ones are not of one evaluation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct AnsweredBy {
    encoder: String,
    encoder_sha256: String,
    index_sha256: String,
}

impl From<&ModelInfo> for AnsweredBy {
    fn from(model: &ModelInfo) -> Self {
        let ModelInfo { encoder, encoder_sha256, index_sha256, .. } = model.clone();
        Self { encoder, encoder_sha256, index_sha256 }
    }
}

/// One line: the place of an annotation among those evaluated, its id, and its result.
#[derive(Serialize, Deserialize)]
struct Line {
    at: usize,
    id: String,
    #[serde(flatten)]
    outcome: LinkedOutcome,
}

/// A file of JSON lines: the evaluation, the encoder and index that its first result is of, and a line for
/// each result.
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    answered_by: Option<AnsweredBy>,
    known: HashMap<usize, (String, LinkedOutcome)>,
}

impl Journal {
    /// Opens the journal of an evaluation, or begins it in a file that is missing or empty. A last line that
    /// was cut off is removed. Fails while another process has it open, and leaves a file as it is that is no
    /// journal of this evaluation.
    pub(super) fn open(path: &Path, run: &Run) -> anyhow::Result<Self> {
        let described = || path.display().to_string();
        let options = OpenOptions::new().read(true).append(true).create(true).open(path);
        let file = options.with_context(described)?;
        file_lock::hold(&file, path, "another evaluation writes it; wait until it has ended")?;
        let mut journal = Self { path: path.to_owned(), file, answered_by: None, known: HashMap::new() };
        let first = to_line(run)?;
        let whole = journal.read_known(run, &first).with_context(described)?;
        journal.file.set_len(whole).with_context(described)?;
        if whole == 0 {
            journal.file.write_all(first.as_bytes()).with_context(described)?;
        }
        Ok(journal)
    }

    /// Reads the results. Returns the number of bytes of whole lines.
    fn read_known(&mut self, run: &Run, first: &str) -> anyhow::Result<u64> {
        let mut reader = BufReader::new(&self.file);
        let (mut line, mut whole) = (Vec::new(), 0);
        while is_whole_line(&mut reader, &mut line)? {
            if whole == 0 {
                let mut kept: Run = serde_json::from_slice(&line).context(NO_JOURNAL)?;
                kept.endpoint.truncate(kept.endpoint.trim_end_matches('/').len());
                ensure!(
                    &kept == run,
                    "it holds the results of another evaluation ({}): name another file",
                    differences(&kept, run)?
                );
            } else if self.answered_by.is_none() {
                self.answered_by = Some(serde_json::from_slice(&line)?);
            } else {
                let Line { at, id, outcome } = serde_json::from_slice(&line)?;
                self.known.insert(at, (id, outcome));
            }
            whole += line.len() as u64;
        }
        // The rest is of a line that was being written: of the first one its text is known.
        let is_cut_off = line.len() < MAX_LINE && (whole > 0 || first.as_bytes().starts_with(&line));
        ensure!(is_cut_off, NO_JOURNAL);
        Ok(whole)
    }

    /// Returns the result of an annotation that is in the file.
    pub(super) fn outcome(&self, at: usize, id: &str) -> Option<LinkedOutcome> {
        self.known.get(&at).filter(|(known, _)| known == id).map(|(_, outcome)| outcome.clone())
    }

    /// Adds the result of an annotation. Fails where another encoder or index computed those before.
    pub(super) fn add(
        &mut self,
        at: usize,
        id: &str,
        outcome: &LinkedOutcome,
        answered_by: &AnsweredBy,
    ) -> anyhow::Result<()> {
        let mut lines = String::new();
        match &self.answered_by {
            None => lines = to_line(answered_by)?,
            Some(before) => ensure!(
                before == answered_by,
                "the endpoint's encoder or index is now {}, but {} holds results of {}: name another file",
                to_line(answered_by)?.trim_end(),
                self.path.display(),
                to_line(before)?.trim_end()
            ),
        }
        lines += &to_line(&Line { at, id: id.to_owned(), outcome: outcome.clone() })?;
        // One write, so that an end in the middle leaves at most one line cut off.
        self.file.write_all(lines.as_bytes()).with_context(|| self.path.display().to_string())?;
        self.answered_by.get_or_insert_with(|| answered_by.clone());
        Ok(())
    }
}

/// Lists the fields in which two evaluations differ, with both values.
fn differences(kept: &Run, now: &Run) -> anyhow::Result<String> {
    let [kept, now] = [serde_json::to_value(kept)?, serde_json::to_value(now)?];
    let fields = kept.as_object().into_iter().flatten().filter(|(name, value)| now[*name] != **value);
    let described: Vec<_> =
        fields.map(|(name, value)| format!("{name}: {value} there, {} now", now[name])).collect();
    Ok(described.join("; "))
}

fn to_line(value: &impl Serialize) -> anyhow::Result<String> {
    Ok(serde_json::to_string(value)? + "\n")
}

/// Reads a line, at most [`MAX_LINE`] bytes of it. Returns whether it is whole; it is empty at the end.
fn is_whole_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    // The last line may be cut within a character.
    reader.take(MAX_LINE as u64).read_until(b'\n', line)?;
    Ok(line.ends_with(b"\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> Run {
        Run { endpoint: "http://a".to_owned(), annotations: "07".to_owned(), ..Run::default() }
    }

    fn answered_by(index_sha256: &str) -> AnsweredBy {
        AnsweredBy::from(&ModelInfo { index_sha256: index_sha256.to_owned(), ..ModelInfo::default() })
    }

    fn outcome(rank: usize) -> LinkedOutcome {
        LinkedOutcome {
            rank: Some(rank),
            narrow_rank: None,
            indexed: Some(true),
            in_index: None,
            millis: 1.5,
        }
    }

    fn refusal(path: &Path, run: &Run) -> String {
        format!("{:#}", Journal::open(path, run).err().unwrap())
    }

    #[test]
    fn journal_goes_on_after_a_line_that_was_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.jsonl");
        let index = answered_by("1");
        let mut journal = Journal::open(&path, &run()).unwrap();
        journal.add(0, "a", &outcome(3), &index).unwrap();
        journal.add(5, "b", &outcome(0), &index).unwrap();
        assert!(refusal(&path, &run()).contains("another evaluation writes it"));
        drop(journal);
        let whole = std::fs::read(&path).unwrap();
        let ends: Vec<_> = (0..whole.len()).filter(|&at| whole[at] == b'\n').map(|at| at + 1).collect();
        assert_eq!(ends.len(), 4);
        for cut in 0..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let mut journal = Journal::open(&path, &run()).unwrap();
            assert_eq!(journal.outcome(0, "a"), (cut >= ends[2]).then(|| outcome(3)), "{cut}");
            assert_eq!(journal.outcome(0, "another"), None);
            assert_eq!(journal.outcome(5, "b"), None, "it was cut off");
            journal.add(5, "b", &outcome(1), &index).unwrap();
            drop(journal);
            assert_eq!(Journal::open(&path, &run()).unwrap().outcome(5, "b"), Some(outcome(1)), "{cut}");
        }
        let annotations = "08".to_owned();
        for (other, difference) in [
            (Run { click: true, ..run() }, "(click: false there, true now)"),
            (Run { backend: Some("qdrant".to_owned()), ..run() }, "(backend: null there, \"qdrant\" now)"),
            (Run { annotations, ..run() }, "(annotations: \"07\" there, \"08\" now)"),
        ] {
            let refused = refusal(&path, &other);
            let expected = format!("another evaluation {difference}: name another");
            assert!(refused.contains(&expected) && refused.contains("run.jsonl"), "{refused}");
        }
    }

    #[test]
    fn slash_at_the_end_of_a_kept_address_makes_no_other_evaluation() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.jsonl");
        let kept = Run { endpoint: "http://a/".to_owned(), ..run() };
        std::fs::write(&path, to_line(&kept).unwrap()).unwrap();
        Journal::open(&path, &run()).unwrap();
        let refused = refusal(&path, &Run { endpoint: "http://b".to_owned(), ..run() });
        assert!(refused.contains("(endpoint: \"http://a\" there, \"http://b\" now)"), "{refused}");
    }

    #[test]
    fn files_that_are_no_journals_stay_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("annotations.json");
        let other = to_line(&Run { endpoint: "http://b/".to_owned(), ..run() }).unwrap();
        let long = [to_line(&run()).unwrap(), "x".repeat(MAX_LINE)].concat();
        for text in ["{\"images\":[]}", "{\"images\":[]}\n", "\n", "{", &other, other.trim_end(), &long] {
            std::fs::write(&path, text).unwrap();
            let opened = Journal::open(&path, &run());
            if text == "{" {
                // It may be the beginning of a journal.
                opened.unwrap();
                continue;
            }
            let refused = format!("{:#}", opened.err().unwrap());
            assert!(refused.contains("name another file"), "{refused}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn results_of_another_index_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.jsonl");
        let mut journal = Journal::open(&path, &run()).unwrap();
        journal.add(0, "a", &outcome(3), &answered_by("1")).unwrap();
        drop(journal);
        let mut journal = Journal::open(&path, &run()).unwrap();
        let refused = journal.add(1, "b", &outcome(0), &answered_by("2")).unwrap_err().to_string();
        assert!(refused.contains("\"index_sha256\":\"2\"") && refused.contains("name another"), "{refused}");
        journal.add(1, "b", &outcome(0), &answered_by("1")).unwrap();
        drop(journal);
        let journal = Journal::open(&path, &run()).unwrap();
        assert_eq!((journal.outcome(0, "a"), journal.outcome(1, "b")), (Some(outcome(3)), Some(outcome(0))));
    }
}
