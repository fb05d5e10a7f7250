"""Removes what makes a mask look wrong: islands away from the clicks, and pinholes."""

import cv2
import numpy as np
from numpy.typing import NDArray

ISLAND = 0.2
"""Share of the largest component from which on an unclicked one stays."""

PINHOLE = 0.005
"""Share of the mask below which a hole is filled."""


def tidied(mask: NDArray[np.uint8], clicked: list[tuple[int, int]]) -> NDArray[np.uint8]:
    """Keeps the components (8-connected) that hold a positive click (x, y) or are large, and fills tiny holes."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    if count <= 1:
        return mask
    areas = stats[:, cv2.CC_STAT_AREA].astype(np.float64)
    areas[0] = 0
    keep = areas >= ISLAND * areas.max()
    for x, y in clicked:
        keep[labels[y, x]] = True
    keep[0] = False
    kept = keep[labels].astype(np.uint8)
    holes, hole_labels, hole_stats, _ = cv2.connectedComponentsWithStats(1 - kept, connectivity=4)
    tiny = hole_stats[:, cv2.CC_STAT_AREA] < PINHOLE * kept.sum()
    tiny[0] = False
    return kept | tiny[hole_labels].astype(np.uint8) if holes > 1 else kept
