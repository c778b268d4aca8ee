"""Checkpoints of all kinds of runs: one file each, loaded without running code from it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ..common.errors import RunFailed
from ..common.text import plain
from ..store.run import Run
from .observer import Observer

__all__ = [
    "FORMAT_VERSION",
    "DamagedCheckpoint",
    "newest_checkpoint",
    "random_state",
    "read_checkpoint",
    "restore_random_state",
    "write_checkpoint",
]

FORMAT_VERSION = 2


class DamagedCheckpoint(RunFailed):
    """A file that is not a checkpoint: truncated, overwritten, or crafted to run code."""


def write_checkpoint(path: Path, kind: str, content: Mapping[str, Any]) -> None:
    """Write ``content`` (tensors, numbers, strings, and containers of them). Raises ``OSError``."""
    buffer = io.BytesIO()  # separates errors of the disk from errors of the device
    torch.save({"version": FORMAT_VERSION, "kind": kind, **content}, buffer)
    path.write_bytes(buffer.getbuffer())


def read_checkpoint(path: Path, kind: str) -> dict[str, Any]:
    """Return the content of ``path``; never runs code from it.

    Raises ``DamagedCheckpoint`` for a file that is not a checkpoint of this ``kind``, ``RunFailed`` for one that
    cannot be read or is from another release.
    """
    try:
        content = torch.load(io.BytesIO(path.read_bytes()), map_location="cpu", weights_only=True)
    except OSError as error:
        raise RunFailed(f"{plain(str(path))}: cannot be read: {error.strerror or error}") from None
    except MemoryError:
        raise
    except Exception as error:  # a damaged file makes torch, zipfile or the unpickler raise anything
        reason = "not a checkpoint: the file is damaged or from another program"
        raise DamagedCheckpoint(f"{plain(str(path))}: {reason}") from error
    if not isinstance(content, dict) or "version" not in content:
        raise DamagedCheckpoint(f"{plain(str(path))}: not a checkpoint of a {kind}")
    if content["version"] != FORMAT_VERSION:
        raise RunFailed(
            f"{plain(str(path))}: checkpoint version {content['version']!r}, this release reads {FORMAT_VERSION}"
        )
    if content.get("kind") != kind:
        raise DamagedCheckpoint(f"{plain(str(path))}: not a checkpoint of a {kind}")
    return content


def newest_checkpoint(run: Run, kind: str, observer: Observer) -> dict[str, Any] | None:
    """Return the newest intact checkpoint of ``run``, or None if there never was one.

    A damaged one is set aside and the one before it is tried. Raises ``RunFailed`` if none is left, or if one
    cannot be read for another reason: starting over would lose what it may hold.
    """
    checkpoints = run.checkpoints()
    for path in checkpoints:
        try:
            return read_checkpoint(path, kind)
        except DamagedCheckpoint as error:
            aside = path.replace(path.with_suffix(".damaged"))
            observer.message("warning", f"{error}; set aside as {aside.name}")
    if checkpoints:
        raise RunFailed(
            "no checkpoint can be read: all are set aside as *.damaged; resume again to start over"
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
