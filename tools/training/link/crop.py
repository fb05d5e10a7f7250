"""The crop around a mask exactly as `masklink` samples it: the same region, filter and coverage."""

import numpy as np
from numpy.typing import NDArray

Box = tuple[int, int, int, int]
"""x, y, width, height in whole pixels."""
Span = tuple[float, float, float, float]
"""The same in real numbers."""
MARGIN = 0.1
"""Default margin of a crop around the mask's box, on each side, as a part of the longer side of the box."""

WIDE_MARGIN = 0.6
"""Default margin of the surroundings."""


def around(box: Box, margin: float) -> Span:
    """The square around the box's middle, on each side wider by so many of the box's longer sides.

    It may reach outside the image.
    """
    x, y, width, height = box
    side = max(width, height) * (1 + 2 * margin)
    return x + width / 2 - side / 2, y + height / 2 - side / 2, side, side


def sampled(
    image: NDArray[np.uint8], region: Span, width: int, height: int
) -> tuple[NDArray[np.float32], Box]:
    """The region at the given size by Pillow's BILINEAR filter, f32[height, width, 3], 0 to 255.

    And the box of the samples whose centre lies in the image; the others are 0.
    """
    columns = taps(region[0], region[2] / width, width, image.shape[1])
    rows = taps(region[1], region[3] / height, height, image.shape[0])
    used_columns, used_rows = np.flatnonzero(columns.any(1)), np.flatnonzero(rows.any(1))
    x, y, right, bottom = used_columns[0], used_rows[0], used_columns[-1] + 1, used_rows[-1] + 1
    # Only the pixels that are read.
    across, down = np.flatnonzero(columns.any(0)), np.flatnonzero(rows.any(0))
    part = image[down[0] : down[-1] + 1, across[0] : across[-1] + 1].astype(np.float32)
    columns, rows = columns[:, across[0] : across[-1] + 1], rows[:, down[0] : down[-1] + 1]
    pixels = np.einsum("yr,rcn,xc->yxn", rows, part, columns, optimize=True)
    return pixels.astype(np.float32), (int(x), int(y), int(right - x), int(bottom - y))


def taps(start: float, scale: float, count: int, length: int) -> NDArray[np.float32]:
    """Returns f32[count, length]: the weight of each source pixel in each sample.

    The weights of a sample whose centre is outside are zero.
    """
    reach = max(scale, 1.0)
    centres = start + (np.arange(count) + 0.5) * scale
    weights = np.maximum(1 - np.abs(np.arange(length) + 0.5 - centres[:, None]) / reach, 0)
    weights[(centres < 0) | (centres >= length)] = 0
    totals = weights.sum(1, keepdims=True)
    return np.asarray(weights / np.where(totals > 0, totals, 1), np.float32)


def coverage(mask: NDArray[np.uint8], region: Span, width: int, height: int) -> NDArray[np.float32]:
    """Returns f32[height, width]: the part that the mask covers of each equal cell of the region."""
    rows = shares(region[1], region[3] / height, height, mask.shape[0])
    columns = shares(region[0], region[2] / width, width, mask.shape[1])
    return (rows @ mask.astype(np.float32) @ columns.T).astype(np.float32)


def shares(start: float, scale: float, cells: int, pixels: int) -> NDArray[np.float32]:
    """f32[cells, pixels]: the part of each cell that each pixel takes up."""
    edges = start + np.arange(cells + 1) * scale
    starts = np.maximum(edges[:-1, None], np.arange(pixels))
    ends = np.minimum(edges[1:, None], np.arange(pixels) + 1)
    return np.asarray(np.maximum(ends - starts, 0) / scale, np.float32)
