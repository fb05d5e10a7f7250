"""Trains the region encoder within a given time; resumes."""

import argparse
import copy
import json
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from pycocotools import mask as coco_mask
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from ..loop import follow, save
from .data import OUTLIER, Region, Sample, Sampler, load_regions
from .model import DIMENSIONS, SIDE, RegionEncoder

SCALE = 20.0
"""Multiplies cosines before the softmax."""
ADVANTAGE = 0.15
"""By how much the right cosine has to be larger."""
NONE = 0.4
"""The cosine of "none of the things": what shows none of them has to stay below it with all."""
AVERAGE = 0.998
"""Share of the averaged weights kept each step."""
KEPT = 400
"""Batches kept for use again."""
MIN_SIDE = 20
"""Minimum of the longer side of a photographed region's box, in the photograph's pixels."""
WORLD, ASTRAY, PHOTOS = 42, 6, 16
"""Regions of the world, outliers made from them, and photographed regions in a batch."""


class Batches(IterableDataset[dict[str, Any]]):
    """Augmented batches without end."""

    def __init__(self, world: list[Region], photos: list[Region], small: float, seed: int) -> None:
        everything = world + photos
        self.world = Sampler(world, everything, 0.3)
        self.photos = Sampler(photos, everything, 0.5)
        self.small = small
        self.seed = seed

    def __iter__(self) -> Iterator[dict[str, Any]]:
        cv2.setNumThreads(1)
        worker = torch.utils.data.get_worker_info()
        rng = np.random.default_rng([self.seed, worker.id if worker else 0])
        while True:
            side = SIDE * 2 // 3 if rng.random() < self.small else SIDE
            samples = [self.world.draw(side, rng) for _ in range(WORLD)]
            samples += [self.world.draw(side, rng, outlier=True) for _ in range(ASTRAY)]
            samples += [self.photos.draw(side, rng) for _ in range(PHOTOS)]
            yield batch(samples)


def batch(samples: list[Sample]) -> dict[str, Any]:
    """Stacks samples; where there is no distillation target it is zero."""
    known = next((sample.teacher.size for sample in samples if sample.teacher is not None), 1)
    targets = [
        np.zeros(known, np.float32) if sample.teacher is None else sample.teacher for sample in samples
    ]
    return {
        "image": torch.from_numpy(np.stack([sample.image for sample in samples])),
        "mask": torch.from_numpy(np.stack([sample.mask for sample in samples])),
        "teacher": torch.from_numpy(np.stack(targets)),
        "labels": [sample.label for sample in samples],
    }


class Echoes:
    """Repeats earlier batches, mirrored and with other light, after each new one, because drawing is slow."""

    def __init__(self, fresh: Iterator[dict[str, Any]], times: int) -> None:
        self.fresh = fresh
        self.times = times
        self.kept: list[dict[str, Any]] = []

    def __iter__(self) -> Iterator[dict[str, Any]]:
        rng = np.random.default_rng(5)
        for drawn in self.fresh:
            yield drawn
            for _ in range(self.times if len(self.kept) > 8 else 0):
                yield changed(self.kept[int(rng.integers(len(self.kept)))])
            self.kept.append(drawn)
            if len(self.kept) > KEPT:
                self.kept.pop(int(rng.integers(KEPT)))


def changed(drawn: dict[str, Any]) -> dict[str, Any]:
    """A batch, half of it mirrored, each image with other gains and offsets of its colours."""
    images, masks = drawn["image"], drawn["mask"]
    few = len(images)
    mirrored = torch.rand(few, 1, 1, 1) < 0.5
    images = torch.where(mirrored, images.flip(3), images)
    masks = torch.where(mirrored, masks.flip(3), masks)
    gain = 1 + 0.25 * (torch.rand(few, 1, 1, 1) - 0.5) + 0.12 * (torch.rand(few, 3, 1, 1) - 0.5)
    there = (images != 0).any(1, keepdim=True)
    images = (images * gain + 0.5 * (torch.rand(few, 1, 1, 1) - 0.5)) * there
    return {**drawn, "image": images, "mask": masks}


