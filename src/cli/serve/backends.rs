//! The back ends that the arguments choose: models that link masks, each under its name.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{bail, ensure};

use super::state::{LOCAL, Loader};
use crate::cli::backend::{Backends, IndexBackend};
use crate::cli::onnx::RuntimeArgs;
use crate::cli::vlm::args::VlmArgs;
use crate::link::search::device::Device;
use crate::link::search::engine::Method;

/// Name of the back end that asks a vision model.
const VLM: &str = "vlm";

/// Arguments that choose the back ends.
#[derive(Clone, clap::Args)]
pub(super) struct BackendArgs {
    /// Folder of an index from `masklink index`; without one the endpoint responds 503.
    #[arg(long, value_name = "DIR")]
    index: Option<PathBuf>,
    /// Back end that links masks; may be given several times. Requests choose one by its name with
    /// /v1/link?backend=NAME; the first answers the others.
    #[arg(long, value_name = "NAME", default_value = LOCAL)]
    backend: Vec<BackendName>,
    /// Way to search the index: exact reads all vectors, int8 first a copy of half their size in memory. Both
    /// find the same entities [default: int8 for an index of 134 million numbers and more].
    #[arg(long, value_name = "METHOD", requires = "index")]
    search: Option<SearchMethod>,
    /// Device that searches the index: auto (a graphics card if there is one and the index is large), cpu,
    /// gpu, or gpu:NAME for one whose name contains NAME.
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    device: Device,
    #[command(flatten)]
    vlm: VlmArgs,
}

/// Names of the back ends.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum BackendName {
    /// Searches the index in this process.
    Local,
    /// Asks a vision model for the entity's name, and searches for it among titles.
    Vlm,
}

/// Names of the ways to search.
#[derive(Clone, Copy, clap::ValueEnum)]
enum SearchMethod {
    Exact,
    Int8,
}

impl From<SearchMethod> for Method {
    fn from(method: SearchMethod) -> Self {
        match method {
            SearchMethod::Exact => Self::Exact,
            SearchMethod::Int8 => Self::Int8,
        }
    }
}

/// Returns what loads the back ends; `None` where the only one is an index that is not given.
pub(super) fn loader(args: BackendArgs, runtime_args: &RuntimeArgs) -> anyhow::Result<Option<Loader>> {
    let BackendArgs { index, backend: names, search, device, vlm } = args;
    for (at, name) in names.iter().enumerate() {
        ensure!(!names[..at].contains(name), "--backend names one back end twice");
    }
    let method = search.map(Method::from);
    let is_local = |name: &BackendName| *name == BackendName::Local;
    let index = match index {
        None if names.iter().all(is_local) => return Ok(None),
        None if names.iter().any(is_local) => bail!("--backend {LOCAL} needs --index DIR"),
        None => None,
        Some(folder) => Some((folder, runtime_args.load()?, runtime_args.threads)),
    };
    let vlm = if names.contains(&BackendName::Vlm) { Some(vlm.check()?) } else { None };
    Ok(Some(Box::new(move || {
        let mut backends = Backends::default();
        for name in &names {
            backends = match (name, &index, &vlm) {
                (BackendName::Local, Some((folder, runtime, threads)), _) => {
                    let index = IndexBackend::open(folder, runtime, *threads, (method, &device))?;
                    backends.with(LOCAL, Arc::new(index))
                }
                (BackendName::Vlm, _, Some(vlm)) => backends.with(VLM, Arc::new(vlm.open()?)),
                // Back ends without what they need were refused above.
                _ => backends,
            };
        }
        Ok(backends)
    })))
}
