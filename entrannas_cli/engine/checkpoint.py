"""Checkpoints of all kinds of runs: one file each, loaded without running code from it."""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch

from ..common.errors import RunFailed
from ..common.files import open_regular, reason_of
from ..common.text import first_line, plain
from ..store.run import Run
from .observer import Observer
from .torch_errors import is_out_of_memory

__all__ = [
    "FORMAT_VERSION",
    "DamagedCheckpoint",
    "random_state",
    "read_checkpoint",
    "restore_newest",
    "restore_random_state",
    "write_checkpoint",
]

FORMAT_VERSION = 3
VERSION_WITHOUT_DIGEST = 2
Restored = TypeVar("Restored")


class DamagedCheckpoint(RunFailed):
    """A file that is not a checkpoint: truncated, overwritten, or crafted to run code."""


def write_checkpoint(path: Path, kind: str, content: Mapping[str, Any]) -> None:
    """Write ``content`` (tensors, numbers, strings, and containers of them), with its digest. Raises ``OSError``.

    torch writes a zip archive. Its comment, at the very end, is the SHA-256 of all bytes before.
    """
    buffer = io.BytesIO()  # separates errors of the disk from errors of the device
    torch.save({"version": FORMAT_VERSION, "kind": kind, **content}, buffer)
    buffer.seek(-2, io.SEEK_END)
    buffer.write(struct.pack("<H", hashlib.sha256().digest_size))  # the length of the comment
    buffer.write(hashlib.sha256(buffer.getbuffer()).digest())
    path.write_bytes(buffer.getbuffer())


def read_checkpoint(path: Path, kind: str) -> dict[str, Any]:
    """Return the content of ``path``; never runs code from it.

    Raises ``DamagedCheckpoint`` for a file that is not a checkpoint of this ``kind``, ``RunFailed`` for one that
    cannot be read or is from another release.
    """
    try:
        if path.parent.is_symlink():
            raise OSError(f"{path.parent.name} is a link, which is not followed")
        with open_regular(path) as file:
            data = file.read()
        archive = zipfile.ZipFile(io.BytesIO(data))
        # torch never compresses: a small file can't grow to gigabytes
        if sum(entry.file_size for entry in archive.infolist()) > len(data):
            raise ValueError("an archive that claims to hold more than its size")
        content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except OSError as error:
        raise RunFailed(f"{plain(str(path))}: cannot be read: {reason_of(error)}") from None
    except MemoryError:
        raise
    except Exception as error:  # a damaged file makes torch, zipfile or the unpickler raise anything
        reason = "not a checkpoint: the file is damaged or from another program"
        raise DamagedCheckpoint(f"{plain(str(path))}: {reason}") from error
    if not isinstance(content, dict) or "version" not in content:
        raise DamagedCheckpoint(f"{plain(str(path))}: not a checkpoint of a {kind}")
    comment = archive.comment
    if comment or content["version"] == FORMAT_VERSION:
        if hashlib.sha256(data[: len(data) - len(comment)]).digest() != comment:
            raise DamagedCheckpoint(f"{plain(str(path))}: its content doesn't match its digest")
    elif content["version"] != VERSION_WITHOUT_DIGEST:
        raise RunFailed(
            f"{plain(str(path))}: checkpoint version {content['version']!r}, this release reads "
            f"{VERSION_WITHOUT_DIGEST} and {FORMAT_VERSION}"
        )
    if content.get("kind") != kind:
        raise DamagedCheckpoint(f"{plain(str(path))}: not a checkpoint of a {kind}")
    return content


def restore_newest(
    run: Run, kind: str, observer: Observer, restore: Callable[[Mapping[str, Any]], Restored]
) -> Restored | None:
    """Return what ``restore`` returns for the newest usable checkpoint of ``run``, or None if there never was one.

    One that is damaged or doesn't fit the run is set aside, and the one before it is tried. Raises ``RunFailed``
    if none is left, or if one cannot be read for another reason: starting over would lose what it may hold.
    """
    checkpoints = run.checkpoints()
    for path in checkpoints:
        try:
            content = read_checkpoint(path, kind)
            try:
                return restore(content)
            except (AttributeError, IndexError, KeyError, TypeError, ValueError, RuntimeError) as error:
                if is_out_of_memory(error):
                    raise
                raise DamagedCheckpoint(
                    f"{plain(str(path))}: doesn't fit the run: {first_line(error, named=True)}"
                ) from error
        except DamagedCheckpoint as error:
            aside = path.replace(path.with_suffix(".damaged"))
            observer.message("warning", f"{error}; set aside as {aside.name}")
    if checkpoints:
        raise RunFailed(
            "no checkpoint can be used: all are set aside as *.damaged; resume again to start over"
        )
    if step := run.status().step:
        observer.message("warning", f"the run had reached step {step}, but has no checkpoint: starting over")
    return None


def random_state(device: torch.device) -> dict[str, torch.Tensor | None]:
    """Return the states of torch's global generators: drop-path draws from them, and a user's operation may."""
    on_device = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
    return {"cpu": torch.get_rng_state(), "device": on_device}


def restore_random_state(state: Mapping[str, torch.Tensor | None], device: torch.device) -> None:
    """Restore what :func:`random_state` returned; the state of another type of device is ignored."""
    cpu, on_device = state["cpu"], state["device"]
    if cpu is not None:
        torch.set_rng_state(cpu)
    if on_device is not None and device.type == "cuda":
        torch.cuda.set_rng_state(on_device, device)
