"""Differences between the configurations of runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..common.files import BrokenRun
from ..common.text import plain
from ..store.overview import Overview
from ..store.run import Run
from .columns import scalar

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["configurations", "differing"]


def configurations(
    runs: Iterable[Run | Overview],
) -> tuple[dict[str, dict[str, object]], tuple[str, ...]]:
    """Return each run's configuration by dotted keys, and a line for each run whose file cannot be read.

    A run is named by its id, or by its path if another one has the same id.
    """
    chosen = [Run(run.path) for run in runs]
    ids = Counter(run.id for run in chosen)
    found, problems = {}, []
    for run in chosen:
        name = plain(run.id if ids[run.id] == 1 else str(run.path))
        try:
            found[name] = _flat(run.config(), "")
        except BrokenRun as error:
            problems.append(f"{name}: {error.reason}")
    return found, tuple(problems)


def _flat(values: Mapping[str, Any], prefix: str) -> dict[str, object]:
    flat: dict[str, object] = {}
    for key, value in values.items():
        name = f"{prefix}{plain(key)}"
        flat |= _flat(value, f"{name}.") if isinstance(value, dict) else {name: scalar(value)}
    return flat


def differing(
    configs: Mapping[str, Mapping[str, object]], kinds: Mapping[str, str] | None = None
) -> DataFrame:
    """Return the keys with different values: a row per ``key``, a column per run, NA where it has none.

    With the ``kinds`` of the runs, a key that one kind lacks altogether is no difference from another kind.
    """
    from pandas import NA, DataFrame

    keys = dict.fromkeys(key for config in configs.values() for key in config)
    rows = {key: [config.get(key) for config in configs.values()] for key in keys}
    kind_of = [(kinds or {}).get(name, "") for name in configs]

    def differs(row: list[object]) -> bool:
        kinds_present = {kind for kind, value in zip(kind_of, row, strict=True) if value is not None}
        values = [value for kind, value in zip(kind_of, row, strict=True) if kind in kinds_present]
        # 1 and true are different values, 1 and 1.0 are not
        return len({(isinstance(value, bool), value) for value in values}) > 1

    differing_keys = [key for key, row in rows.items() if differs(row)]
    columns: dict[str, list[object]] = {"key": list(differing_keys)}
    for number, name in enumerate(configs):
        columns[name] = [NA if rows[key][number] is None else rows[key][number] for key in differing_keys]
    return DataFrame(columns, dtype=object)
