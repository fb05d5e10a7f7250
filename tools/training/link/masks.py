"""Makes masks worse as people, click models and GrabCut do."""

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.uint8]


def imperfect(truth: Mask, clicked: Mask | None, rng: np.random.Generator) -> Mask:
    """The mask, or one like it that a click model, a careless hand or a cut by colour may draw."""
    chance = rng.random()
    if chance < 0.25:
        return truth
    if clicked is not None and chance < 0.55:
        overlap = int((clicked & truth).sum())
        # A click model may also take another thing; nobody could tell what was meant then.
        if overlap >= 0.2 * int(truth.sum()) and overlap >= 0.25 * int(clicked.sum()):
            return clicked
    kind = rng.random()
    if kind < 0.25:
        return thicker(truth, rng)
    if kind < 0.65:
        return wavy(truth, rng)
    if kind < 0.9:
        return part(truth, rng)
    return wavy(truth | bump(truth, rng), rng)


def size_of(mask: Mask) -> float:
    """The side of a square of the mask's area."""
    return float(np.sqrt(max(int(mask.sum()), 1)))


def thicker(mask: Mask, rng: np.random.Generator) -> Mask:
    """Eroded or dilated by up to a tenth of its size."""
    radius = max(round(size_of(mask) * rng.uniform(0.01, 0.1)), 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    changed = cv2.dilate(mask, kernel) if rng.random() < 0.5 else cv2.erode(mask, kernel)
    return np.asarray(changed, np.uint8) if changed.any() else mask


def wavy(mask: Mask, rng: np.random.Generator) -> Mask:
    """With an edge that strays to both sides."""
    inside = cv2.distanceTransform(mask, cv2.DIST_L2, 3)
    outside = cv2.distanceTransform(1 - mask, cv2.DIST_L2, 3)
    cells = int(rng.integers(4, 24))
    noise = rng.normal(0, 1, (cells, cells)).astype(np.float32)
    wave = cv2.resize(noise, mask.shape[::-1], interpolation=cv2.INTER_CUBIC)
    strayed = inside - outside + wave * size_of(mask) * rng.uniform(0.03, 0.2) > 0
    return strayed.astype(np.uint8) if strayed.any() else mask


def part(mask: Mask, rng: np.random.Generator) -> Mask:
    """Returns the part of the mask on one side of a line, or near one point: at least a third of it."""
    rows, columns = np.nonzero(mask)
    if rng.random() < 0.6:
        angle = rng.uniform(0, 2 * np.pi)
        order = columns * np.cos(angle) + rows * np.sin(angle)
    else:
        pick = int(rng.integers(len(rows)))
        order = np.hypot(columns - columns[pick], rows - rows[pick])
    kept = order <= np.quantile(order, rng.uniform(0.33, 0.85))
    out = np.zeros_like(mask)
    out[rows[kept], columns[kept]] = 1
    return wavy(out, rng) if rng.random() < 0.5 else out


def bump(mask: Mask, rng: np.random.Generator) -> Mask:
    """An ellipse at the mask's edge."""
    out = np.zeros_like(mask)
    rows, columns = np.nonzero(mask)
    pick = int(rng.integers(len(rows)))
    axes = tuple(max(int(side), 2) for side in size_of(mask) * rng.uniform(0.15, 0.5, 2))
    cv2.ellipse(out, (int(columns[pick]), int(rows[pick])), axes, float(rng.uniform(0, 180)), 0, 360, 1, -1)
    return out
