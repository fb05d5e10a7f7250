"""Makes a checkpoint of the exported graph, for training to go on from where none was kept.

The encoder answers as the graph does; each label's direction is the mean of its regions' vectors, and what only
training has besides (the optimiser, the distillation layer) begins anew.
"""

import argparse
from pathlib import Path

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from data import OUTLIER, Region
from model import ConvNorm, RegionEncoder
from train import ASTRAY, WORLD, Batches, Learner, add_data_options, load_training_regions, save

BATCHES = 40
"""Batches that norms take their statistics from, and labels their directions."""
LEAST_VARIANCE = 1e-6


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
        take(learner.encoder, constants(options.graph))
        direct(learner, names, world, photos)
    save(options.checkpoint, learner, learner, None, names, options.step, 0.0)


def constants(path: Path) -> dict[str, Tensor]:
    """The graph's weights as f32, by the names they have in PyTorch."""
    held = ((tensor.name, numpy_helper.to_array(tensor)) for tensor in onnx.load(path).graph.initializer)
    return {
        name.removesuffix(".half").removeprefix("encoder."): torch.from_numpy(value.astype(np.float32))
        for name, value in held
    }


def take(encoder: RegionEncoder, weights: dict[str, Tensor]) -> None:
    """Loads the weights, each norm behind its convolution that does nothing."""
    state = encoder.state_dict()
    for name, module in encoder.named_modules():
        if isinstance(module, ConvNorm):
            norm = module[1]
            assert isinstance(norm, nn.BatchNorm2d)
            state[f"{name}.0.weight"].copy_(weights[f"{name}.weight"])
            state[f"{name}.1.bias"].copy_(weights[f"{name}.bias"])
            state[f"{name}.1.running_var"].fill_(1 - norm.eps)


def direct(learner: Learner, names: list[list[str]], world: list[Region], photos: list[Region]) -> None:
    """Gives norms the statistics of drawn batches, and labels the mean vectors of theirs."""
    moments: dict[nn.BatchNorm2d, list[tuple[Tensor, Tensor]]] = {}
    hooks: list[RemovableHandle] = []
    for layer in learner.encoder.modules():
        if isinstance(layer, nn.BatchNorm2d):
            kept = moments.setdefault(layer, [])

            def note(_: nn.Module, given: tuple[Tensor], kept: list[tuple[Tensor, Tensor]] = kept) -> None:
                kept.append((given[0].mean((0, 2, 3)).double(), given[0].square().mean((0, 2, 3)).double()))

            hooks.append(layer.register_forward_pre_hook(note))
    sums = [torch.zeros_like(learner.world), torch.zeros_like(learner.photos)]
    drawn = iter(Batches(world, photos, 0.3, seed=1))
    for _ in range(BATCHES):
        batch = next(drawn)
        vectors = learner.encoder.vectors(batch["image"], batch["mask"])
        for place, label in enumerate(batch["labels"]):
            kind = int(place >= WORLD + ASTRAY)
            if label != OUTLIER:
                sums[kind][names[kind].index(label)] += vectors[place]
    for hook in hooks:
        hook.remove()
    for norm, kept in moments.items():
        mean, square = (torch.stack(values).mean(0) for values in zip(*kept, strict=True))
        variance = (square - mean * mean).clamp(min=LEAST_VARIANCE)
        assert norm.running_mean is not None and norm.running_var is not None
        norm.bias.add_(norm.weight * mean.float())
        norm.weight.mul_((variance + norm.eps).sqrt().float())
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
    for directions, total in zip((learner.world, learner.photos), sums, strict=True):
        seen = total.abs().sum(1) > 0
        directions[seen] = F.normalize(total[seen])


if __name__ == "__main__":
    main()
