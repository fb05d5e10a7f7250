"""Reads annotated images in Mask-OVEN-Wiki's shape and turns them into augmented training samples."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

FRAME = 256
"""Side of the training frame: the model sees the 1024 frame averaged four times down."""

SMALL_FRAME = 160
"""Side of the cheaper frame that most early batches use."""

CLOSER_SHARE = 0.45
"""Share of crops that enlarge one object, like the crops of the program's refinement passes."""
MIN_SCALE = 0.25
"""Minimum number of image pixels to one frame pixel, along a side."""

MEAN = np.array([123.675, 116.28, 103.53], np.float32)
STD = np.array([58.395, 57.12, 57.375], np.float32)
"""SAM's normalisation of 0..255 RGB values."""

SIZE_PULL_OF_KNOWN = 0.2
"""Power of its area by which an object is drawn where it is known how hard it is; of others it is a half."""

GRID_STEP = 16
"""Pixels from one distillation target to the next."""

WORLD = "world"
"""The source of every sample world's images."""
UNKNOWN, BACKGROUND = -1, 0
"""Kinds of pixels besides the categories, which count from 1."""
KIND_STEP = 4
"""Pixels from one kind to the next."""

Image = NDArray[np.uint8]
Mask = NDArray[np.uint8]


@dataclass
class Record:
    """One image with the masks drawn on it."""

    image_id: str
    path: Path
    source: str
    annotation_ids: list[str] = field(default_factory=list)
    segmentations: list[list[dict[str, Any]]] = field(default_factory=list)
    categories: list[str] = field(default_factory=list)
    hardness: list[float] = field(default_factory=list)
    """How often each object is drawn beside others; empty where all are drawn alike."""
    teacher: NDArray[np.float16] | None = None
    _levels: list[Image] = field(default_factory=list)
    _kinds: NDArray[np.int16] | None = None

    def kinds(self, numbers: dict[str, int]) -> NDArray[np.int16]:
        """Returns the category number of each pixel of `image`, computed once; the smaller mask is above.

        A pixel without a mask is UNKNOWN, in a sample world BACKGROUND.
        """
        if self._kinds is None:
            rest = BACKGROUND if self.source == WORLD else UNKNOWN
            kinds = np.full(self.image().shape[:2], rest, np.int16)
            masks = [self.mask(index) for index in range(len(self.segmentations))]
            for index in sorted(range(len(masks)), key=lambda index: -int(masks[index].sum())):
                kinds[masks[index] > 0] = numbers[self.categories[index]]
            self._kinds = kinds
        return self._kinds

    def image(self) -> Image:
        """RGB pixels u8[h, w, 3], read once and kept."""
        if not self._levels:
            bgr = cv2.imread(str(self.path), cv2.IMREAD_COLOR)
            if bgr is None:
                raise FileNotFoundError(self.path)
            rgb = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
            self._levels.append(rgb)
        return self._levels[0]

    def halved(self, times: int) -> Image:
        """Returns the image shrunk to 1 / 2^times by means of pixels, as in the program; cached."""
        image = self.image()
        while len(self._levels) <= times:
            height, width = (max(side >> len(self._levels), 1) for side in image.shape[:2])
            self._levels.append(
                np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
            )
        return self._levels[times]

    def mask(self, index: int) -> Mask:
        """Annotation `index` as u8[h, w] of 0 and 1 at the size of `image`; parts are joined."""
        mask = np.asarray(coco_mask.decode(coco_mask.merge(self.segmentations[index])), np.uint8)
        height, width = self.image().shape[:2]
        if mask.shape != (height, width):
            mask = (cv2.resize(mask * 255, (width, height), interpolation=cv2.INTER_AREA) > 127).astype(
                np.uint8
            )
        return mask


