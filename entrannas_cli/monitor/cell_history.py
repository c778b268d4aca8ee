"""The history of the derived cells of one run, read incrementally."""

from __future__ import annotations

import math
import time
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from typing import Any

from ..common.atomic import dump_json
from ..common.files import BrokenRun
from ..method.genotype import Genotype, GenotypeError
from ..store.run import GENOTYPES_FILE, DerivedCells, Run

__all__ = ["MAX_CHARS", "CellHistory"]

CHUNK_BYTES = 2**17  # bytes read between checks of the clock
MAX_CHARS = 16 * 2**20  # characters: about ten thousand of our entries
CACHED_GENOTYPES = 32  # parsed genotypes kept


class CellHistory:
    """The derived cells of ``run``, oldest first, by index.

    An entry is kept as text and parsed on demand. If there are too many, the oldest are dropped; ``forgotten``
    counts them.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.version = 0
        self.forgotten = 0
        self.steps: list[int] = []  # of the entries, in ascending order
        self._epochs: list[int] = []
        self._texts: list[str] = []
        self._size = 0
        self._reader = run.genotypes_reader()
        self._parsed: OrderedDict[str, Genotype] = OrderedDict()

    def __len__(self) -> int:
        return len(self.steps)

    def read(self, budget: float = math.inf) -> bool:
        """Read new entries for at most about ``budget`` seconds; return whether there are more.

        ``version`` increases with each change.
        """
        deadline = time.monotonic() + budget
        more = True
        while more:
            new = self._reader.read_new(CHUNK_BYTES)
            more = new.more
            if new.superseded_from is not None:
                self._delete(bisect_left(self.steps, new.superseded_from), len(self))
                self.forgotten = self.forgotten if self.steps else 0
            for row in new.rows:
                self._add(row)
            if new.rows or new.superseded_from is not None:
                self.version += 1
            if time.monotonic() > deadline:
                break
        return more

    def at_step(self, step: int) -> int | None:
        """Return the index of the cells derived as of ``step``; None before the first."""
        return bisect_right(self.steps, step) - 1 if self.steps and step >= self.steps[0] else None

    def entry(self, index: int) -> DerivedCells:
        """Return the entry at ``index``, which may be negative.

        Raises ``BrokenRun`` if it is not a genotype.
        """
        text = self._texts[index]
        genotype = self._parsed.pop(text, None)
        if genotype is None:
            try:
                genotype = Genotype.from_json(text)
            except (GenotypeError, RecursionError) as error:
                path = self.run.path / GENOTYPES_FILE
                raise BrokenRun(path, f"step {self.steps[index]}: {error}") from None
        self._parsed[text] = genotype
        if len(self._parsed) > CACHED_GENOTYPES:
            self._parsed.popitem(last=False)
        return DerivedCells(self.steps[index], self._epochs[index], genotype)

    def _add(self, row: dict[str, Any]) -> None:
        epoch = row.get("epoch")
        try:
            text = dump_json(row.get("genotype") or {})
        except RecursionError:
            text = "{}"
        index = bisect_right(self.steps, row["step"])  # at the end, unless the file was tampered with
        self.steps.insert(index, row["step"])
        self._epochs.insert(index, epoch if type(epoch) is int else 0)
        self._texts.insert(index, text)
        self._size += len(text)
        if self._size > MAX_CHARS and len(self) > 1:
            drop = max(1, len(self) // 10)  # many at once, so that it is rarely needed
            self._delete(0, drop)
            self.forgotten += drop

    def _delete(self, start: int, end: int) -> None:
        self._size -= sum(map(len, self._texts[start:end]))
        del self.steps[start:end], self._epochs[start:end], self._texts[start:end]
