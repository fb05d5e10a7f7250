"""Reads annotated images in Mask-OVEN-Wiki's shape and draws augmented training regions from them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from .crop import MARGIN, Box
from .masks import imperfect

MEAN = np.array([123.675, 116.28, 103.53], np.float32)
STD = np.array([58.395, 57.12, 57.375], np.float32)
"""The normalisation of 0..255 RGB values, ImageNet's."""

REACH = 2.4
"""Side of the square that a region is kept in, in longer sides of its box."""
FINE, COARSE = 256, 128
"""Its pixels across, and those of its masks."""

Image = NDArray[np.uint8]
Mask = NDArray[np.uint8]
Matrix = NDArray[np.float64]
"""f64[2, 3], affine."""
SMALLEST = 60
"""Pixels of a mask in the square."""
OUTLIER = ""
"""The label of a region that shows none of the things."""


@dataclass
class ImageFile:
    """One image, read once, at its own size and smaller."""

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
        """The image shrunk to 1 / 2^times."""
        image = self.image()
        while len(self.levels) <= times:
            height, width = image.shape[0] >> len(self.levels), image.shape[1] >> len(self.levels)
            size = (max(width, 1), max(height, 1))
            self.levels.append(np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8))
        return self.levels[times]


@dataclass
class Kept:
    """A region as it is kept between draws: the square around its box."""

    fine: Image
    """u8[256, 256, 3], mirrored beyond the image's border."""
    coarse: Image
    """u8[128, 128, 3]."""
    truth: Mask
    """u8[128, 128] of 0 and 1."""
    clicked: list[Mask]
    """Likewise."""
    bounds: Box
    """The rectangle of the image within `truth`."""


