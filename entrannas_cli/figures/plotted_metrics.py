"""Which metrics can be drawn: any number in the metric rows, and those of the catalogue made of several."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..common.errors import UsageError
from ..common.numbers import number
from ..common.text import did_you_mean, safe, shown
from ..metrics import METRICS, Metric, metric_of

__all__ = ["names_in", "parse_metrics", "unknown_metric", "value_in"]

_MAX_VALUE = 3.5e38  # of a single precision number: what is more is damage, and would spoil the axis
_NOT_DRAWN = {"step", "epoch", "time", "kind"}


def value_in(row: Mapping[str, Any], metric: Metric) -> float | None:
    """The metric's value in ``row`` as it is drawn, shares in percent; None where the row has none."""
    keys = metric.parts or (metric.key,)
    found = [_total(values, metric) for key in keys if (values := _numbers(row.get(key)))]
    if not found:
        return None
    total = _total(found, metric)
    if abs(total) > _MAX_VALUE:
        return None
    return 100 * total if metric.share else total


def parse_metrics(texts: Iterable[str]) -> list[Metric]:
    """The metrics that a user asks for: names, or several with commas between them. Raises ``UsageError``."""
    names = [name.strip() for text in texts for name in text.split(",")]
    if not all(names):
        raise UsageError("--metric: an empty name; write for example `--metric loss,sparsity`")
    return [metric_of(name) for name in dict.fromkeys(names)]


def names_in(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """The metrics that ``rows`` have a value of, in the order of the alphabet."""
    keys = {key for row in rows for key in row if key not in _NOT_DRAWN and _numbers(row[key])}
    return sorted(keys | {metric.key for metric in METRICS.values() if keys.intersection(metric.parts)})


def unknown_metric(name: str, known: Sequence[str]) -> UsageError:
    """The error for a metric that no run has a value of."""
    if not known:
        return UsageError(f"--metric {shown(name)}: none of the runs has any metric yet")
    return UsageError(
        f"--metric {shown(name)}: none of the runs has it{did_you_mean(name, known)}",
        [f"they have: {', '.join(safe(one) for one in known)}"],
    )


def _numbers(value: Any) -> list[float]:
    """The number, or the numbers of a list; none if any of them isn't one."""
    values = value if isinstance(value, list) else [value]
    found = [one for one in map(number, values) if one is not None]
    return found if len(found) == len(values) else []


def _total(values: Sequence[float], metric: Metric) -> float:
    return sum(values) if metric.counted else sum(values) / len(values)
