"""The available data sets and the location of their files. Loads nothing heavy."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from ..common.errors import UsageError
from ..common.text import did_you_mean, plain

__all__ = [
    "CIFAR",
    "DATASETS",
    "CifarFiles",
    "DatasetFacts",
    "cifar_directories",
    "cifar_found",
    "cifar_or_complain",
    "dataset_facts",
    "user_cache_dir",
]


@dataclass(frozen=True, kw_only=True)
class DatasetFacts:
    """What is known about a data set before it is opened; 0 or empty where it depends on the user."""

    name: str
    text: str
    classes: int = 0
    train_images: int = 0
    test_images: int = 0
    shape: tuple[int, ...] = ()  # (channels, height, width)


DATASETS = (
    DatasetFacts(
        name="digits",
        text="handwritten digits, greyscale (scikit-learn); built in, no download",
        classes=10,
        train_images=1438,
        test_images=359,
        shape=(1, 8, 8),
    ),
    DatasetFacts(
        name="cifar10",
        text="colour photographs (torchvision)",
        classes=10,
        train_images=50_000,
        test_images=10_000,
        shape=(3, 32, 32),
    ),
    DatasetFacts(
        name="cifar100",
        text="colour photographs, finer classes (torchvision)",
        classes=100,
        train_images=50_000,
        test_images=10_000,
        shape=(3, 32, 32),
    ),
    DatasetFacts(name="folder", text="your own images: DIR/train/CLASS/*.jpg, as a folder or a .zip file"),
    DatasetFacts(name="synthetic", text="generated, for benchmarks only"),
)


@dataclass(frozen=True)
class CifarFiles:
    """Names of the unpacked folder and of its files with the training images and the class names."""

    folder: str
    train: tuple[str, ...]
    meta: str


CIFAR = {
    "cifar10": CifarFiles(
        "cifar-10-batches-py", tuple(f"data_batch_{number}" for number in range(1, 6)), "batches.meta"
    ),
    "cifar100": CifarFiles("cifar-100-python", ("train",), "meta"),
}


def dataset_facts(name: str) -> DatasetFacts:
    """Return the facts of data set ``name``. Raises ``UsageError`` if it is unknown."""
    for facts in DATASETS:
        if facts.name == name:
            return facts
    names = [facts.name for facts in DATASETS]
    raise UsageError(
        f"there is no data set {plain(name)}{did_you_mean(name, names)}", [f"available: {', '.join(names)}"]
    )


def user_cache_dir() -> Path:
    """Return the user's cache folder, for what can be downloaded or computed again; it may not exist yet."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    # the specification says to ignore a relative XDG_CACHE_HOME
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "entrannas"


def cifar_directories(name: str, path: str | Path = "") -> tuple[Path, ...]:
    """Return the folders to search for ``cifar10`` or ``cifar100``; downloads go to the first one.

    If ``path`` (``data.path``) is given, it is the only one; it may also be the unpacked folder itself.
    """
    if str(path):
        given = Path(path).expanduser()
        return (given.parent if given.name == CIFAR[name].folder else given,)
    return user_cache_dir() / "data", Path("data")


def cifar_found(name: str, path: str | Path = "") -> Path | None:
    """Return the folder with the unpacked training files of ``cifar10`` or ``cifar100``, or None.

    It only checks that the files exist; their content is checked when they are opened.
    """
    files = CIFAR[name]
    for directory in cifar_directories(name, path):
        needed = (directory / files.folder / file for file in (*files.train, files.meta))
        if all(os.path.isfile(file) for file in needed):  # noqa: PTH113 (raises nothing)
            return directory
    return None


def cifar_or_complain(name: str, path: str | Path = "") -> Path:
    """Return ``cifar_found``, or raise ``UsageError`` that says how to get the files."""
    found = cifar_found(name, path)
    if found is None:
        places = " or ".join(plain(str(directory)) for directory in cifar_directories(name, path))
        into = f" --data-dir {plain(shlex.quote(str(path)))}" if str(path) else ""
        raise UsageError(
            f"{name} is not available: no {CIFAR[name].folder}/ in {places}",
            [
                f"download it once: entrannas data prepare {name}{into}",
                "or download it as part of this command: add --download",
            ],
        )
    return found
