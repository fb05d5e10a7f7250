//! The command line of the native binary: one file a subcommand.

mod annotations;
pub mod encoder;
mod index;
pub mod linker;
pub mod onnx;
pub mod picture;
mod progress;
pub mod serve;

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
    Index(index::IndexArgs),
    Serve(serve::ServeArgs),
}

/// Runs the command line of this process and answers its exit status: 0 done, 1 work failed, 2 wrong usage.
pub fn run() -> ExitCode {
    let outcome = match CommandLine::parse().command {
        Command::Index(args) => index::run(&args),
        Command::Serve(args) => serve::run(args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("masklink: {error:#}");
            ExitCode::FAILURE
        }
    }
}
