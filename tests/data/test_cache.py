from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from entrannas_cli.data.availability import user_cache_dir
from entrannas_cli.data.cache import read_cache, write_cache
from entrannas_cli.data.datasets import Dataset, load_into_memory, open_dataset

from .images import encode, image_files, picture, write_folder, write_zip


def cached_files() -> list[Path]:
    return sorted((user_cache_dir() / "decoded").iterdir())


def load_folder(path: Path, **settings: object) -> tuple[Dataset, list[int]]:
    """Load the data set into memory; return it with the decoded-image count of each progress report."""
    reports: list[int] = []
    dataset = open_dataset("folder", path=path, **settings)  # type: ignore[arg-type]
    return load_into_memory(dataset, workers=0, progress=lambda text, done, of: reports.append(done)), reports


def pixels_of(dataset: Dataset) -> torch.Tensor:
    assert isinstance(dataset.images, torch.Tensor)
    return dataset.images


@pytest.mark.parametrize("write", [write_folder, write_zip])
def test_images_are_decoded_again_only_after_files_change(tmp_path: Path, write: object) -> None:
    path = tmp_path / "set.zip"
    write(path, image_files())  # type: ignore[operator]
    first, reports = load_folder(path)
    assert reports[-1] == 12
    again, reports = load_folder(path)
    assert reports == []
    assert torch.equal(pixels_of(first), pixels_of(again))
    assert (first.mean, first.std) == (again.mean, again.std)

    files = image_files() | {"train/cat/00.png": encode(picture(77))}
    write(path, files)  # type: ignore[operator]
    changed = path if path.is_file() else path / "train/cat/00.png"
    os.utime(changed, (1, 1))
    other, reports = load_folder(path)
    assert reports[-1] == 12
    assert torch.equal(pixels_of(other)[0], torch.from_numpy(np.asarray(picture(77)).copy()).permute(2, 0, 1))
    assert len(cached_files()) == 1  # the stale entry is gone


def test_parts_and_sizes_are_cached_separately(tmp_path: Path) -> None:
    path = write_folder(tmp_path / "set", image_files() | image_files(images=2, part="test"))
    cases: list[tuple[dict[str, Any], tuple[int, ...]]] = [
        ({}, (12, 3, 8, 8)),
        ({"image_size": 4}, (12, 3, 4, 4)),
        ({"part": "test"}, (4, 3, 8, 8)),
    ]
    for settings_, shape in cases:
        for _ in range(2):
            assert pixels_of(load_folder(path, **settings_)[0]).shape == shape
    assert len(cached_files()) == 3


def test_test_part_uses_the_mean_and_std_of_the_training_part(tmp_path: Path) -> None:
    path = write_folder(tmp_path / "set", image_files() | image_files(images=2, part="test"))
    train, test = load_folder(path)[0], load_folder(path, part="test")[0]
    assert (train.mean, train.std) == (test.mean, test.std)
    values = pixels_of(train).double() / 255
    torch.testing.assert_close(torch.tensor(train.mean).double(), values.mean((0, 2, 3)))
    torch.testing.assert_close(torch.tensor(train.std).double(), values.std((0, 2, 3), correction=0))


@settings(max_examples=100, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255), cut=st.booleans())
def test_damaged_cache_never_returns_wrong_images(
    tmp_path_factory: pytest.TempPathFactory, place: float, flip: int, cut: bool
) -> None:
    path = tmp_path_factory.mktemp("cache") / "a-b.npz"
    images = np.arange(3 * 3 * 8 * 8, dtype=np.uint8).reshape(3, 3, 8, 8)
    write_cache(path, images)
    content = bytearray(path.read_bytes())
    at = int(place * len(content))
    if cut:
        del content[at:]
    else:
        content[at] ^= flip
    path.write_bytes(content)
    read = read_cache(path, images.shape)
    assert read is None or np.array_equal(read, images)


def test_damaged_cache_is_rebuilt(tmp_path: Path) -> None:
    path = write_folder(tmp_path / "set", image_files())
    first, _ = load_folder(path)
    (file,) = cached_files()
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 255
    file.write_bytes(content)
    again, reports = load_folder(path)
    assert reports[-1] == 12
    assert torch.equal(pixels_of(first), pixels_of(again))
    assert load_folder(path)[1] == []


def test_unwritable_cache_is_not_an_error(tmp_path: Path) -> None:
    path = write_folder(tmp_path / "set", image_files())
    user_cache_dir().parent.mkdir(parents=True)
    user_cache_dir().write_text("a file where the folder should be")
    for _ in range(2):
        dataset, reports = load_folder(path)
        assert len(dataset) == reports[-1] == 12
