"""From runs to the panels of a figure, and notes on what they lack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..common.errors import UsageError
from ..common.text import choices, counted, safe, shown
from ..metrics import OVERVIEW, Metric, metric_of
from ..store.run import Run
from .curves_figure import FigureLine, Panel
from .metric_series import MAX_POINTS, Axis, Band, RunSeries, Series, average, read_series, smoothed, thinned
from .plotted_metrics import unknown_metric
from .run_labels import run_labels

__all__ = ["Curves", "gather"]

MAX_NAMED = 8  # run names in a note
FEW_RUNS = 8  # up to this many, a smoothed curve has the raw one behind it


@dataclass(frozen=True)
class Curves:
    """The panels, and a line for each thing they don't show."""

    panels: Sequence[Panel]
    notes: Sequence[str]


def gather(
    runs: Sequence[Run],
    metrics: Sequence[Metric] = (),
    axis: Axis = "step",
    *,
    smooth: int = 1,
    groups: Sequence[str] | None = None,
    log: bool = False,
    points: int = MAX_POINTS,
    overview: Sequence[str] = OVERVIEW,
) -> Curves:
    """Read ``runs`` and return a panel for each of ``metrics``, or of those of ``overview`` that any run has.

    One line per run; with ``groups``, the name of each run's group, one per group. ``smooth`` is a number of
    points. Raises ``UsageError`` if no run has a metric, or if none of its values fits on a logarithmic axis.
    """
    selected = [*metrics] or [metric_of(name) for name in overview]
    run_series = [read_series(run, selected, axis) for run in runs]
    if not metrics:
        selected = [
            metric for metric in selected if any(metric.key in one_run.series for one_run in run_series)
        ]
        if not selected:
            raise UsageError(_no_metrics_message(runs, run_series, overview))
    labels = run_labels(runs)
    notes: list[str] = []
    panels = []
    for metric in selected:
        series_by_run = {
            n: one_run.series[metric.key]
            for n, one_run in enumerate(run_series)
            if metric.key in one_run.series
        }
        if not series_by_run:
            known = sorted({name for one_run in run_series for name in one_run.names})
            raise unknown_metric(metric.key, known)
        missing = [
            label
            for n, label in enumerate(labels)
            if n not in series_by_run and (metrics or not run_series[n].series)
        ]
        if missing:
            notes.append(f"no {safe(metric.key)}, left out: {_names(missing)}")
        lines = (
            _lines(series_by_run, labels, smooth, points)
            if groups is None
            else _group_lines(series_by_run, labels, groups, smooth, points, metric, notes)
        )
        if log:
            _check_logarithmic(metric, lines, notes)
        panels.append(Panel(metric, lines))
    return Curves(panels, notes)


def _names(labels: Sequence[str]) -> str:
    more = len(labels) - MAX_NAMED
    return ", ".join(labels[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")


def _no_metrics_message(runs: Sequence[Run], run_series: Sequence[RunSeries], overview: Sequence[str]) -> str:
    names = sorted({name for one_run in run_series for name in one_run.names})
    subject = "the run doesn't have" if len(runs) == 1 else f"none of the {counted(len(runs), 'run')} has"
    if not names and all(run.status().kind == "rank" for run in runs):
        return "a ranking has no curves of its own: plot its trainings, in the folder trainings of its run"
    if not names:
        return f"{subject} any metrics yet: nothing to draw"
    return f"{subject} {choices(overview)}: choose with --metric from {', '.join(map(safe, names))}"


def _lines(
    series_by_run: dict[int, Series], labels: Sequence[str], smooth: int, points: int
) -> list[FigureLine]:
    lines = []
    for n, series in series_by_run.items():
        smoothed_series = smoothed(series, smooth) if smooth > 1 else series
        raw = thinned(series, points) if smooth > 1 and len(series_by_run) <= FEW_RUNS else None
        lines.append(FigureLine(labels[n], n, thinned(smoothed_series, points), raw))
    return lines


def _group_lines(
    series_by_run: dict[int, Series],
    labels: Sequence[str],
    groups: Sequence[str],
    smooth: int,
    points: int,
    metric: Metric,
    notes: list[str],
) -> list[FigureLine]:
    lines = []
    for look, group in enumerate(dict.fromkeys(groups)):
        members = [n for n in series_by_run if groups[n] == group]
        if not members:
            continue
        series = [smoothed(series_by_run[n], smooth) if smooth > 1 else series_by_run[n] for n in members]
        band = average(series, points)
        label = f"{group} ({counted(groups.count(group), 'run')})"
        if not len(band.x):
            notes.append(f"{label}: left out, as no point of {safe(metric.key)} is reached by all its runs")
            continue
        shortest = min(members, key=lambda n: series_by_run[n].x[-1])
        longest = max(one.x[-1] for one in series)
        if series_by_run[shortest].x[-1] < 0.98 * longest:
            notes.append(f"{label}: {safe(metric.key)} ends with its shortest run, {labels[shortest]}")
        lines.append(FigureLine(label, look, band))
    if not lines:
        raise UsageError(f"{safe(metric.key)}: no group has a point reached by all its runs")
    return lines


def _check_logarithmic(metric: Metric, lines: Sequence[FigureLine], notes: list[str]) -> None:
    values = [line.course.mean if isinstance(line.course, Band) else line.course.y for line in lines]
    if not any((one > 0).any() for one in values):
        raise UsageError(
            f"--log: {shown(metric.key)} has no value above 0 in these runs: draw it without --log"
        )
    if any((one <= 0).any() for one in values):
        notes.append(f"{safe(metric.key)}: values of 0 or less are not shown on a logarithmic axis")
