"""The data sets ``digits``, ``cifar10``, ``cifar100``, ``folder`` and ``synthetic``."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .availability import dataset_facts
from .cache import cache_path, read_cache, write_cache
from .cifar import read_cifar
from .folder import ImageFiles, list_folder
from .split import generator_for, stratified_split
from .types import Part, Progress
from .workers import BatchRequest, read_batches, worker_count

__all__ = ["Dataset", "load_into_memory", "open_dataset"]

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SYNTHETIC_SIDE = 32
SYNTHETIC_PATCHES = 4  # per side, in the pattern of a class
DIGITS_FILE = Path(__file__).with_name("digits.npz")
DIGITS_TEST_SHARE = 0.2
MIN_STD = 1 / 255  # for constant channels
DECODE_BATCH = 256


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """One part of a data set.

    ``images`` are uint8 (N, C, H, W) in memory, or files that are read on demand; ``labels`` (N,) int64 index
    ``classes``; ``shape`` is (C, H, W); ``mean`` and ``std`` are those of the training part, per channel, for
    values from 0 to 1; ``notes`` are caveats for readers of the results.
    """

    name: str
    part: Part
    images: Tensor | ImageFiles
    labels: Tensor
    classes: tuple[str, ...]
    shape: tuple[int, int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def facts(self) -> dict[str, tuple[str, ...] | tuple[float, ...] | tuple[int, ...]]:
        """What a network trained on it must know: shape, class names, mean and std."""
        return {"shape": self.shape, "classes": self.classes, "mean": self.mean, "std": self.std}

    @property
    def decoded_bytes(self) -> int:
        """Memory that all images take once decoded."""
        return len(self) * math.prod(self.shape)


def open_dataset(
    name: str,
    *,
    path: str | Path = "",
    part: Part = "train",
    image_size: int = 0,
    classes: int = 10,
    images: int = 4096,
    download: bool = False,
    progress: Progress | None = None,
) -> Dataset:
    """Open one part of data set ``name``.

    The test part reads the training part for its mean and std only; the training part never reads the test part.
    ``path``: see ``data.path``. ``image_size`` > 0 resizes to a square. ``classes`` and ``images`` apply to
    ``synthetic``. ``download`` allows downloading CIFAR. The images of ``folder`` stay in their files (see
    ``load_into_memory``) and have ImageNet's mean and std. Raises ``UsageError`` if the data is missing or invalid,
    ``RunFailed`` if a download fails.
    """
    dataset_facts(name)
    if name == "folder":
        listed = list_folder(Path(path).expanduser(), part, image_size)
        return Dataset(
            name=name,
            part=part,
            images=listed.images,
            labels=torch.from_numpy(listed.labels),
            classes=listed.classes,
            shape=listed.images.shape,
            mean=IMAGENET_MEAN,
            std=IMAGENET_STD,
            notes=("JPEG files: lossy",) if listed.lossy else (),
        )

    def read(part: Part) -> tuple[Tensor, Tensor, tuple[str, ...]]:
        if name == "digits":
            pixels, labels, names = _digits(part)
        elif name == "synthetic":
            pixels, labels, names = _synthetic(part, classes, images, image_size or SYNTHETIC_SIDE)
        else:
            pixels, labels, names = read_cifar(name, path, part, download=download, progress=progress)
        return _resize(pixels, image_size), labels, names

    pixels, labels, names = read(part)
    mean, std = _mean_and_std(pixels if part == "train" else read("train")[0])
    return Dataset(
        name=name,
        part=part,
        images=pixels,
        labels=labels,
        classes=names,
        shape=(pixels.shape[1], pixels.shape[2], pixels.shape[3]),
        mean=mean,
        std=std,
        notes=("synthetic images: for benchmarks only",) if name == "synthetic" else (),
    )


def load_into_memory(dataset: Dataset, *, workers: int = -1, progress: Progress | None = None) -> Dataset:
    """Return the data set with its images decoded, and the training part's mean and std.

    Decoded images of a folder or .zip are cached in the user's cache folder until the files change. Raises
    ``UsageError`` that names an image if it is unreadable or differs in size from the first.
    """
    files = dataset.images
    if isinstance(files, Tensor):
        return dataset
    path = cache_path(files, dataset.part)
    pixels = read_cache(path, (len(dataset), *dataset.shape))
    if pixels is None:
        pixels = _decode(files, workers, progress)
        write_cache(path, pixels)
    images = torch.from_numpy(pixels)
    if dataset.part == "train":
        mean, std = _mean_and_std(images)
    else:
        train = open_dataset(dataset.name, path=files.path, image_size=files.image_size)
        train = load_into_memory(train, workers=workers, progress=progress)
        mean, std = train.mean, train.std
    return replace(dataset, images=images, mean=mean, std=std)


def _decode(files: ImageFiles, workers: int, progress: Progress | None) -> np.ndarray:
    pixels = np.empty((len(files), *files.shape), dtype=np.uint8)
    done = 0
    requests = (BatchRequest(chosen) for chosen in torch.split(torch.arange(len(files)), DECODE_BATCH))
    for images, _ in read_batches(files, requests, workers=worker_count(workers, len(files))):
        pixels[done : done + len(images)] = images.numpy()
        done += len(images)
        if progress is not None:
            progress("decoding images", done, len(files))
    return pixels


def _digits(part: Part) -> tuple[Tensor, Tensor, tuple[str, ...]]:
    """Return the images of UCI's "Optical Recognition of Handwritten Digits" (1,797 in all); see docs/data.md."""
    with np.load(DIGITS_FILE) as data:
        images, labels = torch.from_numpy(data["images"]), torch.from_numpy(data["labels"]).long()
    test, train = stratified_split(labels, [DIGITS_TEST_SHARE, 1 - DIGITS_TEST_SHARE], seed=0)
    chosen = train if part == "train" else test
    grey = images[chosen, None].double()  # (N, 1, 8, 8), values 0 to 16
    pixels = (grey * (255 / 16)).round().to(torch.uint8)
    return pixels, labels[chosen], tuple(map(str, range(10)))


