"""Reading the values of result columns from a run; None for a missing value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from ..common.numbers import number
from ..common.text import plain
from ..store.overview import Overview

__all__ = [
    "MAX_COUNT",
    "Reader",
    "count",
    "created",
    "network",
    "scaled",
    "search_text",
    "sparsity",
    "text",
    "topology",
    "training_number",
]

Reader = Callable[[Overview], object]

MAX_COUNT = 2**63  # limit of an integer column


def text(key: str) -> Reader:
    """Return a reader of a string or number in the summary, as text."""
    return lambda run: plain(run.text(key)) or None


def search_text(key: str) -> Reader:
    """Return a reader of a string in the summary of the search."""

    def read(run: Overview) -> object:
        value = _search_summary(run).get(key)
        return plain(value) if isinstance(value, str) and value else None

    return read


def _search_summary(run: Overview) -> Mapping[str, Any]:
    """Return the summary of the search; a training has a copy of it."""
    if run.status.kind == "search":
        return run.summary
    search = run.summary.get("search")
    return search if isinstance(search, Mapping) else {}


def scaled(key: str, scale: float = 1, *, of_search: bool = False) -> Reader:
    """Return a reader of a number in the summary, of the run or its search, times ``scale``."""

    def read(run: Overview) -> object:
        value = number((_search_summary(run) if of_search else run.summary).get(key))
        return None if value is None else _times(value, scale)

    return read


def _times(value: float, scale: float) -> float:
    """Multiply without the noise of binary fractions: 0.0276 is 2.76 %, not 2.7600000000000002."""
    return value if scale == 1 else round(value * scale, 10)


def training_number(key: str) -> Reader:
    """Return a reader of a number in the summary of a training."""
    return lambda run: number(run.summary.get(key)) if run.status.kind == "train" else None


def count(key: str) -> Reader:
    """Return a reader of an integer in the summary."""

    def read(run: Overview) -> object:
        value = run.summary.get(key)
        return value if type(value) is int and abs(value) < MAX_COUNT else None

    return read


def sparsity(run: Overview) -> object:
    """Return the sparsity of the search in percent, averaged over both cells."""
    summary = _search_summary(run)
    values = [number(summary.get(f"sparsity_{kind}")) for kind in ("normal", "reduce")]
    found = [value for value in values if value is not None]
    return _times(sum(found) / len(found), 100) if found else None


def topology(run: Overview) -> object:
    """Return the connections per node, such as "2+2+2+2/2+2+2+2" for normal and reduction cell."""
    cells = [run.summary.get(f"connections_{kind}") for kind in ("normal", "reduce")]
    if not all(isinstance(cell, list) and cell and all(type(n) is int for n in cell) for cell in cells):
        return None
    return "/".join("+".join(map(str, cell)) for cell in cells if cell)


def created(run: Overview) -> object:
    """Return the time of creation in UTC, as text that sorts by time."""
    if not run.status.created:
        return None
    try:
        return datetime.fromtimestamp(run.status.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return None


def network(run: Overview) -> object:
    """Return the network that was trained, or else measured."""
    return text("network")(run) or text("target")(run)
