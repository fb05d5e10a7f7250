//! Native ONNX Runtime: finds its shared library and runs graphs of named tensors.
//!
//! ONNX Runtime is used and not tract, which needs no shared library: it was faster on the project's graphs
//! when both were tried, and the page runs ONNX Runtime too.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ort::environment::Environment;
use ort::ep::{self, ExecutionProvider as _, ExecutionProviderDispatch};
use ort::session::{OutputSelector, RunOptions, Session, SessionInputValue};
use ort::value::{DynValue, Outlet, TensorElementType, TensorRef, ValueType};

use crate::model::{Data, Tensor};

/// A loaded ONNX Runtime. Cheap to clone; the first library loaded serves the whole process.
#[derive(Clone)]
pub struct Runtime {
    environment: Environment,
    provider: Provider,
}

/// The part of ONNX Runtime that runs graphs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Provider {
    /// The processor; every ONNX Runtime has it.
    #[default]
    Cpu,
    /// An NVIDIA GPU by CUDA.
    Cuda,
    /// An NVIDIA GPU by `TensorRT`, and by CUDA for what that does not support.
    Tensorrt,
}

impl Provider {
    /// Returns the name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::Tensorrt => "tensorrt",
        }
    }

    fn is_available(self) -> ort::Result<bool> {
        match self {
            Self::Cpu => Ok(true),
            Self::Cuda => ep::CUDA::is_available(),
            Self::Tensorrt => Ok(ep::TensorRT::is_available()? && ep::CUDA::is_available()?),
        }
    }

    /// Returns what a session registers; a provider that cannot start is an error, and not replaced.
    fn dispatches(self) -> Vec<ExecutionProviderDispatch> {
        let cuda = || ep::CUDA::default().build().error_on_failure();
        match self {
            Self::Cpu => Vec::new(),
            Self::Cuda => vec![cuda()],
            Self::Tensorrt => vec![ep::TensorRT::default().build().error_on_failure(), cuda()],
        }
    }
}

/// The command line's options of ONNX Runtime: its shared library and its threads.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct RuntimeArgs {
    /// ONNX Runtime's shared library. By default `ORT_DYLIB_PATH` names it; else it is searched beside the
    /// binary and in `node_modules`.
    #[arg(long, value_name = "PATH")]
    pub onnxruntime: Option<PathBuf>,
    /// Number of threads for one run of a model; 0 lets ONNX Runtime decide.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub threads: usize,
    /// The part of ONNX Runtime that runs models. One that the library lacks is an error.
    #[arg(long, value_enum, default_value_t = Provider::Cpu)]
    pub provider: Provider,
}

impl RuntimeArgs {
    /// Loads the shared library and checks that it has the provider.
    pub fn load(&self) -> Result<Runtime, Error> {
        Runtime::load(self.onnxruntime.as_deref())?.with_provider(self.provider)
    }
}

/// An ONNX graph, loaded.
pub struct Graph {
    session: Session,
    provider: Provider,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
}

/// The name, shape and type of one input or output of a graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// The name in the graph's file.
    pub name: String,
    /// Lengths of the axes; `None` for one that the graph leaves open.
    pub shape: Vec<Option<usize>>,
    /// The element type, as ONNX Runtime names it: `f32`, `u8`, `i64`, …
    pub element: String,
}

