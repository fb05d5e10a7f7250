"""Trains the click model interactively for a given time, resuming from its checkpoint if there is one."""

import argparse
import copy
import itertools
import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from pycocotools import mask as coco_mask
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from ..loop import follow, save
from .clicks import training_click
from .data import (
    BACKGROUND,
    FRAME,
    GRID_STEP,
    SMALL_FRAME,
    UNKNOWN,
    WORLD,
    Record,
    Sample,
    Sampler,
    load_records,
)
from .model import (
    CANDIDATES,
    LEVELS,
    MEANING,
    PACK,
    Decoder,
    Encoder,
    doubled,
    in_squares,
    linear_model,
    packed_model,
    shares,
)

WEIGHTS = {
    "coco_nc": 0.22,
    "coco": 0.09,
    "ccp": 0.19,
    "facade": 0.15,
    "cats": 0.11,
    "animals_oi": 0.10,
    "mushrooms": 0.03,
    "granular": 0.025,
    "*": 0.03,
}
"""How often a source of photographs is drawn, whatever its size; the sum need not be 1."""

DIMS = 64
"""Length of a distillation target."""
POINTS = 6
KINDS_SHARE = 0.3
"""Weight of naming what each cell shows."""
LOOSE_SHARE = 0.2
"""How often a click falls elsewhere than the protocol's would, as people's do."""
AGAIN_SHARE = 0.4
"""How often a round after the first adds no click and only gives the mask back, as zooming in does."""
HARDNESS, UNKNOWN_HARDNESS = (0.15, 0.8), 0.5
"""How often an object is drawn beside others: at least and at most, and where nothing is known of it."""
ROUNDS_SHARE = (0.45, 0.27, 0.16, 0.12)
"""How often a batch is trained for 1, 2, 3 and 4 rounds of clicks."""


PARTS = {
    "trunk": ("trunk",),
    "joins": ("joins", "mix16", "mix8"),
    "down": ("stem", "stage4", "stage8", "stage16", "stage32", "context32"),
}
"""Parts of the encoder, by its children, that `--trunk-rate`, `--joins-rate` and `--down-rate` are for."""
REST = "rest"
"""All other layers."""


