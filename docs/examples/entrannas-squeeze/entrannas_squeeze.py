"""A custom operation: squeeze-and-excitation after a pointwise convolution."""

import torch
from torch import nn

from entrannas_cli.method.operations import register_operation


class SqueezeExcite(nn.Module):
    """Scale each channel by a gate computed from the whole image."""

    def __init__(self, channels: int, stride: int, affine: bool) -> None:
        super().__init__()
        self.convolution = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(channels, channels, 1, stride=stride, bias=False),
            nn.BatchNorm2d(channels, affine=affine),
        )
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, channels, 1), nn.Sigmoid())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.convolution(x)  # (N, C, H/stride, W/stride)
        return x * self.gate(x)


@register_operation("squeeze_excite", label="se", parametric=True)
def squeeze_excite(channels: int, stride: int, affine: bool) -> nn.Module:
    return SqueezeExcite(channels, stride, affine)
