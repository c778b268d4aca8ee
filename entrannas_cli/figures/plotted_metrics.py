"""Which metrics can be drawn: any number in the metric rows, and catalogue entries that combine several."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..common.errors import UsageError
from ..common.numbers import number
from ..common.text import did_you_mean, safe, shown
from ..metrics import METRICS, Metric, metric_of

__all__ = ["names_in", "parse_metrics", "unknown_metric", "value_in"]

_MAX_VALUE = 3.5e38  # the largest float32: larger values are corrupt, and would spoil the axis
_NOT_DRAWN = {"step", "epoch", "time", "kind"}


def value_in(row: Mapping[str, Any], metric: Metric) -> float | None:
    """Return the metric's value in ``row`` as it is drawn, shares in percent; None if the row lacks it."""
    keys = metric.parts or (metric.key,)
    totals = [_total(values, metric) for key in keys if (values := _numbers(row.get(key)))]
    if not totals:
        return None
    total = _total(totals, metric)
    if abs(total) > _MAX_VALUE:
        return None
    return 100 * total if metric.share else total


def parse_metrics(texts: Iterable[str]) -> list[Metric]:
    """Parse metric names, each text one name or several separated by commas. Raises ``UsageError``."""
    names = [name.strip() for text in texts for name in text.split(",")]
    if not all(names):
        raise UsageError("--metric: an empty name; write for example `--metric loss,sparsity`")
    return [metric_of(name) for name in dict.fromkeys(names)]


def names_in(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the names of the metrics that ``rows`` have values of, sorted."""
    keys = {key for row in rows for key in row if key not in _NOT_DRAWN and _numbers(row[key])}
    return sorted(keys | {metric.key for metric in METRICS.values() if keys.intersection(metric.parts)})


def unknown_metric(name: str, known: Sequence[str]) -> UsageError:
    """Return the error for a metric that no run has a value of."""
    if not known:
        return UsageError(f"--metric {shown(name)}: none of the runs has any metric yet")
    return UsageError(
        f"--metric {shown(name)}: none of the runs has it{did_you_mean(name, known)}",
        [f"available: {', '.join(safe(one) for one in known)}"],
    )


def _numbers(value: Any) -> list[float]:
    """Return the number, or the numbers of a list; nothing if any item isn't a number."""
    values = value if isinstance(value, list) else [value]
    numbers = [item for item in map(number, values) if item is not None]
    return numbers if len(numbers) == len(values) else []


def _total(values: Sequence[float], metric: Metric) -> float:
    return sum(values) if metric.counted else sum(values) / len(values)
