from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import torch

from entrannas_cli.common.errors import UsageError
from entrannas_cli.config.search_sections import SearchDataConfig
from entrannas_cli.data import placement
from entrannas_cli.data.datasets import Dataset
from entrannas_cli.data.search_data import SearchData, open_search_data
from entrannas_cli.data.streams import evaluation_batches
from entrannas_cli.engine.preflight import require_data

from .images import image_files, write_folder, write_zip

CPU = torch.device("cpu")


def open_data(seed: int = 0, batch_size: int = 8, **settings: Any) -> SearchData:
    config = SearchDataConfig(**({"crop_padding": 1, "workers": 0} | settings))
    return open_search_data(config, seed=seed, device=CPU, batch_size=batch_size)


def test_parts_are_disjoint_halves_with_the_same_classes() -> None:
    data = open_data(dataset="digits")
    weights, architecture = set(data.weights_indices.tolist()), set(data.architecture_indices.tolist())
    assert not weights & architecture
    assert weights | architecture == set(range(1438))
    counts = [
        torch.bincount(data.dataset.labels[part])
        for part in (data.weights_indices, data.architecture_indices)
    ]
    assert int((counts[0] - counts[1]).abs().max()) <= 1
    assert len(data.weights) == len(weights)
    assert data.dataset.part == "train"


def test_portion_and_shares_limit_the_images() -> None:
    data = open_data(dataset="digits", portion=0.5, weights_share=0.4, architecture_share=0.1)
    assert len(data.weights) == pytest.approx(1438 * 0.2, abs=2)
    assert len(data.architecture) == pytest.approx(1438 * 0.05, abs=2)


def test_split_and_batches_depend_on_the_seed() -> None:
    first, again, other = (
        open_data(dataset="digits"),
        open_data(dataset="digits"),
        open_data(1, dataset="digits"),
    )
    assert torch.equal(first.weights_indices, again.weights_indices)
    assert not torch.equal(first.weights_indices, other.weights_indices)
    for name in ("weights", "architecture"):
        batches = [next(getattr(data, name).iterate(5)) for data in (first, again)]
        assert torch.equal(batches[0].images, batches[1].images)
    assert not torch.equal(next(first.weights.iterate()).images, next(first.architecture.iterate()).images)


@pytest.mark.parametrize("placement", ["device", "stream"])
def test_each_stream_serves_its_part(placement: str) -> None:
    data = open_data(
        dataset="synthetic", images=64, classes=4, placement=placement, flip=False, crop_padding=0
    )
    assert data.placement == placement
    assert "as configured" in data.placement_reason
    assert isinstance(data.dataset.images, torch.Tensor)
    for stream, part in [
        (data.weights, data.weights_indices),
        (data.architecture, data.architecture_indices),
    ]:
        batches = list(itertools.islice(stream.iterate(), stream.steps_per_epoch))
        served = torch.cat([batch.images for batch in batches]).flatten(1)
        shown = data.dataset.images[part].float().flatten(1) / 255
        shown = (shown.unflatten(1, (3, -1)) - torch.tensor(data.dataset.mean)[:, None]) / torch.tensor(
            data.dataset.std
        )[:, None]
        assert torch.cdist(served, shown.flatten(1)).min(1).values.max() < 0.1
        assert torch.cdist(shown.flatten(1), served).min(1).values.max() < 0.1


def test_large_data_sets_are_streamed_with_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(write_folder(tmp_path / "set", image_files(images=20)))
    small = open_data(dataset="folder", path=path)
    assert (small.placement, isinstance(small.dataset.images, torch.Tensor)) == ("device", True)
    assert "in the memory of cpu" in small.placement_reason
    monkeypatch.setattr(placement, "MAX_ON_DEVICE_BYTES", 40 * 3 * 8 * 8 - 1)
    large = open_data(dataset="folder", path=path)
    assert (large.placement, isinstance(large.dataset.images, torch.Tensor)) == ("stream", False)
    assert "more than" in large.placement_reason
    assert torch.equal(next(small.weights.iterate()).labels, next(large.weights.iterate()).labels)
    monkeypatch.undo()
    monkeypatch.setattr(placement, "_free_memory", lambda device: 40 * 3 * 8 * 8)
    assert "more than half" in open_data(dataset="folder", path=path).placement_reason
    monkeypatch.setattr(placement, "_free_memory", lambda device: 1000)
    with pytest.raises(UsageError, match=r"data\.placement = device"):
        open_data(dataset="folder", path=path, placement="device")


