"""Image folders, and .zip files of them, in ImageFolder's layout: ``train/CLASS/*.jpg``, ``test/`` or ``val/``.

A .zip is never unpacked to disk; its entries are read into memory, up to a size limit.
"""

from __future__ import annotations

import os
import zipfile
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import UnidentifiedImageError

from ..common.errors import UsageError
from ..common.files import open_regular
from ..common.text import plain
from .decode import decode_image, header_size

__all__ = ["FolderPart", "ImageFiles", "list_folder"]

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".ppm", ".pgm", ".bmp", ".tif", ".tiff", ".webp"})
LOSSY = frozenset({".jpg", ".jpeg"})
AFTER_SLASH = chr(ord("/") + 1)
MAX_IMAGE_BYTES = 256 * 2**20  # larger than any image file; more is not read


@dataclass(frozen=True, eq=False)
class ImageFiles:
    """Images that stay in their files until they are read.

    ``names`` are paths relative to the folder or .zip at ``path``; ``shape`` is (3, height, width) of each decoded
    image. With ``image_size`` > 0 images are resized, otherwise all must have the size of the first.
    """

    path: Path
    names: tuple[str, ...]
    shape: tuple[int, int, int]
    image_size: int = 0

    def __len__(self) -> int:
        return len(self.names)

    def read(self, indices: Iterable[int], windows: NDArray[np.float32] | None = None) -> NDArray[np.uint8]:
        """Return decoded images (B, 3, H, W), cropped at random by ``windows`` (B, 4) (see ``decode_image``).

        Raises ``UsageError`` that names an image if it is unreadable or has another size.
        """
        return np.stack(
            [
                self._read_one(self.names[index], None if windows is None else windows[row])
                for row, index in enumerate(indices)
            ]
        )

    def _read_one(self, name: str, window: NDArray[np.float32] | None) -> NDArray[np.uint8]:
        try:
            image = decode_image(_content(self.path, name), self.image_size, window)
        except Exception as error:  # decoders raise almost anything on broken files
            raise _unreadable(self.path, name, error) from error
        if image.shape != self.shape:
            raise UsageError(
                f"{_display(self.path, name)}: {image.shape[2]}x{image.shape[1]} pixels, "
                f"others have {self.shape[2]}x{self.shape[1]}",
                ["resize all to one size: --set data.image_size=N (shorter side resized, then cropped)"],
            )
        return image


@dataclass(frozen=True, eq=False)
class FolderPart:
    """One part of an image folder. ``labels`` index ``classes``, which are the training part's, sorted."""

    images: ImageFiles
    labels: NDArray[np.int64]  # (N,)
    classes: tuple[str, ...]
    lossy: bool


def list_folder(path: Path, part: str, image_size: int = 0) -> FolderPart:
    """List the images of ``part`` ("train" or "test") of the folder or .zip at ``path``, without decoding any.

    The test part also lists the classes of the training part; nothing else is read. Raises ``UsageError`` if the
    layout is invalid.
    """
    root, tree = _open_tree(path)
    train = f"{root}train"
    classes = tuple(sorted(tree.folders(train)))
    if len(classes) < 2:
        found = "no class folders" if not classes else f"only one class folder, {plain(classes[0])}"
        raise UsageError(
            f"{_display(path, train)}: {found}", ["expected train/CLASS/IMAGE with at least two classes"]
        )
    part_folder = train
    if part == "test":
        part_folder = next((f"{root}{name}" for name in ("test", "val") if tree.folders(f"{root}{name}")), "")
        if not part_folder:
            raise UsageError(f"{plain(str(path))}: no test/ or val/ with class folders")
        unknown = sorted(set(tree.folders(part_folder)) - set(classes))
        if unknown:
            raise UsageError(f"{_display(path, part_folder)}: class {plain(unknown[0])} is not in train/")

    names: list[str] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        images = sorted(file for file in tree.files(f"{part_folder}/{name}") if _suffix(file) in SUFFIXES)
        if not images and part == "train":
            raise UsageError(
                f"{_display(path, f'{part_folder}/{name}')}: no images in this class",
                [f"image files end in {', '.join(sorted(SUFFIXES))}"],
            )
        names += images
        labels += [label] * len(images)
    if not names:
        raise UsageError(f"{_display(path, part_folder)}: no images")
    shape = (3, image_size, image_size) if image_size else _shape_of(path, names[0])
    return FolderPart(
        ImageFiles(path, tuple(names), shape, image_size),
        np.array(labels, dtype=np.int64),
        classes,
        lossy=any(_suffix(file) in LOSSY for file in names),
    )


