from __future__ import annotations

import pytest
import torch

from entrannas_cli.common.errors import UsageError
from entrannas_cli.data.datasets import Dataset, open_dataset


def pixels(dataset: Dataset) -> torch.Tensor:
    assert isinstance(dataset.images, torch.Tensor)
    return dataset.images


def test_digits_are_grey_and_complete() -> None:
    train, test = open_dataset("digits"), open_dataset("digits", part="test")
    assert (len(train), len(test)) == (1438, 359)
    assert train.shape == (1, 8, 8)
    assert pixels(train).dtype == torch.uint8
    assert int(pixels(train).max()) == 255
    assert train.classes == tuple("0123456789")
    everything = torch.cat([pixels(train), pixels(test)]).flatten(1)
    from sklearn.datasets import load_digits

    original = torch.from_numpy(load_digits().data * 255 / 16).round().to(torch.uint8)
    order = [sorted(map(tuple, rows.tolist())) for rows in (everything, original)]
    assert order[0] == order[1]  # no image is lost or repeated
    counts = torch.bincount(torch.cat([train.labels, test.labels]))
    assert torch.bincount(test.labels).tolist() == pytest.approx((counts * 0.2).tolist(), abs=1)
    assert (train.mean, train.std) == (test.mean, test.std)
    values = pixels(train).double() / 255
    assert train.mean[0] == pytest.approx(float(values.mean()), abs=1e-12)
    assert train.std[0] == pytest.approx(float(values.std(correction=0)), abs=1e-12)


def test_synthetic_images_are_reproducible_and_learnable() -> None:
    train, again, test = (
        open_dataset("synthetic", classes=7, images=700, part=part) for part in ("train", "train", "test")
    )
    assert torch.equal(pixels(train), pixels(again))
    assert train.shape == (3, 32, 32)
    assert (len(train), len(test), len(train.classes)) == (700, 140, 7)
    assert any("synthetic" in note for note in train.notes)
    middles = torch.stack([pixels(train)[train.labels == label].float().mean(0) for label in range(7)])
    distance = torch.cdist(pixels(test).float().flatten(1), middles.flatten(1))
    assert (distance.argmin(1) == test.labels).float().mean() > 0.99
    assert not torch.equal(pixels(train)[:140], pixels(test))


def test_image_size_resizes_images_in_memory() -> None:
    assert pixels(open_dataset("digits", image_size=16)).shape == (1438, 1, 16, 16)
    assert open_dataset("synthetic", image_size=20, images=20).shape == (3, 20, 20)
    same = open_dataset("digits", image_size=8)
    assert torch.equal(pixels(same), pixels(open_dataset("digits")))


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"no data set cifar-10 \(did you mean cifar10\?\)"):
        open_dataset("cifar-10")
