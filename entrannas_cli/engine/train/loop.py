"""The loop of a training: steps, epochs, scores on the held-out images, the best weights."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ...data.streams import Batch
from ...data.train_data import TrainData
from ...method.genotype import Genotype
from ...method.optimizers import load_optimizer, optimizer_state, set_learning_rate
from ...method.training import Training
from ...store.run import BEST_CHECKPOINT, CHECKPOINTS
from ...store.session import RunSession
from ..checkpoint import DamagedCheckpoint, read_checkpoint, write_checkpoint
from ..device import Compute
from ..identity import identity
from ..loop import Loop
from ..observer import Observer, Row
from ..recorder import LoopProgress, StepRecorder
from ..scoring import Score, score
from ..torch_errors import translate_errors
from .schedule import TrainSchedule

if TYPE_CHECKING:
    from ...config.train import TrainConfig

__all__ = ["TrainLoop", "TrainState"]

SUMMARY_KEYS = ("weight_loss", "accuracy", "validation_loss", "validation_accuracy")


@dataclass
class TrainState(LoopProgress):
    """The loop's state; ``best_step`` is the step with the best held-out accuracy, 0 if there is none."""

    best_step: int = 0
    best_accuracy: float = 0.0


class TrainLoop(Loop[TrainState]):
    """Runs ``training`` on ``data``. ``network`` has the keyword arguments to rebuild the network."""

    kind = "train"
    averaged = ("weight_loss", "accuracy")
    finite = {  # noqa: RUF012
        "weight_loss": "the loss",
        "gradient_norm": "the gradient",
    }

    def __init__(
        self,
        *,
        config: TrainConfig,
        genotype: Genotype,
        network: Mapping[str, Any],
        compute: Compute,
        data: TrainData,
        training: Training,
        session: RunSession,
        observer: Observer,
    ) -> None:
        self.config, self.data, self.training, self.network = config, data, training, network
        self.schedule = TrainSchedule(config, data.training.steps_per_epoch)
        super().__init__(
            session=session,
            observer=observer,
            compute=compute,
            epochs=self.schedule,
            state=TrainState(),
            identity=identity(config, data.dataset, {"genotype": genotype.to_json()}),
            checkpoint_minutes=config.checkpoint.minutes,
        )

    def _batches(self, step: int) -> Generator[Batch]:
        return self.data.training.iterate(step)

    def _take_step(self, step: int, batches: Batch, recorder: StepRecorder) -> Row:
        row: Row = {
            "step": step,
            "epoch": self.schedule.epoch(step),
            "learning_rate": self.schedule.learning_rate(step),
            "drop_path": self.schedule.drop_path(step),
        }
        set_learning_rate(self.training.optimizer, row["learning_rate"])
        images, labels = batches
        outcome = self.training.step(images, labels, row["drop_path"])
        values = torch.stack([outcome.loss, outcome.accuracy, outcome.gradient_norm.float()])
        recorder.add(row, values, _unpack, images=len(labels))
        return row

    def _end_epoch(self, row: Row) -> None:
        step, state = row["step"], self.state
        if len(self.data.held_out) and self.schedule.evaluates(step):
            start = time.perf_counter()
            result = self._score_held_out()
            seconds = time.perf_counter() - start
            row |= {
                "validation_loss": result.loss,
                "validation_accuracy": result.accuracy,
                "evaluation_seconds": seconds,
            }
            state.evaluation_seconds += seconds
            if result.accuracy > state.best_accuracy or not state.best_step:
                state.best_step, state.best_accuracy = step, result.accuracy
        self.session.write_epoch(row)
        self.session.update_summary(
            {key: row[key] for key in SUMMARY_KEYS if row.get(key) is not None}
            | self._best_summary()
            | self.cost("train_seconds")
        )
        self.observer.epoch({"kind": "epoch", **row})

    def _score_held_out(self) -> Score:
        size = self.config.evaluation.batch_size
        network = self.training.network
        advice = f"evaluation.batch_size {size} on {self.compute.name}: try half"
        with translate_errors(out_of_memory=advice), self.training.autocast or nullcontext():
            result = score(network, network, self.data.held_out_batches(size, self.config.data.workers))
        network.train()
        return result

    def _best_summary(self) -> Row:
        if not self.state.best_step:
            return {}
        best_epoch = self.schedule.epoch(self.state.best_step)
        return {"best_validation_accuracy": self.state.best_accuracy, "best_epoch": best_epoch}

    def restore(self) -> None:
        super().restore()
        # the process may have been killed between writing the checkpoint and copying it
        self._after_checkpoint(self.state.step)
        best = self.session.run.path / CHECKPOINTS / BEST_CHECKPOINT
        if best.exists() and not self._is_from_step(best, self.state.best_step):
            best.unlink()  # damaged, or from steps that will be repeated
        if not best.exists():
            self.state.best_step, self.state.best_accuracy = 0, 0.0

    def _is_from_step(self, path: Path, step: int) -> bool:
        try:
            return bool(read_checkpoint(path, self.kind)["step"] == step)
        except DamagedCheckpoint:
            return False

    def _after_checkpoint(self, step: int) -> None:
        if step and self.state.best_step == step:
            self.session.save_beside_checkpoints(BEST_CHECKPOINT, self._save_best)

    def _save_best(self, path: Path) -> None:
        content = {"step": self.state.step, "identity": dict(self.identity), **self._network_content()}
        write_checkpoint(path, self.kind, content)

    def _network_content(self) -> dict[str, Any]:
        return {
            "weights": self.training.network.state_dict(),
            "network": dict(self.network),
            "images": self.data.dataset.facts,
        }

    def _content(self) -> dict[str, Any]:
        return {
            "loop": asdict(self.state),
            "step": self.state.step,
            "optimizer": optimizer_state(self.training.optimizer),
            **self._network_content(),
        }

    def _load(self, content: Mapping[str, Any]) -> TrainState:
        self.training.network.load_state_dict(content["weights"])
        load_optimizer(self.training.optimizer, content["optimizer"])
        return TrainState(**content["loop"])

    def _advice(self) -> str:
        return (
            "try a new training with a lower train.learning_rate "
            f"(now {self.config.train.learning_rate:g}), or with train.warmup_epochs"
        )


def _unpack(values: list[float]) -> Row:
    return dict(zip(("weight_loss", "accuracy", "gradient_norm"), values, strict=True))
