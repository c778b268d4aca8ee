"""What the training loop passes to its steps, what it scores, and that a stop loses nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from entrannas_cli.common.errors import RunFailed
from entrannas_cli.config.train import TrainConfig
from entrannas_cli.data.train_data import TrainData, open_train_data
from entrannas_cli.engine.device import Compute
from entrannas_cli.engine.observer import Row, Started
from entrannas_cli.engine.train.build import build_training
from entrannas_cli.engine.train.loop import TrainLoop
from entrannas_cli.method.genotype import CellGraph, Connection, Genotype
from entrannas_cli.store.create import create_run
from entrannas_cli.store.run import BEST_CHECKPOINT, CHECKPOINTS, Run, checkpoint_step
from entrannas_cli.store.session import RunSession

CPU = Compute(torch.device("cpu"), "float32", torch.channels_last, 1)
CELL = CellGraph(
    ((Connection(0, "sep_conv_3x3"), Connection(1, "skip_connect")), (Connection(2, "conv_1x1"),))
)
GENOTYPE = Genotype(CELL, CELL)
STEPS_PER_EPOCH = 5  # 129 or 130 of 144 images, 32 per step
CONFIG = TrainConfig.model_validate(
    {
        "data": {
            "dataset": "digits",
            "portion": 0.1,
            "crop_padding": 0,
            "flip": False,
            "cutout": 0,
            "workers": 0,
        },
        "derived": {"cells": 3, "channels": 4},
        "train": {
            "epochs": 4,
            "batch_size": 32,
            "learning_rate": 0.1,
            "warmup_epochs": 1,
            "auxiliary_weight": 0,
        },
        "evaluation": {"every": 2, "batch_size": 7},
    }
)


@dataclass
class StoppingObserver:
    """An observer that asks for a stop after the step ``stop_after``."""

    session: RunSession
    stop_after: int = 0
    rows: list[Row] = field(default_factory=list)
    epochs: list[Row] = field(default_factory=list)

    def started(self, facts: Started) -> None: ...

    def step(self, row: Row) -> None:
        self.rows.append(row)
        if row["step"] == self.stop_after:
            self.session.request_stop("the test")

    def epoch(self, row: Row) -> None:
        self.epochs.append(row)

    def derived(self, step: int, genotype: Genotype) -> None: ...

    def message(self, level: str, text: str) -> None: ...

    def finished(self, summary: Row) -> None: ...


@contextmanager
def open_training(run: Run, stop_after: int = 0) -> Iterator[tuple[TrainLoop, TrainData, StoppingObserver]]:
    """Open a training of a few steps on the bundled digits, from where ``run`` stopped."""
    data = open_train_data(CONFIG.data, seed=0, device=CPU.device, batch_size=CONFIG.train.batch_size)
    training = build_training(CONFIG, GENOTYPE, CPU, shape=data.dataset.shape, classes=10, channels=4)
    with RunSession(run) as session:
        observer = StoppingObserver(session, stop_after)
        loop = TrainLoop(
            config=CONFIG,
            genotype=GENOTYPE,
            network={"channels": 4},
            compute=CPU,
            data=data,
            training=training,
            session=session,
            observer=observer,
        )
        loop.restore()
        session.begin_attempt(loop.state.step + 1)
        yield loop, data, observer


def new_run(name: str) -> Run:
    return create_run(Path(name), space="cells", method="train", seed=0, kind="train")


def score_held_out(loop: TrainLoop, data: TrainData) -> tuple[float, float]:
    """Return loss and accuracy on the held-out images."""
    network = loop.training.network.eval()
    ((images, labels),) = data.held_out_batches(1000, 0)
    with torch.no_grad():
        logits = network(images)
    network.train()
    return float(nn.functional.cross_entropy(logits, labels)), float(
        (logits.argmax(1) == labels).double().mean()
    )


def test_training_covers_its_images_on_schedule() -> None:
    run = new_run("runs")
    with open_training(run) as (loop, data, watching):
        batches: list[Tensor] = []
        rates: list[float] = []

        def look(network: nn.Module, arguments: tuple[Any, ...]) -> None:
            if network.training:
                batches.append(arguments[0].clone())
                rates.append(float(loop.training.optimizer.param_groups[0]["lr"]))

        loop.training.network.stem.register_forward_pre_hook(look)
        assert loop.run()
        steps = 4 * STEPS_PER_EPOCH
        assert len(batches) == steps == len(watching.rows)
        expected = [batch.images for batch in islice(data.training.iterate(), steps)]
        assert all(torch.equal(one, other) for one, other in zip(batches, expected, strict=True))
        assert rates == [loop.schedule.learning_rate(step) for step in range(1, steps + 1)]
        assert [row["learning_rate"] for row in watching.rows] == rates
        assert rates[0] == pytest.approx(0.02)
        assert rates[STEPS_PER_EPOCH - 1] == pytest.approx(0.1)
        drops = [row["drop_path"] for row in watching.rows]
        assert drops == pytest.approx([0.2 * n / (steps - 1) for n in range(steps)])

        # the second and the fourth epoch are scored on the held-out images
        assert ["validation_loss" in row for row in watching.epochs] == [False, True, False, True]
        loss, accuracy = score_held_out(loop, data)
        last = watching.epochs[-1]
        assert last["validation_loss"] == pytest.approx(loss, rel=1e-4)
        assert last["validation_accuracy"] == pytest.approx(accuracy)
        for number, row in enumerate(watching.epochs, start=1):
            own = watching.rows[(number - 1) * STEPS_PER_EPOCH : number * STEPS_PER_EPOCH]
            for key in ("weight_loss", "accuracy"):
                assert row[key] == pytest.approx(sum(step[key] for step in own) / STEPS_PER_EPOCH)
            assert (row["epoch"], row["step"], row["kind"]) == (number, number * STEPS_PER_EPOCH, "epoch")
            assert row["images_per_second"] * row["seconds"] == pytest.approx(32 * STEPS_PER_EPOCH)

        summary = run.summary()
        scored = {
            row["epoch"]: row["validation_accuracy"] for row in watching.epochs if row["epoch"] in (2, 4)
        }
        assert summary["best_validation_accuracy"] == max(scored.values())
        assert summary["best_epoch"] == max(scored, key=lambda epoch: (scored[epoch], -epoch))
        assert summary["validation_loss"] == last["validation_loss"]
        assert summary["weight_loss"] == last["weight_loss"]
        assert summary["train_seconds"] == pytest.approx(sum(row["seconds"] for row in watching.epochs))
        seconds = sum(row.get("evaluation_seconds", 0) for row in watching.epochs)
        assert summary["evaluation_seconds"] == pytest.approx(seconds)
        best = torch.load(run.path / CHECKPOINTS / BEST_CHECKPOINT, weights_only=True)
        assert best["step"] == summary["best_epoch"] * STEPS_PER_EPOCH
        assert best["network"] == {"channels": 4}
        assert best["images"] == data.dataset.facts


def test_stop_and_resume_change_nothing() -> None:
    whole, broken = new_run("whole"), new_run("broken")
    with open_training(whole) as (loop, _, watching):
        assert loop.run()
        expected = watching.rows
        weights = {key: value.clone() for key, value in loop.training.network.state_dict().items()}
    with open_training(broken, stop_after=12) as (loop, _, first):
        assert not loop.run()
        assert loop.state.step == 12
        assert [checkpoint_step(path) for path in broken.checkpoints()] == [12, 10]
    with open_training(broken) as (loop, _, second):
        assert loop.state.step == 12
        assert loop.run()
        rows = [*first.rows, *second.rows]
        measured = ("images_per_second", "memory_mb")
        for one, other in zip(rows, expected, strict=True):
            assert all(one[key] == other[key] for key in other if key not in measured)
        for key, value in loop.training.network.state_dict().items():
            assert torch.equal(value, weights[key])
    for key in ("best_validation_accuracy", "best_epoch", "weight_loss", "validation_loss"):
        assert broken.summary()[key] == whole.summary()[key]


def test_non_finite_loss_ends_the_training_with_advice() -> None:
    with open_training(new_run("diverged")) as (loop, _, _):
        with torch.no_grad():
            loop.training.network.classifier.weight.fill_(float("nan"))
        with pytest.raises(RunFailed) as caught:
            loop.run()
    assert caught.value.message == (
        "step 1: the loss is not finite; there is no checkpoint yet; try a new training with a lower "
        "train.learning_rate (now 0.1), or with train.warmup_epochs"
    )
