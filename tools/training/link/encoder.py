"""Runs an encoder as its manifest says, as `masklink` does: an image and a mask to a vector of length 1."""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from .crop import MARGIN, WIDE_MARGIN, Box, Span, around, coverage, sampled
from .data import Image, Mask, box_of

Vector = NDArray[np.float32]


class ManifestEncoder:
    """An ONNX image encoder with its manifest."""

    def __init__(self, manifest: dict[str, Any], folder: Path, threads: int = 1) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        path = str(folder / manifest["file"])
        self.session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.manifest = manifest
        self.milliseconds: list[float] = []

    @classmethod
    def open(cls, path: Path) -> "ManifestEncoder":
        """The encoder of a manifest's file."""
        return cls(json.loads(path.read_text()), path.parent)

    def vector(self, image: Image, mask: Mask) -> Vector:
        """The vector of length 1 (or, for joined views, with parts of length 1) that masklink computes."""
        started = time.perf_counter()
        box = box_of(mask)
        pooled = [self._view(image, mask, self._region(view, image, box)) for view in self.manifest["views"]]
        if self.manifest.get("join", "concat") == "concat":
            vector = np.concatenate([unit(one) for one in pooled])
        else:
            weights = self.manifest.get("view_weights", [1.0] * len(pooled))
            vector = unit(sum(weight * one for weight, one in zip(weights, pooled, strict=True)))
        self.milliseconds.append(1000 * (time.perf_counter() - started))
        return vector

    def _region(self, view: str, image: Image, box: Box) -> Span:
        if view == "image":
            return 0, 0, image.shape[1], image.shape[0]
        name, default = ("crop_margin", MARGIN) if view == "crop" else ("surroundings_margin", WIDE_MARGIN)
        return around(box, self.manifest.get(name, default))

    def _view(self, image: Image, mask: Mask, region: Span) -> Vector:
        given = self.manifest["input"]
        width, height = given["width"], given["height"]
        if given["resize"] == "pad":
            scale = max(region[2] / width, region[3] / height)
            region = (region[0], region[1], width * scale, height * scale)
        pixels, (x, y, columns, rows) = sampled(image, region, width, height)
        inside = pixels[y : y + rows, x : x + columns]
        frame: NDArray[Any] = np.zeros((height, width, 3), np.float32)
        if given["element"] == "f32":
            frame[y : y + rows, x : x + columns] = (inside - np.float32(given["mean"])) / np.float32(
                given["std"]
            )
        else:
            frame = np.full((height, width, 3), 128, np.uint8)
            frame[y : y + rows, x : x + columns] = inside + 0.5
        if given.get("mask", False):
            share = coverage(mask, region, width, height)
            share = share if given["element"] == "f32" else (share * 255 + 0.5).astype(np.uint8)
            frame = np.concatenate([frame, share[..., None]], 2)
        if given["layout"] == "nchw":
            frame = frame.transpose(2, 0, 1)
        feed = {given["name"]: np.ascontiguousarray(frame)[None]}
        cells = np.asarray(self.session.run([self.manifest["output"]["name"]], feed)[0][0], np.float32)
        if self.manifest["output"]["layout"] == "hwc":
            cells = cells.transpose(2, 0, 1)
        share = coverage(mask, region, cells.shape[2], cells.shape[1])
        return np.asarray(np.tensordot(cells, share / share.sum(), ([1, 2], [0, 1])), np.float32)


def unit(vector: Vector) -> Vector:
    """The vector scaled to length 1."""
    return np.asarray(vector / np.linalg.norm(vector), np.float32)
