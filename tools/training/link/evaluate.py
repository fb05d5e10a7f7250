"""Measures linking as `masklink` does it, with an index of exact masks.

The queries are exact masks, and masks from one click.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from .data import Mask, Region, load_regions
from .encoder import CardEncoder, Vector

HALVES = 20
"""Random halves of images that make an index, the others asking."""

MOBILENET: dict[str, Any] = {
    "input": {
        "name": "",
        "width": 224,
        "height": 224,
        "layout": "nhwc",
        "element": "u8",
        "resize": "stretch",
    },
    "output": {"name": "", "layout": "chw"},
}
"""The card of a classifier u8[1, 224, 224, 3] -> f32[1, C, 7, 7]; the names are read from the graph."""


@dataclass
class Index:
    """Vectors of views, centred, of length 1, and whose they are."""

    vectors: NDArray[np.float32]
    labels: NDArray[np.str_]
    mean: Vector

    @classmethod
    def build(cls, vectors: NDArray[np.float32], labels: NDArray[np.str_]) -> "Index":
        """Subtracts the mean of all views."""
        mean = vectors.mean(0)
        return cls(unit(vectors - mean), labels, mean)

    def cosines(self, queries: NDArray[np.float32]) -> NDArray[np.float32]:
        """The cosine of each query with each view."""
        return np.asarray(unit(queries - self.mean) @ self.vectors.T, np.float32)

    def likenesses(self, queries: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.str_]]:
        """The cosine of each query with the nearest view of each entity: f32[queries, entities], entities."""
        cosines = self.cosines(queries)
        entities = np.unique(self.labels)
        best = [cosines[:, self.labels == entity].max(1) for entity in entities]
        return np.stack(best, 1), entities


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of length 1."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def ranks(index: Index, queries: NDArray[np.float32], labels: NDArray[np.str_]) -> NDArray[np.int64]:
    """The place of the right entity, from 0, for queries whose entity is in the index."""
    likenesses, entities = index.likenesses(queries)
    known = np.isin(labels, entities)
    own = likenesses[np.arange(len(labels)), np.searchsorted(entities, labels).clip(max=len(entities) - 1)]
    return np.asarray((likenesses > own[:, None]).sum(1)[known])


def accuracy(places: NDArray[np.int64]) -> dict[str, float]:
    """How many were asked, and the parts with the right one first and among five."""
    return {"n": len(places), "top1": part(places < 1), "top5": part(places < 5)}


def part(right: NDArray[np.bool_]) -> float:
    """Mean, rounded."""
    return round(float(right.mean()), 4) if len(right) else 0.0


def signals(likenesses: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """Numbers that may tell whether a query's entity is in the index, larger when it is."""
    falling = -np.sort(-likenesses, 1)
    first, lead = falling[:, 0], falling[:, 0] - falling[:, 1]
    return {"cosine": first, "lead": lead, "cosine + lead / 2": first + lead / 2}


def told_apart(known: NDArray[np.float32], unknown: NDArray[np.float32]) -> dict[str, float]:
    """The part of unknown ones refused where 5 % of the known are, and the area under the curve."""
    limit = np.quantile(known, 0.05)
    pairs = (known[:, None] > unknown[None]).mean() + 0.5 * (known[:, None] == unknown[None]).mean()
    return {"refused": part(unknown < limit), "limit": round(float(limit), 4), "auc": round(float(pairs), 4)}


def embed(
    encoder: CardEncoder, regions: list[Region], masks: list[Mask] | None = None
) -> NDArray[np.float32]:
    """A vector for each region, of its own mask or of the one given."""
    given = [region.mask() for region in regions] if masks is None else masks
    return np.stack(
        [encoder.vector(region.file.image(), mask) for region, mask in zip(regions, given, strict=True)]
    )


def one_click(masks_file: Path, regions: list[Region]) -> tuple[list[Mask], float]:
    """The mask after one click on each region, from `masklink eval segment --masks`, and their mean IoU."""
    given: dict[str, list[dict[str, Any]]] = json.loads(masks_file.read_text())
    masks, overlaps = [], []
    for region in regions:
        truth = region.mask()
        mask = np.asarray(coco_mask.decode(given[region.identity][0]), np.uint8)
        overlaps.append(float((mask & truth).sum() / max(int((mask | truth).sum()), 1)))
        # No mask means no answer; the exact one then counts as the worst case would not.
        masks.append(mask if mask.any() else np.ones_like(truth))
    return masks, float(np.mean(overlaps))


def labels_of(regions: list[Region]) -> NDArray[np.str_]:
    """The entities."""
    return np.array([region.label for region in regions])


