//! `masklink titles ald`: the ALD codes of titles, and the share of them that their rarest tokens tell apart.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use serde_json::json;

use super::index::words;
use super::list::{self, TitleList};
use crate::link::names::ald::{Codes, NameTokens, PADDING, unambiguous_lengths};

/// Prefix of a piece that continues a word, in BERT's vocabularies.
const CONTINUES: &str = "##";
/// Maximum length of a vocabulary file in bytes.
const MAX_VOCABULARY: u64 = 64 << 20;

#[derive(clap::Args)]
pub(super) struct AldArgs {
    /// JSON lines with `wikidata_id` and `wikipedia_title`, plain or .gz; or the folder of an index.
    #[arg(value_name = "TITLES")]
    titles: PathBuf,
    /// Length of the codes in tokens, 2 to 64.
    #[arg(long, value_name = "L", default_value_t = 4)]
    length: usize,
    /// Vocabulary of a BERT tokenizer, one token a line; the authors' is `vocab.txt` of bert-base-uncased.
    /// Without one, tokens are words. Only the list is BERT's: titles are split as by `titles index`, without
    /// punctuation; a word with a piece that the list lacks is a token of its own; runs of Chinese characters
    /// are not split.
    #[arg(long, value_name = "FILE")]
    vocabulary: Option<PathBuf>,
    /// Write the codes as JSON lines with `wikidata_id` and `code`, a list of tokens.
    #[arg(long, value_name = "FILE")]
    codes: Option<PathBuf>,
}

/// Runs the command.
pub(super) fn run(args: &AldArgs) -> anyhow::Result<()> {
    let mut tokenizer = match &args.vocabulary {
        Some(path) => Tokenizer::read(path)?,
        None => Tokenizer::default(),
    };
    let (titles, skipped) = list::read(&args.titles)?;
    let mut names = NameTokens::default();
    for (_, title) in titles.iter() {
        names.push(tokenizer.tokens(title));
    }
    let names = names.rarest_first();
    let made_up_from = u32::try_from(tokenizer.texts.len() + 1)?;
    let codes = Codes::new(&names, args.length, made_up_from)?;
    if let Some(path) = &args.codes {
        write_codes(path, &titles, &codes, &tokenizer).with_context(|| path.display().to_string())?;
    }
    println!("{} titles, {skipped} left out, {} different tokens", names.len(), tokenizer.texts.len());
    report_lengths(&unambiguous_lengths(&names), args.length);
    let share = |count: usize| 100.0 * count as f64 / names.len() as f64;
    let (extended, made_up) = (codes.extended, codes.made_up);
    println!(
        "codes of {}: {:.2} % by the {} rarest tokens, {:.2} % by one more of the title, {:.2} % by a token \
         made up",
        args.length,
        share(names.len() - extended - made_up),
        args.length - 1,
        share(extended),
        share(made_up)
    );
    Ok(())
}

/// Prints the share of titles whose `L` rarest tokens are no other title's, for each `L` up to a maximum.
fn report_lengths(lengths: &[Option<usize>], max: usize) {
    println!("rarest tokens\tunambiguous titles\t%");
    for length in 1..=max {
        let count = lengths.iter().flatten().filter(|&&needed| needed <= length).count();
        println!("{length}\t{count}\t{:.2}", 100.0 * count as f64 / lengths.len() as f64);
    }
    let count = lengths.iter().flatten().count();
    println!("all\t{count}\t{:.2}", 100.0 * count as f64 / lengths.len() as f64);
}

fn write_codes(path: &Path, titles: &TitleList, codes: &Codes, tokenizer: &Tokenizer) -> anyhow::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for (at, (id, _)) in titles.iter().enumerate() {
        let code: Vec<String> = codes.code(at).iter().map(|&token| tokenizer.text(token)).collect();
        serde_json::to_writer(&mut file, &json!({ "wikidata_id": id, "code": code }))?;
        file.write_all(b"\n")?;
    }
    Ok(file.flush()?)
}