@dataclass
class Region:
    """One annotated mask."""

    identity: str
    file: ImageFile
    label: str
    split: str
    rles: list[dict[str, Any]]
    clicked: list[dict[str, Any]] = field(default_factory=list)
    """Masks of a click model after one click each, as RLE."""
    teacher: NDArray[np.float32] | None = None
    _kept: Kept | None = None

    def kept(self) -> Kept:
        """The square around it, read once."""
        if self._kept is None:
            self._kept = square_of(self)
        return self._kept

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
    files = {
        entry["id"]: ImageFile(folder / "images" / str(entry["file_name"]).lstrip("/"))
        for entry in document["images"]
    }
    regions = []
    for annotation in document["annotations"]:
        rles = annotation["segmentation"]
        region = Region(
            str(annotation["id"]),
            files[annotation["image_id"]],
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
        """Draws a region, or with `outlier` one without a label: another object's shape cut from it."""
        while True:
            group = self.by_label[self.labels[int(rng.choice(len(self.labels), p=self.share))]]
            region = group[int(rng.integers(len(group)))]
            sample = self._sample(region, side, rng, outlier)
            if sample is not None:
                return sample

    def _other(self, rng: np.random.Generator) -> Kept:
        return self.others[int(rng.integers(len(self.others)))].kept()

    def _sample(self, region: Region, side: int, rng: np.random.Generator, outlier: bool) -> Sample | None:
        kept = region.kept()
        swapped = outlier and rng.random() < 0.5
        truth = beside(kept.truth, rng) if outlier and not swapped else kept.truth
        clicked = kept.clicked[int(rng.integers(len(kept.clicked)))] if kept.clicked and not outlier else None
        if int(truth.sum()) < SMALLEST:
            return None
        chance = rng.random()
        front: Front | None = None
        if chance < 0.2 and not outlier:
            front = Front.before(truth, self._other(rng), rng)
            seen = truth & (1 - front.covered)
            if int(seen.sum()) < 0.45 * int(truth.sum()):
                return None
            truth = seen
            clicked = None if clicked is None else clicked & (1 - front.covered)
        turned = rng.random() < 0.45
        mask = imperfect(truth, clicked, rng)
        if not turned:
            mask = within(mask, kept.bounds)
        if int(mask.sum()) < SMALLEST:
            return None
        matrix = crop_of(mask, turn(rng, turned), side)
        image = pixels_of(kept, matrix, side)
        if swapped:
            image = painted(image, layer(kept.truth, matrix, side), self._other(rng), rng)
        elif front is not None:
            image = front.put_on(image, matrix)
        elif chance > 0.85:
            image = blended(stretched(self._other(rng).fine, side), image, layer(kept.truth, matrix, side))
        normal = (recolour(image, rng).astype(np.float32) - MEAN) / STD
        if not turned:
            # Nothing is seen beyond the image.
            normal = normal * (layer(within(np.ones_like(mask), kept.bounds), matrix, side)[..., None] > 0.5)
        pixels = np.ascontiguousarray(normal.transpose(2, 0, 1), np.float32)
        share = layer(mask, matrix, side)[None]
        return (
            Sample(pixels, share, OUTLIER, None)
            if outlier
            else Sample(pixels, share, region.label, region.teacher)
        )


@dataclass
class Front:
    """An object in front of a region's object."""

    kept: Kept
    shift: Matrix
    """Coarse pixels of the region's square from those of the other's."""
    covered: Mask
    """The pixels that it hides, in the region's square."""

    @classmethod
    def before(cls, truth: Mask, other: Kept, rng: np.random.Generator) -> "Front":
        """The other's middle, or its edge, on a point of the mask."""
        points = np.argwhere(truth)
        row, column = points[int(rng.integers(len(points)))]
        shift = np.array([[1, 0, column - COARSE / 2], [0, 1, row - COARSE / 2]], np.float64)
        if rng.random() < 0.5:
            shift[:, 2] += rng.normal(0, COARSE / 8, 2)
        return cls(other, shift, np.asarray(cv2.warpAffine(other.truth, shift, (COARSE, COARSE)), np.uint8))

    def put_on(self, image: Image, matrix: Matrix) -> Image:
        """The crop with it, `matrix` being fine pixels of the region's square from those of the crop."""
        placed = matrix.copy()
        placed[:, 2] -= self.shift[:, 2] * (FINE / COARSE)
        side = len(image)
        return blended(image, pixels_of(self.kept, placed, side), layer(self.kept.truth, placed, side))


def square_of(region: Region) -> Kept:
    """Reads the square around a region's box out of its image."""
    x, y, width, height = region.box()
    rows, columns = region.file.image().shape[:2]
    reach = REACH * max(width, height)
    corner = np.array([x + width / 2 - reach / 2, y + height / 2 - reach / 2])
    times = max(int(np.floor(np.log2(max(reach / FINE, 1.0)))), 0)
    level = region.file.halved(times)
    shrink = np.array([[level.shape[1] / columns], [level.shape[0] / rows]])
    fine = warp(level, scaled(reach / FINE, corner) * shrink, FINE)
    small = scaled(reach / COARSE, corner)
    ends = np.clip(
        np.round((np.array([[0, 0], [columns, rows]]) - corner) / (reach / COARSE)), 0, COARSE
    ).astype(int)
    (left, top), (right, bottom) = ends.tolist()

    def read(rles: list[dict[str, Any]]) -> Mask:
        """A mask in the square."""
        whole = np.asarray(coco_mask.decode(coco_mask.merge(rles)), np.uint8) * np.uint8(255)
        return (warp(whole, small, COARSE) > 127).astype(np.uint8)

    coarse = np.asarray(cv2.resize(fine, (COARSE, COARSE), interpolation=cv2.INTER_AREA), np.uint8)
    clicked = [read([rle]) for rle in region.clicked]
    bounds: Box = (left, top, right - left, bottom - top)
    return Kept(fine, coarse, read(region.rles), [mask for mask in clicked if mask.any()], bounds)


def scaled(scale: float, corner: NDArray[np.float64]) -> Matrix:
    """Image from square: so many pixels of the image to one of the square, from a corner."""
    return np.array([[scale, 0, corner[0]], [0, scale, corner[1]]])


def turn(rng: np.random.Generator, turned: bool) -> NDArray[np.float64]:
    """Mirrored and stretched at random, and `turned`: f64[2, 2]."""
    angle = np.deg2rad(rng.uniform(-25, 25)) if turned else 0.0
    stretch = np.exp(rng.uniform(-0.13, 0.13))
    flip = -1.0 if rng.random() < 0.5 else 1.0
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.asarray(rotation @ np.diag([stretch * flip, 1 / stretch]))


def crop_of(mask: Mask, linear: NDArray[np.float64], side: int) -> Matrix:
    """Fine pixels of the square from those of the crop around the mask as it looks turned by `linear`."""
    rows, columns = np.nonzero(mask)
    points = np.stack([columns, rows]) + 0.5
    seen = np.linalg.inv(linear) @ (points * (FINE / COARSE))
    low, high = seen.min(1) - FINE / COARSE / 2, seen.max(1) + FINE / COARSE / 2
    wide = float((high - low).max()) * (1 + 2 * MARGIN)
    corner = (low + high) / 2 - wide / 2
    return np.asarray(np.hstack([linear * (wide / side), (linear @ corner)[:, None]]))


def pixels_of(kept: Kept, matrix: Matrix, side: int) -> Image:
    """The crop's pixels."""
    if np.sqrt(abs(np.linalg.det(matrix[:, :2]))) < 1.5:
        return warp(kept.fine, matrix, side)
    return warp(kept.coarse, matrix * (COARSE / FINE), side)


def layer(mask: Mask, matrix: Matrix, side: int) -> NDArray[np.float32]:
    """The part of each of the crop's pixels that a mask of 0 and 1 covers, f32[side, side]."""
    share = warp(mask * np.uint8(255), matrix * (COARSE / FINE), side)
    return np.asarray(share, np.float32) / np.float32(255)


def within(mask: Mask, bounds: Box) -> Mask:
    """Returns the mask without its pixels outside the image."""
    x, y, width, height = bounds
    inside = np.zeros_like(mask)
    inside[y : y + height, x : x + width] = mask[y : y + height, x : x + width]
    return inside


def box_of(mask: Mask) -> Box:
    """The box of the pixels that are not 0."""
    x, y, width, height = cv2.boundingRect(mask)
    return x, y, width, height


def warp(image: Image, source_from_target: Matrix, side: int) -> Image:
    """Reads a square out of an image, mirrored beyond its border; a mask ends there."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    border = cv2.BORDER_REFLECT_101 if image.ndim == 3 else cv2.BORDER_CONSTANT
    # Pixel centres lie at halves.
    shifted = source_from_target.copy()
    shifted[:, 2] += source_from_target[:, :2] @ np.full(2, 0.5) - 0.5
    return np.asarray(cv2.warpAffine(image, shifted, (side, side), flags=flags, borderMode=border), np.uint8)


def stretched(image: Image, side: int) -> Image:
    """An image at another size."""
    return np.asarray(cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def blended(under: Image, over: Image, share: NDArray[np.float32]) -> Image:
    """One image over the other where `share` says how much, f32[h, w]."""
    alpha = share[..., None]
    return np.asarray(under * (1 - alpha) + over * alpha, np.uint8)


def painted(image: Image, shape: NDArray[np.float32], other: Kept, rng: np.random.Generator) -> Image:
    """The shape of one object with the surface of another, which is neither."""
    x, y, width, height = (side * FINE // COARSE for side in box_of(other.truth))
    surface = other.fine
    if min(width, height) > 16:
        surface = surface[y + height // 4 : y + height - height // 4, x + width // 4 : x + width - width // 4]
    surface = stretched(surface, len(image))
    seen = image[shape > 0.5]
    shade = image.mean(2, keepdims=True) / max(float(seen.mean()) if seen.size else 0.0, 16.0)
    cover = np.clip(surface * (shade if rng.random() < 0.7 else 1.0), 0, 255)
    return blended(image, np.asarray(cover, np.uint8), shape)


def beside(truth: Mask, rng: np.random.Generator) -> Mask:
    """A blob that mostly is not the object."""
    blob = np.zeros_like(truth)
    centre = tuple(int(v) for v in rng.uniform(0.2, 0.8, 2) * len(truth))
    axes = tuple(int(v) for v in rng.uniform(0.05, 0.2, 2) * len(truth))
    cv2.ellipse(blob, centre, axes, float(rng.uniform(0, 180)), 0, 360, 1, -1)
    near = np.asarray(cv2.dilate(truth, np.ones((3, 3), np.uint8)), np.uint8)
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
        clipped = np.asarray(
            cv2.imdecode(cv2.imencode(".jpg", clipped, quality)[1], cv2.IMREAD_COLOR), np.uint8
        )
    return clipped
