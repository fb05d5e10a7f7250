//! A segmentation model run natively: its entry of the manifest, its two graphs, and the session
//! between them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::decoded_image::DecodedImage;
use super::onnx::{self, Graph, Runtime, RuntimeArgs};
use crate::link::protocol::sha256_hex;
use crate::segment::{
    self, Answer, Data, DecodeJob, EncodeJob, Limits, Manifest, Model, Prompts, Refine, Session, Tensor,
    Ticket,
};

/// The manifest used where none is named.
const DEFAULT_MANIFEST: &str = "www/models/models.json";

/// A loaded model and the image it looks at.
pub struct Segmenter {
    session: Session<Tensor>,
    image: Option<DecodedImage>,
    encoder: Graph,
    decoder: Graph,
    asked: u32,
    /// The last answer's ticket and best candidate, which the next question goes on from.
    last: Option<Refine>,
}

/// Which model of which manifest: `ID`, `PATH/models.json` or `PATH/models.json#ID`.
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

impl Segmenter {
    /// Loads the chosen model, checking its files' sizes and hashes.
    pub fn load(choice: &ModelChoice, runtime: &RuntimeArgs) -> Result<Self> {
        let path = &choice.manifest;
        let json = std::fs::read(path).with_context(|| format!("{} could not be read", path.display()))?;
        let manifest =
            Manifest::from_json(&json, &Limits::default()).with_context(|| path.display().to_string())?;
        let model = match &choice.id {
            Some(id) => manifest.model(id)?,
            None => manifest.default_model(),
        };
        let folder = path.parent().unwrap_or(Path::new(""));
        let encoder = load_graph(folder, &model.encoder.graph, runtime)?;
        let decoder = load_graph(folder, &model.decoder.graph, runtime)?;
        Ok(Self {
            session: Session::new(model.clone())?,
            image: None,
            encoder,
            decoder,
            asked: 0,
            last: None,
        })
    }

    /// The model's entry of the manifest.
    pub fn model(&self) -> &Model {
        self.session.model()
    }

    /// Looks at an image; decodes refer to it from now on.
    pub fn encode(&mut self, image: DecodedImage) -> Result<()> {
        self.restart();
        self.image = None;
        let ticket = self.next_ticket();
        let job = self.session.begin_encode(ticket, image.pixels()?)?;
        self.run_encoder(&job)?;
        self.image = Some(image);
        Ok(())
    }

    /// Makes the next decode begin anew, for another object of the same image.
    pub fn restart(&mut self) {
        self.last = None;
    }

    /// The masks of the prompts in the image last encoded, going on from the answer before.
    pub fn decode(&mut self, prompts: &Prompts) -> Result<Answer> {
        let ticket = self.next_ticket();
        let job = self.session.begin_decode(ticket, prompts, self.last)?;
        let mut answer = self.run_decoder(&job)?;
        while let Some(zoom) = self.session.zoom_in(ticket) {
            if zoom.window.is_some() {
                let image = self.image.as_ref().ok_or(segment::Error::ImageMissing)?;
                let job = self.session.begin_zoom_encode(&zoom, image.pixels()?)?;
                self.run_encoder(&job)?;
            }
            let job = self.session.begin_zoom_decode(&zoom)?;
            answer = self.run_decoder(&job)?;
        }
        self.last = Some(Refine { ticket, candidate: answer.best });
        Ok(answer)
    }

    fn run_encoder(&mut self, job: &EncodeJob) -> Result<()> {
        let output = self.encoder.outputs().first().context("the encoder has no output")?.name.clone();
        let mut outputs = run(&mut self.encoder, &[(&job.name, &job.input)], &[&output])?;
        let embedding = outputs.pop().context("the encoder answered nothing")?;
        let expected = self.session.model().encoder.embedding;
        ensure!(embedding.shape() == expected, "the encoder answered {embedding}, not float32{expected:?}");
        self.session.finish_encode(job, embedding);
        Ok(())
    }

    fn run_decoder(&mut self, job: &DecodeJob) -> Result<Answer> {
        let embedding = self.session.embedding_for(job).ok_or(segment::Error::ImageMissing)?;
        let mut inputs: Vec<(&str, &Tensor)> =
            job.inputs.iter().map(|(name, tensor)| (*name, tensor)).collect();
        inputs.push((Session::<Tensor>::EMBEDDING, embedding));
        let outputs = run(&mut self.decoder, &inputs, &Session::<Tensor>::OUTPUTS)?;
        let outputs: [Tensor; 2] = outputs
            .try_into()
            .ok()
            .context("the decoder answered another number of outputs than asked for")?;
        self.session.finish_decode(job, &outputs)?.context("the answer is older than the question")
    }

