//! Tests ONNX Runtime with a real encoder: its ports and its features.

use std::path::Path;

use masklink::cli::encoder::Encoder;
use masklink::cli::onnx::{Graph, Runtime};
use masklink::link::encoder::EncoderManifest;
use masklink::model::{Data, Tensor};

use crate::plvel;
use crate::shared_data::shared_data;

#[test]
fn encoder_has_its_ports_and_runs() {
    let Some(folder) = shared_data("encoders") else { return };
    let model = std::fs::read(folder.join("mobilenet_v2_features_7x7.onnx")).unwrap();
    let mut graph = Graph::from_bytes(&Runtime::load(None).unwrap(), &model, 1).unwrap();
    let [input] = graph.inputs() else { panic!("{:?}", graph.inputs()) };
    let [output] = graph.outputs() else { panic!("{:?}", graph.outputs()) };
    assert_eq!(
        (input.element.as_str(), &input.shape[..]),
        ("u8", &[Some(1), Some(224), Some(224), Some(3)][..])
    );
    assert_eq!((output.element.as_str(), &output.shape[1..]), ("f32", &[Some(1280), Some(7), Some(7)][..]));

    let (input, output) = (input.name.clone(), output.name.clone());
    let grey = Tensor::new([1, 224, 224, 3], Data::U8(vec![128; 224 * 224 * 3])).unwrap();
    let features = &graph.run(&[(&input, &grey)], &[&output]).unwrap()[0];
    assert_eq!(features.shape(), [1, 1280, 7, 7]);
    assert!(features.as_f32().unwrap().iter().any(|&value| value > 0.0));

    let small = Tensor::new([1, 2, 2, 3], Data::U8(vec![128; 12])).unwrap();
    for inputs in [(input.as_str(), &small), ("no such input", &grey)] {
        let error = graph.run(&[inputs], &[&output]).unwrap_err();
        assert_eq!(error.to_string(), "the model could not be run");
    }
    let error = graph.run(&[(&input, &grey)], &["masks"]).unwrap_err();
    assert!(error.to_string().starts_with("the model has no output 'masks'; it has"), "{error}");
}

#[test]
fn bytes_that_are_not_a_model_are_an_error() {
    let error = Graph::from_bytes(&Runtime::load(None).unwrap(), b"not a model", 1).err().unwrap();
    assert_eq!(error.to_string(), "ONNX Runtime cannot load the model");
}

#[test]
fn manifests_of_published_encoders_have_the_right_form() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/encoders");
    let mut checked = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let mut manifest: EncoderManifest = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(path.file_stem().unwrap().to_str(), Some(&*manifest.id));
        manifest.sha256 = "0".repeat(64);
        manifest.check().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        checked += 1;
    }
    assert_eq!(checked, 5);
}

#[test]
fn manifest_beside_its_file_may_leave_the_hash_out() {
    let Some(encoders) = shared_data("encoders") else { return };
    let model = encoders.join("mobilenet_v2_features_7x7.onnx");
    let mut content = plvel::manifest_of(&model);
    let sha256 = content.as_object_mut().unwrap().remove("sha256").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("manifest.json");
    std::fs::write(&path, content.to_string()).unwrap();
    let runtime = Runtime::load(None).unwrap();
    let encoder = Encoder::open(&path, &runtime, 1).unwrap();
    assert_eq!(encoder.manifest().sha256, sha256);
    content["output"]["name"] = "image_embeds".into();
    std::fs::write(&path, content.to_string()).unwrap();
    let error = Encoder::open(&path, &runtime, 1).err().unwrap().to_string();
    assert!(error.contains("'image_embeds'") && error.contains("AvgPool"), "{error}");
}

#[test]
fn manifest_of_another_input_or_file_is_refused_with_the_path() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("www/models");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("manifest.json");
    let runtime = Runtime::load(None).unwrap();
    let refused = |field: &str, value: serde_json::Value| {
        let text = std::fs::read(models.join("link-encoder.json")).unwrap();
        let mut content: serde_json::Value = serde_json::from_slice(&text).unwrap();
        content["file"] = models.join("link-lite2.onnx").to_str().into();
        *content.pointer_mut(field).unwrap() = value;
        std::fs::write(&path, content.to_string()).unwrap();
        let error = anyhow::Error::from(Encoder::open(&path, &runtime, 1).err().unwrap());
        format!("{error:#}")
    };
    let error = refused("/input/width", 224.into());
    assert!(error.contains("f32[1, 3, 260, 260]") && error.contains("f32[1, 3, 260, 224]"), "{error}");
    assert!(error.contains("link-lite2.onnx: the graph's input 'image' is"), "{error}");
    let error = refused("/input/element", "u8".into());
    assert!(error.contains("is f32[") && error.contains("says u8["), "{error}");
    let error = refused("/sha256", "0".repeat(64).into());
    assert!(error.contains("link-lite2.onnx: the encoder's file has the SHA-256"), "{error}");
    let error = refused("/input/width", 0.into());
    assert!(error.starts_with(path.to_str().unwrap()) && error.contains("sides"), "{error}");
    let error = refused("/views", "crop".into());
    assert!(error.starts_with(path.to_str().unwrap()) && error.contains("is malformed"), "{error}");
}
