"""Depthwise convolutions with fast gradients on a CPU.

Without a fast kernel oneDNN takes 5 to 10 times as long as necessary. At stride 1 it has none for the gradient of
weights that are wider than 3 columns or higher than the image, and none for either gradient of dilated
convolutions. This module composes these gradients from fast kernels; ``benchmarks/depthwise.py`` measures both.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable
from torch.nn import functional as F

__all__ = ["Depthwise"]

FAST_COLUMNS = 3  # width of the widest weights whose gradient has a fast oneDNN kernel


class Depthwise(nn.Conv2d):
    """One odd-sided filter per channel, padded to ⌈side/stride⌉: (N, C, H, W) → (N, C, ⌈H/stride⌉, ⌈W/stride⌉)."""

    @classmethod
    def like(cls, plain: nn.Conv2d) -> Depthwise | None:
        """Return the same convolution with the same parameters, or None if ``plain`` is of another kind."""
        channels = plain.in_channels
        kernel, stride, dilation = plain.kernel_size[0], plain.stride[0], plain.dilation[0]
        depthwise = cls(
            channels, channels, kernel, stride, dilation * (kernel // 2), dilation, channels, bias=False
        )
        attributes = (
            *("out_channels", "groups", "kernel_size", "stride", "dilation", "padding"),
            *("padding_mode", "bias", "transposed"),
        )
        if kernel % 2 == 0 or any(getattr(plain, name) != getattr(depthwise, name) for name in attributes):
            return None
        depthwise.weight = plain.weight
        return depthwise

    def forward(self, x: Tensor) -> Tensor:
        """Compute the convolution, by whichever implementation is fastest."""
        stride, dilation, kernel = self.stride[0], self.dilation[0], self.kernel_size[0]
        if stride == dilation > 1:  # reads only every stride-th pixel: a plain convolution of those
            x, stride, dilation = x[:, :, ::stride, ::stride], 1, 1
        slow = stride == 1 and (dilation > 1 or kernel > FAST_COLUMNS)
        if slow and x.device.type == "cpu" and torch.is_grad_enabled():
            weight = self.weight
            if torch.is_autocast_enabled("cpu"):  # here, since the backward pass runs without autocast
                dtype = torch.get_autocast_dtype("cpu")
                x, weight = x.to(dtype), weight.to(dtype)
            return cast(Tensor, _CpuDepthwise.apply(x, weight, dilation))
        return F.conv2d(x, self.weight, None, stride, dilation * (kernel // 2), dilation, self.groups)


class _CpuDepthwise(torch.autograd.Function):
    """The same convolution at stride 1, with its gradients composed from fast kernels."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, dilation: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.dilation = dilation
        return _convolve(x, weight, dilation)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        (gradient,) = gradients
        x, weight = ctx.saved_tensors  # type: ignore[attr-defined]
        dilation: int = ctx.dilation  # type: ignore[attr-defined]
        needs_x, needs_weight = ctx.needs_input_grad[:2]  # type: ignore[attr-defined]
        return (
            _convolve(gradient, weight.flip(2, 3), dilation) if needs_x else None,
            _weight_gradient(gradient, x, weight, dilation) if needs_weight else None,
            None,
        )


def _convolve(x: Tensor, weight: Tensor, dilation: int) -> Tensor:
    """Convolve at stride 1; with flipped weights, this maps the output's gradient to that of ``x``."""
    return F.conv2d(x, weight, None, 1, dilation * (weight.shape[3] // 2), dilation, len(weight))


def _weight_gradient(gradient: Tensor, x: Tensor, weight: Tensor, dilation: int) -> Tensor:
    """Compute the gradient in blocks of few columns, with no more rows than the image: larger ones are slow.

    Dilated weights are a subset of dense ones.
    """
    height, width = gradient.shape[2:]
    span = dilation * (weight.shape[3] - 1) + 1
    padding = span // 2
    rows_padding = padding if span > height else 0  # otherwise oneDNN pads, without a copy
    padded = F.pad(x, [padding, padding, rows_padding, rows_padding])
    bands = []
    for top in range(0, span, height):
        rows = min(height, span - top)
        band = padded[:, :, top : top + height + rows - 1] if rows_padding else padded
        blocks = []
        for left in range(0, span, FAST_COLUMNS):
            columns = min(FAST_COLUMNS, span - left)
            window = band[:, :, :, left : left + width + columns - 1]
            blocks.append(_block_gradient(gradient, window, rows, columns, 0 if rows_padding else padding))
        bands.append(torch.cat(blocks, dim=3))
    return torch.cat(bands, dim=2)[:, :, ::dilation, ::dilation]


def _block_gradient(gradient: Tensor, x: Tensor, rows: int, columns: int, padding: int) -> Tensor:
    channels = x.shape[1]
    gradients = torch.ops.aten.convolution_backward(
        gradient,
        x,
        x.new_empty(channels, 1, rows, columns),
        None,
        [1, 1],
        [padding, 0],
        [1, 1],
        False,  # not transposed
        [0, 0],
        channels,  # groups
        [False, True, False],
    )
    return cast(Tensor, gradients[1])
