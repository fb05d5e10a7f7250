"""Computes the distillation targets: an image classifier's pooled features of each annotated region.

The region encoder is trained on few images.
Predicting a classifier's features, through a layer that is dropped afterwards, teaches it general appearance.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from .crop import MARGIN, around, coverage, sampled
from .data import Region, load_regions

SIDE = 224
DIMS = 160


class Classifier:
    """An ONNX image encoder, u8[1, 224, 224, 3] -> f32[1, C, h, w], pooled under masks as `masklink` does."""

    def __init__(self, path: Path, threads: int) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.name = self.session.get_inputs()[0].name

    def vector(self, region: Region) -> NDArray[np.float32]:
        """The mean feature of the region's crop under its mask, of length 1."""
        image, mask = region.file.image(), region.mask()
        box = around(region.box(), MARGIN)
        pixels, (x, y, width, height) = sampled(image, box, SIDE, SIDE)
        # Beyond the image the middle of the scale.
        bytes_in = np.full((1, SIDE, SIDE, 3), 128, np.uint8)
        bytes_in[0, y : y + height, x : x + width] = pixels[y : y + height, x : x + width] + 0.5
        cells = np.asarray(self.session.run(None, {self.name: bytes_in})[0][0], np.float32)
        share = coverage(mask, box, cells.shape[2], cells.shape[1])
        pooled = np.tensordot(cells, share, ([1, 2], [0, 1])).astype(np.float32)
        return np.asarray(pooled / np.linalg.norm(pooled), np.float32)


def main() -> None:
    """Writes an .npz of f16[DIMS] arrays by annotation id: leading principal directions, softly whitened."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, action="append", required=True, help="folder; may come several times"
    )
    parser.add_argument("--encoder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--basis", type=Path, help="take the directions of this earlier file")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()

    cv2.setNumThreads(1)
    classifier = Classifier(options.encoder, options.threads)
    regions = [region for folder in options.data for region in load_regions(folder, "train")]
    vectors = np.stack([classifier.vector(region) for region in regions])
    if options.basis is not None:
        with np.load(options.basis) as basis:
            mean, directions = basis["mean"], basis["directions"]
    else:
        mean = vectors.mean(0)
        _, values, directions = np.linalg.svd(vectors - mean, full_matrices=False)
        spread = values[:DIMS] / np.sqrt(len(vectors))
        directions = (directions[:DIMS].T / np.sqrt(spread * spread[0])).astype(np.float32)
    reduced = ((vectors - mean) @ directions).astype(np.float16)
    targets = {region.identity: row for region, row in zip(regions, reduced, strict=True)}
    np.savez(options.out, allow_pickle=False, mean=mean, directions=directions, **targets)
    print(f"{len(targets)} regions")


if __name__ == "__main__":
    main()
