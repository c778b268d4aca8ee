from __future__ import annotations

import itertools
import multiprocessing
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from entrannas_cli.common.errors import RunFailed, UsageError
from entrannas_cli.data.augment import Augmentation
from entrannas_cli.data.datasets import Dataset, load_into_memory, open_dataset
from entrannas_cli.data.streams import Batch, BatchStream, evaluation_batches

from .images import encode, image_files, picture, write_folder

CPU = torch.device("cpu")
Amounts = tuple[float, float, float, float]  # of colour jitter
NO_JITTER, JITTER = (0.0, 0.0, 0.0, 0.0), (0.4, 0.4, 0.4, 0.2)


def numbered_images(count: int) -> Dataset:
    """Create images whose pixels and labels are their index."""
    labels = torch.arange(count)
    return Dataset(
        name="numbers",
        part="train",
        images=labels.to(torch.uint8)[:, None, None, None].expand(count, 1, 4, 4).contiguous(),
        labels=labels,
        classes=tuple(map(str, range(count))),
        shape=(1, 4, 4),
        mean=(0.0,),
        std=(1 / 255,),
    )


def make_stream(dataset: Dataset, **settings: Any) -> BatchStream:
    defaults: dict[str, Any] = {
        "indices": torch.arange(len(dataset)),
        "batch_size": 4,
        "seed": 0,
        "name": "weights",
        "augmentation": Augmentation(crop_padding=1, flip=True, cutout=2),
        "device": CPU,
    }
    return BatchStream(dataset=dataset, **(defaults | settings))


def take(stream: BatchStream, count: int, start: int = 0) -> list[Batch]:
    iterator = stream.iterate(start)
    batches = list(itertools.islice(iterator, count))
    iterator.close()
    return batches


def same(first: list[Batch], second: list[Batch]) -> bool:
    pairs = zip(first, second, strict=True)
    return all(torch.equal(a.images, b.images) and torch.equal(a.labels, b.labels) for a, b in pairs)


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(1, 30),
    batch=st.integers(1, 30),
    start=st.integers(0, 40),
    seed=st.integers(0, 2**40),
    placement=st.sampled_from(["device", "stream"]),
    color_jitter=st.sampled_from([NO_JITTER, JITTER]),
)
def test_resumed_stream_equals_an_uninterrupted_one(
    count: int, batch: int, start: int, seed: int, placement: str, color_jitter: Amounts
) -> None:
    stream = make_stream(
        numbered_images(count),
        batch_size=min(batch, count),
        seed=seed,
        placement=placement,
        augmentation=Augmentation(crop_padding=1, flip=True, color_jitter=color_jitter),
    )
    assert same(take(stream, start + 3)[start:], take(stream, 3, start))


