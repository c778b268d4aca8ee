"""Runs as a pandas table, one row per run: filtering, sorting and grouping."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..common.errors import UsageError
from ..common.files import BrokenRun
from ..common.text import did_you_mean, plain
from ..store.overview import Overview, overview
from ..store.run import Run
from .columns import COLUMNS, DEFAULT_COLUMNS, PUBLISHED, Column, Kind, cell_text, scalar, spread_key
from .conditions import parse_condition
from .published import published_rows

if TYPE_CHECKING:
    from pandas import DataFrame, Series

__all__ = [
    "MEASURES",
    "RUNS",
    "best_key",
    "column_of",
    "count_key",
    "filtered",
    "grouped",
    "mean_key",
    "ordered",
    "result_frame",
]

RUNS = "runs"  # the number of runs in a group
MEASURES = tuple(key for key in DEFAULT_COLUMNS if COLUMNS[key].is_number and key not in ("seed", "epochs"))


def mean_key(key: str) -> str:
    """Return the key of the column with the mean of ``key`` in a grouped table."""
    return f"{key}_mean"


def best_key(key: str) -> str:
    """Return the key of the column with the best value of ``key``."""
    return f"{key}_best"


def count_key(key: str) -> str:
    """Return the key of the column with the number of values in the mean of ``key``."""
    return f"{key}_count"


def result_frame(
    runs: Iterable[Run | Overview], *, keys: Iterable[str] = (), published: bool = False
) -> DataFrame:
    """Return a row per run, in order, with all :data:`COLUMNS` and the extra ``keys``; NA for missing values.

    An extra key is one of the summary, or a dotted one of the configuration (``network.channels``), which is
    read only then. With ``published``, the published results follow.

    Raises ``UsageError`` for a key that no run has.
    """
    from pandas import DataFrame

    overviews = [overview(run) if isinstance(run, Run) else run for run in runs]
    records: list[Mapping[str, Any]] = [
        {key: column.read(run) for key, column in COLUMNS.items()} for run in overviews
    ]
    if published:
        records += published_rows()
    values = {key: [record[key] for record in records] for key in COLUMNS}
    kinds: dict[str, Kind] = {key: column.kind for key, column in COLUMNS.items()}
    extra = [key for key in dict.fromkeys(keys) if key not in COLUMNS]
    for key, found in zip(extra, _extra_values(overviews, extra), strict=True):
        kinds[key] = _kind_of(found)
        if kinds[key] == "text":
            found = [None if value is None else cell_text(value) for value in found]
        values[key] = found + [None] * (len(records) - len(overviews))
    return DataFrame({key: _series(values[key], kinds[key]) for key in values})


def _series(values: Sequence[object], kind: Kind) -> Series:
    from pandas import NA, Series

    if kind == "count":
        return Series(values, dtype="Int64")
    if kind == "number":
        return Series(values, dtype="float64")
    # the same dtype for strings in every release of pandas, whatever is missing
    return Series(
        [NA if value is None else value for value in values], dtype="boolean" if kind == "flag" else "string"
    )


def _kind_of(values: Sequence[object]) -> Kind:
    types = {type(value) for value in values if value is not None}
    if types and types <= {bool}:
        return "flag"
    if types and types <= {int}:
        return "count"
    return "number" if types and types <= {int, float} else "text"


# extra keys


def _extra_values(runs: Sequence[Overview], keys: Sequence[str]) -> list[list[object]]:
    """Return the values of each key in each run."""
    found: list[list[object]] = [[None] * len(runs) for _ in keys]
    known: set[str] = set()
    found_keys: set[str] = set()
    for row, run in enumerate(runs):
        config = _Config(run)
        for column, key in enumerate(keys):
            has, value = _look_up(key, run.summary, config)
            if has:
                found_keys.add(key)
                found[column][row] = scalar(value)
    for key in keys:
        if runs and key not in found_keys:
            for run in runs:
                known |= _dotted_names(run.summary, "") | _dotted_names(_Config(run).values, "")
            hint = did_you_mean(key, [*COLUMNS, *sorted(known)])
            raise UsageError(
                f'column "{plain(key)}": no run has it{hint}; '
                "use a column of `entrannas compare --list-columns`, a key of the configuration such as "
                "data.dataset, or one of summary.json"
            )
    return found


class _Config:
    """A run's configuration, read on first use; empty if it cannot be read."""

    def __init__(self, run: Overview) -> None:
        self._path = run.path
        self._values: Mapping[str, Any] | None = None

    @property
    def values(self) -> Mapping[str, Any]:
        if self._values is None:
            try:
                self._values = Run(self._path).config()
            except BrokenRun:
                self._values = {}
        return self._values


