//! Loads a segmentation model from its manifest and runs clicks on it natively.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::decoded_image::DecodedImage;
use super::host::{Graphs, NativeHost};
use super::onnx::{Graph, RuntimeArgs};
use crate::link::protocol::sha256_hex;
use crate::model::{GraphId, HostError, Tensor};
use crate::segment::{
    self, GraphFile, Limits, Manifest, Model, Prompts, Question, Refine, Segmentation, Session, Ticket,
};

/// The manifest that is used where none is named.
const DEFAULT_MANIFEST: &str = "www/models/models.json";

/// A loaded model and the image that is clicked.
pub struct Segmenter {
    graphs: Graphs,
    session: Session<Tensor>,
    image: Option<DecodedImage>,
    clicks: u32,
    /// The best candidate of the click before, for the next one to refine.
    last: Option<Refine>,
}

/// A model of a manifest: `ID`, `PATH/models.json` or `PATH/models.json#ID`.
#[derive(Clone, Debug)]
pub struct ModelChoice {
    manifest: PathBuf,
    id: Option<String>,
}

impl Default for ModelChoice {
    fn default() -> Self {
        Self { manifest: DEFAULT_MANIFEST.into(), id: None }
    }
}

impl From<&str> for ModelChoice {
    fn from(text: &str) -> Self {
        let is_manifest =
            |path: &str| Path::new(path).extension().is_some_and(|extension| extension == "json");
        match text.rsplit_once('#') {
            Some((manifest, id)) => Self { manifest: manifest.into(), id: Some(id.into()) },
            None if is_manifest(text) => Self { manifest: text.into(), id: None },
            None => Self { id: Some(text.into()), ..Self::default() },
        }
    }
}

impl ModelChoice {
    /// Reads the model's entry of the manifest. Returns it with the folder of the manifest.
    pub(super) fn read(&self) -> Result<(Model, PathBuf)> {
        let path = &self.manifest;
        let json = std::fs::read(path).with_context(|| format!("{} could not be read", path.display()))?;
        let manifest =
            Manifest::from_json(&json, &Limits::default()).with_context(|| path.display().to_string())?;
        let model = match &self.id {
            Some(id) => manifest.model(id)?,
            None => manifest.default_model(),
        };
        Ok((model.clone(), path.parent().unwrap_or(Path::new("")).to_path_buf()))
    }
}

impl Segmenter {
    /// Loads the chosen model, checking its files' sizes and hashes.
    pub fn load(choice: &ModelChoice, runtime: &RuntimeArgs) -> Result<Self> {
        let (model, folder) = choice.read()?;
        let mut graphs = Graphs::default();
        for (id, file) in
            [(GraphId::ClickEncoder, &model.encoder.graph), (GraphId::ClickDecoder, &model.decoder.graph)]
        {
            graphs.insert(id, load_graph(&folder, file, runtime)?);
        }
        Ok(Self { graphs, session: Session::new(model)?, image: None, clicks: 0, last: None })
    }

    /// Returns the model's entry of the manifest.
    pub fn model(&self) -> &Model {
        self.session.model()
    }

    /// Opens an image and encodes it.
    pub fn encode(&mut self, image: DecodedImage) -> Result<(), segment::Error> {
        self.restart();
        self.session.forget_image();
        let host = NativeHost::new(&self.graphs, self.image.insert(image));
        pollster::block_on(segment::encode_image(&mut self.session, &host))
    }

    /// Makes the next click begin anew, for another object of the same image.
    pub fn restart(&mut self) {
        self.last = None;
    }

    /// Segments the image by the prompts, going on from the click before.
    pub fn click(&mut self, prompts: &Prompts) -> Result<Segmentation, segment::Error> {
        let image = self.image.as_ref().ok_or(HostError::ImageMissing)?;
        let host = NativeHost::new(&self.graphs, image);
        self.clicks += 1;
        let ticket = Ticket(self.clicks);
        let question = Question { ticket, prompts: prompts.clone(), refine: self.last, view: None };
        let click = segment::click(&mut self.session, &host, &question, |_| ());
        let segmentation = pollster::block_on(click)?;
        self.last = Some(Refine { ticket, candidate: segmentation.best });
        Ok(segmentation)
    }
}

