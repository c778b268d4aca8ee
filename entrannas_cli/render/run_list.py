"""The list of runs, on a terminal or piped."""

from __future__ import annotations

import re
import sys
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..common.numbers import duration, hundredths, metric
from ..common.text import safe
from ..store.create import LATEST
from ..store.find_run import name_in
from ..store.overview import Overview
from .terminal import console_for, is_live

__all__ = ["STATE_STYLES", "print_list", "short_references"]

STATE_STYLES = {
    "running": "bold green",
    "completed": "green",
    "stopped": "yellow",
    "created": "dim",
    "failed": "bold red",
    "lost": "bold red",
    "broken": "bold red",
}
_STAMP = re.compile(r"\d{8}-\d{6}")

_IDENTITY_FIELDS = ("id", "kind", "state", "method", "space", "data", "epoch", "epochs")
_VALUE_FIELDS = ("loss", "accuracy", "sparsity", "gap", "age", "reason")


@dataclass(frozen=True)
class _Column:
    name: str
    right: bool = False
    rank: int = 0  # the highest is dropped first if there is no room


_COLUMNS = (
    _Column("run"),
    _Column("kind", rank=4),
    _Column("state"),
    _Column("method", rank=2),
    _Column("space", rank=3),
    _Column("data", rank=5),
    _Column("epoch", right=True),
    _Column("loss", right=True, rank=1),
    _Column("acc %", right=True, rank=1),
    _Column("spars %", right=True),
    _Column("gap %", right=True, rank=2),
    _Column("age", right=True, rank=4),
)


def print_list(runs: Sequence[Overview], *, ids: Sequence[str]) -> None:
    """Print the list, as wide as the terminal allows; if piped, as tab-separated values of all columns.

    ``ids`` are those of all runs in the folder, among which a shortened id must be unique.
    """
    if is_live(sys.stdout):
        _print_table(console_for(), runs, ids)
    else:
        _print_values(runs)


def _print_values(runs: Iterable[Overview]) -> None:
    print(*_IDENTITY_FIELDS, *_VALUE_FIELDS, sep="\t")
    for run in runs:
        numbers = (run.loss, run.accuracy, run.sparsity, run.gap)
        values: list[object] = [
            run.id,
            run.status.kind,
            run.status.state,
            *map(run.text, ("method", "space", "dataset")),
        ]
        values += [run.status.epoch, run.status.epochs]
        values += ["" if value is None else f"{value:.6g}" for value in numbers]
        values += [round(run.age), "; ".join(run.faults) or run.status.reason]
        print(*(safe(value) for value in values), sep="\t")


def _print_table(console: Console, runs: Sequence[Overview], ids: Sequence[str]) -> None:
    short = short_references(ids)
    full = [_cells(run, run.id) for run in runs]
    brief = [
        _cells(run, short[run.id].by_time if _has_automatic_name(run) else short[run.id].by_name)
        for run in runs
    ]
    rows, columns, gap = _fit(full, brief, console.width)
    table = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0))
    for column in columns:
        table.add_column(
            column.name, justify="right" if column.right else "left", no_wrap=True, overflow="ellipsis"
        )
    for row in rows:
        table.add_row(*(_styled(column.name, row[column.name]) for column in columns))
    console.print(table)
    for run in runs:
        for problem in run.faults:
            console.print(Text(f"{safe(run.id)}: {safe(problem)}", "red"))
        if run.status.stale:
            problem = f"marked as running on {safe(run.status.host)}, but without a heartbeat for"
            console.print(Text(f"{safe(run.id)}: {problem} {duration(run.status.heartbeat_age)}", "yellow"))


def _has_automatic_name(run: Overview) -> bool:
    """Return whether the id only repeats other columns, as nobody gave the run a name."""
    tail = f"{run.text('method')}-s{run.text('seed')}"
    return bool(_STAMP.match(run.id)) and re.sub(r"-\d+$", "", run.id).endswith(tail)


@dataclass(frozen=True)
class _ShortReferences:
    """What can be typed for an id; the id itself where that isn't unique.

    ``by_time`` is its shortest unique prefix that has the time and ends at a hyphen, ``by_name`` the name in it.
    """

    by_time: str
    by_name: str


def short_references(ids: Iterable[str]) -> dict[str, _ShortReferences]:
    """Return the short forms of each id."""
    ordered = sorted(ids)
    names = Counter(name_in(identifier) for identifier in ordered)
    short = {}
    for before, identifier, after in zip(["", *ordered], ordered, [*ordered[1:], ""], strict=False):
        min_length = max(_common_length(identifier, before), _common_length(identifier, after)) + 1
        stamp = _STAMP.match(identifier)
        ends = [m.start() for m in re.finditer("-|$", identifier) if stamp and m.start() >= stamp.end()]
        by_time = identifier[: next((end for end in ends if end >= min_length), len(identifier))]
        name = name_in(identifier)
        position = bisect_left(ordered, name)
        is_prefix = ordered[position : position + 1] and ordered[position].startswith(name)
        usable = name and names[name] == 1 and name != LATEST and not is_prefix
        short[identifier] = _ShortReferences(by_time, name if usable else identifier)
    return short


def _common_length(a: str, b: str) -> int:
    return next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _fit(
    full: list[dict[str, str]], brief: list[dict[str, str]], width: int
) -> tuple[list[dict[str, str]], list[_Column], int]:
    """Return (rows, columns, gap between columns): as much as fits the width."""
    columns = list(_COLUMNS)
    for rows, gap in ((full, 2), (brief, 2), (brief, 1)):
        if _table_width(rows, columns, gap) <= width:
            return rows, columns, gap
    while _table_width(brief, columns, 1) > width and any(column.rank for column in columns):
        columns.remove(max(columns, key=lambda column: column.rank))
    return brief, columns, 1


def _table_width(rows: list[dict[str, str]], columns: list[_Column], gap: int) -> int:
    widths = [max(cell_len(text) for text in [c.name, *(row[c.name] for row in rows)]) for c in columns]
    return sum(widths) + gap * (len(columns) - 1)


def _cells(run: Overview, reference: str) -> dict[str, str]:
    status = run.status
    epoch = f"{status.epoch}/{status.epochs}" if status.epochs else str(status.epoch)
    gap = run.gap
    return {
        "run": safe(reference),
        "kind": safe(status.kind, limit=8),
        "state": status.state + "?" * status.stale,
        "method": safe(run.text("method"), limit=16),
        "space": safe(run.text("space"), limit=16),
        "data": safe(run.text("dataset"), limit=12),
        "epoch": epoch,
        "loss": metric(run.loss),
        "acc %": hundredths(run.accuracy),
        "spars %": hundredths(run.sparsity),
        "gap %": "–" if gap is None else f"{100 * gap:+.1f}",
        "age": _rough_age(run.age) if status.created else "–",
    }


def _rough_age(seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:.0f}s"


def _styled(column: str, text: str) -> Text:
    return Text(text, STATE_STYLES.get(text.rstrip("?"), "") if column == "state" else "")
