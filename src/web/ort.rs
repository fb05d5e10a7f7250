//! ONNX Runtime Web bound with wasm-bindgen: the parts of its ES module that run a graph.
//!
//! The extern block is private; [`Runtime`] and [`Graph`] are its safe use. Runs take turns, since one
//! module of ONNX Runtime Web runs one graph at a time.

use std::cell::{Cell, RefCell};

use async_lock::Mutex;
use js_sys::{Array, Float32Array, Function, Object, Reflect, Uint8Array};
use wasm_bindgen::prelude::{JsCast, JsValue, wasm_bindgen};

use super::error::message_of;
use crate::model::{Data, HostError, Input, Tensor};

#[wasm_bindgen]
extern "C" {
    /// The namespace object of the module `onnxruntime-web`.
    type Ort;
    #[wasm_bindgen(method, getter)]
    fn env(this: &Ort) -> Env;
    #[wasm_bindgen(method, getter, js_name = InferenceSession)]
    fn inference_session(this: &Ort) -> SessionClass;
    #[wasm_bindgen(method, getter, js_name = Tensor)]
    fn tensor_class(this: &Ort) -> Function;

    type Env;
    #[wasm_bindgen(method, getter)]
    fn wasm(this: &Env) -> WasmFlags;
    type WasmFlags;
    #[wasm_bindgen(method, getter, js_name = numThreads)]
    fn num_threads(this: &WasmFlags) -> Option<u32>;

    type SessionClass;
    #[wasm_bindgen(method, catch)]
    async fn create(this: &SessionClass, model: &Uint8Array, options: &Object) -> Result<JsValue, JsValue>;

    #[derive(Clone)]
    type InferenceSession;
    #[wasm_bindgen(method, getter, js_name = outputNames)]
    fn output_names(this: &InferenceSession) -> Array;
    #[wasm_bindgen(method, catch)]
    async fn run(this: &InferenceSession, feeds: &Object, fetches: &Array) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    async fn release(this: &InferenceSession) -> Result<JsValue, JsValue>;

    #[derive(Clone)]
    type OrtTensor;
    #[wasm_bindgen(method, getter)]
    fn dims(this: &OrtTensor) -> Array;
    #[wasm_bindgen(method, getter)]
    fn data(this: &OrtTensor) -> JsValue;
    #[wasm_bindgen(method, getter)]
    fn location(this: &OrtTensor) -> String;
    #[wasm_bindgen(method, catch)]
    fn dispose(this: &OrtTensor) -> Result<(), JsValue>;
}

/// Processor that runs the graphs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Provider {
    /// The GPU.
    WebGpu,
    /// The processor, by WebAssembly.
    Wasm,
}

/// One build of ONNX Runtime Web, loaded.
pub(super) struct Runtime {
    ort: Ort,
    build: String,
    provider: Cell<Provider>,
    reasons: RefCell<Vec<String>>,
    turn: Mutex<()>,
}

/// A graph ready to run.
#[derive(Clone)]
pub(super) struct Graph {
    session: InferenceSession,
    provider: Provider,
}

/// An output that stays where it was computed; a GPU buffer is freed when it is dropped.
pub(super) struct Resident(OrtTensor);

impl Provider {
    /// Returns the name in ONNX Runtime's session options.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::WebGpu => "webgpu",
            Self::Wasm => "wasm",
        }
    }
}

impl Runtime {
    /// Wraps what `worker/runtime.js` loaded: `{ ort, build, provider, reasons }`.
    pub(super) fn from_js(loaded: &JsValue) -> Result<Self, JsValue> {
        let field = |name: &str| Reflect::get(loaded, &JsValue::from_str(name));
        let reasons: Array = field("reasons")?.unchecked_into();
        let provider = match field("provider")?.as_string().as_deref() {
            Some("webgpu") => Provider::WebGpu,
            _ => Provider::Wasm,
        };
        Ok(Self {
            ort: field("ort")?.unchecked_into(),
            build: field("build")?.as_string().unwrap_or_default(),
            provider: Cell::new(provider),
            reasons: RefCell::new(reasons.iter().filter_map(|reason| reason.as_string()).collect()),
            turn: Mutex::new(()),
        })
    }

    /// Returns the provider of new graphs.
    pub(super) fn provider(&self) -> Provider {
        self.provider.get()
    }

    /// Returns `jspi`, `asyncify` or `wasm`.
    pub(super) fn build(&self) -> &str {
        &self.build
    }

    /// Returns the number of threads of the WebAssembly provider.
    pub(super) fn threads(&self) -> u32 {
        self.ort.env().wasm().num_threads().unwrap_or(1)
    }

    /// Returns why it is nothing faster, in words.
    pub(super) fn reasons(&self) -> Vec<String> {
        self.reasons.borrow().clone()
    }

    /// Has new graphs run on the processor, for the given reason.
    pub(super) fn step_down(&self, reason: String) {
        self.provider.set(Provider::Wasm);
        self.reasons.borrow_mut().push(reason);
    }

