"""Reads annotated pictures in Mask-OVEN-Wiki's shape and draws augmented training regions from them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from crop import Box, around
from masks import imperfect

MEAN = np.array([123.675, 116.28, 103.53], np.float32)
STD = np.array([58.395, 57.12, 57.375], np.float32)
"""The normalisation of 0..255 RGB values, ImageNet's."""

PATCH = 9 / 4
"""Side of the square that augmentation works in, in sides of the crop that comes out."""
OBJECT = 13 / 16
"""The longer side of the object's box in it, likewise."""

Image = NDArray[np.uint8]
Mask = NDArray[np.uint8]
OUTLIER = ""
"""The label of a region that shows none of the things."""


@dataclass
class Picture:
    """One picture, read once, at its own size and smaller."""

    path: Path
    levels: list[Image] = field(default_factory=list)

    def image(self) -> Image:
        """RGB pixels u8[h, w, 3]."""
        if not self.levels:
            bgr = cv2.imread(str(self.path), cv2.IMREAD_COLOR)
            if bgr is None:
                raise FileNotFoundError(self.path)
            self.levels.append(np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8))
        return self.levels[0]

    def halved(self, times: int) -> Image:
        """The picture shrunk to 1 / 2^times."""
        image = self.image()
        while len(self.levels) <= times:
            height, width = image.shape[0] >> len(self.levels), image.shape[1] >> len(self.levels)
            size = (max(width, 1), max(height, 1))
            self.levels.append(np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8))
        return self.levels[times]


@dataclass
class Shape:
    """A mask within its box."""

    x: int
    y: int
    mask: Mask

    @classmethod
    def decode(cls, rles: list[dict[str, Any]]) -> "Shape":
        """The joined parts."""
        whole = np.asarray(coco_mask.decode(coco_mask.merge(rles)), np.uint8)
        x, y, width, height = cv2.boundingRect(whole)
        return cls(x, y, whole[y : y + height, x : x + width] * np.uint8(255))

    def warped(self, source_from_patch: NDArray[np.float64], side: int) -> Mask:
        """The mask in the patch, 0 to 255."""
        shifted = source_from_patch.copy()
        shifted[:, 2] -= (self.x, self.y)
        return warp(self.mask, shifted, side)


@dataclass
class Region:
    """One annotated mask."""

    identity: str
    picture: Picture
    label: str
    split: str
    rles: list[dict[str, Any]]
    clicked: list[dict[str, Any]] = field(default_factory=list)
    """Masks of a click model after one click each, as RLE."""
    teacher: NDArray[np.float32] | None = None
    _shape: Shape | None = None

    def shape(self) -> Shape:
        """The mask within its box, kept."""
        if self._shape is None:
            self._shape = Shape.decode(self.rles)
        return self._shape

    def mask(self) -> Mask:
        """u8[h, w] of 0 and 1; parts are joined."""
        return np.asarray(coco_mask.decode(coco_mask.merge(self.rles)), np.uint8)

    def box(self) -> Box:
        """x, y, width and height of the mask's box, whole pixels."""
        x, y, width, height = (round(float(side)) for side in coco_mask.toBbox(coco_mask.merge(self.rles)))
        return x, y, width, height


def load_regions(folder: Path, split: str) -> list[Region]:
    """The annotations of `folder`/annotations.json whose `data_split` contains `split` ("" takes all)."""
    document = json.loads((folder / "annotations.json").read_text())
    pictures = {
        entry["id"]: Picture(folder / "images" / str(entry["file_name"]).lstrip("/")) for entry in document["images"]
    }
    regions = []
    for annotation in document["annotations"]:
        rles = annotation["segmentation"]
        region = Region(
            str(annotation["id"]),
            pictures[annotation["image_id"]],
            str(annotation["category_id"]),
            str(annotation["data_split"]),
            rles if isinstance(rles, list) else [rles],
        )
        if split in region.split and min(region.box()[2:]) > 0:
            regions.append(region)
    return regions


@dataclass
class Sample:
    """One augmented region."""

    image: NDArray[np.float32]
    """Normalised, f32[3, side, side]."""
    mask: NDArray[np.float32]
    """The part of each pixel that the mask covers, f32[1, side, side]."""
    label: str
    teacher: NDArray[np.float32] | None


@dataclass
class Patch:
    """A region in the frame that augmentation works in."""

    pixels: Image
    truth: Mask
    clicked: Mask | None
    bounds: Box
    """Where the picture is."""


