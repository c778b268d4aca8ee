"""The catalogue of metrics: their keys in a run's rows, and how each is named, formatted and charted.

Everything that shows, plots, logs or tabulates a metric looks it up here; docs/run-directory.md says what each
means. A metric missing from the catalogue is shown under its own key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from .common import numbers
from .common.text import safe

__all__ = [
    "COMPARED",
    "LIVE_SEARCH",
    "LIVE_TRAIN",
    "METRICS",
    "OVERVIEW",
    "SEARCH_CHARTS",
    "TRAIN_CHARTS",
    "Better",
    "ChartGroup",
    "Metric",
    "metric_of",
]

Better = Literal["", "low", "high", "zero"]
Rows = Literal["step", "epoch"]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric, identified by its ``key`` in the rows.

    ``label`` is its full name, ``short`` the one in tables and lines, ``line`` the one next to others in a chart.
    ``rows`` is the kind of row that charts take it from. ``unit`` is the displayed unit; shares are stored from 0
    to 1 and shown in percent. ``better`` says which value is best. A metric with ``parts`` is in no row itself: it
    is their mean, or their sum if ``counted``; so is one whose value in a row is a list.
    """

    key: str
    label: str
    short: str = ""
    line: str = ""
    rows: Rows = "step"
    unit: str = ""
    better: Better = ""
    parts: tuple[str, ...] = ()
    counted: bool = False
    write: Callable[[object], str] = numbers.metric

    @property
    def share(self) -> bool:
        """Whether it is stored as a share from 0 to 1."""
        return self.unit == "%"

    @property
    def title(self) -> str:
        """The label with its unit, if any."""
        return f"{self.label} ({self.unit})" if self.unit else self.label


def _share(
    key: str, label: str, short: str, line: str, *, rows: Rows = "epoch", better: Better = "high"
) -> Metric:
    return Metric(
        key=key,
        label=label,
        short=short,
        line=line,
        rows=rows,
        unit="%",
        better=better,
        write=numbers.percent,
    )


def _loss(key: str, label: str, short: str, line: str, rows: Rows = "epoch") -> Metric:
    return Metric(key=key, label=label, short=short, line=line, rows=rows, unit="nats", better="low")


def _per_kind(name: str, label: str, **options: object) -> tuple[Metric, Metric]:
    """Return the metric for each kind of cell."""
    kinds = (("normal", "normal"), ("reduce", "reduction"))
    normal, reduction = (
        Metric(key=f"{name}_{key}", label=f"{label}, {kind} cell", line=kind, **options)  # type: ignore[arg-type]
        for key, kind in kinds
    )
    return normal, reduction


def _count(value: object) -> str:
    finite = numbers.number(value)
    return "–" if finite is None else f"{finite:.6g}"


