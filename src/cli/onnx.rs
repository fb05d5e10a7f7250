//! Native ONNX Runtime: finding its shared library, and running graphs with it.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, bail, ensure};
use ort::environment::Environment;
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{RunOptions, Session, SessionInputValue};
use ort::value::{DynValue, Outlet, TensorElementType, TensorRef};

use crate::segment::{Data, RunGraph, Tensor};

/// An ONNX graph, loaded and optimised.
#[derive(Debug)]
pub(crate) struct Graph {
    session: Session,
}

/// Where ONNX Runtime is loaded from and how many threads it may use.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct RuntimeArgs {
    /// ONNX Runtime's shared library; else `ORT_DYLIB_PATH`, beside the binary, or in `node_modules`.
    #[arg(long, value_name = "PATH")]
    pub(crate) onnxruntime: Option<PathBuf>,
    /// Threads one run of a graph may use; 0 lets ONNX Runtime decide.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) threads: usize,
}

impl Graph {
    /// Loads a graph from the bytes of an ONNX file.
    pub(crate) fn from_bytes(runtime: &RuntimeArgs, bytes: &[u8]) -> Result<Self> {
        let builder = Session::builder(environment(runtime)?)?
            .with_optimization_level(GraphOptimizationLevel::All)
            .map_err(|error| anyhow!("{error}"))?;
        let mut builder = builder.with_intra_threads(runtime.threads).map_err(|error| anyhow!("{error}"))?;
        Ok(Self { session: builder.commit_from_memory(bytes)? })
    }

    /// The names of the graph's inputs, in its order.
    pub(crate) fn input_names(&self) -> Vec<&str> {
        self.session.inputs().iter().map(Outlet::name).collect()
    }

    /// The names of the graph's outputs, in its order.
    pub(crate) fn output_names(&self) -> Vec<&str> {
        self.session.outputs().iter().map(Outlet::name).collect()
    }
}

impl RunGraph for Graph {
    type Error = anyhow::Error;

    fn run(&mut self, inputs: &[(&str, &Tensor)], wanted: &[&str]) -> Result<Vec<Tensor>> {
        for (kind, names, known) in [
            ("input", inputs.iter().map(|input| input.0).collect::<Vec<_>>(), self.input_names()),
            ("output", wanted.to_vec(), self.output_names()),
        ] {
            let unknown = names.iter().find(|name| !known.contains(name));
            if let Some(name) = unknown {
                bail!("the graph has no {kind} {name:?}; it has {}", known.join(", "));
            }
        }
        let values: Vec<(&str, SessionInputValue<'_>)> =
            inputs.iter().map(|&(name, tensor)| Ok((name, value_of(tensor)?))).collect::<Result<_>>()?;
        let selector = wanted.iter().fold(ort::session::OutputSelector::no_default(), |all, &name| all.with(name));
        let options = RunOptions::new()?.with_outputs(selector);
        let outputs = self.session.run_with_options(values, &options)?;
        wanted
            .iter()
            .map(|&name| {
                let value = outputs.get(name).with_context(|| format!("the graph did not answer {name:?}"))?;
                tensor_of(value).with_context(|| format!("output {name:?}"))
            })
            .collect()
    }
}

fn value_of(tensor: &Tensor) -> Result<SessionInputValue<'_>> {
    let shape = tensor.shape().to_vec();
    Ok(match tensor.data() {
        Data::F32(values) => TensorRef::from_array_view((shape, values.as_slice()))?.into(),
        Data::U8(values) => TensorRef::from_array_view((shape, values.as_slice()))?.into(),
        Data::I64(values) => TensorRef::from_array_view((shape, values.as_slice()))?.into(),
    })
}

