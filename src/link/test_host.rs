//! A [`Host`] for tests: outputs and responses are given beforehand, and what was sent is recorded.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use crate::geometry::{PixelRect, Size};
use crate::model::{GraphId, Host, HostError, Input, PixelWindow, Request, Response, Tensor};
use crate::pixels::Channels;

/// Size of the image.
pub(super) const IMAGE: Size = Size::new(8, 8);

/// Returns outputs and responses in the order given. Each run or request takes 5 ms.
#[derive(Default)]
pub(super) struct TestHost {
    /// Results of the encoder's next runs.
    pub(super) outputs: RefCell<VecDeque<Result<Vec<Tensor>, HostError>>>,
    /// Results of the next requests.
    pub(super) responses: RefCell<VecDeque<Result<Response, HostError>>>,
    /// Returns true from this call of `is_cancelled` on.
    pub(super) cancelled_from: Cell<Option<usize>>,
    cancel_checks: Cell<usize>,
    /// Windows of the image whose pixels were read, one for each run.
    pub(super) windows: RefCell<Vec<PixelRect>>,
    /// Requests sent.
    pub(super) sent: RefCell<Vec<Sent>>,
    /// Milliseconds slept.
    pub(super) pauses: RefCell<Vec<u32>>,
    millis: Cell<f64>,
}

/// A request that was sent.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) method: &'static str,
    pub(super) url: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
    pub(super) timeout_millis: u32,
}

impl Host for TestHost {
    type Resident = ();

    async fn run(
        &self,
        graph: GraphId,
        inputs: &[(&str, Input<'_, ()>)],
        outputs: &[&str],
    ) -> Result<Vec<Tensor>, HostError> {
        assert_eq!((graph, outputs), (GraphId::LinkEncoder, &["features"][..]));
        let [("image", Input::Tensor(input))] = inputs else { panic!("{inputs:?}") };
        assert_eq!(input.to_string(), "float32[1, 3, 2, 2]");
        self.millis.set(self.millis.get() + 5.0);
        self.outputs.borrow_mut().pop_front().expect("an output for each run")
    }

    async fn run_resident(&self, _: GraphId, _: &[(&str, &Tensor)], _: &[usize]) -> Result<(), HostError> {
        panic!("linking leaves no output where it was computed")
    }

    async fn fall_back(&self, _: &str) -> Result<bool, HostError> {
        panic!("linking changes no provider")
    }

    fn image_size(&self) -> Result<Size, HostError> {
        Ok(IMAGE)
    }

    fn pixels(&self, window: PixelRect) -> Result<PixelWindow<'_>, HostError> {
        self.windows.borrow_mut().push(window);
        let bytes = Cow::Owned(vec![9; window.width as usize * window.height as usize * 3]);
        Ok(PixelWindow { image: IMAGE, window, channels: Channels::Rgb, bytes })
    }

    async fn fetch(&self, request: Request<'_>) -> Result<Response, HostError> {
        self.millis.set(self.millis.get() + 5.0);
        self.sent.borrow_mut().push(Sent {
            method: request.method,
            url: request.url.to_owned(),
            headers: request.headers,
            body: request.body.into_owned(),
            timeout_millis: request.timeout_millis,
        });
        self.responses.borrow_mut().pop_front().expect("a response for each request")
    }

    async fn sleep(&self, millis: u32) {
        self.pauses.borrow_mut().push(millis);
    }

    fn now_millis(&self) -> f64 {
        self.millis.get()
    }

    async fn is_cancelled(&self) -> bool {
        let checks = self.cancel_checks.get();
        self.cancel_checks.set(checks + 1);
        self.cancelled_from.get().is_some_and(|from| checks >= from)
    }
}
