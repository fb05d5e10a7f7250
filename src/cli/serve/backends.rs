//! The back ends that the arguments choose: models that link masks, each under its name.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{bail, ensure};

use super::state::{LOCAL, Loader};
use crate::cli::backend::{Backends, IndexBackend};
use crate::cli::onnx::RuntimeArgs;
use crate::cli::qdrant::backend::QdrantBackend;
use crate::cli::qdrant::{CollectionArgs, Occasion};
use crate::cli::vlm::args::VlmArgs;
use crate::link::search::device::Device;
use crate::link::search::engine::Method;

/// Name of the back end that searches a Qdrant collection.
const QDRANT: &str = "qdrant";
/// Name of the back end that asks a vision model.
const VLM: &str = "vlm";
/// Maximum seconds of a search by another server: clients give up a little later.
const MAX_SECONDS: u32 = 12;
/// Maximum seconds of a search by Qdrant where none are given.
const DEFAULT_SECONDS: u32 = 5;

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
    /// Maximum time of a search by Qdrant, in seconds, 1 to 12 [default: 5].
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    qdrant_timeout: Option<u32>,
    #[command(flatten)]
    vlm: VlmArgs,
}

impl BackendArgs {
    fn names(&self, name: BackendName) -> bool {
        self.backend.contains(&name)
    }

    /// Checks that no back end is named twice, and that each option belongs to one that is named.
    fn check(&self) -> anyhow::Result<()> {
        for (at, name) in self.backend.iter().enumerate() {
            ensure!(!self.backend[..at].contains(name), "--backend names one back end twice");
        }
        let has_qdrant = self.collection.is_given() || self.qdrant_exact || self.qdrant_timeout.is_some();
        for (is_given, options, name, of) in [
            (self.search.is_some(), "--search", BackendName::Local, LOCAL),
            (
                has_qdrant,
                "--qdrant, --collection and the other options of Qdrant",
                BackendName::Qdrant,
                QDRANT,
            ),
            (self.vlm.is_given(), "--vlm and its options", BackendName::Vlm, VLM),
        ] {
            ensure!(!is_given || self.names(name), "{options} would be ignored: add --backend {of}");
        }
        Ok(())
    }
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
    args.check()?;
    let [is_local, is_qdrant, is_vlm] =
        [BackendName::Local, BackendName::Qdrant, BackendName::Vlm].map(|name| args.names(name));
    let folder = match &args.index {
        None if args.backend == [BackendName::Local] => return Ok(None),
        None if is_local => bail!("--backend {LOCAL} needs --index DIR"),
        None if is_qdrant => bail!("--backend {QDRANT} needs --index DIR"),
        None => None,
        Some(folder) if is_local || is_qdrant => {
            Some((folder.clone(), runtime_args.load()?, runtime_args.threads))
        }
        Some(folder) => {
            tracing::warn!("no back end reads the index {}; --index can be omitted", folder.display());
            None
        }
    };
    let seconds = args.qdrant_timeout.unwrap_or(DEFAULT_SECONDS);
    let collection = is_qdrant.then(|| args.collection.collection(seconds * 1000, args.qdrant_exact));
    let collection = collection.transpose()?;
    let vlm = if is_vlm { Some(args.vlm.check()?) } else { None };
    // The search of others needs no copy of the vectors, and no GPU.
    let others = (Some(Method::Exact), Device::Cpu);
    let (method, device) = if is_local { (args.search.map(Method::from), args.device) } else { others };
    let (names, is_started) = (args.backend, AtomicBool::new(false));
    Ok(Some(Box::new(move || {
        let occasion = if is_started.load(Ordering::Relaxed) { Occasion::Reload } else { Occasion::Start };
        let open = |(folder, runtime, threads): &(PathBuf, _, usize)| {
            IndexBackend::open(folder, runtime, *threads, (method, &device)).map(Arc::new)
        };
        let index = folder.as_ref().map(open).transpose()?;
        let mut backends = Backends::default();
        for name in &names {
            backends = match (name, &index, &collection, &vlm) {
                (BackendName::Local, Some(index), ..) => backends.with(LOCAL, index.clone()),
                (BackendName::Qdrant, Some(index), Some(collection), _) => {
                    let qdrant = QdrantBackend::open(Arc::clone(index), collection.clone(), occasion)?;
                    backends.with(QDRANT, Arc::new(qdrant))
                }
                (BackendName::Vlm, .., Some(vlm)) => backends.with(VLM, Arc::new(vlm.open()?)),
                // Back ends without what they need were refused above.
                _ => backends,
            };
        }
        is_started.store(true, Ordering::Relaxed);
        Ok(backends)
    })))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::titles::index::write;
    use crate::cli::titles::list::TitleList;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        backends: BackendArgs,
    }

    fn loader_of(arguments: &[&str]) -> anyhow::Result<Option<Loader>> {
        let line = Line::try_parse_from(["serve"].iter().chain(arguments))?;
        loader(line.backends, &RuntimeArgs::default())
    }

    const VISION: [&str; 6] = ["--vlm", "http://host", "--vlm-model", "m", "--titles", "t"];

    #[test]
    fn options_of_back_ends_that_are_not_named_are_refused() {
        for (arguments, advice) in [
            (&VISION[..], "--backend vlm"),
            (&["--qdrant-exact"], "--backend qdrant"),
            (&["--qdrant", "http://host"], "--backend qdrant"),
            (&["--collection", "things"], "--backend qdrant"),
            (&["--qdrant-timeout", "3"], "--backend qdrant"),
            (&["--backend", "qdrant", "--index", "i", "--search", "int8"], "--backend local"),
            (&["--backend", "vlm", "--backend", "vlm"], "twice"),
        ] {
            let error = loader_of(arguments).err().unwrap().to_string();
            assert!(error.contains(advice), "{arguments:?}: {error}");
        }
        assert!(loader_of(&[]).unwrap().is_none());
    }

    #[test]
    fn vision_model_alone_opens_no_index() {
        let folder = tempfile::tempdir().unwrap();
        let mut list = TitleList::default();
        assert!(list.push("Q1", "Red fox"));
        write(folder.path(), &list).unwrap();
        let titles = folder.path().to_str().unwrap();
        let arguments = ["--backend", "vlm", "--index", "/nowhere", "--titles", titles];
        let loader = loader_of(&[&arguments[..], &VISION[..4]].concat()).unwrap().unwrap();
        assert_eq!(loader().unwrap().iter().map(|(name, _)| name).collect::<Vec<_>>(), [VLM]);
    }
}