    fn next_ticket(&mut self) -> Ticket {
        self.asked += 1;
        Ticket(self.asked)
    }
}

fn load_graph(folder: &Path, graph: &segment::Graph, runtime: &RuntimeArgs) -> Result<Graph> {
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
    let loaded = Runtime::load(runtime.onnxruntime.as_deref())?;
    Graph::from_bytes(&loaded, &bytes, runtime.threads).with_context(described)
}

/// Runs a graph natively on the tensors of a session.
fn run(graph: &mut Graph, inputs: &[(&str, &Tensor)], wanted: &[&str]) -> Result<Vec<Tensor>> {
    let inputs: Vec<_> = inputs
        .iter()
        .map(|&(name, tensor)| {
            let data = match tensor.data() {
                Data::F32(values) => onnx::Data::F32(values),
                Data::U8(values) => onnx::Data::U8(values),
                Data::I64(values) => onnx::Data::I64(values),
            };
            (name, onnx::Tensor { shape: tensor.shape().to_vec(), data })
        })
        .collect();
    let outputs = graph.run_for(&inputs, wanted)?;
    outputs
        .into_iter()
        .map(|output| {
            Tensor::new(output.shape, Data::F32(output.data)).context("an output does not fill its shape")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Point, Size};
    use crate::rle::Mask;
    use crate::segment::{Data, Frame, Logits, Prompt};

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
    fn a_click_on_a_disc_gives_the_disc() {
        let mut segmenter = load("models.json").unwrap();
        for (size, centre, radius) in [
            (Size::new(640, 480), Point::new(200.0, 300.0), 120.0),
            (Size::new(1500, 2100), Point::new(1200.0, 500.0), 250.0),
            (Size::new(90, 61), Point::new(40.0, 30.0), 22.0),
        ] {
            let (image, truth) = disc(size, centre, radius);
            segmenter.encode(image).unwrap();
            let answer = segmenter.decode(&clicks(&[(centre, true)])).unwrap();
            let iou = truth.iou(answer.mask(), false).unwrap();
            // The colours' bar is near red, so a cell on the edge is left out: half a cell of 20 to
            // 60 in radius.
            assert!(iou > 0.95, "{size}: IoU {iou}");
        }
    }

    /// What the runs are made from is what the graph's own `masks` are made from, which it enlarges
    /// in two steps where the runs take one: so they differ by less than a frame pixel along the
    /// edge.
    #[test]
    fn runs_agree_with_the_masks_the_graph_enlarges_itself() {
        let mut segmenter = load("models.json").unwrap();
        let size = Size::new(700, 467);
        let (image, _) = disc(size, Point::new(300.0, 200.0), 150.0);
        segmenter.encode(image).unwrap();
        let prompts = clicks(&[(Point::new(310.0, 190.0), true), (Point::new(10.0, 10.0), false)]);
        let ours = segmenter.decode(&prompts).unwrap();

        let job = segmenter.session.begin_decode(Ticket(99), &prompts, None).unwrap();
        let full = Tensor::new([2], Data::F32(vec![size.height as f32, size.width as f32])).unwrap();
        let mut inputs: Vec<_> = job.inputs.iter().map(|(name, tensor)| (*name, tensor)).collect();
        inputs.retain(|input| input.0 != "orig_im_size");
        inputs
            .extend([("image_embeddings", segmenter.session.embedding().unwrap()), ("orig_im_size", &full)]);
        let [masks, coarse] = &run(&mut segmenter.decoder, &inputs, &["masks", "low_res_masks"]).unwrap()[..]
        else {
            panic!("two outputs");
        };
        assert_eq!(masks.shape(), [1, 3, 467, 700]);
        let logits = &masks.as_f32().unwrap()[..size.pixels() as usize];
        let bitmap: Vec<u8> = logits.iter().map(|&logit| u8::from(logit > 0.0)).collect();
        let theirs = Mask::from_row_major(size, &bitmap).unwrap();
        let (side, low_res) = (segmenter.model().encoder.size, segmenter.model().decoder.low_res);
        let grid = &coarse.as_f32().unwrap()[..low_res * low_res];
        let plain =
            Logits::from_frame(Frame::new(size, side).unwrap(), low_res, grid).unwrap().to_mask().unwrap();
        let iou = plain.iou(&theirs, false).unwrap();
        assert!(iou > 0.995, "IoU {iou}");
        // With the stairs rounded the edge lies up to half a cell beside, 5.5 pixels of a disc of 150.
        let iou = ours.candidates[0].mask.iou(&theirs, false).unwrap();
        assert!(iou > 0.98, "IoU with the edge rounded {iou}");
    }

    #[test]
    fn a_wrong_hash_or_length_or_a_missing_file_is_named() {
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
    fn a_model_is_chosen_by_manifest_and_id() {
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
