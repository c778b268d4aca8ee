from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from entrannas_cli.data.augment import Augmentation, augment, channel_constants, draw_moves, normalise


def one_by_one(images: torch.Tensor, moves: torch.Tensor, settings: Augmentation) -> torch.Tensor:
    """Apply the moves one image and pixel at a time, as the reference for the batched form."""
    _, _, height, width = images.shape
    result = torch.zeros_like(images)
    for image, (top, left, mirrored, _, _), out in zip(images, moves.tolist(), result, strict=True):
        for y in range(height):
            for x in range(width):
                source_x = width - 1 - x if mirrored else x
                from_y, from_x = y + top - settings.crop_padding, source_x + left - settings.crop_padding
                if 0 <= from_y < height and 0 <= from_x < width:
                    out[:, y, x] = image[:, from_y, from_x]
    return result


@settings(max_examples=40, deadline=None)
@given(
    batch=st.integers(1, 4),
    channels=st.sampled_from([1, 3]),
    height=st.integers(1, 7),
    width=st.integers(1, 7),
    padding=st.integers(0, 3),
    flip=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_batched_augmentation_equals_the_reference(
    batch: int, channels: int, height: int, width: int, padding: int, flip: bool, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(1, 256, (batch, channels, height, width), dtype=torch.uint8, generator=generator)
    how = Augmentation(crop_padding=padding, flip=flip)
    moves = draw_moves(torch.rand(batch, 5, generator=generator), how, height, width)
    assert torch.equal(augment(images, moves, how), one_by_one(images, moves, how))


@settings(max_examples=40, deadline=None)
@given(side=st.integers(1, 9), height=st.integers(1, 8), width=st.integers(1, 8), seed=st.integers(0, 1000))
def test_cutout_sets_a_square_to_the_mean(side: int, height: int, width: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    moves = draw_moves(torch.rand(3, 5, generator=generator), Augmentation(), height, width)
    images = torch.full((3, 2, height, width), 255, dtype=torch.uint8)
    constants = channel_constants((0.25, 0.5), (0.5, 0.25), torch.device("cpu"))
    result = normalise(images, constants, holes=moves[:, 3:], side=side)
    for image, (y, x) in zip(result, moves[:, 3:].tolist(), strict=True):
        top, left = y - side // 2, x - side // 2
        hole = torch.zeros(height, width, dtype=torch.bool)
        hole[max(top, 0) : top + side, max(left, 0) : left + side] = True
        assert hole[y, x]
        assert (image[:, hole] == 0).all()
        torch.testing.assert_close(image[0, ~hole], torch.full((int((~hole).sum()),), 1.5))
        torch.testing.assert_close(image[1, ~hole], torch.full((int((~hole).sum()),), 2.0))


def test_moves_cover_exactly_their_range() -> None:
    how = Augmentation(crop_padding=1, flip=True)
    moves = draw_moves(torch.rand(4000, 5, generator=torch.Generator().manual_seed(0)), how, 4, 5)
    assert [sorted(set(column.tolist())) for column in moves.T] == [
        [0, 1, 2],
        [0, 1, 2],
        [0, 1],
        [0, 1, 2, 3],
        [0, 1, 2, 3, 4],
    ]
    edge = draw_moves(torch.full((1, 5), 1 - 2**-24), how, 4096, 4096)  # the largest number that rand draws
    assert edge.tolist() == [[2, 2, 1, 4095, 4095]]


def test_no_flip_mirrors_nothing() -> None:
    moves = draw_moves(torch.rand(100, 5), Augmentation(), 4, 4)
    assert not moves[:, :3].any()


def test_normalised_images_have_the_requested_memory_format() -> None:
    images = torch.randint(0, 256, (4, 3, 8, 8), dtype=torch.uint8)
    constants = channel_constants((0.5,) * 3, (0.25,) * 3, torch.device("cpu"))
    plain = normalise(images, constants)
    last = normalise(images, constants, torch.channels_last)
    assert plain.is_contiguous()
    assert last.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(plain, last)
    torch.testing.assert_close(plain, (images / 255 - 0.5) / 0.25)
