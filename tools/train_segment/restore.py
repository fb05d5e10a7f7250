"""Makes a checkpoint of the exported graphs, for training to go on from where none was kept.

It answers as the graphs do; what only training has (the optimiser, layers that are thrown away) begins anew.
Residual blocks of the encoder that the graphs lack begin as nothing, so that they change no answer.
"""

import argparse
import re
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from data import FRAME, SMALL_FRAME, WORLD, Sampler
from export import SCALE
from model import MEANING, ConvNorm, Decoder, Encoder
from train import DIMS, WEIGHTS, Model, add_data_options, collate, load_training_records, numbers_of, save

PICTURES, BATCHES = 8, 12
"""Samples of the training data that norms take their statistics from."""
LEAST_VARIANCE = 1e-6


def main() -> None:
    """Writes the checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_data_options(parser)
    parser.add_argument("--models", type=Path, required=True, help="folder of the graphs")
    parser.add_argument("--id", default="click-small")
    parser.add_argument("--step", type=int, default=0, help="how many steps the graphs were trained for")
    parser.add_argument("--checkpoint", type=Path, required=True, help="to be written")
    options = parser.parse_args()

    records = load_training_records(options)
    numbers = numbers_of(records)
    torch.manual_seed(1)
    model = Model(DIMS, len(numbers) + 1).eval()
    with torch.no_grad():
        begun = take_encoder(model.encoder, constants(options.models / f"{options.id}.encoder.onnx"))
        take_decoder(model.decoder, constants(options.models / f"{options.id}.decoder.onnx"))
        sampler = Sampler(records, {**WEIGHTS, WORLD: options.world_weight}, 1, numbers)
        rng = np.random.default_rng(1)
        frames = [FRAME, SMALL_FRAME] * (BATCHES // 2)
        settle(model.encoder, [collate([sampler.draw(rng, f) for _ in range(PICTURES)], DIMS).pixels for f in frames])
    save(options.checkpoint, model, model, None, options.step, 0.0)
    print(f"blocks that begin as nothing: {', '.join(begun) or 'none'}")


def constants(path: Path) -> dict[str, Tensor]:
    """The graph's weights as f32, by the names they have in PyTorch."""
    held = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer}
    found = {}
    for name, value in held.items():
        if name.endswith(SCALE):
            continue
        plain = re.sub(r"\.(half|bytes)$", "", name)
        scale = held.get(f"{plain}{SCALE}", np.float32(1))
        found[plain.removeprefix("encoder.")] = torch.from_numpy(value.astype(np.float32) * scale)
    return found


def take_encoder(encoder: Encoder, weights: dict[str, Tensor]) -> list[str]:
    """Loads the weights, each norm behind its convolution that does nothing; the names of blocks that are new."""
    state = encoder.state_dict()
    norms = {name: module[1] for name, module in encoder.named_modules() if isinstance(module, ConvNorm)}
    for name, value in weights.items():
        layer, kind = name.rsplit(".", 1)
        if layer not in norms:
            state[name].copy_(value)
        elif kind == "weight":
            state[f"{layer}.0.weight"].copy_(value)
        else:
            norm = norms.pop(layer)
            assert isinstance(norm, nn.BatchNorm2d)
            state[f"{layer}.1.bias"].copy_(value)
            state[f"{layer}.1.running_var"].fill_(1 - norm.eps)
    for layer in norms:
        state[f"{layer}.1.weight"].zero_()
    return list(norms)


def take_decoder(decoder: Decoder, weights: dict[str, Tensor]) -> None:
    """Loads the weights; of the embedding's meaning the first channels are what the graph takes (`move_meaning`)."""
    state = decoder.state_dict()
    first = 0
    for name in ("meaning_early", "meaning_late", "meaning_cost"):
        outputs = len(state[f"{name}.bias"])
        state[f"{name}.weight"].copy_(torch.eye(MEANING)[first : first + outputs, :, None, None])
        state[f"{name}.bias"].zero_()
        first += outputs
    # The exporter turns the weights of linear layers and renames them.
    turned = {tuple(state[f"{name}.weight"].shape): f"{name}.weight" for name in ("judge_hidden", "judge")}
    for name, value in weights.items():
        if name in state:
            state[name].copy_(value)
        elif value.ndim == 2 and tuple(value.T.shape) in turned:
            state[turned[tuple(value.T.shape)]].copy_(value.T)


def settle(encoder: Encoder, batches: list[Tensor]) -> None:
    """Gives norms the statistics of these pictures, in place, and weights with which they answer as before."""
    hooks: list[RemovableHandle] = []
    moments: dict[nn.BatchNorm2d, list[tuple[Tensor, Tensor]]] = {}
    for layer in encoder.modules():
        if isinstance(layer, ConvNorm):
            norm = layer[1]
            assert isinstance(norm, nn.BatchNorm2d)
            kept = moments.setdefault(norm, [])

            def note(_: nn.Module, given: tuple[Tensor], kept: list[tuple[Tensor, Tensor]] = kept) -> None:
                kept.append((given[0].mean((0, 2, 3)).double(), given[0].square().mean((0, 2, 3)).double()))

            hooks.append(norm.register_forward_pre_hook(note))
    for batch in batches:
        encoder(batch)
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


if __name__ == "__main__":
    main()
