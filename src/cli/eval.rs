//! `masklink eval`: how well models do, by the field's own protocols.

use clap::Subcommand;

use super::{eval_link, eval_segment};

#[derive(clap::Args)]
pub(super) struct EvalArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Plays the interactive segmentation protocol against annotated masks.
    Segment(eval_segment::EvalSegmentArgs),
    /// Asks a linking endpoint for annotated masks and counts how often it is right.
    Link(eval_link::EvalLinkArgs),
}

pub(super) fn run(args: EvalArgs) -> anyhow::Result<()> {
    match args.what {
        What::Segment(args) => eval_segment::run(&args),
        What::Link(args) => eval_link::run(&args),
    }
}
