"""Runs an encoder as its card says, as `masklink` does: a picture and a mask to a vector of length 1."""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from crop import Box, around, coverage, resized
from data import Image, Mask, box_of

Vector = NDArray[np.float32]


class CardEncoder:
    """An ONNX image encoder with its card."""

    def __init__(self, card: dict[str, Any], folder: Path, threads: int = 1) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        path = str(folder / card["file"])
        self.session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.card = card
        self.milliseconds: list[float] = []

    @classmethod
    def open(cls, path: Path) -> "CardEncoder":
        """The encoder of a card's file."""
        return cls(json.loads(path.read_text()), path.parent)

    def vector(self, image: Image, mask: Mask) -> Vector:
        """The pooled features of the card's views, each of length 1, one after the other."""
        whole: Box = (0, 0, image.shape[1], image.shape[0])
        started = time.perf_counter()
        parts = []
        for view in self.card["views"]:
            box = whole if view == "image" else around(box_of(mask), whole)
            parts.append(self._view(image, mask, box))
        self.milliseconds.append(1000 * (time.perf_counter() - started))
        return np.concatenate(parts)

    def _view(self, image: Image, mask: Mask, box: Box) -> Vector:
        given = self.card["input"]
        width, height = given["width"], given["height"]
        x, y, columns, rows = box
        if given["resize"] == "pad":
            scale = min(width / columns, height / rows)
            width, height = (max(int(np.floor(side * scale + 0.5)), 1) for side in (columns, rows))
            # The padding lies beyond the picture, where there is no mask.
            columns, rows = round(columns * given["width"] / width), round(rows * given["height"] / height)
        pixels: NDArray[Any] = resized(image, box, width, height)
        if given["element"] == "f32":
            normal = (pixels.astype(np.float32) - np.float32(given["mean"])) / np.float32(given["std"])
            pixels = np.zeros((given["height"], given["width"], 3), np.float32)
            pixels[:height, :width] = normal
        if given["layout"] == "nchw":
            pixels = pixels.transpose(2, 0, 1)
        feed = {given["name"]: np.ascontiguousarray(pixels)[None]}
        region: Box = (x, y, columns, rows)
        cells = np.asarray(self.session.run([self.card["output"]["name"]], feed)[0][0], np.float32)
        if self.card["output"]["layout"] == "hwc":
            cells = cells.transpose(2, 0, 1)
        share = coverage(mask, region, cells.shape[2], cells.shape[1])
        pooled = np.tensordot(cells, share, ([1, 2], [0, 1]))
        return np.asarray(pooled / np.linalg.norm(pooled), np.float32)
