//! The index of titles on disk: BM25 over the words of entity names, by tantivy.
//!
//! A folder holds `titles.json`, which names the folder of tantivy's files beside it and is written last, by
//! a rename: an index is whole or absent, and one that is replaced stays readable until then. Titles are
//! indexed in the order of their QIDs and in one segment, so that equal scores keep that order.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tantivy::collector::TopDocs;
use tantivy::query::{Bm25StatisticsProvider as _, Bm25Weight, BooleanQuery};
use tantivy::schema::{Field, IndexRecordOption, STORED, Schema, TextFieldIndexing, TextOptions, Value as _};
use tantivy::tokenizer::{
    AsciiFoldingFilter, LowerCaser, RemoveLongFilter, SimpleTokenizer, TextAnalyzer, TokenizerManager,
};
use tantivy::{DocAddress, IndexReader, ReloadPolicy, Searcher, TantivyDocument, Term};

use super::list::TitleList;
use super::read_only::ReadOnly;
use crate::link::index::folder::{FolderError, lock, write_file};
use crate::link::protocol::sha256_hex;

/// File name of the header.
pub const HEADER: &str = "titles.json";
/// Maximum length of a header in bytes.
const MAX_HEADER: u64 = 1 << 16;
/// Prefix of the folders of tantivy's files.
const PARTS: &str = "names-";
/// Format and version that the header states.
const FORMAT: (&str, u32) = ("masklink titles", 2);
/// Name of the tokenizer in tantivy's schema.
const WORDS: &str = "words";
/// Expected memory of building in bytes, from which tantivy chooses the size of its tables.
const BUILD_MEMORY: usize = 512 << 20;
/// Maximum number of words of a query; further ones are ignored.
const MAX_QUERY_WORDS: usize = 32;
/// Maximum length of a word in bytes; longer ones are not indexed.
const MAX_WORD: usize = 254;

/// Describes an index of titles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    format: String,
    version: u32,
    /// Name and version of the library that wrote the files.
    pub engine: String,
    /// Folder of the files, beside the header.
    folder: String,
    /// Number of titles.
    pub titles: u64,
    /// Number of words of all titles.
    pub words: u64,
    /// SHA-256 of the [list](TitleList::sha256) of titles, in hexadecimal.
    #[serde(default)]
    pub titles_sha256: String,
}

/// A title that shares words with a query.
#[derive(Clone, Debug, PartialEq)]
pub struct TitleMatch {
    /// Wikidata identifier.
    pub qid: String,
    /// Title as plain text.
    pub title: String,
    /// BM25 score, with `k1` = 1.2 and `b` = 0.75, from 0 without an upper limit.
    pub score: f32,
    /// The score as a part of the one that a title with the query's words and no others has, 0 to 1. Says how
    /// much of the words match and is no probability.
    pub share: f32,
}

/// Errors of writing, reading and searching an index of titles.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TitlesError {
    /// The folder's header is no index of titles of this version.
    #[error("{} {reason}; write it anew by `masklink titles index`", path.display())]
    Header {
        /// File of the header.
        path: PathBuf,
        /// Fault of the header.
        reason: String,
    },
    /// The files beside the header cannot be used.
    #[error("the titles in {} cannot be used; write them anew by `masklink titles index`", folder.display())]
    Engine {
        /// Folder of the files.
        folder: PathBuf,
        /// Fault reported by tantivy.
        source: tantivy::TantivyError,
    },
    /// Another process writes into the folder, or it cannot be locked.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The system could not read or write.
    #[error("{}", path.display())]
    Io {
        /// File or folder.
        path: PathBuf,
        /// Fault reported by the system.
        source: io::Error,
    },
}

/// An open index of titles.
pub struct TitleIndex {
    header: Header,
    sha256: String,
    folder: PathBuf,
    fields: Fields,
    reader: IndexReader,
}

/// The fields of a title.
#[derive(Clone, Copy)]
struct Fields {
    id: Field,
    title: Field,
}

/// Writes an index of titles into a folder, created where it is missing, and replaces the one that was there.
/// The list must be [sorted](TitleList::sort).
pub fn write(folder: &Path, titles: &TitleList) -> Result<Header, TitlesError> {
    let at = |path: &Path| {
        let path = path.to_path_buf();
        move |source| TitlesError::Io { path, source }
    };
    fs::create_dir_all(folder).map_err(at(folder))?;
    let _locked = lock(folder)?;
    let name = free_name(folder).map_err(at(folder))?;
    let files = folder.join(&name);
    fs::create_dir(&files).map_err(at(&files))?;
    let words = write_files(&files, titles)
        .map_err(|source| TitlesError::Engine { folder: folder.to_path_buf(), source })?;
    let (format, version) = FORMAT;
    let header = Header {
        format: format.to_owned(),
        version,
        engine: tantivy::version_string().to_owned(),
        folder: name,
        titles: titles.len() as u64,
        words,
        titles_sha256: titles.sha256(),
    };
    let path = folder.join(HEADER);
    let bytes = serde_json::to_vec(&header).map_err(|error| at(&path)(error.into()))?;
    write_file(folder, HEADER, &bytes).map_err(at(&path))?;
    remove_others(folder, &header.folder).map_err(at(folder))?;
    Ok(header)
}

