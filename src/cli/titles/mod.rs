//! `masklink titles`: indexes the titles of entities, searches them by BM25, and counts how unambiguous they
//! are.

mod ald;
pub mod index;
pub mod list;
mod read_only;

pub(super) use list::each_title;

use std::path::PathBuf;
use std::time::Instant;

use clap::Subcommand;

use index::TitleIndex;

/// Indexes titles of entities, and searches them by the words of a text.
#[derive(clap::Args)]
pub(super) struct TitlesArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Writes an index of titles, which `search` and `masklink serve --titles` read.
    Index(IndexArgs),
    /// Lists the titles nearest to a text.
    Search(SearchArgs),
    /// Makes ALD codes (Caron et al., CVPR 2024) of titles, and prints the share that the rarest words alone
    /// make unambiguous.
    Ald(ald::AldArgs),
}

#[derive(clap::Args)]
struct IndexArgs {
    /// JSON lines with `wikidata_id` and `wikipedia_title`, as in `Wiki6M_ver_1_0_title_only.jsonl`, plain or
    /// .gz; or the folder of an index from `masklink index`.
    #[arg(value_name = "TITLES")]
    titles: PathBuf,
    /// Folder to write; an existing index of titles is replaced once the new one is complete.
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
}

#[derive(clap::Args)]
struct SearchArgs {
    /// Folder from `masklink titles index`.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Text whose words are looked for.
    #[arg(value_name = "TEXT")]
    text: String,
    /// Maximum number of titles.
    #[arg(long, value_name = "N", default_value_t = 10)]
    top_k: u16,
}

/// Runs the command.
pub(super) fn run(args: &TitlesArgs) -> anyhow::Result<()> {
    match &args.command {
        Command::Index(args) => write_index(args),
        Command::Search(args) => search(args),
        Command::Ald(args) => ald::run(args),
    }
}

fn write_index(args: &IndexArgs) -> anyhow::Result<()> {
    let started = Instant::now();
    let (titles, skipped) = list::read(&args.titles)?;
    let header = index::write(&args.output, &titles)?;
    println!(
        "{} titles of {} words, {skipped} left out, {:.1} s, {}",
        header.titles,
        header.words,
        started.elapsed().as_secs_f64(),
        header.engine
    );
    println!("{}", args.output.display());
    Ok(())
}

fn search(args: &SearchArgs) -> anyhow::Result<()> {
    let found = TitleIndex::open(&args.folder)?.search(&args.text, args.top_k.into())?;
    for title in found {
        println!("{}\t{:.3}\t{:.3}\t{}", title.qid, title.score, title.share, title.title);
    }
    Ok(())
}
