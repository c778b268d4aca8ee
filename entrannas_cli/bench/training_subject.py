"""The training of a derived network as a subject, in a temporary run directory."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from ..config.project import runs_dir
from ..data.train_data import open_train_data
from ..engine.check_operations import require_operations
from ..engine.device import Compute, resolve_compute
from ..engine.fast_paths import fast_paths
from ..engine.train.build import build_training, channels_of
from ..method.genotype import Genotype
from ..render.views import QuietView
from ..store.create import create_run
from ..store.find_genotype import find_genotype
from ..store.session import RunSession
from .case import Case, projected_steps, train_config
from .memory import PeakMemory
from .parts import Clock
from .stepping import LoopSubject, SteppedTraining

if TYPE_CHECKING:
    from ..config.train import TrainConfig

__all__ = ["TrainingSubject", "open_training"]


class TrainingSubject(LoopSubject):
    """A subject that takes steps in the middle of a training, where drop-path has half its final probability."""

    loop: SteppedTraining

    def __init__(
        self, case: Case, loop: SteppedTraining, genotype: Genotype, channels: int, memory: PeakMemory
    ) -> None:
        super().__init__(case, loop, case.variant, memory)
        self.genotype, self.channels = genotype, channels

    def build(self, config: TrainConfig, compute: Compute) -> Callable[[Tensor, Tensor], object]:
        dataset = self.loop.data.dataset
        training = build_training(
            config,
            self.genotype,
            compute,
            shape=dataset.shape,
            classes=len(dataset.classes),
            channels=self.channels,
        )
        drop = self._drop_path
        return lambda images, labels: training.step(images, labels, drop)

    def own_facts(self) -> dict[str, Any]:
        config, real = train_config(self.case)
        share = real.data.portion * (1 - real.data.validation_share)
        projection = projected_steps(real.data.dataset, share, real.train.batch_size, real.train.epochs)
        facts: dict[str, Any] = {
            "images_per_step": config.train.batch_size,
            "settings": {
                "preset": real.train.preset,
                "batch_size": config.train.batch_size,
                "channels": self.channels,
                "network_cells": config.derived.cells,
                "share_features": config.derived.share_features,
                "drop_path": self._drop_path,
                "fast_paths": str(fast_paths(config.device, self.loop.compute)),
            },
        }
        if projection is not None:
            facts["projection"] = {
                "epochs": real.train.epochs,
                "steps_per_epoch": projection[0],
                "steps": projection[1],
            }
        return facts

    @property
    def _drop_path(self) -> float:
        return self.loop.schedule.drop_path(self.loop.state.step)


@contextmanager
def open_training(case: Case) -> Generator[TrainingSubject]:
    """Build it as `entrannas train` does. Raises ``UsageError`` for missing cells, device or data."""
    config, _ = train_config(case)
    compute = resolve_compute(config.device)
    genotype = find_genotype(case.variant, runs_dir()).genotype
    require_operations(genotype.operations, "the cells")
    memory = PeakMemory()
    with tempfile.TemporaryDirectory(prefix="entrannas-bench-") as folder:
        run = create_run(Path(folder), kind="train", space="", method="", seed=config.seed, label="bench")
        with RunSession(run) as session:
            data = open_train_data(
                config.data,
                seed=config.seed,
                device=compute.device,
                batch_size=config.train.batch_size,
                memory_format=compute.memory_format,
            )
            shape, classes = data.dataset.shape, len(data.dataset.classes)
            channels = channels_of(config.derived, genotype, shape, classes)
            training = build_training(
                config, genotype, compute, shape=shape, classes=classes, channels=channels
            )
            loop = SteppedTraining(
                config=config,
                genotype=genotype,
                network={},
                compute=compute,
                data=data,
                training=training,
                session=session,
                observer=QuietView(),
            )
            session.begin_attempt(1)
            loop.state.step = loop.schedule.steps // 2
            clock = Clock(compute.device)
            clock.wrap(training, {"step": "weight step"})
            with loop.opened(clock):
                yield TrainingSubject(case, loop, genotype, channels, memory)
            session.finish("stopped", "measured")