/// Numbers tokens from 1: words in order of occurrence, or pieces of words in the order of a vocabulary.
#[derive(Default)]
struct Tokenizer {
    numbers: HashMap<String, u32>,
    texts: Vec<String>,
    has_vocabulary: bool,
}

impl Tokenizer {
    /// Reads a vocabulary with one token a line.
    fn read(path: &Path) -> anyhow::Result<Self> {
        let context = || path.display().to_string();
        let length = std::fs::metadata(path).with_context(context)?.len();
        ensure!(length <= MAX_VOCABULARY, "{} has {length} bytes, at most {MAX_VOCABULARY}", path.display());
        let text = std::fs::read_to_string(path).with_context(context)?;
        let mut tokenizer = Self { has_vocabulary: true, ..Self::default() };
        for line in text.lines() {
            tokenizer.number(line.trim_end());
        }
        Ok(tokenizer)
    }

    /// Returns the tokens of a title. Words that a vocabulary cannot spell have none of its tokens, so that
    /// they become tokens themselves.
    fn tokens(&mut self, title: &str) -> Vec<u32> {
        let mut analyzer = words();
        let mut stream = analyzer.token_stream(title);
        let mut tokens = Vec::new();
        while let Some(token) = stream.next() {
            match self.pieces(&token.text) {
                Some(pieces) => tokens.extend(pieces),
                None => tokens.push(self.number(&token.text)),
            }
        }
        tokens
    }

    /// Splits a word into the longest pieces of the vocabulary from the left (`WordPiece`); `None` without a
    /// vocabulary, and where it lacks a piece.
    fn pieces(&self, word: &str) -> Option<Vec<u32>> {
        if !self.has_vocabulary {
            return None;
        }
        let (mut pieces, mut start) = (Vec::new(), 0);
        while start < word.len() {
            let prefix = if start == 0 { "" } else { CONTINUES };
            let ends = word[start..].char_indices().map(|(at, letter)| start + at + letter.len_utf8());
            let (piece, end) = ends
                .rev()
                .find_map(|end| Some((*self.numbers.get(&format!("{prefix}{}", &word[start..end]))?, end)))?;
            pieces.push(piece);
            start = end;
        }
        Some(pieces)
    }

    /// Returns the number of a token, a new one where it has none.
    fn number(&mut self, token: &str) -> u32 {
        if let Some(&number) = self.numbers.get(token) {
            return number;
        }
        self.texts.push(token.to_owned());
        let number = self.texts.len() as u32;
        self.numbers.insert(token.to_owned(), number);
        number
    }

    /// Returns a token's text: empty for [`PADDING`], a number in brackets for one that is made up.
    fn text(&self, token: u32) -> String {
        if token == PADDING {
            return String::new();
        }
        let known = self.texts.get(token as usize - 1);
        known.cloned().unwrap_or_else(|| format!("[{}]", token as usize - self.texts.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_into_the_longest_pieces() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vocab.txt");
        std::fs::write(&path, "un\nunder\n##der\n##s\n##tand\n##s##\nfox\n").unwrap();
        let mut tokenizer = Tokenizer::read(&path).unwrap();
        let texts = |tokenizer: &mut Tokenizer, title: &str| {
            let tokens = tokenizer.tokens(title);
            tokens.into_iter().map(|token| tokenizer.text(token)).collect::<Vec<_>>()
        };
        assert_eq!(texts(&mut tokenizer, "Understand, Fox!"), ["under", "##s", "##tand", "fox"]);
        assert_eq!(texts(&mut tokenizer, "understood fox"), ["understood", "fox"]);
        assert_eq!((tokenizer.text(PADDING), tokenizer.text(10)), (String::new(), "[2]".to_owned()));
    }

    #[test]
    fn without_a_vocabulary_tokens_are_words() {
        let mut tokenizer = Tokenizer::default();
        assert_eq!(tokenizer.tokens("Café–Bar the Café"), [1, 2, 3, 1]);
    }
}
