"""From steps to rows on the disk, without making the device wait for each of them."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import torch

from ..method.bilevel import BilevelSearch, StepOutcome
from ..method.space import SearchSpace
from ..runtime.device import Compute, memory_in_use
from ..store.session import RunSession
from .checkpoint import LoopState
from .observer import Row, SearchObserver
from .rows import cell_facts, pack, sparsity_facts, unpack

__all__ = ["NotFinite", "StepRecorder"]

MEAN_OF = ("weight_loss", "architecture_loss", "accuracy")
FLUSH_SECONDS = 0.25  # on a GPU, where reading a value waits for the device


class NotFinite(Exception):
    """A loss that is no number any more, ``what`` in ``step``."""

    def __init__(self, step: int, what: str) -> None:
        super().__init__(f"step {step}: {what} is not finite")


@dataclass(frozen=True)
class _Pending:
    row: Row
    values: torch.Tensor
    warmup: bool


class StepRecorder:
    """Buffers the steps of a search and writes their rows, at once on a CPU, a few times a second on a GPU."""

    def __init__(
        self,
        session: RunSession,
        observer: SearchObserver,
        state: LoopState,
        compute: Compute,
        space: SearchSpace,
        batch_size: int,
    ) -> None:
        self._session, self._observer, self._state = session, observer, state
        self._compute, self._space, self._batch_size = compute, space, batch_size
        self._pending: list[_Pending] = []
        self._interval = 0.0 if compute.device.type == "cpu" else FLUSH_SECONDS
        self.restart_clock()

    def restart_clock(self) -> None:
        """The time since the last flush was not spent on steps."""
        self._mark = time.perf_counter()

    def add(self, facts: Row, outcome: StepOutcome, search: BilevelSearch) -> None:
        """Takes a step; writes what is pending if it is time. Raises ``NotFinite``."""
        row = {
            **facts,
            **sparsity_facts(outcome.mixtures, self._space),
            **cell_facts(search.genotype),
        }
        self._pending.append(_Pending(row, pack(outcome, search), outcome.architecture_loss is None))
        if time.perf_counter() - self._mark >= self._interval:
            self.flush()

    def flush(self) -> None:
        """Writes all pending rows. Raises ``NotFinite`` after the row of the first loss that isn't."""
        if not self._pending:
            return
        pending, self._pending = self._pending, []
        values = torch.stack([step.values for step in pending]).tolist()  # waits for the device
        now = time.perf_counter()
        seconds, self._mark = now - self._mark, now
        self._state.search_seconds += seconds
        self._state.epoch_seconds += seconds
        images = sum(self._batch_size * (1 if step.warmup else 2) for step in pending)
        self._state.images += images
        speed = {
            "images_per_second": images / seconds,
            "memory_mb": memory_in_use(self._compute.device),
        }
        for step, numbers in zip(pending, values, strict=True):
            row = {**step.row, **unpack(numbers, warmup=step.warmup), **speed}
            self._session.step(row)
            self._observer.step({"kind": "step", **row})
            self._count(row)
            for key, what in (
                ("architecture_loss", "the architecture loss"),
                ("weight_loss", "the weight loss"),
                ("gradient_norm", "the gradient of the weights"),
            ):
                if row[key] is not None and not math.isfinite(row[key]):
                    raise NotFinite(row["step"], what)

    def _count(self, row: Row) -> None:
        self._state.steps_in_epoch += 1
        for key in MEAN_OF:
            if row[key] is not None:
                self._state.sums[key] = self._state.sums.get(key, 0.0) + row[key]

    def epoch_means(self) -> Row:
        """The means over the steps since the last call; starts the next epoch's."""
        state = self._state
        means: Row = {
            key: state.sums[key] / state.steps_in_epoch if key in state.sums else None for key in MEAN_OF
        }
        means |= {
            "genotype_changes": state.genotype_changes,
            "seconds": state.epoch_seconds,
            "images_per_second": state.images / max(state.epoch_seconds, 1e-9),
            "memory_mb": memory_in_use(self._compute.device),
        }
        state.sums, state.steps_in_epoch, state.images, state.genotype_changes = {}, 0, 0, 0
        state.epoch_seconds = 0.0
        return means