def _synthetic(part: Part, classes: int, images: int, side: int) -> tuple[Tensor, Tensor, tuple[str, ...]]:
    """Return noise on a coarse pattern per class; the test part has the same patterns and a fifth of the images."""
    generator = generator_for("synthetic", "patterns")
    patches = torch.randint(0, 128, (classes, 3, SYNTHETIC_PATCHES, SYNTHETIC_PATCHES), generator=generator)
    patterns = F.interpolate(patches.float(), (side, side), mode="nearest").to(torch.uint8)
    count = images if part == "train" else max(images // 5, classes)
    labels = torch.arange(count) % classes
    generator = generator_for("synthetic", part)
    noise = torch.randint(0, 128, (count, 3, side, side), dtype=torch.uint8, generator=generator)
    for label in range(classes):  # in place: no second array of this size
        noise[label::classes] += patterns[label]
    return noise, labels, tuple(f"class {number}" for number in range(classes))


def _resize(images: Tensor, size: int) -> Tensor:
    """Resize (N, C, H, W) to (N, C, size, size), unless 0; in chunks, since resizing computes in wider types."""
    if not size or images.shape[2:] == (size, size):
        return images
    return torch.cat(
        [
            F.interpolate(part, (size, size), mode="bilinear", antialias=True)
            for part in torch.split(images, DECODE_BATCH)
        ]
    )


def _mean_and_std(images: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation per channel, for values from 0 to 1; exact, from a histogram."""
    values = torch.arange(256, dtype=torch.float64) / 255
    means, deviations = [], []
    for channel in range(images.shape[1]):
        counts = torch.zeros(256, dtype=torch.int64)
        for part in torch.split(images[:, channel], 2**14):
            counts += torch.bincount(part.reshape(-1), minlength=256)
        share = counts.double() / counts.sum()
        mean = float((share * values).sum())
        means.append(mean)
        deviations.append(max(float((share * (values - mean) ** 2).sum().sqrt()), MIN_STD))
    return tuple(means), tuple(deviations)
