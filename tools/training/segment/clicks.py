"""Simulated clicks: the standard interactive protocol, and a looser form of it for training."""

import cv2
import numpy as np
from numpy.typing import NDArray

Region = NDArray[np.uint8]
"""u8[h, w] of 0 and 1."""


def interior_point(region: Region) -> tuple[int, int]:
    """(x, y) of the region's pixel farthest from its edge; the image's border counts as outside."""
    distance = cv2.distanceTransform(np.pad(region, 1), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    row, column = np.unravel_index(int(np.argmax(distance)), distance.shape)
    return int(column), int(row)


def error_regions(truth: Region, answer: Region) -> tuple[NDArray[np.int32], NDArray[np.int64], int]:
    """Labels the 8-connected regions of missed (1..m) and of false pixels (m+1..).

    Returns the labels, the areas from label 0 on, and m.
    """
    missed_count, missed = cv2.connectedComponents((truth & (1 - answer)).astype(np.uint8))
    false_count, false = cv2.connectedComponents((answer & (1 - truth)).astype(np.uint8))
    labels = np.where(false > 0, false + (missed_count - 1), missed).astype(np.int32)
    areas = np.bincount(labels.ravel(), minlength=missed_count + false_count - 1)
    areas[0] = 0
    return labels, areas, missed_count - 1


def next_click(truth: Region, answer: Region) -> tuple[int, int, int] | None:
    """(x, y, label) at the interior-most point of the largest error region; None when nothing is wrong."""
    labels, areas, missed = error_regions(truth, answer)
    if areas.sum() == 0:
        return None
    chosen = int(np.argmax(areas))
    x, y = interior_point((labels == chosen).astype(np.uint8))
    return x, y, int(chosen <= missed)


def training_click(
    truth: Region, answer: Region, loose_share: float, rng: np.random.Generator
) -> tuple[int, int, int, Region] | None:
    """Like `next_click`, but for a share of the clicks anywhere well inside a region drawn by area.

    Also returns the region that the click is to correct.
    """
    labels, areas, missed = error_regions(truth, answer)
    total = int(areas.sum())
    if total == 0:
        return None
    loose = rng.random() < loose_share
    chosen = int(rng.choice(len(areas), p=areas / total)) if loose else int(np.argmax(areas))
    region = (labels == chosen).astype(np.uint8)
    x, y = random_inside(region, rng) if loose else interior_point(region)
    return x, y, int(chosen <= missed), region


def random_inside(region: Region, rng: np.random.Generator) -> tuple[int, int]:
    """(x, y) drawn evenly from the pixels at least 0.3 times as deep as the deepest."""
    distance = cv2.distanceTransform(np.pad(region, 1), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    rows, columns = np.nonzero(distance >= 0.3 * distance.max())
    pick = int(rng.integers(len(rows)))
    return int(columns[pick]), int(rows[pick])
