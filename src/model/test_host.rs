//! A [`Host`] for tests: outputs and responses are given beforehand, and what was run and sent is recorded.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use super::{Body, GraphId, Host, HostError, Input, PixelWindow, Request, Response, Tensor};
use crate::geometry::{PixelRect, Size};
use crate::pixels::Channels;

/// The encoded file of the image.
pub(crate) const IMAGE_FILE: &[u8] = b"image";

/// Returns outputs and responses in the order given. Each run or request takes 5 ms.
#[derive(Default)]
pub(crate) struct TestHost {
    image: Size,
    /// Results of the next runs.
    pub(crate) outputs: RefCell<VecDeque<Result<Vec<Tensor>, HostError>>>,
    /// Failures of the next resident runs, before one that succeeds.
    pub(crate) resident_failures: RefCell<VecDeque<HostError>>,
    /// Results of the next requests.
    pub(crate) responses: RefCell<VecDeque<Result<Response, HostError>>>,
    /// Number of providers to fall back to.
    pub(crate) other_providers: Cell<usize>,
    /// Returns true from this call of `is_cancelled` on.
    pub(crate) cancelled_from: Cell<Option<usize>>,
    /// Runs, failed ones too.
    pub(crate) runs: RefCell<Vec<Run>>,
    /// Successful resident runs; the output of the n-th is n.
    pub(crate) resident_runs: RefCell<Vec<Run>>,
    /// Reasons of the fallbacks.
    pub(crate) fallbacks: RefCell<Vec<String>>,
    /// Windows of the image whose pixels were read.
    pub(crate) windows: RefCell<Vec<PixelRect>>,
    /// Requests sent.
    pub(crate) sent: RefCell<Vec<Sent>>,
    /// Milliseconds slept.
    pub(crate) pauses: RefCell<Vec<u32>>,
    cancel_checks: Cell<usize>,
    millis: Cell<f64>,
}

/// A run of a graph.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) graph: GraphId,
    pub(crate) inputs: Vec<(String, Tensor)>,
    /// The last input that stayed where it was computed, else 0.
    pub(crate) resident: usize,
    pub(crate) outputs: Vec<String>,
}

/// A request that was sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) method: &'static str,
    pub(crate) url: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) timeout_millis: u32,
}

impl TestHost {
    pub(crate) fn new(image: Size) -> Self {
        Self { image, ..Self::default() }
    }

    fn run_of(&self, graph: GraphId, inputs: &[(&str, Input<'_, usize>)], outputs: &[&str]) -> Run {
        self.millis.set(self.millis.get() + 5.0);
        let outputs = outputs.iter().map(|&name| name.to_owned()).collect();
        let mut run = Run { graph, inputs: Vec::new(), resident: 0, outputs };
        for (name, input) in inputs {
            match *input {
                Input::Tensor(tensor) => run.inputs.push(((*name).to_owned(), tensor.clone())),
                Input::Resident(resident) => run.resident = *resident,
            }
        }
        run
    }
}

impl Host for TestHost {
    type Resident = usize;

    async fn run(
        &self,
        graph: GraphId,
        inputs: &[(&str, Input<'_, usize>)],
        outputs: &[&str],
    ) -> Result<Vec<Tensor>, HostError> {
        self.runs.borrow_mut().push(self.run_of(graph, inputs, outputs));
        self.outputs.borrow_mut().pop_front().expect("an output for each run")
    }

    async fn run_resident(
        &self,
        graph: GraphId,
        inputs: &[(&str, &Tensor)],
        _: &[usize],
    ) -> Result<usize, HostError> {
        let inputs: Vec<_> = inputs.iter().map(|&(name, tensor)| (name, Input::Tensor(tensor))).collect();
        let run = self.run_of(graph, &inputs, &[]);
        if let Some(error) = self.resident_failures.borrow_mut().pop_front() {
            return Err(error);
        }
        self.resident_runs.borrow_mut().push(run);
        Ok(self.resident_runs.borrow().len())
    }

    fn can_fall_back(&self) -> bool {
        self.other_providers.get() > 0
    }

    async fn fall_back(&self, reason: &str) -> Result<(), HostError> {
        self.other_providers.set(self.other_providers.get() - 1);
        self.fallbacks.borrow_mut().push(reason.to_owned());
        Ok(())
    }

    fn image_size(&self) -> Result<Size, HostError> {
        Ok(self.image)
    }

    fn pixels(&self, window: PixelRect) -> Result<PixelWindow<'_>, HostError> {
        self.windows.borrow_mut().push(window);
        let bytes = Cow::Owned(vec![9; window.width as usize * window.height as usize * 3]);
        Ok(PixelWindow { image: self.image, window, channels: Channels::Rgb, bytes })
    }

    async fn fetch(
        &self,
        Request { method, url, headers, body, timeout_millis, .. }: Request<'_>,
    ) -> Result<Response, HostError> {
        self.millis.set(self.millis.get() + 5.0);
        let body = if let Body::Bytes(bytes) = body { bytes } else { IMAGE_FILE };
        let (url, body) = (url.to_owned(), body.to_owned());
        self.sent.borrow_mut().push(Sent { method, url, headers, body, timeout_millis });
        self.responses.borrow_mut().pop_front().expect("a response for each request")
    }

    async fn sleep(&self, millis: u32) {
        self.pauses.borrow_mut().push(millis);
    }

    fn now_millis(&self) -> f64 {
        self.millis.get()
    }

    async fn is_cancelled(&self) -> bool {
        let checks = self.cancel_checks.replace(self.cancel_checks.get() + 1);
        self.cancelled_from.get().is_some_and(|from| checks >= from)
    }
}
