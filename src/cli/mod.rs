//! The command line of the native binary: one file a subcommand.

pub mod onnx;

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
enum Command {}

/// Runs the command line of this process and answers its exit status: 0 done, 1 work failed, 2 wrong usage.
pub fn run() -> ExitCode {
    let outcome: anyhow::Result<()> = match CommandLine::parse().command {};
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("masklink: {error:#}");
            ExitCode::FAILURE
        }
    }
}
