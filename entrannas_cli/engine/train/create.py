"""Creates the run directory of a training from cells and a resolved configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...common.files import BrokenRun
from ...common.text import plain
from ...config.resolve import print_config
from ...store.create import create_run
from ...store.find_genotype import POINT_MARK, NamedGenotype
from ...store.find_run import short_id
from ...store.run import CONFIG_FILE, GENOTYPE_FILE, Run
from ..preflight import automatic_preset, cuda_here

if TYPE_CHECKING:
    from ...config.resolve import Resolved
    from ...config.train import TrainConfig

__all__ = ["CIFAR_HINT", "choose_preset", "prepare_training", "search_summary"]

CIFAR_HINT = "the published protocol: --preset cifar --download"

FINAL_KEYS = (  # of the final cells
    *("supernet_accuracy", "derived_accuracy", "gap"),
    *("sparsity_normal", "sparsity_reduce", "warnings"),
)
SEARCH_KEYS = (
    *("space", "method", "seed", "dataset", "device", "epochs"),
    *("search_seconds", "evaluation_seconds", "gpu_days"),
    *FINAL_KEYS,
)


def choose_preset(
    settings: Mapping[str, Any], *, has_cuda: Callable[[], bool] = cuda_here
) -> tuple[str, str]:
    """Return the preset that `--preset auto` chooses on this machine, and why."""
    return automatic_preset(settings, "cifar", has_cuda)


def prepare_training(
    cells: NamedGenotype,
    resolved: Resolved[TrainConfig],
    runs_dir: Path,
    *,
    name: str | None = None,
    command: str = "",
) -> Run:
    """Create a run directory with everything the training needs; ``command`` is the command line to record.

    Raises ``UsageError`` for a bad name or an unusable folder.
    """
    earlier = bool(cells.point) and not _is_last(cells)
    search = search_summary(cells.run, last=not earlier)
    point = f"{POINT_MARK}{cells.point.removeprefix('step ')}" if earlier and cells.run is not None else ""
    space, method = (str(search.get(key) or "") for key in ("space", "method"))
    config = resolved.config
    return create_run(
        runs_dir,
        kind="train",
        space=space,
        method=method,
        seed=config.seed,
        name=name,
        label=f"train-{short_id(str(search.get('id') or cells.label))}-s{config.seed}",
        files={
            CONFIG_FILE: f"# {plain(command)}\n{print_config(resolved)}",
            GENOTYPE_FILE: cells.genotype.to_json(),
        },
        summary={
            "cells": cells.label + point,
            "origin": cells.title,
            "search": search or None,
            "dataset": config.data.dataset,
            "preset": config.train.preset,
        },
    )


def _is_last(cells: NamedGenotype) -> bool:
    """Return whether these are the final cells of their run."""
    try:
        return cells.run is not None and cells.run.genotype() == cells.genotype
    except BrokenRun:
        return False


def search_summary(run: Run | None, *, last: bool = True) -> dict[str, Any]:
    """Return what a training's summary says about the search of its cells; {} if they are from elsewhere.

    Cells of a training belong to that training's search. Values that describe the search's final cells are left
    out unless these are the ``last`` ones.
    """
    if run is None:
        return {}
    try:
        summary = run.summary()
    except BrokenRun:
        summary = {}
    if run.status().kind != "search":
        search = summary.get("search")
        return dict(search) if isinstance(search, dict) else {}
    copied = {
        key: summary[key]
        for key in SEARCH_KEYS
        if summary.get(key) is not None and (last or key not in FINAL_KEYS)
    }
    return {"id": run.id, "path": str(run.path), **copied}
