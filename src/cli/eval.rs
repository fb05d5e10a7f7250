//! `masklink eval`: measures models by the standard protocols.

use clap::Subcommand;

use super::{eval_link, eval_segment};

#[derive(clap::Args)]
pub(super) struct EvalArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Measures a click model: clicks on annotated objects and compares its masks with the annotated ones.
    Segment(eval_segment::EvalSegmentArgs),
    /// Measures a linking endpoint: sends annotated masks and counts how often the right one comes first.
    Link(eval_link::EvalLinkArgs),
}

pub(super) fn run(args: EvalArgs) -> anyhow::Result<()> {
    match args.what {
        What::Segment(args) => eval_segment::run(&args),
        What::Link(args) => eval_link::run(&args),
    }
}
