//! The back ends that the arguments choose: models that link masks, each under its name.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{bail, ensure};

use super::state::{LOCAL, Loader};
use crate::cli::backend::{Backends, IndexBackend};
use crate::cli::onnx::RuntimeArgs;
use crate::cli::qdrant::CollectionArgs;
use crate::cli::qdrant::backend::QdrantBackend;
use crate::cli::vlm::args::VlmArgs;
use crate::link::search::device::Device;
use crate::link::search::engine::Method;

/// Name of the back end that searches a Qdrant collection.
const QDRANT: &str = "qdrant";
/// Name of the back end that asks a vision model.
const VLM: &str = "vlm";
/// Maximum seconds of a search by another server: clients give up a little later.
const MAX_SECONDS: u32 = 12;

/// Arguments that choose the back ends.
#[derive(Clone, clap::Args)]
pub(super) struct BackendArgs {
    /// Folder of an index from `masklink index`; without one, and without --backend vlm, the endpoint
    /// responds 503.
    #[arg(long, value_name = "DIR")]
    index: Option<PathBuf>,
    /// Back end that links masks; may be given several times. Requests choose one by its name with
    /// /v1/link?backend=NAME; the first is the default.
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
    collection: CollectionArgs,
    /// Let Qdrant compare each query with all vectors, without its approximate graph.
    #[arg(long)]
    qdrant_exact: bool,
    /// Maximum time of a search by Qdrant, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = seconds)]
    qdrant_timeout: u32,
    #[command(flatten)]
    vlm: VlmArgs,
}

/// Parses the seconds that a search may take.
fn seconds(text: &str) -> Result<u32, String> {
    let seconds = text.parse().ok().filter(|seconds| (1..=MAX_SECONDS).contains(seconds));
    seconds.ok_or_else(|| format!("give 1 to {MAX_SECONDS}"))
}

/// Names of the back ends.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum BackendName {
    /// Searches the index in this process.
    Local,
    /// Searches a Qdrant collection that `masklink upload` filled from the index.
    Qdrant,
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
    let BackendArgs { index, backend: names, search, device, collection, qdrant_exact, qdrant_timeout, vlm } =
        args;
    for (at, name) in names.iter().enumerate() {
        ensure!(!names[..at].contains(name), "--backend names one back end twice");
    }
    let is_named = |name: BackendName| names.contains(&name);
    let folder = match index {
        None if names == [BackendName::Local] => return Ok(None),
        None if is_named(BackendName::Local) => bail!("--backend {LOCAL} needs --index DIR"),
        None if is_named(BackendName::Qdrant) => bail!("--backend {QDRANT} needs --index DIR"),
        None => None,
        Some(folder) => Some((folder, runtime_args.load()?, runtime_args.threads)),
    };
    let collection = if is_named(BackendName::Qdrant) {
        Some(collection.collection(qdrant_timeout * 1000, qdrant_exact)?)
    } else {
        None
    };
    let vlm = if is_named(BackendName::Vlm) { Some(vlm.check()?) } else { None };
    // The search of others needs no copy of the vectors, and no GPU.
    let others = (Some(Method::Exact), Device::Cpu);
    let is_local = is_named(BackendName::Local);
    let (method, device) = if is_local { (search.map(Method::from), device) } else { others };
    Ok(Some(Box::new(move || {
        let open = |(folder, runtime, threads): &(PathBuf, _, usize)| {
            IndexBackend::open(folder, runtime, *threads, (method, &device)).map(Arc::new)
        };
        let index = folder.as_ref().map(open).transpose()?;
        let mut backends = Backends::default();
        for name in &names {
            backends = match (name, &index, &collection, &vlm) {
                (BackendName::Local, Some(index), ..) => backends.with(LOCAL, index.clone()),
                (BackendName::Qdrant, Some(index), Some(collection), _) => {
                    let qdrant = QdrantBackend::open(Arc::clone(index), collection.clone())?;
                    backends.with(QDRANT, Arc::new(qdrant))
                }
                (BackendName::Vlm, .., Some(vlm)) => backends.with(VLM, Arc::new(vlm.open()?)),
                // Back ends without what they need were refused above.
                _ => backends,
            };
        }
        Ok(backends)
    })))
}
