"""Fits the classes of the default index to photographs: the file of weights beside the table of kinds.

ImageNet's rows keep their weights. Their biases move, since what people photograph is spread otherwise than
ImageNet's classes are: a mug is more often seen than a measuring cup. All rows of a category move together,
as a mask of a cat does not tell its breed. Kinds that ImageNet lacks get rows
learnt from annotated masks. The loss is the cross entropy of the rows that are right for a mask's category,
together; the masks of a category weigh as the square root of their number.

Only the photographs' `train` split is used. With `--held-out` the accuracy on another file is printed.
"""

import argparse
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from torch import Tensor

from .data import Kinds, load_regions, with_images
from .encoder import ManifestEncoder

Features = NDArray[np.float32]
STEPS = 60


def encoded(
    encoder: ManifestEncoder, folder: Path, split: str, max_masks: int, cache: Path | None
) -> tuple[Features, list[str]]:
    """The vectors and categories of a folder's masks in a split, at most `max_masks` of a category.

    They are kept in the folder `cache`, for the next run.
    """
    encoder_hash = encoder.manifest["sha256"][:8]
    kept = cache / f"{folder.name}-{split}-{max_masks}-{encoder_hash}.npz" if cache else None
    if kept and kept.exists():
        with np.load(kept) as stored:
            return stored["vectors"], [str(category) for category in stored["categories"]]
    counts: Counter[str] = Counter()
    vectors, categories = [], []
    for region, image in with_images(load_regions(folder / "annotations.json", folder / "images")):
        if split not in region.split or counts[region.category] >= max_masks:
            continue
        mask = region.mask()
        if mask.shape != image.shape[:2] or int(mask.sum()) < 64:
            continue
        counts[region.category] += 1
        vectors.append(encoder.vector(image, mask))
        categories.append(region.category)
    found = np.array(vectors, np.float32)
    if kept:
        np.savez(kept, vectors=found, categories=np.array(categories))
    return found, categories


class Rows(torch.nn.Module):
    """The classifier's rows: fixed ones with biases to learn, then rows to learn."""

    def __init__(
        self, weight: Features, bias: Features, usable: list[int], count: int, groups: list[set[int]]
    ) -> None:
        super().__init__()
        together = torch.zeros(len(bias), len(groups))
        for column, group in enumerate(groups):
            together[list(group), column] = 1.0
        self.register_buffer("together", together)
        self.register_buffer("fixed", torch.from_numpy(weight))
        self.register_buffer("start", torch.from_numpy(bias))
        self.shift = torch.nn.Parameter(torch.zeros(len(groups)))
        self.more = torch.nn.Parameter(torch.zeros(count - len(bias), weight.shape[1]))
        self.more_bias = torch.nn.Parameter(torch.full((count - len(bias),), float(bias.mean())))
        hidden = torch.ones(count, dtype=torch.bool)
        hidden[usable] = False
        self.register_buffer("hidden", hidden)

    def weight(self) -> Tensor:
        """All rows, f32[classes, 256]."""
        return torch.cat([self.get_buffer("fixed"), self.more])

    def bias(self) -> Tensor:
        """All biases, f32[classes]."""
        moved = self.get_buffer("start") + self.get_buffer("together") @ self.shift
        return torch.cat([moved, self.more_bias])

    def forward(self, vectors: Tensor) -> Tensor:
        """Logits of the usable classes; the others have minus infinity."""
        logits = vectors @ self.weight().T + self.bias()
        return logits.masked_fill(self.get_buffer("hidden"), float("-inf"))


