"""Reads annotated images in Mask-OVEN-Wiki's shape, and the table of kinds."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from .crop import Box

Image = NDArray[np.uint8]
"""RGB pixels u8[h, w, 3]."""
Mask = NDArray[np.uint8]
"""u8[h, w] of 0 and 1."""


@dataclass
class Region:
    """One annotated mask."""

    identity: str
    path: Path
    category: str
    split: str
    rles: list[dict[str, Any]]

    def mask(self) -> Mask:
        """The mask; parts are joined."""
        return np.asarray(coco_mask.decode(coco_mask.merge(self.rles)), np.uint8)


def load_regions(annotations: Path, images: Path) -> list[Region]:
    """The annotations of a file in the order of their images, so that each image is read once."""
    document = json.loads(annotations.read_text())
    files = {one["id"]: images / str(one["file_name"]).lstrip("/") for one in document["images"]}
    regions = []
    for annotation in document["annotations"]:
        rles = annotation["segmentation"]
        region = Region(
            str(annotation["id"]),
            files[annotation["image_id"]],
            str(annotation["category_id"]),
            str(annotation.get("data_split", "")),
            rles if isinstance(rles, list) else [rles],
        )
        regions.append(region)
    return sorted(regions, key=lambda region: str(region.path))


def with_images(regions: list[Region]) -> Iterator[tuple[Region, Image]]:
    """Each region with its image."""
    path, image = None, np.zeros((0, 0, 3), np.uint8)
    for region in regions:
        if region.path != path:
            bgr = cv2.imread(str(region.path), cv2.IMREAD_COLOR)
            if bgr is None:
                raise FileNotFoundError(region.path)
            path, image = region.path, np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
        yield region, image


def box_of(mask: Mask) -> Box:
    """x, y, width and height of a mask that is not empty, whole pixels."""
    columns, rows = np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))
    x, y = int(columns[0]), int(rows[0])
    return x, y, int(columns[-1]) + 1 - x, int(rows[-1]) + 1 - y


@dataclass
class Kinds:
    """The table of kinds: which rows of the classifier are right for a category of an annotation file."""

    rows: dict[str, set[int]] = field(default_factory=dict)
    """Rows of each QID, those of the members included."""
    categories: dict[str, int] = field(default_factory=dict)
    """Row of each category that names its kind otherwise than by its QID."""
    qids: dict[int, str] = field(default_factory=dict)
    """QID of each row."""

    @classmethod
    def read(cls, table: Path) -> "Kinds":
        """Reads the table."""
        kinds = cls()
        lines = [json.loads(line) for line in table.read_text().splitlines()]
        for line in lines:
            if "row" in line:
                kinds.rows.setdefault(line["qid"], set()).add(line["row"])
                kinds.qids[line["row"]] = line["qid"]
                if "category" in line:
                    kinds.categories[line["category"]] = line["row"]
        own = {qid: set(rows) for qid, rows in kinds.rows.items()}
        for line in lines:
            for member in line.get("members", ()):
                kinds.rows.setdefault(line["qid"], set()).update(own[member])
        return kinds

    def of_category(self, category: str) -> set[int]:
        """Rows that are right for a category, none where the table does not know it."""
        if category in self.categories:
            return {self.categories[category]}
        return self.rows.get(category, set())
