"""Methods without learning that segment by clicks: baselines that a model must beat."""

import cv2
import numpy as np
from numpy.typing import NDArray

from .clicks import Region

Click = tuple[int, int, int]


class Flood:
    """Flood fill within 20 levels of the colour at each positive click, less that of the negative ones."""

    LEVELS = 20

    def __init__(self) -> None:
        self.image: NDArray[np.uint8] = np.zeros((1, 1, 3), np.uint8)

    def look(self, image: NDArray[np.uint8]) -> None:
        self.image = np.asarray(cv2.GaussianBlur(image, (3, 3), 0), np.uint8)

    def answer(self, clicks: list[Click]) -> Region:
        height, width = self.image.shape[:2]
        answer = np.zeros((height, width), np.uint8)
        flags = 4 | cv2.FLOODFILL_FIXED_RANGE | cv2.FLOODFILL_MASK_ONLY | (1 << 8)
        for x, y, label in clicks:
            filled = np.zeros((height + 2, width + 2), np.uint8)
            cv2.floodFill(self.image, filled, (x, y), 0, (self.LEVELS,) * 3, (self.LEVELS,) * 3, flags)
            inside = filled[1:-1, 1:-1]
            answer = (answer | inside) if label else (answer & (1 - inside))
        return answer


class Disc:
    """A disc of a fifth of the short side around each positive click, less those around the negative ones."""

    SHARE = 0.2

    def __init__(self) -> None:
        self.size = (1, 1)

    def look(self, image: NDArray[np.uint8]) -> None:
        self.size = (image.shape[0], image.shape[1])

    def answer(self, clicks: list[Click]) -> Region:
        answer = np.zeros(self.size, np.uint8)
        for x, y, label in clicks:
            cv2.circle(answer, (x, y), round(self.SHARE * min(self.size)), label, -1)
        return answer


class GrabCut:
    """OpenCV's GrabCut: object near a positive click, perhaps object in a wider disc, background at the edge.

    The image is shrunk to a longest side of 256, at which this baseline does best and is quick.
    """

    SIDE = 256
    SURE, PERHAPS = 0.03, 0.25
    """Radii as shares of the short side."""
    ITERATIONS = 4

    def __init__(self) -> None:
        self.size = (1, 1)
        self.image: NDArray[np.uint8] = np.zeros((1, 1, 3), np.uint8)

    def look(self, image: NDArray[np.uint8]) -> None:
        self.size = (image.shape[0], image.shape[1])
        scale = min(1.0, self.SIDE / max(self.size))
        small = (max(1, round(self.size[1] * scale)), max(1, round(self.size[0] * scale)))
        self.image = np.asarray(cv2.resize(image, small, interpolation=cv2.INTER_AREA), np.uint8)

    def answer(self, clicks: list[Click]) -> Region:
        height, width = self.image.shape[:2]
        scale = width / self.size[1]
        short = min(height, width)
        marks = np.full((height, width), cv2.GC_BGD, np.uint8)
        places = [(int(x * scale), int(y * scale), label) for x, y, label in clicks]
        for x, y, label in places:
            if label:
                cv2.circle(marks, (x, y), round(self.PERHAPS * short), cv2.GC_PR_FGD, -1)
        outer = np.zeros_like(marks)
        for x, y, label in places:
            if label:
                cv2.circle(outer, (x, y), round(2 * self.PERHAPS * short), 1, -1)
        marks[(marks == cv2.GC_BGD) & (outer == 1)] = cv2.GC_PR_BGD
        for x, y, label in places:
            cv2.circle(
                marks, (x, y), max(1, round(self.SURE * short)), cv2.GC_FGD if label else cv2.GC_BGD, -1
            )
        if not (marks == cv2.GC_BGD).any():
            marks[0, :] = marks[-1, :] = cv2.GC_BGD
        cv2.setRNGSeed(0)
        background, foreground = np.zeros((1, 65)), np.zeros((1, 65))
        whole = (0, 0, width, height)
        try:
            cv2.grabCut(
                self.image, marks, whole, background, foreground, self.ITERATIONS, cv2.GC_INIT_WITH_MASK
            )
        except cv2.error:
            # OpenCV refuses when all the pixels of a side have one colour; the marks are then the answer.
            pass
        answer = ((marks == cv2.GC_FGD) | (marks == cv2.GC_PR_FGD)).astype(np.uint8)
        # Only what hangs together with a click: otherwise every pixel of the object's colours counts.
        labels = cv2.connectedComponents(answer, connectivity=4)[1]
        clicked = {int(labels[y, x]) for x, y, label in places if label} - {0}
        kept = np.isin(labels, list(clicked)).astype(np.uint8)
        return np.asarray(
            cv2.resize(kept, (self.size[1], self.size[0]), interpolation=cv2.INTER_NEAREST), np.uint8
        )
