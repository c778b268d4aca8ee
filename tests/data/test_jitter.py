"""Random colour changes: each image as torchvision's ColorJitter changes it."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sklearn.datasets import load_sample_images
from torchvision.transforms import functional as on_pictures
from torchvision.transforms.v2 import functional as on_tensors

from entrannas_cli.data.augment import Augmentation
from entrannas_cli.data.jitter import CHUNK_IMAGES, draw_jitter, jitter

IMAGENET = Augmentation(color_jitter=(0.4, 0.4, 0.4, 0.2))
ADJUST = (
    on_tensors.adjust_brightness,
    on_tensors.adjust_contrast,
    on_tensors.adjust_saturation,
    on_tensors.adjust_hue,
)


def photographs(side: int = 64) -> torch.Tensor:
    """Return uint8 (B, 3, side, side) crops of real photographs."""
    pixels = [torch.from_numpy(photo.copy()).permute(2, 0, 1) for photo in load_sample_images().images]
    return torch.stack(
        [
            photo[:, top : top + side, left : left + side]
            for photo in pixels
            for top in range(0, 320, 80)
            for left in range(0, 560, 80)
        ]
    )


def draw(batch: int, augmentation: Augmentation, seed: int = 0) -> torch.Tensor:
    return draw_jitter(torch.rand(batch, 8, generator=torch.Generator().manual_seed(seed)), augmentation)


def one_by_one(images: torch.Tensor, numbers: torch.Tensor, augmentation: Augmentation) -> torch.Tensor:
    """Apply torchvision's functions one image at a time, as the reference for the batched form."""
    result = []
    for image, row in zip(images.float() / 255, numbers, strict=True):
        for number in row[4:].int().tolist():
            if augmentation.color_jitter[number]:
                image = ADJUST[number](image, float(row[number]))
        result.append(image)
    return 255 * torch.stack(result)


def test_photographs_change_as_in_torchvision() -> None:
    images = photographs().repeat(3, 1, 1, 1)
    assert len(images) > CHUNK_IMAGES
    numbers = draw(len(images), IMAGENET)
    changed = jitter(images, numbers, IMAGENET)
    assert changed.dtype == torch.float32
    assert (changed - images).abs().mean() > 10
    torch.testing.assert_close(changed, one_by_one(images, numbers, IMAGENET), rtol=0, atol=0.01)


def test_photographs_change_as_in_darts_up_to_rounding() -> None:
    """The DARTS pipeline works on Pillow images, which round to bytes after each change and have an 8-bit hue."""
    adjust = (
        on_pictures.adjust_brightness,
        on_pictures.adjust_contrast,
        on_pictures.adjust_saturation,
        on_pictures.adjust_hue,
    )
    images = photographs()
    numbers = draw(len(images), IMAGENET, seed=1)
    for image, row, changed in zip(images, numbers, jitter(images, numbers, IMAGENET), strict=True):
        picture = Image.fromarray(image.permute(1, 2, 0).numpy())
        for number in row[4:].int().tolist():
            picture = adjust[number](picture, float(row[number]))
        difference = (torch.from_numpy(np.array(picture)).permute(2, 0, 1) - changed).abs()
        assert difference.mean() < 4
        assert difference.max() < 24


@settings(max_examples=40, deadline=None)
@given(
    batch=st.integers(1, 9),
    channels=st.sampled_from([1, 3]),
    height=st.integers(1, 5),
    width=st.integers(1, 5),
    levels=st.integers(1, 256),
    amounts=st.tuples(*[st.sampled_from([0.0, 0.3, 1.0])] * 3, st.sampled_from([0.0, 0.2, 0.5])),
    seed=st.integers(0, 1000),
)
def test_batched_jitter_equals_the_reference(
    batch: int,
    channels: int,
    height: int,
    width: int,
    levels: int,
    amounts: tuple[float, float, float, float],
    seed: int,
) -> None:
    generator = torch.Generator().manual_seed(seed)
    shape = (batch, channels, height, width)
    # few levels: black, grey and pure colours, where the hue is undefined or ambiguous
    images = torch.randint(0, levels, shape, generator=generator) * (255 // max(levels - 1, 1))
    how = Augmentation(color_jitter=amounts)
    numbers = draw(batch, how, seed)
    before = images.clone()
    torch.testing.assert_close(
        jitter(images, numbers, how), one_by_one(images, numbers, how), rtol=0, atol=0.01
    )
    assert torch.equal(images, before)


def test_float_images_are_not_changed_in_place() -> None:
    images = photographs().float()
    before = images.clone()
    jitter(images, draw(len(images), IMAGENET), IMAGENET)
    assert torch.equal(images, before)


def test_drawn_factors_fill_their_range_in_every_order() -> None:
    numbers = draw(24_000, IMAGENET)
    low, high = numbers[:, :4].min(0).values, numbers[:, :4].max(0).values
    torch.testing.assert_close(low, torch.tensor([0.6, 0.6, 0.6, -0.2]), rtol=0, atol=1e-3)
    torch.testing.assert_close(high, torch.tensor([1.4, 1.4, 1.4, 0.2]), rtol=0, atol=1e-3)
    torch.testing.assert_close(numbers[:, :4].mean(0), torch.tensor([1.0, 1, 1, 0]), rtol=0, atol=0.01)
    orders = Counter(map(tuple, numbers[:, 4:].int().tolist()))
    assert len(orders) == 24
    assert all(sorted(order) == [0, 1, 2, 3] for order in orders)
    assert all(800 < count < 1200 for count in orders.values())


@pytest.mark.parametrize("number", range(4))
def test_amount_of_zero_leaves_the_property_unchanged(number: int) -> None:
    brightness, contrast, saturation, hue = (0.4 if other == number else 0.0 for other in range(4))
    how = Augmentation(color_jitter=(brightness, contrast, saturation, hue))
    images = photographs()
    numbers = draw(len(images), how)
    neutral = [other for other in range(4) if other != number]
    assert torch.equal(numbers[:, neutral], torch.tensor([1.0, 1, 1, 0])[neutral].expand(len(images), 3))
    expected = [
        255 * ADJUST[number](image.float() / 255, float(factor))
        for image, factor in zip(images, numbers[:, number], strict=True)
    ]
    torch.testing.assert_close(jitter(images, numbers, how), torch.stack(expected), rtol=0, atol=0.01)
