"""Sections that every kind of run has: data, device, checkpoints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from .base import Contradiction, Section, key

__all__ = [
    "IMAGENET_STEM_SIDE",
    "NO_EPOCH_LEFT",
    "CheckpointConfig",
    "DataConfig",
    "Dataset",
    "DeviceConfig",
    "Stem",
    "image_contradictions",
]

Dataset = Literal["digits", "cifar10", "cifar100", "folder", "synthetic"]
Stem = Literal["cifar", "imagenet"]

IMAGENET_STEM_SIDE = 32  # below, the three strides of the stem and the two of the cells leave no pixels
SIDES = {"digits": 8, "cifar10": 32, "cifar100": 32}  # of data sets with images of one known size
NO_EPOCH_LEFT = "no epoch is left after the warm-up: it must be below the number of epochs"

Amount = Annotated[float, Field(ge=0, le=1)]
Turn = Annotated[float, Field(ge=0, le=0.5)]


class DataConfig(Section):
    """The images, and how they are augmented and loaded."""

    dataset: Dataset = key(
        "cifar10",
        "The data set. `digits` is embedded, `cifar10` and `cifar100` are prepared once with "
        "`entrannas data prepare NAME`, `folder` reads `data.path`, `synthetic` is noise for benchmarks.",
        origin="paper",
    )
    path: str = key(
        "",
        "Where the images are. `folder`: a folder, or a .zip of one, with train/ and test/ (or val/), each with a "
        "folder per class. `cifar10`, `cifar100`: the folder with the prepared files; empty: the cache folder.",
        origin="tool",
        allowed="a path, or empty",
        path="always",
    )
    portion: float = key(
        1.0,
        "Share of the training part that is used, the same for each class.",
        origin="tool",
        gt=0,
        le=1,
    )
    image_size: int = key(
        0,
        "Side of the images in pixels; others are resized. 0: leave them as they are.",
        origin="tool",
        ge=0,
        le=4096,
    )
    crop_padding: int = key(
        4,
        "Pixels added at each side before a random crop to the image size. 0: none.",
        origin="recipe",
        ge=0,
        le=512,
    )
    flip: bool = key(True, "Mirror each image with probability 0.5.", origin="recipe")
    cutout: int = key(
        0,
        "Side in pixels of the square blanked at a random position. 0: none.",
        origin="recipe",
        ge=0,
        le=4096,
    )
    color_jitter: Annotated[tuple[Amount, Amount, Amount, Turn], Field(strict=False)] = key(
        (0.0, 0.0, 0.0, 0.0),
        "Largest random change of brightness, contrast, saturation and hue, in random order for each image, like "
        "torchvision's ColorJitter. All 0: none. Grey images have neither saturation nor hue.",
        origin="recipe",
        allowed="three numbers from 0 to 1 and one from 0 to 0.5, such as [0.4, 0.4, 0.4, 0.2]",
    )
    placement: Literal["auto", "device", "stream"] = key(
        "auto",
        "`device`: keep all images in the device's memory; `stream`: read them as needed; `auto`: by size.",
        origin="tool",
    )
    workers: int = key(
        -1,
        "Processes that read streamed images. 0: only the run's own; -1: by the number of processors.",
        origin="tool",
        ge=-1,
        le=256,
    )
    classes: int = key(10, "Number of classes. Data set `synthetic` only.", origin="tool", ge=2, le=100_000)
    images: int = key(
        4096, "Number of images. Data set `synthetic` only.", origin="tool", ge=4, le=10_000_000
    )


class DeviceConfig(Section):
    """The device, and how it computes."""

    device: str = key(
        "auto",
        "`auto`: the first available of CUDA, MPS and CPU.",
        origin="tool",
        allowed='"auto", "cpu", "cuda", "cuda:N" or "mps"',
        pattern=r"^(auto|cpu|mps|cuda(:[0-9]{1,4})?)$",
    )
    precision: Literal["auto", "float32", "bf16"] = key(
        "auto", "`bf16`: automatic mixed precision. `auto`: bf16 on CUDA, float32 elsewhere.", origin="tool"
    )
    memory_format: Literal["auto", "channels_last", "contiguous"] = key(
        "auto", "Order of images and features in memory. `auto`: channels_last.", origin="tool"
    )
    graphs: Literal["auto", "on", "off"] = key(
        "auto",
        "Record steps as CUDA graphs and replay them, until the derived cells change. `auto`: on CUDA, for "
        "trainings, and for searches that do not derive in each step (see `architecture.derive_every`).",
        origin="tool",
    )
    fused: Literal["auto", "on", "off"] = key(
        "auto", "Use optimisers that update all weights in one kernel. `auto`: on CUDA.", origin="tool"
    )
    fast_layers: bool = key(
        True,
        "Use layers that compute the same as torch's in fewer passes. Results agree up to rounding.",
        origin="tool",
    )
    threads: int = key(0, "CPU threads. 0: torch's choice.", origin="tool", ge=0, le=1024)
    activation_checkpointing: Literal["none", "cells"] = key(
        "none",
        "`cells`: recompute the activations of all cells but the last in the backward pass, not keep them. "
        "Less memory, more time, the same results.",
        origin="tool",
    )
    check_memory: bool = key(
        True,
        "Refuse to start if a step is estimated to need more memory than is free. false: only warn.",
        origin="tool",
    )
    fit_batch_size: bool = key(
        False,
        "Instead of refusing, use the largest batch sizes that fit, and record them in the run's configuration.",
        origin="tool",
    )


class CheckpointConfig(Section):
    """How much work a kill may lose."""

    minutes: float = key(
        10.0, "Minutes between checkpoints. 0: one after each step.", origin="tool", ge=0, le=100_000
    )


def image_contradictions(data: DataConfig, stem: str, stem_key: str) -> Iterator[Contradiction]:
    """Yield what does not fit the images; ``stem_key`` is the key of ``stem``."""
    if data.dataset == "folder" and not data.path:
        yield Contradiction(
            ("data.path", "data.dataset"),
            "the data set folder needs the path of the images: add --data DIR",
        )
    if data.dataset == "synthetic" and data.images < 2 * data.classes:
        yield Contradiction(
            ("data.images", "data.classes"),
            f"both parts need an image of each class: at least {2 * data.classes}",
        )
    side = data.image_size or SIDES.get(data.dataset, 0)
    if not side:
        return
    for name in ("crop_padding", "cutout"):
        if getattr(data, name) >= side:
            yield Contradiction(
                (f"data.{name}", "data.dataset", "data.image_size"),
                f"must be smaller than the images ({side} pixels), or it could blank them completely",
            )
    if stem == "imagenet" and side < IMAGENET_STEM_SIDE:
        yield Contradiction(
            (stem_key, "data.dataset", "data.image_size"),
            f'the stem "imagenet" needs images of at least {IMAGENET_STEM_SIDE} pixels, these have {side}: '
            'take "cifar"',
        )
