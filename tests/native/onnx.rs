//! Tests ONNX Runtime with a real encoder: its ports and its features.

use masklink::cli::onnx::{Graph, Runtime};
use masklink::model::{Data, Tensor};

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
