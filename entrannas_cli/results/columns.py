"""The columns of result tables: keys, headings, units, number formats, and the readers of their values.

Numbers are in the unit of the heading: errors, accuracies, sparsity and gap in percent, parameters and
multiply-adds in millions.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..common.numbers import number
from ..common.text import plain
from ..metrics import METRICS, Better
from . import column_values as values

__all__ = [
    "COLUMNS",
    "DEFAULT_COLUMNS",
    "MISSING",
    "PUBLISHED",
    "Column",
    "Kind",
    "cell_text",
    "scalar",
    "spread_key",
]

Kind = Literal["text", "count", "number", "flag", "time", "tags"]

MISSING = "–"
PUBLISHED = "published"  # state and kind of a row that isn't one of our runs


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column. ``read`` returns its value for a run, or None.

    ``better`` says which value is best, ``rank`` which columns are dropped first if space is short (the highest).
    ``usual`` columns are shown by default. A value ``of_search`` is the same for every training of one search's
    cells, so statistics count it once per search.
    """

    key: str
    heading: str
    about: str
    read: values.Reader = lambda run: None
    kind: Kind = "text"
    unit: str = ""
    decimals: int | None = None
    keeps_digits: bool = False  # 0.0012 GPU-days aren't 0.00
    better: Better = ""
    rank: int = 9
    usual: bool = False
    of_search: bool = False

    @property
    def is_number(self) -> bool:
        """Whether its values have a mean."""
        return self.kind in ("count", "number")

    @property
    def title(self) -> str:
        """The heading with its unit: "test error (%)"."""
        return f"{self.heading} ({self.unit})" if self.unit else self.heading

    def text(self, value: object, spread: object = None) -> str:
        """Return ``value`` for people, followed by its standard deviation ``spread``, if any."""
        if not self.is_number:
            return MISSING if _is_missing(value) else cell_text(value)
        mean, deviation = _float(value), _float(spread)
        if mean is None:
            return MISSING
        text = self._format(mean)
        if deviation is None:
            return text
        if "e" in text or self.decimals is None:
            return f"{text} ± {deviation:.2g}"
        return f"{text} ± {deviation:.{len(text.partition('.')[2])}f}"

    def _format(self, value: float) -> str:
        if self.kind == "count" and value.is_integer():
            return f"{value:.0f}"
        if self.decimals is None:
            return f"{value:.6g}"
        if self.keeps_digits and 0 < abs(value) < 10.0 ** (1 - self.decimals):
            return f"{value:.2g}"
        return f"{value:.{self.decimals}f}"


def _float(value: object) -> float | None:
    """Return a finite number, also from NumPy and pandas types, or None."""
    if value is None or isinstance(value, str | bool):
        return None
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):  # pandas.NA
        return None
    return found if math.isfinite(found) else None


def _is_missing(value: object) -> bool:
    return not isinstance(value, str | bool) and _float(value) is None


