"""Makes a checkpoint of the exported graphs, for training to go on from where none was kept.

It answers as the graphs do; what only training has (the optimizer, layers that are thrown away) begins anew.
Residual blocks of the encoder that the graphs lack begin as nothing, so that they change no answer, and so do
the convolutions that add the features of a trunk that is new.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ..lite import pretrained
from ..loop import save
from ..norms import settled_norms, unfold_norms
from ..stored import constants
from .data import FRAME, SMALL_FRAME, WORLD, Sampler
from .model import MEANING, TRUNK, Decoder
from .train import DIMS, WEIGHTS, Model, add_data_options, collate, load_training_records, numbers_of

IMAGES, BATCHES = 8, 12
"""Samples of the training data that norms take their statistics from."""


def main() -> None:
    """Writes the checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_data_options(parser)
    parser.add_argument("--models", type=Path, required=True, help="folder of the graphs")
    parser.add_argument("--id", default="click-small")
    parser.add_argument("--step", type=int, default=0, help="how many steps the graphs were trained for")
    parser.add_argument(
        "--add-trunk", action="store_true", help="add EfficientNet-Lite0 to an encoder that lacks it"
    )
    parser.add_argument("--trunk-weights", type=Path, help="of that, otherwise the installed package's")
    parser.add_argument("--checkpoint", type=Path, required=True, help="to be written")
    options = parser.parse_args()

    records = load_training_records(options)
    numbers = numbers_of(records)
    torch.manual_seed(1)
    weights = constants(options.models / f"{options.id}.encoder.onnx", prefix="encoder.")
    there = "trunk.stem.weight" in weights
    model = Model(DIMS, len(numbers) + 1, trunk=there or options.add_trunk).eval()
    with torch.no_grad():
        begun = unfold_norms(model.encoder, weights)
        if model.encoder.trunk is not None and not there:
            trunk = pretrained(TRUNK, options.trunk_weights).trunk
            model.encoder.trunk.load_state_dict(trunk.state_dict())
            begun = [name for name in begun if not name.startswith("trunk.")]
        state = model.encoder.state_dict()
        for name, value in weights.items():
            state[name].copy_(value)
        take_decoder(model.decoder, constants(options.models / f"{options.id}.decoder.onnx"))
        sampler = Sampler(records, {**WEIGHTS, WORLD: options.world_weight}, 1, numbers)
        rng = np.random.default_rng(1)
        frames = [FRAME, SMALL_FRAME] * (BATCHES // 2)
        # The trunk's norms keep their statistics.
        trained = [layer for name, layer in model.encoder.named_children() if name != "trunk"]
        with settled_norms(nn.ModuleList(trained)):
            for frame in frames:
                model.encoder(collate([sampler.draw(rng, frame) for _ in range(IMAGES)], DIMS).pixels)
    save(options.checkpoint, model, model, None, step=options.step, used=0.0)
    print(f"layers that begin as nothing: {', '.join(begun) or 'none'}")


def take_decoder(decoder: Decoder, weights: dict[str, Tensor]) -> None:
    """Loads the weights; the graph slices the first channels of the embedding's meaning (`move_meaning`)."""
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


if __name__ == "__main__":
    main()
