"""Drafts that begin with what a run has: its cells, or its whole configuration."""

from __future__ import annotations

import os
from typing import Any

from ...common.errors import UsageError
from ...common.files import BrokenRun
from ...common.text import safe
from ...store.overview import Overview
from ...store.run import CONFIG_FILE, SPACE_FILE, Run
from .draft import OVERRIDES, Draft, Kind, fields_of
from .resolve import resolve

__all__ = ["for_cells_of", "like"]

LEADING = (
    "space",
    "method",
    "preset",
    "train.preset",
    "data.dataset",
    "data.path",
)  # others may follow from them


def for_cells_of(run: Overview | None, kind: Kind) -> Draft:
    """A draft of that ``kind`` with the cells of ``run`` for a training, if it is a search that can have some.

    An empty one else.
    """
    if run is None or run.status.kind != "search" or run.status.state in ("created", "broken"):
        return Draft()
    return Draft(kind, {"cells": run.id})


def like(run: Run) -> Draft:
    """A draft that resolves to the configuration of ``run`` here, with as little in it as that takes.

    Reads files and checks values, so it takes its time. Raises ``UsageError``.
    """
    from ...config.keys import flatten_model
    from ...config.resolve import load_config
    from ...config.search import SearchConfig
    from ...config.to_toml import toml_value
    from ...config.train import TrainConfig

    kind = run.status().kind
    if kind not in ("search", "train"):
        raise UsageError(f"{safe(run.id)} is no search and no training, so the form can't make one like it")
    draft = Draft("search" if kind == "search" else "train")
    model: type[SearchConfig] | type[TrainConfig] = SearchConfig if kind == "search" else TrainConfig
    wanted: dict[str, Any] = flatten_model(load_config(run.path / CONFIG_FILE, model))
    cells_from = None
    if kind == "search":
        wanted["space"] = _space_of(run, str(wanted["space"]))
    else:
        reference, cells_from = _cells_of(run)
        draft = draft.having(cells=reference)
    names = {one.key: one.name for one in fields_of(draft.kind) if one.key}
    settled = flatten_model(resolve(draft, None, cells_from).config)
    texts = _texts({key: wanted[key] for key in LEADING if key in wanted}, settled, names)
    draft = draft.having(**texts)
    settled = flatten_model(resolve(draft, None, cells_from).config)
    texts |= _texts(wanted, settled, names)
    rest = [
        f"{key}={toml_value(value)}"
        for key, value in wanted.items()
        if value != settled[key] and names.get(key) not in texts
    ]
    return draft.having(**texts, **{OVERRIDES[draft.kind]: "\n".join(rest)})


def _texts(wanted: dict[str, Any], settled: dict[str, Any], names: dict[str, str]) -> dict[str, str]:
    """What the fields must say to make ``wanted`` of what is ``settled``; a field can't say "empty"."""
    return {
        names[key]: str(value)
        for key, value in wanted.items()
        if key in names and value != settled[key] and str(value)
    }


def _space_of(run: Run, space: str) -> str:
    """Of a space of the user's own the copy that the run has: as it was then."""
    from ...spaces.files import space_names

    own = space not in space_names() and os.path.lexists(run.path / SPACE_FILE)
    return str(run.path / SPACE_FILE) if own else space


def _cells_of(run: Run) -> tuple[str, Run | None]:
    """How a training's cells were called, and their run; its own cells if that name means other ones now."""
    from ...store.find_genotype import find_genotype

    try:
        reference = str(run.summary().get("cells") or "")
        found = find_genotype(reference, run.path.parent) if reference else None
        if found is not None and found.genotype == run.genotype():
            return reference, found.run
    except (UsageError, BrokenRun):
        pass
    return run.id, run