/// Says why ONNX Runtime or a graph cannot be loaded or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No shared library was found; install one, or give its path.
    #[error(
        "ONNX Runtime was not found (searched {searched}); run `npm ci` in the project's folder, or \
         `pip install onnxruntime` and set --onnxruntime or ORT_DYLIB_PATH to its shared library",
        searched = list(searched)
    )]
    LibraryMissing {
        /// The paths that do not exist.
        searched: Vec<PathBuf>,
    },
    /// The file exists, but is not an ONNX Runtime that this program can use.
    #[error("{} cannot be used as ONNX Runtime", path.display())]
    Library {
        /// The library's file.
        path: PathBuf,
        /// The loader's own message.
        source: ort::LoadDynamicError,
    },
    /// The library lacks the provider: use another library, or another provider.
    #[error(
        "this ONNX Runtime has no provider {name}; use the library of `pip install onnxruntime-gpu`, or \
         leave --provider out to run models on the processor",
        name = provider.name()
    )]
    ProviderMissing {
        /// The provider that was asked for.
        provider: Provider,
    },
    /// The bytes are not a graph that ONNX Runtime can run.
    #[error("ONNX Runtime cannot load the model")]
    Model(#[source] ort::Error),
    /// The run failed: an input is missing or of another shape or type, or memory ran out.
    #[error("the model could not be run")]
    Run(#[source] ort::Error),
    /// The graph has no output of the requested name.
    #[error("the model has no output '{name}'; it has {known:?}")]
    OutputUnknown {
        /// The requested name.
        name: String,
        /// The names of the graph's outputs.
        known: Vec<String>,
    },
    /// ONNX Runtime did not return a requested output.
    #[error("the model did not return its output '{name}'")]
    OutputMissing {
        /// The output's name.
        name: String,
    },
    /// An output is not of 32-bit floats.
    #[error("output '{name}' is not a tensor of 32-bit floats")]
    OutputType {
        /// The output's name.
        name: String,
        /// ONNX Runtime's own message.
        source: ort::Error,
    },
}

/// ONNX Runtime has one environment a process: the first one loaded is returned from then on.
static LOADED: Mutex<Option<Environment>> = Mutex::new(None);

impl Runtime {
    /// Loads the shared library: `library` where given, else the first that exists of [`library_places`].
    pub fn load(library: Option<&Path>) -> Result<Self, Error> {
        let path = match library {
            Some(path) if path.is_file() => path.to_path_buf(),
            Some(path) => return Err(Error::LibraryMissing { searched: vec![path.to_path_buf()] }),
            None => {
                let searched = library_places();
                match searched.iter().find(|path| path.is_file()) {
                    Some(path) => path.clone(),
                    None => return Err(Error::LibraryMissing { searched }),
                }
            }
        };
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        let environment = if let Some(environment) = &*loaded {
            environment.clone()
        } else {
            let builder = ort::init_from(&path).map_err(|source| Error::Library { path, source })?;
            loaded.insert(builder.with_telemetry(false).build().map_err(Error::Model)?).clone()
        };
        Ok(Self { environment, provider: Provider::Cpu })
    }

    /// Returns the runtime with graphs run by a provider, which the library must have.
    pub fn with_provider(self, provider: Provider) -> Result<Self, Error> {
        if provider.is_available().map_err(Error::Model)? {
            Ok(Self { provider, ..self })
        } else {
            Err(Error::ProviderMissing { provider })
        }
    }
}

impl Graph {
    /// Loads a graph, to run on `threads` threads (0: one for each core).
    pub fn from_bytes(runtime: &Runtime, model: &[u8], threads: usize) -> Result<Self, Error> {
        let session = Session::builder(&runtime.environment)
            .and_then(|builder| Ok(builder.with_intra_threads(threads)?))
            .and_then(|builder| Ok(builder.with_execution_providers(runtime.provider.dispatches())?))
            .and_then(|mut builder| builder.commit_from_memory(model))
            .map_err(Error::Model)?;
        let ports = |outlets: &[Outlet]| outlets.iter().map(port).collect();
        let (inputs, outputs) = (ports(session.inputs()), ports(session.outputs()));
        Ok(Self { session, provider: runtime.provider, inputs, outputs })
    }

    /// Returns the part of ONNX Runtime that runs the graph.
    pub fn provider(&self) -> Provider {
        self.provider
    }

    /// Returns the graph's inputs in its own order.
    pub fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    /// Returns the graph's outputs in its own order.
    pub fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    /// Runs as much of the graph as the named outputs need, and returns these in their order.
    pub fn run(&mut self, inputs: &[(&str, &Tensor)], outputs: &[&str]) -> Result<Vec<Tensor>, Error> {
        if let Some(name) = outputs.iter().find(|&&name| self.outputs.iter().all(|port| port.name != name)) {
            let known = self.outputs.iter().map(|port| port.name.clone()).collect();
            return Err(Error::OutputUnknown { name: (*name).to_owned(), known });
        }
        let selector =
            outputs.iter().fold(OutputSelector::no_default(), |selector, &name| selector.with(name));
        let options = RunOptions::new().map_err(Error::Run)?.with_outputs(selector);
        let values: Vec<(&str, SessionInputValue<'_>)> = inputs
            .iter()
            .map(|&(name, tensor)| Ok((name, value(tensor).map_err(Error::Run)?)))
            .collect::<Result<_, Error>>()?;
        let mut computed = self.session.run_with_options(values, &options).map_err(Error::Run)?;
        let take = |&name: &&str| {
            let value =
                computed.remove(name).ok_or_else(|| Error::OutputMissing { name: name.to_owned() })?;
            output(name, &value)
        };
        outputs.iter().map(take).collect()
    }
}

/// Returns the paths at which the shared library is searched, in order: `ORT_DYLIB_PATH`; beside the
/// program; and, from the working folder and from the program's folder upwards, npm's `onnxruntime-node`.
pub fn library_places() -> Vec<PathBuf> {
    let mut places: Vec<_> = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from).into_iter().collect();
    let program_folder = std::env::current_exe().ok().and_then(|path| path.parent().map(Path::to_path_buf));
    places.extend(program_folder.iter().flat_map(|folder| FILE_NAMES.map(|name| folder.join(name))));
    let npm_folder = Path::new("node_modules/onnxruntime-node/bin/napi-v6").join(NPM_OS).join(NPM_ARCH);
    let starts = std::env::current_dir().ok().into_iter().chain(program_folder);
    // Five folders up reach a checkout from target/<triple>/<profile>/deps.
    places.extend(
        starts
            .flat_map(|start| start.ancestors().take(5).map(Path::to_path_buf).collect::<Vec<_>>())
            .flat_map(|folder| FILE_NAMES.map(|name| folder.join(&npm_folder).join(name))),
    );
    let mut seen = std::collections::HashSet::new();
    places.retain(|place| seen.insert(place.clone()));
    places
}

const FILE_NAMES: [&str; 2] = if cfg!(target_os = "windows") {
    ["onnxruntime.dll", "libonnxruntime.dll"]
} else if cfg!(target_os = "macos") {
    ["libonnxruntime.dylib", "libonnxruntime.1.dylib"]
} else {
    ["libonnxruntime.so.1", "libonnxruntime.so"]
};

const NPM_OS: &str = if cfg!(target_os = "windows") {
    "win32"
} else if cfg!(target_os = "macos") {
    "darwin"
} else {
    "linux"
};

const NPM_ARCH: &str = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };

