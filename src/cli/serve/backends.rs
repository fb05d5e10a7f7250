//! The back ends that the arguments choose: models that link masks, each under its name.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::ensure;

use super::state::{LOCAL, Loader};
use crate::cli::backend::{Backends, IndexBackend};
use crate::cli::onnx::RuntimeArgs;
use crate::link::search::device::Device;
use crate::link::search::engine::Method;

/// Arguments that choose the back ends.
#[derive(Clone, clap::Args)]
pub(super) struct BackendArgs {
    /// Folder of an index from `masklink index`; without one the endpoint responds 503.
    #[arg(long, value_name = "DIR")]
    index: Option<PathBuf>,
    /// Back end that links masks; may be given several times. Requests choose one by its name with
    /// /v1/link?backend=NAME; the first answers the others.
    #[arg(long, value_name = "NAME", requires = "index", default_value = LOCAL)]
    backend: Vec<BackendName>,
    /// Way to search the index: exact reads all vectors, int8 first a copy of half their size in memory. Both
    /// find the same entities [default: int8 for an index of 134 million numbers and more].
    #[arg(long, value_name = "METHOD", requires = "index")]
    search: Option<SearchMethod>,
    /// Device that searches the index: auto (a graphics card if there is one and the index is large), cpu,
    /// gpu, or gpu:NAME for one whose name contains NAME.
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    device: Device,
}

/// Names of the back ends.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum BackendName {
    /// Searches the index in this process.
    Local,
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

/// Returns what loads the back ends; `None` where there is no index.
pub(super) fn loader(args: BackendArgs, runtime_args: &RuntimeArgs) -> anyhow::Result<Option<Loader>> {
    let Some(folder) = args.index else { return Ok(None) };
    let names = args.backend;
    for (at, name) in names.iter().enumerate() {
        ensure!(!names[..at].contains(name), "--backend names one back end twice");
    }
    let runtime = runtime_args.load()?;
    let threads = runtime_args.threads;
    let (method, device) = (args.search.map(Method::from), args.device);
    Ok(Some(Box::new(move || {
        let index = Arc::new(IndexBackend::open(&folder, &runtime, threads, (method, &device))?);
        let mut backends = Backends::default();
        for name in &names {
            backends = match name {
                BackendName::Local => backends.with(LOCAL, index.clone()),
            };
        }
        Ok(backends)
    })))
}