@settings(max_examples=60, deadline=None)
@given(count=st.integers(2, 30), batch=st.integers(1, 30), passes=st.integers(1, 3), data=st.data())
def test_each_pass_has_every_image_once_in_equal_batches(
    count: int, batch: int, passes: int, data: st.DataObject
) -> None:
    chosen = data.draw(st.sets(st.integers(0, count - 1), min_size=1))
    indices = torch.tensor(sorted(chosen))
    stream = make_stream(numbered_images(count), indices=indices, batch_size=min(batch, len(chosen)))
    batches = take(stream, passes * stream.steps_per_epoch)
    assert {len(images) for images, _ in batches} == {stream.batch_size}
    seen = torch.cat([labels for _, labels in batches]).tolist()
    for number in range(passes):
        assert sorted(seen[number * len(stream) :][: len(stream)]) == sorted(chosen)
    assert stream.steps_per_epoch == -(-len(chosen) // stream.batch_size)


def test_images_and_labels_belong_together() -> None:
    stream = make_stream(numbered_images(20), augmentation=Augmentation())
    for images, labels in take(stream, 10):
        assert torch.equal(images, labels[:, None, None, None].float().expand(-1, 1, 4, 4))


def test_order_depends_on_pass_name_and_seed() -> None:
    dataset = numbered_images(64)
    orders = [
        take(make_stream(dataset, batch_size=64, name=name, seed=seed), 1, start)[0].labels
        for name, seed, start in [
            ("weights", 0, 0),
            ("weights", 0, 1),
            ("weights", 1, 0),
            ("architecture", 0, 0),
        ]
    ]
    assert not any(torch.equal(a, b) for a, b in itertools.combinations(orders, 2))


def test_switching_the_flip_off_keeps_the_crops() -> None:
    dataset = open_dataset("digits")
    indices = torch.arange(40)
    with_flip, without = (
        take(make_stream(dataset, indices=indices, augmentation=Augmentation(crop_padding=2, flip=flip)), 5)
        for flip in (True, False)
    )
    for flipped, plain in zip(with_flip, without, strict=True):
        for a, b in zip(flipped.images, plain.images, strict=True):
            assert torch.equal(a, b) or torch.equal(a, b.flip(2))


def test_switching_the_jitter_on_keeps_order_crops_and_flips() -> None:
    dataset = numbered_images(40)  # brightness alone: black stays black, and other pixels never become black
    plain, changed = (
        take(
            make_stream(dataset, augmentation=Augmentation(crop_padding=2, flip=True, color_jitter=amounts)),
            20,
        )
        for amounts in (NO_JITTER, (0.4, 0.0, 0.0, 0.0))
    )
    for before, after in zip(plain, changed, strict=True):
        assert torch.equal(before.labels, after.labels)
        assert torch.equal(before.images > 0, after.images > 0)
    factors = torch.cat(
        [
            (after.images.amax((1, 2, 3)) / before.labels)[before.labels > 0]
            for before, after in zip(plain, changed, strict=True)
        ]
    )
    assert 0.59 < factors.min() < 0.7 < 1.3 < factors.max() < 1.41
    assert len(factors.unique()) == len(factors)  # a new factor for each image and pass


@pytest.mark.parametrize("color_jitter", [NO_JITTER, JITTER])
@pytest.mark.parametrize("workers", [0, 2])
def test_streamed_batches_equal_those_from_memory(
    tmp_path: Path, workers: int, color_jitter: Amounts
) -> None:
    files = open_dataset("folder", path=write_folder(tmp_path / "d", image_files(images=8)))
    memory = load_into_memory(files, workers=0)
    files = replace(files, mean=memory.mean, std=memory.std)
    augmentation = Augmentation(crop_padding=1, flip=True, cutout=2, color_jitter=color_jitter)
    expected = take(make_stream(memory, augmentation=augmentation), 7)
    streamed = make_stream(files, placement="stream", workers=workers, augmentation=augmentation)
    assert same(expected, take(streamed, 7))
    assert same(expected[3:], take(streamed, 4, 3))
    assert not multiprocessing.active_children()


def test_random_crops_are_resumable(tmp_path: Path) -> None:
    files = {f"train/{name}/{n}.png": encode(picture(n, (20, 16))) for name in "ab" for n in range(4)}
    dataset = open_dataset("folder", path=write_folder(tmp_path / "d", files), image_size=8)
    stream = make_stream(dataset, placement="stream", augmentation=Augmentation())
    undisturbed = take(stream, 6)
    assert same(undisturbed[4:], take(stream, 2, 4))
    assert undisturbed[0].images.shape == (4, 3, 8, 8)
    plain = torch.cat(
        [batch.images for batch in evaluation_batches(dataset, torch.arange(8), 8, CPU, workers=0)]
    )
    drawn = torch.cat([batch.images for batch in undisturbed])
    assert not any(torch.equal(image, other) for image in drawn for other in plain)


@pytest.mark.parametrize(("placement", "workers"), [("device", 0), ("stream", 0), ("stream", 2)])
def test_global_random_state_is_unchanged(placement: str, workers: int) -> None:
    before = torch.get_rng_state()
    take(make_stream(numbered_images(9), placement=placement, workers=workers), 5)
    assert torch.equal(before, torch.get_rng_state())


def test_batch_larger_than_the_part_is_rejected_with_a_fix() -> None:
    with pytest.raises(UsageError, match=r"64 images is more than there are for the weights: 9") as caught:
        make_stream(numbered_images(9), batch_size=64)
    assert "search.batch_size=9" in str(caught.value)


@pytest.mark.parametrize("workers", [0, 2])
def test_broken_image_is_named_while_streaming(tmp_path: Path, workers: int) -> None:
    files = image_files(images=4)
    files["train/dog/01.png"] = files["train/dog/01.png"][:50]
    dataset = open_dataset("folder", path=write_folder(tmp_path / "d", files))
    with pytest.raises(UsageError, match=r"train/dog/01\.png: not a readable image") as caught:
        take(make_stream(dataset, placement="stream", workers=workers), 2)
    assert caught.value.details
    assert not multiprocessing.active_children()


def test_dead_worker_ends_the_run_with_a_reason(tmp_path: Path) -> None:
    dataset = open_dataset("folder", path=write_folder(tmp_path / "d", image_files(images=8)))
    iterator = make_stream(dataset, placement="stream", workers=1).iterate()
    next(iterator)
    for child in multiprocessing.active_children():
        child.kill()
        child.join()
    with pytest.raises(RunFailed, match="a worker process that reads images died"):
        list(itertools.islice(iterator, 50))


def test_batches_can_be_channels_last() -> None:
    dataset = open_dataset("synthetic", images=16)
    for placement, amounts in itertools.product(("device", "stream"), (NO_JITTER, JITTER)):
        stream = make_stream(
            dataset,
            placement=placement,
            memory_format=torch.channels_last,
            augmentation=Augmentation(color_jitter=amounts),
        )
        (batch,) = take(stream, 1)
        assert batch.images.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("in_memory", [True, False])
def test_evaluation_yields_each_image_once_unaugmented(tmp_path: Path, in_memory: bool) -> None:
    dataset = open_dataset("folder", path=write_folder(tmp_path / "d", image_files(images=5)))
    memory = load_into_memory(dataset, workers=0)
    dataset = memory if in_memory else replace(dataset, mean=memory.mean, std=memory.std)
    indices = torch.tensor([9, 0, 3, 4, 7])
    batches = list(evaluation_batches(dataset, indices, 2, CPU, workers=0))
    assert [len(labels) for _, labels in batches] == [2, 2, 1]
    assert torch.equal(torch.cat([labels for _, labels in batches]), dataset.labels[indices])
    assert isinstance(memory.images, torch.Tensor)
    mean, std = (torch.tensor(values)[:, None, None] for values in (memory.mean, memory.std))
    torch.testing.assert_close(
        torch.cat([images for images, _ in batches]), (memory.images[indices] / 255 - mean) / std
    )


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("color_jitter", [NO_JITTER, JITTER])
def test_cuda_batch_equals_the_cpu_one_without_host_waits(
    color_jitter: Amounts,
) -> None:
    cuda = torch.device("cuda")
    augmentation = Augmentation(crop_padding=1, flip=True, cutout=2, color_jitter=color_jitter)
    dataset = open_dataset("synthetic", images=64)
    assert isinstance(dataset.images, torch.Tensor)
    there = replace(dataset, images=dataset.images.to(cuda))
    iterator = make_stream(there, device=cuda, batch_size=16, augmentation=augmentation).iterate()
    next(iterator)
    torch.cuda.set_sync_debug_mode("error")
    try:
        batches = list(itertools.islice(iterator, 5))
    finally:
        torch.cuda.set_sync_debug_mode("default")
    on_cpu = make_stream(dataset, batch_size=16, augmentation=augmentation)
    for batch, expected in zip(batches, take(on_cpu, 5, 1), strict=True):
        torch.testing.assert_close(batch.images.cpu(), expected.images, rtol=1e-5, atol=1e-4)
        assert torch.equal(batch.labels.cpu(), expected.labels)


@pytest.mark.parametrize("signal_", [signal.SIGINT, signal.SIGTERM])
def test_workers_survive_a_signal_to_the_process_group(tmp_path: Path, signal_: int) -> None:
    write_folder(tmp_path / "d", image_files(images=8))
    code = """if True:
        import itertools, os, signal, sys, torch
        from entrannas_cli.data.augment import Augmentation
        from entrannas_cli.data.datasets import open_dataset
        from entrannas_cli.data.streams import BatchStream
        received = []
        number = int(sys.argv[2])
        signal.signal(number, lambda *_: received.append(1))
        stream = BatchStream(
            dataset=open_dataset("folder", path=sys.argv[1]), indices=torch.arange(16), batch_size=4, seed=0,
            name="weights", augmentation=Augmentation(), device=torch.device("cpu"), placement="stream", workers=2,
        )
        iterator = stream.iterate()
        next(iterator), next(iterator)  # both workers are up
        os.killpg(os.getpgrp(), number)
        print(len(list(itertools.islice(iterator, 30))), len(received))
        iterator.close()
    """
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "d"), str(int(signal_))],
        capture_output=True, text=True, start_new_session=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "30 1\n", "")