/// Writes tantivy's files. Returns the number of words.
fn write_files(files: &Path, titles: &TitleList) -> tantivy::Result<u64> {
    let (schema, fields) = schema();
    let directory = tantivy::directory::MmapDirectory::open(files)?;
    let mut writer = tantivy::Index::builder()
        .schema(schema)
        .tokenizers(tokenizers())
        .single_segment_index_writer::<TantivyDocument>(directory, BUILD_MEMORY)?;
    for (id, title) in titles.iter() {
        let mut document = TantivyDocument::default();
        document.add_text(fields.id, id);
        document.add_text(fields.title, title);
        writer.add_document(document)?;
    }
    reader(&writer.finalize()?)?.searcher().total_num_tokens(fields.title)
}

/// Returns a reader of what is written now.
fn reader(index: &tantivy::Index) -> tantivy::Result<IndexReader> {
    index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()
}

/// Returns a name that no folder has: one that is left from before may still be read.
fn free_name(folder: &Path) -> io::Result<String> {
    let mut number = 0_u32;
    loop {
        let name = format!("{PARTS}{number}");
        if !folder.join(&name).try_exists()? {
            return Ok(name);
        }
        number += 1;
    }
}

/// Removes the folders of earlier indexes, and what an interrupted writer left.
fn remove_others(folder: &Path, keep: &str) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(PARTS));
        let is_ours = number.is_some_and(|number| number.parse::<u32>().is_ok());
        if is_ours && name.to_str() != Some(keep) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

fn schema() -> (Schema, Fields) {
    let mut schema = Schema::builder();
    let id = schema.add_text_field("id", STORED);
    let words = TextFieldIndexing::default()
        .set_tokenizer(WORDS)
        .set_index_option(IndexRecordOption::WithFreqs)
        .set_fieldnorms(true);
    let title =
        schema.add_text_field("title", TextOptions::default().set_indexing_options(words).set_stored());
    (schema.build(), Fields { id, title })
}

/// Returns the tokenizer of titles and queries: letters and digits between other signs, in lower case,
/// without accents.
pub(super) fn words() -> TextAnalyzer {
    TextAnalyzer::builder(SimpleTokenizer::default())
        // tantivy keeps words that are shorter than the limit.
        .filter(RemoveLongFilter::limit(MAX_WORD + 1))
        .filter(LowerCaser)
        .filter(AsciiFoldingFilter)
        .build()
}

fn tokenizers() -> TokenizerManager {
    let tokenizers = TokenizerManager::default();
    tokenizers.register(WORDS, words());
    tokenizers
}

impl TitleIndex {
    /// Opens the index in a folder; its files are mapped, and nothing is written.
    pub fn open(folder: &Path) -> Result<Self, TitlesError> {
        let path = folder.join(HEADER);
        let bytes = read_header(&path).map_err(|source| TitlesError::Io { path: path.clone(), source })?;
        let fault = |reason: String| TitlesError::Header { path: path.clone(), reason };
        let header: Header = serde_json::from_slice(&bytes)
            .map_err(|error| fault(format!("is no index of titles: {error}")))?;
        let (format, version) = FORMAT;
        if header.format != format || header.version != version {
            let (found, of) = (&header.format, header.version);
            return Err(fault(format!(
                "has format {found:?}, version {of}, not {format:?}, version {version}"
            )));
        }
        let number = header.folder.strip_prefix(PARTS).and_then(|number| number.parse::<u32>().ok());
        if number.is_none() {
            return Err(fault(format!("names the folder {:?}, not {PARTS} and a number", header.folder)));
        }
        let opened = || -> tantivy::Result<_> {
            let mut index = tantivy::Index::open(ReadOnly::open(&folder.join(&header.folder))?)?;
            index.set_tokenizers(tokenizers());
            let (schema, fields) = schema();
            if index.schema() != schema {
                return Err(tantivy::TantivyError::SchemaError("fields of another version".to_owned()));
            }
            Ok((fields, reader(&index)?))
        };
        let (fields, reader) =
            opened().map_err(|source| TitlesError::Engine { folder: folder.to_path_buf(), source })?;
        if reader.searcher().num_docs() != header.titles {
            let (found, titles) = (reader.searcher().num_docs(), header.titles);
            return Err(fault(format!("states {titles} titles, but its files have {found}")));
        }
        Ok(Self { sha256: sha256_hex(&bytes), header, folder: folder.to_path_buf(), fields, reader })
    }

