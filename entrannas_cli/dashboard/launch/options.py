"""The choices of each field, with descriptions. Reads small files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...common.errors import UsageError
from ...common.text import safe
from ...config.methods import METHODS
from ...data.availability import DATASETS
from ...spaces.published import PUBLISHED
from ...store.overview import Overview

__all__ = ["CHOOSABLE", "Option", "names_in", "options_in"]

Option = tuple[str, str]  # value and description
AUTO = "auto"
PRESETS = {"preset": "search", "train-preset": "train"}
DEVICES: tuple[Option, ...] = (
    (AUTO, "the first available of CUDA, MPS and CPU"),
    ("cpu", "the CPU"),
    ("cuda", "an NVIDIA or AMD GPU; cuda:1 is the second one"),
    ("mps", "an Apple GPU"),
)
CHOOSABLE = ("cells", "space", "method", *PRESETS, "dataset", "device")


def names_in(name: str, runs: Mapping[str, Overview]) -> tuple[str, ...]:
    """Return the values that the field ``name`` completes to."""
    if name == "space":
        from ...spaces.files import space_names

        return space_names()
    if name in PRESETS:
        from ...config.presets import preset_names

        return (AUTO, *preset_names(PRESETS[name]))
    return tuple(value for value, _ in options_in(name, runs))


def options_in(name: str, runs: Mapping[str, Overview]) -> list[Option]:
    """Return the choices of the field ``name``; ``runs`` are the known runs, newest first."""
    if name == "cells":
        return [*_searches(runs.values()), *((name, "published cells") for name in PUBLISHED)]
    if name == "space":
        return [(space, _space_text(space)) for space in names_in(name, runs)]
    if name in PRESETS:
        return [(preset, _preset_text(preset, PRESETS[name])) for preset in names_in(name, runs)]
    if name == "method":
        return list(METHODS.items())
    if name == "dataset":
        return [(dataset.name, dataset.text) for dataset in DATASETS]
    return list(DEVICES) if name == "device" else []


def _searches(runs: Iterable[Overview]) -> list[Option]:
    return [
        (run.id, safe(f"{run.status.state}, {run.text('method')} in {run.text('space')}"))
        for run in runs
        if run.status.kind == "search" and run.status.state not in ("created", "broken")
    ]


def _space_text(name: str) -> str:
    from ...spaces.files import load_space

    try:
        return safe(load_space(name).description)
    except UsageError as error:
        return error.message


def _preset_text(name: str, folder: str) -> str:
    from ...config.presets import load_preset

    if name == AUTO:
        full = "paper" if folder == "search" else "cifar"
        return f"{full} with a CUDA GPU and CIFAR-10, else quick"
    try:
        return safe(load_preset(name, folder).description)
    except UsageError as error:
        return error.message
