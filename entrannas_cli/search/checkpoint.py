"""The whole state of a search in one file, loadable without running code from it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from ..errors import RunFailed
from ..method.bilevel import BilevelSearch
from ..method.genotype import Genotype

__all__ = ["FORMAT_VERSION", "Progress", "load_checkpoint", "restore", "save_checkpoint"]

FORMAT_VERSION = 1


@dataclass
class Progress:
    """What the loop itself remembers: how far it is, and its running sums.

    ``sums`` are those of the metrics of the present epoch over ``steps_in_epoch`` steps.
    """

    step: int = 0
    steps_in_epoch: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    genotype_changes: int = 0
    epoch_seconds: float = 0.0
    search_seconds: float = 0.0
    evaluation_seconds: float = 0.0


def save_checkpoint(path: Path, search: BilevelSearch, progress: Progress) -> None:
    """Writes the state after ``progress.step``; data order and schedules follow from the step alone."""
    torch.save(
        {
            "version": FORMAT_VERSION,
            "progress": asdict(progress),
            "genotype": search.genotype.to_json(),
            "supernet": search.supernet.state_dict(),
            "architecture": search.architecture.state_dict(),
            "weight_optimizer": search.weight_optimizer.state_dict(),
            "architecture_optimizer": search.architecture_optimizer.state_dict(),
            "random": torch.get_rng_state(),  # an operation of a user's may draw from it
            "random_cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        },
        path,
    )


def load_checkpoint(path: Path) -> dict[str, Any]:
    """The content of ``path``; never runs code from it. Raises ``RunFailed`` for a file that can't be used."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a damaged file makes torch, zipfile or the unpickler say
        raise RunFailed(f"{path}: not a checkpoint: {_first_line(error)}") from None
    version = content.get("version") if isinstance(content, dict) else None
    if version != FORMAT_VERSION:
        raise RunFailed(f"{path}: checkpoint version {version!r}, this release reads {FORMAT_VERSION}")
    return dict(content)


def restore(content: dict[str, Any], search: BilevelSearch) -> Progress:
    """Puts the state back into a newly built ``search``. Raises ``RunFailed`` if it is that of another network."""
    try:
        search.supernet.load_state_dict(content["supernet"])
        search.architecture.load_state_dict(content["architecture"])
        search.weight_optimizer.load_state_dict(content["weight_optimizer"])
        search.architecture_optimizer.load_state_dict(content["architecture_optimizer"])
        search.genotype = Genotype.from_json(content["genotype"])
        progress = Progress(**content["progress"])
        torch.set_rng_state(content["random"])
        if content["random_cuda"] and torch.cuda.is_available():
            torch.cuda.set_rng_state_all(content["random_cuda"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise RunFailed(f"the checkpoint does not fit the configuration: {_first_line(error)}") from None
    return progress


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
