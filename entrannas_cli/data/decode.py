"""Decode one image file to one array, without torch."""

from __future__ import annotations

import io
import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["decode_image", "header_size"]

CROP_MARGIN = 8 / 7  # ImageNet's usual 256 to 224: the shorter side before the central crop
MIN_AREA = 0.08  # ImageNet's usual random crops: fraction of the image's area, and aspect ratio
MAX_LOG_RATIO = math.log(4 / 3)


def decode_image(
    content: bytes, size: int = 0, window: NDArray[np.float32] | None = None
) -> NDArray[np.uint8]:
    """Return the RGB image (3, H, W) in a file's ``content``, converted from greyscale or a palette if need be.

    ``size`` > 0 makes it (3, size, size), with a central crop of about 7/8 of the shorter side. With ``window``
    (4,), numbers in [0, 1) for area, aspect ratio, top and left, it is a random crop of 8 to 100 % of the area;
    images no larger than ``size`` are only resized. Raises whatever Pillow raises for a broken file.
    """
    with Image.open(io.BytesIO(content)) as image:
        rgb = _rgb(image)
    if size and rgb.size != (size, size):
        large = min(rgb.size) > size
        box = _central_box(*rgb.size, size) if window is None or not large else _random_box(*rgb.size, window)
        rgb = rgb.resize((size, size), Image.Resampling.BILINEAR, box=box)
    return np.asarray(rgb).transpose(2, 0, 1)


def header_size(content: bytes) -> tuple[int, int]:
    """Return (width, height) without decoding the pixels."""
    with Image.open(io.BytesIO(content)) as image:
        return image.size


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits per pixel, which convert() would clip instead of scale
        grey = (np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8)
        return Image.fromarray(grey).convert("RGB")
    if image.mode == "P" and "transparency" in image.info:
        return image.convert("RGBA").convert("RGB")
    return image.convert("RGB")


def _central_box(width: int, height: int, size: int) -> tuple[float, float, float, float]:
    shorter = min(width, height)
    # the shorter side after resizing: 8/7 of the size, but no larger than the image
    resized = min(max(shorter, size), round(size * CROP_MARGIN))
    side = shorter * size / resized
    left, top = (width - side) / 2, (height - side) / 2
    return left, top, left + side, top + side


def _random_box(width: int, height: int, window: NDArray[np.float32]) -> tuple[float, float, float, float]:
    area, ratio, top, left = (float(number) for number in window)
    pixels = (MIN_AREA + (1 - MIN_AREA) * area) * width * height
    stretch = math.exp((2 * ratio - 1) * MAX_LOG_RATIO)
    box_width = min(math.sqrt(pixels * stretch), width)
    box_height = min(math.sqrt(pixels / stretch), height)
    x, y = left * (width - box_width), top * (height - box_height)
    return x, y, x + box_width, y + box_height
