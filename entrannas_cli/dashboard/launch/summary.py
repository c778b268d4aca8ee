"""Describe in a sentence what a checked draft would run."""

from __future__ import annotations

import math
from typing import Any

from ...common.text import counted, safe
from .draft import KINDS
from .validate import Validation, images_per_epoch

__all__ = ["what_runs"]


def what_runs(validation: Validation) -> str:
    """Return ``3 searches: entrannas-dst in the space standard, 20 epochs of 8 steps, digits, 5 cells``."""
    if validation.resolved is None:
        return ""
    config: Any = validation.resolved.config
    count = max(len(validation.seeds), 1)
    noun = KINDS[validation.draft.kind]
    runs = f"1 {noun}" if count == 1 else f"{count} {noun}{'es' if noun == 'search' else 's'}"
    if validation.draft.kind == "search":
        space = safe(str(config.space))
        if config.method == "random":
            return f"{runs}: cells drawn at random from the space {space}"
        what = f"{config.method} in the space {space}"
        epochs, network = config.search.epochs, config.network
    else:
        what = "" if validation.cells is None else safe(validation.cells.title)
        epochs, network = config.train.epochs, config.derived
    images, batch = images_per_epoch(config, validation.images)
    steps = f" of {counted(math.ceil(images / batch), 'step')}" if images else ""
    parts = [what, f"{counted(epochs, 'epoch')}{steps}", config.data.dataset, f"{network.cells} cells"]
    channels = network.channels
    parts[-1] += f", {channels} channels" if channels != "auto" else ", channels by multiply-adds"
    return f"{runs}: {', '.join(part for part in parts if part)}"
