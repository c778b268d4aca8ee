"""`entrannas search`."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from ..data.availability import DATASETS
from .arguments import AsJson, RunsDirOption, print_json
from .running import run_here, run_in_background

__all__ = ["register"]

METHODS = ("entrannas-dst", "entrannas", "darts", "random")
DATASET_NAMES = tuple(facts.name for facts in DATASETS)


def _complete(names: tuple[str, ...], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]


def _complete_method(incomplete: str) -> list[str]:
    return _complete(METHODS, incomplete)


def _complete_dataset(incomplete: str) -> list[str]:
    return _complete(DATASET_NAMES, incomplete)


def _complete_space(incomplete: str) -> list[str]:
    from ..spaces import space_names

    return _complete(space_names(), incomplete)


def _complete_preset(incomplete: str) -> list[str]:
    from ..config.presets import AUTO, preset_names

    return _complete((AUTO, *preset_names()), incomplete)


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(search)


def search(
    space: Annotated[
        str | None,
        typer.Option("--space", "-s", help="A space's name or a .toml file.", autocompletion=_complete_space),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option("--method", "-m", help=f"One of {', '.join(METHODS)}.", autocompletion=_complete_method),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            "--preset",
            "-p",
            help="A preset's name, a .toml file, or auto: `paper` on a CUDA GPU with CIFAR-10, else `quick`.",
            autocompletion=_complete_preset,
        ),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset", help=f"One of {', '.join(DATASET_NAMES)}.", autocompletion=_complete_dataset
        ),
    ] = None,
    data: Annotated[
        str | None, typer.Option("--data", metavar="DIR", help="Where the images are: a folder or a .zip.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training half.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images a step.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything random.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = None,
    name: Annotated[str | None, typer.Option(help="A name for the run, as part of its id.")] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Any other value; can be repeated."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A configuration instead of entrannas.toml.")
    ] = None,
    runs_dir: RunsDirOption = None,
    download: Annotated[bool, typer.Option("--download", help="Fetch CIFAR if it is missing.")] = False,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Run in the background; print the id at once.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    print_configuration: Annotated[
        bool, typer.Option("--print-config", help="Print each value and where it comes from; search nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Search an architecture; leaves a run directory behind.

    Ctrl-C finishes the step and writes a checkpoint; `entrannas resume` goes on from there.
    """
    from ..config.location import runs_dir as resolve_runs_dir
    from ..config.resolve import config_dict, print_config, resolve_search
    from ..errors import UsageError
    from ..search.prepare import PAPER_HINT, choose_preset, prepare_search, require_data
    from ..store.find import remove_run
    from .data import progress_on_stderr

    flags: dict[str, object] = {
        "space": space,
        "method": method,
        "preset": preset,
        "data.dataset": dataset,
        "data.path": data,
        "search.epochs": epochs,
        "search.batch_size": batch_size,
        "seed": seed,
        "device.device": device,
    }
    resolved = resolve_search(
        flags=flags,
        overrides=overrides or [],
        environ=os.environ,
        cwd=Path.cwd(),
        choose_preset=choose_preset,
        config_file=config,
    )
    if print_configuration:
        if as_json:
            print_json(config_dict(resolved))
        else:
            typer.echo(print_config(resolved), nl=False)
        return
    if resolved.preset_reason and not quiet:
        hint = f"; {PAPER_HINT}" if resolved.config.preset == "quick" else ""
        typer.echo(f"preset {resolved.config.preset}, because {resolved.preset_reason}{hint}", err=True)
    if resolved.config.method != "random":
        with progress_on_stderr() as progress:
            require_data(resolved.config.data, download=download, progress=progress)
    run = prepare_search(
        resolved,
        resolve_runs_dir(runs_dir, config_file=config),
        name=name,
        command=shlex.join(["entrannas", *sys.argv[1:]]),
    )
    if detach:
        run_in_background(run, as_json=as_json)
        return
    try:
        run_here(run, as_json=as_json, quiet=quiet)
    except UsageError:
        if not run.genotypes():  # it never began: only what is wrong needs to stay on the screen
            remove_run(run)
        raise
