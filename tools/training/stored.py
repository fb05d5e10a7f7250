"""Stores weights in an ONNX graph as halves or bytes that the runtime widens on loading, and reads them."""

import re
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

HALF, BYTES, SCALE = ".half", ".bytes", ".scale"
"""Ends of the names of what is stored as f16, as i8, and of the scales of the latter."""
SMALLEST_HALF = 64
"""Constants of fewer numbers stay f32: halving them saves nothing."""
SMALLEST_BYTES = 20_000
"""Convolutions of so many weights may be stored as bytes: they are nearly all of a file."""


def halve_weights(model: onnx.ModelProto) -> None:
    """Stores large f32 constants as f16 before a Cast, which the runtime removes when it loads the graph."""
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < SMALLEST_HALF:
            continue
        if tensor.name.endswith(SCALE):
            # Scales may be less than what f16 holds well.
            continue
        name = tensor.name
        half = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), f"{name}{HALF}")
        tensor.CopyFrom(half)
        casts.append(
            helper.make_node("Cast", [half.name], [name], name=f"widen/{name}", to=TensorProto.FLOAT)
        )
    put_first(model.graph, casts)


def store_as_bytes(model: onnx.ModelProto) -> None:
    """Stores large convolutions as i8 with a scale for each output channel, applied when the graph loads."""
    nodes = []
    for tensor in list(model.graph.initializer):
        if len(tensor.dims) != 4 or np.prod(tensor.dims) < SMALLEST_BYTES:
            continue
        name = tensor.name
        weights = numpy_helper.to_array(tensor)
        scale = byte_scale(weights)
        model.graph.initializer.append(numpy_helper.from_array(scale, f"{name}{SCALE}"))
        tensor.CopyFrom(numpy_helper.from_array(np.rint(weights / scale).astype(np.int8), f"{name}{BYTES}"))
        wide = f"{name}.wide"
        nodes.append(
            helper.make_node("Cast", [tensor.name], [wide], name=f"widen/{name}", to=TensorProto.FLOAT)
        )
        nodes.append(helper.make_node("Mul", [wide, f"{name}{SCALE}"], [name], name=f"scale/{name}"))
    put_first(model.graph, nodes)


def round_to_bytes(module: nn.Module) -> None:
    """Rounds, in place, what `store_as_bytes` stores as bytes, so that a graph can be held to the module."""
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, nn.Conv2d) and layer.weight.numel() >= SMALLEST_BYTES:
                weights = layer.weight.detach().numpy()
                scale = byte_scale(weights)
                layer.weight.copy_(torch.from_numpy(np.rint(weights / scale) * scale))


def byte_scale(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns the value of one step of a byte in each output channel: f32[outputs, 1, 1, 1]."""
    largest = np.abs(weights).max((1, 2, 3), keepdims=True)
    return np.asarray(np.maximum(largest, 1e-12) / 127, np.float32)


def put_first(graph: onnx.GraphProto, nodes: list[onnx.NodeProto]) -> None:
    """Puts nodes before those of the graph, which read what they make."""
    rest = list(graph.node)
    del graph.node[:]
    graph.node.extend([*nodes, *rest])


def constants(path: Path, prefix: str = "") -> dict[str, Tensor]:
    """The graph's weights as f32, by the names they have in PyTorch, without the prefix."""
    held = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer}
    found = {}
    for name, value in held.items():
        if name.endswith(SCALE):
            continue
        plain = re.sub(rf"({re.escape(HALF)}|{re.escape(BYTES)})$", "", name)
        scale = held.get(f"{plain}{SCALE}", np.float32(1))
        found[plain.removeprefix(prefix)] = torch.from_numpy(value.astype(np.float32) * scale)
    return found
