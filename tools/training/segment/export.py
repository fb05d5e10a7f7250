"""Writes the trained model as two checked ONNX graphs in `sam1`'s form, and lists it in models.json."""

import argparse
import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from ..norms import fold_norms
from ..stored import halve_weights, round_to_bytes, store_as_bytes
from .data import MEAN, STD
from .model import CANDIDATES, FRAME, MEANING, PACK, POOL, Decoder, Encoder
from .train import Model, has_trunk

OPSET = 17
ZOOM_IN = 1.8
"""Side of the part that the program looks at a second time, in longest sides of the first answer's box."""
ZOOM_ON_CLICK = 0.5
"""Side of the part that the program also looks at for a first click, in longest sides of the image."""


class FrameEncoder(nn.Module):
    """The encoder behind the contract's 1024 frame."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, image: Tensor) -> Tensor:
        return self.encoder(nn.functional.avg_pool2d(image, POOL))


class Take(nn.Module):
    """Channels `first` to `last` as they are."""

    def __init__(self, first: int, last: int) -> None:
        super().__init__()
        self.first, self.last = first, last

    def forward(self, x: Tensor) -> Tensor:
        return x[:, self.first : self.last]


def move_meaning(encoder: Encoder, decoder: Decoder) -> None:
    """Changes the basis of the embedding's meaning in place: the decoder's outputs stay equal with less work.

    Three of its convolutions are linear maps of the meaning, 57 channels together. The encoder writes their
    outputs and a basis of the remaining space, so the decoder only slices them.
    """
    taken = {name: getattr(decoder, name) for name in ("meaning_early", "meaning_late", "meaning_cost")}
    seen = torch.cat([layer.weight[:, :, 0, 0] for layer in taken.values()]).double()
    rest = torch.linalg.svd(seen).Vh[len(seen) :]
    basis = torch.cat([seen, rest])
    shift = torch.cat([*(layer.bias for layer in taken.values()), torch.zeros(len(rest))]).double()
    back = torch.linalg.inv(basis)
    pack = encoder.pack
    assert pack.bias is not None
    pack.weight[:MEANING, :, 0, 0] = (basis @ pack.weight[:MEANING, :, 0, 0].double()).float()
    pack.bias[:MEANING] = (basis @ pack.bias[:MEANING].double() + shift).float()
    for layer in (decoder.meaning_middle, decoder.meaning_wide):
        assert layer.bias is not None
        weight = layer.weight[:, :, 0, 0].double() @ back
        layer.weight[:, :, 0, 0] = weight.float()
        layer.bias -= (weight @ shift).float()
    first = 0
    for name, layer in taken.items():
        setattr(decoder, name, Take(first, first + layer.out_channels))
        first += layer.out_channels


def trained(checkpoint: Path) -> tuple[Encoder, Decoder]:
    """The checkpoint's averaged weights, ready to run."""
    saved = torch.load(checkpoint, map_location="cpu")
    student, kinds = (saved["average"][f"{layer}.bias"].shape[0] for layer in ("student", "kinds"))
    model = Model(student, kinds, trunk=has_trunk(saved["average"]))
    model.load_state_dict(saved["average"])
    model.eval()
    fold_norms(model)
    with torch.no_grad():
        before = model.decoder(*example(model.encoder))
        move_meaning(model.encoder, model.decoder)
        after = model.decoder(*example(model.encoder))
    for one, other in zip(before, after, strict=True):
        if float((one - other).abs().max()) > 0.01 * float(one.std()):
            raise SystemExit("the model answers otherwise after the change of basis")
    return model.encoder, model.decoder