fn port(outlet: &Outlet) -> Port {
    let (shape, element) = match outlet.dtype() {
        ValueType::Tensor { ty, shape, .. } => {
            (shape.iter().map(|&length| usize::try_from(length).ok()).collect(), element_name(*ty))
        }
        other => (Vec::new(), other.to_string()),
    };
    Port { name: outlet.name().to_owned(), shape, element }
}

fn element_name(element: TensorElementType) -> String {
    match element {
        TensorElementType::Float32 => "f32".into(),
        TensorElementType::Uint8 => "u8".into(),
        TensorElementType::Int64 => "i64".into(),
        other => other.to_string(),
    }
}

fn value(tensor: &Tensor) -> ort::Result<SessionInputValue<'_>> {
    let shape = tensor.shape().to_vec();
    match tensor.data() {
        Data::F32(data) => TensorRef::from_array_view((shape, &data[..])).map(Into::into),
        Data::U8(data) => TensorRef::from_array_view((shape, &data[..])).map(Into::into),
        Data::I64(data) => TensorRef::from_array_view((shape, &data[..])).map(Into::into),
    }
}

fn output(name: &str, value: &DynValue) -> Result<Tensor, Error> {
    let extracted = value.try_extract_tensor::<f32>();
    let (shape, data) = extracted.map_err(|source| Error::OutputType { name: name.to_owned(), source })?;
    // The axes of a computed value are never negative.
    let shape: Vec<_> = shape.iter().map(|&length| usize::try_from(length).unwrap_or(0)).collect();
    let tensor = Tensor::new(shape, Data::F32(data.to_vec()));
    tensor.ok_or_else(|| Error::OutputMissing { name: name.to_owned() })
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_library_error_names_path_and_installation() {
        let path = Path::new("nowhere/libonnxruntime.so");
        let Err(error) = Runtime::load(Some(path)) else { panic!("there is no such file") };
        let text = error.to_string();
        assert!(text.contains("nowhere/libonnxruntime.so") && text.contains("npm ci"), "{text}");
    }
}