def load_records(annotations: Path, images: Path, split: str) -> list[Record]:
    """Returns images with annotations whose `data_split` contains `split` ("": all), in file order."""
    document = json.loads(annotations.read_text())
    records: dict[str, Record] = {}
    for entry in document["images"]:
        name = str(entry["file_name"]).lstrip("/")
        source = name.rsplit("_", 1)[0]
        records[entry["id"]] = Record(str(entry["id"]), images / name, source)
    for annotation in document["annotations"]:
        if split not in annotation["data_split"]:
            continue
        segmentation = annotation["segmentation"]
        record = records[annotation["image_id"]]
        record.annotation_ids.append(str(annotation["id"]))
        record.segmentations.append(segmentation if isinstance(segmentation, list) else [segmentation])
        record.categories.append(str(annotation["category_id"]))
    return [record for record in records.values() if record.segmentations]


@dataclass
class Sample:
    """One augmented image: normalised CHW pixels, its object masks, and distillation targets where known."""

    pixels: NDArray[np.float32]
    masks: NDArray[np.uint8]
    kinds: NDArray[np.int16]
    """Category number of every KIND_STEP-th pixel, i16[side / KIND_STEP, side / KIND_STEP]."""
    teacher: NDArray[np.float32] | None


class Sampler:
    """Draws augmented samples: a source by weight, an image of it, a crop around one of its objects."""

    def __init__(
        self, records: Sequence[Record], weights: dict[str, float], objects: int, numbers: dict[str, int]
    ) -> None:
        self.numbers = numbers
        by_source: dict[str, list[Record]] = {}
        for record in records:
            by_source.setdefault(record.source, []).append(record)
        self.groups = list(by_source.values())
        share = np.array([weights.get(name, weights["*"]) for name in by_source], np.float64)
        self.share = share / share.sum()
        self.objects = objects
        pulls = [np.array([sum(record.hardness) or 1.0 for record in group]) for group in self.groups]
        self.image_shares = [pull / pull.sum() for pull in pulls]

    def draw(self, rng: np.random.Generator, frame: int = FRAME) -> Sample:
        """A sample with one to `objects` masks; draws again when a crop shows no object."""
        while True:
            which = int(rng.choice(len(self.groups), p=self.share))
            image = int(rng.choice(len(self.groups[which]), p=self.image_shares[which]))
            sample = self._crop(self.groups[which][image], frame, rng)
            if sample is not None:
                return sample

    def _crop(self, record: Record, frame: int, rng: np.random.Generator) -> Sample | None:
        image = record.image()
        order = rng.permutation(len(record.segmentations))
        hardness = np.array(record.hardness or np.ones(len(order)))
        if record.hardness:
            # The crop is around the first.
            first = int(rng.choice(len(order), p=hardness / hardness.sum()))
            order = np.concatenate([[first], order[order != first]])
        order = order[: self.objects + 4]
        masks = [record.mask(int(index)) for index in order]
        width, height = frame_size(frame, rng)
        matrix = source_from_frame(image.shape[:2], (height, width), masks[0], rng)
        pixels = read(record, matrix, (width, height))
        warped = [(warp(mask * 255, matrix, (width, height)) > 127).astype(np.uint8) for mask in masks]

        kinds = warp_kinds(record.kinds(self.numbers), matrix, (width, height))
        pasted = rng.random() < 0.25
        if pasted:
            pixels, warped, kinds = self._paste(pixels, warped, kinds, rng)
        # Pasted objects come first.
        weights = [*np.ones(len(warped) - len(order)), *hardness[order]]
        both = zip(warped, weights, strict=True)
        pairs = [(mask, weight) for mask, weight in both if 40 <= int(mask.sum()) <= 0.92 * mask.size]
        if not pairs:
            return None
        usable = [mask for mask, _ in pairs]
        # People click what is large more often than the many small parts that are annotated.
        areas = np.array([float(mask.sum()) for mask in usable])
        pull = np.array([weight for _, weight in pairs]) * areas ** (
            SIZE_PULL_OF_KNOWN if record.hardness else 0.5
        )
        few = min(self.objects, len(usable))
        chosen = [usable[int(i)] for i in rng.choice(len(usable), few, replace=False, p=pull / pull.sum())]
        framed = np.zeros((len(chosen), frame, frame), np.uint8)
        framed[:, :height, :width] = chosen
        normal = np.zeros((frame, frame, 3), np.float32)
        normal[:height, :width] = (recolour(pixels, rng).astype(np.float32) - MEAN) / STD
        shown = np.full((frame, frame), UNKNOWN, np.int16)
        shown[:height, :width] = kinds
        teacher = None
        if record.teacher is not None and not pasted:
            teacher = sample_teacher(record.teacher, matrix, image.shape[:2], frame)
        half = KIND_STEP // 2
        shown = np.ascontiguousarray(shown[half::KIND_STEP, half::KIND_STEP])
        return Sample(np.ascontiguousarray(normal.transpose(2, 0, 1)), framed, shown, teacher)

    def _paste(
        self, pixels: Image, masks: list[Mask], kinds: NDArray[np.int16], rng: np.random.Generator
    ) -> tuple[Image, list[Mask], NDArray[np.int16]]:
        """Pastes one object of another image: it covers the other masks and joins them as the first."""
        group = self.groups[int(rng.choice(len(self.groups), p=self.share))]
        donor = group[int(rng.integers(len(group)))]
        which = int(rng.integers(len(donor.segmentations)))
        mask = donor.mask(which)
        left, top, box_width, box_height = cv2.boundingRect(mask)
        if min(box_width, box_height) < 12:
            return pixels, masks, kinds
        height, width = pixels.shape[:2]
        scale = rng.uniform(0.2, 0.7) * min(height, width) / max(box_width, box_height)
        angle = rng.uniform(-30, 30)
        matrix = cv2.getRotationMatrix2D((left + box_width / 2, top + box_height / 2), angle, scale)
        matrix[0, 2] += rng.uniform(0.15, 0.85) * width - (left + box_width / 2)
        matrix[1, 2] += rng.uniform(0.15, 0.85) * height - (top + box_height / 2)
        alpha = cv2.warpAffine((mask * 255).astype(np.uint8), matrix, (width, height), flags=cv2.INTER_AREA)
        soft = cv2.GaussianBlur(alpha, (3, 3), 0.7).astype(np.float32)[..., None] / 255
        frame_from_donor = np.vstack([matrix, [0, 0, 1]])
        colours = read(donor, np.linalg.inv(frame_from_donor)[:2], (width, height))
        mixed = pixels * (1 - soft) + colours * soft
        placed = (alpha > 127).astype(np.uint8)
        if int(placed.sum()) < 64:
            return pixels, masks, kinds
        kinds = np.where(placed > 0, np.int16(self.numbers[donor.categories[which]]), kinds)
        return mixed.astype(np.uint8), [placed, *[(mask & (1 - placed)) for mask in masks]], kinds


