"""``entrannas plot``: curves of runs as a picture."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .arguments import RunsDirOption, SelectionArgument

__all__ = ["plot"]


class Axis(StrEnum):
    """What curves are drawn over."""

    step = "step"
    epoch = "epoch"
    time = "time"


def plot(
    runs: SelectionArgument,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="The picture: .svg, .png or .pdf.",
            show_default=False,
        ),
    ],
    metric: Annotated[
        list[str] | None,
        typer.Option(
            "--metric",
            "-m",
            metavar="NAMES",
            help="A panel each: loss, sparsity, gap, accuracy, connections, entropy, temperature, learning_rate, "
            "or any other number of metrics.jsonl. With commas, or several times.",
            show_default="loss, validation_accuracy, sparsity and gap, those that the runs have",
        ),
    ] = None,
    axis: Annotated[
        Axis,
        typer.Option(
            "--x",
            help="Over steps; over epochs, a point each; or over the time that a process worked on the run.",
        ),
    ] = Axis.step,
    smooth: Annotated[
        int,
        typer.Option(
            "--smooth",
            min=1,
            metavar="N",
            help="Draw means of about N points around each; of up to 8 runs with the points behind them.",
        ),
    ] = 1,
    log: Annotated[bool, typer.Option("--log", help="A logarithmic axis of the values.")] = False,
    group_by: Annotated[
        str | None,
        typer.Option(
            "--group-by",
            "-g",
            metavar="KEY,...",
            help="A line for the runs with the same values of these keys, for example method,space or "
            "data.dataset: their mean, and a band of one standard deviation, as far as all of them reach.",
            show_default=False,
        ),
    ] = None,
    title: Annotated[
        str, typer.Option("--title", metavar="TEXT", help="Stands above.", show_default=False)
    ] = "",
    size: Annotated[
        str | None,
        typer.Option(
            "--size",
            metavar="WxH",
            help="Width and height in inches, for example 7x3.",
            show_default="as large as the panels need",
        ),
    ] = None,
    runs_dir: RunsDirOption = None,
) -> None:
    """Draw curves of runs over each other, as a picture.

    Loss, accuracy, sparsity, the consistency gap, any metric.

    Lines differ in colour, dashes and markers. Runs that are still running are drawn as far as they are.
    """
    from ..common.text import safe
    from ..config.project import runs_dir as locate
    from ..figures.curves_figure import curves_image, parse_size
    from ..figures.figure_file import FIGURE_SUFFIXES
    from ..figures.gather_curves import gather
    from ..figures.plotted_metrics import parse_metrics
    from ..figures.run_groups import group_names
    from ..render.output_file import check_output, write_output
    from ..results.comparison import split_keys
    from ..results.select_runs import select_runs

    suffix = check_output(output, FIGURE_SUFFIXES)
    metrics = parse_metrics(metric or [])
    inches = None if size is None else parse_size(size)
    keys = split_keys(group_by, "--group-by") or None
    selection = select_runs(runs, locate(runs_dir))
    for problem in selection.problems:
        print(f"left out: {problem}", file=sys.stderr)
    curves = gather(
        selection.runs,
        metrics,
        axis.value,
        smooth=smooth,
        groups=None if keys is None else group_names(selection.overviews, keys),
        log=log,
    )
    for note in curves.notes:
        print(note, file=sys.stderr)
    write_output(
        output, curves_image(curves.panels, suffix, axis.value, log=log, title=safe(title), size=inches)
    )
    print(safe(output))
