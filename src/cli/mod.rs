//! The command line of the native binary: one file a subcommand.

mod inspect;
mod inspect_report;
pub mod onnx;
mod progress;
mod rle;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Masks as runs: decode COCO RLE, segment by clicks, link masks to Wikipedia entities.
#[derive(Parser)]
#[command(name = "masklink", version)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Answers each mask of a stream of JSON lines with its area, box, runs, components, hash and canonical counts.
    Rle(rle::RleArgs),
    Inspect(inspect::InspectArgs),
}

/// Runs the command line of this process and answers its exit status: 0 done, 1 work failed, 2 wrong usage.
pub fn run() -> ExitCode {
    let outcome: anyhow::Result<()> = match CommandLine::parse().command {
        Command::Rle(args) => rle::run(&args),
        Command::Inspect(args) => inspect::run(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("masklink: {error:#}");
            ExitCode::FAILURE
        }
    }
}
