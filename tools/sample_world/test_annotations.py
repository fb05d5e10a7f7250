"""Checks the committed sample world: identifiers, masks, boxes, splits and sizes.

Run `python -m pytest tools/sample_world` or `python tools/sample_world/test_annotations.py`.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pycocotools import mask as coco

from catalogue import THINGS
from plan import PICTURES

SAMPLES = Path(__file__).resolve().parent.parent.parent / "www" / "samples"
WORLD: dict[str, Any] = json.loads((SAMPLES / "annotations.json").read_text())
IMAGES = {image["id"]: image for image in WORLD["images"]}
MEBIBYTE = 1 << 20
SPLIT = re.compile(r"(entity|query)_(train|val|test)_(seen|unseen)")


def test_catalogue_items_are_well_formed_and_unique() -> None:
    titles: dict[str, str] = {}
    for thing in THINGS.values():
        assert re.fullmatch(r"Q[1-9][0-9]*", thing.qid), thing
        assert titles.setdefault(thing.qid, thing.title) == thing.title, thing.qid
    assert len(set(titles.values())) == len(titles), "two items share a title"


def test_categories_are_the_catalogue_s() -> None:
    known = {thing.qid: thing for thing in THINGS.values()}
    ids = [category["id"] for category in WORLD["categories"]]
    assert len(set(ids)) == len(ids)
    assert set(ids) == {a["category_id"] for a in WORLD["annotations"]}
    for category in WORLD["categories"]:
        thing = known[category["id"]]
        assert (category["name"], category["description"]) == (thing.title, thing.description)


def test_images_exist_with_their_size_and_within_the_limits() -> None:
    total = 0
    for image in WORLD["images"]:
        assert image["file_name"].startswith("/")
        path = SAMPLES / "images" / image["file_name"].lstrip("/")
        total += path.stat().st_size
        assert path.stat().st_size < 400 * 1024, path
        with Image.open(path) as picture:
            assert picture.size == (image["width"], image["height"]), path
    assert total < 14 * MEBIBYTE
    assert len(list((SAMPLES / "images").iterdir())) == len(IMAGES), "a file nobody lists"


def test_each_image_has_a_small_copy() -> None:
    names = {image["file_name"].lstrip("/") for image in WORLD["images"]}
    assert {file.name for file in (SAMPLES / "thumbnails").iterdir()} == names
    for name in names:
        with Image.open(SAMPLES / "thumbnails" / name) as small:
            assert small.size == (240, 160), name
        assert (SAMPLES / "thumbnails" / name).stat().st_size < 16 * 1024, name


def test_masks_decode_match_their_boxes_and_do_not_overlap() -> None:
    taken: dict[str, np.ndarray[Any, Any]] = {}
    for a in WORLD["annotations"]:
        image = IMAGES[a["image_id"]]
        assert len(a["segmentation"]) == len(a["bbox"]) == len(a["label"]) > 0, a["id"]
        for rle, bbox in zip(a["segmentation"], a["bbox"], strict=True):
            assert rle["size"] == [image["height"], image["width"]], a["id"]
            mask = coco.decode({"size": rle["size"], "counts": rle["counts"].encode()})
            ys, xs = np.nonzero(mask)
            assert xs.size > 0, a["id"]
            tight = [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
            assert [int(v) for v in tight] == bbox, a["id"]
            seen = taken.setdefault(a["image_id"], np.zeros_like(mask))
            assert not np.any(seen & mask), f"{a['id']} overlaps another mask"
            seen |= mask


def test_annotations_are_whole() -> None:
    ids = [a["id"] for a in WORLD["annotations"]]
    assert len(set(ids)) == len(ids)
    assert {a["image_id"] for a in WORLD["annotations"]} == set(IMAGES), "a picture of nothing"
    for a in WORLD["annotations"]:
        assert a["question"].endswith("?") and a["text_prompt"], a["id"]
        assert all(re.fullmatch(r".+\(1\.0\)", label) for label in a["label"]), a["id"]


def test_splits_go_by_image_and_unseen_things_stay_out_of_train() -> None:
    planned = {picture.name: picture.split for picture in PICTURES}
    train: dict[str, set[str]] = defaultdict(set)
    unseen: dict[str, bool] = {}
    for a in WORLD["annotations"]:
        match = SPLIT.fullmatch(a["data_split"])
        assert match, a["data_split"]
        _, split, known = match.groups()
        assert split == planned[a["image_id"]], a["id"]
        assert unseen.setdefault(a["category_id"], known == "unseen") == (known == "unseen")
        if split == "train":
            train[a["category_id"]].add(a["image_id"])
    for qid, is_unseen in unseen.items():
        count = len(train[qid])
        assert count == 0 if is_unseen else count >= 2, (qid, count)
    shares = [list(planned[name] for name in IMAGES).count(s) / len(IMAGES) for s in ("train", "val", "test")]
    assert shares[0] >= 0.5 and shares[1] >= 0.05 and shares[2] >= 0.15, shares


if __name__ == "__main__":
    for name, check in list(globals().items()):
        if name.startswith("test_"):
            check()
            print("ok", name)
