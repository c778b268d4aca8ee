"""The whole state of a search in one file, loadable without running code from it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from ..errors import RunFailed, UsageError
from ..method.bilevel import BilevelSearch
from ..method.genotype import Genotype
from ..wording import plain

__all__ = [
    "FORMAT_VERSION",
    "DamagedCheckpoint",
    "LoopState",
    "load_checkpoint",
    "restore",
    "save_checkpoint",
]

FORMAT_VERSION = 1


class DamagedCheckpoint(RunFailed):
    """A file whose content is no checkpoint: cut, overwritten, or made to run code."""


@dataclass
class LoopState:
    """What the loop itself remembers: how far it is, and its running sums.

    ``sums`` are those of the metrics of the present epoch, over ``steps_in_epoch`` steps of ``images`` images.
    """

    step: int = 0
    steps_in_epoch: int = 0
    images: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    genotype_changes: int = 0
    epoch_seconds: float = 0.0
    search_seconds: float = 0.0
    evaluation_seconds: float = 0.0


def save_checkpoint(path: Path, search: BilevelSearch, state: LoopState, identity: Mapping[str, str]) -> None:
    """Writes the state after ``state.step``; data order and schedules follow from the step and ``identity``.

    Raises ``OSError`` when the file can't be written.
    """
    content = io.BytesIO()  # a disk that fails is then told from a device that does
    torch.save(
        {
            "version": FORMAT_VERSION,
            "loop": asdict(state),
            "identity": dict(identity),
            "genotype": search.genotype.to_json(),
            "supernet": search.supernet.state_dict(),
            "architecture": search.architecture.state_dict(),
            "weight_optimizer": search.weight_optimizer.state_dict(),
            "architecture_optimizer": search.architecture_optimizer.state_dict(),
            "random": torch.get_rng_state(),  # an operation of a user's may draw from it
            "random_device": _device_random(_device_of(search)),
        },
        content,
    )
    path.write_bytes(content.getbuffer())


def load_checkpoint(path: Path) -> dict[str, Any]:
    """The content of ``path``; never runs code from it.

    Raises ``DamagedCheckpoint`` for a file that is none, ``RunFailed`` for one that can't be read, or that
    another release wrote.
    """
    try:
        content = torch.load(io.BytesIO(path.read_bytes()), map_location="cpu", weights_only=True)
    except OSError as error:
        raise RunFailed(f"{plain(str(path))}: can't be read: {error.strerror or error}") from None
    except MemoryError:
        raise
    except Exception as error:  # whatever a damaged file makes torch, zipfile or the unpickler say
        raise DamagedCheckpoint(f"{plain(str(path))}: not a checkpoint: {_first_line(error)}") from None
    if not isinstance(content, dict) or "version" not in content:
        raise DamagedCheckpoint(f"{plain(str(path))}: not a checkpoint of a search")
    if content["version"] != FORMAT_VERSION:
        raise RunFailed(
            f"{plain(str(path))}: checkpoint version {content['version']!r}, this release reads {FORMAT_VERSION}"
        )
    return content


def restore(content: dict[str, Any], search: BilevelSearch, identity: Mapping[str, str]) -> LoopState:
    """Puts the state back into a newly built ``search``.

    Raises ``UsageError`` that names what differs from ``identity``, ``RunFailed`` if it doesn't fit otherwise.
    """
    before = content.get("identity", {})
    for key, value in identity.items():
        if before.get(key) != value:
            raise UsageError(
                f"{key} is {plain(value)}, but was {plain(str(before.get(key)))} when this run was searched: "
                "change it back, or start a new search"
            )
    device = _device_of(search)
    try:
        search.supernet.load_state_dict(content["supernet"])
        search.architecture.load_state_dict(content["architecture"])
        search.weight_optimizer.load_state_dict(content["weight_optimizer"])
        search.architecture_optimizer.load_state_dict(content["architecture_optimizer"])
        search.genotype = Genotype.from_json(content["genotype"])
        state = LoopState(**content["loop"])
        torch.set_rng_state(content["random"])
        if content["random_device"] is not None and device.type == "cuda":
            torch.cuda.set_rng_state(content["random_device"], device)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise RunFailed(f"the checkpoint does not fit the configuration: {_first_line(error)}") from None
    return state


def _device_of(search: BilevelSearch) -> torch.device:
    return search.weights[0].device


def _device_random(device: torch.device) -> torch.Tensor | None:
    return torch.cuda.get_rng_state(device) if device.type == "cuda" else None


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return plain(lines[0]) if lines else type(error).__name__
