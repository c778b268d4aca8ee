"""Which metrics can be drawn: any number in the metric rows, and a few that are made of several."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..common.errors import UsageError
from ..common.numbers import number
from ..common.text import did_you_mean, safe, shown

__all__ = ["OVERVIEW", "Metric", "metric_named", "names_in", "parse_metrics", "unknown_metric"]

OVERVIEW = ("loss", "validation_accuracy", "sparsity", "gap")  # drawn where nothing is asked for, if there
_MAX_VALUE = 3.5e38  # of a single precision number: what is more is damage, and would spoil the axis
_NOT_DRAWN = {"step", "epoch", "time", "kind"}


@dataclass(frozen=True)
class Metric:
    """A metric: its name, what stands on its axis, and the keys of a row that it is the mean of.

    ``share`` says that its values are shares of 1, drawn in percent.
    """

    name: str
    label: str
    keys: tuple[str, ...]
    share: bool = False

    def value(self, row: Mapping[str, Any]) -> float | None:
        """The metric's value in ``row`` as it is drawn, shares in percent; None where the row has none."""
        found = [value for key in self.keys if (value := _number_in(row, key)) is not None]
        if not found:
            return None
        total = sum(found) if self.name == "connections" else sum(found) / len(found)
        if abs(total) > _MAX_VALUE:
            return None
        return 100 * total if self.share else total


_COMPOSED = {
    "loss": ("weight_loss",),
    "sparsity": ("sparsity_normal", "sparsity_reduce"),
    "connections": ("connections_normal", "connections_reduce"),
    "entropy": ("entropy_normal", "entropy_reduce"),
}
_LABELS = {
    "loss": "loss (nats)",
    "weight_loss": "weight loss (nats)",
    "architecture_loss": "architecture loss (nats)",
    "validation_loss": "validation loss (nats)",
    "supernet_loss": "super-net loss (nats)",
    "derived_loss": "derived network's loss (nats)",
    "accuracy": "training accuracy",
    "supernet_accuracy": "super-net accuracy",
    "derived_accuracy": "derived network's accuracy",
    "gap": "consistency gap",
    "sparsity_normal": "sparsity, normal cell",
    "sparsity_reduce": "sparsity, reduction cell",
    "connections": "connections, both cells",
    "connections_normal": "connections, normal cell",
    "connections_reduce": "connections, reduction cell",
    "entropy": "entropy of the operation weights",
    "entropy_normal": "entropy, normal cell",
    "entropy_reduce": "entropy, reduction cell",
    "temperature": "temperature τ",
    "images_per_second": "images per second",
    "memory_mb": "memory (MiB)",
    "seconds": "seconds per epoch",
    "evaluation_seconds": "seconds per evaluation",
}


def metric_named(name: str) -> Metric:
    """The metric ``name``; whether any row has it, the rows tell."""
    share = name == "gap" or name.endswith("accuracy") or name.startswith("sparsity")
    label = _LABELS.get(name) or safe(name).replace("_", " ")
    return Metric(name, f"{label} (%)" if share else label, _COMPOSED.get(name, (name,)), share)


def parse_metrics(texts: Iterable[str]) -> list[Metric]:
    """The metrics that a user asks for: names, or several with commas between them. Raises ``UsageError``."""
    names = [name.strip() for text in texts for name in text.split(",")]
    if not all(names):
        raise UsageError("--metric: an empty name; write for example `--metric loss,sparsity`")
    return [metric_named(name) for name in dict.fromkeys(names)]


def names_in(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """The metrics that ``rows`` have a value of, in the order of the alphabet."""
    keys = {key for row in rows for key in row if key not in _NOT_DRAWN and _number_in(row, key) is not None}
    return sorted(keys | {name for name, parts in _COMPOSED.items() if keys.intersection(parts)})


def unknown_metric(name: str, known: Sequence[str]) -> UsageError:
    """The error for a metric that no run has a value of."""
    if not known:
        return UsageError(f"--metric {shown(name)}: none of the runs has any metric yet")
    return UsageError(
        f"--metric {shown(name)}: none of the runs has it{did_you_mean(name, known)}",
        [f"they have: {', '.join(safe(one) for one in known)}"],
    )


def _number_in(row: Mapping[str, Any], key: str) -> float | None:
    """A number of the row; of a number a node, the sum where they count, otherwise the mean."""
    value = row.get(key)
    if not isinstance(value, list):
        return number(value)
    found = [one for one in map(number, value) if one is not None]
    if not found or len(found) < len(value):
        return None
    return sum(found) if key.startswith("connections") else sum(found) / len(found)