class Sampler:
    """Draws augmented regions of one kind: labels evenly, then a region of the label."""

    def __init__(self, regions: Sequence[Region], others: Sequence[Region], evenness: float) -> None:
        """`others` lend backgrounds and things that stand in the way."""
        self.by_label: dict[str, list[Region]] = {}
        for region in regions:
            self.by_label.setdefault(region.label, []).append(region)
        self.labels = list(self.by_label)
        share = np.array([len(group) for group in self.by_label.values()], np.float64) ** (1 - evenness)
        self.share = share / share.sum()
        self.others = list(others)

    def draw(self, side: int, rng: np.random.Generator, outlier: bool = False) -> Sample:
        """A region, or with `outlier` one that shows nothing that has a label: another thing's shape cut from it."""
        while True:
            group = self.by_label[self.labels[int(rng.choice(len(self.labels), p=self.share))]]
            region = group[int(rng.integers(len(group)))]
            sample = self._sample(region, side, rng, outlier)
            if sample is not None:
                return sample

    def _other(self, rng: np.random.Generator) -> Region:
        return self.others[int(rng.integers(len(self.others)))]

    def _sample(self, region: Region, side: int, rng: np.random.Generator, outlier: bool) -> Sample | None:
        patch = patch_of(region, side, rng)
        label = region.label
        if outlier:
            label = OUTLIER
            if rng.random() < 0.5:
                patch.pixels, patch.truth = chimera(patch, patch_of(self._other(rng), side, rng), rng)
            else:
                patch.truth = beside(patch.truth, rng)
            patch.clicked = None
        area = int(patch.truth.sum())
        if area < side * side / 150:
            return None
        chance = rng.random()
        if chance < 0.15:
            patch.pixels = on_background(patch, patch_of(self._other(rng), side, rng).pixels)
        elif chance < 0.35 and not outlier:
            patch.pixels, covered = behind(patch, patch_of(self._other(rng), side, rng), rng)
            if int((patch.truth & (1 - covered)).sum()) < 0.45 * area:
                return None
            patch.truth = patch.truth & (1 - covered)
            patch.clicked = None if patch.clicked is None else patch.clicked & (1 - covered)
        mask = within(imperfect(patch.truth, patch.clicked, rng), patch.bounds)
        if int(mask.sum()) < side * side / 250:
            return None
        image, share, there = cut(patch.pixels, mask, patch.bounds, side)
        normal = (recolour(image, rng).astype(np.float32) - MEAN) / STD * there[..., None]
        teacher = None if outlier else region.teacher
        return Sample(np.ascontiguousarray(normal.transpose(2, 0, 1)), share[None], label, teacher)


def within(mask: Mask, bounds: Box) -> Mask:
    """What of the mask lies in the picture."""
    x, y, width, height = bounds
    inside = np.zeros_like(mask)
    inside[y : y + height, x : x + width] = mask[y : y + height, x : x + width]
    return inside


def cut(pixels: Image, mask: Mask, bounds: Box, side: int) -> tuple[Image, NDArray[np.float32], NDArray[np.float32]]:
    """The crop around a mask, the mask in it and where there is a picture; much as the program samples them."""
    x, y, width, _ = around(box_of(mask))
    scale = width / side
    matrix = np.array([[scale, 0, x], [0, scale, y]])
    inside = np.zeros_like(mask)
    inside[bounds[1] : bounds[1] + bounds[3], bounds[0] : bounds[0] + bounds[2]] = 255
    image, share, there = (warp(layer, matrix, side) for layer in (pixels, mask * np.uint8(255), inside))
    return image, share.astype(np.float32) / np.float32(255), (there > 127).astype(np.float32)


def box_of(mask: Mask) -> Box:
    """The box of the pixels that are not 0."""
    x, y, width, height = cv2.boundingRect(mask)
    return x, y, width, height


def patch_of(region: Region, side: int, rng: np.random.Generator) -> Patch:
    """The region in a square for a crop of `side`, turned, mirrored and stretched at random."""
    patch = int(side * PATCH)
    shape = region.shape()
    height, width = shape.mask.shape
    scale = max(width, height) / (side * OBJECT) * np.exp(rng.uniform(-0.2, 0.2))
    turned = rng.random() < 0.45
    angle = np.deg2rad(rng.uniform(-25, 25)) if turned else 0.0
    stretch = np.exp(rng.uniform(-0.13, 0.13))
    flip = -1.0 if rng.random() < 0.5 else 1.0
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ np.diag([scale * stretch * flip, scale / stretch])
    centre = np.array([shape.x + width / 2, shape.y + height / 2])
    offset = centre - linear @ np.full(2, patch / 2)
    matrix = np.concatenate([linear, offset[:, None]], axis=1)
    mask = shape.warped(matrix, patch)
    clicked = None
    if region.clicked:
        rle = region.clicked[int(rng.integers(len(region.clicked)))]
        clicked = (Shape.decode([rle]).warped(matrix, patch) > 127).astype(np.uint8)
    level = region.picture.halved(max(int(np.floor(np.log2(max(scale, 1.0)))), 0))
    rows, columns = region.picture.image().shape[:2]
    shrink = np.array([[level.shape[1] / columns], [level.shape[0] / rows]])
    pixels = warp(level, matrix * shrink, patch)
    bounds: Box = (0, 0, patch, patch)
    if not turned:
        corners = np.array([[0, 0], [columns, rows]], np.float64)
        ends = np.sort(np.linalg.solve(linear, (corners - offset).T).T, axis=0)
        low, high = np.clip(np.ceil(ends[0]), 0, patch).astype(int), np.clip(np.floor(ends[1]), 0, patch).astype(int)
        bounds = (int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1]))
        for found in (mask, clicked):
            if found is not None:
                found[: low[1]] = found[high[1] :] = 0
                found[:, : low[0]] = found[:, high[0] :] = 0
    return Patch(pixels, (mask > 127).astype(np.uint8), clicked, bounds)


