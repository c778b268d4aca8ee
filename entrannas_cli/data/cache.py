"""Decoded images of folders and .zip files, cached in the user's cache folder so that they are decoded once.

A damaged cache file (it has checksums) is written again. If it cannot be written, the run continues without it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .availability import user_cache_dir
from .folder import ImageFiles

__all__ = ["cache_path", "read_cache", "write_cache"]

FORMAT = 1  # increase it when decoding changes


def cache_path(images: ImageFiles, part: str) -> Path:
    """Return the cache file for the decoded ``images`` of a part, named by path, size and mtime of their files."""
    place = images.path.resolve()
    key = _digest(FORMAT, place, images.image_size, part)
    if place.is_dir():
        content = _digest(*(_file_state(place / name, name) for name in images.names))
    else:
        content = _digest(_file_state(place, ""), len(images))
    return user_cache_dir() / "decoded" / f"{key}-{content}.npz"


def read_cache(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8] | None:
    """Return the images (N, C, H, W) cached at ``path``, or None if they are missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            images = arrays["images"]  # reads to the end, where the checksum is compared
    except Exception:  # a damaged archive raises almost anything
        return None
    return images if images.shape == shape and images.dtype == np.uint8 else None


def write_cache(path: Path, images: NDArray[np.uint8]) -> None:
    """Write ``images`` to ``path`` atomically, and remove the caches of earlier states of the files."""
    # a full disk or a read-only home: the next run decodes again
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, unfinished = tempfile.mkstemp(prefix=f".{path.stem}-", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez(file, images=images)
            for old in path.parent.glob(f"{path.stem.split('-')[0]}-*.npz"):
                old.unlink(missing_ok=True)
            Path(unfinished).replace(path)
        finally:
            Path(unfinished).unlink(missing_ok=True)


def _file_state(path: Path, name: str) -> tuple[str, int, int]:
    state = path.stat()
    return name, state.st_size, state.st_mtime_ns


def _digest(*parts: object) -> str:
    digest = hashlib.blake2b(digest_size=10)
    for part in parts:
        digest.update(repr(part).encode(errors="surrogateescape"))
        digest.update(b"\0")
    return digest.hexdigest()
