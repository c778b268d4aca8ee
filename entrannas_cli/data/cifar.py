"""CIFAR-10 and CIFAR-100: downloaded on request, verified and read by torchvision."""

from __future__ import annotations

import contextlib
import sys
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from filelock import FileLock
from torch import Tensor

from ..common.errors import RunFailed, UsageError
from ..common.text import plain
from .availability import cifar_directories, cifar_found, cifar_or_complain

if TYPE_CHECKING:
    from .types import Part, Progress

__all__ = ["fetch_cifar", "read_cifar"]

TIMEOUT_S = 60  # seconds without a byte
CHUNK_BYTES = 2**18


def read_cifar(
    name: str, path: str | Path, part: Part, *, download: bool = False, progress: Progress | None = None
) -> tuple[Tensor, Tensor, tuple[str, ...]]:
    """Return images (N, 3, 32, 32) uint8, labels (N,) and class names of one part, without opening the other.

    Files are first verified by their published checksums. Raises ``UsageError`` if they are missing (and
    ``download`` is false) or damaged, ``RunFailed`` if the download fails.
    """
    if download:
        fetch_cifar(name, path, progress)
    directory = cifar_or_complain(name, path)
    cifar_class = _cifar_class(name)
    other = "test_list" if part == "train" else "train_list"
    # torchvision checks only this part's files
    part_class = type(cifar_class.__name__, (cifar_class,), {other: []})
    try:
        data = part_class(directory, train=part == "train")
    except (RuntimeError, OSError) as error:
        raise UsageError(
            f"{name}: files in {plain(str(directory / cifar_class.base_folder))} are missing or damaged",
            [f"fetch them again: entrannas data prepare {name} --data-dir {plain(str(directory))}"],
        ) from error
    return (
        torch.from_numpy(data.data).permute(0, 3, 1, 2).contiguous(),  # (N, H, W, C) to (N, C, H, W)
        torch.tensor(data.targets),
        tuple(data.classes),
    )


def fetch_cifar(name: str, path: str | Path = "", progress: Progress | None = None) -> Path:
    """Download and unpack the files of ``name`` unless they are complete; return their folder.

    The folder is ``path`` or, if empty, where the files already are, or else the user's cache folder. An archive
    that is already there is used. Raises ``RunFailed`` if the download fails or doesn't match its checksum.
    """
    from torchvision.datasets.utils import check_integrity

    directory = cifar_found(name, path) or cifar_directories(name, path)[0]
    cifar_class = _cifar_class(name)
    if _is_complete(cifar_class, directory):
        return directory
    archive = directory / cifar_class.filename
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with FileLock(directory / f".{name}.lock"):
            if not check_integrity(archive, cifar_class.tgz_md5):
                _download(name, cifar_class.url, archive, progress)
            if not check_integrity(archive, cifar_class.tgz_md5):
                archive.unlink()
                raise RunFailed(f"{name}: the downloaded file has the wrong checksum", ["try again later"])
            with contextlib.redirect_stdout(sys.stderr):
                cifar_class(directory, download=True)  # finds the archive and unpacks it
    except (HTTPException, OSError, RuntimeError) as error:
        reason = getattr(error, "reason", None) or error
        raise RunFailed(
            f"{name} could not be downloaded: {plain(str(reason))}",
            [
                f"copy {cifar_class.filename} from another machine to {plain(str(directory))} and run this again"
            ],
        ) from error
    return directory


def _download(name: str, url: str, target: Path, progress: Progress | None) -> None:
    unfinished = target.with_name(target.name + ".part")
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as response, unfinished.open("wb") as file:
        size = int(response.headers.get("Content-Length") or 0)
        while chunk := response.read(CHUNK_BYTES):
            file.write(chunk)
            if progress is not None:
                progress(f"downloading {name}", file.tell(), size)
    unfinished.replace(target)


def _is_complete(cifar_class: Any, directory: Path) -> bool:
    try:
        cifar_class(directory)
    except (RuntimeError, OSError):
        return False
    return True


def _cifar_class(name: str) -> Any:
    from torchvision import datasets

    return {"cifar10": datasets.CIFAR10, "cifar100": datasets.CIFAR100}[name]
