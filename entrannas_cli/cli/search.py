"""`entrannas search`."""

from __future__ import annotations

from typing import Annotated

import typer

from ..config.methods import METHODS
from . import options
from .arguments import AsJson, RunsDirOption
from .running import run_or_detach

__all__ = ["search"]


def _complete_method(incomplete: str) -> list[str]:
    return options.complete(tuple(METHODS), incomplete)


def _complete_space(incomplete: str) -> list[str]:
    from ..spaces.files import space_names

    return options.complete(space_names(), incomplete)


def _complete_preset(incomplete: str) -> list[str]:
    from ..config.presets import AUTO, preset_names

    return options.complete((AUTO, *preset_names("search")), incomplete)


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
            help="A preset's name, a .toml file, or auto: `paper` on a CUDA GPU with CIFAR-10, otherwise `quick`.",
            autocompletion=_complete_preset,
        ),
    ] = None,
    dataset: options.DatasetOption = None,
    data: options.DataOption = None,
    epochs: options.EpochsOption = None,
    batch_size: options.BatchSizeOption = None,
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
    """Search for an architecture.

    Everything is kept in a run directory. Ctrl-C finishes the step and writes a checkpoint, from which
    `entrannas resume` continues.
    """
    from ..config.project import runs_dir as resolve_runs_dir
    from ..config.resolve import resolve_search
    from ..engine.preflight import request_here, require_data
    from ..engine.search.create import PAPER_HINT, choose_preset, prepare_search
    from .data import progress_on_stderr

    flags: dict[str, object] = {
        "space": space,
        "method": method,
        "preset": preset,
        "data.dataset": dataset,
        "data.path": data,
        "search.epochs": epochs,
        **options.batch_size_flags("search", batch_size),
        "seed": seed,
        "device.device": device,
    }
    resolved = resolve_search(request_here(flags, overrides, config, choose_preset))
    if print_configuration:
        options.print_configuration(resolved, as_json=as_json)
        return
    if not quiet:
        options.print_preset_choice(resolved, resolved.config.preset, PAPER_HINT)
    if resolved.config.method != "random":
        with progress_on_stderr() as progress:
            require_data(resolved.config.data, download=download, progress=progress)
    run = prepare_search(
        resolved,
        resolve_runs_dir(runs_dir, config_file=config),
        name=name,
        command=options.command_line(),
    )
    run_or_detach(run, resolved, detach=detach, as_json=as_json, quiet=quiet)
