"""Options of the commands that start a run."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..data.availability import DATASETS
from .arguments import print_json

if TYPE_CHECKING:
    from ..config.resolve import Resolved

__all__ = [
    "BatchSizeOption",
    "ConfigOption",
    "DataOption",
    "DatasetOption",
    "DetachOption",
    "DeviceOption",
    "DownloadOption",
    "EpochsOption",
    "NameOption",
    "OverridesOption",
    "PrintConfigOption",
    "QuietOption",
    "SeedOption",
    "command_line",
    "complete",
    "print_configuration",
    "print_preset_choice",
]

DATASET_NAMES = tuple(dataset.name for dataset in DATASETS)


def complete(names: Sequence[str], incomplete: str) -> list[str]:
    """Return the ``names`` that start with ``incomplete``, for the shell."""
    return [name for name in names if name.startswith(incomplete)]


def _complete_dataset(incomplete: str) -> list[str]:
    return complete(DATASET_NAMES, incomplete)


DatasetOption = Annotated[
    str | None,
    typer.Option("--dataset", help=f"One of {', '.join(DATASET_NAMES)}.", autocompletion=_complete_dataset),
]
DataOption = Annotated[
    str | None, typer.Option("--data", metavar="DIR", help="The images: a folder or a .zip.")
]
EpochsOption = Annotated[int | None, typer.Option(help="Passes over the training images.")]
BatchSizeOption = Annotated[
    str | None,
    typer.Option(
        metavar="<int>|auto",
        help="Batch size (images per step). auto: the preset's, or the largest that fits into memory.",
    ),
]
SeedOption = Annotated[int | None, typer.Option(help="Random seed.")]
DeviceOption = Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")]
NameOption = Annotated[str | None, typer.Option(help="A name for the run, used in its id.")]
OverridesOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Set any other value; can be repeated."),
]
ConfigOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="A configuration file, in place of entrannas.toml.")
]
DownloadOption = Annotated[bool, typer.Option("--download", help="Download CIFAR if it is missing.")]
DetachOption = Annotated[
    bool, typer.Option("--detach", "-d", help="Run in the background and print the id immediately.")
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]
PrintConfigOption = Annotated[
    bool, typer.Option("--print-config", help="Print each configuration value and its source, and exit.")
]


def print_configuration(resolved: Resolved[Any], *, as_json: bool) -> None:
    """Print each value and its source on stdout."""
    from ..config.resolve import config_dict, print_config

    if as_json:
        print_json(config_dict(resolved))
    else:
        typer.echo(print_config(resolved), nl=False)


def batch_size_flags(section: str, batch_size: str | None) -> dict[str, object]:
    """Return the values that `--batch-size` stands for; ``section`` has the batch size."""
    if batch_size == "auto":
        return {"device.fit_batch_size": True}
    number = batch_size and batch_size.isdecimal()
    return {f"{section}.batch_size": int(batch_size) if batch_size and number else batch_size}


def print_preset_choice(resolved: Resolved[Any], preset: str, full_hint: str) -> None:
    """Print on stderr which preset `auto` chose, and why; ``full_hint`` says how to get the published recipe."""
    if resolved.preset_reason:
        hint = f"; {full_hint}" if preset == "quick" else ""
        typer.echo(f"preset {preset}, because {resolved.preset_reason}{hint}", err=True)


def command_line() -> str:
    """Return the command line of this process."""
    return shlex.join(["entrannas", *sys.argv[1:]])