    /// Returns the description of the index.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Returns the SHA-256 of the header, which identifies the index: the header states that of the titles.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Returns the titles with the highest BM25 scores for the words of a text, at most `top_k`, equal scores
    /// by rising QID; none where no title has any of its words.
    pub fn search(&self, text: &str, top_k: usize) -> Result<Vec<TitleMatch>, TitlesError> {
        self.found(text, top_k).map_err(|source| TitlesError::Engine { folder: self.folder.clone(), source })
    }

    fn found(&self, text: &str, top_k: usize) -> tantivy::Result<Vec<TitleMatch>> {
        let terms = self.terms(text);
        if terms.is_empty() || top_k == 0 {
            return Ok(Vec::new());
        }
        let searcher = self.reader.searcher();
        let whole = whole_score(&searcher, self.fields.title, &terms)?;
        let query = BooleanQuery::new_multiterms_query(terms);
        let top = searcher.search(&query, &TopDocs::with_limit(top_k).order_by_score())?;
        top.into_iter().map(|(score, at)| self.title(&searcher, at, score, whole)).collect()
    }

    /// Returns the words of a text, each once.
    fn terms(&self, text: &str) -> Vec<Term> {
        let mut analyzer = words();
        let mut stream = analyzer.token_stream(text);
        let mut terms: Vec<Term> = Vec::new();
        while terms.len() < MAX_QUERY_WORDS && stream.advance() {
            let term = Term::from_field_text(self.fields.title, &stream.token().text);
            if !terms.contains(&term) {
                terms.push(term);
            }
        }
        terms
    }

    fn title(
        &self,
        searcher: &Searcher,
        at: DocAddress,
        score: f32,
        whole: f32,
    ) -> tantivy::Result<TitleMatch> {
        let document: TantivyDocument = searcher.doc(at)?;
        let text =
            |field| document.get_first(field).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
        let share = if whole > 0.0 { (score / whole).clamp(0.0, 1.0) } else { 0.0 };
        Ok(TitleMatch { qid: text(self.fields.id), title: text(self.fields.title), score, share })
    }
}

/// Returns the score of a title that consists of the words of a query.
fn whole_score(searcher: &Searcher, field: Field, terms: &[Term]) -> tantivy::Result<f32> {
    let (titles, words) = (searcher.total_num_docs()?, searcher.total_num_tokens(field)?);
    let average = words as f32 / titles.max(1) as f32;
    // Lengths below 40 are stored as they are.
    let length = terms.len().min(MAX_QUERY_WORDS) as u8;
    let of = |term: &Term| {
        let count = searcher.doc_freq(term)?;
        Ok(Bm25Weight::for_one_term_without_explain(count, titles, average).score(length, 1))
    };
    terms.iter().map(of).sum()
}

