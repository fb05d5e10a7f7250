"""Makes a checkpoint of the exported graph, for training to go on from where none was kept.

The encoder computes the same features as the graph. Each label's direction is the mean of its regions'
vectors. The state that only training has (the optimizer, the distillation layer) is initialised again.
"""

import argparse
import itertools
from pathlib import Path

import torch
import torch.nn.functional as F

from ..loop import save
from ..norms import settled_norms, unfold_norms
from ..stored import constants
from .data import OUTLIER, Region
from .train import ASTRAY, WORLD, Batches, Learner, add_data_options, load_training_regions

BATCHES = 40
"""Batches that norms take their statistics from, and labels their directions."""


def main() -> None:
    """Writes the checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_data_options(parser)
    parser.add_argument("--graph", type=Path, required=True)
    parser.add_argument("--step", type=int, default=0, help="how many steps the graph was trained for")
    parser.add_argument("--checkpoint", type=Path, required=True, help="to be written")
    options = parser.parse_args()

    world, photos = load_training_regions(options)
    names = [sorted({region.label for region in kind}) for kind in (world, photos)]
    dims = next((region.teacher.size for region in world + photos if region.teacher is not None), 1)
    torch.manual_seed(1)
    learner = Learner(names[0], names[1], dims, bf16=False).eval()
    with torch.no_grad():
        begun = unfold_norms(learner.encoder, constants(options.graph, prefix="encoder."))
        direct(learner, names, world, photos)
    save(options.checkpoint, learner, learner, None, names=names, step=options.step, spent=0.0)
    print(f"blocks that begin as nothing: {', '.join(begun) or 'none'}")


def direct(learner: Learner, names: list[list[str]], world: list[Region], photos: list[Region]) -> None:
    """Gives norms the statistics of drawn batches, and labels the mean vectors of theirs."""
    sums = [torch.zeros_like(learner.world), torch.zeros_like(learner.photos)]
    drawn = iter(Batches(world, photos, 0.3, seed=1))
    with settled_norms(learner.encoder):
        for batch in itertools.islice(drawn, BATCHES):
            vectors = learner.encoder.vectors(batch["image"], batch["mask"])
            for place, label in enumerate(batch["labels"]):
                kind = int(place >= WORLD + ASTRAY)
                if label != OUTLIER:
                    sums[kind][names[kind].index(label)] += vectors[place]
    for directions, total in zip((learner.world, learner.photos), sums, strict=True):
        seen = total.abs().sum(1) > 0
        directions[seen] = F.normalize(total[seen])


if __name__ == "__main__":
    main()
