"""`entrannas evaluate`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from . import options
from .arguments import AsJson, RunArgument, RunsDirOption, print_json, resolve_run

__all__ = ["evaluate"]


class _Weights(StrEnum):
    last = "last"
    best = "best"


class _ImagePart(StrEnum):
    test = "test"
    validation = "validation"


def evaluate(
    run: RunArgument,
    weights: Annotated[
        _Weights, typer.Option(help="The last weights, or those that did best on held-out images.")
    ] = _Weights.last,
    part: Annotated[
        _ImagePart, typer.Option(help="The test part, or the held-out images.")
    ] = _ImagePart.test,
    device: options.DeviceOption = None,
    data: options.DataOption = None,
    runs_dir: RunsDirOption = None,
    as_json: AsJson = False,
) -> None:
    """Score the weights of a training; writes nothing."""
    from ..engine.train.evaluate import evaluate_run
    from .data import progress_on_stderr

    chosen = resolve_run(run, runs_dir)
    with progress_on_stderr() as progress:
        result = evaluate_run(
            chosen, weights=weights.value, part=part.value, device=device, data=data, progress=progress
        )
    if as_json:
        print_json(result)
        return
    from ..common.numbers import metric, percent

    print(f"{part.value} error {percent(1 - result['accuracy'], 2)}, loss {metric(result['loss'])}", end=" ")
    print(f"({result['images']} images, {weights.value} weights, after step {result['step']})")
