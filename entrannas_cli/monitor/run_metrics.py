"""The metrics of one run as arrays for curves, read incrementally."""

from __future__ import annotations

import math
import time
from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Mapping, Set
from typing import Any

from ..store.run import Run

__all__ = ["KINDS", "MAX_LIST_LENGTH", "MAX_SERIES", "MAX_STEP", "MetricValues", "RunMetrics"]

KINDS = ("step", "epoch")  # of rows
CHUNK_BYTES = 2**17  # bytes read between checks of the clock: a few milliseconds of work
MAX_STEP = 2**53  # floats represent every integer up to here
MAX_SERIES = 512  # per kind; ours have about twenty
MAX_LIST_LENGTH = 64  # the elements of longer lists don't become series
KEPT_ROWS = 4  # per kind, kept as read: after a resume an earlier one is the last
_NO_VALUES = frozenset(("kind", "step"))


class MetricValues:
    """One metric: ``y``, finite numbers, and ``x``, their steps, strictly increasing. Both are ``array("d")``.

    ``x`` may be longer than ``y``: series with a value in every row share it. The arrays belong to
    :class:`RunMetrics` and grow: don't change them, keep no buffer of them (``memoryview``, NumPy), and read them
    only on its thread.
    """

    __slots__ = ("x", "y")

    def __init__(self, x: array[float]) -> None:
        self.x = x
        self.y: array[float] = array("d")

    def __len__(self) -> int:
        return len(self.y)


class RunMetrics:
    """The metrics of ``run`` so far, with a :class:`MetricValues` for each kind of row and numeric key.

    Elements of lists of numbers have keys such as ``thresholds_normal.0``. Other values, such as the weights of
    each edge, are kept for the last row only. Missing, null and non-finite values leave no point. With ``keys``,
    only their series are kept, to save memory when many runs are watched at once.
    """

    def __init__(self, run: Run, keys: Set[str] | None = None) -> None:
        self.run = run
        self.version = 0
        self._reader = run.metrics_reader()
        self._kinds = {kind: _Rows(keys) for kind in KINDS}

    def read(self, budget: float = math.inf) -> bool:
        """Read new rows for at most about ``budget`` seconds; return whether there are more.

        It starts at the beginning of the file, so curves grow until complete. ``version`` increases with each
        change.
        """
        deadline = time.monotonic() + budget
        more = True
        while more:
            new = self._reader.read_new(CHUNK_BYTES)
            more = new.more
            if new.superseded_from is not None:
                for rows in self._kinds.values():
                    rows.drop(new.superseded_from)
            for row in new.rows:
                kind = row.get("kind")
                if kind in KINDS and 0 <= row["step"] <= MAX_STEP:
                    self._kinds[kind].add(row)
            if new.rows or new.superseded_from is not None:
                self.version += 1
            if time.monotonic() > deadline:
                break
        return more

    def series(self, kind: str, key: str) -> MetricValues:
        """Return the values of ``key`` in the rows of ``kind``, "step" or "epoch"; empty if there are none."""
        return self._kinds[kind].series.get(key) or MetricValues(array("d"))

    def names(self, kind: str) -> tuple[str, ...]:
        """Return the keys with values in the rows of ``kind``, in order of appearance."""
        return tuple(key for key, series in self._kinds[kind].series.items() if series.y)

    def last(self, kind: str) -> Mapping[str, Any]:
        """Return the row of ``kind`` with the highest step, as read; empty before there is one."""
        return self._kinds[kind].last


class _Rows:
    """The rows of one kind, by column. ``steps`` has the step of each row: the ``x`` of series without gaps."""

    def __init__(self, keys: Set[str] | None) -> None:
        self._keys = keys
        self.steps: array[float] = array("d")
        self.series: dict[str, MetricValues] = {}
        self._last_rows: deque[dict[str, Any]] = deque(maxlen=KEPT_ROWS)

    @property
    def last(self) -> Mapping[str, Any]:
        return self._last_rows[-1] if self._last_rows else {}

    def add(self, row: dict[str, Any]) -> None:
        step = row["step"]
        if not self.steps or step > self.steps[-1]:
            self.steps.append(step)
            put = self._append
            self._last_rows.append(row)
        else:  # out of order: only in a file that was tampered with
            self._unshare()
            put = self._insert
            if step == self.last.get("step"):
                self._last_rows[-1] = row
        for key, value in row.items() if self._keys is None else self._selected(row, self._keys):
            value_type = type(value)
            if value_type is float or value_type is int:
                if key not in _NO_VALUES:
                    put(key, step, value)
            elif value_type is list and len(value) <= MAX_LIST_LENGTH:
                for n, element in enumerate(value):
                    if type(element) is float or type(element) is int:
                        put(f"{key}.{n}", step, element)

    @staticmethod
    def _selected(row: Mapping[str, Any], keys: Set[str]) -> list[tuple[str, Any]]:
        return [(key, row[key]) for key in keys if key in row]

    def drop(self, first: int) -> None:
        """Drop the rows from step ``first`` on."""
        for series in self.series.values():
            index = bisect_left(series.x, first)
            del series.y[index:]
            if series.x is not self.steps:
                del series.x[index:]
        del self.steps[bisect_left(self.steps, first) :]
        while self._last_rows and self._last_rows[-1]["step"] >= first:
            self._last_rows.pop()

    def _append(self, key: str, step: int, value: float) -> None:
        series = self.series.get(key)
        if series is None and (series := self._new(key, shared=len(self.steps) == 1)) is None:
            return
        if value - value != 0:  # not finite
            return
        x, y, steps = series.x, series.y, self.steps
        count = len(y)
        try:
            y.append(value)
        except OverflowError:  # an integer that is too large for a float
            return
        if x is steps:
            if count == len(steps) - 1:
                return
            if count < len(steps):  # its first gap
                series.x = steps[:count]
                series.x.append(step)
                return
        elif not x or x[-1] != step:
            x.append(step)
            return
        y[count - 1] = y.pop()  # a key "a.0" next to a list "a"

    def _insert(self, key: str, step: int, value: float) -> None:
        """Insert a value out of order; the later value of a step counts."""
        series = self.series.get(key)
        if series is None and (series := self._new(key, shared=False)) is None:
            return
        try:
            number = float(value)
        except OverflowError:
            return
        if not math.isfinite(number):
            return
        index = bisect_left(series.x, step)
        if index < len(series.x) and series.x[index] == step:
            series.y[index] = number
        else:
            series.x.insert(index, step)
            series.y.insert(index, number)

    def _new(self, key: str, *, shared: bool) -> MetricValues | None:
        if len(self.series) >= MAX_SERIES:
            return None
        series = self.series[key] = MetricValues(self.steps if shared else array("d"))
        return series

    def _unshare(self) -> None:
        for series in self.series.values():
            if series.x is self.steps:
                series.x = self.steps[: len(series.y)]
