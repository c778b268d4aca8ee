"""``entrannas bench``: the cost of a step on this machine."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import options

if TYPE_CHECKING:
    from ..bench.case import Kind

__all__ = ["app"]

app = typer.Typer(help="Measure the time and memory of a step on this machine.", no_args_is_help=True)

PresetOption = Annotated[str, typer.Option("--preset", "-p", help="The preset to measure, or a .toml file.")]
CompareOption = Annotated[
    str, typer.Option("--compare", metavar="A,B,...", help="What to measure side by side.")
]
StepsOption = Annotated[
    int | None, typer.Option(min=1, help="Timed steps per round.", show_default="1 on a CPU, otherwise 20")
]
RepeatsOption = Annotated[int, typer.Option(min=1, help="Number of rounds; medians are reported.")]
DataStepsOption = Annotated[
    int | None, typer.Option("--steps", min=1, help="Timed steps per round.", show_default="10")
]
BatchOption = Annotated[
    int | None,
    typer.Option(
        min=2, help="Batch size (images per step).", show_default="64 on a CPU, otherwise the preset's"
    ),
]
ChannelsOption = Annotated[int | None, typer.Option(help="Channels of the first cell.")]
CellsOption = Annotated[int | None, typer.Option("--cells", help="Number of cells.")]
LinesOption = Annotated[bool, typer.Option("--json", help="Print JSON, one line per subject.")]
OutputOption = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Append the same JSON lines to a file.")
]


@app.command()
def search(
    compare: CompareOption = "entrannas,entrannas-dst",
    sparsity: Annotated[
        float | None,
        typer.Option(
            help="Also measure entrannas-dst after it has lost this share of connections, such as 0.8."
        ),
    ] = None,
    preset: PresetOption = "paper",
    space: Annotated[
        str | None, typer.Option("--space", "-s", help="A space's name or a .toml file.")
    ] = None,
    batch_size: BatchOption = None,
    channels: ChannelsOption = None,
    cells: CellsOption = None,
    device: options.DeviceOption = None,
    steps: StepsOption = None,
    repeats: RepeatsOption = 5,
    overrides: options.OverridesOption = None,
    as_json: LinesOption = False,
    output: OutputOption = None,
) -> None:
    """Measure a step of a search: entrannas, entrannas-dst, darts.

    Uses synthetic images of the preset's shape. A top-2 search passes the cells DARTS_V2; entrannas-dst is
    measured at its dense start.
    """
    settings = {
        "space": space,
        "network.channels": channels,
        "network.cells": cells,
    }
    _bench(
        "search",
        compare.split(","),
        preset=preset,
        settings=settings,
        batch=("search.batch_size", batch_size),
        device=device,
        steps=steps,
        repeats=repeats,
        overrides=overrides,
        sparsity=sparsity,
        as_json=as_json,
        output=output,
    )


@app.command()
def train(
    compare: Annotated[
        str,
        typer.Option(
            "--compare", metavar="CELLS,...", help="Cells to train, as `entrannas train` takes them."
        ),
    ] = "DARTS_V2",
    preset: PresetOption = "cifar",
    batch_size: BatchOption = None,
    channels: ChannelsOption = None,
    cells: CellsOption = None,
    device: options.DeviceOption = None,
    steps: StepsOption = None,
    repeats: RepeatsOption = 5,
    overrides: options.OverridesOption = None,
    as_json: LinesOption = False,
    output: OutputOption = None,
) -> None:
    """Measure a step of training a derived network.

    Uses synthetic images and the middle of the training, where drop-path has half its final probability.
    """
    _bench(
        "train",
        compare.split(","),
        preset=preset,
        settings={"derived.channels": channels, "derived.cells": cells},
        batch=("train.batch_size", batch_size),
        device=device,
        steps=steps,
        repeats=repeats,
        overrides=overrides,
        as_json=as_json,
        output=output,
    )


@app.command()
def data(
    compare: CompareOption = "device,stream",
    preset: PresetOption = "paper",
    dataset: options.DatasetOption = None,
    images: options.DataOption = None,
    batch_size: BatchOption = None,
    device: options.DeviceOption = None,
    steps: DataStepsOption = None,
    repeats: RepeatsOption = 5,
    overrides: options.OverridesOption = None,
    as_json: LinesOption = False,
    output: OutputOption = None,
) -> None:
    """Measure how fast batches arrive: from the device's memory, and streamed.

    Uses synthetic images unless --dataset or --data is given.
    """
    settings = {"data.dataset": dataset or ("folder" if images else None), "data.path": images}
    _bench(
        "data",
        compare.split(","),
        preset=preset,
        settings=settings,
        batch=("search.batch_size", batch_size),
        device=device,
        steps=steps,
        repeats=repeats,
        overrides=overrides,
        as_json=as_json,
        output=output,
    )


def _bench(
    kind: Kind,
    compare: Sequence[str],
    *,
    preset: str,
    settings: Mapping[str, Any],
    batch: tuple[str, int | None],
    device: str | None,
    steps: int | None,
    repeats: int,
    overrides: Sequence[str] | None,
    sparsity: float | None = None,
    as_json: bool,
    output: Path | None,
) -> None:
    from ..bench.report import append_records
    from ..bench.run import bench
    from .data import progress_on_stderr

    if output is not None:
        append_records(output, [])  # fail before minutes of measuring if the file cannot be written
    with progress_on_stderr() as progress:
        rows = bench(
            kind,
            [name.strip() for name in compare if name.strip()],
            preset=preset,
            settings={key: value for key, value in settings.items() if value is not None},
            batch=batch,
            device=device,
            steps=steps,
            rounds=repeats,
            overrides=overrides or (),
            sparsity=sparsity,
            tell=progress,
        )
    if output is not None:
        append_records(output, rows)
    if as_json:
        from ..common.atomic import dump_json

        for row in rows:
            print(dump_json(row))
        return
    from ..render.bench import print_records

    print_records(rows)
    sys.stdout.flush()