def cell_text(value: object) -> str:
    """Return a string, number or flag as text, with true and false as in TOML and JSON."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def spread_key(key: str) -> str:
    """Return the key of the column with the standard deviation of ``key``."""
    return f"{key}_std"


def _metric(key: str, about: str, *, of_search: bool = False, **options: Any) -> Column:
    """Return the column of a metric in the catalogue, as of the last epoch."""
    metric = METRICS[key]
    return Column(
        key=key,
        heading=metric.short,
        about=about,
        read=values.scaled(key, 100 if metric.share else 1, of_search=of_search),
        kind="number",
        unit="%" if metric.share else "",
        decimals=2 if metric.share else 3,
        better=metric.better,
        of_search=of_search,
        **options,
    )


def _percent(key: str, heading: str, about: str, better: Better, **options: Any) -> Column:
    return Column(
        key=key,
        heading=heading,
        about=about,
        read=values.scaled(key, 100),
        kind="number",
        unit="%",
        decimals=2,
        better=better,
        **options,
    )


def _cost(
    key: str, heading: str, about: str, read: values.Reader, unit: str, decimals: int, **options: Any
) -> Column:
    """Return a column of which less is better, and which never rounds to 0."""
    return Column(
        key=key,
        heading=heading,
        about=about,
        read=read,
        kind="number",
        unit=unit,
        decimals=decimals,
        keeps_digits=True,
        better="low",
        **options,
    )


_ALL = (
    Column(key="run", heading="run", about="Run id.", read=lambda run: plain(run.id), rank=0, usual=True),
    Column(
        key="kind",
        heading="kind",
        about="search, train or rank; published for published results.",
        read=lambda run: plain(run.status.kind),
        rank=8,
        usual=True,
    ),
    Column(
        key="state",
        heading="state",
        about="created, running, completed, stopped, failed, lost; or published.",
        read=lambda run: run.status.state,
        rank=1,
        usual=True,
    ),
    Column(
        key="space", heading="space", about="Search space.", read=values.text("space"), rank=2, usual=True
    ),
    Column(
        key="method", heading="method", about="Search method.", read=values.text("method"), rank=1, usual=True
    ),
    Column(
        key="cells",
        heading="cells",
        about="Which cells were trained: a search run, a file or a published name.",
        read=values.text("cells"),
        rank=6,
        usual=True,
    ),
    Column(key="dataset", heading="data", about="Data set.", read=values.text("dataset"), rank=3, usual=True),
    Column(
        key="seed", heading="seed", about="Seed.", read=values.count("seed"), kind="count", rank=3, usual=True
    ),
    Column(
        key="epochs",
        heading="epochs",
        about="Epochs to run.",
        read=lambda run: run.status.epochs or None,
        kind="count",
        rank=5,
        usual=True,
    ),
    Column(
        key="epoch",
        heading="epoch",
        about="Epochs done.",
        read=lambda run: run.status.epoch,
        kind="count",
    ),
    _percent("test_error", "test error", "Test error of the last weights.", "low", rank=0, usual=True),
    Column(
        key="test_error_std",
        heading="± test error",
        about="Published standard deviation of the test error.",
        kind="number",
        unit="%",
        decimals=2,
    ),
    _percent(
        "best_test_error",
        "best test error",
        "Test error of the weights with the best validation accuracy.",
        "low",
        rank=7,
    ),
    _metric("validation_accuracy", "Accuracy on held-out images, last epoch.", rank=4, usual=True),
    _percent(
        "best_validation_accuracy", "best val. acc.", "The best epoch's accuracy on held-out images.", "high"
    ),
    _percent("test_accuracy", "test acc.", "Test accuracy of the last weights.", "high"),
    _percent(
        "best_test_accuracy",
        "best test acc.",
        "Test accuracy of the same weights as best_test_error.",
        "high",
    ),
    _metric("accuracy", "Accuracy on the images that train the weights."),
    _cost(
        "parameters",
        "params",
        "Parameters of the trained network, or of a search's target network.",
        values.scaled("parameters", 1e-6),
        "M",
        2,
        rank=2,
        usual=True,
    ),
    _cost(
        "multiply_adds",
        "mult-adds",
        "Multiply-adds of the same network per image.",
        values.scaled("multiply_adds", 1e-6),
        "M",
        0,
        rank=4,
        usual=True,
    ),
    _cost(
        "search_gpu_days",
        "search",
        "Search cost; on a CUDA GPU only.",
        values.scaled("gpu_days", of_search=True),
        "GPU-days",
        2,
        rank=2,
        usual=True,
        of_search=True,
    ),
    _cost(
        "search_seconds",
        "search",
        "Time of the search steps, without evaluations.",
        values.scaled("search_seconds", of_search=True),
        "s",
        0,
        rank=3,
        usual=True,
        of_search=True,
    ),
    Column(
        key="search_device",
        heading="searched on",
        about="Device of the search.",
        read=values.search_text("device"),
        rank=7,
        usual=True,
    ),
    Column(
        key="topology",
        heading="topology",
        about="Connections per node: normal/reduction cell.",
        read=values.topology,
        rank=6,
        usual=True,
    ),
    Column(
        key="sparsity",
        heading="sparsity",
        about="Share of candidate connections with zero weight, mean of both cells.",
        read=values.sparsity,
        kind="number",
        unit="%",
        decimals=1,
        rank=2,
        usual=True,
        of_search=True,
    ),
    _metric(
        "gap",
        "Consistency gap: accuracy of the super-net minus that of the derived network.",
        rank=2,
        usual=True,
        of_search=True,
    ),
    _metric("supernet_accuracy", "Accuracy of the super-net.", of_search=True),
    _metric("derived_accuracy", "Accuracy of the derived network with inherited weights.", of_search=True),
    Column(
        key="search_run",
        heading="search run",
        about="Search that the cells are from.",
        read=values.search_text("id"),
    ),
    _metric("weight_loss", "Weight loss, last epoch."),
    _cost(
        "train_gpu_days",
        "training",
        "Training cost; on a CUDA GPU only.",
        values.training_number("gpu_days"),
        "GPU-days",
        2,
    ),
    _cost(
        "train_seconds",
        "training",
        "Time of the training steps.",
        values.training_number("train_seconds"),
        "s",
        0,
    ),
    Column(key="device", heading="device", about="Device of the run.", read=values.text("device")),
    Column(
        key="network", heading="network", about="Network that was trained or measured.", read=values.network
    ),
    Column(
        key="tags",
        heading="tags",
        about="Your tags; the condition tags=TAG holds if TAG is one of them.",
        read=lambda run: " ".join(run.notes.tags) or None,
        kind="tags",
        rank=5,
    ),
    Column(
        key="created", heading="created", about="Time of creation (UTC).", read=values.created, kind="time"
    ),
    Column(key="source", heading="source", about="Source of a published result.", rank=4),
    Column(key="path", heading="path", about="Run directory.", read=lambda run: plain(str(run.path))),
)

COLUMNS: Mapping[str, Column] = {column.key: column for column in _ALL}
DEFAULT_COLUMNS = tuple(column.key for column in _ALL if column.usual)


def scalar(value: object) -> object:
    """Return a value from a file as a table cell: numbers, booleans and strings unchanged, others as JSON."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return plain(value) or None
    if isinstance(value, int) and abs(value) < values.MAX_COUNT:
        return value
    if isinstance(value, int | float):
        return number(value)
    return plain(json.dumps(value, ensure_ascii=False, default=str))
