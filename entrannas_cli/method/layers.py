"""The modules behind the operations: (N, C, H, W) → (N, C', ⌈H/stride⌉, ⌈W/stride⌉), as in DARTS.

Every convolution is preceded by ReLU and followed by batch-norm; ``affine`` is that of the batch-norms.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["ConvBlock", "DilatedConv", "FactorizedReduce", "Pool", "SeparableConv"]


class ConvBlock(nn.Sequential):
    """ReLU, one convolution a kernel of ``kernels`` (height, width), batch-norm.

    With several kernels each strides along the sides where it is larger than 1.
    """

    def __init__(
        self, channels_in: int, channels: int, kernels: Sequence[tuple[int, int]], stride: int, affine: bool
    ) -> None:
        layers: list[nn.Module] = [nn.ReLU()]
        for n, (height, width) in enumerate(kernels):
            strides = (
                (stride, stride)
                if height == width
                else (stride if height > 1 else 1, stride if width > 1 else 1)
            )
            layers.append(
                nn.Conv2d(
                    channels if n else channels_in,
                    channels,
                    (height, width),
                    strides,
                    (height // 2, width // 2),
                    bias=False,
                )
            )
        super().__init__(*layers, nn.BatchNorm2d(channels, affine=affine))


def _depthwise_separable(
    channels: int, kernel: int, stride: int, dilation: int, affine: bool
) -> list[nn.Module]:
    padding = dilation * (kernel // 2)
    return [
        nn.ReLU(),
        nn.Conv2d(channels, channels, kernel, stride, padding, dilation, groups=channels, bias=False),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels, affine=affine),
    ]


class SeparableConv(nn.Sequential):
    """A depthwise-separable convolution, twice; the first one strides."""

    def __init__(self, channels: int, kernel: int, stride: int, affine: bool) -> None:
        super().__init__(
            *_depthwise_separable(channels, kernel, stride, 1, affine),
            *_depthwise_separable(channels, kernel, 1, 1, affine),
        )


class DilatedConv(nn.Sequential):
    """A depthwise-separable convolution with dilation 2."""

    def __init__(self, channels: int, kernel: int, stride: int, affine: bool) -> None:
        super().__init__(*_depthwise_separable(channels, kernel, stride, 2, affine))


class Pool(nn.Sequential):
    """3x3 pooling ("max" or "avg", without the padding in the average), then batch-norm."""

    def __init__(self, kind: str, channels: int, stride: int, affine: bool) -> None:
        pool = (
            nn.MaxPool2d(3, stride, 1)
            if kind == "max"
            else nn.AvgPool2d(3, stride, 1, count_include_pad=False)
        )
        super().__init__(pool, nn.BatchNorm2d(channels, affine=affine))


class FactorizedReduce(nn.Module):
    """Halves both sides with two 1x1 convolutions, the second one shifted by a pixel; any image size.

    Odd sides are padded by a row or column of zeros at the end, so that both halves have ⌈side/2⌉ pixels.
    """

    def __init__(self, channels_in: int, channels: int, affine: bool) -> None:
        super().__init__()
        half = channels // 2
        self.even = nn.Conv2d(channels_in, half, 1, stride=2, bias=False)
        self.odd = nn.Conv2d(channels_in, channels - half, 1, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(channels, affine=affine)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(x)  # (N, C, H, W)
        shifted = F.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2))[:, :, 1:, 1:]
        both = torch.cat([self.even(x), self.odd(shifted)], dim=1)  # (N, C', ⌈H/2⌉, ⌈W/2⌉)
        normalised: Tensor = self.norm(both)
        return normalised