fn tensor_of(value: &DynValue) -> Result<Tensor> {
    let dtype = value.dtype();
    let (shape, data) = match dtype.tensor_type() {
        Some(TensorElementType::Float32) => {
            let (shape, values) = value.try_extract_tensor::<f32>()?;
            (shape, Data::F32(values.to_vec()))
        }
        Some(TensorElementType::Uint8) => {
            let (shape, values) = value.try_extract_tensor::<u8>()?;
            (shape, Data::U8(values.to_vec()))
        }
        Some(TensorElementType::Int64) => {
            let (shape, values) = value.try_extract_tensor::<i64>()?;
            (shape, Data::I64(values.to_vec()))
        }
        _ => bail!("is {dtype}, not a tensor of f32, u8 or i64"),
    };
    let shape: Vec<usize> = shape.iter().map(|&side| usize::try_from(side)).collect::<Result<_, _>>()?;
    Tensor::new(shape, data).context("has another number of elements than its shape says")
}

/// The process's one ONNX Runtime; the first call decides where it comes from.
fn environment(runtime: &RuntimeArgs) -> Result<&'static Environment> {
    static ENVIRONMENT: OnceLock<Result<Environment, String>> = OnceLock::new();
    let loaded = ENVIRONMENT.get_or_init(|| {
        let library = find_library(runtime.onnxruntime.as_deref()).map_err(|error| error.to_string())?;
        ort::init_from(&library)
            .map_err(|error| error.to_string())?
            .with_name("masklink")
            .with_telemetry(false)
            .build()
            .map_err(|error| format!("{}: {error}", library.display()))
    });
    loaded.as_ref().map_err(|message| anyhow!("ONNX Runtime could not be loaded: {message}"))
}

/// The library asked for, by argument or environment, else the one beside this binary, else the one npm's onnxruntime-node brings.
fn find_library(asked: Option<&Path>) -> Result<PathBuf> {
    let named = asked.map(Path::to_owned).or_else(|| std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from));
    if let Some(path) = named {
        ensure!(path.is_file(), "{} is not a file", path.display());
        return Ok(path);
    }
    let names: &[&str] = if cfg!(windows) {
        &["onnxruntime.dll"]
    } else if cfg!(target_os = "macos") {
        &["libonnxruntime.dylib", "libonnxruntime.1.dylib"]
    } else {
        &["libonnxruntime.so", "libonnxruntime.so.1"]
    };
    let binary = std::env::current_exe()?;
    let above_binary = binary.ancestors().skip(1).map(Path::to_owned);
    let beside_binary = binary.parent().map(Path::to_owned);
    let here = std::env::current_dir()?;
    let in_npm = here.ancestors().map(Path::to_owned).chain(above_binary).map(|folder| folder.join(npm_folder()));
    beside_binary
        .into_iter()
        .chain(in_npm)
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
        .find(|path| path.is_file())
        .with_context(|| {
            format!(
                "no {} beside the binary or under node_modules; run `npm install onnxruntime-node`, or download ONNX \
                 Runtime 1.24 or newer from its releases and name the library with --onnxruntime or ORT_DYLIB_PATH",
                names[0]
            )
        })
}

/// Where npm's onnxruntime-node keeps the library for this machine.
fn npm_folder() -> PathBuf {
    let system = if cfg!(windows) {
        "win32"
    } else if cfg!(target_os = "macos") {
        "darwin"
    } else {
        "linux"
    };
    let processor = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
    ["node_modules", "onnxruntime-node", "bin", "napi-v6", system, processor].iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_that_is_not_there_is_named() {
        let error = find_library(Some(Path::new("/nowhere/libonnxruntime.so"))).unwrap_err();
        assert_eq!(error.to_string(), "/nowhere/libonnxruntime.so is not a file");
    }

    #[test]
    fn names_the_graph_does_not_have_are_answered_with_those_it_has() {
        let bytes = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/models/colour-encoder.onnx")).unwrap();
        let mut graph = Graph::from_bytes(&RuntimeArgs::default(), &bytes).unwrap();
        let tensor = Tensor::new([1], Data::F32(vec![0.0])).unwrap();
        let error = graph.run(&[("picture", &tensor)], &["image_embeddings"]).unwrap_err();
        assert_eq!(error.to_string(), "the graph has no input \"picture\"; it has image");
        let error = graph.run(&[("image", &tensor)], &["embedding"]).unwrap_err();
        assert_eq!(error.to_string(), "the graph has no output \"embedding\"; it has image_embeddings");
        assert!(graph.run(&[("image", &tensor)], &["image_embeddings"]).is_err());
    }
}