fn read_header(path: &Path) -> io::Result<Vec<u8>> {
    let length = fs::metadata(path)?.len();
    if length > MAX_HEADER {
        let reason = format!("the header has {length} bytes, at most {MAX_HEADER} are allowed");
        return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
    }
    fs::read(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TITLES: [(&str, &str); 7] = [
        ("Q30", "Red fox"),
        ("Q20", "Red panda"),
        ("Q10", "Fox"),
        ("Q9", "Fox"),
        ("Q40", "The fox and the hound"),
        ("Q50", "Café Müller"),
        ("Q60", "Vulpes vulpes"),
    ];

    fn indexed(folder: &Path, titles: &[(&str, &str)]) -> TitleIndex {
        let mut list = TitleList::default();
        assert!(titles.iter().all(|(id, title)| list.push(id, title)));
        list.sort();
        write(folder, &list).unwrap();
        TitleIndex::open(folder).unwrap()
    }

    fn qids(index: &TitleIndex, text: &str, top_k: usize) -> Vec<String> {
        index.search(text, top_k).unwrap().into_iter().map(|found| found.qid).collect()
    }

    #[test]
    fn nearest_titles_come_first_and_ties_by_qid() {
        let folder = tempfile::tempdir().unwrap();
        let index = indexed(folder.path(), &TITLES);
        assert_eq!(qids(&index, "red fox", 10), ["Q30", "Q20", "Q9", "Q10", "Q40"]);
        assert_eq!(qids(&index, "FOX!", 2), ["Q9", "Q10"]);
        assert_eq!(qids(&index, "fox", 1), ["Q9"]);
        assert_eq!(qids(&index, "cafe MULLER", 3), ["Q50"]);
        assert!(qids(&index, "elephant", 3).is_empty() && qids(&index, " .,", 3).is_empty());
        assert!(qids(&index, "fox", 0).is_empty());
    }

    #[test]
    fn scores_are_those_of_the_formula() {
        let folder = tempfile::tempdir().unwrap();
        let index = indexed(folder.path(), &TITLES);
        let found = index.search("red fox", 10).unwrap();
        // 7 titles of 15 words; "red" is in 2, "fox" in 4.
        let average = 15.0 / 7.0_f32;
        let idf = |count: f32| (1.0 + (7.0 - count + 0.5) / (count + 0.5)).ln();
        let bm25 =
            |count: f32, length: f32| idf(count) * 2.2 / (1.0 + 1.2 * (0.25 + 0.75 * length / average));
        let expected = bm25(2.0, 2.0) + bm25(4.0, 2.0);
        assert!((found[0].score - expected).abs() < 1e-5, "{found:?} {expected}");
        assert!((found[0].share - 1.0).abs() < 1e-6, "{found:?}");
        let fox = found.iter().find(|found| found.qid == "Q9").unwrap();
        assert!((fox.share - bm25(4.0, 1.0) / expected).abs() < 1e-5, "{fox:?}");
    }

    #[test]
    fn an_index_is_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let before = indexed(folder.path(), &TITLES);
        let after = indexed(folder.path(), &[("Q1", "Fox"), ("Q2", "Universe")]);
        assert_eq!(
            (qids(&before, "hound", 5), qids(&after, "fox", 5)),
            (vec!["Q40".to_owned()], vec!["Q1".to_owned()])
        );
        assert_eq!((after.header().titles, after.header().words), (2, 2));
        assert_ne!(before.sha256(), after.sha256());
        let folders = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(folders, 2, "the header and one folder");
    }

    #[test]
    fn the_hash_identifies_the_titles() {
        let hash = |titles: &[(&str, &str)]| {
            let folder = tempfile::tempdir().unwrap();
            indexed(folder.path(), titles).sha256().to_owned()
        };
        let one = hash(&[("Q1", "Fox"), ("Q2", "Red panda")]);
        assert_eq!(one, hash(&[("Q2", "Red panda"), ("Q1", "Fox")]), "the order of the file does not count");
        assert_ne!(one, hash(&[("Q1", "Fox"), ("Q2", "Red dog")]), "as many titles and words");
        assert_ne!(one, hash(&[("Q1", "Fox"), ("Q3", "Red panda")]));
    }

    #[test]
    fn longer_words_than_the_maximum_are_not_indexed() {
        let folder = tempfile::tempdir().unwrap();
        let [longest, longer] = [MAX_WORD, MAX_WORD + 1].map(|length| "a".repeat(length));
        let index = indexed(folder.path(), &[("Q1", &longest), ("Q2", &longer)]);
        assert_eq!((qids(&index, &longest, 2), qids(&index, &longer, 2)), (vec!["Q1".to_owned()], vec![]));
    }

    #[test]
    fn damaged_and_foreign_headers_say_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let error = |folder: &Path| {
            let error = TitleIndex::open(folder).err().unwrap();
            anyhow::Error::from(error).chain().map(ToString::to_string).collect::<Vec<_>>().join(": ")
        };
        assert!(error(folder.path()).contains(HEADER));
        let index = indexed(folder.path(), &TITLES);
        let header = folder.path().join(HEADER);
        let good = fs::read_to_string(&header).unwrap();
        for (from, to, reason) in [
            ("\"version\":2", "\"version\":1", "version 1, not"),
            ("masklink titles", "other", "has format \"other\""),
            ("names-0", "../names-0", "names the folder"),
            ("\"titles\":7", "\"titles\":8", "states 8 titles, but its files have 7"),
            ("{", "[", "is no index of titles"),
            ("names-0", "names-5", "cannot be used; write them anew"),
        ] {
            fs::write(&header, good.replacen(from, to, 1)).unwrap();
            let error = error(folder.path());
            assert!(error.contains(reason) && error.contains("titles index"), "{to}: {error}");
        }
        fs::write(&header, vec![b' '; MAX_HEADER as usize + 1]).unwrap();
        assert!(error(folder.path()).contains("at most"));
        drop(index);
    }

    #[cfg(unix)]
    #[test]
    fn reading_writes_nothing() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        drop(indexed(folder.path(), &TITLES));
        let files = folder.path().join("names-0");
        let listed = || {
            let mut names: Vec<_> =
                fs::read_dir(&files).unwrap().map(|file| file.unwrap().file_name()).collect();
            names.sort();
            names
        };
        let before = listed();
        fs::set_permissions(&files, fs::Permissions::from_mode(0o555)).unwrap();
        let found = qids(&TitleIndex::open(folder.path()).unwrap(), "panda", 1);
        fs::set_permissions(&files, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!((found, listed()), (vec!["Q20".to_owned()], before));
    }
}
