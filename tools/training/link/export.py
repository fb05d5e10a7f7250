"""Writes the trained region encoder as an ONNX graph with its card, and checks it against PyTorch."""

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
from torch import Tensor, nn

from ..norms import fold_norms
from ..stored import halve_weights
from .data import MEAN, STD
from .model import DIMENSIONS, SIDE, RegionEncoder

OPSET = 17


def trained(checkpoint: Path) -> RegionEncoder:
    """The checkpoint's averaged weights, ready to run."""
    saved = torch.load(checkpoint, map_location="cpu")
    encoder = RegionEncoder()
    prefix = "encoder."
    weights = {
        key.removeprefix(prefix): value for key, value in saved["average"].items() if key.startswith(prefix)
    }
    encoder.load_state_dict(weights)
    encoder.eval()
    fold_norms(encoder)
    return encoder


class BothWays(nn.Module):
    """The mean of a crop's features and of its mirror image's, mirrored back: steadier than either."""

    def __init__(self, encoder: RegionEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, crop: Tensor) -> Tensor:
        both = self.encoder(torch.cat([crop, mirrored(crop)]))
        return (both[:1] + mirrored(both[1:])) * 0.5


def mirrored(x: Tensor) -> Tensor:
    """Left and right changed, in an operator that every provider has."""
    return x.index_select(3, torch.arange(x.shape[3] - 1, -1, -1))


def graph(encoder: nn.Module, side: int) -> onnx.ModelProto:
    """image f32[1, 3, side, side] -> features f32[1, 160, side / 16, side / 16]."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "traced.onnx"
        torch.onnx.export(
            encoder,
            (torch.zeros(1, 3, side, side),),
            str(path),
            input_names=["image"],
            output_names=["features"],
            opset_version=OPSET,
            dynamo=False,
        )
        return onnx.load(path)


def largest_difference(encoder: nn.Module, path: Path, side: int) -> float:
    """Returns the largest difference of the features of both forms on noise, relative to their deviation."""
    rng = np.random.default_rng(7)
    image = rng.normal(0, 1, (1, 3, side // 8, side // 8)).repeat(8, 2).repeat(8, 3).astype(np.float32)
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    found = np.asarray(session.run(None, {"image": image})[0])
    with torch.no_grad():
        own = encoder(torch.from_numpy(image)).numpy()
    return float(np.abs(own - found).max() / own.std())


def card(identity: str, path: Path, side: int) -> dict[str, Any]:
    """Returns the card of the encoder that `masklink` reads."""
    given = {
        "name": "image",
        "width": side,
        "height": side,
        "layout": "nchw",
        "element": "f32",
        "mean": [round(float(value), 3) for value in MEAN],
        "std": [round(float(value), 3) for value in STD],
        "resize": "stretch",
    }
    return {
        "id": identity,
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "input": given,
        "output": {"name": "features", "layout": "chw"},
        "views": ["crop"],
    }


def main() -> None:
    """Exports and checks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder")
    parser.add_argument("--side", type=int, default=SIDE, help="of the crop, a multiple of 16")
    parser.add_argument("--id", default="link-small")
    parser.add_argument("--card", default="link-encoder.json", help="the card's file name")
    parser.add_argument("--tolerance", type=float, default=0.02)
    options = parser.parse_args()

    encoder = BothWays(trained(options.checkpoint))
    options.out.mkdir(parents=True, exist_ok=True)
    model = graph(encoder, options.side)
    halve_weights(model)
    model.producer_name = "tools/training/link"
    onnx.checker.check_model(model, full_check=True)
    # Nothing in `out` changes before the check has passed. A folder in it is on the same disk, so the files
    # only have to be renamed.
    with tempfile.TemporaryDirectory(dir=options.out) as folder:
        path = Path(folder) / f"{options.id}.onnx"
        onnx.save(model, path)
        difference = largest_difference(encoder, path, options.side)
        print(
            f"{path.stat().st_size} bytes, {DIMENSIONS} channels, "
            f"largest difference {difference:.5f} deviations"
        )
        # Not-a-number is no small difference either.
        if not difference <= options.tolerance:
            raise SystemExit(f"the graph differs from the trained model by more than {options.tolerance}")
        card_path = path.with_name(options.card)
        card_path.write_text(json.dumps(card(options.id, path, options.side), indent=2) + "\n")
        for file in (path, card_path):
            os.replace(file, options.out / file.name)


if __name__ == "__main__":
    main()
