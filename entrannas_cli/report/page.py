"""The report: runs as one self-contained HTML page."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from .. import __version__
from ..common.errors import UsageError
from ..common.numbers import duration
from ..common.text import counted, safe, texts
from ..figures.run_labels import run_labels
from ..results.columns import COLUMNS, DEFAULT_COLUMNS
from ..results.formats import TextTable, text_table
from ..store.messages import local_time
from ..store.overview import Overview
from ..store.run import Run
from .facts import attempts_of, commands_of, configuration_text, fact_table
from .figures import cell_sections, curve_panels

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Report", "report_page"]

_SUMMARY_KEYS = {*DEFAULT_COLUMNS, "best_test_error", "supernet_accuracy", "derived_accuracy"}
_LAST_KEYS = ("search_device", "topology")  # wide, and rarely what readers look for first
_KINDS = {"search": "searches", "train": "trainings", "rank": "rankings"}
_GROUPED_BY = ("kind", "space", "method", "cells", "dataset", "epochs")


@dataclass(frozen=True)
class Report:
    """The page, and a line for each thing it lacks."""

    html: str
    notes: Sequence[str]


def report_page(runs: Sequence[Overview], title: str = "") -> Report:
    """Return a page about ``runs``: results, curves, cells, differences, and details of each run.

    It works offline and makes no network requests. Texts from the runs are escaped; unreadable files are noted and
    left out. Raises ``UsageError`` without runs.
    """
    from jinja2 import Environment, StrictUndefined

    if not runs:
        raise UsageError("no runs to report on")
    notes: list[str] = []
    labels = run_labels([Run(run.path) for run in runs])
    script = _resource("sort.js")
    template = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    ).from_string(_resource("page.html"))
    facts = [
        _run_facts(run, label, f"run-{n}", notes)
        for n, (run, label) in enumerate(zip(runs, labels, strict=True))
    ]
    legend, panels = curve_panels(runs, notes)
    html = template.render(
        title=safe(title) or f"Report on {counted(len(runs), 'run')}",
        style=Markup(_resource("page.css")),
        script=Markup(script),
        script_hash=_hash_for_policy(script),
        version=__version__,
        written=local_time(time.time()),
        summary=_summary(runs, labels),
        groups=_groups(runs),
        warnings=[(f["label"], f["anchor"], text) for f in facts for text in f["warnings"]],
        legend=legend,
        panels=panels,
        cells=cell_sections(runs, labels, notes),
        configuration=_configuration(runs, labels, notes),
        environment=_environment(facts),
        runs=facts,
    )
    return Report(html, notes)


def _resource(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8")


def _hash_for_policy(script: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


# tables


def _summary(runs: Sequence[Overview], labels: Sequence[str]) -> Mapping[str, Any]:
    """Return the table of results; columns that aren't numbers and don't vary move to ``shared``."""
    from ..results.table import result_frame

    keys = sorted(
        (key for key in COLUMNS if key in _SUMMARY_KEYS and key != "run"), key=lambda key: key in _LAST_KEYS
    )
    frame = result_frame(runs)
    frame["cells"] = frame["cells"].replace(
        {safe(run.id): label for run, label in zip(runs, labels, strict=True)}
    )
    table = text_table(frame, keys).without_empty()
    shared = [
        n
        for n, key in enumerate(table.keys)
        if len(runs) > 1 and COLUMNS[key].kind != "number" and len({row[n] for row in table.rows}) == 1
    ]
    row_heads = [(label, f"run-{n}") for n, label in enumerate(labels)]
    kept = table.only([n for n in range(len(table.keys)) if n not in shared])
    return {
        **_table(kept, row_heads, "run"),
        "shared": ", ".join(f"{table.titles[n]} {table.rows[0][n]}" for n in shared),
    }


def _groups(runs: Sequence[Overview]) -> Mapping[str, Any] | None:
    """Return means over completed runs that differ only in their seed, as far as the table tells."""
    from ..results.table import RUNS, grouped, result_frame

    frame = result_frame([run for run in runs if run.status.state == "completed"])
    # searched cells come from another search for each seed; published or given cells are what is compared
    frame["cells"] = frame["cells"].where(frame["method"].isna())
    keys = [key for key in _GROUPED_BY if frame[key].notna().any()]
    if not keys:
        return None
    groups = grouped(frame, keys)
    if not (groups[RUNS] > 1).any():
        return None
    return _table(text_table(_without_single_runs(groups)).without_empty(), None, "")


def _without_single_runs(groups: DataFrame) -> DataFrame:
    from ..results.table import RUNS

    return groups[groups[RUNS] > 1].reset_index(drop=True)


def _table(table: TextTable, row_heads: Sequence[tuple[str, str]] | None, corner: str) -> Mapping[str, Any]:
    """Return ``table`` for the template; ``row_heads`` are the (text, anchor) at the start of each row."""
    return {
        "corner": corner,
        "titles": list(zip(table.titles, table.numeric, strict=True)),
        "rows": [
            (row_heads[n] if row_heads else None, list(zip(row, table.numeric, strict=True)))
            for n, row in enumerate(table.rows)
        ],
    }


def _plain_table(
    keys: Sequence[str], row_heads: Sequence[tuple[str, str]], rows: Sequence[Sequence[str]]
) -> Any:
    return {
        "corner": "run",
        "titles": [(key, False) for key in keys],
        "rows": [(head, [(text, False) for text in row]) for head, row in zip(row_heads, rows, strict=True)],
    }


# differences and single runs


def _configuration(
    runs: Sequence[Overview], labels: Sequence[str], notes: list[str]
) -> list[tuple[str, Any]]:
    """Return a table of differing keys for each kind of run: other kinds have other keys."""
    from ..results.differences import configurations, differing

    tables = []
    for kind in dict.fromkeys(run.status.kind for run in runs):
        row_heads: list[tuple[str, str]] = []
        configs: dict[str, dict[str, object]] = {}
        for n, run in enumerate(runs):
            if run.status.kind != kind:
                continue
            found, problems = configurations([run])
            notes += problems
            for config in found.values():
                row_heads.append((labels[n], f"run-{n}"))
                configs[f"run-{n}"] = config
        frame = differing(configs)
        if not frame.empty:
            keys, *rows = zip(*text_table(frame).rows, strict=True)
            tables.append((_KINDS.get(kind, safe(kind)), _plain_table(keys, row_heads, rows)))
    return tables


def _environment(facts: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Compare the environments of each run's last attempt."""
    recorded = [one for one in facts if one["attempts"]]
    if not recorded:
        return None
    table = fact_table([one["attempts"][-1].facts for one in recorded])
    row_heads = [(one["label"], one["anchor"]) for one in recorded]
    return {
        "shared": list(table.shared.items()),
        "table": _plain_table(table.keys, row_heads, table.rows) if table.keys else None,
    }


def _run_facts(run: Overview, label: str, anchor: str, notes: list[str]) -> dict[str, Any]:
    attempts, problems = attempts_of(run)
    notes += [f"{label}: {problem}" for problem in problems]
    status = run.status
    state = status.state if not status.reason else f"{status.state}: {safe(status.reason)}"
    lines = [
        ("id", safe(run.id)),
        ("folder", safe(run.path)),
        ("state", state),
        ("epoch", f"{status.epoch} of {status.epochs}" if status.epochs else str(status.epoch)),
        ("created", local_time(status.created)),
        ("cells from", safe(run.text("origin"))),
        ("time", _times(run)),
    ]
    return {
        "label": label,
        "anchor": anchor,
        "lines": [(name, text) for name, text in lines if text],
        "warnings": [safe(text) for text in texts(run.summary.get("warnings"))],
        "attempts": attempts,
        "commands": commands_of(run, attempts),
        "configuration": configuration_text(run),
    }


def _times(run: Overview) -> str:
    parts = [
        f"{duration(value)} {what}"
        for key, what in (
            ("search_seconds", "search"),
            ("train_seconds", "training"),
            ("evaluation_seconds", "evaluation"),
        )
        if (value := run.number(key)) is not None
    ]
    return ", ".join(parts)
