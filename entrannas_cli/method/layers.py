"""The modules behind the operations: (N, C, H, W) → (N, C', ⌈H/stride⌉, ⌈W/stride⌉), as in DARTS.

Every convolution is preceded by ReLU and followed by batch-norm; ``affine`` is passed to the batch-norms.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = [
    "AuxiliaryHead",
    "Concatenation",
    "ConvBlock",
    "DilatedConv",
    "FactorizedReduce",
    "SeparableConv",
    "drop_path",
]


class ConvBlock(nn.Sequential):
    """ReLU, one convolution per kernel (height, width) of ``kernels``, batch-norm.

    A kernel that isn't square strides only along the side where it is larger than 1.
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
    """Two depthwise-separable convolutions; the first one has the stride."""

    def __init__(self, channels: int, kernel: int, stride: int, affine: bool) -> None:
        super().__init__(
            *_depthwise_separable(channels, kernel, stride, 1, affine),
            *_depthwise_separable(channels, kernel, 1, 1, affine),
        )


class DilatedConv(nn.Sequential):
    """A depthwise-separable convolution with dilation 2."""

    def __init__(self, channels: int, kernel: int, stride: int, affine: bool) -> None:
        super().__init__(*_depthwise_separable(channels, kernel, stride, 2, affine))


class FactorizedReduce(nn.Module):
    """Halves height and width with two 1x1 convolutions, the second shifted by one pixel; any image size.

    Odd sides are padded with a row or column of zeros at the end, so that both halves have ⌈side/2⌉ pixels.
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


class Concatenation(nn.Module):
    """The output of a cell: its nodes (N, C, H, W) concatenated to (N, nodes x C, H, W).

    ``rectified_by_all``: every reader starts with a ReLU.
    """

    rectified_by_all = False

    def forward(self, nodes: Sequence[Tensor]) -> Tensor:
        return torch.cat(list(nodes), dim=1)


def drop_path(x: Tensor, chance: float | Tensor) -> Tensor:
    """Zero ``x`` (N, C, H, W) for each image with probability ``chance``; scale the rest to keep the mean.

    Source: FractalNet's regularisation, as the NASNet and DARTS protocols use it.
    """
    keep = 1 - chance
    mask = torch.empty(x.shape[0], 1, 1, 1, dtype=x.dtype, device=x.device).bernoulli_(keep)
    return x * (mask / keep)


class AuxiliaryHead(nn.Module):
    """A second classifier in the middle of a network, for training: (N, C, H, W) → (N, classes).

    As in DARTS: 5x5 pooling (``stride`` 3 for CIFAR, 2 for ImageNet) to 2x2 pixels, then a 1x1 convolution to 128
    and a 2x2 convolution to 768 channels, the latter followed by ``batch_norm`` (CIFAR). Features of other sizes
    are also pooled to 2x2.
    """

    def __init__(self, channels_in: int, classes: int, stride: int, batch_norm: bool) -> None:
        super().__init__()
        self.stride = stride
        self.features = nn.Sequential(
            nn.Conv2d(channels_in, 128, 1, bias=False),
            nn.BatchNorm2d(128),
            nn.ReLU(),
            nn.Conv2d(128, 768, 2, bias=False),
            *([nn.BatchNorm2d(768)] if batch_norm else []),
            nn.ReLU(),
        )
        self.classifier = nn.Linear(768, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(x)
        if all((side - 5) // self.stride == 1 for side in x.shape[2:]):
            x = F.avg_pool2d(x, 5, self.stride, count_include_pad=False)
        else:
            x = F.adaptive_avg_pool2d(x, 2)
        logits: Tensor = self.classifier(self.features(x).flatten(start_dim=1))
        return logits
