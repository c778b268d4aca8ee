"""Scores the weights of a training on request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...common.errors import UsageError
from ...common.text import plain
from ...config.resolve import PATHLESS, load_config
from ...config.train import TrainConfig
from ...data.types import Progress
from ...store.run import CONFIG_FILE, Run
from ...store.status import BROKEN
from ..device import resolve_compute
from ..load_network import Weights, load_trained
from .score import ScoredPart, score_part

__all__ = ["evaluate_run"]


def evaluate_run(
    run: Run,
    *,
    weights: Weights = "last",
    part: ScoredPart = "test",
    device: str | None = None,
    data: str | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Return loss, accuracy and error (a share) of ``run`` on ``part``, with the number of images and the step.

    ``device`` and ``data`` (the path of the images) override the run's own. Writes nothing. Raises ``UsageError``
    for a run that is not a training or has no weights yet, and for missing data.
    """
    status = run.status()
    if status.state == BROKEN:
        raise UsageError(f"{plain(run.id)} is broken: {plain(status.reason)}")
    if (kind := status.kind) != "train":
        raise UsageError(
            f"{plain(run.id)} is a {plain(kind)} run: only a training's weights can be scored "
            "(`entrannas train` starts one)"
        )
    config = load_config(run.path / CONFIG_FILE, TrainConfig)
    if device is not None:
        config = _with(config, "device", device=device)
    if data is not None:
        if config.data.dataset in PATHLESS:
            raise UsageError(f"--data: the data set {config.data.dataset} is not read from a path")
        config = _with(config, "data", path=str(Path(data).expanduser().absolute()))
    compute = resolve_compute(config.device)
    trained = load_trained(run, weights)
    score = score_part(trained, config, part, compute, progress)
    return {
        "run": run.id,
        "part": part,
        "weights": trained.weights,
        "step": trained.step,
        "images": score.images,
        "loss": score.loss,
        "accuracy": score.accuracy,
        "error": 1 - score.accuracy,
    }


def _with(config: TrainConfig, section: str, **values: object) -> TrainConfig:
    """Return ``config`` with other ``values`` in ``section``, validated. Raises ``UsageError``."""
    from ...config.keys import flatten_model
    from ...config.to_toml import to_toml

    changed = {f"{section}.{key}": value for key, value in values.items()}
    return load_config(to_toml(flatten_model(config) | changed), TrainConfig)
