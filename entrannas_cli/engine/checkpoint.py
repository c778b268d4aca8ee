"""Checkpoints of any kind of run: one file each, loadable without running code from it."""

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
    """A file whose content is no checkpoint: cut, overwritten, or made to run code."""


def write_checkpoint(path: Path, kind: str, content: Mapping[str, Any]) -> None:
    """Writes ``content`` (tensors, numbers, texts, and containers of them). Raises ``OSError``."""
    buffer = io.BytesIO()  # a disk that fails is then told from a device that does
    torch.save({"version": FORMAT_VERSION, "kind": kind, **content}, buffer)
    path.write_bytes(buffer.getbuffer())


def read_checkpoint(path: Path, kind: str) -> dict[str, Any]:
    """The content of ``path``; never runs code from it.

    Raises ``DamagedCheckpoint`` for a file that is none of this ``kind``, ``RunFailed`` for one that can't be
    read, or that another release wrote.
    """
    try:
        content = torch.load(io.BytesIO(path.read_bytes()), map_location="cpu", weights_only=True)
    except OSError as error:
        raise RunFailed(f"{plain(str(path))}: can't be read: {error.strerror or error}") from None
    except MemoryError:
        raise
    except Exception as error:  # whatever a damaged file makes torch, zipfile or the unpickler say
        reason = "not a checkpoint: it is damaged, or of another program"
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
    """The newest checkpoint of ``run`` that is whole; None if there never was one.

    A damaged one is set aside, and the one before it taken. Raises ``RunFailed`` if none is left, or if one
    can't be read for another reason: what may be in it must not be lost by starting anew.
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
            "no checkpoint can be read: they are set aside as *.damaged; resuming once more starts from scratch"
        )
    if step := run.status().step:
        observer.message("warning", f"step {step} was reached, but no checkpoint is there: from the start")
    return None


def random_state(device: torch.device) -> dict[str, torch.Tensor | None]:
    """The states of torch's global generators: drop-path draws from them, and a user's operation may."""
    on_device = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
    return {"cpu": torch.get_rng_state(), "device": on_device}


def restore_random_state(state: Mapping[str, torch.Tensor | None], device: torch.device) -> None:
    """The inverse; a state of another kind of device is left."""
    cpu, on_device = state["cpu"], state["device"]
    if cpu is not None:
        torch.set_rng_state(cpu)
    if on_device is not None and device.type == "cuda":
        torch.cuda.set_rng_state(on_device, device)
