"""Faster layers that compute the same function as the plain ones that they replace."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..layers import Concatenation, FactorizedReduce
from .depthwise import Depthwise

__all__ = ["accelerate"]


def accelerate(network: nn.Module) -> None:
    """Replace layers of ``network`` by faster ones with the same parameters under the same names."""
    for parent in list(network.modules()):
        before: nn.Module | None = None
        for name, child in parent.named_children():
            if faster := _faster(child, before if isinstance(parent, nn.Sequential) else None):
                setattr(parent, name, faster.train(child.training))
            before = child


def _faster(layer: nn.Module, before: nn.Module | None) -> nn.Module | None:
    """Return a faster ``layer``, the only reader of the layer ``before``, or None if there isn't one."""
    if type(layer) is nn.Conv2d:
        return Depthwise.like(layer)
    if type(layer) is nn.ReLU and not layer.inplace:
        # a batch-norm's backward pass doesn't need its output
        return nn.ReLU(inplace=True) if isinstance(before, nn.BatchNorm2d) else SharedReLU()
    if type(layer) is Concatenation and layer.rectified_by_all:
        return RectifiedConcatenation()
    return FusedFactorizedReduce(layer) if type(layer) is FactorizedReduce else None


class SharedReLU(nn.ReLU):
    """A ReLU computed once for all readers of the same tensor, such as the operations on a node of a cell.

    The result is cached on the tensor and freed with it.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Compute ReLU(x)."""
        if getattr(x, "_rectified_at", None) == x._version:
            return x
        key = x._version, torch.is_grad_enabled()
        kept: tuple[object, Tensor] | None = getattr(x, "_rectified", None)
        if kept is None or kept[0] != key:
            kept = key, F.relu(x)
            x._rectified = kept  # type: ignore[attr-defined]
        return kept[1]


class RectifiedConcatenation(Concatenation):
    """Applies the ReLU of all readers once, in place; a :class:`SharedReLU` then skips its own."""

    def forward(self, nodes: Sequence[Tensor]) -> Tensor:
        """Return (N, nodes x C, H, W), rectified."""
        output = F.relu_(super().forward(nodes))
        output._rectified_at = output._version  # type: ignore[attr-defined]
        return output


class FusedFactorizedReduce(FactorizedReduce):
    """Both 1x1 convolutions of a :class:`FactorizedReduce` as one 2x2 convolution, in one pass over the image."""

    def __init__(self, plain: FactorizedReduce) -> None:
        nn.Module.__init__(self)
        self.even, self.odd, self.norm = plain.even, plain.odd, plain.norm
        self.relu = SharedReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C', ⌈H/2⌉, ⌈W/2⌉); odd sides are padded with zeros."""
        weight = torch.cat([F.pad(self.even.weight, (0, 1, 0, 1)), F.pad(self.odd.weight, (1, 0, 1, 0))])
        x = self.relu(x)
        if x.shape[2] % 2 or x.shape[3] % 2:
            x = F.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2))
        normalised: Tensor = self.norm(F.conv2d(x, weight, stride=2))
        return normalised
