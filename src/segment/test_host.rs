//! A [`Host`] for tests: outputs are given beforehand, and what was run is recorded.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use super::manifest::tests::model_json;
use super::{Error, Limits, Model, Prompt, Prompts, Refine, Segmentation, Session, Ticket, click};
use crate::geometry::{PixelRect, Point, Size};
use crate::model::{GraphId, Host, HostError, Input, PixelWindow, Request, Response, Tensor};
use crate::pixels::Channels;

/// Size of the image: a cell of the whole image's logits is 20 pixels wide and high.
pub(super) const IMAGE: Size = Size::new(320, 320);
/// Side of the grid of logits.
pub(super) const SIDE: usize = 16;

/// Returns outputs in the order given; the embedding of the encoder's n-th run is n.
#[derive(Default)]
pub(super) struct TestHost {
    /// Results of the decoder's next runs.
    decoder: RefCell<VecDeque<Result<Vec<Tensor>, HostError>>>,
    /// The next runs of the encoder that fail, before one that does not.
    pub(super) encoder_failures: RefCell<VecDeque<HostError>>,
    /// Number of providers to fall back to.
    pub(super) other_providers: Cell<usize>,
    /// Reasons of the fallbacks.
    pub(super) fallbacks: RefCell<Vec<String>>,
    /// Returns true from this call of `is_cancelled` on.
    pub(super) cancelled_from: Cell<Option<usize>>,
    cancel_checks: Cell<usize>,
    /// Windows of the image whose pixels were read.
    pub(super) windows: RefCell<Vec<PixelRect>>,
    /// Runs of the decoder.
    pub(super) decoded: RefCell<Vec<Decoding>>,
}

/// One run of the decoder.
#[derive(Clone, Debug)]
pub(super) struct Decoding {
    pub(super) embedding: usize,
    pub(super) inputs: Vec<(String, Tensor)>,
}

impl Decoding {
    pub(super) fn input(&self, name: &str) -> &[f32] {
        self.inputs.iter().find(|input| input.0 == name).unwrap().1.as_f32().unwrap()
    }

    /// Returns whether logits were fed back.
    pub(super) fn has_mask(&self) -> bool {
        self.input("has_mask_input")[0] > 0.0
    }
}

impl TestHost {
    pub(super) fn new(outputs: impl IntoIterator<Item = Vec<Tensor>>) -> Self {
        let host = Self::default();
        host.then(outputs);
        host
    }

    /// Appends outputs of the decoder.
    pub(super) fn then(&self, outputs: impl IntoIterator<Item = Vec<Tensor>>) {
        self.decoder.borrow_mut().extend(outputs.into_iter().map(Ok));
    }

    /// Appends a run of the decoder that fails.
    pub(super) fn then_fail(&self, error: HostError) {
        self.decoder.borrow_mut().push_back(Err(error));
    }

    /// Number of the encoder's successful runs.
    pub(super) fn encodings(&self) -> usize {
        self.windows.borrow().len()
    }

    pub(super) fn last_decoding(&self) -> Decoding {
        self.decoded.borrow().last().unwrap().clone()
    }

    /// Clicks once in the image's middle.
    pub(super) fn click(&self, session: &mut Session<usize>, ticket: u32) -> Result<Segmentation, Error> {
        self.click_at(session, ticket, &prompts(&[(150.0, 150.0)]), None)
    }

    pub(super) fn click_at(
        &self,
        session: &mut Session<usize>,
        ticket: u32,
        prompts: &Prompts,
        refine: Option<Refine>,
    ) -> Result<Segmentation, Error> {
        pollster::block_on(click(session, self, prompts, refine, Ticket(ticket), |_| ()))
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
        assert_eq!((graph, outputs), (GraphId::ClickDecoder, &["iou_predictions", "low_res_masks"][..]));
        let mut decoding = Decoding { embedding: 0, inputs: Vec::new() };
        for (name, input) in inputs {
            match input {
                Input::Tensor(tensor) => decoding.inputs.push(((*name).to_owned(), (*tensor).clone())),
                Input::Resident(embedding) => decoding.embedding = **embedding,
            }
        }
        self.decoded.borrow_mut().push(decoding);
        self.decoder.borrow_mut().pop_front().expect("an output for each run of the decoder")
    }