def example(encoder: Encoder) -> tuple[Tensor, ...]:
    """The decoder's inputs for a click on noise."""
    torch.manual_seed(5)
    noise = nn.functional.interpolate(
        torch.randn(1, 3, 32, 32), (FRAME // POOL, FRAME // POOL), mode="bilinear"
    )
    click, label = torch.tensor([[[400.0, 620.0]]]), torch.ones(1, 1)
    return encoder(noise), click, label, torch.zeros(1, 1, FRAME // POOL, FRAME // POOL), torch.zeros(1)


def encoder_graph(encoder: Encoder) -> onnx.ModelProto:
    """image f32[1, 3, 1024, 1024] -> image_embeddings f32[1, 256, 64, 64]."""
    return traced(
        FrameEncoder(encoder), (torch.zeros(1, 3, FRAME, FRAME),), ["image"], ["image_embeddings"], {}
    )


def decoder_graph(decoder: Decoder) -> onnx.ModelProto:
    """The decoder with the contract's names, and the masks resized to the image."""
    cells = FRAME // POOL // PACK
    example = (
        torch.zeros(1, 256, cells, cells),
        torch.zeros(1, 2, 2),
        torch.ones(1, 2),
        torch.zeros(1, 1, cells * PACK, cells * PACK),
        torch.zeros(1),
    )
    inputs = ["image_embeddings", "point_coords", "point_labels", "mask_input", "has_mask_input"]
    dynamic = {"point_coords": {1: "points"}, "point_labels": {1: "points"}}
    model = traced(decoder, example, inputs, ["low_res_masks", "iou_predictions"], dynamic)
    append_resize(model.graph, cells * PACK)
    return model


def traced(
    module: nn.Module,
    example: tuple[Tensor, ...],
    inputs: list[str],
    outputs: list[str],
    dynamic: dict[str, dict[int, str]],
) -> onnx.ModelProto:
    """The module's graph, with its constants folded and its shapes inferred."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "traced.onnx"
        torch.onnx.export(
            module,
            example,
            str(path),
            input_names=inputs,
            output_names=outputs,
            dynamic_axes=dynamic,
            opset_version=OPSET,
            do_constant_folding=True,
            dynamo=False,
        )
        model = onnx.load(path)
    return model


def append_resize(graph: onnx.GraphProto, side: int) -> None:
    """Appends `masks`: the low-res masks without the frame's padding, bilinear at `orig_im_size` (h, w).

    Rows and columns that the image reaches are cut first, so that the resize never makes more than the image
    and one low-res pixel; the scale is exact, so the cut moves nothing.
    """

    def constant(name: str, value: NDArray[Any]) -> str:
        graph.initializer.append(numpy_helper.from_array(value, name))
        return name

    def node(kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        graph.node.append(helper.make_node(kind, inputs, [output], name=f"resize/{output}", **attributes))
        return output

    full = constant("resize_side", np.array([side], np.float32))
    one = constant("resize_one", np.array([1], np.float32))
    ones = constant("resize_ones", np.array([1, 1], np.float32))
    zeros = constant("resize_zeros", np.array([0, 0], np.int64))
    axes = constant("resize_axes", np.array([2, 3], np.int64))
    longest = node("ReduceMax", ["orig_im_size"], "longest", axes=[0], keepdims=1)
    scale = node("Div", [longest, full], "scale")
    reached = node("Floor", [node("Div", ["orig_im_size", scale], "reached_exact")], "reached_whole")
    rows = node("Min", [node("Add", [reached, one], "reached"), full], "cut")
    cut = node(
        "Slice",
        ["low_res_masks", zeros, node("Cast", [rows], "cut_end", to=TensorProto.INT64), axes],
        "cut_masks",
    )
    scales = node("Concat", [ones, scale, scale], "scales", axis=0)
    resized = node(
        "Resize",
        [cut, "", scales],
        "resized",
        mode="linear",
        coordinate_transformation_mode="half_pixel",
    )
    size = node("Cast", ["orig_im_size"], "size", to=TensorProto.INT64)
    node("Slice", [resized, zeros, size, axes], "masks")
    graph.input.append(helper.make_tensor_value_info("orig_im_size", TensorProto.FLOAT, [2]))
    masks = helper.make_tensor_value_info("masks", TensorProto.FLOAT, [1, CANDIDATES, "height", "width"])
    kept = {output.name: output for output in graph.output}
    del graph.output[:]
    graph.output.extend([masks, kept["iou_predictions"], kept["low_res_masks"]])


def largest_difference(
    encoder: Encoder, decoder: Decoder, folder: Path, names: tuple[str, str]
) -> dict[str, float]:
    """Returns the largest difference of both forms on noise, relative to the outputs' deviation."""
    rng = np.random.default_rng(7)
    image = rng.normal(0, 1, (1, 3, FRAME // 32, FRAME // 32)).repeat(32, 2).repeat(32, 3).astype(np.float32)
    sessions = [
        ort.InferenceSession(str(folder / name), providers=["CPUExecutionProvider"]) for name in names
    ]
    embedding = outputs(sessions[0], {"image": image})[0]
    coords = np.array([[[300, 420], [700, 200], [0, 0]]], np.float32)
    labels = np.array([[1, 0, -1]], np.float32)
    mask = rng.normal(0, 3, (1, 1, 256, 256)).astype(np.float32)
    given = np.ones(1, np.float32)
    feed = {"image_embeddings": embedding, "point_coords": coords, "point_labels": labels, "mask_input": mask}
    size = np.array([480, 640], np.float32)
    masks, iou, low_res = outputs(sessions[1], {**feed, "has_mask_input": given, "orig_im_size": size})
    if masks.shape != (1, CANDIDATES, 480, 640):
        raise RuntimeError(f"masks have shape {masks.shape}")
    with torch.no_grad():
        own = FrameEncoder(encoder)(torch.from_numpy(image))
        own_low, own_iou = decoder(
            torch.from_numpy(embedding), *map(torch.from_numpy, (coords, labels, mask, given))
        )
    pairs = {
        "image_embeddings": (own.numpy(), embedding),
        "low_res_masks": (own_low.numpy(), low_res),
        "iou_predictions": (own_iou.numpy(), iou),
    }
    return {name: float(np.abs(a - b).max() / max(float(a.std()), 0.05)) for name, (a, b) in pairs.items()}


def outputs(session: ort.InferenceSession, feed: dict[str, NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    """All the graph's outputs, in its order."""
    return [np.asarray(output) for output in session.run(None, feed)]


def described(path: Path) -> dict[str, Any]:
    """Relative address, size and hash of a graph's file."""
    content = path.read_bytes()
    return {"url": path.name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def manifest_entry(identity: str, title: str, folder: Path, names: tuple[str, str]) -> dict[str, Any]:
    """Returns the entry of the model in models.json."""
    return {
        "id": identity,
        "title": title,
        "family": "sam1",
        "licence": "Apache-2.0",
        "source": "tools/training/segment",
        "encoder": {
            **described(folder / names[0]),
            "input": "image",
            "size": FRAME,
            "mean": [round(float(value), 3) for value in MEAN],
            "std": [round(float(value), 3) for value in STD],
            "layout": "CHW",
            "dtype": "f32",
            "embedding": [1, 256, 64, 64],
        },
        "decoder": {**described(folder / names[1]), "candidates": CANDIDATES, "low_res": 256},
        "zoom_in": ZOOM_IN,
        "zoom_on_click": ZOOM_ON_CLICK,
    }


def main() -> None:
    """Exports, checks, and puts the entry first in the manifest as its default."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder of models.json")
    parser.add_argument("--id", default="click-small")
    parser.add_argument("--title", default="Click, small (made here)")
    parser.add_argument("--tolerance", type=float, default=0.02)
    options = parser.parse_args()

    encoder, decoder = trained(options.checkpoint)
    round_to_bytes(encoder)
    options.out.mkdir(parents=True, exist_ok=True)
    names = (f"{options.id}.encoder.onnx", f"{options.id}.decoder.onnx")
    graphs = (encoder_graph(encoder), decoder_graph(decoder))
    store_as_bytes(graphs[0])
    for graph in graphs:
        halve_weights(graph)
        graph.producer_name = "tools/training/segment"
        onnx.checker.check_model(graph, full_check=True)

    path = options.out / "models.json"
    manifest: dict[str, Any] = (
        json.loads(path.read_text()) if path.exists() else {"version": 1, "default": "", "models": []}
    )
    # Nothing in `out` changes before the check has passed. A folder in it is on the same disk, so the files
    # only have to be renamed.
    with tempfile.TemporaryDirectory(dir=options.out) as folder:
        unchecked = Path(folder)
        for name, graph in zip(names, graphs, strict=True):
            onnx.save(graph, unchecked / name)
        differences = largest_difference(encoder, decoder, unchecked, names)
        print("largest difference, in standard deviations:", differences)
        # Not-a-number is no small difference either.
        if not all(difference <= options.tolerance for difference in differences.values()):
            raise SystemExit(f"the graphs differ from the trained model by more than {options.tolerance}")

        entry = manifest_entry(options.id, options.title, unchecked, names)
        manifest["default"] = options.id
        manifest["models"] = [entry, *[other for other in manifest["models"] if other["id"] != options.id]]
        (unchecked / path.name).write_text(json.dumps(manifest, indent=2) + "\n")
        for name in (*names, path.name):
            os.replace(unchecked / name, options.out / name)
    print(json.dumps(entry, indent=2))


if __name__ == "__main__":
    main()