def read(record: Record, source_from_frame: NDArray[np.float64], size: tuple[int, int]) -> Image:
    """As `warp`, from the smallest copy of the image that has a pixel for each of the frame's."""
    pixels_a_side = float(np.sqrt(abs(np.linalg.det(source_from_frame[:, :2]))))
    level = record.halved(int(np.log2(max(pixels_a_side, 1.0))))
    level_from_source = np.array(level.shape[1::-1]) / record.image().shape[1::-1]
    matrix = source_from_frame.copy()
    # Pixel centres lie at halves.
    matrix[:, 2] += 0.5
    matrix *= level_from_source[:, None]
    matrix[:, 2] -= 0.5
    return warp(level, matrix, size)


def warp(image: Image, source_from_frame: NDArray[np.float64], size: tuple[int, int]) -> Image:
    """Reads the frame of `size` (width, height) out of the image, mirrored beyond its border."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    frame = cv2.warpAffine(image, source_from_frame, size, flags=flags, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(frame, np.uint8)


def warp_kinds(
    kinds: NDArray[np.int16], source_from_frame: NDArray[np.float64], size: tuple[int, int]
) -> NDArray[np.int16]:
    """As `warp`, but each pixel takes the kind of the nearest one."""
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    frame = cv2.warpAffine(kinds, source_from_frame, size, flags=flags, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(frame, np.int16)


def frame_size(frame: int, rng: np.random.Generator) -> tuple[int, int]:
    """Draws width and height of the used part of the frame, with `frame` as the longer side."""
    if rng.random() < 0.35:
        return frame, frame
    short = round(frame * float(rng.choice([0.667, 0.75, 0.75, 0.81])))
    return (frame, short) if rng.random() < 0.6 else (short, frame)


def source_from_frame(
    source: tuple[int, int], frame: tuple[int, int], around: Mask, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Affine 2x3 from frame pixels to source pixels: a crop that contains (part of) the mask `around`."""
    height, width = source
    rows, columns = frame
    fit = min(width / columns, height / rows)
    left, top, box_width, box_height = cv2.boundingRect(around)
    zoom = fit * rng.uniform(0.5, 1.0) if rng.random() < 0.55 else fit * rng.uniform(1.0, 1.25)
    closer = rng.random() < CLOSER_SHARE
    if closer:
        filled = max(box_width / columns, box_height / rows)
        zoom = float(np.clip(filled * rng.uniform(1.2, 2.8), MIN_SCALE, fit * 1.25))
    stretch = np.exp(rng.uniform(-0.15, 0.15))
    angle = np.deg2rad(rng.uniform(-20, 20)) if rng.random() < 0.3 else 0.0
    flip = -1.0 if rng.random() < 0.5 else 1.0
    scale = np.diag([zoom * stretch * flip, zoom / stretch])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ scale
    half = np.array([columns, rows]) * zoom / 2
    if closer:
        centre = np.array([left + box_width / 2, top + box_height / 2]) + rng.uniform(-0.3, 0.3, 2) * half
    else:
        target = np.array([left + rng.random() * box_width, top + rng.random() * box_height])
        centre = target + rng.uniform(-0.8, 0.8, 2) * half
    limit = np.array([width, height], np.float64)
    centre = np.where(2 * half < limit, np.clip(centre, half, limit - half), limit / 2)
    offset = centre - linear @ (np.array([columns, rows]) / 2)
    return np.concatenate([linear, offset[:, None]], axis=1)


