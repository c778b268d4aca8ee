"""Crop, flip, cutout and normalisation of a whole batch at once, on its device.

Random numbers are drawn on the CPU (``draw_moves``) and applied on any device (``augment``), so that the same seed
gives the same batch everywhere, without synchronisation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["Augmentation", "augment", "channel_constants", "draw_moves", "normalise", "to_device"]


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """The augmentations of a batch; by default none.

    ``crop_padding``: black pixels added on each side before a random crop to the original size. ``flip``: mirror
    half of the images. ``cutout``: side of a square set to the mean colour, centred anywhere in the image.
    ``color_jitter``: maximum change of brightness, contrast, saturation and hue (see ``jitter``).
    """

    crop_padding: int = 0
    flip: bool = False
    cutout: int = 0
    color_jitter: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)


def draw_moves(uniform: Tensor, augmentation: Augmentation, height: int, width: int) -> Tensor:
    """Return (B, 5) int64 from ``uniform`` (B, 5) in [0, 1): crop top and left, flip, cutout centre y and x."""
    positions = 2 * augmentation.crop_padding + 1
    choices = torch.tensor([positions, positions, 2 if augmentation.flip else 1, height, width])
    return (uniform * choices).long().minimum(choices - 1)  # uniform * n may round up to n


def augment(images: Tensor, moves: Tensor, augmentation: Augmentation) -> Tensor:
    """Crop and flip uint8 images (B, C, H, W) by ``moves`` (B, 5), on one device; ``normalise`` applies cutout."""
    if augmentation.crop_padding:
        images = _crop(images, moves[:, 0], moves[:, 1], augmentation.crop_padding)
    if augmentation.flip:
        images = torch.where(moves[:, 2, None, None, None].bool(), images.flip(3), images)
    return images


def channel_constants(mean: Sequence[float], std: Sequence[float], device: torch.device) -> Tensor:
    """Return (2, 1, C, 1, 1): the scale and shift that normalise uint8 values to mean 0 and deviation 1.

    ``mean`` and ``std`` refer to values from 0 to 1.
    """
    pairs = [
        (1 / (255 * deviation), -middle / deviation) for middle, deviation in zip(mean, std, strict=True)
    ]
    return torch.tensor(pairs, device=device).T[:, None, :, None, None].contiguous()


def normalise(
    images: Tensor,
    constants: Tensor,
    memory_format: torch.memory_format = torch.contiguous_format,
    holes: Tensor | None = None,
    side: int = 0,
) -> Tensor:
    """Normalise (B, C, H, W), uint8 or float32 from 0 to 255, to float32 by ``channel_constants``.

    ``holes`` (B, 2) are the centres (y, x) of squares of ``side`` pixels that are set to 0, the mean.
    """
    scale, shift = constants
    images = images.contiguous(memory_format=memory_format)  # before the conversion: copying bytes is cheaper
    result = torch.addcmul(shift, images.to(torch.float32), scale)
    if holes is not None and side:
        result.masked_fill_(_squares(holes, side, *images.shape[2:]), 0)
    return result


def to_device(drawn: Tensor, device: torch.device) -> Tensor:
    """Move random numbers from the host to ``device``, without waiting for a CUDA device."""
    if device.type == "cuda":
        drawn = drawn.pin_memory()
    return drawn.to(device, non_blocking=True)


def _crop(images: Tensor, top: Tensor, left: Tensor, padding: int) -> Tensor:
    batch, _, height, width = images.shape
    padded = F.pad(images, (padding,) * 4)
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)  # (B, C, 2p+1, 2p+1, H, W), a view
    return windows[torch.arange(batch, device=images.device), :, top, left]


def _squares(centres: Tensor, side: int, height: int, width: int) -> Tensor:
    """Return (B, 1, H, W) bool: the pixels of squares around the centres (just past the middle for even sides)."""
    first = centres - side // 2
    inside = []
    for axis, length in enumerate((height, width)):
        offset = torch.arange(length, device=centres.device) - first[:, axis, None]  # (B, length)
        inside.append((offset >= 0) & (offset < side))
    return inside[0][:, None, :, None] & inside[1][:, None, None, :]
