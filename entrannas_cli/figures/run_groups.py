"""Groups of runs with the same values in some columns of the result table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..common.text import safe

if TYPE_CHECKING:
    from ..store.overview import Overview

__all__ = ["group_names"]

MAX_COLUMNS = 60


def group_names(runs: Sequence[Overview], keys: Sequence[str]) -> list[str]:
    """Return the name of each run's group: its values of ``keys``, numbers preceded by their heading.

    Searches and trainings are never in one group: their losses are of different networks.
    Keys are those of the result table: its columns, summary keys, dotted configuration keys.
    Raises ``UsageError`` for a key that no run has.
    """
    from ..results.table import column_of, result_frame

    frame = result_frame(runs, keys=keys)
    columns = [column_of(frame, key) for key in keys]
    rows = zip(*(frame[key].tolist() for key in keys), strict=True)
    names = [
        safe(
            ", ".join(
                column.text(value) if column.kind == "text" else f"{column.heading} {column.text(value)}"
                for column, value in zip(columns, row, strict=True)
            ),
            limit=MAX_COLUMNS,
        )
        for row in rows
    ]
    kinds = [safe(run.status.kind) for run in runs]
    kinds_of_group: dict[str, set[str]] = {}
    for name, kind in zip(names, kinds, strict=True):
        kinds_of_group.setdefault(name, set()).add(kind)
    return [
        f"{name}, {kind}" if len(kinds_of_group[name]) > 1 else name
        for name, kind in zip(names, kinds, strict=True)
    ]