def _shape_of(path: Path, name: str) -> tuple[int, int, int]:
    try:
        width, height = header_size(_content(path, name))
    except Exception as error:  # as in ImageFiles._read_one
        raise _unreadable(path, name, error) from error
    return 3, height, width


def _open_tree(path: Path) -> tuple[str, _Directory | _Zip]:
    """Return the prefix ("" or "top/") of train/ in the tree at ``path``, and the tree."""
    if os.path.isdir(path):  # noqa: PTH112 (raises nothing)
        tree: _Directory | _Zip = _Directory(path)
    elif os.path.isfile(path):  # noqa: PTH113
        tree = _Zip(path)
    else:
        raise UsageError(f"{plain(str(path))}: no such folder or .zip file", ["pass one with --data DIR"])
    tops = tree.folders("")
    if "train" in tops:
        return "", tree
    nested = [top for top in tops if "train" in tree.folders(top)]
    if len(nested) == 1 and isinstance(tree, _Zip):  # a .zip of a folder usually contains the folder itself
        return f"{nested[0]}/", tree
    hints = [f"did you mean {_display(path, name)}?" for name in nested[:3] if isinstance(tree, _Directory)]
    raise UsageError(
        f"{plain(str(path))}: no train/ folder",
        [*hints, "expected train/CLASS/IMAGE, and test/ or val/"],
    )


class _Directory:
    """A folder on disk; names are relative to it, with slashes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def folders(self, name: str) -> list[str]:
        try:
            with os.scandir(self.path / name) as entries:
                return [
                    entry.name for entry in entries if not entry.name.startswith(".") and _is_folder(entry)
                ]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise UsageError(f"{_display(self.path, name)}: {error.strerror}") from error

    def files(self, name: str) -> Iterator[str]:
        for folder, _, files in os.walk(self.path / name):
            below = Path(folder).relative_to(self.path).as_posix()
            yield from (f"{below}/{file}" for file in files if not file.startswith("."))


class _Zip:
    """The names in a .zip, as a tree."""

    def __init__(self, path: Path) -> None:
        _archive.cache_clear()  # the file may have been replaced since it was last read
        names = set(_archive(str(path), os.getpid()).namelist())
        self.names = sorted(
            name for name in names if not name.startswith((".", "__MACOSX/")) and "/." not in name
        )

    def folders(self, name: str) -> list[str]:
        prefix = f"{name}/" if name else ""
        found = []
        position = bisect_left(self.names, prefix)
        while position < len(self.names) and self.names[position].startswith(prefix):
            child, slash, _ = self.names[position][len(prefix) :].partition("/")
            if slash:
                found.append(child)
                position = bisect_left(self.names, f"{prefix}{child}{AFTER_SLASH}")  # skip its content
            else:
                position += 1
        return found

    def files(self, name: str) -> list[str]:
        first, end = (bisect_left(self.names, f"{name}{mark}") for mark in ("/", AFTER_SLASH))
        return [file for file in self.names[first:end] if not file.endswith("/")]


# Each process opens an archive once. Forked ones can't share it: they would move each other's file position.
@lru_cache(maxsize=4)
def _archive(path: str, process: int) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile, NotImplementedError) as error:
        raise UsageError(f"{plain(path)}: neither a folder nor a readable .zip file: {error}") from error


def _content(path: Path, name: str) -> bytes:
    if path.is_dir():
        with open_regular(path / name, follow_links=True) as file:
            _check_size(os.fstat(file.fileno()).st_size)
            return file.read(MAX_IMAGE_BYTES)
    archive = _archive(str(path), os.getpid())
    _check_size(archive.getinfo(name).file_size)
    return archive.read(name)


def _check_size(size: int) -> None:
    if size > MAX_IMAGE_BYTES:
        raise ValueError(f"it is larger than {MAX_IMAGE_BYTES // 2**20} MiB")


def _unreadable(path: Path, name: str, error: Exception) -> UsageError:
    # Pillow's own message names an object in memory
    reason = "unknown format" if isinstance(error, UnidentifiedImageError) else plain(str(error))
    return UsageError(f"{_display(path, name)}: not a readable image: {reason}", ["fix or remove it"])


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a symlink loop
        return False


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


def _display(path: Path, name: str) -> str:
    return plain(f"{path}/{name}")
