"""Writes failures.md: the five worst one-click masks of the sample world's test split, with small images."""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from pycocotools import mask as coco_mask

from .clicks import Region, next_click
from .data import Image, Record, load_records
from .evaluate import Click

HERE = Path(__file__).resolve().parent
COUNT = 5
WIDTH = 480
TRUTH, ANSWER, CLICK = (255, 255, 255), (255, 0, 200), (0, 220, 255)
INTRODUCTION = (
    "The lowest IoU after one click on the test images of the sample world, one an image.",
    "White is the object, magenta the model's mask, the dot the click. Made by `failures.py`.",
)


@dataclass
class Failure:
    """One object answered badly."""

    record: Record
    index: int
    click: Click
    answer: Region
    iou: float


def failures(masks: dict[str, list[dict[str, Any]]], records: list[Record]) -> list[Failure]:
    """Each image's worst answer, worst first."""
    found = []
    for record in records:
        answers = [answered(masks, record, index) for index in range(len(record.segmentations))]
        found.append(min(answers, key=lambda one: one.iou))
    return sorted(found, key=lambda one: one.iou)


def answered(masks: dict[str, list[dict[str, Any]]], record: Record, index: int) -> Failure:
    """Segments an object by one click."""
    truth = record.mask(index)
    click = next_click(truth, np.zeros_like(truth))
    if click is None:
        raise ValueError(f"{record.annotation_ids[index]} has no pixels")
    answer = np.asarray(coco_mask.decode(masks[record.annotation_ids[index]][0]), np.uint8)
    iou = int((truth & answer).sum()) / max(int((truth | answer).sum()), 1)
    return Failure(record, index, click, answer, iou)


def drawn(failure: Failure) -> Image:
    """The image with the object, the answer and the click."""
    image = failure.record.image()
    scale = WIDTH / image.shape[1]
    size = (WIDTH, round(image.shape[0] * scale))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    for mask, colour in ((failure.record.mask(failure.index), TRUTH), (failure.answer, ANSWER)):
        part = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
        outlines, _ = cv2.findContours(part, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(small, outlines, -1, colour, 2, cv2.LINE_AA)
    x, y, _ = failure.click
    cv2.circle(small, (round(x * scale), round(y * scale)), 5, CLICK, -1, cv2.LINE_AA)
    return np.asarray(small, np.uint8)


def main() -> None:
    """Draws them and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--world", type=Path, required=True)
    parser.add_argument(
        "--clicked", type=Path, required=True, help="by masklink eval segment --clicks 1 --masks"
    )
    options = parser.parse_args()

    world = json.loads((options.world / "annotations.json").read_text())
    titles = {entry["id"]: entry["name"] for entry in world["categories"]}
    shown = {str(a["id"]): titles[a["category_id"]] for a in world["annotations"]}
    records = load_records(options.world / "annotations.json", options.world / "images", "_test_")
    worst = failures(json.loads(options.clicked.read_text()), records)[:COUNT]
    lines = ["# Five failures", "", *INTRODUCTION, ""]
    (HERE / "failures").mkdir(exist_ok=True)
    for place, failure in enumerate(worst, 1):
        name, identity = f"failures/{place}.jpg", failure.record.annotation_ids[failure.index]
        image = cv2.cvtColor(drawn(failure), cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(HERE / name), image, [cv2.IMWRITE_JPEG_QUALITY, 85])
        lines += [f"{place}. {shown[identity]}, IoU {failure.iou:.2f}, `{identity}`", ""]
        lines += [f"   ![{shown[identity]}]({name})", ""]
    (HERE / "failures.md").write_text("\n".join(lines))


if __name__ == "__main__":
    main()
