"""Defines blocks of convolution and batch normalisation, to fold for export and unfold for more training."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

MIN_VARIANCE = 1e-6


class ConvNorm(nn.Sequential):
    """Convolution, 3x3 unless said otherwise, and batch normalisation.

    It pads with zeros so that stride 1 keeps the size, unless `padding` says otherwise.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        stride: int = 1,
        size: int = 3,
        groups: int = 1,
        padding: int | None = None,
        epsilon: float = 1e-5,
    ) -> None:
        around = size // 2 if padding is None else padding
        convolution = nn.Conv2d(inputs, outputs, size, stride, around, groups=groups, bias=False)
        super().__init__(convolution, nn.BatchNorm2d(outputs, eps=epsilon))

    def parts(self) -> tuple[nn.Conv2d, nn.BatchNorm2d]:
        """The two, typed."""
        convolution, norm = self[0], self[1]
        assert isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
        return convolution, norm


class Residual(nn.Module):
    """relu(x + norm(conv(x)))."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = ConvNorm(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.body(x))


def fold_norms(module: nn.Module) -> None:
    """Replaces each convolution with batch normalisation by one convolution, in place."""
    for name, child in module.named_children():
        if isinstance(child, ConvNorm):
            setattr(module, name, fuse_conv_bn_eval(*child.parts()))
        else:
            fold_norms(child)


def unfold_norms(module: nn.Module, weights: dict[str, Tensor]) -> list[str]:
    """Loads folded convolutions from `weights`, with the bias of each in an otherwise neutral norm.

    A convolution that `weights` lacks becomes zero, so its residual block changes nothing. Returns their
    names.
    """
    lacking = []
    for name, layer in module.named_modules():
        if not isinstance(layer, ConvNorm):
            continue
        convolution, norm = layer.parts()
        if f"{name}.weight" not in weights:
            norm.weight.zero_()
            lacking.append(name)
            continue
        assert norm.running_var is not None
        convolution.weight.copy_(weights.pop(f"{name}.weight"))
        norm.bias.copy_(weights.pop(f"{name}.bias"))
        norm.running_var.fill_(1 - norm.eps)
    return lacking


@contextmanager
def settled_norms(module: nn.Module) -> Iterator[None]:
    """Sets the norms' statistics to those of their inputs, and their weights so that outputs stay equal."""
    seen: dict[nn.BatchNorm2d, list[tuple[Tensor, Tensor]]] = {}

    def note(norm: nn.Module, given: tuple[Tensor]) -> None:
        assert isinstance(norm, nn.BatchNorm2d)
        moments = (given[0].mean((0, 2, 3)).double(), given[0].square().mean((0, 2, 3)).double())
        seen.setdefault(norm, []).append(moments)

    norms = [layer for layer in module.modules() if isinstance(layer, nn.BatchNorm2d)]
    hooks = [norm.register_forward_pre_hook(note) for norm in norms]
    yield
    for hook in hooks:
        hook.remove()
    for norm, moments in seen.items():
        mean, square = (torch.stack(values).mean(0) for values in zip(*moments, strict=True))
        variance = (square - mean * mean).clamp(min=MIN_VARIANCE)
        assert norm.running_mean is not None and norm.running_var is not None
        norm.bias.add_(norm.weight * mean.float())
        norm.weight.mul_((variance + norm.eps).sqrt().float())
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