def fit(
    rows: Rows, vectors: Features, right: list[set[int]], weights: Features, shrink: tuple[float, float]
) -> None:
    """Fits the rows in place; `shrink` weighs the squares of the groups' shifts and of the new rows."""
    inputs, share = torch.from_numpy(vectors), torch.from_numpy(weights / weights.sum())
    wrong = torch.ones(len(right), len(rows.bias()), dtype=torch.bool)
    for at, one in enumerate(right):
        wrong[at, list(one)] = False
    optimizer = torch.optim.LBFGS(
        rows.parameters(), max_iter=STEPS, history_size=10, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optimizer.zero_grad()
        logits = rows(inputs)
        surprise = logits.logsumexp(1) - logits.masked_fill(wrong, float("-inf")).logsumexp(1)
        value = (share * surprise).sum()
        value = value + shrink[0] * rows.shift.square().sum() + shrink[1] * rows.more.square().sum()
        value.backward()
        return value

    optimizer.step(loss)


def accuracy(rows: Rows, vectors: Features, right: list[set[int]]) -> tuple[int, float, float]:
    """Number of masks, and the parts with a right row first and among the first five."""
    with torch.no_grad():
        best = rows(torch.from_numpy(vectors)).topk(5).indices.tolist()
    first = sum(places[0] in one for places, one in zip(best, right, strict=True))
    five = sum(bool(one & set(places)) for places, one in zip(best, right, strict=True))
    return len(right), first / len(right), five / len(right)


def main() -> None:
    """Fits and writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", type=Path, required=True, help="the encoder's manifest")
    parser.add_argument("--rows", type=Path, required=True, help="safetensors file of ImageNet's classes")
    parser.add_argument("--kinds", type=Path, required=True, help="table of kinds")
    parser.add_argument("--photos", type=Path, required=True, help="folder with annotations.json and images/")
    parser.add_argument("--held-out", type=Path, help="another such folder, to print the accuracy")
    parser.add_argument("--max-masks", type=int, default=40, help="masks of a category")
    parser.add_argument("--shrink-bias", type=float, default=3e-4)
    parser.add_argument("--shrink-rows", type=float, default=3e-5)
    parser.add_argument("--new-share", type=float, default=0.3, help="weight of a mask of a new kind")
    parser.add_argument("--cache", type=Path, help="folder to keep vectors in between runs")
    parser.add_argument("--out", type=Path, required=True, help="safetensors file to write")
    options = parser.parse_args()

    torch.manual_seed(1)
    encoder = ManifestEncoder.open(options.encoder)
    kinds = Kinds.read(options.kinds)
    given = load_file(options.rows)
    fixed = len(given["bias"])
    count = max(kinds.qids) + 1

    def labelled(folder: Path, split: str, max_masks: int) -> tuple[Features, list[set[int]], list[str]]:
        vectors, categories = encoded(encoder, folder, split, max_masks, options.cache)
        right = [kinds.of_category(category) for category in categories]
        known = [at for at, one in enumerate(right) if one]
        return vectors[known], [right[at] for at in known], [categories[at] for at in known]

    vectors, right, categories = labelled(options.photos, "train", options.max_masks)
    numbers = Counter(categories)
    weights = np.array(
        [
            (1.0 if min(one) < fixed else options.new_share) / np.sqrt(numbers[category])
            for one, category in zip(right, categories, strict=True)
        ],
        np.float32,
    )
    groups = {frozenset(row for row in one if row < fixed) for one in right} - {frozenset()}
    rows = Rows(given["weight"], given["bias"], sorted(kinds.qids), count, sorted(map(set, groups), key=min))
    sets = [("train", vectors, right), ("val", *labelled(options.photos, "val", options.max_masks)[:2])]
    if options.held_out:
        sets.append(("held out", *labelled(options.held_out, "", 10**9)[:2]))
    for when in ("before", "after"):
        if when == "after":
            fit(rows, vectors, right, weights, (options.shrink_bias, options.shrink_rows))
        for name, some, truth in sets:
            in_imagenet = [at for at, one in enumerate(truth) if min(one) < fixed]
            old = accuracy(rows, some[in_imagenet], [truth[at] for at in in_imagenet])
            for what, (n, first, five) in (("all", accuracy(rows, some, truth)), ("ImageNet's", old)):
                print(f"{when}, {name}, {what}: n {n}, top-1 {first:.3f}, top-5 {five:.3f}")
    with torch.no_grad():
        shift = rows.shift
        print(f"biases moved by {float(shift.min()):.2f} to {float(shift.max()):.2f}")
        weight, bias = rows.weight().numpy(), rows.bias().numpy()
    save_file({"weight": weight.astype(np.float16), "bias": bias}, options.out)
    options.out.chmod(0o644)


if __name__ == "__main__":
    main()