/// Reads a graph beside its manifest, and checks its size and hash.
pub(super) fn load_graph(folder: &Path, graph: &GraphFile, runtime: &RuntimeArgs) -> Result<Graph> {
    let path = folder.join(&graph.url);
    let described = || path.display().to_string();
    let bytes = std::fs::read(&path).with_context(described)?;
    let found = bytes.len();
    ensure!(
        found as u64 == graph.bytes,
        "{} has {found} bytes, the manifest says {}",
        path.display(),
        graph.bytes
    );
    let digest = sha256_hex(&bytes);
    ensure!(
        digest == graph.sha256,
        "{} has SHA-256 {digest}, the manifest says {}",
        path.display(),
        graph.sha256
    );
    let loaded = runtime.load()?;
    Graph::from_bytes(&loaded, &bytes, runtime.threads).with_context(described)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{PixelRect, Point, Size};
    use crate::model::test_host::TestHost;
    use crate::model::{Host as _, Input};
    use crate::rle::Mask;
    use crate::segment::{Logits, ModelFrame, Prompt};

    fn load(manifest: &str) -> Result<Segmenter> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models").join(manifest);
        let choice = ModelChoice { manifest: path, id: None };
        Segmenter::load(&choice, &RuntimeArgs::default())
    }

    /// A red disc on blue.
    fn disc(size: Size, centre: Point, radius: f64) -> (DecodedImage, Mask) {
        let mut pixels = Vec::new();
        let mut bitmap = Vec::new();
        for y in 0..size.height {
            for x in 0..size.width {
                let (dx, dy) = (f64::from(x) + 0.5 - centre.x, f64::from(y) + 0.5 - centre.y);
                let inside = dx * dx + dy * dy < radius * radius;
                pixels.extend(if inside { [200, 30, 30] } else { [30, 60, 180] });
                bitmap.push(u8::from(inside));
            }
        }
        let pixels = image::RgbImage::from_raw(size.width, size.height, pixels).unwrap();
        (DecodedImage::from(pixels), Mask::from_row_major(size, &bitmap).unwrap())
    }

    fn clicks(points: &[(Point, bool)]) -> Prompts {
        let click = |&(point, positive)| Prompt::Click { point, positive };
        points.iter().map(click).collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn click_on_a_disc_returns_the_disc() {
        let mut segmenter = load("models.json").unwrap();
        for (size, centre, radius) in [
            (Size::new(640, 480), Point::new(200.0, 300.0), 120.0),
            (Size::new(1500, 2100), Point::new(1200.0, 500.0), 250.0),
            (Size::new(90, 61), Point::new(40.0, 30.0), 22.0),
        ] {
            let (image, truth) = disc(size, centre, radius);
            segmenter.encode(image).unwrap();
            let segmentation = segmenter.click(&clicks(&[(centre, true)])).unwrap();
            let iou = truth.iou(segmentation.mask(), false).unwrap();
            // The threshold of colours is near red, so that cells on the edge are left out: half a cell of a
            // radius of 20 to 60.
            assert!(iou > 0.95, "{size}: IoU {iou}");
        }
    }

    /// The graph enlarges its own `masks` in two steps where the runs are made in one, so they differ by
    /// less than a frame pixel along the edge.
    #[test]
    fn runs_agree_with_the_masks_that_the_graph_enlarges() {
        let segmenter = load("models.json").unwrap();
        let size = Size::new(700, 467);
        let (image, _) = disc(size, Point::new(300.0, 200.0), 150.0);
        let prompts = clicks(&[(Point::new(310.0, 190.0), true), (Point::new(10.0, 10.0), false)]);
        let native = NativeHost::new(&segmenter.graphs, &image);
        let mut session = segmenter.session;
        let question = Question { ticket: Ticket(1), prompts, refine: None, view: None };
        let click = segment::click(&mut session, &native, &question, |_| ());
        let ours = pollster::block_on(click).unwrap();

        // The same inputs with the size of the image.
        let recorder = TestHost::new(size);
        recorder.outputs.borrow_mut().push_back(Err(HostError::Cancelled));
        let mut recorded = Session::new(session.model().clone()).unwrap();
        pollster::block_on(segment::click(&mut recorded, &recorder, &question, |_| ())).unwrap_err();
        let whole = PixelRect { x: 0, y: 0, width: size.width, height: size.height };
        let embedding = pollster::block_on(segment::embed(session.model(), &native, whole)).unwrap();
        let full = Tensor::from_f32s(vec![size.height as f32, size.width as f32]);
        let runs = recorder.runs.borrow();
        let inputs = runs[0].inputs.iter().map(|(name, tensor)| (name.as_str(), tensor));
        let inputs = inputs.filter(|(name, _)| *name != "orig_im_size");
        let inputs = inputs.chain([("orig_im_size", &full), ("image_embeddings", &embedding)]);
        let inputs: Vec<_> = inputs.map(|(name, tensor)| (name, Input::Tensor(tensor))).collect();
        let outputs = native.run(GraphId::ClickDecoder, &inputs, &["masks", "low_res_masks"]);
        let [masks, low_res] = &pollster::block_on(outputs).unwrap()[..] else { panic!("two outputs") };
        assert_eq!(masks.shape(), [1, 3, 467, 700]);
        let logits = &masks.as_f32().unwrap()[..size.pixels() as usize];
        let bitmap: Vec<u8> = logits.iter().map(|&logit| u8::from(logit > 0.0)).collect();
        let theirs = Mask::from_row_major(size, &bitmap).unwrap();
        let (side, cells) = (session.model().encoder.size, session.model().decoder.low_res);
        let grid = &low_res.as_f32().unwrap()[..cells * cells];
        let frame = ModelFrame::new(size, side).unwrap();
        let plain = Logits::from_frame(frame, cells, grid).unwrap().to_mask().unwrap();
        let iou = plain.iou(&theirs, false).unwrap();
        assert!(iou > 0.995, "IoU {iou}");
        // With the stairs rounded the edge lies up to half a cell beside, 5.5 pixels of a disc of 150.
        let iou = ours.candidates[0].mask.iou(&theirs, false).unwrap();
        assert!(iou > 0.98, "IoU with the edge rounded {iou}");
    }

    #[test]
    fn missing_file_or_wrong_hash_or_length_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models");
        let manifest = std::fs::read_to_string(source.join("models.json")).unwrap();
        std::fs::write(folder.path().join("models.json"), manifest).unwrap();
        let error = |expected: &str| {
            let choice = ModelChoice { manifest: folder.path().join("models.json"), id: None };
            let error = format!("{:#}", Segmenter::load(&choice, &RuntimeArgs::default()).err().unwrap());
            assert!(error.contains(expected), "{error}");
        };
        error("colour-encoder.onnx");
        let mut encoder = std::fs::read(source.join("colour-encoder.onnx")).unwrap();
        encoder[40] ^= 1;
        std::fs::write(folder.path().join("colour-encoder.onnx"), &encoder).unwrap();
        error("the manifest says");
        error("SHA-256");
        encoder.pop();
        std::fs::write(folder.path().join("colour-encoder.onnx"), &encoder).unwrap();
        error("bytes");
    }

    #[test]
    fn model_choice_is_a_manifest_and_an_id() {
        for (text, manifest, id) in [
            ("tiny", DEFAULT_MANIFEST, Some("tiny")),
            ("a/models.json", "a/models.json", None),
            ("a/models.json#tiny", "a/models.json", Some("tiny")),
        ] {
            let choice = ModelChoice::from(text);
            assert_eq!((choice.manifest.to_str(), choice.id.as_deref()), (Some(manifest), id));
        }
    }
}
