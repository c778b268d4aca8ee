"""Depthwise convolutions whose gradients are quick on a CPU too.

What oneDNN has no fast kernel for takes it 5 to 10 times as long as it needs to: the gradient of weights that are
wider than 3 columns, and both gradients of dilated convolutions. Here they are put together from what it does fast.
``benchmarks/depthwise.py`` measures both.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable
from torch.nn import functional as F

__all__ = ["Depthwise"]

FAST_COLUMNS = 3  # the widest weights for whose gradient oneDNN has a kernel of its own


class Depthwise(nn.Conv2d):
    """One odd-sided filter a channel, padded to ⌈side/stride⌉: (N, C, H, W) → (N, C, ⌈H/stride⌉, ⌈W/stride⌉)."""

    @classmethod
    def like(cls, plain: nn.Conv2d) -> Depthwise | None:
        """The same convolution with the same parameters; None if ``plain`` is another kind of convolution."""
        channels = plain.in_channels
        kernel, stride, dilation = plain.kernel_size[0], plain.stride[0], plain.dilation[0]
        same = cls(
            channels, channels, kernel, stride, dilation * (kernel // 2), dilation, channels, bias=False
        )
        facts = (
            *("out_channels", "groups", "kernel_size", "stride", "dilation", "padding"),
            *("padding_mode", "bias", "transposed"),
        )
        if kernel % 2 == 0 or any(getattr(plain, fact) != getattr(same, fact) for fact in facts):
            return None
        same.weight = plain.weight
        return same

    def forward(self, x: Tensor) -> Tensor:
        """The convolution; the same function whichever way it is computed."""
        stride, dilation, kernel = self.stride[0], self.dilation[0], self.kernel_size[0]
        if stride == dilation > 1:  # only every stride-th pixel is seen: a plain convolution of those
            x, stride, dilation = x[:, :, ::stride, ::stride], 1, 1
        slow = dilation > 1 or kernel > FAST_COLUMNS
        if slow and x.device.type == "cpu" and torch.is_grad_enabled():
            weight = self.weight
            if torch.is_autocast_enabled("cpu"):  # here, as the backward pass knows of no autocast
                dtype = torch.get_autocast_dtype("cpu")
                x, weight = x.to(dtype), weight.to(dtype)
            return cast(Tensor, _OnCpu.apply(x, weight, stride, dilation))
        return F.conv2d(x, self.weight, None, stride, dilation * (kernel // 2), dilation, self.groups)


class _OnCpu(torch.autograd.Function):
    """The same convolution, with its gradients made of fast ones."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int, dilation: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.dilation = stride, dilation
        padding = dilation * (weight.shape[3] // 2)
        return F.conv2d(x, weight, None, stride, padding, dilation, len(weight))

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        (gradient,) = gradients
        x, weight = ctx.saved_tensors  # type: ignore[attr-defined]
        stride, dilation = ctx.stride, ctx.dilation  # type: ignore[attr-defined]
        of_x, of_weight = ctx.needs_input_grad[:2]  # type: ignore[attr-defined]
        return (
            _gradient_of_input(gradient, x, weight, stride, dilation) if of_x else None,
            _gradient_of_weight(gradient, x, weight, stride, dilation) if of_weight else None,
            None,
            None,
        )


def _gradient_of_input(gradient: Tensor, x: Tensor, weight: Tensor, stride: int, dilation: int) -> Tensor:
    padding = dilation * (weight.shape[3] // 2)
    if stride == 1:  # the convolution with the weights turned round
        return F.conv2d(gradient, weight.flip(2, 3), None, 1, padding, dilation, len(weight))
    return _backward(gradient, x, weight, stride, [padding, padding], dilation, of_weight=False)


def _gradient_of_weight(gradient: Tensor, x: Tensor, weight: Tensor, stride: int, dilation: int) -> Tensor:
    """A few columns at a time. Dilated weights are some of the entries of dense ones."""
    span = dilation * (weight.shape[3] - 1) + 1
    padding = span // 2
    padded = F.pad(x, (padding, padding))
    reach = stride * (
        gradient.shape[3] - 1
    )  # from the first to the last column that a column of weights sees
    dense = []
    for first in range(0, span, FAST_COLUMNS):
        columns = min(FAST_COLUMNS, span - first)
        seen = padded[:, :, :, first : first + reach + columns]
        some = weight.new_empty(len(weight), 1, span, columns)
        dense.append(_backward(gradient, seen, some, stride, [padding, 0], 1, of_weight=True))
    return torch.cat(dense, dim=3)[:, :, ::dilation, ::dilation]


def _backward(
    gradient: Tensor,
    x: Tensor,
    weight: Tensor,
    stride: int,
    padding: list[int],
    dilation: int,
    *,
    of_weight: bool,
) -> Tensor:
    found = torch.ops.aten.convolution_backward(
        gradient,
        x,
        weight,
        None,
        [stride, stride],
        padding,
        [dilation, dilation],
        False,  # not transposed
        [0, 0],
        len(weight),  # groups
        [not of_weight, of_weight, False],
    )
    return cast(Tensor, found[1 if of_weight else 0])
