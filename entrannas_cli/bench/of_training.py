"""The training of a derived network as a subject, in a run directory that is thrown away."""

from __future__ import annotations

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from ..config.location import runs_dir
from ..data.train_data import open_train_data
from ..genotypes import find_genotype
from ..method.genotype import Genotype
from ..render.views import QuietView
from ..runtime.device import Compute, resolve_compute
from ..runtime.operations import require_operations
from ..store.create import create_run
from ..store.session import RunSession
from ..train.build import build_training, channels_of
from .case import Case, projected_steps, train_config
from .counting import Work, count_work, work_at
from .memory import PeakMemory
from .parts import Clock
from .stepping import SteppedTraining, Steps, peak_bytes, settings_of

__all__ = ["TrainingSubject", "open_training"]


class TrainingSubject(Steps):
    """Takes the steps in the middle of the training of ``case``, where drop-path has half its chance."""

    def __init__(
        self, case: Case, loop: SteppedTraining, genotype: Genotype, channels: int, memory: PeakMemory
    ) -> None:
        self.case, self.loop, self.genotype, self.channels, self.memory = (
            case,
            loop,
            genotype,
            channels,
            memory,
        )
        self.device = loop.compute.device

    def take(self, count: int) -> None:
        self.loop.take(count)

    def take_by_parts(self) -> dict[str, float]:
        return self.loop.take_by_parts()

    def facts(self) -> dict[str, Any]:
        loop, (config, real) = self.loop, train_config(self.case)
        peak = peak_bytes(self.memory, self.device)
        share = real.data.portion * (1 - real.data.validation_share)
        projection = projected_steps(real.data.dataset, share, real.train.batch_size, real.train.epochs)
        found: dict[str, Any] = {
            "peak_memory_bytes": peak,
            "images_per_step": config.train.batch_size,
            "checkpoint": dict(zip(("seconds", "bytes"), loop.checkpoint(), strict=True)),
            "work": asdict(self._work()),
            "cells": self.case.variant,
            "settings": {
                "preset": real.train.preset,
                "batch_size": config.train.batch_size,
                "channels": self.channels,
                "network_cells": config.derived.cells,
                "share_features": config.derived.share_features,
                "drop_path": loop.schedule.drop_path(loop.state.step),
                "image": loop.data.dataset.shape,
                **settings_of(loop.compute),
            },
        }
        if projection is not None:
            found["projection"] = {
                "epochs": real.train.epochs,
                "steps_per_epoch": projection[0],
                "steps": projection[1],
            }
        return found

    def _work(self) -> Work:
        """Multiply-adds of the plain form, bytes of the one that runs."""
        loop, config = self.loop, self.loop.config
        compute = loop.compute
        on_cpu = Compute(torch.device("cpu"), compute.precision, compute.memory_format, compute.threads)
        shape, classes = loop.data.dataset.shape, len(loop.data.dataset.classes)

        def counted(size: int, plain: bool) -> Work:
            training = build_training(
                config,
                self.genotype,
                on_cpu,
                shape=shape,
                classes=classes,
                channels=self.channels,
                plain=plain,
            )
            images = torch.randn(size, *shape).contiguous(memory_format=on_cpu.memory_format)
            labels = torch.zeros(size, dtype=torch.int64)
            return count_work(lambda: training.step(images, labels, loop.schedule.drop_path(loop.state.step)))

        needed = work_at(config.train.batch_size, lambda size: counted(size, True))
        moved = work_at(config.train.batch_size, lambda size: counted(size, False))
        return Work(needed.forward, needed.backward, moved.bytes)


@contextmanager
def open_training(case: Case) -> Generator[TrainingSubject]:
    """Builds it as `entrannas train` does. Raises ``UsageError`` for cells, a device or data that aren't there."""
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