def _look_up(key: str, summary: Mapping[str, Any], config: _Config) -> tuple[bool, object]:
    """Return whether the run has the key, and its value; the configuration comes first for a dotted key."""
    if key in summary:
        return True, summary[key]
    for nested in (config.values, summary):
        value: Any = nested
        for part in key.split("."):
            if not isinstance(value, Mapping) or part not in value:
                break
            value = value[part]
        else:
            return True, value
    return False, None


def _dotted_names(values: Mapping[str, Any], prefix: str) -> set[str]:
    """Return the dotted names of all values."""
    names = set()
    for key, value in values.items():
        names |= _dotted_names(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}"}
    return names


# filtering and sorting


def column_of(frame: DataFrame, key: str) -> Column:
    """Return the column ``key`` of ``frame``; one not in :data:`COLUMNS` is described by its content."""
    if key in COLUMNS:
        return COLUMNS[key]
    kinds: dict[str, Kind] = {"i": "count", "u": "count", "f": "number", "b": "flag"}
    kind = kinds.get(getattr(frame[key].dtype, "kind", ""), "text")
    return Column(key=key, heading=plain(key), about="", kind=kind)


def _check_columns(frame: DataFrame, keys: Iterable[str]) -> None:
    for key in keys:
        if key not in frame.columns:
            known = [str(column) for column in frame.columns]
            raise UsageError(f'column "{plain(key)}": no such column{did_you_mean(key, known)}')


def filtered(frame: DataFrame, conditions: Sequence[str]) -> tuple[DataFrame, tuple[str, ...]]:
    """Return the rows that meet all ``conditions``, and hints on conditions that no row meets.

    Published rows are tested only for what published results have: not for a seed, a kind or a state. Raises
    ``UsageError`` for an invalid condition.
    """
    hints = []
    keep = [True] * len(frame)
    published = (frame["state"] == PUBLISHED).tolist()
    for condition in map(parse_condition, conditions):
        _check_columns(frame, [condition.key])
        column, values = column_of(frame, condition.key), frame[condition.key]
        fits = condition.fits(values, column)
        applies = condition.key not in ("kind", "state") and values[published].notna().any()
        fits = [
            ok or (is_published and not applies) for ok, is_published in zip(fits, published, strict=True)
        ]
        of_runs = [ok for ok, is_published in zip(fits, published, strict=True) if not is_published]
        if of_runs and not any(of_runs):
            present = values[[not is_published for is_published in published]].dropna()
            hint = condition.hint(present.tolist(), column)
            hints.append(f"no run matches {condition}" + (f": {hint}" if hint else ""))
        keep = [kept and ok for kept, ok in zip(keep, fits, strict=True)]
    return frame.loc[keep].reset_index(drop=True), tuple(hints)


def ordered(frame: DataFrame, keys: Sequence[str] = ()) -> DataFrame:
    """Return rows sorted by ``keys``, with a ``-`` before one for descending; missing values come last.

    The default is the lowest test error first, then the newest. In a grouped table, a key may also be the one that
    a mean is of. Raises ``UsageError`` for an unknown key.
    """
    if not keys:
        test_error = mean_key("test_error") if mean_key("test_error") in frame.columns else "test_error"
        keys = [key for key in (test_error, "-created") if key.lstrip("-") in frame.columns]
    if not keys:
        return frame
    names = [key.removeprefix("-") for key in keys]
    names = [mean_key(name) if mean_key(name) in frame.columns else name for name in names]
    _check_columns(frame, names)
    descending = {name: key.startswith("-") for name, key in reversed(list(zip(names, keys, strict=True)))}
    return frame.sort_values(
        list(dict.fromkeys(names)),
        ascending=[not descending[name] for name in dict.fromkeys(names)],
        kind="stable",
        na_position="last",
    ).reset_index(drop=True)


# groups