_CATALOGUE = (
    Metric(key="step", label="step", write=_count),
    Metric(key="epoch", label="epoch", rows="epoch", write=_count),
    Metric(key="loss", label="loss", unit="nats", better="low", parts=("weight_loss",)),
    _loss("weight_loss", "weight loss", "loss", "training", "step"),
    _loss("architecture_loss", "architecture loss", "arch.", "architecture", "step"),
    _loss("validation_loss", "validation loss", "val. loss", "validation"),
    _loss("supernet_loss", "super-net loss", "super-net loss", "super-net"),
    _loss("derived_loss", "derived network's loss", "derived loss", "derived"),
    _share("accuracy", "training accuracy", "train acc.", "training", rows="step"),
    _share("validation_accuracy", "validation accuracy", "val. acc.", "validation"),
    _share("supernet_accuracy", "super-net accuracy", "super-net acc.", "super-net"),
    _share("derived_accuracy", "derived network's accuracy", "derived acc.", "derived"),
    _share("gap", "consistency gap", "gap", "gap", better="zero"),
    Metric(
        key="sparsity",
        label="sparsity",
        unit="%",
        parts=("sparsity_normal", "sparsity_reduce"),
        write=numbers.percent,
    ),
    *_per_kind("sparsity", "sparsity", unit="%", write=numbers.percent),
    Metric(
        key="connections",
        label="connections, both cells",
        parts=("connections_normal", "connections_reduce"),
        counted=True,
        write=_count,
    ),
    *_per_kind("connections", "connections", counted=True, write=_count),
    Metric(
        key="entropy",
        label="entropy of the operation weights",
        rows="epoch",
        parts=("entropy_normal", "entropy_reduce"),
    ),
    *_per_kind("entropy", "entropy of the operation weights", rows="epoch"),
    *_per_kind("alpha_spread", "spread of α", rows="epoch"),
    *_per_kind("thresholds", "thresholds of the nodes"),
    Metric(key="temperature", label="temperature τ", short="temp."),
    Metric(key="learning_rate", label="learning rate", short="lr"),
    Metric(key="architecture_learning_rate", label="architecture learning rate", short="arch. lr"),
    Metric(key="drop_path", label="drop-path", unit="%", write=numbers.percent),
    Metric(key="gradient_norm", label="gradient norm"),
    Metric(key="genotype_changes", label="genotype changes", rows="epoch", write=_count),
    Metric(key="images_per_second", label="images per second", short="img/s", better="high", write=_count),
    Metric(key="memory_mb", label="memory", unit="MiB", better="low", write=_count),
    Metric(key="seconds", label="seconds per epoch", rows="epoch", better="low", write=numbers.duration),
    Metric(
        key="evaluation_seconds",
        label="seconds per evaluation",
        rows="epoch",
        better="low",
        write=numbers.duration,
    ),
)
METRICS = {metric.key: metric for metric in _CATALOGUE}


def metric_of(key: str) -> Metric:
    """Return the metric ``key``.

    A metric missing from the catalogue is a share if its key ends in "accuracy".
    """
    known = METRICS.get(key)
    if known is not None:
        return known
    share = key.endswith("accuracy")
    write = numbers.percent if share else numbers.metric
    return Metric(key=key, label=safe(key).replace("_", " "), unit="%" if share else "", write=write)


@dataclass(frozen=True)
class ChartGroup:
    """Metrics that share a chart. With ``per_node``, they are lists with one number, and one line, per node."""

    title: str
    keys: tuple[str, ...]
    per_node: bool = False

    @property
    def metrics(self) -> tuple[Metric, ...]:
        return tuple(metric_of(key) for key in self.keys)

    @property
    def share(self) -> bool:
        """Whether all its metrics are shares."""
        return all(metric.share for metric in self.metrics)


SEARCH_CHARTS = (
    ChartGroup("loss", ("weight_loss", "architecture_loss")),
    ChartGroup("accuracy", ("supernet_accuracy", "derived_accuracy")),
    ChartGroup("sparsity", ("sparsity_normal", "sparsity_reduce")),
    ChartGroup("consistency gap", ("gap",)),
    ChartGroup("temperature", ("temperature",)),
    ChartGroup("thresholds of the normal cell's nodes", ("thresholds_normal",), per_node=True),
    ChartGroup("thresholds of the reduction cell's nodes", ("thresholds_reduce",), per_node=True),
)
TRAIN_CHARTS = (
    ChartGroup("loss", ("weight_loss", "validation_loss")),
    ChartGroup("accuracy", ("accuracy", "validation_accuracy")),
    ChartGroup("validation accuracy", ("validation_accuracy",)),
    ChartGroup("learning rate", ("learning_rate",)),
)
# charts with one line per run, the most important first
COMPARED = (
    *("weight_loss", "validation_accuracy", "supernet_accuracy", "derived_accuracy", "gap"),
    *("sparsity_normal", "sparsity_reduce", "architecture_loss", "validation_loss", "accuracy"),
    *("temperature", "learning_rate"),
)
# curves of the live view, two rows of three
LIVE_SEARCH = (
    ("weight_loss", "architecture_loss", "supernet_accuracy"),
    ("sparsity_normal", "sparsity_reduce", "gap"),
)
LIVE_TRAIN = (
    ("weight_loss", "accuracy", "learning_rate"),
    ("validation_loss", "validation_accuracy", "drop_path"),
)
OVERVIEW = ("loss", "validation_accuracy", "sparsity", "gap")  # drawn by `plot` by default