    /// Makes a graph ready from the bytes of its ONNX file. With `keeps_outputs` its outputs stay on the
    /// GPU where that runs it.
    pub(super) async fn graph(
        &self,
        model: &Uint8Array,
        provider: Provider,
        keeps_outputs: bool,
    ) -> Result<Graph, HostError> {
        let options = Object::new();
        set(&options, "executionProviders", &Array::of1(&JsValue::from_str(provider.name())));
        set(&options, "graphOptimizationLevel", &JsValue::from_str("all"));
        set(&options, "logSeverityLevel", &JsValue::from_f64(3.0));
        if keeps_outputs && provider == Provider::WebGpu {
            set(&options, "preferredOutputLocation", &JsValue::from_str("gpu-buffer"));
        }
        let _turn = self.turn.lock().await;
        let session = self.ort.inference_session().create(model, &options).await;
        let session = session.map_err(|thrown| failure(provider, &thrown))?.unchecked_into();
        Ok(Graph { session, provider })
    }

    /// Runs a graph and returns the outputs of the given names, in their order, as 32-bit floats.
    pub(super) async fn run(
        &self,
        graph: &Graph,
        feeds: &[(&str, Input<'_, Resident>)],
        outputs: &[&str],
    ) -> Result<Vec<Tensor>, HostError> {
        let values = self.outputs(graph, feeds, outputs).await?;
        outputs.iter().zip(values).map(|(name, value)| float_tensor(name, &value)).collect()
    }

    /// Runs a graph and leaves its first output where it was computed.
    pub(super) async fn run_resident(
        &self,
        graph: &Graph,
        feeds: &[(&str, Input<'_, Resident>)],
        shape: &[usize],
    ) -> Result<Resident, HostError> {
        let name = graph.session.output_names().get(0).as_string().unwrap_or_default();
        let mut values = self.outputs(graph, feeds, &[&name]).await?;
        let value = values.pop().map(Resident);
        let actual = value.as_ref().map(|value| shape_of(&value.0));
        match value {
            Some(value) if actual.as_deref() == Some(shape) => Ok(value),
            _ => {
                let actual = actual.map(|shape| format!("float32{shape:?}"));
                Err(HostError::output(&name, format!("float32{shape:?}"), actual))
            }
        }
    }

    async fn outputs(
        &self,
        graph: &Graph,
        feeds: &[(&str, Input<'_, Resident>)],
        names: &[&str],
    ) -> Result<Vec<OrtTensor>, HostError> {
        let inputs = Object::new();
        for (name, feed) in feeds {
            let value = match feed {
                Input::Tensor(tensor) => {
                    self.js_tensor(tensor).map_err(|thrown| failure(graph.provider, &thrown))?
                }
                Input::Resident(resident) => resident.0.clone().into(),
            };
            set(&inputs, name, &value);
        }
        let wanted: Array = names.iter().map(|name| JsValue::from_str(name)).collect();
        let _turn = self.turn.lock().await;
        let outputs = graph.session.run(&inputs, &wanted).await;
        let outputs = outputs.map_err(|thrown| failure(graph.provider, &thrown))?;
        names
            .iter()
            .map(|name| {
                let value = Reflect::get(&outputs, &JsValue::from_str(name)).unwrap_or_default();
                if value.is_undefined() { Err(missing(name)) } else { Ok(value.unchecked_into()) }
            })
            .collect()
    }

    fn js_tensor(&self, tensor: &Tensor) -> Result<JsValue, JsValue> {
        let data: JsValue = match tensor.data() {
            Data::F32(values) => Float32Array::from(&values[..]).into(),
            Data::U8(values) => Uint8Array::from(&values[..]).into(),
            Data::I64(values) => js_sys::BigInt64Array::from(&values[..]).into(),
        };
        let shape: Array = tensor.shape().iter().map(|&side| JsValue::from(side as u32)).collect();
        let arguments = Array::of3(&JsValue::from_str(tensor.data().type_name()), &data, &shape);
        Reflect::construct(&self.ort.tensor_class(), &arguments)
    }
}

impl Graph {
    /// Frees the graph's memory in ONNX Runtime.
    pub(super) async fn release(self) {
        // A runtime that has failed may fail at this too, and there is nothing left to free then.
        drop(self.session.release().await);
    }
}

impl Drop for Resident {
    fn drop(&mut self) {
        // A runtime that has failed may fail at this too, and there is nothing left to free then.
        drop(self.0.dispose());
    }
}

fn float_tensor(name: &str, value: &OrtTensor) -> Result<Tensor, HostError> {
    let data = value.data().dyn_into::<Float32Array>().map_err(|_| missing(name))?;
    let shape = shape_of(value);
    let (expected, actual) = (format!("float32{shape:?}"), format!("{} values", data.length()));
    let tensor = Tensor::new(shape, Data::F32(data.to_vec()));
    tensor.ok_or_else(|| HostError::output(name, expected, Some(actual)))
}

fn shape_of(value: &OrtTensor) -> Vec<usize> {
    value.dims().iter().map(|side| side.as_f64().unwrap_or_default() as usize).collect()
}

fn missing(name: &str) -> HostError {
    HostError::output(name, "float32", None)
}

/// Returns the failure of a run; another provider may do what the GPU could not. In a page most other runs
/// fail for lack of memory.
fn failure(provider: Provider, thrown: &JsValue) -> HostError {
    let reason = message_of(thrown);
    match provider {
        Provider::WebGpu => HostError::Provider { reason },
        Provider::Wasm => HostError::Run {
            reason: format!("{reason}. Close other pages or programs to free memory; try again"),
        },
    }
}

/// Sets a property of an object that was made here, which cannot fail.
fn set(object: &Object, key: &str, value: &JsValue) {
    drop(Reflect::set(object, &JsValue::from_str(key), value));
}
