"""Random brightness, contrast, saturation and hue of a whole batch, on its device.

Each image changes as with torchvision's ``ColorJitter`` for floating-point images, but by its own amounts and in
its own order; torchvision uses one amount and one order for the whole batch.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from .augment import Augmentation, to_device

__all__ = ["draw_jitter", "jitter"]

MAX_VALUE = 255
CHUNK_IMAGES = 128  # at a time: the hue of 1,024 images of 224x224 pixels would take another GiB


def draw_jitter(uniform: Tensor, augmentation: Augmentation) -> Tensor:
    """Return (B, 8) float32 for :func:`jitter` from ``uniform`` (B, 8) in [0, 1).

    Columns 0 to 3 are the factors of brightness, contrast and saturation, from 1 - amount to 1 + amount, and the
    shift of the hue, from -amount to amount of a full circle. Columns 4 to 7 are the order of these four.
    """
    middle = torch.tensor([1.0, 1.0, 1.0, 0.0])
    factors = middle + torch.tensor(augmentation.color_jitter) * (2 * uniform[:, :4] - 1)
    return torch.cat([factors, uniform[:, 4:].argsort(dim=1)], 1)


def jitter(images: Tensor, drawn: Tensor, augmentation: Augmentation) -> Tensor:
    """Change the colours of ``images`` (B, C, H, W), uint8 or float32 from 0 to 255; return float32.

    ``drawn`` (B, 8) comes from :func:`draw_jitter`, in host memory, so that nothing waits for a device. Greyscale
    images (C = 1) have neither saturation nor hue.
    """
    result = images.to(torch.float32, copy=True)
    for part, numbers in zip(
        torch.split(result, CHUNK_IMAGES), torch.split(drawn, CHUNK_IMAGES), strict=True
    ):
        _change(part, numbers, augmentation)
    return result


def _change(images: Tensor, drawn: Tensor, augmentation: Augmentation) -> None:
    """Apply :func:`jitter` in place."""
    factors = to_device(drawn[:, :4], images.device)
    order = drawn[:, 4:].long()
    rows = to_device(order.argsort(dim=0), images.device)  # (B, 4): by the first, second, ... change
    sizes = F.one_hot(order, 4).sum(0).tolist()
    for position in range(4):
        for number, chosen in enumerate(torch.split(rows[:, position], sizes[position])):
            if augmentation.color_jitter[number] and len(chosen):
                factor = factors[chosen, number, None, None, None]
                images.index_copy_(0, chosen, CHANGES[number](images.index_select(0, chosen), factor))


def _brightness(images: Tensor, factor: Tensor) -> Tensor:
    return (images * factor).clamp_(0, MAX_VALUE)


def _contrast(images: Tensor, factor: Tensor) -> Tensor:
    return _blend(_grey(images).mean((1, 2, 3), keepdim=True), images, factor)


def _saturation(images: Tensor, factor: Tensor) -> Tensor:
    return _blend(_grey(images), images, factor)


def _hue(images: Tensor, turn: Tensor) -> Tensor:
    """Shift the hue of HSV; value and saturation stay."""
    if images.shape[1] == 1:
        return images
    red, green, blue = torch.split(images, 1, dim=1)
    value = images.amax(1, keepdim=True)
    chroma = value - images.amin(1, keepdim=True)
    hue = torch.where(  # in sixths of the circle, times chroma
        value == red,
        green - blue,
        torch.where(value == green, blue - red + 2 * chroma, red - green + 4 * chroma),
    )
    hue.div_(chroma.clamp(min=torch.finfo(torch.float32).tiny)).add_(6 * turn)
    # how far a channel is below the value follows from the hue's distance to the channel's own sector
    place = hue + torch.arange(5.0, 0.0, -2.0, device=hue.device)[:, None, None]  # (B, 3, H, W): 5, 3, 1
    place.sub_(place.div(6).floor_(), alpha=6)
    return torch.addcmul(value, chroma, (2 - (place - 2).abs_()).clamp_(0, 1), value=-1)


def _grey(images: Tensor) -> Tensor:
    if images.shape[1] == 1:
        return images
    red, green, blue = torch.split(images, 1, dim=1)
    return 0.2989 * red + 0.587 * green + 0.114 * blue


def _blend(start: Tensor, images: Tensor, factor: Tensor) -> Tensor:
    """Interpolate from ``start`` (factor 0) to ``images`` (factor 1)."""
    return torch.lerp(start, images, factor).clamp_(0, MAX_VALUE)


CHANGES = (_brightness, _contrast, _saturation, _hue)
