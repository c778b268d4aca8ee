"""Drafts filled in from a run: with its cells, or with its whole configuration."""

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
)  # defaults of other keys depend on them


def for_cells_of(run: Overview | None, kind: Kind) -> Draft:
    """Return a draft of ``kind`` with the cells of ``run`` for a training.

    The draft is empty if ``run`` isn't a search that can have cells.
    """
    if run is None or run.status.kind != "search" or run.status.state in ("created", "broken"):
        return Draft()
    return Draft(kind, {"cells": run.id})


def like(run: Run) -> Draft:
    """Return the smallest draft that resolves to the configuration of ``run`` here.

    Slow, since it reads files and validates values. Raises ``UsageError``.
    """
    from ...config.keys import flatten_model
    from ...config.resolve import load_config
    from ...config.search import SearchConfig
    from ...config.to_toml import toml_value
    from ...config.train import TrainConfig

    kind = run.status().kind
    if kind not in ("search", "train"):
        raise UsageError(
            f"{safe(run.id)} is neither a search nor a training: the form cannot start one like it"
        )
    draft = Draft("search" if kind == "search" else "train")
    model: type[SearchConfig] | type[TrainConfig] = SearchConfig if kind == "search" else TrainConfig
    target: dict[str, Any] = flatten_model(load_config(run.path / CONFIG_FILE, model))
    cells_from = None
    if kind == "search":
        target["space"] = _space_of(run, str(target["space"]))
    else:
        reference, cells_from = _cells_of(run)
        draft = draft.having(cells=reference)
    names = {field.key: field.name for field in fields_of(draft.kind) if field.key}
    resolved = flatten_model(resolve(draft, None, cells_from).config)
    texts = _texts({key: target[key] for key in LEADING if key in target}, resolved, names)
    draft = draft.having(**texts)
    resolved = flatten_model(resolve(draft, None, cells_from).config)
    texts |= _texts(target, resolved, names)
    rest = [
        f"{key}={toml_value(value)}"
        for key, value in target.items()
        if value != resolved[key] and names.get(key) not in texts
    ]
    return draft.having(**texts, **{OVERRIDES[draft.kind]: "\n".join(rest)})


def _texts(target: dict[str, Any], resolved: dict[str, Any], names: dict[str, str]) -> dict[str, str]:
    """Return the field texts that change ``resolved`` to ``target``; a field cannot set an empty value."""
    return {
        names[key]: str(value)
        for key, value in target.items()
        if key in names and value != resolved[key] and str(value)
    }


def _space_of(run: Run, space: str) -> str:
    """Return ``space``, or the path of the run's own copy if it is a space of the user's."""
    from ...spaces.files import space_names

    own = space not in space_names() and os.path.lexists(run.path / SPACE_FILE)
    return str(run.path / SPACE_FILE) if own else space


def _cells_of(run: Run) -> tuple[str, Run | None]:
    """Return the reference to a training's cells, and their run.

    If the reference now means other cells, return the training itself, which has a copy of its cells.
    """
    from ...store.find_genotype import find_genotype

    try:
        reference = str(run.summary().get("cells") or "")
        found = find_genotype(reference, run.path.parent) if reference else None
        if found is not None and found.genotype == run.genotype():
            return reference, found.run
    except (UsageError, BrokenRun):
        pass
    return run.id, run
