"""Makes the tests' model: two small ONNX graphs of the sam1 contract that segment by likeness of colour.

The encoder packs the image, averaged down to 64x64, into its embedding; the decoder compares each cell's
colour with the clicked ones, so the right masks of an image of plain colours are known. The frame is a
quarter of sam1's: it runs in milliseconds on a processor, and fast enough on a GPU emulated on one. Needs
the packages `onnx` and `numpy`; writes beside itself:

    python tests/models/make.py
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import ArrayLike
from onnx import NodeProto, TensorProto, helper, numpy_helper

FRAME, GRID, CELLS, CHANNELS = 256, 64, 16, 256
COLOURS = 3 * (GRID // CELLS) ** 2
CANDIDATES = (4.0, 0.5, 10.0)
"""The largest squared distance of normalised colours that still belongs, for each candidate."""
EXPECTED_IOU = (0.9, 0.6, 0.4)
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


class Graph:
    """Collects nodes and constants, so that a graph is written top to bottom."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def const(self, values: ArrayLike, dtype: type = np.float32) -> str:
        """Adds a constant and returns its name."""
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def op(self, kind: str, *inputs: str, name: str | None = None, **attributes: object) -> str:
        """Adds a node and returns the name of its output."""
        output = name or f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def save(
        self, path: Path, inputs: dict[str, list[int | str]], outputs: dict[str, list[int | str]]
    ) -> None:
        """Checks the graph and writes it; all inputs and outputs are f32."""

        def infos(shapes: dict[str, list[int | str]]) -> list[onnx.ValueInfoProto]:
            info = helper.make_tensor_value_info
            return [info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]

        graph = helper.make_graph(self.nodes, path.stem, infos(inputs), infos(outputs), self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(model, full_check=True)
        path.write_bytes(model.SerializeToString())


def encoder(path: Path) -> None:
    """Writes the graph of `image` f32[1, 3, 256, 256] to `image_embeddings` f32[1, 256, 16, 16].

    The embedding is 48 channels of colour, then zeros.
    """
    g = Graph()
    colours = g.op("AveragePool", "image", kernel_shape=[4, 4], strides=[4, 4])
    packed = g.op("SpaceToDepth", colours, blocksize=GRID // CELLS)
    zeros = g.const([0, 0, 0, 0, 0, CHANNELS - COLOURS, 0, 0], np.int64)
    g.op("Pad", packed, zeros, name="image_embeddings")
    g.save(path, {"image": [1, 3, FRAME, FRAME]}, {"image_embeddings": [1, CHANNELS, CELLS, CELLS]})


def decoder(path: Path) -> None:
    """Writes the graph of embedding and prompts to masks, by the distance of colours to the clicked ones."""
    g = Graph()
    first_axis, pixels = g.const([0], np.int64), g.const([3, GRID * GRID], np.int64)
    end, step = g.const([COLOURS], np.int64), g.const([1], np.int64)
    packed = g.op("Slice", "image_embeddings", first_axis, end, step)
    colours = g.op("Reshape", g.op("DepthToSpace", packed, blocksize=GRID // CELLS), pixels)

    # The cell under each point, as weights f32[n, 64 * 64]: a hat of bilinear interpolation.
    points = g.op("Squeeze", "point_coords", first_axis)
    in_cells = g.op("Div", g.op("Add", points, g.const(0.5)), g.const(FRAME / GRID))
    clamped = g.op("Clip", g.op("Sub", in_cells, g.const(0.5)), g.const(0), g.const(GRID - 1))
    cells = g.const(np.arange(GRID).reshape(1, GRID))

    def coordinate(axis: int) -> str:
        return g.op("Gather", clamped, g.const([axis], np.int64), axis=1)

    def hat(axis: int) -> str:
        offset = g.op("Abs", g.op("Sub", cells, coordinate(axis)))
        return g.op("Relu", g.op("Sub", g.const(1), offset))

    across = g.op("Unsqueeze", hat(0), g.const([1], np.int64))
    down = g.op("Unsqueeze", hat(1), g.const([2], np.int64))
    weights = g.op("Reshape", g.op("Mul", down, across), g.const([-1, GRID * GRID], np.int64))
    clicked = g.op("MatMul", weights, g.op("Transpose", colours, perm=[1, 0]))

    # Squared distance of each cell's colour to each clicked one, f32[n, 64 * 64]; far for another label.
    def square(of: str, axis: int) -> str:
        return g.op("ReduceSum", g.op("Mul", of, of), g.const([axis], np.int64), keepdims=1)

    product = g.op("MatMul", clicked, colours)
    distance = g.op(
        "Sub", g.op("Add", square(clicked, 1), square(colours, 0)), g.op("Mul", product, g.const(2))
    )
    labels = g.op("Transpose", "point_labels", perm=[1, 0])

    def is_label(value: float) -> str:
        off = g.op("Abs", g.op("Sub", labels, g.const(value)))
        return g.op("Relu", g.op("Sub", g.const(1), off))

    def nearest(chosen: str) -> str:
        far = g.op("Mul", g.op("Sub", g.const(1), chosen), g.const(100))
        return g.op("ReduceMin", g.op("Add", distance, far), axes=[0], keepdims=1)

    positive, negative = nearest(is_label(1)), nearest(is_label(0))
    bars = g.const(np.reshape(CANDIDATES, (len(CANDIDATES), 1)))
    wanted = g.op("Sub", bars, positive)
    unwanted = g.op("Relu", g.op("Sub", bars, negative))
    logits = g.op("Clip", g.op("Mul", g.op("Sub", wanted, unwanted), g.const(10)), g.const(-20), g.const(20))
    grids = g.op("Reshape", logits, g.const([1, len(CANDIDATES), GRID, GRID], np.int64))
    before = g.op("Mul", "mask_input", g.op("Mul", "has_mask_input", g.const(0.1)))
    low_res = g.op("Add", grids, before, name="low_res_masks")
    g.op("Identity", g.const([EXPECTED_IOU]), name="iou_predictions")

    # masks: enlarged to the frame, cut to the image's part, scaled to the image, as Meta's export does.
    no_roi = ""
    linear = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
    frame = g.op("Resize", low_res, no_roi, g.const([1, 1, FRAME / GRID, FRAME / GRID]), **linear)
    longest = g.op("ReduceMax", "orig_im_size", axes=[0], keepdims=1)
    scaled = g.op("Mul", "orig_im_size", g.op("Div", g.const(FRAME), longest))
    content = g.op("Cast", g.op("Floor", g.op("Add", scaled, g.const(0.5))), to=TensorProto.INT64)
    cut = g.op("Slice", frame, g.const([0, 0], np.int64), content, g.const([2, 3], np.int64))
    size = g.op("Cast", "orig_im_size", to=TensorProto.INT64)
    sizes = g.op("Concat", g.const([1, len(CANDIDATES)], np.int64), size, axis=0)
    g.op("Resize", cut, no_roi, "", sizes, name="masks", **linear)
    count = len(CANDIDATES)
    g.save(
        path,
        {
            "image_embeddings": [1, CHANNELS, CELLS, CELLS],
            "point_coords": [1, "points", 2],
            "point_labels": [1, "points"],
            "mask_input": [1, 1, GRID, GRID],
            "has_mask_input": [1],
            "orig_im_size": [2],
        },
        {
            "masks": [1, count, "height", "width"],
            "iou_predictions": [1, count],
            "low_res_masks": [1, count, GRID, GRID],
        },
    )


def described(path: Path) -> dict[str, object]:
    """The file as the manifest names it."""
    data = path.read_bytes()
    return {"url": path.name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def main() -> None:
    """Writes both graphs and their manifest."""
    folder = Path(__file__).parent
    encoder(folder / "colour-encoder.onnx")
    decoder(folder / "colour-decoder.onnx")
    model = {
        "id": "colour",
        "title": "Likeness of colour (for tests)",
        "family": "sam1",
        "licence": "Apache-2.0",
        "source": "tests/models/make.py",
        "encoder": {
            **described(folder / "colour-encoder.onnx"),
            "input": "image",
            "size": FRAME,
            "mean": MEAN,
            "std": STD,
            "layout": "CHW",
            "dtype": "float32",
            "embedding": [1, CHANNELS, CELLS, CELLS],
        },
        "decoder": {
            **described(folder / "colour-decoder.onnx"),
            "candidates": len(CANDIDATES),
            "low_res": GRID,
        },
    }
    manifest = {"version": 1, "default": "colour", "models": [model]}
    (folder / "models.json").write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    main()
