//! Clicks on a [`TestHost`], and the outputs of its decoder.

use super::manifest::tests::model_json;
use super::{Error, Limits, Model, Prompt, Prompts, Question, Refine, Segmentation, Session, Ticket, click};
use crate::geometry::{Point, Size};
use crate::model::Tensor;
use crate::model::test_host::{Run, TestHost};

/// Size of the image: a cell of the whole image's logits is 20 pixels wide and high.
pub(super) const IMAGE: Size = Size::new(320, 320);
/// Side of the grid of logits.
pub(super) const SIDE: usize = 16;

/// Creates a host of an image whose decoder returns these outputs.
pub(super) fn host(outputs: impl IntoIterator<Item = Vec<Tensor>>) -> TestHost {
    let host = TestHost::new(IMAGE);
    host.then(outputs);
    host
}

impl TestHost {
    /// Appends outputs of the decoder.
    pub(super) fn then(&self, outputs: impl IntoIterator<Item = Vec<Tensor>>) {
        self.outputs.borrow_mut().extend(outputs.into_iter().map(Ok));
    }

    /// Number of the encoder's successful runs.
    pub(super) fn encodings(&self) -> usize {
        self.resident_runs.borrow().len()
    }

    /// Number of the decoder's runs.
    pub(super) fn decodings(&self) -> usize {
        self.runs.borrow().len()
    }

    pub(super) fn last_decoding(&self) -> Run {
        self.runs.borrow().last().unwrap().clone()
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
        let question = Question { refine, ..question(ticket, prompts) };
        pollster::block_on(click(session, self, &question, |_| ()))
    }
}

impl Run {
    pub(super) fn input(&self, name: &str) -> &[f32] {
        self.inputs.iter().find(|input| input.0 == name).unwrap().1.as_f32().unwrap()
    }

    /// Returns whether logits were fed back.
    pub(super) fn has_mask(&self) -> bool {
        self.input("has_mask_input")[0] > 0.0
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

/// A question of the whole image.
pub(super) fn question(ticket: u32, prompts: &Prompts) -> Question {
    Question { ticket: Ticket(ticket), prompts: prompts.clone(), refine: None, view: None }
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
