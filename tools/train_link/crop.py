"""The crop around a mask exactly as `masklink` cuts it: the same pixels, resize and coverage."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from model import MARGIN

Box = tuple[int, int, int, int]
"""x, y, width, height in whole pixels."""


def around(mask_box: Box, bounds: Box) -> Box:
    """The square around a mask's box with its margin, cut at the picture's edges `bounds`."""
    side = max(mask_box[2], mask_box[3]) * (1 + 2 * MARGIN)

    def span(axis: int) -> tuple[int, int]:
        middle = mask_box[axis] + mask_box[axis + 2] / 2
        low, high = bounds[axis], bounds[axis] + bounds[axis + 2]
        start = max(int(np.floor(middle - side / 2)), low)
        return start, min(int(np.ceil(middle + side / 2)), high) - start

    (x, width), (y, height) = span(0), span(1)
    return x, y, width, height


def resized(image: NDArray[np.uint8], box: Box, width: int, height: int) -> NDArray[np.uint8]:
    """The part `box` of the picture at the given size, by a triangle filter that widens as it shrinks."""
    x, y, columns, rows = box
    part = Pillow.fromarray(image[y : y + rows, x : x + columns])
    return np.asarray(part.resize((width, height), Pillow.Resampling.BILINEAR), np.uint8)


def coverage(mask: NDArray[np.uint8], box: Box, width: int, height: int) -> NDArray[np.float32]:
    """The part of each of `height` x `width` equal cells of `box` that the mask covers, f32[height, width]."""
    x, y, columns, rows = box
    part = mask[y : y + rows, x : x + columns].astype(np.float64)
    return (shares(rows, height) @ part @ shares(columns, width).T).astype(np.float32)


def shares(pixels: int, cells: int) -> NDArray[np.float64]:
    """f64[cells, pixels]: the part of each cell that each pixel takes up."""
    edges = np.arange(cells + 1) * (pixels / cells)
    starts = np.maximum(edges[:-1, None], np.arange(pixels))
    ends = np.minimum(edges[1:, None], np.arange(pixels) + 1)
    return np.asarray(np.maximum(ends - starts, 0) * (cells / pixels), np.float64)
