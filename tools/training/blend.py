"""Writes the mean of two checkpoints of one training, which keeps more of both than either ("model soup").

Wortsman et al., 2022. It takes checkpoints of either trainer; all but the weights is the second one's.
"""

import argparse
from pathlib import Path

import torch

WEIGHTS = ("model", "average")


def main() -> None:
    """Blends and writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    parser.add_argument("--share", type=float, default=0.5, help="of the second")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()

    first, second = (torch.load(path, map_location="cpu") for path in (options.first, options.second))
    for part in WEIGHTS:
        for name, value in second[part].items():
            if value.dtype.is_floating_point:
                # Exports are made of the averaged weights; training goes on from them too.
                blend = first["average"][name] * (1 - options.share) + second["average"][name] * options.share
                value.copy_(blend)
    torch.save(second, options.out)


if __name__ == "__main__":
    main()
