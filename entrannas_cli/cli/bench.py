"""``entrannas bench``: what a step costs here."""

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

app = typer.Typer(help="Measure what a step costs on this machine.", no_args_is_help=True)

PresetOption = Annotated[
    str, typer.Option("--preset", "-p", help="The preset whose values are measured, or a .toml file.")
]
CompareOption = Annotated[
    str, typer.Option("--compare", metavar="A,B,...", help="What to measure, side by side.")
]
StepsOption = Annotated[
    int | None, typer.Option(min=1, help="Timed steps a round.", show_default="1 on a CPU, else 20")
]
RepeatsOption = Annotated[int, typer.Option(min=1, help="Rounds; the median is reported.")]
BatchOption = Annotated[
    int | None, typer.Option(min=2, help="Images a step.", show_default="64 on a CPU, else the preset's")
]
ChannelsOption = Annotated[int | None, typer.Option(help="Channels of the first cell.")]
CellsOption = Annotated[int | None, typer.Option("--cells", help="Number of cells.")]
LinesOption = Annotated[bool, typer.Option("--json", help="Print JSON, a line a subject.")]
OutputOption = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Append the same lines to a file.")
]


@app.command()
def search(
    compare: CompareOption = "entrannas,entrannas-dst",
    sparsity: Annotated[
        float | None,
        typer.Option(
            help="Measure entrannas-dst too where it has lost this share of connections, such as 0.8."
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
    """Measure the step of a search: entrannas, entrannas-dst, darts.

    Of synthetic images in the shape of the preset's. Searches by top-2 pass the cells DARTS_V2; entrannas-dst
    stands at its dense start.
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
    """Measure the step of training a derived network.

    In the middle of the training, where drop-path has half its chance; of synthetic images.
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
    steps: StepsOption = None,
    repeats: RepeatsOption = 5,
    overrides: options.OverridesOption = None,
    as_json: LinesOption = False,
    output: OutputOption = None,
) -> None:
    """Measure how fast batches come: from the device's memory, and streamed.

    Of synthetic images, unless --dataset or --data says of which.
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
        append_records(output, [])  # what can't be written is said before minutes of measuring
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