class Learner(nn.Module):
    """The encoder and what only training needs: a direction for each label, and the distillation layer."""

    def __init__(self, world: list[str], photos: list[str], teacher: int, bf16: bool) -> None:
        super().__init__()
        self.bf16 = bf16
        self.encoder = RegionEncoder()
        self.world = nn.Parameter(torch.randn(len(world), DIMENSIONS))
        self.photos = nn.Parameter(torch.randn(len(photos), DIMENSIONS))
        self.student = nn.Linear(DIMENSIONS, teacher)

    def losses(self, images: Tensor, masks: Tensor, teacher: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Computes the losses of a batch.

        `labels` are indices among the world's labels, -1 for none; in the last PHOTOS rows, among the
        photographs'.
        """
        with torch.autocast(images.device.type, torch.bfloat16, enabled=self.bf16):
            vectors = self.encoder.vectors(images, masks).float()
        own = WORLD + ASTRAY
        cosines = vectors @ F.normalize(self.world).T
        none = torch.full_like(cosines[:, :1], NONE)
        world = torch.cat([none, cosines], 1)[:own]
        target = labels[:own] + 1
        right = F.one_hot(target, world.shape[1]) * (target > 0)[:, None]
        world_loss = F.cross_entropy(SCALE * (world - ADVANTAGE * right), target)
        # Photographs show other things; those of the same kind have no say.
        other = labels[own:] >= 0
        astray = torch.cat([none, cosines], 1)[own:]
        strangers = F.cross_entropy(SCALE * astray, torch.zeros_like(labels[own:]), reduction="none")
        photos = vectors[own:] @ F.normalize(self.photos).T
        named = labels[own:].abs() - 1
        photo_right = F.one_hot(named, photos.shape[1])
        photo_loss = F.cross_entropy(SCALE * (photos - ADVANTAGE * photo_right), named, label_smoothing=0.1)
        taught = teacher.abs().amax(1) > 0
        wanted = F.normalize(teacher[taught])
        given = F.normalize(self.student(vectors[taught]))
        likeness = wanted @ wanted.T - vectors[taught] @ vectors[taught].T
        if not taught.any():
            given = wanted = likeness = torch.zeros(1, 1)
        return {
            "world": world_loss,
            "strangers": 0.2 * (strangers * other).mean(),
            "photos": 0.3 * photo_loss,
            "teacher": 2 * (1 - (wanted * given).sum(1)).mean(),
            "likeness": 2 * likeness.square().mean(),
            "_accuracy": (world[:WORLD].argmax(1) == target[:WORLD]).float().mean(),
        }


class Labels:
    """Numbers for labels."""

    def __init__(self, world: list[str], photos: list[str], alike: set[str]) -> None:
        self.world = {label: at for at, label in enumerate(world)}
        self.photos = {label: at for at, label in enumerate(photos)}
        self.alike = alike

    def numbers(self, labels: list[str]) -> Tensor:
        """Returns the label numbers for `Learner.losses`.

        A photograph's label counts from 1, negative for things of the world.
        """
        own = [-1 if label == OUTLIER else self.world[label] for label in labels[:-PHOTOS]]
        photos = [(self.photos[label] + 1) * (-1 if label in self.alike else 1) for label in labels[-PHOTOS:]]
        return torch.tensor(own + photos)


def with_extras(regions: list[Region], teachers: list[Path], clicked: list[Path]) -> list[Region]:
    """Gives regions their distillation targets and click masks."""
    targets: dict[str, Any] = {}
    for path in teachers:
        with np.load(path) as file:
            targets.update({key: file[key].astype(np.float32) for key in file.files})
    masks: dict[str, Any] = {}
    for path in clicked:
        masks.update(json.loads(path.read_text()))
    for region in regions:
        region.teacher = targets.get(region.identity)
        region.clicked = [rle for rle in masks.get(region.identity, []) if coco_mask.area(rle) > 0]
    return regions


def add_data_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options that `load_training_regions` reads."""
    parser.add_argument("--world", type=Path, action="append", required=True, help="sample worlds")
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--teacher", type=Path, action="append", default=[])
    parser.add_argument("--clicked", type=Path, action="append", default=[])


def load_training_regions(options: argparse.Namespace) -> tuple[list[Region], list[Region]]:
    """The regions of the worlds and of the photographs, with their distillation targets and click masks."""
    world = [region for folder in options.world for region in load_regions(folder, "train")]
    photos = [region for region in load_regions(options.photos, "train") if max(region.box()[2:]) >= MIN_SIDE]
    with_extras(world + photos, options.teacher, options.clicked)
    return world, photos


def main() -> None:
    """Trains until `--minutes` of training time have passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_data_options(parser)
    parser.add_argument(
        "--alike", nargs="*", default=[], help="the photographs' labels of things in the world"
    )
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True, help="training time in all")
    parser.add_argument("--small", type=float, default=0.7, help="share of batches with smaller crops")
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--forget", action="store_true", help="start the optimizer and the clock afresh")
    parser.add_argument("--echoes", type=int, default=3, help="earlier batches used again for each new one")
    parser.add_argument(
        "--bf16", action="store_true", help="convolve in bfloat16, which AMX and GPUs do faster"
    )
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    # Its threads do not outlive the fork of a worker, which would wait for them.
    cv2.setNumThreads(1)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    world, photos = load_training_regions(options)
    names = [sorted({region.label for region in kind}) for kind in (world, photos)]
    labels = Labels(names[0], names[1], set(names[0]) | set(options.alike))
    dims = next((r.teacher.size for r in world + photos if r.teacher is not None), 1)

    torch.manual_seed(1)
    learner = Learner(names[0], names[1], dims, options.bf16).to(device)
    spent, step = 0.0, 0
    if options.checkpoint.exists():
        saved = torch.load(options.checkpoint, map_location=device)
        spent, step = 0.0 if options.forget else saved["spent"], saved["step"]
        restore(learner, saved["model"], saved["names"], names)
    average = copy.deepcopy(learner)
    if options.checkpoint.exists():
        restore(average, saved["average"], saved["names"], names)
    learner.to(memory_format=torch.channels_last)
    decayed = [p for p in learner.parameters() if p.dim() == 4]
    plain = [p for p in learner.parameters() if p.dim() != 4]
    groups = [{"params": decayed, "weight_decay": 0.05}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=options.rate)
    if options.checkpoint.exists() and saved["names"] == names and saved["optimizer"] and not options.forget:
        optimizer.load_state_dict(saved["optimizer"])
    source = Batches(world, photos, options.small, seed=step)
    loader = DataLoader(source, batch_size=None, num_workers=options.workers, prefetch_factor=4)
    # Before workers fork, which then share them; whole images are not needed any more.
    for region in world + photos:
        region.kept()
    for region in world + photos:
        region.file.levels.clear()
    print(f"{len(world)} and {len(photos)} regions, {len(names[0])} and {len(names[1])} labels", flush=True)

    started = last_save = time.monotonic()
    before, first = spent, step
    sums: dict[str, float] = {}
    for item in Echoes(iter(loader), options.echoes):
        done = spent / (60 * options.minutes)
        if done >= 1:
            break
        for group in optimizer.param_groups:
            warm = min((step - first + 1) / 50, 1.0)
            group["lr"] = options.rate * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))
        images = item["image"].to(device, memory_format=torch.channels_last)
        losses = learner.losses(
            images,
            item["mask"].to(device),
            item["teacher"].to(device),
            labels.numbers(item["labels"]).to(device),
        )
        total = torch.stack([loss for name, loss in losses.items() if not name.startswith("_")]).sum()
        optimizer.zero_grad()
        total.backward()
        nn.utils.clip_grad_norm_(learner.parameters(), 5.0)
        optimizer.step()
        step += 1
        follow(average, learner, min(AVERAGE, (step + 1) / (step + 10)))
        for name, loss in losses.items():
            sums[name] = sums.get(name, 0.0) + float(loss.detach())
        now = time.monotonic()
        spent = before + now - started
        if step % 25 == 0:
            print(
                f"{step} {spent:.0f}s",
                {name: round(value / 25, 3) for name, value in sums.items()},
                flush=True,
            )
            sums.clear()
        if now - last_save > 90:
            last_save = now
            save(options.checkpoint, learner, average, optimizer, names=names, step=step, spent=spent)
    save(options.checkpoint, learner, average, optimizer, names=names, step=step, spent=spent)


def restore(
    learner: Learner, state: dict[str, Tensor], before: list[list[str]], now: list[list[str]]
) -> None:
    """Loads saved weights; labels that are new, and layers of another shape, keep their random start."""
    for key, old, new in (("world", before[0], now[0]), ("photos", before[1], now[1])):
        rows = getattr(learner, key).detach().clone()
        for at, label in enumerate(new):
            if label in old:
                rows[at] = state[key][old.index(label)]
        state = {**state, key: rows}
    fresh = learner.state_dict()
    fits = {key: value if value.shape == fresh[key].shape else fresh[key] for key, value in state.items()}
    learner.load_state_dict(fits)


if __name__ == "__main__":
    main()
