"""The region encoder: an image's crop around a mask to features that are averaged under it."""

import torch.nn.functional as F
from torch import Tensor, nn

from ..norms import ConvNorm, Residual

SIDE = 96
"""Side of the crop in the network's pixels; training may use a smaller one, a multiple of 16."""
STRIDE = 16
WIDTHS = (20, 40, 80, 160)
"""Channels at strides 2, 4, 8 and 16."""
WIDE = 224
DIMENSIONS = 160
"""Length of the vector."""


class RegionEncoder(nn.Module):
    """Crop f32[b, 3, 96, 96], normalised, to features f32[b, 160, 6, 6], to be averaged under the mask."""

    def __init__(self) -> None:
        super().__init__()
        two, four, eight, sixteen = WIDTHS
        self.body = nn.Sequential(
            ConvNorm(3, two, 2),
            nn.ReLU(),
            ConvNorm(two, four, 2),
            nn.ReLU(),
            Residual(four),
            ConvNorm(four, eight, 2),
            nn.ReLU(),
            Residual(eight),
            Residual(eight),
            ConvNorm(eight, sixteen, 2),
            nn.ReLU(),
            Residual(sixteen),
            Residual(sixteen),
            ConvNorm(sixteen, WIDE, size=1),
            nn.ReLU(),
        )
        self.embed = ConvNorm(WIDE, DIMENSIONS, size=1)

    def forward(self, crop: Tensor) -> Tensor:
        features: Tensor = self.embed(self.body(crop))
        return features

    def vectors(self, crop: Tensor, mask: Tensor) -> Tensor:
        """The mean features under masks f32[b, 1, 96, 96] of shares 0..1, of length 1: f32[b, 160]."""
        return F.normalize((self(crop) * F.avg_pool2d(mask, STRIDE)).sum((2, 3)))
