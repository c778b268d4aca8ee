"""Short labels that tell runs apart in a legend or table."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

from ..common.text import safe
from ..store.find_run import name_in
from ..store.run import Run

__all__ = ["run_labels"]

MAX_COLUMNS = 48
_TIME = re.compile(r"\d{8}-\d{6}-")


def run_labels(runs: Sequence[Run]) -> list[str]:
    """Return distinct labels: the name in each run's id, without times, or more of the id where names clash."""
    namings: tuple[Callable[[Run], str], ...] = (
        lambda run: _TIME.sub("", name_in(run.id)) or run.id,
        lambda run: name_in(run.id) or run.id,
        lambda run: run.id,
        lambda run: f"{run.path.parent.name}/{run.id}",
        lambda run: str(run.path),
    )
    labels = [""] * len(runs)
    for n, naming in enumerate(namings):
        names = [safe(naming(run), limit=MAX_COLUMNS if n < len(namings) - 1 else 0) for run in runs]
        counts = Counter(names)
        labels = [
            label or (name if counts[name] == 1 else "") for label, name in zip(labels, names, strict=True)
        ]
    return [
        label or f"{safe(run.id)} ({n})" for n, (label, run) in enumerate(zip(labels, runs, strict=True), 1)
    ]
