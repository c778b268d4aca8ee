"""The work of a training run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...common.errors import RunFailed, UsageError
from ...common.text import plain
from ...data.datasets import Dataset
from ...data.train_data import open_train_data
from ...method.fast.memory import MemoryEstimate
from ...method.genotype import Genotype
from ...store.run import BEST_CHECKPOINT, CHECKPOINTS, GENOTYPE_FILE
from ..cell_counts import count_connections, count_operations
from ..check_operations import require_operations
from ..checkpoint import DamagedCheckpoint
from ..fast_paths import FastPaths, fast_paths
from ..load_network import load_trained
from ..memory_check import DoesNotFit, MemoryCheck, memory_check
from ..observer import Row
from ..run_context import RunContext
from ..torch_errors import translate_errors
from .build import build_training, channels_of, size_of
from .loop import TrainLoop
from .memory import estimate_training
from .score import score_part

if TYPE_CHECKING:
    from ...config.train import TrainConfig

__all__ = ["run_training"]


def run_training(context: RunContext[TrainConfig]) -> None:
    """Start or resume a training, run it to the end or until a stop, and finish the session.

    At the end the test part is scored.
    """
    config, run = context.config, context.session.run
    genotype = run.genotype()
    if genotype is None:
        raise UsageError(f"{plain(str(run.path / GENOTYPE_FILE))}: no such file: there are no cells to train")
    channels = config.derived.channels
    require_operations(genotype.operations, "the cells", *([channels] if isinstance(channels, int) else []))
    context.session.update_summary({"preset": config.train.preset})
    paths = fast_paths(config.device, context.compute)
    check = _memory_check(context, genotype, paths)
    try:
        with translate_errors(out_of_memory=check.advice):
            _train(context, genotype, paths, check)
    except DoesNotFit as error:
        run_training(context.with_values(error.changes))


def _train(
    context: RunContext[TrainConfig], genotype: Genotype, paths: FastPaths, check: MemoryCheck
) -> None:
    config, session, compute = context.config, context.session, context.compute
    with context.opening_data() as progress:
        data = open_train_data(
            config.data,
            seed=config.seed,
            device=compute.device,
            batch_size=config.train.batch_size,
            memory_format=compute.memory_format,
            progress=progress,
            reserve=check,
        )
    images = data.dataset
    context.report_data(images, data.placement_reason)
    classes = len(images.classes)
    channels = channels_of(config.derived, genotype, images.shape, classes)
    parameters, multiply_adds = size_of(config.derived, genotype, images.shape, classes, channels)
    size = f"{config.derived.cells} cells, {channels} channels"
    context.report_fast_paths(paths)
    session.update_summary(
        {
            **count_connections(genotype),
            **count_operations(genotype),
            "network": size,
            "parameters": parameters,
            "multiply_adds": multiply_adds,
        }
    )
    loop = TrainLoop(
        config=config,
        genotype=genotype,
        network=_network_arguments(config, channels),
        compute=compute,
        data=data,
        training=build_training(
            config,
            genotype,
            compute,
            shape=images.shape,
            classes=classes,
            channels=channels,
            paths=paths,
            warn=lambda text: context.observer.message("warning", text),
        ),
        session=session,
        observer=context.observer,
    )
    loop.restore()
    cells = session.run.summary().get("cells")
    context.begin((str(cells or "cells"), size, config.data.dataset, compute.name), loop)
    context.observer.derived(loop.state.step, genotype)
    if not loop.run():
        session.finish("stopped", session.stop_reason)
        return
    session.update_summary(loop.cost("train_seconds"))
    if config.evaluation.test:
        _score_test_part(context)
    session.finish("completed")


def _memory_check(context: RunContext[TrainConfig], genotype: Genotype, paths: FastPaths) -> MemoryCheck:
    def estimate(config: TrainConfig, dataset: Dataset) -> MemoryEstimate:
        shape, classes = dataset.shape, len(dataset.classes)
        channels = channels_of(config.derived, genotype, shape, classes)
        return estimate_training(
            config,
            genotype,
            context.compute,
            shape=shape,
            classes=classes,
            channels=channels,
            recorded=paths.graphs,
        )

    return memory_check(context, "train", estimate, fallback_setting="derived.channels=16")


def _network_arguments(config: TrainConfig, channels: int) -> Row:
    derived = config.derived
    return {
        "channels": channels,
        "cells": derived.cells,
        "stem": derived.stem,
        "share_features": derived.share_features,
        "pool_batch_norm": derived.pool_batch_norm,
    }


def _score_test_part(context: RunContext[TrainConfig]) -> None:
    """Score the last weights and those that were best on the held-out images. A resume tries again."""
    session = context.session
    scores: dict[str, Any] = {}
    networks = {"": load_trained(session.run)}
    if (session.run.path / CHECKPOINTS / BEST_CHECKPOINT).exists():
        try:
            networks["best_"] = load_trained(session.run, "best")
        except DamagedCheckpoint as error:
            context.observer.message("warning", f"the best weights cannot be scored: {error.message}")
    try:
        for prefix, trained in networks.items():
            score = score_part(trained, context.config, "test", context.compute)
            scores |= {
                f"{prefix}test_loss": score.loss,
                f"{prefix}test_accuracy": score.accuracy,
                f"{prefix}test_error": 1 - score.accuracy,
            }
    except UsageError as error:  # the training itself succeeded
        raise RunFailed(f"the test part cannot be scored: {error.message}", error.details) from error
    session.update_summary(scores)
