"""The search itself: one plain loop over steps, from a run directory and back into it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from ..data.search_data import SearchData
from ..data.streams import evaluation_batches
from ..errors import RunFailed, UsageError
from ..method.bilevel import Batch, BilevelSearch
from ..method.space import SearchSpace
from ..runtime.device import Compute
from ..runtime.failures import explained
from ..store.session import RunSession
from .checkpoint import DamagedCheckpoint, LoopState, load_checkpoint, restore, save_checkpoint
from .collapse import collapse_warning
from .evaluate import compare_with_derived
from .identity import identity
from .observer import Row, SearchObserver
from .recorder import NotFinite, StepRecorder
from .rows import architecture_facts, cell_facts, operation_facts, sparsity_facts
from .schedule import Schedule

if TYPE_CHECKING:
    from ..config.schema import SearchConfig

__all__ = ["SearchLoop"]

SECONDS_A_DAY = 86_400
SUMMARISED = (
    *("weight_loss", "architecture_loss", "accuracy", "supernet_accuracy", "derived_accuracy", "gap"),
    *("sparsity_normal", "sparsity_reduce", "connections_normal", "connections_reduce"),
    *("operations_normal", "operations_reduce"),
)


class SearchLoop:
    """Runs ``search`` on ``data`` step by step; writes to ``session`` and tells ``observer``."""

    def __init__(
        self,
        *,
        config: SearchConfig,
        space: SearchSpace,
        compute: Compute,
        data: SearchData,
        search: BilevelSearch,
        session: RunSession,
        observer: SearchObserver,
    ) -> None:
        self.config, self.space, self.compute = config, space, compute
        self.data, self.search = data, search
        self.session, self.observer = session, observer
        self.schedule = Schedule(config, data.weights.steps_per_epoch)
        self.identity = identity(config, space, data.dataset)
        self.state = LoopState()
        self.epochs_with_signs = 0  # of a collapse, in a row: they may come and go

    def restore(self) -> None:
        """Goes back to the newest checkpoint; to the start if there is none.

        A damaged one is set aside, and the one before it taken. Raises ``RunFailed`` if none is left, or if one
        can't be read or used for another reason: what may be in it must not be lost by starting anew.
        """
        checkpoints = self.session.run.checkpoints()
        for path in checkpoints:
            try:
                content = load_checkpoint(path)
            except DamagedCheckpoint as error:
                aside = path.replace(path.with_suffix(".damaged"))
                self.observer.message("warning", f"{error}; set aside as {aside.name}")
                continue
            self.state = restore(content, self.search, self.identity)
            return
        if checkpoints:
            raise RunFailed(
                "no checkpoint can be read: they are set aside as *.damaged; resuming once more starts from scratch"
            )
        if step := self.session.run.status().step:
            self.observer.message(
                "warning", f"step {step} was reached, but no checkpoint is there: from the start"
            )

    def run(self) -> bool:
        """Searches to the end, or until the session is asked to stop; whether the end was reached.

        What was done is then in a checkpoint. Raises ``RunFailed`` when a loss is not finite, or an image can't
        be read.
        """
        step, warmup = self.state.step, self.schedule.warmup_steps
        try:
            with (
                closing(self.data.weights.iterate(step)) as training,
                closing(self.data.architecture.iterate(max(step, warmup))) as validation,
            ):
                self._steps(training, validation)
        except NotFinite as error:
            raise self._diverged(error) from None
        except UsageError as error:  # an image, or the folder of them: the run itself was fine, and can go on
            raise RunFailed(error.message, error.details) from error
        return self.state.step >= self.schedule.steps

    def _steps(self, training: Iterator[Batch], validation: Iterator[Batch]) -> None:
        config, schedule, search, state = self.config, self.schedule, self.search, self.state
        recorder = StepRecorder(
            self.session, self.observer, state, self.compute, self.space, config.search.batch_size
        )
        saved = time.monotonic()
        stop = self.session.stop_requested
        for step in range(state.step + 1, schedule.steps + 1):
            if stop:
                return
            warmup = step <= schedule.warmup_steps
            facts: Row = {
                "step": step,
                "epoch": schedule.epoch(step),
                "learning_rate": schedule.learning_rate(step),
                "architecture_learning_rate": 0.0 if warmup else config.architecture.learning_rate,
                "temperature": schedule.temperature(step),
            }
            for group in search.weight_optimizer.param_groups:
                group["lr"] = facts["learning_rate"]
            before = search.genotype
            try:
                outcome = search.step(
                    next(training),
                    None if warmup else next(validation),
                    temperature=facts["temperature"],
                    derive=schedule.derives(step),
                )
            except FloatingPointError:
                recorder.flush()  # names the loss, if one was not finite before
                raise NotFinite(step, "the architecture") from None
            if search.genotype != before:
                self._record_change(facts)
            recorder.add(facts, outcome, search)
            state.step = step

            if schedule.ends_epoch(step):
                recorder.flush()
                sparsity = sparsity_facts(outcome.mixtures, self.space)
                self._end_epoch({**facts, **recorder.epoch_means(), **sparsity})
                recorder.restart_clock()
            stop = self.session.stop_requested  # looked at once, so that a stop always has its checkpoint
            due = time.monotonic() - saved >= 60 * config.checkpoint.minutes
            if schedule.ends_epoch(step) or stop or due:
                recorder.flush()
                self.session.save_checkpoint(step, self._save)
                recorder.restart_clock()
                saved = time.monotonic()

    def _save(self, path: Path) -> None:
        save_checkpoint(path, self.search, self.state, self.identity)

    def _record_change(self, facts: Row) -> None:
        self.state.genotype_changes += 1
        self.session.derived(facts["step"], facts["epoch"], self.search.genotype)
        self.observer.derived(facts["step"], self.search.genotype)

    def _end_epoch(self, row: Row) -> None:
        """Compares super-net and derived network, writes the epoch's row and the summary."""
        row |= {
            **architecture_facts(self.search, row["temperature"]),
            **cell_facts(self.search.genotype),
            **operation_facts(self.search.genotype),
        }
        if self.schedule.evaluates(row["step"]):
            row |= self._comparison(row)
            self.state.evaluation_seconds += row["evaluation_seconds"]
        warning = collapse_warning(self.search.genotype)
        self.session.epoch(row)
        self.session.summary(
            {key: row[key] for key in SUMMARISED if row.get(key) is not None}
            | {"warnings": [warning] if warning else []}
            | self._cost()
        )
        self.epochs_with_signs = self.epochs_with_signs + 1 if warning else 0
        if self.epochs_with_signs == 2:
            self.observer.message("warning", warning)
        self.observer.epoch({"kind": "epoch", **row})

    def _comparison(self, row: Row) -> Row:
        began = time.perf_counter()
        size = self.config.evaluation.batch_size
        with explained(out_of_memory=f"evaluation.batch_size {size} on {self.compute.name}: try half of it"):
            comparison = compare_with_derived(
                self.search,
                row["temperature"],
                # as in training: shuffled and augmented
                calibration=lambda: islice(
                    self.data.weights.iterate(row["step"]), self.config.evaluation.calibration_batches
                ),
                validation=lambda: evaluation_batches(
                    self.data.dataset,
                    self.data.architecture_indices,
                    size,
                    self.compute.device,
                    workers=self.config.data.workers,
                    memory_format=self.compute.memory_format,
                ),
            )
        return {
            "supernet_loss": comparison.supernet.loss,
            "supernet_accuracy": comparison.supernet.accuracy,
            "derived_loss": comparison.derived.loss,
            "derived_accuracy": comparison.derived.accuracy,
            "gap": comparison.gap,
            "evaluation_seconds": time.perf_counter() - began,
        }

    def _cost(self) -> Row:
        cost: Row = {
            "search_seconds": self.state.search_seconds,
            "evaluation_seconds": self.state.evaluation_seconds,
        }
        if self.compute.device.type == "cuda":
            cost["gpu_days"] = self.state.search_seconds / SECONDS_A_DAY
        return cost

    def _diverged(self, error: NotFinite) -> RunFailed:
        checkpoints = self.session.run.checkpoints()
        last = (
            f"the last good checkpoint is {checkpoints[0]}" if checkpoints else "there is no checkpoint yet"
        )
        return RunFailed(
            f"{error}; {last}; try a new search with a lower weights.learning_rate "
            f"(now {self.config.weights.learning_rate:g}) or architecture.learning_rate "
            f"(now {self.config.architecture.learning_rate:g})"
        )