    async fn run_resident(
        &self,
        graph: GraphId,
        inputs: &[(&str, &Tensor)],
        shape: &[usize],
    ) -> Result<usize, HostError> {
        assert_eq!((graph, shape), (GraphId::ClickEncoder, &[1, 256, 64, 64][..]));
        assert_eq!((inputs[0].0, inputs[0].1.shape()), ("image", &[1, 3, 32, 32][..]));
        match self.encoder_failures.borrow_mut().pop_front() {
            Some(error) => {
                self.windows.borrow_mut().pop();
                Err(error)
            }
            None => Ok(self.encodings()),
        }
    }

    async fn fall_back(&self, reason: &str) -> Result<bool, HostError> {
        let others = self.other_providers.get();
        self.other_providers.set(others.saturating_sub(1));
        self.fallbacks.borrow_mut().push(reason.to_owned());
        Ok(others > 0)
    }

    fn image_size(&self) -> Result<Size, HostError> {
        Ok(IMAGE)
    }

    fn pixels(&self, window: PixelRect) -> Result<PixelWindow<'_>, HostError> {
        self.windows.borrow_mut().push(window);
        let bytes = Cow::Owned(vec![9; window.width as usize * window.height as usize * 3]);
        Ok(PixelWindow { image: IMAGE, window, channels: Channels::Rgb, bytes })
    }

    async fn fetch(&self, _: Request<'_>) -> Result<Response, HostError> {
        panic!("a click fetches nothing")
    }

    async fn sleep(&self, _: u32) {
        panic!("a click does not sleep")
    }

    fn now_millis(&self) -> f64 {
        0.0
    }

    async fn is_cancelled(&self) -> bool {
        let checks = self.cancel_checks.get();
        self.cancel_checks.set(checks + 1);
        self.cancelled_from.get().is_some_and(|from| checks >= from)
    }
}

/// A session with a model of two candidates and these refinement passes.
pub(super) fn session(zoom_in: Option<f64>, zoom_on_click: Option<f64>) -> Session<usize> {
    let mut json = model_json();
    json["encoder"]["size"] = 32.into();
    json["decoder"]["low_res"] = SIDE.into();
    json["decoder"]["candidates"] = 2.into();
    json["zoom_in"] = zoom_in.into();
    json["zoom_on_click"] = zoom_on_click.into();
    Session::new(Model::from_json(json.to_string().as_bytes(), &Limits::default()).unwrap()).unwrap()
}

/// Positive clicks.
pub(super) fn prompts(clicks: &[(f64, f64)]) -> Prompts {
    let click = |&(x, y)| Prompt::Click { point: Point::new(x, y), positive: true };
    clicks.iter().map(click).collect::<Result<_, _>>().unwrap()
}

/// Outputs of two candidates, each with one logit everywhere.
pub(super) fn flat(ious: [f32; 2], logits: [f32; 2]) -> Vec<Tensor> {
    outputs(ious, logits.iter().flat_map(|&logit| [logit; SIDE * SIDE]).collect())
}

/// Outputs of two candidates, the second with the higher IoU: -3, and 2 in a square of cells.
pub(super) fn square(first: usize, past: usize) -> Vec<Tensor> {
    square_with([0.5, 0.6], first, past)
}

pub(super) fn square_with(ious: [f32; 2], first: usize, past: usize) -> Vec<Tensor> {
    let inside =
        |at: usize| (first..past).contains(&(at % SIDE)) && (first..past).contains(&(at / SIDE % SIDE));
    outputs(ious, (0..2 * SIDE * SIDE).map(|at| if inside(at) { 2.0 } else { -3.0 }).collect())
}

fn outputs(ious: [f32; 2], low_res: Vec<f32>) -> Vec<Tensor> {
    vec![
        Tensor::from_f32s(ious.to_vec()).reshaped([1, 2]),
        Tensor::from_f32s(low_res).reshaped([1, 2, SIDE, SIDE]),
    ]
}
