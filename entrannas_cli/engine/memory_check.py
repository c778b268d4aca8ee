"""Checks before a run builds anything that it fits into the free memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

from ..common.errors import RunFailed
from ..common.numbers import gib
from ..common.text import first_line
from ..config.base import with_values
from ..data.datasets import Dataset
from ..data.free_memory import free_memory
from ..method.fast.memory import MemoryEstimate
from ..store.session import RunSession
from .device import MIB, Compute

if TYPE_CHECKING:
    from ..config.search import SearchConfig
    from ..config.train import TrainConfig
    from .run_context import RunContext

__all__ = ["BatchSizes", "DoesNotFit", "MemoryCheck", "largest_that_fits", "memory_check"]

Config = TypeVar("Config", "SearchConfig", "TrainConfig")

SUGGESTED_SHARE = 0.9  # of the free memory, for suggested sizes: estimates are inexact
MIN_BATCH = 2  # images: batch-norm needs at least two


class BatchSizes(NamedTuple):
    """What can be changed to use less memory: batch sizes of steps and evaluations, and recomputation."""

    batch: int
    evaluation: int
    recompute: bool


Estimate = Callable[[Dataset, BatchSizes], MemoryEstimate]
Changes = dict[str, int]  # of batch sizes, by key


class DoesNotFit(Exception):
    """A run with ``device.fit_batch_size`` doesn't fit, but would with these ``changes``."""

    def __init__(self, changes: Changes) -> None:
        super().__init__(changes)
        self.changes = changes


@dataclass
class MemoryCheck:
    """Called with a run's images, it estimates the run's memory and compares it with the free memory.

    ``batch_key`` is the configuration key of the batch size, ``fallback_setting`` the one to suggest if no
    batch size fits; ``required`` says whether a run that does not fit is refused, ``fit`` whether it gets other
    batch sizes instead.
    """

    session: RunSession
    compute: Compute
    sizes: BatchSizes
    estimate: Estimate
    batch_key: str
    fallback_setting: str
    required: bool = True
    fit: bool = False
    _dataset: Dataset | None = field(default=None, init=False)
    _free: int = field(default=0, init=False)

    def __call__(self, dataset: Dataset) -> int:
        """Return the bytes that the run needs in addition to its images; 0 if that cannot be estimated.

        Raises ``RunFailed`` suggesting what would fit, if more is needed than is free, or ``DoesNotFit``.
        """
        if self.sizes.batch > len(dataset):
            return 0  # such a batch is refused later, with a better reason
        free = free_memory(self.compute.device)
        try:
            estimate = self.estimate(dataset, self.sizes)
        except (RuntimeError, NotImplementedError, TypeError, ValueError) as error:
            # a user's operation that needs real values
            self.session.log(f"memory: cannot be estimated: {first_line(error)}")
            return 0
        self._dataset, self._free = dataset, free
        need = f"about {gib(estimate.peak)} ({estimate.largest})"
        self.session.log(f"memory: at most {need}, {gib(free)} free on {self.compute.name}")
        self.session.update_summary({"memory_estimate_mb": round(estimate.peak / MIB, 1)})
        if estimate.peak <= free:
            return estimate.peak
        if not self.required:
            self.session.log("warning: memory: more than is free (device.check_memory = false)")
            return estimate.peak
        changes = self._changes(estimate)
        if self.fit and all(changes.values()):
            raise DoesNotFit(changes)
        raise RunFailed(
            f"not enough memory: {need} needed, {gib(free)} free on {self.compute.name}",
            [*self._suggestions(changes), "or skip this check: --set device.check_memory=false"],
        )

    def advice(self) -> str:
        """Return what to set after memory ran out despite the check."""
        batch = self.sizes.batch
        smaller = batch // 2
        if self._dataset is not None and (fitting := self._fitting_batch()):
            smaller = min(fitting, smaller)  # the estimate was too low, or less is free now
        change = f"{self.batch_key}={smaller}" if smaller >= MIN_BATCH else self.fallback_setting
        return f"batch size {batch} on {self.compute.name}: try --set {change}"

    def _changes(self, estimate: MemoryEstimate) -> Changes:
        """Return batch sizes that fit, in place of those that don't; 0 if none does."""
        changes = {}
        if estimate.step > self._free:
            changes[self.batch_key] = self._fitting_batch()
        if estimate.evaluation > self._free:
            changes["evaluation.batch_size"] = self._fitting_evaluation() or 1
        return changes

    def _suggestions(self, changes: Changes) -> list[str]:
        settings = [f"{key}={size}" if size else self.fallback_setting for key, size in changes.items()]
        suggestions = [f"use less memory: {' '.join(f'--set {setting}' for setting in settings)}"]
        if not self.sizes.recompute:
            recomputed = self._estimate(recompute=True)
            if recomputed.peak <= self._room:
                suggestions.append(
                    f"or recompute cells in the backward pass, about {gib(recomputed.peak)}: "
                    "--set device.activation_checkpointing=cells"
                )
        return suggestions

    @property
    def _room(self) -> int:
        return int(SUGGESTED_SHARE * self._free)

    def _estimate(self, **changes: int) -> MemoryEstimate:
        assert self._dataset is not None
        return self.estimate(self._dataset, self.sizes._replace(**changes))  # type: ignore[arg-type]

    def _fitting_batch(self) -> int:
        return largest_that_fits(lambda size: self._estimate(batch=size).step, self.sizes.batch, self._room)

    def _fitting_evaluation(self) -> int:
        return largest_that_fits(
            lambda size: self._estimate(evaluation=size).evaluation, self.sizes.evaluation, self._room
        )


def memory_check(
    context: RunContext[Config],
    section: Literal["search", "train"],
    estimate: Callable[[Config, Dataset], MemoryEstimate],
    *,
    fallback_setting: str,
) -> MemoryCheck:
    """Return the check of a run; ``section`` is the configuration section with its batch size."""
    config = context.config

    def estimate_with(dataset: Dataset, sizes: BatchSizes) -> MemoryEstimate:
        changes: dict[str, dict[str, Any]] = {
            section: {"batch_size": sizes.batch},
            "evaluation": {"batch_size": sizes.evaluation},
            "device": {"activation_checkpointing": "cells" if sizes.recompute else "none"},
        }
        return estimate(with_values(config, changes), dataset)

    return MemoryCheck(
        session=context.session,
        compute=context.compute,
        sizes=BatchSizes(
            getattr(config, section).batch_size,
            config.evaluation.batch_size,
            config.device.activation_checkpointing == "cells",
        ),
        estimate=estimate_with,
        batch_key=f"{section}.batch_size",
        fallback_setting=fallback_setting,
        required=config.device.check_memory,
        fit=config.device.fit_batch_size and not context.session.run.checkpoints(),
    )


def largest_that_fits(need: Callable[[int], int], too_large: int, room: int) -> int:
    """Return nearly the largest batch size for which ``need`` is at most ``room`` bytes; 0 if there is none.

    ``need`` is the maximum of several linear functions, so it is convex and lies below the straight line from the
    smallest size to ``too_large``. The size is interpolated on that line.
    """
    least, most = need(MIN_BATCH), need(too_large)
    if least > room:
        return 0
    if most <= room:
        return too_large
    size = MIN_BATCH + int((room - least) / (most - least) * (too_large - MIN_BATCH))
    return size // 8 * 8 if size >= 16 else size