def world(encoder: CardEncoder, folder: Path, masks_file: Path, show: bool) -> dict[str, Any]:
    """An index of the train split, asked with the val and test splits."""
    train = load_regions(folder, "train")
    index = Index.build(embed(encoder, train), labels_of(train))
    result: dict[str, Any] = {"views": len(train), "entities": len(set(index.labels))}
    limits: dict[str, float] = {}
    for split in ("_val_", "_test_"):
        regions = load_regions(folder, split)
        if not regions:
            continue
        labels = labels_of(regions)
        clicked, overlap = one_click(masks_file, regions)
        found: dict[str, Any] = {"one-click IoU": round(overlap, 4)}
        for name, masks in (("exact", None), ("one click", clicked)):
            queries = embed(encoder, regions, masks)
            found[name] = accuracy(ranks(index, queries, labels))
            likenesses, entities = index.likenesses(queries)
            known = np.isin(labels, entities)
            if show:
                report(regions, likenesses, entities, f"{split} {name}")
            if known.all() or not known.any():
                continue
            for signal, values in signals(likenesses).items():
                told = told_apart(values[known], values[~known])
                key = f"{name}, {signal}"
                if key in limits:
                    told["false alarms at val's limit"] = part(values[known] < limits[key])
                    told["refused at val's limit"] = part(values[~known] < limits[key])
                if split == "_val_":
                    limits[key] = told["limit"]
                found[f"unknown by {key}"] = told
        result[split.strip("_")] = found
    return result


def report(
    regions: list[Region], likenesses: NDArray[np.float32], entities: NDArray[np.str_], title: str
) -> None:
    """Prints each wrong or unknown one with its nearest entities."""
    for region, row in zip(regions, likenesses, strict=True):
        order = np.argsort(-row)[:3]
        if entities[order[0]] != region.label:
            nearest = ", ".join(f"{entities[at]} {row[at]:.3f}" for at in order)
            unknown = "" if region.label in entities else " (unknown)"
            print(f"{title}: {region.identity} is {region.label}{unknown}: {nearest}")


def halves(encoder: CardEncoder, folder: Path) -> dict[str, float]:
    """Means over random halves of the images as index, the other half asking."""
    regions = load_regions(folder, "")
    vectors, labels = embed(encoder, regions), labels_of(regions)
    images = np.array([region.file.path.name for region in regions])
    names = np.unique(images)
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(HALVES):
        inside = np.isin(images, rng.permutation(names)[: len(names) // 2])
        places = ranks(Index.build(vectors[inside], labels[inside]), vectors[~inside], labels[~inside])
        rows.append(accuracy(places))
    return {key: round(float(np.mean([row[key] for row in rows])), 4) for key in rows[0]}


def classifier(path: Path, views: list[str]) -> CardEncoder:
    """A classifier to compare with."""
    encoder = CardEncoder({**MOBILENET, "file": path.name, "views": views}, path.parent)
    given, found = encoder.session.get_inputs()[0].name, encoder.session.get_outputs()[0].name
    encoder.card["input"] = {**encoder.card["input"], "name": given}
    encoder.card["output"] = {**encoder.card["output"], "name": found}
    return encoder


def main() -> None:
    """Prints JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--card", type=Path, required=True)
    parser.add_argument("--world", type=Path, help="folder of annotations.json and images/ with all splits")
    parser.add_argument("--halves", type=Path, help="folder whose images are halved at random")
    parser.add_argument("--against", type=Path, help="classifier, u8[1, 224, 224, 3] -> f32[1, C, h, w]")
    parser.add_argument("--clicked", type=Path, help="by masklink eval segment --clicks 1 --masks")
    parser.add_argument("--show", action="store_true", help="print what went wrong")
    options = parser.parse_args()
    if options.world is not None and options.clicked is None:
        parser.error("--world needs --clicked")

    cv2.setNumThreads(1)
    encoders = {"this": CardEncoder.open(options.card)}
    if options.against is not None:
        encoders["classifier, crop"] = classifier(options.against, ["crop"])
        encoders["classifier, image and crop"] = classifier(options.against, ["image", "crop"])
    for name, encoder in encoders.items():
        result: dict[str, Any] = {}
        if options.world is not None:
            result["world"] = world(encoder, options.world, options.clicked, options.show)
        if options.halves is not None:
            result["halves"] = halves(encoder, options.halves)
        times = sorted(encoder.milliseconds)
        result["ms a region"] = {
            "mean": round(float(np.mean(times)), 1),
            "p50": round(times[len(times) // 2], 1),
        }
        print(json.dumps({name: result}, indent=2))


if __name__ == "__main__":
    main()