def grouped(frame: DataFrame, keys: Sequence[str], measures: Sequence[str] | None = None) -> DataFrame:
    """Return one row per group of runs with the same values of ``keys``, with their number in ``runs``.

    For each of the ``measures`` (default: :data:`MEASURES`) there are ``…_mean``, ``…_std`` (of the sample; none
    for a single value), ``…_best`` and ``…_count``, over the runs that have the value. Properties of a search, such
    as its gap, count once per search, even if several trainings have them; all others, such as parameters, are of
    trainings only, if the group has any. Published rows stay as they are, with ``run`` (their name, unless
    ``method`` has it) and ``source``.

    Raises ``UsageError`` for an unknown key and for a measure that is not a number.
    """
    _check_columns(frame, [*keys, *(measures or ())])
    if measures is None:
        measures = MEASURES
    columns = {key: column_of(frame, key) for key in measures if key not in keys}
    for key, column in columns.items():
        if not column.is_number:
            raise UsageError(f'column "{plain(key)}": not a number, so groups have no mean of it')
    published = frame["state"] == PUBLISHED
    records = [
        _group_record(dict(zip(keys, values, strict=True)), group, columns)
        for values, group in frame[~published].groupby(list(keys), dropna=False, sort=True)
    ]
    records += [_published_record(row, keys, columns) for row in frame[published].to_dict("records")]
    return _grouped_frame(frame, keys, columns, records, with_published=bool(published.any()))


def _group_record(record: dict[str, Any], group: DataFrame, columns: Mapping[str, Column]) -> dict[str, Any]:
    record[RUNS] = len(group)
    for key, column in columns.items():
        present = group[group[key].notna()]
        if column.of_search:
            present = present.loc[_once_a_search(present)]
        elif (of_training := present["kind"] == "train").any():
            present = present[of_training]  # a search's target network isn't the one that was trained
        record |= _statistics(key, [float(value) for value in present[key]], column)
    return record


def _once_a_search(group: DataFrame) -> list[bool]:
    """Return which rows count for properties of a search: the search, or else one of its trainings."""
    searches = group["search_run"].fillna("").tolist()
    kinds = group["kind"].tolist()
    counted = {search for search, kind in zip(searches, kinds, strict=True) if kind == "search"}
    counts = []
    for search, kind in zip(searches, kinds, strict=True):
        counts.append(kind == "search" or not search or search not in counted)
        counted.add(search)
    return counts


def _statistics(key: str, values: Sequence[float], column: Column) -> dict[str, Any]:
    count = len(values)
    mean = deviation = None
    with suppress(OverflowError):  # only damaged files have such numbers
        mean = math.fsum(values) / count if count else None
        if mean is not None and count > 1:
            deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (count - 1))
    best = None
    if values and column.better:
        best = (
            max(values)
            if column.better == "high"
            else min(values, key=abs if column.better == "zero" else float)
        )
    return {mean_key(key): mean, spread_key(key): deviation, best_key(key): best, count_key(key): count}


def _published_record(
    row: Mapping[Any, Any], keys: Sequence[str], columns: Mapping[str, Column]
) -> dict[str, Any]:
    record = {key: row[key] for key in (*keys, "run", "source")}
    for key in columns:
        record[mean_key(key)] = row[key]
        record[spread_key(key)] = row.get(spread_key(key))
    return record


def _grouped_frame(
    frame: DataFrame,
    keys: Sequence[str],
    columns: Mapping[str, Column],
    records: Sequence[Mapping[str, Any]],
    *,
    with_published: bool,
) -> DataFrame:
    from pandas import DataFrame, isna

    kinds: dict[str, Kind] = {key: column_of(frame, key).kind for key in keys}
    if with_published and "method" not in keys:
        kinds["run"] = "text"
    kinds[RUNS] = "count"
    for key, column in columns.items():
        kinds |= {mean_key(key): "number", spread_key(key): "number"}
        if column.better:
            kinds[best_key(key)] = "number"
        kinds[count_key(key)] = "count"
    if with_published:
        kinds["source"] = "text"
    values = {key: [record.get(key) for record in records] for key in kinds}
    return DataFrame(
        {
            key: _series([None if isna(value) else value for value in values[key]], kind)
            for key, kind in kinds.items()
        }
    )
