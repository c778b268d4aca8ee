"""Which data sets there are, and where they lie. Loads nothing heavy."""

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
    """What is known of a data set before it is opened; 0 and empty where it depends on the user."""

    name: str
    text: str
    classes: int = 0
    train_images: int = 0
    test_images: int = 0
    shape: tuple[int, ...] = ()  # (channels, height, width)


DATASETS = (
    DatasetFacts(
        name="digits",
        text="handwritten digits, grey (scikit-learn); embedded, nothing to fetch",
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
    DatasetFacts(name="folder", text="your own images: DIR/train/CLASS/*.jpg, a folder or a .zip of one"),
    DatasetFacts(name="synthetic", text="generated, for benchmarks only"),
)


@dataclass(frozen=True)
class CifarFiles:
    """Names of the unpacked files: the folder, and in it those of the training part and of the class names."""

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
    """The facts of data set ``name``. Raises ``UsageError`` for an unknown one."""
    for facts in DATASETS:
        if facts.name == name:
            return facts
    names = [facts.name for facts in DATASETS]
    raise UsageError(
        f"there is no data set {plain(name)}{did_you_mean(name, names)}", [f"there are: {', '.join(names)}"]
    )


def user_cache_dir() -> Path:
    """The user's folder for what can be fetched or computed again; need not exist."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    # by its specification, a relative XDG_CACHE_HOME is ignored
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "entrannas"


def cifar_directories(name: str, path: str | Path = "") -> tuple[Path, ...]:
    """Folders in which the files of ``cifar10`` or ``cifar100`` are looked for, and the first one fetched into.

    ``path`` (``data.path``), if given, is the only one; it may also be the unpacked folder itself.
    """
    if str(path):
        given = Path(path).expanduser()
        return (given.parent if given.name == CIFAR[name].folder else given,)
    return user_cache_dir() / "data", Path("data")


def cifar_found(name: str, path: str | Path = "") -> Path | None:
    """The folder that holds the unpacked training files of ``cifar10`` or ``cifar100``; ``None`` if none does.

    Only looks whether the files are there; their content is checked when they are opened.
    """
    files = CIFAR[name]
    for directory in cifar_directories(name, path):
        needed = (directory / files.folder / file for file in (*files.train, files.meta))
        if all(os.path.isfile(file) for file in needed):  # noqa: PTH113 (raises nothing)
            return directory
    return None


def cifar_or_complain(name: str, path: str | Path = "") -> Path:
    """As ``cifar_found``; raises a ``UsageError`` that says how to get the files."""
    found = cifar_found(name, path)
    if found is None:
        places = " or ".join(plain(str(directory)) for directory in cifar_directories(name, path))
        into = f" --data-dir {plain(shlex.quote(str(path)))}" if str(path) else ""
        raise UsageError(
            f"{name} is not here: {CIFAR[name].folder}/ was looked for in {places}",
            [
                f"fetch it once:       entrannas data prepare {name}{into}",
                "or fetch it and go on: add --download",
            ],
        )
    return found