def recolour(pixels: Image, rng: np.random.Generator) -> Image:
    """Changes light, colour, sharpness and compression."""
    out = pixels.astype(np.float32)
    if rng.random() < 0.8:
        grey = out.mean(axis=2, keepdims=True)
        out = grey + (out - grey) * rng.uniform(0.5, 1.5)
        out = (out - 128) * rng.uniform(0.7, 1.3) + 128 + rng.uniform(-25, 25)
        out = out * rng.uniform(0.88, 1.12, 3).astype(np.float32)
    if rng.random() < 0.04:
        out = np.repeat(out.mean(axis=2, keepdims=True), 3, axis=2)
    if rng.random() < 0.2:
        out = cv2.GaussianBlur(out, (0, 0), rng.uniform(0.4, 1.4)).astype(np.float32)
    if rng.random() < 0.2:
        out = out + rng.normal(0, rng.uniform(2, 10), out.shape).astype(np.float32)
    clipped = np.clip(out, 0, 255).astype(np.uint8)
    if rng.random() < 0.2:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 80))]
        packed = cv2.imencode(".jpg", clipped, quality)[1]
        clipped = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
    return clipped


def sample_teacher(
    cells: NDArray[np.float16], matrix: NDArray[np.float64], source: tuple[int, int], frame: int
) -> NDArray[np.float32]:
    """Reads the teacher's cells where each 16 pixels of the frame lie: f32[dims, frame / 16, frame / 16]."""
    grid_side = frame // GRID_STEP
    centres = (np.arange(grid_side) + 0.5) * GRID_STEP
    x, y = np.meshgrid(centres, centres)
    position = matrix[:, :2] @ np.stack([x.ravel(), y.ravel()]) + matrix[:, 2:]
    side = cells.shape[0]
    column = np.clip(position[0] / source[1] * side - 0.5, 0, side - 1.001)
    row = np.clip(position[1] / source[0] * side - 0.5, 0, side - 1.001)
    c, r = column.astype(int), row.astype(int)
    fx, fy = (column - c)[:, None], (row - r)[:, None]
    grid = cells.astype(np.float32)
    top = grid[r, c] * (1 - fx) + grid[r, c + 1] * fx
    bottom = grid[r + 1, c] * (1 - fx) + grid[r + 1, c + 1] * fx
    return (top * (1 - fy) + bottom * fy).T.reshape(-1, grid_side, grid_side).astype(np.float32)
