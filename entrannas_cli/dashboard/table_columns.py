"""The columns of the table of runs: their values, texts, widths and sort order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

from ..common.numbers import metric, number
from ..common.text import safe
from ..results.columns import COLUMNS as RESULT_COLUMNS
from ..results.columns import Column
from ..store.overview import Overview

__all__ = ["DEFAULT_COLUMNS", "RUN", "TABLE", "TableColumn", "age_text", "chosen", "column_for", "sorted_by"]

BAR = 4
AGE_STEP = 10.0  # seconds: ages below a minute grow in such steps, so that nothing flickers


@dataclass(frozen=True, kw_only=True)
class TableColumn:
    """``column`` has the value, for sorting and conditions; ``show`` returns its text, at most ``width`` wide.

    ``show`` also gets the current time in unix seconds, for ages.
    """

    column: Column
    heading: str
    width: int
    show: Callable[[Overview, float], str]
    right: bool = False
    usual: bool = True

    @property
    def key(self) -> str:
        return self.column.key


def _column(
    key: str, heading: str, about: str, read: Callable[[Overview], object], kind: str = "text"
) -> Column:
    return Column(key=key, heading=heading, about=about, read=read, kind=kind)  # type: ignore[arg-type]


def _percent_of(read: Callable[[Overview], float | None]) -> Callable[[Overview], object]:
    def value(run: Overview) -> object:
        share = read(run)
        return None if share is None else round(100 * share, 10)

    return value


def _text(key: str, width: int) -> Callable[[Overview, float], str]:
    return lambda run, now: safe(run.text(key), limit=width)


def _share(read: Callable[[Overview], float | None], form: str = ".1f") -> Callable[[Overview, float], str]:
    def show(run: Overview, now: float) -> str:
        share = read(run)
        return "–" if share is None else format(100 * share, form)

    return show


def _progress(run: Overview, now: float) -> str:
    """Return ``━━╸─ 16/50``, or only the count if the number of epochs is unknown."""
    done, total = run.status.epoch, run.status.epochs
    if not total:
        return str(done) if done else "–"
    return f"{_bar(done / total)} {done}/{total}"


def _bar(share: float) -> str:
    full, half = divmod(int(min(max(share, 0.0), 1.0) * BAR * 2), 2)
    return ("━" * full + "╸" * half).ljust(BAR, "─")


def _age(run: Overview) -> object:
    return max(0.0, time.time() - run.status.created) if run.status.created else None


def age_text(run: Overview, now: float) -> str:
    """Return the time since the run was created: ``20s``, ``5m``, ``3h``, ``2d``."""
    if not run.status.created:
        return "–"
    seconds = max(0.0, now - run.status.created)
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size:.0f}{unit}"
    return f"{seconds // AGE_STEP * AGE_STEP:.0f}s"


def _state(run: Overview, now: float) -> str:
    return run.status.state + "?" * run.status.stale


RUN = TableColumn(
    column=RESULT_COLUMNS["run"], heading="run", width=0, show=lambda run, now: safe(run.id), usual=True
)
TABLE: Mapping[str, TableColumn] = {
    column.key: column
    for column in (
        TableColumn(column=RESULT_COLUMNS["state"], heading="state", width=9, show=_state),
        TableColumn(column=RESULT_COLUMNS["epoch"], heading="epoch", width=12, show=_progress),
        TableColumn(
            column=_column("loss", "loss", "Weight loss.", lambda run: run.loss, "number"),
            heading="loss",
            width=7,
            show=lambda run, now: metric(run.loss),
            right=True,
        ),
        TableColumn(
            column=_column(
                "accuracy",
                "acc %",
                "Test accuracy, else validation accuracy, else the super-net's.",
                _percent_of(lambda run: run.accuracy),
                "number",
            ),
            heading="acc %",
            width=5,
            show=_share(lambda run: run.accuracy),
            right=True,
        ),
        TableColumn(
            column=_column(
                "sparsity",
                "spars %",
                "Share of connections with zero weight.",
                _percent_of(lambda run: run.sparsity),
                "number",
            ),
            heading="spars",
            width=5,
            show=_share(lambda run: run.sparsity),
            right=True,
        ),
        TableColumn(
            column=_column("gap", "gap %", "Consistency gap.", _percent_of(lambda run: run.gap), "number"),
            heading="gap %",
            width=5,
            show=_share(lambda run: run.gap, "+.1f"),
            right=True,
        ),
        TableColumn(
            column=_column("age", "age", "Time since the run was created.", _age, "number"),
            heading="age",
            width=4,
            show=age_text,
            right=True,
        ),
        TableColumn(
            column=RESULT_COLUMNS["method"],
            heading="method",
            width=13,
            show=_text("method", 13),
        ),
        TableColumn(
            column=RESULT_COLUMNS["kind"],
            heading="kind",
            width=6,
            show=lambda run, now: safe(run.status.kind, limit=6),
        ),
        TableColumn(column=RESULT_COLUMNS["space"], heading="space", width=10, show=_text("space", 10)),
        TableColumn(column=RESULT_COLUMNS["dataset"], heading="data", width=8, show=_text("dataset", 8)),
        TableColumn(
            column=RESULT_COLUMNS["seed"], heading="seed", width=4, show=_text("seed", 4), right=True
        ),
        TableColumn(
            column=RESULT_COLUMNS["tags"],
            heading="tags",
            width=14,
            show=lambda run, now: safe(" ".join(run.notes.tags), limit=14),
        ),
        TableColumn(
            column=RESULT_COLUMNS["test_error"],
            heading="test err %",
            width=10,
            show=lambda run, now: RESULT_COLUMNS["test_error"].text(RESULT_COLUMNS["test_error"].read(run)),
            right=True,
            usual=False,
        ),
        TableColumn(
            column=RESULT_COLUMNS["parameters"],
            heading="params M",
            width=8,
            show=lambda run, now: RESULT_COLUMNS["parameters"].text(RESULT_COLUMNS["parameters"].read(run)),
            right=True,
            usual=False,
        ),
        TableColumn(
            column=RESULT_COLUMNS["cells"], heading="cells", width=16, show=_text("cells", 16), usual=False
        ),
        TableColumn(
            column=RESULT_COLUMNS["device"], heading="device", width=12, show=_text("device", 12), usual=False
        ),
    )
}
_ALIASES = {"data": "dataset", "acc": "accuracy", "spars": "sparsity", "params": "parameters", "id": "run"}
DEFAULT_COLUMNS = tuple(key for key, column in TABLE.items() if column.usual)


def chosen(keys: Sequence[str]) -> list[TableColumn]:
    """Return the columns with these keys, in the order of the table; the default ones if no key is known."""
    return [TABLE[key] for key in TABLE if key in keys] or [TABLE[key] for key in DEFAULT_COLUMNS]


def column_for(key: str) -> Column | None:
    """Return the column that a condition's key means: one of this table, else one of the result tables."""
    key = _ALIASES.get(key, key)
    if key in TABLE:
        return TABLE[key].column
    return RESULT_COLUMNS.get(key)


def sorted_by(key: str, runs: Iterable[Overview], *, descending: bool) -> list[Overview]:
    """Return ``runs`` sorted by a column: numbers before texts, missing values last, ties in the given order."""
    column = column_for(key) or RUN.column
    present: list[tuple[tuple[bool, float, str], Overview]] = []
    missing = []
    for run in runs:
        value = column.read(run)
        parsed = number(value)
        if parsed is not None:
            present.append(((False, parsed, ""), run))
        elif isinstance(value, str):
            present.append(((True, 0.0, value.casefold()), run))
        else:
            missing.append(run)
    present.sort(key=itemgetter(0), reverse=descending)
    return [run for _, run in present] + missing
