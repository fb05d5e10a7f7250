"""Makes the default region encoder from EfficientNet-Lite2's ImageNet weights, and its classes.

The graph is the trunk and the head with the norms folded, and a linear projection of the 1280 features to
256: those directions in which the classifier's rows differ, measured by how far photographs spread along
them. So the classes keep their places and the vectors of an index are five times smaller. Pooling is linear,
so it is the same before the projection and after.
"""

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
from safetensors.numpy import save_file
from torch import Tensor, nn

from ..lite import MEAN, STD, VARIANTS, Classifier, pretrained
from ..norms import fold_norms
from ..stored import halve_weights, round_to_bytes, store_as_bytes
from .crop import around, coverage, sampled
from .data import box_of, load_regions, with_images

OPSET = 17
DIMENSIONS = 256
SPREAD = 0.25
"""Power of the photographs' covariance that weighs a direction."""
RIDGE = 0.03
"""Part of the mean variance that is added to each direction's."""
VIEWS, WEIGHTS = ["crop", "surroundings"], [0.75, 0.25]
Matrix = NDArray[np.float64]


class Projected(nn.Module):
    """Normalised crop f32[1, 3, side, side] to features f32[1, 256, cells, cells]."""

    def __init__(self, classifier: Classifier, projection: Matrix) -> None:
        super().__init__()
        self.classifier = classifier
        outputs, inputs = projection.shape
        self.project = nn.Conv2d(inputs, outputs, 1, bias=False)
        with torch.no_grad():
            self.project.weight.copy_(torch.from_numpy(projection)[:, :, None, None])

    def forward(self, crop: Tensor) -> Tensor:
        return self.project(self.classifier.features(crop))


def photograph_features(classifier: Classifier, side: int, folder: Path, every: int) -> Matrix:
    """The classifier's features under each mask of every so many photographs' regions: [masks, 1280]."""
    found = []
    regions = load_regions(folder / "annotations.json", folder / "images")[::every]
    for region, image in with_images(regions):
        mask = region.mask()
        if mask.shape != image.shape[:2] or not mask.any():
            continue
        square = around(box_of(mask), 0.1)
        pixels, (x, y, columns, rows) = sampled(image, square, side, side)
        crop = np.zeros((side, side, 3), np.float32)
        part = slice(y, y + rows), slice(x, x + columns)
        crop[part] = (pixels[part] - MEAN) / STD
        with torch.no_grad():
            cells = classifier.features(torch.from_numpy(crop.transpose(2, 0, 1)[None]))[0].numpy()
        share = coverage(mask, square, cells.shape[2], cells.shape[1])
        found.append(np.tensordot(cells, share / share.sum(), ([1, 2], [0, 1])))
    return np.array(found, np.float64)


def projection_of(rows: Matrix, features: Matrix) -> tuple[Matrix, Matrix]:
    """Returns the projection [256, 1280], and the rows in its space [classes, 256].

    The rows' mean is taken off first: it adds the same to all logits.
    """
    centred = features - features.mean(0)
    covariance = centred.T @ centred / len(centred)
    ridge = RIDGE * np.trace(covariance) / len(covariance)
    values, vectors = np.linalg.eigh(covariance + ridge * np.eye(len(covariance)))
    spread = (vectors * values**SPREAD) @ vectors.T
    back = (vectors * values**-SPREAD) @ vectors.T
    weighed = (rows - rows.mean(0)) @ spread
    basis = np.linalg.svd(weighed, full_matrices=False).Vh[:DIMENSIONS]
    projection = basis @ back
    scale = np.linalg.norm(features @ projection.T, axis=1).mean()
    # The program scales a vector to length 1: the rows make up for it.
    return projection, scale * (weighed @ basis.T)


def graph(encoder: nn.Module, side: int) -> onnx.ModelProto:
    """image f32[1, 3, side, side] -> features f32[1, 256, cells, cells]."""
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
    image = rng.normal(0, 0.5, (1, 3, side // 4, side // 4)).repeat(4, 2).repeat(4, 3).astype(np.float32)
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    found = np.asarray(session.run(None, {"image": image})[0])
    with torch.no_grad():
        own = encoder(torch.from_numpy(image)).numpy()
    return float(np.abs(own - found).max() / own.std())


def manifest(identity: str, path: Path, side: int) -> dict[str, Any]:
    """Returns the manifest of the encoder that `masklink` reads."""
    given = {
        "name": "image",
        "width": side,
        "height": side,
        "layout": "nchw",
        "element": "f32",
        "mean": [MEAN] * 3,
        "std": [STD] * 3,
        "resize": "stretch",
    }
    return {
        "id": identity,
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "input": given,
        "output": {"name": "features", "layout": "chw"},
        "views": VIEWS,
        "join": "mean",
        "view_weights": WEIGHTS,
    }


def main() -> None:
    """Exports and checks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variant", choices=list(VARIANTS), default="lite2")
    parser.add_argument("--weights", type=Path, help="file of weights; default: the installed package's")
    parser.add_argument("--photos", type=Path, required=True, help="folder with annotations.json and images/")
    parser.add_argument("--every", type=int, default=4, help="take each n-th mask of the photographs")
    parser.add_argument("--cache", type=Path, help="npy file that keeps the photographs' features")
    parser.add_argument("--out", type=Path, required=True, help="folder of the graph and its manifest")
    parser.add_argument("--rows", type=Path, required=True, help="safetensors file of ImageNet's classes")
    parser.add_argument("--id", default="link-lite2")
    parser.add_argument("--manifest", default="link-encoder.json", help="the manifest's file name")
    parser.add_argument("--tolerance", type=float, default=0.05)
    options = parser.parse_args()

    classifier = pretrained(options.variant, options.weights)
    fold_norms(classifier)
    side = VARIANTS[options.variant].side
    if options.cache and options.cache.exists():
        features = np.load(options.cache)
    else:
        features = photograph_features(classifier, side, options.photos, options.every)
        if options.cache:
            np.save(options.cache, features)
    rows = classifier.classify.weight.detach().double().numpy()
    projection, projected = projection_of(rows, features)
    encoder = Projected(classifier, projection).eval()
    round_to_bytes(encoder)
    options.out.mkdir(parents=True, exist_ok=True)
    model = graph(encoder, side)
    store_as_bytes(model)
    halve_weights(model)
    model.producer_name = "tools/training/link"
    onnx.checker.check_model(model, full_check=True)
    # Nothing in `out` changes before the check has passed. A folder in it is on the same disk, so the files
    # only have to be renamed.
    with tempfile.TemporaryDirectory(dir=options.out) as folder:
        path = Path(folder) / f"{options.id}.onnx"
        onnx.save(model, path)
        difference = largest_difference(encoder, path, side)
        print(f"{path.stat().st_size} bytes, largest difference {difference:.5f} deviations")
        # Not-a-number is no small difference either.
        if not difference <= options.tolerance:
            raise SystemExit(f"the graph differs from the classifier by more than {options.tolerance}")
        manifest_path = path.with_name(options.manifest)
        manifest_path.write_text(json.dumps(manifest(options.id, path, side), indent=2) + "\n")
        for file in (path, manifest_path):
            os.replace(file, options.out / file.name)
    bias = classifier.classify.bias.detach().numpy()
    save_file({"weight": projected.astype(np.float32), "bias": bias.astype(np.float32)}, options.rows)


if __name__ == "__main__":
    main()