class Model(nn.Module):
    """Encoder, decoder, and layers only for training: distillation, and the category of a cell."""

    def __init__(self, teacher_dims: int, kinds: int, bf16: bool = False, trunk: bool = False) -> None:
        super().__init__()
        self.bf16 = bf16
        self.encoder = Encoder(trunk)
        self.decoder = Decoder()
        self.student = nn.Conv2d(96, teacher_dims, 1)
        self.kinds = nn.Conv2d(MEANING, kinds, 1)

    def embed(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """As the encoder's, where asked for with its convolutions in bfloat16."""
        with torch.autocast(pixels.device.type, torch.bfloat16, enabled=self.bf16):
            embedding, deep = self.encoder.embed(pixels)
        return embedding.float(), deep.float()


@dataclass
class Batch:
    """Images, their objects' masks, and each mask's image."""

    pixels: Tensor
    masks: NDArray[np.uint8]
    image: Tensor
    kinds: Tensor
    teacher: Tensor
    taught: Tensor


class Stream(IterableDataset[Batch]):
    """An endless stream of batches, drawn in a worker process."""

    def __init__(self, sampler: Sampler, images: int, small: float, seed: int, dims: int) -> None:
        self.sampler, self.images, self.small, self.seed, self.dims = sampler, images, small, seed, dims

    def __iter__(self) -> Iterator[Batch]:
        """Batches without end, each in the small or the full frame."""
        worker = torch.utils.data.get_worker_info()
        rng = np.random.default_rng([self.seed, worker.id if worker else 0])
        while True:
            frame = SMALL_FRAME if rng.random() < self.small else FRAME
            yield collate([self.sampler.draw(rng, frame) for _ in range(self.images)], self.dims)


def collate(samples: list[Sample], dims: int) -> Batch:
    """Stacks samples; an image without distillation targets gets zeros and `taught` 0."""
    side = samples[0].pixels.shape[1] // GRID_STEP
    blank = np.zeros((dims, side, side), np.float32)
    return Batch(
        torch.from_numpy(np.stack([s.pixels for s in samples])),
        np.concatenate([s.masks for s in samples]),
        torch.tensor([i for i, s in enumerate(samples) for _ in s.masks]),
        torch.from_numpy(np.stack([s.kinds for s in samples]).astype(np.int64)),
        torch.from_numpy(np.stack([blank if s.teacher is None else s.teacher for s in samples])),
        torch.tensor([0.0 if s.teacher is None else 1.0 for s in samples]),
    )


class Prompts:
    """The clicks and boxes given so far to a batch of objects."""

    def __init__(self, masks: NDArray[np.uint8], loose_share: float, rng: np.random.Generator) -> None:
        self.masks, self.loose_share, self.rng = masks, loose_share, rng
        self.coords = np.zeros((len(masks), POINTS, 2), np.float32)
        self.labels = np.full((len(masks), POINTS), -1, np.float32)
        self.used = np.zeros(len(masks), int)
        self.region = np.zeros_like(masks)
        """The wrong pixels that each object's last click is to correct."""
        for index, mask in enumerate(masks):
            if rng.random() < 0.15:
                self._box(index, mask)
            else:
                self.click(index, np.zeros_like(mask))

    def click(self, index: int, answer: NDArray[np.uint8]) -> None:
        """Adds a click on the object's wrong pixels, if any."""
        self.region[index] = 0
        click = training_click(self.masks[index], answer, self.loose_share, self.rng)
        if click is None:
            return
        x, y, label, self.region[index] = click
        self._add(index, x, y, label)

    def _box(self, index: int, mask: NDArray[np.uint8]) -> None:
        rows, columns = np.nonzero(mask)
        left, top, right, bottom = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        loose = self.rng.normal(0, 0.04, 4) * np.array([right - left, bottom - top] * 2)
        corners = np.clip(np.array([left, top, right, bottom]) + loose, 0, mask.shape[0])
        self._add(index, corners[0] - 0.5, corners[1] - 0.5, 2)
        self._add(index, corners[2] - 0.5, corners[3] - 0.5, 3)

    def _add(self, index: int, x: float, y: float, label: int) -> None:
        slot = self.used[index]
        self.coords[index, slot] = ((x + 0.5) * 4 - 0.5, (y + 0.5) * 4 - 0.5)
        self.labels[index, slot] = label
        self.used[index] += 1


def coarser(logits: Tensor, times: int) -> Tensor:
    """Logits f32[objects, side, side] as they are where they were answered for a larger part of the image."""
    if times == 1:
        return logits
    small = F.avg_pool2d(logits[:, None], 4 * times, ceil_mode=True)
    wide = F.interpolate(small, scale_factor=4 * times, mode="bilinear", align_corners=False)
    return wide[:, 0, : logits.shape[1], : logits.shape[2]]


def mask_loss(logits: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Normalised focal loss (Sofiiuk et al., 2022) plus dice loss, f32[objects, candidates]."""
    probability = torch.sigmoid(logits)
    wrong = (probability - truth).abs()
    focus = wrong.detach() + 0.02
    focus = focus * weight
    cross = F.binary_cross_entropy_with_logits(logits, truth.expand_as(logits), reduction="none")
    focal = (focus * cross).sum((2, 3)) / focus.sum((2, 3))
    dice = 1 - (2 * (probability * truth).sum((2, 3)) + 4) / (probability.sum((2, 3)) + truth.sum((2, 3)) + 4)
    return focal + dice


def overlap(logits: Tensor, truth: Tensor) -> Tensor:
    """IoU of the thresholded candidates, f32[objects, candidates]."""
    answer = (logits > 0).float()
    both = (answer * truth).sum((2, 3))
    return both / (answer.sum((2, 3)) + truth.sum((2, 3)) - both).clamp(min=1)


def ranking_loss(expected: Tensor, actual: Tensor) -> Tensor:
    """Cross entropy between the softened rankings of the candidates, so that close calls are learnt too."""
    return -(torch.softmax(actual / 0.05, 1) * torch.log_softmax(expected / 0.05, 1)).sum(1).mean()


def batch_loss(
    model: Model, batch: Batch, loose_share: float, rng: np.random.Generator, device: torch.device
) -> tuple[Tensor, list[float]]:
    """Loss of some rounds of clicks, and the chosen candidates' mean IoU after each."""
    pixels = batch.pixels.to(device).contiguous(memory_format=torch.channels_last)
    image = batch.image.to(device)
    embedding, deep = model.embed(pixels)
    maps = model.decoder.image_maps(embedding)
    objects = maps.of(image)
    truth_full = torch.from_numpy(batch.masks).to(device)
    count = len(batch.masks)
    mask = torch.zeros(count, 1, *truth_full.shape[1:], device=device)
    has_mask = torch.zeros(count, device=device)
    prompts = Prompts(batch.masks, loose_share, rng)
    rounds = 1 + int(rng.choice(len(ROUNDS_SHARE), p=ROUNDS_SHARE))
    total = torch.zeros((), device=device)
    reached: list[float] = []
    # A lattice of pixels, another each step, stands for all: it saves half the step.
    coarse = rng.random() < 0.5
    stride = 4 if coarse else 2
    down, right = (1 + rng.integers(2, size=2)) if coarse else rng.integers(2, size=2)
    phase = int(down % 2 * 2 + right % 2)
    lattice = in_squares(maps.packed)[:, :, phase, down // 2 :: stride // 2, right // 2 :: stride // 2]
    detail = lattice.index_select(0, image)[:, :, None]
    truth = truth_full[:, None, down::stride, right::stride].float()
    for turn in range(rounds):
        coords = torch.from_numpy(prompts.coords).to(device)
        labels = torch.from_numpy(prompts.labels).to(device)
        coefficients, late, wide = model.decoder.answer(objects, coords, labels, mask, has_mask)
        logits = linear_model(coefficients if coarse else doubled(coefficients), detail).squeeze(2)
        region = torch.from_numpy(prompts.region[:, None, down::stride, right::stride]).to(device).float()
        losses = mask_loss(logits, truth, 1 + 2 * region * (turn > 0))
        # The last candidate always follows the truth; the others may be other readings of the same clicks.
        best = losses.min(1).values
        spread = 0.05 if turn == 0 else 0.2
        blame = losses[:, -1] * 0.5 + best * (0.5 - spread) + losses.mean(1) * spread
        share = shares(logits.detach(), 4 // stride)
        expected = model.decoder.expected_iou(share, late, wide, objects.borders, has_mask).flatten(1)
        cuts = torch.tensor(LEVELS, device=device)[:, None, None]
        actual = overlap((logits.detach()[:, :, None] - cuts).flatten(1, 2), truth)
        judged = F.mse_loss(expected, actual) * 4 + ranking_loss(expected, actual) * 0.2
        total = total + blame.mean() + judged
        option = expected.argmax(1)
        pick, level = option // len(LEVELS), cuts.flatten()[option % len(LEVELS)]
        reached.append(float(actual.gather(1, option[:, None]).mean()))
        if turn + 1 < rounds:
            again = rng.random() < AGAIN_SHARE
            if again and rng.random() < 0.3:
                pick = torch.from_numpy(rng.integers(CANDIDATES, size=count)).to(device)
            with torch.no_grad():
                split = coefficients.unflatten(1, (CANDIDATES, -1))[torch.arange(count, device=device), pick]
                packed = packed_model(split, maps.packed.index_select(0, image))
                full = F.pixel_shuffle(packed.flatten(1, 2), PACK).squeeze(1) - level[:, None, None]
            if again:
                prompts.region[:] = 0
                full = coarser(full, int(rng.integers(1, 5)))
            else:
                answers = (full > 0).to(torch.uint8).cpu().numpy()
                for index in range(count):
                    prompts.click(index, answers[index])
            keep = np.ones(count) if again else rng.random(count) < 0.88
            has_mask = torch.from_numpy(keep.astype(np.float32)).to(device)
            mask = full[:, None] * has_mask[:, None, None, None]
    total = total / rounds
    named = F.cross_entropy(
        model.kinds(embedding[:, :MEANING]), batch.kinds.to(device), ignore_index=UNKNOWN, reduction="none"
    )
    known = (batch.kinds != UNKNOWN).to(device)
    # The background is most of a sample world, so that each of its cells counts a fifth.
    weights = torch.where(batch.kinds.to(device) == BACKGROUND, 0.2, 1.0) * known
    total = total + KINDS_SHARE * (named * weights).sum() / weights.sum().clamp(min=1)
    if float(batch.taught.sum()) > 0:
        seen = F.avg_pool2d((batch.pixels.abs().sum(1, keepdim=True) > 0).float(), GRID_STEP)
        share = (seen * batch.taught[:, None, None, None]).to(device)
        missed = (model.student(deep) - batch.teacher.to(device)).square().mean(1, keepdim=True)
        total = total + 0.4 * (missed * share).sum() / share.sum().clamp(min=1)
    return total, reached


def add_data_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options that `load_training_records` reads."""
    parser.add_argument("--photos", type=Path, required=True, help="folder with annotations.json and images/")
    parser.add_argument("--world", type=Path, action="append", default=[], help="sample worlds, same shape")
    parser.add_argument(
        "--clicked",
        type=Path,
        action="append",
        default=[],
        help="what one click answers on each world in turn, by masklink eval segment --clicks 1 --masks: "
        "what it missed is drawn more often",
    )
    parser.add_argument(
        "--world-weight", type=float, default=0.5, help="how often these are drawn; photographs: 0.93"
    )
    parser.add_argument("--teacher", type=Path, help="distillation targets made by teacher.py")


def load_training_records(options: argparse.Namespace) -> list[Record]:
    """The photographs' train split, with distillation targets where given, and the sample world's."""
    records = load_records(options.photos / "annotations.json", options.photos / "images", "train")
    if options.teacher is not None:
        with np.load(options.teacher) as features:
            for record in records:
                record.teacher = features[record.image_id]
    if len(options.clicked) > len(options.world):
        raise SystemExit("--clicked is given more often than --world")
    for folder, clicked in itertools.zip_longest(options.world, options.clicked):
        world = load_records(folder / "annotations.json", folder / "images", "train")
        answers = {} if clicked is None else json.loads(clicked.read_text())
        for record in world:
            record.source = WORLD
            if options.clicked:
                record.hardness = hardness(record, answers)
        records += world
    for record in records:
        record.image()
    return records


def hardness(record: Record, answers: dict[str, list[dict[str, Any]]]) -> list[float]:
    """Returns how often to draw each object: more for a lower IoU, a medium rate without a measured IoU."""

    def of(name: str, truth: list[dict[str, Any]]) -> float:
        if name not in answers:
            return UNKNOWN_HARDNESS
        iou = float(coco_mask.iou([answers[name][0]], [coco_mask.merge(truth)], [False])[0, 0])
        return float(np.clip(1.1 - iou, *HARDNESS))

    return [of(*pair) for pair in zip(record.annotation_ids, record.segmentations, strict=True)]


def numbers_of(records: list[Record]) -> dict[str, int]:
    """A number for each category, after the background's."""
    categories = sorted({category for record in records for category in record.categories})
    return {category: number for number, category in enumerate(categories, start=BACKGROUND + 1)}


def main() -> None:
    """Trains until `--minutes` of training time are used, however many runs that takes."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_data_options(parser)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=80)
    parser.add_argument("--images", type=int, default=6, help="images a step")
    parser.add_argument("--objects", type=int, default=2, help="objects an image, at most")
    parser.add_argument("--small", type=float, default=0.0, help="share of batches in the small frame")
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument(
        "--down-rate",
        type=float,
        default=1.0,
        help="share of the rate for the encoder's own layers from the image to stride 32; 0 freezes them",
    )
    parser.add_argument("--trunk-rate", type=float, default=0.0, help="the same for the trunk")
    parser.add_argument(
        "--joins-rate", type=float, default=1.0, help="the same for the layers that add the trunk's features"
    )
    parser.add_argument(
        "--average", type=float, default=0.996, help="how much the averaged weights keep a step"
    )
    parser.add_argument("--forget", action="store_true", help="start the optimizer and the clock afresh")
    parser.add_argument(
        "--judge",
        action="store_true",
        help="train only what ranks the candidates, on the averaged weights; implies --forget",
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--bf16", action="store_true", help="encode in bfloat16, which AMX and GPUs do faster"
    )
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()

    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    records = load_training_records(options)
    numbers = numbers_of(records)
    saved = torch.load(options.checkpoint, map_location=device) if options.checkpoint.exists() else None
    trunk = saved is not None and has_trunk(saved["model"])
    model = Model(DIMS, len(numbers) + 1, options.bf16, trunk).to(device)
    model = model.to(memory_format=torch.channels_last)
    average = copy.deepcopy(model)
    shares = {
        REST: 1.0,
        "joins": options.joins_rate,
        "down": options.down_rate,
        "trunk": options.trunk_rate,
    }
    model.train()
    groups = parameter_groups(model, shares)
    optimizer = torch.optim.AdamW(groups, lr=options.rate, betas=(0.9, 0.98))
    fresh = options.forget or options.judge
    step, used = 0, 0.0
    if saved is not None:
        model.load_state_dict(saved["model"])
        average.load_state_dict(saved["average"])
        step = saved["step"]
        if not fresh and saved["optimizer"] is not None:
            optimizer.load_state_dict(saved["optimizer"])
            used = saved["used"]
    print(f"{len(records)} images, {device}, from step {step}, {used / 60:.1f} min used", flush=True)

    rng = np.random.default_rng([options.seed, step])
    sampler = Sampler(records, {**WEIGHTS, WORLD: options.world_weight}, options.objects, numbers)
    stream = Stream(sampler, options.images, options.small, options.seed + step, DIMS)
    loader = DataLoader(stream, batch_size=None, num_workers=options.workers, prefetch_factor=4)
    loose_share = LOOSE_SHARE
    if options.judge:
        keep_all_but_judge(model, average)
        # The IoU to expect depends on where the click fell, so that clicks are only those of the protocol.
        loose_share = 0.0
    limit = options.minutes * 60
    last, saved_at = time.monotonic(), time.monotonic()
    window: list[tuple[float, list[float]]] = []
    for batch in loader:
        share = min(used / limit, 1.0)
        rate = options.rate * min(1.0, (step + 1) / 150) * (0.5 + 0.5 * math.cos(math.pi * share)) + 1e-6
        for group in optimizer.param_groups:
            group["lr"] = rate * shares[group["part"]]
        loss, reached = batch_loss(model, batch, loose_share, rng, device)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 2.0)
        optimizer.step()
        step += 1
        follow(average, model, min(options.average, (step + 1) / (step + 10)))
        now = time.monotonic()
        used, last = used + now - last, now
        window.append((float(loss.detach()), reached))
        if step % 50 == 0:
            report(step, used, rate, window)
            window = []
        finished = used >= limit
        if finished or now - saved_at > 150:
            saved_at = now
            save(options.checkpoint, model, average, optimizer, step=step, used=used)
        if finished:
            break


def has_trunk(state: dict[str, Tensor]) -> bool:
    """Whether these are weights of a `Model` with the trunk trained on ImageNet."""
    return any(name.startswith("encoder.trunk.") for name in state)


def parameter_groups(model: Model, shares: dict[str, float]) -> list[dict[str, Any]]:
    """Returns the optimizer's groups, each with its `part`: matrices and the others of each part in `shares`.

    A part with a share of 0 is frozen, its norms too.
    """
    part_of = {child: part for part, children in PARTS.items() for child in children}
    members: dict[str, list[nn.Parameter]] = {part: [] for part in shares}
    for name, child in model.encoder.named_children():
        part = part_of.get(name, REST)
        members[part] += child.parameters()
        if shares[part] == 0:
            child.requires_grad_(False).eval()
    for name, child in model.named_children():
        if name != "encoder":
            members[REST] += child.parameters()
    groups: list[dict[str, Any]] = []
    for part, parameters in members.items():
        matrices = [parameter for parameter in parameters if parameter.ndim > 1]
        others = [parameter for parameter in parameters if parameter.ndim <= 1]
        groups.append({"params": matrices, "weight_decay": 0.02, "part": part})
        groups.append({"params": others, "weight_decay": 0.0, "part": part})
    return groups


def keep_all_but_judge(model: Model, average: Model) -> None:
    """Goes on from the averaged weights, of which only the judge's change; norms keep their statistics."""
    model.load_state_dict(average.state_dict())
    model.eval()
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(".judge" in name)


def report(step: int, used: float, rate: float, window: list[tuple[float, list[float]]]) -> None:
    """Prints the mean loss and the IoU after each round since the last report."""
    rounds = [[r[turn] for _, r in window if len(r) > turn] for turn in range(len(ROUNDS_SHARE))]
    ious = " ".join(f"{sum(values) / len(values):.3f}" if values else "-" for values in rounds)
    loss = sum(loss for loss, _ in window) / len(window)
    print(f"step {step} min {used / 60:.1f} rate {rate:.2e} loss {loss:.3f} iou {ious}", flush=True)


if __name__ == "__main__":
    main()
