"""`entrannas rank`."""

from __future__ import annotations

from typing import Annotated

import typer

from . import options
from .arguments import AsJson, RunsArgument, RunsDirOption
from .running import run_or_detach
from .train import PresetOption

__all__ = ["rank"]


def rank(
    searches: RunsArgument,
    top: Annotated[
        int | None, typer.Option(min=1, help="How many candidates to train.", show_default="5")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Passes over the training images, per candidate.", show_default="10")
    ] = None,
    preset: PresetOption = None,
    dataset: options.DatasetOption = None,
    data: options.DataOption = None,
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
    """Rank the cells that a search went through, by short trainings.

    The candidates are the distinct cells at the end of each epoch. Those that do best with the super-net's weights,
    and the last ones, are trained from scratch and ranked by their accuracy on held-out images.
    """
    from ..config.project import runs_dir as resolve_runs_dir
    from ..config.resolve import resolve_rank
    from ..engine.preflight import request_here, require_data
    from ..engine.rank.create import prepare_ranking
    from ..engine.train.create import CIFAR_HINT, choose_preset
    from ..store.find_run import find_run
    from .data import progress_on_stderr

    folder = resolve_runs_dir(runs_dir, config_file=config)
    runs = list(dict.fromkeys(find_run(search, folder) for search in searches))
    flags: dict[str, object] = {
        "rank.top": top,
        "train.preset": preset,
        "rank.epochs": epochs,
        **options.batch_size_flags("train", batch_size),
        "data.dataset": dataset,
        "data.path": data,
        "seed": seed,
        "device.device": device,
    }
    resolved = resolve_rank(request_here(flags, overrides, config, choose_preset, runs[0]))
    if print_configuration:
        options.print_configuration(resolved, as_json=as_json)
        return
    if not quiet:
        options.print_preset_choice(resolved, resolved.config.train.preset, CIFAR_HINT)
    with progress_on_stderr() as progress:
        require_data(resolved.config.data, download=download, progress=progress)
    run = prepare_ranking(runs, resolved, folder, name=name, command=options.command_line())
    run_or_detach(run, resolved, detach=detach, as_json=as_json, quiet=quiet)