def warp(image: Image, source_from_patch: NDArray[np.float64], side: int) -> Image:
    """Reads the patch out of the picture, mirrored beyond its border; a mask ends there."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    border = cv2.BORDER_REFLECT_101 if image.ndim == 3 else cv2.BORDER_CONSTANT
    # Pixel centres lie at halves.
    shifted = source_from_patch.copy()
    shifted[:, 2] += source_from_patch[:, :2] @ np.full(2, 0.5) - 0.5
    return np.asarray(cv2.warpAffine(image, shifted, (side, side), flags=flags, borderMode=border), np.uint8)


def soft(mask: Mask) -> NDArray[np.float32]:
    """f32[h, w, 1], the mask with an edge of about a pixel."""
    return np.asarray(cv2.GaussianBlur(mask * np.float32(1), (3, 3), 0.7), np.float32)[..., None]


def on_background(patch: Patch, background: Image) -> Image:
    """The object before another picture."""
    alpha = soft(patch.truth)
    return np.asarray(patch.pixels * alpha + background * (1 - alpha), np.uint8)


def behind(patch: Patch, other: Patch, rng: np.random.Generator) -> tuple[Image, Mask]:
    """Puts part of another object before this one; the pixels and what they cover."""
    points = np.argwhere(patch.truth)
    side = len(patch.truth)
    row, column = points[int(rng.integers(len(points)))]
    shift = np.array([[1, 0, column - side / 2], [0, 1, row - side / 2]], np.float64)
    if rng.random() < 0.5:
        # Its edge rather than its middle.
        shift[:, 2] += rng.normal(0, side / 8, 2)
    covered = np.asarray(cv2.warpAffine(other.truth, shift, (side, side)), np.uint8)
    pixels = cv2.warpAffine(other.pixels, shift, (side, side))
    alpha = soft(covered)
    return np.asarray(patch.pixels * (1 - alpha) + pixels * alpha, np.uint8), covered


def chimera(patch: Patch, other: Patch, rng: np.random.Generator) -> tuple[Image, Mask]:
    """The shape of one object with the surface of another, which is neither."""
    surface = other.pixels
    x, y, width, height = cv2.boundingRect(other.truth)
    if min(width, height) > 8:
        inner = surface[y + height // 4 : y + height - height // 4, x + width // 4 : x + width - width // 4]
        surface = np.asarray(cv2.resize(inner, surface.shape[:2], interpolation=cv2.INTER_LINEAR), np.uint8)
    shade = patch.pixels.mean(2, keepdims=True) / max(float(patch.pixels[patch.truth > 0].mean()), 16.0)
    painted = np.clip(surface * (shade if rng.random() < 0.7 else 1.0), 0, 255)
    alpha = soft(patch.truth)
    return np.asarray(patch.pixels * (1 - alpha) + painted * alpha, np.uint8), patch.truth


def beside(truth: Mask, rng: np.random.Generator) -> Mask:
    """A blob that mostly is not the object."""
    blob = np.zeros_like(truth)
    centre = tuple(int(v) for v in rng.uniform(0.15, 0.85, 2) * len(truth))
    axes = tuple(int(v) for v in rng.uniform(0.05, 0.2, 2) * len(truth))
    cv2.ellipse(blob, centre, axes, float(rng.uniform(0, 180)), 0, 360, 1, -1)
    near = np.asarray(cv2.dilate(truth, np.ones((5, 5), np.uint8)), np.uint8)
    return np.asarray(blob & (1 - near), np.uint8)


def recolour(pixels: Image, rng: np.random.Generator) -> Image:
    """Changes light, colour, sharpness, size and compression."""
    out = pixels.astype(np.float32)
    if rng.random() < 0.8:
        grey = out.mean(axis=2, keepdims=True)
        out = grey + (out - grey) * rng.uniform(0.6, 1.4)
        out = (out - 128) * rng.uniform(0.7, 1.3) + 128 + rng.uniform(-30, 30)
        out = out * rng.uniform(0.88, 1.12, 3).astype(np.float32)
    if rng.random() < 0.2:
        side = pixels.shape[0]
        small = int(side * rng.uniform(0.3, 0.8))
        few = cv2.resize(out, (small, small), interpolation=cv2.INTER_AREA)
        out = np.asarray(cv2.resize(few, (side, side), interpolation=cv2.INTER_LINEAR), np.float32)
    elif rng.random() < 0.15:
        out = np.asarray(cv2.GaussianBlur(out, (0, 0), rng.uniform(0.4, 1.3)), np.float32)
    if rng.random() < 0.15:
        out = out + rng.normal(0, rng.uniform(2, 9), out.shape).astype(np.float32)
    clipped = np.clip(out, 0, 255).astype(np.uint8)
    if rng.random() < 0.15:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 85))]
        clipped = np.asarray(cv2.imdecode(cv2.imencode(".jpg", clipped, quality)[1], cv2.IMREAD_COLOR), np.uint8)
    return clipped
