"""What the search loop passes to its steps: which images in which order, which temperature and learning rate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from entrannas_cli.common.errors import RunFailed
from entrannas_cli.config.search import SearchConfig
from entrannas_cli.data.search_data import SearchData, open_search_data
from entrannas_cli.data.streams import evaluation_batches
from entrannas_cli.engine.device import Compute
from entrannas_cli.engine.observer import Row, Started
from entrannas_cli.engine.search.build import build_search
from entrannas_cli.engine.search.loop import SearchLoop
from entrannas_cli.method.genotype import Genotype
from entrannas_cli.method.network import DerivedNetwork
from entrannas_cli.method.space import CELL_KINDS, SearchSpace
from entrannas_cli.store.create import create_run
from entrannas_cli.store.run import Run, checkpoint_step
from entrannas_cli.store.session import RunSession

SPACE = SearchSpace(name="small", operations=("skip_connect", "sep_conv_3x3", "max_pool_3x3"), nodes=2)
CPU = Compute(torch.device("cpu"), "float32", torch.channels_last, 1)
STEPS_PER_EPOCH = 5  # 72 or 71 of 143 images, 16 per step


def config(*, method: str = "entrannas-dst", **sections: dict[str, Any]) -> SearchConfig:
    defaults: dict[str, dict[str, Any]] = {
        "data": {"dataset": "digits", "portion": 0.1, "crop_padding": 0, "flip": False, "workers": 0},
        "network": {"cells": 3, "channels": 4},
        "architecture": {"learning_rate": 0.3, "temperature_end": 0.4},
        "search": {"epochs": 3, "batch_size": 16},
        "evaluation": {"calibration_batches": 2},
    }
    if method == "entrannas":
        defaults["architecture"] |= {"derivation": "top2", "sparsity_weight": 0.0, "threshold_init": 0.0}
    merged = {name: defaults.get(name, {}) | sections.get(name, {}) for name in {**defaults, **sections}}
    return SearchConfig.model_validate(merged | {"method": method})


@dataclass
class Recorded:
    """What the steps passed to the super-net, and what the loop reported to the observer."""

    training: list[Tensor] = field(default_factory=list)
    validation: list[Tensor] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    mixtures: list[dict[str, Tensor]] = field(default_factory=list)  # of the weight steps
    derived_at: dict[int, tuple[Genotype, Genotype]] = field(default_factory=dict)  # reported and expected
    rows: list[Row] = field(default_factory=list)
    epochs: list[Row] = field(default_factory=list)


@dataclass
class RecordingObserver:
    """An observer that compares each derived genotype with the architecture at that moment."""

    seen: Recorded
    stop_after: int = 0
    loop: SearchLoop | None = None

    def started(self, facts: Started) -> None: ...

    def step(self, row: Row) -> None:
        self.seen.rows.append(row)
        if self.loop is not None and row["step"] == self.stop_after:
            self.loop.session.request_stop("the test")

    def epoch(self, row: Row) -> None:
        self.seen.epochs.append(row)

    def derived(self, step: int, genotype: Genotype) -> None:
        assert self.loop is not None
        search = self.loop.search
        now = search.architecture.derive(search.derivation, self.loop.schedule.temperature(step))
        self.seen.derived_at[step] = genotype, now

    def message(self, level: str, text: str) -> None: ...

    def finished(self, summary: Row) -> None: ...


@contextmanager
def open_search(
    settings: SearchConfig, run: Run | None = None, stop_after: int = 0
) -> Iterator[tuple[SearchLoop, SearchData, Recorded]]:
    """Open a search of a few steps on the bundled digits, in a new run or a stopped one."""
    seen = Recorded()
    observer = RecordingObserver(seen, stop_after)
    data = open_search_data(
        settings.data, seed=settings.seed, device=CPU.device, batch_size=settings.search.batch_size
    )
    search = build_search(settings, SPACE, CPU, channels_in=1, classes=10)

    def look(_: nn.Module, arguments: tuple[Any, ...]) -> None:
        images, _, mixtures = arguments[:3]
        if not torch.is_grad_enabled():
            return  # an evaluation
        if mixtures["normal"].weights.requires_grad:
            seen.validation.append(images.clone())
        else:
            seen.training.append(images.clone())
            seen.rates.append(float(search.weight_optimizer.param_groups[0]["lr"]))
            seen.mixtures.append({kind: mixture.weights.clone() for kind, mixture in mixtures.items()})

    search.supernet.register_forward_pre_hook(look)
    run = run or create_run(Path("runs"), space="small", method=settings.method, seed=settings.seed)
    with RunSession(run) as session:
        loop = SearchLoop(
            config=settings,
            space=SPACE,
            compute=CPU,
            data=data,
            search=search,
            session=session,
            observer=observer,
        )
        observer.loop = loop
        loop.restore()
        session.begin_attempt(loop.state.step + 1)
        yield loop, data, seen


def images_of(data: SearchData, indices: Tensor) -> set[bytes]:
    """Return each image as the network sees it, without augmentation."""
    return {
        image.numpy().tobytes()
        for batch in evaluation_batches(data.dataset, indices, 64, CPU.device)
        for image in batch.images
    }


def as_bytes(batches: list[Tensor]) -> set[bytes]:
    return {image.contiguous().numpy().tobytes() for batch in batches for image in batch}


def test_each_step_takes_the_next_batch_of_its_half() -> None:
    with open_search(config()) as (loop, data, seen):
        assert loop.run()
        assert data.weights.steps_per_epoch == data.architecture.steps_per_epoch == STEPS_PER_EPOCH
        steps = 3 * STEPS_PER_EPOCH
        for found, stream, indices in [
            (seen.training, data.weights, data.weights_indices),
            (seen.validation, data.architecture, data.architecture_indices),
        ]:
            assert len(found) == steps
            expected = [batch.images for batch in islice(stream.iterate(), steps)]
            assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))
            # the first epoch covers all images of its half and none of the other
            half = images_of(data, indices)
            assert len(half - as_bytes(found[:STEPS_PER_EPOCH])) == 0
            assert len(as_bytes(found) - half) == 0


def test_architecture_is_frozen_during_warmup() -> None:
    with open_search(config(architecture={"warmup_epochs": 1})) as (loop, _, seen):
        before = [parameter.detach().clone() for parameter in loop.search.architecture.parameters()]
        as_at_the_start: list[bool] = []

        def compare(*_: object) -> None:
            pairs = zip(before, loop.search.architecture.parameters(), strict=True)
            as_at_the_start.append(all(torch.equal(one, other) for one, other in pairs))

        loop.search.supernet.register_forward_pre_hook(compare)
        assert loop.run()
        assert len(seen.training) == 3 * STEPS_PER_EPOCH
        assert len(seen.validation) == 2 * STEPS_PER_EPOCH
        assert all(as_at_the_start[:STEPS_PER_EPOCH])
        assert not as_at_the_start[-1]
        assert [row["architecture_loss"] is None for row in seen.rows] == [
            step <= STEPS_PER_EPOCH for step in range(1, 3 * STEPS_PER_EPOCH + 1)
        ]
        assert seen.rows[0]["architecture_learning_rate"] == 0
        assert seen.rows[-1]["architecture_learning_rate"] == 0.3


@pytest.mark.parametrize("method", ["entrannas-dst", "entrannas"])
def test_temperature_and_learning_rate_follow_the_schedule(method: str) -> None:
    with open_search(config(method=method)) as (loop, _, seen):
        assert loop.run()
        schedule, steps = loop.schedule, range(1, 3 * STEPS_PER_EPOCH + 1)
        assert [row["temperature"] for row in seen.rows] == [schedule.temperature(step) for step in steps]
        assert seen.rates == [schedule.learning_rate(step) for step in steps]
        assert [row["learning_rate"] for row in seen.rows] == seen.rates
        # the last weight step used the α that the last step left
        expected = loop.search.architecture.weights(loop.search.derivation, schedule.temperature(steps[-1]))
        for kind in CELL_KINDS:
            torch.testing.assert_close(seen.mixtures[-1][kind], expected[kind].detach())


def test_cells_are_derived_after_the_architecture_step() -> None:
    with open_search(config(architecture={"learning_rate": 0.02, "temperature_unit": "absolute"})) as (
        loop,
        _,
        seen,
    ):
        assert loop.run()
        assert len(seen.derived_at) > 3
        assert all(told == expected for told, expected in seen.derived_at.values())
        changes = sum(row["genotype_changes"] for row in seen.epochs)
        assert changes == len(seen.derived_at)


def test_cells_are_derived_at_the_configured_interval() -> None:
    with open_search(config(architecture={"derive_every": 3})) as (loop, _, seen):
        assert loop.run()
        assert seen.derived_at
        assert set(seen.derived_at) <= {3, 5, 6, 9, 10, 12, 15}


def test_epoch_is_scored_on_exactly_the_architecture_images() -> None:
    """Recomputed: the derived network with the final weights and batch-norms averaged over training batches."""
    with open_search(config()) as (loop, data, seen):
        assert loop.run()
        search, row = loop.search, seen.epochs[-1]
        network = DerivedNetwork.inheriting(search.supernet, search.genotype)
        norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # a plain average
        with torch.no_grad():
            for batch in islice(data.weights.iterate(row["step"]), 2):
                network(batch.images)
            network.eval()
            ((images, labels),) = evaluation_batches(
                data.dataset, data.architecture_indices, 1000, CPU.device
            )
            logits = network(images)
        assert row["derived_accuracy"] == pytest.approx(float((logits.argmax(1) == labels).double().mean()))
        assert row["derived_loss"] == pytest.approx(
            float(nn.functional.cross_entropy(logits, labels)), rel=1e-4
        )
        assert row["gap"] == row["supernet_accuracy"] - row["derived_accuracy"]
        means = [
            sum(step[key] for step in seen.rows[-STEPS_PER_EPOCH:]) / STEPS_PER_EPOCH
            for key in ("weight_loss", "architecture_loss", "accuracy")
        ]
        assert [row[key] for key in ("weight_loss", "architecture_loss", "accuracy")] == pytest.approx(means)


def test_rows_and_summary_report_the_search() -> None:
    with open_search(config(architecture={"warmup_epochs": 1})) as (loop, _, seen):
        assert loop.run()
        run, last = loop.session.run, seen.epochs[-1]
        assert [(row["epoch"], row["step"]) for row in seen.epochs] == [(1, 5), (2, 10), (3, 15)]
        for row in seen.epochs:
            images = 16 * STEPS_PER_EPOCH * (1 if row["epoch"] == 1 else 2)
            assert row["images_per_second"] * row["seconds"] == pytest.approx(images)
            derived = [step for step in seen.derived_at if (step - 1) // STEPS_PER_EPOCH + 1 == row["epoch"]]
            assert row["genotype_changes"] == len(derived)
            assert row["kind"] == "epoch"
            for kind in CELL_KINDS:
                assert len(row[f"weights_{kind}"]) == len(SPACE.edges)
                assert 0 < row[f"entropy_{kind}"] <= 1
        assert [(change.step, change.epoch) for change in run.genotypes()] == [
            (step, (step - 1) // STEPS_PER_EPOCH + 1) for step in seen.derived_at
        ]
        summary = run.summary()
        for key in ("weight_loss", "architecture_loss", "accuracy", "supernet_accuracy", "derived_accuracy"):
            assert summary[key] == last[key]
        for key in ("gap", "sparsity_normal", "connections_reduce", "operations_normal"):
            assert summary[key] == last[key]
        assert summary["search_seconds"] == pytest.approx(sum(row["seconds"] for row in seen.epochs))
        assert "evaluation_seconds" not in seen.epochs[0]  # a warm-up epoch is not compared
        seconds = sum(row["evaluation_seconds"] for row in seen.epochs[1:])
        assert summary["evaluation_seconds"] == pytest.approx(seconds)
        assert isinstance(summary["warnings"], list)


def test_stop_and_resume_change_nothing() -> None:
    """There is a checkpoint at the step of the stop and at the end of each epoch."""
    with open_search(config()) as (loop, _, whole):
        assert loop.run()
        state = {key: value.clone() for key, value in loop.search.supernet.state_dict().items()}
        assert [checkpoint_step(path) for path in loop.session.run.checkpoints()] == [15, 10]
    with open_search(config(), stop_after=7) as (loop, _, first):
        assert not loop.run()
        assert loop.state.step == 7
        run = loop.session.run
        assert [checkpoint_step(path) for path in run.checkpoints()] == [7, 5]
    with open_search(config(), run) as (loop, _, second):
        assert loop.state.step == 7
        assert loop.run()
        measured = ("images_per_second", "memory_mb", "seconds", "evaluation_seconds")
        for found, expected in (
            ([*first.rows, *second.rows], whole.rows),
            ([*first.epochs, *second.epochs], whole.epochs),
        ):
            for one, other in zip(found, expected, strict=True):
                assert all(one[key] == other[key] for key in other if key not in measured)
        for key, value in loop.search.supernet.state_dict().items():
            assert torch.equal(value, state[key])


def passed_in_each_step(settings: SearchConfig) -> list[tuple[Genotype, int]]:
    """Return the sub-graph of the Transit-cells and the turn of the Engine-cells in each weight step."""
    found: list[tuple[Genotype, int]] = []
    with open_search(settings) as (loop, _, _):

        def look(_: nn.Module, arguments: tuple[Any, ...]) -> None:
            if torch.is_grad_enabled() and not arguments[2]["normal"].weights.requires_grad:
                found.append((arguments[1], arguments[3]))

        loop.search.supernet.register_forward_pre_hook(look)
        assert loop.run()
    return found


@pytest.mark.parametrize("method", ["entrannas-dst", "entrannas"])
@pytest.mark.parametrize(("every", "draws"), [("step", 10), ("epoch", 3), (3, 6)])
def test_warmup_passes_a_random_operation_per_edge(method: str, every: str | int, draws: int) -> None:
    settings = {"architecture": {"warmup_epochs": 2, "derive_every": every}}
    drawn = [
        genotype
        for genotype, _ in passed_in_each_step(config(method=method, **settings))[: 2 * STEPS_PER_EPOCH]
    ]
    assert 1 + sum(one != other for one, other in pairwise(drawn)) == draws
    for genotype in drawn:
        for _, cell in genotype.cells:
            assert [[connection.source for connection in node] for node in cell.nodes] == [[0, 1], [0, 1, 2]]
    assert {c.operation for genotype in drawn for _, c in genotype.normal.connections} == {*SPACE.operations}
    again = [
        genotype
        for genotype, _ in passed_in_each_step(config(method=method, **settings))[: 2 * STEPS_PER_EPOCH]
    ]
    assert again == drawn  # depends on seed and step only


def test_warmup_may_pass_all_derived_operations() -> None:
    dense = passed_in_each_step(
        config(architecture={"warmup_epochs": 2}, network={"transit_cells": "derived"})
    )
    assert {len(genotype.normal.connections) for genotype, _ in dense[: 2 * STEPS_PER_EPOCH]} == {
        SPACE.connections
    }


def test_engine_cells_rotate_with_each_step() -> None:
    assert [turn for _, turn in passed_in_each_step(config())] == list(range(3 * STEPS_PER_EPOCH))


@pytest.mark.parametrize("after", [0, STEPS_PER_EPOCH])
def test_non_finite_loss_ends_the_search_with_advice(after: int) -> None:
    settings = config(weights={"learning_rate": 0.0625})
    run = create_run(Path("runs"), space="small", method=settings.method, seed=settings.seed)
    if after:
        with open_search(settings, run, stop_after=after) as (loop, _, _):
            loop.run()
            loop.session.finish("stopped", "the test")
    with open_search(settings, run) as (loop, _, _):
        with torch.no_grad():
            loop.search.supernet.classifier.weight.fill_(float("nan"))
        with pytest.raises(RunFailed) as caught:
            loop.run()
    checkpoints = run.checkpoints()
    last = f"the last good checkpoint is {checkpoints[0]}" if after else "there is no checkpoint yet"
    assert [checkpoint_step(path) for path in checkpoints] == [after] * bool(after)
    assert caught.value.message == (
        f"step {after + 1}: the architecture is not finite; {last}; try a new search with a lower "
        "weights.learning_rate (now 0.0625) or architecture.learning_rate (now 0.3)"
    )
