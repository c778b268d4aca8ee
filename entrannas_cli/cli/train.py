"""`entrannas train`."""

from __future__ import annotations

from typing import Annotated

import typer

from . import options
from .arguments import AsJson, RunsDirOption, complete_genotype
from .running import run_or_detach

__all__ = ["CellsArgument", "PresetOption", "train"]


def _complete_preset(incomplete: str) -> list[str]:
    from ..config.presets import AUTO, preset_names

    return options.complete((AUTO, *preset_names("train")), incomplete)


CellsArgument = Annotated[
    str,
    typer.Argument(
        metavar="RUN|FILE|NAME",
        help="The cells: those of a run (id, prefix of an id, name, path, `latest`; RUN@STEP for earlier "
        "cells), of a file with a genotype (- for standard input), or a name from `genotype list`.",
        autocompletion=complete_genotype,
        show_default=False,
    ),
]
PresetOption = Annotated[
    str | None,
    typer.Option(
        "--preset",
        "-p",
        help="A preset's name, a .toml file, or auto: `cifar` on a CUDA GPU with CIFAR-10, otherwise `quick`.",
        autocompletion=_complete_preset,
    ),
]


def train(
    cells: CellsArgument,
    preset: PresetOption = None,
    dataset: options.DatasetOption = None,
    data: options.DataOption = None,
    epochs: options.EpochsOption = None,
    batch_size: options.BatchSizeOption = None,
    channels: Annotated[
        str | None,
        typer.Option(help="Channels of the first cell; auto: as many as 600 M multiply-adds allow."),
    ] = None,
    layers: Annotated[int | None, typer.Option("--cells", help="Number of cells.")] = None,
    seed: options.SeedOption = None,
    device: options.DeviceOption = None,
    name: options.NameOption = None,
    overrides: options.OverridesOption = None,
    config: options.ConfigOption = None,
    runs_dir: RunsDirOption = None,
    download: options.DownloadOption = False,
    detach: options.DetachOption = False,
    quiet: options.QuietOption = False,
    print_configuration: options.PrintConfigOption = False,
    as_json: AsJson = False,
) -> None:
    """Train a network of the given cells from scratch.

    Everything is kept in a run directory. A share of the training images is held out to monitor the training;
    the test part is scored once, at the end.
    """
    from ..config.project import runs_dir as resolve_runs_dir
    from ..config.resolve import resolve_train
    from ..engine.preflight import request_here, require_data
    from ..engine.train.create import CIFAR_HINT, choose_preset, prepare_training
    from ..store.find_genotype import find_genotype
    from .data import progress_on_stderr

    folder = resolve_runs_dir(runs_dir, config_file=config)
    found = find_genotype(cells, folder)
    flags: dict[str, object] = {
        "train.preset": preset,
        "data.dataset": dataset,
        "data.path": data,
        "train.epochs": epochs,
        **options.batch_size_flags("train", batch_size),
        "derived.channels": int(channels) if channels and channels.isdecimal() else channels,
        "derived.cells": layers,
        "seed": seed,
        "device.device": device,
    }
    resolved = resolve_train(request_here(flags, overrides, config, choose_preset, found.run))
    if print_configuration:
        options.print_configuration(resolved, as_json=as_json)
        return
    if not quiet:
        options.print_preset_choice(resolved, resolved.config.train.preset, CIFAR_HINT)
    with progress_on_stderr() as progress:
        require_data(
            resolved.config.data,
            test=resolved.config.evaluation.test,
            download=download,
            progress=progress,
        )
    run = prepare_training(found, resolved, folder, name=name, command=options.command_line())
    run_or_detach(run, resolved, detach=detach, as_json=as_json, quiet=quiet)
