"""Turns index passes into annotations: visible masks as COCO RLE, in Mask-OVEN-Wiki's shape."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco

from catalogue import Thing, thing_called
from plan import Picture

SMALLEST_THING = 150
SMALLEST_PART = 12


def annotations_of(
    picture: Picture, index: NDArray[np.float32], smallest: int = SMALLEST_THING
) -> list[dict[str, Any]]:
    """One annotation per visible thing; `index` is HW, thing k of the plan being k + 1.

    Things with fewer than `smallest` visible pixels are left out, and so are parts
    of less than SMALLEST_PART pixels or half a percent of the thing, and things of only such parts.
    """
    found = []
    ids = np.rint(index).astype(np.int32)
    for number, key in enumerate(picture.things):
        mask = (ids == number + 1).astype(np.uint8)
        pieces = parts(mask) if mask.sum() >= smallest else []
        if pieces:
            found.append(annotation(picture, number, thing_called(key), pieces))
    return found


def parts(mask: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """The connected parts (8 neighbours), largest first."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    sizes = stats[1:count, cv2.CC_STAT_AREA]
    floor = max(SMALLEST_PART, 0.005 * sizes.sum())
    order = [int(k) for k in np.argsort(-sizes, kind="stable") if sizes[k] >= floor]
    return [(labels == k + 1).astype(np.uint8) for k in order]


def annotation(picture: Picture, number: int, thing: Thing, masks: list[NDArray[np.uint8]]) -> dict[str, Any]:
    """One thing of one picture; boxes are x1, y1, x2, y2 with x2 and y2 exclusive."""
    kind = "query" if thing.query else "entity"
    known = "unseen" if thing.unseen else "seen"
    name = thing.label.split(" ", 1)[1]
    return {
        "id": f"{picture.name}_{number + 1:02d}",
        "image_id": picture.name,
        "category_id": thing.qid,
        "segmentation": [rle(mask) for mask in masks],
        "bbox": [box(mask) for mask in masks],
        "text_prompt": f"A {thing.question.split()[1]} named '{name}'",
        "label": [f"{thing.label}(1.0)" for _ in masks],
        "question": thing.question,
        "data_split": f"{kind}_{picture.split}_{known}",
    }


def rle(mask: NDArray[np.uint8]) -> dict[str, Any]:
    """Compressed COCO RLE (column-major) of one mask."""
    code = coco.encode(np.asfortranarray(mask))
    return {"size": [int(v) for v in code["size"]], "counts": code["counts"].decode("ascii")}


def box(mask: NDArray[np.uint8]) -> list[int]:
    """The tight box of a mask."""
    ys, xs = np.nonzero(mask)
    return [int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1]
