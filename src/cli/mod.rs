//! The command line of the native binary: lists the subcommands and runs the one that is asked for.

mod annotations;
pub mod backend;
pub mod cell_index;
mod classes;
mod clicker;
pub mod decoded_image;
pub mod embedder;
pub mod encoder;
mod eval;
mod eval_link;
mod eval_segment;
mod feature_journal;
mod file_lock;
pub mod host;
mod image_folder;
mod image_frame;
mod index;
mod index_features;
mod index_vectors;
mod inspect;
mod inspect_pack;
mod inspect_report;
mod jpeg;
mod kmeans;
pub mod onnx;
mod pack;
mod percent;
mod progress;
pub mod qdrant;
mod remote;
mod rle;
pub mod segmenter;
pub mod serve;
mod sha256;
mod shared_graph;
mod synth;
pub mod titles;
mod vector_source;
pub mod vlm;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Decodes COCO RLE masks, segments images by clicks, and links masks to Wikipedia entities.
#[derive(Parser)]
#[command(name = "masklink", version)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measures masks from JSON lines: area, box, runs, components, hash and canonical counts.
    Rle(rle::RleArgs),
    /// Summarizes an annotation file or a pack, and lists its findings.
    Inspect(inspect::InspectArgs),
    /// Measures models on annotation files.
    Eval(eval::EvalArgs),
    /// Builds the index of known entities for linking, from an annotation file and its images.
    Index(index::IndexArgs),
    /// Lays an index out in cells, so that a page links by it from plain static files.
    Cells(cell_index::CellsArgs),
    /// Copies the vectors of an index to a Qdrant collection.
    Upload(qdrant::UploadArgs),
    /// Makes a static folder for browsing from annotation files of any length.
    Pack(pack::PackArgs),
    /// Serves the page and the linking endpoint.
    Serve(serve::ServeArgs),
    /// Writes an annotation file of Mask-OVEN-Wiki's shape, made up from a seed, to measure with.
    Synth(synth::SynthArgs),
    /// Indexes the titles of entities for generative models, and searches them by the words of a text.
    Titles(titles::TitlesArgs),
}

/// Runs the command line of this process and returns its exit status: 0 for success, 1 for failure, 2 for
/// wrong usage.
pub fn run() -> ExitCode {
    let outcome: anyhow::Result<()> = match CommandLine::parse().command {
        Command::Rle(args) => rle::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Eval(args) => eval::run(args),
        Command::Index(args) => index::run(&args),
        Command::Cells(args) => cell_index::run(&args),
        Command::Upload(args) => qdrant::run(&args),
        Command::Pack(args) => pack::run(&args),
        Command::Serve(args) => serve::run(args),
        Command::Synth(args) => synth::run(&args),
        Command::Titles(args) => titles::run(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of the output has closed it, as `head` does.
        Err(error) if is_broken_pipe(&error) => ExitCode::FAILURE,
        Err(error) if error.is::<serve::Logged>() => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("masklink: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let of_output = error.downcast_ref::<std::io::Error>();
    of_output.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
