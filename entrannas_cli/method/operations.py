"""The registry of candidate operations: one decorated builder each.

A builder takes ``(channels, stride, affine)`` and returns a module from (N, C, H, W) to (N, C, ⌈H/stride⌉,
⌈W/stride⌉); ``affine`` says whether its batch-norms learn a scale (not in the super-net). Builders import torch
only when called, so that listing names and checking spaces doesn't load it.

A package adds operations through the entry-point group ``entrannas.operations``: the entry point's name is the
operation's name, its value the decorated builder (see docs/operations.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Protocol

from .space import INPUT_NODES

if TYPE_CHECKING:
    from torch import nn

__all__ = [
    "ENTRY_POINT_GROUP",
    "Operation",
    "get_operation",
    "has_weights",
    "operation_names",
    "register_operation",
]

ENTRY_POINT_GROUP = "entrannas.operations"

Builder = Callable[[int, int, bool], "nn.Module"]


@dataclass(frozen=True)
class Operation:
    """A candidate operation. ``label`` is its short name in figures, ``parametric`` whether it has weights.

    ``parametric`` refers to stride 1, see :func:`has_weights`. The cell adds a batch-norm to a ``pooling``
    operation: always in the super-net, on request in a derived network.
    """

    name: str
    label: str
    parametric: bool
    build: Builder
    pooling: bool = False


_registry: dict[str, Operation] = {}


def register_operation(
    name: str, *, label: str, parametric: bool, pooling: bool = False
) -> Callable[[Builder], Builder]:
    """Decorate the builder of operation ``name``. Raises ``ValueError`` if the name is taken."""

    def register(build: Builder) -> Builder:
        if name in _registry:
            raise ValueError(f"operation {name} is registered twice")
        _registry[name] = Operation(name, label, parametric, build, pooling)
        return build

    return register


@cache
def _plugins() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}


def operation_names() -> tuple[str, ...]:
    """Return the names of all operations, those of installed packages last, without loading any."""
    return tuple(dict.fromkeys([*_registry, *_plugins()]))


def get_operation(name: str) -> Operation:
    """Return the operation ``name``, loading the package that provides it. Raises ``KeyError`` if unknown."""
    if name not in _registry and name in _plugins():
        _plugins()[name].load()
    return _registry[name]


class _OperationInfo(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def parametric(self) -> bool: ...


def has_weights(kind: str, source: int, operation: _OperationInfo) -> bool:
    """Return whether ``operation`` on node ``source`` of a cell of ``kind`` has weights.

    A skip connection of stride 2 has weights, since it is a FactorizedReduce.
    """
    halves = kind == "reduce" and source < INPUT_NODES
    return operation.parametric or (halves and operation.name == "skip_connect")


@register_operation("max_pool_3x3", label="max", parametric=False, pooling=True)
def _(channels: int, stride: int, affine: bool) -> nn.Module:
    from torch.nn import MaxPool2d

    return MaxPool2d(3, stride, padding=1)


@register_operation("avg_pool_3x3", label="avg", parametric=False, pooling=True)
def _(channels: int, stride: int, affine: bool) -> nn.Module:
    from torch.nn import AvgPool2d

    return AvgPool2d(3, stride, padding=1, count_include_pad=False)


@register_operation("skip_connect", label="skip", parametric=False)
def _(channels: int, stride: int, affine: bool) -> nn.Module:
    from torch.nn import Identity

    from .layers import FactorizedReduce

    return Identity() if stride == 1 else FactorizedReduce(channels, channels, affine)


@register_operation("sep_conv_3x3", label="sep3", parametric=True)
def _(channels: int, stride: int, affine: bool) -> nn.Module:
    from .layers import SeparableConv

    return SeparableConv(channels, 3, stride, affine)


@register_operation("sep_conv_5x5", label="sep5", parametric=True)
def _(channels: int, stride: int, affine: bool) -> nn.Module:
    from .layers import SeparableConv

    return SeparableConv(channels, 5, stride, affine)


@register_operation("sep_conv_7x7", label="sep7", parametric=True)
def _(channels: int, stride: int, affine: bool) -> nn.Module:
    from .layers import SeparableConv

    return SeparableConv(channels, 7, stride, affine)


@register_operation("dil_conv_3x3", label="dil3", parametric=True)
def _(channels: int, stride: int, affine: bool) -> nn.Module:
    from .layers import DilatedConv

    return DilatedConv(channels, 3, stride, affine)


@register_operation("dil_conv_5x5", label="dil5", parametric=True)
def _(channels: int, stride: int, affine: bool) -> nn.Module:
    from .layers import DilatedConv

    return DilatedConv(channels, 5, stride, affine)


@register_operation("conv_1x1", label="conv1", parametric=True)
def _(channels: int, stride: int, affine: bool) -> nn.Module:
    from .layers import ConvBlock

    return ConvBlock(channels, channels, [(1, 1)], stride, affine)


@register_operation("conv_3x3", label="conv3", parametric=True)
def _(channels: int, stride: int, affine: bool) -> nn.Module:
    from .layers import ConvBlock

    return ConvBlock(channels, channels, [(3, 3)], stride, affine)


@register_operation("conv_1x3_3x1", label="conv1x3", parametric=True)
def _(channels: int, stride: int, affine: bool) -> nn.Module:
    from .layers import ConvBlock

    return ConvBlock(channels, channels, [(1, 3), (3, 1)], stride, affine)


@register_operation("conv_1x7_7x1", label="conv1x7", parametric=True)
def _(channels: int, stride: int, affine: bool) -> nn.Module:
    from .layers import ConvBlock

    return ConvBlock(channels, channels, [(1, 7), (7, 1)], stride, affine)