def test_images_leave_enough_memory_for_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = 40 * 3 * 8 * 8
    monkeypatch.setattr(placement, "free_memory", lambda device: 3 * size)
    path = str(write_folder(tmp_path / "set", image_files(images=20)))
    asked: list[int] = []

    def reason(reserved: int, **settings: Any) -> str:
        def reserve(dataset: Dataset) -> int:
            assert not isinstance(dataset.images, torch.Tensor)  # nothing is decoded yet
            asked.append(len(dataset))
            return reserved

        config = SearchDataConfig(dataset="folder", path=path, workers=0, crop_padding=1, **settings)
        return open_search_data(config, seed=0, device=CPU, batch_size=8, reserve=reserve).placement_reason

    assert "in the memory of cpu" in reason(2 * size)
    assert "that the network leaves free" in reason(2 * size + 1)
    assert asked == [40, 40]
    with pytest.raises(UsageError, match="of which the network needs"):
        reason(2 * size + 1, placement="device")


@pytest.mark.parametrize("placement", ["device", "stream"])
def test_jitter_applies_to_training_images_only(placement: str) -> None:
    settings: dict[str, Any] = {
        **{"dataset": "synthetic", "images": 64, "classes": 4},
        "placement": placement,
    }
    plain = open_data(**settings)
    changed = open_data(**settings, color_jitter=[0.4, 0.4, 0.4, 0.2])
    for name in ("weights", "architecture"):
        batches = [next(getattr(data, name).iterate()) for data in (plain, changed)]
        assert torch.equal(batches[0].labels, batches[1].labels)
        assert (batches[0].images - batches[1].images).abs().mean() > 0.1
        assert torch.equal(batches[1].images, next(getattr(changed, name).iterate()).images)
    shown = [
        next(evaluation_batches(data.dataset, data.architecture_indices, 8, CPU, workers=0)).images
        for data in (plain, changed)
    ]
    assert torch.equal(*shown)


@pytest.mark.parametrize("placement", ["device", "stream"])
def test_search_does_not_read_the_test_part(tmp_path: Path, placement: str) -> None:
    files = image_files(images=20)
    plain = open_data(
        dataset="folder", path=str(write_folder(tmp_path / "plain", files)), placement=placement
    )
    files |= {"test/cat/broken.png": b"no image", "test/fox/x.png": b"", "val/cat/x.png": b""}
    other = open_data(dataset="folder", path=str(write_zip(tmp_path / "set.zip", files)), placement=placement)
    assert torch.equal(next(plain.weights.iterate()).images, next(other.weights.iterate()).images)


def test_too_large_batch_is_rejected_with_a_fix() -> None:
    with pytest.raises(UsageError, match=r"batch of 512 .* weights: 72") as caught:
        open_data(dataset="digits", portion=0.1, batch_size=512)
    assert "search.batch_size=72" in str(caught.value)


@pytest.mark.parametrize("name", ["crop_padding", "cutout"])
def test_padding_and_cutout_larger_than_the_images_are_rejected(tmp_path: Path, name: str) -> None:
    path = str(write_folder(tmp_path / "set", image_files(images=20)))
    with pytest.raises(UsageError, match=rf"data\.{name} = 8 could blank out images of 8 pixels"):
        open_data(dataset="folder", path=path, **{name: 8})


def test_unusable_folder_is_rejected_before_the_run(tmp_path: Path) -> None:
    require_data(SearchDataConfig(dataset="folder", path=str(write_folder(tmp_path / "set", image_files()))))
    require_data(SearchDataConfig(dataset="digits"))
    with pytest.raises(UsageError, match="no such folder"):
        require_data(SearchDataConfig(dataset="folder", path="nowhere"))
