"""Estimates the memory of a training before it starts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from ...method.fast.memory import MemoryEstimate, MemoryMeter, fill_optimizer, in_bf16, meta_batch
from ...method.genotype import Genotype
from ..device import Compute
from .build import build_training

if TYPE_CHECKING:
    from ...config.train import TrainConfig

__all__ = ["estimate_training"]


def estimate_training(
    config: TrainConfig,
    genotype: Genotype,
    compute: Compute,
    *,
    shape: tuple[int, int, int],
    classes: int,
    channels: int,
    recorded: bool = False,
) -> MemoryEstimate:
    """Estimate the peaks of a step and of an evaluation for images of ``shape`` (C, H, W).

    ``recorded``: whether steps are recorded and replayed (:class:`FastPaths`), which keeps their memory. Raises
    torch's errors for operations that need real values.
    """
    meta = replace(compute, device=torch.device("meta"), precision="float32")
    steps, on_cpu = {}, compute.device.type == "cpu"
    with torch.random.fork_rng(devices=[]), MemoryMeter(heap=on_cpu) as meter:
        with torch.device("meta"):
            training = build_training(config, genotype, meta, shape=shape, classes=classes, channels=channels)
        mixed = compute.precision == "bf16"
        unmeasured = in_bf16(training.network) if mixed else 0
        dtype = torch.bfloat16 if mixed else torch.float32
        fill_optimizer(training.optimizer)
        images, labels = meta_batch(config.train.batch_size, shape, compute.memory_format, dtype)
        baseline = meter.live
        meter.restart()
        training.step(images, labels, config.train.drop_path)
        steps["training step"] = meter.step_need(baseline, recorded=recorded) + unmeasured
        del images, labels
        meter.restart()
        with torch.no_grad():
            images, _ = meta_batch(config.evaluation.batch_size, shape, compute.memory_format, dtype)
            training.network.eval()(images)
        return MemoryEstimate(steps, evaluation=meter.need + unmeasured)
