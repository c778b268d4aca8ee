"""The loop of a search: steps, epochs, comparisons of super-net and derived network."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING, Any

from ...data.search_data import SearchData
from ...data.streams import evaluation_batches
from ...method.bilevel import Batch, BilevelSearch
from ...method.optimizers import set_learning_rate
from ...method.random_search import draw_operations
from ...method.space import SearchSpace
from ...store.session import RunSession
from ..cell_counts import count_connections, count_operations
from ..device import Compute
from ..identity import identity
from ..loop import Loop
from ..observer import Observer, Row
from ..recorder import NotFinite, StepRecorder
from ..torch_errors import translate_errors
from .checkpoint import SearchState, load_state, search_state
from .collapse import collapse_warning
from .evaluate import compare_with_derived
from .metric_rows import architecture_metrics, pack, sparsity_metrics, unpack
from .schedule import Schedule

if TYPE_CHECKING:
    from ...config.search import SearchConfig

__all__ = ["SearchLoop"]

SUMMARY_KEYS = (
    *("weight_loss", "architecture_loss", "accuracy", "supernet_accuracy", "derived_accuracy", "gap"),
    *("sparsity_normal", "sparsity_reduce", "connections_normal", "connections_reduce"),
    *("operations_normal", "operations_reduce"),
)


class SearchLoop(Loop[SearchState]):
    """Runs ``search`` on ``data``."""

    kind = "search"
    averaged = ("weight_loss", "architecture_loss", "accuracy")
    finite = {  # noqa: RUF012
        "architecture_loss": "the architecture loss",
        "weight_loss": "the weight loss",
        "gradient_norm": "the gradient of the weights",
    }

    def __init__(
        self,
        *,
        config: SearchConfig,
        space: SearchSpace,
        compute: Compute,
        data: SearchData,
        search: BilevelSearch,
        session: RunSession,
        observer: Observer,
    ) -> None:
        self.config, self.space, self.data, self.search = config, space, data, search
        self.schedule = Schedule(config, data.weights.steps_per_epoch)
        self.epochs_with_signs = 0  # consecutive epochs with signs of a collapse
        super().__init__(
            session=session,
            observer=observer,
            compute=compute,
            epochs=self.schedule,
            state=SearchState(),
            identity=identity(
                config,
                data.dataset,
                {"space: operations": space.operations, "space: nodes": space.nodes},
            ),
            checkpoint_minutes=config.checkpoint.minutes,
        )

    def _batches(self, step: int) -> Generator[tuple[Batch, Batch | None]]:
        """Yield per step a batch for the weights, and one for the architecture, None in a warm-up step."""
        warmup_steps = self.schedule.warmup_steps
        with (
            closing(self.data.weights.iterate(step)) as training,
            closing(self.data.architecture.iterate(max(step, warmup_steps))) as validation,
        ):
            for number, batch in enumerate(training, start=step + 1):
                yield batch, next(validation) if number > warmup_steps else None

    def _take_step(self, step: int, batches: tuple[Batch, Batch | None], recorder: StepRecorder) -> Row:
        config, schedule, search = self.config, self.schedule, self.search
        training, validation = batches
        warmup = validation is None
        row: Row = {
            "step": step,
            "epoch": schedule.epoch(step),
            "learning_rate": schedule.learning_rate(step),
            "architecture_learning_rate": 0.0 if warmup else config.architecture.learning_rate,
            "temperature": schedule.temperature(step),
        }
        set_learning_rate(search.weight_optimizer, row["learning_rate"])
        previous = search.genotype
        draws = warmup and (step == 1 or schedule.derives(step))
        if draws and config.network.transit_cells == "strongest":
            # α is still meaningless: always passing the same operations would leave the others untrained
            search.passed = draw_operations(self.space, (config.seed << 32) + step)
        try:
            outcome = search.step(
                training,
                validation,
                temperature=row["temperature"],
                derive=schedule.derives(step),
                next_temperature=schedule.temperature(step + 1) if step < schedule.steps else None,
                turn=schedule.turn(step),
            )
        except FloatingPointError:
            recorder.flush()  # raises with the loss's name, if a loss was not finite before
            raise NotFinite(step, "the architecture") from None
        if search.genotype != previous:
            self.state.genotype_changes += 1
            self.session.write_genotype(step, row["epoch"], search.genotype)
            self.observer.derived(step, search.genotype)
        sparsity = sparsity_metrics(search, outcome.mixtures)
        recorder.add(
            {**row, **sparsity, **count_connections(search.genotype)},
            pack(outcome, search),
            lambda numbers: unpack(numbers, warmup=warmup),
            images=config.search.batch_size * (1 if warmup else 2),
        )
        return row | sparsity

    def _end_epoch(self, row: Row) -> None:
        row |= {
            "genotype_changes": self.state.genotype_changes,
            **architecture_metrics(self.search, row["temperature"]),
            **count_connections(self.search.genotype),
            **count_operations(self.search.genotype),
        }
        self.state.genotype_changes = 0
        if self.schedule.evaluates(row["step"]):
            row |= self._comparison_row(row)
            self.state.evaluation_seconds += row["evaluation_seconds"]
        warning = collapse_warning(self.search.genotype, self.space)
        self.session.write_epoch(row)
        self.session.update_summary(
            {key: row[key] for key in SUMMARY_KEYS if row.get(key) is not None}
            | {"warnings": [warning] if warning else []}
            | self.cost("search_seconds")
        )
        self.epochs_with_signs = self.epochs_with_signs + 1 if warning else 0
        if self.epochs_with_signs == 2:
            self.observer.message("warning", warning)
        self.observer.epoch({"kind": "epoch", **row})

    def _content(self) -> dict[str, Any]:
        return search_state(self.search, self.state) | {"images": self.data.dataset.facts}

    def _load(self, content: Mapping[str, Any]) -> SearchState:
        return load_state(content, self.search)

    def _advice(self) -> str:
        return (
            f"try a new search with a lower weights.learning_rate (now {self.config.weights.learning_rate:g}) "
            f"or architecture.learning_rate (now {self.config.architecture.learning_rate:g})"
        )

    def _comparison_row(self, row: Row) -> Row:
        start = time.perf_counter()
        size = self.config.evaluation.batch_size
        with translate_errors(out_of_memory=f"evaluation.batch_size {size} on {self.compute.name}: try half"):
            comparison = compare_with_derived(
                self.search,
                row["temperature"],
                # shuffled and augmented, as in training
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
            "evaluation_seconds": time.perf_counter() - start,
        }
